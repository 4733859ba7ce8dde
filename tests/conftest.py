"""What holds for every test: a seed, once named, brings the whole run back."""

import pytest
import trio


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Seed trio's scheduler as well: in which order tasks run is chance, too, and finds faults."""
    seed = item.config.getoption("randomly_seed", None)
    if seed is not None:
        trio._core._run._r.seed(f"{seed} {item.nodeid}")

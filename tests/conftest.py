"""What holds for every test: a seed, once named, brings the whole run back."""

import pytest
import trio
from hypothesis import Phase, settings

# A mutant is killed by the first example that fails; which is the shortest, nobody asks.
settings.register_profile("mutation", phases=[Phase.explicit, Phase.generate], database=None)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Seed trio's scheduler as well: in which order tasks run is chance, too, and finds faults."""
    seed = item.config.getoption("randomly_seed", None)
    if seed is not None:
        trio._core._run._r.seed(f"{seed} {item.nodeid}")

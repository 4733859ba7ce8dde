"""What holds for every test: a seed, once named, brings the whole run back.

And the databases: whoever asks for `database_url` or `new_database_url` runs on both kinds.
"""

from itertools import count

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


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for all tests; it has a database to copy, of this program's schema."""
    # Only here: `make mutation` runs the tests of supervision where there is no hsid.
    from benchmarks._postgres_server import postgres_server  # noqa: PLC0415
    from hsid.store.database import open_database  # noqa: PLC0415

    with postgres_server() as server:
        open_database(server.create_database("prepared"), auto_migrate=True).close()
        yield server


@pytest.fixture(scope="session")
def _numbers():
    return count(1)


@pytest.fixture
def new_postgres_url(postgres, _numbers):
    """Return a maker of databases on the server, of this program's schema unless told otherwise."""
    names = []

    def make(template="prepared"):
        names.append(f"test_{next(_numbers)}")
        return postgres.create_database(names[-1], template=template)

    yield make
    for name in names:
        postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request, tmp_path):
    """Return a maker of databases, on the one kind and on the other."""
    if request.param == "postgresql":
        return request.getfixturevalue("new_postgres_url")
    numbers = count(1)
    return lambda: f"sqlite:///{tmp_path}/hsid-{next(numbers)}.db"


@pytest.fixture
def database_url(new_database_url):
    """A database of its own."""
    return new_database_url()

"""A database of its own for every test."""

import pytest

from hsid.store.database import open_database


@pytest.fixture
def database(tmp_path):
    with open_database(tmp_path / "hsid.db") as opened:
        yield opened


@pytest.fixture
def conn(database):
    with database.transaction() as connection:
        yield connection

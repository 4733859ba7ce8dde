"""A database of its own for every test, on SQLite and on PostgreSQL."""

import pytest

from hsid.store.database import open_database


@pytest.fixture
def database(database_url):
    with open_database(database_url) as opened:
        yield opened


@pytest.fixture
def conn(database):
    with database.transaction() as connection:
        yield connection

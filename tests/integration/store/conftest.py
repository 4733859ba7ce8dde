"""A place for a database, and the store on it."""

import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hsid.db"

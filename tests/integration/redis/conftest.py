"""A real Redis server for each test, started on a free port and gone afterwards."""

import pytest

from benchmarks._redis_server import redis_server


@pytest.fixture
def server(tmp_path):
    with redis_server(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def other_server(tmp_path):
    with redis_server(tmp_path / "other") as running:
        yield running

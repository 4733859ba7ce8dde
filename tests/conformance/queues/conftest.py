"""Every test that asks for `bench` or `queue` runs on all backends."""

import pytest

from benchmarks._redis_server import redis_server
from tests.conformance.queues.benches import BACKENDS, open_store


@pytest.fixture(scope="session")
def redis_for_all(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=BACKENDS)
async def bench(request, tmp_path, redis_for_all):
    async with BACKENDS[request.param](tmp_path, redis_for_all) as bench:
        yield bench


@pytest.fixture
async def queue(bench):
    return bench.build()


@pytest.fixture
async def store(tmp_path, nursery):
    return await open_store(tmp_path, nursery)

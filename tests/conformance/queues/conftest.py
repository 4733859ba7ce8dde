"""Every test that asks for `bench` or `queue` runs on all backends."""

import pytest

from tests.conformance.queues.benches import BACKENDS, open_store


@pytest.fixture(params=BACKENDS)
async def bench(request, tmp_path, nursery):
    return await BACKENDS[request.param](tmp_path, nursery)


@pytest.fixture
async def queue(bench):
    return bench.build()


@pytest.fixture
async def store(tmp_path, nursery):
    return await open_store(tmp_path, nursery)

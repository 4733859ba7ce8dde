"""Conditions that end: what each is called, what to do, and that all goes on by itself then."""

import pytest
import trio

from hsid.queues.protocol import QueueUnavailableError
from hsid.queues.redis_errors import RedisRefusedError
from tests.integration.redis.outages import OUTAGES
from tests.integration.redis.rig import (
    PATIENCE,
    build_queue,
    error_of,
    open_pool,
    open_queue,
    put,
    ready_in,
    until,
    working,
)


@pytest.fixture(params=OUTAGES)
def outage(request):
    return OUTAGES[request.param]


@pytest.fixture(autouse=True)
def durable(server):
    """A server that is only away for a while keeps what it had."""
    server.restart(appendonly="yes")


async def test_an_outage_says_what_it_is_and_what_to_do(server, outage):
    """One class and one advice each, with the address; it is no refusal, so it is waited out."""
    with open_queue(server.url) as queue:
        await put(queue, "a")
        with outage.happens(server):
            error = await error_of(put, queue, "b")

    assert type(error) is outage.error
    assert isinstance(error, QueueUnavailableError)
    assert not isinstance(error, RedisRefusedError)
    assert outage.says in str(error)
    assert outage.advises in str(error)
    assert f"127.0.0.1:{server.port}" in str(error)


async def test_after_an_outage_the_same_queue_goes_on(server, outage):
    """Nothing is built anew by hand, what was awaited is there, the failed put is repeated."""
    with open_queue(server.url) as queue:
        await put(queue, "a", "b")
        with outage.happens(server):
            assert await error_of(put, queue, "c") is not None

        await put(queue, "c")
        assert await ready_in(queue) == ["a", "b", "c"]


async def test_the_state_is_red_during_an_outage(server, outage):
    """Also where the server answers everybody who only asks whether it lives."""
    with open_pool(server.url) as pool:
        queue = build_queue(pool)
        await put(queue, "a")
        assert pool.state.is_connected
        with outage.happens(server):
            await error_of(put, queue, "b")
            if outage.answers_reads:
                await pool.server_version()

            assert not pool.state.is_connected
            assert outage.says in pool.state.last_error


async def test_consumers_work_on_by_themselves_after_an_outage(server, outage):
    """The pump tells that it is degraded, no actor is restarted, and all work gets done."""
    with open_queue(server.url) as queue, trio.fail_after(PATIENCE):
        await put(queue, "before")
        async with working(queue) as work:
            await until(lambda: work.has_done("before"))
            with outage.happens(server):
                await until(lambda: work.is_degraded)
            await put(queue, "after")
            await until(lambda: work.has_done("after"))

            assert sum(node.restarts for node in work.root.tree().walk()) == 0
            assert (await queue.stats()).depth == 0

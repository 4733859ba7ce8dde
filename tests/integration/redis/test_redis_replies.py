"""Replies never cross: whoever is cancelled in mid-call leaves nothing for the next one to read."""

import random
from collections import Counter
from functools import partial

import pytest
import trio

from hsid.queues.redis.errors import RedisConnectionLostError, RedisTimeoutError
from tests.integration.redis.rig import (
    PATIENCE,
    error_of,
    open_pool,
    open_queue,
    put,
    until,
)

CALLERS, QUESTIONS_EACH = 12, 40


@pytest.fixture
def chance(request):
    return random.Random(request.config.getoption("randomly_seed", 0))  # noqa: S311 - no secret


def slow_echo(client, question):
    """Have an answer that takes some milliseconds, without occupying the server."""
    client.blpop("never", 0.004)
    return client.echo(question)


async def ask_and_leave(pool, caller, chance, counts):
    """Ask again and again, leave many times before the answer is there, check those that are."""
    for number in range(QUESTIONS_EACH):
        question = f"{caller}/{number}"
        patience = chance.choice([0.0, 0.001, chance.uniform(0, 0.01), 10])
        answer = None
        with trio.move_on_after(patience):
            answer = await pool.run(partial(slow_echo, question=question))
        counts["left" if answer is None else "answered"] += 1
        assert answer in {None, question}


async def test_every_answer_belongs_to_its_question(server, chance):
    """However many callers leave in mid-call, on however few connections they all meet."""
    counts = Counter()
    with open_pool(server.url, command_timeout=5) as pool, trio.fail_after(2 * PATIENCE):
        async with trio.open_nursery() as nursery:
            for caller in range(CALLERS):
                nursery.start_soon(ask_and_leave, pool, caller, chance, counts)

    assert sum(counts.values()) == CALLERS * QUESTIONS_EACH
    assert min(counts["left"], counts["answered"]) > CALLERS * QUESTIONS_EACH / 10


async def test_a_cancelled_call_closes_its_connection(server):
    """Its reply is still on the way; the next call has a connection of its own."""
    with open_pool(server.url) as pool:
        before = await pool.run(lambda client: client.client_id())
        with trio.move_on_after(0.05):
            await pool.run(lambda client: client.blpop("never", 60))
        await until(lambda: server.client_count("hsid") == 0)

        assert await pool.run(lambda client: client.client_id()) > before
        assert server.client_count("hsid") == 1


async def test_an_overdue_reply_is_read_by_nobody(server):
    """The server slept and answers after all: to a connection that is closed."""
    with open_pool(server.url, command_timeout=0.2) as pool:
        await pool.server_version()
        server.pause()
        error = await error_of(pool.run, lambda client: client.echo("late"))
        server.resume()

        assert type(error) is RedisTimeoutError
        assert await pool.run(lambda client: client.echo("next")) == "next"


async def test_a_reply_that_was_read_keeps_its_connection_also_if_it_says_no(server):
    """A refused command is answered; nothing is left unread."""
    with open_pool(server.url) as pool:
        before = await pool.run(lambda client: client.client_id())
        await error_of(pool.run, lambda client: client.execute_command("NOSUCH"))

        assert await pool.run(lambda client: client.client_id()) == before


async def test_a_pool_that_is_closed_fails_the_calls_under_way_and_no_later_one(server):
    """`close` waits for nobody; who was waiting is told that the connection is lost."""
    errors = []
    with open_pool(server.url) as pool, trio.fail_after(PATIENCE):

        async def call():
            errors.append(await error_of(pool.run, lambda client: client.blpop("never", 60)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await until(lambda: "cmd=blpop" in str(server.command("CLIENT", "LIST")))
            pool.close()

        assert [type(error) for error in errors] == [RedisConnectionLostError]
        assert await pool.server_version()


async def test_no_entry_is_held_by_nobody_however_often_lessees_are_cancelled(server, chance):
    """A cancelled lease returns what it took, or the next look gives it back."""
    names = [f"e{number}" for number in range(120)]
    leased = []

    async def lease_and_leave(queue):
        while len(leased) < len(names):
            with trio.move_on_after(chance.choice([0.0, 0.002, 0.01, 1])):
                leases = await queue.lease(2, duration=600, max_wait=0.5)
                leased.extend(lease.entry.id for lease in leases)

    with open_queue(server.url) as queue, trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lease_and_leave, queue)
            for name in names:
                await put(queue, name)
                await trio.sleep(chance.uniform(0, 0.004))

        assert sorted(leased) == sorted(names)
        assert (await queue.stats()).leased == len(names)

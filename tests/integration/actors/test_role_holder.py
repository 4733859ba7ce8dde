"""Nodes that share a database: of the holders of a role one works, the others stand by."""

from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import pytest
import trio

from actors.role_holder import RoleHolder
from hsid.roles import Role, RoleBoard, RoleState
from hsid.store import role_lock
from hsid.store.role_lock import RoleLock
from supervision.testing import lone_context
from tests.integration.redis.link import open_link

HELD, STANDING_BY, NOT_HELD = RoleState


class Node:
    """A node whose work is to be there until it is asked to stop, or *is_broken*."""

    def __init__(self, url):
        self.board = RoleBoard()
        self.begun = 0
        self.is_working = False
        self.is_broken = trio.Event()
        lock = RoleLock(url, Role.BATCHER, every=0.05)
        self.run = RoleHolder(lock, self.work, self.board).run

    async def work(self, ctx):
        self.begun += 1
        self.is_working = True
        try:
            while not ctx.stopping.is_set():
                with ctx.until_news():
                    await self.is_broken.wait()
                    raise ArithmeticError("the work went wrong")
        finally:
            self.is_working = False

    async def wait_for(self, state):
        with trio.fail_after(20):
            while [each.state for each in self.board.standings] != [state]:
                await trio.sleep(0.005)


@asynccontextmanager
async def running(node):
    """Run *node* until the block ends; give its context."""
    async with trio.open_nursery() as nursery:
        with lone_context() as ctx:
            nursery.start_soon(node.run, ctx)
            yield ctx
            ctx.ask_to_stop()


@pytest.fixture
def url(new_postgres_url):
    return new_postgres_url()


@contextmanager
def by_link(url):
    """Give a link to the server of *url*, and the URL that leads over it."""
    parts = urlsplit(url)
    with open_link(parts.port) as link:
        yield link, f"postgresql://hsid@127.0.0.1:{urlsplit(link.url).port}{parts.path}"


async def test_one_works_and_the_other_takes_over_when_it_stops(url):
    """The first has ended its work by then; both were ready all the time."""
    first, second = Node(url), Node(url)
    async with running(second) as ctx:
        ctx.set_paused(is_paused=True)
        async with running(first):
            await first.wait_for(HELD)
            ctx.set_paused(is_paused=False)
            await second.wait_for(STANDING_BY)
            assert (first.is_working, second.begun, ctx.is_ready) == (True, 0, True)
        assert not first.is_working
        await second.wait_for(HELD)
        assert second.is_working
    assert [each.state for each in (*first.board.standings, *second.board.standings)] == [
        NOT_HELD,
        NOT_HELD,
    ]


async def test_a_node_that_is_paused_leaves_the_role_to_others(url):
    """An operator who holds a part back does not want it to take the work from one that runs."""
    node = Node(url)
    async with running(node) as ctx:
        ctx.set_paused(is_paused=True)
        await node.wait_for(NOT_HELD)
        async with running(other := Node(url)):
            await other.wait_for(HELD)


async def test_a_lost_connection_ends_the_work_and_the_role_is_asked_for_again(url, postgres):
    """Within one incarnation: it is no failure, and uses up no restart."""
    node = Node(url)
    async with running(node):
        for times in (1, 2, 3):
            await node.wait_for(HELD)
            assert node.begun == times
            postgres.end_sessions(urlsplit(url).path[1:])
            await node.wait_for(NOT_HELD)
            assert not node.is_working
        await node.wait_for(HELD)


async def test_a_database_that_is_not_there_yet_is_awaited(url, postgres):
    """The role is asked for until it can be had."""
    node = Node(url + "_later")
    async with running(node):
        await node.wait_for(NOT_HELD)
        await trio.sleep(0.2)
        assert node.begun == 0
        postgres.create_database(urlsplit(url).path[1:] + "_later")
        await node.wait_for(HELD)
    postgres.drop_database(urlsplit(url).path[1:] + "_later")


async def test_work_that_fails_gives_the_role_to_a_node_that_may_do_better(url):
    """The failure is the supervisor's affair, as it came."""
    sick, sound = Node(url), Node(url)
    async with running(sound):
        await sound.wait_for(HELD)
        async with running(sick):
            await sick.wait_for(STANDING_BY)
    with lone_context() as ctx:
        sick.is_broken.set()
        async with running(third := Node(url)) as paused:
            paused.set_paused(is_paused=True)
            with pytest.raises(ArithmeticError):
                await sick.run(ctx)
            paused.set_paused(is_paused=False)
            await third.wait_for(HELD)


async def test_over_a_dead_way_the_role_is_given_up_before_the_server_gives_it_away(
    url, monkeypatch
):
    """Nothing is heard of the server and nothing is closed: the next question has no answer."""
    assert role_lock._ANSWERED_WITHIN + role_lock.ASK_EVERY < 10
    monkeypatch.setattr(role_lock, "_ANSWERED_WITHIN", 0.2)
    with by_link(url) as (link, far_url):
        node = Node(far_url)
        async with running(node):
            await node.wait_for(HELD)
            link.is_dead = True
            await node.wait_for(NOT_HELD)
            assert not node.is_working
            link.is_dead = False
            link.reset()
            await node.wait_for(HELD)


async def test_a_cancelled_holder_gives_the_role_back(url):
    """A stop in a hurry leaves nothing for the server to find out."""
    first, second = Node(url), Node(url)
    async with trio.open_nursery() as nursery:
        with lone_context() as ctx:
            nursery.start_soon(first.run, ctx)
            await first.wait_for(HELD)
            nursery.cancel_scope.cancel()
    assert not first.is_working
    async with running(second):
        await second.wait_for(HELD)

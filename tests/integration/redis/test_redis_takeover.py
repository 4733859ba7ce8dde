"""Nodes as real processes: they share the work, and what one leaves undone another one does."""

from collections import Counter
from contextlib import contextmanager

import pytest

from hsid.constants import ANALYSIS_QUEUE
from hsid.queues.redis.queue import RedisQueue
from tests.integration.redis.node import running_node
from tests.integration.redis.rig import PREFIX, build_queue, open_pool, put, until

NAMES = [f"e{number}" for number in range(150)]


@pytest.fixture
def run_node(tmp_path, server):
    """Return a block in which a node runs; the server has a log, as it should have."""
    server.restart(appendonly="yes")
    folder = tmp_path / "nodes"
    folder.mkdir()

    @contextmanager
    def run(name, **options):
        with running_node(folder, server.url, name, **options) as node:
            yield node

    return run


class Effects:
    """What is to be done, and what has been."""

    def __init__(self, pool, server):
        self._server = server
        self.queue = build_queue(pool, consumer="test")
        self._done = RedisQueue(pool, ANALYSIS_QUEUE, consumer="test", prefix=PREFIX)

    async def are_complete(self):
        return (
            (await self.queue.stats()).depth == 0 == (await self._done.stats()).depth - len(NAMES)
        )

    async def by_node(self):
        """Return how many effects came from each node; each entry must have exactly one."""
        entries = await self._done.peek(10 * len(NAMES))
        assert sorted(entry.id for entry in entries) == sorted(f"done:{name}" for name in NAMES)
        assert (await self.queue.stats()).dead == 0
        return Counter(entry.payload["by"] for entry in entries)


@pytest.fixture
def effects(server, run_node):
    with open_pool(server.url, command_timeout=10) as pool:
        yield Effects(pool, server)


def is_in_mid_handler(node):
    """Tell whether the node stays at its sixth entry, and the five before it are settled."""
    return (len(node.said("staying")), len(node.said("settled"))) == (1, 5)


async def test_a_node_takes_over_what_a_killed_one_had_in_hand(run_node, effects):
    """Both share the work; when the leases of the dead one run out, the other does the rest."""
    with run_node("a", lease=2.5, stay_at=6) as a, run_node("b", lease=2.5) as b:
        await until(lambda: a.said("ready") == ["a"] and b.said("ready") == ["b"])
        await put(effects.queue, *NAMES)
        await until(lambda: is_in_mid_handler(a))
        a.kill()
        await until(effects.are_complete)
        begun = Counter(a.said("begun") + b.said("begun"))

    assert await effects.by_node() == {"a": 5, "b": len(NAMES) - 5}
    assert [name for name, count in begun.items() if count > 1] == a.said("staying")


async def test_a_restarted_node_gets_back_at_once_what_it_had_in_hand(run_node, effects):
    """Its lease would hold for ten minutes; its name tells that they are its own."""
    with run_node("a", lease=600, stay_at=6) as first:
        await put(effects.queue, *NAMES)
        await until(lambda: is_in_mid_handler(first))
        first.kill()
        with run_node("a", lease=600) as second:
            await until(effects.are_complete)
            begun = Counter(first.said("begun") + second.said("begun"))

    assert await effects.by_node() == {"a": len(NAMES)}
    assert second.said("begun")[0] in first.said("staying")
    assert [name for name, count in begun.items() if count > 1] == first.said("staying")


async def test_another_name_gets_nothing_of_a_node_that_may_still_be_at_work(run_node, effects):
    """Before its leases end, a node's entries are its own, whatever it looks like from outside."""
    with run_node("a", lease=600, stay_at=1) as a, run_node("b", lease=600) as b:
        await until(lambda: a.said("ready") == ["a"] and b.said("ready") == ["b"])
        await put(effects.queue, *NAMES)
        await until(lambda: len(a.said("staying")) == 1)
        a.kill()
        await until(lambda: len(b.said("settled")) >= len(NAMES) - 4)
        stats = await effects.queue.stats()

    assert 1 <= stats.leased == len(NAMES) - len(b.said("settled")) <= 4
    assert not set(a.said("staying")) & set(b.said("begun"))


async def test_a_node_that_was_paused_beyond_its_lease_changes_nothing(run_node, effects):
    """What it finishes, another one has done meanwhile: its lease is lost, one effect stays."""
    with run_node("a", lease=1, stay_at=3, stay=0.3) as a, run_node("b", lease=1) as b:
        await until(lambda: a.said("ready") == ["a"] and b.said("ready") == ["b"])
        await put(effects.queue, *NAMES)
        await until(lambda: len(a.said("staying")) == 1)
        a.pause()
        await until(effects.are_complete)
        a.resume()
        await until(lambda: len(a.said("lost")) >= 1)

    assert a.said("staying")[0] in a.said("lost")
    assert a.said("staying")[0] in b.said("settled")
    assert sum((await effects.by_node()).values()) == len(NAMES)

"""Concurrent puts that share a transaction."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from hsid.queues.gathering import PutGathering
from hsid.queues.protocol import Entry, PutReport, QueueAddResult, QueueUnavailableError


class Carrier:
    """Carries groups out when it is let, and notes them."""

    def __init__(self):
        self.groups = []
        self.go = trio.Event()
        self.error = None

    async def __call__(self, items):
        self.groups.append(list(items))
        await self.go.wait()
        if self.error:
            raise self.error
        return PutReport(
            tuple(
                QueueAddResult.REJECTED if item == "no" else QueueAddResult.SUCCESS
                for item in items
            ),
            (Entry("evicted", {}),),
        )


@pytest.fixture
async def gathering(nursery):
    """Three callers: the first under way, two gathered behind it."""
    carrier, reports = Carrier(), {}
    puts = PutGathering(carrier)
    scopes = {name: trio.CancelScope() for name in ("first", "leader", "no")}

    async def put(name):
        with scopes[name]:
            try:
                reports[name] = await puts.put([name])
            except QueueUnavailableError as error:
                reports[name] = error

    for name in scopes:
        nursery.start_soon(put, name)
        await wait_all_tasks_blocked()
    return carrier, reports, scopes


async def test_a_lone_put_goes_at_once_and_the_rest_as_one_group(gathering):
    """Nobody waits for company; each gets its own answer, the first one the evicted."""
    carrier, reports, _ = gathering
    assert carrier.groups == [["first"]]

    carrier.go.set()
    await wait_all_tasks_blocked()

    assert carrier.groups == [["first"], ["leader", "no"]]
    assert reports["no"] == PutReport((QueueAddResult.REJECTED,))
    assert len(reports["leader"].evicted) == 1


@pytest.mark.parametrize("when", ["waiting", "under way"])
async def test_a_cancelled_leader_strands_nobody(gathering, when):
    """The others do it again; a put is idempotent."""
    carrier, reports, scopes = gathering
    if when == "under way":
        carrier.go.set()
        carrier.go = trio.Event()
        await wait_all_tasks_blocked()
    scopes["leader"].cancel()
    await wait_all_tasks_blocked()
    carrier.go.set()
    await wait_all_tasks_blocked()

    assert reports["no"].results == (QueueAddResult.REJECTED,)
    assert "leader" not in reports


async def test_an_unreachable_store_is_told_to_every_caller(gathering):
    """One attempt for the whole group, one error each."""
    carrier, reports, _ = gathering
    carrier.error = QueueUnavailableError("away")
    carrier.go.set()
    await wait_all_tasks_blocked()

    assert [str(error) for error in reports.values()] == ["away"] * 3
    assert len(carrier.groups) == 2

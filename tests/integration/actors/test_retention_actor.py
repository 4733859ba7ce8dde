"""The retention actor, on a virtual clock and without a store of its own."""

from datetime import timedelta
from functools import partial

import trio
from sqlalchemy import func, select

from actors.retention import Retention
from hsid.cli.retention_runs import Working
from hsid.model import RefusalReason
from hsid.retention.decision import Limits
from hsid.retention.disk import Places
from hsid.retention.measuring import LastMeasured
from hsid.retention.sweep import Sweep
from hsid.store.database import open_database
from hsid.store.errors import StoreUnavailableError
from hsid.store.schema import uploads
from hsid.store.store import Store
from supervision.testing import lone_context
from tests.unit.store.records import arrival, receive

LIMITS = Limits(timedelta(days=30), timedelta(days=7))


class AwayStore:
    """Notes when it is asked, and is away."""

    def __init__(self):
        self.asked = []

    async def read(self, _call):
        self.asked.append(trio.current_time())
        raise StoreUnavailableError("away")

    write = read


def actor(store, tmp_path, every=3600):
    return Retention(store, LIMITS, Places(tmp_path / "db", None, tmp_path), every)


async def asked_within(seconds, store, tmp_path, every=3600):
    began = trio.current_time()
    with trio.move_on_after(seconds), lone_context() as ctx:
        await actor(store, tmp_path, every).run(ctx)
    return [round(when - began) for when in store.asked]


async def test_the_first_round_is_some_minutes_after_the_start(autojump_clock, tmp_path):
    """The backlog comes first; a store that is away is no failure, and is tried again soon."""
    assert await asked_within(1000, AwayStore(), tmp_path) == [300, 600, 900]


async def test_a_house_that_wants_rounds_often_gets_its_first_one_soon(autojump_clock, tmp_path):
    """Never later than the interval itself."""
    assert await asked_within(130, AwayStore(), tmp_path, every=60) == [60, 120]


async def test_paused_it_starts_no_round(autojump_clock, tmp_path):
    """An operator who is looking at something may keep it from going."""
    store = AwayStore()
    with trio.move_on_after(2000), lone_context() as ctx:
        ctx.set_paused(is_paused=True)
        await actor(store, tmp_path).run(ctx)
    assert store.asked == []


async def test_asked_to_stop_it_leaves_at_once(autojump_clock, tmp_path):
    """Between two rounds there is nothing to finish."""
    with trio.fail_after(1), lone_context() as ctx:
        ctx.ask_to_stop()
        await actor(AwayStore(), tmp_path).run(ctx)


async def test_what_a_round_has_found_is_left_for_the_status(tmp_path):
    """Before the first one nothing is known."""
    last, places = LastMeasured(), Places(tmp_path / "hsid.db", None, tmp_path)
    with open_database(tmp_path / "hsid.db") as database:
        async with trio.open_nursery() as nursery:
            with lone_context() as ctx:
                sweeping = Retention(Working(database), LIMITS, places, 0.01, last)
                nursery.start_soon(sweeping.run, ctx)
                assert last.value is None
                with trio.fail_after(20):
                    while last.value is None:
                        await trio.sleep(0.01)
                ctx.ask_to_stop()
    assert (last.value.forecast.outlook, last.value.situation.used_bytes > 0) == ("unknown", True)


async def test_in_the_daemons_store_a_sweep_ends_between_two_pages_when_asked(
    tmp_path, monkeypatch
):
    """What is left is for the next round; what was done is durable."""
    monkeypatch.setattr("hsid.retention.sweep._PAGE", 1)
    store, portions = Store(tmp_path / "hsid.db"), []

    async def breathe() -> bool:
        portions.append(None)
        return len(portions) <= 3

    places = Places(tmp_path / "hsid.db", None, tmp_path)
    async with trio.open_nursery() as nursery:
        opened = trio.Event()
        nursery.start_soon(partial(store.serve, ready=opened.set))
        await opened.wait()
        await store.write(lambda conn: receive(conn, *(_refused(n) for n in range(6))))
        result = await Sweep(store, LIMITS, places, is_dry_run=False, breathe=breathe).run()
        bare = select(func.count()).where(uploads.c.detail.is_(None))
        left = await store.read(lambda conn: conn.scalar(bare))
        nursery.cancel_scope.cancel()
    assert not result.is_complete
    assert (left, result.counts) == (3, {"details": 3})


def _refused(number):
    return arrival(number, seconds=-(10**7), refusal=RefusalReason.CORRUPT, detail="bad")

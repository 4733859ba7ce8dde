"""A consumer's actors together: entries go out to handlers, completions come back."""

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from hsid.queues.completion import Ack, Completion, Release
from hsid.store.errors import StoreUnavailableError
from tests.trio.queues.consumer_bench import Failing, Recorder, open_house


async def sleep_long():
    await trio.sleep(1000)


async def test_every_entry_is_handled_and_acknowledged(autojump_clock):
    """Two handlers share the work; in the end the queue is empty."""
    first, second = Recorder(), Recorder()
    async with open_house(prefetch=4) as house:
        await house.put(*"abcdefgh")
        await house.start_all(first, second)
        await house.wait_settled()

        assert sorted(first.handled + second.handled) == list("abcdefgh")
        assert house.consumer.statistics().committed == 8
        assert house.consumer.statistics().outstanding == 0


async def test_poison_is_tried_with_growing_delays_and_given_up(autojump_clock):
    """It ends in the handler's own completion, and the actor lives on."""
    handler = Failing()
    async with open_house(max_deliveries=3) as house:
        await house.put("poison")
        start = trio.current_time()
        (life,) = await house.start_all(handler)
        await house.wait_settled()
        elapsed = trio.current_time() - start
        (letter,) = await house.queue.dead_letters()

        assert not life.ended.is_set()
    assert handler.begun == ["poison"] * 3
    assert handler.given_up == [("poison", "ValueError: poison")]
    assert (letter.begun, letter.error) == (3, "ValueError: poison")
    assert 3 <= elapsed <= 4  # 1 s after the first failure, 2 s after the second


async def test_used_up_entry_is_given_up_without_being_run(autojump_clock):
    """What killed its process each time is not started once more."""
    handler = Recorder()
    async with open_house(max_deliveries=2) as house:
        await house.put("killer")
        for _ in range(2):
            (lease,) = await house.queue.lease(1, duration=60)
            await house.queue.begin(lease)
            await house.queue.reclaim()
        await house.start_all(handler)
        await house.wait_settled()

    assert handler.begun == []
    assert [name for name, _ in handler.given_up] == ["killer"]


async def test_a_cancelled_handler_gives_its_entry_back(autojump_clock):
    """The next incarnation handles it, with no try used up; the channel is not broken."""
    second = Recorder()
    async with open_house(prefetch=2) as house:
        await house.put("a", "b")
        (life,) = await house.start_all(Recorder(sleep_long))
        await trio.sleep(1)
        life.scope.cancel()
        await life.ended.wait()
        await house.start(house.consumer.serve, second)
        await house.wait_settled()

    assert sorted(second.handled) == ["a", "b"]
    assert house.consumer.statistics().failed == 0


async def test_asked_to_stop_a_handler_finishes_what_it_has_begun(autojump_clock):
    """It takes no other entry, and the one in hand is acknowledged."""
    handler = Recorder(sleep_long)
    async with open_house() as house:
        await house.put("a", "b")
        (life,) = await house.start_all(handler)
        await trio.sleep(1)
        life.ask_to_stop()
        await life.ended.wait()
        await trio.sleep(1)

        assert handler.handled == handler.begun == ["a"]
        assert (await house.queue.stats()).depth == 1


async def test_a_paused_handler_finishes_what_it_has_begun_and_waits(autojump_clock):
    """The next entry is kept for it, and handled as soon as it is resumed."""
    handler = Recorder(sleep_long)
    async with open_house() as house:
        await house.put("a", "b")
        (life,) = await house.start_all(handler)
        await trio.sleep(1)
        life.set_paused(is_paused=True)
        await trio.sleep(1000)
        assert handler.handled == handler.begun == ["a"]

        life.set_paused(is_paused=False)
        await house.wait_settled()
        assert handler.handled == ["a", "b"]


async def test_an_idle_handler_stops_at_once(autojump_clock):
    """Nothing to finish, nothing to wait for."""
    async with open_house() as house:
        (life,) = await house.start_all(Recorder())
        await trio.sleep(0.7)
        start = trio.current_time()
        life.ask_to_stop()
        await life.ended.wait()

        assert trio.current_time() == start


async def test_all_parts_beat_while_there_is_nothing_to_do(autojump_clock):
    """A supervisor sees them alive every few seconds."""
    async with open_house() as house:
        lives = [*await house.start_all(Recorder()), house.pump, house.committer]
        await trio.sleep(60)

    for life in lives:
        pauses = [b - a for a, b in zip(life.beats, life.beats[1:], strict=False)]
        assert max(pauses) <= 3
        assert life.beats[-1] >= 57


async def test_suspects_run_one_at_a_time_after_a_durable_beginning(autojump_clock):
    """Of the redelivered entries one is in a handler; a new one runs beside it."""
    handlers = [Recorder(sleep_long) for _ in range(3)]
    async with open_house() as house:
        await house.put("a", "b")
        await house.queue.lease(2, duration=60)
        await house.start_all(*handlers)  # the pump reclaims what an earlier process held
        await house.put("new")
        await trio.sleep(5)

        assert sorted(name for each in handlers for name in each.begun) == ["a", "new"]
        begun = {name: row.begun for name, row in house.queue._rows.items()}
    assert begun == {"a": 1, "b": 0, "new": 0}


async def test_the_next_suspect_waits_until_the_last_one_is_durably_done(autojump_clock):
    """If it killed the process before, the innocent one would be counted with it."""
    handler = Recorder()
    async with open_house() as house:
        await house.put("a", "b")
        await house.queue.lease(2, duration=60)
        house.gate.open = trio.Event()
        await house.start_all(handler, handler)
        await trio.sleep(5)
        before = list(handler.begun)
        house.gate.open.set()
        await house.wait_settled()

    assert (before, handler.begun) == (["a"], ["a", "b"])


async def test_a_lease_holds_from_receipt_until_its_completion_is_durable(autojump_clock):
    """Waiting in the channel, or for a slow handler, gives no entry to anybody else."""
    async with open_house(lease_duration=30) as house:
        await house.put("a", "b")
        await house.start_all(Recorder(sleep_long))
        await trio.sleep(1)
        taken = await house.queue.lease(9, duration=30, max_wait=900)
        await house.wait_settled()

    assert list(taken) == []
    assert house.consumer.statistics().lost == 0


async def test_no_more_is_leased_than_the_prefetch(autojump_clock):
    """Back-pressure: the rest stays in the queue until there is room."""
    async with open_house(prefetch=3) as house:
        await house.put(*"abcdefgh")
        await house.start_all(Recorder(sleep_long))
        await trio.sleep(1)

        assert (await house.queue.stats()).leased == 3


@pytest.mark.parametrize("how", ["asked", "cancelled"])
async def test_a_pump_that_ends_gives_back_what_no_handler_has_taken(autojump_clock, how):
    """The entry in a handler stays his, the others are ready at once."""
    async with open_house() as house:
        await house.put("a", "b", "c")
        await house.start_all(Recorder(sleep_long))
        await trio.sleep(1)
        house.pump.ask_to_stop() if how == "asked" else house.pump.scope.cancel()
        await house.pump.ended.wait()
        stats = await house.queue.stats()

        assert (stats.ready, stats.leased) == (2, 1)
        assert house.consumer.statistics().outstanding == 1


async def test_a_pump_is_ready_without_waiting_for_an_entry(autojump_clock):
    """An empty queue does not hold up the start of the daemon."""
    async with open_house() as house:
        await house.start(house.consumer.run_pump)

        assert trio.current_time() == 0


async def test_a_restarted_pump_goes_on_with_what_it_had(autojump_clock):
    """It reclaims nothing that a living handler works on."""
    handler = Recorder(partial(trio.sleep, 100))
    async with open_house() as house:
        await house.put("a", "b")
        await house.start_all(handler)
        await trio.sleep(1)
        house.pump.scope.cancel()
        await house.pump.ended.wait()
        await house.start(house.consumer.run_pump)
        await house.wait_settled()

    assert handler.begun == ["a", "b"]


class Idle(Recorder):
    """A handler that forgets to settle."""

    async def handle(self, _lease):
        return Completion()


async def test_a_handler_that_settles_nothing_has_failed(autojump_clock):
    """An unknown ending is an error, never a success."""
    handler = Idle()
    async with open_house(max_deliveries=1) as house:
        await house.put("a")
        await house.start_all(handler)
        await house.wait_settled()

    assert "did not settle" in handler.given_up[0][1]


class Helpless(Failing):
    """A handler that can't even give up."""

    def give_up(self, _lease, _error):
        raise KeyError("the ledger's row")


async def test_an_entry_is_buried_even_if_giving_up_fails(autojump_clock):
    """It must end somewhere, and the error is that of the handler."""
    async with open_house(max_deliveries=1) as house:
        await house.put("a")
        await house.start_all(Helpless())
        await house.wait_settled()
        (letter,) = await house.queue.dead_letters()

    assert letter.error == "ValueError: poison"


class Postponing(Recorder):
    """A handler whose service is away the first time."""

    async def handle(self, lease):
        if not self.begun:
            self.begun.append(lease.entry.id)
            return Completion(acks=(Release(lease, delay=50),))
        return Completion(acks=(Ack(lease),))


async def test_an_entry_that_is_put_off_uses_up_no_try(autojump_clock):
    """A service that is away is not the entry's fault."""
    handler = Postponing()
    async with open_house(max_deliveries=1) as house:
        await house.put("a")
        await house.start_all(handler)
        await wait_all_tasks_blocked()
        await house.wait_settled()

        assert trio.current_time() >= 50
    assert handler.given_up == []


async def test_a_store_that_is_away_uses_up_no_try(autojump_clock):
    """An outage however long buries nothing: the entry is handled when it is over."""
    handler = AwayFor(60)
    async with open_house(max_deliveries=2) as house:
        await house.put("a", "b")
        await house.start_all(handler)
        await house.wait_settled()
        assert await house.queue.dead_letters() == []

    assert sorted(handler.handled) == ["a", "b"]
    assert handler.given_up == []


class AwayFor(Recorder):
    """Can't reach the store for some seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.until = trio.current_time() + seconds

    async def handle(self, lease):
        if trio.current_time() < self.until:
            raise StoreUnavailableError("away")
        return await super().handle(lease)


async def test_a_handler_that_takes_too_long_has_failed(autojump_clock):
    """A hang costs tries like any failure, and ends as one: it is no reason to wait for ever."""
    handler = Recorder(sleep_long)
    async with open_house(max_deliveries=2, handle_within=5) as house:
        await house.put("hangs")
        start = trio.current_time()
        (life,) = await house.start_all(handler)
        await house.wait_settled()
        (letter,) = await house.queue.dead_letters()

        assert not life.ended.is_set()
    assert (letter.begun, letter.error) == (2, "the handler took longer than 5 s")
    assert 10 <= trio.current_time() - start <= 12


async def test_a_closed_consumer_hands_out_nothing_and_finishes_what_is_in_hand(autojump_clock):
    """Every handler may finish its entry, and none takes another until it is opened again."""
    handlers = [Recorder(partial(trio.sleep, 10)) for _ in range(2)]
    async with open_house() as house:
        await house.put("a", "b", "c")
        await house.start_all(*handlers)
        await trio.sleep(1)
        house.consumer.close()
        await house.consumer.wait_idle()
        await trio.sleep(20)
        closed = sorted(handlers[0].handled + handlers[1].handled)
        house.consumer.open()
        await house.wait_settled()

    assert closed == ["a", "b"]
    assert sorted(handlers[0].handled + handlers[1].handled) == ["a", "b", "c"]

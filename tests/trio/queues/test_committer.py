"""Completions on their way into the store: grouped, kept, tried again."""

from dataclasses import replace
from functools import partial

import trio

from hsid.queues.completion import Ack, Completion, Outcome
from tests.trio.queues.consumer_bench import Gate, Recorder, open_house


async def test_completions_that_gather_during_a_commit_go_together(autojump_clock):
    """The first ones are committed at once, the rest as one group."""
    async with open_house() as house:
        await house.put(*"abcdef")
        house.gate.open = trio.Event()
        await house.start_all(Recorder(partial(trio.sleep, 0.1)))
        await trio.sleep(1)
        house.gate.open.set()
        await house.wait_settled()

    assert (len(house.gate.groups), sum(house.gate.groups)) == (2, 6)


async def test_an_unreachable_store_loses_no_completion(autojump_clock):
    """They wait, health is degraded, and each handler ran once when all is over."""
    handler = Recorder()
    async with open_house(lease_duration=30) as house:
        await house.put(*"abc")
        house.gate.is_away = True
        await house.start_all(handler)
        await trio.sleep(600)
        during = house.consumer.statistics()
        house.gate.is_away = False
        await house.wait_settled()
        after = house.consumer.statistics()

    assert (during.pending, during.is_degraded) == (3, True)
    assert (after.pending, after.is_degraded, after.lost) == (0, False, 0)
    assert handler.begun == list("abc")


async def test_an_unreachable_store_is_not_pestered(autojump_clock):
    """The pauses grow to a few seconds, and the committer beats meanwhile."""
    async with open_house() as house:
        await house.put("a")
        house.gate.is_away = True
        await house.start_all(Recorder())
        await trio.sleep(10)
        beats = len(house.committer.beats)
        await trio.sleep(100)

        assert 20 <= len(house.committer.beats) - beats <= 100


async def test_a_restarted_committer_finds_what_was_handed_in(autojump_clock):
    """The end of an incarnation loses nothing."""
    handler = Recorder()
    async with open_house() as house:
        await house.put(*"abc")
        house.gate.is_away = True
        await house.start_all(handler)
        await trio.sleep(5)
        house.committer.scope.cancel()
        await house.committer.ended.wait()
        house.gate.is_away = False
        await house.start(house.consumer.run_committer)
        await house.wait_settled()

    assert handler.begun == list("abc")


async def test_asked_to_stop_a_committer_commits_what_is_left(autojump_clock):
    """It returns when nothing is pending any more."""
    async with open_house() as house:
        await house.put(*"abc")
        house.gate.is_away = True
        await house.start_all(Recorder())
        await trio.sleep(5)
        house.committer.ask_to_stop()
        await trio.sleep(60)
        still_there = not house.committer.ended.is_set()
        house.gate.is_away = False
        await house.committer.ended.wait()

        assert still_there
        assert (await house.queue.stats()).depth == 0


async def test_a_cancelled_committer_tries_once_more(autojump_clock):
    """What handlers have done is not thrown away for being late."""
    async with open_house() as house:
        await house.put(*"abc")
        house.gate.open = trio.Event()
        await house.start_all(Recorder())
        await trio.sleep(5)
        house.gate.open.set()
        house.committer.scope.cancel()
        await house.committer.ended.wait()

        assert (await house.queue.stats()).depth == 0


class Noticing(Recorder):
    """A handler that wants to know when its completion is durable."""

    def __init__(self):
        super().__init__()
        self.outcomes = []

    async def handle(self, lease):
        completion = await super().handle(lease)
        return replace(completion, on_done=self._notice)

    def _notice(self, outcome):
        self.outcomes.append(outcome)
        raise ValueError("a broken listener")


async def test_a_handler_is_told_when_its_completion_is_durable(autojump_clock):
    """Notices go out after the fact; a listener that raises harms nobody."""
    handler = Noticing()
    async with open_house() as house:
        await house.put("a", "b")
        await house.start_all(handler)
        await house.wait_settled()
        await trio.sleep(1)

        assert not house.committer.ended.is_set()
    assert handler.outcomes == [Outcome(), Outcome()]


class Refusing(Gate):
    """A completer whose store refuses the writes of a completion, never a bare settlement."""

    async def complete(self, completions):
        if any(completion.writes for completion in completions):
            return [Outcome(error=ValueError("constraint")) for _ in completions]
        return await super().complete(completions)


class Writing(Recorder):
    """A handler whose completions write, as well those that give up."""

    async def handle(self, lease):
        self.begun.append(lease.entry.id)
        return Completion((lambda _connection: True,), (), (Ack(lease),))

    def give_up(self, lease, error):
        return replace(super().give_up(lease, error), writes=(lambda _connection: True,))


async def test_a_completion_that_can_not_be_written_ends_as_a_dead_letter(autojump_clock):
    """It is retried like a failed handler, given up, and at last buried without the ledger."""
    handler = Writing()
    async with open_house(max_deliveries=2, completer=Refusing) as house:
        await house.put("a")
        await house.start_all(handler)
        await house.wait_settled()
        (letter,) = await house.queue.dead_letters()

        assert house.consumer.statistics().outstanding == 0
    assert handler.begun == ["a", "a"]
    assert [error for _, error in handler.given_up] == ["ValueError: constraint"]
    assert letter.error == "ValueError: constraint"

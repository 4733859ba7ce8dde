"""What a service manager is told, word for word and in order."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.service import Service, Signs, Turn

WATCHDOG = ("WATCHDOG=1",)
EXTEND = ("EXTEND_TIMEOUT_USEC=30000000",)


def well(progress=0, status="running; all well"):
    """Return the signs of a daemon without a fault."""
    return Signs(status, progress)


def pulses(service, times, signs=None):
    """Return what is said at *times*, each with its time."""
    return [
        (now, message)
        for now in times
        for message in service.pulse(signs or well(progress=now), now)
    ]


@pytest.fixture
def service():
    """One that has become ready at 0."""
    service = Service(watchdog=30)
    service.ready("running", 0)
    return service


def test_a_start():
    """First what is done, then that it works; no sign of life before there is a life."""
    service = Service(watchdog=30)

    said = service.preparing("opening the database", 0)
    said += service.preparing("starting the actors", 1)
    said += service.pulse(well(), 1)
    said += service.ready("running", 2)
    said += service.pulse(well(), 2)

    assert said == [
        ("STATUS=opening the database",),
        ("STATUS=starting the actors",),
        ("READY=1", "STATUS=running"),
        WATCHDOG,
    ]


def test_a_slow_migration():
    """Each step is worth more time, and so is work within one; words are said once."""
    service, words = Service(), "migrating, step 1 of 2"

    said = [
        service.progressing(step, now)
        for step, now in ((words, 0), (words, 3), (words, 6), ("step 2", 40))
    ]

    assert said == [[(f"STATUS={words}",), EXTEND], [], [EXTEND], [("STATUS=step 2",), EXTEND]]


def test_a_start_that_hangs_is_given_no_more_time():
    """Only while something gets on; then the manager's own limit counts."""
    said = pulses(Service(), range(10), well(progress="still the same"))

    assert said == []


def test_a_start_that_gets_on_is_given_time():
    """An actor that becomes ready is progress; it is asked for every five seconds at most."""
    said = pulses(Service(), range(12))

    assert said == [(1, EXTEND), (6, EXTEND), (11, EXTEND)]


@pytest.mark.parametrize("outcome", ["reloaded: took up log_level", "reload refused: line 3"])
def test_a_reload_however_it_ends(service, outcome):
    """The time is in the same message, and READY always follows: the manager waits for it."""
    said = service.reloading(5, monotonic=1234.5) + service.reloaded(outcome, 6)

    assert said == [
        ("RELOADING=1", "MONOTONIC_USEC=1234500000", "STATUS=reloading"),
        ("READY=1", f"STATUS={outcome}"),
    ]


def test_a_stop(service):
    """It is said once, whoever says it; while work is finished, more time is asked for."""
    said = service.stopping(100) + service.stopping(101)

    assert said == [("STOPPING=1", "STATUS=stopping")]
    extended = [now for now, message in pulses(service, range(101, 108)) if message == EXTEND]
    assert extended == [102, 107]


def test_a_stop_in_mid_reload_is_final(service):
    """Newer managers take no READY after STOPPING."""
    service.reloading(5, monotonic=5)
    service.stopping(6)

    assert service.reloaded("reloaded", 7) == []
    assert service.turn is Turn.STOPPING


def test_a_stop_in_mid_start_is_final():
    """The same for a tree that becomes ready although it is to stop."""
    service = Service()
    service.stopping(1)

    assert service.ready("running", 2) == []


def test_a_wedge_is_not_hidden(service):
    """While a part is stuck there is no sign of life, and when it goes on there is one at once."""
    stuck = Signs("running", 0, stuck=("store-writer",))
    said = pulses(service, range(1, 60), stuck) + pulses(service, [60])

    assert [now for now, message in said if message == WATCHDOG] == [60]


def test_signs_of_life_come_twice_in_the_period(service):
    """Not with each pulse: once in fifteen seconds is enough for thirty."""
    said = pulses(service, range(60))

    assert [now for now, message in said if message == WATCHDOG] == [0, 15, 30, 45]


def test_without_a_watchdog_there_are_none():
    """Nobody asked for them."""
    service = Service()
    service.ready("running", 0)

    assert WATCHDOG not in [message for _, message in pulses(service, range(60))]


def test_the_status_changes_at_most_every_ten_seconds(service):
    """And is said only when it has changed."""
    said = [service.pulse(well(status=f"{now}"), now) for now in range(1, 25)]
    said += [service.pulse(well(status="20"), now) for now in range(25, 60)]

    words = [message for messages in said for message in messages if message != WATCHDOG]
    assert words == [("STATUS=10",), ("STATUS=20",)]


def test_a_status_is_one_line(service):
    """What an error says can't become another message."""
    said = service.reloading(1, 1) + service.reloaded("refused:\nREADY=1\nWATCHDOG=trigger", 2)

    assert said[-1] == ("READY=1", "STATUS=refused: READY=1 WATCHDOG=trigger")


CALLS = {
    "ready": lambda service, now: service.ready("running", now),
    "reloading": lambda service, now: service.reloading(now, now),
    "reloaded": lambda service, now: service.reloaded("reloaded", now),
    "stopping": lambda service, now: service.stopping(now),
    "pulse": lambda service, now: service.pulse(well(progress=now), now),
    "late pulse": lambda service, now: service.pulse(well(progress=now), now + 0.9),
}


@given(st.lists(st.sampled_from(sorted(CALLS)), max_size=60), st.floats(1, 120))
def test_whatever_happens_the_order_of_turns_holds(names, watchdog):
    """READY first, RELOADING and READY in turns, STOPPING once and last; no signs before READY."""
    service = Service(watchdog)
    said = [message for now, name in enumerate(names) for message in CALLS[name](service, now)]

    turns = "".join(
        {"READY=1": "R", "RELOADING=1": "L", "STOPPING=1": "S"}.get(message[0], "")
        for message in said
    )
    assert "RR" not in turns
    assert "LL" not in turns
    assert turns.startswith(("R", "S")) or not turns
    assert "S" not in turns[:-1]
    if "R" not in turns and "S" not in turns:
        assert WATCHDOG not in said


@given(st.floats(0.5, 300), st.integers(20, 200))
def test_pulses_in_time_are_signs_in_time(watchdog, count):
    """Called as often as it wants to be, it never leaves the manager waiting for too long."""
    service = Service(watchdog)
    service.ready("running", 0)
    times = [number * service.pulse_interval for number in range(count)]
    signs = [now for now, message in pulses(service, times) if message == WATCHDOG]

    gaps = [after - before for before, after in pairwise(signs)]
    assert all(watchdog / 2 <= gap <= watchdog * 0.8 for gap in gaps)

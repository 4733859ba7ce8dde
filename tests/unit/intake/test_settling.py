"""When files count as complete, second by second."""

import math

import pytest

from hsid.intake.hints import Look, Stamp
from hsid.intake.settling import PendingFile, Settling, Verdict

SETTLE = 2.0
PATH = b"cam/a.jpg"
HALF, WHOLE = Look(Stamp(1, 500, 10), is_whole=False), Look(Stamp(1, 900, 20), is_whole=True)


def build_settling(**options) -> Settling:
    """Return a settling of two seconds."""
    return Settling(SETTLE, **options)


def look(settling: Settling, now: float, seen: Look | None = WHOLE) -> list[Verdict]:
    """Let everything that is due at *now* be seen as *seen*."""
    return [settling.observe(path, seen, now) for path in settling.due(now)]


def test_a_closed_file_is_complete_at_once() -> None:
    """Its writer has said so: neither time nor trailer is asked for."""
    settling = build_settling()
    settling.finished(PATH, 5.0)

    assert look(settling, 5.0, HALF) == [Verdict.COMPLETE]
    assert settling.pending(5.0) == []


def test_a_second_close_of_the_same_version_causes_nothing() -> None:
    """Cameras over SMB close a file several times (W7)."""
    settling = build_settling()
    for now, verdict in ((0.0, Verdict.COMPLETE), (6.0, Verdict.REPEATED)):
        settling.finished(PATH, now)
        assert look(settling, now) == [verdict]
    assert settling.statistics().repeated == 1


def test_a_new_version_under_the_same_name_is_complete_again() -> None:
    """An hour later the same name may hold another picture (W10)."""
    settling = build_settling()
    for seen in (HALF, WHOLE):
        settling.finished(PATH, 0.0)
        assert look(settling, 0.0, seen) == [Verdict.COMPLETE]


def test_several_hints_at_once_are_one_look() -> None:
    """Created, found by the folder's listing, closed: one verdict."""
    settling = build_settling()
    settling.seen(PATH, None, 0.0)
    settling.seen(PATH, HALF.stamp, 0.0)
    settling.finished(PATH, 0.0)

    assert look(settling, 0.0) == [Verdict.COMPLETE]
    assert settling.next_look() == math.inf


def test_a_file_found_by_a_scan_waits_until_it_is_quiet() -> None:
    """Unchanged for the settle time and with a valid trailer, it is complete."""
    settling = build_settling()
    settling.seen(PATH, WHOLE.stamp, 0.0)

    assert settling.due(SETTLE - 0.1) == []
    assert settling.next_look() == SETTLE
    assert look(settling, SETTLE) == [Verdict.COMPLETE]


def test_a_file_of_unknown_version_is_looked_at_twice() -> None:
    """Nothing is known to be unchanged before it was seen."""
    settling = build_settling()
    settling.seen(PATH, None, 0.0)

    assert look(settling, 2.0) == [Verdict.WAIT]
    assert look(settling, 4.0) == [Verdict.COMPLETE]


def test_a_growing_file_is_never_given_up() -> None:
    """For an hour it stays pending, visibly, and is complete once it has stopped (W4)."""
    settling = build_settling()
    settling.seen(PATH, Stamp(1, 0, 0), 0.0)
    for size in range(1, 1800):
        assert look(settling, size * 2.0, Look(Stamp(1, size, size), is_whole=False)) == [
            Verdict.WAIT
        ]
    assert settling.pending(3598.0) == [PendingFile(PATH, 1799, age=3598.0, quiet=0.0)]
    assert look(settling, 3600.0) == [Verdict.WAIT]
    assert look(settling, 3602.0) == [Verdict.COMPLETE]


def test_a_pause_without_a_trailer_is_not_the_end() -> None:
    """A writer that rests for ten seconds is waited for."""
    settling = build_settling()
    settling.seen(PATH, HALF.stamp, 0.0)

    assert [look(settling, now, HALF) for now in (2.0, 4.0, 10.0)] == [[Verdict.WAIT]] * 3
    settling.finished(PATH, 11.0)
    assert look(settling, 11.0) == [Verdict.COMPLETE]


@pytest.mark.parametrize(("settle", "patience"), [(2.0, 60.0), (30.0, 300.0)])
def test_an_abandoned_half_is_inspected_in_the_end(settle: float, patience: float) -> None:
    """Quiet for long without a trailer, it is handed over, to be refused as truncated."""
    settling = Settling(settle)
    settling.seen(PATH, HALF.stamp, 0.0)

    assert look(settling, patience - 1.0, HALF) == [Verdict.WAIT]
    assert look(settling, patience + settle, HALF) == [Verdict.COMPLETE]


def test_a_file_that_goes_away_is_forgotten() -> None:
    """It was never complete, so nothing is left to account for but the count."""
    settling = build_settling()
    settling.finished(PATH, 0.0)

    assert look(settling, 0.0, None) == [Verdict.GONE]
    assert settling.statistics().gone == 1
    assert settling.next_look() == math.inf


@pytest.mark.parametrize("path", [b"cam/a.txt", b"cam/.a.jpg.Xy12ab", b".p/a.jpg", b"a.jpg.part"])
def test_foreign_and_temporary_names_are_ignored_and_counted(path: bytes) -> None:
    """They never become pending (W9)."""
    settling = build_settling()
    settling.finished(path, 0.0)
    settling.seen(path, None, 0.0)

    assert settling.due(1e9) == []
    assert settling.statistics().ignored == 2


def test_a_hint_during_a_look_leads_to_another_look() -> None:
    """The look may have come before what the hint tells of."""
    settling = build_settling()
    settling.seen(PATH, HALF.stamp, 0.0)
    assert settling.due(2.0) == [PATH]
    settling.finished(PATH, 2.1)

    assert settling.observe(PATH, HALF, 2.2) is Verdict.WAIT
    assert look(settling, 2.2) == [Verdict.COMPLETE]


def test_a_file_changed_under_inspection_settles_again() -> None:
    """What was told complete is taken back and waits like any other."""
    settling = build_settling()
    settling.finished(PATH, 0.0)
    look(settling, 0.0, HALF)
    settling.take_back(PATH, HALF.stamp, 1.0)

    assert look(settling, 3.0) == [Verdict.WAIT]
    assert look(settling, 5.0) == [Verdict.COMPLETE]


def test_taking_back_an_old_version_keeps_the_new_one_told() -> None:
    """The version that replaced it may have been told complete in the meantime."""
    settling = build_settling()
    for seen in (HALF, WHOLE):
        settling.finished(PATH, 0.0)
        look(settling, 0.0, seen)
    settling.take_back(PATH, HALF.stamp, 1.0)

    assert look(settling, 3.0) == [Verdict.REPEATED]


def test_a_scan_that_overlaps_with_the_ledger_repeats_nothing() -> None:
    """A version told a moment ago may not have reached the ledger that the scan compares with."""
    settling = build_settling()
    settling.finished(PATH, 0.0)
    look(settling, 0.0)
    settling.seen(PATH, WHOLE.stamp, 0.1)

    assert settling.pending(0.1) == []


def test_what_finds_no_room_is_left_to_a_scan() -> None:
    """Memory is bounded and nothing is lost: a scan is asked for, once, when there is room."""
    settling = build_settling(max_pending=4)
    for number in range(6):
        settling.finished(b"%d.jpg" % number, 0.0)

    assert len(settling.pending(0.0)) == 4
    assert not settling.take_overlooked()
    assert look(settling, 0.0) == [Verdict.COMPLETE] * 4
    assert settling.take_overlooked()
    assert not settling.take_overlooked()


def test_due_files_come_in_order_and_in_portions() -> None:
    """The longest due comes first; what exceeds the limit stays due."""
    settling = build_settling()
    for now, path in enumerate([b"c.jpg", b"a.jpg", b"b.jpg"]):
        settling.finished(path, float(now))

    assert settling.due(9.0, limit=2) == [b"c.jpg", b"a.jpg"]
    assert settling.due(9.0, limit=2) == [b"b.jpg"]
    assert settling.due(9.0) == []


def test_a_settle_time_of_zero_does_not_spin() -> None:
    """Between two looks at an unfinished file some time passes all the same."""
    settling = Settling(0.0)
    settling.seen(PATH, HALF.stamp, 0.0)

    assert look(settling, 0.0, HALF) == [Verdict.WAIT]
    assert settling.next_look() > 0.0

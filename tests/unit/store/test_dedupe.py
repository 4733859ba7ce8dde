"""Dedupe: the same content from the same camera within the time to live."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from hsid.model import RefusalReason
from hsid.store import uploads
from hsid.store.schema import uploads as table
from tests.unit.store.records import arrival, person, receive, record

SAME = "a" * 64


def repeat(conn, *, seconds=10, camera="gate"):
    (upload,) = receive(conn, arrival(99, seconds=seconds, camera=camera, sha256=SAME))
    return upload


@pytest.fixture
def original(conn):
    (upload,) = receive(conn, arrival(1, sha256=SAME))
    return upload


def test_a_repetition_ends_as_duplicate_of_its_original(conn, original):
    """It is recorded with what it repeats, counted, and not queued."""
    duplicate = repeat(conn)
    known = conn.scalar(select(table.c.duplicate_of).where(table.c.id == duplicate.id))
    assert (duplicate.state, known) == ("duplicate", original.id)
    assert uploads.accounting(conn).duplicate == 1
    assert [upload.id for upload in uploads.backlog(conn, 9)] == [original.id]


def test_the_second_of_two_in_one_call_is_the_duplicate(conn):
    """Dedupe works inside one call as it does between two."""
    pair = receive(conn, arrival(1, sha256=SAME), arrival(2, sha256=SAME))
    assert [upload.state for upload in pair] == ["received", "duplicate"]


@pytest.mark.usefixtures("original")
def test_another_camera_repeats_nothing(conn):
    """Two cameras may send the same bytes: both are looked at."""
    assert repeat(conn, camera="yard").state == "received"


@pytest.mark.parametrize(("seconds", "state"), [(299, "duplicate"), (300, "received")])
@pytest.mark.usefixtures("original")
def test_an_entry_runs_out_after_its_time(conn, seconds, state):
    """At the end of the time to live, and not before, the content counts as new."""
    assert repeat(conn, seconds=seconds).state == state


@pytest.mark.usefixtures("original")
def test_a_taken_over_entry_lives_from_the_takeover(conn):
    """The new original gets the whole time to live again."""
    receive(conn, arrival(2, seconds=300, sha256=SAME))
    assert repeat(conn, seconds=599).state == "duplicate"


@pytest.mark.parametrize(
    "fail",
    [
        lambda conn, id_: uploads.bury(conn, id_, "boom"),
        lambda conn, id_: uploads.refuse(conn, id_, RefusalReason.CORRUPT, "bad"),
    ],
)
def test_an_original_that_came_to_nothing_is_replaced(conn, original, fail):
    """A second copy is the second chance of a picture that died or was refused."""
    fail(conn, original.id)
    assert repeat(conn).state == "received"


def test_another_original_that_came_to_nothing_frees_no_entry(conn, original):
    """One dead upload must not make repetitions of all others look new."""
    (other,) = receive(conn, arrival(2))
    uploads.bury(conn, other.id, "boom")
    assert repeat(conn).state == "duplicate"


def test_an_original_that_was_looked_at_stands(conn, original):
    """Nothing seen is a result: the repetition would have the same."""
    record(conn, original.id)
    assert repeat(conn).state == "duplicate"


def test_a_refused_arrival_is_nobodys_original(conn):
    """The same bytes refused at the border claim no entry."""
    receive(conn, arrival(1, sha256=SAME, refusal=RefusalReason.VANISHED))
    assert repeat(conn).state == "received"


def test_a_duplicate_is_never_detected(conn, original):
    """Its state lets no detections in, whoever comes with some."""
    assert not record(conn, repeat(conn).id, person())
    assert record(conn, original.id, person())


def touched(upload, *, sha256=SAME):
    """Build the arrival of the same file with a new time stamp, long after."""
    version = replace(upload.version, mtime_ns=upload.version.mtime_ns + 1)
    return replace(arrival(1, seconds=9_999, sha256=sha256), version=version)


def test_a_file_that_was_only_touched_is_a_duplicate_however_late(conn, original):
    """A new time stamp makes no new picture (W7)."""
    (upload,) = receive(conn, touched(original))
    assert upload.state == "duplicate"


def test_a_new_picture_under_the_same_name_is_no_duplicate(conn, original):
    """What was written over it is looked at, inode and all being the same (W7, W10)."""
    (upload,) = receive(conn, touched(original, sha256="b" * 64))
    assert upload.state == "received"


def test_a_touched_file_whose_first_try_came_to_nothing_is_looked_at(conn, original):
    """Touching a file is a way to have it tried again."""
    uploads.bury(conn, original.id, "no luck")
    (upload,) = receive(conn, touched(original))
    assert upload.state == "received"

"""The ledger: guarded changes of state, and what they leave in the tables."""

from dataclasses import replace
from hashlib import shake_256

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from hsid.model import FileVersion, RefusalReason, UploadState
from hsid.paths import from_text, to_text
from hsid.store import cameras, uploads
from hsid.store.columns import clean
from hsid.store.schema import detections
from tests.unit.store.records import arrival, at, person, receive, record


def state_of(conn, upload_id):
    return uploads.get(conn, upload_id).state


def test_an_arrival_is_stored_as_it_was_handed_in(conn):
    """What `receive` returns is what `get` reads back, fields and all."""
    given_ = arrival(1, seconds=5)
    (upload,) = receive(conn, given_)
    assert uploads.get(conn, upload.id) == upload
    assert (upload.version, upload.captured_at) == (given_.version, at(5))
    assert upload.state is UploadState.RECEIVED


def test_a_known_version_is_no_arrival(conn):
    """A file seen again by a scan changes nothing, not even the counters."""
    receive(conn, arrival(1))
    assert receive(conn, arrival(1), arrival(2))[0] is None
    assert uploads.accounting(conn).arrived == 2


def test_a_file_written_again_is_another_upload(conn):
    """The same path with new content is not taken for the file that was there before."""
    first = arrival(1)
    version = FileVersion(first.version.path, 1, 1001, 2)
    again = replace(first, version=version, sha256="f" * 64)
    assert [upload.state for upload in receive(conn, first, again)] == ["received", "received"]


def test_the_longest_path_that_linux_allows_is_kept_and_known_again(conn):
    """4,095 bytes that nothing compresses, most of which take four characters each."""
    path = bytes(byte or 1 for byte in shake_256().digest(4095))
    longest = replace(arrival(1), version=FileVersion(to_text(path), 1, 2, 3))
    (upload,) = receive(conn, longest)
    assert uploads.get(conn, upload.id).version == longest.version
    assert receive(conn, longest) == [None]


def test_a_refused_arrival_has_reached_its_end(conn):
    """A refusal is a row with its reason and is counted under it."""
    (upload,) = receive(conn, arrival(1, refusal=RefusalReason.TRUNCATED, detail="no EOI"))
    assert (upload.state, upload.reason, upload.detail) == ("refused", "truncated", "no EOI")
    assert uploads.refusals(conn) == {"truncated": 1}


def test_an_upload_is_queued_once(conn):
    """The guard lets the second of two callers know that it came too late."""
    (upload,) = receive(conn, arrival(1))
    assert [uploads.mark_queued(conn, upload.id) for _ in range(2)] == [True, False]


def test_detections_are_recorded_once(conn):
    """A redelivered handler stores nothing a second time."""
    (upload,) = receive(conn, arrival(1))
    assert record(conn, upload.id, person(), person(0.5))
    assert not record(conn, upload.id, person())
    stored = conn.execute(select(detections.c.confidence, detections.c.camera_id)).all()
    assert sorted(stored) == [(0.5, "gate"), (0.9, "gate")]
    assert state_of(conn, upload.id) is UploadState.DETECTED


def test_an_empty_picture_ends_as_nothing_seen(conn):
    """No detections is an end, counted as such."""
    (upload,) = receive(conn, arrival(1))
    assert record(conn, upload.id)
    assert state_of(conn, upload.id) is UploadState.NOTHING_SEEN
    assert uploads.accounting(conn).nothing_seen == 1


def test_an_end_is_final(conn):
    """No change of state applies to an upload that has reached an end."""
    (upload,) = receive(conn, arrival(1))
    assert uploads.bury(conn, upload.id, "boom")
    late = [
        uploads.mark_queued(conn, upload.id),
        record(conn, upload.id, person()),
        uploads.refuse(conn, upload.id, RefusalReason.CORRUPT, "late"),
        uploads.bury(conn, upload.id, "again"),
        uploads.mark_analysed(conn, [upload.id]),
    ]
    assert not any(late)
    assert uploads.get(conn, upload.id).reason == "boom"


def test_the_dead_are_revived_to_where_they_died(conn):
    """With detections it waits for its verdict, else for the detector; the accounting follows."""
    seen, unseen, alive = receive(conn, arrival(1), arrival(2), arrival(3))
    record(conn, seen.id, person())
    for upload in (seen, unseen):
        uploads.bury(conn, upload.id, "boom")

    revived = uploads.revive(conn, [seen.id, unseen.id, alive.id, 99])

    assert sorted(revived) == [seen.id, unseen.id]
    assert (state_of(conn, seen.id), state_of(conn, unseen.id)) == ("detected", "received")
    assert uploads.get(conn, seen.id).reason is None
    after = uploads.accounting(conn)
    assert (after.dead, after.pending, after.is_balanced) == (0, 3, True)


def test_only_detected_uploads_become_analysed(conn):
    """The verdict on a batch ends what it was given on, and nothing that is still on its way."""
    seen, waiting = receive(conn, arrival(1), arrival(2))
    record(conn, seen.id, person())
    assert uploads.mark_analysed(conn, [seen.id, waiting.id, seen.id]) == 1
    assert state_of(conn, waiting.id) is UploadState.RECEIVED


def test_the_backlog_is_fed_in_order_of_arrival(conn):
    """What no queue has comes back oldest first, and only that."""
    first, second, third = receive(conn, arrival(3), arrival(1), arrival(2))
    uploads.mark_queued(conn, second.id)
    assert [upload.id for upload in uploads.backlog(conn, 10)] == [first.id, third.id]
    assert uploads.queued_ids(conn) == [second.id]
    assert [upload.id for upload in uploads.recent(conn, 2)] == [third.id, second.id]


def test_known_versions_survive_inodes_of_64_bits(conn):
    """A network file system's inode above the signed range is found again by the next scan."""
    huge = replace(arrival(1), version=FileVersion("gate/a.jpg", 2**64 - 1, 7, 9))
    receive(conn, huge)
    assert uploads.known_versions(conn) == [("gate/a.jpg", 2**64 - 1, 7, 9)]
    assert receive(conn, huge) == [None]


@given(st.binary(min_size=1, max_size=255))
def test_any_file_name_passes_the_border_unchanged(name):
    """Cleaning does not alter what `hsid.paths` made, so a stored path leads back to its file."""
    assert from_text(clean(to_text(name))) == name


def test_odd_file_names_are_stored_without_loss(conn):
    """Names that are no UTF-8, or hostile, are rows like any others."""
    names = [b"caf\xe9.jpg", "🦊.jpg".encode(), b"a\nb\t.jpg", b"%s'; --.jpg", b"\xff" * 255]
    versions = [FileVersion(to_text(name), 1, 2, 3) for name in names]
    receive(conn, *(replace(arrival(1), version=version) for version in versions))
    assert {from_text(path) for path, *_ in uploads.known_versions(conn)} == set(names)


def test_text_that_a_database_refuses_is_cleaned(conn):
    """NUL and lone surrogates in an error or a detail are replaced, not raised about."""
    (upload,) = receive(conn, arrival(1))
    assert uploads.bury(conn, upload.id, "bad \0 and \ud800")
    assert uploads.get(conn, upload.id).reason == "bad \ufffd and \ufffd"


def test_a_camera_is_made_up_from_its_first_upload(conn):
    """An unknown camera gets a row named like its id, and remembers when it was last heard."""
    receive(conn, arrival(1, seconds=60), arrival(2, seconds=0))
    assert cameras.get(conn, "gate").name == "gate"
    assert cameras.last_seen(conn) == {"gate": at(60)}

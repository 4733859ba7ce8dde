"""Text from outside is cleaned where it comes in: both databases hold, and give back, the same.

Camera ids and paths need none of that: `hsid.intake` makes them of printable characters only.
"""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsid.model import Box, Camera, Detection, EventState, FileVersion, RefusalReason, Verdict
from hsid.paths import from_text, to_text
from hsid.store import batches, cameras, events, gpu_stats, uploads
from hsid.store.columns import clean
from hsid.store.search import EventQuery, search
from tests.unit.store.records import LEVEL, arrival, receive, record
from tests.unit.store.test_event_rows import close
from tests.unit.store.test_gpu_rows import FULL

WORST = "naïve\0 \ud800lone \udfff\ud83d\ude00 'quoted'; -- \\x00 \U0001f6a8\r\n\t\u202e\x1b[2J"
KEPT = "naïve\ufffd \ufffdlone \ufffd\U0001f600 'quoted'; -- \\x00 \U0001f6a8\r\n\t\u202e\x1b[2J"


def name_of_a_camera(conn, text):
    cameras.configure(conn, [Camera("gate", text)])
    return cameras.get(conn, "gate").name


def name_of_a_folder(conn, text):
    receive(conn, replace(arrival(1), camera_name=text))
    return cameras.get(conn, "gate").name


def detail_of_a_refusal(conn, text):
    refused = arrival(1, refusal=RefusalReason.TRUNCATED, detail=text)
    (upload,) = receive(conn, refused)
    assert upload == uploads.get(conn, upload.id)
    return upload.detail


def detail_of_a_late_refusal(conn, text):
    (upload,) = receive(conn, arrival(1))
    uploads.refuse(conn, upload.id, RefusalReason.TRUNCATED, text)
    return uploads.get(conn, upload.id).detail


def error_of_a_dead_upload(conn, text):
    (upload,) = receive(conn, arrival(1))
    uploads.bury(conn, upload.id, text)
    return uploads.get(conn, upload.id).reason


def label_of_a_detection(conn, text):
    close(conn, 1)
    (upload,) = receive(conn, arrival(2))
    record(conn, upload.id, Detection(text, 0.9, Box(1, 2, 3, 4)))
    batches._join(conn, "b1", [upload.id])
    return events.detections_of(conn, "b1")[-1].detection.label


def words_of_an_event(conn, text, *, name):
    close(conn, 1)
    verdict = replace(Verdict(1, "", "", "rules", ""), **{name: text})
    batch = batches.get(conn, "b1")
    stored = events.store_verdict(
        *(conn, batch, verdict), revision=1, level=LEVEL, state=EventState.FINAL, upload_ids=()
    )
    assert stored == events.get_event(conn, stored.id)
    return getattr(stored, name)


def name_of_a_card(conn, text):
    gpu_stats.record(conn, [replace(FULL, name=text)])
    return gpu_stats.history(conn, FULL.recorded_at)[0].name


DOORS = {
    each.__name__: each
    for each in (
        *(name_of_a_camera, name_of_a_folder, detail_of_a_refusal, detail_of_a_late_refusal),
        *(error_of_a_dead_upload, label_of_a_detection, name_of_a_card),
    )
} | {name: partial(words_of_an_event, name=name) for name in ("summary", "reasoning", "analyst")}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_text_from_outside_is_kept_as_far_as_any_database_can(conn, door):
    """What one of them would refuse is replaced, everything else is kept to the letter."""
    assert door(conn, WORST) == KEPT


@pytest.mark.parametrize("door", ["summary", "label_of_a_detection"])
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(st.characters(exclude_categories=[]), max_size=40))
def test_no_text_is_refused_or_comes_back_differently(database, door, text):
    """Whatever it is, on both databases it is what `clean` makes of it."""
    with database.transaction() as conn:
        assert DOORS[door](conn, text) == clean(text)
        conn.get_transaction().rollback()


@pytest.mark.parametrize(
    "name",
    [b"caf\xe9.jpg", b"\xff\xfe\n\t.jpg", "🚨'; --.jpg".encode(), b"\\x00%s.jpg", b"a" * 255],
)
def test_a_path_of_any_bytes_comes_back_exactly(conn, name):
    """Escaped where it is no printable text: the file is found again by it."""
    version = FileVersion(to_text(b"front/" + name), 1, 2, 3)
    (upload,) = receive(conn, replace(arrival(1), version=version))
    assert from_text(uploads.get(conn, upload.id).version.path) == b"front/" + name


@pytest.mark.parametrize("query", [{"camera_id": WORST}, {"label": WORST}, {"words": WORST}])
def test_a_question_with_such_text_is_answered(conn, query):
    """It finds nothing, on both databases, and is no error."""
    assert search(conn, EventQuery(**query), 10, None) == []

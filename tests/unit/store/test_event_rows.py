"""Events in the store: one a batch, with the best verdict on its latest revision."""

import pytest
from sqlalchemy.exc import IntegrityError

from hsid.batching import CloseBatch, StartBatch
from hsid.model import AnalysisKind, EventState, UploadState
from hsid.store import batches, events, uploads
from hsid.store.search import EventQuery, search
from tests.unit.store.records import LEVEL, at, sight, verdict

RULES, MODEL = AnalysisKind.RULES, AnalysisKind.MODEL


def close(conn, number, *, batch_id="b1", seconds=0):
    upload = sight(conn, number, seconds=seconds)
    moment = at(seconds)
    actions = [StartBatch(batch_id, (upload,), moment, moment), CloseBatch(batch_id, 1)]
    batches.apply(conn, "gate", actions)
    return upload


def judge(conn, kind=RULES, *, revision=1, score=50, batch_id="b1", upload_ids=(), **changes):
    return events.store_verdict(
        conn,
        batches.get(conn, batch_id),
        verdict(score, kind=kind, **changes),
        revision=revision,
        level=LEVEL,
        state=EventState.FINAL,
        upload_ids=upload_ids,
    )


def test_a_verdict_makes_the_event_and_ends_its_uploads(conn):
    """Event and ends are one transaction, and the batch waits for nobody any more."""
    upload = close(conn, 1)
    assert [batch.id for batch in events.awaiting_verdict(conn)] == ["b1"]
    event = judge(conn, upload_ids=[upload])
    assert events.get_event(conn, event.id) == event
    assert uploads.get(conn, upload).state is UploadState.ANALYSED
    assert events.awaiting_verdict(conn) == []


@pytest.mark.parametrize(
    ("stored", "offered", "is_taken"),
    [
        ((1, RULES), (1, RULES), True),
        ((1, RULES), (1, MODEL), True),
        ((1, MODEL), (1, RULES), False),
        ((1, MODEL), (2, RULES), True),
        ((2, RULES), (1, MODEL), False),
        ((0, MODEL), (1, RULES), True),
    ],
)
def test_a_verdict_never_replaces_a_better_one(conn, stored, offered, is_taken):
    """The later revision wins; within one, a model's verdict is not replaced by the rules'."""
    upload = close(conn, 1)
    first = judge(conn, stored[1], revision=stored[0], score=10)
    second = judge(conn, offered[1], revision=offered[0], score=90, upload_ids=[upload])
    (event,) = search(conn, EventQuery(), 9)
    assert event.risk_score == (90 if is_taken else 10)
    assert (second is not None) is is_taken
    assert (uploads.get(conn, upload).state is UploadState.ANALYSED) is is_taken
    assert (event.id, event.created_at) == (first.id, first.created_at)


def test_what_an_event_said_before_is_remembered(conn):
    """In the order in which it was said, and only what was replaced by something else."""
    close(conn, 1)
    first = judge(conn, score=10)
    judge(conn, score=10)
    second = judge(conn, MODEL, score=20)
    judge(conn, RULES, score=99)
    third = judge(conn, MODEL, revision=2, score=30)
    earlier = events.revisions_of(conn, first.id)
    assert [(each.analysis, each.risk_score) for each in earlier] == [(RULES, 10), (MODEL, 20)]
    assert [each.revision for each in earlier] == [1, 1]
    assert earlier[1].updated_at == second.updated_at < third.updated_at


def test_a_reopened_batch_waits_for_its_next_verdict(conn):
    """An event on an earlier revision does not stand for the present one."""
    close(conn, 1)
    judge(conn, revision=1)
    batches.apply(conn, "gate", [CloseBatch("b1", 2)])
    assert [batch.revision for batch in events.awaiting_verdict(conn)] == [2]


def test_pages_of_events_join_without_gap_or_repetition(conn):
    """Latest first by start, whatever the order in which they were judged."""
    for number, seconds in enumerate([30, 10, 20, 10]):
        close(conn, number, batch_id=f"b{number}", seconds=seconds)
        judge(conn, batch_id=f"b{number}")
    pages, before = [], None
    while page := search(conn, EventQuery(), 3, before):
        pages.append([event.batch_id for event in page])
        before = page[-1].id
    assert pages == [["b0", "b2", "b3"], ["b1"]]


def test_the_detections_of_an_event_are_those_of_its_batch(conn):
    """A page about an event shows what its analyst was told."""
    upload = close(conn, 1)
    assert [record.upload_id for record in events.detections_of(conn, "b1")] == [upload]


def test_text_of_a_model_is_cleaned(conn):
    """A NUL in a summary does not cost the event."""
    close(conn, 1)
    assert judge(conn, MODEL, summary="a\0b\ud800").summary == "a\ufffdb\ufffd"


@pytest.mark.parametrize("score", [-1, 101])
def test_a_score_out_of_range_is_refused(conn, score):
    """The database is the last to say so, should a parser have let it through."""
    close(conn, 1)
    with pytest.raises(IntegrityError, match="risk_score"):
        judge(conn, score=score)

"""Finding events: filters, words, pages, counts."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hsid.batching import CloseBatch, ReopenBatch, StartBatch
from hsid.model import Box, Detection, EventState, Severity
from hsid.store import batches, events, words
from hsid.store.search import EventQuery, UnknownPositionError, search, statistics
from tests.unit.store.records import NOON, arrival, at, receive, record, verdict

UTC = ZoneInfo("UTC")
FINAL = EventState.FINAL
shared = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def make(conn, number, *, seconds=None, camera="gate", label="person", **judged):
    """Store one event, that of the upload *number*; return its id."""
    seconds = number if seconds is None else seconds
    (upload,) = receive(conn, arrival(number, seconds=seconds, camera=camera))
    record(conn, upload.id, Detection(label, 0.9, Box(1, 2, 3, 4)))
    start = StartBatch(f"b{number}", (upload.id,), at(seconds), at(seconds))
    batches.apply(conn, camera, [start, CloseBatch(f"b{number}", 1)])
    return judge(conn, number, **judged).id


def judge(
    conn, number, summary="somebody at the gate", *, revision=1, level=Severity.LOW, state=FINAL
):
    return events.store_verdict(
        conn,
        batches.get(conn, f"b{number}"),
        verdict(summary=summary),
        revision=revision,
        level=level,
        state=state,
        upload_ids=(),
    )


def found(conn, limit=99, before=None, **query):
    return [event.id for event in search(conn, EventQuery(**query), limit, before)]


@pytest.mark.parametrize(
    ("one", "other", "query"),
    [
        ({"camera": "yard"}, {}, {"camera_id": "yard"}),
        ({"level": Severity.HIGH}, {}, {"level": Severity.HIGH}),
        ({"label": "cat"}, {}, {"label": "cat"}),
        ({"state": EventState.PROVISIONAL}, {}, {"state": EventState.PROVISIONAL}),
        ({}, {"state": EventState.PROVISIONAL}, {"state": FINAL}),
        ({"summary": "a red van"}, {}, {"words": "van RED"}),
        ({"seconds": 60}, {"seconds": 59}, {"since": at(60)}),
        ({"seconds": 59}, {"seconds": 60}, {"until": at(60)}),
    ],
)
def test_each_filter_keeps_what_fits_and_nothing_else(conn, one, other, query):
    """A start at *since* is in, one at *until* is out; all of the words must be there."""
    wanted = make(conn, 1, **one)
    make(conn, 2, **other)
    assert found(conn, **query) == [wanted]


def test_filters_hold_together(conn):
    """An event fits all of them or is left out."""
    both = make(conn, 1, camera="yard", label="cat", summary="a cat")
    make(conn, 2, camera="yard", summary="a cat")
    make(conn, 3, label="cat", summary="a cat")
    make(conn, 4, camera="yard", label="cat", summary="a dog")
    assert found(conn, camera_id="yard", label="cat", words="cat") == [both]


def test_nothing_asked_is_everything_latest_first(conn):
    """By the start, and by the id where that is the same."""
    ids = [make(conn, number, seconds=seconds) for number, seconds in enumerate([5, 9, 5])]
    assert found(conn) == [ids[1], ids[2], ids[0]]


@pytest.mark.parametrize("query", [{}, {"words": "gate"}, {"camera_id": "gate"}, {"label": "cat"}])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_join_without_gap_or_repetition(conn, query, limit):
    """Whatever is asked: pages in a row are the whole, in order."""
    for number, seconds in enumerate([30, 10, 20, 10, 10]):
        make(conn, number, seconds=seconds, label="cat")
    pages, before = [], None
    while page := found(conn, limit, before, **query):
        pages.append(page)
        before = page[-1]
    assert list(chain(*pages)) == found(conn)
    assert {len(page) for page in pages[:-1]} <= {limit}


@pytest.mark.parametrize("query", [{}, {"words": "gate"}, {"label": "person"}])
@pytest.mark.parametrize("few", [0, 99])
def test_what_comes_in_meanwhile_moves_no_page(conn, monkeypatch, few, query):
    """Whoever turns pages sees each event that was there once, whatever is newer or late."""
    monkeypatch.setattr(words, "_FEW", few)
    there = [make(conn, number, seconds=10 * number) for number in range(6)]
    seen, before = [], None
    while page := found(conn, 2, before, **query):
        seen += page
        before = page[-1]
        make(conn, 100 + len(seen), seconds=900 + len(seen))
        make(conn, 200 + len(seen), seconds=10 * (6 - len(seen)) + 5)
    assert [each for each in seen if each in there] == there[::-1]
    assert len(seen) == len(set(seen))


def test_a_class_that_came_with_a_later_verdict_finds_the_event(conn):
    """What the event is about is what it was judged by last."""
    event_id = make(conn, 1)
    (upload,) = receive(conn, arrival(2, seconds=2))
    record(conn, upload.id, Detection("cat", 0.9, Box(1, 2, 3, 4)))
    batches.apply(conn, "gate", [ReopenBatch("b1", (upload.id,), at(1), at(2))])
    assert found(conn, label="cat") == []
    judge(conn, 1, revision=2)
    assert found(conn, label="cat") == found(conn, label="person") == [event_id]


def test_an_event_that_is_gone_has_no_classes(conn):
    """They go with it, whoever deletes it."""
    make(conn, 1)
    conn.exec_driver_sql("DELETE FROM events")
    assert conn.exec_driver_sql("SELECT * FROM event_labels").all() == []


def test_a_page_goes_on_from_an_event_that_does_not_fit(conn):
    """Only the place counts: an event may have changed its level since the page before."""
    first = make(conn, 1)
    other = make(conn, 2, level=Severity.HIGH)
    assert found(conn, before=other, level=Severity.LOW) == [first]


def test_a_page_that_can_not_go_on_says_so(conn):
    """An export must not end early as if it were complete."""
    with pytest.raises(UnknownPositionError, match="no event 7"):
        found(conn, before=7)


def test_the_words_follow_the_summary(conn):
    """A later verdict's words find the event, those of the one before don't; a deleted has none."""
    event_id = make(conn, 1, summary="a cat")
    judge(conn, 1, "a dog", revision=2)
    assert (found(conn, words="cat"), found(conn, words="dog")) == ([], [event_id])
    conn.exec_driver_sql("DELETE FROM events")
    assert found(conn, words="dog") == []


@pytest.mark.parametrize("text", ["terrassentur", "TERRASSENTÜR: été", "ete", "nas.local local"])
def test_accents_case_and_what_stands_between_words_make_no_difference(conn, text):
    """A keyboard without umlauts finds the terrace."""
    event_id = make(conn, 1, summary="Terrassentür(Été): see nas.local/x")
    make(conn, 2, summary="Terrasse: see nas")
    assert found(conn, words=text) == [event_id]


def test_a_piece_with_a_hyphen_is_its_words_in_a_row(conn):
    """The same words elsewhere in the summary are something else."""
    event_id = make(conn, 1, summary="at the front-door")
    make(conn, 2, summary="a door in front")
    assert found(conn, words="front-door") == found(conn, words="front_door") == [event_id]
    assert len(found(conn, words="front door")) == 2


@pytest.mark.parametrize("text", ["", " ", "--", '"', "*", "\0", "NEAR()", "summary:cat", "^cat"])
def test_text_without_a_word_of_the_summary_finds_nothing(conn, text):
    """Nothing in it is an instruction."""
    make(conn, 1, summary="a person")
    assert found(conn, words=text) == []


@pytest.fixture
def pets(conn):
    for number, summary in enumerate(SUMMARIES):
        make(conn, number, summary=summary)
    return conn


SUMMARIES = ("a cat", "a dog", "a cat and a dog", "not a cat or near", "summary cat dog")
PIECES = ["cat", "dog", "a", "and", "OR", "NOT", "NEAR", "AND", "*", '"', "(", ")", "^", "-", ":"]


def has(summary, text):
    """Tell whether *summary* has what is between the spaces of *text*, each in one piece."""
    words_of = " ".join(re.findall(r"\w+", summary.lower()))
    pieces = [" ".join(re.findall(r"\w+", piece.lower())) for piece in text.split()]
    pieces = [piece for piece in pieces if piece]
    return bool(pieces) and all(f" {piece} " in f" {words_of} " for piece in pieces)


@shared
@given(text=st.text())
def test_any_text_is_an_answer_and_never_an_error(pets, text):
    """Whatever bytes a user sends, they are looked for."""
    search(pets, EventQuery(words=text), 9)
    statistics(pets, EventQuery(words=text), UTC)


@shared
@given(st.lists(st.sampled_from([*PIECES, " ", " "]), max_size=9).map("".join))
def test_no_piece_of_the_query_language_is_an_operator(pets, text):
    """The words are those between spaces, all of them are needed, and nothing else has a say."""
    answer = [event.summary for event in search(pets, EventQuery(words=text), 9)]
    assert answer == [summary for summary in reversed(SUMMARIES) if has(summary, text)]


@shared
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(" ".join), st.integers(1, 5))
def test_frequent_words_are_found_as_rare_ones_are(pets, text, limit):
    """Whichever plan is chosen, the answer is the same."""
    query = EventQuery(words=text)
    few, counted = search(pets, query, limit), statistics(pets, query, UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "_FEW", 0)
        assert search(pets, query, limit) == few
        assert search(pets, replace(query, camera_id="gate"), limit) == few
        assert search(pets, replace(query, label="person"), limit) == few
        assert statistics(pets, query, UTC) == counted


def test_a_very_long_text_is_no_error(conn):
    """Thousands of words neither break the query language nor take long."""
    make(conn, 1, summary="a cat")
    assert len(found(conn, words="cat " * 5000)) == 1


def test_events_are_counted_by_day_hour_camera_and_level(conn):
    """Each in one query, days and hours by the clock of the house."""
    make(conn, 1, seconds=0, camera="yard")
    make(conn, 2, seconds=14 * 3600)
    make(conn, 3, seconds=14 * 3600 + 60, level=Severity.HIGH)
    counted = statistics(conn, EventQuery(), ZoneInfo("Asia/Kathmandu"))
    day = NOON.date()
    assert counted.total == 3
    assert counted.by_day == {day: 1, day + timedelta(days=1): 2}
    assert counted.by_hour == {7: 2, 17: 1}
    assert counted.by_camera == {"gate": 2, "yard": 1}
    assert counted.by_level == {Severity.HIGH: 1, Severity.LOW: 2}


def test_only_the_events_asked_for_are_counted(conn):
    """The same question finds and counts the same."""
    make(conn, 1, label="cat", camera="yard", summary="a cat")
    make(conn, 2)
    counted = statistics(conn, EventQuery(label="cat", words="cat", since=NOON), UTC)
    assert (counted.total, counted.by_camera) == (1, {"yard": 1})


def test_a_change_of_the_clock_moves_no_event_to_another_day(conn):
    """Each event has the offset of its own moment."""
    vienna = ZoneInfo("Europe/Vienna")
    make(conn, 1, seconds=10.5 * 3600)  # 22:30 UTC
    make(conn, 2, seconds=(31 * 24 + 10.5) * 3600)
    counted = statistics(conn, EventQuery(), vienna)
    assert counted.by_hour == {0: 1, 23: 1}

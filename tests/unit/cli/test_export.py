"""Events as files: whole, safe in a spreadsheet, and a page at a time."""

import csv
import io
import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.api.models import EventReport
from hsid.cli import export


def build_event(event_id=1, **changes):
    return dict.fromkeys(export.COLUMNS, "x") | {"event_id": event_id, "risk_score": 5} | changes


class Pages:
    """A daemon with so many events; notes what it was asked."""

    def __init__(self, count):
        self.count = count
        self.asked = []

    def page(self, asked):
        self.asked.append(asked)
        first = asked.get("before", self.count + 1) - 1
        last = max(first - asked["limit"], 0)
        events = [build_event(number) for number in range(first, last, -1)]
        return {"events": events, "next_before": last + 1 if last else None}


def read_csv(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_columns_are_all_that_a_list_of_events_has():
    """A field that is new in the API is new in the CSV."""
    assert set(export.COLUMNS) == set(EventReport.model_fields)


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 450])
def test_every_event_is_exported_once_in_order(count):
    """Pages join without gap or repetition, and the filters are part of each question."""
    house = Pages(count)
    found = export.events(house.page, {"level": "high"})
    assert [event["event_id"] for event in found] == list(range(count, 0, -1))
    assert {asked["level"] for asked in house.asked} == {"high"}


@pytest.mark.parametrize("form", export.FORMATS.values())
def test_no_more_is_asked_for_than_is_written(form):
    """A page is fetched when the one before is on its way out: memory does not grow."""
    house = Pages(10_000)
    for _ in islice(form(export.events(house.page, {})), 300):
        pass
    assert len(house.asked) == 2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_and_ndjson_hold_the_documents(count):
    """One array, or one line each; nothing is left out and nothing added."""
    events = [build_event(number, summary="a\n=b\x9b") for number in range(count)]
    assert json.loads("".join(export.as_json(events))) == events
    assert [json.loads(line) for line in export.as_ndjson(events)] == events
    assert all(piece.isascii() for piece in export.as_json(events))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n@x", "=\0"])
def test_no_cell_of_the_csv_is_a_formula(text):
    """Whoever can write on a wall before a camera can't run anything in a spreadsheet."""
    _, row = read_csv("".join(export.as_csv([build_event(summary=text)])))
    cell = row[export.COLUMNS.index("summary")]
    assert not cell.strip().startswith(("=", "+", "-", "@"))


@given(st.text())
def test_any_text_is_one_printable_cell(text):
    """No quote, comma or line break moves what follows into another column or row."""
    header, row = read_csv("".join(export.as_csv([build_event(summary=text)])))
    assert (tuple(header), len(row)) == (export.COLUMNS, len(export.COLUMNS))
    assert row[export.COLUMNS.index("summary")].isprintable()


def test_ordinary_text_and_numbers_are_left_alone():
    """The reader sees what was stored."""
    _, row = read_csv("".join(export.as_csv([build_event(7, summary='a "cat", 2-3 dogs')])))
    assert row[export.COLUMNS.index("summary")] == 'a "cat", 2-3 dogs'
    assert (row[0], row[export.COLUMNS.index("risk_score")]) == ("7", "5")

"""The words of the events' summaries, and time by the quarter: what each database does in its way.

SQLite keeps the words in an FTS5 table beside `events`, by triggers, in the write that changes a
summary; a migration that builds `events` anew makes the triggers anew. PostgreSQL has an index on
the words. Both find whole words, without regard to case, accents and what stands between words.
What a user types is never taken for a query: it is cut at its spaces, and each piece stands for
itself, one of several words for these words in a row.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    Table,
    TextClause,
    cast,
    column,
    extract,
    func,
    select,
    table,
    text,
)

from hsid.store.columns import clean

_FOLDED: Final = (
    # Marks are taken off, then what is no part of a word: PostgreSQL would find file names, hosts
    # and signed numbers in it.
    "regexp_replace(regexp_replace(normalize({}, NFD), '[\\u0300-\\u036f]+', '', 'g'),"
    " '[\\u0001-\\u002f\\u003a-\\u0040\\u005b-\\u0060\\u007b-\\u00bf\\u2000-\\u206f]+', ' ', 'g')"
)
_TOKENS: Final = "unicode61 remove_diacritics 2"
_VECTOR: Final = f"to_tsvector('simple', {_FOLDED})"

INDEX: Final = {
    "sqlite": (
        f"""
        CREATE VIRTUAL TABLE event_words USING fts5(summary, content='events',
            content_rowid='id', tokenize='{_TOKENS}')
        """,
        """
        CREATE TRIGGER event_words_added AFTER INSERT ON events BEGIN
            INSERT INTO event_words (rowid, summary) VALUES (new.id, new.summary);
        END
        """,
        """
        CREATE TRIGGER event_words_removed AFTER DELETE ON events BEGIN
            INSERT INTO event_words (event_words, rowid, summary)
            VALUES ('delete', old.id, old.summary);
        END
        """,
        """
        CREATE TRIGGER event_words_changed AFTER UPDATE OF id, summary ON events BEGIN
            INSERT INTO event_words (event_words, rowid, summary)
            VALUES ('delete', old.id, old.summary);
            INSERT INTO event_words (rowid, summary) VALUES (new.id, new.summary);
        END
        """,
    ),
    "postgresql": (
        f"CREATE INDEX ix_events_words ON events USING gin ({_VECTOR.format('summary')})",
    ),
}
"""What finds words quickly; made together with the table `events`."""

_FEW = 5000
"""So many matches are fetched and put in order; more than that are not."""

_QUARTER: Final = 900
"""Seconds; the offsets of all time zones are multiples of it."""

_WORDS = table("event_words", column("rowid", Integer), column("event_words"))


def matching(conn: Connection, events: Table, words: str) -> FromClause | None:
    """Return the events whose summaries have all of *words*, to select from.

    Text without a word matches nothing. None where so many match that to fetch them is not the way:
    not on PostgreSQL, whose planner knows it and goes another way by itself.
    """
    if conn.dialect.name == "postgresql":
        return select(events).where(_has_words(words)).subquery("matching")
    few = conn.scalars(_found(words).limit(_FEW + 1)).all()
    if len(few) > _FEW:
        return None
    ids = select(func.json_each(json.dumps(few)).table_valued("value").c.value)
    # The limit keeps SQLite from looking through other indexes first.
    return select(events).where(events.c.id.in_(ids)).limit(_FEW).subquery("matching")


def between(words: str, ids: Select[tuple[int, int]]) -> Select[tuple[int]]:
    """Return which events from the first to the last of *ids* have *words*, with SQLite."""
    first, last = ids.subquery("first_and_last").c
    bounds = _WORDS.c.rowid.between(select(first).scalar_subquery(), select(last).scalar_subquery())
    return _found(words).where(bounds)


def among(words: str, summaries: Mapping[int, str]) -> set[int]:
    """Return the ids of those *summaries* that have all of *words*, as FTS5 sees it.

    An index of these alone is made for it: where a word is frequent, to find a few of its events in
    the index of all takes the longer, the more there are.
    """
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute(f"CREATE VIRTUAL TABLE page USING fts5(summary, tokenize='{_TOKENS}')")
        memory.executemany("INSERT INTO page (rowid, summary) VALUES (?, ?)", summaries.items())
        found = memory.execute("SELECT rowid FROM page WHERE page MATCH ?", [_quoted(words)])
        return {number for (number,) in found}


def quarter(conn: Connection, moment: ColumnElement[object]) -> ColumnElement[int]:
    """Return the quarter of an hour, counted from 1970, that a time is in."""
    if conn.dialect.name == "postgresql":
        return cast(func.floor(extract("epoch", moment) / _QUARTER), Integer)
    return cast(func.strftime("%s", moment), Integer).op("/")(_QUARTER)


def start_of(quarter: int) -> int:
    """Return the first second, counted from 1970, of what `quarter` gave."""
    return quarter * _QUARTER


def _found(words: str) -> Select[tuple[int]]:
    return select(_WORDS.c.rowid).where(_WORDS.c.event_words.op("MATCH")(_quoted(words)))


def _quoted(words: str) -> str:
    """Return *words* in the language of FTS5, in which a quoted string is never an operator."""
    pieces = (piece.replace('"', '""') for piece in _pieces(words))
    return " ".join(f'"{piece}"' for piece in pieces) or '""'


def _has_words(words: str) -> TextClause:
    """Return the condition on PostgreSQL, in the very words of the index, or it is not used."""
    pieces = {f"piece_{number}": piece for number, piece in enumerate(_pieces(words))}
    phrases = (f"phraseto_tsquery('simple', {_FOLDED.format(f':{name}')})" for name in pieces)
    query = " && ".join(phrases) or "''::tsquery"
    condition = text(f"{_VECTOR.format('events.summary')} @@ ({query})")
    return condition.bindparams(**pieces)


def _pieces(words: str) -> list[str]:
    """Return what stands between the spaces of *words*, each piece once."""
    return list(dict.fromkeys(clean(words).split()))

"""The words of the events' summaries, and time by the quarter: what each database does in its way.

SQLite keeps the words in an FTS5 table beside `events`, by triggers, in the write that changes a
summary; a migration that builds `events` anew makes the triggers anew. PostgreSQL has an index on
the words. Both find whole words, without regard to case, accents and what stands between words.
What a user types is never taken for a query: it is cut at its spaces, and each piece stands for
itself, one of several words for these words in a row.
"""

from collections.abc import Iterable, Iterator, Sequence
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
_VECTOR: Final = f"to_tsvector('simple', {_FOLDED})"

INDEX: Final = {
    "sqlite": (
        """
        CREATE VIRTUAL TABLE event_words USING fts5(summary, content='events',
            content_rowid='id', tokenize='unicode61 remove_diacritics 2')
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

_NEAR = 1000
"""Ids that are no further apart are looked up together."""

_QUARTER: Final = 900
"""Seconds; the offsets of all time zones are multiples of it."""

_WORDS = table("event_words", column("rowid", Integer), column("event_words"))


def are_frequent(conn: Connection, words: str) -> bool:
    """Tell whether so many events have all of *words* that to fetch them is not the way.

    False on PostgreSQL, whose planner knows it and goes its own way in `matching`.
    """
    if conn.dialect.name == "postgresql":
        return False
    few = _found(words).limit(_FEW + 1).subquery()
    return (conn.scalar(select(func.count()).select_from(few)) or 0) > _FEW


def matching(conn: Connection, events: Table, words: str) -> FromClause:
    """Return the events whose summaries have all of *words*, which are rare, to select from.

    Text without a word matches nothing.
    """
    if conn.dialect.name == "postgresql":
        return select(events).where(_has_words(words)).subquery("matching")
    # The limit keeps SQLite from looking through other indexes first.
    rare = select(events).where(events.c.id.in_(_found(words))).limit(_FEW)
    return rare.subquery("matching")


def between(words: str, ids: Select[tuple[int, int]]) -> Select[tuple[int]]:
    """Return which events from the first to the last of *ids* have *words*, with SQLite."""
    first, last = ids.subquery("first_and_last").c
    bounds = _WORDS.c.rowid.between(select(first).scalar_subquery(), select(last).scalar_subquery())
    return _found(words).where(bounds)


def among(conn: Connection, words: str, ids: Iterable[int]) -> set[int]:
    """Return those of *ids*, and perhaps others, whose summaries have *words*, with SQLite.

    Ids rise with time, more or less: the events of a page are a few stretches of the index.
    """
    found: set[int] = set()
    for first, last in _stretches(sorted(ids)):
        found.update(conn.scalars(_found(words).where(_WORDS.c.rowid.between(first, last))))
    return found


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


def _stretches(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of those in *ids*, which rise, that lie near each other."""
    first = last = ids[0]
    for each in ids[1:]:
        if each - last > _NEAR:
            yield first, last
            first = each
        last = each
    yield first, last


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

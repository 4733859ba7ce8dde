"""The words of the events' summaries, and time by the quarter: what each database does in its way.

SQLite keeps the words in an FTS5 table beside `events`, by triggers, in the write that changes a
summary; a migration that builds `events` anew makes the triggers anew. PostgreSQL has an index on
the words. Both find whole words, without regard to case, accents and what stands between words.
What a user types is never taken for a query: it is cut at its spaces, and each piece stands for
itself, one of several words for these words in a row.
"""

from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Table,
    TextClause,
    cast,
    column,
    exists,
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

_FEW = 2000
"""So many matches are fetched and put in order; more than that are not."""

_QUARTER: Final = 900
"""Seconds; the offsets of all time zones are multiples of it."""

_WORDS = table("event_words", column("rowid"), column("event_words"))


def matching(conn: Connection, events: Table, words: str, *, is_walk: bool) -> FromClause:
    """Return the events whose summaries have all of *words*, to select from.

    *is_walk* says that only the latest are wanted, whatever else they are. Text without a word
    matches nothing.
    """
    if conn.dialect.name == "postgresql":
        return select(events).where(_has_words(words)).subquery("matching")
    return _in_word_table(conn, events, _quoted(words), is_walk=is_walk)


def quarter(conn: Connection, moment: ColumnElement[object]) -> ColumnElement[int]:
    """Return the quarter of an hour, counted from 1970, that a time is in."""
    if conn.dialect.name == "postgresql":
        return cast(func.floor(extract("epoch", moment) / _QUARTER), Integer)
    return cast(func.strftime("%s", moment), Integer).op("/")(_QUARTER)


def start_of(quarter: int) -> int:
    """Return the first second, counted from 1970, of what `quarter` gave."""
    return quarter * _QUARTER


def _in_word_table(conn: Connection, events: Table, query: str, *, is_walk: bool) -> FromClause:
    """Choose the plan, which SQLite can't: it knows nothing of how many rows a word has."""
    found = select(_WORDS.c.rowid).where(_WORDS.c.event_words.op("MATCH")(query))
    few = conn.scalars(found.limit(_FEW + 1)).all()
    matching = select(events)
    if len(few) <= _FEW:
        # The limit keeps SQLite from looking through other indexes first.
        matching = matching.where(events.c.id.in_(few)).limit(_FEW)
    elif is_walk:
        same = exists(found.where(_WORDS.c.rowid == events.c.id).correlate(events))
        matching = matching.where(same)
    else:
        # The sum keeps it from fetching all that match before it looks at anything else.
        matching = matching.where(events.c.id.op("+")(0).in_(found))
    return matching.subquery("matching")


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

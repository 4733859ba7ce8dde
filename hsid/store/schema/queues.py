"""The durable queues of a daemon that runs alone."""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from hsid.store.columns import big_key
from hsid.store.schema.base import metadata, partial_index

queue_entries = Table(
    "queue_entries",
    metadata,
    Column("seq", big_key(), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("rank", Integer, nullable=False),
    # Times of the queues are seconds since 1970: compared and added to, never read by people.
    Column("enqueued_at", Float, nullable=False),
    Column("due", Float),
    Column("token", Text),
    Column("begun", Integer, nullable=False, server_default="0"),
    Column("first_error", Text),
    Column("last_error", Text),
    UniqueConstraint("queue", "id"),
    CheckConstraint("rank BETWEEN -2 AND 1", name="rank"),
    partial_index("ix_queue_entries_ready", "queue", "rank", "seq", where="due IS NULL"),
    partial_index("ix_queue_entries_due", "queue", "due", where="due IS NOT NULL"),
)
"""*rank* 0 is fast, 1 is normal; redelivered entries come before both, as -2 and -1.

*due* is when the entry comes back by itself: NULL while it is ready, the end of the lease where it
has a *token*, the time of the retry where it has none.
"""

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("payload", JSON, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("first_error", Text),
    Column("begun", Integer, nullable=False),
    Column("enqueued_at", Float, nullable=False),
    Column("died_at", Float, nullable=False),
    Index("ix_dead_letters_queue_died_at", "queue", "died_at"),
)

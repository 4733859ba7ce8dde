"""What hsid notes about itself and its users: graphics cards, log lines, changes, API keys."""

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Float, Index, Integer, Table, Text

from hsid.store.columns import UtcDateTime, big_key
from hsid.store.schema.base import metadata

gpu_stats = Table(
    "gpu_stats",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("number", Integer, nullable=False),
    Column("uuid", Text),
    Column("name", Text),
    Column("utilization_ratio", Float),
    Column("memory_used_bytes", BigInteger),
    Column("memory_total_bytes", BigInteger),
    Column("temperature_celsius", Float),
    Column("power_watts", Float),
    Index("ix_gpu_stats_recorded_at", "recorded_at"),
)
"""NULL is what a card can't report."""

logs = Table(
    "logs",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    # The number of Python's logging, so that "at least a warning" is a comparison.
    Column("level", Integer, nullable=False),
    Column("logger", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Index("ix_logs_recorded_at", "recorded_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text),
    Column("details", JSON, nullable=False),
    Column("error", Text),
    Index("ix_audit_recorded_at", "recorded_at"),
)
"""Every change that somebody made by control socket or API; *error* says why one failed."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("sha256", Text, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    CheckConstraint("length(sha256) = 64", name="sha256"),
)
"""Never a key itself: only its hash, and the *prefix* by which its owner knows it."""

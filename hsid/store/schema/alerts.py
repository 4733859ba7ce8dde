"""What becomes of an event: earlier verdicts on it, the star that keeps it, whom it is told to.

All of these go with their event.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from hsid.model import AnalysisKind, EventState, Severity
from hsid.store.columns import UtcDateTime, big_key
from hsid.store.schema.base import metadata, one_of, partial_index

DUE = "state = 'pending'"

ALERT_STATES = ("pending", "sent", "suppressed", "acknowledged")
DELIVERY_STATES = ("pending", "delivered", "failed")


def _event_id() -> Column[int]:
    return Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), nullable=False)


event_revisions = Table(
    "event_revisions",
    metadata,
    Column("id", big_key(), primary_key=True),
    _event_id(),
    Column("revision", Integer, nullable=False),
    Column("risk_score", Integer, nullable=False),
    Column("risk_level", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("analysis", Text, nullable=False),
    Column("analyst", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("risk_score >= 0 AND risk_score <= 100", name="risk_score"),
    one_of("risk_level", Severity),
    one_of("analysis", AnalysisKind),
    one_of("state", EventState),
    Index("ix_event_revisions_event_id_id", "event_id", "id"),
)
"""What an event said before its verdict was replaced, with the time at which it had said so."""

stars = Table(
    "stars",
    metadata,
    Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("starred_at", UtcDateTime, nullable=False),
)
"""Events that somebody wants to keep: retention leaves them and what belongs to them."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", big_key(), primary_key=True),
    _event_id(),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    one_of("state", ALERT_STATES),
    UniqueConstraint("event_id", "rule"),
    Index("ix_alerts_rule_created_at", "rule", "created_at"),
)
"""One for each event and rule that it met, told or not; *reason* says why it was not."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("alert_id", ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("error", Text),
    one_of("state", DELIVERY_STATES),
    CheckConstraint("tries >= 0", name="tries"),
    UniqueConstraint("alert_id", "channel"),
    partial_index("ix_deliveries_due", "due_at", where=DUE),
)
"""The outbox: an alert on its way through one channel, until that has taken it or was given up."""

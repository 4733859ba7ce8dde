"""The classes of each event beside it, so that the events of a class are a walk along an index."""

import sqlalchemy as sa
from alembic import op

from hsid.store.columns import UtcDateTime, big_key

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, filled from the detections that there are."""
    op.create_table(
        "event_labels",
        sa.Column("event_id", big_key(), autoincrement=False, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["events.id"],
            name=op.f("fk_event_labels_event_id_events"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_id", "label", name=op.f("pk_event_labels")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO event_labels (event_id, label, started_at)"
        " SELECT DISTINCT events.id, detections.label, events.started_at"
        " FROM events JOIN detections ON detections.batch_id = events.batch_id"
    )
    op.create_index(
        "ix_event_labels_label_started_at_event_id",
        "event_labels",
        ["label", "started_at", "event_id"],
        unique=False,
    )

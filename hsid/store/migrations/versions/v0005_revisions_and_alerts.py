"""Earlier verdicts on an event, its star, and whom it is told to."""

import sqlalchemy as sa
from alembic import op

from hsid.store.columns import UtcDateTime, big_key

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables that go with an event."""
    _create_event_revisions()
    _create_stars()
    _create_alerts()
    _create_deliveries()


def _create_event_revisions() -> None:
    op.create_table(
        "event_revisions",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("event_id", big_key(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("risk_score", sa.Integer(), nullable=False),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("analysis", sa.Text(), nullable=False),
        sa.Column("analyst", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "analysis IN ('model', 'rules')", name=op.f("ck_event_revisions_analysis")
        ),
        sa.CheckConstraint(
            "risk_level IN ('critical', 'high', 'low', 'medium')",
            name=op.f("ck_event_revisions_risk_level"),
        ),
        sa.CheckConstraint(
            "state IN ('final', 'provisional')", name=op.f("ck_event_revisions_state")
        ),
        sa.CheckConstraint(
            "risk_score >= 0 AND risk_score <= 100", name=op.f("ck_event_revisions_risk_score")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["events.id"],
            name=op.f("fk_event_revisions_event_id_events"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_revisions")),
    )
    op.create_index(
        "ix_event_revisions_event_id_id", "event_revisions", ["event_id", "id"], unique=False
    )


def _create_stars() -> None:
    op.create_table(
        "stars",
        sa.Column("event_id", big_key(), nullable=False),
        sa.Column("starred_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_stars_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_stars")),
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("event_id", big_key(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('acknowledged', 'pending', 'sent', 'suppressed')",
            name=op.f("ck_alerts_state"),
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_alerts_event_id_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("event_id", "rule", name=op.f("uq_alerts_event_id_rule")),
    )
    op.create_index("ix_alerts_rule_created_at", "alerts", ["rule", "created_at"], unique=False)


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("alert_id", big_key(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('delivered', 'failed', 'pending')", name=op.f("ck_deliveries_state")
        ),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_deliveries_tries")),
        sa.ForeignKeyConstraint(
            ["alert_id"],
            ["alerts.id"],
            name=op.f("fk_deliveries_alert_id_alerts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("alert_id", "channel", name=op.f("uq_deliveries_alert_id_channel")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )

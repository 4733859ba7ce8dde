"""Baselines: what each camera sees in which hour of the week."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of the baselines."""
    _create_baselines()
    _create_baseline_weeks()


def _create_baselines() -> None:
    op.create_table(
        "baselines",
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("latest_week", sa.Integer(), nullable=False),
        sa.Column("times_latest_week", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("hour BETWEEN 0 AND 167", name=op.f("ck_baselines_hour")),
        sa.CheckConstraint(
            "times_latest_week BETWEEN 0 AND times", name=op.f("ck_baselines_times")
        ),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_baselines_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("camera_id", "label", "hour", name=op.f("pk_baselines")),
    )


def _create_baseline_weeks() -> None:
    op.create_table(
        "baseline_weeks",
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("week", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_baseline_weeks_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("camera_id", "week", name=op.f("pk_baseline_weeks")),
    )

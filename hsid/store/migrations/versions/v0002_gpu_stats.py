"""The history of the graphics cards."""

import sqlalchemy as sa
from alembic import op

from hsid.store.columns import UtcDateTime, big_key

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table and the index by which it is read and pruned."""
    op.create_table(
        "gpu_stats",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("utilization_ratio", sa.Float(), nullable=True),
        sa.Column("memory_used_bytes", sa.BigInteger(), nullable=True),
        sa.Column("memory_total_bytes", sa.BigInteger(), nullable=True),
        sa.Column("temperature_celsius", sa.Float(), nullable=True),
        sa.Column("power_watts", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gpu_stats")),
    )
    op.create_index("ix_gpu_stats_recorded_at", "gpu_stats", ["recorded_at"], unique=False)

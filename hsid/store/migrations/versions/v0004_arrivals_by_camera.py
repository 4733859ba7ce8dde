"""Uploads of one camera in order of arrival: what retention walks along."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the index."""
    columns = ["camera_id", "received_at", "id"]
    op.create_index("ix_uploads_arrivals", "uploads", columns, unique=False)

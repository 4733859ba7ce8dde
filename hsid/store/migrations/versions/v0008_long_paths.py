"""PostgreSQL tells file versions apart by a digest of the path: its indexes take no long text."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Put an index over the digest in place of the constraint over the path."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_constraint("uq_uploads_path_inode_size_mtime_ns", "uploads")
    op.create_index(
        "uq_uploads_version",
        "uploads",
        ["inode", "size", "mtime_ns", sa.text("md5(path)")],
        unique=True,
    )

"""The first schema: ledger, detections, batches, events and the embedded queues."""

import sqlalchemy as sa
from alembic import op

from hsid.store.columns import Unsigned64, UtcDateTime, big_key

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables, referenced ones first."""
    _create_cameras()
    _create_dead_letters()
    _create_queue_entries()
    _create_upload_counts()
    _create_batches()
    _create_uploads()
    _create_dedupe()
    _create_detections()
    _create_events()


def _create_cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("last_seen_at", UtcDateTime(), nullable=True),
        sa.Column("last_stored_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "place IN ('driveway', 'entrance', 'indoor', 'street', 'yard')",
            name=op.f("ck_cameras_place"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cameras")),
    )


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("first_error", sa.Text(), nullable=True),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.Column("enqueued_at", sa.Float(), nullable=False),
        sa.Column("died_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "id", name=op.f("pk_dead_letters")),
    )
    op.create_index(
        "ix_dead_letters_queue_died_at", "dead_letters", ["queue", "died_at"], unique=False
    )


def _create_queue_entries() -> None:
    op.create_table(
        "queue_entries",
        sa.Column("seq", big_key(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("enqueued_at", sa.Float(), nullable=False),
        sa.Column("due", sa.Float(), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("begun", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_error", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint("rank BETWEEN -2 AND 1", name=op.f("ck_queue_entries_rank")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_queue_entries")),
        sa.UniqueConstraint("queue", "id", name=op.f("uq_queue_entries_queue_id")),
    )
    op.create_index(
        "ix_queue_entries_due",
        "queue_entries",
        ["queue", "due"],
        unique=False,
        sqlite_where=sa.text("due IS NOT NULL"),
        postgresql_where=sa.text("due IS NOT NULL"),
    )
    op.create_index(
        "ix_queue_entries_ready",
        "queue_entries",
        ["queue", "rank", "seq"],
        unique=False,
        sqlite_where=sa.text("due IS NULL"),
        postgresql_where=sa.text("due IS NULL"),
    )


def _create_upload_counts() -> None:
    op.create_table(
        "upload_counts",
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("total >= 0", name=op.f("ck_upload_counts_total")),
        sa.PrimaryKeyConstraint("outcome", "reason", name=op.f("pk_upload_counts")),
    )


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("state IN ('closed', 'open')", name=op.f("ck_batches_state")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_batches_span")),
        sa.CheckConstraint("revision >= 0", name=op.f("ck_batches_revision")),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_batches_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(
        "ix_batches_camera_id_ended_at", "batches", ["camera_id", "ended_at"], unique=False
    )
    op.create_index(
        "ix_batches_open",
        "batches",
        ["camera_id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("inode", Unsigned64(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("captured_at", UtcDateTime(), nullable=False),
        sa.Column("capture_source", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("detector", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "capture_source IN ('arrival', 'exif', 'mtime', 'name')",
            name=op.f("ck_uploads_capture_source"),
        ),
        sa.CheckConstraint(
            "state <> 'dead' OR reason IS NOT NULL", name=op.f("ck_uploads_dead_with_error")
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR reason IS NOT NULL", name=op.f("ck_uploads_refused_with_reason")
        ),
        sa.CheckConstraint(
            "state IN ('analysed', 'dead', 'detected', 'duplicate', 'nothing_seen', "
            "'queued', 'received', 'refused')",
            name=op.f("ck_uploads_state"),
        ),
        sa.CheckConstraint("size >= 0", name=op.f("ck_uploads_size")),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_uploads_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint(
            "path", "inode", "size", "mtime_ns", name=op.f("uq_uploads_path_inode_size_mtime_ns")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_uploads_state_id", "uploads", ["state", "id"], unique=False)
    op.create_index(
        "ix_uploads_unfinished",
        "uploads",
        ["camera_id", "captured_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('received', 'queued')"),
        postgresql_where=sa.text("state IN ('received', 'queued')"),
    )


def _create_dedupe() -> None:
    op.create_table(
        "dedupe",
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("upload_id", big_key(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_dedupe_camera_id_cameras")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["uploads.id"],
            name=op.f("fk_dedupe_upload_id_uploads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("camera_id", "sha256", name=op.f("pk_dedupe")),
    )
    op.create_index(op.f("ix_dedupe_upload_id"), "dedupe", ["upload_id"], unique=False)


def _create_detections() -> None:
    op.create_table(
        "detections",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("upload_id", big_key(), nullable=False),
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "confidence >= 0 AND confidence <= 1", name=op.f("ck_detections_confidence")
        ),
        sa.CheckConstraint("width >= 0 AND height >= 0", name=op.f("ck_detections_box")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_detections_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_detections_camera_id_cameras")
        ),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name=op.f("fk_detections_upload_id_uploads")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_detections")),
    )
    op.create_index(op.f("ix_detections_batch_id"), "detections", ["batch_id"], unique=False)
    op.create_index(
        "ix_detections_unbatched",
        "detections",
        ["camera_id", "upload_id"],
        unique=False,
        sqlite_where=sa.text("batch_id IS NULL"),
        postgresql_where=sa.text("batch_id IS NULL"),
    )
    op.create_index(op.f("ix_detections_upload_id"), "detections", ["upload_id"], unique=False)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", big_key(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("camera_id", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("risk_score", sa.Integer(), nullable=False),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("analysis", sa.Text(), nullable=False),
        sa.Column("analyst", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("analysis IN ('model', 'rules')", name=op.f("ck_events_analysis")),
        sa.CheckConstraint(
            "risk_level IN ('critical', 'high', 'low', 'medium')", name=op.f("ck_events_risk_level")
        ),
        sa.CheckConstraint("state IN ('final', 'provisional')", name=op.f("ck_events_state")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_events_span")),
        sa.CheckConstraint(
            "risk_score >= 0 AND risk_score <= 100", name=op.f("ck_events_risk_score")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_events_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_events_camera_id_cameras")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("batch_id", name=op.f("uq_events_batch_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_started_at_id", "events", ["started_at", "id"], unique=False)

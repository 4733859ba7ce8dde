"""From the camera to the event: the ledger, what was seen in it, and how it was judged.

States and levels are text with a CHECK: readable by hand, and a value that hsid does not know is
refused at once.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from hsid.model import (
    AnalysisKind,
    BatchState,
    CaptureSource,
    EventState,
    Place,
    Severity,
    UploadState,
)
from hsid.store import words
from hsid.store.columns import Unsigned64, UtcDateTime, big_key
from hsid.store.schema.base import also, metadata, one_of, partial_index

# Conditions of partial indexes. SQLite uses such an index only for a query that says the same with
# the values spelled out, so queries repeat them with `text(...)`.
UNFINISHED = "state IN ('received', 'queued')"
OPEN = "state = 'open'"
PROVISIONAL = "state = 'provisional'"

cameras = Table(
    "cameras",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("place", Text),
    Column("timezone", Text),
    Column("last_seen_at", UtcDateTime),
    Column("last_stored_at", UtcDateTime),
    one_of("place", Place),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("camera_id", ForeignKey("cameras.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("inode", Unsigned64, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("captured_at", UtcDateTime, nullable=False),
    Column("capture_source", Text, nullable=False),
    Column("mime_type", Text),
    Column("sha256", Text),
    Column("reason", Text),
    Column("detail", Text),
    # No foreign key: which upload it repeated stays known when that one's row is gone.
    Column("duplicate_of", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("detector", Text),
    UniqueConstraint("path", "inode", "size", "mtime_ns").ddl_if(dialect="sqlite"),
    one_of("state", UploadState),
    one_of("capture_source", CaptureSource),
    CheckConstraint("size >= 0", name="size"),
    CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refused_with_reason"),
    CheckConstraint("state <> 'dead' OR reason IS NOT NULL", name="dead_with_error"),
    Index("ix_uploads_state_id", "state", "id"),
    Index("ix_uploads_arrivals", "camera_id", "received_at", "id"),
    partial_index("ix_uploads_unfinished", "camera_id", "captured_at", where=UNFINISHED),
    # An id that came back after its row was deleted would be taken for the old queue entry's.
    sqlite_autoincrement=True,
)

# An index of PostgreSQL refuses long text, and a path may have 4,095 bytes of any kind.
also(
    uploads,
    "CREATE UNIQUE INDEX uq_uploads_version ON uploads (inode, size, mtime_ns, md5(path))",
    dialect="postgresql",
)

upload_counts = Table(
    "upload_counts",
    metadata,
    Column("outcome", Text, primary_key=True),
    Column("reason", Text, primary_key=True, server_default=""),
    Column("total", BigInteger, nullable=False),
    CheckConstraint("total >= 0", name="total"),
)
"""Cumulative: rows may be deleted, what was counted stays counted."""

dedupe = Table(
    "dedupe",
    metadata,
    Column("camera_id", ForeignKey("cameras.id"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("upload_id", ForeignKey("uploads.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("claimed_at", UtcDateTime, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("camera_id", ForeignKey("cameras.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    one_of("state", BatchState),
    CheckConstraint("revision >= 0", name="revision"),
    CheckConstraint("ended_at >= started_at", name="span"),
    Index("ix_batches_camera_id_ended_at", "camera_id", "ended_at"),
    partial_index("ix_batches_open", "camera_id", where=OPEN),
)

detections = Table(
    "detections",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("upload_id", ForeignKey("uploads.id"), nullable=False, index=True),
    Column("camera_id", ForeignKey("cameras.id"), nullable=False),
    Column("batch_id", ForeignKey("batches.id"), index=True),
    Column("label", Text, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    CheckConstraint("confidence >= 0 AND confidence <= 1", name="confidence"),
    CheckConstraint("width >= 0 AND height >= 0", name="box"),
    partial_index("ix_detections_unbatched", "camera_id", "upload_id", where="batch_id IS NULL"),
)

events = Table(
    "events",
    metadata,
    Column("id", big_key(), primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False, unique=True),
    Column("camera_id", ForeignKey("cameras.id"), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("risk_score", Integer, nullable=False),
    Column("risk_level", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("analysis", Text, nullable=False),
    Column("analyst", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("risk_score >= 0 AND risk_score <= 100", name="risk_score"),
    one_of("risk_level", Severity),
    one_of("analysis", AnalysisKind),
    one_of("state", EventState),
    CheckConstraint("ended_at >= started_at", name="span"),
    Index("ix_events_started_at_id", "started_at", "id"),
    Index("ix_events_camera_id_started_at_id", "camera_id", "started_at", "id"),
    Index("ix_events_risk_level_started_at_id", "risk_level", "started_at", "id"),
    partial_index("ix_events_provisional", "started_at", "id", where=PROVISIONAL),
    sqlite_autoincrement=True,
)

event_labels = Table(
    "event_labels",
    metadata,
    Column("event_id", ForeignKey("events.id", ondelete="CASCADE"), primary_key=True),
    Column("label", Text, primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Index("ix_event_labels_label_started_at_event_id", "label", "started_at", "event_id"),
    sqlite_with_rowid=False,
)
"""The classes that an event's verdict was told of, and when the event began: to be walked along."""

for _dialect, _statements in words.INDEX.items():
    for _statement in _statements:
        also(events, _statement, dialect=_dialect)

baselines = Table(
    "baselines",
    metadata,
    Column("camera_id", ForeignKey("cameras.id"), primary_key=True),
    Column("label", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("times", BigInteger, nullable=False),
    Column("latest_week", Integer, nullable=False),
    Column("times_latest_week", BigInteger, nullable=False),
    CheckConstraint("hour BETWEEN 0 AND 167", name="hour"),
    CheckConstraint("times_latest_week BETWEEN 0 AND times", name="times"),
)
"""How many batches of a camera showed a class in an *hour* of the week, Monday's first being 0.

Cumulative. What the latest week had part in it is known, as no week is measured by itself.
"""

baseline_weeks = Table(
    "baseline_weeks",
    metadata,
    Column("camera_id", ForeignKey("cameras.id"), primary_key=True),
    Column("week", Integer, primary_key=True, autoincrement=False),
)
"""The weeks in which a camera saw anything, by number: those that `baselines` counts over."""

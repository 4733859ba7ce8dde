"""A house with a history: real files, a real database, and a clock of its own."""

import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import trio
from sqlalchemy import select

from hsid.batching import CloseBatch, StartBatch
from hsid.cli.retention_runs import Looking, Working
from hsid.model import (
    AnalysisKind,
    Arrival,
    Box,
    CaptureSource,
    Detection,
    EventState,
    FileVersion,
    Severity,
    Verdict,
)
from hsid.retention.disk import Places
from hsid.retention.sweep import Sweep
from hsid.retention_policy.decision import Limits
from hsid.store import batches, events, schema, stars, uploads
from hsid.store.database import open_database, open_read_only

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Home:
    """Cameras' files under `root`, what hsid keeps under `data`."""

    def __init__(self, folder, url=None):
        self.root, self.data = folder / "cameras", folder / "data"
        self.root.mkdir()
        (self.data / "logs").mkdir(parents=True)
        self.url = url or f"sqlite:///{self.data}/security.db"
        self.database = open_database(self.url)
        log = self.data / "logs" / "security.log"
        self.path = self.data / "security.db"
        self.media = self.data / "clips", self.data / "thumbnails"
        self.places = Places(self.path, log, self.root, self.media)

    def picture(self, name, content=b"picture"):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def version_of(self, name):
        status = (self.root / name).lstat()
        return FileVersion(name, status.st_ino, status.st_size, status.st_mtime_ns)

    def receive(self, name, *, days, refusal=None, captured_at=None, sha256=None):
        """Write a file, and enter it as what arrived so many days ago; return its id."""
        self.picture(name, name.encode())
        moment = NOW - days * DAY
        arrival = Arrival(
            version=self.version_of(name),
            camera_id=name.partition("/")[0],
            received_at=moment,
            captured_at=captured_at or moment,
            capture_source=CaptureSource.EXIF,
            mime_type="image/jpeg",
            sha256=sha256 or f"{hash(name) % 2**64:064x}",
            refusal=refusal,
        )
        with self.database.transaction() as conn:
            (upload,) = uploads.receive(conn, [arrival], dedupe_ttl=300)
        return upload.id

    def see(self, name, *, days, count=1, **more):
        """Receive a file with *count* persons in it."""
        upload_id = self.receive(name, days=days, **more)
        person = Detection("person", 0.9, Box(1, 2, 3, 4))
        with self.database.transaction() as conn:
            uploads.record_detections(
                conn, upload_id, [person] * count, width=9, height=9, detector="test"
            )
        return upload_id

    def batch(self, batch_id, camera, *upload_ids, is_judged=True, summary="somebody"):
        """Put uploads into a closed batch, with an event unless it still waits."""
        start = StartBatch(batch_id, upload_ids, NOW, NOW)
        with self.database.transaction() as conn:
            batches.apply(conn, camera, [start, CloseBatch(batch_id, 1)])
            if is_judged:
                events.store_verdict(
                    conn,
                    batches.get(conn, batch_id),
                    Verdict(50, summary, "because", AnalysisKind.RULES, "test"),
                    revision=1,
                    level=Severity.MEDIUM,
                    state=EventState.FINAL,
                    upload_ids=upload_ids,
                )

    def judged(self, name, *, days, summary="somebody", **more):
        """Let a file be all of a batch that has its event; return the upload's id."""
        upload_id = self.see(name, days=days, **more)
        self.batch(f"batch of {name}", name.partition("/")[0], upload_id, summary=summary)
        return upload_id

    def star(self, batch_id):
        """Keep the event of a batch."""
        with self.database.transaction() as conn:
            of_batch = select(schema.events.c.id).where(schema.events.c.batch_id == batch_id)
            assert stars.star(conn, conn.scalar(of_batch))

    def log(self, name, *, days, size=100):
        return self.own_file(f"logs/{name}", days=days, size=size)

    def own_file(self, name, *, days, size=100):
        """Write a file of hsid's own that was last written so many days ago."""
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        moment = (NOW - days * DAY).timestamp()
        os.utime(path, (moment, moment))
        return path

    def sweep(self, *, is_dry_run=False, **limits):
        """Sweep once; return the result and what was told, item by item."""
        items = []
        wanted = Limits(**{"keep_for": 30 * DAY, "keep_logs_for": 7 * DAY} | limits)

        def run(database):
            sweep = Sweep(
                database,
                wanted,
                self.places,
                is_dry_run=is_dry_run,
                report=items.append,
                now=lambda: NOW,
            )
            return trio.run(sweep.run)

        if is_dry_run:
            with open_read_only(self.url) as database:
                return run(Looking(database)), items
        return run(Working(self.database)), items

    def ids(self, table):
        with self.database.transaction() as conn:
            return set(conn.scalars(select(schema.metadata.tables[table].c.id)))

    def contents(self):
        """Return all rows and all files that there are."""
        with self.database.transaction() as conn:
            rows = {
                (table.name, *map(str, row))
                for table in schema.metadata.sorted_tables
                for row in conn.execute(select(table))
            }
        return rows | {str(path) for path in self.root.parent.rglob("*") if path.is_file()}

    def adds_up(self):
        with self.database.transaction() as conn:
            return uploads.accounting(conn).is_balanced


def kinds(items):
    """Return how many items there are of each kind."""
    return Counter(item.kind.value for item in items)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.database.close()

"""Migrations: the chain gives today's schema, and nothing is lost or half done on the way."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from shutil import copy2

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from hsid.store import migration
from hsid.store.database import open_database, open_read_only
from hsid.store.errors import (
    ForeignDatabaseError,
    SchemaOutdatedError,
    SchemaTooNewError,
    StoreCorruptError,
    StoreUnavailableError,
)
from hsid.store.schema import metadata
from hsid.store.search import EventQuery, search
from hsid.store.sqlite import SqliteDatabase

NEXT = f"""
from alembic import op

revision = "next"
down_revision = "{migration.HEAD}"


def upgrade():
    {{}}
"""

FIRST_EVENT = """
INSERT INTO cameras (id, name) VALUES ('gate', 'Gate');
INSERT INTO batches (id, camera_id, state, started_at, ended_at)
VALUES ('b1', 'gate', 'closed', '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000');
INSERT INTO events (batch_id, camera_id, started_at, ended_at, risk_score, risk_level, summary,
    reasoning, analysis, analyst, state, revision, created_at, updated_at)
SELECT id, camera_id, started_at, ended_at, 5, 'low', 'a cat',
    '', 'rules', 'rules', 'final', 1, ended_at, ended_at FROM batches;
INSERT INTO uploads (camera_id, path, inode, size, mtime_ns, state, received_at, captured_at,
    capture_source)
SELECT camera_id, 'a.jpg', 1, 2, 3, 'analysed', started_at, started_at, 'exif' FROM batches;
INSERT INTO detections (upload_id, camera_id, batch_id, label, confidence, x, y, width, height)
SELECT uploads.id, uploads.camera_id, 'b1', label, 0.9, 1, 2, 3, 4
FROM uploads, (SELECT 'cat' AS label UNION ALL SELECT 'cat' UNION ALL SELECT 'dog');
"""

ADD_COLUMN = 'op.execute("ALTER TABLE cameras ADD COLUMN colour TEXT")'


@pytest.fixture
def populated(path):
    """A database of this program's revision with a camera and an upload in it."""
    with open_database(path) as database, database.transaction() as conn:
        conn.execute(text("INSERT INTO cameras (id, name) VALUES ('gate', 'Gate')"))
        conn.execute(
            text(
                "INSERT INTO uploads (camera_id, path, inode, size, mtime_ns, state, received_at,"
                " captured_at, capture_source) VALUES ('gate', 'a.jpg', 1, 2, 3, 'received',"
                " '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000', 'exif')"
            )
        )
    return path


@pytest.fixture
def migrate(tmp_path):
    """Return a function that runs one more step on a database."""

    def run(path, step):
        versions = tmp_path / "more"
        versions.mkdir()
        (versions / "next.py").write_text(NEXT.format(step))
        with open_database(path) as database:
            chain = (migration.VERSIONS, versions)
            migration.migrate(database.connection(), path, versions=chain)

    return run


def fetch(path, query):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def schema_of(path):
    """Return what makes up each table and index; spaces, quotes and order aside."""
    made = {}
    for name, sql in fetch(path, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        plain = re.sub(r"\s+", " ", sql.replace('"', "")).removesuffix(")").strip()
        made[name] = sorted(re.split(r", (?=CONSTRAINT)", plain))
    made.pop(migration.VERSION_TABLE, None)
    return made


def is_ours(name, kind, _parents):
    """Leave out what FTS5 makes by itself: the statements are compared below."""
    return kind != "table" or not name.startswith("event_words")


def revision_of(path):
    return fetch(path, "SELECT version_num FROM hsid_schema_version")[0][0]


def backups(path):
    return sorted(path.parent.glob("*.backup*"))


def test_the_chain_builds_exactly_the_schema_of_the_program(path, tmp_path):
    """Alembic sees no difference, and neither do the statements: checks and indexes included."""
    engine = create_engine(f"sqlite:///{tmp_path / 'model.db'}")
    metadata.create_all(engine)
    engine.dispose()
    with open_database(path) as database:
        options = {"version_table": migration.VERSION_TABLE, "include_name": is_ours}
        context = MigrationContext.configure(database.connection(), opts=options)
        assert compare_metadata(context, metadata) == []
    assert schema_of(path) == schema_of(tmp_path / "model.db")


def test_head_is_the_last_of_the_scripts(path):
    """The quick check at start compares with what the chain really ends in."""
    open_database(path).close()
    assert revision_of(path) == migration.HEAD


def test_a_database_that_is_up_to_date_costs_no_alembic(populated):
    """Every start but the first after an update does without importing it, and without a backup."""
    script = (
        "import sys; from pathlib import Path; from hsid.store.database import open_database;"
        f"open_database(Path({str(populated)!r})).close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert backups(populated) == []


def test_a_migration_keeps_the_data_and_leaves_a_backup(populated, migrate):
    """The backup is a whole database of the old revision, in one file named after it."""
    migrate(populated, ADD_COLUMN)
    (backup,) = backups(populated)
    assert f".schema-{migration.HEAD}." in backup.name
    assert (revision_of(populated), revision_of(backup)) == ("next", migration.HEAD)
    for file in (populated, backup):
        assert fetch(file, "SELECT count(*) FROM uploads") == [(1,)]


def test_a_database_of_the_first_release_is_brought_to_today(path, tmp_path):
    """Whatever came since is added at the next start, and what it holds is kept."""
    first = tmp_path / "first"
    first.mkdir()
    script = "v0001_first_schema.py"
    (first / script).write_bytes((migration.VERSIONS / script).read_bytes())
    path.touch()
    with SqliteDatabase(path) as database:
        migration.migrate(database.connection(), path, versions=[first])
        with database.transaction() as conn:
            conn.execute(text("INSERT INTO cameras (id, name) VALUES ('gate', 'Gate')"))
    assert revision_of(path) == "0001"

    open_database(path).close()

    assert revision_of(path) == migration.HEAD
    assert fetch(path, "SELECT id FROM cameras") == [("gate",)]
    assert len(backups(path)) == 1


def test_events_of_the_first_release_are_found_by_words_and_classes(path, tmp_path):
    """The indexes are filled with what there is, and kept from then on."""
    first = tmp_path / "first"
    first.mkdir()
    copy2(migration.VERSIONS / "v0001_first_schema.py", first)
    path.touch()
    with SqliteDatabase(path) as database:
        migration.migrate(database.connection(), path, versions=[first])
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_EVENT)
    with open_database(path) as database, database.transaction() as conn:
        (event,) = search(conn, EventQuery(words="cat"), 9)
        assert search(conn, EventQuery(label="cat"), 9) == [event]
        assert search(conn, EventQuery(label="dog"), 9) == [event]
        assert (event.batch_id, revision_of(path)) == ("b1", migration.HEAD)
        conn.execute(text("UPDATE events SET summary = 'a dog'"))
        assert search(conn, EventQuery(words="cat"), 9) == []


def test_a_table_with_references_can_be_rebuilt(populated, migrate):
    """Foreign keys rest while a table is replaced, and hold again afterwards."""
    batch = "op.batch_alter_table('cameras', recreate='always')"
    migrate(populated, f"with {batch} as table: table.alter_column('name', nullable=True)")
    assert fetch(populated, "SELECT id, name FROM cameras") == [("gate", "Gate")]
    assert fetch(populated, "PRAGMA foreign_key_check") == []


def test_a_migration_that_breaks_references_is_undone(populated, migrate):
    """It is found before the commit: data and revision are as they were, the backup is there."""
    with pytest.raises(migration.MigrationError, match="uploads"):
        migrate(populated, 'op.execute("DELETE FROM cameras")')
    assert revision_of(populated) == migration.HEAD
    assert fetch(populated, "SELECT count(*) FROM cameras") == [(1,)]
    assert len(backups(populated)) == 1


def test_a_migration_that_fails_halfway_is_undone(populated, migrate):
    """The statement that fails takes everything before it along."""
    with pytest.raises(Exception, match="no such table"):
        migrate(populated, 'op.execute("DELETE FROM cameras"); op.execute("DELETE FROM nowhere")')
    assert revision_of(populated) == migration.HEAD
    assert fetch(populated, "SELECT count(*) FROM cameras") == [(1,)]


@pytest.mark.parametrize("opening", [open_database, open_read_only])
def test_a_newer_schema_is_refused(populated, migrate, opening):
    """A program never misreads what a newer one wrote, and says what to do."""
    migrate(populated, ADD_COLUMN)
    with pytest.raises(SchemaTooNewError, match=r"next.*newer hsid"):
        opening(populated)


@pytest.mark.parametrize("opening", [open_database, open_read_only])
def test_a_database_of_another_program_is_refused(path, opening):
    """Tables without hsid's version are somebody else's; not a byte of them is changed."""
    fetch(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(ForeignDatabaseError, match="another program"):
        opening(path)
    assert path.read_bytes() == before


def test_looking_does_not_migrate(path):
    """A command that only reads leaves an old database to the daemon, and says so."""
    path.touch()
    with pytest.raises(SchemaOutdatedError, match="start the daemon"):
        open_read_only(path)
    assert path.stat().st_size == 0


def test_there_must_be_a_database_to_look_at(path):
    """Looking makes no file."""
    with pytest.raises(StoreUnavailableError, match="no database"):
        open_read_only(path)
    assert not path.exists()


def test_a_file_that_is_no_database_is_called_damaged(path):
    """It is not overwritten either."""
    path.write_bytes(b"a picture, perhaps" * 1000)
    with pytest.raises(StoreCorruptError):
        open_database(path)
    assert path.read_bytes().startswith(b"a picture")

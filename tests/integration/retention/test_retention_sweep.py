"""A sweep over real rows and real files: what goes, and above all what stays."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from hsid.cli.retention_runs import Working
from hsid.model import RefusalReason
from hsid.store import uploads
from hsid.store.schema import detections
from hsid.store.schema import uploads as table
from tests.integration.retention.conftest import Home


@pytest.fixture
def home(tmp_path, database_url):
    """On both databases: what goes does not depend on which it is."""
    home = Home(tmp_path, database_url)
    yield home
    home.database.close()


def names(items, kind):
    return [item.name for item in items if item.kind == kind]


def row_of(home, upload_id):
    with home.database.transaction() as conn:
        return conn.execute(select(table).where(table.c.id == upload_id)).one_or_none()


def test_what_is_older_than_the_limit_goes_and_the_young_stays(home):
    """Events, batches and detections of old arrivals; the ledger keeps the key of the file."""
    old, young = home.judged("gate/1.jpg", days=31), home.judged("gate/2.jpg", days=29)
    result, _ = home.sweep()
    assert result.counts == {"event": 1, "batch": 1, "details": 1}
    assert home.ids("batches") == {"batch of gate/2.jpg"}
    assert home.ids("uploads") == {old, young}
    assert row_of(home, old).mime_type is None
    assert row_of(home, young).mime_type == "image/jpeg"
    assert home.adds_up()


@pytest.mark.parametrize("year", [1970, 2000, 2038])
def test_age_counts_from_the_arrival_whatever_the_camera_thinks(home, year):
    """A picture of 1970 that arrived today is young, one of 2038 from last month is old."""
    home.judged("gate/0.jpg", days=200)
    captured = datetime(year, 1, 1, tzinfo=UTC)
    home.judged("gate/new.jpg", days=2, captured_at=captured)
    home.judged("gate/old.jpg", days=40, captured_at=captured)
    home.sweep()
    assert home.ids("batches") == {"batch of gate/new.jpg"}


def test_a_file_date_makes_nothing_old(home):
    """Touched to 1990 on arrival, it is as young as its arrival."""
    home.judged("gate/0.jpg", days=200)
    path = home.picture("gate/1.jpg", b"gate/1.jpg")
    os.utime(path, (0, 0))
    home.judged("gate/1.jpg", days=1)
    home.sweep(delete_images=True)
    assert home.ids("batches") == {"batch of gate/1.jpg"}
    assert path.exists()


def test_what_waits_is_not_touched_however_old_it_is(home):
    """Received, queued, detected without a batch or a verdict: row, detections and file stay."""
    ids = [home.receive("gate/0.jpg", days=99), home.receive("gate/1.jpg", days=99)]
    with home.database.transaction() as conn:
        uploads.mark_queued(conn, ids[1])
    home.see("gate/2.jpg", days=99)
    home.batch("waits", "gate", home.see("gate/3.jpg", days=99), is_judged=False)
    before = home.contents()
    result, items = home.sweep(delete_images=True)
    assert (result.counts, items) == ({}, [])
    assert home.contents() == before


def test_a_batch_is_as_young_as_its_latest_arrival(home):
    """One late picture keeps the whole incident."""
    members = [home.see("gate/1.jpg", days=40), home.see("gate/2.jpg", days=3)]
    home.batch("long", "gate", *members)
    home.judged("gate/0.jpg", days=99)
    home.sweep()
    assert home.ids("batches") == {"long"}
    assert len(home.ids("detections")) == 2
    assert row_of(home, members[0]).mime_type == "image/jpeg"


def test_a_case_that_is_spread_over_pages_goes_as_a_whole(home, monkeypatch):
    """Pages are of rows; a batch is decided at its last one."""
    monkeypatch.setattr("hsid.retention.sweep._PAGE", 2)
    members = [home.see(f"gate/{n}.jpg", days=40) for n in range(5)]
    home.batch("long", "gate", *members)
    result, _ = home.sweep()
    assert result.counts == {"event": 1, "batch": 1, "details": 5}
    assert not home.ids("detections")


def test_a_row_goes_when_its_file_has_gone_and_its_folder_has_not(home):
    """The user tidied up: nothing can come back under that key."""
    old = home.judged("gate/1.jpg", days=40)
    home.judged("gate/2.jpg", days=1)
    (home.root / "gate/1.jpg").unlink()
    home.sweep()
    assert row_of(home, old) is None
    assert home.adds_up()


@pytest.mark.parametrize("leaves_mount_point", [True, False])
def test_a_disk_that_is_not_mounted_is_no_proof_of_anything(home, leaves_mount_point):
    """All files look gone; when they come back, no picture may be new."""
    ids = {home.judged(f"gate/{n}.jpg", days=40) for n in range(3)} | {
        home.judged("gate/9.jpg", days=1)
    }
    (home.root / "gate").rename(home.root.parent / "elsewhere")
    if leaves_mount_point:
        (home.root / "gate").mkdir()
    home.sweep(delete_images=True)
    assert home.ids("uploads") == ids


def test_a_picture_that_was_touched_is_still_known(home):
    """A new time stamp makes a new version: the old row is what says that it is no new picture."""
    old = home.judged("gate/1.jpg", days=40, sha256="5" * 64)
    home.judged("gate/2.jpg", days=1)
    os.utime(home.root / "gate/1.jpg", (5, 5))
    home.sweep(delete_images=True)
    again = home.receive("gate/1.jpg", days=0, sha256="5" * 64)
    assert row_of(home, again).state == "duplicate"
    assert row_of(home, again).duplicate_of == old
    assert (home.root / "gate/1.jpg").exists()


def test_a_picture_written_over_in_place_leaves_no_row_for_ever(home):
    """The ledger knows what lies there now, so the earlier version can't come back."""
    first = home.judged("gate/live.jpg", days=40)
    inode = (home.root / "gate/live.jpg").stat().st_ino
    with (home.root / "gate/live.jpg").open("ab") as file:
        file.write(b"more")
    version = home.version_of("gate/live.jpg")
    assert version.inode == inode
    with home.database.transaction() as conn:
        conn.execute(
            text(
                "INSERT INTO uploads (camera_id, path, inode, size, mtime_ns, state, received_at,"
                " captured_at, capture_source) SELECT camera_id, path, inode, :size, :mtime,"
                " state, '2026-03-01 11:00:00.000000', captured_at, capture_source FROM uploads"
            ),
            {"size": version.size, "mtime": version.mtime_ns},
        )
    home.sweep()
    assert row_of(home, first) is None


def test_what_changed_since_it_was_chosen_stays_and_so_does_its_file(home, monkeypatch):
    """A late detection reopens an old batch between the look and the deletion."""
    old = home.judged("gate/1.jpg", days=40)
    home.judged("gate/2.jpg", days=40)
    late = home.see("gate/3.jpg", days=0)
    write = Working.write

    async def reopen_first(self, call):
        with self._database.transaction() as conn:
            change = update(detections).where(detections.c.upload_id == late)
            conn.execute(change.values(batch_id="batch of gate/1.jpg"))
        return await write(self, call)

    with monkeypatch.context() as patch:
        patch.setattr(Working, "write", reopen_first)
        patch.setattr(Working, "read", write)
        _, items = home.sweep(delete_images=True)
    assert home.ids("batches") == {"batch of gate/1.jpg"}
    assert names(items, "file") == ["gate/2.jpg"]
    assert home.ids("uploads") == {old, late}
    assert (home.root / "gate/1.jpg").exists()


def test_originals_stay_unless_that_is_asked_for(home):
    """No setting, no deletion of what is not hsid's."""
    home.judged("gate/1.jpg", days=99)
    home.sweep()
    assert (home.root / "gate/1.jpg").exists()


def test_with_delete_images_looked_at_originals_go_with_their_rows(home):
    """Analysed, nothing seen: gone. Refused: nobody has looked at it, it stays."""
    home.judged("gate/1.jpg", days=40)
    unseen = home.receive("gate/2.jpg", days=40)
    with home.database.transaction() as conn:
        uploads.record_detections(conn, unseen, [], width=1, height=1, detector="test")
    refused = home.receive("gate/3.mp4", days=40, refusal=RefusalReason.UNSUPPORTED_FORMAT)
    home.judged("gate/4.jpg", days=1)
    result, items = home.sweep(delete_images=True)
    assert names(items, "file") == ["gate/1.jpg", "gate/2.jpg"]
    assert result.counts["upload"] == 2
    assert sorted(os.listdir(home.root / "gate")) == ["3.mp4", "4.jpg"]  # noqa: PTH208 - names
    assert refused in home.ids("uploads")
    assert home.adds_up()


def test_an_original_that_is_another_file_by_now_stays(home):
    """Same path, other inode, size or time: it is not what the ledger knows."""
    home.judged("gate/new inode.jpg", days=40)
    home.judged("gate/grown.jpg", days=40)
    home.judged("gate/touched.jpg", days=40)
    home.judged("gate/9.jpg", days=1)
    os.replace(home.picture("gate/other"), home.root / "gate/new inode.jpg")  # noqa: PTH105
    (home.root / "gate/grown.jpg").write_bytes(b"grown beyond recognition")
    os.utime(home.root / "gate/touched.jpg", (5, 5))
    _, items = home.sweep(delete_images=True)
    assert names(items, "file") == []
    assert len(os.listdir(home.root / "gate")) == 4  # noqa: PTH208 - names


def test_nothing_is_deleted_through_a_symbolic_link(home):
    """Neither where the folder has become a link to elsewhere, nor where the file has."""
    home.judged("gate/1.jpg", days=40)
    home.judged("yard/1.jpg", days=40)
    outside = home.root.parent / "outside"
    (home.root / "gate").rename(outside)
    (home.root / "gate").symlink_to(outside)
    target = home.root.parent / "target.jpg"
    (home.root / "yard/1.jpg").rename(target)
    (home.root / "yard/1.jpg").symlink_to(target)
    _, items = home.sweep(delete_images=True)
    assert names(items, "file") == []
    assert (outside / "1.jpg").exists()
    assert target.exists()


def test_a_crash_between_rows_and_files_is_made_good_by_the_next_sweep(home, monkeypatch):
    """What is left is a key and its file: both are found again, and go."""
    old = home.judged("gate/1.jpg", days=40)
    home.judged("gate/2.jpg", days=1)

    def crash(*_):
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr("hsid.retention.disk.delete_original", crash)
        with pytest.raises(RuntimeError, match="killed here"):
            home.sweep(delete_images=True)
    assert (home.root / "gate/1.jpg").exists()
    assert row_of(home, old) is not None
    _, items = home.sweep(delete_images=True)
    assert names(items, "file") == ["gate/1.jpg"]
    assert row_of(home, old) is None


def test_a_crash_between_file_and_row_is_made_good_as_well(home, monkeypatch):
    """The file has gone, its key goes with the next sweep."""
    old = home.judged("gate/1.jpg", days=40)
    home.judged("gate/2.jpg", days=1)
    (home.root / "gate/1.jpg").unlink()
    home.sweep(delete_images=True)
    assert row_of(home, old) is None


def test_a_repetition_is_known_as_long_as_the_settings_say(home):
    """A key that a repetition may still refer to outlives retention_days and its file."""
    old = home.judged("gate/1.jpg", days=3)
    home.judged("gate/2.jpg", days=0.5)
    home.judged("gate/0.jpg", days=60)
    (home.root / "gate/1.jpg").unlink()
    week = timedelta(days=7)
    home.sweep(keep_for=timedelta(days=1), repetitions_for=week)
    assert row_of(home, old) is not None
    home.sweep(keep_for=timedelta(days=1))
    assert row_of(home, old) is None


def test_logs_that_were_put_aside_go_by_their_age(home):
    """The one being written stays, and so does whatever has another name."""
    home.judged("gate/1.jpg", days=1)
    for name in ("security.log", "security.log.1", "security.log.2", "security.log.old", "a.1"):
        home.log(name, days=8)
    home.log("security.log.1", days=6)
    _, items = home.sweep()
    assert names(items, "log") == ["security.log.2"]
    assert not (home.data / "logs/security.log.2").exists()


def test_dead_letters_go_by_their_age(home):
    """They are counted and explained for as long as everything else."""
    home.judged("gate/1.jpg", days=1)
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    with home.database.transaction() as conn:
        for number, days in enumerate((31, 29)):
            conn.execute(
                text(
                    "INSERT INTO dead_letters (queue, id, payload, rank, error, begun,"
                    " enqueued_at, died_at) VALUES ('q', :id, '{}', 0, 'bad', 1, 0, :at)"
                ),
                {"id": str(number), "at": moment - days * 86_400},
            )
    _, items = home.sweep()
    assert names(items, "dead_letter") == ["q/0"]
    assert home.ids("dead_letters") == {"1"}


def test_a_dry_run_names_exactly_what_the_real_one_deletes(home):
    """Item for item; it changes nothing itself, and afterwards there is nothing left to name."""
    for n in range(6):
        home.judged(f"gate/{n}.jpg", days=25 + 3 * n, count=n + 1)
        home.judged(f"yard/{n}.jpg", days=10 * n)
    home.see("gate/waits.jpg", days=99)
    home.receive("yard/clip.mp4", days=99, refusal=RefusalReason.UNSUPPORTED_FORMAT)
    (home.root / "yard/5.jpg").unlink()
    home.log("security.log.3", days=30)
    before = home.contents()
    dry, foretold = home.sweep(is_dry_run=True, delete_images=True)
    assert home.contents() == before
    real, gone = home.sweep(delete_images=True)
    assert foretold == gone
    assert dry.counts == real.counts
    after = home.contents()
    files = {path for path in before - after if isinstance(path, str)}
    assert len(files) == real.counts["file"] + real.counts["log"]
    for name in ("event", "batch", "upload"):
        rows = [r for r in before - after if r[0] == {"batch": "batches"}.get(name, f"{name}s")]
        changed = [r for r in after - before if r[0] == f"{name}s"]
        assert len(rows) - len(changed) == real.counts[name]
    assert home.sweep(is_dry_run=True, delete_images=True)[1] == []
    assert home.adds_up()


def test_a_store_younger_than_what_it_found_deletes_nothing_and_says_so(home):
    """The database was lost, and the pictures of last year were taken in again today."""
    last_year = datetime(2025, 1, 1, tzinfo=UTC)
    home.judged("gate/1.jpg", days=5, captured_at=last_year)
    home.log("security.log.1", days=99)
    before = home.contents()
    result, items = home.sweep(max_bytes=1, delete_images=True, keep_for=timedelta(days=30))
    assert "younger than the pictures" in result.standstill
    assert (items, home.contents()) == ([], before)


def test_no_cap_takes_what_arrived_within_a_day_or_waits(home):
    """However small the cap, the last day stays."""
    home.judged("gate/0.jpg", days=200)
    home.judged("gate/1.jpg", days=0.5)
    home.see("gate/2.jpg", days=20)
    home.judged("gate/3.jpg", days=2)
    home.sweep(max_bytes=1)
    assert home.ids("batches") == {"batch of gate/1.jpg"}
    assert len(home.ids("detections")) == 2

"""The last look before something goes: it is asked of the disk and of the rows themselves."""

import os

import pytest
from sqlalchemy import text

from hsid.cli.retention_runs import Working
from hsid.model import FileVersion
from hsid.retention import disk
from hsid.retention_policy.decision import FileFate
from hsid.store import retention
from hsid.store.errors import StoreUnavailableError
from tests.integration.retention.conftest import DAY, NOW


def test_an_original_goes_only_if_it_is_still_the_very_file(home):
    """Written over, touched or replaced since it was seen: it stays, and is not called gone."""
    for change in ("written", "touched", "replaced"):
        path = home.picture(f"gate/{change}.jpg")
        version = home.version_of(f"gate/{change}.jpg")
        if change == "written":
            path.write_bytes(b"another picture")
        elif change == "touched":
            os.utime(path, (5, 5))
        else:
            os.replace(home.picture("gate/other"), path)  # noqa: PTH105 - over another one
        assert not disk.delete_original(home.places.root, version)
        assert path.exists()


def test_an_original_that_is_no_regular_file_stays(home):
    """A link's own inode, size and time prove nothing about a picture."""
    home.picture("gate/target.jpg")
    (home.root / "gate/link.jpg").symlink_to("target.jpg")
    version = home.version_of("gate/link.jpg")
    assert not disk.delete_original(home.places.root, version)
    assert (home.root / "gate/link.jpg").is_symlink()


@pytest.mark.parametrize("path", ["../outside.jpg", "gate/../../outside.jpg", "/etc/hostname"])
def test_nothing_outside_of_the_watch_root_is_seen_or_deleted(home, path):
    """Whatever the ledger says: such a path is no path below the root."""
    outside = home.root.parent / "outside.jpg"
    outside.write_bytes(b"x")
    status = outside.stat()
    version = FileVersion(path, status.st_ino, status.st_size, status.st_mtime_ns)
    (home.root / "gate").mkdir()
    assert disk.look_at(home.places.root, [version])[0].fate is FileFate.UNKNOWN
    assert not disk.delete_original(home.places.root, version)
    assert outside.exists()


def test_a_log_file_whose_name_another_one_has_by_now_stays(home):
    """The log was rotated between the look and the deletion."""
    home.log("security.log.2", days=9)
    (old,) = disk.logs_put_aside(home.places)
    home.log("security.log.1", days=0)
    os.replace(home.data / "logs/security.log.1", old.path)  # noqa: PTH105 - as the logger does
    assert not disk.delete_own(old)
    assert old.path.exists()


def test_rows_that_wait_or_have_detections_are_neither_stripped_nor_forgotten(home):
    """Whoever asks for it: the statement itself knows better."""
    waits, seen = home.receive("gate/1.jpg", days=99), home.judged("gate/2.jpg", days=99)
    before = home.contents()
    with home.database.transaction() as conn:
        assert retention.without_detections(conn, [waits, seen]) == set()
        retention.strip(conn, [waits, seen], claimed_before=NOW - 1000 * DAY)
        retention.forget(conn, [waits, seen])
    assert home.contents() == before


def test_a_letter_that_died_again_meanwhile_stays(home):
    """It was put back and failed once more: that is news."""
    with home.database.transaction() as conn:
        conn.execute(
            text(
                "INSERT INTO dead_letters (queue, id, payload, rank, error, begun, enqueued_at,"
                " died_at) VALUES ('q', '1', '{}', 0, 'bad', 1, 0, 500)"
            )
        )
        retention.delete_dead_letters(conn, [("q", 400.0, "1")])
    assert home.ids("dead_letters") == {"1"}


def test_a_portion_that_does_not_fit_is_halved_until_one_does(home, monkeypatch):
    """A log of a few pages is all that a full disk may have room for."""
    for n in range(7):
        home.judged(f"gate/{n}.jpg", days=40)
    delete, sizes = retention.delete_cases, []

    def delete_if_small(conn, batch_ids):
        sizes.append(len(batch_ids))
        if len(batch_ids) > 2:
            raise StoreUnavailableError("the disk is full")
        delete(conn, batch_ids)

    monkeypatch.setattr(retention, "delete_cases", delete_if_small)
    result, _ = home.sweep()
    assert result.counts == {"event": 7, "batch": 7, "details": 7}
    assert sizes == [7, 4, 2, 2, 3, 2, 1]


def test_one_thing_that_does_not_fit_ends_the_sweep(home, monkeypatch):
    """There is nothing smaller to try; the daemon tries again later."""
    home.judged("gate/1.jpg", days=40)

    async def refuse(_self, _call):
        raise StoreUnavailableError("the disk is full")

    read = Working.write
    with monkeypatch.context() as patch:
        patch.setattr(Working, "read", read)
        patch.setattr(Working, "write", refuse)
        with pytest.raises(StoreUnavailableError):
            home.sweep()
    assert len(home.ids("events")) == 1

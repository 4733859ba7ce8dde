"""A database on a server whose disk is full: told, waited for, and used again once it is freed."""

import os
import subprocess
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import insert

from hsid.store.errors import StoreUnavailableError
from hsid.store.schema import cameras
from hsid.store.store import Store
from tests.integration.store.calls import add, list_ids, start


@pytest.fixture
def small_disk(postgres):
    """A disk of 20 MB for one database of the server; nothing else of it is there."""
    place = Path(tempfile.mkdtemp(prefix="hsid-small-disk-"))
    as_root("mount", "-t", "tmpfs", "-o", "size=20m,mode=0777", "tmpfs", str(place))
    try:
        (place / "space").mkdir(mode=0o700)
        os.chown(place / "space", (postgres.folder / "data").stat().st_uid, -1)
        postgres.execute(f"CREATE TABLESPACE small LOCATION '{place / 'space'}'")
        yield place
        postgres.drop_database("small")
        postgres.execute("DROP TABLESPACE small")
    finally:
        as_root("umount", "--lazy", str(place))
        place.rmdir()


def as_root(*command):
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
async def test_a_full_disk_of_the_server_is_told_and_used_again_when_freed(
    postgres, small_disk, nursery
):
    """Whose disk it is, in words; nothing of the group is stored, and nobody starts anything."""
    postgres.execute("CREATE DATABASE small TEMPLATE prepared TABLESPACE small")
    store = Store(postgres.url("small"))
    await start(nursery, store)
    await store.write(partial(add, 1))
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:  # until it is full
        while True:
            file.write(bytes(64 * 1024))

    results = await store.write_group([partial(add, 2), fill])
    assert [type(result) for result in results] == [StoreUnavailableError] * 2
    assert "server's disk is full" in store.statistics().trouble
    assert await store.read(list_ids) == ["001"]

    ballast.unlink()
    assert await store.write_group([partial(add, 2), fill]) == [2, None]
    assert store.statistics().trouble is None


def fill(conn):
    rows = [{"id": f"big{number}", "name": f"{number}" * 1500} for number in range(200)]
    conn.execute(insert(cameras), rows)

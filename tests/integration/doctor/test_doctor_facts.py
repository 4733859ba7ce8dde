"""The doctor's eyes and ears: real files, real servers, the real kernel."""

import json
import os
import socket
import sqlite3
import stat
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from benchmarks._redis_server import redis_server
from hsid.doctor import looking
from hsid.doctor.access import ENTER, READ, WRITE, Identity, closed_steps
from hsid.doctor.asking import (
    ask_health,
    is_clock_synchronised,
    look_at_certificate,
    look_at_database,
    look_at_gpus,
    look_at_redis,
)
from hsid.doctor.certificate import CertificateError
from hsid.doctor.services import NoReply, Reply
from hsid.doctor.storage import DatabaseFault, NoDatabase, Schema
from hsid.gpu.survey import Fault, Survey
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import RedisAuthenticationError, RedisUnreachableError
from hsid.store.database import open_database
from hsid.store.migration import HEAD
from tests.integration.doctor.conftest import make_certificate, service


def test_the_way_to_a_folder_ends_where_it_ends(tmp_path):
    """The last step tells what is missing."""
    (tmp_path / "here").mkdir(mode=0o700)
    steps = looking.steps_to(tmp_path / "here" / "gone" / "further")

    assert steps[-1].path == tmp_path / "here"
    assert (stat.S_IMODE(steps[-1].mode), steps[-1].uid) == (0o700, os.geteuid())
    assert str(steps[0].path) == "/"


def test_folders_are_counted_as_the_watcher_watches_them(tmp_path):
    """Hidden ones and links are left out; the cameras are the first level."""
    for name in ("a/2026/01", "b", ".hidden/c"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "file.jpg").touch()
    root = looking.look_at_watch_root(tmp_path, within=10)

    assert (root.folders, root.is_counted) == (5, True)
    assert [step.path.name for step in root.cameras] == ["a", "b"]


def test_counting_ends_in_time(tmp_path):
    """A huge tree is counted in part."""
    (tmp_path / "a").mkdir()

    assert not looking.look_at_watch_root(tmp_path, within=-1).is_counted


def test_a_link_to_the_folder_is_followed(tmp_path):
    """The rights of the real one count."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert looking.look_at_watch_root(tmp_path / "link", within=9).path == tmp_path / "real"


def test_the_room_of_a_folder_that_is_not_there_is_that_around_it(tmp_path):
    """It will be made there."""
    room = looking.look_at_room("data_dir", tmp_path / "not" / "yet")

    assert 0 < room.free_bytes <= room.total_bytes


def test_the_kernel_tells_its_limits():
    """Those of inotify, and there is an instance for us."""
    limits = looking.look_at_inotify()

    assert limits.watches > 0
    assert limits.has_instance_left


def test_without_a_unit_the_daemon_is_who_asks():
    """With all groups that the process has."""
    who = looking.daemon_identity(looking.find_unit())

    assert (who.uid, who.groups) == (os.geteuid(), {os.getegid(), *os.getgroups()})


def test_an_installed_unit_names_its_user_and_its_drop_ins(tmp_path):
    """The user of the unit with the groups of a drop-in."""
    (tmp_path / "hsid.service").write_text("[Service]\nUser=daemon\n")
    (tmp_path / "hsid.service.d").mkdir()
    (tmp_path / "hsid.service.d" / "x.conf").write_text("[Service]\nSupplementaryGroups=4242\n")
    who = looking.daemon_identity(looking.find_unit())

    assert who.name == "daemon"
    assert 4242 in who.groups


def test_each_state_of_a_file_is_seen(tmp_path):
    """None yet, one of ours, another program's, no database at all."""
    url = f"sqlite:///{tmp_path}/a.db"
    assert look_at_database(url) == NoDatabase()
    open_database(url).close()
    assert look_at_database(url) == Schema("current", HEAD)
    with sqlite3.connect(tmp_path / "b.db") as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    assert look_at_database(f"sqlite:///{tmp_path}/b.db").is_refusal
    (tmp_path / "c.db").write_bytes(b"no database " * 1000)
    assert look_at_database(f"sqlite:///{tmp_path}/c.db").is_damaged


def test_a_database_server_that_is_away_is_told_without_the_password():
    """Nobody listens there."""
    facts = look_at_database("postgresql://hsid:verysecret@127.0.0.1:1/hsid")

    assert isinstance(facts, DatabaseFault)
    assert not facts.is_refusal
    assert "verysecret" not in facts.words


async def test_a_redis_servers_set_up_is_looked_at(tmp_path):
    """A policy that may delete queues and no file are two warnings."""
    with redis_server(tmp_path, maxmemory_policy="allkeys-lru") as server:
        facts, warnings = await look_at_redis(RedisAddress(server.url))

    assert facts.maxmemory_policy == "allkeys-lru"
    assert [any(word in each for each in warnings) for word in ("noeviction", "appendonly")] == [
        True,
        True,
    ]


async def test_a_wrong_password_and_a_dead_server_are_two_faults(tmp_path):
    """One needs a person, the other one time."""
    with (
        redis_server(tmp_path, requirepass="right") as server,
        pytest.raises(RedisAuthenticationError),
    ):
        await look_at_redis(RedisAddress(server.url, password=SecretStr("wrong")))
    with pytest.raises(RedisUnreachableError):
        await look_at_redis(RedisAddress("redis://127.0.0.1:1"))


async def test_a_service_is_asked_with_its_key():
    """At /health, once."""
    with service() as (url, seen):
        answer = await ask_health(f"{url}/", key="k3y", within=5)

    assert answer == Reply(200, b'{"status": "healthy", "model_loaded": true}')
    assert [headers.get("X-API-Key") for headers in seen] == ["k3y"]


async def test_of_a_huge_answer_the_beginning_is_enough():
    """A page of another program can't fill the memory."""
    with service(b"x" * 10_000_000) as (url, _):
        answer = await ask_health(url, key=None, within=5)

    assert len(answer.body) < 1_000_000


async def test_a_service_that_is_away_or_mute_gives_no_reply():
    """Refused at once, or given up at the limit."""
    assert isinstance(await ask_health("http://127.0.0.1:1", key=None, within=5), NoReply)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        assert "0.1 s" in (await ask_health(url, key=None, within=0.1)).words


def test_a_certificates_end_is_read(tmp_path):
    """One that openssl made."""
    path, key = make_certificate(tmp_path, "a", days=10)
    left = look_at_certificate(path, key).ends - datetime.now(UTC)

    assert timedelta(days=9) < left <= timedelta(days=10)


def test_a_key_of_another_certificate_is_told(tmp_path):
    """So is a file that is none."""
    path, _ = make_certificate(tmp_path, "a")
    _, other = make_certificate(tmp_path, "b")
    with pytest.raises(CertificateError, match="can't be used"):
        look_at_certificate(path, other)
    other.write_text("nothing")
    with pytest.raises(CertificateError, match="PEM"):
        look_at_certificate(other, None)


async def test_the_cards_are_looked_at_in_time():
    """Whatever this machine has, there is an outcome."""
    assert isinstance(await look_at_gpus(20), Survey | Fault)


def test_the_clock_is_asked_and_not_set():
    """Yes, no, or nobody tells."""
    assert is_clock_synchronised() in {True, False, None}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may ask for others")
def test_the_kernel_agrees_about_who_may_do_what():
    """For a stranger, a member of the group and the owner, by every mode of a folder."""
    with tempfile.TemporaryDirectory(dir="/") as base:
        os.chmod(base, 0o755)  # noqa: PTH101, S103 - a stranger has to get there
        paths = [_folder_of_mode(Path(base), mode) for mode in range(0o1000)]
        for uid, groups in ((4242, {9}), (4242, {4343}), (4141, {9})):
            who = Identity("somebody", uid, frozenset(groups), "some")
            expected = [
                [closed_steps(who, looking.steps_to(path), right) == [] for right in RIGHTS]
                for path in paths
            ]
            assert _kernel_says(paths, uid, min(groups)) == expected


RIGHTS = (READ, WRITE, ENTER, READ | WRITE | ENTER)
"""The numbers are those of access(2)."""


def _folder_of_mode(base, mode):
    path = base / f"{mode:o}"
    path.mkdir()
    os.chown(path, 4141, 4343)
    path.chmod(mode)
    return path


def _kernel_says(paths, uid, gid):
    script = (
        "import json, os, sys; "
        f"print(json.dumps([[os.access(p, r) for r in {RIGHTS}] for p in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-I", "-c", script],
        input=json.dumps([str(path) for path in paths]),
        user=uid,
        group=gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return json.loads(done.stdout)

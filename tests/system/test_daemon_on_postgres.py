"""The daemon with its store on PostgreSQL and its queues on Redis: at work, and through outages."""

import json
import subprocess
import sys

import pytest

from benchmarks._daemon import launched, running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs
from benchmarks._postgres_server import postgres_server
from benchmarks._redis_server import redis_server
from hsid.cli import client

QUICK = {
    "detector": "rtdetr",
    "settle_seconds": 0.2,
    "batch_window_seconds": 5,
    "batch_idle_timeout_seconds": 1,
    "log_level": "CRITICAL",
}


@pytest.fixture
def server():
    with postgres_server() as server:
        server.create_database("house")
        yield server


@pytest.fixture
def settings(tmp_path, server):
    """Everything that the daemon needs, on servers of this test alone."""
    (tmp_path / "detector").mkdir()
    with (
        instant_detector(tmp_path / "detector") as (url, _),
        redis_server(tmp_path / "redis") as redis,
    ):
        services = {"rtdetr_url": url, "redis_url": f"redis://127.0.0.1:{redis.port}/0"}
        database = {"database_url": server.url("house"), "database_auto_migrate": True}
        yield QUICK | services | database


def feed(folder, *numbers):
    """Put pictures into a camera's folder, each different from all others."""
    (folder / "front").mkdir(exist_ok=True)
    pictures = list(distinct_jpegs(max(numbers) + 1, width=320, height=240))
    for number in numbers:
        (folder / "front" / f"{number}.jpg").write_bytes(pictures[number])


def are_judged(count):
    return lambda status: status["uploads"]["analysed"] == count and status["adds_up"]


def troubles_of(status):
    return "\n".join(status["health"]["troubles"])


def hsid(base, *words):
    command = [sys.executable, "-m", "hsid.cli.hsid", *words, "--config", base / "hsid.toml"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_uploads_become_events_that_are_there_without_the_daemon(tmp_path, settings):
    """Migrated at the start, at work, and read from the server when nobody runs any more."""
    base = tmp_path / "house"
    with running(base, **settings) as daemon:
        feed(daemon.folder, *range(6))
        daemon.wait_until(are_judged(6))
        assert daemon.status()["health"]["state"] == "ok"

    status = json.loads(hsid(base, "status", "--json").stdout)
    events = json.loads(hsid(base, "events", "--json").stdout)["events"]
    assert (status["running"], status["uploads"]["analysed"], status["adds_up"]) == (False, 6, True)
    assert events
    assert json.loads(hsid(base, "db", "status", "--json").stdout)["state"] == "current"


def test_two_nodes_share_the_work_and_one_goes_on_alone(tmp_path, settings):
    """Each does what its roles say, all on one ledger; what one leaves, the other does."""
    with running(tmp_path / "one", **settings) as one:
        others = settings | {"foscam_base_path": str(one.folder)}
        with running(tmp_path / "two", **others, roles=["detector", "analyzer", "batcher"]) as two:
            feed(one.folder, *range(20))
            two.wait_until(lambda status: status["uploads"]["arrived"] == 20)
        feed(one.folder, *range(20, 24))
        one.wait_until(are_judged(24))
        assert one.uploads()["dead"] == 0


def test_the_folder_is_the_backlog_while_the_server_is_away(tmp_path, settings, server):
    """The daemon neither ends nor forgets; what came meanwhile is taken in when it is back."""
    with running(tmp_path / "house", **settings, rescan_interval_seconds=10) as daemon:
        feed(daemon.folder, 0, 1)
        daemon.wait_until(are_judged(2))
        server.crash()
        feed(daemon.folder, 2, 3)
        daemon.wait_until(lambda status: "database can't be used" in troubles_of(status))
        away = daemon.status()
        assert away["health"]["state"] == "degraded"
        assert (away["uploads"]["arrived"], away["adds_up"]) == (None, None)
        assert {"platform/store-writer", "pipeline/watcher"} <= {a["path"] for a in away["actors"]}
        with pytest.raises(client.ControlError, match="database can't be used"):
            client.get(daemon.socket_path, "/v1/events", timeout=20)
        server.start()
        daemon.wait_until_it_answers()
        daemon.wait_until(are_judged(4))
        daemon.wait_until(lambda status: status["health"]["state"] == "ok")
        assert daemon.uploads()["dead"] == 0


def test_a_server_that_comes_late_is_waited_for(tmp_path, settings, server):
    """The order in which a machine starts its services does not matter."""
    server.stop()
    with launched(tmp_path / "house", **settings) as daemon:
        while not daemon.socket_path.exists():
            assert daemon.process.poll() is None
        server.start()
        feed(daemon.folder, *range(3))
        daemon.wait_until_it_answers()
        daemon.wait_until(are_judged(3))


def test_a_schema_that_waits_for_its_migration_ends_the_start(tmp_path, settings, server):
    """Exit 78 and the command to run; after it the daemon would start."""
    base = tmp_path / "house"
    with launched(base, **settings | {"database_auto_migrate": False}) as daemon:
        assert daemon.process.wait(timeout=60) == 78
    before = hsid(base, "db", "status")
    assert (before.returncode, "hsid db migrate" in before.stderr) == (78, True)
    assert hsid(base, "db", "migrate").returncode == 0
    assert hsid(base, "db", "status").returncode == 0
    assert server.execute("SELECT count(*) FROM events", database="house") == [(0,)]

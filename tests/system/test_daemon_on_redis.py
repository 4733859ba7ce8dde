"""The daemon with its queues on a Redis server: at work, through outages, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks._daemon import running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs
from benchmarks._redis_server import redis_server

QUICK = {
    "detector": "rtdetr",
    "settle_seconds": 0.2,
    "batch_window_seconds": 5,
    "batch_idle_timeout_seconds": 1,
    "log_level": "CRITICAL",
}
FIELDS = {
    "id",
    "event_id",
    "batch_id",
    "camera_id",
    "risk_score",
    "risk_level",
    "summary",
    "reasoning",
    "started_at",
}


@pytest.fixture
def detector(tmp_path):
    (tmp_path / "detector").mkdir()
    with instant_detector(tmp_path / "detector") as (url, _):
        yield {"rtdetr_url": url} | QUICK


@pytest.fixture
def server(tmp_path):
    with redis_server(tmp_path / "redis") as server:
        yield server


def settings_for(server, detector, **more):
    return detector | {"redis_url": f"redis://127.0.0.1:{server.port}/0"} | more


def feed(folder: Path, *numbers: int) -> None:
    """Put pictures into a camera's folder, each different from all others."""
    camera = folder / "front"
    camera.mkdir(exist_ok=True)
    pictures = list(distinct_jpegs(max(numbers) + 1, width=320, height=240))
    for number in numbers:
        (camera / f"{number}.jpg").write_bytes(pictures[number])


def are_judged(count: int):
    return lambda status: status["uploads"]["analysed"] == count and status["adds_up"]


def troubles_of(status: dict) -> str:
    return "\n".join(status["health"]["troubles"])


def test_uploads_become_events_and_each_event_is_announced(tmp_path, server, detector):
    """Streams carry the work; whoever listens on the channel hears what came of it."""
    with server.admin() as client, client.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe("security_events")
        heard.get_message(timeout=5)
        with running(tmp_path / "house", **settings_for(server, detector)) as daemon:
            feed(daemon.folder, *range(8))
            daemon.wait_until(are_judged(8))
            status = daemon.status()
        message = json.loads(heard.get_message(timeout=5)["data"])
        kinds = {client.type(key) for key in client.keys("hsid:*queue*")}

    assert status["health"]["state"] == "ok"
    assert message["type"] == "event"
    assert set(message["data"]) == FIELDS
    assert "stream" in kinds


def test_intake_goes_on_while_the_server_is_away(tmp_path, server, detector):
    """Red health, nothing refused, nothing lost; what it had in memory comes out of the ledger."""
    with running(tmp_path / "house", **settings_for(server, detector)) as daemon:
        feed(daemon.folder, *range(4))
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 4)
        server.kill()
        feed(daemon.folder, *range(4, 8))
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 8)
        daemon.wait_until(lambda status: "Redis" in troubles_of(status))

        server.start()  # with nothing in it
        daemon.wait_until(are_judged(8))
        daemon.wait_until(lambda status: status["health"]["state"] == "ok")
        assert daemon.uploads()["dead"] == 0


def test_a_server_that_comes_late_is_waited_for(tmp_path, server, detector):
    """The order in which a machine starts its services does not matter."""
    server.stop()
    with running(tmp_path / "house", **settings_for(server, detector)) as daemon:
        feed(daemon.folder, *range(3))
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 3)
        assert daemon.status()["health"]["state"] == "degraded"

        server.start()
        daemon.wait_until(are_judged(3))


def test_a_flushed_server_is_filled_anew(tmp_path, server, detector):
    """Somebody's FLUSHALL costs time and no upload."""
    slow = {"max_deliveries": 100, "rtdetr_url": "http://127.0.0.1:9"}
    with running(tmp_path / "house", **settings_for(server, detector) | slow) as daemon:
        feed(daemon.folder, *range(4))
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 4)
        server.command("FLUSHALL")
        daemon.wait_until(
            lambda status: any(
                queue["name"] == "detection_queue"
                and queue["ready"] + queue["leased"] + queue["delayed"] == 4
                for queue in status["queues"]
            )
        )
        assert daemon.status()["health"]["state"] == "ok"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"requirepass": "secret"}, "password"),
        ({"maxmemory": "100mb", "maxmemory_policy": "allkeys-lru"}, "noeviction"),
    ],
)
def test_a_server_that_needs_a_person_first_ends_the_start(tmp_path, server, config, words):
    """Exit 78, and what to do; a service manager does not try it over and over."""
    server.restart(**config)
    (tmp_path / "cameras").mkdir()
    (tmp_path / "hsid.toml").write_text(
        f'foscam_base_path = "{tmp_path}/cameras"\ndata_dir = "{tmp_path}/data"\n'
        f'redis_url = "redis://127.0.0.1:{server.port}/0"\n'
    )
    command = [sys.executable, "-m", "hsid.cli.hsid", "run", "--config", tmp_path / "hsid.toml"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 78
    assert words in ended.stderr


def test_a_node_runs_the_roles_that_it_is_given(tmp_path, server, detector):
    """One that only watches fills the queue, and leaves the rest to others."""
    settings = settings_for(server, detector, roles=["watcher", "reconciler"])
    with running(tmp_path / "house", **settings) as daemon:
        feed(daemon.folder, 0, 1)
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 2)
        status = daemon.status()

    actors = {actor["path"].split("/")[1] for actor in status["actors"] if "/" in actor["path"]}
    assert {"watcher", "reconciler"} <= actors
    assert not actors & {"detector-1", "batcher", "analyzer", "detection-pump"}
    assert {queue["name"]: queue["ready"] for queue in status["queues"]}["detection_queue"] == 2

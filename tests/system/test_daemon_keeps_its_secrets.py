"""A whole daemon with a secret in every setting tells none of them: API, metrics, log, commands."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from benchmarks._daemon import Daemon, free_port, running
from benchmarks._pictures import distinct_jpegs
from tests.integration.doctor.baits import FIELDS, leaked, unusable_with_bait, value_with_bait
from tests.integration.doctor.baits import write as write_settings


@dataclass
class Rig:
    """A daemon with all secrets, and where it lies."""

    daemon: Daemon
    base: Path
    port: int

    @contextmanager
    def client(self):
        """Speak to its control socket."""
        transport = httpx.HTTPTransport(uds=str(self.daemon.socket_path))
        with httpx.Client(transport=transport, base_url="http://hsid", timeout=30) as client:
            yield client


@pytest.fixture(scope="module", params=["queues in the file", "queues on a server that is away"])
def rig(request, tmp_path_factory):
    """Run a daemon whose services are all away; an upload has come, and is being worked on."""
    base = tmp_path_factory.mktemp("house")
    away = {"database_url"} if "server" in request.param else {"database_url", "redis_url"}
    values = {name: value_with_bait(name) for name in FIELDS if name not in away}
    port = free_port()
    settings = {"detector": "rtdetr", "log_level": "DEBUG", "metrics_port": port}
    with running(base, **values, **settings) as daemon:
        (daemon.folder / "front").mkdir()
        (picture,) = distinct_jpegs(1, width=320, height=240)
        (daemon.folder / "front" / "a.jpg").write_bytes(picture)
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 1)
        daemon.wait_until(lambda status: status["health"]["troubles"] or is_asked(status))
        yield Rig(daemon, base, port)


def is_asked(status):
    """Tell whether the detector, which is away, has been asked."""
    return any(queue["leased"] or queue["delayed"] for queue in status["queues"])


def answers(rig):
    """Yield each question that takes no argument, with its answer."""
    with rig.client() as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
        for path in (path for path, item in paths.items() if "get" in item and "{" not in path):
            yield path, client.get(path, params={"follow": "false"} if "live" in path else {})
        yield "reload", client.post("/v1/daemon/reload")
    for path in ("/metrics", "/healthz", "/readyz"):
        yield path, httpx.get(f"http://127.0.0.1:{rig.port}{path}", timeout=30)


def test_no_door_and_no_file_tells_a_secret(rig):
    """Every route that can be asked, the log file, the command line of the process."""
    shown = {path: reply.text for path, reply in answers(rig)}
    shown["log"] = (rig.base / "data" / "logs" / "hsid.log").read_text()
    shown["cmdline"] = Path(f"/proc/{rig.daemon.process.pid}/cmdline").read_text()

    assert {"/v1/status", "/v1/logs", "/v1/changes", "/metrics", "reload"} <= set(shown)
    assert {path: leaked(text) for path, text in shown.items() if leaked(text)} == {}


def test_a_reload_that_is_refused_tells_no_secret(rig):
    """What is wrong with the value is said without it; so it is in the record of changes."""
    file = rig.base / "hsid.toml"
    before = file.read_text()
    with rig.client() as client:
        for name in FIELDS:
            write_settings(file, **{name: unusable_with_bait(name)[0]})
            refused = client.post("/v1/daemon/reload")
            assert (refused.status_code, name in refused.text) == (422, True)
            assert leaked(refused.text) == []
        assert leaked(client.get("/v1/changes").text) == []
    file.write_text(before)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_doctor_tells_no_secret_beside_the_daemon(rig, form):
    """As a process of its own."""
    words = ("doctor", "--config", "hsid.toml", *form)
    done = subprocess.run(
        [sys.executable, "-m", "hsid.cli.hsictl", *words],
        cwd=rig.base,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")  # the services are away
    assert leaked(done.stdout) == []

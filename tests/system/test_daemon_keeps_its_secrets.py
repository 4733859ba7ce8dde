"""A whole daemon with a secret in every setting tells none of them: API, metrics, log, commands."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks._daemon import free_port, running
from benchmarks._pictures import distinct_jpegs
from tests.integration.doctor.baits import FIELDS, leaked, unusable_with_bait, value_with_bait
from tests.integration.doctor.baits import write as write_settings

ON_A_SERVER = {"database_url", "redis_url"}
"""Nothing would be taken in with both away: each has a place of its own below."""


@pytest.fixture(params=["queues in the file", "queues on a server that is away"])
def daemon(request, tmp_path):
    """Run a daemon with all secrets, whose services are all away; one upload has come."""
    names = set(FIELDS) - {"database_url"}
    if request.param == "queues in the file":
        names -= ON_A_SERVER
    values = {name: value_with_bait(name) for name in sorted(names)}
    settings = {"detector": "rtdetr", "log_level": "DEBUG", "metrics_port": free_port()}
    with running(tmp_path, **values, **settings) as daemon:
        (daemon.folder / "front").mkdir()
        (picture,) = distinct_jpegs(1, width=320, height=240)
        (daemon.folder / "front" / "a.jpg").write_bytes(picture)
        daemon.wait_until(lambda status: status["uploads"]["arrived"] == 1)
        daemon.wait_until(lambda status: status["health"]["troubles"])
        yield daemon, settings


def answers(daemon, port):
    """Yield each question that takes no argument, with its answer."""
    transport = httpx.HTTPTransport(uds=str(daemon.socket_path))
    with httpx.Client(transport=transport, base_url="http://hsid", timeout=30) as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
        for path in (path for path, item in paths.items() if "get" in item and "{" not in path):
            yield path, client.get(path, params={"follow": "false"} if "live" in path else {})
        yield "reload", client.post("/v1/daemon/reload")
    for path in ("/metrics", "/healthz", "/readyz"):
        yield path, httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30)


def test_no_door_and_no_file_tells_a_secret(daemon, tmp_path: Path):
    """Every route that can be asked, the log file, the command line of the process."""
    running_daemon, settings = daemon
    shown = {path: reply.text for path, reply in answers(running_daemon, settings["metrics_port"])}
    shown["log"] = (tmp_path / "data" / "logs" / "hsid.log").read_text()
    shown["cmdline"] = Path(f"/proc/{running_daemon.process.pid}/cmdline").read_text()

    assert {"/v1/status", "/v1/logs", "/v1/changes", "/metrics", "reload"} <= set(shown)
    assert {path: leaked(text) for path, text in shown.items() if leaked(text)} == {}


def test_a_reload_that_is_refused_tells_no_secret(daemon, tmp_path: Path):
    """What is wrong with the value is said without it; so it is in the record of changes."""
    running_daemon, _ = daemon
    transport = httpx.HTTPTransport(uds=str(running_daemon.socket_path))
    with httpx.Client(transport=transport, base_url="http://hsid", timeout=30) as client:
        for name in FIELDS:
            write_settings(tmp_path / "hsid.toml", **{name: unusable_with_bait(name)[0]})
            refused = client.post("/v1/daemon/reload")
            assert (refused.status_code, name in refused.text) == (422, True)
            assert leaked(refused.text) == []
        assert leaked(client.get("/v1/changes").text) == []


def test_the_doctor_tells_no_secret_beside_the_daemon(daemon, tmp_path: Path):
    """As a process of its own, in both forms."""
    for form in ((), ("--json",)):
        command = [
            sys.executable,
            "-m",
            "hsid.cli.hsictl",
            "doctor",
            "--config",
            "hsid.toml",
            *form,
        ]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={"PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, "")  # the services are away
        assert leaked(done.stdout) == []

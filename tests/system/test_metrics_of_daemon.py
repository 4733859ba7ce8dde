"""The metrics of a daemon at work, as Prometheus sees them."""

import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from benchmarks._daemon import free_port, running
from benchmarks._instant_detector import instant_detector
from benchmarks._pictures import distinct_jpegs

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def scrape(port: int, accept: str = "text/plain") -> str:
    """Return the page of the daemon at *port*."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own daemon
        return answer.read().decode()


def check_metrics(page: str) -> str:
    """Return what promtool has to say of *page*."""
    checked = subprocess.run(
        [shutil.which("promtool"), "check", "metrics"],
        input=page,
        capture_output=True,
        text=True,
        check=False,
    )
    return checked.stdout + checked.stderr


def numbers(page: str) -> dict[str, float]:
    """Return each series of *page* with its number."""
    lines = (line.rpartition(" ") for line in page.splitlines() if not line.startswith("#"))
    return {series: float(number) for series, _, number in lines}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the pages of a daemon after ten pictures of two cameras, one of an odd name."""
    base, port = tmp_path_factory.mktemp("house"), free_port()
    with instant_detector(base) as (url, _):
        settings = {"detector": "rtdetr", "rtdetr_url": url, "batch_idle_timeout_seconds": 1}
        with running(base, api_port=free_port(), metrics_port=port, **settings) as daemon:
            for index, picture in enumerate(distinct_jpegs(10, width=320, height=240)):
                camera = daemon.folder / ("gate" if index % 2 else 'a"b\\c\nd')
                camera.mkdir(exist_ok=True)
                (camera / f"{index}.jpg").write_bytes(picture)
            daemon.wait_until(lambda status: status["uploads"]["analysed"] == 10)
            return scrape(port), scrape(port, OPENMETRICS)


def test_promtool_has_nothing_to_say(pages: tuple[str, str]) -> None:
    """Names, types and units are as Prometheus wants them."""
    assert check_metrics(pages[0]) == ""


def test_a_strict_parser_reads_the_page(pages: tuple[str, str]) -> None:
    """With an exemplar for those who look for the event behind a number."""
    families = {family.name: family for family in parse_openmetrics(pages[1])}
    buckets = families["hsi_pipeline_latency_seconds"].samples

    assert any(sample.exemplar and "event_id" in sample.exemplar.labels for sample in buckets)


def test_the_numbers_are_those_of_what_happened(pages: tuple[str, str]) -> None:
    """Ten pictures of two cameras, all analysed, none without an account."""
    found = numbers(pages[0])

    assert found["hsi_uploads_arrived_total"] == 10
    assert found['hsi_uploads_ended_total{end="analysed",reason=""}'] == 10
    assert found["hsi_uploads_pending"] == 0
    assert found['hsi_uploads_received_total{camera="gate"}'] == 5
    assert found['hsi_stage_duration_seconds_count{stage="detect"}'] == 10
    assert found['hsi_ai_request_duration_seconds_count{outcome="ok",service="rtdetr"}'] == 10
    assert found['hsi_actor_state{actor="pipeline/watcher",state="ready"}'] == 1
    assert found['hsi_queue_handled_total{outcome="committed",queue="detection_queue"}'] == 10
    assert found["hsi_healthy"] == 1


def test_a_taken_port_never_stops_the_pipeline(tmp_path: Path) -> None:
    """It is shown as a trouble, and pictures are looked at all the same."""
    with socket.socket() as taken, instant_detector(tmp_path) as (url, _):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = {"detector": "rtdetr", "rtdetr_url": url, "batch_idle_timeout_seconds": 1}
        with running(tmp_path / "house", api_port=port, **settings) as daemon:
            (daemon.folder / "gate").mkdir()
            (picture,) = distinct_jpegs(1, width=320, height=240)
            (daemon.folder / "gate" / "a.jpg").write_bytes(picture)
            daemon.wait_until(lambda status: status["uploads"]["analysed"] == 1)
            daemon.wait_until(lambda status: status["health"]["state"] == "degraded")
            (trouble,) = daemon.status()["health"]["troubles"]

    assert trouble.startswith("doors/http-listener is parked")
    assert f"127.0.0.1 port {port}: Address already in use" in trouble


def test_an_idle_daemon_stays_small_while_it_is_watched(tmp_path: Path) -> None:
    """Below 120 MiB after a hundred pages, each with a look at everything."""
    port = free_port()
    with running(tmp_path, api_port=port) as daemon:
        for _ in range(100):
            scrape(port, OPENMETRICS)

        assert daemon.rss_mb()["daemon"] < 120


def test_commands_do_without_the_library() -> None:
    """Asking for the status must not wait for what only the daemon needs."""
    program = "import sys, hsid.cli.hsictl; print('prometheus_client' in sys.modules)"
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == "False"

"""When the demo has succeeded, what it tells, and the settings it plays under."""

import os
from pathlib import Path

import pytest

from hsid.cli.demo import report
from hsid.cli.demo.stage import set_up
from hsid.cli.demo.story import CAMERAS
from hsid.config import Settings

UPLOADS = {
    "arrived": 3,
    "analysed": 1,
    "nothing_seen": 1,
    "refused": 1,
    "duplicate": 0,
    "dead": 0,
    "pending": 0,
}
EVENT = {
    "event_id": 1,
    "camera_id": "front_door",
    "started_at": "2025-03-04T02:13:00Z",
    "risk_score": 70,
    "risk_level": "high",
    "analysis": "rules",
    "summary": "A person",
    "reasoning": "night: +20\nstays: +10",
    "detections": [],
    "revision": 4,
}


def build_status(waiting=0, *, adds_up=True, **uploads):
    queue = {"ready": 0, "leased": waiting, "delayed": 0}
    return {
        "uploads": UPLOADS | uploads,
        "adds_up": adds_up,
        "refusals": {"truncated": 1},
        "queues": [queue],
    }


def test_all_in_an_end_and_adding_up_is_success():
    """The regular outcome."""
    assert report.has_succeeded(build_status(), expected=3)


@pytest.mark.parametrize(
    "status",
    [
        build_status(arrived=2),
        build_status(pending=1),
        build_status(waiting=1),
        build_status(adds_up=False),
    ],
    ids=["one is missing", "one is pending", "a queue has work", "it does not add up"],
)
def test_anything_less_is_no_success(status):
    """Each thing that can be left over is looked at."""
    assert not report.has_succeeded(status, expected=3)


def test_the_summary_has_the_promised_keys_only():
    """What the API tells beyond that is left out."""
    summary = report.summarize(build_status(), [EVENT], 1.234)

    assert list(summary) == ["uploads", "refusals", "events", "seconds"]
    assert summary["events"] == [{k: v for k, v in EVENT.items() if k != "revision"}]
    assert summary["seconds"] == 1.2


def test_people_read_score_level_reasons_and_accounting():
    """The text holds all that the document holds."""
    shown = report.render(report.summarize(build_status(), [EVENT], 1.0))

    for words in ("70", "high", "night: +20", "stays: +10", "3 arrived = 1 analysed"):
        assert words in shown


def test_without_events_the_text_says_so():
    """A quiet night is told as such."""
    assert "no events" in report.render(report.summarize(build_status(), [], 1.0))


def test_no_setting_from_outside_reaches_the_demo(tmp_path, monkeypatch):
    """Environment, `.env` and hsid.toml of the working directory are not asked."""
    (tmp_path / "stage").mkdir()
    (tmp_path / "hsid.toml").write_text("queue_max_size = 7")
    (tmp_path / ".env").write_text("BATCH_WINDOW_SECONDS=7")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETECTION_CONFIDENCE_THRESHOLD", "0.07")

    _, settings = set_up(tmp_path / "stage")

    for name in ("queue_max_size", "batch_window_seconds", "detection_confidence_threshold"):
        assert getattr(settings, name) == Settings.model_fields[name].default


def test_the_surroundings_are_as_before_once_the_stage_is_set(tmp_path):
    """Working directory and environment are given back."""
    before = (Path.cwd(), dict(os.environ))
    set_up(tmp_path)

    assert (Path.cwd(), dict(os.environ)) == before


def test_all_that_the_demo_writes_lies_on_its_stage(tmp_path):
    """Database, log, control socket and cameras are in the one folder."""
    stage, settings = set_up(tmp_path)

    paths = [settings.data_dir, settings.foscam_base_path, settings.control_socket_path]
    assert all(path.is_relative_to(tmp_path) for path in [*paths, settings.log_file_path])
    assert str(tmp_path) in settings.database_url
    assert {path.name for path in stage.cameras.iterdir()} == set(CAMERAS)

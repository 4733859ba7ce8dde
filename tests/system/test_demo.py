"""The demo as a newcomer runs it: a process of its own, the real daemon, real photographs."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import hsid

HSID = "from hsid.cli.hsid import main; main(prog_name='hsid')"
PLAY = """
import sys
from hsid.cli.demo import command
from hsid.cli.demo.story import Sample, cat_story, tell_story
sys.exit(command.run({scenes}, once=True, as_json=True, keep=None))
"""
LIMIT = 120
"""Seconds after which a demo is taken for stuck; it is far longer than it needs."""


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory):
    """Give working directory and environment that have nothing to offer but traps."""
    home = tmp_path_factory.mktemp("home")
    (home / "hsid.toml").write_text("this is = not valid [")
    home.chmod(0o555)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(tmp_path_factory.mktemp("tmp")),
        "PYTHONPATH": str(Path(hsid.__file__).parents[1]),
        "HSID_DETECTION_CONFIDENCE_THRESHOLD": "0.99",
        "DATABASE_URL": "sqlite:////nowhere/at/all.db",
    }
    yield {"cwd": home, "env": environment}
    home.chmod(0o755)


def python(program, *arguments, surroundings):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        timeout=LIMIT,
        check=False,
        **surroundings,
    )


def names_in(folder):
    return [path.name for path in Path(folder).iterdir()]


def told(scenes, surroundings):
    """Play *scenes* and return the document of the demo."""
    done = python(PLAY.format(scenes=scenes), surroundings=surroundings)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def story(surroundings):
    """Run `hsid demo --once --json` once, and give what it printed."""
    done = python(HSID, "demo", "--once", "--json", surroundings=surroundings)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_stdout_is_one_document_of_the_promised_shape(story):
    """Every key is there, and no other."""
    ends = ["analysed", "nothing_seen", "refused", "duplicate", "dead", "pending"]

    assert list(story) == ["uploads", "refusals", "events", "seconds"]
    assert list(story["uploads"]) == ["arrived", *ends]
    assert all(event["detections"] for event in story["events"])


def test_every_upload_is_accounted_for(story):
    """Arrived is the sum of the ends, and nothing is pending or dead."""
    uploads = dict(story["uploads"])

    assert (uploads["pending"], uploads["dead"]) == (0, 0)
    assert uploads.pop("arrived") == sum(uploads.values())
    assert uploads["duplicate"] >= 1
    assert uploads["nothing_seen"] >= 2


def test_what_is_no_picture_is_refused_with_its_reason(story):
    """A cut, an empty and a text file have three different reasons."""
    assert story["uploads"]["refused"] == sum(story["refusals"].values()) == 3
    assert set(story["refusals"]) == {"truncated", "empty_file", "not_a_picture"}


def test_the_person_at_the_door_by_night_is_one_serious_event(story):
    """Somebody who stays for a minute at 02:13 is one incident, of level high or critical."""
    (event,) = [e for e in story["events"] if e["camera_id"] == "front_door"]

    assert event["risk_level"] in {"high", "critical"}
    assert event["analysis"] == "rules"
    assert event["summary"]
    assert event["reasoning"]
    assert Counter(d["label"] for d in event["detections"])["person"] >= 7


def test_the_cat_is_at_most_a_low_event(story):
    """Nobody is woken for a cat; nothing else happened in the back yard."""
    levels = [e["risk_level"] for e in story["events"] if e["camera_id"] != "front_door"]

    assert levels in ([], ["low"])


def test_a_cup_of_coffee_at_the_door_is_no_event(surroundings):
    """The verdict comes from the pictures: without the person there is nothing at the door."""
    told_of = told("tell_story(visitor=Sample.COFFEE)", surroundings)

    assert [e for e in told_of["events"] if e["camera_id"] == "front_door"] == []
    assert told_of["uploads"]["nothing_seen"] >= 9


def test_a_cat_alone_alarms_nobody(surroundings):
    """With the cat's pictures alone there is no event of level medium or higher."""
    told_of = told("cat_story()", surroundings)

    assert {e["risk_level"] for e in told_of["events"]} <= {"low"}
    assert told_of["uploads"]["arrived"] == 2


def test_nothing_is_left_behind(story, surroundings):
    """The temporary folder is gone, and the working directory is as it was."""
    assert names_in(surroundings["env"]["TMPDIR"]) == []
    assert names_in(surroundings["cwd"]) == ["hsid.toml"]


def test_without_once_the_daemon_lives_until_ctrl_c(tmp_path, surroundings):
    """It tells events as they come and its address, can be asked, and ends with exit code 0."""
    demo = subprocess.Popen(
        [sys.executable, "-c", HSID, "demo", "--keep", str(tmp_path / "d")],
        stdout=subprocess.PIPE,
        text=True,
        **surroundings,
    )
    with demo, contextlib.ExitStack() as otherwise:
        otherwise.callback(demo.kill)  # a failing test must not wait for what lives on
        lines = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(demo.stdout.readline())
            assert lines[-1], "the demo ended by itself"
        (address,) = [line.split()[2] for line in lines if "hsictl --socket" in line]
        ask = "from hsid.cli.hsictl import main; main()"
        done = python(ask, "--socket", address, "status", "--json", surroundings=surroundings)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=LIMIT)

    assert demo.returncode == 0
    assert json.loads(done.stdout)["running"] is True
    assert any("front_door" in line for line in lines)
    assert not os.path.lexists(address)
    assert len(list((tmp_path / "d" / "cameras" / "Front Door").iterdir())) >= 7


def test_a_folder_with_something_in_it_is_not_taken(tmp_path, surroundings):
    """--keep never mixes the demo with what somebody has."""
    (tmp_path / "mine").touch()
    done = python(HSID, "demo", "--once", "--keep", str(tmp_path), surroundings=surroundings)

    assert done.returncode == 2
    assert names_in(tmp_path) == ["mine"]


def test_a_folder_that_can_not_be_used_is_told_in_words(surroundings, tmp_path):
    """A path too long for a socket, or one in a file: one line, no traceback."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / ("d" * 120), tmp_path / "file" / "below"):
        done = python(HSID, "demo", "--once", "--keep", str(folder), surroundings=surroundings)
        assert done.returncode == 1
        assert b"hsid: the demo failed" in done.stderr
        assert b"Traceback" not in done.stderr.splitlines()[-1]
        assert not done.stderr.splitlines()[-1].startswith(b" ")

"""hsictl as its users run it, against the real API: what it prints, where, and how it ends."""

import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from hsid.api.actor_models import ActorChange, ActorDetail, ActorList
from hsid.api.daemon_models import Acknowledged, Drained, Reloaded
from hsid.api.house_models import CameraList, ChangeList, GpuList
from hsid.api.log_models import LatencyReport, LevelList, LineList
from hsid.api.models import QueueReport, StatusReport
from hsid.api.queue_models import EntryList, LetterChange, LetterList, LetterReport, QueueList
from tests.integration.api.conftest import hsictl
from tests.integration.control.test_dead_letter_routes import bury


async def ask(house, *arguments, **environment):
    return await hsictl(*arguments, socket=house.path, **environment)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["actor", "show", "nobody"], 5, "There is no actor 'nobody'."),
        (["actor", "pause", "nobody"], 5, "hsictl actor list"),
        (["actor", "pause", "no*"], 5, "no actor fits no*"),
        (["actor", "stop", "store-writer"], 1, "can't be without"),
        (["actor", "pause", "pipeline"], 1, "pause its children"),
        (["actor", "pause"], 2, "NAME"),
        (["queue", "show", "nowhere"], 5, "There is no queue"),
        (["queue", "peek", "detection_queue", "--limit", "0"], 2, "--limit"),
        (["dlq", "show", "detection_queue", "x"], 5, "no dead letter 'x'"),
        (["dlq", "requeue", "detection_queue"], 2, "--all"),
        (["dlq", "clear", "nowhere", "--all", "--yes"], 5, "There is no queue"),
        (["log-level", "loud"], 2, "debug, info"),
        (["log-level", "--for", "10m"], 2, "needs a LEVEL"),
        (["log-level", "debug", "--for", "soon"], 2, "write 90s"),
        (["stop"], 2, "--yes"),
        (["drain", "--within", "1s"], 6, "not everything"),
        (["events", "show", "99"], 5, "no event 99"),
        (["latency", "--window", "0"], 2, "--window"),
        (["nonsense"], 2, "No such command"),
        (["actor", "show", os.fsdecode(b"\xff")], 5, "There is no actor '?'"),
        (["dlq", "list", os.fsdecode(b"\xff")], 5, "There is no queue '?'"),
        (["queue", "show", ""], 5, "GET /v1/queues/. GET /v1/"),
        (["queue", "show", "x" * 100_000], 2, "no name is that long"),
        (["dlq", "requeue", "x" * 100_000, "--all"], 2, "no name is that long"),
        (["dlq", "requeue", "detection_queue", "x"], 5, "left out"),
        (["dlq", "clear", "detection_queue", "x", "--yes"], 5, "left out"),
        (["log-level", "x" * 100_000, "debug"], 2, "Send several requests"),
        (["actor", "resume", "pipeline"], 1, "hsictl actor pause 'pipeline/*'"),
        (["drain", "--within", "9" * 400], 2, "up to a week"),
        (["--timeout", "inf", "status"], 2, "up to a week"),
        (["--timeout", "nan", "status"], 2, "up to a week"),
        (["--timeout", "99999999999", "status"], 2, "up to a week"),
    ],
)
async def test_what_goes_wrong_has_its_code_and_its_words(house, arguments, exit_code, words):
    """On stderr; stdout is for data."""
    async with house.served():
        done = await ask(house, *arguments)

    assert done.returncode == exit_code
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr


async def test_output_that_can_not_be_written_is_told_in_words(house):
    """A full disk below a redirection is no reason for a traceback, and no success."""
    command = [sys.executable, "-m", "hsid.cli.hsictl", "--socket", str(house.path), "tree"]
    async with house.served():
        with Path("/dev/full").open("wb") as full:  # noqa: ASYNC230 - a device that never waits
            done = await trio.run_process(command, stdout=full, capture_stderr=True, check=False)

    assert done.returncode == 1
    assert done.stderr.decode().endswith("can't write all of it: No space left on device\n")
    assert b"Traceback" not in done.stderr


async def test_a_broken_configuration_has_the_code_of_its_own(house):
    """78, which service managers know, and the line of the file."""
    house.daemon.fault = "hsid.toml:2: setle_seconds is no setting"
    async with house.served():
        done = await ask(house, "reload")

    assert (done.returncode, done.stdout) == (78, b"")
    assert "hsid.toml:2" in done.stderr.decode()


COMMANDS = {
    "status": StatusReport,
    "tree": ActorList,
    "actor list": ActorList,
    "actor show watcher": ActorDetail,
    "queue list": QueueList,
    "queue show detection_queue": QueueReport,
    "queue peek detection_queue": EntryList,
    "dlq list": LetterList,
    "dlq show detection_queue upload:1": LetterReport,
    "dlq requeue detection_queue --all --dry-run": LetterChange,
    "dlq clear detection_queue --all --yes": LetterChange,
    "cameras": CameraList,
    "gpu": GpuList,
    "latency": LatencyReport,
    "changes": ChangeList,
    "logs": LineList,
    "log-level": LevelList,
    "reload": Reloaded,
    "drain": Drained,
    "resume": Acknowledged,
    "stop --yes": Acknowledged,
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_json_is_the_document_of_the_route(house, command):
    """It validates against the schema, and nothing else is printed."""
    await bury(house, 1)
    async with house.served():
        done = await ask(house, *command.split(), "--json")

    assert (done.returncode, done.stderr) == (0, b"")
    COMMANDS[command].model_validate_json(done.stdout)


async def test_patterns_mean_all_that_fit_and_json_has_every_change(house):
    """In one document."""
    async with house.served():
        done = await ask(house, "actor", "pause", "detector-*", "--json")

    changes = json.loads(done.stdout)["changes"]
    assert [ActorChange.model_validate(each).actor.path for each in changes] == [
        "pipeline/detector-1",
        "pipeline/detector-2",
    ]


async def test_the_tree_is_indented_and_has_no_colour_in_a_pipe(house):
    """Parents first, workers below them."""
    async with house.served():
        shown = (await ask(house, "tree")).stdout.decode()

    assert "\npipeline " in shown
    assert "\n  detector-1 " in shown
    assert "\x1b" not in shown


async def test_events_are_followed_until_the_daemon_ends(house):
    """One JSON object a line; the end is told in words on stderr."""
    async with house.served(), trio.open_nursery() as nursery:
        following = partial(ask, house, "events", "tail", "-f", "--json")
        results = []

        async def follow():
            results.append(await following())

        nursery.start_soon(follow)
        with trio.fail_after(30):
            while not house.source.live.listeners:
                await trio.sleep(0.01)
        house.source.live.end()

    assert (results[0].returncode, results[0].stdout) == (0, b"")
    assert b"the daemon has stopped" in results[0].stderr


async def test_a_status_that_is_watched_is_printed_again_and_again(house):
    """Until Ctrl-C, which is no failure."""
    program = "from hsid.cli.hsictl import main; main(prog_name='hsictl')"
    command = [sys.executable, "-c", program, "--socket", str(house.path)]
    async with house.served():
        process = await trio.lowlevel.open_process(
            [*command, "status", "--watch", "--interval", "0.1", "--json"], stdout=-1
        )
        received = b""
        with trio.fail_after(30):
            while received.count(b"\n") < 2:
                received += await process.stdout.receive_some()
            process.send_signal(2)
            assert await process.wait() == 0

    assert json.loads(received.splitlines()[0])["running"] is True

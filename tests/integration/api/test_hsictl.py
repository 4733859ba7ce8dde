"""hsictl as its users run it: a process of its own, against the real API on a real socket."""

import json
import socket

import pytest

from hsid import __version__
from tests.integration.api.conftest import build_event, hsictl, running


async def test_status_is_the_document_of_the_api(house, path):
    """`status --json` prints the schema of `/v1/status`, and nothing else."""
    async with running(house, path):
        done = await hsictl("status", "--json", socket=path)

    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert document["uploads"]["arrived"] == 9
    assert document["running"] is True


async def test_status_for_people_shows_the_sum_the_queues_and_the_actors(house, path):
    """Without --json the same numbers come as text."""
    async with running(house, path):
        shown = (await hsictl("status", socket=path)).stdout.decode()

    assert "9 arrived = 3 analysed + 2 nothing seen + 2 refused + 1 duplicate" in shown
    assert "detection_queue" in shown
    assert "pipeline/watcher" in shown


async def test_events_are_listed_latest_first(house, path):
    """`events --limit` passes the limit on."""
    async with running(house, path):
        done = await hsictl("events", "--limit", "1", "--json", socket=path)

    assert [event["event_id"] for event in json.loads(done.stdout)["events"]] == [2]


async def test_no_event_can_steer_the_terminal(house, path):
    """Control and direction characters in a summary are shown as their codes."""
    house.stored[3] = build_event(3, summary="\x1b]0;owned\x07\u202egpj\n", camera_id="a\x9bb")
    async with running(house, path):
        shown = (await hsictl("events", socket=path)).stdout.decode()

    assert "\\x1b]0;owned\\x07\\u202egpj\\n" in shown
    assert not set("\x1b\x07\x9b\u202e") & set(shown)


async def test_output_into_a_pipe_has_no_colour(house, path):
    """Colours are for terminals."""
    async with running(house, path):
        done = await hsictl("events", socket=path)

    assert b"\x1b" not in done.stdout


async def test_without_a_daemon_the_exit_code_is_3(path):
    """Nobody at the socket: words on stderr, nothing on stdout."""
    done = await hsictl("status", "--json", socket=path)

    assert (done.returncode, done.stdout) == (3, b"")
    assert str(path) in done.stderr.decode()


async def test_a_socket_nobody_listens_on_is_the_same_as_none(path):
    """What a killed daemon left behind is unreachable too."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    assert (await hsictl("status", socket=path)).returncode == 3


async def test_a_daemon_that_does_not_answer_gives_exit_code_6(path):
    """--timeout ends the waiting."""
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        done = await hsictl("--timeout", "0.1", "status", socket=path)

    assert done.returncode == 6


async def test_a_failing_daemon_gives_exit_code_1_and_its_hint(house, path):
    """The hint of the problem document reaches the user."""
    house.error = RuntimeError("boom")
    async with running(house, path):
        done = await hsictl("status", socket=path)

    assert done.returncode == 1
    assert "The log of the daemon tells why." in done.stderr.decode()


async def test_a_wrong_option_gives_exit_code_2(path):
    """Usage errors keep their usual code."""
    assert (await hsictl("events", "--limit", "many", socket=path)).returncode == 2


async def test_the_option_goes_before_the_environment(house, path):
    """--socket is asked, whatever HSID_CONTROL_SOCKET says."""
    elsewhere = path.with_name("elsewhere.sock")
    async with running(house, path):
        done = await hsictl("--socket", str(path), "status", socket=elsewhere)

    assert done.returncode == 0


async def test_the_help_names_the_exit_codes_and_nothing_else_odd(path):
    """Scripts are written after it; no mark-up for the help's own formatting is left in it."""
    shown = (await hsictl("--help", socket=path)).stdout.decode()

    assert "Exit codes: 0 ok" in shown
    assert "\\b" not in shown


async def test_the_version_is_an_option_and_a_command(path):
    """Both print the same line, without a daemon."""
    option, command = [await hsictl(ask, socket=path) for ask in ("--version", "version")]

    assert option.stdout == command.stdout == f"hsictl {__version__}\n".encode()


async def test_starting_loads_nothing_heavy(path):
    """The common path imports the standard library and click only."""
    done = await hsictl("version", socket=path, PYTHONPROFILEIMPORTTIME="1")

    loaded = {line.rpartition(b"|")[2].strip().split(b".")[0] for line in done.stderr.splitlines()}
    assert {b"click", b"hsid"} <= loaded
    assert not loaded & {
        b"trio",
        b"pydantic",
        b"httpx",
        b"fastapi",
        b"sqlalchemy",
        b"rich",
        b"anyio",
    }


@pytest.mark.parametrize(("arguments", "expected"), [((), "unknown"), (("--json",), "null")])
async def test_status_is_answered_while_the_database_is_away(house, path, arguments, expected):
    """Exit code 0, with what is known: no number is made up, and no alarm about sums."""
    house.can_count = False
    async with running(house, path):
        done = await hsictl("status", *arguments, socket=path)

    assert done.returncode == 0
    assert expected in done.stdout.decode()
    assert "ADD UP" not in done.stdout.decode()

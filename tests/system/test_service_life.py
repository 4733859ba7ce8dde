"""The daemon's whole life as its service manager sees it: exact messages, signals, sockets."""

import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import permutations

import pytest

from benchmarks._pictures import distinct_jpegs
from hsid.cli import client
from hsid.store.database import open_database
from hsid.store.migration import HEAD
from tests.system.service_rig import DAEMON, configure, service

START = [
    "STATUS=opening the database",
    "STATUS=starting the actors",
    "READY=1\nSTATUS=running",
]
RELOADING = "RELOADING=1\nMONOTONIC_USEC=...\nSTATUS=reloading"


@pytest.fixture
def migrated(tmp_path):
    """A house whose database is there already."""
    open_database(f"sqlite:///{tmp_path}/data/security.db").close()
    return tmp_path


def test_start_and_stop_word_for_word(migrated):
    """Ready once it answers; the stop is told when it begins, and the exit status is 0."""
    with service(migrated) as daemon:
        assert daemon.until("READY") == START
        assert daemon.status()["running"]
        assert daemon.end() == 0
        assert daemon.until("STOPPING") == ["STOPPING=1\nSTATUS=stopping"]


def test_a_migration_asks_for_time_with_each_step(tmp_path):
    """A new database is one: what is done is said, and more time is asked for as it gets on."""
    with service(tmp_path) as daemon:
        messages = daemon.until("READY")

    steps = int(HEAD)
    words = [f"STATUS=migrating the database, step {n} of {steps}" for n in range(1, steps + 1)]
    words.insert(1, "EXTEND_TIMEOUT_USEC=30000000")  # once, as all that took less than 5 s
    assert messages == [START[0], *words, *START[1:]]


def test_a_start_that_waits_for_a_lock_asks_for_no_time(migrated):
    """Waiting is no progress: the manager's own limit is to hold."""
    other = sqlite3.connect(migrated / "data" / "security.db", isolation_level=None)
    other.execute("UPDATE hsid_schema_version SET version_num = '0003'")
    other.execute("BEGIN IMMEDIATE")
    with service(migrated) as daemon:
        daemon.next()
        assert daemon.next(within=7) is None
    assert daemon.heard == ["STATUS=opening the database"]
    other.close()


def test_a_reload_that_is_taken_up_word_for_word(migrated):
    """SIGHUP: RELOADING with its time, then READY with what came of it."""
    with service(migrated) as daemon:
        daemon.until("READY")
        daemon.configure("batch_window_seconds = 60\napi_port = 9000\n")
        daemon.process.send_signal(signal.SIGHUP)

        words = "took up batch_window_seconds; a restart is needed for api_port"
        assert daemon.until("READY") == [RELOADING, f"READY=1\nSTATUS=reloaded: {words}"]


def test_a_reload_that_is_refused_word_for_word(migrated):
    """It says the line, changes nothing, and is READY all the same."""
    with service(migrated) as daemon:
        daemon.until("READY")
        daemon.configure("batch_windw_seconds = 60\n")
        daemon.process.send_signal(signal.SIGHUP)
        begun, over = daemon.until("READY")
        daemon.end()

    assert begun == RELOADING
    assert over.startswith("READY=1\nSTATUS=reload refused: ")
    assert (
        'hsid.toml:5: batch_windw_seconds: unknown key, did you mean "batch_window_seconds"?'
        in over
    )
    assert "reload_refused" in daemon.stderr


def test_a_hangup_before_it_is_ready_is_heard_when_it_is(migrated):
    """The signal that would end another program is kept; here the file was broken meanwhile."""
    with service(migrated) as daemon:
        daemon.next()
        daemon.configure("bogus = 1\n")
        daemon.process.send_signal(signal.SIGHUP)

        assert START[-1] in daemon.until("READY")
        daemon.status()
        assert daemon.end() == 0
    assert "reload_refused" in daemon.stderr


def test_signs_of_life_come_in_time_and_not_all_the_time(migrated):
    """Twice in the period."""
    with service(migrated, watchdog=1) as daemon:
        daemon.until("READY")
        daemon.heard.clear()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            daemon.next(0.1)

    assert 6 <= daemon.heard.count("WATCHDOG=1") <= 11


def test_a_wedge_is_not_hidden(migrated):
    """The loop is held up: silence; and what systemd then sends shows where it was."""
    program = (sys.executable, "-m", "tests.system.wedged_daemon")
    with service(migrated, watchdog=1, program=program) as daemon:
        daemon.until("READY")
        assert daemon.is_fed(within=1)
        daemon.process.send_signal(signal.SIGUSR2)
        time.sleep(0.5)

        assert not daemon.is_fed(within=3)
        daemon.process.send_signal(signal.SIGABRT)
        assert daemon.process.wait(10) == -signal.SIGABRT
    assert "in hold_up" in daemon.stderr


def test_a_process_that_was_stopped_goes_on_as_before(migrated):
    """SIGSTOP for three times the watchdog's period: signs at once, and nobody is restarted.

    What a minute does to actors that beat every minute, `test_supervisor_suspension` shows.
    """
    with service(migrated, watchdog=2) as daemon:
        daemon.until("READY")
        daemon.process.send_signal(signal.SIGSTOP)
        assert not daemon.is_fed(within=6)
        daemon.process.send_signal(signal.SIGCONT)

        assert daemon.is_fed(within=1)
        actors = daemon.status()["actors"]
    assert [actor["path"] for actor in actors if actor["restarts"]] == []
    assert {actor["state"] for actor in actors} == {"ready"}


def test_the_task_tree_is_written_on_request(migrated):
    """SIGUSR1 ends nothing, and shows each actor and where its task is."""
    with service(migrated) as daemon:
        daemon.until("READY")
        daemon.process.send_signal(signal.SIGUSR1)
        daemon.status()
        assert daemon.end() == 0

    assert "supervision tree" in daemon.stderr
    assert "store-writer ready" in daemon.stderr
    assert "task root/pipeline/watcher#1" in daemon.stderr


def test_a_stop_takes_no_longer_than_it_may(migrated):
    """A detector that never answers is given up at drain_timeout_seconds, its upload given back."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        given = {"detector": "rtdetr", "rtdetr_url": url, "drain_timeout_seconds": 1}
        with service(migrated, **given) as daemon:
            daemon.until("READY")
            (migrated / "cameras" / "front").mkdir()
            (picture,) = distinct_jpegs(1, width=320, height=240)
            (migrated / "cameras" / "front" / "a.jpg").write_bytes(picture)
            with mute.accept()[0]:
                began = time.monotonic()
                assert daemon.end() == 0
    assert 0.9 <= time.monotonic() - began < 6
    with sqlite3.connect(migrated / "data" / "security.db") as connection:
        leased = "SELECT count(*), count(token) FROM queue_entries"
        assert connection.execute(leased).fetchone() == (1, 0)


def hand_over(sockets, order):
    """Return what has a shell start the daemon with *sockets* on descriptors from 3 on."""
    moves = " ".join(f"{number}>&{sockets[name].fileno()}" for number, name in enumerate(order, 3))
    names = f"LISTEN_PID=$$ LISTEN_FDS={len(order)} LISTEN_FDNAMES={':'.join(order)}"
    command = f'exec {moves}; export {names}; exec {shlex.join(DAEMON)} "$@"'
    return ("bash", "-c", command, "bash")


@pytest.mark.parametrize("order", list(permutations(("control", "metrics", "http"))))
def test_sockets_are_taken_over_by_name(migrated, order):
    """In whatever order they come: calls made before the start are answered after it."""
    with ExitStack() as stack:
        control = stack.enter_context(socket.socket(socket.AF_UNIX))
        control.bind(str(migrated / "passed.sock"))
        sockets = {"control": control}
        for name in ("metrics", "http"):
            sockets[name] = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        control.listen()
        numbers = [each.fileno() for each in sockets.values()]
        program = hand_over(sockets, order)
        daemon = stack.enter_context(service(migrated, program=program, pass_fds=numbers))

        answer = client.get(migrated / "passed.sock", "/v1/status", timeout=60)

        assert answer["pid"] == daemon.process.pid
        assert not daemon.socket_path.exists()
        assert daemon.end() == 0
    assert (migrated / "passed.sock").is_socket()


def test_a_socket_unit_that_is_wrong_is_refused_in_words(migrated):
    """Exit 78: somebody must mend the unit, a restart won't."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = hand_over({"control": listener}, ["control"])
        fds = [listener.fileno()]
        with service(migrated, program=program, pass_fds=fds) as daemon:
            assert daemon.process.wait(60) == 78
    assert "control: not a listening stream socket of AF_UNIX" in daemon.stderr


def test_a_credential_is_a_setting(migrated):
    """As LoadCredential= hands it over, nested name and all; the value is shown to nobody."""
    (migrated / "credentials").mkdir()
    (migrated / "credentials" / "hsid_smtp__password").write_text("hunter2\n")
    configure(migrated)
    shown = subprocess.run(
        [*DAEMON, "config", "show", "--config", str(migrated / "hsid.toml")],
        env=os.environ | {"CREDENTIALS_DIRECTORY": str(migrated / "credentials")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    (line,) = [line for line in shown.splitlines() if line.startswith("smtp_password")]
    assert line.endswith("# credential hsid_smtp__password")
    assert "hunter2" not in shown

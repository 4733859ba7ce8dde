"""The line to the service manager: what arrives there, and what never happens here."""

import os
import socket

import pytest

from hsid.observe.notify import WATCHDOG, NotifySocket, take_watchdog


@pytest.fixture
def manager(tmp_path):
    """The other end of the line, at a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def line(manager):
    line = NotifySocket(manager.getsockname())
    yield line
    line.close()


def heard(manager):
    """Return what has arrived, a datagram each."""
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def fill(manager, line):
    """Send until the manager's queue is full; return how many got in."""
    for number in range(10_000):
        line.send([(f"STATUS={number}",)])
        if line._waiting:
            return number
    raise AssertionError("its queue has no end")


def test_lines_that_belong_together_arrive_in_one_datagram(manager, line):
    """RELOADING=1 without its time in the same message would be ignored."""
    line.send([("RELOADING=1", "MONOTONIC_USEC=5"), ("READY=1",)])

    assert heard(manager) == ["RELOADING=1\nMONOTONIC_USEC=5", "READY=1"]


def test_an_abstract_socket_is_spoken_to_as_well():
    """An @ stands for the NUL byte that such an address begins with."""
    name = f"hsid-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        line = NotifySocket(f"@{name}")
        line.send([("READY=1",)])
        line.close()

        assert listener.recv(100) == b"READY=1"


def test_the_variable_is_taken_out_of_the_environment(manager):
    """No process started from here may speak for the daemon."""
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "HOME": "/"}

    line = NotifySocket.taken_from(environment)

    assert line.is_connected
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_service_manager_nothing_happens(environment):
    """The same daemon runs in a terminal."""
    line = NotifySocket.taken_from(environment)
    line.send([("READY=1",)])

    assert not line.is_connected


def test_while_the_queue_is_full_messages_wait_in_order(manager, line):
    """Nobody is blocked, and READY is not lost."""
    fill(manager, line)
    line.send([("READY=1",)])
    heard(manager)

    line.send([("STATUS=later",)])

    assert heard(manager)[-2:] == ["READY=1", "STATUS=later"]


def test_a_sign_of_life_is_not_kept_for_later(manager, line):
    """An old one would vouch for a time at which nobody looked."""
    fill(manager, line)
    line.send([WATCHDOG])
    heard(manager)
    line.send([("STATUS=later",)])

    assert "WATCHDOG=1" not in heard(manager)


def test_a_manager_that_is_being_replaced_hears_all_of_it_later(tmp_path, caplog):
    """Nothing is raised, it is told once, and what was said is said again."""
    line = NotifySocket(str(tmp_path / "notify"))
    line.send([("READY=1",)])
    line.send([WATCHDOG])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        line.send([("STATUS=on",)])
        line.close()

        assert heard(manager) == ["READY=1", "STATUS=on"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("environment", "period"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        *(({"WATCHDOG_USEC": text}, None) for text in ("", "0", "-5", "soon")),
        ({}, None),
    ],
)
def test_the_watchdog_counts_for_the_process_that_it_was_meant_for(environment, period):
    """And its variables are inherited by nobody."""
    assert take_watchdog(environment, pid=7) == period
    assert environment == {}

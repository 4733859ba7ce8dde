"""Finding the control socket, and what can go wrong on the way to it."""

import os
import socket
import threading
from pathlib import Path

import pytest

from hsid.cli import client


@pytest.fixture
def closed(tmp_path):
    """Give a folder that keeps this process out, even where the tests run as root."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o000)
    if os.geteuid() != 0:
        yield folder
        return
    os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(0)


def answer_once(path, reply):
    """Answer one connection to *path* with the bytes *reply*."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        with listener, listener.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(reply)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HSID_CONTROL_SOCKET": "/a", "RUNTIME_DIRECTORY": "/b"}, "/a"),
        ({"HSID_CONTROL_SOCKET_PATH": "/c", "RUNTIME_DIRECTORY": "/b"}, "/c"),
        ({"RUNTIME_DIRECTORY": "/run/hsid:/run/other"}, "/run/hsid/control.sock"),
    ],
)
def test_the_environment_names_the_socket(environment, expected):
    """The most particular variable wins."""
    assert client.find_socket(environment) == Path(expected)


def test_the_service_is_asked_where_there_is_one(tmp_path, monkeypatch):
    """Without any variable the system's socket goes before the one for development."""
    monkeypatch.setattr(client, "SYSTEM_SOCKET", tmp_path / "control.sock")
    assert client.find_socket({}) == Path("data/control.sock")

    (tmp_path / "control.sock").touch()
    assert client.find_socket({}) == tmp_path / "control.sock"


def test_a_system_socket_one_may_not_see_is_still_the_one_meant(closed, monkeypatch):
    """A closed folder leads to "not permitted", never to another daemon."""
    monkeypatch.setattr(client, "SYSTEM_SOCKET", closed / "control.sock")

    assert client.find_socket({}) == closed / "control.sock"


def test_a_socket_in_a_closed_folder_is_not_permitted(closed):
    """A folder or mode that keeps a user out has an exit code of its own."""
    with pytest.raises(client.NotPermittedError, match="group of that socket") as caught:
        client.get(closed / "control.sock", "/v1/status", timeout=5)

    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhey",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_somebody_who_is_not_hsid_is_told_in_words(tmp_path, reply):
    """A strange answer is a failure with a message, never a traceback."""
    thread = answer_once(tmp_path / "s", reply)

    with pytest.raises(client.ControlError, match="no answer of hsid") as caught:
        client.get(tmp_path / "s", "/v1/status", timeout=5)
    thread.join()

    assert caught.value.exit_code == 1


def test_a_daemon_that_dies_while_answering_is_unreachable(tmp_path):
    """A connection closed without a word means that there is no daemon any more."""
    thread = answer_once(tmp_path / "s", b"")

    with pytest.raises(client.DaemonUnreachableError):
        client.get(tmp_path / "s", "/v1/status", timeout=5)
    thread.join()


def test_a_path_too_long_for_a_socket_is_told_in_words(tmp_path):
    """The system's own error reaches the user."""
    with pytest.raises(client.ControlError, match="too long"):
        client.get(tmp_path / ("x" * 200), "/v1/status", timeout=5)


def test_who_finds_no_daemon_is_told_what_to_do(tmp_path):
    """The sentence names both ways on."""
    with pytest.raises(client.DaemonUnreachableError, match=r"Start hsid, or name .* --socket"):
        client.get(tmp_path / "control.sock", "/v1/status", timeout=5)

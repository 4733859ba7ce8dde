"""The life of the control socket: made, guarded, replaced, removed."""

import logging
import os
import socket
import stat
from functools import partial

import pytest
import trio

from hsid.api.app import create_app
from hsid.api.server import SocketInUseError, SocketPathError, serve
from tests.integration.api.conftest import client_of, running


async def refused(house, path):
    """Return the error that serving on *path* ends in."""
    with pytest.raises(SocketPathError) as caught:
        await serve(create_app(house), path, ready=lambda: None, stopping=trio.Event())
    return caught.value


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


async def test_the_socket_lets_owner_and_group_in_whatever_the_umask(house, path, open_umask):
    """Its mode is 0660 even where the umask takes nothing away."""
    async with running(house, path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660


async def test_the_socket_is_gone_after_the_end(house, path):
    """A stopped server leaves no file behind."""
    async with running(house, path):
        assert path.is_socket()

    assert not path.exists()


async def test_the_socket_is_gone_after_a_cancellation(house, path):
    """A cancelled server leaves no file behind either."""
    accepting = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(serve, create_app(house), path, ready=accepting.set, stopping=trio.Event())
        )
        await accepting.wait()
        nursery.cancel_scope.cancel()

    assert not path.exists()


async def test_a_socket_left_by_a_killed_daemon_is_replaced(house, path):
    """A socket file that nobody listens on is no obstacle."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async with running(house, path), client_of(path) as client:
        assert (await client.get("/v1/")).status_code == 200


async def test_a_socket_that_is_answered_is_left_alone(house, path):
    """A second daemon is refused, and the first goes on answering."""
    async with running(house, path), client_of(path) as client:
        error = await refused(house, path)

        assert isinstance(error, SocketInUseError)
        assert (await client.get("/v1/")).status_code == 200


async def test_a_daemon_too_busy_to_accept_is_left_alone(house, path):
    """A full backlog is somebody, not nobody."""
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))

        assert isinstance(await refused(house, path), SocketInUseError)


async def test_a_file_that_is_no_socket_is_never_removed(house, path):
    """Whatever lies at the path stays, and the error names it."""
    path.write_text("mine")

    error = await refused(house, path)

    assert str(path) in str(error)
    assert path.read_text() == "mine"


async def test_a_link_is_never_followed_nor_removed(house, path):
    """A symbolic link at the path counts as a file that is no socket."""
    path.symlink_to(path.with_name("elsewhere"))

    await refused(house, path)

    assert path.is_symlink()


async def test_a_path_longer_than_a_socket_can_have_is_refused_in_words(house, tmp_path):
    """108 bytes are one too many, and the error says how many there are."""
    path = tmp_path / ("x" * (107 - len(os.fsencode(tmp_path))))
    assert len(os.fsencode(path)) == 108

    assert "this one has 108" in str(await refused(house, path))


async def test_a_path_of_exactly_the_greatest_length_works(house, tmp_path):
    """107 bytes are not too many."""
    path = tmp_path / ("x" * (106 - len(os.fsencode(tmp_path))))

    async with running(house, path), client_of(path) as client:
        assert (await client.get("/v1/")).status_code == 200


async def test_a_missing_folder_is_refused_in_words(house, tmp_path):
    """The error names the path and the system's reason."""
    error = await refused(house, tmp_path / "none" / "control.sock")

    assert "No such file or directory" in str(error)


async def test_another_process_socket_at_our_path_is_not_removed(house, path):
    """What somebody put in our socket's place stays at the end."""
    async with running(house, path):
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))

    assert path.is_socket()


async def test_a_request_under_way_is_answered_before_the_end(house, path):
    """Stopping waits for the answer that is being made."""
    house.delay = 0.2
    answers = []
    async with trio.open_nursery() as nursery:

        async def ask():
            async with client_of(path) as client:
                answers.append((await client.get("/v1/status")).status_code)

        async with running(house, path) as stopping:
            nursery.start_soon(ask)
            await house.asked.wait()
            stopping.set()

    assert answers == [200]


async def test_serving_says_nothing_in_the_log(house, path, caplog):
    """The server is quiet while all goes well."""
    caplog.set_level(logging.DEBUG)
    async with running(house, path), client_of(path) as client:
        await client.get("/v1/status")

    assert [r for r in caplog.records if r.name.startswith("hypercorn")] == []

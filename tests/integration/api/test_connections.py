"""What a connection may do, and how many there may be."""

import os
import socket
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from hsid.api import manners
from hsid.api.app import create_app
from hsid.api.models import API_VERSION
from hsid.api.peer import Peer
from hsid.api.server import SocketInUseError, SocketPathError, serve
from hsid.cli import client as cli_client
from tests.integration.api.conftest import client_of, running

BODY = b"POST /v1/events/1/star HTTP/1.1\r\nHost: hsid\r\nContent-Length: %d\r\n\r\n"


@asynccontextmanager
async def serving(house, where, **options):
    stopping, accepting = trio.Event(), trio.Event()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(
                    serve,
                    create_app(house),
                    where,
                    ready=accepting.set,
                    stopping=stopping,
                    **options,
                )
            )
            await accepting.wait()
            yield
            stopping.set()


async def answer_to(path, *pieces):
    """Send *pieces* as they are; return all that comes back."""
    async with await trio.open_unix_socket(path) as stream:
        for piece in pieces:
            await stream.send_all(piece)
        return b"".join([piece async for piece in stream])


async def test_a_connection_too_many_is_told_so(house, path):
    """A problem document, like every other refusal; the others go on."""
    async with serving(house, path, most_connections=2), client_of(path) as client:
        await client.get("/v1/")
        async with await trio.open_unix_socket(path):
            refused = await answer_to(path, b"GET /v1/ HTTP/1.1\r\nHost: hsid\r\n\r\n")
            assert (await client.get("/v1/")).status_code == 200

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"application/problem+json" in refused
    assert b"too-many-connections" in refused


async def test_a_connection_is_over_with_its_client(house, path):
    """Those who ask once a moment never use the places up."""
    async with serving(house, path, most_connections=2):
        for _ in range(20):
            async with client_of(path) as client:
                assert (await client.get("/v1/")).status_code == 200
            await trio.sleep(0.01)


async def test_a_body_that_is_too_large_is_refused(house, path):
    """Before anything is done."""
    async with running(house, path), client_of(path) as client:
        body = b"x" * (manners.LARGEST_BODY + 1)
        answer = await client.post("/v1/events/1/star", content=body)

    assert (answer.status_code, house.starred_by) == (413, None)
    assert answer.json()["type"] == "urn:hsid:problem:body-too-large"


async def test_a_body_that_does_not_come_is_not_awaited_for_ever(house, path, monkeypatch):
    """Nothing is done for half a request."""
    monkeypatch.setattr(manners, "_BODY_PATIENCE", 0.05)
    async with running(house, path):
        answer = await answer_to(path, BODY % 100, b"half")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert house.starred_by is None


async def test_a_change_knows_whose_it_is(house, path):
    """The kernel tells user and process, whatever the request says."""
    async with running(house, path), client_of(path) as client:
        await client.post("/v1/events/1/star")

    assert house.starred_by.startswith(f"control socket: uid {os.getuid()}")
    assert f"pid {os.getpid()}" in house.starred_by


def test_a_process_that_is_gone_has_no_name_any_more():
    """Nor has a user that nobody knows."""
    assert Peer(2**22 + 1, 2**31 - 2).describe() == f"uid {2**31 - 2}, pid {2**22 + 1}"
    assert Peer(0, 2**31 - 2).describe() == f"uid {2**31 - 2}, pid unknown"


async def test_every_answer_has_its_request_id_and_the_version_of_the_api(house, path):
    """The caller's id where there is a usable one."""
    async with running(house, path), client_of(path) as client:
        own = await client.get("/v1/", headers={"X-Request-Id": "job-7"})
        odd = await client.get("/v1/nothing", headers={"X-Request-Id": "a b\\x07"})

    assert (own.headers["x-request-id"], own.headers["hsid-api"]) == ("job-7", "1")
    assert odd.headers["x-request-id"] not in ("", "a b\\x07")
    assert API_VERSION == cli_client.API_VERSION


async def test_a_socket_that_was_passed_is_served_and_left_where_it_is(house, path):
    """Whoever made it, systemd say, removes it."""
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(path))
        passed.listen()
        async with serving(house, passed.dup()), client_of(path) as client:
            assert (await client.get("/v1/")).status_code == 200

        assert path.is_socket()


async def test_of_many_that_want_a_stale_socket_one_gets_it(house, path):
    """The others are refused, and the one that answers is never unlinked."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    refused, stopping = [], trio.Event()

    async def try_to_serve(ready):
        try:
            await serve(create_app(house), path, ready=ready.set, stopping=stopping)
        except SocketInUseError as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        events = [trio.Event() for _ in range(5)]
        for ready in events:
            nursery.start_soon(try_to_serve, ready)
        with trio.fail_after(20):
            while len(refused) < 4:
                await trio.sleep(0.01)
        async with client_of(path) as client:
            assert (await client.get("/v1/")).status_code == 200
        stopping.set()

    assert sum(event.is_set() for event in events) == 1


async def test_a_link_in_place_of_the_lock_is_not_followed(house, path):
    """Nobody has a file of theirs locked, or made, by our name."""
    path.with_name("control.sock.lock").symlink_to(path.with_name("theirs"))
    with pytest.raises(SocketPathError, match=r"control\.sock\.lock"):
        await serve(create_app(house), path, ready=lambda: None, stopping=trio.Event())

    assert not path.with_name("theirs").exists()

"""The listener on TCP: metrics and health for machines, and a port that is taken."""

import socket
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio

from actors.http_listener import HttpListener
from hsid.listening import ListenError, open_listeners
from hsid.observe.health import Health, HealthState
from hsid.observe.metrics import Pages
from supervision import Backoff, ChildSpec, OnExhausted, Supervisor
from supervision.testing import running
from tests.unit.observe.states import build_node, build_state

DEGRADED = Health(HealthState.DEGRADED, ("postgresql://hsid@db.example is away",))


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def listening(port, **state):
    """Run a listener over a house in this *state*; yields a client of it."""

    async def sample():
        await trio.lowlevel.checkpoint()
        return build_state(**state)

    listener = HttpListener(Pages(sample), partial(open_listeners, "127.0.0.1", port))
    spec = ChildSpec("http-listener", listener.run, drain=5)
    with trio.fail_after(20):
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
        async with running(Supervisor("doors", [spec])), client:
            yield client


async def test_metrics_come_in_the_format_that_is_asked_for(port):
    """With the content type that goes with it."""
    async with listening(port) as client:
        text = await client.get("/metrics")
        openmetrics = await client.get(
            "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
        )

    assert text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nhsi_healthy 1.0\n" in text.text
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


async def test_a_daemon_that_works_is_alive_and_ready(port):
    """200 for both."""
    async with listening(port) as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert ready.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "state", [{"health": DEGRADED}, {"tree": build_node(state="stopping")}], ids=["ill", "stopping"]
)
async def test_a_daemon_with_a_trouble_is_alive_and_not_ready(port, state):
    """What is wrong is nobody's business here."""
    async with listening(port, **state) as client:
        alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert "hsictl status" in ready.text
    assert "db.example" not in ready.text


async def test_there_is_nothing_else_to_be_had(port):
    """No events, no pictures; and nothing is changed."""
    async with listening(port) as client:
        answers = [await client.get("/v1/status"), await client.post("/metrics", content=b"x")]

    assert [answer.status_code for answer in answers] == [404, 405]


async def test_a_port_that_is_taken_is_said_and_tried_again(port):
    """Its listener is parked with the reason, and answers once the port is free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        listener = HttpListener(
            Pages(trio.sleep_forever), partial(open_listeners, "127.0.0.1", port)
        )
        spec = ChildSpec(
            "http-listener",
            listener.run,
            backoff=Backoff.none(),
            on_exhausted=OnExhausted.PARK,
            cooldown=0.1,
            lenient_start=True,
        )
        root = Supervisor("doors", [spec], intensity=1)
        with trio.fail_after(20):
            async with running(root):
                while root.tree().children[0].state != "parked":
                    await trio.sleep(0.01)
                assert f"127.0.0.1 port {port}" in root.tree().children[0].last_error
                taken.close()
                async with httpx.AsyncClient() as client:
                    while root.tree().children[0].state != "ready":
                        await trio.sleep(0.01)
                    assert (await client.get(f"http://127.0.0.1:{port}/healthz")).is_success


async def test_all_addresses_of_a_host_are_opened_or_none(port):
    """Half of a listener would be found out by whoever gets the other half."""
    opened = await open_listeners("localhost", port)
    with socket.socket() as other:
        addresses = {listener.getsockname()[0] for listener in opened}
        for listener in opened:
            listener.close()
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(ListenError, match=f"localhost port {port}: Address already in use"):
            await open_listeners("localhost", port)

    assert addresses <= {"127.0.0.1", "::1"}


async def test_an_address_that_is_not_ours_is_refused_in_words(port):
    """A slip in api_host is named."""
    with pytest.raises(ListenError, match=r"192\.0\.2\.1 port"):
        await open_listeners("192.0.2.1", port)
    with pytest.raises(ListenError, match=r"no\.such\.host\.invalid port"):
        await open_listeners("no.such.host.invalid", port)

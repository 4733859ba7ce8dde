"""The actors of a house on Redis, beside a real server."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog
import trio

from actors.announcer import Announcer
from actors.redis_monitor import RedisMonitor
from hsid.model import AnalysisKind, Event, EventState, Severity
from hsid.redis import RedisClient
from supervision import Mailbox
from supervision.testing import lone_context

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVENT = Event(
    id=7,
    batch_id="b7",
    camera_id="front",
    started_at=NOON,
    ended_at=NOON,
    risk_score=80,
    risk_level=Severity.CRITICAL,
    summary="a person at the door",
    reasoning="at night",
    analysis=AnalysisKind.RULES,
    analyst="rules",
    state=EventState.FINAL,
    revision=1,
    created_at=NOON,
    updated_at=NOON,
)


@pytest.fixture
async def client(server):
    client = RedisClient(f"redis://127.0.0.1:{server.port}/0")
    yield client
    await client.disconnect()


@pytest.fixture
async def ctx():
    with lone_context() as ctx:
        yield ctx


async def test_each_event_is_published_with_just_the_fields_that_listeners_expect(
    client, ctx, nursery
):
    """Nine of them, with times as text."""
    events = Mailbox("announcements", 10)
    subscription = await client.subscribe("security_events")
    nursery.start_soon(Announcer(client, "security_events", events).run, ctx)
    events.ref.tell_nowait(EVENT)

    with trio.fail_after(10):
        heard = await subscription.receive()

    assert json.loads(heard.text) == {
        "type": "event",
        "data": {
            "id": 7,
            "event_id": 7,
            "batch_id": "b7",
            "camera_id": "front",
            "risk_score": 80,
            "risk_level": "critical",
            "summary": "a person at the door",
            "reasoning": "at night",
            "started_at": "2026-05-01T12:00:00+00:00",
        },
    }


async def test_an_announcement_is_tried_again_while_the_server_restarts(
    server, client, ctx, nursery
):
    """A short outage costs time; the event is heard by who listens afterwards."""
    events = Mailbox("announcements", 10)
    server.kill()
    nursery.start_soon(Announcer(client, "security_events", events).run, ctx)
    events.ref.tell_nowait(EVENT)
    await trio.sleep(0.1)
    await trio.to_thread.run_sync(server.start)
    subscription = await client.subscribe("security_events")
    events.ref.tell_nowait(replace(EVENT, id=8))

    with trio.fail_after(20):
        heard = [json.loads((await subscription.receive()).text)["data"]["id"] for _ in range(2)]

    assert heard == [7, 8]


async def test_a_policy_that_would_delete_queued_work_is_told_once_and_so_is_its_end(
    server, client, ctx, nursery
):
    """An operator who changes the server while hsid runs learns of it from the log."""
    looks = RedisMonitor(client, every=0.02)
    with structlog.testing.capture_logs() as logs:
        nursery.start_soon(looks.run, ctx)
        server.command("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "allkeys-lru")
        await until(lambda: "redis_trouble" in names_in(logs))
        await trio.sleep(0.2)  # some looks more
        server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await until(lambda: "redis_is_well_again" in names_in(logs))

    assert names_in(logs) == ["redis_trouble", "redis_is_well_again"]
    (trouble,) = [line for line in logs if line["event"] == "redis_trouble"]
    assert "allkeys-lru" in trouble["error"]


async def test_what_is_worth_a_warning_is_told_once(client, ctx, nursery):
    """A server that keeps nothing on the disk may be meant so."""
    with structlog.testing.capture_logs() as logs:
        nursery.start_soon(RedisMonitor(client, every=0.02).run, ctx)
        await trio.sleep(0.5)

    assert [line["warning"][:17] for line in logs] == ["appendonly is off"]


def names_in(logs):
    return [line["event"] for line in logs if line["log_level"] != "warning"]


async def until(is_reached):
    """Look again until it is so."""
    with trio.fail_after(20):
        while not is_reached():
            await trio.sleep(0.01)

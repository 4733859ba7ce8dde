"""Events as they happen, followed through the real server on a real socket."""

import json
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import trio

from hsid.api import connections
from hsid.api.streams import MOST_STREAMS
from hsid.model import AnalysisKind, Event, EventState, Severity
from tests.integration.api.conftest import NIGHT, build_event, client_of, running


def judged(number, *, score=70, camera="gate", summary="Somebody"):
    """Build an event as it is announced."""
    level = Severity.HIGH if score >= 60 else Severity.LOW
    return Event(
        id=number,
        batch_id=f"b{number}",
        camera_id=camera,
        started_at=NIGHT,
        ended_at=NIGHT,
        risk_score=score,
        risk_level=level,
        analysis=AnalysisKind.RULES,
        analyst="rules-1",
        state=EventState.FINAL,
        summary=summary,
        reasoning="night",
        revision=1,
        created_at=NIGHT,
        updated_at=NIGHT,
    )


class Lines:
    """The JSON lines of a chunked answer, read as slowly as a test wants."""

    def __init__(self, stream):
        self._stream, self._rest = stream, b""

    async def next(self):
        """Return the next line, None after the last."""
        while True:
            line, end, rest = self._rest.partition(b"\n")
            if not end:
                more = await self._stream.receive_some()
                if not more:
                    return None
                self._rest += more
                continue
            self._rest = rest
            if line.startswith(b"{"):  # others are headers, and the sizes of chunks
                return json.loads(line)

    async def rest(self):
        lines = []
        while (line := await self.next()) is not None:
            lines.append(line)
            if line["type"] in ("lagged", "over"):
                break
        return lines


@asynccontextmanager
async def following(path, **asked):
    """Open the stream, wait until it is open, and yield its further lines."""
    async with await trio.open_unix_socket(path) as stream:
        target = f"/v1/live/events?{urlencode(asked)}"
        await stream.send_all(f"GET {target} HTTP/1.1\r\nHost: hsid\r\n\r\n".encode())
        lines = Lines(stream)
        assert await lines.next() == {"type": "open"}
        yield lines


async def ids(lines, count):
    return [(await lines.next())["event"]["event_id"] for _ in range(count)]


async def test_an_event_is_told_as_it_happens(house, path):
    """With everything that a list of events has, but for its star."""
    async with running(house, path), following(path) as lines:
        house.live.tell(judged(5))
        line = await lines.next()

    assert (line["type"], line["event"]["event_id"], line["event"]["camera_id"]) == (
        "event",
        5,
        "gate",
    )
    assert "starred" not in line["event"]


async def test_only_what_fits_is_told(house, path):
    """By camera, level and score."""
    asked = {"camera": "gate", "level": "high", "min_score": 80}
    async with running(house, path), following(path, **asked) as lines:
        for event in (judged(1, score=90, camera="door"), judged(2, score=70), judged(3, score=90)):
            house.live.tell(event)
        assert await ids(lines, 1) == [3]


async def test_earlier_ones_come_first_the_oldest_first(house, path):
    """Then those that happen; nothing falls in between."""
    async with running(house, path), following(path, last=2) as lines:
        house.live.tell(judged(9))
        assert await ids(lines, 3) == [1, 2, 9]


async def test_without_following_the_earlier_ones_are_all(house, path):
    """The last line says that it is over."""
    async with running(house, path), client_of(path) as client:
        answer = await client.get("/v1/live/events?last=9&follow=0")

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [line["type"] for line in lines] == ["open", "event", "event", "over"]


async def test_the_end_of_the_daemon_ends_the_stream_with_a_line(house, path):
    """Whoever follows knows that it was no accident."""
    async with running(house, path), following(path) as lines:
        house.live.end()
        assert await lines.rest() == [{"type": "over"}]


async def test_a_reader_who_lags_is_dropped_with_a_last_line(house, path):
    """What was told before comes whole; whoever tells was not held up."""
    async with running(house, path), following(path) as lines:
        for number in range(1, 5000):
            house.live.tell(judged(number, summary="x" * 4000))
            await trio.lowlevel.checkpoint()
        received = await lines.rest()

    assert received[-1] == {"type": "lagged"}
    told = [line["event"]["event_id"] for line in received[:-1]]
    assert told == list(range(1, len(told) + 1))
    assert 256 <= len(told) < 5000


async def test_a_reader_who_takes_nothing_is_cut_off(house, path, monkeypatch):
    """Its place is free again."""
    monkeypatch.setattr(connections, "_SEND_PATIENCE", 0.05)
    async with running(house, path), following(path):
        for number in range(1, 600):
            house.live.tell(judged(number, summary="x" * 4000))
        with trio.fail_after(20):
            while house.live.listeners:
                await trio.sleep(0.01)


async def test_a_reader_who_leaves_is_forgotten(house, path):
    """Without waiting for the next event."""
    async with running(house, path):
        async with following(path):
            assert house.live.listeners == 1
        with trio.fail_after(20):
            while house.live.listeners:
                await trio.sleep(0.01)


async def test_there_is_an_end_to_the_streams(house, path):
    """Those who ask are answered while as many follow as may."""
    async with running(house, path), trio.open_nursery() as nursery:
        for _ in range(MOST_STREAMS):
            nursery.start_soon(follow, path)
        while house.live.listeners < MOST_STREAMS:
            await trio.sleep(0.01)
        async with client_of(path) as client:
            refused = await client.get("/v1/live/events")
            assert (await client.get("/v1/status")).status_code == 200
        nursery.cancel_scope.cancel()

    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:hsid:problem:too-many-streams"


async def follow(path):
    async with following(path) as lines:
        await lines.rest()


async def test_a_filter_there_is_not_is_refused(house, path):
    """Before anything is streamed."""
    async with running(house, path), client_of(path) as client:
        assert (await client.get("/v1/live/events?levels=high")).status_code == 422


async def test_an_earlier_event_that_does_not_fit_is_left_out(house, path):
    """The score counts for them, too."""
    house.stored[3] = build_event(3, risk_score=95)
    async with running(house, path), client_of(path) as client:
        answer = await client.get("/v1/live/events?last=9&follow=0&min_score=90")

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["event"]["event_id"] for line in lines[1:-1]] == [3]

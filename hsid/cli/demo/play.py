"""Play the story to the daemon, watch what it makes of it, and tell.

What is told was asked from the daemon's control socket, as any user could.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import trio

from hsid.cli.client import Document
from hsid.cli.demo import player, report
from hsid.cli.demo.progress import Progress
from hsid.cli.demo.stage import Stage
from hsid.cli.demo.story import Scene
from hsid.model import Seconds

BETWEEN_QUESTIONS: Seconds = 0.1
PATIENCE: Seconds = 50.0
"""How long the story may take to be accounted for."""
MOST_EVENTS = 200

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the daemon made of the story."""

    summary: Document
    """The document of the demo."""
    has_succeeded: bool
    """Whether all uploads of the story came to an end and the accounting adds up."""


class Watch:
    """Asks the daemon on *stage* how it is, and says each event once: new, or judged anew."""

    def __init__(self, stage: Stage, say: Say) -> None:
        self._stage = stage
        self._say = say
        self._told: dict[int, int] = {}

    async def look(self) -> Document:
        """Say what is new among the events; return the status from before they were asked for."""
        status = await self._stage.ask("/v1/status")
        page = await self._stage.ask("/v1/events", limit=MOST_EVENTS)
        for event in reversed(page["events"]):
            event_id, revision = event["event_id"], event["revision"]
            told = self._told.get(event_id)
            if told != revision:
                self._told[event_id] = revision
                self._say(report.announce(event, is_new=told is None))
        return status

    async def go_on(self) -> None:
        """Say what is new until cancelled."""
        while True:
            await self.look()
            await trio.sleep(BETWEEN_QUESTIONS)


async def perform(
    scenes: Sequence[Scene], stage: Stage, watch: Watch, progress: Progress
) -> Outcome:
    """Deliver *scenes* to the daemon on *stage*; return when all are accounted for.

    Gives up after `PATIENCE` seconds; the outcome tells.
    """
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(player.play, scenes, stage.cameras, yesterday(), delivered=progress.delivered)
        )
        with trio.move_on_after(PATIENCE):
            await _wait_accounted_for(len(scenes), watch, progress)
        nursery.cancel_scope.cancel()
    status = await stage.ask("/v1/status")
    return Outcome(
        report.summarize(status, await _events(stage), trio.current_time() - began),
        report.has_succeeded(status, len(scenes)),
    )


def yesterday() -> date:
    """Return the day on which the story plays: its last hour has been, whatever the time is."""
    return datetime.now(UTC).astimezone().date() - timedelta(days=1)


async def _wait_accounted_for(expected: int, watch: Watch, progress: Progress) -> None:
    while True:
        status = await watch.look()
        progress.counted(status)
        if report.is_accounted_for(status, expected):
            return
        await trio.sleep(BETWEEN_QUESTIONS)


async def _events(stage: Stage) -> list[Document]:
    """Return all events with their detections, in the order in which they were made."""
    page = await stage.ask("/v1/events", limit=MOST_EVENTS)
    return [await stage.ask(f"/v1/events/{event['event_id']}") for event in page["events"][::-1]]

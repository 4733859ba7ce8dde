"""Pages of metrics: in the format that was asked for, made off the event loop, kept for a second.

Two formats: Prometheus' text 0.0.4, and OpenMetrics 1.0.0, the only one that shows exemplars. Both
hold the same numbers. However many ask at once, the state is read once.
"""

import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import trio
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Metric, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.model import Seconds
from hsid.observe.metrics.families import collect
from hsid.observe.metrics.instruments import REGISTRY, set_queue_depth
from hsid.observe.metrics.state import HouseState

KEPT_FOR: Seconds = 1.0


class Format(Enum):
    """How a page is written; the value is its content type."""

    TEXT = CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST


def negotiate(accept: str | None) -> Format:
    """Return the format for a request's header `Accept`: plain text unless it names OpenMetrics."""
    for each in (accept or "").lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        if kind == "application/openmetrics-text" and not _is_unwanted(parameters):
            return Format.OPENMETRICS
    return Format.TEXT


def _is_unwanted(parameters: list[str]) -> bool:
    return any(each in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for each in parameters)


@dataclass(frozen=True, slots=True)
class Page:
    """What a scraper gets."""

    content: bytes
    content_type: str


class _Everything:
    """The instruments, and what *state* adds to them."""

    def __init__(self, state: HouseState | None) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from REGISTRY.collect()
        if self._state is not None:
            yield from collect(self._state)


def get_metrics_response(accept: str | None = None, state: HouseState | None = None) -> Page:
    """Return the page for a request's header *accept*; without *state*, of the instruments alone.

    Takes some milliseconds: not for the event loop.
    """
    if state is not None:
        _set_depths(state)
    chosen = negotiate(accept)
    write = openmetrics.generate_latest if chosen is Format.OPENMETRICS else generate_latest
    return Page(write(_Everything(state)), chosen.value)


def _set_depths(state: HouseState) -> None:
    depths = {queue.name: queue.depth for queue in state.queues}
    for name in (DETECTION_QUEUE, ANALYSIS_QUEUE):
        set_queue_depth(name, depths.get(name, math.nan))


class Pages:
    """The pages of a daemon, whose state *sample* reads."""

    def __init__(
        self, sample: Callable[[], Awaitable[HouseState]], kept_for: Seconds = KEPT_FOR
    ) -> None:
        self._sample = sample
        self._kept_for = kept_for
        self._turn = trio.Lock()
        self._state: HouseState | None = None
        self._read_at: Seconds = -math.inf
        self._pages: dict[Format, Page] = {}

    async def state(self) -> HouseState:
        """Return the state as it was within the last second.

        *Cancellation*: the next one who waits reads it.
        """
        async with self._turn:
            return await self._renewed()

    async def page(self, accept: str | None) -> Page:
        """Return the page for a request's header *accept*."""
        chosen = negotiate(accept)
        async with self._turn:
            state = await self._renewed()
            if chosen not in self._pages:
                self._pages[chosen] = await trio.to_thread.run_sync(
                    get_metrics_response, accept, state
                )
            return self._pages[chosen]

    async def _renewed(self) -> HouseState:
        if self._state is None or trio.current_time() >= self._read_at + self._kept_for:
            self._state = await self._sample()
            self._read_at = trio.current_time()
            self._pages = {}
        return self._state

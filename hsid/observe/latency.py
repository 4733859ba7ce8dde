"""How long uploads take from one stage of the pipeline to the next, in the last minutes.

Kept in memory, for people who ask now: `hsictl latency`. It forgets with the process, and the
oldest samples make room for new ones, so a window that saw very many is told of its end only.
Prometheus gets histograms instead (`hsid.observe.metrics`): percentiles of several nodes can't be
added up.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from hsid.model import Seconds

Key = TypeVar("Key", bound=Hashable)

_SAMPLES_KEPT = 5000
"""Of each stage: an hour of more than one a second."""
_MARKS_KEPT = 10_000
_DEFAULT_WINDOW = 60


class LatencyStage(StrEnum):
    """From which step to which."""

    WATCH_TO_DETECT = "watch_to_detect"
    """From the arrival of an upload to a detector that begins with it."""
    DETECT_TO_BATCH = "detect_to_batch"
    """From the last detection of a batch to its closing."""
    BATCH_TO_ANALYZE = "batch_to_analyze"
    """From there to an analyst that begins with it."""
    TOTAL_PIPELINE = "total_pipeline"
    """From the arrival of a batch's first upload to its event."""


class UnknownStageError(ValueError):
    """There is no stage of this name: a slip of the caller."""

    def __init__(self, stage: str) -> None:
        super().__init__(f'no stage "{stage}", expected one of {", ".join(LatencyStage)}')
        self.stage = stage


@dataclass(frozen=True, slots=True)
class StageStats:
    """What a stage took, in milliseconds; all but the count None where nothing was measured."""

    sample_count: int = 0
    avg_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None

    @classmethod
    def of(cls, samples: Sequence[float]) -> "StageStats":
        """Return the statistics of *samples*, in any order."""
        if not samples:
            return cls()
        ordered = sorted(samples)
        return cls(
            sample_count=len(ordered),
            avg_ms=min(max(math.fsum(ordered) / len(ordered), ordered[0]), ordered[-1]),
            min_ms=ordered[0],
            max_ms=ordered[-1],
            p50_ms=_quantile(ordered, 0.50),
            p95_ms=_quantile(ordered, 0.95),
            p99_ms=_quantile(ordered, 0.99),
        )


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which *share* of the samples lie, on the line between neighbours."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return min(low + (high - low) * (position - below), high)


class PipelineLatencyTracker:
    """The latest samples of each stage. *clock* gives seconds that no wall clock moves."""

    def __init__(
        self, max_samples: int = _SAMPLES_KEPT, clock: Callable[[], Seconds] = time.monotonic
    ) -> None:
        self._clock = clock
        self._samples: dict[LatencyStage, deque[tuple[Seconds, float]]] = {
            stage: deque(maxlen=max_samples) for stage in LatencyStage
        }

    def record_stage_latency(self, stage: str, latency_ms: float) -> None:
        """Note that *stage* took *latency_ms*; less than nothing, as after a clock was set, is 0.

        Raises:
            UnknownStageError: There is no such stage.
        """
        self._samples_of(stage).append((self._clock(), max(0.0, latency_ms)))

    def get_stage_stats(self, stage: str, window_minutes: float = _DEFAULT_WINDOW) -> StageStats:
        """Return what *stage* took in the last *window_minutes*.

        Raises:
            UnknownStageError: There is no such stage.
        """
        since = self._clock() - 60 * window_minutes
        return StageStats.of([ms for at, ms in self._samples_of(stage) if at >= since])

    def get_pipeline_summary(
        self, window_minutes: float = _DEFAULT_WINDOW
    ) -> dict[LatencyStage, StageStats]:
        """Return what each stage took in the last *window_minutes*."""
        return {stage: self.get_stage_stats(stage, window_minutes) for stage in LatencyStage}

    def _samples_of(self, stage: str) -> deque[tuple[Seconds, float]]:
        try:
            return self._samples[LatencyStage(stage)]
        except ValueError as error:
            raise UnknownStageError(stage) from error


class Marks(Generic[Key]):
    """When things happened, until somebody asks for it; the oldest are forgotten for new ones.

    For spans whose two ends lie in different actors. What happened on another node, or before the
    process began, is not here: then there is no sample, rather than a wrong one.
    """

    def __init__(
        self, most: int = _MARKS_KEPT, clock: Callable[[], Seconds] = time.monotonic
    ) -> None:
        self._most = most
        self._clock = clock
        self._marks: OrderedDict[Key, Seconds] = OrderedDict()

    def __len__(self) -> int:
        return len(self._marks)

    def note(self, key: Key) -> None:
        """Note that what *key* stands for happens now."""
        self._marks[key] = self._clock()
        self._marks.move_to_end(key)
        if len(self._marks) > self._most:
            self._marks.popitem(last=False)

    def take(self, key: Key) -> Seconds | None:
        """Return when that was, by the clock, and forget it; None if nothing is known of it."""
        return self._marks.pop(key, None)

    def since(self, moment: Seconds) -> Seconds:
        """Return how long ago *moment* was."""
        return self._clock() - moment


class PipelineMarks:
    """What the actors leave for one another, so that the last can tell how long it took."""

    def __init__(self) -> None:
        self.detected: Marks[int] = Marks()
        """By upload: its detections are stored."""
        self.closed: Marks[str] = Marks()
        """By batch: it was closed."""


_tracker = PipelineLatencyTracker()


def get_pipeline_latency_tracker() -> PipelineLatencyTracker:
    """Return the tracker of this process."""
    return _tracker


def record_pipeline_stage_latency(stage: str, latency_ms: float) -> None:
    """Note in the tracker of this process that *stage* took *latency_ms*.

    Raises:
        UnknownStageError: There is no such stage.
    """
    _tracker.record_stage_latency(stage, latency_ms)


def get_stage_stats(stage: str, window_minutes: float = _DEFAULT_WINDOW) -> StageStats:
    """Return what *stage* took in this process, in the last *window_minutes*.

    Raises:
        UnknownStageError: There is no such stage.
    """
    return _tracker.get_stage_stats(stage, window_minutes)


def get_pipeline_summary(
    window_minutes: float = _DEFAULT_WINDOW,
) -> dict[LatencyStage, StageStats]:
    """Return what each stage took in this process, in the last *window_minutes*."""
    return _tracker.get_pipeline_summary(window_minutes)

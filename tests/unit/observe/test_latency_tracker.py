"""How long uploads take, for people who ask now."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.latency import (
    LatencyStage,
    Marks,
    PipelineLatencyTracker,
    StageStats,
    UnknownStageError,
)

LATENCIES = st.lists(st.floats(0, 1e9), min_size=2, max_size=200)


class Clock:
    """Stands still unless it is told to go on."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tracker(clock):
    return PipelineLatencyTracker(max_samples=5, clock=clock)


@given(LATENCIES)
def test_percentiles_are_those_of_the_standard_library(samples):
    """On the line between neighbours, both ends included."""
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    stats = StageStats.of(samples)

    assert [stats.p50_ms, stats.p95_ms, stats.p99_ms] == pytest.approx(
        [cuts[49], cuts[94], cuts[98]]
    )
    assert stats.avg_ms == pytest.approx(statistics.fmean(samples))


@given(LATENCIES)
def test_statistics_are_in_order_however_the_samples_are(samples):
    """From the least over the percentiles to the most, and the order of arrival is no matter."""
    stats = StageStats.of(samples)

    assert stats.min_ms <= stats.p50_ms <= stats.p95_ms <= stats.p99_ms <= stats.max_ms
    assert stats.min_ms <= stats.avg_ms <= stats.max_ms
    assert stats == StageStats.of(samples[::-1])


def test_a_stage_that_was_never_measured_has_no_numbers(tracker):
    """Nothing measured is not 0 milliseconds."""
    assert tracker.get_stage_stats("watch_to_detect") == StageStats()
    assert tracker.get_stage_stats("watch_to_detect").p50_ms is None


def test_only_the_window_counts(tracker, clock):
    """What lies before it is not told of."""
    tracker.record_stage_latency("watch_to_detect", 100)
    clock.now += 299
    tracker.record_stage_latency("watch_to_detect", 300)

    assert tracker.get_stage_stats("watch_to_detect", window_minutes=5).avg_ms == 200
    clock.now += 2
    assert tracker.get_stage_stats("watch_to_detect", window_minutes=5).avg_ms == 300


def test_the_oldest_samples_make_room(tracker):
    """Memory is bounded, whatever the pipeline does."""
    for latency in range(100):
        tracker.record_stage_latency("total_pipeline", latency)

    stats = tracker.get_stage_stats("total_pipeline")
    assert (stats.sample_count, stats.min_ms, stats.max_ms) == (5, 95, 99)


def test_the_summary_tells_of_every_stage(tracker):
    """The four of the pipeline, by name."""
    tracker.record_stage_latency("detect_to_batch", 7)
    summary = tracker.get_pipeline_summary()

    assert list(summary) == [
        "watch_to_detect",
        "detect_to_batch",
        "batch_to_analyze",
        "total_pipeline",
    ]
    assert [stats.sample_count for stats in summary.values()] == [0, 1, 0, 0]


def test_a_clock_that_was_set_back_gives_no_negative_latency(tracker):
    """Less than nothing is nothing."""
    tracker.record_stage_latency(LatencyStage.WATCH_TO_DETECT, -3_600_000)

    assert tracker.get_stage_stats("watch_to_detect").min_ms == 0


def test_a_stage_that_there_is_not_is_refused_by_name(tracker):
    """Both ways in say which stages there are."""
    with pytest.raises(UnknownStageError, match="watch_to_detect, detect_to_batch"):
        tracker.record_stage_latency("watch", 1)
    with pytest.raises(UnknownStageError, match='no stage "watch"'):
        tracker.get_stage_stats("watch")


def test_a_mark_is_taken_once(clock):
    """A second handler of the same work takes no second sample."""
    marks = Marks(clock=clock)
    marks.note("b1")
    clock.now += 4

    assert marks.since(marks.take("b1")) == 4
    assert marks.take("b1") is None


def test_a_mark_that_is_set_again_counts_from_then(clock):
    """A batch that was reopened waits from its last closing."""
    marks = Marks(clock=clock)
    marks.note("b1")
    clock.now += 4
    marks.note("b1")

    assert marks.since(marks.take("b1")) == 0


def test_the_oldest_marks_are_forgotten(clock):
    """What nobody asks for does not pile up; setting one again makes it young."""
    marks = Marks(most=2, clock=clock)
    for key in ("a", "b", "a", "c"):
        marks.note(key)

    assert len(marks) == 2
    assert [marks.take(key) is None for key in "abc"] == [False, True, False]

"""The functions that count and time, by what a page shows afterwards."""

import re

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from hsid.model import Severity
from hsid.observe import metrics
from hsid.observe.metrics import AiOutcome, CountedSink, Stage
from hsid.observe.metrics.instruments import REGISTRY
from supervision import SupervisorReady

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def value(name, **labels):
    """Return what the registry says of one series; 0 for one that is not there."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def added():
    """Return what a call adds to a series."""

    def measure(call, name, **labels):
        before = value(name, **labels)
        call()
        return value(name, **labels) - before

    return measure


def test_the_seeds_helpers_are_there_by_name():
    """With the arguments that they were described with."""
    metrics.set_queue_depth("detection", 10)
    metrics.observe_stage_duration("detect", 0.5)
    metrics.record_event_created()
    metrics.record_detection_processed(count=5)
    metrics.observe_ai_request_duration("rtdetr", 0.25)
    metrics.record_pipeline_error("connection_error")
    metrics.record_pipeline_stage_latency("watch_to_detect", 150.5)
    tracker = metrics.get_pipeline_latency_tracker()

    assert tracker.get_stage_stats("watch_to_detect", window_minutes=5).sample_count >= 1
    assert "total_pipeline" in tracker.get_pipeline_summary()
    assert b"hsi_detection_queue_depth 10.0\n" in metrics.get_metrics_response().content


def test_a_queues_depth_is_set_by_its_full_name_too():
    """Whichever name is at hand."""
    metrics.set_queue_depth("analysis_queue", 3)
    assert value("hsi_analysis_queue_depth") == 3


def test_an_error_of_no_known_kind_counts_as_other(added):
    """The text of an error never becomes a series."""

    def fail():
        metrics.record_pipeline_error("could not read /etc/passwd")

    assert added(fail, "hsi_pipeline_errors_total", error_type="other") == 1
    assert b"passwd" not in metrics.get_metrics_response().content


def test_a_request_is_timed_by_how_it_ended(added):
    """What the block raises is judged by its caller, and goes on its way."""

    def ask():
        with (
            pytest.raises(ArithmeticError),
            metrics.timing_ai_request("judge", lambda _: AiOutcome.TIMEOUT, iter((5, 47)).__next__),
        ):
            raise ArithmeticError

    counted = {"service": "judge", "outcome": "timeout"}
    assert added(ask, "hsi_ai_request_duration_seconds_count", **counted) == 1
    assert value("hsi_ai_request_duration_seconds_sum", **counted) == 42


def test_buckets_reach_beyond_the_longest_timeout_and_window(added):
    """A language model of two minutes, and a batch of three and a half, have a bucket below Inf."""

    def wait():
        metrics.observe_stage_wait(Stage.BATCH, 210)

    assert added(wait, "hsi_stage_wait_seconds_bucket", stage="batch", le="120.0") == 0
    assert added(wait, "hsi_stage_wait_seconds_bucket", stage="batch", le="300.0") == 1


def test_what_waited_is_in_the_latency_tracker_in_milliseconds():
    """One measurement, told in both places."""
    metrics.observe_stage_wait(Stage.ANALYZE, 987.654)
    assert metrics.get_stage_stats("batch_to_analyze").max_ms >= 987_654


def test_a_clock_that_was_set_back_takes_nothing_from_a_sum(added):
    """A sum that falls looks like a restart to Prometheus."""

    def wait():
        metrics.observe_stage_wait(Stage.DETECT, -3600)

    assert added(wait, "hsi_stage_wait_seconds_sum", stage="detect") == 0


def test_events_are_counted_by_their_level(added):
    """A level of its own for each, the total beside them."""

    def create():
        metrics.record_event_created(Severity.HIGH)

    assert added(create, "hsi_events_created_total") == 1
    assert added(create, "hsi_events_by_risk_level_total", level="high") == 1


def test_an_event_is_the_exemplar_of_its_latency():
    """In OpenMetrics, which alone can show it."""
    metrics.observe_pipeline_latency("gate", 44, event_id=4711)
    text = metrics.get_metrics_response(OPENMETRICS).content.decode()
    samples = [sample for family in parse_openmetrics(text) for sample in family.samples]
    exemplars = [sample.exemplar.labels for sample in samples if sample.exemplar]

    assert {"event_id": "4711"} in exemplars
    assert b"4711" not in metrics.get_metrics_response().content


def test_no_series_says_when_another_was_created():
    """They double the page, and nobody asks for them."""
    metrics.record_event_created()
    for accept in (None, OPENMETRICS):
        lines = metrics.get_metrics_response(accept).content.decode().splitlines()
        names = {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}

        assert not {name for name in names if name.endswith("_created")}
        assert "hsi_events_created_total" in names


def test_events_of_the_tree_are_counted_and_passed_on(added):
    """The log is not the poorer for it."""
    passed = []

    class Sink:
        def emit(self, event):
            passed.append(event)

    event = SupervisorReady("root", 0.0)

    def emit():
        CountedSink(Sink()).emit(event)

    assert added(emit, "hsi_supervision_events_total", event="supervisor_ready") == 1
    assert passed == [event]


def test_a_reload_that_failed_leaves_the_time_of_the_last_good_one():
    """As Prometheus tells it of itself."""
    metrics.record_config_reload(successful=True)
    at = value("hsi_config_last_reload_success_timestamp_seconds")
    metrics.record_config_reload(successful=False)

    assert value("hsi_config_last_reload_successful") == 0
    assert value("hsi_config_last_reload_success_timestamp_seconds") == at > 0

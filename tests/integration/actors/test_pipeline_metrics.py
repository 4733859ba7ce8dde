"""What the pipeline's actors count and time, on a real store."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import trio

from actors.analyzer import Analyzer
from actors.batcher import Batcher
from actors.detector import DetectionPolicy, DetectorActor
from hsid.ai.detector import DetectorReplyError, DetectorTimeoutError, DetectorUnavailableError
from hsid.ai.rules import RuleAnalyst
from hsid.ai.severity import SeverityThresholds
from hsid.batching import BatchPolicy
from hsid.model import RefusalReason, UploadState
from hsid.notices import Notice
from hsid.observe.latency import PipelineMarks
from hsid.observe.metrics.instruments import REGISTRY
from hsid.refusal import RefusedError
from hsid.store import uploads
from tests.integration.actors.test_detector_actor import CUP, PERSON, ScriptedDetector, seen

SHORT = BatchPolicy(window=timedelta(seconds=60), idle=timedelta(milliseconds=200))
ANALYSED, DEAD = UploadState.ANALYSED, UploadState.DEAD


class Counts:
    """What series have grown by since this was made."""

    def __init__(self):
        self.before = self._read()

    def _read(self):
        return {
            (sample.name, *sample.labels.values()): sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
        }

    def grown(self, *series):
        return self._read().get(series, 0.0) - self.before.get(series, 0.0)

    async def reach(self, number, *series):
        """Wait until a series has grown by *number*: it is counted after the store has it."""
        with trio.fail_after(20):
            while self.grown(*series) < number:
                await trio.sleep(0.01)
        assert self.grown(*series) == number


@pytest.fixture
def counts():
    return Counts()


@pytest.fixture
def start(bench, run):
    """Start the pipeline from the detector on; the detector follows a script."""

    async def starting(*script):
        marks, notice = PipelineMarks(), Notice()
        detections = bench.consumer(bench.detection_queue)
        analyses = bench.consumer(bench.analysis_queue)
        policy = partial(DetectionPolicy, frozenset({"person"}), 0.5)
        detector = DetectorActor(
            *(detections, bench.store, bench.inspector, ScriptedDetector(*script), policy),
            notify=notice.give,
            pause=0.01,
            marks=marks,
        )
        batcher = Batcher(bench.store, bench.feeder, SHORT, notice, marks)
        analyzer = Analyzer(
            *(analyses, bench.store, RuleAnalyst(), SeverityThresholds, "UTC"), marks=marks
        )
        for each in (detections, analyses):
            await run(each.run_committer)
            await run(each.run_pump)
        for actor in (detector, batcher, analyzer):
            await run(actor.run)
        return marks

    return starting


async def test_every_stage_of_an_upload_is_measured(bench, start, picture, counts):
    """Work and waiting of each, the way as a whole, and what came of it."""
    marks = await start(seen(PERSON, PERSON, CUP))
    await bench.wait_for(await bench.upload("a.jpg", picture()), ANALYSED)
    await counts.reach(1, "hsi_pipeline_latency_seconds_count", "front")

    for stage in ("detect", "batch", "analyze"):
        assert counts.grown("hsi_stage_duration_seconds_count", stage) >= 1
        assert counts.grown("hsi_stage_wait_seconds_count", stage) == 1
    assert counts.grown("hsi_pipeline_latency_seconds_sum", "front") > 0.2
    assert counts.grown("hsi_ai_request_duration_seconds_count", "scripted", "ok") == 1
    assert counts.grown("hsi_ai_request_duration_seconds_count", "rules", "ok") == 1
    assert counts.grown("hsi_detections_processed_total") == 2
    assert counts.grown("hsi_events_created_total") == 1
    assert counts.grown("hsi_batches_closed_total") == 1
    assert (len(marks.detected), len(marks.closed)) == (0, 0)


async def test_an_upload_without_detections_leaves_no_mark(bench, start, picture, counts):
    """Nobody would ever take it."""
    marks = await start(seen(CUP))
    await bench.wait_for(await bench.upload("a.jpg", picture()), UploadState.NOTHING_SEEN)

    assert counts.grown("hsi_stage_wait_seconds_count", "detect") == 1
    assert counts.grown("hsi_detections_processed_total") == 0
    assert len(marks.detected) == 0


async def test_the_wait_is_counted_from_the_arrival_in_the_ledger(bench, start, picture, counts):
    """Hours in the backlog are hours, whatever was restarted meanwhile."""
    upload_id = await bench.upload("a.jpg", picture())
    row = await bench.store.read(partial(uploads.get, upload_id=upload_id))

    def backdate(conn):
        two_hours_ago = row.received_at - timedelta(hours=2)
        change = uploads.uploads.update().values(received_at=two_hours_ago)
        conn.execute(change)

    await bench.store.write(backdate)
    await start(seen(PERSON))
    await bench.wait_for(upload_id, ANALYSED)
    await counts.reach(1, "hsi_pipeline_latency_seconds_count", "front")

    assert counts.grown("hsi_stage_wait_seconds_sum", "detect") > 7200
    assert counts.grown("hsi_pipeline_latency_seconds_sum", "front") > 7200


@pytest.mark.parametrize(
    ("error", "outcome", "kind"),
    [
        (DetectorUnavailableError("away"), "unavailable", "connection_error"),
        (DetectorTimeoutError("slow"), "timeout", "timeout_error"),
        (DetectorReplyError("odd"), "malformed", "malformed_response"),
        (ArithmeticError("broken"), "error", "processing_error"),
    ],
)
async def test_a_failure_of_the_detector_is_counted_by_its_kind(
    bench, start, picture, counts, error, outcome, kind
):
    """And tried again: its stage has one wait, however many tries."""
    await start(error, seen(PERSON))
    await bench.wait_for(await bench.upload("a.jpg", picture()), ANALYSED)

    assert counts.grown("hsi_ai_request_duration_seconds_count", "scripted", outcome) == 1
    assert counts.grown("hsi_ai_request_duration_seconds_count", "scripted", "ok") == 1
    assert counts.grown("hsi_pipeline_errors_total", kind) == 1
    assert counts.grown("hsi_stage_wait_seconds_count", "detect") == 1


async def test_a_refused_picture_is_no_error_of_the_pipeline(bench, start, picture, counts):
    """It is the picture's own fault."""
    await start(RefusedError(RefusalReason.CORRUPT, "no end"))
    await bench.wait_for(await bench.upload("a.jpg", picture()), UploadState.REFUSED)

    assert counts.grown("hsi_ai_request_duration_seconds_count", "scripted", "refused") == 1
    assert counts.grown("hsi_pipeline_errors_total", "processing_error") == 0


async def test_an_upload_that_is_given_up_is_an_error(bench, start, picture, counts):
    """Beside each of its tries."""
    await start(ArithmeticError("always"))
    await bench.wait_for(await bench.upload("a.jpg", picture()), DEAD)

    assert counts.grown("hsi_pipeline_errors_total", "processing_error") == 3
    assert counts.grown("hsi_pipeline_errors_total", "given_up") == 1


async def test_a_late_picture_makes_no_second_event(bench, start, picture, counts):
    """The event is told of again and counted once; the way of the late one is measured too."""
    await start(seen(PERSON))
    first = await bench.upload("a.jpg", picture())
    row = await bench.wait_for(first, ANALYSED)
    (bench.root / "front" / "late.jpg").write_bytes(picture())
    (look,) = await bench.inspector.look([b"front/late.jpg"])
    arrival = await bench.inspector.inspect(b"front/late.jpg", look.stamp)
    (late,) = await bench.feeder.receive([replace(arrival, captured_at=row.captured_at)])
    await bench.wait_for(late.id, ANALYSED)
    await counts.reach(2, "hsi_pipeline_latency_seconds_count", "front")

    assert counts.grown("hsi_batches_closed_total") == 2
    assert counts.grown("hsi_events_created_total") == 1

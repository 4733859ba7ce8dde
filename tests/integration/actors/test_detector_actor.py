"""The detector actor: whose fault a failure is decides how the upload ends."""

import pytest

from actors.detector import DetectionPolicy, DetectorActor
from hsid.ai.detector import DetectorError, DetectorUnavailableError, Picture
from hsid.gpu.pressure import Pressure, Throttle
from hsid.model import Box, Detection, DetectionResult, RefusalReason, UploadState
from hsid.notices import Notice
from hsid.queues.consumer import Consumer
from hsid.refusal import RefusedError

PERSON = Detection("Person", 0.9, Box(1, 2, 30, 40))
UNSURE = Detection("person", 0.3, Box(1, 2, 30, 40))
UNTHROTTLED = Throttle()
CUP = Detection("cup", 0.9, Box(1, 2, 30, 40))


class ScriptedDetector:
    """Does what its script says, one line a call; goes on with the last line."""

    name = "scripted"
    concurrency = 1

    def __init__(self, *script: DetectionResult | Exception) -> None:
        self.script = list(script)
        self.calls = 0
        self.consumer: Consumer

    async def detect(self, _: Picture) -> DetectionResult:
        self.calls += 1
        line = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(line, Exception):
            raise line
        return line

    async def aclose(self) -> None:
        """Nothing to give back."""


def seen(*detections: Detection) -> DetectionResult:
    return DetectionResult(detections, 64, 48)


@pytest.fixture
def start(bench, run):
    """Start the actor with a detector that follows a script."""

    async def starting(
        *script: DetectionResult | Exception, throttle: Throttle = UNTHROTTLED
    ) -> ScriptedDetector:
        detector = ScriptedDetector(*script)
        consumer = bench.consumer(bench.detection_queue)
        policy = DetectionPolicy(frozenset({"person"}), 0.5)
        actor = DetectorActor(
            *(consumer, bench.store, bench.inspector, detector, lambda: policy, Notice().give),
            pause=0.01,
            throttle=throttle,
        )
        for part in (consumer.run_committer, consumer.run_pump, actor.run):
            await run(part)
        detector.consumer = consumer
        return detector

    return starting


async def test_what_matters_is_stored_and_the_rest_passed_over(bench, start, picture) -> None:
    """Only classes on the list, sure enough, are detections."""
    await start(seen(PERSON, UNSURE, CUP))
    upload_id = await bench.upload("a.jpg", picture())

    row = await bench.end_of(upload_id)

    assert row.state is UploadState.DETECTED
    stored = await bench.store.read(lambda conn: _labels(conn, upload_id))
    assert stored == ["person"]


async def test_a_picture_without_anything_that_matters_has_its_end(bench, start, picture) -> None:
    """Nothing seen is an end, and no batch comes of it."""
    await start(seen(UNSURE, CUP))
    upload_id = await bench.upload("a.jpg", picture())

    assert (await bench.end_of(upload_id)).state is UploadState.NOTHING_SEEN


async def test_a_refused_picture_is_not_tried_again(bench, start, picture) -> None:
    """What is the picture's fault ends it, with the reason."""
    detector = await start(RefusedError(RefusalReason.CORRUPT, "no picture in it"))
    upload_id = await bench.upload("a.jpg", picture())

    row = await bench.end_of(upload_id)

    assert (row.state, row.reason, detector.calls) == ("refused", "corrupt", 1)


async def test_a_failing_detector_is_tried_again(bench, start, picture) -> None:
    """One failure costs a try, not the upload."""
    detector = await start(DetectorError("out of luck"), seen(PERSON))
    upload_id = await bench.upload("a.jpg", picture())

    assert (await bench.end_of(upload_id)).state is UploadState.DETECTED
    assert detector.calls == 2


async def test_an_upload_is_dead_when_its_tries_are_used_up_and_the_actor_lives(
    bench, start, picture
) -> None:
    """Its end holds the error; the next upload is worked on."""
    detector = await start(*[ValueError("a bug")] * 3, seen(PERSON))
    first = await bench.upload("a.jpg", picture())
    dead = await bench.end_of(first)
    second = await bench.upload("b.jpg", picture())

    assert (dead.state, dead.reason) == (UploadState.DEAD, "ValueError: a bug")
    assert (await bench.end_of(second)).state is UploadState.DETECTED
    assert detector.calls == 4
    (letter,) = await bench.detection_queue.dead_letters()
    assert letter.entry.id == f"upload:{first}"


async def test_an_absent_service_uses_up_no_try_and_is_told_once(
    bench, start, picture, caplog
) -> None:
    """While it is away uploads wait, however often it is asked; then they are looked at."""
    detector = await start(*[DetectorUnavailableError("connection refused")] * 7, seen(PERSON))
    first, second = [await bench.upload(name, picture()) for name in ("a.jpg", "b.jpg")]

    ends = [(await bench.end_of(upload_id)).state for upload_id in (first, second)]

    assert ends == [UploadState.DETECTED] * 2
    assert detector.consumer.statistics().failed == 0
    assert [caplog.text.count(f"detection_{word}") for word in ("unavailable", "available")] == [
        1,
        1,
    ]


async def test_a_file_written_again_while_it_waited_is_refused_as_overwritten(
    bench, start, picture
) -> None:
    """The old version's end says so; the new one is an upload of its own."""
    upload_id = await bench.upload("a.jpg", picture())
    newer = await bench.upload("a.jpg", picture())
    await start(seen(PERSON))

    row, other = await bench.end_of(upload_id), await bench.end_of(newer)

    assert (row.state, row.reason) == ("refused", "overwritten")
    assert other.state is UploadState.DETECTED


async def test_a_file_deleted_while_it_waited_is_refused_as_vanished(bench, start, picture) -> None:
    """Its end says so, and the actor goes on."""
    upload_id = await bench.upload("a.jpg", picture())
    (bench.root / "front" / "a.jpg").unlink()
    await start(seen(PERSON))

    row = await bench.end_of(upload_id)

    assert (row.state, row.reason) == ("refused", "vanished")


def _labels(conn, upload_id: int) -> list[str]:
    rows = conn.exec_driver_sql("SELECT label FROM detections WHERE upload_id = ?", (upload_id,))
    return [label for (label,) in rows]


async def test_a_full_card_slows_the_detector_and_stops_nothing(bench, start, picture) -> None:
    """The pressure is asked before each picture; all of them are looked at."""
    asked: list[Pressure] = []

    def pressure() -> Pressure:
        asked.append(Pressure.CRITICAL)
        return asked[-1]

    detector = await start(seen(PERSON), throttle=Throttle(pressure))
    ids = [await bench.upload(f"{name}.jpg", picture()) for name in "ab"]

    assert {(await bench.end_of(each)).state for each in ids} == {UploadState.DETECTED}
    assert len(asked) == detector.calls == 2

"""A store of one camera in memory, and ways to fill it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from hsid.batching import (
    BatchPlan,
    BatchPolicy,
    CameraState,
    ChangeBatch,
    CloseBatch,
    ClosedSpan,
    DeleteBatch,
    OpenBatch,
    ReopenBatch,
    Sighting,
    StartBatch,
    decide,
)

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
POLICY = BatchPolicy()
TINY = BatchPolicy(max_detections=5)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(upload_id: int, seconds: float, detections: int = 1) -> Sighting:
    return Sighting(upload_id, at(seconds), detections)


@dataclass
class Record:
    """A batch as a store holds it."""

    revision: int = 0
    is_open: bool = True
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def span(self) -> tuple[datetime, datetime]:
        times = [sighting.captured_at for sighting in self.sightings]
        return min(times), max(times)


class World:
    """A store of one camera that carries plans out and refuses what a database would refuse."""

    def __init__(self, *loose: Sighting, policy: BatchPolicy = POLICY) -> None:
        self.policy = policy
        self.loose = list(loose)
        self.batches: dict[str, Record] = {}
        self.unfinished_oldest: datetime | None = None
        self.last_stored_at: datetime | None = None

    def state(self) -> CameraState:
        opened = tuple(
            OpenBatch(id_, record.revision, tuple(record.sightings))
            for id_, record in self.batches.items()
            if record.is_open
        )
        closed = tuple(
            ClosedSpan(
                id_, record.revision, *record.span, sum(s.detections for s in record.sightings)
            )
            for id_, record in self.batches.items()
            if not record.is_open
        )
        return CameraState(
            "porch", opened, tuple(self.loose), self.unfinished_oldest, closed, self.last_stored_at
        )

    def step(self, now: datetime) -> BatchPlan:
        plan = decide(self.state(), now, self.policy)
        for action in plan.actions:
            self._apply(action)
        self._check_spans(plan)
        return plan

    def _apply(self, action: object) -> None:
        match action:
            case StartBatch(batch_id, joined):
                assert batch_id not in self.batches
                self.batches[batch_id] = Record()
                self._move(joined, batch_id)
            case ReopenBatch(batch_id, joined):
                assert not self.batches[batch_id].is_open
                self.batches[batch_id].is_open = True
                self._move(joined, batch_id)
            case ChangeBatch(batch_id, joined):
                self._move(joined, batch_id)
            case DeleteBatch(batch_id):
                record = self.batches.pop(batch_id)
                assert (record.revision, record.sightings) == (0, [])
            case CloseBatch(batch_id, revision):
                record = self.batches[batch_id]
                assert (record.is_open, record.revision + 1) == (True, revision)
                record.is_open, record.revision = False, revision

    def _move(self, uploads: tuple[int, ...], batch_id: str) -> None:
        """Move sightings, out of never-closed batches or loose ones only."""
        target = self.batches[batch_id]
        sources = [self.loose, *(r.sightings for r in self.batches.values() if r.revision == 0)]
        for upload in uploads:
            (source, sighting) = next(
                (source, s) for source in sources for s in source if s.upload_id == upload
            )
            source.remove(sighting)
            target.sightings.append(sighting)

    def _check_spans(self, plan: BatchPlan) -> None:
        for action in plan.actions:
            if isinstance(action, StartBatch | ReopenBatch | ChangeBatch):
                span = (action.started_at, action.ended_at)
                assert self.batches[action.batch_id].span == span

    def partition(self) -> set[frozenset[int]]:
        return {frozenset(s.upload_id for s in r.sightings) for r in self.batches.values()}

    def are_open(self) -> list[bool]:
        return [record.is_open for record in self.batches.values()]


@st.composite
def sighting_lists(draw: st.DrawFn) -> list[Sighting]:
    """Draw sightings in order of arrival; their captures are in any other."""
    rows = draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 4)), max_size=14))
    return [seen(number, captured, count) for number, (captured, count) in enumerate(rows)]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, datetime]:
    """Draw a camera with some history and the time of its last plan."""
    world, now = World(policy=TINY), 0
    for sighting in draw(sighting_lists()):
        now += draw(st.integers(0, 60))
        world.loose.append(sighting)
        world.unfinished_oldest = draw(st.none() | st.integers(-50, 350).map(at))
        world.last_stored_at = draw(st.none() | st.integers(-50, 2000).map(at))
        world.step(at(now))
    return world, at(now)

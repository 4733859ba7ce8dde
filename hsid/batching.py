"""Which uploads form one batch, and when a batch is finished: a pure decision.

`decide` looks at all that the store knows of one camera and says what to change. It guarantees:

* Windows run on capture time. Uploads worked off after an outage form the batches that they would
  have formed live, in whatever order the detectors finish.
* The same state gives the same plan, and a state to which its plan was applied gives an empty one:
  it may be called at any time, by anybody, as often as they like.
* Every sighting is in exactly one batch. A batch that was closed once never loses one.

It does not read a clock or the store, and it can't know of a picture that has not arrived: one that
comes after its batch was closed reopens it.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, count
from typing import TypeAlias
from uuid import UUID, uuid5

_BATCH_IDS = UUID("b05d0c2e-6f0b-4d0e-9a7c-5e2f7f5b8d41")

_AHEAD = timedelta(minutes=6)
"""No capture is later than its arrival by more than five minutes; so this much before the end of a
batch, the clock has been set back, whatever was stored since."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How far a batch reaches, and how long its closing waits for uploads still being worked on."""

    window: timedelta = timedelta(seconds=90)
    """From the first capture to the last."""
    idle: timedelta = timedelta(seconds=30)
    """From one capture to the next."""
    max_detections: int = 500
    late: timedelta = timedelta(seconds=120)

    @property
    def reach(self) -> timedelta:
        """Return how long before a sighting a batch may have ended and still take it, at most."""
        return self.window + self.idle


@dataclass(frozen=True, slots=True)
class Sighting:
    """One upload's detections. They stay together, so a batch of one may exceed the maximum."""

    upload_id: int
    captured_at: datetime
    detections: int


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that takes sightings. *revision* is 0 until it is closed for the first time."""

    id: str
    revision: int
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class ClosedSpan:
    """A closed batch: capture times of its first and last sighting, and its detections' number."""

    id: str
    revision: int
    started_at: datetime
    ended_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class CameraState:
    """What the store knows of one camera."""

    camera_id: str
    open_batches: tuple[OpenBatch, ...] = ()
    loose: tuple[Sighting, ...] = ()
    """Sightings that no batch has yet."""
    unfinished_oldest: datetime | None = None
    """The oldest capture time among the camera's uploads that are received or queued."""
    closed: tuple[ClosedSpan, ...] = ()
    """Every closed batch that ended no more than the policy's reach before the oldest sighting that
    is loose or in an open batch; more do no harm."""
    last_stored_at: datetime | None = None
    """When detections of this camera were last stored, by the clock that `now` comes from."""


@dataclass(frozen=True, slots=True)
class StartBatch:
    """Make an open batch of revision 0 out of the uploads *joined*."""

    batch_id: str
    joined: tuple[int, ...]
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class ReopenBatch:
    """Open a closed batch again, its revision unchanged, and add the uploads *joined*."""

    batch_id: str
    joined: tuple[int, ...]
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """Add the uploads *joined*, perhaps out of another batch, and set the span of an open batch.

    *joined* is empty for a batch that only lost uploads to others.
    """

    batch_id: str
    joined: tuple[int, ...]
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class DeleteBatch:
    """Remove a batch that was never closed and whose uploads have all gone to others."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class CloseBatch:
    """Close an open batch. *revision* is the one that it has from now on, and to be judged."""

    batch_id: str
    revision: int


BatchAction: TypeAlias = StartBatch | ReopenBatch | ChangeBatch | DeleteBatch | CloseBatch


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What to do now, in this order and in one transaction, and when to decide again.

    *wake_at* is the next time at which, without any message, there would be something to do after
    *actions* were carried out; None: never.
    """

    actions: tuple[BatchAction, ...]
    wake_at: datetime | None


@dataclass(slots=True)
class _Group:
    """A batch as it shall be. *was* is what the store has of it, *added* what it has not."""

    started_at: datetime
    ended_at: datetime
    detections: int = 0
    id: str = ""
    was: OpenBatch | ClosedSpan | None = None
    added: list[Sighting] = field(default_factory=list)

    def add(self, sighting: Sighting) -> None:
        self.added.append(sighting)
        self.ended_at = max(self.ended_at, sighting.captured_at)
        self.detections += sighting.detections

    def takes(self, sighting: Sighting, policy: BatchPolicy) -> bool:
        return (
            self.started_at <= sighting.captured_at <= self.deadline(policy)
            and self.detections + sighting.detections <= policy.max_detections
        )

    def deadline(self, policy: BatchPolicy) -> datetime:
        """Return the latest capture time that may still change this batch."""
        if self.detections >= policy.max_detections:
            return self.ended_at
        return min(self.started_at + policy.window, self.ended_at + policy.idle)

    def become(self, batch: OpenBatch) -> None:
        self.id = batch.id
        self.was = batch
        had = {sighting.upload_id for sighting in batch.sightings}
        self.added = [sighting for sighting in self.added if sighting.upload_id not in had]

    def changes(self) -> Iterable[BatchAction]:
        """Yield the action, if any, that makes the store's batch out of this one."""
        joined = tuple(sighting.upload_id for sighting in self.added)
        match self.was:
            case None:
                yield StartBatch(self.id, joined, self.started_at, self.ended_at)
            case ClosedSpan():
                yield ReopenBatch(self.id, joined, self.started_at, self.ended_at)
            case OpenBatch(sightings=old):
                if joined or (self.started_at, self.ended_at) != _span(old):
                    yield ChangeBatch(self.id, joined, self.started_at, self.ended_at)

    @property
    def is_open(self) -> bool:
        return bool(self.added) or isinstance(self.was, OpenBatch)

    @property
    def revision(self) -> int:
        return self.was.revision if self.was else 0


def _start(group: _Group) -> datetime:
    return group.started_at


def _span(sightings: Sequence[Sighting]) -> tuple[datetime, datetime]:
    times = [sighting.captured_at for sighting in sightings]
    return min(times), max(times)


def _batches_that_only_grow(state: CameraState) -> list[_Group]:
    closed = [
        _Group(span.started_at, span.ended_at, span.count, span.id, span) for span in state.closed
    ]
    reopened = [
        _Group(*_span(batch.sightings), _detections(batch.sightings), batch.id, batch)
        for batch in state.open_batches
        if batch.revision > 0 and batch.sightings
    ]
    return sorted(closed + reopened, key=lambda group: (group.started_at, group.id))


def _detections(sightings: Iterable[Sighting]) -> int:
    return sum(sighting.detections for sighting in sightings)


def _pool(state: CameraState) -> list[Sighting]:
    never_closed = (batch.sightings for batch in state.open_batches if batch.revision == 0)
    pool = chain(state.loose, *never_closed)
    return sorted(pool, key=lambda sighting: (sighting.captured_at, sighting.upload_id))


def _deal_out(pool: list[Sighting], kept: list[_Group], policy: BatchPolicy) -> list[_Group]:
    """Add each sighting to one of *kept* or to a new group; return the new groups by start."""
    fresh: list[_Group] = []
    near = kept
    for sighting in pool:
        # Captures only get later: what can't take this one takes none of the rest.
        near = [group for group in near if sighting.captured_at <= group.deadline(policy)]
        group = next((group for group in near if group.takes(sighting, policy)), None)
        if group is None:
            group = _Group(sighting.captured_at, sighting.captured_at)
            fresh.append(group)
            insort(near, group, key=_start)
        group.add(sighting)
    return fresh


def _name(fresh: list[_Group], state: CameraState) -> None:
    """Hand each new group the earliest batch that its sightings had and no other took, or an id."""
    homes = {
        sighting.upload_id: batch
        for batch in state.open_batches
        if batch.revision == 0
        for sighting in batch.sightings
    }
    used = {batch.id for batch in state.open_batches} | {span.id for span in state.closed}
    free = {batch.id for batch in homes.values()}
    for group in fresh:
        former = (homes.get(sighting.upload_id) for sighting in group.added)
        home = next((batch for batch in former if batch and batch.id in free), None)
        if home is None:
            group.id = _new_id(state.camera_id, group.added[0].upload_id, used)
        else:
            free.remove(home.id)
            group.become(home)


def _new_id(camera_id: str, upload_id: int, used: set[str]) -> str:
    """Return an id that everybody who sees the same state comes to.

    A batch named after this upload may live on without it, hence *used*.
    """
    names = (f"{upload_id}.{attempt}@{camera_id}" for attempt in count())
    ids = (uuid5(_BATCH_IDS, name).hex for name in names)
    return next(batch_id for batch_id in ids if batch_id not in used)


def _emptied(state: CameraState, groups: list[_Group]) -> Iterable[BatchAction]:
    alive = {group.id for group in groups}
    for batch in sorted(state.open_batches, key=lambda batch: batch.id):
        if batch.id in alive:
            continue
        if batch.revision == 0:
            yield DeleteBatch(batch.id)
        else:
            yield CloseBatch(batch.id, batch.revision + 1)


def _closing(
    groups: list[_Group], state: CameraState, now: datetime, policy: BatchPolicy
) -> tuple[list[_Group], datetime | None]:
    """Return which of the open *groups* close now, and when the next of the others does.

    Of batches that started at the same moment (the first was full) none closes before the first:
    its sightings would be dealt out anew, and might go to the closed one.
    """
    newest = max((group.ended_at for group in groups), default=now)
    closing: list[_Group] = []
    waiting: dict[datetime, datetime] = {}
    for group in groups:
        closes_at = _closes_at(group, newest, state, now, policy)
        if closes_at <= now and group.started_at not in waiting:
            closing.append(group)
        else:
            waiting.setdefault(group.started_at, closes_at)
    return closing, min(waiting.values(), default=None)


def _closes_at(
    group: _Group, newest: datetime, state: CameraState, now: datetime, policy: BatchPolicy
) -> datetime:
    """Return when *group* closes if nothing is stored until then; not after *now*: at once."""
    stored = state.last_stored_at
    deadline = group.deadline(policy)
    was_stored_later = stored is not None and now + policy.idle < stored and now < group.ended_at
    if was_stored_later or now + _AHEAD < group.ended_at:
        # The clock was set back since. Nothing captured from now on can come near this batch, and
        # its deadline may be days away.
        return now
    limit = deadline + policy.late
    unfinished = state.unfinished_oldest
    if unfinished is None or deadline < unfinished or limit <= newest:
        return deadline
    if stored is None or max(now, limit) + policy.idle < stored:
        return limit
    return max(limit, stored + policy.late)


def decide(state: CameraState, now: datetime, policy: BatchPolicy) -> BatchPlan:
    """Return what to change about the batches of one camera at the time *now*.

    The pool, that is the sightings of batches that were never closed and the loose ones, is dealt
    out anew in order of capture. Each sighting joins the batch that started first among those that
    take it; if none does, it starts one. Batches that were closed before take part, and only grow.
    """
    kept = _batches_that_only_grow(state)
    fresh = _deal_out(_pool(state), kept, policy)
    _name(fresh, state)
    groups = sorted([*(group for group in kept if group.is_open), *fresh], key=_start)
    closing, wake_at = _closing(groups, state, now, policy)
    return BatchPlan(
        actions=(
            *chain.from_iterable(group.changes() for group in groups),
            *_emptied(state, groups),
            *(CloseBatch(group.id, group.revision + 1) for group in closing),
        ),
        wake_at=wake_at,
    )

"""Starting: one incarnation, and many in order."""

from dataclasses import replace

from supervision._core._messages import AnnounceReady, Done, Readied, Start
from supervision._core._state import Child, Mode, Phase
from supervision._core._transition import Transition
from supervision._events import ChildReady, ChildStarting, SupervisorReady


def begin(t: Transition) -> None:
    """Line up all children for their first start."""
    for child in tuple(t.children.values()):
        t.put(replace(child, phase=Phase.WAITING, since=t.now))
    t.enter(Mode.RUNNING)
    t.state = replace(t.state, rollout=tuple(t.children), rollout_at=t.now)


def start(t: Transition, child: Child) -> None:
    """Start the next incarnation of *child*."""
    child = t.put(
        replace(
            child,
            phase=Phase.STARTING,
            since=t.now,
            incarnation=child.incarnation + 1,
            deadline=t.now + child.spec.start_timeout,
        )
    )
    t.emit(ChildStarting(*t.about(child), is_requested=child.start_ticket is not None))
    t.act(Start(child.id, child.incarnation))


def on_readied(t: Transition, notice: Readied) -> None:
    """Take a child's word that it works."""
    child = t.live(notice.child, notice.incarnation)
    if child is None:
        t.drop_notice(notice.child, notice.incarnation)
    elif child.phase is Phase.STARTING:  # ready while being stopped comes too late to matter
        t.emit(
            ChildReady(
                *t.about(child),
                after=t.now - child.since,
                is_requested=child.start_ticket is not None,
            )
        )
        t.reply(child.start_ticket, Done())
        t.put(_ready(t, child))


def _ready(t: Transition, child: Child) -> Child:
    return replace(
        child,
        phase=Phase.READY,
        since=t.now,
        ready_at=t.now,
        beat_at=t.now,
        deadline=None,
        start_ticket=None,
        is_new=False,
    )


def roll(t: Transition) -> None:
    """Start the next child in line if the one before it is ready or needs no waiting for."""
    while t.state.rollout:
        head = t.children[t.state.rollout[0]]
        if head.is_pending and t.now >= t.state.rollout_at:
            start(t, head)
        if head.is_pending or head.phase in (Phase.STARTING, Phase.STOPPING):
            return
        t.state = replace(t.state, rollout=t.state.rollout[1:])
    if not t.state.is_ready:
        t.state = replace(t.state, is_ready=True)
        t.emit(SupervisorReady(t.state.path, t.now))
        t.act(AnnounceReady())

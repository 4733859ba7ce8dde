"""One step in the making: a working copy of the state and the actions so far."""

import math
from dataclasses import replace

from supervision._core._messages import Action, Answer, Arm, Emit, Reply, Ticket
from supervision._core._state import Child, Mode, Phase, State
from supervision._events import Event, StaleNotice
from supervision._outcome import ChildId, Seconds


class Transition:
    """What the handlers of one input read and change; the state they began with stays as it was."""

    def __init__(self, state: State, now: Seconds) -> None:
        self.children = dict(state.children)
        self.state = replace(state, children=self.children)
        self.live_count = state.live_count
        self.now = now
        self.actions: list[Action] = []
        self._armed: dict[ChildId, Seconds] = {}  # when each child that was touched was due before

    def finish(self) -> tuple[State, tuple[Action, ...]]:
        """Return the new state and the actions; whoever is due at another time now is armed."""
        for child, before in self._armed.items():
            now = self.children.get(child)
            if now is not None and now.due not in (before, math.inf):
                self.act(Arm(child, now.due))
        return replace(self.state, live_count=self.live_count), tuple(self.actions)

    def enter(self, mode: Mode) -> None:
        """Go on to the supervisor's next *mode*."""
        self.state = replace(self.state, mode=mode, since=self.now)

    def put(self, child: Child) -> Child:
        """Store *child* in place of its former self and return it."""
        self._forget(child.id)
        self.live_count += child.is_live
        self.children[child.id] = child
        return child

    def _forget(self, child: ChildId) -> None:
        former = self.children.get(child)
        if former is not None:
            self.live_count -= former.is_live
        self._armed.setdefault(child, math.inf if former is None else former.due)

    def drop(self, child: Child) -> None:
        """Forget *child*, but keep the record of its numbers while a zombie of it runs."""
        self.unroll(child.id)
        if self.has_zombie(child):
            self.put(replace(child, phase=Phase.ZOMBIE, since=self.now, deadline=None))
        else:
            self._forget(child.id)
            del self.children[child.id]

    def unroll(self, child: ChildId) -> None:
        """Take *child* out of the line of those to be started."""
        if child in self.state.rollout:
            self.state = replace(self.state, rollout=_without(self.state.rollout, child))

    def unhalt(self, child: ChildId) -> None:
        """Take *child* out of the line of those to be stopped."""
        if child in self.state.halting:
            self.state = replace(self.state, halting=_without(self.state.halting, child))

    def is_forgotten_when_down(self, child: Child) -> bool:
        """Tell whether nothing is kept of *child* once it is down for good."""
        return child.is_temporary or self.state.spec.is_dynamic

    def has_zombie(self, child: Child) -> bool:
        """Tell whether an abandoned incarnation of *child* still runs."""
        return any(zombie == child.id for zombie, _ in self.state.zombies)

    def act(self, action: Action) -> None:
        """Have the driver do *action*, after those before it."""
        self.actions.append(action)

    def emit(self, event: Event) -> None:
        """Have the driver tell the sink."""
        self.act(Emit(event))

    def reply(self, ticket: Ticket | None, answer: Answer) -> None:
        """Answer a request, if anybody waits."""
        if ticket is not None:
            self.act(Reply(ticket, answer))

    def about(self, child: Child) -> tuple[str, Seconds, ChildId, int]:
        """Return the fields every event about *child* begins with."""
        return self.state.path, self.now, child.id, child.incarnation

    def live(self, child: ChildId, incarnation: int) -> Child | None:
        """Return the child if that very incarnation is live."""
        found = self.children.get(child)
        if found is None or not found.is_live or found.incarnation != incarnation:
            return None
        return found

    def drop_notice(self, child: ChildId, incarnation: int) -> None:
        """Count and report a notice from an incarnation that is over (D16)."""
        self.state = replace(self.state, stale_notices=self.state.stale_notices + 1)
        self.emit(StaleNotice(self.state.path, self.now, child, incarnation))


def _without(line: tuple[ChildId, ...], child: ChildId) -> tuple[ChildId, ...]:
    place = line.index(child)  # mostly the first: then this is quick, however long the line
    return line[:place] + line[place + 1 :]

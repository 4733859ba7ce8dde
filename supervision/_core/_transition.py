"""One step in the making: a working copy of the state and the actions so far."""

from dataclasses import replace

from supervision._core._messages import Action, Answer, Emit, Reply, Ticket
from supervision._core._state import Child, Mode, Phase, State
from supervision._events import Event, StaleNotice
from supervision._outcome import ChildId, Seconds


class Transition:
    """What the handlers of one input read and change; the state they began with stays as it was."""

    def __init__(self, state: State, now: Seconds) -> None:
        self.children = dict(state.children)
        self.state = replace(state, children=self.children)
        self.now = now
        self.actions: list[Action] = []

    def enter(self, mode: Mode) -> None:
        """Go on to the supervisor's next *mode*."""
        self.state = replace(self.state, mode=mode, since=self.now)

    def put(self, child: Child) -> Child:
        """Store *child* in place of its former self and return it."""
        self.children[child.id] = child
        return child

    def drop(self, child: Child) -> None:
        """Forget *child*, but keep the record of its numbers while a zombie of it runs."""
        self.dequeue(child.id)
        if self.has_zombie(child):
            self.put(replace(child, phase=Phase.ZOMBIE, since=self.now, deadline=None))
        else:
            del self.children[child.id]

    def dequeue(self, child: ChildId) -> None:
        """Take *child* out of the line of those to be started, and of those to be stopped."""
        self.state = replace(
            self.state,
            rollout=tuple(each for each in self.state.rollout if each != child),
            halting=tuple(each for each in self.state.halting if each != child),
        )

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

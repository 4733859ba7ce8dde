"""The supervision tree, seen and steered from outside.

An actor is named by its path below the root, or by its last part alone where that is unambiguous.
What the daemon can't be without is not stopped or paused, and the door through which somebody asks
can't be closed by them. A change that is so already is no error: it changes nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from hsid.api.actor_models import ActorChange, ActorDetail, ActorList, DeathReport
from hsid.api.models import ActorReport
from hsid.model import Seconds
from supervision import (
    BaseSupervisor,
    ChildRunning,
    ChildSnapshot,
    ChildSpec,
    Kind,
    NotPausable,
    OnExhausted,
    SupervisionError,
    WouldDeadlock,
)

READY = "ready"
"""The state of an actor that works."""
DOWN = ("backoff", "parked")
"""The states of one that is down, to be tried again."""
_UP = ("waiting", "starting", READY)
_LEFT_DOWN = ("stopped", "done", "parked", "zombie")


class ActorNotFoundError(Exception):
    """The tree has no node of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no actor {name!r}.")


class ActorNeededError(Exception):
    """The daemon can't be without this part, or the caller speaks through it."""


class ActorRefusedError(Exception):
    """The tree did not carry a change out; the words say why."""


class ActorIsSupervisorError(ActorRefusedError):
    """Only actors that work can be paused, not those that look after them."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} only looks after others: pause its children.")


class TreeControl:
    """Sees and steers the tree under *root*; *mailboxes* tells what waits for which actor."""

    def __init__(
        self, root: BaseSupervisor, mailboxes: Callable[[], Mapping[str, int]] = dict
    ) -> None:
        self._root = root
        self._mailboxes = mailboxes

    def list_all(self) -> ActorList:
        """Return every node below the root."""
        return ActorList(actors=actor_reports(self._root.tree(), self._mailboxes()))

    def show(self, name: str) -> ActorDetail:
        """Return one node with its history.

        Raises:
            ActorNotFoundError: There is none of this name.
        """
        node = self._find(name)
        deaths = (
            DeathReport(
                incarnation=death.incarnation,
                cause=death.cause,
                message=death.message,
                seconds_ago=max(0.0, node.at - death.at),
            )
            for death in reversed(node.deaths)
        )
        return ActorDetail(**self._report(node).model_dump(), deaths=tuple(deaths))

    async def start(self, name: str) -> ActorChange:
        """Start an actor that is down, at once, whatever it waited for."""
        return await self._change(name, self._start)

    async def stop(self, name: str) -> ActorChange:
        """Stop an actor and leave it down until somebody starts it."""
        self._refuse_needed(name, "stopped")
        return await self._change(name, self._stop)

    async def restart(self, name: str) -> ActorChange:
        """Stop an actor if it runs, and start it."""
        return await self._change(name, self._restart)

    async def pause(self, name: str) -> ActorChange:
        """Have an actor take no new work; what it has begun it finishes."""
        self._refuse_needed(name, "paused")
        return await self._change(name, self._pause)

    async def resume(self, name: str) -> ActorChange:
        """Have a paused actor take work again."""
        return await self._change(name, self._resume)

    async def reset(self, name: str) -> ActorChange:
        """Forget how an actor has failed, and start it if it is parked or waits for its restart."""
        return await self._change(name, self._reset)

    async def _change(
        self, name: str, change: Callable[[BaseSupervisor, ChildSnapshot], Awaitable[bool]]
    ) -> ActorChange:
        node = self._find(name)
        supervisor, _ = self._locate(node)
        try:
            changed = await change(supervisor, node)
        except WouldDeadlock as error:
            raise ActorNeededError(
                f"{name} has the answer to this in its hands: it can't wait for its own end."
            ) from error
        except NotPausable as error:
            raise ActorIsSupervisorError(name) from error
        except SupervisionError as error:
            raise ActorRefusedError(str(error)) from error
        return ActorChange(actor=self._report(self._find(name)), changed=changed)

    async def _start(self, supervisor: BaseSupervisor, node: ChildSnapshot) -> bool:
        if node.state in _UP:
            return False
        if node.state not in _LEFT_DOWN:  # it is being stopped, or waits for its restart
            await supervisor.terminate_child(node.id)
        try:
            await supervisor.restart_child(node.id)
        except ChildRunning:
            return False  # somebody else was faster
        return True

    async def _stop(self, supervisor: BaseSupervisor, node: ChildSnapshot) -> bool:
        await supervisor.terminate_child(node.id)
        return node.state not in ("stopped", "done")

    async def _restart(self, supervisor: BaseSupervisor, node: ChildSnapshot) -> bool:
        if node.state not in _LEFT_DOWN:
            await supervisor.terminate_child(node.id)
        await supervisor.restart_child(node.id)
        return True

    async def _pause(self, supervisor: BaseSupervisor, node: ChildSnapshot) -> bool:
        await supervisor.pause_child(node.id)
        return not node.is_paused

    async def _resume(self, supervisor: BaseSupervisor, node: ChildSnapshot) -> bool:
        await supervisor.resume_child(node.id)
        return node.is_paused

    async def _reset(self, supervisor: BaseSupervisor, node: ChildSnapshot) -> bool:
        await supervisor.reset_child(node.id)
        is_started = node.state in DOWN and await self._start(supervisor, node)
        return is_started or bool(node.deaths)

    def _find(self, name: str) -> ChildSnapshot:
        root = self._root.tree()
        nodes = [node for node in root.walk() if node is not root]
        by_path = [node for node in nodes if _path(node, root) == name]
        found = by_path or [node for node in nodes if node.id == name]
        if len(found) != 1:
            raise ActorNotFoundError(name)
        return found[0]

    def _locate(self, node: ChildSnapshot) -> tuple[BaseSupervisor, ChildSpec]:
        """Return the supervisor of *node*, and its spec."""
        supervisor = self._root
        *above, child = _path(node, self._root.tree()).split("/")
        for part in above:
            nested = supervisor.get_spec(part).start
            if not isinstance(nested, BaseSupervisor):
                raise ActorNotFoundError(node.path)
            supervisor = nested
        return supervisor, supervisor.get_spec(child)

    def _refuse_needed(self, name: str, participle: str) -> None:
        _, spec = self._locate(self._find(name))
        if _is_needed(spec):
            raise ActorNeededError(f"The daemon can't be without {name}: it can't be {participle}.")

    def _report(self, node: ChildSnapshot) -> ActorReport:
        return _report_of(node, _path(node, self._root.tree()), self._mailboxes())


def actor_reports(
    root: ChildSnapshot, mailboxes: Mapping[str, int] | None = None
) -> tuple[ActorReport, ...]:
    """Return every node below *root*, parents first."""
    waiting = mailboxes or {}
    nodes: Iterable[ChildSnapshot] = (node for node in root.walk() if node is not root)
    return tuple(_report_of(node, _path(node, root), waiting) for node in nodes)


def _report_of(node: ChildSnapshot, path: str, mailboxes: Mapping[str, int]) -> ActorReport:
    return ActorReport(
        path=path,
        kind=node.kind,
        state=node.state,
        incarnation=node.incarnation,
        restarts=node.restarts,
        uptime_seconds=node.age if node.state == READY else None,
        next_try_seconds=_next_try(node),
        paused=node.is_paused,
        zombies=node.zombies,
        mailbox=mailboxes.get(path),
        last_error=node.last_error,
    )


def _path(node: ChildSnapshot, root: ChildSnapshot) -> str:
    return node.path.removeprefix(f"{root.path}/")


def _next_try(node: ChildSnapshot) -> Seconds | None:
    if node.state not in DOWN or node.deadline is None:
        return None
    return max(0.0, node.deadline - node.at)


def _is_needed(spec: ChildSpec) -> bool:
    """Tell whether the daemon ends with the part that *spec* describes."""
    if isinstance(spec.start, BaseSupervisor):
        return any(map(_is_needed, spec.start.spec.children))
    return spec.kind is Kind.WORKER and spec.on_exhausted is OnExhausted.ESCALATE

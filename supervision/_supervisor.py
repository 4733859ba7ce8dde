"""The supervisor of children that are declared: described once, in order, more added by hand."""

from collections.abc import Iterable
from typing import Unpack

from supervision._core._messages import DeleteChild, StartChild
from supervision._errors import SpecError
from supervision._handle import BaseSupervisor, TreeOptions
from supervision._outcome import ChildId, Seconds
from supervision._spec import AutoShutdown, ChildSpec, Kind, Strategy, SupervisorSpec


class Supervisor(BaseSupervisor):
    """Starts its children in order, restarts those that fail, stops them in reverse order."""

    def __init__(
        self,
        id: ChildId,  # noqa: A002 - as in ChildSpec
        children: Iterable[ChildSpec | BaseSupervisor] = (),
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: int = 3,
        period: Seconds = 5.0,
        max_zombies: int = 3,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        **options: Unpack[TreeOptions],
    ) -> None:
        """Describe a supervisor.

        Args:
            id: Its name; paths of children begin with it.
            children: In start order.
            strategy: Which siblings are restarted with a failed child.
            intensity: Restarts allowed in *period* seconds; the next one stops the supervisor.
            period: The length of that window.
            max_zombies: Abandoned children that may still run; one more ends the process.
            auto_shutdown: When it stops because its significant children have left.
            **options: What the root decides for its tree.

        Raises:
            SpecError: the description can't work.
        """
        spec = SupervisorSpec(
            id,
            tuple(_as_spec(each) for each in children),
            strategy=strategy,
            intensity=intensity,
            period=period,
            max_zombies=max_zombies,
            auto_shutdown=auto_shutdown,
        )
        super().__init__(spec, options)

    async def start_child(self, spec: ChildSpec | BaseSupervisor) -> object:
        """Add a child after all others, start it, and return what it gave to `ready`.

        The child does not outlive this life of the supervisor.

        Raises:
            SpecError: the spec can't work here.
            ChildRunning: a child of that id runs.
            ChildAlreadyPresent: a child of that id is known but does not run.
            ChildStartFailed: it did not become ready; it is forgotten again.
            StartInterrupted: it was stopped before it was ready.
        """
        spec = _as_spec(spec)
        self.spec.check_child(spec)
        life = await self._request(spec.id, lambda ticket: StartChild(ticket, spec))
        return life.value_of(spec.id)

    async def delete_child(self, child: ChildId) -> None:
        """Forget a child that is down.

        Raises:
            ChildNotFound: there is none of that id.
            ChildRunning: it runs.
            ChildRestarting: it is on its way up or down.
            ChildIsZombie: an abandoned incarnation of it still runs.
        """
        await self._request(child, lambda ticket: DeleteChild(ticket, child))


def _as_spec(child: ChildSpec | BaseSupervisor) -> ChildSpec:
    """Return the child's spec; a supervisor wrapped as a worker would get a worker's grace."""
    if isinstance(child, BaseSupervisor):
        return child.as_child()
    if isinstance(child.start, BaseSupervisor) and child.kind is Kind.WORKER:
        raise SpecError(f"ChildSpec {child.id!r}", "start", "is a supervisor: use its as_child()")
    return child

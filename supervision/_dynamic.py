"""The supervisor of children that come and go: sessions, connections, jobs.

They have one template in common, start whenever somebody asks, know no order, and are stopped all
at once. One that is down for good is forgotten.
"""

import itertools
from dataclasses import replace
from typing import Unpack

from supervision._core._messages import StartChild
from supervision._handle import BaseSupervisor, TreeOptions
from supervision._outcome import ChildId, Seconds
from supervision._spec import ChildMain, ChildSpec, SupervisorSpec


class DynamicSupervisor(BaseSupervisor):
    """Starts children of one kind on request, restarts those that fail, stops them together."""

    def __init__(
        self,
        id: ChildId,  # noqa: A002 - as in ChildSpec
        template: ChildSpec,
        *,
        intensity: int = 3,
        period: Seconds = 5.0,
        max_zombies: int = 3,
        **options: Unpack[TreeOptions],
    ) -> None:
        """Describe a supervisor of dynamic children.

        Args:
            id: Its name; paths of children begin with it.
            template: What all children share; the first is called after it with `-1` added.
            intensity: Restarts allowed in *period* seconds, of all children together.
            period: The length of that window.
            max_zombies: Abandoned children that may still run; one more ends the process.
            **options: What the root decides for its tree.

        Raises:
            SpecError: the description can't work.
        """
        spec = SupervisorSpec(
            id, (), template=template, intensity=intensity, period=period, max_zombies=max_zombies
        )
        super().__init__(spec, options)
        self.template = template
        self._numbers = itertools.count(1)

    async def start_child(self, start: ChildMain | None = None) -> ChildId:
        """Start one more child and return its id.

        *start* is what it runs in place of what the template names, mostly a `functools.partial` of
        that with what this one child works on. The child does not outlive this life of the
        supervisor.

        Raises:
            ChildStartFailed: it did not become ready.
            StartInterrupted: it was stopped before it was ready.
        """
        child = f"{self.template.id}-{next(self._numbers)}"
        spec = replace(self.template, id=child, start=start or self.template.start)
        await self._request(child, lambda ticket: StartChild(ticket, spec))
        return child

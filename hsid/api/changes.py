"""The routes that look into the house's machinery and change it; only a door that may has them.

Each change is recorded (`hsid.api.audit`), and answers with how things are afterwards.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Path, Query, Request

from hsid.api import daemon_routes, log_routes
from hsid.api.actor_models import ActorChange, ActorDetail, ActorList
from hsid.api.audit import Audit
from hsid.api.levels import LevelControl
from hsid.api.models import Problem, QueueReport
from hsid.api.queue_models import (
    MOST_LETTERS,
    EntryList,
    LetterChange,
    LetterChoice,
    LetterList,
    LetterReport,
    QueueList,
)
from hsid.api.queues import QueueControl
from hsid.api.tree import TreeControl
from hsid.controls import Controls

Limit = Annotated[int, Query(ge=1, le=MOST_LETTERS, description="How many at most.")]
Name = Annotated[str, Path(max_length=400)]
Verb = Literal["start", "stop", "restart", "pause", "resume", "reset"]

_MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}
_REFUSED: dict[int | str, dict[str, Any]] = {**_MISSING, 409: {"model": Problem}}


@dataclass(frozen=True, slots=True)
class Levers:
    """What a door with the right to change things can reach."""

    audit: Audit
    tree: TreeControl
    queues: QueueControl
    daemon: Controls
    levels: LevelControl


def install(app: FastAPI, levers: Levers) -> None:
    """Give *app* the routes over *levers*."""
    app.include_router(daemon_routes.routes(levers.daemon, levers.audit))
    app.include_router(log_routes.routes(levers.levels, levers.audit))
    app.include_router(_actor_routes(levers.tree, levers.audit))
    app.include_router(_queue_routes(levers.queues))
    app.include_router(_letter_routes(levers.queues, levers.audit))


def _actor_routes(tree: TreeControl, audit: Audit) -> APIRouter:
    router = APIRouter(prefix="/v1/actors")

    @router.get("")
    async def actors() -> ActorList:
        """Return every node of the supervision tree, parents first."""
        return tree.list_all()

    # Before the next one, whose name would take the verb for a part of it.
    @router.post("/{name:path}/{verb}", responses=_REFUSED)
    async def change(name: Name, verb: Verb, request: Request) -> ActorChange:
        """Start, stop, restart, pause, resume or reset an actor; done when answered."""
        steps = {
            "start": tree.start,
            "stop": tree.stop,
            "restart": tree.restart,
            "pause": tree.pause,
            "resume": tree.resume,
            "reset": tree.reset,
        }
        async with audit.change(request, f"actor.{verb}", name) as record:
            made = await steps[verb](name)
            record.target = made.actor.path
            record.details["changed"] = made.changed
            return made

    @router.get("/{name:path}", responses=_MISSING)
    async def actor(name: Name) -> ActorDetail:
        """Return one actor with its history, by its path or its last part."""
        return tree.show(name)

    return router


def _queue_routes(queues: QueueControl) -> APIRouter:
    router = APIRouter(prefix="/v1/queues")

    @router.get("")
    async def list_all() -> QueueList:
        """Count what each durable queue holds."""
        return await queues.list_all()

    @router.get("/{name}", responses=_MISSING)
    async def show(name: Name) -> QueueReport:
        """Count what one durable queue holds."""
        return await queues.show(name)

    @router.get("/{name}/entries", responses=_MISSING)
    async def entries(name: Name, limit: Limit = 20) -> EntryList:
        """Return the entries that would be handed out next; nothing is taken."""
        return await queues.peek(name, limit)

    return router


def _letter_routes(queues: QueueControl, audit: Audit) -> APIRouter:
    router = APIRouter(prefix="/v1/dead-letters")

    async def change(
        action: str,
        carry_out: Callable[[str, LetterChoice], Awaitable[LetterChange]],
        request: Request,
        queue: str,
        choice: LetterChoice,
    ) -> LetterChange:
        if choice.dry_run:
            return await carry_out(queue, choice)
        async with audit.change(request, action, queue, **_chosen(choice)) as record:
            made = await carry_out(queue, choice)
            record.details["count"] = len(made.ids)
            return made

    @router.get("", responses=_MISSING)
    async def letters(queue: str | None = None, limit: Limit = 20) -> LetterList:
        """Return the latest dead letters, of one queue or of all."""
        return await queues.letters(queue, limit)

    @router.post("/{queue}/requeue", responses=_MISSING)
    async def requeue(queue: Name, choice: LetterChoice, request: Request) -> LetterChange:
        """Put dead letters again, the oldest first, as far as the queue has room."""
        return await change("dlq.requeue", queues.requeue, request, queue, choice)

    @router.post("/{queue}/clear", responses=_MISSING)
    async def clear(queue: Name, choice: LetterChoice, request: Request) -> LetterChange:
        """Delete dead letters; what they were about stays dead in the ledger."""
        return await change("dlq.clear", queues.discard, request, queue, choice)

    @router.get("/{queue}/{letter_id:path}", responses=_MISSING)
    async def letter(queue: Name, letter_id: Name) -> LetterReport:
        """Return one dead letter with its history."""
        return await queues.letter(queue, letter_id)

    return router


def _chosen(choice: LetterChoice) -> dict[str, str | int | bool]:
    """Return for the record which letters were meant."""
    asked = choice.model_dump(exclude_defaults=True, exclude={"dry_run"})
    return {name: ", ".join(each) if name == "ids" else each for name, each in asked.items()}

"""What handlers are, and what becomes of an entry whose handler failed. No waiting here."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeAlias

import structlog

from hsid.observe.logging import sanitize_error
from hsid.queues.completion import Completion
from hsid.queues.protocol import Bury, Lease, QueueError, Release, Retry
from hsid.queues.retry import RetryPolicy

_log = structlog.get_logger(__name__)

_LONGEST_ERROR = 500


class TriesUsedUpError(QueueError):
    """Handlers of this entry began as often as is allowed, and none of them came back."""


class NotSettledError(QueueError):
    """A handler returned something that does not settle its entry: a fault of the program."""


class Handler(Protocol):
    """What an actor does with one entry."""

    async def handle(self, lease: Lease) -> Completion:
        """Do the work; return a completion that settles *lease*.

        An exception means that the entry is tried again later, and given up when its tries are
        used up; but `StoreUnavailableError` uses up none, and neither does `Release` with a delay.
        """
        ...

    def give_up(self, lease: Lease, error: str) -> Completion:
        """Return the completion that buries *lease* and writes that down in the ledger."""
        ...


Fallback: TypeAlias = Callable[[str], Completion]
"""What to do instead of a completion that can't be carried out, given the error."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A lease whose handler is done, and how it ends."""

    lease: Lease
    completion: Completion
    fallbacks: tuple[Fallback, ...] = ()
    """Tried one after the other if writes of the completion raise."""
    on_concluded: Callable[[], None] | None = None
    """Called when the lease has ended, whichever completion it was that ended it."""

    def fallback(self, error: str) -> Self:
        """Return the next thing to try after the completion failed with *error*."""
        first, *others = self.fallbacks
        return replace(self, completion=first(error), fallbacks=tuple(others))


@dataclass(slots=True)
class FailureCounts:
    """How often handlers failed, and entries were given up."""

    failed: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class FailureRules:
    """Decide between another try and giving up."""

    max_deliveries: int
    policy: RetryPolicy
    rng: random.Random
    counts: FailureCounts = field(default_factory=FailureCounts)

    def is_used_up(self, lease: Lease) -> bool:
        """Tell whether the entry must not be run again."""
        return lease.begun >= self.max_deliveries

    def after_failure(
        self, handler: Handler, lease: Lease, error: str, traceback: str = ""
    ) -> Completion:
        """Return what ends *lease* after its handler failed with *error*."""
        self.counts.failed += 1
        tries = lease.finished_tries
        if tries >= self.max_deliveries:
            return _telling(self.give_up(handler, lease, error), traceback)
        delay = self.policy.delay(tries, self.rng)
        _log.warning("handler_failed", entry=lease.entry.id, tries=tries, delay=delay, error=error)
        return Completion(acks=(Retry(lease, delay, error),))

    def give_up(self, handler: Handler, lease: Lease, error: str) -> Completion:
        """Return what buries *lease*: the handler's own word for it, if it has one."""
        self.counts.given_up += 1
        _log.error("entry_given_up", queue=lease.queue, entry=lease.entry.id, error=error)
        try:
            return settling(lease, handler.give_up(lease, error))
        except Exception:  # noqa: BLE001 - the entry must end all the same
            _log.exception("give_up_failed", queue=lease.queue, entry=lease.entry.id)
            return buried(lease, error)

    def finished(
        self,
        handler: Handler,
        lease: Lease,
        completion: Completion,
        on_concluded: Callable[[], None] | None,
    ) -> Finished:
        """Return *completion* with what to do if it can't be carried out."""

        def retry(error: str) -> Completion:
            return self.after_failure(handler, lease, error)

        def bury(error: str) -> Completion:
            return buried(lease, error)

        return Finished(lease, completion, (retry, bury), on_concluded)


def released(lease: Lease) -> Completion:
    """Return what gives *lease* back as if it had never been taken."""
    return Completion(acks=(Release(lease),))


def buried(lease: Lease, error: str) -> Completion:
    """Return what makes *lease* a dead letter and tells nobody else."""
    return Completion(acks=(Bury(lease, error),))


def _telling(completion: Completion, traceback: str) -> Completion:
    """Return *completion* with *traceback* in the dead letters that it leaves."""
    acks = tuple(
        replace(item, traceback=traceback) if isinstance(item, Bury) else item
        for item in completion.acks
    )
    return replace(completion, acks=acks)


def settling(lease: Lease, completion: object) -> Completion:
    """Return *completion* if it settles *lease*.

    Raises:
        NotSettledError: It does not, and the entry would stay leased for ever.
    """
    if isinstance(completion, Completion):
        for item in completion.acks:
            if item.lease.token == lease.token and item.lease.entry.id == lease.entry.id:
                return completion
    raise NotSettledError(f"the handler of {lease.entry.id} did not settle it: {completion!r}")


def describe(error: Exception) -> str:
    """Return *error* in one line for people and the ledger, without secrets.

    Never raises, whatever the error's class does when asked for its text.
    """
    try:
        return f"{type(error).__name__}: {sanitize_error(error, _LONGEST_ERROR)}"
    except Exception as broken:  # noqa: BLE001 - the class of the error is all that is left to say
        return f"{type(error).__name__} (its text can't be made: {type(broken).__name__})"

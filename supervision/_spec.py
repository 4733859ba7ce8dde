"""What is supervised and how: specs, checked when they are made (D15).

A spec that was accepted can be run: ids are unique and printable in a path, numbers make sense, and
a child that is said to escalate can (D6).
"""

import math
from collections import Counter
from collections.abc import Awaitable
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from supervision._backoff import Backoff
from supervision._errors import SpecError
from supervision._outcome import ChildId, Seconds
from supervision._restart import Restart

if TYPE_CHECKING:  # the context needs trio, the specs must not
    from supervision._context import Context

_DEFAULT_BACKOFF = Backoff()
PATH_CHARS = "/#"  # they separate ids and incarnations in paths


class Strategy(StrEnum):
    """Which siblings a supervisor restarts together with a failed child."""

    ONE_FOR_ONE = "one_for_one"
    """None."""
    ONE_FOR_ALL = "one_for_all"
    """All that run."""
    REST_FOR_ONE = "rest_for_one"
    """Those declared after it that run."""


class OnExhausted(StrEnum):
    """What happens when a child has used up its restarts."""

    ESCALATE = "escalate"
    """More than *intensity* restarts in *period* seconds stop the supervisor with an error."""
    PARK = "park"
    """After *intensity* restarts without a healthy run in between, the child is left down for its
    cool-down, then tried once; each failed trial doubles the cool-down. Needs one_for_one."""
    NEVER = "never"
    """Restarts go on for ever, at the pace of the backoff."""


class AutoShutdown(StrEnum):
    """When a supervisor stops by itself because significant children have left."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    """As soon as one of them has left by itself and is not restarted."""
    ALL_SIGNIFICANT = "all_significant"
    """When the last of them has."""


class Kind(StrEnum):
    """What a child is."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


class ChildMain(Protocol):
    """The function of a child: it runs one incarnation."""

    def __call__(self, ctx: "Context", /) -> Awaitable[None]:
        """Run until done, until cancelled, or until *ctx.stopping* is set."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child: what to run, when to run it again, and how to stop it."""

    id: ChildId
    start: ChildMain
    _: KW_ONLY
    kind: Kind = Kind.WORKER
    """Set by `Supervisor.as_child`; everything else is a worker."""
    restart: Restart = Restart.PERMANENT
    start_timeout: Seconds = 30.0
    """Seconds until it must be ready."""
    lenient_start: bool = False
    """Treat a failed first start like a crash, instead of failing the supervisor's start."""
    drain: Seconds = 0.0
    """Seconds from `ctx.stopping` to the cancel; 0 cancels at once."""
    grace: Seconds = 5.0
    """Seconds from the cancel until it is abandoned."""
    heartbeat_timeout: Seconds | None = None
    """Seconds without `ctx.beat()` after which a ready child counts as stalled."""
    backoff: Backoff = _DEFAULT_BACKOFF
    on_exhausted: OnExhausted = OnExhausted.ESCALATE
    cooldown: Seconds = 60.0
    """Seconds it stays parked the first time."""
    exclusive: bool = False
    """It holds something only one can have: never start a second one beside its zombie."""
    fatal: tuple[type[Exception], ...] = ()
    """Errors after which a restart can't help."""
    significant: bool = False
    """Its leaving may stop the supervisor; see `AutoShutdown`."""

    def __post_init__(self) -> None:
        owner = f"ChildSpec {self.id!r}"
        _check_id(owner, self.id)
        _check(owner, "start", callable(self.start), "must be callable with a Context")
        _check(owner, "start_timeout", self.start_timeout > 0, "must be above 0 seconds")
        _check(owner, "drain", self.drain >= 0, "must be 0 or more seconds")
        _check(owner, "grace", self.grace >= 0, "must be 0 or more seconds")
        _check(owner, "cooldown", 0 < self.cooldown < math.inf, "must be above 0 seconds")
        _check_types(owner, self)
        _check_liveness(owner, self)
        _check_kind(owner, self)
        _check_combinations(owner, self)


@dataclass(frozen=True, slots=True)
class SupervisorSpec:
    """A supervisor's children and the rules it keeps them by."""

    id: ChildId
    children: tuple[ChildSpec, ...]
    _: KW_ONLY
    template: ChildSpec | None = None
    """What all children of a dynamic supervisor have in common; it declares none itself."""
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 3
    """Restarts allowed in *period* seconds; the next one is the supervisor's end."""
    period: Seconds = 5.0
    max_zombies: int = 3
    """Abandoned children that may still run; one more ends the process."""
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER

    def __post_init__(self) -> None:
        owner = f"Supervisor {self.id!r}"
        _check_id(owner, self.id)
        _check_enum(owner, "strategy", self.strategy, Strategy)
        _check(owner, "intensity", self.intensity >= 0, "must be 0 or more")
        _check(owner, "period", 0 < self.period < math.inf, "must be above 0 seconds")
        _check(owner, "max_zombies", self.max_zombies >= 0, "must be 0 or more")
        twice = [each for each, n in Counter(spec.id for spec in self.children).items() if n > 1]
        _check(owner, "children", not twice, f"have ids more than once: {', '.join(twice)}")
        _check_enum(owner, "auto_shutdown", self.auto_shutdown, AutoShutdown)
        _check_template(owner, self)
        for child in self.children if self.template is None else (self.template,):
            self.check_child(child)

    @property
    def is_dynamic(self) -> bool:
        """Whether its children come one by one, from one template, and stop all at once."""
        return self.template is not None

    def check_child(self, child: ChildSpec) -> None:
        """Refuse a child whose policy can't work under this supervisor.

        Raises:
            SpecError: the child can never escalate though it says so (D6), would be parked while
                siblings that a group restart ties to it run on, or is significant to a supervisor
                that takes no notice.
        """
        owner = f"ChildSpec {child.id!r}"
        may_matter = self.auto_shutdown is not AutoShutdown.NEVER
        _check(
            owner,
            "significant",
            may_matter or not child.significant,
            "needs a supervisor with auto_shutdown",
        )
        if child.on_exhausted is OnExhausted.PARK:
            alone = self.strategy is Strategy.ONE_FOR_ONE
            _check(owner, "on_exhausted", alone, "can be park only under one_for_one")
        if child.on_exhausted is OnExhausted.ESCALATE and child.restart is not Restart.TEMPORARY:
            loop = sum(islice(child.backoff.shortest_delays(), self.intensity))
            _check(owner, "backoff", loop <= self.period, _unreachable(loop, self))


def _unreachable(loop: Seconds, spec: SupervisorSpec) -> str:
    return (
        f"spreads {spec.intensity} restarts over {loop:g} s or more, so the supervisor's period of "
        f"{spec.period:g} s can never see them and a crash loop would never escalate"
    )


def _check(owner: str, name: str, is_valid: bool, problem: str) -> None:  # noqa: FBT001 - private
    if not is_valid:
        raise SpecError(owner, name, problem)


def _check_id(owner: str, each: ChildId) -> None:
    is_valid = bool(each) and each.isprintable() and not any(char in each for char in PATH_CHARS)
    _check(owner, "id", is_valid, f"must be printable, not empty, and without any of {PATH_CHARS}")


def _check_enum(owner: str, name: str, value: object, enum: type[StrEnum]) -> None:
    allowed = ", ".join(enum)
    _check(owner, name, isinstance(value, enum), f"must be a {enum.__name__}: {allowed}")


def _check_types(owner: str, spec: ChildSpec) -> None:
    _check_enum(owner, "restart", spec.restart, Restart)
    _check_enum(owner, "kind", spec.kind, Kind)
    _check_enum(owner, "on_exhausted", spec.on_exhausted, OnExhausted)
    listed: tuple[object, ...] = spec.fatal  # whatever the caller wrote there
    are_errors = all(isinstance(each, type) and issubclass(each, Exception) for each in listed)
    _check(owner, "fatal", are_errors, "must be classes of Exception")


def _check_liveness(owner: str, spec: ChildSpec) -> None:
    if spec.heartbeat_timeout is None:
        return
    _check(owner, "heartbeat_timeout", spec.heartbeat_timeout > 0, "must be above 0 seconds")
    is_worker = spec.kind is Kind.WORKER
    _check(owner, "heartbeat_timeout", is_worker, "is for workers, a supervisor does not beat")


def _check_kind(owner: str, spec: ChildSpec) -> None:
    if spec.kind is Kind.WORKER:
        return
    for name in ("start_timeout", "drain", "grace"):
        is_unlimited = getattr(spec, name) == math.inf
        _check(owner, name, is_unlimited, "must be unlimited for a supervisor: use as_child()")


def _check_template(owner: str, spec: SupervisorSpec) -> None:
    if spec.template is None:
        return
    _check(owner, "children", not spec.children, "must be none where there is a template")
    alone = spec.strategy is Strategy.ONE_FOR_ONE
    _check(owner, "strategy", alone, "must be one_for_one with a template")
    never = spec.auto_shutdown is AutoShutdown.NEVER
    _check(owner, "auto_shutdown", never, "must be never with a template")
    lenient = spec.template.lenient_start
    _check(owner, "template", not lenient, "can't start leniently: whoever starts a child is told")


def _check_combinations(owner: str, spec: ChildSpec) -> None:
    stays_down = spec.restart is not Restart.PERMANENT
    _check(owner, "significant", stays_down or not spec.significant, "can't be a permanent child")
    if spec.restart is not Restart.TEMPORARY:
        return
    _check(owner, "lenient_start", not spec.lenient_start, "needs a child that may be restarted")
    may_park = spec.on_exhausted is not OnExhausted.PARK
    _check(owner, "on_exhausted", may_park, "can't be park for a child that is never restarted")

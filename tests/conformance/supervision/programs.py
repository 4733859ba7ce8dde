"""Programs: what children and operators do, drawn by chance and played on the virtual clock."""

from contextlib import suppress
from dataclasses import dataclass, field

import trio
from hypothesis import strategies as st

from supervision import (
    Backoff,
    ChildSpec,
    EscalationError,
    IgnoreStart,
    OnExhausted,
    RequestRefused,
    Restart,
    Strategy,
    SupervisionError,
    Supervisor,
    SupervisorNotRunning,
)
from supervision.testing import ChildError, EventRecorder

CHILDREN = ("a", "b", "c")
LONGEST_SHIELD = 5.0  # five of them are over before the root loses its patience
PATIENCE = 500.0  # far more than any call or stop of a program can take
BACKOFF = Backoff(minimum=0.5, maximum=1, jitter=0.5)
TIMES = st.sampled_from([0.0, 0.25, 1.0, 3.0])

MOVES = st.one_of(
    st.tuples(st.just("sleep"), TIMES),
    st.tuples(st.just("beat"), TIMES),
    st.tuples(st.just("shield"), st.sampled_from([1.0, LONGEST_SHIELD])),
    st.sampled_from([("ready",), ("ready",), ("ready",), ("raise",), ("finish",), ("decline",)]),
    st.sampled_from([("swallow",), ("hang",), ("listen",)]),
)
CALLS = st.one_of(
    st.tuples(st.just("sleep"), st.sampled_from([0.0, 1.0, 10.0])),
    st.tuples(
        st.sampled_from(["terminate", "restart", "delete", "pause", "resume", "request_stop"]),
        st.sampled_from((*CHILDREN, "nobody")),
    ),
)


@dataclass(frozen=True)
class Actor:
    """Plays one list of moves per incarnation, the last one for all that follow."""

    acts: list[list[tuple]]

    async def __call__(self, ctx):
        for move in self.acts[min(ctx.incarnation, len(self.acts)) - 1]:
            if move == ("finish",):
                return
            await self._play(ctx, *move)
        if not ctx.is_ready:
            ctx.ready()
        await ctx.stopping.wait()

    async def _play(self, ctx, move, seconds=0.0):
        match move:
            case "sleep" | "beat":
                ctx.beat()
                await trio.sleep(seconds)
            case "shield":
                with trio.CancelScope(shield=True):
                    await trio.sleep(seconds)
            case "ready":
                if not ctx.is_ready:
                    ctx.ready()
            case "raise":
                raise ChildError
            case "decline":
                raise IgnoreStart("not today")
            case "swallow":
                with suppress(trio.Cancelled):  # exactly the vice that this move is
                    await trio.sleep_forever()
            case "hang":
                await trio.sleep_forever()
            case "listen":
                await ctx.stopping.wait()


@dataclass(frozen=True)
class Program:
    """Children with their policies, what operators ask for, and how it ends."""

    specs: tuple[ChildSpec, ...]
    rules: dict
    nested: bool
    calls: tuple[tuple, ...]
    end: str

    def build(self, sink, exit_function):
        first, middle, last = self.specs
        if self.nested:
            middle = Supervisor("below", [middle], intensity=2).as_child(backoff=BACKOFF)
        return Supervisor(
            "root", [first, middle, last], sink=sink, exit_function=exit_function, **self.rules
        )


@dataclass
class Result:
    """What came of a program."""

    recorder: EventRecorder = field(default_factory=EventRecorder)
    exits: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    escalation: EscalationError | None = None
    is_over: bool = False
    left_over: list = field(default_factory=list)


@st.composite
def specs(draw, name, may_park):
    restart = draw(st.sampled_from(Restart))
    policies = [OnExhausted.ESCALATE, OnExhausted.NEVER]
    if may_park and restart is not Restart.TEMPORARY:
        policies.append(OnExhausted.PARK)
    return ChildSpec(
        name,
        Actor(draw(st.lists(st.lists(MOVES, max_size=5), min_size=1, max_size=3))),
        restart=restart,
        start_timeout=5.0,
        lenient_start=restart is not Restart.TEMPORARY and draw(st.booleans()),
        drain=draw(st.sampled_from([0.0, 2.0])),
        grace=draw(st.sampled_from([0.0, 2.0])),
        heartbeat_timeout=draw(st.sampled_from([None, 4.0])),
        backoff=BACKOFF,
        on_exhausted=draw(st.sampled_from(policies)),
        cooldown=5.0,
    )


@st.composite
def programs(draw):
    strategy = draw(st.sampled_from(Strategy))
    may_park = strategy is Strategy.ONE_FOR_ONE
    return Program(
        specs=tuple(draw(specs(each, may_park)) for each in CHILDREN),
        rules={"strategy": strategy, "intensity": draw(st.integers(0, 4)), "max_zombies": 1000},
        nested=may_park and draw(st.booleans()),
        calls=tuple(draw(st.lists(CALLS, max_size=8))),
        end=draw(st.sampled_from(["stop", "urgent", "cancel"])),
    )


async def play(program):
    """Play *program* from beginning to end; there is an end, whatever it says."""
    result = Result()
    root = program.build(result.recorder, result.exits.append)
    with trio.move_on_after(10 * PATIENCE) as patience:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_run, root, result)
            for call in program.calls:
                await _call(root, result, *call)
            if program.end == "cancel":
                nursery.cancel_scope.cancel()
            root.stop(urgent=program.end == "urgent")
    result.is_over = not patience.cancelled_caught
    me = trio.lowlevel.current_task()
    result.left_over = [each.name for each in me.parent_nursery.child_tasks if each is not me]
    return result


async def _run(root, result):
    try:
        await root.run()
    except EscalationError as error:
        result.escalation = error


async def _call(root, result, call, argument):
    if call == "sleep":
        await trio.sleep(argument)
        return
    calls = {
        "terminate": root.terminate_child,
        "restart": root.restart_child,
        "delete": root.delete_child,
        "pause": root.pause_child,
        "resume": root.resume_child,
    }
    try:
        with trio.fail_after(PATIENCE):
            if call == "request_stop":
                root.request_stop(argument)
            else:
                await calls[call](argument)
    except (RequestRefused, SupervisorNotRunning, SupervisionError) as refusal:
        result.answers.append(refusal)
    else:
        result.answers.append(None)

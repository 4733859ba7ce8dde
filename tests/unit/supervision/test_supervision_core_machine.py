"""The core against a world that does anything at any time (section 7 of the specification).

The world keeps what a driver would: which incarnations run, and whether they were given up. After
each step it checks what must hold whatever happened; where the strategy is one_for_one, also that
the core is exactly where the naive model is.
"""

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervision import (
    AutoShutdown,
    Backoff,
    ChildExited,
    ChildSpec,
    ChildStopping,
    GroupRestart,
    OnExhausted,
    Restart,
    RestartScheduled,
    StopCause,
    Strategy,
    SupervisorSpec,
)
from supervision._core import initial_state, step
from supervision._core._messages import (
    Abandon,
    Arm,
    Beaten,
    Begin,
    DeleteChild,
    Done,
    Emit,
    Ended,
    Exit,
    HardExit,
    PauseChild,
    Readied,
    Reply,
    ResetChild,
    RestartChild,
    SetPaused,
    Start,
    StartChild,
    Stop,
    TerminateChild,
    Tick,
)
from supervision._core._state import PENDING, Mode, Phase
from supervision._outcome import Declined, Failure, Raised, Returned
from supervision.testing import Obedient
from tests.unit.supervision.core_clock import due_children, next_deadline
from tests.unit.supervision.duel import compare
from tests.unit.supervision.naive_model import NaiveSupervisor

OOPS = Failure("OSError", "oops")
CRASH = Raised(OOPS)
# Crashes mostly: what else there is ends many a supervisor before it has lived.
ENDINGS = [*[CRASH] * 5, Returned(), Declined("no"), Raised(OOPS, is_fatal=True)]
DECLARED = ("a", "b", "c")
NAMES = st.sampled_from((*DECLARED, "d", "e"))
PERIOD = 5.0
BACKOFFS = [
    Backoff.none(reset_after=3),
    Backoff(minimum=0.25, maximum=1, jitter=0.5, reset_after=4),
]


@st.composite
def child_specs(draw, *, may_park, may_matter=False, name=NAMES):
    restart = draw(st.sampled_from(Restart))
    is_temporary = restart is Restart.TEMPORARY
    policies = [OnExhausted.ESCALATE, OnExhausted.NEVER]
    if may_park and not is_temporary:
        policies.append(OnExhausted.PARK)
    return ChildSpec(
        draw(name),
        Obedient(),
        restart=restart,
        start_timeout=4.0,
        lenient_start=not is_temporary and draw(st.sampled_from([True, True, False])),
        drain=draw(st.sampled_from([0.0, 2.0])),
        grace=draw(st.sampled_from([0.0, 3.0])),
        heartbeat_timeout=draw(st.sampled_from([None, 2.0])),
        backoff=draw(st.sampled_from(BACKOFFS)),
        on_exhausted=draw(st.sampled_from(policies)),
        cooldown=6.0,
        exclusive=draw(st.booleans()),
        significant=may_matter and restart is not Restart.PERMANENT and draw(st.booleans()),
    )


class World(RuleBasedStateMachine):
    """A driver without tasks: it books the actions, and hypothesis plays the children."""

    @initialize(
        data=st.data(),
        strategy=st.sampled_from(Strategy),
        intensity=st.sampled_from([3, 1, 2, 0]),
        auto_shutdown=st.sampled_from(AutoShutdown),
        is_dynamic=st.sampled_from([False, False, False, True]),
    )
    def begin(self, data, strategy, intensity, auto_shutdown, is_dynamic):
        rules = {"intensity": intensity, "period": PERIOD}
        if is_dynamic:
            self.policy = {"may_park": True}
            template = ChildSpec("t", Obedient(), backoff=BACKOFFS[0])
            self.spec = SupervisorSpec("root", (), template=template, **rules)
        else:
            self.policy = {
                "may_park": strategy is Strategy.ONE_FOR_ONE,
                "may_matter": auto_shutdown is not AutoShutdown.NEVER,
            }
            specs = tuple(
                data.draw(child_specs(name=st.just(each), **self.policy)) for each in DECLARED
            )
            rules |= {"strategy": strategy, "auto_shutdown": auto_shutdown}
            self.spec = SupervisorSpec("root", specs, **rules)
        is_naive = self.spec.strategy is Strategy.ONE_FOR_ONE
        self.now = 100.0
        self.model = NaiveSupervisor(self.spec, self.now) if is_naive else None
        self.paused = {}
        self.state = initial_state(self.spec, path="root", seed=0.5, now=self.now)
        self.running = {}  # (child, incarnation) -> whether it was given up
        self.ended = []
        self.started = []
        self.last_number = {}
        self.replies = {}
        self.scheduled = []
        self.exits = 0
        self.tickets = 0
        self.feed(Begin())

    def feed(self, event):
        before = self.state
        self.state, actions = step(before, event, self.now)
        for action in actions:
            self.book(before, action)
        if before.is_stopping:
            assert self.state.is_stopping, "came back from its stop"
        events = [action.event for action in actions if isinstance(action, Emit)]
        for each in events:
            assert (each.supervisor, each.at) == ("root", self.now)
        if self.model is not None:
            restarts = [each for each in events if isinstance(each, RestartScheduled)]
            self.model.feed(event, self.now, {each.child: each.delay for each in restarts})
            compare(self.state, events, self.replies, self.model)

    def book(self, before, action):
        match action:
            case Start(child, number):
                self.book_start(before, child, number)
            case Abandon(child, number):
                self.running[child, number] = True
            case Reply(ticket, answer):
                self.replies.setdefault(ticket, []).append(answer)
            case Emit(event):
                self.book_event(event)
            case Exit():
                self.exits += 1
                assert all(self.running.values()), "left while a child was waited for"
            case Arm(child, at):
                assert self.state.children[child].due == at
            case SetPaused(child, number, is_paused):
                assert not self.running[child, number]
                assert self.paused[child] is is_paused
            case HardExit():
                assert len(self.state.zombies) > self.spec.max_zombies

    def book_start(self, before, child, number):
        assert not before.is_stopping, "started while stopping"
        assert (child, number) not in self.running
        assert [
            gone for (each, _), gone in self.running.items() if each == child and not gone
        ] == []
        assert number > self.last_number.get(child, 0)
        if self.state.children[child].spec.exclusive:
            assert child not in {each for each, _ in self.running}, "beside its zombie"
        self.last_number[child] = number
        self.running[child, number] = False
        self.started.append((child, number))

    def book_event(self, event):
        match event:
            case ChildExited(child=child, incarnation=number):
                self.ended.append((child, number))
            case RestartScheduled(child=child, delay=delay):
                self.book_restart(child, delay)
            case GroupRestart(child=child, ids=ids):
                self.book_group(child, ids)
            case ChildStopping(cause=StopCause.SHUTDOWN) if self.spec.is_dynamic:
                pass  # they know no order
            case ChildStopping(child=child, cause=StopCause.SHUTDOWN):
                order = list(self.state.children)
                later = order[order.index(child) + 1 :]
                alive = {each for (each, _), gone in self.running.items() if not gone}
                assert not alive & set(later), "stopped before a younger sibling was down"

    def book_restart(self, child, delay):
        backoff = self.state.children[child].spec.backoff
        assert backoff.minimum * (1 - backoff.jitter) <= delay <= backoff.maximum
        if self.state.children[child].spec.on_exhausted is OnExhausted.ESCALATE:
            self.scheduled.append(self.now)
            recent = [each for each in self.scheduled if each >= self.now - PERIOD]
            assert len(recent) <= self.spec.intensity

    def book_group(self, offender, ids):
        """Nobody is in a group that its strategy does not name, and all of them are in order."""
        order = list(self.state.children)
        assert list(ids) == sorted(ids, key=order.index)
        assert offender in ids
        assert self.spec.strategy is not Strategy.ONE_FOR_ONE
        if self.spec.strategy is Strategy.REST_FOR_ONE:
            assert min(map(order.index, ids)) == order.index(offender)

    def ticket(self):
        self.tickets += 1
        return self.tickets

    # What the children do.

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def child_is_ready(self, data):
        self.feed(Readied(*data.draw(st.sampled_from(sorted(self.running)))))

    @precondition(lambda self: self.state.live_count)
    @rule()
    def everybody_is_ready(self):
        for _ in range(2 * len(self.state.children)):  # who is started only then is ready as well
            for each in [each for each in self.state.children.values() if each.is_live]:
                self.feed(Readied(each.id, each.incarnation))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), ending=st.sampled_from(ENDINGS))
    def child_ends(self, data, ending):
        each = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[each]
        self.feed(Ended(*each, ending))

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def child_beats(self, data):
        self.feed(Beaten(*data.draw(st.sampled_from(sorted(self.running))), self.now))

    @precondition(lambda self: len(self.started) > 2)
    @rule(child=NAMES, number=st.integers(0, 3), ending=st.sampled_from([None, *ENDINGS]))
    def somebody_dead_speaks(self, child, number, ending):
        if (child, number) not in self.running:
            self.feed(Ended(child, number, ending) if ending else Readied(child, number))

    # What time does.

    @rule(gap=st.sampled_from([0.0, 0.25, 1.0, 3.0, 30.0]))
    def time_passes(self, gap):
        self.now += gap
        if next_deadline(self.state) <= self.now:
            self.tick()

    @precondition(lambda self: next_deadline(self.state) < float("inf"))
    @rule()
    def deadline_comes(self):
        self.now = max(self.now, next_deadline(self.state))
        self.tick()

    def tick(self):
        self.feed(Tick(due_children(self.state, self.now)))
        later = next_deadline(self.state)
        if later <= self.now:  # a delay of zero is due at once, but not for ever
            self.feed(Tick(due_children(self.state, self.now)))
            later = next_deadline(self.state)
        assert later > self.now, "a deadline that nothing comes of"

    # What operators do.

    @rule(child=NAMES)
    def terminate(self, child):
        self.feed(TerminateChild(self.ticket(), child))
        found = self.state.children.get(child)
        assert found is None or found.phase not in PENDING, "a terminated child is to be started"

    @rule(child=NAMES)
    def restart(self, child):
        self.feed(RestartChild(self.ticket(), child))

    @rule(data=st.data())
    def add(self, data):
        spec = data.draw(child_specs(**self.policy))
        if spec.lenient_start:
            spec = replace(spec, lenient_start=False)
        self.feed(StartChild(self.ticket(), spec))

    @rule(child=NAMES)
    def delete(self, child):
        ticket = self.ticket()
        self.feed(DeleteChild(ticket, child))
        if self.replies[ticket] == [Done()]:
            assert child not in self.state.children

    @rule(child=NAMES, is_paused=st.booleans())
    def pause(self, child, is_paused):
        if child in self.state.children:
            self.paused[child] = is_paused
        self.feed(PauseChild(self.ticket(), child, is_paused))

    @rule(child=NAMES)
    def reset(self, child):
        before = self.state.children.get(child)
        self.feed(ResetChild(self.ticket(), child))
        if before is not None:
            assert self.state.children[child].phase is before.phase

    @rule(is_urgent=st.booleans())
    @precondition(lambda self: len(self.started) > 5)
    def stop(self, is_urgent):
        self.feed(Stop(is_urgent))

    # What must hold.

    @invariant()
    def numbers_of_forgotten_children_start_over_only_when_none_runs(self):
        for child in tuple(self.last_number):
            if child not in self.state.children:
                assert child not in {each for each, _ in self.running}
                del self.last_number[child]

    @invariant()
    def books_agree_with_the_state(self):
        live = {(c.id, c.incarnation) for c in self.state.children.values() if c.is_live}
        assert live == {each for each, gone in self.running.items() if not gone}
        assert self.state.zombies == {each for each, gone in self.running.items() if gone}

    @invariant()
    def counts_and_wishes_are_kept(self):
        children = self.state.children
        assert self.state.live_count == sum(each.is_live for each in children.values())
        for child in [each for each in self.paused if each not in children]:
            del self.paused[child]
        wishes = {child: each.is_paused for child, each in children.items() if each.is_paused}
        assert wishes == {child: True for child, is_paused in self.paused.items() if is_paused}

    @invariant()
    def state_is_bounded(self):
        state = self.state
        assert len(state.window.times) <= state.spec.intensity
        assert len(state.halting) + len(state.rollout) <= 2 * len(state.children)
        assert set(state.children) <= {*DECLARED, "d", "e"}
        if state.mode in (Mode.NEW, Mode.STOPPED):
            assert state.live_count == 0

    @invariant()
    def queues_hold_what_they_should(self):
        children = self.state.children
        assert all(children[each].is_live for each in self.state.halting)
        assert set(self.state.rollout) <= set(children)
        waiting = {each.id for each in children.values() if each.phase is Phase.WAITING}
        assert waiting <= set(self.state.rollout), "waits for a turn that never comes"

    @invariant()
    def line_of_starts_moves_on(self):
        state, children = self.state, self.state.children
        if state.rollout and not state.halting and not children[state.rollout[0]].is_live:
            assert next_deadline(state) <= max(state.rollout_at, self.now), "nothing will move it"

    @invariant()
    def stopped_supervisor_runs_nobody(self):
        if self.state.mode == "stopped":
            assert all(self.running.values())
            assert self.exits == 1

    @invariant()
    def no_ticket_is_answered_twice(self):
        assert all(len(each) == 1 for each in self.replies.values())

    def teardown(self):
        if not hasattr(self, "state"):
            return
        self.feed(Stop())
        while self.running:
            each = min(self.running)
            del self.running[each]
            self.feed(Ended(*each, Returned()))
        assert self.exits == 1
        assert sorted(self.started) == sorted(self.ended), "each start has exactly one end"
        assert sorted(self.replies) == list(range(1, self.tickets + 1)), "somebody still waits"


World.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class TestWorld(World.TestCase):
    """Whatever happens in whatever order, the invariants of supervision hold."""

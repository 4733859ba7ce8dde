"""Management calls, the tree, and who must not wait for whom (cases 54-57)."""

from contextvars import ContextVar

import pytest
import trio

from supervision import (
    Backoff,
    ChildAlreadyPresent,
    ChildIsZombie,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    ChildSpec,
    ChildStartFailed,
    OnExhausted,
    Restart,
    RestartScheduled,
    SpecError,
    StartInterrupted,
    Strategy,
    Supervisor,
    SupervisorAlreadyRunning,
    SupervisorIsStopping,
    SupervisorNotRunning,
    WouldDeadlock,
)
from supervision.testing import (
    CleansUpFor,
    CrashesAfter,
    FailsToStart,
    FinishesAfter,
    NeverReady,
    Obedient,
    Script,
    Stubborn,
    running,
)

SLOW = Backoff(minimum=5, maximum=5, reset_after=60)
NEVER = OnExhausted.NEVER
ONCE = {"restart": Restart.TRANSIENT}


async def answer(call):
    """Return the class of what *call* raises, or None."""
    try:
        await call
    except Exception as error:  # noqa: BLE001 - the table below names it
        return type(error)


# A child to be brought into each state within a second, and what each call answers then.
STATES = {
    "ready": (ChildSpec("a", Obedient()), ChildRunning, ChildRunning, ChildRunning),
    "starting": (
        ChildSpec("a", Script(CrashesAfter(0), NeverReady()), backoff=Backoff.none()),
        ChildRunning,
        ChildRunning,
        ChildRunning,
    ),
    "stopping": (
        ChildSpec("a", Script(CleansUpFor(4)), heartbeat_timeout=0.5),
        ChildAlreadyPresent,
        ChildRestarting,
        ChildRestarting,
    ),
    "backoff": (
        ChildSpec("a", CrashesAfter(0), backoff=SLOW, on_exhausted=NEVER),
        ChildAlreadyPresent,
        ChildRestarting,
        ChildRestarting,
    ),
    "done": (ChildSpec("a", FinishesAfter(0), **ONCE), ChildAlreadyPresent, None, None),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("call", ["start", "restart", "delete", "terminate"])
async def test_child_admin_matrix(autojump_clock, build, state, call):
    """Each call in each state of a child gives the answer of OTP's table."""
    spec, start, restart, delete = STATES[state]
    async with running(build(spec)) as root:
        await trio.sleep(1)
        assert root.tree().children[0].state == state
        calls = {
            "start": (root.start_child, ChildSpec("a", Obedient()), start),
            "restart": (root.restart_child, "a", restart),
            "delete": (root.delete_child, "a", delete),
            "terminate": (root.terminate_child, "a", None),
        }
        function, argument, expected = calls[call]
        assert await answer(function(argument)) is expected


@pytest.mark.parametrize("call", ["restart_child", "delete_child", "terminate_child"])
async def test_unknown_child_is_not_found(autojump_clock, build, call):
    """A call about a child that is not there says so."""
    async with running(build()) as root:
        with pytest.raises(ChildNotFound):
            await getattr(root, call)("nobody")


async def test_started_child_returns_its_value_and_comes_last(autojump_clock, build):
    """What a child gives to `ready` is what its starter gets; it stops before all others."""
    async with running(build(ChildSpec("a", Obedient()))) as root:
        assert await root.start_child(ChildSpec("b", Obedient(value=8080))) == 8080
        assert [each.id for each in root.tree().children] == ["a", "b"]


async def test_child_that_fails_its_manual_start_is_forgotten(autojump_clock, build, recorder):
    """The caller gets the error; nothing is counted, nobody else is touched."""
    async with running(build(ChildSpec("a", Obedient()), intensity=0)) as root:
        with pytest.raises(ChildStartFailed, match="no start"):
            await root.start_child(ChildSpec("b", FailsToStart()))
        assert [each.id for each in root.tree().children] == ["a"]

    assert recorder.of(RestartScheduled) == []


async def test_failed_manual_restart_leaves_the_child_stopped(autojump_clock, build, recorder):
    """The same for a child that was known before, which stays known."""
    async with running(build(ChildSpec("a", Script(Obedient(), FailsToStart())))) as root:
        await root.terminate_child("a")
        with pytest.raises(ChildStartFailed):
            await root.restart_child("a")
        assert root.tree().children[0].state == "stopped"

    assert recorder.of(RestartScheduled) == []


async def test_manual_start_cut_short_is_told_so(autojump_clock, build):
    """A terminate ends the start that somebody waits for, and both get their answer."""
    async with running(build()) as root, trio.open_nursery() as nursery:
        nursery.start_soon(terminate_soon, root)
        with pytest.raises(StartInterrupted):
            await root.start_child(ChildSpec("a", NeverReady()))


async def terminate_soon(root):
    await trio.sleep(1)
    await root.terminate_child("a")


async def test_requests_are_refused_while_stopping(autojump_clock, build):
    """A supervisor on its way down takes no new children."""
    async with running(build(ChildSpec("a", CleansUpFor(3)))) as root:
        root.stop()
        await trio.sleep(1)
        for call in (root.restart_child("a"), root.start_child(ChildSpec("b", Obedient()))):
            assert await answer(call) is SupervisorIsStopping


async def test_requests_are_refused_while_zombies_hold_the_supervisor(autojump_clock, build):
    """A supervisor that only waits for what it has abandoned answers, too."""
    async with running(build(ChildSpec("a", Stubborn(20)))) as root:
        root.stop()
        await trio.sleep(10)
        assert await answer(root.restart_child("a")) is SupervisorIsStopping


async def test_caller_may_lose_patience(autojump_clock, build):
    """A cancelled call changes nothing but that nobody hears the answer."""
    async with running(build(ChildSpec("a", CleansUpFor(3)))) as root:
        with trio.move_on_after(1):
            await root.terminate_child("a")
        await trio.sleep(5)
        assert root.tree().children[0].state == "stopped"


async def test_terminate_during_stop_waits_for_the_end(autojump_clock, build):
    """Terminating a child that is being stopped anyway returns when it is down."""
    async with running(build(ChildSpec("a", CleansUpFor(3)))) as root:
        root.stop()
        await root.terminate_child("a")

    assert trio.current_time() == 3


async def test_request_without_a_running_supervisor_is_an_error(autojump_clock, build):
    """Before the first run and after the last there is nobody to ask."""
    root = build(ChildSpec("a", Obedient()))
    for _ in range(2):
        with pytest.raises(SupervisorNotRunning):
            await root.terminate_child("a")
        async with running(root):
            pass


async def test_running_twice_at_once_is_refused(autojump_clock, build):
    """One object is one supervisor; a second run beside the first is a mistake."""
    async with running(build()) as root:
        with pytest.raises(SupervisorAlreadyRunning):
            await root.run()


async def test_terminate_of_a_pending_pivot_resumes_the_later_siblings(
    autojump_clock, build, quick
):
    """When the child that the others wait for is taken away, they start at once (D9)."""
    pivot = ChildSpec("a", CrashesAfter(1), backoff=SLOW)
    root = build(pivot, ChildSpec("b", Obedient()), strategy=Strategy.REST_FOR_ONE, intensity=1)
    async with running(root):
        await trio.sleep(2)
        await root.terminate_child("a")
        await trio.sleep(0.1)
        assert [each.state for each in root.tree().children] == ["stopped", "ready"]


async def test_child_stopping_itself_does_not_deadlock(autojump_clock, build):
    """Waiting for one's own end is refused; asking for it without waiting works."""
    refused = []

    async def suicidal(ctx):
        ctx.ready()
        try:
            await root.terminate_child("a")
        except WouldDeadlock as error:
            refused.append(str(error))
        root.request_stop("a")
        await trio.sleep_forever()

    root = build(ChildSpec("a", suicidal))
    async with running(root):
        await trio.sleep(1)
        assert root.tree().children[0].state == "stopped"

    assert refused == ["root/a can't wait for its own end"]


async def test_grandchild_must_not_wait_for_its_elders(autojump_clock, build):
    """The same goes for a child of a child: the root would wait for it, and it for the root."""
    caught = []

    async def leaf(ctx):
        ctx.ready()
        calls = (root.terminate_child("below"), root.wait_stopped())
        caught.extend([await answer(each) for each in calls])
        await ctx.stopping.wait()

    root = build(Supervisor("below", [ChildSpec("leaf", leaf, drain=1)]))
    async with running(root):
        await trio.sleep(1)

    assert caught == [WouldDeadlock, WouldDeadlock]


async def test_restarted_child_does_not_inherit_the_callers_context(autojump_clock, build):
    """A child started by request runs in the supervisor's context, not the caller's."""
    request_id = ContextVar("request_id", default="none")
    seen = []

    async def look(ctx):
        seen.append(request_id.get())
        await Obedient()(ctx)

    async with running(build(ChildSpec("a", look))) as root:
        request_id.set("42")
        await root.terminate_child("a")
        await root.restart_child("a")

    assert seen == ["none", "none"]


async def test_escalation_restarts_the_subtree_without_dynamic_children(
    autojump_clock, build, quick
):
    """A restarted supervisor is a fresh one: what was added to the old one is gone."""
    below = Supervisor("below", [quick("leaf", Script(CrashesAfter(3), Obedient()))], intensity=0)
    async with running(build(below.as_child(backoff=Backoff.none()))) as root:
        await below.start_child(ChildSpec("added", Obedient()))
        await trio.sleep(4)
        (shown,) = root.tree().children
        assert (shown.incarnation, [each.id for each in shown.children]) == (2, ["leaf"])


async def test_zombie_can_be_neither_deleted_nor_doubled(autojump_clock, build):
    """While an exclusive child's zombie runs, its record stays and it can't be started."""
    async with running(build(ChildSpec("a", Stubborn(20), exclusive=True))) as root:
        await root.terminate_child("a")
        assert root.tree().children[0].state == "zombie"
        assert await answer(root.delete_child("a")) is ChildIsZombie
        assert await answer(root.restart_child("a")) is ChildIsZombie
        await trio.sleep(20)
        assert root.tree().children[0].state == "stopped"
        assert await answer(root.delete_child("a")) is None


async def test_tree_shows_every_level_with_its_past(autojump_clock, build, quick):
    """One picture tells paths, states, restarts and last errors, down to the leaves."""
    leaf = quick("leaf", Script(CrashesAfter(1), Obedient()))
    async with running(build(Supervisor("below", [leaf]), ChildSpec("a", Obedient()))) as root:
        await trio.sleep(2)
        shown = {
            each.path: (each.state, each.restarts, each.last_error) for each in root.tree().walk()
        }

    assert shown == {
        "root": ("running", 0, None),
        "root/below": ("ready", 0, None),
        "root/below/leaf": ("ready", 1, "ChildError: crashed"),
        "root/a": ("ready", 0, None),
    }


def test_supervisor_wrapped_as_a_worker_is_refused(build):
    """It would get a worker's five seconds of grace: `as_child` knows better."""
    with pytest.raises(SpecError, match="use its as_child"):
        build(ChildSpec("below", Supervisor("below")))


async def test_statistics_count_restarts_and_what_is_left_of_the_budget(
    autojump_clock, build, quick
):
    """They are those of the present life, and stay to be read when it is over."""
    async with running(build(quick("a", Script(CrashesAfter(1), Obedient())))) as root:
        await trio.sleep(2)
        now = root.statistics()
        await trio.sleep(10)

    later = root.statistics()
    assert (now.restarts, now.budget_left, now.stale_notices, now.waiting_inputs) == (1, 2, 0, 0)
    assert (later.restarts, later.budget_left) == (1, 3)
    assert (now.children.active, later.children.active) == (1, 0)


async def test_before_its_first_run_a_supervisor_is_new(autojump_clock, build):
    """It can be looked at, and its specs can, but there is nothing to count."""
    root = build(ChildSpec("a", Obedient()))
    assert (root.tree().state, root.get_spec("a").id, repr(root)) == (
        "new",
        "a",
        "<Supervisor root [new]>",
    )
    with pytest.raises(SupervisorNotRunning):
        root.counts()
    with pytest.raises(SupervisorNotRunning):
        root.statistics()
    with pytest.raises(ChildNotFound):
        root.get_spec("b")

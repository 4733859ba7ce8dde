"""Starting: order, readiness, failures before it (cases 1-13)."""

import math

import pytest
import trio

from supervision import (
    ChildExited,
    ChildReady,
    ChildSpec,
    ChildStartFailed,
    ChildStarting,
    Ignored,
    IntensityExceeded,
    Kind,
    OnExhausted,
    Restart,
    RestartScheduled,
    StartFailed,
    StartTimedOut,
    Supervisor,
)
from supervision.testing import (
    DeclinesToStart,
    FailsToStart,
    NeverReady,
    Obedient,
    ReturnsEarly,
    Script,
    running,
)


async def test_children_start_in_order(autojump_clock, build, recorder):
    """Each child starts only after the one before it is ready."""
    names = ("c", "a", "b")
    async with running(build(*(ChildSpec(name, Obedient(start_for=1)) for name in names))):
        pass

    expected = [f"{kind} {n}#1" for n in names for kind in ("child_starting", "child_ready")]
    assert recorder.trace(ChildStarting, ChildReady) == expected


async def test_children_stop_in_reverse_order(autojump_clock, build, recorder):
    """Five children with unsorted ids stop in exactly the reverse of their start order."""
    names = ["c", "a", "e", "b", "d"]
    async with running(build(*(ChildSpec(name, Obedient(), drain=1) for name in names))):
        pass

    assert [each.child for each in recorder.of(ChildExited)] == names[::-1]


async def test_first_start_failure_stops_started_and_fails_supervisor(
    autojump_clock, build, recorder
):
    """A failed first start stops those before, never starts those after, and is not retried."""
    root = build(
        ChildSpec("a", Obedient()), ChildSpec("b", FailsToStart()), ChildSpec("c", Obedient())
    )
    with pytest.raises(ChildStartFailed, match="b failed to start: ChildError: no start"):
        await root.run()

    assert [each.child for each in recorder.of(ChildStarting)] == ["a", "b"]
    assert [each.child for each in recorder.of(ChildExited)] == ["b", "a"]
    assert recorder.of(RestartScheduled) == []


async def test_ignored_child_is_kept_but_not_running(autojump_clock, build, recorder):
    """A child that declines is no error: it stays listed and its siblings run."""
    async with running(
        build(ChildSpec("a", DeclinesToStart()), ChildSpec("b", Obedient()))
    ) as root:
        states = {each.id: each.state for each in root.tree().children}
        assert root.counts().active == 1

    assert states == {"a": "done", "b": "ready"}
    assert recorder.of(ChildExited, "a")[0].outcome == Ignored("nothing to do")


async def test_ignored_temporary_child_is_forgotten(autojump_clock, build):
    """A temporary child that declines is not even listed."""
    async with running(build(ChildSpec("a", DeclinesToStart(), restart=Restart.TEMPORARY))) as root:
        assert root.tree().children == ()


async def test_empty_supervisor_runs_and_stops(autojump_clock, build):
    """A supervisor without children is ready at once and stops when asked."""
    async with running(build()) as root:
        assert root.tree().state == "running"

    assert root.tree().state == "stopped"


def test_defaults_are_filled_in(build):
    """A minimal spec is a permanent worker with 5 s grace; a supervisor has no limits."""
    root = build(ChildSpec("a", Obedient()), Supervisor("below"))
    worker, below = root.get_spec("a"), root.get_spec("below")

    assert (worker.restart, worker.kind, worker.grace) == (Restart.PERMANENT, Kind.WORKER, 5.0)
    assert (below.kind, below.drain, below.grace) == (Kind.SUPERVISOR, math.inf, math.inf)


async def test_return_without_started_is_a_start_failure(autojump_clock, build, recorder):
    """A child that returns before it was ready has failed to start."""
    with pytest.raises(ChildStartFailed, match="returned before it was ready"):
        await build(ChildSpec("a", ReturnsEarly())).run()

    assert isinstance(recorder.of(ChildExited)[0].outcome, StartFailed)


async def test_start_timeout_counts_as_start_failure(autojump_clock, build, recorder):
    """A child that never becomes ready is cancelled after its start timeout."""
    with pytest.raises(ChildStartFailed, match="not ready after 30 s"):
        await build(ChildSpec("a", NeverReady())).run()

    assert recorder.of(ChildExited)[0].outcome == StartTimedOut(30.0)
    assert trio.current_time() == pytest.approx(30, abs=0.2)


async def test_api_is_served_while_a_child_starts(autojump_clock, build):
    """While a start hangs, the tree can be looked at and the stop is obeyed."""
    root = build(ChildSpec("a", NeverReady()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(root.run)
        await trio.sleep(1)
        assert root.tree().children[0].state == "starting"
        root.stop()
        await root.wait_stopped()

    assert trio.current_time() == 1


async def test_lenient_start_goes_through_backoff_while_siblings_start(
    autojump_clock, build, recorder, quick
):
    """A lenient child that fails its first start is retried; nobody waits for it."""
    camera = quick("camera", Script(FailsToStart(), Obedient()), lenient_start=True)
    async with running(build(camera, ChildSpec("b", Obedient()))) as root:
        assert root.tree().children[0].state == "backoff"
        await trio.sleep(1)
        assert root.tree().children[0].state == "ready"

    assert [each.incarnation for each in recorder.of(ChildReady, "camera")] == [2]


async def test_stop_during_start_counts_as_started(autojump_clock, build):
    """Whoever waits for the start is let go when the supervisor is stopped instead."""
    root = build(ChildSpec("a", NeverReady()))
    async with trio.open_nursery() as nursery:
        root.stop()
        await nursery.start(root.run)

    assert root.tree().state == "stopped"


async def test_second_ready_is_the_childs_error(autojump_clock, build, recorder):
    """A child that says twice that it is ready crashes with AlreadyReady."""

    async def twice(ctx):
        ctx.ready()
        ctx.ready()

    with pytest.raises(IntensityExceeded):
        await build(ChildSpec("a", twice)).run()

    assert recorder.of(ChildExited)[0].outcome.failure.kind == "AlreadyReady"


async def test_context_passes_for_a_task_status(autojump_clock, build):
    """A function that follows trio's own convention can be given the context."""

    async def serve(task_status):
        task_status.started(8080)
        await trio.sleep_forever()

    async with running(build(ChildSpec("a", serve))) as root:
        assert root.tree().children[0].state == "ready"


async def test_a_child_sees_who_it_is(autojump_clock, build):
    """Id, path and incarnation are the child's to read."""
    seen = []

    async def look(ctx):
        seen.append((ctx.id, ctx.path, ctx.incarnation, repr(ctx)))
        await Obedient()(ctx)

    async with running(build(Supervisor("pipeline", [ChildSpec("detector", look)]))):
        pass

    path = "root/pipeline/detector"
    assert seen == [("detector", path, 1, f"<Context {path}#1>")]


async def test_never_exhausted_lenient_child_retries_for_ever(
    autojump_clock, build, recorder, quick
):
    """With on_exhausted=never a child that can't start is tried again and again."""
    child = quick("a", FailsToStart(), lenient_start=True, on_exhausted=OnExhausted.NEVER)
    async with running(build(child, intensity=1)):
        await trio.sleep(10.05)

    assert len(recorder.of(ChildStarting)) == 101

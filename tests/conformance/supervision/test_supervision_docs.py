"""docs/supervision.md: its example runs, its tables say what the code does, its names exist."""

import builtins
import dataclasses
import logging
import re
from contextlib import suppress
from pathlib import Path

import pytest
import trio

import supervision
from supervision import (
    Backoff,
    ChildEvent,
    ChildExited,
    ChildSpec,
    ChildStarting,
    DoNotRestart,
    Escalated,
    Event,
    FatalChildError,
    Mailbox,
    MailboxFull,
    OnExhausted,
    Overflow,
    RequestRefused,
    Restart,
    RestartScheduled,
    RestartWindow,
    StopCause,
    Stopped,
    Strategy,
    level_of,
    testing,
)
from supervision._core._state import Phase
from supervision.testing import (
    BeatsFor,
    CleansUpFor,
    CrashesAfter,
    DeclinesToStart,
    FailsToStart,
    FinishesAfter,
    NeverReady,
    Obedient,
    Script,
    Stubborn,
    lone_context,
)

PAGE = (Path(__file__).parents[3] / "docs" / "supervision.md").read_text(encoding="utf-8")
SLOW = Backoff(minimum=5, maximum=5, jitter=0, reset_after=60)


def section(heading):
    """Return the text under *heading*."""
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def table(heading, number=0):
    """Return the rows of a table under *heading*, each as a mapping from the head of the column."""
    blocks = re.findall(r"(?:^\|.*\n)+", section(heading), re.MULTILINE)
    head, _, *rows = (
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in blocks[number].splitlines()
    )
    return [dict(zip(head, row, strict=True)) for row in rows]


def cells(rows):
    """Return (first cell, head of the column, cell) for each cell of *rows* but the first ones."""
    return [(next(iter(row.values())), *each) for row in rows for each in list(row.items())[1:]]


def code(heading, language="python", number=0):
    """Return a block of code under *heading*."""
    return re.findall(rf"```{language}\n(.*?)```", section(heading), re.DOTALL)[number]


async def test_example_prints_what_the_page_says(autojump_clock, capsys):
    """The example is a whole program of at most thirty lines, and its output is the one shown."""
    program = {"__name__": "example"}
    exec(compile(code("An example"), "example", "exec"), program)  # noqa: S102 - our own page
    await program["main"]()

    assert capsys.readouterr().out == code("An example", "text")
    assert len([line for line in code("An example").splitlines() if line]) <= 30


async def test_example_of_a_test_passes(autojump_clock):
    """What the page recommends as a test is one."""
    names = {**vars(testing), **vars(supervision), "trio": trio}
    exec(compile(code("Testing what you supervise"), "example", "exec"), names)  # noqa: S102
    await names["test_door_is_watched_again_after_a_crash"](autojump_clock)


def test_names_on_the_page_exist():
    """Every class that it mentions is there to be imported."""
    known = {name for each in (supervision, testing, builtins) for name in vars(each)}
    named = set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+|[A-Z][a-z]+)\b[^`]*`", PAGE))

    assert named - known == set()


ENDS = {
    "Completed": Script(FinishesAfter(1), Obedient()),
    "Crashed": Script(CrashesAfter(1), Obedient()),
    "Stalled": Script(BeatsFor(0.2, seconds=1), BeatsFor(0.2)),
    "StartFailed": Script(CrashesAfter(1), FailsToStart(), Obedient()),
    "StartTimedOut": Script(CrashesAfter(1), NeverReady(), Obedient()),
    "Ignored": DeclinesToStart(),
    "Fatal": CrashesAfter(1, DoNotRestart()),
    "Stopped": Obedient(),
}


async def run_for_a_while(root, outcome):
    """Run *root* for five seconds, or until it gives up."""
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            if outcome == "Stopped":
                nursery.start_soon(terminate_soon, root)
            with suppress(FatalChildError):  # the event tells
                await root.run()


async def terminate_soon(root):
    await trio.sleep(1)
    await root.terminate_child("a")


def fate_of(root, recorder, outcome):
    """Say in the page's words what became of the child after that *outcome*."""
    exits = [e for e in recorder.of(ChildExited) if type(e.outcome).__name__ == outcome]
    if not exits:
        return "—"
    if recorder.of(Escalated):
        return "gives up"
    if exits[0].incarnation in [each.incarnation for each in recorder.of(RestartScheduled)]:
        return "restarted"
    return "stays down" if root.tree().children else "forgotten"


@pytest.mark.parametrize("row", table("Ends and fates"), ids=lambda row: row["outcome"])
@pytest.mark.parametrize("restart", Restart)
async def test_table_of_fates_is_true(autojump_clock, build, recorder, quick, row, restart):
    """Each outcome has, for each restart type, the consequence that the page names."""
    outcome = row["outcome"]
    policy = {"heartbeat_timeout": 0.5} if outcome == "Stalled" else {}
    root = build(quick("a", ENDS[outcome], restart=restart, start_timeout=1, **policy))
    await run_for_a_while(root, outcome)

    assert fate_of(root, recorder, outcome) == row[restart.value]


def test_table_of_fates_is_whole():
    """It has a row for each outcome there is."""
    assert {row["outcome"] for row in table("Ends and fates")} == {
        each.__name__ for each in supervision.Outcome.__args__
    }


@pytest.mark.parametrize("row", table("Groups"), ids=lambda row: row["strategy"])
async def test_table_of_groups_is_true(autojump_clock, build, recorder, quick, row):
    """Each strategy stops and starts whom the page says, in that order."""
    root = build(
        ChildSpec("a", Obedient()),
        quick("b", Script(CrashesAfter(2), Obedient())),
        ChildSpec("c", FinishesAfter(1), restart=Restart.TRANSIENT),
        ChildSpec("d", Obedient()),
        ChildSpec("e", Obedient(), restart=Restart.TEMPORARY),
        strategy=Strategy[row["strategy"]],
    )
    with trio.move_on_after(5):
        await root.run()
    stopped = [
        each.child
        for each in recorder.of(ChildExited)
        if each.outcome == Stopped(StopCause.SIBLING)
    ]
    started = [each.child for each in recorder.of(ChildStarting) if each.incarnation == 2]

    assert ", ".join(stopped) == row["stopped, in this order"]
    assert ", ".join(started) == row["started, in this order"]


def test_delays_on_the_page_are_the_default_ones():
    """The longest and the shortest wait before each restart."""
    latest, earliest = table("Delays and budgets")
    backoff = Backoff()
    for number in range(9):
        assert float(latest[str(number + 1)]) == backoff.delay(number, 0.0)
        assert float(earliest[str(number + 1)]) == pytest.approx(backoff.delay(number, 1.0))


def test_window_on_the_page_slides_as_it_says():
    """With three restarts on record, the next one is allowed from when the first is forgotten."""
    window = RestartWindow(3, 5.0).record(0.0).record(2.0).record(4.0)
    (row,) = table("Delays and budgets", 2)
    for _, at, answer in cells([row]):
        assert answer == ("allowed" if window.allows(float(at)) else "refused")


# A child to be brought into each state within a second, with its siblings and rules.
STATES = {
    "not known": ([], {}),
    "waiting": (
        [ChildSpec("pivot", CrashesAfter(0), backoff=SLOW), ChildSpec("a", Obedient())],
        {"strategy": Strategy.REST_FOR_ONE, "intensity": 1},
    ),
    "starting": ([ChildSpec("a", NeverReady())], {}),
    "ready": ([ChildSpec("a", Obedient())], {}),
    "stopping": ([ChildSpec("a", CleansUpFor(4), heartbeat_timeout=0.5)], {}),
    "backoff": ([ChildSpec("a", CrashesAfter(0), backoff=SLOW)], {"intensity": 1}),
    "parked": (
        [ChildSpec("a", Script(CrashesAfter(0), Obedient()), on_exhausted=OnExhausted.PARK)],
        {"intensity": 0},
    ),
    "done": (
        [ChildSpec("a", Script(FinishesAfter(0), Obedient()), restart=Restart.TRANSIENT)],
        {},
    ),
    "stopped": ([ChildSpec("a", Obedient())], {}),
    "zombie": ([ChildSpec("a", Script(Stubborn(20), Obedient()), grace=0.5)], {}),
    "zombie, exclusive": ([ChildSpec("a", Stubborn(20), grace=0.5, exclusive=True)], {}),
}
CALLS = {
    "start_child with its id": lambda root: root.start_child(ChildSpec("a", Obedient())),
    "restart_child": lambda root: root.restart_child("a"),
    "delete_child": lambda root: root.delete_child("a"),
    "terminate_child": lambda root: root.terminate_child("a"),
    "pause_child": lambda root: root.pause_child("a"),
}


def state_of(root):
    """Return the state of the child, `forgotten` if there is none."""
    return next((str(c.state) for c in root.tree().children if c.id == "a"), "forgotten")


async def answer_of(root, call):
    """Return what the call comes to: the state of the child after it, or its error."""
    try:
        await CALLS[call](root)
    except RequestRefused as error:
        return type(error).__name__
    return state_of(root)


@pytest.mark.parametrize(("state", "call", "expected"), cells(table("Managing children")))
async def test_table_of_calls_is_true(autojump_clock, build, state, call, expected):
    """Each call in each state comes to what the page says."""
    children, rules = STATES[state]
    root = build(*children, **rules)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(root.run)
        if state.startswith(("stopped", "zombie")):
            await trio.sleep(0.1)
            await root.terminate_child("a")
        await trio.sleep(0.9)
        assert state_of(root) == {"not known": "forgotten"}.get(state, state.split(",")[0])
        assert await answer_of(root, call) == expected
        root.stop()


def test_table_of_calls_is_whole():
    """It has a row for every state that a child can be in."""
    states = {row["state"] for row in table("Managing children")}
    assert states == set(Phase) | {"not known", "zombie, exclusive"} == set(STATES)


async def send(ref, way):
    """Send in one of the two ways; return what that comes to."""
    with trio.move_on_after(1) as patience:
        try:
            if way == "tell":
                await ref.tell("new")
            else:
                ref.tell_nowait("new")
        except MailboxFull:
            return "MailboxFull"
    return "waits" if patience.cancelled_caught else "accepted"


@pytest.mark.parametrize("row", table("Messages"), ids=lambda row: row["overflow"])
@pytest.mark.parametrize("way", ["tell", "tell_nowait"])
async def test_table_of_overflows_is_true(autojump_clock, row, way):
    """A full mailbox does with the next message what the page says."""
    box = Mailbox("box", 1, Overflow[row["overflow"]])
    box.ref.tell_nowait("old")
    assert await send(box.ref, way) == row[way]

    with lone_context() as ctx:
        kept = await ctx.receive(box)
    expected = {"nothing": ("old", 0), "the oldest": ("new", 1), "the newest": ("old", 1)}
    assert (kept, box.statistics().dropped) == expected[row["lost, and counted"]]


def events():
    """Return the classes of all events."""
    public = [getattr(supervision, name) for name in supervision.__all__]
    classes = {each for each in public if isinstance(each, type) and issubclass(each, Event)}
    return classes - {Event, ChildEvent}


def test_table_of_levels_is_true_and_whole():
    """Each event that nobody asked for is logged at the level under which the page lists it."""
    listed = {}
    for row in table("Events"):
        for name in row["events"].split(", "):
            kind = getattr(supervision, name)
            event = kind(**{each.name: None for each in dataclasses.fields(kind)})
            listed[kind] = level_of(event) == logging.getLevelName(row["level"])

    assert set(listed) == events() - {ChildExited}
    assert all(listed.values())

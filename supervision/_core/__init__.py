"""The decisions of a supervisor, without I/O, clock or trio (D17).

`step` is the whole of it: from a state and an input to the next state and what to do. The driver
does the actions in order, and calls again when something happens or a deadline has come.
"""

from collections.abc import Iterable
from typing import assert_never

from supervision._core._ending import on_ended
from supervision._core._management import (
    delete_child,
    pause_child,
    reset_child,
    restart_child,
    start_child,
    terminate_child,
)
from supervision._core._messages import (
    Action,
    Beaten,
    Begin,
    DeleteChild,
    Ended,
    Input,
    PauseChild,
    Readied,
    ResetChild,
    RestartChild,
    StartChild,
    Stop,
    TerminateChild,
    Tick,
)
from supervision._core._starting import begin, on_readied, roll
from supervision._core._state import Mode, State, initial_state
from supervision._core._stopping import finish, halt, shut_down
from supervision._core._ticking import on_beaten, on_tick
from supervision._core._transition import Transition
from supervision._outcome import Seconds

__all__ = ["State", "initial_state", "step", "steps"]


def step(state: State, event: Input, now: Seconds) -> tuple[State, tuple[Action, ...]]:
    """Return the state after *event* and the actions it calls for, in order.

    Total and pure: any input is answered in any state, and *state* is left as it is.
    """
    return steps(state, (event,), now)


def steps(state: State, events: Iterable[Input], now: Seconds) -> tuple[State, tuple[Action, ...]]:
    """Return the state after all of *events*, in order, and the actions they call for.

    The children are copied once, so a thousand ends at once cost no more than one by one each.
    """
    t = Transition(state, now)
    for event in events:
        _handle(t, event)
        _advance(t)
    return t.finish()


def _handle(t: Transition, event: Input) -> None:  # noqa: C901, PLR0912 - one line per kind of input
    match event:
        case Begin():
            begin(t)
        case Readied():
            on_readied(t, event)
        case Ended():
            on_ended(t, event)
        case Beaten():
            on_beaten(t, event)
        case Tick(due):
            on_tick(t, due)
        case Stop(is_urgent):
            shut_down(t, is_urgent=is_urgent)
        case TerminateChild():
            terminate_child(t, event)
        case RestartChild():
            restart_child(t, event)
        case StartChild():
            start_child(t, event)
        case DeleteChild():
            delete_child(t, event)
        case PauseChild():
            pause_child(t, event)
        case ResetChild():
            reset_child(t, event)
        case _:
            assert_never(event)


def _advance(t: Transition) -> None:
    """Move the two queues: what halts goes first, then what rolls out."""
    halt(t)
    if t.state.halting:
        return
    match t.state.mode:
        case Mode.RUNNING:
            roll(t)
        case Mode.STOPPING:
            finish(t)
        case Mode.NEW | Mode.STOPPED:
            pass
        case _:
            assert_never(t.state.mode)

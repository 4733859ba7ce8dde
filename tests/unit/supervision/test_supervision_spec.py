"""Specs: everything that can't work is refused when it is made (cases 8 and 9)."""

import math

import pytest

from supervision import (
    Backoff,
    ChildSpec,
    Kind,
    OnExhausted,
    Restart,
    SpecError,
    Strategy,
    Supervisor,
    SupervisorSpec,
)
from supervision.testing import Obedient

BAD_CHILDREN = [
    ("id", {"id": ""}),
    ("id", {"id": "a/b"}),
    ("id", {"id": "a#1"}),
    ("id", {"id": "a\n"}),
    ("start", {"start": None}),
    ("restart", {"restart": "always"}),
    ("restart", {"restart": "permanent"}),
    ("kind", {"kind": "worker"}),
    ("start_timeout", {"start_timeout": 0}),
    ("start_timeout", {"start_timeout": math.nan}),
    ("drain", {"drain": -1}),
    ("grace", {"grace": -0.1}),
    ("heartbeat_timeout", {"heartbeat_timeout": 0}),
    ("on_exhausted", {"on_exhausted": "park"}),
    ("cooldown", {"cooldown": 0}),
    ("cooldown", {"cooldown": math.inf}),
    ("fatal", {"fatal": (KeyboardInterrupt,)}),
    ("fatal", {"fatal": ("OSError",)}),
    ("lenient_start", {"lenient_start": True, "restart": Restart.TEMPORARY}),
    ("on_exhausted", {"on_exhausted": OnExhausted.PARK, "restart": Restart.TEMPORARY}),
    ("start_timeout", {"kind": Kind.SUPERVISOR}),
    ("drain", {"kind": Kind.SUPERVISOR, "start_timeout": math.inf}),
    ("grace", {"kind": Kind.SUPERVISOR, "start_timeout": math.inf, "drain": math.inf}),
]
BAD_RULES = [
    ("id", {"id": ""}),
    ("strategy", {"strategy": "one_for_one"}),
    ("intensity", {"intensity": -1}),
    ("period", {"period": 0}),
    ("period", {"period": math.inf}),
    ("max_zombies", {"max_zombies": -1}),
    ("hard_exit_after", {"hard_exit_after": 0}),
]


@pytest.mark.parametrize(("field", "values"), BAD_CHILDREN)
def test_bad_specs_are_refused(field, values):
    """A child that can't work is refused, and the error names the field."""
    with pytest.raises(SpecError) as caught:
        ChildSpec(**{"id": "a", "start": Obedient(), **values})

    assert caught.value.field == field


@pytest.mark.parametrize(("field", "values"), BAD_RULES)
def test_bad_supervisors_are_refused(field, values):
    """So is a supervisor."""
    with pytest.raises(SpecError) as caught:
        Supervisor(**{"id": "root", **values})

    assert caught.value.field == field


def test_unknown_fields_are_refused():
    """A misspelt option is an error, not a default."""
    with pytest.raises(TypeError, match="restrat"):
        ChildSpec("a", Obedient(), restrat=Restart.TRANSIENT)


def test_duplicate_ids_are_refused():
    """Two children of one name could not be told apart."""
    with pytest.raises(SpecError, match="ids more than once: a"):
        Supervisor("root", [ChildSpec("a", Obedient()), ChildSpec("a", Obedient())])


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_parking_is_refused_under_group_strategies(strategy):
    """A group can't run beside one of its members that is parked."""
    child = ChildSpec("a", Obedient(), on_exhausted=OnExhausted.PARK)
    with pytest.raises(SpecError, match="only under one_for_one"):
        SupervisorSpec("root", (child,), strategy=strategy)


def test_supervisor_does_not_beat():
    """A heartbeat is a worker's business."""
    with pytest.raises(SpecError) as caught:
        ChildSpec(
            "a",
            Obedient(),
            kind=Kind.SUPERVISOR,
            start_timeout=math.inf,
            drain=math.inf,
            grace=math.inf,
            heartbeat_timeout=5,
        )

    assert caught.value.field == "heartbeat_timeout"


def test_temporary_child_needs_no_reachable_budget():
    """What is never restarted can have any backoff."""
    spec = ChildSpec("a", Obedient(), restart=Restart.TEMPORARY, backoff=Backoff(minimum=50))

    assert SupervisorSpec("root", (spec,)).children == (spec,)

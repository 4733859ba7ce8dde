"""Starting, before it begins: what can't work is refused when it is described (cases 8-10)."""

import math

import pytest

from supervision import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    DynamicSupervisor,
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
    ("auto_shutdown", {"auto_shutdown": "never"}),
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


@pytest.mark.parametrize("restart", Restart)
@pytest.mark.parametrize("auto_shutdown", AutoShutdown)
@pytest.mark.parametrize("significant", [False, True])
def test_significant_needs_auto_shutdown_and_non_permanent(restart, auto_shutdown, significant):
    """Of all combinations exactly those pass in which a significant child can matter."""
    can_matter = restart is not Restart.PERMANENT and auto_shutdown is not AutoShutdown.NEVER

    def describe():
        child = ChildSpec("a", Obedient(), restart=restart, significant=significant)
        return Supervisor("root", [child], auto_shutdown=auto_shutdown)

    if significant and not can_matter:
        with pytest.raises(SpecError) as caught:
            describe()
        assert caught.value.field == "significant"
    else:
        assert describe().get_spec("a").significant is significant


BAD_TEMPLATES = [
    ("children", {"children": (ChildSpec("b", Obedient()),)}),
    ("strategy", {"strategy": Strategy.REST_FOR_ONE}),
    ("auto_shutdown", {"auto_shutdown": AutoShutdown.ANY_SIGNIFICANT}),
    ("template", {"template": ChildSpec("a", Obedient(), lenient_start=True)}),
    ("backoff", {"template": ChildSpec("a", Obedient(), backoff=Backoff(minimum=50))}),
]


@pytest.mark.parametrize(("field", "values"), BAD_TEMPLATES)
def test_rules_that_dynamic_children_cannot_keep_are_refused(field, values):
    """They know no order and no first start, and their policy is checked before the first comes."""
    with pytest.raises(SpecError) as caught:
        SupervisorSpec(
            **{"id": "root", "children": (), "template": ChildSpec("a", Obedient()), **values}
        )

    assert caught.value.field == field


def test_template_is_checked_when_the_supervisor_is_described():
    """Not when the first child is wanted."""
    with pytest.raises(SpecError, match="would never escalate"):
        DynamicSupervisor("root", ChildSpec("a", Obedient(), backoff=Backoff(minimum=50)))


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

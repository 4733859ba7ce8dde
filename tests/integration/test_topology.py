"""The tree of the daemon: who is in it, in which order, and what becomes of whom."""

import pytest

from hsid.config import Settings
from hsid.house import open_house
from hsid.topology import build_tree
from supervision import OnExhausted, Strategy, Supervisor

NEVER, PARK, ESCALATE = OnExhausted.NEVER, OnExhausted.PARK, OnExhausted.ESCALATE


@pytest.fixture
async def root(tmp_path):
    watched = tmp_path / "cameras"
    watched.mkdir()
    settings = Settings(data_dir=tmp_path / "data", foscam_base_path=watched)
    async with open_house(settings) as house:
        yield build_tree(house)


def children_of(root, name):
    """Return the specs of the children of the supervisor *name*, in start order."""
    nested = root.get_spec(name).start
    assert isinstance(nested, Supervisor)
    return nested.spec.children


async def test_store_and_queues_come_up_before_their_users_and_go_down_after_them(root):
    """A failure of the platform takes along what leans on it; one of the doors nothing."""
    assert [each.id for each in root.spec.children] == ["platform", "pipeline", "doors"]
    assert root.spec.strategy is Strategy.REST_FOR_ONE
    assert children_of(root, "platform")[0].id == "store-writer"


async def test_leaves_of_the_pipeline_park_and_the_rest_escalates(root):
    """One actor that can't work leaves the others alone; without a store there is no daemon."""
    policies = {
        f"{branch.id}/{leaf.id}": leaf.on_exhausted
        for branch in root.spec.children
        for leaf in children_of(root, branch.id)
    }
    assert policies.pop("pipeline/watcher") is NEVER
    parking = {path for path, policy in policies.items() if policy is PARK}
    assert parking == {path for path in policies if path.startswith("pipeline/")}
    assert set(policies.values()) == {PARK, ESCALATE}


async def test_every_actor_of_the_pipeline_must_show_that_it_is_alive(root):
    """But the terminator, which has nothing to do until the end."""
    silent = [each.id for each in children_of(root, "pipeline") if each.heartbeat_timeout is None]

    assert silent == ["terminator"]


async def test_what_takes_work_in_stops_first(root):
    """The watcher is the last to start; then the terminator has the handlers finish together."""
    assert [each.id for each in children_of(root, "pipeline")][-2:] == ["terminator", "watcher"]

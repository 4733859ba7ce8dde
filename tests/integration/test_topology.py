"""The tree of the daemon: who is in it, in which order, and what becomes of whom."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from actors.role_holder import RoleHolder
from hsid.config import Settings
from hsid.gpu.pressure import Pressure
from hsid.gpu.survey import Survey
from hsid.house import open_house
from hsid.model import GpuReading
from hsid.roles import Role
from hsid.store.role_session import EXCLUSIVE
from hsid.topology import (
    _batcher,
    _reconciler,
    _retention,
    _sampler,
    _throttle,
    build_tree,
)
from supervision import LoopMonitor, OnExhausted, Strategy, Supervisor

NEVER, PARK, ESCALATE = OnExhausted.NEVER, OnExhausted.PARK, OnExhausted.ESCALATE


def open_empty_house(base, **settings):
    """Open a house under *base*; nothing of it runs."""
    data, watched = base / "data", base / "cameras"
    data.mkdir(parents=True)
    watched.mkdir()
    return open_house(Settings(data_dir=data, foscam_base_path=watched, **settings))


@asynccontextmanager
async def open_root(base, **settings):
    """Build the tree of a house under *base*."""
    async with open_empty_house(base, **settings) as house:
        yield build_tree(house)


@pytest.fixture
async def root(tmp_path):
    async with open_root(tmp_path) as root:
        yield root


def children_of(root, name):
    """Return the specs of the children of the supervisor *name*, in start order."""
    nested = root.get_spec(name).start
    assert isinstance(nested, Supervisor)
    return nested.spec.children


async def test_store_and_queues_come_up_before_their_users_and_go_down_after_them(root):
    """A failure of the platform takes along what leans on it; one of the doors nothing."""
    assert [each.id for each in root.spec.children] == ["platform", "pipeline", "upkeep", "doors"]
    assert root.spec.strategy is Strategy.REST_FOR_ONE
    assert children_of(root, "platform")[0].id == "store-writer"


async def test_leaves_of_pipeline_and_upkeep_park_and_the_rest_escalates(root):
    """One actor that can't work leaves the others alone; without a store there is no daemon."""
    policies = {
        f"{branch.id}/{leaf.id}": leaf.on_exhausted
        for branch in root.spec.children
        for leaf in children_of(root, branch.id)
    }
    assert policies.pop("pipeline/watcher") is NEVER
    assert policies.pop("doors/http-listener") is PARK
    parking = {path for path, policy in policies.items() if policy is PARK}
    assert parking == {path for path in policies if path.startswith(("pipeline/", "upkeep/"))}
    assert set(policies.values()) == {PARK, ESCALATE}


async def test_leaves_of_upkeep_park(root):
    """A driver that is broken parks the GPU monitor at most, and nothing beside it notices."""
    leaves = children_of(root, "upkeep")

    assert [each.id for each in leaves] == ["gpu-monitor", "retention"]
    assert {(each.on_exhausted, each.lenient_start) for each in leaves} == {(PARK, True)}
    assert None not in {each.heartbeat_timeout for each in leaves}


@pytest.mark.parametrize(
    ("detector", "pressure"), [("rtdetr", Pressure.CRITICAL), ("embedded", Pressure.NORMAL)]
)
async def test_a_full_card_slows_the_detector_that_may_use_it(tmp_path, detector, pressure):
    """A service may be on the card; the embedded detector never is."""
    now = datetime.now(UTC)
    full = GpuReading(now, 0, "GPU-0", "A card", None, 96, 100, None, None)
    async with open_empty_house(tmp_path, detector=detector) as house:
        house.gpus.note(Survey((full,)), now)
        assert _throttle(house)._pressure() is pressure


async def test_every_actor_of_the_pipeline_must_show_that_it_is_alive(root):
    """But the terminator, which has nothing to do until the end."""
    silent = [each.id for each in children_of(root, "pipeline") if each.heartbeat_timeout is None]

    assert silent == ["terminator"]


async def test_metrics_have_a_port_of_their_own_where_one_is_set(tmp_path):
    """Each address is a leaf: one that is taken parks alone."""
    async with open_root(tmp_path, metrics_port=9) as root:
        doors = children_of(root, "doors")

    assert [each.id for each in doors] == [
        "steersman",
        "control-socket",
        "http-listener",
        "metrics-listener",
    ]
    assert {each.on_exhausted for each in doors[2:]} == {PARK}


async def test_what_takes_work_in_stops_first(root):
    """The watcher is the last to start; then the terminator has the handlers finish together."""
    assert [each.id for each in children_of(root, "pipeline")][-2:] == ["terminator", "watcher"]


async def test_a_node_runs_only_what_its_roles_need(tmp_path):
    """One that only detects takes nothing in and judges nothing."""
    async with open_root(tmp_path, roles="detector", detector_workers=2) as root:
        platform = [each.id for each in children_of(root, "platform")]
        pipeline = [each.id for each in children_of(root, "pipeline")]
        upkeep = [each.id for each in children_of(root, "upkeep")]

    assert upkeep == ["gpu-monitor"]
    assert platform == ["store-writer", "log-writer", "detection-committer", "detection-pump"]
    assert pipeline == ["detector-1", "detector-2", "terminator"]


def held_roles(house):
    """Return the roles whose actors work only while no other node has them."""
    actors = [_batcher(house), _reconciler(house), _retention(house)]
    return {actor.lock.role for actor in actors if isinstance(actor, RoleHolder)}


async def test_nodes_on_one_database_take_turns_in_what_one_at_a_time_does(tmp_path):
    """Where a file is the database there is no other node, and nothing to ask for."""
    async with open_empty_house(
        tmp_path, database_url="postgresql://hsid@localhost/hsid", redis_url="redis://127.0.0.1:9/0"
    ) as house:
        assert held_roles(house) == EXCLUSIVE == {Role.BATCHER, Role.RETENTION, Role.RECONCILER}
    async with open_empty_house(tmp_path / "file") as house:
        assert held_roles(house) == set()


async def test_a_house_on_redis_watches_its_server_and_announces(tmp_path):
    """Both are leaves: a server that is away concerns no other actor."""
    async with open_root(tmp_path, redis_url="redis://127.0.0.1:9/0") as root:
        pipeline = children_of(root, "pipeline")

    assert [each.id for each in pipeline][:2] == ["redis-monitor", "announcer"]
    assert {each.on_exhausted for each in pipeline[:2]} == {PARK}


async def test_metrics_tell_of_a_house_whose_servers_are_away(tmp_path):
    """Redis and database are down, the disks are told of, and nothing raises."""
    async with open_empty_house(tmp_path, redis_url="redis://127.0.0.1:9/0") as house:
        root = build_tree(house)
        state = await _sampler(house, root.tree, LoopMonitor()).sample()

    assert state.dependencies == (("database", False), ("redis", False))
    assert (state.queues, state.ledger) == ((), None)
    assert [disk.place for disk in state.disks] == ["data", "cameras"]

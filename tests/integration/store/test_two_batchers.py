"""Two nodes that both take themselves for the batcher: the same batches as from one."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import OperationalError

from hsid.batching import BatchPolicy, decide
from hsid.store import batches
from hsid.store.database import open_database
from hsid.store.faults import storage_fault
from hsid.store.postgres_engine import driver_url
from hsid.store.schema import batches as table
from hsid.store.schema import detections
from tests.unit.store.records import at, sight

POLICY = BatchPolicy(
    window=timedelta(seconds=90),
    idle=timedelta(seconds=30),
    max_detections=500,
    late=timedelta(seconds=120),
)


@pytest.fixture
def url(new_postgres_url):
    return new_postgres_url()


@pytest.fixture
def engine(url):
    """Connections that take no turn among the writers: as if that lock did not exist."""
    engine = create_engine(driver_url(url))
    yield engine
    engine.dispose()


def put_sightings(url):
    with open_database(url) as database, database.transaction() as conn:
        for number, seconds in enumerate((0, 10, 50, 55, 200)):
            sight(conn, number, seconds=seconds)


def decide_once(conn, seconds):
    state = batches.load_camera(conn, "gate", reach=POLICY.reach)
    time.sleep(0.03)  # long enough for another to look at the same, if it could
    batches.apply(conn, "gate", decide(state, at(seconds), POLICY).actions)


def batches_in(engine):
    """Return each batch by its span, with how many detections it has."""
    with engine.connect() as conn:
        members = list(conn.scalars(select(detections.c.batch_id)))
        rows = conn.execute(select(table).order_by(table.c.started_at)).all()
        return [
            (row.state, row.revision, row.started_at, row.ended_at, members.count(row.id))
            for row in rows
        ]


def test_two_holders_at_once_change_nothing_in_effect(url, engine, new_postgres_url):
    """The camera's lock makes them one after the other, and the second finds the work done."""
    put_sightings(url)
    rounds = (60, 150, 400)
    barrier = Barrier(2)

    def hold_the_role():
        for seconds in rounds:
            barrier.wait(30)
            with engine.begin() as conn:
                decide_once(conn, seconds)

    with ThreadPoolExecutor(2) as pool:
        for holder in [pool.submit(hold_the_role) for _ in range(2)]:
            holder.result()

    alone = new_postgres_url()
    put_sightings(alone)
    with open_database(alone) as database:
        for seconds in rounds:
            with database.transaction() as conn:
                decide_once(conn, seconds)
    one = create_engine(driver_url(alone))
    assert batches_in(engine) == batches_in(one) != []
    one.dispose()


def test_deciding_for_a_camera_keeps_others_from_it_and_not_from_adding_to_it(url, engine):
    """A second decision waits for the first; an upload of that camera need not."""
    put_sightings(url)
    with engine.begin() as first, engine.connect() as second:
        decide_once(first, 60)
        with second.begin():
            second.execute(text("SET LOCAL lock_timeout = '2s'"))
            add = "INSERT INTO batches VALUES ('theirs', 'gate', 'closed', 1, now(), now())"
            second.execute(text(add))
        with second.begin():
            second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(OperationalError) as caught:
                batches.load_camera(second, "gate", reach=POLICY.reach)
    assert "holds a lock" in str(storage_fault(caught.value))

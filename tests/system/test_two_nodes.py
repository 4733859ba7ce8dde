"""Two nodes on PostgreSQL and Redis share the work; one is lost, and nothing else is."""

import json
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import product

import pytest

from benchmarks._crash_audit import audit, files_beneath
from benchmarks._crash_queues import open_queues
from benchmarks._daemon import PROGRAM, running
from benchmarks._instant_detector import DETECTIONS_EACH, instant_detector
from benchmarks._pictures import distinct_jpegs
from benchmarks._postgres_server import postgres_server
from hsid.store.database import open_read_only

SETTINGS = {
    "detector": "rtdetr",
    "settle_seconds": 0.2,
    "log_level": "INFO",
    "database_auto_migrate": True,
    # Here an hour passes in a second: no batch is to be closed as overtaken by later ones.
    "batch_late_seconds": 3600,
}
MOVED_WITHIN_S = {signal.SIGKILL: 5.0, signal.SIGTERM: 10.0, signal.SIGSTOP: 15.0}
"""The server drops a dead node's session at once, and one from which nothing comes after 10 s."""
ALL_DONE_WITHIN_S = 45.0
"""What it had leased is free after 20 s."""

CAMERAS = ("front", "yard", "street")
INCIDENTS, PICTURES_EACH = 10, 5
UPLOADS = len(CAMERAS) * INCIDENTS * PICTURES_EACH
"""On each camera some incidents, each a few pictures long, a minute apart."""


class House:
    """Two nodes' common ground: the folder, the servers, and what is to come of the uploads."""

    def __init__(self, base, database, queues, settings):
        self.base = base
        self.folder = base / "cameras"
        self._database = database
        self._queues = queues
        self._settings = SETTINGS | settings | {"foscam_base_path": str(self.folder)}
        self._pictures = list(distinct_jpegs(UPLOADS, width=320, height=240))
        start = datetime.now().astimezone() - timedelta(days=1)
        self.incidents = [
            [
                f"{camera}/{start + timedelta(minutes=minute, seconds=second):%Y%m%d-%H%M%S}.jpg"
                for second in range(PICTURES_EACH)
            ]
            for minute, camera in product(range(INCIDENTS), CAMERAS)
        ]
        for camera in CAMERAS:
            (self.folder / camera).mkdir(parents=True)

    def node(self, name, program=PROGRAM):
        return running(self.base / name, program, **self._settings)

    @contextmanager
    def being_fed(self, pause_s=0.003):
        """Feed all pictures while the block runs; the rest of them when it ends."""
        feeding = threading.Thread(target=self._feed, args=(pause_s,))
        feeding.start()
        try:
            yield
        finally:
            feeding.join()

    def _feed(self, pause_s):
        paths = [path for incident in self.incidents for path in incident]
        for path, picture in zip(paths, self._pictures, strict=True):
            (self.folder / path).write_bytes(picture)
            time.sleep(pause_s)

    def check_that_all_is_there_once(self):
        """Hold the folder against all that is stored: each incident is one batch and one event."""
        with (
            open_read_only(self._database.url("house")) as database,
            database.snapshot() as connection,
        ):
            queues = self._queues.stats(connection)
            files = files_beneath(self.folder)
            found = audit(connection, files, queues, each=DETECTIONS_EACH)
        assert sum(found.lost.values()) == sum(found.double.values()) == 0, found
        assert found.stages["dead letters"] == found.stages["left in queues"] == 0
        members = self._database.execute(
            "SELECT array_agg(DISTINCT path ORDER BY path) FROM detections"
            " JOIN uploads ON uploads.id = upload_id GROUP BY batch_id",
            database="house",
        )
        assert sorted(paths for (paths,) in members) == sorted(self.incidents)
        assert found.stages["events"] == len(self.incidents)

    def work_of(self, name):
        """Return what the node *name* has logged that it did, counted."""
        lines = (self.base / name / "data" / "logs" / "hsid.log").read_text().splitlines()
        return Counter(json.loads(line)["event"] for line in lines)


@pytest.fixture
def house(tmp_path):
    (tmp_path / "detector").mkdir()
    with (
        instant_detector(tmp_path / "detector") as (url, _),
        open_queues("redis", tmp_path) as queues,
        postgres_server(autovacuum="on") as database,
    ):
        database.create_database("house")
        services = {"rtdetr_url": url, "database_url": database.url("house")}
        yield House(tmp_path, database, queues, services | queues.settings)


def roles_of(status):
    return {each["role"]: each["state"] for each in status["roles"]}


def holds_all(status):
    return set(roles_of(status).values()) == {"held"}


def stands_by(status):
    return set(roles_of(status).values()) == {"standing_by"}


def is_done(status):
    uploads = status["uploads"]
    return uploads["arrived"] == UPLOADS and not uploads["pending"] and status["adds_up"]


@contextmanager
def two_nodes_at_work(house):
    """Run both, the first with all roles, and feed them; they are in mid-work when it begins."""
    with house.node("one") as one:
        one.wait_until(holds_all)
        with house.node("two") as two, house.being_fed():
            two.wait_until(stands_by)
            assert two.status()["health"]["state"] == "ok"
            two.wait_until(lambda status: status["uploads"]["analysed"] >= UPLOADS / 4)
            yield one, two


def lose(one, two, signum):
    """Send *signum* to *one*; see that *two* has the roles and does all the rest soon enough."""
    lost_at = time.monotonic()
    one.process.send_signal(signum)
    assert not is_done(two.status())
    moved_s = two.wait_until(holds_all) - lost_at
    done_s = two.wait_until(is_done) - lost_at
    print(f"{signum.name}: roles moved in {moved_s:.2f} s, all done in {done_s:.1f} s")  # noqa: T201 - the figures that the test is for
    assert moved_s < MOVED_WITHIN_S[signum]
    assert done_s < ALL_DONE_WITHIN_S


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_the_roles_of_a_node_that_ends_move_and_each_incident_is_one_event(house, signum):
    """In mid-work: what it had in hand is done by the other, and nothing of it twice."""
    with two_nodes_at_work(house) as (one, two):
        lose(one, two, signum)
    house.check_that_all_is_there_once()


def test_a_frozen_node_loses_its_roles_and_does_nothing_twice_when_it_goes_on(house):
    """Its machine answers for it, so the server alone can see that it does nothing any more."""
    with two_nodes_at_work(house) as (one, two):
        try:
            lose(one, two, signal.SIGSTOP)
        finally:
            one.process.send_signal(signal.SIGCONT)
        one.wait_until(stands_by)
        assert holds_all(two.status())
    house.check_that_all_is_there_once()


def test_two_nodes_share_detection_and_analysis_and_one_makes_the_batches(house):
    """Whoever has room takes the next; what one at a time does, the other leaves alone."""
    with (
        house.node("one") as one,
        house.node("two") as two,
        house.being_fed(pause_s=0.02),
    ):
        two.wait_until(is_done)
        roles = [roles_of(node.status())["batcher"] for node in (one, two)]
    works = [house.work_of(name) for name in ("one", "two")]

    house.check_that_all_is_there_once()
    assert sorted(roles) == ["held", "standing_by"]
    assert all(work["upload_looked_at"] and work["batch_judged"] for work in works)
    assert [work["batch_closed"] > 0 for work in works] == [role == "held" for role in roles]


def test_two_holders_at_once_change_nothing_in_effect(house):
    """Both make batches and fill the queues: still each incident is one event."""
    program = ("tests.system.two_holders",)
    with house.node("one", program) as one, house.node("two", program) as two:
        one.wait_until(holds_all)
        two.wait_until(holds_all)
        with house.being_fed():
            two.wait_until(is_done)
        assert holds_all(one.status())

    house.check_that_all_is_there_once()
    assert all(house.work_of(name)["batch_closed"] for name in ("one", "two"))

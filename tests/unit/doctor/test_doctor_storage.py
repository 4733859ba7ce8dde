"""Folder, disk and database of the daemon: what is well and what is not."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from hsid.doctor.access import Step
from hsid.doctor.findings import Verdict
from hsid.doctor.storage import (
    DatabaseFault,
    NoDatabase,
    Room,
    Schema,
    judge_config_file,
    judge_data_dir,
    judge_database,
    judge_room,
)
from tests.unit.doctor.bodies import DAEMON, UNIT, way

PASS, WARN, FAIL = Verdict
GIB = 1 << 30
OWN = {"uid": DAEMON.uid, "mode": 0o750}
STATE = Path("/var/lib/hsid")


def test_its_own_folder_is_well():
    """The unit's state folder, owned by the daemon's user."""
    assert judge_data_dir(STATE, way(STATE, **OWN), DAEMON, UNIT).verdict is PASS


def test_another_folder_needs_a_line_in_the_unit():
    """The hardening would keep the daemon from it, whoever owns it."""
    path = Path("/data/my house")
    finding = judge_data_dir(path, way(path, **OWN), DAEMON, UNIT)

    assert finding.verdict is FAIL
    assert '\nReadWritePaths="/data/my house"\n' in finding.fix


def test_a_folder_of_somebody_else_is_a_failure():
    """And the command that mends it names the user."""
    finding = judge_data_dir(STATE, way(STATE), DAEMON, None)

    assert (finding.verdict, "-o hsid" in finding.fix) == (FAIL, True)


def test_a_folder_that_can_be_made_is_well():
    """The first start makes it."""
    finding = judge_data_dir(STATE / "new", way(STATE, **OWN), DAEMON, None)

    assert (finding.verdict, "can make it" in finding.summary) == (PASS, True)


def test_a_configuration_that_the_daemon_cant_read_is_a_failure():
    """As root leaves it."""
    file = Step(Path("/etc/hsid/hsid.toml"), stat.S_IFREG | 0o600, 0, 0, "root")
    steps = (*way("/etc/hsid"), file)

    (finding,) = judge_config_file(steps, DAEMON)
    assert finding.fix == "chgrp hsid /etc/hsid/hsid.toml && chmod g+r /etc/hsid/hsid.toml"
    assert not list(judge_config_file((*way("/etc"), replace(file, mode=0o100644)), DAEMON))


@pytest.mark.parametrize(
    ("free", "files", "wanted", "verdict"),
    [
        (50 * GIB, 0.5, None, PASS),
        (50 * GIB, None, GIB, PASS),
        (50 * GIB, 0.001, None, WARN),
        (GIB // 2, 0.5, None, WARN),
        (2 * GIB, 0.5, 3 * GIB, WARN),
        (0, 0.5, None, FAIL),
    ],
)
def test_room_is_bytes_and_files(free, files, wanted, verdict):
    """And what retention is to keep free."""
    room = Room("data_dir", STATE, free, 100 * GIB, files)

    assert judge_room(room, wanted_bytes=wanted).verdict is verdict


@pytest.mark.parametrize(
    ("facts", "verdict", "word"),
    [
        (NoDatabase(), PASS, "first start"),
        (Schema("current", "0008"), PASS, "0008"),
        (Schema("current", "0008", is_looked_through=False), PASS, "hsid db verify"),
        (Schema("newer", "0099"), FAIL, "newer hsid"),
        (DatabaseFault("it is damaged", is_damaged=True), FAIL, "damaged"),
        (DatabaseFault("wrong password", is_refusal=True), FAIL, "wrong password"),
        (DatabaseFault("nobody is there"), FAIL, "nobody is there"),
    ],
)
def test_each_state_of_the_database_has_its_verdict(facts, verdict, word):
    """A failure comes with what to do."""
    finding = judge_database(facts, "the place", is_server=False, migrates_itself=True)

    assert (finding.verdict, word in finding.summary) == (verdict, True)
    assert (finding.fix is None) is (verdict is PASS)


@pytest.mark.parametrize("state", ["outdated", "empty"])
def test_an_old_schema_is_a_failure_only_where_a_person_has_to_migrate(state):
    """A SQLite file is migrated by the next start."""
    facts = Schema(state, None)
    itself = judge_database(facts, "p", is_server=False, migrates_itself=True)
    by_hand = judge_database(facts, "p", is_server=True, migrates_itself=False)

    assert (itself.verdict, by_hand.verdict) == (PASS, FAIL)
    assert "hsid db migrate" in by_hand.fix

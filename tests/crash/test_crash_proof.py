"""The short form of `python -m benchmarks.crash`: of the daemon as it is, and of a broken one."""

import random

import pytest

from benchmarks.crash import Course, prove, report


def run(tmp_path, *, uploads, kills, servers=("embedded", "sqlite"), fault=None, quiet_s=35.0):
    # pytest-randomly has seeded this: the seed of the test run brings the course back.
    seed = random.randrange(2**32)  # noqa: S311 - chooses moments, guards nothing
    course = Course(uploads, kills, *servers, fault, seed, quiet_s)
    proof = prove(course, tmp_path)
    print(report(course, proof))  # noqa: T201 - shown where the test fails
    return proof


@pytest.mark.parametrize("servers", [("embedded", "sqlite"), ("redis", "postgres")])
def test_a_daemon_killed_over_and_over_loses_nothing_and_does_nothing_twice(tmp_path, servers):
    """Whenever it was killed, each file has its row, its detections, its batch and its event."""
    proof = run(tmp_path, uploads=60, kills=5, servers=servers)

    assert proof.kills_with_work_in_flight >= 2
    assert proof.lost == 0
    assert proof.double == 0
    assert proof.audit.stages["left in queues"] == 0
    assert proof.audit.stages["dead letters"] == 0


def test_a_daemon_that_says_done_before_it_has_stored_is_found_out(tmp_path):
    """With states committed before their detections, the same course reports losses."""
    proof = run(tmp_path, uploads=40, kills=6, fault="states-first", quiet_s=1.5)

    assert proof.audit.lost.get("upload without all of its detections")

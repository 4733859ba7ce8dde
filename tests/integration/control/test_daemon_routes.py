"""The daemon as a whole, turned over the socket, and what it logs."""

import logging
from datetime import UTC, datetime
from functools import partial

import pytest

from hsid.observe.logging_database import LogLine
from hsid.store.logs import record


async def test_a_reload_says_what_was_taken_up_and_what_needs_a_restart(house):
    """And is recorded with both."""
    async with house.served() as client:
        answer = (await client.post("/v1/daemon/reload")).json()

    (record,) = await house.changes()
    assert answer == {"applied": ["settle_seconds"], "needs_restart": ["api_port"]}
    assert (record.action, record.details["applied"]) == ("daemon.reload", "settle_seconds")


async def test_a_refused_reload_says_why(house):
    """The lines of the problem are the answer, and the record has them."""
    house.daemon.fault = "hsid.toml:2: setle_seconds is no setting"
    async with house.served() as client:
        answer = await client.post("/v1/daemon/reload")

    (record,) = await house.changes()
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:hsid:problem:invalid-configuration"
    assert answer.json()["detail"] == record.error == house.daemon.fault


async def test_a_drain_and_a_stop_reach_the_daemon(house):
    """With what was asked of them; each is recorded."""
    async with house.served() as client:
        whole = (await client.post("/v1/daemon/drain", json={})).json()
        part = (await client.post("/v1/daemon/drain", json={"within_seconds": 5})).json()
        await client.post("/v1/daemon/resume")
        await client.post("/v1/daemon/stop", json={"urgent": True})

    assert (whole, part) == ({"finished": True, "left": 0}, {"finished": False, "left": 2})
    assert house.daemon.done == [("drain", None), ("drain", 5.0), "resume", ("stop", True)]
    assert [each.action for each in await house.changes()] == [
        "daemon.drain",
        "daemon.drain",
        "daemon.resume",
        "daemon.stop",
    ]


@pytest.fixture
def logger():
    """Give a logger of nobody else."""
    logger = logging.getLogger("hsid.tests.levels")
    yield logger
    logger.setLevel(logging.NOTSET)


async def test_a_level_is_changed_while_the_daemon_runs(house, logger):
    """For all below it, and shown with the time for which it holds."""
    asked = {"logger": logger.name, "level": "DEBUG", "for_seconds": 600}
    async with house.served() as client:
        answer = (await client.put("/v1/log-levels", json=asked)).json()
        listed = (await client.get("/v1/log-levels")).json()["levels"]

    (shown,) = [each for each in listed if each["logger"] == logger.name]
    (record,) = await house.changes()
    assert logger.level == logging.DEBUG
    assert (answer["level"], shown["level"]) == ("DEBUG", "DEBUG")
    assert 590 < shown["seconds_left"] <= 600
    assert (record.action, record.target, record.details["for_seconds"]) == (
        "log.level",
        logger.name,
        600,
    )


@pytest.mark.parametrize("body", [{}, {"level": "LOUD"}, {"level": "DEBUG", "for_seconds": 0}])
async def test_a_level_there_is_not_is_refused(house, body):
    """Nothing changes, and nothing is recorded."""
    async with house.served() as client:
        assert (await client.put("/v1/log-levels", json=body)).status_code == 422

    assert await house.changes() == []


async def test_cameras_cards_and_latency_can_be_asked_for(house):
    """Each has its document, an empty one where there is nothing."""
    async with house.served() as client:
        cameras = (await client.get("/v1/cameras")).json()
        gpus = (await client.get("/v1/gpus")).json()
        latency = (await client.get("/v1/latency?window_minutes=5")).json()

    assert (cameras, gpus, latency["window_minutes"]) == ({"cameras": []}, {"gpus": []}, 5)
    assert "total_pipeline" in {each["stage"] for each in latency["stages"]}


async def test_lines_of_the_log_are_found_in_the_database(house):
    """At least of a level, of a logger and those below it, the latest first."""
    now = datetime.now(UTC)
    lines = [
        LogLine(now, logging.INFO, "actors.detector", "looked", {}),
        LogLine(now, logging.ERROR, "actors.detector", "failed", {"camera_id": "gate"}),
        LogLine(now, logging.ERROR, "hsid.store", "away", {}),
    ]
    await house.store.write(partial(record, lines=lines))
    async with house.served() as client:
        listed = (await client.get("/v1/logs?level=WARNING&logger=actors")).json()["lines"]

    (line,) = listed
    assert (line["event"], line["level"]) == ("failed", "ERROR")
    assert line["fields"] == {"camera_id": "gate"}

"""The log as the seeds describe it: its functions, its places, its fields, its request ids."""

import json
import logging
from pathlib import Path

import pytest
import trio
import trio.lowlevel

from hsid.observe.logging import (
    get_logger,
    get_request_id,
    sanitize_error,
    set_request_id,
    setup_logging,
)
from hsid.observe.logging_database import WAITING_LINES
from tests.unit.observe.log_rig import drop_handlers_of_pytest, kept_log, settings


@pytest.fixture(autouse=True)
def quiet_root():
    """Each test has the log to itself."""
    with kept_log() as root:
        WAITING_LINES.take(1_000_000)
        yield root
        WAITING_LINES.take(1_000_000)


def set_up(**changes):
    setup_logging(settings(**changes))
    drop_handlers_of_pytest()
    return [handler.name for handler in logging.getLogger().handlers]


def test_a_logger_is_the_standard_librarys_by_its_name():
    """Whoever sets the level of one sets it for both."""
    logging.getLogger("hsid.test").setLevel("ERROR")
    assert not get_logger("hsid.test").isEnabledFor(logging.WARNING)


def test_the_log_has_three_places(tmp_path):
    """Console, database and a rotating file."""
    names = set_up(log_file_path=tmp_path / "a.log", log_db_enabled=True)
    assert names == ["stderr", "database", "file"]


def test_the_database_is_left_out_where_it_is_not_wanted():
    """Then nothing waits for it either."""
    assert set_up(log_db_enabled=False) == ["stderr"]
    get_logger("hsid.test").info("happened")
    assert len(WAITING_LINES) == 0


def test_a_file_that_can_not_be_written_leaves_the_other_places(capsys):
    """The daemon starts, and says what is wrong."""
    names = set_up(log_file_path=Path("/proc/nowhere/security.log"), log_db_enabled=True)
    assert names == ["stderr", "database"]
    assert "log_file_unusable" in capsys.readouterr().err


def test_set_up_again_the_handlers_are_replaced(tmp_path):
    """And what waits for the database goes on waiting."""
    set_up(log_db_enabled=True)
    get_logger("hsid.test").info("happened")
    assert set_up(log_db_enabled=True) == ["stderr", "database"]
    assert [line.event for line in WAITING_LINES.take(10)] == ["happened"]


def test_the_level_of_the_settings_counts_for_all(capsys):
    """Below it nothing is written, whoever logs."""
    set_up(log_level="ERROR")
    get_logger("hsid.test").warning("quiet")
    logging.getLogger("library").warning("quiet")
    assert capsys.readouterr().err == ""


def test_the_database_has_a_level_of_its_own():
    """It may be told less than the console."""
    set_up(log_level="DEBUG", log_db_enabled=True, log_db_min_level="ERROR")
    get_logger("hsid.test").warning("little")
    get_logger("hsid.test").error("much")
    assert [line.event for line in WAITING_LINES.take(10)] == ["much"]


def test_the_fields_of_a_detection_are_stored_by_name():
    """As they are given with `extra`, and the id of the request with them."""
    set_up(log_db_enabled=True)
    set_request_id("r1")
    extra = {"camera_id": "front_door", "event_id": 1, "detection_id": 123, "duration_ms": 45}
    get_logger("hsid.test").info("Detection processed", extra=extra)
    (line,) = WAITING_LINES.take(10)
    assert (line.event, line.fields) == ("Detection processed", {"request_id": "r1", **extra})


def test_a_json_line_has_time_level_logger_and_fields(capsys):
    """The time in ISO 8601, and nothing in it that a strict reader would not take."""
    set_up(log_format="json")
    get_logger("hsid.test").warning("seen", camera_id="yard")
    record = json.loads(capsys.readouterr().err, parse_constant=pytest.fail)
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "level": "warning",
        "logger": "hsid.test",
        "event": "seen",
        "camera_id": "yard",
    }


async def test_requests_side_by_side_keep_their_ids_apart(capsys):
    """Each line has the id of the request that its task works for, in threads as well."""
    set_up(log_format="json")

    async def work(request_id):
        set_request_id(request_id)
        await trio.lowlevel.checkpoint()
        await trio.to_thread.run_sync(get_logger("hsid.test").info, request_id)
        assert get_request_id() == request_id

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(work, f"r{number}")
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(records) == 5
    assert all(record["request_id"] == record["event"] for record in records)
    assert get_request_id() is None


@pytest.mark.parametrize("name", ["sqlalchemy.engine", "hypercorn.access", "watchfiles.main"])
def test_everyday_lines_of_libraries_are_left_out(name, capsys):
    """Their warnings are not."""
    set_up(log_level="DEBUG")
    logging.getLogger(name).info("chat")
    logging.getLogger(name).warning("trouble")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == [
        "trouble"
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("password=hunter2 is wrong", "password=*** is wrong"),
        ("secret: hunter2", "secret: ***"),
        ("token='hunter2'", "token=***"),
        ("api_key=hunter2", "api_key=***"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        (OSError(2, "No such file", "/srv/cameras/yard/a.jpg"), "[Errno 2] No such file: 'a.jpg'"),
        ("x" * 600, "x" * 497 + "..."),
    ],
)
def test_an_error_is_told_without_credentials_and_folders_and_not_at_length(error, told):
    """Up to 500 characters, unless another length is asked for."""
    assert sanitize_error(error) == told
    assert len(sanitize_error(error, max_length=10)) <= 10

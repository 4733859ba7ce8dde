"""What a line of the log looks like, and that nothing logged can break one."""

import json
import logging

import pytest
import trio
from pydantic import SecretStr

from hsid.observe.logging import bind_ids, get_request_id, set_request_id


class Unprintable:
    """Can't be turned into text."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def fail(error):
    """Raise *error*."""
    raise error


def circle():
    """Return a list that holds itself."""
    loop = []
    loop.append(loop)
    return loop


def test_a_line_begins_with_when_how_bad_who_and_what(json_log):
    """Time in UTC, level, logger and event come first, then what belongs to it."""
    json_log.info("upload_settled", camera_id="front_door", size=3)
    record = json.loads(json_log.text)
    assert list(record) == ["timestamp", "level", "logger", "event", "camera_id", "size"]
    assert record["timestamp"].endswith("Z")
    assert [record["level"], record["logger"], record["size"]] == ["info", "hsid.test", 3]


def test_lines_of_libraries_look_the_same(json_log):
    """The standard library's loggers go through the same chain, ids and redaction included."""
    with bind_ids(batch_id="b1"):
        logging.getLogger("lib").warning("token=%s for %s", "abcdef", "me", extra={"n": 1})
    record = json.loads(json_log.text)
    assert record["event"] == "token=*** for me"
    assert (record["level"], record["logger"]) == ("warning", "lib")
    assert (record["batch_id"], record["n"]) == ("b1", 1)


def test_extra_means_the_same_as_keywords(json_log):
    """Calls written for the standard library's loggers keep their fields."""
    json_log.info("Detection processed", extra={"camera_id": "front_door", "duration_ms": 45})
    record = json.loads(json_log.text)
    assert (record["camera_id"], record["duration_ms"]) == ("front_door", 45)


def test_the_ids_of_a_block_are_on_its_lines(json_log):
    """They nest, and end with the block."""
    with bind_ids(upload_id=1), bind_ids(camera_id="yard"):
        json_log.info("inside")
    json_log.info("outside")
    inside, outside = map(json.loads, json_log.lines)
    assert (inside["upload_id"], inside["camera_id"]) == (1, "yard")
    assert "upload_id" not in outside


async def test_ids_reach_child_tasks_and_threads_but_no_siblings(json_log):
    """A task inherits what was bound when it was started; what it binds is its own."""

    async def child():
        set_request_id("r1")
        await trio.to_thread.run_sync(json_log.info, "thread")

    with bind_ids(upload_id=1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
    record = json.loads(json_log.text)
    assert (record["upload_id"], record["request_id"]) == (1, "r1")
    assert get_request_id() is None


def test_the_request_id_is_on_every_line_until_taken_off(json_log):
    """It is set once a request and read by whoever answers."""
    set_request_id("r1")
    json_log.info("one")
    assert (get_request_id(), json.loads(json_log.text)["request_id"]) == ("r1", "r1")
    set_request_id(None)
    assert get_request_id() is None


def test_numbers_that_json_lacks_are_written_as_text(json_log):
    """A strict reader of the log stumbles over no NaN."""
    json_log.info("e", latency=float("nan"), limit=float("inf"))
    assert json.loads(json_log.text, parse_constant=pytest.fail)["latency"] == "nan"


@pytest.mark.parametrize(
    ("event", "arguments", "fields"),
    [
        ("e", (), {"value": Unprintable()}),
        ("e", (), {"value": [1, {"deep": Unprintable()}]}),
        ("e", (), {"value": circle()}),
        ("e", (), {"value": 10**5000}),
        ("e", (), {"value": b"\xff", "other": {1, 2}, "nan": float("nan")}),
        ("e", (), {"value": "\ud800"}),
        ("%d pictures", ("many",), {}),
        ("%s", (Unprintable(),), {}),
        ("100%", ("x",), {}),
        (Unprintable(), (), {}),
        (None, (), {}),
        ("e", (), {"level": "forged", "timestamp": "forged", "logger": "forged"}),
        ("e", (), {"exc_info": True}),
        ("e", (), {"exc_info": ValueError("x")}),
    ],
)
def test_a_log_call_never_raises_and_writes_one_line(event, arguments, fields, log):
    """Whatever is logged, one line comes of it, with the true level and logger."""
    log.warning(event, *arguments, **fields)
    first, *rest = log.lines
    assert "warning" in first
    assert "hsid.test" in first
    assert "forged" not in first
    assert all(line.startswith("    ") for line in rest)


def test_a_line_that_can_not_be_rendered_says_where_it_was_logged(json_log):
    """It is lost, but not silently."""
    json_log.info("e", value=10**5000)
    record = json.loads(json_log.text)
    assert (record["event"], record["error"]) == ("log_line_lost", "ValueError")
    assert "test_logging_lines.py" in record["place"]


FORGED = "a.jpg\n2025-01-01T00:00:00Z [info] all is well\r\x1b[2J\u2028\u202e"


def test_user_data_can_not_forge_a_line(log):
    """A file name with line ends and escape sequences stays on its line and harmless."""
    log.info("upload_refused", path=FORGED, parts=[FORGED], extra={"more": FORGED})
    (line,) = log.lines
    assert line.isprintable()


def test_an_exception_can_not_forge_a_line(log):
    """Lines of a message inside a traceback are indented like the traceback."""
    try:
        fail(ValueError(FORGED))
    except ValueError:
        log.exception("failed")
    lines = log.text.rstrip("\n").split("\n")
    assert sum(not line.startswith("    ") for line in lines) == 1
    assert "\x1b" not in log.text
    assert "ValueError" in log.text


def test_an_exception_group_is_written_with_its_members(log):
    """Nurseries raise groups; the cause is inside."""
    try:
        fail(ExceptionGroup("several", [KeyError("one"), OSError("two")]))
    except ExceptionGroup:
        log.exception("failed")
    assert "KeyError" in log.text
    assert "OSError" in log.text


SECRET = "hunter2hunter2"  # noqa: S105  the bait


@pytest.mark.parametrize(
    "fields",
    [
        {"password": SECRET},
        {"settings": {"smtp_password": SECRET}},
        {"key": SecretStr(SECRET)},
        {"url": f"postgresql://u:{SECRET}@h/d"},
        {"headers": [f"Authorization: Bearer {SECRET}"]},
        {"error": ValueError(f"password={SECRET}")},
        {"exc_info": ValueError(f"password={SECRET}")},
        {"extra": {"api_key": SECRET}},
        {f"password={SECRET}": 1},
    ],
)
def test_no_secret_is_written(fields, log):
    """Wherever in a call it stands."""
    log.error("failed", **fields)
    log.error("failed with %s", f"token={SECRET}")
    assert SECRET not in log.text
    assert len(log.lines) >= 2

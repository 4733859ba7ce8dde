"""The log in systemd's journal: its fields, its sizes, and a journal that does not listen."""

import json
import logging
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.logging import get_logger, setup_logging
from hsid.observe.logging_catalog import MESSAGE_IDS
from hsid.observe.logging_journal import (
    JournalHandler,
    encode,
    is_stderr_the_journal,
    name_of,
    priority_of,
)
from tests.unit.observe.conftest import Log
from tests.unit.observe.log_rig import drop_handlers_of_pytest, parse, settings


@pytest.fixture
def log(journal, quiet_root):
    """A logger that writes to the journal."""
    quiet_root.addHandler(JournalHandler(journal.path))
    quiet_root.setLevel(logging.DEBUG)
    return Log(get_logger("hsid.test"))


def test_every_field_can_be_asked_for(log, journal):
    """By the names that are documented; what is no text is JSON."""
    log.warning("seen", camera_id="front_door", batch_id="b1", parts=[1, "a"], risk_score=70)
    entry = journal.read()
    assert entry["PRIORITY"] == "4"
    assert entry["SYSLOG_IDENTIFIER"] == "hsid"
    assert (entry["HSID_EVENT_NAME"], entry["HSID_LOGGER"]) == ("seen", "hsid.test")
    assert (entry["HSID_CAMERA"], entry["HSID_BATCH"]) == ("front_door", "b1")
    assert (entry["HSID_PARTS"], entry["HSID_RISK"]) == ('[1, "a"]', "70")


def test_the_message_is_for_people(log, journal):
    """Without a time, a level or a colour: the journal shows those itself."""
    log.info("seen", camera_id="front_door", size=3)
    assert journal.read()["MESSAGE"] == "seen camera_id=front_door size=3"


def test_the_place_in_the_code_is_that_of_the_call(log, journal):
    """Not that of a library in between."""
    log.info("seen")
    entry = journal.read()
    assert entry["CODE_FILE"] == __file__
    assert entry["CODE_FUNC"] == "test_the_place_in_the_code_is_that_of_the_call"


def test_a_traceback_stands_below_the_message(log, journal):
    """And an error of the system has its number."""
    try:
        os.stat("/nowhere/at/all")  # noqa: PTH116 - for its error
    except OSError:
        log.exception("failed")
    entry = journal.read()
    first, second, *_ = entry["MESSAGE"].split("\n")
    assert (first, second.strip()) == ("failed", "Traceback (most recent call last):")
    assert entry["ERRNO"] == "2"


def test_an_event_of_the_catalog_has_its_message_id(log, journal):
    """So journalctl -x explains it; others have none."""
    log.error("child_parked", child="detector-1")
    log.error("something_else")
    assert journal.read()["MESSAGE_ID"] == MESSAGE_IDS["child_parked"]
    assert "MESSAGE_ID" not in journal.read()


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_a_line_of_any_size_arrives(log, journal, size):
    """One that is too large for a datagram comes in a file that nobody can change any more."""
    log.info("large", parts=["x" * 10_000] * (size // 10_000))
    entry = journal.read()
    assert len(json.loads(entry["HSID_PARTS"])) == size // 10_000
    assert journal.came_in_file is (size > 100)


def test_a_number_too_long_to_be_written_costs_its_line_only(log, journal):
    """The line says so."""
    log.info("odd", value=10**5000)
    assert journal.read()["HSID_EVENT_NAME"] == "log_line_lost"


def test_a_journal_that_does_not_take_lines_holds_nobody_up(log, journal):
    """What it misses is counted, and told once it listens again."""
    journal.ignore()
    for _ in range(5):
        log.info("lost")
    journal.catch_up()
    log.info("heard")
    entries = [journal.read() for _ in range(2)]
    assert [each["HSID_EVENT_NAME"] for each in entries] == ["heard", "log_handler_works_again"]
    assert entries[1]["HSID_LOST"] == "6"  # with the line that told of the first


def test_a_journal_that_is_gone_stops_nobody(log, journal, tmp_path):
    """The other places of the log tell of it."""
    (tmp_path / "journal").unlink()
    logging.getLogger().addHandler(logging.FileHandler(tmp_path / "a.log"))
    log.info("one")
    log.info("two")
    assert (tmp_path / "a.log").read_text().count("log_handler_failing") == 1


@given(st.lists(st.tuples(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), st.text())))
def test_what_is_encoded_is_read_back(entry):
    """Whatever a value holds: line ends, equal signs, other scripts."""
    clean = [(name, value.encode(errors="replace").decode()) for name, value in entry]
    assert list(parse(encode(entry))) == clean


@given(st.text(min_size=1))
def test_a_field_has_a_name_that_the_journal_takes(key):
    """Capitals, digits and underscores, up to 64 of them, no underscore in front."""
    name = name_of(key)
    assert name.startswith("HSID_")
    assert len(name) <= 64
    assert all(char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_" for char in name)


@given(st.integers(0, 60))
def test_the_worse_a_line_the_lower_its_priority(level):
    """As syslog has it, and a level in between counts as the one below."""
    assert priority_of(level) >= priority_of(level + 1)
    assert priority_of(level) in (2, 3, 4, 6, 7)


def test_the_journal_is_known_by_the_stream_and_not_by_the_variable(tmp_path, monkeypatch):
    """The variable is inherited by whoever redirects stderr elsewhere."""
    with (tmp_path / "stderr").open("w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        stat = os.fstat(stderr.fileno())
        assert is_stderr_the_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"})
        assert not is_stderr_the_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino + 1}"})
        assert not is_stderr_the_journal({})
    assert not is_stderr_the_journal({"JOURNAL_STREAM": "1:2"})


@pytest.mark.parametrize(
    ("log_format", "kind"), [("auto", "journal"), ("json", "stderr"), ("console", "stderr")]
)
def test_the_journal_is_chosen_where_stderr_ends_in_it(tmp_path, monkeypatch, log_format, kind):
    """Unless a format was asked for: that is for what is written to stderr."""
    with (tmp_path / "stderr").open("w") as stderr:
        stat = os.fstat(stderr.fileno())
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        setup_logging(settings(log_format=log_format))
        drop_handlers_of_pytest()
        assert [each.name for each in logging.getLogger().handlers] == [kind]

"""Where the log goes, and what happens when that place is no good."""

import json
import logging
import subprocess
import sys

import pytest

from hsid.observe.logging import get_logger, setup_logging
from hsid.observe.logging_handlers import LogFileHandler, validate_log_file_path
from hsid.observe.logging_setup import NOISY_LOGGERS
from tests.unit.observe.log_rig import settings


def test_the_log_goes_to_stderr_as_json_where_no_terminal_is(capsys):
    """Stdout belongs to the output of commands."""
    setup_logging(settings())
    get_logger("hsid.test").info("hello")
    out, err = capsys.readouterr()
    assert (out, json.loads(err)["event"]) == ("", "hello")


def test_the_log_of_a_terminal_is_for_people(capsys, monkeypatch):
    """It has colours, unless the person asked for none."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    for _ in range(2):
        setup_logging(settings())
        get_logger("hsid.test").info("hello")
        monkeypatch.setenv("NO_COLOR", "1")
    colored, plain = capsys.readouterr().err.splitlines()
    assert "\x1b[" in colored
    assert "\x1b[" not in plain
    assert "hello" in plain


@pytest.mark.parametrize(("log_format", "is_json"), [("console", False), ("json", True)])
def test_a_format_asked_for_is_used_everywhere(log_format, is_json, capsys, tmp_path):
    """On stderr and in the file alike."""
    setup_logging(settings(log_format=log_format, log_file_path=tmp_path / "a.log"))
    get_logger("hsid.test").info("hello")
    for text in (capsys.readouterr().err, (tmp_path / "a.log").read_text()):
        assert text.startswith("{") is is_json


def test_lines_below_the_level_are_not_written(capsys):
    """Neither from hsid nor from libraries."""
    setup_logging(settings(log_level="WARNING"))
    for logger in (get_logger("hsid.test"), logging.getLogger("lib")):
        logger.info("quiet")
        logger.warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == [
        "loud"
    ] * 2


@pytest.mark.parametrize("name", NOISY_LOGGERS)
def test_chatty_libraries_are_heard_only_when_they_warn(name, capsys):
    """Even at DEBUG, which is asked for to see hsid at work."""
    setup_logging(settings(log_level="DEBUG"))
    logging.getLogger(name).info("chat")
    logging.getLogger(f"{name}.part").warning("trouble")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "trouble"


def test_setting_up_again_replaces_what_was(capsys):
    """A reload doubles no line."""
    setup_logging(settings())
    setup_logging(settings())
    get_logger("hsid.test").info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_file_is_made_with_its_folder_and_rotated(tmp_path, capsys):
    """Old files are kept as many as asked for; none grows beyond its size."""
    path = tmp_path / "logs" / "security.log"
    setup_logging(settings(log_file_path=path))
    for number in range(2000):
        get_logger("hsid.test").info("line", number=number, padding="x" * 100)
    sizes = [file.stat().st_size for file in path.parent.iterdir()]
    assert len(sizes) == 3
    assert max(sizes) <= 65_536
    assert json.loads(path.read_text().splitlines()[-1])["number"] == 1999
    capsys.readouterr()


def test_the_file_is_not_for_everybody(tmp_path, capsys):
    """It tells who was at home; those put aside do as well."""
    path = tmp_path / "logs" / "hsid.log"
    setup_logging(settings(log_file_path=path))
    for _ in range(40):
        get_logger("hsid.test").info("x" * 4_000)
    files = list(path.parent.iterdir())
    assert len(files) > 1
    assert {file.stat().st_mode & 0o777 for file in files} == {0o640}


def test_a_file_that_can_not_be_made_is_a_warning(tmp_path, capsys):
    """The daemon runs without it, and says so."""
    (tmp_path / "logs").write_text("a file, no folder")
    setup_logging(settings(log_file_path=tmp_path / "logs" / "security.log"))
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert (record["level"], record["event"]) == ("warning", "log_file_unusable")
    assert len(logging.getLogger().handlers) == 1


def test_a_usable_path_has_no_problem(tmp_path):
    """The folder is made on the way."""
    assert validate_log_file_path(tmp_path / "a" / "b" / "c.log") is None
    assert validate_log_file_path(tmp_path) == "Is a directory"


class FullDisk:
    """A file on a disk that is full while *is_full* says so."""

    is_full = True

    def write(self, _text):
        if self.is_full:
            raise OSError(28, "No space left on device")

    def seek(self, *_):
        return 0

    def tell(self):
        return 0

    def flush(self):
        """Do nothing."""

    def close(self):
        """Do nothing."""


def test_a_file_that_fails_later_is_told_once_each_time(tmp_path, json_log):
    """A full disk floods nothing and stops nothing; full again is told again."""
    handler = LogFileHandler(tmp_path / "a.log", 65_536, 1)
    handler.stream.close()
    handler.stream = disk = FullDisk()
    logging.getLogger().addHandler(handler)
    for is_full in (True, True, False, True):
        disk.is_full = is_full
        json_log.info("line")
    events = [json.loads(line)["event"] for line in json_log.lines]
    assert events.count("line") == 4
    assert events.count("log_handler_failing") == 2
    assert "No space left" in json_log.text


def test_a_stderr_that_is_gone_stops_nobody(tmp_path, monkeypatch):
    """Whoever closed it, the call returns, and the file tells of it."""
    with (tmp_path / "stderr").open("w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        setup_logging(settings(log_file_path=tmp_path / "a.log"))
    for _ in range(2):
        get_logger("hsid.test").info("line")
    records = [json.loads(line) for line in (tmp_path / "a.log").read_text().splitlines()]
    assert sorted(record["event"] for record in records) == ["line", "line", "log_handler_failing"]


def test_importing_the_log_imports_neither_structlog_nor_the_settings():
    """A command or worker process that logs nothing pays nothing."""
    heavy = {"structlog", "pydantic", "trio"}
    code = f"import sys, hsid.observe.logging; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

"""What is logged can be changed while the daemon runs."""

import logging

import pytest

from hsid.observe.logging import get_logger, levels, set_level, setup_logging
from hsid.observe.logging_setup import NOISY_LOGGERS
from tests.unit.observe.log_rig import settings


def test_a_logger_gets_a_level_of_its_own_and_gives_it_back(json_log):
    """The others go on as before, and a logger in use need not be made anew."""
    set_level("WARNING")
    json_log.info("unheard")
    set_level("DEBUG", "hsid.test")
    json_log.debug("heard")
    get_logger("hsid.other").info("unheard")
    set_level("NOTSET", "hsid.test")
    json_log.info("unheard")
    assert len(json_log.lines) == 1


def test_levels_name_whoever_has_one():
    """The one above all others comes first."""
    set_level("ERROR")
    set_level("DEBUG", "hsid.test")
    known = levels()
    assert next(iter(known.items())) == ("root", "ERROR")
    assert known["hsid.test"] == "DEBUG"


@pytest.mark.parametrize("name", NOISY_LOGGERS)
def test_chatty_libraries_stay_below_the_level_of_all(name):
    """Whoever wants errors only gets no warnings of theirs; DEBUG makes them no louder."""
    setup_logging(settings(log_level="INFO"))
    set_level("ERROR")
    assert logging.getLogger(name).level == logging.ERROR
    set_level("DEBUG")
    assert logging.getLogger(name).level == logging.WARNING


def test_a_library_that_was_asked_to_speak_goes_on():
    """Also when the level of all is changed, and when the settings are read anew."""
    setup_logging(settings())
    set_level("DEBUG", "httpx")
    set_level("ERROR")
    setup_logging(settings(log_level="WARNING"))
    assert logging.getLogger("httpx").level == logging.DEBUG


def test_an_unknown_level_changes_nothing():
    """And is told to who asked."""
    set_level("INFO", "hsid.test")
    with pytest.raises(ValueError, match="LOUD"):
        set_level("LOUD", "hsid.test")
    assert levels()["hsid.test"] == "INFO"


@pytest.mark.parametrize(("debug", "level"), [(True, logging.INFO), (False, logging.WARNING)])
def test_the_sql_is_logged_for_who_asks_for_the_inside(debug, level):
    """That is what the setting debug says."""
    setup_logging(settings(debug=debug))
    assert logging.getLogger("sqlalchemy.engine").getEffectiveLevel() == level

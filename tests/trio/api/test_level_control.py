"""Levels that are lent for a while, by virtual time."""

import logging

import pytest
import trio

from hsid.api.levels import LevelControl
from hsid.api.log_models import LevelAsked

NAME = "hsid.tests.lent"


@pytest.fixture
def logger():
    logger = logging.getLogger(NAME)
    yield logger
    logger.setLevel(logging.NOTSET)


@pytest.fixture
async def control(nursery):
    control = LevelControl()
    nursery.start_soon(control.run)
    return control


async def test_a_lent_level_goes_back_to_what_it_was(autojump_clock, control, logger):
    """After its time, and not before."""
    logger.setLevel("ERROR")
    control.set(LevelAsked(level="DEBUG", logger=NAME, for_seconds=600))
    await trio.sleep(599)
    assert logger.level == logging.DEBUG

    await trio.sleep(2)
    assert logger.level == logging.ERROR


async def test_a_logger_without_a_level_has_none_again(autojump_clock, control, logger):
    """It logs as the one above it."""
    control.set(LevelAsked(level="DEBUG", logger=NAME, for_seconds=5))
    await trio.sleep(6)

    assert logger.level == logging.NOTSET
    assert NAME not in {each.logger for each in control.list_all().levels}


async def test_a_level_set_again_keeps_to_the_last_word(autojump_clock, control, logger):
    """Lent twice it goes back to the first; set for good it stays."""
    logger.setLevel("ERROR")
    for seconds in (5, 50):
        control.set(LevelAsked(level="DEBUG", logger=NAME, for_seconds=seconds))
    await trio.sleep(20)
    assert logger.level == logging.DEBUG
    control.set(LevelAsked(level="INFO", logger=NAME))
    await trio.sleep(100)

    assert logger.level == logging.INFO


async def test_a_level_that_somebody_else_has_changed_is_left_alone(
    autojump_clock, control, logger
):
    """A reload may have set another meanwhile."""
    control.set(LevelAsked(level="DEBUG", logger=NAME, for_seconds=5))
    logger.setLevel("CRITICAL")
    await trio.sleep(6)

    assert logger.level == logging.CRITICAL


async def test_a_level_that_a_reload_has_changed_is_not_said_to_go_back(control, logger):
    """No time is shown for what will not happen."""
    control.set(LevelAsked(logger=logger.name, level="DEBUG", for_seconds=600))
    logger.setLevel(logging.ERROR)

    (shown,) = [each for each in control.list_all().levels if each.logger == logger.name]

    assert (shown.level, shown.seconds_left) == ("ERROR", None)

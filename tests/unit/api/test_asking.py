"""Parameters of a question about events."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from hsid.api.asking import EventFilter

# What is held by a codec search is let go of at the very end, after the datetime module has gone.
# Freed memory is overwritten at once, so that reading it is not by chance harmless.
KEEPS_A_FILTER = """
import codecs
from hsid.api.asking import EventFilter
asked = EventFilter.model_validate({"since": "2025-03-04T02:13:00+05:45"})
codecs.register(lambda name, kept=asked.query: None)
"""


@pytest.mark.parametrize("written", ["2025-03-04T02:13:00+05:45", "2025-03-03T20:28:00Z"])
def test_a_time_is_in_utc_whatever_its_zone_was(written):
    """Python's own UTC, as it is everywhere in hsid."""
    asked = EventFilter.model_validate({"since": written})
    assert asked.since == datetime(2025, 3, 3, 20, 28, tzinfo=UTC)
    assert asked.since.tzinfo is UTC


def test_a_time_that_was_asked_for_outlives_the_interpreter_unharmed():
    """Pydantic's own zones take the process down when they are let go of that late."""
    environment = os.environ | {"PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": "165"}
    ended = subprocess.run([sys.executable, "-c", KEEPS_A_FILTER], env=environment, check=False)
    assert ended.returncode == 0


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00+05:45", "9999-12-31T23:59:59-05:00"])
def test_a_time_beyond_the_calendar_is_refused(written):
    """It would be none in UTC, and is a fault of the question."""
    with pytest.raises(ValidationError, match="outside the years"):
        EventFilter.model_validate({"until": written})

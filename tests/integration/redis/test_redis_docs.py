"""The table of conditions in docs/queues.md is that of the code."""

import re
from pathlib import Path

from hsid.queues.redis import errors
from hsid.queues.redis.errors import RedisError, RedisRefusedError, RedisUnavailableError

DOCS = Path(__file__).parents[3] / "docs" / "queues.md"


def test_the_table_of_conditions_has_every_error_with_its_kind_and_words():
    """What an operator reads in the log is what he finds in the docs."""
    rows = re.findall(r"^\| `(Redis\w+)` \| (\w+) \| (.*?) \|", DOCS.read_text(), re.MULTILINE)

    assert sorted(rows) == sorted(
        (error.__name__, kind, error.what)
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, RedisError)
        for base, kind in ((RedisUnavailableError, "waits"), (RedisRefusedError, "stops"))
        if issubclass(error, base) and error is not base
    )

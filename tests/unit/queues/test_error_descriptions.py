"""What of an error goes into the queue and the ledger."""

import pytest

from hsid.queues.handling import describe


class MuteError(Exception):
    """Can't be turned into text."""

    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("spam"), "ValueError: spam"),
        (
            ValueError("http://u:hunter2@gpu/detect: slow"),
            "ValueError: http://u:***@gpu/detect: slow",
        ),
        (ValueError("two\nlines"), r"ValueError: two\nlines"),
        (
            OSError(2, "No such file", "/a/b/c.jpg"),
            "FileNotFoundError: [Errno 2] No such file: 'c.jpg'",
        ),
        (MuteError(), "MuteError (its text can't be made: RuntimeError)"),
    ],
)
def test_an_error_is_told_in_a_line_without_secrets(error, expected):
    """The class and what went wrong; neither passwords nor folders nor a second line."""
    assert describe(error) == expected


def test_a_long_error_is_cut():
    """A row of the ledger stays small whatever a library has to say."""
    assert len(describe(ValueError("x" * 10_000))) <= len("ValueError: ") + 500

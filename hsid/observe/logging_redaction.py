"""Takes secrets and forgeries out of what is about to be logged.

Guarantees that text that came through `clean` is one printable line without a password, key or
token that has a usual form, or that is known by its value (`hsid.observe.logging_secrets`: all that
the settings hold as secret). Any other that looks like a word is not recognised: what is secret
belongs into a `SecretStr` or under a key that says so.
"""

import math
import re
from collections.abc import Mapping

from hsid.observe.logging_secrets import MASK, mask_hidden

_SECRET_KEY = re.compile(
    r"pass(?:word|wd|phrase)?$|pwd$|secret|token$|authorization|api_?keys?$|access_?key$|cookie|dsn$"
    r"|credential|private_?key",
    re.IGNORECASE,
)
_NAMES = (
    r"(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
)
_PATTERNS = (
    # scheme://user:password@host; to the last @, as a password may hold one
    (re.compile(r"(?<=://)([^\s/:@]*):\S*@"), rf"\1:{MASK}@"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{4,}", re.IGNORECASE), rf"\1 {MASK}"),
    (
        re.compile(
            rf"""({_NAMES}["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&"'}})\]]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b(whsec_)[\w+/=-]{16,}"), rf"\1{MASK}"),
)
_QUOTED_PATH = re.compile(r"""(["'])/(?:[^"'/\n]*/)+([^"'/\n]*)\1""")
_BARE_PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"<>]+/)+([^\s/'\"<>]*)")
_LONGEST = 20_000
"""Of a longer text only the beginning is kept: cleaning and writing it should cost little."""


def is_secret_key(key: str) -> bool:
    """Tell whether what stands under *key* is secret by its name."""
    return _SECRET_KEY.search(key) is not None


def redact(text: str) -> str:
    """Return *text* with everything that is or looks like a secret replaced."""
    text = mask_hidden(text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def escape(text: str) -> str:
    r"""Return *text* on one line: what is not printable becomes `\n`, `\x1b`, `\u2028` ..."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def clean(text: str) -> str:
    """Return *text* without secrets, on one printable line."""
    return escape(redact(_beginning(text)))


def clean_value(key: str, value: object) -> object:
    """Return *value*, logged under *key*, in a form that every renderer can write."""
    if is_secret_key(key) and value is not None:
        return MASK
    match value:
        case bool() | int() | float() | None if value is None or _is_finite(value):
            return value
        case str():
            return clean(value)
        case Mapping():
            return {clean(str(name)): clean_value(str(name), part) for name, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [clean_value(key, part) for part in value]
        case _:
            return clean(str(value))


def clean_traceback(text: str) -> str:
    """Return a traceback without secrets and indented: no line of it can pass for a log line.

    Of a very long one the end is kept, where the cause stands.
    """
    end = text if len(text) <= _LONGEST else mask_hidden(text)[-_LONGEST:].partition("\n")[2]
    return "\n".join(f"    {escape(line)}" for line in redact(end).split("\n"))


def sanitize_error(error: BaseException | str, max_length: int = 500) -> str:
    """Return the message of *error* fit for logs, the ledger and people.

    Secrets are masked, paths cut to the file's name, control characters escaped; what is longer
    than *max_length* is cut.
    """
    message = _beginning(str(error)) or type(error).__name__
    message = _QUOTED_PATH.sub(r"\1\2\1", redact(message))
    message = escape(_BARE_PATH.sub(r"\1", message))
    if len(message) <= max_length:
        return message
    return message[: max(0, max_length - 3)] + "..."


def _beginning(text: str) -> str:
    """Return *text*, or its first words: cut inside of one, half a secret would look like none."""
    if len(text) <= _LONGEST:
        return text
    text = mask_hidden(text)  # a known one may hold spaces, too
    return f"{text[:_LONGEST].rpartition(' ')[0]}..."


def _is_finite(number: float) -> bool:
    """Tell whether JSON can hold *number*; an integer is finite however large."""
    return isinstance(number, int) or math.isfinite(number)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")

"""Lossless text for file names.

A name on disk is bytes: it may hold a newline, or no valid UTF-8 at all. The database, the log and
JSON hold text. `to_text` gives text that is printable, valid everywhere and can be turned back.
"""

import re

_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def to_text(name: bytes) -> str:
    r"""Return *name* as printable text: undecodable and unprintable bytes become `\xNN`.

    A backslash is escaped as well, so that `from_text` is exact.
    """
    decoded = name.replace(b"\\", rb"\x5c").decode("utf-8", "backslashreplace")
    if decoded.isprintable():  # nearly all names, and a scan asks for 100,000 of them
        return decoded
    return "".join(char if char.isprintable() else _escaped(char) for char in decoded)


def from_text(text: str) -> bytes:
    r"""Return the bytes that `to_text` turned into *text*."""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode("utf-8"))


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8"))

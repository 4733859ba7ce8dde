"""The script that carries the queue out inside of Redis, and how it gets there.

It is sent once; from then on it is called by its hash. A server that has forgotten it, after a
restart for example, gets it again.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import NoScriptError


def _text() -> str:
    parts = sorted(Path(__file__).parent.glob("[0-9]_*.lua"))
    return "\n".join(part.read_text("utf-8") for part in parts)


_TEXT = _text()
_HASH = hashlib.sha1(_TEXT.encode(), usedforsecurity=False).hexdigest()


def run_script(client: redis.Redis, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
    """Carry out one operation; *arguments* begin with its name."""
    try:
        return client.evalsha(_HASH, len(keys), *keys, *arguments)
    except NoScriptError:
        return client.eval(_TEXT, len(keys), *keys, *arguments)

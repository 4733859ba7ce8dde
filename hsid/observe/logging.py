"""The log: structlog in front, the standard library's handlers behind.

Guarantees that every line, hsid's own or a library's, goes one way that adds the time in UTC and
the bound ids, takes out secrets and can't be broken by what is logged: a call that logs never
raises, and waits for no database and no journal. Lines go to stderr or, where that ends in the
journal of systemd, to the journal itself; to a rotating file, if it is usable; and into the
database. What is warned of again and again is told once, and then how often. `docs/logs.md` is for
who reads them.

Log static events and put what varies beside them:

    log = get_logger(__name__)
    log.info("upload_settled", camera_id=camera.id, size=size)

structlog is imported with the first call here, so that importing this module costs little.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hsid.observe.logging_redaction import sanitize_error

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from hsid.config import Settings

__all__ = [
    "bind_ids",
    "get_logger",
    "get_request_id",
    "levels",
    "sanitize_error",
    "set_level",
    "set_request_id",
    "setup_logging",
    "tell_repeats",
]

_REQUEST_ID = "request_id"


def setup_logging(settings: "Settings") -> None:
    """Send the log where *settings* says, replacing whatever handlers there were.

    The folder of the log file is made. A file that can't be written is a warning in the log, and
    everything else works. Whatever *settings* hold as secret is masked from now on. Levels that
    single loggers were given since stay.
    """
    from hsid.observe.logging_setup import install  # noqa: PLC0415  imports structlog

    install(settings)


def get_logger(name: str) -> "BoundLogger":
    """Return the logger for the module *name*. It may be asked for before `setup_logging` ran."""
    from hsid.observe.logging_setup import build_logger  # noqa: PLC0415  imports structlog

    return build_logger(name)


def set_level(level: str, logger: str | None = None) -> None:
    """Have *logger*, and those below it, log from *level* on; None: the one above all others.

    `NOTSET` has it log as the one above it again. Libraries that talk much stay quiet unless they
    are named.

    Raises:
        ValueError: There is no such level.
    """
    from hsid.observe.logging_setup import set_level  # noqa: PLC0415  imports structlog

    set_level(level, logger)


def levels() -> dict[str, str]:
    """Return the level of each logger that has one of its own, that above all others first."""
    root = logging.getLogger()
    known = sorted(root.manager.loggerDict.items())
    own = {
        name: logging.getLevelName(each.level)
        for name, each in known
        if isinstance(each, logging.Logger) and each.level
    }
    return {root.name: logging.getLevelName(root.level), **own}


def tell_repeats() -> None:
    """Write what is to be told by now of repeated warnings; to be called every few seconds."""
    from hsid.observe.logging_setup import tell_repeats  # noqa: PLC0415  imports structlog

    tell_repeats()


@contextmanager
def bind_ids(**ids: object) -> Iterator[None]:
    """Put *ids* on every line logged inside, by tasks and threads started inside as well.

    What was bound before is bound again on the way out.
    """
    from structlog.contextvars import bound_contextvars  # noqa: PLC0415  heavy

    with bound_contextvars(**ids):
        yield


def get_request_id() -> str | None:
    """Return the id of the request that this task works for."""
    from structlog.contextvars import get_contextvars  # noqa: PLC0415  heavy

    request_id = get_contextvars().get(_REQUEST_ID)
    return None if request_id is None else str(request_id)


def set_request_id(request_id: str | None) -> None:
    """Put *request_id* on every further line of this task; None takes it off again."""
    from structlog.contextvars import bind_contextvars, unbind_contextvars  # noqa: PLC0415  heavy

    if request_id is None:
        unbind_contextvars(_REQUEST_ID)
    else:
        bind_contextvars(**{_REQUEST_ID: request_id})

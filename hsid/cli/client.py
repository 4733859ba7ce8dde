"""Ask the daemon over its control socket, with the standard library alone.

`hsictl` has to answer within a blink, so nothing here may import more than it needs. Every way in
which asking can fail is an exception of its own, with the exit code that it stands for.
"""

import json
import os
import socket
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

SOCKET_NAME = "control.sock"
NAMED_BY = ("HSID_CONTROL_SOCKET", "HSID_CONTROL_SOCKET_PATH")
"""Variables that name the socket; the second is the daemon's own setting."""
SYSTEM_SOCKET = Path("/run/hsid") / SOCKET_NAME
DEVELOPMENT_SOCKET = Path("data") / SOCKET_NAME

Document = dict[str, Any]
"""A decoded JSON object of the API; `hsid.api.models` has its schema."""


class ControlError(Exception):
    """Asking the daemon failed; *exit_code* says how to scripts."""

    exit_code: ClassVar[int] = 1


class RefusedError(ControlError):
    """The daemon does not take what it was asked; the words say which part of it."""

    exit_code = 2


class DaemonUnreachableError(ControlError):
    """Nobody listens on the socket: no daemon runs, or it runs elsewhere."""

    exit_code = 3


class NotPermittedError(ControlError):
    """The file mode of the socket keeps this user out."""

    exit_code = 4


class NotFoundError(ControlError):
    """The daemon has nothing of that name or number."""

    exit_code = 5


class TimedOutError(ControlError):
    """The daemon took the question and did not answer in time."""

    exit_code = 6


_ERRORS: Mapping[int, type[ControlError]] = {
    HTTPStatus.UNPROCESSABLE_ENTITY: RefusedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
}


def find_socket(environment: Mapping[str, str]) -> Path:
    """Return where the control socket is to be expected; it need not exist."""
    for name in NAMED_BY:
        if named := environment.get(name):
            return Path(named)
    if runtime := environment.get("RUNTIME_DIRECTORY"):
        return Path(runtime.split(":")[0]) / SOCKET_NAME
    return SYSTEM_SOCKET if _is_there(SYSTEM_SOCKET) else DEVELOPMENT_SOCKET


def get(
    path: Path, target: str, query: Mapping[str, str | int] | None = None, *, timeout: float
) -> Document:
    """Return the document that the daemon on the socket *path* has for *target*.

    Raises:
        ControlError: One of its kinds; the message is for people.
    """
    return _ask(path, "GET", f"{target}?{urlencode(query)}" if query else target, timeout)


def change_star(path: Path, event_id: int, *, starred: bool, timeout: float) -> Document:
    """Have the daemon on the socket *path* give an event a star, or take it.

    Raises:
        ControlError: One of its kinds; after `TimedOutError` it may be changed all the same.
    """
    return _ask(path, "POST" if starred else "DELETE", f"/v1/events/{event_id}/star", timeout)


def _ask(path: Path, method: str, target: str, timeout: float) -> Document:
    connection = _UnixConnection(path, timeout)
    try:
        connection.request(method, target)
        response = connection.getresponse()
        return _read(response.status, response.read())
    except (TimeoutError, BlockingIOError) as error:  # the latter: its backlog is full
        raise TimedOutError(f"no answer from {path} within {timeout:g} s") from error
    except PermissionError as error:
        raise NotPermittedError(f"{path}: you may not talk to this daemon") from error
    except (FileNotFoundError, NotADirectoryError, ConnectionError) as error:
        raise DaemonUnreachableError(f"{path}: no daemon answers here") from error
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        raise ControlError(f"{path}: no answer of hsid: {error}") from error
    finally:
        connection.close()


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("hsid", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


def _read(status: int, body: bytes) -> Document:
    """Return the document in *body*; raise what a problem document stands for."""
    document: Document = json.loads(body)
    if status == HTTPStatus.OK:
        return document
    words = f"{document['detail']} {document['hint']}"
    raise _ERRORS.get(status, ControlError)(words)


def _is_there(path: Path) -> bool:
    """Tell whether *path* exists; a folder that keeps us out has it as far as we know."""
    try:
        return path.exists()
    except PermissionError:
        return True

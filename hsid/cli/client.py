"""Ask the daemon over its control socket, with the standard library alone.

`hsictl` has to answer within a blink, so nothing here may import more than it needs. Every way in
which asking can fail is an exception of its own, with the exit code that it stands for.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

SOCKET_NAME = "control.sock"
NAMED_BY = ("HSID_CONTROL_SOCKET", "HSID_CONTROL_SOCKET_PATH")
"""Variables that name the socket; the second is the daemon's own setting."""
SYSTEM_SOCKET = Path("/run/hsid") / SOCKET_NAME
DEVELOPMENT_SOCKET = Path("data") / SOCKET_NAME

_LONGEST_TARGET = 8000
"""Characters; more than any name has, and less than what the daemon stops listening at."""

API_VERSION = 1
"""What this program speaks; a daemon that speaks another is told of."""

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


class BadConfigurationError(ControlError):
    """The settings that the daemon was to take up can't be used."""

    exit_code = 78


_START_HINT = "Start hsid, or name the socket of the one that runs with --socket."

_PERMISSION_HINT = "Its user may, and so may the group of that socket and root."

_ERRORS: Mapping[int, type[ControlError]] = {
    HTTPStatus.UNPROCESSABLE_ENTITY: RefusedError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: RefusedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.FORBIDDEN: NotPermittedError,
}
_ERRORS_BY_TYPE: Mapping[str, type[ControlError]] = {
    "urn:hsid:problem:invalid-configuration": BadConfigurationError,
}


def find_socket(environment: Mapping[str, str]) -> Path:
    """Return where the control socket is to be expected; it need not exist."""
    for name in NAMED_BY:
        if named := environment.get(name):
            return Path(named)
    if runtime := environment.get("RUNTIME_DIRECTORY"):
        return Path(runtime.split(":")[0]) / SOCKET_NAME
    return SYSTEM_SOCKET if _is_there(SYSTEM_SOCKET) else DEVELOPMENT_SOCKET


def in_path(name: str, *, safe: str = "") -> str:
    """Return *name* as a part of a target; bytes that are no text name nothing, and become "?"."""
    return quote(name, safe=safe, errors="replace")


def get(
    path: Path, target: str, query: Mapping[str, str | int] | None = None, *, timeout: float
) -> Document:
    """Return the document that the daemon on the socket *path* has for *target*.

    Raises:
        ControlError: One of its kinds; the message is for people.
    """
    with _asking(path, timeout) as connection:
        return _answer(connection, "GET", _with_query(target, query))


def change(
    path: Path, method: str, target: str, body: Document | None = None, *, timeout: float
) -> Document:
    """Have the daemon on the socket *path* do something; return what came of it.

    Raises:
        ControlError: One of its kinds; after `TimedOutError` it may be done all the same.
    """
    with _asking(path, timeout) as connection:
        return _answer(connection, method, target, None if body is None else json.dumps(body))


def change_star(path: Path, event_id: int, *, starred: bool, timeout: float) -> Document:
    """Have the daemon on the socket *path* give an event a star, or take it; see `change`."""
    method = "POST" if starred else "DELETE"
    return change(path, method, f"/v1/events/{event_id}/star", timeout=timeout)


def lines(
    path: Path, target: str, query: Mapping[str, str | int] | None = None, *, timeout: float
) -> Iterator[Document]:
    """Yield the lines of a stream as they come, for as long as they come.

    *timeout* is for the beginning only: after that nothing may happen for any time.

    Raises:
        ControlError: One of its kinds; the message is for people.
    """
    with _asking(path, timeout) as connection:
        response = _request(connection, "GET", _with_query(target, query))
        if response.status != HTTPStatus.OK:
            _read(response.status, response.read())
        connection.sock.settimeout(None)
        while line := response.readline():
            yield json.loads(line)


@contextmanager
def _asking(path: Path, timeout: float) -> Iterator["_UnixConnection"]:
    """Open a connection; turn whatever goes wrong with it into a `ControlError`."""
    connection = _UnixConnection(path, timeout)
    try:
        yield connection
    except (TimeoutError, BlockingIOError) as error:  # the latter: its backlog is full
        raise TimedOutError(f"no answer from {path} within {timeout:g} s") from error
    except PermissionError as error:
        words = f"{path}: you may not talk to this daemon. {_PERMISSION_HINT}"
        raise NotPermittedError(words) from error
    except (FileNotFoundError, NotADirectoryError, ConnectionError) as error:
        raise DaemonUnreachableError(f"{path}: no daemon answers here. {_START_HINT}") from error
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


def _with_query(target: str, query: Mapping[str, str | int] | None) -> str:
    return f"{target}?{urlencode(query, errors='replace')}" if query else target


def _answer(
    connection: _UnixConnection, method: str, target: str, body: str | None = None
) -> Document:
    response = _request(connection, method, target, body)
    return _read(response.status, response.read())


def _request(
    connection: _UnixConnection, method: str, target: str, body: str | None = None
) -> HTTPResponse:
    if len(target) > _LONGEST_TARGET:
        raise RefusedError(f"no name is that long: {target[:60]}...")
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    spoken = response.getheader("Hsid-Api", str(API_VERSION))
    if spoken != str(API_VERSION):
        words = f"the daemon speaks version {spoken} of the API, this program {API_VERSION}"
        sys.stderr.write(f"warning: {words}: use those of one release\n")
    return response


def _read(status: int, body: bytes) -> Document:
    """Return the document in *body*; raise what a problem document stands for."""
    document: Document = json.loads(body)
    if status == HTTPStatus.OK:
        return document
    words = f"{_sentence(document['detail'])} {document['hint']}"
    kind = _ERRORS_BY_TYPE.get(document["type"]) or _ERRORS.get(status, ControlError)
    raise kind(words)


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _is_there(path: Path) -> bool:
    """Tell whether *path* exists; a folder that keeps us out has it as far as we know."""
    try:
        return path.exists()
    except PermissionError:
        return True

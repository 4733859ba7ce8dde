"""Who this node is among those that share the work.

The name lies in the data folder, so that it outlasts restarts and new host names, and two daemons
on one machine have two of them. A copied data folder is the same node twice: don't.
"""

import os
import re
import secrets
import socket
from pathlib import Path

from hsid.store.errors import StoreUnavailableError

_FILE_NAME = "node"
_VALID = re.compile(r"[\w.-]{1,100}")


def node_name(data_dir: Path) -> str:
    """Return the name of the node whose data is in *data_dir*; made up when first asked for.

    Raises:
        StoreUnavailableError: The file with the name can't be read or made.
    """
    path = data_dir / _FILE_NAME
    try:
        name = _read(path)
        if name is None:
            name = f"{_host()}-{secrets.token_hex(4)}"
            _write(path, name)
    except OSError as error:
        raise StoreUnavailableError(f"no name of this node at {path}: {error}") from error
    return name


def _read(path: Path) -> str | None:
    """Return the name in the file; None if there is none, or a crash left half of one."""
    try:
        name = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return name if _VALID.fullmatch(name) else None


def _write(path: Path, name: str) -> None:
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{name}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _host() -> str:
    return re.sub(r"[^\w.-]", "-", socket.gethostname())[:80] or "node"

"""Who is at the other end of a Unix socket, as the kernel tells it.

For the record of changes only: who may connect is decided by the mode of the socket's file.
"""

import pwd
import struct
from dataclasses import dataclass
from pathlib import Path
from socket import SO_PEERCRED, SOL_SOCKET

import trio
from starlette.requests import Request

_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, and its user."""

    pid: int
    """0 where the kernel can't name it, as across containers."""
    uid: int

    def describe(self) -> str:
        """Return user and process in words. Blocks: names may come from a directory service."""
        names = f"{self.uid} {_user_name(self.uid)}".strip()
        process = f"{self.pid} {_program_name(self.pid)}".strip() if self.pid else "unknown"
        return f"uid {names}, pid {process}"


def peer_of(connection: trio.socket.SocketType) -> Peer:
    """Return who connected to the socket that *connection* was accepted on."""
    raw = connection.getsockopt(SOL_SOCKET, SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return Peer(pid, uid)


def peer_in(request: Request) -> Peer | None:
    """Return whose *request* it is; None where no socket tells, as in tests without one."""
    peer = request.scope.get("state", {}).get("peer")
    return peer if isinstance(peer, Peer) else None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _program_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""  # it has ended, or is none of our business

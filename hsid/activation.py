"""Sockets that the service manager holds for us: taken over by name, never by their order.

Guarantees that sockets meant for another process are left alone, that none is inherited by what
this process starts, and that what can't be used is refused in words rather than served wrongly.
They stay open for the life of the daemon: a restarted actor gets the same one again, and nobody who
connects meanwhile is turned away.
"""

import os
import socket
from collections.abc import Mapping, MutableMapping
from contextlib import ExitStack
from dataclasses import dataclass, field

CONTROL = "control"
METRICS = "metrics"
HTTP = "http"
_FAMILIES: Mapping[str, tuple[socket.AddressFamily, ...]] = {
    CONTROL: (socket.AF_UNIX,),
    METRICS: (socket.AF_INET, socket.AF_INET6),
    HTTP: (socket.AF_INET, socket.AF_INET6),
}
"""What is listened on under which name; others are refused."""

_FIRST = 3
"""The number of the first descriptor that is handed over."""


class ActivationError(Exception):
    """The service manager handed over what can't be used: the socket unit is wrong, it says how."""


@dataclass(frozen=True, slots=True)
class PassedSockets:
    """The listening sockets that were handed over, by name."""

    _sockets: Mapping[str, socket.socket] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """What there is."""
        return frozenset(self._sockets)

    def listener(self, name: str) -> socket.socket | None:
        """Return a descriptor of one's own for the socket *name*; None if none was handed over.

        The caller closes it. Nothing is to be bound, chmodded or removed for it.
        """
        passed = self._sockets.get(name)
        return None if passed is None else passed.dup()


NO_SOCKETS = PassedSockets()
"""What there is without a service manager that listens for us."""


def take_passed_sockets(
    environment: MutableMapping[str, str], *, pid: int | None = None, first: int = _FIRST
) -> PassedSockets:
    """Take over what *environment* says was handed to the process *pid* (this one).

    The variables are taken out of *environment*, for this process alone was meant.

    Raises:
        ActivationError: A descriptor is no listening stream socket, has a name that means nothing
            here or one that another has, or the names don't fit the sockets.
    """
    meant, count, names = (
        environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    )
    if meant != str(pid or os.getpid()) or not count.isdecimal():
        return NO_SOCKETS
    numbers = range(first, first + int(count))
    for number in numbers:
        os.set_inheritable(number, False)
    called = names.split(":") if names else []
    _check_names(called, numbers)
    with ExitStack() as opened:
        sockets = {
            name: opened.enter_context(_open(number, name))
            for number, name in zip(numbers, called, strict=True)
        }
        opened.pop_all()
    return PassedSockets(sockets)


def _check_names(names: list[str], numbers: range) -> None:
    if len(names) != len(numbers):
        raise ActivationError(
            f"{len(numbers)} sockets were handed over with {len(names)} names:"
            " give each socket unit a FileDescriptorName="
        )
    for name in names:
        if names.count(name) > 1:
            raise ActivationError(f"two sockets are called {name}: one ListenStream= a name")
        if name not in _FAMILIES:
            known = ", ".join(_FAMILIES)
            raise ActivationError(f"a socket is called {name}, expected one of {known}")


def _open(number: int, name: str) -> socket.socket:
    families = _FAMILIES[name]
    try:
        passed = socket.socket(fileno=number)
    except OSError as error:
        raise ActivationError(f"{name}: descriptor {number}: {error.strerror}") from error
    is_listening = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if passed.family not in families or passed.type != socket.SOCK_STREAM or not is_listening:
        kinds = " or ".join(family.name for family in families)
        passed.close()
        raise ActivationError(f"{name}: not a listening stream socket of {kinds}")
    passed.setblocking(False)
    return passed

"""The line to the service manager: datagrams to `$NOTIFY_SOCKET`, as `sd_notify(3)` describes them.

Guarantees that a message never blocks the caller and never raises: without a service manager it
goes nowhere; while the manager's socket is full or gone, messages wait in order for the next call,
but for signs of life, which are worthless later. The variables are taken out of the environment, so
that no process started from here speaks in the daemon's name.

What is said when, `hsid.observe.service` decides.
"""

import os
import socket
from collections import deque
from collections.abc import MutableMapping, Sequence
from typing import Self, TypeAlias

from hsid.model import Seconds
from hsid.observe.logging import get_logger

Message: TypeAlias = tuple[str, ...]
"""Lines of the form NAME=value that belong together: one datagram."""

WATCHDOG = ("WATCHDOG=1",)

_MOST_WAITING = 16
_MICRO = 1_000_000


class NotifySocket:
    """Sends messages to the socket at *address*; to nobody if that is None."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._waiting: deque[Message] = deque(maxlen=_MOST_WAITING)
        self._is_lost = False

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str]) -> Self:
        """Return the line that *environment* names, and remove the name from there."""
        return cls(environment.pop("NOTIFY_SOCKET", None) or None)

    @property
    def is_connected(self) -> bool:
        """Whether there is anybody to speak to."""
        return self._address is not None

    def send(self, messages: Sequence[Message]) -> None:
        """Send *messages*, after those that could not be sent before."""
        if self._address is None:
            return
        self._waiting.extend(message for message in messages if message != WATCHDOG)
        try:
            while self._waiting:
                self._transmit(self._waiting[0])
                self._waiting.popleft()
            if WATCHDOG in messages:
                self._transmit(WATCHDOG)
            self._is_lost = False
        except BlockingIOError:
            return  # its queue is full: the rest waits for the next call
        except OSError as error:
            # As while it is being replaced by a newer one: it will want to hear of us again.
            if not self._is_lost:
                get_logger(__name__).warning("service_manager_lost", error=str(error))
            self._is_lost = True

    def _transmit(self, message: Message) -> None:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)
        self._socket.sendto("\n".join(message).encode(), _socket_name(self._address or ""))

    def close(self) -> None:
        """Close the socket; later messages go nowhere."""
        self._address = None
        if self._socket is not None:
            self._socket.close()


def take_watchdog(environment: MutableMapping[str, str], pid: int | None = None) -> Seconds | None:
    """Return how often the service manager wants a sign of life from the process *pid* (this one).

    The variables are taken out of *environment*. One that is no number counts as not there.
    """
    period = environment.pop("WATCHDOG_USEC", "")
    ours = str(pid or os.getpid())
    if (
        (environment.pop("WATCHDOG_PID", "") or ours) != ours
        or not period.isdecimal()
        or not int(period)
    ):
        return None
    return int(period) / _MICRO


def _socket_name(address: str) -> str:
    """Return *address* as the kernel takes it: `@` stands for the NUL of an abstract socket."""
    return f"\0{address[1:]}" if address.startswith("@") else address

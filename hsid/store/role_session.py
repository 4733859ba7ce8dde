"""A session on the PostgreSQL server that has a role, or asks for it.

The role is an advisory lock that ends with the session. The session is its own, in no pool, and it
is asked something every second, so neither side takes the other for alive for long: the server ends
a session from which nothing came for 10 s, as its node is frozen or the way to it is dead (before
version 14 it finds out the latter only, by the probes of TCP), and the node gives up a server that
is silent for less than that. So as a rule the old holder knows before there is a new one.

Not proof against two holders at once, and need not be: what they do is guarded.
"""

import os
import socket

from sqlalchemy import Connection, text

from hsid.roles import Role
from hsid.store.errors import ConnectionLostError
from hsid.store.faults import raise_mapped
from hsid.store.postgres_engine import driver_url, session_engine

_SPACE = 0x68736964
"""The first number of all roles' locks."""
_NUMBERS = {Role.BATCHER: 1, Role.RETENTION: 2, Role.RECONCILER: 3}
"""The second: the same in every version, as nodes of two versions may meet."""

EXCLUSIVE = frozenset(_NUMBERS)
"""The roles that one node at a time is to have."""

_TAKE = text("SELECT pg_try_advisory_lock(:space, :number)")
_ASK = text("SELECT 1")

_KNOWN_DEAD_AFTER_MS = "5000"
_END_IF_SILENT = text("""
    SELECT set_config('tcp_keepalives_idle', '5', false),
           set_config('tcp_keepalives_interval', '2', false),
           set_config('tcp_keepalives_count', '3', false)
""")
_END_IF_IDLE = text("""
    SELECT set_config('idle_session_timeout', '10s', false)
    WHERE current_setting('server_version_num')::int >= 140000
""")


class RoleSession:
    """A session that is to have *role*; it connects when it is first asked.

    One call at a time, from any thread; only `cut` may come while another call runs. After an error
    it is closed, and another one is needed.
    """

    def __init__(self, url: str, role: Role) -> None:
        self._number = _NUMBERS[role]
        self._engine = session_engine(
            driver_url(url),
            application_name=f"hsid {role}",
            tcp_user_timeout=_KNOWN_DEAD_AFTER_MS,
        )
        self._connection: Connection | None = None
        self._wire: socket.socket | None = None
        self._has_role = False
        self._is_cut = False

    @property
    def wire(self) -> socket.socket | None:
        """The socket: readable when the server has ended the session. None: not connected."""
        return self._wire

    def ask(self) -> bool:
        """Ask for the role, or whether it is still this session's; return whether it is.

        Raises:
            StoreUnavailableError: The server is away, or has ended the session.
        """
        try:
            connection = self._connected()
            if self._has_role:
                connection.execute(_ASK)
            else:
                numbers = {"space": _SPACE, "number": self._number}
                self._has_role = bool(connection.scalar(_TAKE, numbers))
        except Exception as error:  # noqa: BLE001 - it is raised again, mapped
            self.close()
            raise_mapped(error)
        return self._has_role

    def cut(self) -> None:
        """Have a call that waits for the server in another thread fail at once."""
        self._is_cut = True
        wire = self._wire
        if wire is not None:
            _shut(wire)

    def close(self) -> None:
        """End the session, and with it the role."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # closes without a question to a server that may be silent
            connection.close()
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        self._engine.dispose()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            # A descriptor of our own: the driver's may be closed, and its number another's, by
            # the time that somebody cuts.
            self._wire = socket.socket(fileno=os.dup(_descriptor_of(self._connection)))
            if self._is_cut:
                raise ConnectionLostError("nobody waits for this session any more")
            self._connection.execute(_END_IF_SILENT)
            self._connection.execute(_END_IF_IDLE)
        return self._connection


def _descriptor_of(connection: Connection) -> int:
    driver = connection.connection.driver_connection
    if driver is None:
        raise ConnectionLostError("the connection was closed as soon as it was there")
    return int(driver.fileno())


def _shut(wire: socket.socket) -> None:
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:  # the other side was faster
        return

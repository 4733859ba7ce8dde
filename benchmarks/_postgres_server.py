"""A real PostgreSQL server as a private cluster, to be restarted, killed and filled.

It listens on a free port of loopback and on a Unix socket, keeps its data in a folder of its own
directly below the system's one for temporary files, and both are gone when its block ends. No file
of the system's own server is touched. It is no server for root: started by root, it runs as the
user of the Debian package, or as nobody.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

PATIENCE_S = 30.0
"""How long the server may take to start, to stop, and to answer."""

ADMIN = "hsid"
"""The role that owns everything; it is let in without a password."""

_BINARIES = Path("/usr/lib/postgresql")
_SERVANTS = ("postgres", "nobody")
_QUICK: Mapping[str, str] = {
    # A crash of the server loses nothing without these; one of the machine is not played here.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "deadlock_timeout": "100ms",
    "max_connections": "60",
    "shared_buffers": "32MB",
}


class PostgresServerMissingError(RuntimeError):
    """There is no PostgreSQL server on this machine. Install the Debian package postgresql."""

    def __init__(self) -> None:
        super().__init__("PostgreSQL's server is not installed: apt-get install postgresql")


@dataclass(slots=True)
class PostgresServer:
    """A server in *folder*; *config* is given to it at every start, as in postgresql.conf."""

    folder: Path
    config: dict[str, str] = field(default_factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make the cluster's files."""
        user = _servant()
        if user is not None:
            os.chown(self.folder, user, -1)
        command = [_binary("initdb"), "--pgdata", str(self._data), "--username", ADMIN]
        options = ["--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]
        done = subprocess.run(
            [*command, *options], cwd="/", user=user, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ChildProcessError(f"initdb failed: {done.stderr[-2000:]}")

    def start(self, **config: str) -> None:
        """Start it and wait until it answers; *config* changes its configuration for good."""
        self.begin(**config)
        self.wait_until_it_answers()

    def begin(self, **config: str) -> None:
        """Start it without waiting, so that it may be met while it starts up."""
        self.config |= config
        self.port = self.port or _free_port()
        command = [_binary("postgres"), "-D", str(self._data), "-p", str(self.port)]
        addresses = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder)}
        for name, value in ({**_QUICK} | addresses | self.config).items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd="/", user=_servant(), stdout=log, stderr=log
            )

    def wait_until_it_answers(self) -> None:
        """Wait until it takes queries."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise ChildProcessError(f"postgres ended: {self.log()[-2000:]}")
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError(f"postgres does not answer: {self.log()[-2000:]}")

    def stop(self) -> None:
        """Have it end its sessions and shut down in order, as a service manager does."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """Have all of its processes end at once, with nothing written and nothing said."""
        self._end(signal.SIGQUIT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have all of its processes stand still: it takes connections and answers nothing."""
        self._signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def restart(self, **config: str) -> None:
        """Stop it and start it again on the same port and folder."""
        self.stop()
        self.start(**config)

    def execute(
        self, statement: str, parameters: Sequence[Any] = (), *, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Carry out one statement outside of any transaction; return its rows."""
        with psycopg.connect(self._socket_url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make a database like *template*; return its URL."""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, and end whoever uses it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def let_in(self, *rules: str) -> None:
        """Let in by TCP who fits one of *rules*, lines of pg_hba.conf; and ourselves as before."""
        lines = ("local all all trust", *rules)
        (self._data / "pg_hba.conf").write_text("".join(f"{line}\n" for line in lines))
        self.execute("SELECT pg_reload_conf()")

    def end_sessions(self, database: str) -> int:
        """End all sessions in *database*, whatever they do; return how many there were."""
        return len(
            self.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database],
            )
        )

    def url(self, database: str) -> str:
        """Return the address of *database* by TCP."""
        return f"postgresql://{ADMIN}@127.0.0.1:{self.port}/{database}"

    def log(self) -> str:
        """Return what it has written."""
        return (self.folder / "log").read_text("utf-8", "replace")

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _socket_url(self, database: str) -> str:
        return f"postgresql://{ADMIN}@/{database}?host={self.folder}&port={self.port}"

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        children = [child for task in tasks for child in (task / "children").read_text().split()]
        for pid in (self._process.pid, *map(int, children)):
            os.kill(pid, number)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=PATIENCE_S)
        finally:
            process.kill()


@contextmanager
def postgres_server(**config: str) -> Iterator[PostgresServer]:
    """Run a server of its own until the block ends; *config* as in `PostgresServer.start`."""
    folder = Path(tempfile.mkdtemp(prefix="hsid-postgres-"))
    server = PostgresServer(folder)
    try:
        server.make()
        server.start(**config)
        yield server
    finally:
        server.crash()
        shutil.rmtree(folder)


def _binary(name: str) -> str:
    """Return the program, which Debian keeps apart from all others, by version."""
    versions = sorted(_BINARIES.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise PostgresServerMissingError
    return found


def _servant() -> int | None:
    """Return the user to run as, None for the one that we are."""
    if os.geteuid() != 0:
        return None
    for name in _SERVANTS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise PostgresServerMissingError


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A real Redis server as a process of its own, to be killed, paused, restarted and misconfigured.

It listens on a Unix socket in its folder and on a free port of loopback, keeps its data in that
folder, and is gone when its block ends. No file of the system's own server is touched.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE_S = 20.0
"""How long the server may take to start, to stop, and to answer."""

_LONGEST_SOCKET_PATH = 100
"""A Unix socket's path has room for 107 characters on Linux; longer folders get no socket."""


class RedisServerMissingError(RuntimeError):
    """There is no redis-server on this machine. Install the Debian package of that name."""

    def __init__(self) -> None:
        super().__init__("redis-server is not installed: apt-get install redis-server")


@dataclass(slots=True)
class RedisServer:
    """A server in *folder*; what is in *config* is given to it at every start.

    Keys of *config* are those of redis.conf. Appending to a file is off unless it says otherwise,
    and nothing is saved by itself: a restart forgets everything, as the default of no server does.
    """

    folder: Path
    config: dict[str, str] = field(default_factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self, **config: str) -> None:
        """Start it and wait until it listens; *config* changes its configuration for good.

        Names have underscores for the hyphens of redis.conf: `appendfsync="always"`,
        `maxmemory_policy="allkeys-lru"`.
        """
        self.begin(**config)
        self.wait_until_it_listens()

    def begin(self, **config: str) -> None:
        """Start it without waiting, so that it may be met while it loads its data."""
        executable = shutil.which("redis-server")
        if executable is None:
            raise RedisServerMissingError
        self.config |= {name.replace("_", "-"): value for name, value in config.items()}
        self.port = self.port or _free_port()
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [executable, *self._arguments()], cwd=self.folder, stdout=log, stderr=log
            )

    def wait_until_it_listens(self) -> None:
        """Wait until it takes connections, whatever it answers on them."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise ChildProcessError(f"redis-server ended: {self.log()[-2000:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        raise TimeoutError(f"redis-server does not listen: {self.log()[-2000:]}")

    def kill(self) -> None:
        """Kill it as `kill -9` does: it writes nothing more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Have it shut down in order."""
        self._end(signal.SIGTERM)

    def restart(self, **config: str) -> None:
        """Kill it and start it again on the same port and folder."""
        self.kill()
        self.start(**config)

    def pause(self) -> None:
        """Stop its process as a machine that hangs: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        self._signal(signal.SIGCONT)

    def admin(self) -> redis.Redis:
        """Return a client for looking in and for setting up; close it after use.

        It takes the password that *config* gives to everybody, `requirepass`.
        """
        return redis.Redis(
            port=self.port,
            password=self.config.get("requirepass"),
            decode_responses=True,
            socket_timeout=PATIENCE_S,
            retry=Retry(NoBackoff(), 0),
        )

    def command(self, *words: object) -> object:
        """Carry one command out, `command("REPLICAOF", "NO", "ONE")`, and return its reply."""
        with self.admin() as client:
            return client.execute_command(*words)

    def set_config(self, **config: str) -> None:
        """Change the running server's configuration; a restart forgets it."""
        for name, value in config.items():
            self.command("CONFIG", "SET", name.replace("_", "-"), value)

    def become_replica(self) -> None:
        """Make it the replica of a server that isn't there: it answers, and is read-only."""
        self.command("REPLICAOF", "127.0.0.1", _free_port())

    def become_master(self) -> None:
        """End being a replica."""
        self.command("REPLICAOF", "NO", "ONE")

    def client_count(self, name_part: str = "") -> int:
        """Return how many clients are connected whose name has *name_part* in it."""
        reply = str(self.command("CLIENT", "LIST"))
        return sum(f"name={name_part}" in line for line in reply.splitlines())

    def log(self) -> str:
        """Return what it has written."""
        return (self.folder / "redis.log").read_text("utf-8", "replace")

    @property
    def url(self) -> str:
        """The address by TCP."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_path(self) -> Path:
        """The Unix socket."""
        return self.folder / "redis.sock"

    @property
    def socket_url(self) -> str:
        """The address by Unix socket."""
        return f"unix://{self.socket_path}?db=0"

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def _arguments(self) -> Iterator[str]:
        settings: Mapping[str, str] = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        if len(str(self.socket_path)) <= _LONGEST_SOCKET_PATH:
            settings = {**settings, "unixsocket": str(self.socket_path)}
        for name, value in {**settings, **self.config}.items():
            yield f"--{name}"
            yield value

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a paused one would never end in order
        try:
            process.wait(timeout=PATIENCE_S)
        finally:
            process.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise ChildProcessError("redis-server is not running")
        os.kill(self._process.pid, number)


@contextmanager
def redis_server(folder: Path, **config: str) -> Iterator[RedisServer]:
    """Run a server in *folder* until the block ends; *config* as in `RedisServer.start`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder)
    try:
        server.start(**config)
        yield server
    finally:
        server.kill()
        with suppress(FileNotFoundError):  # where there was no room for its name, it was not made
            server.socket_path.unlink()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

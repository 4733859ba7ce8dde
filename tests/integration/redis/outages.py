"""What can be wrong with a real server for a while, made and ended, and what hsid calls it."""

import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hsid.queues.redis.errors import (
    RedisBusyError,
    RedisLoadingError,
    RedisOutOfMemoryError,
    RedisReadOnlyError,
    RedisReplicasMissingError,
    RedisSavingError,
    RedisTimeoutError,
    RedisUnreachableError,
)

SLOW_START_KEYS = 1_500


@contextmanager
def away(server):
    """Nobody listens; the port refuses."""
    server.kill()
    yield
    server.start()
    wait_until(lambda: "PONG" in reply_to(server, b"PING\r\n"))  # it reads its file first


@contextmanager
def hanging(server):
    """The machine hangs: connections stay open and are even taken, nothing is answered."""
    server.pause()
    yield
    server.resume()


@contextmanager
def writes_paused(server):
    """An operator holds clients back, as in a planned failover; it would last a minute."""
    server.command("CLIENT", "PAUSE", 60_000, "WRITE")
    yield
    server.command("CLIENT", "UNPAUSE")


@contextmanager
def loading(server):
    """The server reads its data, made slow, and says so."""
    with server.admin() as client, client.pipeline(transaction=False) as many:
        for number in range(SLOW_START_KEYS):
            many.set(f"ballast:{number}", number)
        many.execute()
        client.bgrewriteaof()  # as one snapshot: while it reads one, it answers between keys
        wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0)
        wait_until(lambda: client.info("persistence")["aof_rewrite_scheduled"] == 0)
    server.kill()
    server.begin(key_load_delay="400", loading_process_events_interval_bytes="1024")
    wait_until(lambda: "LOADING" in reply_to(server, b"PING\r\n"))
    yield
    wait_until(lambda: "PONG" in reply_to(server, b"PING\r\n"))


@contextmanager
def read_only(server):
    """It has become a replica without ending any connection."""
    server.become_replica()
    yield
    server.become_master()


@contextmanager
def unable_to_save(server):
    """The snapshot can't be put into its place, as something else is there."""
    obstacle = server.folder / "dump.rdb"
    obstacle.mkdir()
    server.set_config(save="3600 1")
    snapshot(server, "err")
    yield
    obstacle.rmdir()
    snapshot(server, "ok")


def snapshot(server, outcome):
    with server.admin() as client:
        client.bgsave()
        wait_until(lambda: client.info()["rdb_bgsave_in_progress"] == 0)
        assert client.info()["rdb_last_bgsave_status"] == outcome


@contextmanager
def out_of_memory(server):
    """The limit is reached, and nothing may be evicted."""
    server.set_config(maxmemory="1")
    yield
    server.set_config(maxmemory="0")


@contextmanager
def without_replicas(server):
    """Writes are to reach a replica, and there is none."""
    server.set_config(min_replicas_to_write="1")
    yield
    server.set_config(min_replicas_to_write="0")


@contextmanager
def in_a_script(server):
    """Somebody's script runs without end."""
    server.set_config(lua_time_limit="10")
    with socket.create_connection(("127.0.0.1", server.port)) as other:
        other.sendall(b"EVAL 'while true do end' 0\r\n")
        wait_until(lambda: "BUSY" in reply_to(server, b"PING\r\n"))
        yield
        reply_to(server, b"SCRIPT KILL\r\n")
        wait_until(lambda: "PONG" in reply_to(server, b"PING\r\n"))


@contextmanager
def crowded(server):
    """Other programs have all the connections that there may be; ours is ended to make it hurt."""
    with ExitStack() as others, server.admin() as client:
        limit = 32
        client.config_set("maxclients", limit)
        client.client_kill_filter(_type="normal", skipme=True)
        for _ in range(limit):
            others.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        wait_until(lambda: client.info("clients")["connected_clients"] == limit)
        yield
    wait_until(lambda: "PONG" in reply_to(server, b"PING\r\n"))


@dataclass(frozen=True)
class Outage:
    """A condition that ends, and what an operator reads while it lasts."""

    happens: object
    error: type
    says: str
    advises: str
    answers_reads: bool = False
    """Whether a sign of life is given although writes are refused; MISCONF refuses even PING."""


OUTAGES = {
    "refused": Outage(away, RedisUnreachableError, "no connection", "start the server"),
    "hanging": Outage(hanging, RedisTimeoutError, "does not answer", "SLOWLOG"),
    "writes-paused": Outage(writes_paused, RedisTimeoutError, "does not answer", "SLOWLOG"),
    "loading": Outage(loading, RedisLoadingError, "still loading", "goes on by itself"),
    "read-only": Outage(read_only, RedisReadOnlyError, "a read-only replica", "the master", True),
    "misconf": Outage(unable_to_save, RedisSavingError, "can't save", "free its disk"),
    "oom": Outage(out_of_memory, RedisOutOfMemoryError, "out of memory", "raise maxmemory", True),
    "no-replicas": Outage(
        without_replicas, RedisReplicasMissingError, "too few replicas", "start the replicas", True
    ),
    "busy": Outage(in_a_script, RedisBusyError, "occupied", "tries again"),
    "crowded": Outage(crowded, RedisBusyError, "occupied", "raise maxclients"),
}


def reply_to(server, command):
    """Return what the server says to *command*; nothing if it says nothing."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=1) as asking:
            asking.sendall(command)
            return asking.recv(200).decode()
    except OSError:
        return ""


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)

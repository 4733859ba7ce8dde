"""What a durable hop costs: a 200-byte message is put, delivered, handled, and acknowledged.

- on Redis, appendonly everysec and always: a producer process with 64 puts in flight and a
  consumer process, beside arq, dramatiq, taskiq, celery, faststream and huey on the same server,
  and beside plain streams by redis-py, one by one and 100 by 100;
- on SQLite at synchronous=FULL, both ends in one process, beside huey on SQLite and plain sqlite3
  in batches of 100;
- the idle hop: one message at a time to a consumer that waits, from before the put to the handler.

It starts a Redis server of its own. Peers come with `pip install .[bench]`; those that aren't
installed are skipped, and goals that need them are not measured. Ours and the raw client take
turns, and medians count; a goal is a ratio of figures of the same run.

`python -m benchmarks.queue [--messages 20000] [--rounds 3] [--hops 100] [--only redis-everysec,...]
[--peers arq,... | none] [--json]`
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _queue_runs as runs
from benchmarks._queue_peers import HUEY_ON_SQLITE, ON_REDIS, Size, measure
from benchmarks._redis_server import RedisServer, redis_server
from benchmarks._report import Goal, at_least, at_most, not_measured, print_report, spread

PEER_GOAL = 5.0
RAW_GOAL = 0.4
IDLE_GOAL = 3.0
BATCH = 100
SINGLE_SHARE = 20  # where each append is synced, one by one is slower by more than that
PLACES = ("redis-everysec", "redis-always", "sqlite")
SECONDS_PER_PEER = 2.0


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    messages: int
    rounds: int
    hops: int
    peers: frozenset[str]

    @property
    def of_a_peer(self) -> Size:
        """What each peer is given."""
        return Size(self.messages, SECONDS_PER_PEER)


def rates_in_turn(rounds: int, courses: Mapping[str, Callable[[], float]]) -> dict[str, Any]:
    """Return the rates of *courses*, which take turns so that they share the machine's moods."""
    rates: dict[str, list[float]] = {name: [] for name in courses}
    for _ in range(rounds):
        for name, course in courses.items():
            runs.settle_down()
            rates[name].append(course())
    return {name: spread(found) for name, found in rates.items()}


def on_redis(place: str, folder: Path, effort: Effort) -> tuple[dict[str, Any], list[Goal]]:
    """Measure on a server that appends as *place* says."""
    appendfsync = place.removeprefix("redis-")
    with redis_server(folder / place, appendonly="yes", appendfsync=appendfsync) as server:
        peers = {
            name: measure(
                peer, folder, effort.of_a_peer, server.url, lambda: server.command("FLUSHALL")
            )
            for name, peer in ON_REDIS.items()
            if name in effort.peers
        }
        raw = {
            "per_second": _redis_rates(server, folder, effort),
            "idle_hop": {
                kind: runs.percentiles(runs.redis_idle(kind, server, folder, effort.hops))
                for kind in ("raw", "hsid")
            },
            "peers": peers,
        }
    return raw, [*_redis_goals(place, raw), _idle_goal(place, raw)]


def _redis_rates(server: RedisServer, folder: Path, effort: Effort) -> dict[str, Any]:
    count = effort.messages
    few = max(BATCH, count // SINGLE_SHARE)
    return rates_in_turn(
        effort.rounds,
        {
            "hsid": lambda: runs.redis_rate("hsid", server, folder, count),
            "raw 100 by 100": lambda: runs.redis_rate("raw", server, folder, count, BATCH),
            "raw 1 by 1": lambda: runs.redis_rate("raw", server, folder, few, 1),
        },
    )


def _redis_goals(place: str, raw: Mapping[str, Any]) -> Iterable[Goal]:
    rates = raw["per_second"]
    own = rates["hsid"]["p50"]
    name = f"{place}: hop, times the fastest of six peers"
    of_peers = [peer.get("per_second") for peer in raw["peers"].values()]
    # Without one of them it is not known which is the fastest.
    if len(of_peers) < len(ON_REDIS) or None in of_peers:
        yield not_measured(name, PEER_GOAL)
    else:
        yield at_least(name, own / max(of_peers), PEER_GOAL)
    share = own / rates["raw 100 by 100"]["p50"]
    yield at_least(f"{place}: hop, share of raw streams 100 by 100", share, RAW_GOAL)


def _idle_goal(place: str, raw: Mapping[str, Any]) -> Goal:
    own, bare = (raw["idle_hop"][kind]["p50_ms"] for kind in ("hsid", "raw"))
    return at_most(f"{place}: idle hop p50, times raw streams 1 by 1", own / bare, IDLE_GOAL)


def on_sqlite(place: str, folder: Path, effort: Effort) -> tuple[dict[str, Any], list[Goal]]:
    """Measure the embedded queue."""
    count = effort.messages
    rates = rates_in_turn(
        effort.rounds,
        {
            "hsid": lambda: runs.embedded_rate("hsid", folder, count),
            "raw batches of 100": lambda: runs.embedded_rate("raw", folder, count, BATCH),
        },
    )
    idle = {
        kind: runs.percentiles(runs.embedded_idle(kind, folder, effort.hops))
        for kind in ("raw", "hsid")
    }
    raw: dict[str, Any] = {"per_second": rates, "idle_hop": idle, "peers": {}}
    if "huey" in effort.peers:
        raw["peers"]["huey"] = measure(HUEY_ON_SQLITE, folder, effort.of_a_peer)
    return raw, list(_sqlite_goals(place, raw))


def _sqlite_goals(place: str, raw: Mapping[str, Any]) -> Iterable[Goal]:
    rates = raw["per_second"]
    own = rates["hsid"]["p50"]
    huey = raw["peers"].get("huey", {}).get("per_second")
    name = f"{place}: hop, times huey"
    yield at_least(name, own / huey, PEER_GOAL) if huey else not_measured(name, PEER_GOAL)
    share = own / rates["raw batches of 100"]["p50"]
    yield at_least(f"{place}: hop, share of raw sqlite3 in batches of 100", share, RAW_GOAL)


def names_in(words: str, known: Sequence[str]) -> frozenset[str]:
    """Return the names in a list with commas; raise if one is not *known*."""
    names = frozenset(words.split(",")) - {"none"}
    if unknown := names.difference(known):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    return names


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hops", type=int, default=100)
    places, peers = (",".join(names) for names in (PLACES, ON_REDIS))
    parser.add_argument("--only", type=lambda words: names_in(words, PLACES), default=places)
    parser.add_argument("--peers", type=lambda words: names_in(words, [*ON_REDIS]), default=peers)
    parser.add_argument("--json", action="store_true", help="the only format there is")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = arguments()
    effort = Effort(options.messages, options.rounds, options.hops, options.peers)
    raw: dict[str, object] = {}
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory() as folder:
        for place in PLACES:
            if place in options.only:
                course = on_sqlite if place == "sqlite" else on_redis
                raw[place], more = course(place, Path(folder), effort)
                goals += more
    print_report("queue", raw, goals)


if __name__ == "__main__":
    main()

"""A node as a process of its own: works on the queue until it is killed, and says what it does.

Its handler puts one entry into the next queue for each that it is given. At one of them it stays,
for as long as it is told.
"""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from benchmarks._queue_own import supervised
from hsid.constants import ANALYSIS_QUEUE
from hsid.queues.completion import Ack, Bury, Completion, Put
from hsid.queues.consumer import Consumer
from hsid.queues.protocol import Entry
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.completer import RedisCompleter
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.queue import RedisQueue
from tests.integration.redis.rig import PREFIX, build_queue

_ROOT = Path(__file__).parents[3]
_ENDLESS = 600.0


class Node:
    """A node's process, and what it has said so far."""

    def __init__(self, process, said):
        self._process = process
        self._said = said

    def said(self, word):
        """Return the ids about which it has said *word*, in order."""
        lines = [line.split() for line in self._said.read_text().splitlines()]
        # What it logs goes the same way, in longer lines.
        return [line[1] for line in lines if len(line) == 2 and line[0] == word]

    def kill(self):
        self._process.kill()
        self._process.wait(timeout=20)

    def pause(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def running_node(folder, url, name, *, lease, stay_at=0, stay=_ENDLESS):
    """Run a node; at the *stay_at*-th entry that it begins it stays for *stay* seconds."""
    said = folder / f"{name}-{len(list(folder.iterdir()))}.txt"
    command = [sys.executable, "-m", "tests.integration.redis.node"]
    arguments = [url, name, str(lease), str(stay_at), str(stay)]
    with said.open("w") as output:
        process = subprocess.Popen([*command, *arguments], cwd=_ROOT, stdout=output)
    node = Node(process, said)
    try:
        yield node
    finally:
        with suppress(ProcessLookupError):  # it may have been killed by the test
            node.resume()
        node.kill()


def say(word, id_):
    sys.stdout.write(f"{word} {id_}\n")
    sys.stdout.flush()


class Handler:
    """Puts `done:ID` into the next queue."""

    def __init__(self, name, stay_at, stay):
        self._name = name
        self._stay_at = stay_at
        self._stay = stay
        self._count = 0

    async def handle(self, lease):
        id_ = lease.entry.id
        self._count += 1
        say("begun", id_)
        if self._count == self._stay_at:
            say("staying", id_)
            await trio.sleep(self._stay)
        await trio.sleep(0.002)
        done = Put(ANALYSIS_QUEUE, Entry(f"done:{id_}", {"by": self._name}))
        return Completion(
            puts=(done,),
            acks=(Ack(lease),),
            on_done=lambda outcome: say("lost" if outcome.lost else "settled", id_),
        )

    def give_up(self, lease, error):
        return Completion(acks=(Bury(lease, error),))


async def main(url, name, lease, stay_at, stay):
    pool = RedisPool(RedisAddress(url))
    queue = build_queue(pool, consumer=name)
    done = RedisQueue(pool, ANALYSIS_QUEUE, consumer=name, prefix=PREFIX)
    consumer = Consumer(
        queue, RedisCompleter(None, [queue, done]), prefetch=4, lease_duration=float(lease)
    )
    root = supervised(consumer, Handler(name, int(stay_at), float(stay)))
    async with trio.open_nursery() as nursery:
        await nursery.start(root.run)
        say("ready", name)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])

"""A consumer over the queue in memory with its actors, on trio's clock."""

import math
from contextlib import asynccontextmanager

import trio

from hsid.queues.completer import OrderedCompleter
from hsid.queues.completion import Ack, Bury, Completion
from hsid.queues.consumer import Consumer
from hsid.queues.memory import MemoryQueue
from hsid.queues.protocol import Entry, QueueUnavailableError
from hsid.queues.retry import RetryPolicy
from supervision._attention import Attention


class Life(Attention):
    """The life of one actor, as its supervisor would hand it in."""

    def __init__(self):
        super().__init__(heartbeat_timeout=4)
        self.is_ready = trio.Event()
        self.ended = trio.Event()
        self.scope = trio.CancelScope()
        self.beats = []

    def ready(self):
        self.is_ready.set()

    def beat(self):
        super().beat()
        self.beats.append(trio.current_time())


class Recorder:
    """A handler that notes what it did; `work` is what it awaits before it acknowledges."""

    def __init__(self, work=trio.lowlevel.checkpoint):
        self.begun = []
        self.handled = []
        self.given_up = []
        self._work = work

    async def handle(self, lease):
        self.begun.append(lease.entry.id)
        await self._work()
        self.handled.append(lease.entry.id)
        return Completion(acks=(Ack(lease),))

    def give_up(self, lease, error):
        self.given_up.append((lease.entry.id, error))
        return Completion(acks=(Bury(lease, error),))


class Failing(Recorder):
    """A handler that always raises."""

    async def handle(self, lease):
        self.begun.append(lease.entry.id)
        raise ValueError("poison")


class Gate(OrderedCompleter):
    """A completer that can be shut, made unreachable, and asked for its groups."""

    def __init__(self, queues):
        super().__init__(None, queues)
        self.is_away = False
        self.open = trio.Event()
        self.open.set()
        self.groups = []

    async def complete(self, completions):
        if self.is_away:
            raise QueueUnavailableError("away")
        self.groups.append(len(completions))
        await self.open.wait()
        return await super().complete(completions)


class House:
    """A queue, its consumer, and the actors that a test starts."""

    def __init__(self, nursery, *, queue=None, completer=Gate, handle_within=math.inf, **options):
        self.nursery = nursery
        self.queue = queue or MemoryQueue("detection_queue")
        self.gate = completer([self.queue])
        self.consumer = Consumer(
            self.queue,
            self.gate,
            retry=RetryPolicy(first=1, longest=100, jitter=0),
            handle_within=handle_within,
            **options,
        )

    async def put(self, *names):
        await self.queue.put([Entry(name, {}) for name in names])

    async def start(self, run, *args):
        life = Life()
        self.nursery.start_soon(self._run, run, args, life)
        await life.is_ready.wait()
        return life

    async def _run(self, run, args, life):
        with life.scope:
            await run(*args, life)
        life.ended.set()

    async def start_all(self, *handlers):
        self.committer = await self.start(self.consumer.run_committer)
        self.pump = await self.start(self.consumer.run_pump)
        return [await self.start(self.consumer.serve, handler) for handler in handlers]

    async def wait_settled(self):
        while (await self.queue.stats()).depth:
            await trio.sleep(0.5)


@asynccontextmanager
async def open_house(**options):
    """Give a house; whatever still runs in it at the end is cancelled."""
    async with trio.open_nursery() as nursery:
        yield House(nursery, **options)
        nursery.cancel_scope.cancel()

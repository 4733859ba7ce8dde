"""The producing process of a peer: `python -m benchmarks._peers._send PEER SENDERS SECONDS COUNT`.

It waits until the peer's worker answers, tries its speed with a few messages, sends as many as fit
SECONDS at that speed but at most COUNT, SENDERS at once, and prints what came of them.
"""

import asyncio
import importlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from benchmarks._peers._task import tally
from benchmarks._queue_tally import message

TRIAL = 200
"""How many messages are sent to learn the speed; they come before those that are measured."""
_PATIENCE_S = 40.0
_ASK_AGAIN_S = 2.0  # a worker that reads a stream from its end has missed the first question

Sender = Callable[[Iterable[int]], None]


def sender_of(peer: ModuleType, at_once: int) -> Sender:
    """Return what sends messages, *at_once* at a time."""
    if peer.IS_ASYNC:
        return _async_sender(peer, at_once)
    send: Callable[[Any], object] = peer.connect()
    if at_once == 1:
        return lambda numbers: _send_each(send, numbers)
    pool = ThreadPoolExecutor(at_once)

    def send_by_threads(numbers: Iterable[int]) -> None:
        shared = iter(numbers)
        done = [pool.submit(_send_each, send, shared) for _ in range(at_once)]
        for one in done:
            one.result()

    return send_by_threads


def _send_each(send: Callable[[Any], object], numbers: Iterable[int]) -> None:
    for number in numbers:
        send(message(number))


def _async_sender(peer: ModuleType, at_once: int) -> Sender:
    runner = asyncio.Runner()
    send: Callable[[Any], Awaitable[object]] = runner.run(peer.connect())

    async def send_each(numbers: Iterable[int]) -> None:
        for number in numbers:
            await send(message(number))

    async def send_by_tasks(numbers: Iterable[int]) -> None:
        shared = iter(numbers)
        await asyncio.gather(*(send_each(shared) for _ in range(at_once)))

    return lambda numbers: runner.run(send_by_tasks(numbers))


def wait_until_handled(first: int, last: int, seconds: float) -> bool:
    """Wait until the messages *first* to *last* - 1 were handled; tell whether they were."""
    deadline = time.monotonic() + seconds
    while missing := tally().missing(first, last):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02 if missing > TRIAL else 0.005)
    return True


def wait_for_worker(send: Sender) -> None:
    """Wait until the worker has handled message 0."""
    for _ in range(round(_PATIENCE_S / _ASK_AGAIN_S)):
        send(range(1))
        if wait_until_handled(0, 1, _ASK_AGAIN_S):
            return
    raise TimeoutError("the worker never handled a message")


def measure(send: Sender, first: int, count: int) -> dict[str, float]:
    """Send *count* messages and wait until all are handled."""
    began = time.monotonic()
    send(range(first, first + count))
    sent = time.monotonic()
    if not wait_until_handled(first, first + count, _PATIENCE_S):
        raise TimeoutError(f"{tally().missing(first, first + count)} messages were never handled")
    ended = tally().last_handled(first, first + count)
    return {
        "messages": count,
        "per_second": round(count / (ended - began), 1),
        "sent_per_second": round(count / (sent - began), 1),
    }


def main() -> None:
    """Measure one peer."""
    name, at_once, seconds, most = sys.argv[1:]
    peer = importlib.import_module(f"benchmarks._peers.{name}_peer")
    send = sender_of(peer, int(at_once))
    wait_for_worker(send)
    trial = min(TRIAL, int(most))
    speed = measure(send, 1, trial)["per_second"]
    count = min(int(most), max(trial, round(speed * float(seconds))))
    print(json.dumps(measure(send, 1 + trial, count)))


if __name__ == "__main__":
    main()

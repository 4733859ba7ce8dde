"""One connection to Redis, whose commands run in a worker thread and can be cancelled.

Guarantees that a reply is given to the call that it belongs to and to no other: a connection on
which a command was sent and its reply not read is never used again. A call that is cancelled has
its socket shut down, which ends its thread at once; no thread is left behind with an unread reply.
What it does not promise: that a call that failed or was cancelled had no effect.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Generic, Protocol, TypeAlias, TypeVar

import redis
import trio
from redis import exceptions

from hsid.model import Seconds
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import RedisError, redis_fault
from hsid.queues.redis.line import RedisLine
from hsid.queues.redis.state import RedisStateKeeper

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Call: TypeAlias = Callable[[redis.Redis], T]
"""Commands to carry out in a worker thread; it touches nothing but the client."""

LONGEST_BLOCK: Seconds = 1.0
"""How long a reading command may block on the server."""

_END_DEADLINE: Seconds = 2.0
"""How long the thread of a cancelled call may take to end; its socket is shut down then."""
_UNBLOCK_AGAIN: Seconds = 0.05  # the first may have come before the command that it was to end


class RedisConnection:
    """A connection that is made when it is first used, and made anew after it was lost.

    One caller has it at a time, others wait for their turn: there are never more threads than
    connections.

    Args:
        address: Where it leads.
        keeper: Learns how the calls end.
        unblock: Ends the blocking command of the client with this id, from another connection.
    """

    def __init__(
        self,
        address: RedisAddress,
        keeper: RedisStateKeeper,
        unblock: Callable[[int], Awaitable[object]],
    ) -> None:
        self._address = address
        self._keeper = keeper
        self._unblock = unblock
        self._turn = trio.Lock()
        self._line: RedisLine | None = None

    @property
    def version(self) -> str | None:
        """The server's version, None while there is no connection."""
        return None if self._line is None else self._line.version

    @property
    def history(self) -> str | None:
        """Which history of its data the server told of, None while that is not known."""
        return None if self._line is None else self._line.history

    async def run(self, call: Call[T]) -> T:
        """Carry out *call* and return its result.

        *Cancellation*: leaves at once; the connection is closed, and whether the call had its
        effect is unknown.

        Raises:
            RedisUnavailableError: It may go well later.
            RedisRefusedError: It will not, until a person has mended something.
        """
        async with self._turn:
            line, job = self._begin(call)
            try:
                await job.wait()
            except trio.Cancelled:
                self._line = None
                await _end(line, job)
                raise
            return self._result_of(job)

    async def run_blocking(self, call: Call[T]) -> T:
        """Carry out *call*, which blocks on the server for at most `LONGEST_BLOCK`.

        *Cancellation*: exact. The server is told to end the command, and what it had given
        meanwhile is returned, so that nothing is taken from a stream by nobody.

        Raises:
            RedisUnavailableError: As `run`.
            RedisRefusedError: As `run`.
        """
        async with self._turn:
            line, job = self._begin(call)
            try:
                await job.wait()
            except trio.Cancelled:
                await self._end_block(line, job)
                if not job.is_ended:
                    raise
            return self._result_of(job)

    def close(self) -> None:
        """Close the connection; a call that is under way fails. The next one makes it anew."""
        line, self._line = self._line, None
        if line is None:
            return
        if self._turn.locked():
            line.cut()
        else:
            line.close()

    def _begin(self, call: Call[T]) -> tuple[RedisLine, "_Job[T]"]:
        if self._line is None:
            try:
                self._line = RedisLine(self._address)
            except RedisError as error:
                self._keeper.failed(error)
                raise
        return self._line, _Job(partial(call, self._line.client))

    def _result_of(self, job: "_Job[T]") -> T:
        try:
            result = job.result()
        except Exception as error:
            # Only a reply that says no is known to be the last one on its way.
            if not isinstance(error, exceptions.ResponseError):
                self._drop()
            fault = redis_fault(error, self._address.masked)
            if fault is None:
                raise
            self._note(fault)
            if fault is error:
                raise
            raise fault from error
        self._keeper.succeeded()
        return result

    def _note(self, fault: RedisError) -> None:
        if fault.spoils_connection:
            self._drop()
        self._keeper.failed(fault)

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None

    async def _end_block(self, line: RedisLine, job: "_Job[T]") -> None:
        with trio.move_on_after(_END_DEADLINE, shield=True):
            # Where the server does not even do that, the socket is shut down below.
            with suppress(RedisError):
                # Without an id there is no connection yet, and so no command on its way.
                while not job.is_ended and line.client_id is not None:
                    await self._unblock(line.client_id)
                    with trio.move_on_after(_UNBLOCK_AGAIN):
                        await job.wait()
        if not job.is_ended:
            self._line = None
            await _end(line, job)


async def _end(line: RedisLine, job: "_Job[T]") -> None:
    """End the thread of a call that nobody waits for any more.

    One that is still connecting is left to itself: nothing was sent, nothing will be, and it
    closes what it makes. To wait for it would take as long as the way to the server is broken.
    """
    if line.cut():
        with trio.move_on_after(_END_DEADLINE, shield=True):
            await job.wait()
        if job.is_ended:
            line.close()


class _Result(Protocol[T_co]):
    def unwrap(self) -> T_co: ...


class _Job(Generic[T]):
    """A call in a worker thread; it goes on when the task that waits for it is cancelled."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._result: _Result[T] | None = None
        self._ended = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        trio.lowlevel.start_thread_soon(call, self._deliver, "hsid redis")

    @property
    def is_ended(self) -> bool:
        return self._ended.is_set()

    async def wait(self) -> None:
        await self._ended.wait()

    def result(self) -> T:
        """Return or raise what the call did, once it has ended."""
        if self._result is None:
            raise RuntimeError("the call has not ended")
        return self._result.unwrap()

    def _deliver(self, result: _Result[T]) -> None:
        self._result = result
        # Only an attempt to connect that was left to itself may outlive the event loop.
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._ended.set)

"""A way to the server that can be broken: bytes go through it until it is told otherwise."""

import socket
import struct
from contextlib import contextmanager, suppress
from select import select
from threading import Event, Thread

_RESET = struct.pack("ii", 1, 0)  # closing with this sends RST


class Link:
    """Passes connections on to *port*, from a port of its own; one thread has all the sockets.

    `is_dead`: whatever comes is swallowed and nothing is closed, as by a cable that was pulled.
    """

    def __init__(self, port):
        self.is_dead = False
        self._target = port
        self._other_end = {}
        self._is_ending, self._is_resetting, self._is_reset = Event(), Event(), Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._thread = Thread(target=self._run)
        self._thread.start()

    def reset(self):
        """End all connections as a machine does that has crashed and is back."""
        self._is_reset.clear()
        self._is_resetting.set()
        assert self._is_reset.wait(timeout=10)

    def close(self):
        self._is_ending.set()
        self._thread.join(timeout=10)

    def _run(self):
        with self._listener:
            while not self._is_ending.is_set():
                if self._is_resetting.is_set():
                    self._end_all()
                    self._is_resetting.clear()
                    self._is_reset.set()
                for end in select([self._listener, *self._other_end], [], [], 0.005)[0]:
                    self._serve(end)
            self._end_all()

    def _serve(self, end):
        if end is self._listener:
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._target))
            self._other_end |= {near: far, far: near}
        elif end in self._other_end and not self._pass_on(end):
            self._end(end)

    def _pass_on(self, end):
        try:
            data = end.recv(65536)
            if data and not self.is_dead:
                self._other_end[end].sendall(data)
        except OSError:
            return False
        return bool(data)

    def _end(self, end):
        other = self._other_end.pop(end)
        del self._other_end[other]
        for each in (end, other):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            each.close()

    def _end_all(self):
        while self._other_end:
            self._end(next(iter(self._other_end)))


@contextmanager
def open_link(port):
    link = Link(port)
    try:
        yield link
    finally:
        link.close()


@contextmanager
def serving(answer):
    """Say *answer* to whoever connects, as another kind of service does; give its port."""

    def serve():
        # The end of the block ends the wait for another caller.
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                with caller:
                    caller.recv(1000)
                    caller.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)

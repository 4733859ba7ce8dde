"""The daemon's voice: what is decided in `service`, said over `notify` at the present time.

Belongs to the event loop's thread. Without a service manager it says nothing, at no cost.
"""

import time
from collections.abc import MutableMapping
from typing import Self

import trio

from hsid.observe.logging import get_logger
from hsid.observe.notify import NotifySocket, take_watchdog
from hsid.observe.service import Service, Signs
from supervision import Event, EventSink, Seconds, SupervisorReady, SupervisorStopping, dump_stacks

_log = get_logger("hsid.service_manager")


class ServiceManager:
    """Tells the service manager on the other end of *line* how the daemon is."""

    def __init__(self, line: NotifySocket, watchdog: Seconds | None = None) -> None:
        self._line = line
        self._service = Service(watchdog)
        self._stuck: tuple[str, ...] = ()

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str]) -> Self:
        """Return the one that *environment* names, and take its variables out of there."""
        return cls(NotifySocket.taken_from(environment), take_watchdog(environment))

    @classmethod
    def absent(cls) -> Self:
        """Return one that listens to nothing."""
        return cls(NotifySocket(None))

    @property
    def is_listening(self) -> bool:
        """Whether there is a service manager."""
        return self._line.is_connected

    @property
    def pulse_interval(self) -> Seconds:
        """How often `pulse` is to be called."""
        return self._service.pulse_interval

    def preparing(self, status: str) -> None:
        """Tell what is begun before the tree is started."""
        self._line.send(self._service.preparing(status, trio.current_time()))

    def progressing(self, status: str) -> None:
        """Tell what goes on before the tree is started; each call is a step forward."""
        self._line.send(self._service.progressing(status, trio.current_time()))

    def ready(self, status: str) -> None:
        """Tell that all works."""
        self._line.send(self._service.ready(status, trio.current_time()))

    def reloading(self) -> None:
        """Tell that the settings are read anew."""
        self._line.send(self._service.reloading(trio.current_time(), time.monotonic()))

    def reloaded(self, status: str) -> None:
        """Tell that this is over, well or not."""
        self._line.send(self._service.reloaded(status, trio.current_time()))

    def stopping(self) -> None:
        """Tell that the stop has begun."""
        self._line.send(self._service.stopping(trio.current_time()))

    def pulse(self, signs: Signs) -> None:
        """Tell what *signs* are worth; say in the log when a part is found dead."""
        self._line.send(self._service.pulse(signs, trio.current_time()))
        if signs.stuck and signs.stuck != self._stuck:
            _log.critical("parts_are_stuck", parts=signs.stuck)
            dump_stacks(f"stuck: {', '.join(signs.stuck)}; the watchdog is not fed any more")
        self._stuck = signs.stuck


class TurnSink:
    """Tells *manager* when the tree whose root is at *path* is ready, and when it stops.

    All events go on to *sink*.
    """

    def __init__(self, manager: ServiceManager, path: str, sink: EventSink) -> None:
        self._manager = manager
        self._path = path
        self._sink = sink

    def emit(self, event: Event) -> None:
        """Take *event*."""
        self._sink.emit(event)
        match event:
            case SupervisorReady(supervisor=self._path):
                self._manager.ready("running")
            case SupervisorStopping(supervisor=self._path):
                self._manager.stopping()
            case _:
                return

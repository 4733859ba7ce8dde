"""The daemon: start, signals, stop.

Guarantees that a second daemon on the same data is refused, that the first SIGTERM or SIGINT stops
in order (what is in hand is finished or given back), that a second one hurries and a third one ends
the process, and that a failure of the tree ends it with a status that is not 0. SIGHUP has the
settings read anew, SIGUSR1 writes what everything is doing to stderr. A service manager is told of
each turn, and that the daemon is ready only when it is.
"""

import faulthandler
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import trio

from hsid import __version__
from hsid.activation import NO_SOCKETS, ActivationError, PassedSockets, take_passed_sockets
from hsid.config import Settings
from hsid.config.advice import advice_on
from hsid.config.urls import mask_url
from hsid.constants import EXIT_CONFIG
from hsid.dump import dumping_on_signal
from hsid.house import open_house
from hsid.intake.errors import UnknownTimezoneError
from hsid.model import Seconds
from hsid.observe.logging import get_logger
from hsid.observe.metrics import record_config_reload
from hsid.observe.service_manager import ServiceManager
from hsid.queues.protocol import QueueRefusedError, QueueUnavailableError
from hsid.steering import Steering
from hsid.store.database import is_postgresql, look_for_damage, open_database
from hsid.store.errors import (
    MISCONFIGURED,
    ServerRefusedError,
    StoreCorruptError,
    StoreError,
    StoreUnavailableError,
)
from hsid.store.lock import DataDirLock
from hsid.store.migration import telling_progress
from hsid.topology import build_tree
from supervision import (
    STOP_SIGNALS,
    ChildSnapshot,
    EscalationError,
    StopSignals,
    Supervisor,
    catch_stop_signals,
)

if TYPE_CHECKING:
    from hsid.redis import RedisClient

EXIT_FAILED = 1
_GREETING_PATIENCE: Seconds = 3.0
_LOOKING_FOR_DAMAGE: Seconds = 1.0

_log = get_logger("hsid.daemon")


def run(settings: Settings, read_settings: Callable[[], Settings]) -> int:
    """Run the daemon until a signal ends it; return the exit status of the process.

    *read_settings* reads them anew, from the same places as the first time.
    """
    if sys.__stderr__ is not None:
        # A service manager that gives up on us sends SIGABRT: then it is said where we were.
        faulthandler.enable(sys.__stderr__)
    # What is started from here must not speak to the service manager for us.
    manager = ServiceManager.taken_from(os.environ)
    try:
        passed = take_passed_sockets(os.environ)
        trio.run(_run_until_signalled, Daemon(settings, read_settings, manager, passed))
    except (*MISCONFIGURED, StoreCorruptError) as error:
        _log.critical("daemon_failed", error=str(error), database=mask_url(settings.database_url))
        return EXIT_CONFIG
    except (StoreError, EscalationError, UnknownTimezoneError) as error:
        _log.critical("daemon_failed", error=str(error), database=mask_url(settings.database_url))
        return EXIT_FAILED
    except (QueueRefusedError, ActivationError) as error:
        _log.critical("daemon_failed", error=str(error))
        return EXIT_CONFIG
    return 0


async def run_daemon(
    settings: Settings, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run the daemon inside of another program: no signals, no service manager.

    `nursery.start` waits until all of it is ready. See `Daemon.run`.
    """
    daemon = Daemon(settings, lambda: settings)
    await daemon.run(task_status=task_status)


class Daemon:
    """One daemon, from its settings to its end."""

    def __init__(
        self,
        settings: Settings,
        read_settings: Callable[[], Settings],
        manager: ServiceManager | None = None,
        passed: PassedSockets = NO_SOCKETS,
    ) -> None:
        self.manager = manager or ServiceManager.absent()
        self._settings = settings
        self._read_settings = read_settings
        self._passed = passed
        self._root: Supervisor | None = None
        self._hangup: Callable[[], None] | None = None
        self._is_hung_up = False

    async def run(
        self,
        signals: StopSignals | None = None,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run until it is told to stop; `nursery.start` waits until all of it is ready.

        *signals* stop it, in order; one that came before the tree ran keeps it from being started.

        Cancellation: stops in order first.

        Raises:
            StoreError: The database can't be used, or another daemon works on it. A server that is
                away is waited for, not one that refuses the login.
            UnknownTimezoneError: A camera's time zone is not known here.
            QueueRefusedError: The Redis server is there, and something must be mended first.
            EscalationError: The tree has failed.
        """
        settings = self._settings
        for advice in advice_on(settings):
            _log.warning("configuration_advice", advice=advice)
        self.manager.preparing("opening the database")
        with DataDirLock(settings.data_dir):
            await trio.to_thread.run_sync(_prepare_database, settings, self._tell_progress)
            async with open_house(settings, self._passed) as house:
                if house.backing.redis is not None:
                    await _greet(house.backing.redis)
                self._take_hangups(house.hangup.give)
                self.manager.preparing("starting the actors")
                record_config_reload(successful=True)
                _log.info(
                    "daemon_starting",
                    version=__version__,
                    data_dir=str(settings.data_dir),
                    watch_root=str(settings.foscam_base_path),
                    detector=house.detector.name,
                    analyst=house.analyst.name,
                    passed_sockets=sorted(self._passed.names),
                )
                steering = Steering(house, self._read_settings, self.manager)
                root = self._root = build_tree(house, steering, self.manager)
                run = root.run if signals is None else partial(signals.run, root)
                await run(task_status=task_status)
        _log.info("daemon_stopped")

    def tree(self) -> ChildSnapshot | None:
        """Return how the tree stands, None before there is one."""
        return self._root.tree() if self._root else None

    def hang_up(self) -> None:
        """Have the settings read anew, once everything runs; to be called in the event loop."""
        self._is_hung_up = True
        if self._hangup is not None:
            self._hangup()

    def _take_hangups(self, give: Callable[[], None]) -> None:
        self._hangup = give
        if self._is_hung_up:
            give()

    def _tell_progress(self, words: str) -> None:
        trio.from_thread.run_sync(self.manager.progressing, words)


async def _run_until_signalled(daemon: Daemon) -> None:
    def on_stop(number: signal.Signals, count: int) -> None:
        daemon.manager.stopping()
        _log.info("signal_received", signal=number.name, count=count)

    with (
        catch_stop_signals(on_signal=on_stop) as signals,
        _reloading_on_hangup(daemon),
        dumping_on_signal(daemon.tree),
    ):
        # Whoever started us may have held them back while we loaded: they are heard now.
        held = (*STOP_SIGNALS, signal.SIGHUP, signal.SIGUSR1)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        await daemon.run(signals)


@contextmanager
def _reloading_on_hangup(daemon: Daemon) -> Iterator[None]:
    token = trio.lowlevel.current_trio_token()

    def hear(_number: int, _frame: FrameType | None) -> None:
        token.run_sync_soon(daemon.hang_up, idempotent=True)

    before = signal.signal(signal.SIGHUP, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


async def _greet(redis: "RedisClient") -> None:
    """Look whether the server is fit for queues; one that does not answer is waited for later."""
    with trio.move_on_after(_GREETING_PATIENCE) as patience:
        try:
            await redis.connect()
        except QueueRefusedError:
            raise
        except QueueUnavailableError as error:
            _log.warning("redis_unavailable", error=str(error))
    if patience.cancelled_caught:
        _log.warning("redis_unavailable", error="no answer yet")


def _prepare_database(settings: Settings, tell: Callable[[str], object]) -> None:
    """Look through, make or migrate the database first of all; a server may come later."""
    url = settings.database_url
    if not look_for_damage(url, within=_LOOKING_FOR_DAMAGE):
        _log.info("database_looked_at_in_part", advice="`hsid db verify` looks at all of it")
    try:
        with telling_progress(tell):
            open_database(url, auto_migrate=settings.database_auto_migrate).close()
    except ServerRefusedError:
        raise
    except StoreUnavailableError as error:
        if not is_postgresql(url):
            raise
        _log.warning("database_unavailable", error=str(error), database=mask_url(url))

"""The daemon: start, signals, stop.

Guarantees that a second daemon on the same data is refused, that the first SIGTERM or SIGINT stops
in order (what is in hand is finished or given back), that a second one hurries and a third one ends
the process, and that a failure of the tree ends it with a status that is not 0.
"""

import signal
from functools import partial
from typing import TYPE_CHECKING

import trio

from hsid import __version__
from hsid.config import Settings
from hsid.config.advice import advice_on
from hsid.config.urls import mask_url
from hsid.constants import EXIT_CONFIG
from hsid.house import open_house
from hsid.intake.errors import UnknownTimezoneError
from hsid.model import Seconds
from hsid.observe.logging import get_logger
from hsid.observe.metrics import record_config_reload
from hsid.queues.protocol import QueueRefusedError, QueueUnavailableError
from hsid.store.database import is_postgresql, look_for_damage, open_database
from hsid.store.errors import (
    MISCONFIGURED,
    ServerRefusedError,
    StoreCorruptError,
    StoreError,
    StoreUnavailableError,
)
from hsid.store.lock import DataDirLock
from hsid.topology import build_tree
from supervision import STOP_SIGNALS, EscalationError, StopSignals, catch_stop_signals

if TYPE_CHECKING:
    from hsid.redis import RedisClient

EXIT_FAILED = 1
_GREETING_PATIENCE: Seconds = 3.0
_LOOKING_FOR_DAMAGE: Seconds = 1.0

_log = get_logger("hsid.daemon")


def run(settings: Settings) -> int:
    """Run the daemon until a signal ends it; return the exit status of the process."""
    try:
        trio.run(_run_until_signalled, settings)
    except (*MISCONFIGURED, StoreCorruptError) as error:
        _log.critical("daemon_failed", error=str(error), database=mask_url(settings.database_url))
        return EXIT_CONFIG
    except (StoreError, EscalationError, UnknownTimezoneError) as error:
        _log.critical("daemon_failed", error=str(error), database=mask_url(settings.database_url))
        return EXIT_FAILED
    except QueueRefusedError as error:
        _log.critical("daemon_failed", error=str(error))
        return EXIT_CONFIG
    return 0


async def _run_until_signalled(settings: Settings) -> None:
    with catch_stop_signals(on_signal=_log_signal) as signals:
        # Whoever started us may have held them back while we loaded: they are heard now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        await run_daemon(settings, signals=signals)


def _log_signal(number: signal.Signals, count: int) -> None:
    _log.info("signal_received", signal=number.name, count=count)


async def run_daemon(
    settings: Settings,
    *,
    signals: StopSignals | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the daemon until it is told to stop; `nursery.start` waits until all of it is ready.

    *signals* stop it, in order; one that came before the tree ran keeps it from being started.

    Cancellation: stops in order first.

    Raises:
        StoreError: The database can't be used, or another daemon works on it. A server that is
            away is waited for, not one that refuses the login.
        UnknownTimezoneError: A camera's time zone is not known here.
        QueueRefusedError: The Redis server is there, and something must be mended first.
        EscalationError: The tree has failed.
    """
    for advice in advice_on(settings):
        _log.warning("configuration_advice", advice=advice)
    with DataDirLock(settings.data_dir):
        await trio.to_thread.run_sync(_prepare_database, settings)
        async with open_house(settings) as house:
            if house.backing.redis is not None:
                await _greet(house.backing.redis)
            record_config_reload(successful=True)
            _log.info(
                "daemon_starting",
                version=__version__,
                data_dir=str(settings.data_dir),
                watch_root=str(settings.foscam_base_path),
                detector=house.detector.name,
                analyst=house.analyst.name,
            )
            root = build_tree(house)
            run = root.run if signals is None else partial(signals.run, root)
            await run(task_status=task_status)
    _log.info("daemon_stopped")


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


def _prepare_database(settings: Settings) -> None:
    """Look through, make or migrate the database first of all; a server may come later."""
    url = settings.database_url
    if not look_for_damage(url, within=_LOOKING_FOR_DAMAGE):
        _log.info("database_looked_at_in_part", advice="`hsid db verify` looks at all of it")
    try:
        open_database(url, auto_migrate=settings.database_auto_migrate).close()
    except ServerRefusedError:
        raise
    except StoreUnavailableError as error:
        if not is_postgresql(url):
            raise
        _log.warning("database_unavailable", error=str(error), database=mask_url(url))

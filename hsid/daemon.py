"""The daemon: start, signals, stop.

Guarantees that a second daemon on the same data is refused, that the first SIGTERM or SIGINT stops
in order (what is in hand is finished or given back), that a second one hurries, and that a failure
of the tree ends the process with a status that is not 0.
"""

import os
import signal
from functools import partial

import trio

from hsid import __version__
from hsid.config import Settings
from hsid.config.advice import advice_on
from hsid.config.urls import mask_url
from hsid.house import configured_cameras, open_house
from hsid.intake.errors import UnknownTimezoneError
from hsid.observe.logging import get_logger
from hsid.store import cameras
from hsid.store.connect import database_path
from hsid.store.database import open_database
from hsid.store.errors import StoreError
from hsid.store.lock import DataDirLock
from hsid.topology import build_tree
from supervision import EscalationError, Supervisor

EXIT_FAILED = 1

_PATIENT_SIGNALS = 2
"""One more ends the process at once, whatever it was doing."""

_log = get_logger("hsid.daemon")


def run(settings: Settings) -> int:
    """Run the daemon until a signal ends it; return the exit status of the process."""
    try:
        trio.run(partial(run_daemon, settings, obeys_signals=True))
    except (StoreError, EscalationError, UnknownTimezoneError) as error:
        _log.critical("daemon_failed", error=str(error), database=mask_url(settings.database_url))
        return EXIT_FAILED
    return 0


async def run_daemon(
    settings: Settings,
    *,
    obeys_signals: bool = False,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the daemon until it is told to stop; `nursery.start` waits until all of it is ready.

    Cancellation: stops in order first.

    Raises:
        StoreError: The database can't be used, or another daemon works on it.
        UnknownTimezoneError: A camera's time zone is not known here.
        EscalationError: The tree has failed.
    """
    for advice in advice_on(settings):
        _log.warning("configuration_advice", advice=advice)
    with DataDirLock(settings.data_dir):
        await trio.to_thread.run_sync(_prepare_database, settings)
        async with open_house(settings) as house:
            _log.info(
                "daemon_starting",
                version=__version__,
                data_dir=str(settings.data_dir),
                watch_root=str(settings.foscam_base_path),
                detector=house.detector.name,
                analyst=house.analyst.name,
            )
            await _run_tree(build_tree(house), obeys_signals, task_status)
    _log.info("daemon_stopped")


async def _run_tree(
    root: Supervisor,
    obeys_signals: bool,  # noqa: FBT001 - private
    task_status: trio.TaskStatus[None],
) -> None:
    failure: EscalationError | None = None
    async with trio.open_nursery() as nursery:
        if obeys_signals:
            await nursery.start(_obey_signals, root)
        try:
            await root.run(task_status=task_status)
        except EscalationError as error:
            failure = error  # raised outside of the nursery, which would wrap it
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _obey_signals(root: Supervisor, *, task_status: trio.TaskStatus[None]) -> None:
    """Stop at the first signal, hurry at the second, end the process at the third."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        count = 0
        async for number in received:
            count += 1
            _log.info("signal_received", signal=signal.Signals(number).name, count=count)
            if count > _PATIENT_SIGNALS:
                os._exit(128 + number)
            root.stop(urgent=count > 1)


def _prepare_database(settings: Settings) -> None:
    """Make or migrate the database before anything leans on it, and note the cameras' settings."""
    with (
        open_database(database_path(settings.database_url)) as database,
        database.transaction() as connection,
    ):
        cameras.configure(connection, configured_cameras(settings))

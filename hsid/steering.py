"""Turns the daemon as a whole: reload, drain, stop. See `hsid.controls` for what each promises.

A reload checks everything before it changes anything, and tells the service manager that it is over
however it ended. One at a time; who is cancelled in the middle of it has it finished all the same.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import trio

from hsid.config import ConfigError, Settings
from hsid.controls import (
    RENEWED,
    DrainReport,
    ReloadRefusedError,
    ReloadReport,
    Taker,
    compare,
)
from hsid.house import House
from hsid.intake.errors import UnknownTimezoneError
from hsid.model import Seconds
from hsid.observe.logging import get_logger, setup_logging
from hsid.observe.metrics import record_config_reload
from hsid.observe.service_manager import ServiceManager
from hsid.store.errors import StoreError
from supervision import (
    ChildStartFailed,
    RequestRefused,
    Supervisor,
    SupervisorNotRunning,
)

_log = get_logger("hsid.steering")

_READING_DEADLINE: Seconds = 30.0
"""For all sources to be read, and the database to take what concerns it."""
_RENEWAL_DEADLINE: Seconds = 30.0
"""For the actors to be back at work; those that are not by then are seen to later."""
_WORKING = frozenset({"starting", "ready"})
"""The states of an actor that was started with the settings of before."""
_TAKING_WORK = ("watcher", "reconciler", "detector-", "batcher", "analyzer")


class Steering:
    """Turns the daemon that lives in *house*; *read_settings* reads all sources anew."""

    def __init__(
        self, house: House, read_settings: Callable[[], Settings], manager: ServiceManager
    ) -> None:
        self._house = house
        self._read_settings = read_settings
        self._manager = manager
        self._one_at_a_time = trio.Lock()
        self._root: Supervisor | None = None
        self._pipeline: Supervisor | None = None
        self._homes: Mapping[str, Supervisor] = {}
        self._down: set[str] = set()
        self.last_reload: tuple[datetime, bool] | None = None
        """When the settings were last read anew, and whether they were taken up."""

    def take_tree(
        self, root: Supervisor, branches: Sequence[Supervisor], pipeline: Supervisor
    ) -> None:
        """Be told of the tree, which is made later than this."""
        self._root, self._pipeline = root, pipeline
        self._homes = {spec.id: branch for branch in branches for spec in branch.spec.children}

    async def reload(self) -> ReloadReport:
        """Read all settings anew and take up what can be.

        *Cancellation*: while another reload is waited for; once begun, it is finished.

        Raises:
            ReloadRefusedError: They can't be used; nothing has changed.
        """
        async with self._one_at_a_time:
            return await self._reload()

    async def _reload(self) -> ReloadReport:
        self._manager.reloading()
        status = "reload refused"
        try:
            report = await self._read_and_take()
            status = f"reloaded: {report}"
            await self._renew(report)
        except ReloadRefusedError as error:
            _log.error("reload_refused", error=str(error))
            status = f"reload refused: {error}"
            raise
        else:
            _log.info("reloaded", applied=report.applied, needs_restart=report.needs_restart)
            return report
        finally:
            self.last_reload = (datetime.now(UTC), status.startswith("reloaded"))
            record_config_reload(successful=self.last_reload[1])
            self._manager.reloaded(status)

    async def _read_and_take(self) -> ReloadReport:
        present = self._house.settings
        try:
            with trio.fail_after(_READING_DEADLINE, shield=True):
                read = await trio.to_thread.run_sync(self._read_settings, abandon_on_cancel=True)
                report = compare(present, read)
                await self._house.take(present.taking(read, report.applied))
        except trio.TooSlowError as error:
            words = f"the settings, or the database, took longer than {_READING_DEADLINE:g} s"
            raise ReloadRefusedError(words) from error
        except (ConfigError, UnknownTimezoneError, StoreError) as error:
            raise ReloadRefusedError(str(error)) from error
        if Taker.LOG in report.takers:
            setup_logging(self._house.settings)
        return report

    async def _renew(self, report: ReloadReport) -> None:
        """Start anew whoever was started with the settings of before.

        One that is down finds those in force when it is up again.
        """
        with trio.move_on_after(_RENEWAL_DEADLINE, shield=True):
            for actor in RENEWED:
                branch = self._homes.get(actor)
                if branch and actor in report.takers and _is_working(branch, actor):
                    self._down.add(actor)
                    await branch.terminate_child(actor)
            await self._raise()

    async def raise_fallen(self) -> None:
        """Try again to start those that a reload stopped and that did not come up since."""
        if self._down:
            async with self._one_at_a_time:
                await self._raise()

    async def _raise(self) -> None:
        # A request of ours has stopped them, so no restart by the rules would bring them back.
        for actor in sorted(self._down):
            try:
                await self._homes[actor].restart_child(actor)
            except ChildStartFailed as error:
                _log.warning("not_up_again", actor=actor, error=str(error))
            except (RequestRefused, SupervisorNotRunning):
                self._down.discard(actor)  # somebody else has seen to it, or everything stops
            else:
                self._down.discard(actor)

    async def drain(self, within: Seconds | None = None) -> DrainReport:
        """Take no new work, and wait until what is in hand is finished; see `Controls`."""
        house, limit = self._house, self._house.settings.drain_timeout_seconds
        consumers = (house.detection_consumer, house.analysis_consumer)
        for branch, actor in self._workers():
            await branch.pause_child(actor)
        with trio.move_on_after(limit if within is None else within):
            for consumer in consumers:
                await consumer.wait_idle()
        report = DrainReport(sum(consumer.handling for consumer in consumers))
        _log.info("drained", left=report.left)
        return report

    async def resume(self) -> None:
        """Take work again after a `drain`."""
        for branch, actor in self._workers():
            await branch.resume_child(actor)
        _log.info("resumed")

    def stop(self, *, urgent: bool = False) -> None:
        """Begin the stop of the daemon."""
        if self._root is not None:
            self._root.stop(urgent=urgent)

    def _workers(self) -> list[tuple[Supervisor, str]]:
        """Return the actors that take uploads in and on; those that tell of them go on."""
        pipeline = self._pipeline
        if pipeline is None:
            return []
        names = [child.id for child in pipeline.tree().children]
        return [(pipeline, name) for name in names if name.startswith(_TAKING_WORK)]


def _is_working(branch: Supervisor, actor: str) -> bool:
    return any(child.id == actor and child.state in _WORKING for child in branch.tree().children)

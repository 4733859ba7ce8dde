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

_RELOAD_DEADLINE: Seconds = 60.0
"""How long a reload goes on although nobody waits for it any more."""
_WORKING = frozenset({"starting", "ready"})
"""The states of an actor that was started with the settings of before."""


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
        self._at_work: tuple[str, ...] = ()
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

        Raises:
            ReloadRefusedError: They can't be used; nothing has changed.
        """
        with trio.move_on_after(_RELOAD_DEADLINE, shield=True):
            async with self._one_at_a_time:
                return await self._reload()
        raise ReloadRefusedError(f"not finished after {_RELOAD_DEADLINE:g} s")

    async def _reload(self) -> ReloadReport:
        self._manager.reloading()
        status = "reload refused"
        try:
            report = await self._read_and_take()
            status = f"reloaded: {report}"
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
            read = await trio.to_thread.run_sync(self._read_settings)
            report = compare(present, read)
            await self._house.take(present.taking(read, report.applied))
        except (ConfigError, UnknownTimezoneError, StoreError) as error:
            raise ReloadRefusedError(str(error)) from error
        if Taker.LOG in report.takers:
            setup_logging(self._house.settings)
        for actor in RENEWED:
            if actor in report.takers:
                await self._renew(actor)
        return report

    async def _renew(self, actor: str) -> None:
        """Start *actor* anew if it works; one that is down finds the settings when it is up."""
        branch = self._homes.get(actor)
        if branch is None or not self._is_working(branch, actor):
            return
        await branch.terminate_child(actor)
        self._down.add(actor)
        await self.raise_fallen()

    def _is_working(self, branch: Supervisor, actor: str) -> bool:
        return any(
            child.id == actor and child.state in _WORKING for child in branch.tree().children
        )

    async def raise_fallen(self) -> None:
        """Try again to start those that a reload stopped and that did not come up since.

        As a request of ours stopped them, no restart by the rules would bring them back.
        """
        for actor in tuple(self._down):
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
        """Return the actors of the pipeline: those that take uploads in and on."""
        pipeline = self._pipeline
        if pipeline is None:
            return []
        return [(pipeline, child.id) for child in pipeline.tree().children]

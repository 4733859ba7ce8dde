"""THE WHOLE SUPERVISION TREE, in one function. Read this first.

Each line names an actor, what becomes of it when it fails, and its budget. Children start in the
order of their lines, each when the one before is ready, and stop in the reverse order: what takes
work in stops first, what makes it durable last.

The only file that imports `actors`.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Protocol

from actors.analyzer import Analyzer
from actors.batcher import LOOK_EVERY, Batcher
from actors.detector import DetectionPolicy, DetectorActor
from actors.doors import ControlSocket, HouseControls, HouseSource
from actors.gpu_monitor import GpuMonitor
from actors.http_listener import HttpListener
from actors.log_writer import LogWriter
from actors.reconciler import Reconciler
from actors.retention import Retention
from actors.role_holder import RoleHolder
from actors.steersman import Steersman
from actors.store_writer import StoreWriter
from actors.terminator import Terminator
from actors.watcher import Watcher
from hsid.activation import CONTROL
from hsid.ai.filtering import normalise_label
from hsid.constants import ANALYSIS_QUEUE, DETECTION_QUEUE
from hsid.gpu.pressure import Throttle
from hsid.gpu.process import NvmlProcess
from hsid.house import House
from hsid.listening import open_listeners
from hsid.model import Seconds
from hsid.observe.metrics import CountedSink, Pages
from hsid.observe.service_manager import ServiceManager, TurnSink
from hsid.observe.supervision import SupervisionLog
from hsid.retention.settings import limits_of, places_of
from hsid.roles import Role
from hsid.sampling import Sampler
from hsid.steering import Steering
from hsid.store.database import is_postgresql
from hsid.store.errors import HOPELESS
from hsid.store.role_lock import RoleLock
from hsid.store.uploads import known_versions
from hsid.vitals import Vitals
from supervision import (
    Backoff,
    ChildMain,
    ChildSnapshot,
    ChildSpec,
    Context,
    EventSink,
    LoopMonitor,
    OnExhausted,
    Pulse,
    Strategy,
    Supervisor,
)


class Actor(Protocol):
    """What the tree is made of."""

    async def run(self, ctx: Context) -> None:
        """Work until asked to stop."""
        ...


_TIDYING: Seconds = 20
"""How long a stop may take beyond the entries in hand, before the process is ended."""


def build_tree(
    house: House, steering: Steering | None = None, manager: ServiceManager | None = None
) -> Supervisor:
    """Return the tree of the daemon that lives in *house*; nothing runs yet.

    *steering* is told of it, and *manager* hears how it fares.
    """
    drain = house.settings.drain_timeout_seconds
    steering = steering or Steering(house, lambda: house.settings, ServiceManager.absent())
    detections, analyses = house.detection_consumer, house.analysis_consumer
    detector = _detector(house)
    # Nothing here may work on the loop for a second, so who does is named in the log; a minute of
    # it is a loop that won't come back, and the service manager starts a new process.
    monitor = LoopMonitor(limit=1, hard_limit=60)
    # Each takes the actors of one role, and leaves them out on a node that does not have it.
    watching, detecting, batching, analysing, reconciling, retaining = (
        partial(_only_if, role in house.settings.roles) for role in Role
    )

    def look() -> ChildSnapshot:
        return root.tree()

    platform = Supervisor(
        "platform",
        [
            ChildSpec("store-writer", StoreWriter(house.store).run, drain=10, fatal=HOPELESS),
            ChildSpec("log-writer", LogWriter(house.store).run, drain=3),
            *detecting(ChildSpec("detection-committer", detections.run_committer, drain=5)),
            *analysing(ChildSpec("analysis-committer", analyses.run_committer, drain=5)),
            *detecting(ChildSpec("detection-pump", detections.run_pump, drain=5)),
            *analysing(ChildSpec("analysis-pump", analyses.run_pump, drain=5)),
        ],
        # Without heartbeats: they wait on the database, and one that is slow or away is no
        # reason to restart anything.
        intensity=3,
        period=10,
    )
    pipeline = Supervisor(
        "pipeline",
        [
            *_redis_leaves(house),
            *analysing(
                _leaf("analyzer", _analyzer(house).run, silent_for=analyses.handle_within + 30)
            ),
            *batching(_leaf("batcher", _anew(_batcher, house), silent_for=60, drain=5)),
            *detecting(
                *(
                    _leaf(f"detector-{n}", detector.run, silent_for=detections.handle_within + 30)
                    for n in range(1, house.detector.concurrency + 1)
                )
            ),
            *reconciling(_leaf("reconciler", _reconciler(house).run, silent_for=60, drain=2)),
            _leaf("terminator", Terminator((detections, analyses), drain).run, drain=drain + 1),
            # Never parked: a folder that is away, as a mount may be, is awaited for ever.
            *watching(
                ChildSpec(
                    "watcher",
                    _anew(_watcher, house),
                    drain=2,
                    heartbeat_timeout=60,
                    backoff=Backoff(minimum=0.2, maximum=10),
                    on_exhausted=OnExhausted.NEVER,
                    lenient_start=True,
                )
            ),
        ],
        intensity=3,
        period=5,
    )
    upkeep = Supervisor(
        "upkeep",
        [
            _leaf("gpu-monitor", _anew(_gpu_monitor, house), silent_for=60, drain=2),
            *retaining(_leaf("retention", _anew(_retention, house), silent_for=600, drain=5)),
        ],
        intensity=3,
        period=5,
    )
    socket = _control_socket(house, look, lambda: root, steering)
    doors = Supervisor(
        "doors",
        [
            ChildSpec("steersman", _steersman(house, steering).run),
            ChildSpec("control-socket", socket.run, drain=5),
            # A port that is taken parks its listener, and nothing else.
            *(_leaf(name, each.run, drain=5) for name, each in _listeners(house, look, monitor)),
        ],
        intensity=3,
        period=5,
    )
    sink: EventSink = CountedSink(SupervisionLog())
    root = Supervisor(
        "root",
        [platform, pipeline, upkeep, doors],
        strategy=Strategy.REST_FOR_ONE,
        intensity=3,
        period=60,
        hard_exit_after=drain + _TIDYING,
        loop_monitor=monitor,
        sink=TurnSink(manager, "root", sink) if manager else sink,
        pulse=_pulse(house, manager, look) if manager and manager.is_listening else None,
    )
    steering.take_tree(root, (platform, pipeline, upkeep, doors), pipeline)
    return root


def _pulse(house: House, manager: ServiceManager, look: Callable[[], ChildSnapshot]) -> Pulse:
    vitals = Vitals(house, manager.pulse_interval, partial(_outages, house))
    return Pulse(manager.pulse_interval, lambda: manager.pulse(vitals.signs(look())))


def _anew(build: Callable[[House], Actor], house: House) -> ChildMain:
    """Have each incarnation made anew, from the settings that are in force then."""

    async def run(ctx: Context) -> None:
        await build(house).run(ctx)

    return run


def _only_if(is_meant: bool, *specs: ChildSpec) -> tuple[ChildSpec, ...]:  # noqa: FBT001 - bound by position
    return specs if is_meant else ()


def _leaf(
    name: str, run: ChildMain, *, silent_for: Seconds | None = None, drain: Seconds = 0
) -> ChildSpec:
    """Return an actor whose failure concerns no other: after three quick restarts it is parked.

    Its first start may fail: a folder that is not mounted yet must not keep the daemon down. An
    actor that does not beat for *silent_for* seconds is restarted. Those that handle entries need
    no drain, the terminator has waited for them.
    """
    return ChildSpec(
        name,
        run,
        drain=drain,
        heartbeat_timeout=silent_for,
        backoff=Backoff(minimum=0.2, maximum=30),
        on_exhausted=OnExhausted.PARK,
        cooldown=60,
        lenient_start=True,
    )


def _redis_leaves(house: House) -> tuple[ChildSpec, ...]:
    """Return the actors of a house whose queues are on a Redis server."""
    redis = house.backing.redis
    if redis is None:
        return ()
    # The client library is for those who use it: an embedded daemon is to stay small.
    from actors.announcer import Announcer  # noqa: PLC0415
    from actors.redis_monitor import RedisMonitor  # noqa: PLC0415

    announcer = Announcer(redis, house.settings.redis_event_channel, house.announcements)
    return (
        _leaf("redis-monitor", RedisMonitor(redis).run, silent_for=120),
        _leaf("announcer", announcer.run, silent_for=120),
    )


def _watcher(house: House) -> Watcher:
    settings = house.settings
    return Watcher(
        root=settings.foscam_base_path,
        inspector=house.inspector,
        feeder=house.backing.feeder,
        known_versions=lambda: house.store.read(known_versions),
        settle_seconds=settings.settle_seconds,
        rescan_interval=settings.rescan_interval_seconds,
    )


def _detection_policy(house: House) -> DetectionPolicy:
    settings = house.settings
    classes = frozenset(map(normalise_label, settings.detection_classes))
    return DetectionPolicy(classes, settings.detection_confidence_threshold)


def _detector(house: House) -> DetectorActor:
    return DetectorActor(
        consumer=house.detection_consumer,
        store=house.store,
        inspector=house.inspector,
        detector=house.detector,
        policy=partial(_detection_policy, house),
        notify=house.batcher_notice.give,
        throttle=_throttle(house),
        marks=house.marks,
    )


def _throttle(house: House) -> Throttle:
    """Return what slows the detector down; the embedded one uses no card, so no card slows it."""
    return Throttle(house.gpus.pressure) if house.settings.detector == "rtdetr" else Throttle()


def _gpu_monitor(house: House) -> GpuMonitor:
    settings = house.settings
    poll = settings.gpu_poll_interval_seconds
    return GpuMonitor(
        process=NvmlProcess(idle=poll + 60),
        board=house.gpus,
        store=house.store,
        poll=poll,
        keep=timedelta(minutes=settings.gpu_stats_history_minutes),
    )


def _batcher(house: House) -> Actor:
    build = partial(
        Batcher,
        house.store,
        house.backing.feeder,
        house.batch_policy,
        house.batcher_notice,
        house.marks,
    )
    return _one_at_a_time(
        house, Role.BATCHER, build(longest_sleep=LOOK_EVERY) if _is_shared(house) else build()
    )


def _reconciler(house: House) -> Actor:
    reconciler = Reconciler(house.backing.feeder, house.reconciler_notice)
    return _one_at_a_time(house, Role.RECONCILER, reconciler)


def _retention(house: House) -> Actor:
    settings = house.settings
    retention = Retention(
        house.store,
        limits_of(settings),
        places_of(settings),
        every=60.0 * settings.retention_interval_minutes,
        last=house.room,
    )
    return _one_at_a_time(house, Role.RETENTION, retention)


def _one_at_a_time(house: House, role: Role, actor: Batcher | Reconciler | Retention) -> Actor:
    """Return *actor* as it is, or to work only while no other node does."""
    if not _is_shared(house):
        return actor
    return RoleHolder(RoleLock(house.settings.database_url, role), actor.work, house.roles)


def _is_shared(house: House) -> bool:
    """Tell whether there may be other nodes: a SQLite file has one daemon."""
    return is_postgresql(house.settings.database_url)


def _analyzer(house: House) -> Analyzer:
    return Analyzer(
        house.analysis_consumer,
        house.store,
        house.analyst,
        lambda: house.thresholds,
        house.settings.timezone,
        house.announce,
        house.marks,
    )


def _steersman(house: House, steering: Steering) -> Steersman:
    return Steersman(steering, house.hangup, steering.raise_fallen)


def _control_socket(
    house: House,
    look: Callable[[], ChildSnapshot],
    root: Callable[[], Supervisor],
    steering: Steering,
) -> ControlSocket:
    settings = house.settings
    queues = (house.backing.detection_queue, house.backing.analysis_queue)
    consumers = {
        DETECTION_QUEUE: house.detection_consumer,
        ANALYSIS_QUEUE: house.analysis_consumer,
    }
    outages = partial(_outages, house)
    source = HouseSource(
        house.store,
        queues,
        consumers,
        house.live,
        look,
        house.started_at,
        outages,
        settings.queue_backpressure_threshold,
        lambda: house.gpus.cards,
        settings.timezone,
        lambda: house.room.value,
        lambda: house.roles.standings,
    )
    controls = HouseControls(house.store, queues, root, steering, partial(_mailboxes, house))
    passed = partial(house.passed.listener, CONTROL)
    return ControlSocket(settings.control_socket_path, source, controls, passed)


def _mailboxes(house: House) -> dict[str, int]:
    """Return what waits in memory for which actor."""
    detections, analyses = house.detection_consumer, house.analysis_consumer
    waiting = {
        "platform/detection-pump": detections.statistics().waiting,
        "platform/detection-committer": detections.statistics().pending,
        "platform/analysis-pump": analyses.statistics().waiting,
        "platform/analysis-committer": analyses.statistics().pending,
        "platform/store-writer": house.store.statistics().in_flight,
    }
    if house.backing.redis is not None:
        waiting["pipeline/announcer"] = house.announcements.statistics().waiting
    return waiting


def _listeners(
    house: House, tree: Callable[[], ChildSnapshot], monitor: LoopMonitor
) -> Iterator[tuple[str, HttpListener]]:
    """Yield what listens on TCP, each with its name."""
    settings = house.settings
    pages = Pages(_sampler(house, tree, monitor).sample)
    ports = {settings.api_port: "http-listener"}
    if settings.metrics_port is not None:
        ports.setdefault(settings.metrics_port, "metrics-listener")
    for port, name in ports.items():
        yield name, HttpListener(pages, partial(open_listeners, settings.api_host, port))


def _sampler(house: House, tree: Callable[[], ChildSnapshot], monitor: LoopMonitor) -> Sampler:
    settings, redis = house.settings, house.backing.redis
    return Sampler(
        house.store,
        (house.backing.detection_queue, house.backing.analysis_queue),
        {DETECTION_QUEUE: house.detection_consumer, ANALYSIS_QUEUE: house.analysis_consumer},
        tree,
        monitor.statistics,
        partial(_outages, house),
        None if redis is None else lambda: redis.state.is_connected,
        settings.queue_backpressure_threshold,
        lambda: house.gpus.cards,
        {"data": settings.data_dir, "cameras": settings.foscam_base_path},
    )


def _outages(house: House) -> Iterator[str]:
    """Say what is wrong with that on which the actors lean, as far as no actor fails over it."""
    trouble, redis = house.store.statistics().trouble, house.backing.redis
    if trouble is not None:
        yield trouble
    if redis is not None and not redis.state.is_connected:
        yield redis.state.last_error or "Redis has not answered yet"
    yield from house.gpus.troubles

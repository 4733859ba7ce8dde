"""All checks, side by side, each bounded in time.

One that does not end, or fails itself, is a finding like any other and holds up none of the rest.
A thread that hangs in the kernel, as on a dead network disk, is left behind: it does not keep the
program from ending.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from hsid.config import Settings
from hsid.config.advice import advice_on
from hsid.config.urls import mask_url
from hsid.doctor import asking, certificate, looking, machine, services, storage, watch_root
from hsid.doctor.access import Identity
from hsid.doctor.findings import Finding, failed, passed, warned
from hsid.doctor.unit import Unit
from hsid.model import Seconds
from hsid.observe.logging_redaction import redact
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import RedisError, RedisRefusedError
from hsid.store.database import is_postgresql

CONFIG = "config"
LIMIT: Seconds = 10.0
"""How long one check may take."""

_COUNTING: Seconds = 5.0
_THREADS = 16

T = TypeVar("T")
Check = Callable[[], Awaitable[Iterable[Finding]]]


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: the settings in force, and the daemon's unit and user."""

    settings: Settings
    config_file: Path | None
    unit: Unit | None
    who: Identity


def checks_without_settings(unit: Unit | None) -> dict[str, Check]:
    """Return the checks that a configuration that can't be used does not hinder, by name."""
    return {machine.GPU: partial(_gpu, unit), machine.CLOCK: _clock}


def checks_of(patient: Patient) -> dict[str, Check]:
    """Return all checks by name, in the order in which they are shown."""
    checks: dict[str, Callable[[Patient], Awaitable[Iterable[Finding]]]] = {
        CONFIG: _config,
        watch_root.CHECK: _watch_root,
        storage.DATA_DIR: _data_dir,
        storage.DISK: _disk,
        storage.DATABASE: _database,
        services.REDIS: _redis,
        services.DETECTOR: _detector,
        services.MODEL: _model,
        certificate.CHECK: _certificates,
    }
    bound: dict[str, Check] = {name: partial(check, patient) for name, check in checks.items()}
    return bound | checks_without_settings(patient.unit)


async def examine(checks: dict[str, Check], *, within: Seconds = LIMIT) -> list[Finding]:
    """Carry *checks* out side by side; return what they found, in their order."""
    found: dict[str, Sequence[Finding]] = {}

    async def carry_out(name: str, check: Check) -> None:
        found[name] = await _bounded(name, check, within)

    async with trio.open_nursery() as nursery:
        for name, check in checks.items():
            nursery.start_soon(carry_out, name, check)
    return [finding for name in checks for finding in found[name]]


async def _bounded(name: str, check: Check, within: Seconds) -> Sequence[Finding]:
    try:
        with trio.fail_after(within):
            return list(await check())
    except trio.TooSlowError:
        fix = "something does not answer: a network disk, a name server, the service itself"
        return [failed(name, f"no end within {within:g} s", fix)]
    except Exception as error:  # noqa: BLE001 - one check must not cost the others
        words = f"the check failed itself: {type(error).__name__}: {redact(str(error))}"
        return [failed(name, words, "please report this")]


_limiter = trio.CapacityLimiter(_THREADS)


async def _in_thread(work: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=_limiter)


async def _config(patient: Patient) -> list[Finding]:
    return await _in_thread(lambda: list(_judge_config(patient)))


def _judge_config(patient: Patient) -> Iterator[Finding]:
    path = patient.config_file
    advice = list(advice_on(patient.settings))
    for line in advice:
        yield warned(CONFIG, line, "correct it there; `hsid config example` tells all settings")
    if path is not None:
        steps = looking.steps_to(path.absolute())
        yield from storage.judge_config_file(steps, patient.who)
    if not advice:
        yield passed(CONFIG, f"{path} is sound" if path else "no hsid.toml, defaults are in force")


async def _watch_root(patient: Patient) -> list[Finding]:
    settings = patient.settings
    look = partial(looking.look_at_watch_root, settings.foscam_base_path, within=_COUNTING)
    root = await _in_thread(look)
    limits = await _in_thread(looking.look_at_inotify)
    judged = watch_root.judge_watch_root(
        root, patient.who, patient.unit, deletes=settings.delete_images
    )
    return [judged, watch_root.judge_inotify(root, limits)]


async def _data_dir(patient: Patient) -> list[Finding]:
    path = patient.settings.data_dir.absolute()
    steps = await _in_thread(partial(looking.steps_to, path))
    return [storage.judge_data_dir(path, steps, patient.who, patient.unit)]


async def _disk(patient: Patient) -> list[Finding]:
    settings = patient.settings
    data = await _in_thread(partial(looking.look_at_room, "data_dir", settings.data_dir))
    pictures = await _in_thread(
        partial(looking.look_at_room, "foscam_base_path", settings.foscam_base_path)
    )
    wanted = settings.retention_min_free_bytes
    return [
        storage.judge_room(data, wanted_bytes=wanted),
        storage.judge_room(pictures, wanted_bytes=None),
    ]


async def _database(patient: Patient) -> list[Finding]:
    url = patient.settings.database_url
    is_server = is_postgresql(url)
    facts = await _in_thread(partial(asking.look_at_database, url))
    itself = patient.settings.database_auto_migrate or not is_server
    place = mask_url(url)
    return [storage.judge_database(facts, place, is_server=is_server, migrates_itself=itself)]


async def _redis(patient: Patient) -> list[Finding]:
    address = RedisAddress.of(patient.settings)
    if address is None:
        return [passed(services.REDIS, "not configured; the queues are in the database")]
    try:
        facts, warnings = await asking.look_at_redis(address)
    except RedisError as error:
        refused = isinstance(error, RedisRefusedError)
        return [services.judge_redis_fault(str(error), is_refusal=refused)]
    return list(services.judge_redis(address.masked, facts.version, warnings))


async def _detector(patient: Patient) -> list[Finding]:
    settings = patient.settings
    if settings.detector == "embedded":
        return [passed(services.DETECTOR, "the small model inside hsid; no service is asked")]
    key = settings.rtdetr_api_key
    findings = []
    for url in settings.rtdetr_url[:1]:  # this version uses the first only, and says so
        answer = await asking.ask_health(
            url,
            key=None if key is None else key.get_secret_value(),
            within=settings.ai_health_timeout,
        )
        findings.append(services.judge_detector(mask_url(url), answer))
    return findings


async def _model(patient: Patient) -> list[Finding]:
    settings = patient.settings
    if settings.origin("nemotron_url") == "default":
        return [passed(services.MODEL, "rules judge; no language model is asked")]
    (url, *_) = settings.nemotron_url
    answer = await asking.ask_health(url, key=None, within=settings.ai_health_timeout)
    return [services.judge_model(mask_url(url), answer, is_used=settings.analyst != "rules")]


async def _certificates(patient: Patient) -> list[Finding]:
    settings = patient.settings
    files = {"redis_ssl_certfile": (settings.redis_ssl_certfile, settings.redis_ssl_keyfile)}
    if settings.tls_mode == "provided":
        files["tls_cert_path"] = settings.tls_cert_path, settings.tls_key_path
    found = [
        await _in_thread(partial(_certificate, name, path, key))
        for name, (path, key) in files.items()
        if path is not None
    ]
    return found or [passed(certificate.CHECK, "none is configured")]


def _certificate(name: str, path: Path, key: Path | None) -> Finding:
    try:
        validity = asking.look_at_certificate(path, key)
    except OSError as error:
        words = f"{name}: {path} can't be read: {error.strerror}"
        return failed(certificate.CHECK, words, f"correct {name}, or the rights of the file")
    except certificate.CertificateError as error:
        return failed(certificate.CHECK, f"{name}: {path}: {error}", f"correct {name} and its key")
    return certificate.judge_certificate(name, validity, datetime.now(UTC))


async def _gpu(unit: Unit | None) -> list[Finding]:
    return list(machine.judge_gpu(await asking.look_at_gpus(LIMIT / 2), unit))


async def _clock() -> list[Finding]:
    synchronised = await _in_thread(asking.is_clock_synchronised)
    return [machine.judge_clock(datetime.now(UTC), is_synchronised=synchronised)]

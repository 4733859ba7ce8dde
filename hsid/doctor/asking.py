"""What others say: the database, Redis, the services, the driver, the kernel's clock.

Decides nothing, and changes nothing. Every question ends by itself within some seconds, or is
given up by who asked it.
"""

import ctypes
import os
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import redis
import trio

from hsid.doctor.certificate import CertificateError, Validity, validity_of
from hsid.doctor.services import Answer, NoReply, Reply
from hsid.doctor.storage import DatabaseFacts, DatabaseFault, NoDatabase, Schema
from hsid.gpu.process import NvmlProcess
from hsid.gpu.survey import Outcome
from hsid.model import Seconds
from hsid.observe.logging_redaction import redact
from hsid.queues.redis.address import RedisAddress
from hsid.queues.redis.errors import RedisPermissionError
from hsid.queues.redis.pool import RedisPool
from hsid.queues.redis.server_facts import (
    RedisServerFacts,
    facts_of,
    require_usable,
    warnings_about,
)
from hsid.store.connect import database_path
from hsid.store.database import is_postgresql, look_for_damage, schema_revision
from hsid.store.errors import MISCONFIGURED, StoreCorruptError, StoreError
from hsid.store.migration import state_of

_PATIENCE: Seconds = 3.0
_DAMAGE: Seconds = 2.0
_REPLY_BYTES = 64 << 10
_UNSYNCHRONISED = 0x40  # STA_UNSYNC of <sys/timex.h>
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def look_at_database(url: str) -> DatabaseFacts:
    """Read the schema of the database, and look for damage for a moment. Blocking."""
    if not is_postgresql(url) and not database_path(url).exists():
        return NoDatabase()
    try:
        revision = schema_revision(url)
        return Schema(state_of(revision).value, revision, look_for_damage(url, within=_DAMAGE))
    except StoreCorruptError as error:
        return DatabaseFault(str(error), is_damaged=True)
    except StoreError as error:
        return DatabaseFault(str(error), is_refusal=isinstance(error, MISCONFIGURED))


async def look_at_redis(address: RedisAddress) -> tuple[RedisServerFacts, tuple[str, ...]]:
    """Return how the server is set up, and what the queues have to say about that.

    Raises:
        RedisError: It can't be used.
    """
    patient = replace(address, connect_timeout=_PATIENCE, command_timeout=_PATIENCE)
    pool = RedisPool(patient)
    try:
        version, info = await pool.server_version(), await _info(pool)
    finally:
        pool.close()
    facts = facts_of(version, info)
    require_usable(facts, address.masked)
    return facts, tuple(warnings_about(facts))


async def ask_health(url: str, *, key: str | None, within: Seconds) -> Answer:
    """Ask the HTTP service at *url* how it is."""
    headers = {"Accept-Encoding": "identity"} | ({"X-API-Key": key} if key else {})
    try:
        with trio.fail_after(within):
            # a proxy in the environment is for the way out, not to this service
            async with httpx.AsyncClient(
                headers=headers, timeout=within, trust_env=False
            ) as client:
                return await _ask(client, f"{url.rstrip('/')}/health")
    except (httpx.TimeoutException, trio.TooSlowError):
        return NoReply(f"no answer within {within:g} s")
    except httpx.ConnectError as error:
        return NoReply(f"can't be reached: {redact(str(error))}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return NoReply(f"no answer that makes sense: {type(error).__name__}")


async def look_at_gpus(patience: Seconds) -> Outcome:
    """Return how the graphics cards are, read in a process of its own."""
    process = NvmlProcess(patience=patience)
    try:
        return await process.look()
    finally:
        with trio.move_on_after(_PATIENCE, shield=True):
            await process.end()


def look_at_certificate(path: Path, key: Path | None) -> Validity:
    """Return when the certificate in *path* holds. Blocking.

    Raises:
        OSError: It can't be read.
        CertificateError: It is none, or *key* is not its key.
    """
    text = path.read_text("ascii", errors="replace")
    _, begin, rest = text.partition("-----BEGIN CERTIFICATE-----")
    body, end, _ = rest.partition("-----END CERTIFICATE-----")
    try:
        der = ssl.PEM_cert_to_DER_cert(f"{begin}{body}{end}\n")  # the first: the daemon's own
    except ValueError as error:
        raise CertificateError("not a certificate in PEM form") from error
    _check_key(path, key)
    return validity_of(der)


def is_clock_synchronised() -> bool | None:
    """Ask the kernel whether something keeps its clock right; None where it may not be asked."""
    told = _Timex()
    try:
        is_known = ctypes.CDLL(None).adjtimex(ctypes.byref(told)) >= 0
    except (OSError, AttributeError):
        is_known = False
    if is_known and not told.status & _UNSYNCHRONISED:
        return True
    if _TIMESYNCD.exists():
        return True
    return False if is_known else None


class _Timex(ctypes.Structure):
    """The beginning of `struct timex`, and room for the rest; modes = 0 only asks."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


async def _info(pool: RedisPool) -> Mapping[str, object]:
    try:
        return await pool.run(redis.Redis.info)
    except RedisPermissionError:
        return {}  # `warnings_about` tells


async def _ask(client: httpx.AsyncClient, url: str) -> Reply:
    body = bytearray()
    async with client.stream("GET", url) as response:
        with trio.CancelScope() as enough:
            async for part in response.aiter_raw():
                body += part
                if len(body) > _REPLY_BYTES:
                    # leaving the loop would strand the generators inside of httpx
                    enough.cancel()
        return Reply(response.status_code, bytes(body))


def _check_key(path: Path, key: Path | None) -> None:
    """Have the TLS library load both; a key behind a passphrase is one that no daemon can use."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(os.fspath(path), None if key is None else os.fspath(key), "")
    except ssl.SSLError as error:
        raise CertificateError(f"can't be used: {error.reason or 'not in PEM form'}") from error

"""What can go wrong with the Redis server, whose fault it is, and whether trying again helps.

The client library's errors are mapped here once (`redis_fault`). Those that time mends are
`RedisUnavailableError`, which consumers wait out; those that a person must mend are
`RedisRefusedError`, and trying again does not help before that. Every message says what, where
(the password masked) and what to do.
"""

import ssl
from typing import ClassVar

from redis import exceptions

from hsid.queues.protocol import QueueError, QueueRefusedError, QueueUnavailableError


class RedisError(QueueError):
    """Base of all that is raised about Redis.

    Args:
        where: The server's address, its password masked.
        words: What the server or the system said.
    """

    what: ClassVar[str] = "Redis failed"
    advice: ClassVar[str] = "look into the log of the Redis server"
    spoils_connection: ClassVar[bool] = False
    """Whether another connection, after asking for the address again, may do better."""

    def __init__(self, where: str, words: str = "") -> None:
        said = f" ({words})" if words else ""
        super().__init__(f"{self.what}{said} at {where}: {self.advice}")
        self.where = where
        self.words = words


class RedisUnavailableError(RedisError, QueueUnavailableError):
    """The server can't do it now; the same call may succeed later without anybody's help."""

    outlives_success: ClassVar[bool] = False
    """Whether other calls may go well while it lasts, so that they don't prove its end."""


class RedisUnreachableError(RedisUnavailableError):
    """No connection could be made: nobody listens there, or the name or the way is unknown."""

    what = "no connection to Redis"
    advice = "start the server or correct redis_url; hsid goes on by itself once it is there"


class RedisHandshakeError(RedisUnavailableError):
    """The server takes the connection and does not answer to TLS: it hangs, or speaks none."""

    what = "no answer to the TLS handshake with Redis"
    advice = "if the port speaks no TLS, use redis:// in place of rediss://"


class RedisConnectionLostError(RedisUnavailableError):
    """The connection ended during a call: whether the call had its effect is unknown."""

    what = "the connection to Redis was lost"
    advice = "hsid connects anew by itself"


class RedisTimeoutError(RedisUnavailableError):
    """No answer in time: the server is too slow, paused, or the link is dead."""

    what = "Redis does not answer"
    advice = "look for a busy disk, slow commands (SLOWLOG GET) or a broken network"


class RedisLoadingError(RedisUnavailableError):
    """The server has been started and reads its data from the disk."""

    what = "Redis is still loading its data"
    advice = "hsid goes on by itself when it is done"


class RedisBusyError(RedisUnavailableError):
    """The server is occupied: by a script, with too many clients, or by a move of its data."""

    what = "Redis is occupied"
    advice = "hsid tries again; raise maxclients if it has too many clients"


class RedisReadOnlyError(RedisUnavailableError):
    """The server has become a replica: the master is another one now."""

    what = "Redis is a read-only replica"
    advice = "let redis_url name the master; the address is looked up again at every connection"
    spoils_connection = True
    outlives_success = True


class RedisSavingError(RedisUnavailableError):
    """The server can't save its data and therefore refuses to take more (MISCONF)."""

    what = "Redis refuses writes, as it can't save its data"
    advice = "free its disk or mend the rights to its folder; hsid goes on by itself then"
    outlives_success = True


class RedisOutOfMemoryError(RedisUnavailableError):
    """The server's memory limit is reached and nothing may be evicted."""

    what = "Redis is out of memory"
    advice = "raise maxmemory; nothing is lost, hsid goes on by itself then"
    outlives_success = True


class RedisReplicasMissingError(RedisUnavailableError):
    """The server wants more replicas than it has before it takes writes (NOREPLICAS)."""

    what = "Redis refuses writes, as it has too few replicas"
    advice = "start the replicas or lower min-replicas-to-write"
    outlives_success = True


class RedisGroupMissingError(RedisUnavailableError):
    """The stream or its consumer group is gone (NOGROUP): somebody flushed or restarted Redis.

    Whoever keeps the queue makes the group anew; what the ledger has is then put again.
    """

    what = "Redis has lost the queue"
    advice = "switch on appendonly, so that a restart keeps it; what the ledger holds is put again"


class RedisRefusedError(RedisError, QueueRefusedError):
    """The server or the link to it must be mended by a person."""


class RedisAuthenticationError(RedisRefusedError):
    """User or password are missing or wrong (NOAUTH, WRONGPASS)."""

    what = "Redis refuses the login"
    advice = "correct redis_username and redis_password, or those in redis_url, then restart hsid"
    spoils_connection = True


class RedisPermissionError(RedisRefusedError):
    """The user may not do this (NOPERM)."""

    what = "Redis allows its user too little"
    advice = "widen the user's ACL as docs/queues.md shows"


class RedisTlsError(RedisRefusedError):
    """No TLS connection came about: a certificate is not trusted, or one side speaks no TLS."""

    what = "no TLS with Redis"
    advice = (
        "check redis_ssl_ca_certs, redis_ssl_certfile and redis_ssl_keyfile, and that the port"
        " speaks TLS (rediss://) or not (redis://)"
    )


class RedisWrongReplyError(RedisRefusedError):
    """What answers is not Redis, or a reply has a shape that this version does not know."""

    what = "the answer is not one of Redis"
    advice = "check host and port in redis_url"
    spoils_connection = True


class RedisWrongTypeError(RedisRefusedError):
    """A key of ours holds another kind of value: another program uses the same names."""

    what = "a key in Redis is of another kind"
    advice = "give hsid a database number or a redis_key_prefix of its own"


class RedisUnsupportedError(RedisRefusedError):
    """The server is older than 6.2, or does not know a command that hsid needs."""

    what = "this Redis can't do what hsid needs"
    advice = "use Redis 6.2 or newer"


class RedisUnsafeError(RedisRefusedError):
    """The server is set up so that it would drop queued work by itself."""

    what = "this Redis may delete what is queued"
    advice = "set maxmemory-policy to noeviction"


class RedisCommandError(RedisRefusedError):
    """The server refused a command for a reason that has no name here: a fault of the program."""

    what = "Redis refused a command"
    advice = "report this as a fault of hsid"


_BY_CLASS: tuple[tuple[type[Exception], type[RedisError]], ...] = (
    (exceptions.AuthenticationError, RedisAuthenticationError),
    (exceptions.AuthorizationError, RedisAuthenticationError),
    (exceptions.BusyLoadingError, RedisLoadingError),
    (exceptions.OutOfMemoryError, RedisOutOfMemoryError),
    (exceptions.ReadOnlyError, RedisReadOnlyError),
    (exceptions.NoPermissionError, RedisPermissionError),
    (exceptions.ClusterDownError, RedisBusyError),
    (exceptions.TryAgainError, RedisBusyError),
    (exceptions.TimeoutError, RedisTimeoutError),
    (exceptions.InvalidResponse, RedisWrongReplyError),
)
_BY_CODE: dict[str, type[RedisError]] = {
    "BUSY": RedisBusyError,
    "LOADING": RedisLoadingError,
    "MISCONF": RedisSavingError,
    "NOAUTH": RedisAuthenticationError,
    "NOGROUP": RedisGroupMissingError,
    "NOPERM": RedisPermissionError,
    "NOREPLICAS": RedisReplicasMissingError,
    "OOM": RedisOutOfMemoryError,
    "READONLY": RedisReadOnlyError,
    "UNBLOCKED": RedisGroupMissingError,
    "UNKILLABLE": RedisBusyError,
    "WRONGPASS": RedisAuthenticationError,
    "WRONGTYPE": RedisWrongTypeError,
}
_UNKNOWN_COMMAND = "unknown command"
_TOO_MANY_CLIENTS = "max number of clients"


def redis_fault(error: BaseException, where: str) -> RedisError | None:
    """Return our error for *error* of the client library, None where Redis is not to blame."""
    if isinstance(error, RedisError):
        return error
    if not isinstance(error, exceptions.RedisError | OSError):
        return None
    return _class_of(error)(where, str(error))


def _class_of(error: exceptions.RedisError | OSError) -> type[RedisError]:
    for theirs, ours in _BY_CLASS:
        if isinstance(error, theirs):
            return ours
    if isinstance(error, exceptions.ResponseError):
        return _class_of_reply(str(error))
    return _class_of_link(error)


def _class_of_reply(words: str) -> type[RedisError]:
    if words.startswith(_UNKNOWN_COMMAND):
        return RedisUnsupportedError
    # An error inside a script may have its code in brackets or behind the script's name.
    codes = words.replace("-", " ").split()
    return next((_BY_CODE[code] for code in codes if code in _BY_CODE), RedisCommandError)


def _class_of_link(error: exceptions.RedisError | OSError) -> type[RedisError]:
    if isinstance(error, ssl.SSLError) or isinstance(error.__context__, ssl.SSLError):
        return RedisTlsError
    if _TOO_MANY_CLIENTS in str(error):
        return RedisBusyError
    if isinstance(error, exceptions.DataError):
        return RedisCommandError
    return RedisConnectionLostError

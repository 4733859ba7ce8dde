"""Where the Redis server is, who hsid is there, and how long anything may take."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from hsid.config import Settings
from hsid.config.urls import mask_url
from hsid.model import Seconds
from hsid.queues.redis.errors import RedisTlsError

CONNECT_TIMEOUT: Seconds = 5.0
COMMAND_TIMEOUT: Seconds = 10.0
"""How long a reply may take. A dead link is noticed within this time at the latest."""
HEALTH_CHECK_EVERY: Seconds = 30.0
"""A connection that was idle for longer is asked for a sign of life before it is used."""

_KEEP_ALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}
"""The system's own defaults notice a dead link after two hours."""


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A server and the login there.

    *url* is `redis://`, `rediss://` (TLS) or `unix://`, and may hold user, password and number of
    the database; *username* and *password* are for those who keep them elsewhere, and win.
    """

    url: str
    username: str | None = None
    password: SecretStr | None = None
    ca_certs: Path | None = None
    certfile: Path | None = None
    keyfile: Path | None = None
    connect_timeout: Seconds = CONNECT_TIMEOUT
    command_timeout: Seconds = COMMAND_TIMEOUT

    @classmethod
    def of(cls, settings: Settings) -> "RedisAddress | None":
        """Return what *settings* say; None where no Redis is configured."""
        if settings.redis_url is None:
            return None
        return cls(
            url=settings.redis_url,
            username=settings.redis_username,
            password=settings.redis_password,
            ca_certs=settings.redis_ssl_ca_certs,
            certfile=settings.redis_ssl_certfile,
            keyfile=settings.redis_ssl_keyfile,
        )

    @property
    def masked(self) -> str:
        """The address without its password, for logs and messages."""
        return mask_url(self.url)

    def options(self) -> dict[str, Any]:
        """Return the client library's options for one connection.

        What the rest relies on can't be changed by the URL: the library tries nothing again by
        itself, so that no command is sent twice unasked.

        Raises:
            RedisTlsError: A file that TLS needs is not there.
        """
        given: dict[str, Any] = dict(parse_url(self.url))
        options = (
            given
            | self._login()
            | {
                "socket_connect_timeout": self.connect_timeout,
                "socket_timeout": self.command_timeout,
                "health_check_interval": HEALTH_CHECK_EVERY,
                "retry": Retry(NoBackoff(), 0),
                "protocol": 2,
                "decode_responses": True,
                "client_name": "hsid",
                "driver_info": None,
                "maint_notifications_config": MaintNotificationsConfig(enabled=False),
            }
        )
        options.setdefault("connection_class", redis.Connection)
        if issubclass(options["connection_class"], redis.Connection):
            options |= {"socket_keepalive": True, "socket_keepalive_options": _KEEP_ALIVE}
        if issubclass(options["connection_class"], redis.SSLConnection):
            options |= self._tls()
        return options

    def _login(self) -> dict[str, str]:
        login: dict[str, str] = {}
        if self.username is not None:
            login["username"] = self.username
        if self.password is not None:
            login["password"] = self.password.get_secret_value()
        return login

    def _tls(self) -> dict[str, str]:
        files = {
            "ssl_ca_certs": self.ca_certs,
            "ssl_certfile": self.certfile,
            "ssl_keyfile": self.keyfile,
        }
        given = {name: str(path) for name, path in files.items() if path is not None}
        for path in given.values():
            if not os.access(path, os.R_OK):
                raise RedisTlsError(self.masked, f"{path} can't be read")
        if self.keyfile is not None and self.certfile is None:
            raise RedisTlsError(self.masked, "there is a key but no certificate")
        return given

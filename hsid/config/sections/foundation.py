"""Settings of what everything stands on: the data folder, the database, Redis, the application."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from hsid import __version__
from hsid.config.fields import Section, TextList, computed, setting
from hsid.config.urls import validate_database_url, validate_redis_url
from hsid.config.zones import validate_timezone
from hsid.roles import ALL_ROLES


def _validate_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    if not roles:
        raise ValueError(f"no role given, expected some of {', '.join(ALL_ROLES)}")
    for role in roles:
        if role not in ALL_ROLES:
            raise ValueError(f'unknown role "{role}", expected some of {", ".join(ALL_ROLES)}')
    return roles


def _database_in(data: dict[str, Any]) -> str:
    return f"sqlite:///{data['data_dir']}/security.db"


def _state_folder(_: dict[str, Any]) -> Path:
    return Path(_folder_from_systemd("STATE_DIRECTORY") or "data")


def _control_socket_in(data: dict[str, Any]) -> Path:
    return Path(_folder_from_systemd("RUNTIME_DIRECTORY") or data["data_dir"]) / "control.sock"


def _folder_from_systemd(name: str) -> str:
    """Return the first of the folders between colons: the service's own. Empty: there is none."""
    return os.environ.get(name, "").partition(":")[0]


class Application(Section):
    """Application."""

    data_dir: Path = computed(
        _state_folder,
        "data",
        "Folder for what hsid keeps: database, logs, thumbnails, clips, control socket. Unless set:"
        " $STATE_DIRECTORY, which systemd provides, or else ./data.",
        prefixed_only=True,
    )
    drain_timeout_seconds: float = setting(
        10.0,
        "How long a stop may take to finish the uploads and batches in hand; what is not finished"
        " then is given back to its queue, for the next start.",
        unit="seconds",
        ge=0,
        le=600,
        prefixed_only=True,
    )
    app_name: str = setting("Home Security Intelligence", "Name shown to people.")
    app_version: str = setting(__version__, "Version shown to people.")
    debug: bool = setting(
        False, "Have every SQL statement in the log, but for that in the database."
    )
    admin_enabled: bool = setting(
        False, "Offer the endpoints for administrators; takes effect only together with debug."
    )
    admin_api_key: SecretStr | None = setting(
        None, "Key that the endpoints for administrators ask for."
    )
    timezone: Annotated[str | None, AfterValidator(validate_timezone)] = setting(
        None,
        'Time zone of the house, as "Europe/Berlin"; unset: that of the machine.',
        prefixed_only=True,
    )
    roles: Annotated[TextList, AfterValidator(_validate_roles)] = setting(
        ALL_ROLES,
        "Parts of the pipeline that this node runs; those it leaves out are done by other nodes,"
        " which share its database and its redis_url. Of all nodes one at a time is batcher,"
        " reconciler and retention.",
        prefixed_only=True,
    )
    control_socket_path: Path = computed(
        _control_socket_in,
        "data/control.sock",
        "Unix socket that hsictl speaks to. Unless set: control.sock in $RUNTIME_DIRECTORY, which"
        " systemd provides, or else in data_dir.",
        prefixed_only=True,
    )


class Database(Section):
    """Database."""

    database_url: Annotated[str, AfterValidator(validate_database_url)] = computed(
        _database_in,
        "sqlite:///data/security.db",
        "Where events are stored: a SQLite file, or postgresql://user:password@host:5432/database"
        " to share the work with other nodes, which needs redis_url as well. Unless set:"
        " security.db in data_dir.",
    )
    database_auto_migrate: bool = setting(
        False,
        "Bring the schema of a PostgreSQL database up to date at the start, rather than by `hsid db"
        " migrate`. A SQLite file always is, after a backup.",
        prefixed_only=True,
    )


class Redis(Section):
    """Redis."""

    redis_url: Annotated[
        str | None, AfterValidator(lambda url: url and validate_redis_url(url))
    ] = setting(
        None,
        "Redis server for queues shared with other nodes, as redis://localhost:6379/0; unset:"
        " the queues live in the database.",
    )
    redis_username: str | None = setting(
        None,
        "User to log in at Redis as (an ACL user); unset: that of redis_url, or the default one.",
        prefixed_only=True,
    )
    redis_password: SecretStr | None = setting(
        None, "Password of that user; unset: that of redis_url.", prefixed_only=True
    )
    redis_ssl_ca_certs: Path | None = setting(
        None,
        "Certificates that a rediss:// server is checked with, in PEM form; unset: the system's.",
        prefixed_only=True,
    )
    redis_ssl_certfile: Path | None = setting(
        None, "Certificate to show to a rediss:// server, in PEM form.", prefixed_only=True
    )
    redis_ssl_keyfile: Path | None = setting(
        None,
        "Private key of that certificate, in PEM form; unset: it is in the same file.",
        prefixed_only=True,
    )
    redis_key_prefix: Annotated[str, Field(pattern=r"^[\w.:-]*$")] = setting(
        "hsid:",
        "What the name of every key in Redis begins with, so that houses can share a server.",
        prefixed_only=True,
    )
    redis_event_channel: str = setting(
        "security_events", "Channel on which events are announced when Redis is configured."
    )

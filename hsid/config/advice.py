"""What is allowed in a configuration and yet hardly meant: warnings for `hsid check-config`."""

import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from hsid.config.errors import unknown_key
from hsid.config.fields import is_secret
from hsid.config.given import DEFAULT
from hsid.config.sections.doors import Api, RateLimits, Tls, WebSocket
from hsid.config.sections.judgement import FastPath
from hsid.config.sections.outputs import Clips, Notifications, Video
from hsid.config.settings import Settings
from hsid.config.sources import PREFIX, unknown_environment_names
from hsid.roles import ALL_ROLES

_SECTIONS_FOR_LATER = (
    Api,
    RateLimits,
    WebSocket,
    Tls,
    Notifications,
    Clips,
    Video,
    FastPath,
)
_IN_USE = {"api_host", "api_port", "metrics_port", "clips_directory", "video_thumbnails_dir"}
"""Of those sections; retention looks after the two folders, though nothing is put there yet."""
_FOR_LATER = frozenset(
    {name for section in _SECTIONS_FOR_LATER for name in section.model_fields} - _IN_USE
    | {"app_name", "app_version", "admin_enabled", "admin_api_key"}
    | {"nemotron_url", "nemotron_read_timeout"}
)
"""Known and checked, so that a configuration stays valid; nothing in this version asks for them."""


def advice_on(settings: Settings) -> Iterator[str]:
    """Yield a line for each thing about *settings* that its owner should look at."""
    fields = Settings.model_fields
    names = [PREFIX + name.upper() for name in fields]
    for name in unknown_environment_names(fields):
        yield f"environment {name}: {unknown_key(name, names)}"
    if settings.batch_idle_timeout_seconds > settings.batch_window_seconds:
        where = settings.origin("batch_idle_timeout_seconds")
        yield f"{where}: batch_idle_timeout_seconds: above batch_window_seconds it has no effect"
    if not settings.foscam_base_path.is_dir():
        where = settings.origin("foscam_base_path")
        yield f"{where}: foscam_base_path: there is no folder {settings.foscam_base_path}"
    missing = [role for role in ALL_ROLES if role not in settings.roles]
    if missing and settings.redis_url is None:
        where = settings.origin("roles")
        yield f"{where}: roles: without redis_url no other node can be {', '.join(missing)}"
    if len(settings.rtdetr_url) > 1:
        where = settings.origin("rtdetr_url")
        yield f"{where}: rtdetr_url: this version uses the first of several services only"
    if not _is_loopback(settings.api_host):
        where = settings.origin("api_host")
        yield f"{where}: api_host: whoever reaches it can read the metrics, which name the cameras"
    yield from _without_effect(settings)
    yield from _readable_secrets(settings)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_effect(settings: Settings) -> Iterator[str]:
    for name in Settings.model_fields:
        where = settings.origin(name)
        if name in _FOR_LATER and where != DEFAULT:
            yield f"{where}: {name}: has no effect in this version yet"


def _readable_secrets(settings: Settings) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        where = settings.origin(name)
        path = Path(where.rpartition(":")[0])
        if is_secret(field) and path.is_file() and path.stat().st_mode & stat.S_IROTH:
            yield f"{where}: {name}: a secret in a file that everybody may read, chmod o-r {path}"

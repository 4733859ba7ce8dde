"""What is allowed in a configuration and yet hardly meant: warnings for `hsid check-config`."""

import stat
from collections.abc import Iterator
from pathlib import Path

from hsid.config.errors import unknown_key
from hsid.config.fields import is_secret
from hsid.config.settings import Settings
from hsid.config.sources import PREFIX, unknown_environment_names


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
    yield from _readable_secrets(settings)


def _readable_secrets(settings: Settings) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        where = settings.origin(name)
        path = Path(where.rpartition(":")[0])
        if is_secret(field) and path.is_file() and path.stat().st_mode & stat.S_IROTH:
            yield f"{where}: {name}: a secret in a file that everybody may read, chmod o-r {path}"

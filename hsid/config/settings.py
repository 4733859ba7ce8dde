"""The one frozen object that holds every setting.

Making one asks all sources (`hsid.config.sources`); a value that can't be used is never passed over
or bent into range, but told with its place. Nothing is created and nothing is connected to.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from hsid.config.errors import InvalidSettingsError
from hsid.config.fields import Section
from hsid.config.given import DEFAULT
from hsid.config.problems import BETWEEN_SETTINGS, problems_of
from hsid.config.sections.doors import Api, RateLimits, Tls, WebSocket
from hsid.config.sections.foundation import Application, Database, Redis
from hsid.config.sections.intake import Cameras, Deduplication, Watching
from hsid.config.sections.judgement import Analysis, Batching, Detection, FastPath, Gpu, Services
from hsid.config.sections.logs import Logging
from hsid.config.sections.outputs import Clips, Notifications, Retention, Video
from hsid.config.sections.queues import Queues
from hsid.config.sources import collect
from hsid.config.urls import mask_urls


class Settings(
    # from last to first, as pydantic lines fields up from the most distant base to the nearest
    Cameras,
    Video,
    Clips,
    Notifications,
    Gpu,
    Services,
    Tls,
    WebSocket,
    RateLimits,
    Api,
    Redis,
    Retention,
    Queues,
    Analysis,
    Batching,
    FastPath,
    Detection,
    Deduplication,
    Watching,
    Database,
    Logging,
    Application,
):
    """Every setting. Keyword arguments stand for the command line: they win over all sources.

    `_config_file` names the TOML file in place of the one that is looked for.

    Raises:
        ConfigError: A source can't be read, or settings are unknown or have unusable values.
    """

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, _config_file: Path | None = None, **arguments: object) -> None:
        given, problems = collect(arguments, _config_file, type(self).model_fields)
        values: dict[str, Any] = {name: each.value for name, each in given.items()}
        try:
            BaseSettings.__init__(self, **values)
        except ValidationError as error:
            problems += problems_of(error, given, type(self))
            # the error's own text may hold secrets, so it goes no further
            raise InvalidSettingsError(problems) from None
        if problems:
            raise InvalidSettingsError(problems)
        self._origins = {name: each.origin for name, each in given.items()}

    def origin(self, name: str) -> str:
        """Return where the value of the setting *name* came from."""
        return self._origins.get(name, DEFAULT)

    def taking(self, other: Self, names: Iterable[str]) -> Self:
        """Return these settings, but for those in *names*: they and their origins are *other*'s."""
        chosen = frozenset(names)
        taken = self.model_copy(update={name: getattr(other, name) for name in chosen})
        kept = {name: where for name, where in self._origins.items() if name not in chosen}
        new = {name: where for name, where in other._origins.items() if name in chosen}
        taken._origins = kept | new  # noqa: SLF001 - its own class's
        return taken

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave the library's own sources out: they forget where a value came from."""
        return (init_settings,)

    @model_validator(mode="after")
    def _check_severities(self) -> Self:
        names = ("severity_low_max", "severity_medium_max", "severity_high_max")
        low, medium, high = (getattr(self, name) for name in names)
        if not low < medium < high:
            raise _rule(names, f"must rise from low to high, but are {low}, {medium} and {high}")
        return self

    @model_validator(mode="after")
    def _check_queues(self) -> Self:
        if not self.database_url.startswith("sqlite") and self.redis_url is None:
            words = "a PostgreSQL database needs redis_url as well: it holds no queues"
            raise _rule(("database_url",), words)
        return self

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if self.tls_mode == "provided" and (
            self.tls_cert_path is None or self.tls_key_path is None
        ):
            raise _rule(("tls_mode",), '"provided" needs tls_cert_path and tls_key_path as well')
        if self.tls_verify_client and self.tls_ca_path is None:
            raise _rule(("tls_verify_client",), "needs tls_ca_path to check certificates with")
        return self

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        for name, value in super().__repr_args__():
            yield name, mask_urls(value)


SECTIONS: tuple[type[Section], ...] = tuple(
    base for base in reversed(Settings.__bases__) if issubclass(base, Section)
)
"""The sections in the order of the example file."""


def load_settings(config_file: Path | None = None, **arguments: object) -> Settings:
    """Read the settings anew; *arguments* are those given on the command line.

    Raises:
        ConfigError: They can't be used.
    """
    return Settings(_config_file=config_file, **arguments)


@lru_cache
def get_settings() -> Settings:
    """Return the settings, read once; `get_settings.cache_clear()` has them read again.

    Raises:
        ConfigError: They can't be used.
    """
    return load_settings()


def _rule(keys: tuple[str, ...], message: str) -> PydanticCustomError:
    return PydanticCustomError(
        BETWEEN_SETTINGS, "{message}", {"keys": list(keys), "message": message}
    )

"""Time zones among the settings."""

from zoneinfo import ZoneInfo


def validate_timezone(name: str | None) -> str | None:
    """Return *name* if this machine knows such a time zone; raise `ValueError` otherwise."""
    if name is not None:
        try:
            ZoneInfo(name)
        # a folder of zones is an OSError, an escaping path a ValueError, an unknown one a KeyError
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(
                'not a time zone that this machine knows, expected one like "Europe/Berlin"'
            ) from error
    return name

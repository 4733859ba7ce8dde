"""Points in time as options: by this machine's clock unless they say otherwise."""

from datetime import datetime
from typing import Any

import click

from hsid.cli import text


class Moment(click.ParamType[str]):
    """A point in time; without an offset it is by this machine's clock."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return *value* with its offset, as the API wants it."""
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.astimezone()).isoformat()
        except (ValueError, OverflowError):
            self.fail(
                f"{text.printable(value)!r} is no time; write 2026-11-25, 2026-11-25T14:30 or"
                " 2026-11-25T14:30+01:00.",
                param,
                ctx,
            )

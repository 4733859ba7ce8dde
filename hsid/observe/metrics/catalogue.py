"""Every metric that a page may hold, and the reference of them at the end of `docs/metrics.md`.

Read from what makes the pages, so that neither can know of one that the other does not. To write
the reference anew: `python -m hsid.observe.metrics.catalogue docs/metrics.md`, or `make reference`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hsid.observe.metrics.families import FAMILIES
from hsid.observe.metrics.instruments import INSTRUMENTS

HEADING = "## The metrics"
"""Where the part of the page begins that is written by this."""


@dataclass(frozen=True, slots=True)
class Description:
    """One metric: its name as one asks for it, and what it means. *buckets* are a histogram's."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names that its samples have on a page."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{suffix}" for suffix in ("bucket", "count", "sum"))
        return (self.name,)


def catalogue() -> tuple[Description, ...]:
    """Return every metric by its name."""
    return tuple(sorted((*_instruments(), *_families()), key=lambda each: each.name))


def _instruments() -> Iterator[Description]:
    for instrument in INSTRUMENTS:
        (described,) = instrument.describe()
        suffix = "_total" if described.type == "counter" else ""
        yield Description(
            f"{described.name}{suffix}",
            described.type,
            # The library has no other way to tell of labels and buckets before the first sample.
            tuple(instrument._labelnames),  # noqa: SLF001 - see above
            described.documentation,
            tuple(getattr(instrument, "_kwargs", {}).get("buckets", ())),
        )


def _families() -> Iterator[Description]:
    for family in FAMILIES:
        yield Description(family.name, family.kind, family.labels, family.help)


def reference(described: Sequence[Description]) -> str:
    """Return the page of documentation on the metrics *described*."""
    lines = [
        "## The metrics",
        "",
        "| metric | type | labels | meaning |",
        "| --- | --- | --- | --- |",
    ]
    lines += [_row(each) for each in described]
    lines += ["", "## Buckets", "", "| histogram | seconds |", "| --- | --- |"]
    lines += [
        f"| `{each.name}` | {', '.join(f'{edge:g}' for edge in each.buckets)} |"
        for each in described
        if each.buckets
    ]
    return "\n".join([*lines, ""])


def _row(each: Description) -> str:
    labels = ", ".join(f"`{label}`" for label in each.labels)
    return f"| `{each.name}` | {each.kind} | {labels} | {each.help} |"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    introduction, _, _ = page.read_text("utf-8").partition(HEADING)
    page.write_text(f"{introduction}{reference(catalogue())}", "utf-8")

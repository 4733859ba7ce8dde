"""What a class of objects means to a household, and which of a batch's classes it is about."""

from collections.abc import Iterable
from enum import StrEnum

from hsid.model import DetectionRecord

VEHICLES = frozenset(
    {"car", "truck", "bus", "motorcycle", "bicycle", "van", "train", "boat", "airplane"}
)
ANIMALS = frozenset(
    {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}
)


class Kind(StrEnum):
    """The kinds of objects that are told apart, the most important first."""

    PERSON = "person"
    VEHICLE = "vehicle"
    THING = "thing"
    """Anything that is on none of the other lists."""
    ANIMAL = "animal"


_RANKS = {kind: rank for rank, kind in enumerate(Kind)}


def kind_of(label: str) -> Kind:
    """Return the kind of the class that a detector calls *label*."""
    name = label.lower()
    if name == Kind.PERSON:
        return Kind.PERSON
    if name in VEHICLES:
        return Kind.VEHICLE
    return Kind.ANIMAL if name in ANIMALS else Kind.THING


def by_importance(labels: Iterable[str]) -> list[str]:
    """Return each of *labels* once: by kind, and within a kind in the order given.

    The first is the main class. Confidence has no say, so that a batch never changes its main
    class, and with it drops in score, because something in it was seen more clearly.
    """
    return sorted(dict.fromkeys(labels), key=lambda label: _RANKS[kind_of(label)])


def main_class(records: Iterable[DetectionRecord]) -> str:
    """Return the class that a batch is about; *records* are its detections, at least one."""
    return by_importance(record.detection.label for record in records)[0]

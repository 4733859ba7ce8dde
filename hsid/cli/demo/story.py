"""The little story that the demo tells: one night, three cameras.

Data only. What a scene shows, when its camera took it and how the camera delivers it; turning
that into files is the work of `hsid.cli.demo.pictures` and `hsid.cli.demo.player`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from itertools import cycle
from typing import TypeAlias

from hsid.model import Place

CAMERAS = {
    "Front Door": Place.ENTRANCE,
    "Driveway": Place.DRIVEWAY,
    "Back Yard": Place.YARD,
}
"""Folder of each camera, and what it looks at."""


class Sample(StrEnum):
    """A photograph that comes with the demo."""

    ASTRONAUT = "astronaut.jpg"
    CHELSEA = "chelsea.jpg"
    COFFEE = "coffee.jpg"
    ROCKET = "rocket.jpg"


class Delivery(StrEnum):
    """How a camera brings a file into its folder."""

    IN_PLACE = "in_place"
    """Written under its name and closed."""
    RENAMED = "renamed"
    """Written under another name, then renamed."""
    SLOWLY = "slowly"
    """Written under its name, piece by piece."""


@dataclass(frozen=True, slots=True)
class View:
    """A photograph in the dark field of view of a camera, so high and with its corner at x, y.

    *light* makes it darker than 1. No two views of the story give the same bytes.
    """

    sample: Sample
    height: int
    x: int
    y: int
    light: float
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class CutShort:
    """The first part of a view's file: the camera lost its connection."""

    view: View


@dataclass(frozen=True, slots=True)
class Text:
    """A file that only its name makes a picture; empty text makes an empty file."""

    text: str


Content: TypeAlias = View | CutShort | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """One file that a camera delivers. *at* is the camera's time, on the day of the story."""

    camera: str
    at: time
    content: Content
    delivery: Delivery = Delivery.IN_PLACE


_APPROACH: tuple[tuple[int, int, int, int, float, bool], ...] = (
    (0, 240, 200, 480, 0.5, False),
    (8, 300, 500, 420, 0.5, False),
    (17, 420, 430, 300, 0.5, False),
    (25, 540, 380, 180, 0.5, False),
    (34, 600, 340, 120, 0.2, False),
    (43, 540, 700, 180, 0.45, True),
    (51, 600, 100, 120, 0.45, False),
    (60, 600, 620, 120, 0.35, True),
)
"""Seconds after 02:13, then a `View`: in each the embedded detector knows a person."""


def tell_story(*, visitor: Sample = Sample.ASTRONAUT) -> tuple[Scene, ...]:
    """Return the night's scenes in the order of delivery; *visitor* is who comes to the door."""
    return (
        Scene("Driveway", time(1, 40, 2), _nothing(Sample.ROCKET, light=0.5)),
        Scene("Back Yard", time(1, 55, 31), _nothing(Sample.COFFEE, light=0.5), Delivery.RENAMED),
        *_visit(visitor),
        *_trouble(),
        *cat_story(),
        Scene("Driveway", time(6, 31, 50), _nothing(Sample.COFFEE, light=0.8), Delivery.SLOWLY),
    )


def cat_story() -> tuple[Scene, ...]:
    """Return the scenes in which a cat crosses the back yard."""
    there = View(Sample.CHELSEA, 600, 60, 120, light=0.45)
    back = View(Sample.CHELSEA, 600, 300, 120, light=0.5, mirrored=True)
    return (
        Scene("Back Yard", time(5, 47, 10), there),
        Scene("Back Yard", time(5, 47, 22), back, Delivery.RENAMED),
    )


def _visit(visitor: Sample) -> Iterator[Scene]:
    """Tell what the front door sees at 02:13: somebody comes nearer, and stays."""
    for exposure, delivery in zip(_APPROACH, cycle(Delivery), strict=False):
        second, height, x, y, light, mirrored = exposure
        at = time(2, 13 + second // 60, second % 60)
        yield Scene("Front Door", at, View(visitor, height, x, y, light, mirrored), delivery)


def _trouble() -> Iterator[Scene]:
    """Tell of a picture sent twice, a broken connection, an empty file and one of words."""
    unchanged = _nothing(Sample.ROCKET, light=0.4)
    yield Scene("Driveway", time(2, 40, 0), unchanged)
    yield Scene("Driveway", time(2, 40, 9), unchanged, Delivery.RENAMED)
    yield Scene("Driveway", time(3, 2, 44), CutShort(_nothing(Sample.ROCKET, light=0.3)))
    yield Scene("Back Yard", time(3, 10, 5), Text(""))
    yield Scene("Driveway", time(3, 20, 17), Text("550 Disk quota exceeded\r\n"))


def _nothing(sample: Sample, light: float) -> View:
    """Return a view of *sample* in which nothing is that matters to a house."""
    return View(sample, 600, 190, 120, light)

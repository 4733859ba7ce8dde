"""The rule engine's words: plain English for a householder.

Names of cameras and classes come from outside. They are put in as one short piece of printable text
and nothing else, so they can't add a line, a control character or a second sentence's worth.
"""

from collections.abc import Sequence

from hsid.model import Place, Seconds

LONG_ENOUGH_TO_STAY: Seconds = 10.0
MAX_NAME_LENGTH = 60
NAMED_COMPANIONS = 2
RARE_PER_DAY = 0.1

_PLACES = {
    None: "on the property",
    Place.STREET: "in the street",
    Place.DRIVEWAY: "in the driveway",
    Place.YARD: "in the yard",
    Place.ENTRANCE: "at the entrance",
    Place.INDOOR: "indoors",
}
_TIMES_OF_DAY = (
    (1, "night"),
    (5, "deep night"),
    (7, "early morning"),
    (17, "day"),
    (22, "evening"),
    (24, "night"),
)
"""Each up to the hour named."""


def one_line(text: str) -> str:
    """Return *text* without line breaks and unprintable characters, shortened where it is long."""
    words = " ".join(text.split())
    line = "".join(char for char in words if char.isprintable()).strip()
    return line if len(line) <= MAX_NAME_LENGTH else f"{line[: MAX_NAME_LENGTH - 1].rstrip()}…"


def a_thing(label: str) -> str:
    """Return the class *label* with its article."""
    name = one_line(label) or "thing"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def time_of_day(hour: int) -> str:
    """Return what people call the time after *hour*."""
    return next(name for end, name in _TIMES_OF_DAY if hour < end)


def sight(label: str, place: Place | None, usual_per_day: float | None) -> str:
    """Return what was seen where, and that it is rare there if it is."""
    is_rare = usual_per_day is not None and usual_per_day < RARE_PER_DAY
    rare = ", not usual there at this hour" if is_rare else ""
    return f"{a_thing(label)} {_PLACES[place]}{rare}"


def usual(usual_per_day: float | None) -> str:
    """Return how usual a sight is in this hour."""
    if usual_per_day is None:
        return "not known yet how usual here at this hour"
    if usual_per_day < RARE_PER_DAY:
        return f"seen here less than {RARE_PER_DAY} times a day at this hour"
    return f"seen here about {round(usual_per_day, 1):g} times a day at this hour"


def plural(number: int, singular: str, more: str) -> str:
    """Return *number* with the noun that fits it."""
    return f"{number} {singular if number == 1 else more}"


def summary(
    camera_name: str, labels: Sequence[str], people: int, dwell: Seconds, clock: str
) -> str:
    """Return one sentence; the first of *labels* is what it is about.

    The camera's name stands in front, where any name makes sense.
    """
    main, *others = labels
    who = f"{people} people" if people > 1 else a_thing(main)
    stayed = plural(round(dwell), "second", "seconds")
    what = f"stayed for {stayed}" if dwell >= LONG_ENOUGH_TO_STAY else _was_seen(people)
    companions = " and ".join(a_thing(label) for label in others[:NAMED_COMPANIONS])
    along = f", along with {companions}" if companions else ""
    sentence = f"{who} {what} at {clock}{along}."
    name = one_line(camera_name)
    return f"{name}: {sentence}" if name else sentence[0].upper() + sentence[1:]


def _was_seen(people: int) -> str:
    return "were seen" if people > 1 else "was seen"

"""From the corners that a detector measured to a box of whole pixels."""

from collections.abc import Sequence

from hsid.model import Box


def whole_box(corners: Sequence[float], size: tuple[int, int]) -> Box | None:
    """Return the box of whole pixels nearest to *corners*, cut to a picture of *size*.

    *corners* are left, top, right, bottom. The box is at least one pixel wide and high; it is None
    if the corners enclose nothing of the picture.
    """
    left, top, right, bottom = corners
    width, height = size
    if right < 0 or bottom < 0 or left > width or top > height or right < left or bottom < top:
        return None
    x, box_width = _whole_span(left, right, width)
    y, box_height = _whole_span(top, bottom, height)
    return Box(x, y, box_width, box_height)


def _whole_span(start: float, end: float, limit: int) -> tuple[int, int]:
    first = min(max(round(start), 0), limit - 1)
    return first, max(min(round(end), limit), first + 1) - first

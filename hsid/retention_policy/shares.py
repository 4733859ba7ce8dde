"""How much each camera gives when room is needed: the large ones down to one level. Pure.

A camera whose history is below the level loses nothing, so a busy camera can't push out what a
quiet one has seen.
"""

from collections.abc import Mapping, Sequence


def shares(sizes: Mapping[str, int], need: int) -> dict[str, int]:
    """Return the bytes that each camera gives so that *need* comes together.

    Args:
        sizes: What the history of each camera takes.
        need: What is to be given by all of them; above their sum, each gives all it has.
    """
    if need <= 0:
        return {}
    level = _level(sorted(sizes.values()), max(0, sum(sizes.values()) - need))
    return {camera: size - level for camera, size in sizes.items() if size > level}


def _level(rising: Sequence[int], keep: int) -> int:
    """Return the highest size to which all can be cut so that no more than *keep* is left."""
    for position, size in enumerate(rising):
        others = len(rising) - position
        if size * others > keep:
            return keep // others
        keep -= size
    return rising[-1] if rising else 0

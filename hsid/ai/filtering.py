"""What of a detector's findings matters: classes on the list, sure enough."""

from dataclasses import replace

from hsid.model import Detection, DetectionResult


def normalise_label(label: str) -> str:
    """Return *label* as hsid writes classes: lower case, words parted by single spaces."""
    return " ".join(label.lower().replace("_", " ").split())


def keep_relevant(
    result: DetectionResult, classes: frozenset[str], threshold: float
) -> tuple[Detection, ...]:
    """Return the detections of *classes* with a confidence of at least *threshold*.

    *classes* are normalised labels, and so are those of the detections returned.
    """
    named = (replace(found, label=normalise_label(found.label)) for found in result.detections)
    return tuple(
        found for found in named if found.label in classes and found.confidence >= threshold
    )

"""What is told live about an event, as those who listen on Redis expect it.

A channel keeps nothing: whoever does not listen at that moment hears nothing of it, and finds the
event in the store.
"""

from hsid.model import Event


def event_message(event: Event) -> dict[str, object]:
    """Return the message about *event*, new or changed."""
    return {
        "type": "event",
        "data": {
            "id": event.id,
            "event_id": event.id,
            "batch_id": event.batch_id,
            "camera_id": event.camera_id,
            "risk_score": event.risk_score,
            "risk_level": event.risk_level.value,
            "summary": event.summary,
            "reasoning": event.reasoning,
            "started_at": event.started_at.isoformat(),
        },
    }

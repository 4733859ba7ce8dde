"""Builders of readings and looks, each with the one thing that a test cares about."""

from datetime import UTC, datetime, timedelta

from hsid.gpu.survey import Fault, FaultKind
from hsid.model import GpuReading

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOST = Fault(FaultKind.LOST, "GPU is lost")
MISMATCH = Fault(FaultKind.MISMATCH, "mismatch")
NO_LIBRARY = Fault(FaultKind.NO_LIBRARY)


def at(minutes):
    return NOON + timedelta(minutes=minutes)


def reading(number=0, *, name=None, used=4000, total=8000):
    return GpuReading(
        recorded_at=NOON,
        number=number,
        uuid=f"GPU-{name or number}",
        name=f"Card {name or number}",
        utilization_ratio=0.5,
        memory_used_bytes=used,
        memory_total_bytes=total,
        temperature_celsius=None,
        power_watts=None,
    )

"""Read the cards through NVML, NVIDIA's library. Runs in a process of its own.

The library is loaded with the first look and stays; a driver that was replaced meanwhile needs a
new process. A figure that a card can't report is None and spoils no other; an error that says that
the card itself is out of reach makes it a lost one.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hsid.gpu.survey import Fault, FaultKind, LostCard, Outcome, Survey
from hsid.model import GpuReading

_MILLI = 1000
_PERCENT = 100

_KINDS = {
    "NVML_ERROR_LIBRARY_NOT_FOUND": FaultKind.NO_LIBRARY,
    "NVML_ERROR_DRIVER_NOT_LOADED": FaultKind.NOT_LOADED,
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH": FaultKind.MISMATCH,
    "NVML_ERROR_NO_PERMISSION": FaultKind.NO_PERMISSION,
    "NVML_ERROR_GPU_IS_LOST": FaultKind.LOST,
    "NVML_ERROR_RESET_REQUIRED": FaultKind.LOST,
}


def look() -> Outcome:
    """Read all cards. May take for ever, or end the process: the driver decides."""
    import pynvml  # noqa: PLC0415 - large, and of no use in the daemon

    try:
        _open(pynvml)
        found = [_look_at(pynvml, n) for n in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        return _fault(pynvml, error)
    return Survey(
        tuple(card for card in found if isinstance(card, GpuReading)),
        tuple(card for card in found if isinstance(card, LostCard)),
    )


@cache  # what raised is not kept
def _open(nvml: Any) -> None:
    nvml.nvmlInit()


def _look_at(nvml: Any, number: int) -> GpuReading | LostCard:
    try:
        return _read(nvml, number, nvml.nvmlDeviceGetHandleByIndex(number))
    except nvml.NVMLError as error:
        return LostCard(number, _fault(nvml, error))


def _read(nvml: Any, number: int, handle: Any) -> GpuReading:
    def ask(call: Callable[..., Any], *arguments: Any) -> Any:
        return _reported(nvml, call, handle, *arguments)

    memory = ask(nvml.nvmlDeviceGetMemoryInfo)
    rates = ask(nvml.nvmlDeviceGetUtilizationRates)
    milliwatts = ask(nvml.nvmlDeviceGetPowerUsage)
    return GpuReading(
        recorded_at=datetime.now(UTC),
        number=number,
        uuid=ask(nvml.nvmlDeviceGetUUID),
        name=ask(nvml.nvmlDeviceGetName),
        utilization_ratio=rates and rates.gpu / _PERCENT,
        memory_used_bytes=memory and memory.used,
        memory_total_bytes=memory and memory.total,
        temperature_celsius=ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        power_watts=None if milliwatts is None else milliwatts / _MILLI,
    )


def _reported(nvml: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what *call* gives, None if the card can't report it."""
    try:
        return call(*arguments)
    except UnicodeDecodeError:
        return None
    except nvml.NVMLError as error:
        if _kind(nvml, error) is FaultKind.LOST:
            raise
        return None


def _fault(nvml: Any, error: Any) -> Fault:
    return Fault(_kind(nvml, error), str(error))


def _kind(nvml: Any, error: Any) -> FaultKind:
    kinds = {getattr(nvml, name): kind for name, kind in _KINDS.items()}
    return kinds.get(error.value, FaultKind.OTHER)

"""What a look at the graphics cards gives: readings, lost cards, or why there is none.

Plain records that cross the pipe from the reading process, and the words people get for a fault.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from hsid.model import GpuReading


class FaultKind(StrEnum):
    """Why a card, or all of them, can't be read."""

    NO_LIBRARY = "no_library"
    """NVIDIA's library is not installed: as a rule there is no such card."""
    NOT_LOADED = "driver_not_loaded"
    MISMATCH = "driver_mismatch"
    NO_PERMISSION = "no_permission"
    LOST = "lost"
    NOT_LISTED = "not_listed"
    HUNG = "hung"
    CRASHED = "crashed"
    OTHER = "other"


_WORDS = {
    FaultKind.NO_LIBRARY: "NVIDIA's library libnvidia-ml.so.1 is not there; install the driver",
    FaultKind.NOT_LOADED: "the NVIDIA driver is not loaded; see what `nvidia-smi` and `dmesg` say",
    FaultKind.MISMATCH: "the driver was updated and the old one still runs; restart the machine",
    FaultKind.NO_PERMISSION: "hsid may not use it; let its user read and write /dev/nvidia*",
    FaultKind.LOST: "the driver has lost the card; see `dmesg`, and restart the machine",
    FaultKind.NOT_LISTED: "the driver does not list the card any more; see `dmesg`",
    FaultKind.HUNG: "the driver does not answer; if it stays so, restart the machine",
    FaultKind.CRASHED: "the driver's library crashed",
    FaultKind.OTHER: "the driver refuses to answer",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no reading. *detail* is what the driver, or the process' end, said."""

    kind: FaultKind
    detail: str = ""

    @property
    def words(self) -> str:
        """What happened and what to do, in one line; the same for the same fault."""
        return f"{_WORDS[self.kind]} ({self.detail})" if self.detail else _WORDS[self.kind]


@dataclass(frozen=True, slots=True)
class LostCard:
    """A card that the driver lists at *number* and can't reach."""

    number: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Survey:
    """All cards at one moment."""

    readings: tuple[GpuReading, ...] = ()
    lost: tuple[LostCard, ...] = ()


Outcome: TypeAlias = Survey | Fault
"""What came of a look: the cards, or why none can be read."""

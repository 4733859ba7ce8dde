"""How the cards are now, and since when: what status, health and the detector are told.

A card that was seen once stays on the board: it is ok, or it is lost, and the figures of a lost
one are gone. Folding a look into the board is pure; nothing here waits or asks anybody.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from hsid.gpu.pressure import Pressure, next_pressure, strongest
from hsid.gpu.survey import Fault, FaultKind, LostCard, Outcome, Survey
from hsid.model import GpuReading


class CardState(StrEnum):
    """Whether a card can be read."""

    OK = "ok"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Card:
    """One card at the time of the last look."""

    number: int | None
    """None for the card of a machine whose driver has not told of any yet."""
    uuid: str | None
    name: str | None
    state: CardState
    since: datetime
    """When it came into this state."""
    reading: GpuReading | None = None
    """None while it is lost."""
    pressure: Pressure = Pressure.NORMAL
    fault: Fault | None = None

    @property
    def is_ok(self) -> bool:
        """Tell whether it was read at the last look."""
        return self.state is CardState.OK

    @property
    def title(self) -> str:
        """What people call it."""
        name = self.name or "a card of unknown name"
        return name if self.number is None else f"{name} (number {self.number})"


Cards: TypeAlias = tuple[Card, ...]


def fold(cards: Cards, outcome: Outcome, now: datetime) -> Cards:
    """Return what *cards* are after a look at *now*."""
    if isinstance(outcome, Survey):
        return _after_survey(cards, outcome, now)
    if not cards and outcome.kind is FaultKind.NO_LIBRARY:
        return ()  # no library, no card: most machines have neither
    known = cards or (Card(None, None, None, CardState.LOST, now),)
    return tuple(_lost(card, outcome, now) for card in known)


class Board:
    """The cards of this machine; one actor notes, everybody reads."""

    def __init__(self) -> None:
        self.cards: Cards = ()

    def note(self, outcome: Outcome, now: datetime) -> None:
        """Take in what came of a look at *now*."""
        self.cards = fold(self.cards, outcome, now)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Each fault in words, with the cards that it concerns; the same while nothing changes."""
        concerned: defaultdict[str, list[str]] = defaultdict(list)
        for card in self.cards:
            if card.fault is not None:
                concerned[card.fault.words].append(card.title)
        return tuple(f"lost GPU {', '.join(who)}: {why}" for why, who in concerned.items())

    def pressure(self) -> Pressure:
        """Return the strongest pressure on the memory of a card."""
        return strongest([card.pressure for card in self.cards])


def _after_survey(cards: Cards, survey: Survey, now: datetime) -> Cards:
    known = {_key(card): card for card in cards}
    seen = {_key(each): _seen(known.get(_key(each)), each, now) for each in survey.readings}
    unread = {key: card for key, card in known.items() if key not in seen}
    lost = {}
    for each in survey.lost:
        key, card = _match(unread.items(), each, now)
        lost[key] = _lost(card, each.fault, now)
    not_listed = Fault(FaultKind.NOT_LISTED)
    gone = {
        key: _lost(card, not_listed, now)
        for key, card in unread.items()
        # One that never had a name stood for what is seen by name now.
        if key not in lost and (card.uuid or card.name)
    }
    return tuple(sorted((gone | lost | seen).values(), key=lambda card: card.number or 0))


def _key(of: Card | GpuReading) -> str:
    return of.uuid or f"number {of.number}"


def _match(unread: Iterable[tuple[str, Card]], lost: LostCard, now: datetime) -> tuple[str, Card]:
    """Return which card it was that is *lost*: an unread one of its number, or one never seen."""
    for key, card in sorted(unread, key=lambda pair: not pair[1].is_ok):
        if card.number == lost.number:
            return key, card
    return f"number {lost.number}", Card(lost.number, None, None, CardState.LOST, now)


def _seen(before: Card | None, reading: GpuReading, now: datetime) -> Card:
    return Card(
        number=reading.number,
        uuid=reading.uuid,
        name=reading.name,
        state=CardState.OK,
        since=before.since if before and before.is_ok else now,
        reading=reading,
        pressure=next_pressure(
            before.pressure if before else Pressure.NORMAL, reading.memory_used_ratio
        ),
    )


def _lost(card: Card, fault: Fault, now: datetime) -> Card:
    return replace(
        card,
        state=CardState.LOST,
        since=now if card.is_ok else card.since,
        reading=None,
        pressure=Pressure.NORMAL,
        fault=fault,
    )

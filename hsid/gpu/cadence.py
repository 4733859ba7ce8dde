"""When to look at the cards next, and whether the library must be loaded anew for it. Pure.

A library that is in use never finds a card again that it has lost, nor a driver that was replaced:
that takes a new process, which is tried with growing pauses.
"""

from dataclasses import dataclass

from hsid.gpu.board import Cards
from hsid.gpu.survey import Outcome, Survey
from hsid.model import Seconds

LONGEST: Seconds = 300.0
"""Between two tries to find what is lost."""
RARELY: Seconds = 900.0
"""Between two looks whether a machine without a card has got one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Wait *delay*, then look; with the library loaded anew if *renew* is set."""

    delay: Seconds
    renew: bool


class Cadence:
    """Looks every *poll* seconds while the cards are well."""

    def __init__(self, poll: Seconds) -> None:
        self._poll = poll
        self._tries = 0
        self._retry_at: Seconds = 0.0

    def after(self, outcome: Outcome, cards: Cards, now: Seconds) -> Plan:
        """Return what follows a look that made *cards* out of *outcome*; *now* never goes back."""
        if not cards:
            return Plan(max(self._poll, RARELY), renew=True)
        if all(card.is_ok for card in cards):
            self._tries = 0
            return Plan(self._poll, renew=False)
        if not isinstance(outcome, Survey):
            return Plan(self._next_pause(), renew=True)
        return self._beside_the_lost(now)

    def _beside_the_lost(self, now: Seconds) -> Plan:
        """Go on with the cards that are well, and try now and then to find the others."""
        if self._tries == 0:
            self._retry_at = now + self._next_pause()
        is_due = now >= self._retry_at
        if is_due:
            self._retry_at = now + self._next_pause()
        return Plan(self._poll, renew=is_due)

    def _next_pause(self) -> Seconds:
        self._tries += 1
        pause = self._poll * 2.0 ** min(self._tries, 16)
        return max(self._poll, min(pause, LONGEST))

"""Which daemon `hsictl` asks, and how asking ends: with a document, or with words and a code."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hsid.cli import client, terminal
from hsid.cli.client import Document
from hsid.cli.export import Asked

_LONGEST_CHANGE = 90.0
"""Seconds; an actor may take half a minute to stop, and as long to start."""


@dataclass(frozen=True, slots=True)
class Target:
    """The daemon at *socket*; *timeout* is what the user wants to wait, None: what suits."""

    socket: Path
    timeout: float | None = None

    def get(self, path: str, asked: Asked | None = None) -> Document:
        """Return the daemon's document; end the program in words if there is none."""
        try:
            return client.get(self.socket, path, asked, timeout=self._within(10.0))
        except client.ControlError as error:
            terminal.fail(f"hsictl: {error}", error.exit_code)

    def change(
        self, path: str, body: Document | None = None, *, method: str = "POST", within: float = 0.0
    ) -> Document:
        """Have the daemon change something, and return what came of it; *within* may add time."""
        timeout = self._within(_LONGEST_CHANGE + within)
        try:
            return client.change(self.socket, method, path, body, timeout=timeout)
        except client.TimedOutError as error:
            words = f"hsictl: {error}; it may be carried out all the same"
            terminal.fail(words, error.exit_code)
        except client.ControlError as error:
            terminal.fail(f"hsictl: {error}", error.exit_code)

    def lines(self, path: str, asked: Asked) -> Iterator[Document]:
        """Yield the lines of a stream as they come; end the program in words if that fails."""
        try:
            yield from client.lines(self.socket, path, asked, timeout=self._within(10.0))
        except client.ControlError as error:
            terminal.fail(f"hsictl: {error}", error.exit_code)

    def change_star(self, event_id: int, *, starred: bool) -> Document:
        """Have the daemon give or take a star; end the program in words if it can't."""
        method = "POST" if starred else "DELETE"
        return self.change(f"/v1/events/{event_id}/star", method=method)

    def page(self, asked: Asked) -> Document:
        """Return a page of events."""
        return self.get("/v1/events", asked)

    def stats(self, asked: Asked) -> Document:
        """Return counts of events."""
        return self.get("/v1/events/stats", asked)

    def event(self, event_id: int) -> Document:
        """Return one event."""
        return self.get(f"/v1/events/{event_id}")

    def _within(self, usual: float) -> float:
        return usual if self.timeout is None else self.timeout

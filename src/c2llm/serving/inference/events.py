"""What an embedder tells of its work; metrics listen."""

from __future__ import annotations

from typing import Protocol


class Events(Protocol):
    """Called from the threads in which things happen; must be quick and never raise."""

    def looked_up(self, found: int, missed: int) -> None:
        """So many texts were asked for in the cache."""

    def refused(self, reason: str) -> None:
        """A request was not admitted: `queue_full` or `too_large`."""

    def waited(self, seconds: float) -> None:
        """A text has left the queue after so long."""

    def ran(self, texts: int, tokens: int, padded: int, seconds: float) -> None:
        """A batch was embedded; `padded` counts the padding too."""

    def failed(self, texts: int) -> None:
        """A batch of so many texts raised."""

    def left(self, texts: int) -> None:
        """A client hung up; so many of its texts were taken out of the queue."""


class NoEvents:
    """Nobody listens."""

    def looked_up(self, found: int, missed: int) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""

    def waited(self, seconds: float) -> None:
        """Nothing."""

    def ran(self, texts: int, tokens: int, padded: int, seconds: float) -> None:
        """Nothing."""

    def failed(self, texts: int) -> None:
        """Nothing."""

    def left(self, texts: int) -> None:
        """Nothing."""

"""What a server's embedding may take: tokens, seconds, bytes."""

from __future__ import annotations

from dataclasses import dataclass

from c2llm.errors import UsageError


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    """Limits of embedding.

    Raises:
        UsageError: A limit is below the least that makes sense.
    """

    queue_seconds: float = 2.0
    """A request that would wait longer than about this is refused with 429."""
    most_texts: int = 4_096
    """Texts of one request; more are refused with 413."""
    most_tokens: int = 1_000_000
    """Tokens of one request; more are refused with 413."""
    most_requests: int = 128
    """Requests that are in the works at once; more are refused with 429, before they are read."""
    cache_bytes: int = 128_000_000
    """Vectors that are kept in memory; 0 keeps none."""
    disk_cache_bytes: int = 0
    """Vectors that are kept in the user's folder for the next start and other processes."""
    batching: bool = True
    """Whether texts share batches; off, one is embedded after the other (to measure by)."""

    def __post_init__(self) -> None:
        for name, least in (
            ("queue_seconds", 0.01),
            *(("most_texts", 1), ("most_tokens", 1), ("most_requests", 1)),
            *(("cache_bytes", 0), ("disk_cache_bytes", 0)),
        ):
            value = getattr(self, name)
            if not value >= least:
                raise UsageError(f"{name} is {value}; it is at least {least}.")

"""Small source trees, and an encoder without weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.words import stems
from c2llm.encoding.protocol import Progress

CLIENT = '''"""Talks to the server."""


class HttpClient:
    """A client that keeps its connection."""

    def send_request(self, url: str) -> bytes:
        """Send one request and read the answer."""
        return self.connection.read(url)
'''
RETRY = '''"""Retries with exponential backoff."""


def retry_with_backoff(call, attempts=3):
    """Call again after a growing pause until it works."""
    for attempt in range(attempts):
        try:
            return call()
        except OSError:
            pause(2 ** attempt)


def pause(seconds):
    """Sleep."""
'''
CONFIG = """package config

// LoadSettings reads the settings from a toml file.
func LoadSettings(path string) (Settings, error) {
\treturn parseToml(path)
}
"""
TEST_RETRY = '''from retry import retry_with_backoff


def test_retry_with_backoff():
    """The retry with backoff calls again: retry backoff retry backoff."""
    assert retry_with_backoff(lambda: 1) == 1
'''
PROJECT = {
    "src/net/client.py": CLIENT,
    "src/net/retry.py": RETRY,
    "src/config/settings.go": CONFIG,
    "tests/test_retry.py": TEST_RETRY,
    "README.md": "# Demo\n\nA client that retries with backoff.\n\n## Settings\n\nIn toml.\n",
}


def write_tree(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files below root, with times that lie safely in the past."""
    import os

    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + len(content)))
    return root


class WordEncoder:
    """Each stem is a fixed direction, a text the sum of its stems."""

    def __init__(
        self,
        name: str = "words",
        fingerprint: str = "words-1",
        dim: int = 64,
        before: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.dim = dim
        self.embedded: list[str] = []
        """Every document that was ever asked for."""
        self._before = before

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        if self._before is not None:
            self._before(texts)
        self.embedded += texts
        if progress is not None:
            progress(len(texts))
        return self._encode(texts)

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in [*stems(text), "bias"]:
                seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
                row += np.random.default_rng(seed).standard_normal(self.dim, np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

"""The input that a process is at, where another process sees it even after a crash."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from tests.fuzzing.steps import MOST_BYTES

_HEAD = struct.Struct("<qq")


class Watched:
    """A file in memory: how many inputs were begun, and the last of them."""

    def __init__(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size < _HEAD.size + MOST_BYTES:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(_HEAD.size + MOST_BYTES))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def clear(self) -> None:
        """Begin to count again."""
        self._memory[: _HEAD.size] = bytes(_HEAD.size)

    def begin(self, data: bytes) -> None:
        """Note an input before it is tried."""
        count = self.count + 1
        data = data[:MOST_BYTES]
        self._memory[_HEAD.size : _HEAD.size + len(data)] = data
        self._memory[: _HEAD.size] = _HEAD.pack(count, len(data))

    @property
    def count(self) -> int:
        """Inputs that were begun."""
        count: int = _HEAD.unpack(self._memory[: _HEAD.size])[0]
        return count

    @property
    def last(self) -> bytes:
        """The input that was begun last."""
        length = _HEAD.unpack(self._memory[: _HEAD.size])[1]
        return self._memory[_HEAD.size : _HEAD.size + length]

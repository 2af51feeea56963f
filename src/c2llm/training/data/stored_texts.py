"""Texts that many rows share, kept once: rows name them by number.

A row with 24 hard negatives is 24 functions long; three million such rows are 85 GB, in which each
text stands some twenty times. `c2llm mine negatives --ids` writes OUT.documents, one JSON string a
line, and rows say `"documents": "OUT.documents", "negative_ids": [7, 12, …]`: line numbers from 0.

The file is memory-mapped and a text is read when it is asked for, so neither a process nor a run's
folder holds a copy.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import IO, overload

import numpy as np
from numpy.typing import NDArray

from c2llm.errors import DataError

SUFFIX = ".documents"
"""What is put after the name of the file of rows; no reader of rows takes it for one."""
_BLOCK = 1 << 24


class StoredTexts:
    """The texts of a file, by number.

    Args:
        path: one JSON string a line.

    Raises:
        DataError: if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                self._bytes: mmap.mmap | bytes = (
                    mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                    if path.stat().st_size
                    else b""
                )
        except OSError as error:
            raise DataError(
                f"{path}, which rows name in `documents`, cannot be read ({error.strerror}): keep "
                "it beside the file of rows that was mined with it."
            ) from error
        self._ends = _line_ends(self._bytes)

    @cached_property
    def name(self) -> str:
        """The place of the file, wherever a reader starts from."""
        return str(self.path.resolve())

    def pieces(self, size: int) -> list[tuple[int, int]]:
        """Ranges of numbers, in order, whose lines have about `size` bytes each."""
        total = len(self._bytes)
        cuts = np.searchsorted(self._ends, np.arange(size, total, size)).tolist()
        numbers = sorted({0, *cuts, len(self)})
        return list(pairwise(numbers))

    def content(self, first: int, last: int) -> bytes:
        """The lines of a piece as they stand in the file."""
        start = int(self._ends[first - 1]) + 1 if first else 0
        return self._bytes[start : int(self._ends[last - 1]) + 1]

    def __reduce__(self) -> tuple[Callable[[Path], StoredTexts], tuple[Path]]:
        return stored_texts, (self.path,)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        """The text of a line, from 0.

        Raises:
            DataError: if there is no such line or it holds no text.
        """
        if not 0 <= number < len(self._ends):
            raise DataError(f"{self.path} has {len(self)} texts, but a row names number {number}.")
        start = int(self._ends[number - 1]) + 1 if number else 0
        try:
            text = json.loads(self._bytes[start : int(self._ends[number])])
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.path}:{number + 1} is not JSON.") from error
        if not isinstance(text, str):
            raise DataError(f"{self.path}:{number + 1} is no text: each line is one JSON string.")
        return text


class TextsById(Sequence[str]):
    """Some texts of a file, each read when it is asked for.

    Args:
        stored: the file.
        ids: numbers of its lines.
    """

    __slots__ = ("ids", "stored")

    def __init__(self, stored: StoredTexts, ids: Sequence[int]) -> None:
        self.stored, self.ids = stored, tuple(ids)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> TextsById: ...
    def __getitem__(self, index: int | slice) -> str | TextsById:
        if isinstance(index, slice):
            return TextsById(self.stored, self.ids[index])
        return self.stored[self.ids[index]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@lru_cache(maxsize=64)
def stored_texts(path: Path) -> StoredTexts:
    """The texts of a file, opened once."""
    return StoredTexts(path)


class TextWriter:
    """Numbers texts; one is written the first time it is asked for.

    Args:
        stream: where lines go.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, text: str) -> int:
        """The number of a text; `key` stands for it."""
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._numbers)
            self._stream.write(json.dumps(text, ensure_ascii=False) + "\n")
        return found


@contextmanager
def text_writer(path: Path) -> Iterator[TextWriter]:
    """Write a file of texts beside its place; it appears whole when the block ends well."""
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("w", encoding="utf-8", errors="replace") as stream:
            yield TextWriter(stream)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _line_ends(content: mmap.mmap | bytes) -> NDArray[np.int64]:
    """Where each line ends; a last line without an end counts."""
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(content), _BLOCK):
        block = np.frombuffer(content[start : start + _BLOCK], np.uint8)
        found.append(np.flatnonzero(block == ord("\n")).astype(np.int64) + start)
    if content and content[-1:] != b"\n":
        found.append(np.array([len(content)], np.int64))
    return np.concatenate(found) if found else np.empty(0, np.int64)

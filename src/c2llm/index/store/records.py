"""What the store gives and takes: files as it knows them, chunks with their place, counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from c2llm.codebase.chunk import Chunk


class Stamp(NamedTuple):
    """What is compared to see that a file has changed without reading it."""

    size: int
    mtime_ns: int
    """-1 to have it read again the next time."""
    inode: int


@dataclass(frozen=True, slots=True)
class FileState:
    """What the index knows of a file: enough to see that it has changed."""

    id: int
    path: str
    hash: bytes
    size: int
    mtime_ns: int
    inode: int
    language: str
    words: str
    """The stems of the path's words, separated by spaces."""


@dataclass(frozen=True, slots=True)
class SkippedState:
    """A file that was opened and left out; it is opened again only when it has changed."""

    path: str
    reason: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk and its place in the index."""

    id: int
    file_id: int
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the index holds."""

    files: int
    chunks: int
    embedded: int
    """Chunks that have a vector of the model that was asked about."""


@dataclass(frozen=True, slots=True)
class RefreshReport:
    """What a refresh did."""

    redone: int
    """Files read and cut anew, or forgotten."""
    embedded: int
    """Texts that were embedded, or whose vectors were found in the cache."""
    changed: tuple[str, ...] = ()
    """Paths of the files that were read and cut anew."""
    removed: tuple[str, ...] = ()
    """Paths of the files that were forgotten."""

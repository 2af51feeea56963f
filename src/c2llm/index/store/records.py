"""What the store gives and takes: files as it knows them, chunks with their place, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from c2llm.codebase.chunk import Chunk

RULES = "ignore rules"
"""The fact (`meta`) that says by which rules the files were taken; empty while they change."""
RULES_CHANGE = "changing"
"""`RULES` while files that were taken by other rules are judged again."""
UNREAD = "unread files"
"""Not empty while files of a large tree are not in the index yet."""
FILE_LIMIT = "file limit"
"""The fact (`meta`) that says how many bytes a file may have; not there for the usual limit."""
TABLE_MODEL = "table model"
"""The fact (`meta`) that names the model whose vectors cover every chunk at once."""


class Stamp(NamedTuple):
    """What is compared to see that a file has changed without reading it."""

    size: int
    mtime_ns: int
    """-1 to have it read again the next time."""
    inode: int


class IndexedFile(NamedTuple):
    """A file of the index; a tuple, since a search of a large tree reads 50,000 of them."""

    id: int
    path: str
    """Relative to the root, with `/`; bytes that are no UTF-8 as `os.fsdecode` has them."""
    language: str
    mtime_ns: int
    """When it was last changed; -1 where that is not to be trusted."""


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


class ChunkFacts(NamedTuple):
    """A chunk without its text, as a search reads some hundred of them."""

    id: int
    file_id: int
    path: str
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    language: str
    kind: str
    symbol: str
    scope: str
    definitions: tuple[str, ...]
    """Names of the definitions that start inside the chunk, as they are spelled."""


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


class WordStatistics(NamedTuple):
    """How common words are in one index, or in several taken together: what BM25 rests on."""

    chunks: int
    """How many chunks there are."""
    tokens: int
    """How many tokens all their fields have together."""
    counts: Mapping[str, int]
    """For each term that was asked about how many chunks have it."""

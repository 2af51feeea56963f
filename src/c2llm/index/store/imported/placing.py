"""Which code of today a record is about.

A record names a file and perhaps a definition. It stays with the code where that moves: a file
that is gone is looked for by the hash of its content, and a definition that is gone by the hash of
its own text, in which its name does not count. Whether it is the code that was measured is told by
the same hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from c2llm.index.store.imported.file_text import definitions_in, file_lines
from c2llm.index.store.imported.record import Key, State

if TYPE_CHECKING:
    from c2llm.index.store.chunk_store import ChunkStore

_SEPARATORS = re.compile(r"::|[#/.:]+")


class Outlined(NamedTuple):
    """A definition of a file."""

    symbol: str
    """Names of the definitions around it and its own, joined by `.`."""
    start_line: int
    end_line: int
    code_hash: str
    """In hexadecimal."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is kept of the code of a record."""

    key: Key
    code_hash: bytes
    file_hash: bytes


class Place(NamedTuple):
    """The code of today that a record is about."""

    state: State
    path: str = ""
    symbol: str = ""
    start_line: int = 0
    """0 for a whole file."""
    end_line: int = 0


LOST = Place("lost")


def code_hash(text: str, name: str = "") -> bytes:
    """The hash of a definition, in which its own name does not count, or of a whole file."""
    if name:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "\0", text)
    lines = (line.rstrip() for line in text.strip().split("\n"))
    return blake2b("\n".join(lines).encode(errors="surrogateescape"), digest_size=16).digest()


def outline(lines: Sequence[str], path: str, language: str) -> list[Outlined]:
    """The definitions of a file, after an entry without a name for the whole of it."""
    found = [Outlined("", 0, 0, code_hash("\n".join(lines)).hex())]
    for unit in definitions_in(lines, path, language):
        text = "\n".join(lines[unit.start_line - 1 : unit.end_line])
        symbol = canonical(f"{unit.scope}.{unit.name}" if unit.scope else unit.name)
        hashed = code_hash(text, unit.name).hex()
        found.append(Outlined(symbol, unit.start_line, unit.end_line, hashed))
    return found


def canonical(symbol: str) -> str:
    """A symbol with `.` between its names, however its language joins them."""
    return _SEPARATORS.sub(".", symbol.strip()).strip(".").removesuffix("()")


def named(symbol: str, outlined: Sequence[Outlined]) -> list[Outlined]:
    """The definitions that a symbol may mean: the very one, else those that end like it.

    A path of modules before the name of a definition is looked over: `strategies.mean.Mean.run`
    is `Mean.run` in its file.
    """
    if not symbol:
        return list(outlined[:1])
    exact = [one for one in outlined if one.symbol == symbol]
    if exact:
        return exact[:1]  # of one that is there twice, as an overload is, the first
    parts = symbol.split(".")
    ends = [one for one in outlined if one.symbol.split(".")[-len(parts) :] == parts]
    if ends:
        return ends
    within = [one for one in outlined if one.symbol and symbol.endswith(f".{one.symbol}")]
    longest = max((len(one.symbol) for one in within), default=0)
    return [one for one in within if len(one.symbol) == longest][:1]


class Outlines:
    """The outlines of the files of an index, made when they are asked for.

    Args:
        store: The index.
        kept: Outlines that are known, as `packed` writes them, by the hash of the content.
    """

    def __init__(self, store: ChunkStore, kept: Mapping[bytes, str]) -> None:
        self._store = store
        self._kept = kept
        self._ids: dict[str, tuple[int, str]] | None = None
        self._made: dict[str, list[Outlined]] = {}
        self.new: dict[bytes, str] = {}
        """Those that were not known."""

    def of(self, path: str, file_hash: bytes) -> list[Outlined]:
        """The outline of an indexed file whose content has this hash."""
        if path in self._made:
            return self._made[path]
        kept = self._kept.get(file_hash) or self.new.get(file_hash)
        if kept is not None:
            found = [Outlined(*row) for row in json.loads(kept)]
        else:
            found = self._read(path)
            self.new[file_hash] = json.dumps(found, separators=(",", ":"))
        self._made[path] = found
        return found

    def _read(self, path: str) -> list[Outlined]:
        if self._ids is None:
            self._ids = {file.path: (file.id, file.language) for file in self._store.files()}
        if path not in self._ids:  # another process has just removed it
            return []
        file_id, language = self._ids[path]
        return outline(file_lines(self._store, file_id), path, language)


def placed(store: ChunkStore, measured: Collection[Measured], outlines: Outlines) -> list[Place]:
    """The code of today of each of the records, in their order."""
    paths = sorted({one.key.path for one in measured})
    hashes = store.hashes(paths)
    elsewhere: dict[bytes, str] = {}
    if len(hashes) < len(paths):
        every = [file.path for file in store.files()]
        for path, file_hash in sorted(store.hashes(every).items(), reverse=True):
            elsewhere[file_hash] = path
    return [_place(one, hashes, elsewhere, outlines) for one in measured]


def _place(
    one: Measured,
    hashes: Mapping[str, bytes],
    elsewhere: Mapping[bytes, str],
    outlines: Outlines,
) -> Place:
    path = one.key.path if one.key.path in hashes else elsewhere.get(one.file_hash, "")
    if not path:
        return LOST
    known = outlines.of(path, hashes.get(path, one.file_hash))
    wanted = one.code_hash.hex()
    found = next((entry for entry in known if entry.symbol == one.key.symbol), None)
    if found is None:  # renamed, if just one definition that it may be has its text
        same = [entry for entry in known[1:] if entry.code_hash == wanted]
        if len(same) != 1:
            return LOST
        found = same[0]
    is_there = (path, found.symbol) == (one.key.path, one.key.symbol)
    state: State = "current" if is_there else "moved"
    if not wanted:
        state = "unknown"
    elif found.code_hash != wanted:
        state = "stale"
    return Place(state, path, found.symbol, found.start_line, found.end_line)

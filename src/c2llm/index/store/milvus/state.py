"""What a catalog in Milvus is at this moment: its generation, and the table of contents."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

from c2llm.index.store.catalog.records import RepositoryState
from c2llm.index.store.milvus.connection import MilvusConnection
from c2llm.index.store.milvus.contents import Contents, Tree, unpack_tree
from c2llm.index.store.milvus.location import MilvusLocation
from c2llm.index.store.milvus.numbers import number
from c2llm.index.store.milvus.packed import blob_of, damaged, pieces_of
from c2llm.index.store.milvus.tables import Tables, without_vector

MARK, REPOSITORY, TREE, MODEL, FORMER_MODEL = range(5)
"""Kinds of rows."""
_GENERATION = number("generation")
_MOMENT = 0.25
"""Seconds for which a generation is believed in."""


class MilvusState:
    """The part of the store that knows which rows are in answers.

    Args:
        location: Where the Milvus is.
        create: Make a Lite database where there is none.
    """

    def __init__(self, location: MilvusLocation, *, create: bool = True) -> None:
        self._connection = MilvusConnection(location, create=create)
        try:
            self._tables = Tables(self._connection)
        except BaseException:
            self._connection.close()
            raise
        self._known: tuple[int, Contents] = (-1, Contents())
        self._generation = (-math.inf, 0)

    @property
    def location(self) -> MilvusLocation:
        """Where the Milvus is."""
        return self._connection.location

    def close(self) -> None:
        """Let go of the connection; the store is of no use afterwards."""
        self._connection.close()

    def generation(self) -> int:
        """A number that every write raises; one of another process is seen a moment later.

        A search asks for it some twenty times, which would be half of all its requests.
        """
        asked, known = self._generation
        if time.monotonic() - asked > _MOMENT:
            known = self._read_generation()
            self._generation = time.monotonic(), known
        return known

    def _read_generation(self) -> int:
        rows = list(self._connection.get(self._tables.rows, [_GENERATION], ["generation"]))
        return int(rows[0]["generation"]) if rows else 0

    def _risen(self) -> int:
        """A higher generation: a time, so that two who write at once do not take the same."""
        return max(self._read_generation() + 1, time.time_ns())

    def _raise_generation(self) -> None:
        risen = self._risen()
        self._put_row(_GENERATION, MARK, risen)
        self._generation = time.monotonic(), risen

    def _contents(self) -> Contents:
        """The table of contents, as it is now."""
        generation = self.generation()
        if generation != self._known[0]:
            self._known = (generation, self._read(self._known[1]))
        return self._known[1]

    def _read(self, known: Contents) -> Contents:
        states = self._repository_rows()
        gone = known.trees.keys() - states.keys()
        changed: list[Tree] = []
        for name, (state, generation, pieces) in states.items():
            tree = known.trees.get(name)
            if tree is not None and tree.generation == generation:
                continue
            blob = self._blob([_piece_id(name, generation, at) for at in range(pieces)])
            if blob is not None:  # else it has been replaced since, which is the next generation
                changed.append(unpack_tree(state, generation, blob))
        return known.replaced(changed, gone) if changed or gone else known

    def _repository_rows(self) -> dict[str, tuple[RepositoryState, int, int]]:
        """State, generation and number of pieces of each repository."""
        found: dict[str, tuple[RepositoryState, int, int]] = {}
        for row in self._connection.every(
            self._tables.rows, f"kind == {REPOSITORY}", ["generation", "data"]
        ):
            name, revision, files, pieces = _unpacked(row["data"], 4)
            state = RepositoryState(str(name), str(revision), int(files))
            found[state.name] = (state, int(row["generation"]), int(pieces))
        return dict(sorted(found.items()))

    def _write_tree(self, state: RepositoryState, generation: int, blob: bytes) -> None:
        """Exchange a repository's files: its pieces first, then the one row that names them."""
        owner = number("repository", state.name)
        pieces = pieces_of(blob)
        self._connection.put(
            self._tables.rows,
            (
                _row(_piece_id(state.name, generation, at), TREE, generation, owner, piece)
                for at, piece in enumerate(pieces)
            ),
        )
        data = json.dumps([state.name, state.revision, state.files, len(pieces)])
        self._put_row(owner, REPOSITORY, generation, owner, data)
        self._forget_trees(owner, f"generation != {generation}")

    def _remove_tree(self, name: str) -> None:
        owner = number("repository", name)
        self._connection.ask("delete", self._tables.rows, filter=f"id in [{owner}]")
        self._forget_trees(owner, "generation >= 0")

    def _forget_trees(self, owner: int, which: str) -> None:
        """Delete the pieces of a repository's former files."""
        self._connection.ask(
            "delete", self._tables.rows, filter=f"kind == {TREE} and owner == {owner} and {which}"
        )

    # -- rows ------------------------------------------------------------------------------------

    def _put_row(
        self, row_id: int, kind: int, generation: int, owner: int = 0, data: str = ""
    ) -> None:
        self._connection.put(self._tables.rows, [_row(row_id, kind, generation, owner, data)])

    def _blob(self, ids: Sequence[int]) -> bytes | None:
        """The blob that rows have together, None where one is not there."""
        rows = self._connection.get(self._tables.rows, ids, ["data"])
        data = {int(row["id"]): str(row["data"]) for row in rows}
        if len(data) < len(ids):
            return None
        return blob_of([data[row_id] for row_id in ids])


def _piece_id(name: str, generation: int, at: int) -> int:
    return number("tree", name, generation, at)


def _row(row_id: int, kind: int, generation: int, owner: int, data: str) -> dict[str, Any]:
    return without_vector(
        {"id": row_id, "kind": kind, "generation": generation, "owner": owner, "data": data}
    )


def _unpacked(data: str, length: int) -> list[Any]:
    try:
        values = json.loads(data)
        if isinstance(values, list) and len(values) == length:
            return values
    except (ValueError, RecursionError):
        pass
    raise damaged()


def batches(numbers: Iterable[int], size: int) -> list[list[int]]:
    """Numbers in lists of a size."""
    every = list(numbers)
    return [every[start : start + size] for start in range(0, len(every), size)]

"""Pairs on disk: one Arrow file, memory-mapped, so that a data set need not fit into memory.

RUN/data/pairs.arrow   all pairs that passed the filters, in the order they were read
RUN/data/order.npy     int64, which of them are used: caps are drawn when a source has been read
RUN/data/report.json   what was kept and dropped, and the fingerprint of files and settings

A resumed run finds its fingerprint unchanged and reads no source again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from c2llm.training.data.stored_texts import TextsById, stored_texts
from c2llm.training.data.training_pair import Pair

ROWS = 4096
"""Pairs of one record batch."""


class Subset(Sequence[Pair]):
    """Some of a sequence of pairs, by position."""

    def __init__(self, pairs: Sequence[Pair], positions: NDArray[np.int64]) -> None:
        self._pairs, self.positions = pairs, positions

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> Subset: ...
    def __getitem__(self, index: int | slice) -> Pair | Subset:
        if isinstance(index, slice):
            return Subset(self._pairs, self.positions[index])
        return self._pairs[int(self.positions[index])]


class ArrowPairs(Sequence[Pair]):
    """The pairs of an Arrow file; a pair is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        with pa.memory_map(str(path)) as mapped:
            reader = pa.ipc.open_file(mapped)
            self._batches: list[Any] = [
                reader.get_batch(i) for i in range(reader.num_record_batches)
            ]
        self._length: int = sum(batch.num_rows for batch in self._batches)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        batch, row = divmod(index % self._length, ROWS)
        return _pair(self._batches[batch].slice(row, 1).to_pylist()[0])

    def __iter__(self) -> Iterator[Pair]:
        for batch in self._batches:
            for start in range(0, batch.num_rows, 256):
                yield from map(_pair, batch.slice(start, 256).to_pylist())


class ArrowWriter:
    """Append pairs, then `finish`; the file appears whole or not at all.

    Args:
        path: the file.
        part: what is put after its name while it is written.
    """

    def __init__(self, path: Path, part: str = ".part") -> None:
        import pyarrow as pa

        text, many = pa.string(), pa.list_(pa.string())
        self._schema = pa.schema(
            [
                ("query", text),
                ("document", text),
                ("dataset", text),
                ("language", text),
                ("header", text),
                ("negatives", many),
                ("negative_ids", pa.list_(pa.int64())),
                ("documents", text),
                ("also_positive", many),
                ("instruction", text),
                ("scores", pa.list_(pa.float64())),
            ]
        )
        self._pa, self._path = pa, path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._part = path.with_name(path.name + part)
        self._writer = pa.ipc.new_file(str(self._part), self._schema)
        self._rows: list[dict[str, Any]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, pair: Pair) -> None:
        """Add a pair."""
        row = {name: getattr(pair, name, None) for name in self._schema.names}
        if isinstance(pair.negatives, TextsById):
            row["negatives"] = ()
            row["negative_ids"] = pair.negatives.ids
            row["documents"] = pair.negatives.stored.name
        self._rows.append(row)
        self._count += 1
        if len(self._rows) == ROWS:
            self._flush()

    def finish(self) -> ArrowPairs:
        """Close the file and open it for reading."""
        if self._rows:
            self._flush()
        self._writer.close()
        self._part.replace(self._path)
        return ArrowPairs(self._path)

    def discard(self) -> None:
        """Leave no file."""
        self._writer.close()
        self._part.unlink(missing_ok=True)

    def _flush(self) -> None:
        self._writer.write_batch(self._pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows = []


def _pair(row: dict[str, Any]) -> Pair:
    ids, named = row.pop("negative_ids", None), row.pop("documents", None)
    for name in ("negatives", "also_positive", "scores"):
        row[name] = tuple(row[name])
    if named is not None:
        row["negatives"] = TextsById(stored_texts(Path(named)), ids)
    return Pair(**row)

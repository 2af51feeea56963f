"""Rows in: JSON Lines, Parquet, folders and globs of them, and data sets of the hub.

A row comes with where it stands, FILE:LINE, so that a fault in it can be named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.training.data.jsonl import numbered_rows
from c2llm.training.run.recipe import HUB, SourceConfig

Row = Mapping[str, Any]
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")


def rows_of(source: SourceConfig, root: Path) -> Iterator[tuple[str, Row]]:
    """All rows of a source, each with where it stands.

    Raises:
        DataError: for a missing, unreadable or malformed file, naming file and line.
        UsageError: if the hub does not give a data set.
    """
    if source.file.startswith(HUB):
        from c2llm.training.data.hub_data import hub_rows

        yield from hub_rows(source, root)
        return
    for path in files_of(source.file, root):
        for number, row in read_rows(path):
            yield f"{path}:{number}", row


def files_of(name: str, root: Path) -> list[Path]:
    """The files that a source's `file` names: one, or all of a folder or glob, in order.

    Raises:
        DataError: if there is none.
    """
    path = root / name
    if path.is_file():
        return [path]
    found = path.rglob("*") if path.is_dir() else root.glob(name)
    files = sorted(p for p in found if p.is_file() and p.name.endswith(SUFFIXES))
    if not files:
        raise DataError(
            f"{path} is no file, folder or glob with {', '.join(SUFFIXES)}; point data.root at the "
            "data directory (data.root=DIR)."
        )
    return files


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Rows of a .jsonl, .jsonl.gz or .parquet with their numbers from 1.

    Raises:
        DataError: naming file and line, for a file that cannot be read or a line that is not a JSON
            object.
    """
    reader: Callable[[Path], Iterator[tuple[int, Row]]]
    reader = _parquet_rows if path.suffix == ".parquet" else numbered_rows
    yield from reader(path)


def _parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Reading {path} needs {error.name}: install it with pip install 'c2llm[train]'."
        ) from error
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read after row {number} ({' '.join(str(error).split())[:120]}): "
            "fetch the file again."
        ) from error

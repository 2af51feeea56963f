"""A file of results as rows of named fields: CSV, JSON, JSON lines or Parquet.

A results file is as hostile as a repository: its size, its rows, its columns and its texts are
bounded, nothing in it is run, and what cannot be read is told in a sentence with its place.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.codebase.files.decoding import decode
from c2llm.errors import DataError, UsageError

MOST_BYTES = 256_000_000
MOST_ROWS = 1_000_000
MOST_COLUMNS = 2_000
MOST_CHARACTERS = 10_000
"""Of one text, and of a column's name a fiftieth of it."""
_MOST_CELLS = 20_000_000
_MOST_DEPTH = 12
"""Of objects in one another."""
_DELIMITERS = ",;\t|"
_TRIED_LINES = 30
KEY = "key"
"""What the names are called where a JSON file has an object of objects by name."""

Fields = dict[str, Any]
"""A row; a field that it lacks is not there."""


@dataclass(frozen=True, slots=True)
class Results:
    """What a file has."""

    columns: tuple[str, ...]
    rows: Sequence[Fields]
    decimal_comma: bool = False
    """Its numbers may be written with a comma, since fields are not told apart by one."""


def read_results(path: Path) -> Results:
    """Read a file by what its name ends in.

    Raises:
        UsageError: It is not there, too large, of no known kind, or a library is missing.
        DataError: It breaks its format.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise UsageError(
            f"{path.name} ends in none of {', '.join(_READERS)}; name the file for what it is."
        )
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UsageError(f"{path} is no file; give the file with the results.")
        if size > MOST_BYTES:
            raise UsageError(
                f"{path} has {size / 1e6:,.0f} MB; at most {MOST_BYTES / 1e6:,.0f} are read, so "
                "split it."
            )
        found = read(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    if not found.rows:
        raise DataError(f"{path} has no results: not one row.")
    return found


def _csv(path: Path) -> Results:
    text = decode(path.read_bytes())
    head = text.split("\n", _TRIED_LINES)[:_TRIED_LINES]
    delimiter = _delimiter(head)
    try:
        lines = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        names = _names(next(lines, []))
        rows: list[Fields] = []
        for values in lines:
            if len(values) > len(names):
                if any(value.strip() for value in values[len(names) :]):
                    raise DataError(
                        f"{path.name}, line {lines.line_num}: {len(values)} values where the "
                        f"header has {len(names)}; quote those that hold {delimiter!r}."
                    )
                values = values[: len(names)]
            if any(values):
                rows.append({n: v for n, v in zip(names, values, strict=False) if v.strip()})
            _check_size(path, len(rows), len(names))
    except csv.Error as error:
        raise DataError(f"{path.name}, line {lines.line_num}: {error}.") from error
    return Results(tuple(names), rows, delimiter != ",")


def _delimiter(lines: Sequence[str]) -> str:
    """The sign that makes the most rows with as many fields as the header has."""
    best, most = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if not widths or widths[0] < 2:
            continue
        fits = sum(width == widths[0] for width in widths) * 100 // len(widths)
        if (fits, widths[0]) > most:
            best, most = delimiter, (fits, widths[0])
    return best


def _names(header: Sequence[str]) -> list[str]:
    """The columns' names: one without gets its number, one that is there twice is counted."""
    if len(header) > MOST_COLUMNS:
        raise DataError(f"The file has {len(header):,} columns; at most {MOST_COLUMNS:,} are read.")
    seen: Counter[str] = Counter()
    names: dict[str, None] = {}
    for number, given in enumerate(header, 1):
        told = name = given.strip()[: MOST_CHARACTERS // 50] or f"column {number}"
        while told in names:  # the file itself may have a column `a (2)`
            seen[name] += 1
            told = f"{name} ({seen[name] + 1})"
        names[told] = None
    return list(names)


def _json(path: Path) -> Results:
    try:
        found = json.loads(decode(path.read_bytes()))
    except RecursionError as error:
        raise DataError(f"{path.name} has too many lists and objects in one another.") from error
    except ValueError as error:
        raise DataError(f"{path.name} is no JSON ({error}).") from error
    return _table(path, enumerate(_objects(path, found), 1), "row")


def _objects(path: Path, found: Any) -> Iterable[Any]:
    """The rows of a list, of the one list in an object, or of an object of objects by name."""
    if isinstance(found, Mapping):
        if (rows := _of_data_frame(found)) is not None:
            return rows
        if found and all(isinstance(value, Mapping) for value in found.values()):
            return [{KEY: name} | dict(value) for name, value in found.items()]
        lists = [
            value
            for value in found.values()
            if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value)
        ]
        found = lists[0] if len(lists) == 1 else [found]
    if not isinstance(found, list):
        raise DataError(f"{path.name} is no list of objects; write one object for each result.")
    return found


def _of_data_frame(found: Mapping[str, Any]) -> list[Fields] | None:
    """The rows of what `DataFrame.to_json` writes: columns of values by row, or `split`."""
    names, data = found.get("columns"), found.get("data")
    if isinstance(names, list) and isinstance(data, list) and "index" in found:
        if all(isinstance(row, list) and len(row) == len(names) for row in data):
            return [dict(zip(map(str, names), row, strict=True)) for row in data]
        return None
    columns = list(found.items())
    if not columns or not isinstance(columns[0][1], Mapping):
        return None
    numbers = list(columns[0][1])
    if not numbers or not all(number.isdecimal() for number in numbers):
        return None
    if not all(isinstance(of, Mapping) and list(of) == numbers for _, of in columns):
        return None
    return [{name: of[number] for name, of in columns} for number in numbers]


def _json_lines(path: Path) -> Results:
    def rows() -> Iterable[tuple[int, Any]]:
        for number, line in enumerate(decode(path.read_bytes()).split("\n"), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{path.name}, line {number}: no JSON ({error}).") from error

    return _table(path, rows(), "line")


def _parquet(path: Path) -> Results:
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError as error:
        raise UsageError(
            "Parquet needs pyarrow: install it with pip install 'c2llm[records]', or write the "
            "results as CSV or JSON."
        ) from error
    try:
        with parquet.ParquetFile(path, memory_map=False) as file:
            facts = file.metadata
            _check_size(path, facts.num_rows, facts.num_columns)
            groups = (facts.row_group(number) for number in range(facts.num_row_groups))
            if (size := sum(group.total_byte_size for group in groups)) > 4 * MOST_BYTES:
                raise UsageError(
                    f"{path.name} has {size / 1e6:,.0f} MB unpacked; at most "
                    f"{4 * MOST_BYTES / 1e6:,.0f} are read, so split it."
                )
            batches = file.iter_batches(batch_size=10_000)
            rows = (row for batch in batches for row in batch.to_pylist())
            return _table(path, enumerate(rows, 1), "row")
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        told = str(error).split("\n")[0][:200]
        raise DataError(f"{path.name} is no Parquet file that can be read ({told}).") from error


def _table(path: Path, rows: Iterable[tuple[int, Any]], place: str) -> Results:
    columns: dict[str, None] = {}
    taken: list[Fields] = []
    for number, row in rows:
        if not isinstance(row, Mapping):
            raise DataError(f"{path.name}, {place} {number}: no object, but {str(row)[:40]!r}.")
        fields: Fields = {}
        _flatten(fields, row, "", 0)
        columns.update(dict.fromkeys(fields))
        taken.append(fields)
        _check_size(path, len(taken), len(columns))
    return Results(tuple(columns), taken)


def _flatten(fields: Fields, row: Mapping[Any, Any], prefix: str, depth: int) -> None:
    """Put the leaves of an object into fields, under their names joined by `.`."""
    for name, value in row.items():
        whole = f"{prefix}{name}"[: MOST_CHARACTERS // 50]
        if _is_named_values(value):  # metrics, params and tags of MLflow
            value = {str(one["key"]): one["value"] for one in value}
        if isinstance(value, Mapping) and depth < _MOST_DEPTH:
            _flatten(fields, value, f"{whole}.", depth + 1)
        elif value is not None:
            fields[whole] = value


def _is_named_values(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) and {"key", "value"} <= one.keys() for one in value)
    )


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows > MOST_ROWS or rows * columns > _MOST_CELLS:
        raise UsageError(
            f"{path.name} has more than {MOST_ROWS:,} rows or {_MOST_CELLS:,} values; import a "
            "part of it, such as one row for each run."
        )
    if columns > MOST_COLUMNS:
        raise UsageError(
            f"{path.name} has more than {MOST_COLUMNS:,} columns; keep those that are searched."
        )


_READERS: Mapping[str, Callable[[Path], Results]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}

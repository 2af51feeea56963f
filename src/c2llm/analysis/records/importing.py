"""Import a file of results: its rows become records of the code that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.analysis.records.key_template import parse_template
from c2llm.analysis.records.matching import Matcher, Unmatched
from c2llm.analysis.records.measured_revision import code_hashes_at
from c2llm.analysis.records.results_file import Results, read_results
from c2llm.analysis.records.typed_columns import Typed, typed
from c2llm.errors import DataError, UsageError
from c2llm.index.store.imported.placing import Outlines
from c2llm.index.store.imported.record import Column, Key, Row, Value
from c2llm.search.request import SearchRequest

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex

_MOST_NAME = 200
_GUESSES = (("path", "symbol"), ("file", "function"), ("file", "symbol"), ("path", "function"))


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did."""

    name: str
    rows: int
    """Rows of the file."""
    records: int
    """Keys with code of the index."""
    changed: int
    """Those that are new, or have other values than before."""
    columns: tuple[Column, ...]
    repeated: int
    """Rows whose key a later row has as well: the last one counts."""
    without_key: int
    infinite: int
    """Numbers that are infinite or none, which count as missing."""
    unknown_revisions: int
    """Records whose revision is not to be had, so that nobody can tell whether they are stale."""
    unmatched: tuple[Unmatched, ...]


def import_results(
    index: CodeIndex,
    file: Path,
    key: str | None = None,
    *,
    name: str | None = None,
    run: str | None = None,
    replace: bool = False,
) -> ImportReport:
    """Join the rows of a file to the code of an index.

    The same import made again changes nothing. Rows that no code is found for are left out and
    told.

    Args:
        index: An open index, all of whose files have been read.
        file: CSV, JSON, JSON lines or Parquet.
        key: `parse_template` says how; None where columns called path or file are there.
        name: What the import is called; the name of the file where it is None.
        run: The column that tells several runs of the same code apart; without it the last counts.
        replace: Forget first what was imported under the name.

    Raises:
        UsageError: A column is not there, or the file cannot be read.
        DataError: The file breaks its format, or not one row has code of the index.
    """
    results = read_results(file)
    template = parse_template(key or _guessed(results.columns), results.columns)
    if run is not None and run not in results.columns:
        raise UsageError(f"The results have no column {run!r:.80} for --run.")
    given: dict[Key, int] = {}
    without_key = repeated = 0
    for number, row in enumerate(results.rows):
        one = template.key(row)
        if one is None:
            without_key += 1
            continue
        if run is not None:
            one = one._replace(run=str(row.get(run, ""))[:_MOST_NAME])
        repeated += one in given
        given[one] = number
    store = index.target(SearchRequest("records", mode="lexical")).reader.store
    hashes = dict(store.hashes([file.path for file in store.files()]))
    outlines = Outlines(store, index.records.outlines(set(hashes.values())))
    matcher = Matcher(str(index.root), hashes, outlines)
    rows_of: dict[Key, tuple[int, str]] = {}
    unmatched: list[Unmatched] = []
    for one, number in given.items():
        match matcher.match(one):
            case Unmatched() as lost:
                unmatched.append(lost)
            case found, outlined:
                repeated += found in rows_of
                rows_of[found] = number, outlined.code_hash
    if not rows_of:
        told = f": {unmatched[0].key}, {unmatched[0].reason}" if unmatched else "."
        raise DataError(f"No row of {file.name} has code of {index.root}{told}")
    columns = _columns(results, template.columns | ({run} if run is not None else set()))
    measured = code_hashes_at(index.root, [one for one in rows_of if one.revision])
    rows = _rows(rows_of, columns, hashes, measured)
    index.records.keep_outlines(outlines.new)
    label = (name or file.name)[:_MOST_NAME]
    kept = [one.column for one in columns]
    changed = index.records.put(label, str(file.resolve()), kept, rows, replace_all=replace)
    return ImportReport(
        name=label,
        rows=len(results.rows),
        records=len(rows),
        changed=changed,
        columns=tuple(kept),
        repeated=repeated,
        without_key=without_key,
        infinite=sum(one.infinite for one in columns),
        unknown_revisions=sum(not row.code_hash for row in rows),
        unmatched=tuple(unmatched),
    )


def _guessed(columns: Sequence[str]) -> str:
    """The key where none is given: columns that are called what they are."""
    for path, symbol in _GUESSES:
        if path in columns and symbol in columns:
            return f"{{{path}}}:{{{symbol}}}"
    for path in ("key", "path", "file"):
        if path in columns:
            return path
    raise UsageError(
        "Say with --key which columns name the code, as --key file:function; the results have: "
        f"{', '.join(columns[:12])}{' …' if len(columns) > 12 else ''}."
    )


def _columns(results: Results, without: set[str]) -> list[Typed]:
    """All columns but those of the key, and but empty ones."""
    found = [
        typed(name, results.rows, decimal_comma=results.decimal_comma)
        for name in results.columns
        if name not in without
    ]
    return [one for one in found if any(value is not None for value in one.values)]


def _rows(
    rows_of: Mapping[Key, tuple[int, str]],
    columns: Sequence[Typed],
    hashes: Mapping[str, bytes],
    measured: Mapping[Key, bytes],
) -> list[Row]:
    rows: list[Row] = []
    for key, (number, code_hash) in rows_of.items():
        values: dict[str, Value] = {
            one.column.name: value for one in columns if (value := one.values[number]) is not None
        }
        code = measured.get(key, b"") if key.revision else bytes.fromhex(code_hash)
        rows.append(Row(key, values, code, hashes[key.path]))
    return rows

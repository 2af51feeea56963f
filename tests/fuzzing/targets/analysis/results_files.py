"""A file of results in text, in each of its forms, to typed columns and keys."""

from __future__ import annotations

import json
import math
import tempfile
from functools import cache
from pathlib import Path

from c2llm.analysis.records.key_template import parse_key, parse_template
from c2llm.analysis.records.results_file import read_results
from c2llm.analysis.records.typed_columns import typed
from tests.fuzzing.reading import head, headed, text_of, tokens
from tests.fuzzing.target import Target

_KINDS = ("csv", "tsv", "json", "jsonl", "ndjson")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-results-"))


def check(data: bytes) -> None:
    """The first line is what the file's name ends in."""
    kind, content = headed(data, _KINDS)
    parse_key(text_of(content[:500]))
    read(kind, content)


def read(kind: str, content: bytes) -> None:
    """A file of a kind is read: names once each, values that can be kept and told."""
    file = _folder() / f"results.{kind}"
    file.write_bytes(content)
    results = read_results(file)
    assert len(set(results.columns)) == len(results.columns)
    for row in results.rows:
        assert row.keys() <= set(results.columns)
    for name in results.columns[:20]:
        found = typed(name, results.rows, decimal_comma=results.decimal_comma)
        assert len(found.values) == len(results.rows)
        for value in found.values:
            assert value is None or isinstance(value, bool | int | float | str)
            assert not isinstance(value, float) or math.isfinite(value)
            assert not isinstance(value, int) or -(2**63) <= value < 2**63
            json.dumps(value).encode()
    template = parse_template(results.columns[0], results.columns)
    for row in results.rows[:20]:
        template.key(row)


_ROWS = [{"path": "a.py", "metrics": {"sharpe": 1.5}}, {"path": "b.py", "tags": ["x"], "n": 2**70}]
_SEEDS = [
    head("csv", 'path,sharpe,day,live\na.py,1.5,2024-01-05,true\n"b ""x"".py",inf,,false\n'),
    head("csv", "path;x\na.py;1,5\nb.py;2.000,5\n"),
    head("tsv", "path\tn\na.py\t1,234,567\n"),
    head("json", json.dumps(_ROWS)),
    head("json", json.dumps({"a.py": {"x": 1}, "b.py": {"x": None}})),
    head("json", json.dumps({"columns": ["path", "x"], "index": [0], "data": [["a.py", 1]]})),
    head("json", json.dumps({"path": {"0": "a.py"}, "x": {"0": 1}})),
    head("json", json.dumps([{"data": {"metrics": [{"key": "a", "value": 1}]}, "path": "a"}])),
    head("jsonl", "\n".join(map(json.dumps, _ROWS))),
]
_TOKENS = tokens(
    r"""
    " "" , ; | \n\n 1e999 NaN -inf 99999999999999999999 0001-01-01T00:00:00+23:59
    9999-12-31T23:59:59-10:00 50% \\ud800 {} []
    """
)

TARGET = Target(check, _SEEDS, _TOKENS)

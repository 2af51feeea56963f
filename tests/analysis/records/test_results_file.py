"""Results files as people have them, and as nobody should: bounded, and told with their place."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.analysis.records import results_file
from c2llm.analysis.records.results_file import read_results
from c2llm.analysis.records.typed_columns import typed
from c2llm.errors import C2LLMError, DataError, UsageError


def read(folder: Path, name: str, content: str | bytes):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_results(path)


def column(folder: Path, content: str, name: str):
    results = read(folder, "r.csv", content)
    found = typed(name, results.rows, decimal_comma=results.decimal_comma)
    return list(found.values), set(found.column.types), found.column.unit


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_of_any_dialect(tmp_path, mark, delimiter, end):
    rows = [["file", "sharpe", "note"], ["a.py", "1.5", '"x, y; ""z"""'], ["b.py", "2", ""]]
    text = end.join(delimiter.join(row) for row in rows) + end
    found = read(tmp_path, "r.csv", mark + text.encode())
    assert found.columns == ("file", "sharpe", "note")
    assert found.rows[0] == {"file": "a.py", "sharpe": "1.5", "note": 'x, y; "z"'}
    assert found.rows[1] == {"file": "b.py", "sharpe": "2"}


def test_csv_of_other_encodings(tmp_path):
    for encoding in ("utf-16", "cp1252"):
        text = "file,größe\nstraße.py,1\n" * 1
        found = read(tmp_path, "r.csv", text.encode(encoding))
        assert found.rows == [{"file": "straße.py", "größe": "1"}]


def test_names_of_columns_are_all_different(tmp_path):
    found = read(tmp_path, "r.csv", ",file,x,x\n0,a.py,1,2\n")
    assert found.columns == ("column 1", "file", "x", "x (2)")
    found = read(tmp_path, "s.csv", "x,x (2),x,x,x (2)\n1,2,3,4,5\n")
    assert len(set(found.columns)) == 5 and found.columns[:2] == ("x", "x (2)")
    assert list(found.rows[0].values()) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("values", "expected", "types", "unit"),
    [
        (["1", "-2.5", "1e3"], [1, -2.5, 1000.0], {"number"}, ""),
        (["1", "", "NaN", "n/a"], [1, None, None, None], {"number"}, ""),
        (["1", "inf", "-Infinity"], [1, None, None], {"number"}, ""),
        (["55 %", "7.5%", ""], [55, 7.5, None], {"number"}, "%"),
        (["55 %", "7.5"], ["55 %", "7.5"], {"text"}, ""),
        (["10 ms", "12 ms"], ["10 ms", "12 ms"], {"text"}, ""),
        (["true", "FALSE", ""], [True, False, None], {"boolean"}, ""),
        (["yes", "no"], ["yes", "no"], {"text"}, ""),
        (["NA", "EU"], ["NA", "EU"], {"text"}, ""),
        (["007", "123"], ["007", "123"], {"text"}, ""),
        (["1_000"], ["1_000"], {"text"}, ""),
        (["2024-01-05", ""], ["2024-01-05", None], {"date"}, ""),
        (["2024-01-05 10:00:00+02:00"], ["2024-01-05T08:00:00"], {"date"}, ""),
        (["2024-02-31"], ["2024-02-31"], {"text"}, ""),
        (["99999999999999999999"], [1e20], {"number"}, ""),
        (["1e999"], [None], {"text"}, ""),
    ],
)
def test_a_column_has_the_type_of_all_its_values(tmp_path, values, expected, types, unit):
    text = "file;x\n" + "".join(f"a{n}.py;{value}\n" for n, value in enumerate(values))
    assert column(tmp_path, text, "x") == (expected, types, unit)


def test_a_decimal_comma_is_one_where_commas_separate_nothing(tmp_path):
    assert column(tmp_path, "file;x\na;1,5\nb;2\n", "x")[0] == [1.5, 2]
    assert column(tmp_path, 'file,x\na,"1,5"\nb,2\n', "x")[0] == ["1,5", "2"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.234,5", "-17", "1.000"], [1234.5, -17, 1000]),
        (["1.234.567", "2,5"], [1234567, 2.5]),
        (["1,234.50", "1,000", "7"], [1234.5, 1000, 7]),
        (["1,000,000", "2,000"], [1000000, 2000]),
        (["1,234.5 %", "3 %"], [1234.5, 3]),
        (["1.234", "2.5"], [1.234, 2.5]),
        (["1,234.5", "1.234,5"], ["1,234.5", "1.234,5"]),
        (["12,34.5", "1"], ["12,34.5", "1"]),
    ],
)
def test_thousands_are_told_from_fractions_where_a_value_says_so(tmp_path, values, expected):
    text = "file;x\n" + "".join(f"a{n}.py;{value}\n" for n, value in enumerate(values))
    assert column(tmp_path, text, "x")[0] == expected
    quoted = 'file,x\na,"1,234"\nb,"2,000"\n'
    assert column(tmp_path, quoted, "x")[0] == ["1,234", "2,000"]


@pytest.mark.parametrize(
    "content",
    [
        {"file": {"0": "a.py", "1": "b.py"}, "x": {"0": 1, "1": None}},
        {"columns": ["file", "x"], "index": [0, 1], "data": [["a.py", 1], ["b.py", None]]},
    ],
)
def test_json_of_a_data_frame(tmp_path, content):
    found = read(tmp_path, "r.json", json.dumps(content))
    assert list(found.rows) == [{"file": "a.py", "x": 1}, {"file": "b.py"}]


def test_named_values_are_columns(tmp_path):
    run = {"metrics": [{"key": "loss", "value": 0.5, "step": 3}], "tags": [{"key": "a"}]}
    found = read(tmp_path, "r.json", json.dumps({"runs": [{"data": run}]}))
    assert found.rows[0] == {"data.metrics.loss": 0.5, "data.tags": [{"key": "a"}]}


@pytest.mark.parametrize(
    "content",
    [
        [{"file": "a.py", "m": {"x": 1, "deep": {"y": 2}}}],
        {"results": [{"file": "a.py", "m": {"x": 1, "deep": {"y": 2}}}], "when": 3},
        {"file": "a.py", "m": {"x": 1, "deep": {"y": 2}}},
    ],
)
def test_json_is_flattened(tmp_path, content):
    found = read(tmp_path, "r.json", json.dumps(content))
    assert list(found.rows) == [{"file": "a.py", "m.x": 1, "m.deep.y": 2}]
    lines = json.dumps(found.rows[0]) + "\n\n"
    assert list(read(tmp_path, "r.jsonl", lines).rows) == list(found.rows)


def test_an_object_of_objects_is_rows_by_name(tmp_path):
    found = read(tmp_path, "r.json", '{"a.py:run": {"x": 1}, "b.py": {"x": NaN}}')
    assert [row["key"] for row in found.rows] == ["a.py:run", "b.py"]
    assert typed("x", found.rows).values == [1, None] and typed("x", found.rows).infinite == 1


@pytest.mark.slow  # the library looks whether pandas is there, which takes its time
def test_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = arrow.table(
        {
            "file": ["a.py", "b.py"],
            "sharpe": [1.5, math.nan],
            "when": [datetime(2024, 1, 5, 10, tzinfo=UTC), None],
            "day": [date(2024, 1, 5), None],
            "took": [timedelta(seconds=90), None],
            "cost": [Decimal("1.10"), None],
            "metrics": [{"depth": 3}, {"depth": 4}],
            "tags": [["x"], []],
            "live": [True, None],
        }
    )
    parquet.write_table(table, tmp_path / "r.parquet")
    found = read_results(tmp_path / "r.parquet")
    first = {name: typed(name, found.rows).values[0] for name in found.columns}
    assert first == {
        "file": "a.py",
        "sharpe": 1.5,
        "when": "2024-01-05T10:00:00",
        "day": "2024-01-05",
        "took": 90.0,
        "cost": 1.1,
        "metrics.depth": 3,
        "tags": '["x"]',
        "live": True,
    }
    assert typed("sharpe", found.rows).values[1] is None


def test_numbers_and_texts_of_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"file": "a.py", "x": 1.5, "m": {"n": 2}}, {"file": "b.py", "x": None, "m": {"n": 3}}]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "r.parquet")
    assert list(read_results(tmp_path / "r.parquet").rows) == [
        {"file": "a.py", "x": 1.5, "m.n": 2},
        {"file": "b.py", "m.n": 3},
    ]


def test_parquet_without_its_library_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"c2llm\[records\]"):
        read(tmp_path, "r.parquet", b"PAR1")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("r.xlsx", "x", "ends in none of"),
        ("r.csv", "", "no results"),
        ("r.csv", "file,x\n", "no results"),
        ("r.csv", "file,x\na,1,2\n", "line 2: 3 values where the header has 2"),
        ("r.csv", 'file,x\na,"1\n', "line 2"),
        ("r.csv", "file,x\na," + "9" * 200_000 + "\n", "line 2"),
        ("r.csv", ",".join(f"c{n}" for n in range(2_001)) + "\n1\n", "columns"),
        ("r.json", "{", "no JSON"),
        ("r.json", "3", "no list of objects"),
        ("r.json", "[1]", "row 1: no object"),
        ("r.json", "[" * 100_000, "one another"),
        ("r.jsonl", '{"a": 1}\n{', "line 2"),
        ("r.parquet", "PAR1 and no more", "no Parquet file"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, name, content, told):
    with pytest.raises(C2LLMError, match=told):
        read(tmp_path, name, content)


def test_a_file_has_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(results_file, "MOST_BYTES", 10)
    with pytest.raises(UsageError, match="split it"):
        read(tmp_path, "r.csv", "file,x\na.py,12345\n")
    monkeypatch.undo()
    monkeypatch.setattr(results_file, "MOST_ROWS", 2)
    with pytest.raises(UsageError, match="more than 2 rows"):
        read(tmp_path, "r.csv", "file,x\n" + "a,1\n" * 3)
    with pytest.raises(UsageError, match=r"no file|cannot be read"):
        read_results(tmp_path / "none.csv")


@settings(max_examples=40)
@given(st.binary(max_size=200), st.sampled_from(["r.csv", "r.json", "r.jsonl"]))
def test_any_bytes_are_results_or_a_sentence(tmp_path_factory, content, name):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    try:
        found = read_results(path)
        for one in found.columns:
            typed(one, found.rows, decimal_comma=found.decimal_comma)
    except (UsageError, DataError) as error:
        assert str(error)

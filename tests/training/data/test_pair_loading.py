"""Pairs: formats, what is dropped and why, and that nothing of an evaluation set gets through."""

from __future__ import annotations

import gzip
import json

import pytest

from c2llm.errors import DataError, UsageError
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.pair_loading import in_held_out_tenth, load_pairs, split_validation
from c2llm.training.run.recipe import DataConfig, SourceConfig


def write(path, rows):
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path.name


def test_both_row_formats_and_both_compressions_are_read(tmp_path):
    a = write(
        tmp_path / "a.jsonl", [{"query": "q", "positive": "p", "language": "go", "header": "h"}]
    )
    b = write(tmp_path / "b.jsonl.gz", [{"query": "r", "doc": "d", "lang": "python"}])
    pairs, report = load_pairs(
        DataConfig(str(tmp_path), [SourceConfig(a), SourceConfig(b, name="named")]), 0
    )
    assert [(p.query, p.document, p.dataset, p.language, p.header) for p in pairs] == [
        ("q", "p", "a", "go", "h"),
        ("r", "d", "named", "python", ""),
    ]
    assert report.kept == {"a": 1, "named": 1}


def test_held_out_repeated_and_empty_rows_are_dropped_and_counted(tmp_path):
    name = write(
        tmp_path / "a.jsonl",
        [
            {"query": "keep", "doc": "code", "split": "train"},
            {"query": "keep", "doc": "code", "split": "train"},
            {"query": "?!", "doc": "code two", "split": "train"},
            {"query": "dev", "doc": "dev code", "split": "dev"},
            {"query": "other", "doc": "Dev  CODE!", "split": "train"},
        ],
    )
    pairs, report = load_pairs(DataConfig(str(tmp_path), [SourceConfig(name, splits=["train"])]), 0)
    assert [p.query for p in pairs] == ["keep"]
    assert report.dropped["a"] == {
        "repeated pair": 1,
        "empty text": 1,
        "held out for evaluation": 1,
        "repeats an evaluation text": 1,
    }


def test_a_source_may_leave_out_short_and_long_texts(tmp_path):
    texts = {"a query": "d" * 10, "another": "d" * 4, "a third one": "d" * 21, "q": "d" * 12}
    name = write(tmp_path / "a.jsonl", [{"query": q, "doc": d} for q, d in texts.items()])
    source = SourceConfig(
        name,
        min_query_characters=2,
        min_document_characters=5,
        max_document_characters=20,
    )
    pairs, report = load_pairs(DataConfig(str(tmp_path), [source]), 0)
    assert [pair.query for pair in pairs] == ["a query"]
    reasons = ("short query", "short document", "long document")
    assert report.dropped["a"] == dict.fromkeys(reasons, 1)
    with pytest.raises(UsageError, match="min_query_characters is -1"):
        SourceConfig(name, min_query_characters=-1)


def test_the_held_out_tenth_is_stable_and_about_a_tenth(tmp_path):
    ids = [f"so{i}" for i in range(2000)]
    held = [i for i in ids if in_held_out_tenth(i)]
    assert 150 < len(held) < 250
    rows = [{"id": i, "query": f"query {i}", "doc": f"doc {i}"} for i in ids]
    source = SourceConfig(write(tmp_path / "a.jsonl", rows), hold_out_tenth=True)
    pairs, _ = load_pairs(DataConfig(str(tmp_path), [source]), 0)
    assert {p.query for p in pairs} == {f"query {i}" for i in ids} - {f"query {i}" for i in held}


def test_contamination_sees_through_formatting_and_small_changes():
    seen = Contamination()
    code = (
        "def add(a, b):\n    total = a + b\n    print(total)\n"
        "    return total if total > 0 else -total"
    )
    seen.add("add two numbers", code)
    assert seen.covers("Add two numbers!")
    assert seen.covers(code.replace("    ", "\t").replace("\n", " "))
    assert seen.covers(code + "\n# appended")
    assert not seen.covers("multiply two numbers")
    assert not seen.covers(
        "def mul(x, y): product = 1 ; for i in range(y): product = product * x ; return product"
    )


def test_decontamination_reads_corpora_and_query_files(tmp_path):
    write(tmp_path / "corpus.jsonl", [{"_id": "c0", "text": "def f(): pass"}])
    write(tmp_path / "queries.jsonl", [{"_id": "q0", "text": "how to f"}])
    name = write(
        tmp_path / "a.jsonl",
        [
            {"query": "how to f", "doc": "x"},
            {"query": "y", "doc": "def f():\n  pass"},
            {"query": "fine", "doc": "also fine"},
        ],
    )
    config = DataConfig(
        str(tmp_path), [SourceConfig(name)], decontaminate=["corpus.jsonl", "queries.jsonl"]
    )
    assert [p.query for p in load_pairs(config, 0)[0]] == ["fine"]


def test_a_cap_draws_the_same_rows_again(tmp_path):
    name = write(tmp_path / "a.jsonl", [{"query": f"q{i}", "doc": f"d{i}"} for i in range(50)])
    config = DataConfig(str(tmp_path), [SourceConfig(name, cap=10)])
    first, second = load_pairs(config, 3)[0], load_pairs(config, 3)[0]
    assert len(first) == 10 and first == second


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"query": "q"}', r"a\.jsonl:2 has no text in `positive`"),
        ('{"doc": "d"}', r"a\.jsonl:2 has no text in `query`"),
        ("{", r"a\.jsonl:2 is not JSON"),
        ("[1]", r"a\.jsonl:2 is not a JSON object"),
    ],
)
def test_bad_rows_are_named_by_file_and_line(tmp_path, line, message):
    (tmp_path / "a.jsonl").write_text('{"query": "q", "doc": "d"}\n' + line + "\n")
    with pytest.raises(DataError, match=message):
        load_pairs(DataConfig(str(tmp_path), [SourceConfig("a.jsonl")]), 0)


def test_no_data_left_is_an_error(tmp_path):
    name = write(tmp_path / "a.jsonl", [{"query": "q", "doc": "d", "split": "dev"}])
    with pytest.raises(DataError, match="No training pair is left"):
        load_pairs(DataConfig(str(tmp_path), [SourceConfig(name, splits=["train"])]), 0)


def test_validation_shares_no_text_with_training(tmp_path):
    rows = [{"query": f"q{i}", "doc": f"d{i % 40}"} for i in range(200)]
    name = write(tmp_path / "a.jsonl", rows)
    pairs, _ = load_pairs(DataConfig(str(tmp_path), [SourceConfig(name)]), 0)
    training, validation = split_validation(pairs, 10, 0)
    assert len(validation) == 10
    assert not {p.document for p in training} & {p.document for p in validation}
    assert not {p.query for p in training} & {p.query for p in validation}

"""Faults of data files are named by file and line, with what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.errors import DataError
from c2llm.evaluation.retrieval.data_files import find_file, read_beir, read_pairs
from tests.evaluation.doubles import pair, write_beir, write_jsonl


def test_pairs_are_read_plain_and_compressed(tmp_path):
    rows = [pair("1", "ask", "code", lang="go", split="dev"), pair("2", "é", "x", label=0)]
    for name in ("a.jsonl", "a.jsonl.gz"):
        first, second = read_pairs(write_jsonl(tmp_path / name, rows))
        assert (first.id, first.query, first.document) == ("1", "ask", "code")
        assert (first.language, first.split, first.label) == ("go", "dev", 1.0)
        assert (second.query, second.language, second.label) == ("é", "", 0.0)


def test_the_plain_file_is_found_before_the_compressed_one(tmp_path):
    assert find_file(tmp_path, "a.jsonl") is None
    write_jsonl(tmp_path / "a.jsonl.gz", [])
    assert find_file(tmp_path, "a.jsonl") == tmp_path / "a.jsonl.gz"
    write_jsonl(tmp_path / "a.jsonl", [])
    assert find_file(tmp_path, "a.jsonl") == tmp_path / "a.jsonl"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", r"a\.jsonl:2 is not JSON"),
        (b"[1]", r"a\.jsonl:2 is not a JSON object"),
        (b'{"id": "2", "query": "q"}', r"a\.jsonl:2 has no text in `doc`"),
        (b'{"id": "2", "query": " ", "doc": "d"}', r"a\.jsonl:2 has no text in `query`"),
        (b'{"id": "1", "query": "q", "doc": "d"}', r"a\.jsonl:2 repeats the id '1' of line 1"),
        (b'{"id": "2", "query": "q", "doc": "d", "label": "x"}', r"a\.jsonl:2 has 'x' in `label`"),
        (b'{"id": "2", "query": "q", "doc": "d", "label": NaN}', r"a\.jsonl:2 has nan in `label`"),
        (b'{"id": "2", "query": "q", "doc": "d", "label": 1e999}', r"has inf in `label`"),
        (b"\xff\xfe", r"a\.jsonl:2 is not UTF-8"),
    ],
)
def test_a_bad_row_is_named(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "1", "query": "q", "doc": "d"}\n' + line + b"\n")
    with pytest.raises(DataError, match=message):
        read_pairs(path)


def test_an_empty_and_a_cut_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no row"):
        read_pairs(write_jsonl(tmp_path / "empty.jsonl", []))
    path = write_jsonl(tmp_path / "cut.jsonl.gz", [pair(str(i), f"q{i}", "d") for i in range(50)])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"cut\.jsonl\.gz cannot be read after line"):
        read_pairs(path)
    with pytest.raises(DataError, match=r"is a directory; the file of this name is wanted"):
        read_pairs(tmp_path)


@given(st.binary(max_size=200))
def test_no_bytes_bring_anything_but_a_data_error(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("a.jsonl", "a.jsonl.gz"):
        (folder / name).write_bytes(content)
        with pytest.raises(DataError):
            read_pairs(folder / name)


def test_a_beir_folder_is_a_task(tmp_path):
    task = read_beir(write_beir(tmp_path / "b"), "b", "test")
    assert [query.id for query in task.queries] == ["q1", "q2"]
    assert task.documents[1].text == "sort def quick_sort(items): ..."
    assert task.relevance == ({0: 1.0}, {1: 1.0})


def test_the_layout_of_the_beir_authors_is_read_too(tmp_path):
    folder = write_beir(tmp_path / "b")
    (folder / "queries.test.jsonl").rename(folder / "queries.jsonl")
    (folder / "qrels").mkdir()
    (folder / "qrels.test.tsv").rename(folder / "qrels" / "test.tsv")
    assert len(read_beir(folder, "b", "test").queries) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1\td1", r"qrels\.test\.tsv:5 has 2 columns"),
        ("q9\td1\t1", r"qrels\.test\.tsv:5 judges the query 'q9', which .*queries"),
        ("q1\td9\t1", r"qrels\.test\.tsv:5 judges the document 'd9', which .*corpus"),
        ("q1\td1\thigh", r"qrels\.test\.tsv:5 has 'high' in `score`"),
    ],
)
def test_a_bad_judgement_is_named(tmp_path, line, message):
    folder = write_beir(tmp_path / "b")
    with (folder / "qrels.test.tsv").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(DataError, match=message):
        read_beir(folder, "b", "test")


def test_a_missing_file_and_an_empty_corpus_are_named(tmp_path):
    folder = write_beir(tmp_path / "b")
    with pytest.raises(DataError, match=r"no queries\.dev\.jsonl") as caught:
        (folder / "queries.test.jsonl").rename(folder / "queries.other.jsonl")
        read_beir(folder, "b", "dev")
    assert "queries.jsonl" in str(caught.value)
    write_jsonl(folder / "corpus.jsonl", [])
    (folder / "queries.other.jsonl").rename(folder / "queries.test.jsonl")
    with pytest.raises(DataError, match=r"corpus\.jsonl holds no row"):
        read_beir(folder, "b", "test")

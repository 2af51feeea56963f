"""A graph of neighbours answers as the exact scan does, and never with what is no longer so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch  # noqa: F401  # before usearch: after it torch cannot spell its operators

from c2llm.search.code_index import CodeIndex
from c2llm.search.retrieval import dense as dense_retriever
from c2llm.search.retrieval.hnsw import HnswGraph, graph_file
from tests.trees import WordEncoder, write_tree

COLOURS = "red green blue white black brown amber coral ivory khaki lilac mauve".split()
BEASTS = "otter lynx heron adder bison camel eagle finch gecko hyena ibis koala".split()
QUESTIONS = [f"{colour} {beast}" for colour, beast in zip(COLOURS, BEASTS, strict=True)]


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CodeIndex]:
    """An index of 144 chunks, where more than 100 are many."""
    monkeypatch.setattr("c2llm.index.store.sqlite_vectors.EXACT_UP_TO", 100)
    monkeypatch.setattr(dense_retriever, "_NEAREST", 40)
    files = {
        f"{colour}/{beast}.py": f"def {colour}_{beast}():\n    pass\n"
        for colour in COLOURS
        for beast in BEASTS
    }
    root = write_tree(tmp_path / "large", {**files})
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        yield index


def dense(index: CodeIndex, **filters: object) -> list[list[str]]:
    """Paths alone: a score is relative to the candidates, of which the scan has more."""
    found = [index.search(question, 5, "dense", **filters) for question in QUESTIONS]  # type: ignore[arg-type]
    return [[hit.path for hit in hits] for hits in found]


def is_open(index: CodeIndex) -> bool:
    return HnswGraph.open(index._store, 1) is not None


def test_it_answers_as_the_scan_does(large: CodeIndex) -> None:
    scanned, filtered = dense(large), dense(large, include=["*/koala.py"])
    assert not is_open(large)
    assert large.build_graphs() == 1 and is_open(large)
    assert dense(large) == scanned
    assert dense(large, include=["*/koala.py"]) == filtered
    for question, paths in zip(QUESTIONS, scanned, strict=True):
        assert paths[0] == question.replace(" ", "/") + ".py"
    assert large.build_graphs() == 0  # it is there


def test_what_is_new_is_found_and_what_is_gone_is_not(large: CodeIndex) -> None:
    large.build_graphs()
    write_tree(large.root, {"new.py": "def violet_zebra():\n    pass\n"})
    (large.root / "red/otter.py").unlink()
    large.refresh()
    assert is_open(large)
    assert large.search("violet zebra", 1, "dense")[0].path == "new.py"
    paths = {hit.path for hit in large.search("red otter", 20, "dense")}
    assert paths and "red/otter.py" not in paths


def test_when_much_has_changed_it_is_made_anew(large: CodeIndex) -> None:
    large.build_graphs()
    write_tree(
        large.root, {f"more/m{i}.py": f"def puce_{i}_wombat():\n    pass\n" for i in range(30)}
    )
    large.refresh()
    assert not is_open(large)  # and until then all are scanned
    assert large.search("puce 7 wombat", 1, "dense")[0].path == "more/m7.py"
    assert large.build_graphs() == 1 and is_open(large)


@pytest.mark.parametrize("damage", [b"", b"not a graph", b"x" * 10_000])
def test_another_file_in_its_place_is_not_believed(large: CodeIndex, damage: bytes) -> None:
    scanned = dense(large)
    large.build_graphs()
    graph_file(large._store, 1).write_bytes(damage)
    assert not is_open(large)
    assert dense(large) == scanned


def test_a_changed_model_takes_its_graph_along(large: CodeIndex) -> None:
    large.build_graphs()
    with CodeIndex.open(large.root, encoder=WordEncoder(fingerprint="new"), embed="all") as index:
        assert not is_open(index)
        assert index.search("red otter", 1, "dense")[0].path == "red/otter.py"


def test_clearing_leaves_no_graph(large: CodeIndex, home: Path) -> None:
    from c2llm.index.store.location import remove_index

    large.build_graphs()
    large.close()
    remove_index(large.file)
    assert {path.suffix for path in (home / "indexes").iterdir()} == {".lock"}

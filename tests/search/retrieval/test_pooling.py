"""Several indexes are one scale: the same file is worth the same in each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from c2llm.search.answer import Hit
from c2llm.search.answering import answer
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.trees import WordEncoder, write_tree

SHARED = {
    "src/ledger.py": '''def settle_invoice(invoice, ledger):
    """Book an invoice into the ledger and mark it as settled."""
    ledger.append(invoice.total)
    invoice.settled = True
'''
}
ABOUT_INVOICES = {
    f"src/invoice_{i}.py": f"def invoice_{i}(ledger):\n    invoice = ledger.invoice_{i}\n"
    "    return invoice.settled\n"
    for i in range(16)
}
ABOUT_OTHERS = {
    f"lib/queue_{i}.py": f"class Queue{i}:\n    def push(self, job):\n        self.jobs.add(job)\n"
    for i in range(9)
}
QUERIES = (
    "invoice",
    "settle an invoice in the ledger",
    "settle_invoice",
    "sym:settle_invoice",
    "ledger",
    "where is a job pushed to the queue after an invoice was settled",
    "ledger.append(invoice.total)",
)


@contextmanager
def opened(*roots: Path) -> Iterator[list[CodeIndex]]:
    with ExitStack() as stack:
        indexes = [
            stack.enter_context(CodeIndex.open(root, encoder=WordEncoder(), embed="all"))
            for root in roots
        ]
        for index in indexes:
            index.label = index.root.name
        yield indexes


def of_file(hits: tuple[Hit, ...], path: str) -> dict[str, float]:
    return {hit.repository: hit.score for hit in hits if hit.path == path}


@pytest.fixture
def trees(home: Path, tmp_path: Path) -> tuple[Path, Path]:
    return (
        write_tree(tmp_path / "billing", SHARED | ABOUT_INVOICES),
        write_tree(tmp_path / "jobs", SHARED | ABOUT_OTHERS),
    )


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("mode", ["lexical", "hybrid", "dense"])
@pytest.mark.parametrize("granularity", ["chunk", "function", "file"])
def test_the_same_file_has_the_same_score_in_each_index(
    trees: tuple[Path, Path], query: str, mode: str, granularity: str
) -> None:
    request = SearchRequest(query, 200, mode, granularity, siblings=True)  # type: ignore[arg-type]
    with opened(*trees) as indexes:
        scores = of_file(answer(indexes, request).hits, "src/ledger.py")
    assert scores.keys() == {"billing", "jobs"}
    assert scores["billing"] == pytest.approx(scores["jobs"], rel=1e-6)


def test_the_order_of_the_indexes_does_not_matter(trees: tuple[Path, Path]) -> None:
    request = SearchRequest("settle an invoice in the ledger", 200, "lexical", siblings=True)
    with opened(*trees) as indexes:
        there = answer(indexes, request).hits
        back = answer(indexes[::-1], request).hits
    assert {(h.repository, h.path): h.score for h in there} == pytest.approx(
        {(h.repository, h.path): h.score for h in back}
    )


def test_scores_are_those_of_one_index_over_both_trees(home: Path, tmp_path: Path) -> None:
    parts = {"one": SHARED | ABOUT_OTHERS, "two": ABOUT_INVOICES}
    for name, files in parts.items():
        write_tree(tmp_path / "both" / name, files)
    for query in QUERIES:
        request = SearchRequest(query, 200, "lexical")
        with opened(tmp_path / "both" / "one", tmp_path / "both" / "two") as indexes:
            apart = {f"{h.repository}/{h.path}": h.score for h in answer(indexes, request).hits}
        with opened(tmp_path / "both") as indexes:
            together = {hit.path: hit.score for hit in answer(indexes, request).hits}
        assert apart == pytest.approx(together, rel=5e-3), query  # paths are longer


def test_an_index_asked_alone_keeps_its_own_statistics(
    trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from c2llm.index.store.sqlite_store import SqliteStore

    def refuse(*_: object) -> None:
        raise AssertionError("statistics are pooled")

    monkeypatch.setattr(SqliteStore, "word_statistics", refuse)
    with opened(trees[0]) as indexes:
        assert answer(indexes, SearchRequest("settle invoice", 5, "lexical")).hits


def test_one_directory_opened_twice_is_searched_once(
    trees: tuple[Path, Path], tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(trees[0], target_is_directory=True)
    request = SearchRequest("settle invoice", 50, "lexical")
    with opened(trees[0], trees[0], link) as indexes:
        found = answer(indexes, request)
    with opened(trees[0]) as indexes:
        assert found.hits == answer(indexes, request).hits
    assert len(found.indexes) == 1


def test_a_file_of_two_directories_is_found_once(trees: tuple[Path, Path]) -> None:
    outer = trees[0].parent
    (outer / "beside.py").write_text("def settle_invoice_beside():\n    return 1\n")
    request = SearchRequest("settle invoice", 50, "lexical")
    with opened(outer, trees[0]) as indexes:
        hits = answer(indexes, request).hits
    places = [(hit.path, hit.start_line) for hit in hits]
    assert "beside.py" in dict(places)
    assert not [path for path, _ in places if path.startswith(f"{trees[0].name}/")]
    with opened(trees[0]) as indexes:
        assert {(hit.path, hit.start_line) for hit in answer(indexes, request).hits} <= set(places)

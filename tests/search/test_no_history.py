"""What an index answers does not depend on what it was asked before."""

from __future__ import annotations

from pathlib import Path

from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from c2llm.search.retrieval.index_reader import IndexReader
from tests.trees import write_tree

TITLES = {"Build process": "apple", "Build tools": "pear", "Build process tools": "plum"}
"""Headings of one first word, and a word of each section."""


def test_a_question_begins_without_what_another_has_met(home: Path, tmp_path: Path) -> None:
    sections = (f"# {title}\n\n{f'{word}. ' * 400}\n\n" for title, word in TITLES.items())
    text = "".join(sections)
    root = write_tree(tmp_path / "project", {"NEWS.md": text})
    request = SearchRequest("build process tools", mode="lexical")

    def spelled(*before: str) -> dict[str, int]:
        with CodeIndex.open(root, embed="none") as index:
            for query in before:
                index.search(query, mode="lexical")
            found = index.target(request).reader
            assert isinstance(found, IndexReader)
            every = found.facts.of(range(1, 100))
            assert len(every) >= len(TITLES)
            return dict(found.spellings(every))

    first = spelled()
    for word in TITLES.values():
        assert spelled(word) == first

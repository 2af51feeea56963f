"""One request, checked at the door; one answer that says what it rests on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from c2llm import CodeIndex, SearchRequest
from c2llm.errors import C2LLMError, UsageError
from c2llm.search.answering import answer, labels
from c2llm.search.answers.token_budget import within_budget
from tests.trees import WordEncoder, write_tree


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"query": " \n"}, "The query is empty"),
        ({"query": 7}, "must be text, not int"),
        ({"query": "x" * 200_001}, "200,001 characters; at most 200,000"),
        ({"k": 0}, "at least 1 and at most 10,000, not 0"),
        ({"k": 10**20}, "at most 10,000"),
        ({"k": True}, "a whole number, not True"),
        ({"k": 2.5}, "a whole number, not 2.5"),
        ({"mode": "fuzzy"}, "one of hybrid, dense, lexical, not 'fuzzy'"),
        ({"granularity": "word"}, "one of chunk, function, class, file, not 'word'"),
        ({"languages": 5}, "languages must be a list of texts, not 5"),
        ({"languages": [""]}, "languages takes texts of 1 to 1000 characters, not ''"),
        ({"include": "[" * 8_000}, "include takes texts of 1 to 1000 characters"),
        ({"pattern": 5}, "The pattern must be text, not 5"),
        ({"symbol": "no"}, "symbol must be true or false, not 'no'"),
        ({"mode": ["hybrid"]}, "The mode must be one of"),
        ({"include": ["*.py", None]}, "include must be a list of texts"),
        ({"exclude": ["x"] * 1_001}, "1,001 entries; at most 1,000"),
        ({"pattern": "("}, "is not a regular expression"),
        ({"max_tokens": 0}, "token budget must be at least 1"),
    ],
)
def test_what_is_out_of_bounds_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SearchRequest(**{"query": "retry", **fields})  # type: ignore[arg-type]


def test_a_request_is_frozen_and_a_single_text_is_a_list_of_one() -> None:
    request = SearchRequest("retry", languages="go", include="*.py", exclude=["a", "b"])
    assert (request.languages, request.include, request.exclude) == (("go",), ("*.py",), ("a", "b"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.k = 3  # type: ignore[misc]
    assert SearchRequest("HttpClient", symbol=True).text == "sym:HttpClient"


def test_opening_embeds_nothing_a_search_its_candidates_and_complete_the_rest(
    tmp_path: Path,
) -> None:
    root = write_tree(
        tmp_path / "jobs", {f"j{i}.py": f"def job_{i}(x):\n    return x\n" for i in range(60)}
    )
    with CodeIndex.open(root, encoder=WordEncoder()) as index:
        assert index.counts().embedded == 0
        found = index.answer(SearchRequest("job", k=3))
        assert len(found.hits) == 3
        (searched,) = found.indexes
        assert 0 < searched.embedded < searched.chunks == 60
        assert searched.model == "words"
        assert index.complete() == 60 - searched.embedded
        (searched,) = index.answer(SearchRequest("job")).indexes
        assert searched.embedded == searched.chunks


def test_an_answer_says_what_was_left_out_and_what_is_stale(project: Path) -> None:
    (project / "blob.py").write_bytes(b"\0\1\2")
    (project / "node_modules").mkdir()
    (project / "node_modules/x.js").write_text("x()\n")
    with CodeIndex.open(project, embed="none") as index:
        found = index.answer(SearchRequest("retry", mode="lexical"))
        (searched,) = found.indexes
        assert searched.model is None and searched.root == str(project)
        assert searched.left_out.get("binary") == 1
        assert sum(searched.left_out.values()) >= 2
        assert found.stale == 0 and found.seconds >= 0 and found.cut_off == 0


def test_vectors_are_not_asked_of_an_index_that_was_opened_without(project: Path) -> None:
    with (
        CodeIndex.open(project, embed="none") as index,
        pytest.raises(UsageError, match="opened without vectors"),
    ):
        index.search("retry")


def test_a_language_that_one_index_lacks_leaves_it_out(tmp_path: Path) -> None:
    one = write_tree(tmp_path / "one", {"a.py": "def retry():\n    pass\n"})
    two = write_tree(tmp_path / "two", {"a.go": "package a\n\nfunc Retry() {}\n"})
    with (
        CodeIndex.open(one, embed="none") as python,
        CodeIndex.open(two, embed="none") as go,
    ):
        python.label, go.label = labels([one, two])
        found = answer([python, go], SearchRequest("retry", mode="lexical", languages="go"))
        assert [hit.repository for hit in found.hits] == ["two"]
        assert [searched.label for searched in found.indexes] == ["two"]
        with pytest.raises(UsageError, match="rust"):
            answer([python, go], SearchRequest("retry", mode="lexical", languages="rust"))


def test_callers_come_with_the_hits_that_ask_for_them(project: Path) -> None:
    with CodeIndex.open(project, embed="none") as index:
        plain = index.search("retry_with_backoff", 1, "lexical")
        (hit,) = index.search("retry_with_backoff", 1, "lexical", callers=True)
    assert plain[0].callers is None
    assert hit.callers is not None and any(use.kind == "calls" for use in hit.callers.callers)


def test_a_token_budget_cuts_at_a_line_and_counts_what_is_not_whole(
    project: Path,
) -> None:
    with CodeIndex.open(project, embed="none") as index:
        hits = index.search("retry", 5, "lexical")
        found = index.answer(SearchRequest("retry", mode="lexical", max_tokens=60))
    taken, lost = within_budget(hits, 60)
    assert [hit.text for hit in found.hits] == [hit.text for hit in taken]
    whole = next(hit for hit in hits if hit.path == taken[-1].path)
    assert found.cut_off == lost > 0
    assert len(taken[-1].text) < len(whole.text)
    assert within_budget(hits, 10) == ([], len(hits))
    cost = sum(len(hit.text.encode()) // 3 for hit in taken)
    assert cost <= 60


def test_a_closed_index_says_so(project: Path) -> None:
    index = CodeIndex.open(project, embed="none")
    index.close()
    with pytest.raises(C2LLMError, match="is closed; open it again"):
        index.search("retry", mode="lexical")

"""An explanation adds up, says the truth line by line, and costs nothing unless it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from c2llm.search.answer import Hit
from c2llm.search.answering import answer
from c2llm.search.answers.as_json import result
from c2llm.search.code_index import CodeIndex
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS, NO_FEATURES, RankWeights
from c2llm.search.request import SearchRequest
from tests.trees import CLIENT, PROJECT, RETRY, WordEncoder, write_tree

QUERIES = (
    "how are failed calls retried with backoff",
    "retry_with_backoff",
    "HttpClient.send_request",
    "tests of retry with backoff",
    "documentation of the client that retries",
    "src/net/retry.py:9",
    "wo werden Rechnungen berechnet",
    "def call(attempts):\n    for attempt in range(attempts):\n        return call()\n",
    'File "src/net/retry.py", line 9, in retry_with_backoff\nOSError: no connection',
    "nothing of this is anywhere xyzzy",
    "connection " * 70,
)
GERMAN = (
    "def rechnung(betrag):\n    # berechnet die Rechnungen für den Kunden und ist nicht fertig\n"
)
FACTORS = RankWeights(
    dense=DEFAULT_WEIGHTS.dense,
    contrast=DEFAULT_WEIGHTS.contrast,
    ordinary_contrast=1.0,
    features=dict.fromkeys(DEFAULT_WEIGHTS.features, (0.7, -0.2) * 6),
    factors=dict.fromkeys(DEFAULT_WEIGHTS.factors, 0.31),
    asked=1.7,
    saturation=0.45,
)


@pytest.fixture
def index(project: Path) -> Iterator[CodeIndex]:
    copies = {f"vendor/v{i}/retry.py": RETRY.replace("attempts=3", f"attempts={i}") for i in "12"}
    write_tree(project, {**copies, "billing/rechnung.py": GERMAN, "generated.lock": "retry\n" * 9})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as opened:
        yield opened


def added_up(hit: Hit) -> tuple[float, float, float]:
    why = hit.why
    return (
        sum(part.score for part in why.parts),
        sum(one.score for one in why.lines) + why.lines_rest,
        sum(one.score for one in why.words) + why.words_rest,
    )


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
@pytest.mark.parametrize("granularity", ["chunk", "function", "class", "file"])
def test_all_adds_up_to_the_score(index: CodeIndex, mode: str, granularity: str) -> None:
    seen = 0
    choices = ((DEFAULT_WEIGHTS, False, 0), (FACTORS, True, 0), (NO_FEATURES, False, 2))
    for query, (weights, siblings, offset) in product(QUERIES, choices):
        request = SearchRequest(
            query,
            4,
            mode,  # type: ignore[arg-type]
            granularity,  # type: ignore[arg-type]
            siblings=siblings,
            offset=offset,
            explain=True,
        )
        for hit in index.answer(request, weights=weights).hits:
            seen += 1
            assert added_up(hit) == pytest.approx([hit.score] * 3, abs=1e-6)
            assert sum(part.name == "rest" for part in hit.why.parts) <= 1
            assert hit.why.basis is None
            rows = hit.text.split("\n")
            assert [one.line for one in hit.why.lines] == [
                min(hit.start_line + row, hit.end_line) for row in range(len(rows))
            ]
    assert seen > 10


def test_several_indexes_add_up_too(tmp_path: Path) -> None:
    roots = [
        write_tree(tmp_path / "api", dict(PROJECT)),
        write_tree(tmp_path / "web", {"retry.py": RETRY, "client.py": CLIENT}),
    ]
    with ExitStack() as stack:
        indexes = [
            stack.enter_context(CodeIndex.open(root, encoder=WordEncoder(), embed="all"))
            for root in roots
        ]
        for one, label in zip(indexes, ("api", "web"), strict=True):
            one.label = label
        for query in QUERIES:
            for hit in answer(indexes, SearchRequest(query, explain=True)).hits:
                assert added_up(hit) == pytest.approx([hit.score] * 3, abs=1e-6)
                assert rest_of(hit) == 0.0 or hit.also or "near copy" in hit.why.reasons[-1]


def rest_of(hit: Hit) -> float:
    return sum(part.score for part in hit.why.parts if part.name == "rest")


def test_the_rest_is_what_near_copies_do_and_nothing_else(index: CodeIndex) -> None:
    for query in QUERIES:
        for hit in index.search(query, 20, siblings=True, explain=True):
            assert rest_of(hit) == pytest.approx(0.0, abs=1e-9), query
    hits = index.search(QUERIES[0], 20, explain=True)
    behind = [hit for hit in hits if any("near copy" in reason for reason in hit.why.reasons)]
    assert behind and any(rest_of(hit) < 0 for hit in behind)


def test_the_terms_of_bm25_add_up_to_it(index: CodeIndex) -> None:
    request = SearchRequest(QUERIES[0], 5, "lexical", explain=True, siblings=True)
    for hit in index.answer(request, weights=NO_FEATURES).hits:
        words = [part for part in hit.why.parts if part.name == "word"]
        assert sum(part.score for part in words) == pytest.approx(hit.score, abs=1e-6)
        assert sum(one.words for one in hit.why.words) == pytest.approx(hit.score, abs=1e-6)


def test_a_line_counts_by_what_it_says(index: CodeIndex) -> None:
    hit = index.search("exponential backoff pause", 1, explain=True)[0]
    assert hit.path == "src/net/retry.py"
    line_of = {one.line: one for one in hit.why.lines}
    rows = dict(enumerate(hit.text.split("\n"), hit.start_line))
    first = next(number for number, row in rows.items() if "exponential backoff" in row)
    other = next(number for number, row in rows.items() if "return call()" in row)
    assert line_of[first].words > 0 and line_of[first].vectors > 0
    assert line_of[other].words == 0
    assert line_of[first].score > line_of[other].score
    blank = next(number for number, row in rows.items() if not row.strip())
    assert line_of[blank].score == 0


def test_the_line_that_defines_the_name_carries_it(index: CodeIndex) -> None:
    hit = index.search("LoadSettings", 1, explain=True)[0]
    best = max(hit.why.lines, key=lambda one: one.score)
    assert hit.text.split("\n")[best.line - hit.start_line].startswith("func LoadSettings")


def test_a_word_is_told_by_its_spelling(index: CodeIndex) -> None:
    hit = index.search("how does HttpClient send_request", 1, explain=True)[0]
    share_of = {one.word: one for one in hit.why.words}
    assert list(share_of) == ["how", "does", "HttpClient", "send_request"]
    assert share_of["how"].words == 0
    assert share_of["HttpClient"].words > 0 and share_of["send_request"].words > 0


def test_inflected_words_are_told_too(index: CodeIndex) -> None:
    hit = index.search("wo werden Rechnungen berechnet", 1, "lexical", explain=True)[0]
    assert hit.path == "billing/rechnung.py"
    assert {one.word for one in hit.why.words if one.words > 0} >= {"Rechnungen", "berechnet"}


def test_a_share_follows_the_vectors(index: CodeIndex) -> None:
    """Against the definition: each line alone, above the floor."""
    encoder = WordEncoder()
    request = SearchRequest("exponential backoff", 3, "dense", explain=True, siblings=True)
    hits = index.answer(request, weights=NO_FEATURES).hits
    query = encoder.encode_queries([request.query])[0]
    for hit in hits:
        lines = hit.text.split("\n")
        said = np.array([bool(line.strip()) for line in lines])
        vectors = np.array([one.vectors for one in hit.why.lines])
        assert not vectors[~said].any()
        vectors, cosines = vectors[said], alone(encoder, lines, query)[said]
        told = vectors > 0
        assert 0 < vectors.sum() <= hit.score + 1e-9
        slope, offset = np.polyfit(cosines[told], vectors[told], 1)
        assert vectors[told] == pytest.approx(slope * cosines[told] + offset, abs=1e-5)
        assert told.all() or cosines[~told].max() <= cosines[told].min() + 1e-6


def alone(encoder: WordEncoder, lines: Sequence[str], query: np.ndarray) -> np.ndarray:
    return encoder.encode_documents([line.strip() for line in lines]) @ query


def test_each_line_is_embedded_once(index: CodeIndex) -> None:
    encoder = index._encoder.get()
    assert isinstance(encoder, WordEncoder)
    before = len(encoder.embedded)
    index.search(QUERIES[0], 5)
    assert len(encoder.embedded) == before
    index.search(QUERIES[0], 5, explain=True)
    new = encoder.embedded[before:]
    assert new and len(new) == len(set(new))
    assert all(any(char.isalnum() for char in line) for line in new)


def test_nothing_but_reasons_unless_it_is_asked_for(index: CodeIndex) -> None:
    plain = index.search(QUERIES[0], 5)
    told = index.search(QUERIES[0], 5, explain=True)
    assert [hit.score for hit in plain] == [hit.score for hit in told]
    assert [hit.why.reasons for hit in plain] == [hit.why.reasons for hit in told]
    for hit in plain:
        assert not (hit.why.parts or hit.why.lines or hit.why.words or hit.why.basis)
        assert set(result(1, hit, QUERIES[0], whole=False)["why"]) == {"reasons"}


def test_as_json_the_shares_still_add_up(index: CodeIndex) -> None:
    for hit in index.search(QUERIES[0], 5, explain=True):
        told = result(1, hit, QUERIES[0], whole=False)
        why = told["why"]
        assert set(why["lines"][0]) == {"line", "vectors", "words", "score"}
        assert set(why["words"][0]) == {"word", "vectors", "words", "score"}
        for shares, rest in (("parts", 0.0), ("lines", "lines_rest"), ("words", "words_rest")):
            total = sum(one["score"] for one in why[shares]) + (why[rest] if rest else 0.0)
            assert total == pytest.approx(told["score"], abs=1e-6)


def test_a_budget_explains_the_lines_that_are_left(index: CodeIndex) -> None:
    found = index.answer(SearchRequest(QUERIES[0], max_tokens=120, explain=True))
    for hit in found.hits:
        assert len(hit.why.lines) == hit.text.count("\n") + 1
        assert added_up(hit) == pytest.approx([hit.score] * 3, abs=1e-6)


@pytest.mark.parametrize("query", ["解析配置", "解析配置文件", "berechnet die Rechnungen"])
def test_a_question_that_code_has_as_it_is_written_is_explained_in_its_own_words(
    project: Path, query: str
) -> None:
    chinese = "def 解析配置(路径):\n    # 解析配置文件\n    return 路径\n"
    write_tree(project, {"src/解析配置.py": chinese, "billing/rechnung.py": GERMAN})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as opened:
        hits = answer([opened], SearchRequest(query, explain=True)).hits
    assert query in hits[0].text
    assert added_up(hits[0]) == pytest.approx((hits[0].score,) * 3)

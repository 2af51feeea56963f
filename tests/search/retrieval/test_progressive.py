"""Before everything is embedded, answers are near those that come when it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from c2llm.errors import UsageError
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from c2llm.search.retrieval.exact_scan import Nearest, Vectors
from c2llm.search.retrieval.progressive import blend, candidates_to_embed, leading, together
from tests.trees import WordEncoder, write_tree

VERBS = "open close read write parse format merge split encode decode send retry".split()
NOUNS = "socket file header cookie token stream buffer packet config schema index query".split()


class SmallEncoder(WordEncoder):
    """A worse model: half as wide, and with noise of its own."""

    def __init__(self) -> None:
        super().__init__("small", "small-1", dim=24)


def vectors(**cosines: float) -> Vectors:
    ids = np.array([int(name[1:]) for name in cosines], np.int64)
    return Vectors(ids, np.array(list(cosines.values()), np.float32))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {}
    for verb in VERBS:
        for noun in NOUNS:
            other = NOUNS[(NOUNS.index(noun) + VERBS.index(verb) + 1) % len(NOUNS)]
            body = f'    """{verb.capitalize()} the {noun} of a {other}."""\n    return {other}\n'
            files[f"{noun}/{verb}.py"] = f"def {verb}_{noun}({other}):\n{body}"
    return write_tree(tmp_path / "repository", files)


def test_progressive_answers_are_near_the_complete_ones(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2llm.search.question_vectors._CANDIDATES_BESIDE_TABLE", 10)
    monkeypatch.setenv("C2LLM_CACHE_MB", "0")
    questions = [f"how do I {verb} the {noun}" for verb in VERBS[::3] for noun in NOUNS[::3]]
    recall = []
    for question in questions:  # each of them the first to an index that is new
        deep = WordEncoder()
        with CodeIndex.open(
            repository, encoder=deep, table=SmallEncoder(), embed="candidates", rebuild=True
        ) as index:
            early = {(hit.path, hit.start_line) for hit in index.search(question, 10)}
            assert len(deep.embedded) == 10 and index.counts().embedded == 10
            assert index.table_vectors() == index.counts().chunks == len(VERBS) * len(NOUNS)
            index.complete()
            late = {(hit.path, hit.start_line) for hit in index.search(question, 10)}
        recall.append(len(early & late) / len(late))
    assert np.mean(recall) >= 0.8


def test_once_complete_it_does_not_matter_how_it_came_about(repository: Path) -> None:
    answers = []
    for order in (VERBS, VERBS[::-1]):
        with CodeIndex.open(
            repository,
            encoder=WordEncoder(),
            table=SmallEncoder(),
            embed="candidates",
            rebuild=True,
        ) as index:
            for verb in order[:4]:
                index.search(f"{verb} something", 5)
            index.complete()
            assert index.is_complete()
            answers.append(
                [
                    index.search(f"{verb} a {noun}", 10)
                    for verb, noun in zip(VERBS, NOUNS, strict=True)
                ]
            )
    assert answers[0] == answers[1]


def test_the_table_covers_what_is_new(repository: Path) -> None:
    table = SmallEncoder()
    with CodeIndex.open(
        repository, encoder=WordEncoder(), table=table, embed="candidates"
    ) as index:
        write_tree(repository, {"late.py": "late_arrival = 1\n"})
        index.refresh()
        assert index.table_vectors() == index.counts().chunks
        status = index.status()
    assert (status.table_model, status.table) == ("small", status.chunks)
    assert status.embedded == 0 and not status.embedding and not status.watched


def test_the_table_embeds_each_text_once_as_files_are_cut(repository: Path) -> None:
    table = SmallEncoder()
    same = {f"copy/{verb}.py": (repository / f"socket/{verb}.py").read_bytes() for verb in VERBS}
    with CodeIndex.open(
        repository, encoder=WordEncoder(), table=table, embed="candidates"
    ) as index:
        chunks = index.counts().chunks
        assert len(table.embedded) == len(set(table.embedded)) == chunks
        write_tree(repository, {"late.py": "late_arrival = 1\n", **same})
        (repository / "socket" / "open.py").unlink()
        write_tree(repository, {"moved/socket/open.py": same["copy/open.py"]})
        index.refresh()
        assert index.table_vectors() == index.counts().chunks > chunks
        again = table.embedded[chunks:]
    assert len(again) == len(set(again)) and not set(again) & set(table.embedded[:chunks])


def test_a_table_that_comes_later_covers_what_is_there(repository: Path) -> None:
    with CodeIndex.open(repository, encoder=WordEncoder(), embed="candidates") as index:
        assert index.table_vectors() == 0
    with CodeIndex.open(
        repository, encoder=WordEncoder(), table=SmallEncoder(), embed="candidates"
    ) as index:
        assert index.table_vectors() == index.counts().chunks


def test_without_a_table_only_candidates_have_vectors(repository: Path) -> None:
    with CodeIndex.open(repository, encoder=WordEncoder(), embed="candidates") as index:
        assert index.search("open the file", 5)
        assert index.table_model is None and index.counts().embedded == 32


def test_a_model_that_is_no_table_is_refused_and_an_absent_default_is_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="Unknown model 'no-such'"):
        CodeIndex.open(project, table="no-such", embed="candidates", preload=False)
    monkeypatch.setenv("C2LLM_TABLE_MODEL", "no-such-either")
    with pytest.raises(UsageError, match="Unknown model 'no-such-either'"):
        CodeIndex.open(project, embed="candidates", preload=False)
    monkeypatch.setenv("C2LLM_TABLE_MODEL", "")
    with CodeIndex.open(project, embed="candidates", preload=False) as index:
        assert index.table_model is None


# -- the estimate ----------------------------------------------------------------------------------


def test_what_is_embedded_keeps_its_cosine_and_the_rest_is_on_the_line() -> None:
    rng = np.random.default_rng(0)
    table = Vectors(np.arange(100, dtype=np.int64), rng.uniform(0, 1, 100).astype(np.float32))
    deep_of = (0.5 * table.similarities + 0.2).astype(np.float32)
    seen = np.flatnonzero(table.similarities > 0.6)
    blended = blend(Vectors(seen.astype(np.int64), deep_of[seen]), table)
    assert sorted(blended.ids) == list(range(100))
    np.testing.assert_allclose(blended.similarities, deep_of[blended.ids], atol=1e-5)


def test_a_guess_counts_less_than_what_is_measured() -> None:
    table = vectors(**{f"c{i}": 0.5 for i in range(20)})
    deep = vectors(**{f"c{i}": 0.3 + 0.02 * i for i in range(10)})
    blended = blend(deep, table)
    guessed = blended.similarities[np.isin(blended.ids, np.arange(10, 20))]
    assert len(guessed) == 10 and (guessed < deep.similarities.mean()).all()


def test_nothing_embedded_leaves_the_table_and_all_embedded_leaves_none_of_it() -> None:
    table = vectors(c1=0.1, c2=0.2)
    assert blend(vectors(), table) is table
    deep = vectors(c2=0.9, c1=0.8)
    assert blend(deep, table) is deep


def test_candidates_of_both_legs_come_first() -> None:
    table = vectors(c1=0.1, c2=0.9, c3=0.8, c4=0.3)
    assert candidates_to_embed([4, 3], table, 3) == [3, 2, 4]
    assert candidates_to_embed([4, 3], None, 1) == [4]
    assert candidates_to_embed([], table, 2) == [2, 3]


def test_the_model_counts_three_quarters_where_both_have_all():
    deep = Vectors(np.array([3, 1, 2]), np.array([0.9, 0.1, 0.5], np.float32))
    table = Vectors(np.array([1, 2, 3]), np.array([0.3, 0.1, 0.5], np.float32))
    both = together(deep, table)
    assert both.ids.tolist() == [1, 2, 3]
    np.testing.assert_allclose(both.similarities, [0.15, 0.4, 0.8], rtol=1e-6)
    in_step = Vectors(table.ids, np.array([0.1, 0.5, 0.9], np.float32))
    np.testing.assert_allclose(together(in_step, table).similarities, both.similarities)
    fewer = Vectors(table.ids[:2], table.similarities[:2])
    assert together(deep, fewer) is deep
    near = Nearest(table.ids, table.similarities, lambda ids: table)
    assert together(deep, near) is deep


def test_a_complete_index_answers_by_both_models(repository):
    def cosines(table):
        with CodeIndex.open(repository, encoder=WordEncoder(), table=table, embed="all") as index:
            assert index.is_complete()
            retriever = index.target(SearchRequest("read the socket of a file")).vectors
            found = retriever([])
            return dict(zip(found.ids.tolist(), found.similarities.tolist(), strict=True))

    alone = cosines(None)
    both = cosines(SmallEncoder())
    with CodeIndex.open(repository, encoder=SmallEncoder(), embed="all") as index:
        small = index.target(SearchRequest("read the socket of a file")).vectors([])
    table = dict(zip(small.ids.tolist(), small.similarities.tolist(), strict=True))
    assert both.keys() == alone.keys() == table.keys()
    for chunk_id, cosine in both.items():
        assert cosine == pytest.approx(0.75 * alone[chunk_id] + 0.25 * table[chunk_id], abs=1e-5)
    assert any(abs(both[i] - alone[i]) > 0.01 for i in both)


def test_candidates_are_measured_as_far_as_their_text_goes() -> None:
    lengths = {1: 4_000, 2: 5_000, 3: 2_000, 4: 100}
    assert leading([1, 2, 3, 4], lengths, 10_000) == [1, 2]
    assert leading([4, 3, 1, 2], lengths, 11_100) == [4, 3, 1, 2]
    assert leading([2, 1], lengths, 10) == [2], "one is measured whatever it costs"
    assert leading([], lengths, 10) == []

"""Ranks and scores of repository search, on lists worked by hand and over a fixed index."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.repositories.repo_benchmark import (
    MODES,
    NO_MODEL,
    dense_modes,
    find_trees,
    run_benchmark,
)
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_report import (
    recall_of_complete,
    repository_markdown,
    repository_report,
)
from c2llm.evaluation.repositories.repo_scores import (
    RepositoryStore,
    ask,
    chunk_rank,
    files_of,
    ndcg_of_ranks,
    run_repository,
)
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.retrieval.kept_vectors import PROBES
from c2llm.evaluation.statistics.metrics import ndcg_at_k
from c2llm.search.ranking.ranker import DEFAULT_WEIGHTS, NO_FEATURES
from tests.evaluation.doubles import WordEncoder


@dataclass(frozen=True)
class Hit:
    path: str
    start_line: int = 1
    end_line: int = 10


class FixedIndex:
    """Answers every question with the same hits, as many as are asked for."""

    def __init__(self, hits, built=True):
        self.hits = hits
        self.built = built
        self.searches = []
        self.closed = False

    def search(self, query, k, *, mode):
        self.searches.append((query, k, mode))
        assert not self.closed
        return self.hits[:k]

    def close(self):
        self.closed = True


HITS = [Hit("a.py", 1, 20), Hit("a.py", 21, 40), Hit("b.py"), Hit("c.py", 5, 9)]


def test_ndcg_by_hand():
    assert ndcg_of_ranks([1]) == 1.0
    assert ndcg_of_ranks([None]) == 0.0
    assert ndcg_of_ranks([11]) == 0.0
    assert ndcg_of_ranks([3]) == pytest.approx(1 / log2(4))
    assert ndcg_of_ranks([2, None]) == pytest.approx((1 / log2(3)) / (1 + 1 / log2(3)))


def test_the_ideal_holds_no_more_than_ten_and_shared_ranks_stop_at_one():
    assert ndcg_of_ranks([*range(1, 11), None, None]) == pytest.approx(1.0)
    assert ndcg_of_ranks([1, 1]) == 1.0


@given(st.lists(st.integers(1, 14), unique=True, max_size=6), st.integers(0, 4))
def test_ndcg_of_ranks_is_ndcg_of_the_list(ranks, lost):
    if not ranks and not lost:
        return
    ranked = [str(i) for i in range(1, 15)]
    relevance = {str(rank): 1.0 for rank in ranks} | {f"lost {i}": 1.0 for i in range(lost)}
    expected = ndcg_at_k(ranked, relevance, 10)
    assert ndcg_of_ranks([*ranks, *[None] * lost]) == pytest.approx(expected, abs=1e-12)


def test_rank_is_that_of_the_first_chunk_of_the_file():
    assert chunk_rank(Target("b.py"), HITS) == 3
    assert chunk_rank(Target("d.py"), HITS) is None
    assert chunk_rank(Target("lib/b.py"), HITS, prefix="lib/") == 3
    assert chunk_rank(Target("b.py"), HITS, prefix="lib/") is None


@pytest.mark.parametrize(
    ("start", "end", "rank"), [(1, 1, 1), (20, 21, 1), (21, 99, 2), (41, 60, None)]
)
def test_a_target_with_lines_needs_an_overlap(start, end, rank):
    assert chunk_rank(Target("a.py", start, end), HITS) == rank


def test_both_lists_are_scored():
    question = Question("where", (Target("c.py", 30, 40), Target("b.py")), "semantic")
    result = ask(FixedIndex(HITS), question, "hybrid", "")
    assert result.chunk_ranks == (None, 3)  # the chunk of c.py does not reach the lines
    assert result.file_ranks == (3, 2)  # as a file it does
    assert result.chunk_ndcg == ndcg_of_ranks([3, None])
    assert result.file_ndcg == ndcg_of_ranks([3, 2])
    assert result.found[0] == "a.py:1-20"
    assert result.milliseconds >= 0


def test_the_file_list_is_filled_however_many_chunks_the_first_file_has():
    hits = [Hit("big.py", i, i) for i in range(300)] + [Hit(f"{i}.py") for i in range(12)]
    index = FixedIndex(hits)
    result = ask(index, Question("q", (Target("3.py"),), ""), "dense", "")
    assert result.chunk_ranks == (None,)
    assert result.file_ranks == (5,)
    assert [k for _, k, _ in index.searches] == [10, 50, 200, 800]
    assert files_of(hits)[:3] == ["big.py", "0.py", "1.py"]


REPOSITORY = Repository(
    "demo",
    "python",
    "",
    "src",
    (
        Question("first", (Target("src/a.py"),), "symbol"),
        Question("second", (Target("src/b.py"), Target("src/gone.py")), "semantic"),
    ),
)


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "repos" / "demo" / "src"
    root.mkdir(parents=True)
    for name in ("a.py", "b.py", "c.py"):
        (root / name).write_text("x\n")
    return Tree(root, "")


def run(tree, index, store=None, modes=("lexical", "dense")):
    results = run_repository(
        REPOSITORY,
        tree,
        lambda: (index, index.built),
        system="words",
        fingerprint="f",
        modes=modes,
        store=store,
    )
    return list(results)


def test_one_index_serves_all_modes_and_missing_targets_are_told(tree):
    index = FixedIndex(HITS)
    lexical, dense = run(tree, index)
    assert (lexical.mode, dense.mode) == ("lexical", "dense")
    assert lexical.missing_targets == ("src/gone.py",)
    assert [question.category for question in lexical.questions] == ["symbol", "semantic"]
    assert lexical.mean(files=False) == pytest.approx((1 + ndcg_of_ranks([3, None])) / 2)
    assert {mode for _, _, mode in index.searches} == {"lexical", "dense"}
    assert index.closed


def test_kept_results_need_no_index(tree, tmp_path):
    store = RepositoryStore(tmp_path / "kept", "engine")
    first = run(tree, FixedIndex(HITS), store)

    def never():
        raise AssertionError("the index was opened")

    again = run_repository(
        REPOSITORY,
        tree,
        never,
        system="words",
        fingerprint="f",
        modes=("lexical", "dense"),
        store=store,
    )
    assert list(again) == first


def test_other_code_runs_anew_and_damage_is_named(tree, tmp_path):
    run(tree, FixedIndex(HITS), RepositoryStore(tmp_path / "kept", "engine"))
    (empty, _) = run(tree, FixedIndex([]), RepositoryStore(tmp_path / "kept", "changed"))
    assert empty.mean(files=True) == 0.0
    for path in (tmp_path / "kept").rglob("*.json"):
        path.write_text('{"format": 1}')
    with pytest.raises(DataError, match="is not a kept result"):
        run(tree, FixedIndex([]), RepositoryStore(tmp_path / "kept", "engine"))


def test_the_benchmark_keeps_its_indexes_apart(tree, tmp_path, monkeypatch):
    monkeypatch.setenv("C2LLM_HOME", "the user's own")
    opened = []

    def opener(root, encoder):
        opened.append((root, encoder and encoder.name, os.environ["C2LLM_HOME"]))
        return FixedIndex(HITS)

    trees, absent = find_trees([REPOSITORY], tmp_path / "repos", tmp_path / "cache")
    results = list(
        run_benchmark(
            trees,
            [WordEncoder("one"), WordEncoder("two")],
            modes=["hybrid", "lexical", "hybrid-raw"],
            home=tmp_path / "home",
            opener=opener,
        )
    )
    assert absent == []
    assert [(r.system, r.mode) for r in results] == [
        (NO_MODEL, "lexical"),
        ("one", "hybrid"),
        ("one", "hybrid-raw"),
        ("two", "hybrid"),
        ("two", "hybrid-raw"),
    ]
    assert [(root, name) for root, name, _ in opened] == [
        (tree.root, None),
        (tree.root, "one"),
        (tree.root, "two"),
    ]
    homes = [home for _, _, home in opened]
    assert len(set(homes)) == 3
    assert all(home.startswith(str(tmp_path / "home")) for home in homes)
    assert os.environ["C2LLM_HOME"] == "the user's own"


def test_lexical_modes_need_no_model(tree, tmp_path):
    assert dense_modes(["lexical", "lexical-raw"]) == []
    results = run_benchmark(
        [(REPOSITORY, tree)],
        [],
        modes=["lexical", "lexical-raw"],
        home=tmp_path,
        opener=lambda root, encoder: FixedIndex(HITS),
    )
    assert [result.mode for result in results] == ["lexical", "lexical-raw"]


def test_raw_modes_have_no_features_left():
    raw = NO_FEATURES
    assert raw.dense == DEFAULT_WEIGHTS.dense  # the shares of the retrievers stay
    assert not any(worth for row in raw.features.values() for worth in row)
    assert {*raw.factors.values(), raw.asked, raw.saturation} == {1.0}


def test_the_real_index_answers_in_every_mode(tmp_path):
    root = tmp_path / "repos" / "demo" / "src"
    root.mkdir(parents=True)
    (root / "a.py").write_text("def read_configuration(path):\n    return open(path).read()\n")
    (root / "b.py").write_text("def send_mail(to, body):\n    return to, body\n")
    questions = (
        Question("read configuration from a path", (Target("src/a.py"),), "semantic"),
        Question("send_mail", (Target("src/b.py", 1, 2),), "symbol"),
    )
    repository = Repository("demo", "python", "", "src", questions)
    results = run_benchmark(
        [(repository, Tree(root, ""))], [WordEncoder()], modes=MODES, home=tmp_path / "home"
    )
    for result in results:
        # What `complete` embeds is known by then, so its build tells no time.
        assert result.index_built or result.mode == "complete"
        assert result.missing_targets == ()
        assert result.mean(files=True) == result.mean(files=False) == 1.0, result.mode


def test_a_first_answer_embeds_its_own_candidates_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr("c2llm.search.question_vectors._CANDIDATES_BESIDE_TABLE", 2)
    root = tmp_path / "repos"
    root.mkdir()
    for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta"):
        (root / f"{name}.py").write_text(f"def read_{name}(path):\n    return open(path)\n")
    questions = tuple(
        Question(f"read {name}", (Target(f"{name}.py"),), "semantic") for name in ("beta", "zeta")
    )
    repository = Repository("demo", "python", "", "", questions)

    def measured(modes):
        encoder, table = WordEncoder("deep"), WordEncoder("small", dim=64)
        trees, home = [(repository, Tree(root, ""))], tmp_path / "-".join(modes)
        results = list(run_benchmark(trees, [encoder], modes=modes, home=home, table=table))
        return encoder.encoded, results

    encoded, (first,) = measured(["first"])
    _, (hybrid, again) = measured(["first", "hybrid"])
    assert encoded - len(PROBES) <= 2 * 3 + 6  # two for each question and warm-up, and the queries
    assert (hybrid.mode, again.mode) == ("hybrid", "first")
    assert [q.found for q in first.questions] == [q.found for q in again.questions]
    report = repository_report([hybrid, first], [repository], [])
    (answers,) = report["first_answers"]
    assert 0.0 < answers["recall"] <= 1.0
    assert "First answers of deep hold" in repository_markdown(report)


def test_recall_counts_what_the_complete_index_answers(tree):
    early = run(tree, FixedIndex(HITS[:2]), modes=["first"])
    complete = run(tree, FixedIndex(HITS), modes=["hybrid"])
    answers = recall_of_complete(early, complete)
    assert answers["recall"] == answers["by_repository"]["demo"] == 0.5
    assert answers["identical"] == 0.0
    assert recall_of_complete(complete, complete)["identical"] == 1.0
    assert recall_of_complete(early, [])["recall"] is None


def test_wrong_use_is_named(tree, tmp_path):
    with pytest.raises(UsageError, match="No mode is named 'fuzzy'; there are lexical"):
        list(run_benchmark([(REPOSITORY, tree)], [], modes=["fuzzy"], home=tmp_path))
    with pytest.raises(UsageError, match="is not a directory"):
        find_trees([REPOSITORY], tmp_path / "nowhere", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds none of demo"):
        find_trees([REPOSITORY], tmp_path / "empty", tmp_path)


def test_only_indexes_that_were_built_have_an_index_time(tree):
    results = run(tree, FixedIndex(HITS, built=False))
    (indexing,) = repository_report(results, [REPOSITORY], [])["indexing"]
    assert (indexing["built"], indexing["median_seconds"]) == (0, None)
    results += run(tree, FixedIndex(HITS), modes=["hybrid"])
    report = repository_report(results, [REPOSITORY], [])
    (indexing,) = report["indexing"]
    assert indexing["built"] == 1
    assert indexing["median_seconds"] == results[-1].index_seconds
    assert "indexes built" in repository_markdown(report)


def test_report_averages_repositories_and_tells_departures(tree):
    results = run(tree, FixedIndex(HITS)) + run(tree, FixedIndex(HITS[2:]), modes=["hybrid"])
    report = repository_report(results, [REPOSITORY], ["lost"])
    lexical, _, hybrid = report["runs"]
    assert report["repositories"]["absent"] == ["lost"]
    assert report["repositories"]["missing_targets"] == {"demo": ["src/gone.py"]}
    assert lexical["chunks"]["by_category"]["symbol"] == {"mean": 1.0, "n": 1}
    assert lexical["chunks"]["by_language"]["python"]["n"] == 1
    assert "against_first" not in lexical
    scores = (run["chunks"]["ndcg_at_10"]["mean"] for run in (hybrid, lexical))
    assert hybrid["against_first"]["difference"] == pytest.approx(next(scores) - next(scores))
    json.dumps(report, allow_nan=False)
    text = repository_markdown(report)
    assert text.startswith("1 repositories. Not there: lost. 1 targets are not in the trees")
    assert "| symbol |" in text
    assert "words hybrid" in text


def test_a_changed_ranker_embeds_nothing_again(tree, tmp_path):
    (tree.root / "a.py").write_text("def read_configuration(path):\n    return path\n" * 20)

    def measured(engine):
        encoder = WordEncoder()
        store = RepositoryStore(tmp_path / "kept", engine)
        trees, home = [(REPOSITORY, tree)], tmp_path / "home"
        (result,) = run_benchmark(trees, [encoder], modes=["hybrid"], home=home, store=store)
        return encoder.encoded, result

    first, result = measured("one ranker")
    again, changed = measured("another ranker")
    assert again < first
    assert (result.index_built, changed.index_built) == (True, False)
    kept, same = measured("another ranker")
    assert same == changed
    assert kept == len(PROBES)


def test_an_index_filled_from_kept_vectors_has_no_time(tree, tmp_path):
    (tree.root / "a.py").write_text("def read_configuration(path):\n    return path\n" * 20)
    home = tmp_path / "home"
    (timed,) = run_benchmark([(REPOSITORY, tree)], [WordEncoder()], modes=["dense"], home=home)
    assert timed.index_built
    shutil.rmtree(home / "indexes")
    (untimed,) = run_benchmark([(REPOSITORY, tree)], [WordEncoder()], modes=["dense"], home=home)
    assert not untimed.index_built
    assert [q.found for q in untimed.questions] == [q.found for q in timed.questions]

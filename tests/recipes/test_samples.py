"""What the ranker is fitted on is what a search ranks, and the command fits it from files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fit_ranker import main
from samples import COLUMNS, samples_of

from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.search.query.query_parsing import QueryKind
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS
from tests.evaluation.doubles import WordEncoder

EVEN = replace(DEFAULT_WEIGHTS, contrast=dict.fromkeys(QueryKind, 0.0))
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "repos" / "demo"
    root.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        body = "\n".join(f"    step_{name} = open(path)" for _ in range(number + 1))
        (root / f"{name}.py").write_text(f"def read_{name}(path):\n{body}\n    return path\n")
    return Tree(root, "")


def sampled(tree, home, encoder, table=None):
    question = Question("which step opens the beta path", (Target("beta.py"),), "semantic")
    repository = Repository("demo", "python", "", "", (question,))
    ((found,),) = samples_of(repository, tree, home, encoder, table, several=[EVEN])
    return found.columns[:, COLUMNS.index("dense")], found


def test_the_vectors_of_a_sample_are_those_of_a_search_with_both_models(tree, tmp_path):
    large, table = WordEncoder("large"), WordEncoder("table", dim=16)
    alone, _ = sampled(tree, tmp_path / "alone", large)
    other, _ = sampled(tree, tmp_path / "other", table)
    both, found = sampled(tree, tmp_path / "both", large, table)
    twice, _ = sampled(tree, tmp_path / "twice", large, WordEncoder("same"))
    assert np.allclose(twice, alone, atol=1e-5)  # the mean of equal cosines
    assert not np.allclose(alone, other, atol=0.05)
    assert not np.allclose(both, alone, atol=0.01)
    assert not np.allclose(both, other, atol=0.01)
    assert both.min() == 0.0
    assert both.max() == 1.0
    assert len(found.targets[0]) == 1


def test_words_alone_have_no_vectors(tree, tmp_path):
    dense, found = sampled(tree, tmp_path / "words", None)
    assert not dense.any()
    assert found.columns[:, COLUMNS.index("lexical")].max() == 1.0


@pytest.fixture
def benchmark_files(tmp_path):
    """Two repositories and their questions, as the benchmark has them."""
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    for repository in ("one", "two"):
        root = tmp_path / "repos" / repository
        root.mkdir(parents=True)
        for name in NAMES:
            text = f"def read_{name}(path):\n    return open(path)  # {repository}\n"
            (root / f"{name}.py").write_text(text)
        questions = [
            {
                "query": f"read {name} from a path",
                "relevant": [f"{name}.py"],
                "category": "semantic",
            }
            for name in NAMES[:3]
        ]
        (annotations / f"{repository}.json").write_text(json.dumps(questions))
    return ["--annotations", str(annotations), "--repos", str(tmp_path / "repos")]


@pytest.mark.parametrize(
    ("options", "vectors"),
    [
        ([], "none: words alone"),
        (["--model", "c2llm-nano"], "c2llm-nano"),
    ],
)
def test_the_command_fits_and_writes_a_file_of_weights(
    benchmark_files, tmp_path, capsys, options, vectors
):
    written = tmp_path / "weights.json"
    limits = ["--folds", "2", "--steps", "3"]
    with pytest.raises(SystemExit) as stop:
        main([*benchmark_files, *options, *limits, "--write", str(written)])
    assert stop.value.code == 0
    about = json.loads(written.read_text())["about"]
    assert about["vectors"] == vectors
    assert about["fitted_on"] == "2 repositories, 6 questions"
    assert 0.0 < about["ndcg_at_10_cross_validated"] <= 1.0
    assert f"vectors: {vectors}" in capsys.readouterr().out


def test_one_repository_is_too_few(benchmark_files, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*benchmark_files, "--only", "one"])
    assert stop.value.code == 2
    assert "Fitting needs two repositories at least" in capsys.readouterr().err

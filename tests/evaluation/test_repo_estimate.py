"""The estimate of what is left, at a speed that a clock of our own tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.evaluation import repo_estimate
from c2llm.evaluation.repo_estimate import Workload
from c2llm.evaluation.repo_times import IndexTimes
from c2llm.evaluation.repositories.repo_questions import Repository
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from tests.evaluation.doubles import WordEncoder


def test_the_trial_measures_the_model_and_not_what_it_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    class OneSecondACall(WordEncoder):
        def encode_queries(self, texts, *, progress=None):
            clock[0] += 1.0
            return super().encode_queries(texts, progress=progress)

    monkeypatch.setattr(repo_estimate.time, "perf_counter", lambda: clock[0])
    root = tmp_path / "clone"
    root.mkdir()
    (root / "a.py").write_text("def parse(text):\n    return text.split()\n" * 100)
    repository = Repository("clone", "python", "", "", ())
    with CachedEncoder(OneSecondACall(), tmp_path / "vectors") as encoder:
        work = Workload(
            "words",
            [(repository, Tree(root, ""))],
            encoder,
            IndexTimes(tmp_path, "words"),
            asked_of=1,
        )
        line = work.beginning()
    # 16 texts of 1,500 characters a second, and a number before each.
    assert "1 of 1 repositories to run, 1 of them to embed" in line
    assert "at 24.0 kB/s" in line or "at 24.1 kB/s" in line
    assert "1 s" in line

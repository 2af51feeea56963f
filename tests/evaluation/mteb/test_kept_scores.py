"""What a run left behind, as a card tells it."""

from __future__ import annotations

import json

import pytest

from c2llm.errors import DataError
from c2llm.evaluation.mteb.kept_scores import kept_scores


def write_result(folder, task, values, split="test"):
    folder.mkdir(parents=True, exist_ok=True)
    languages = [{"hf_subset": str(i), "ndcg_at_10": value} for i, value in enumerate(values)]
    fields = {"task_name": task, "dataset_revision": "abc", "scores": {split: languages}}
    (folder / f"{task}.json").write_text(json.dumps(fields))


def test_scores_are_means_over_languages_with_the_hubs_names(tmp_path):
    folder = tmp_path / "results" / "me__mine" / "rev"
    write_result(folder, "CosQA", [0.4])
    write_result(folder, "CodeSearchNetRetrieval", [0.5, 0.7])
    (folder / "model_meta.json").write_text("{}")
    search, cosqa = kept_scores(tmp_path)
    assert (cosqa.dataset, cosqa.value, cosqa.revision) == ("CoIR-Retrieval/cosqa", 0.4, "abc")
    assert search.value == pytest.approx(0.6)


def test_no_scores_two_of_a_task_and_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="no results"):
        kept_scores(tmp_path)
    write_result(tmp_path / "a", "CosQA", [0.4])
    write_result(tmp_path / "b", "CosQA", [0.5])
    with pytest.raises(DataError, match="CosQA twice"):
        kept_scores(tmp_path)
    (tmp_path / "b" / "CosQA.json").write_text("[]")
    with pytest.raises(DataError, match="no result of mteb"):
        kept_scores(tmp_path)

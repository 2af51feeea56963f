"""`c2llm export`: what its options say reaches the folder, and what contradicts is refused."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from huggingface_hub import ModelCard

from c2llm.cli.main import cli
from c2llm.errors import UsageError
from tests.modeling.official_layout import random_tensors, write_official


def export(*arguments):
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


def test_the_card_says_what_the_old_one_said_and_what_is_said_now(tmp_path):
    source = write_official(tmp_path / "m", random_tensors())
    (source / "README.md").write_text("---\nlicense: mit\ndatasets: [a/b]\n---\nRun our code!\n")
    results = tmp_path / "results"
    results.mkdir()
    score = {"hf_subset": "default", "ndcg_at_10": 0.5}
    fields = {"task_name": "CosQA", "dataset_revision": "r", "scores": {"test": [score]}}
    (results / "CosQA.json").write_text(json.dumps(fields))
    done = export(
        *(source, "--to", "sentence-transformers", "--out", tmp_path / "out", "--json"),
        *("--base-model", "me/base", "--scores", results),
    )
    assert done.exit_code == 0, done.output
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert (card.data.license, card.data.base_model) == ("mit", "me/base")
    assert card.data.datasets == ["a/b"]
    assert [result.metric_value for result in card.data.eval_results] == [50.0]
    assert "Run our code" not in card.text
    assert json.loads(done.stdout)["base_model"] == "me/base"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "sentence-transformers"], "--out"),
        (["--to", "sentence-transformers", "--out", "o", "--int8"], "weights as they are"),
        (["--license", "mit"], "--to sentence-transformers"),
        (["--to", "table", "--int4"], "--int4 is for --to onnx"),
        (["--to", "table", "--fp16"], "--fp16 is for --to onnx"),
        (["--int4", "--calibrate", __file__], "--to onnx --int8"),
    ],
)
def test_what_contradicts_is_wrong_use(tmp_path, arguments, said):
    with pytest.raises(UsageError, match=said):
        raise export(tmp_path, *arguments).exception

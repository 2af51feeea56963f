"""Weights back from a table: the same vectors, and scores that learn."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from c2llm.encoding.model_folder import shipped_models
from c2llm.errors import ModelError
from c2llm.modeling.config import StaticConfig
from c2llm.modeling.fold import fold
from c2llm.modeling.model import C2LLMModel
from c2llm.training.export.restore import restore_folder
from c2llm.training.export.table_export import export_table
from tests.tiny import tiny_model, tiny_tokenizer


def static_table(folder, *, int8=False, **options):
    """A table whose tokens differ in score, and the model that it was made of."""
    tokenizer = tiny_tokenizer()
    backbone = StaticConfig(tokenizer.get_vocab_size(), 32)
    model = tiny_model(backbone=backbone, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder / "m")
    tokenizer.save(str(folder / "m" / "tokenizer.json"))
    export_table(folder / "m", folder / "table", int8=int8)
    return model.eval()


@pytest.mark.parametrize(
    "options",
    [{}, {"pma_num_queries": 2}, {"pma_residual": "raw", "pma_ln": False}],
    ids=["one query", "two queries", "raw"],
)
def test_a_table_gives_back_scores_and_values(tmp_path, options):
    before = fold(static_table(tmp_path, **options))
    assert np.ptp(before["score"]) > 0.1
    assert restore_folder(tmp_path / "table", tmp_path / "back").min_cosine > 0.99999
    after = fold(C2LLMModel.from_pretrained(tmp_path / "back").eval())
    # A softmax does not see what all tokens have in common.
    centred = [table["score"] - table["score"].mean(axis=0) for table in (before, after)]
    np.testing.assert_allclose(centred[1], centred[0], atol=1e-4)
    if "pma_num_queries" not in options:
        sums = [table["value"] + table["base"] for table in (before, after)]
        np.testing.assert_allclose(sums[1], sums[0], atol=1e-4)


def test_scores_of_restored_tokens_learn(tmp_path):
    static_table(tmp_path, int8=True)
    restore_folder(tmp_path / "table", tmp_path / "back")
    model = C2LLMModel.from_pretrained(tmp_path / "back").train()
    ids = torch.randint(2, 20, (4, 9))
    target = torch.randn(4, model.config.embedding_dim)
    (model.embed(ids, torch.ones_like(ids)) * target).sum().backward()
    gradient = model.backbone.embeddings.weight.grad[ids.unique()]
    value, score = gradient[:, :32], gradient[:, 32:]
    assert score.abs().mean() > 0.01 * value.abs().mean()


def test_the_shipped_table_comes_back(tmp_path):
    assert restore_folder(shipped_models()["c2llm-nano"], tmp_path / "back").min_cosine > 0.9999


def test_a_table_of_other_sizes_is_refused(tmp_path):
    static_table(tmp_path)
    shutil.copytree(tmp_path / "table", tmp_path / "other")
    fields = json.loads((tmp_path / "other" / "config.json").read_text())
    fields["backbone"]["vocab_size"] += 1
    (tmp_path / "other" / "config.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match=r"rows for \d+ tokens, but .* promises \d+"):
        restore_folder(tmp_path / "other", tmp_path / "back")
    assert not list(tmp_path.glob("back*"))

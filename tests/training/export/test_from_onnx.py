"""Weights back from a graph: the same function, trainable, and nothing half restored."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import shipped_models
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.training.export import from_onnx
from c2llm.training.export.from_onnx import graph_precision
from c2llm.training.export.onnx_export import PROBES, export_onnx
from c2llm.training.export.restore import restore_folder
from tests.tiny import tiny_model, tiny_tokenizer


def save_trained_model(folder, **options):
    """As after training: no two biases are equal, which an export would store once."""
    model = tiny_model(**options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    """A trained folder and its int8 export, as models are shipped."""
    folder = tmp_path_factory.mktemp("int8")
    export_onnx(save_trained_model(folder / "m"), folder / "onnx", precision="int8")
    return folder


@pytest.mark.parametrize(
    "options",
    [{"pma_num_queries": 2}, {"pma_residual": "raw", "pma_num_queries": 3, "pma_ln": False}],
    ids=["projected", "raw"],
)
def test_a_float_graph_gives_back_the_same_function(tmp_path, options):
    source = save_trained_model(tmp_path / "m", **options)
    export_onnx(source, tmp_path / "onnx")
    report = restore_folder(tmp_path / "onnx", tmp_path / "back")
    assert report.min_cosine > 0.99999
    first, again = C2LLMModel.from_pretrained(source), C2LLMModel.from_pretrained(tmp_path / "back")
    for name, tensor in first.backbone.state_dict().items():
        torch.testing.assert_close(again.backbone.state_dict()[name], tensor)
    torch.testing.assert_close(again.pooler.fc_v.weight, first.pooler.fc_v.weight)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int4"])
def test_the_precision_of_a_graph_is_told(tmp_path, precision):
    source = save_trained_model(tmp_path / "m")
    export_onnx(source, tmp_path / "onnx", precision=precision)
    assert graph_precision(tmp_path / "onnx" / "model.onnx") == precision
    if precision == "fp16":
        assert restore_folder(tmp_path / "onnx", tmp_path / "back").min_cosine > 0.999


def test_int8_weights_come_back_within_a_step_and_can_be_trained(int8, tmp_path):
    assert restore_folder(int8 / "onnx", tmp_path / "back").min_cosine > 0.98
    first = C2LLMModel.from_pretrained(int8 / "m")
    again = C2LLMModel.from_pretrained(tmp_path / "back")
    for name, tensor in first.backbone.named_parameters():
        # A step is max / 63 of the smoothed weight, which smoothing has made up to twice as wide.
        step = tensor.abs().max() / 32 if tensor.ndim == 2 else torch.tensor(0.0)
        difference = (again.backbone.state_dict()[name] - tensor).abs().max()
        assert difference <= step + 1e-6, name
    again.train()
    ids = torch.randint(1, 20, (4, 9))
    target = torch.randn(4, again.config.embedding_dim)
    (again.embed(ids, torch.ones_like(ids)) * target).sum().backward()
    # b_k adds the same to all tokens, and a softmax does not see it.
    still = {n for n, p in again.named_parameters() if p.grad is None or not p.grad.abs().sum()}
    assert not {n for n in still if n != "pooler.fc_k.bias"}


def test_the_shipped_model_comes_back(tmp_path):
    """Its tensors share some of their lists of outlier channels."""
    report = restore_folder(shipped_models()["c2llm-mini"], tmp_path / "back")
    assert report.min_cosine > 0.98
    pooler = C2LLMModel.from_pretrained(tmp_path / "back").pooler
    assert pooler.queries().std() > 0.9  # and its attention can learn


@pytest.mark.slow
def test_restored_and_exported_again_is_the_shipped_vector(int8, tmp_path):
    restore_folder(int8 / "onnx", tmp_path / "back")
    export_onnx(tmp_path / "back", tmp_path / "again", precision="int8")
    shipped, again = Encoder.load(int8 / "onnx"), Encoder.load(tmp_path / "again")
    vectors = shipped.encode_documents(PROBES), again.encode_documents(PROBES)
    assert float((vectors[0] * vectors[1]).sum(1).min()) > 0.999


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"intermediate_size": 96}, r"holds backbone\.\S+ in the shape \(48, 32\), but"),
        ({"num_hidden_layers": 3}, r"holds backbone\.encoder\.layer\.2\.\S+ not at all"),
    ],
)
def test_a_graph_that_is_not_the_configs_is_refused(int8, tmp_path, changes, message):
    shutil.copytree(int8 / "onnx", tmp_path / "onnx")
    fields = json.loads((tmp_path / "onnx" / "config.json").read_text())
    fields["backbone"] |= changes
    (tmp_path / "onnx" / "config.json").write_text(json.dumps(fields))
    with pytest.raises(ModelError, match=message):
        restore_folder(tmp_path / "onnx", tmp_path / "back")
    assert not list(tmp_path.glob("back*"))


def test_another_pooling_is_refused(int8, tmp_path):
    shutil.copytree(int8 / "onnx", tmp_path / "onnx")
    fields = json.loads((tmp_path / "onnx" / "config.json").read_text())
    (tmp_path / "onnx" / "config.json").write_text(json.dumps(fields | {"pooling": "mean"}))
    with pytest.raises(ModelError, match="'mean'; only PMA"):
        restore_folder(tmp_path / "onnx", tmp_path / "out")


def test_a_restored_model_that_differs_is_not_given_out(int8, tmp_path, monkeypatch):
    unfold = from_onnx._unfold_pooling

    def wrong(*args):
        found = unfold(*args)
        found["pooler.fc_v.weight"] = np.roll(found["pooler.fc_v.weight"], 1, axis=0)
        return found

    monkeypatch.setattr(from_onnx, "_unfold_pooling", wrong)
    with pytest.raises(ModelError, match="differs from it"):
        restore_folder(int8 / "onnx", tmp_path / "back")
    assert not list(tmp_path.glob("back*"))


def test_wrong_use_is_named(tmp_path):
    with pytest.raises(UsageError, match="no model folder"):
        restore_folder(tmp_path / "none", tmp_path / "out")
    source = save_trained_model(tmp_path / "m")
    with pytest.raises(UsageError, match="name another folder"):
        restore_folder(source, source)
    with pytest.raises(ModelError, match=r"model\.onnx"):
        restore_folder(source, tmp_path / "out")
    (source / "model.onnx").write_bytes(b"not a graph at all")
    with pytest.raises(ModelError):
        restore_folder(source, tmp_path / "out")

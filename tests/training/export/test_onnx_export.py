"""ONNX export: dynamic shapes, int8, and a parity check that does fail when parity does."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import open_folder
from c2llm.errors import ModelError, UsageError
from c2llm.training.export import onnx_export as export
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import qwen_config, save_tiny_model


@pytest.mark.parametrize("backbone", ["bert", "qwen2"])
def test_exported_graph_equals_torch_at_every_length(tmp_path, backbone):
    options = {"backbone": qwen_config()} if backbone == "qwen2" else {}
    source = save_tiny_model(tmp_path / "m", pma_num_queries=2, **options)
    report = export_onnx(source, tmp_path / "out")
    assert report.max_abs_difference < 1e-5
    torch_side, onnx_side = Encoder.load(source, engine="torch"), Encoder.load(tmp_path / "out")
    for words in range(0, 70, 7):
        texts = ["get http response " * words, "def", "a b " * (words // 2)]
        np.testing.assert_allclose(
            torch_side.encode_queries(texts), onnx_side.encode_queries(texts), rtol=0, atol=1e-5
        )


def test_a_traced_model_gives_its_memory_back_though_torch_refers_to_it(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(export, "_trace", lambda model, _: held.extend(model.parameters()))
    monkeypatch.setattr(export, "_trace_readout", lambda *_: None)
    monkeypatch.setattr(export, "_optimize", lambda *_: None)
    source = save_tiny_model(tmp_path / "m")
    export._trace_folder(source, tmp_path / "model.onnx", tmp_path / "readout.onnx")
    assert held
    assert not any(parameter.untyped_storage().nbytes() for parameter in held)


@pytest.mark.slow
def test_int8_is_smaller_and_near(tmp_path):
    source = save_tiny_model(tmp_path / "m")
    full = export_onnx(source, tmp_path / "fp32")
    small = export_onnx(source, tmp_path / "int8", precision="int8")
    assert small.megabytes < full.megabytes
    assert small.mean_cosine > 0.99
    assert (tmp_path / "int8" / "readout.onnx").stat().st_size < 100_000


@pytest.mark.slow
def test_fp16_is_half_the_size_and_nearer_than_int8(tmp_path):
    source = save_tiny_model(tmp_path / "m")
    full = export_onnx(source, tmp_path / "fp32")
    half = export_onnx(source, tmp_path / "fp16", precision="fp16")
    assert half.megabytes < full.megabytes
    assert half.min_cosine > 0.9999
    stored = onnx.load(tmp_path / "fp16" / "model.onnx").graph.initializer
    kinds = {i.data_type for i in stored if np.prod(i.dims) >= export.HALVED_FROM}
    assert kinds == {onnx.TensorProto.FLOAT16}
    with pytest.raises(UsageError, match="Unknown precision 'fp8'"):
        export_onnx(source, tmp_path / "none", precision="fp8")


@pytest.mark.slow
@pytest.mark.parametrize("int8", [False, True])
def test_optimising_and_quantising_keep_the_token_outputs(tmp_path, int8):
    source = save_tiny_model(tmp_path / "m", max_tokens=16)
    export_onnx(source, tmp_path / "out", precision="int8" if int8 else "fp32")
    names = [o.name for o in onnx.load(tmp_path / "out" / "model.onnx").graph.output]
    assert names == ["sentence_embedding", "token_logits", "token_states"]
    reference, exported = Encoder.load(source), Encoder.load(tmp_path / "out")
    assert exported.long_texts == "window"
    text = "def get http ( file ) : return parse . toml\n" * 9
    want, got = (e.encode_with_attention([text]) for e in (reference, exported))
    least = 0.99 if int8 else 0.999999
    assert float((want[0] * got[0]).sum()) > least
    np.testing.assert_allclose(want[1][0].weights, got[1][0].weights, atol=0.05 if int8 else 1e-5)


def test_a_graph_that_differs_is_not_accepted(tmp_path, monkeypatch):
    source = save_tiny_model(tmp_path / "m")
    trace = export._trace

    def other_weights(model, path):
        for parameter in model.pooler.parameters():
            parameter.data = -parameter.data + 0.5
        trace(model, path)

    monkeypatch.setattr(export, "_trace", other_weights)
    before = sorted(source.iterdir())
    with pytest.raises(ModelError, match="differs from torch"):
        export_onnx(source, source)
    assert sorted(source.iterdir()) == before and open_folder(source).engine == "torch"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match="no model folder"):
        export_onnx(tmp_path / "none", tmp_path / "out")

"""Weights outside of the graph: written one at a time, the same vectors, and they travel along."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError
from c2llm.modeling.checks.graph_check import check_graph
from c2llm.training.export import constants as constants_module
from c2llm.training.export import onnx_export as export
from c2llm.training.export.constants import DATA, GraphConstants, outlined
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import qwen_config, save_tiny_model

RNG = np.random.default_rng(0)


@pytest.fixture
def everything_outside(monkeypatch):
    """Tiny models are exported as large ones are."""
    monkeypatch.setattr(export, "LARGE_MODEL", 0)
    monkeypatch.setattr(constants_module, "SMALLEST_OUTSIDE", 0)


def sum_of_products(path, **weights):
    """x @ a + x @ b ... as a graph, its weights inside."""
    nodes = [helper.make_node("MatMul", ["x", name], [f"x{name}"]) for name in weights]
    nodes.append(helper.make_node("Sum", [f"x{name}" for name in weights], ["y"]))
    first = next(iter(weights.values()))
    graph = helper.make_graph(
        nodes,
        "sum",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", first.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", first.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)
    return path


def run(path, x):
    return InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def step(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name / "model.onnx"


def test_constants_that_are_changed_and_those_that_stay_end_up_in_the_new_file(tmp_path):
    a, b = RNG.normal(size=(2, 64, 128)).astype(np.float32)
    x = RNG.normal(size=(3, 64)).astype(np.float32)
    inside = sum_of_products(step(tmp_path, "inside"), a=a, b=b)
    moved, changed = step(tmp_path, "moved"), step(tmp_path, "changed")
    with GraphConstants(inside, moved, outside=True) as constants:
        for name in "ab":
            values = constants.array(name)
            constants.remove(name)
            constants.add(name, values)
    assert moved.stat().st_size < 2000 < moved.with_name(DATA).stat().st_size
    np.testing.assert_array_equal(run(moved, x), run(inside, x))
    with GraphConstants(moved, changed) as constants:
        constants.replace("a", "twice", 2 * constants.array("a"))
        constants.graph.node[0].input[1] = "twice"
    shutil.rmtree(moved.parent)
    np.testing.assert_allclose(run(changed, x), x @ (2 * a) + x @ b, rtol=1e-4, atol=1e-4)


def test_a_block_that_fails_writes_no_graph(tmp_path):
    a = RNG.normal(size=(64, 128)).astype(np.float32)
    inside, out = sum_of_products(step(tmp_path, "inside"), a=a), step(tmp_path, "out")
    with pytest.raises(ZeroDivisionError), GraphConstants(inside, out, outside=True):
        raise ZeroDivisionError
    assert not out.exists()


def test_an_outline_shows_no_weight_and_gets_all_of_them_back(tmp_path):
    a = RNG.normal(size=(64, 128)).astype(np.float32)
    x = RNG.normal(size=(3, 64)).astype(np.float32)
    inside, outside = sum_of_products(step(tmp_path, "in"), a=a), step(tmp_path, "out")
    with GraphConstants(inside, outside, outside=True) as constants:
        constants.remove("a")
        constants.add("a", a)
    result = step(tmp_path, "result")
    with outlined(outside, tmp_path / "outline.onnx") as put_back:
        outline = onnx.load(tmp_path / "outline.onnx")
        assert not outline.graph.initializer
        assert [value.name for value in outline.graph.input] == ["x", "a"]
        onnx.save(outline, result)
        put_back(result)
    assert not outside.with_name(DATA).exists()
    np.testing.assert_array_equal(run(result, x), run(inside, x))


def test_weights_outside_give_the_same_vectors_and_belong_to_the_folder(
    tmp_path, everything_outside
):
    source = save_tiny_model(tmp_path / "m", backbone=qwen_config(num_hidden_layers=1))
    report = export_onnx(source, tmp_path / "out")
    assert report.max_abs_difference < 1e-5
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *(".c2llm-output.json", "config.json", "model.onnx", DATA),
        *("readout.onnx", "tokenizer.json"),
    ]
    graph = onnx.load(tmp_path / "out" / "model.onnx", load_external_data=False).graph
    outside = {i.name for i in graph.initializer if i.data_location == TensorProto.EXTERNAL}
    assert "model.backbone.layers.0.mlp.down_proj.weight" in outside  # not folded away
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    texts = ["get http response " * 9, "def", ""]
    got = Encoder.load(tmp_path / "copy")
    wanted = Encoder.load(source).encode_queries(texts)
    np.testing.assert_allclose(got.encode_queries(texts), wanted, rtol=0, atol=1e-5)

    data, before = tmp_path / "copy" / DATA, got.fingerprint
    with data.open("r+b") as stream:
        stream.write(b"\1\2\3\4")
    assert Encoder.load(tmp_path / "copy").fingerprint != before
    data.unlink()
    with pytest.raises(ModelError, match=r"cannot be loaded as an ONNX graph; .*xternal data"):
        Encoder.load(tmp_path / "copy")
    with pytest.raises(ModelError, match=r"model\.onnx\.data cannot be read"):
        check_graph(tmp_path / "copy" / "model.onnx")  # what the trial of a folder tells


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8", "int4"])
def test_outside_or_inside_every_precision_gives_the_same(tmp_path, monkeypatch, precision):
    source = save_tiny_model(tmp_path / "m", backbone=qwen_config())
    export_onnx(source, tmp_path / "inside", precision=precision)
    monkeypatch.setattr(export, "LARGE_MODEL", 0)
    monkeypatch.setattr(constants_module, "SMALLEST_OUTSIDE", 0)
    export_onnx(source, tmp_path / "outside", precision=precision)
    assert (tmp_path / "outside" / DATA).exists() and not (tmp_path / "inside" / DATA).exists()
    texts = ["get http response " * 9, "def", "parse toml file"]
    inside, outside = (
        Encoder.load(tmp_path / n).encode_queries(texts) for n in ("inside", "outside")
    )
    np.testing.assert_allclose(outside, inside, rtol=0, atol=2e-3)
    export_onnx(source, tmp_path / "outside")  # in place of it, as large
    monkeypatch.setattr(export, "LARGE_MODEL", 1 << 30)
    export_onnx(source, tmp_path / "outside")
    assert not (tmp_path / "outside" / DATA).exists()

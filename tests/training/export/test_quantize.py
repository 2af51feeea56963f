"""Int8: what is rewritten before rounding is exact, and what is rounded stays near."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from c2llm.encoding.encoder import Encoder
from c2llm.errors import UsageError
from c2llm.modeling.config import read_model_config
from c2llm.training.export.calibration import CALIBRATION_TEXTS, LARGE_MODEL_TEXTS
from c2llm.training.export.onnx_export import PROBES, calibration_feeds, export_onnx
from c2llm.training.export.quantize import choose_form, quantize, smoothing_scales
from tests.tiny import qwen_config, save_tiny_model

WIDTH, OUT = 96, 24


def product_graph(path, weight, bias=None):
    """One product of the backbone, and what reads it."""
    initializers = [numpy_helper.from_array(weight, "w")]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="y")]
    if bias is not None:
        initializers.append(numpy_helper.from_array(bias, "b"))
        nodes.append(helper.make_node("Add", ["y", "b"], ["z"], name="z"))
    for node in nodes:
        node.metadata_props.add(key="module", value="model.backbone.layer")
    last = nodes[-1].output[0]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", len(weight)])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["rows", weight.shape[1]])],
        initializers,
    )
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)
    return path


def run(path, x):
    return InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


@pytest.mark.parametrize("bits", [7, 8])
@pytest.mark.parametrize("with_bias", [False, True])
def test_outlier_channels_do_not_spoil_the_others(tmp_path, with_bias, bits):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, WIDTH)).astype(np.float32)
    x[:, [5, 70]] *= 100  # one scale for all would leave the others a handful of levels
    weight = rng.normal(size=(WIDTH, OUT)).astype(np.float32)
    bias = rng.normal(size=OUT).astype(np.float32) if with_bias else None
    full = product_graph(tmp_path / "full.onnx", weight, bias)
    small = quantize(full, tmp_path / "int8.onnx", [{"x": x}], weight_bits=bits)
    want, got = run(full, x), run(small, x)
    assert np.abs(got - want).max() < (0.06 if bits == 8 else 0.12) * 10
    assert np.abs(got - want).mean() / np.abs(want - want.mean()).mean() < 0.002
    kinds = {i.name: i.data_type for i in onnx.load(small).graph.initializer}
    assert TensorProto.INT8 in kinds.values()
    assert "w" not in kinds


def test_channels_stay_in_fp32_only_where_that_makes_finer_steps():
    rng = np.random.default_rng(5)
    ranges = np.tile(np.array([[-1.0], [1.0]], np.float32), WIDTH * 4)
    weight = rng.uniform(0.9, 1, size=(WIDTH * 4, WIDTH)).astype(np.float32)
    assert choose_form(ranges, [weight]).outliers.size == 0
    ranges[1, 7] = 1.3  # a seventh more: not worth a product of its own
    assert choose_form(ranges, [weight]).outliers.size == 0
    ranges[:, [40, 300]] *= 100
    form = choose_form(ranges, [weight])
    assert {40, 300} <= set(form.outliers)
    assert form.scales is None  # without those, the others are even
    assert (form.low, form.high) == (-1, 1)


def test_the_more_a_product_gives_the_more_its_outliers_cost():
    rng = np.random.default_rng(6)
    ranges = np.tile(np.array([[-1.0], [1.0]], np.float32), WIDTH * 4)
    ranges[:, [7, 9]] *= 2.5
    narrow = rng.uniform(0.9, 1, size=(WIDTH * 4, WIDTH * 4)).astype(np.float32)
    wide = rng.uniform(0.9, 1, size=(WIDTH * 4, WIDTH * 16)).astype(np.float32)
    np.testing.assert_array_equal(choose_form(ranges, [narrow]).outliers, [7, 9])
    # Smoothing reads once more what enters, however much comes out.
    for weights in ([wide], [narrow] * 4):
        form = choose_form(ranges, weights)
        assert form.scales is not None
        assert form.outliers.size == 0


@pytest.mark.parametrize(("uneven", "smooths"), [(1.0, 0), (30.0, 1)])
def test_what_is_even_already_is_not_smoothed(tmp_path, uneven, smooths):
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, size=(64, WIDTH)).astype(np.float32)
    x[:, ::2] *= uneven
    weight = rng.normal(size=(WIDTH, 20 * OUT)).astype(np.float32)
    full = product_graph(tmp_path / "full.onnx", weight)
    small = quantize(full, tmp_path / "int8.onnx", [{"x": x}])
    kinds = [node.op_type for node in onnx.load(small).graph.node]
    assert kinds.count("Mul") == smooths
    want = run(full, x)
    assert np.abs(run(small, x) - want).mean() < 0.02 * np.abs(want).mean()


def test_products_without_outliers_have_no_second_product(tmp_path):
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, size=(64, WIDTH)).astype(np.float32)
    full = product_graph(tmp_path / "full.onnx", rng.normal(size=(WIDTH, OUT)).astype(np.float32))
    small = quantize(full, tmp_path / "int8.onnx", [{"x": x}])
    kinds = [node.op_type for node in onnx.load(small).graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 1
    assert "MatMul" not in kinds
    np.testing.assert_allclose(run(small, x), run(full, x), rtol=0, atol=0.3)


def test_a_row_does_not_depend_on_the_others(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(8, WIDTH)).astype(np.float32)
    full = product_graph(tmp_path / "full.onnx", rng.normal(size=(WIDTH, OUT)).astype(np.float32))
    small = quantize(full, tmp_path / "int8.onnx", [{"x": x}])
    alone = run(small, x[:1])
    beside_wild_rows = run(small, np.concatenate([x[:1], 1e4 * x[1:]]))
    np.testing.assert_array_equal(alone[0], beside_wild_rows[0])


def test_smoothing_moves_range_from_channels_to_weights_and_keeps_the_product():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, WIDTH)) * np.geomspace(0.01, 10, WIDTH)
    weight = rng.normal(size=(WIDTH, OUT)).astype(np.float32)
    largest = np.abs(x).max(axis=0).astype(np.float32)
    scales = smoothing_scales(largest, [weight])
    spread = largest.max() / largest.min()
    smooth = largest / scales
    assert smooth.max() / smooth.min() < spread**0.5
    np.testing.assert_allclose((x / scales) @ (weight * scales[:, None]), x @ weight, rtol=1e-4)
    # A dead channel on either side is not divided by zero.
    assert np.isfinite(smoothing_scales(np.zeros(4, np.float32), [np.zeros((4, 2))])).all()


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["bert", "qwen2"])
def test_an_int8_vector_is_near_and_does_not_depend_on_its_batch(tmp_path, backbone):
    options = {"backbone": qwen_config()} if backbone == "qwen2" else {}
    source = save_tiny_model(tmp_path / "m", **options)
    report = export_onnx(source, tmp_path / "out", precision="int8", calibration=["def a ( b )"])
    assert report.min_cosine > 0.99
    encoder = Encoder.load(tmp_path / "out")
    texts = ["def parse ( a )", "get http response " * 15, "toml"]
    alone = np.concatenate([encoder.encode_documents([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode_documents(texts), alone, rtol=0, atol=1e-6)


def test_odd_numbers_of_bits_are_refused(tmp_path):
    with pytest.raises(UsageError, match="7 or 8, not 4"):
        export_onnx(save_tiny_model(tmp_path / "m"), tmp_path / "o", weight_bits=4)


def test_calibration_texts_are_no_probes():
    assert not {text for text in PROBES if text} & set(CALIBRATION_TEXTS)
    assert len(CALIBRATION_TEXTS) == len(set(CALIBRATION_TEXTS)) > 40
    assert set(LARGE_MODEL_TEXTS) < set(CALIBRATION_TEXTS)


def test_a_large_model_is_calibrated_on_the_beginnings_of_texts_behind_whole_prompts(tmp_path):
    prompts = {"query": "find code that does this : ", "document": ""}
    source = save_tiny_model(tmp_path / "m", prompts=prompts)
    config = read_model_config(source)
    whole = calibration_feeds(source, config, ["parse toml file " * 5])
    cut = calibration_feeds(source, config, ["parse toml file " * 5], most=4)
    for feed, beginning in zip(whole, cut, strict=True):
        assert beginning["attention_mask"].all()
        assert beginning["input_ids"].size < feed["input_ids"].size
    behind_prompt, alone = (feed["input_ids"].size for feed in reversed(cut))
    of_prompt = calibration_feeds(source, config, [""])[-1]
    assert behind_prompt == of_prompt["input_ids"].size + 4
    assert alone < behind_prompt

"""A graph that reaches for files outside of its folder is refused."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from c2llm.encoding.engines import OnnxEngine
from c2llm.errors import ModelError
from c2llm.modeling.checks.graph_check import check_graph


@pytest.mark.parametrize("absolute", [False, True])
def test_external_data_outside_of_the_folder(tmp_path, absolute):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    weights.data_location = TensorProto.EXTERNAL
    location = str(secret) if absolute else "../secret.bin"
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    node = helper.make_node("Add", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", ports[:1], ports[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path = tmp_path / "model" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"cannot be loaded as an ONNX graph; .*[Ee]xternal data"):
        OnnxEngine(path)


def outside(*places):
    """A constant of four numbers that lies outside, once for each place named."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    for place in places:
        tensor.external_data.add(key="location", value=place)
    for key, value in (("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def graph_with(tmp_path, tensor, where):
    """A graph file in whose initializers, sparse initializers, attributes or functions it is."""
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    constant = helper.make_node("Constant", [], ["w"])
    sparse = TensorProto(name="i", data_type=TensorProto.INT64, dims=[4])
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    if where in ("attribute", "function"):
        constant.attribute.add(name="value", type=4).t.CopyFrom(tensor)
    if where == "attribute":
        nodes.insert(0, constant)
    if where == "sparse attribute":
        both = helper.make_sparse_tensor(tensor, sparse, [4])
        constant.attribute.add(name="sparse_value", type=11).sparse_tensor.CopyFrom(both)
        nodes.insert(0, constant)
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:])
    if where == "initializer":
        graph.initializer.append(tensor)
    if where == "sparse initializer":
        graph.sparse_initializer.append(helper.make_sparse_tensor(tensor, sparse, [4]))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    if where == "function":
        body = helper.make_function("own", "f", [], ["w"], [constant], [])
        model.functions.append(body)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


PLACES = ("initializer", "sparse initializer", "attribute", "sparse attribute", "function")


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(
    "place",
    ["../secret.bin", "/etc/passwd", "other.data", "sub/model.onnx.data", "", "config.json"],
)
def test_constants_may_lie_in_no_file_but_the_graphs_own(tmp_path, where, place):
    (tmp_path / "model.onnx.data").write_bytes(bytes(16))
    with pytest.raises(ModelError, match=r"may have them in model\.onnx\.data beside it alone"):
        check_graph(graph_with(tmp_path, outside(place), where))


@pytest.mark.parametrize("where", PLACES)
def test_constants_in_its_own_file_are_read_to_no_more_than_its_end(tmp_path, where):
    path = graph_with(tmp_path, outside("model.onnx.data"), where)
    with pytest.raises(ModelError, match=r"model\.onnx\.data cannot be read"):
        check_graph(path)
    (tmp_path / "model.onnx.data").write_bytes(bytes(15))
    with pytest.raises(ModelError, match="cut short"):
        check_graph(path)
    (tmp_path / "model.onnx.data").write_bytes(bytes(16))
    check_graph(path)


def test_a_constant_in_two_places_is_in_neither(tmp_path):
    (tmp_path / "model.onnx.data").write_bytes(bytes(16))
    for places in (("model.onnx.data", "../x"), ("../x", "model.onnx.data")):
        with pytest.raises(ModelError, match=r"is not an ONNX graph|beside it alone"):
            check_graph(graph_with(tmp_path, outside(*places), "initializer"))

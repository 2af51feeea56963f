"""A graph that reaches for files outside of its folder is refused."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from c2llm.encoding.engines import OnnxEngine
from c2llm.errors import ModelError


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

"""A graph's constants, each in the graph's file or, in a large model, in a file beside it.

A file of protobuf ends at 2 GiB, and a graph of 2 GB that is parsed, changed and written again is
there three times. So the weights of a large model lie in `model.onnx.data`, from where one at a
time is read, and the graph that is rewritten is an outline of a few hundred kilobytes:

    traced model ── stream_weights ──> outline + data ── quantise, halve ──> outline + data

`outlined` gives such a graph to a library that would read all of the weights, which are inputs
meanwhile. Whether a graph is large is decided once, when it is traced; a graph whose constants are
all inside stays so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

DATA = "model.onnx.data"
"""Weights of a large model, in the folder of its graph; `check_graph` allows no other place."""
SMALLEST_OUTSIDE = 1 << 14
"""Bytes below which a constant is kept in the graph's file."""
ALIGNMENT = 1 << 16
"""Of what can be mapped into memory on every system."""

Array = NDArray[Any]


class GraphConstants:
    """Reads and changes the constants of a graph on its way from one file to another.

        with GraphConstants(path, out) as constants:
            constants.replace("w", "w_half", constants.array("w").astype(np.float16))

    At the end of the block the graph is written; what was outside and stays is copied.

    Args:
        path: the graph to read.
        out: the graph to write, in another folder if `path` has constants outside.
        outside: whether large constants go outside; by default if some of `path` are.
    """

    def __init__(self, path: Path, out: Path, *, outside: bool | None = None) -> None:
        import onnx

        self.model: ModelProto = onnx.load(path, load_external_data=False)
        self.graph: GraphProto = self.model.graph
        self._from, self._out = path.parent, out
        self._tensors = {tensor.name: tensor for tensor in self.graph.initializer}
        were = any(_is_outside(tensor) for tensor in self.graph.initializer)
        self._outside = were if outside is None else outside
        self._data: BinaryIO | None = None
        self._written: set[str] = set()

    def __enter__(self) -> GraphConstants:
        if self._outside:
            self._data = (self._out.parent / DATA).open("xb")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._keep_the_rest()
                self._out.write_bytes(self.model.SerializeToString())
        finally:
            if self._data is not None:
                self._data.close()

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def tensor(self, name: str) -> TensorProto | None:
        """A constant's description; its values may be elsewhere."""
        return self._tensors.get(name)

    def names(self) -> list[str]:
        """The constants, in the graph's order."""
        return list(self._tensors)

    def array(self, name: str) -> Array:
        """The values of a constant, which must not have been added here."""
        from onnx import numpy_helper

        tensor = self._tensors[name]
        array: Array = numpy_helper.to_array(tensor, str(self._from))
        return array

    def add(self, name: str, array: Array) -> str:
        """Add a constant; gives its name."""
        from onnx import helper, numpy_helper

        if self._data is None or array.nbytes < SMALLEST_OUTSIDE:
            self.graph.initializer.append(numpy_helper.from_array(array, name))
        else:
            tensor = self.graph.initializer.add(name=name, dims=array.shape)
            tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
            self._write(tensor, np.ascontiguousarray(array).data)
        self._tensors[name] = self.graph.initializer[-1]
        return name

    def remove(self, name: str) -> None:
        """Take a constant out."""
        del self._tensors[name]
        for index, initializer in enumerate(self.graph.initializer):
            if initializer.name == name:
                del self.graph.initializer[index]
                return

    def replace(self, old: str, name: str, array: Array) -> str:
        """Add a constant in the place of one that only one node reads; else beside it."""
        self.add(name, array)
        if sum(old in node.input for node in self.graph.node) <= 1:
            self.remove(old)
        return name

    def _write(self, tensor: TensorProto, values: Any) -> None:
        from onnx import TensorProto

        assert self._data is not None
        offset = -(-self._data.tell() // ALIGNMENT) * ALIGNMENT
        self._data.seek(offset)
        length = self._data.write(values)
        del tensor.external_data[:]
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", DATA), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self._written.add(tensor.name)

    def _keep_the_rest(self) -> None:
        for tensor in self.graph.initializer:
            if _is_outside(tensor) and tensor.name not in self._written:
                self._write(tensor, np.ascontiguousarray(self.array(tensor.name)).data)


def stream_weights(
    program: Any, path: Path, wanted: Callable[[str, tuple[int, ...]], bool]
) -> None:
    """Write what `torch.onnx.export(optimize=False)` gave, its wanted weights into `DATA`.

    They are no constants while the program is optimised, so that nothing is computed from them and
    none is copied. A weight that is only read transposed, as in a linear layer, is written so.

    Args:
        program: the exported program, whose tensors are torch's own.
        path: the graph's file.
        wanted: whether a weight, by name and shape, goes outside.
    """
    import onnx_ir

    graph = program.model.graph
    held: dict[str, Any] = {}
    for name, value in list(graph.initializers.items()):
        shape = tuple(value.shape.numpy())
        if wanted(name, shape):
            held[name] = value.const_value
            del graph.initializers[name]
            value.const_value = None
            graph.inputs.append(value)
    program.optimize()
    outline = path.with_name("outline.onnx")
    outline.write_bytes(onnx_ir.to_proto(program.model).SerializeToString())
    with GraphConstants(outline, path, outside=True) as constants:
        _remove_inputs(constants.graph, set(held))
        for name, tensor in held.items():
            turned = _take_transposes(constants.graph, name)
            values = tensor.numpy()
            constants.add(name, values.T if turned else values)


def _take_transposes(graph: GraphProto, name: str) -> bool:
    """Remove the nodes that transpose a weight, if they are all that reads it."""
    readers = [node for node in graph.node if name in node.input]
    if not readers or any(node.op_type != "Transpose" for node in readers):
        return False
    turned = {node.output[0] for node in readers}
    for node in readers:
        graph.node.remove(node)
    for node in graph.node:
        for index, entering in enumerate(node.input):
            if entering in turned:
                node.input[index] = name
    return True


@contextmanager
def outlined(path: Path, outline: Path) -> Iterator[Callable[[Path], None]]:
    """A copy of a graph for a library to rewrite, whose weights outside are inputs.

    Args:
        path: the graph.
        outline: where the copy is put.

    Yields:
        What puts the weights back into a graph that was made from the outline, and moves their
        file to it. Without weights outside the outline is the graph itself.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    outside = [tensor for tensor in model.graph.initializer if _is_outside(tensor)]
    kept = [tensor for tensor in model.graph.initializer if not _is_outside(tensor)]
    if outside:
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        model.graph.input.extend(_as_input(tensor) for tensor in outside)
    outline.write_bytes(model.SerializeToString())

    def put_back(result: Path) -> None:
        if not outside:
            return
        rewritten = onnx.load(result)
        _remove_inputs(rewritten.graph, {tensor.name for tensor in outside})
        rewritten.graph.initializer.extend(outside)
        result.write_bytes(rewritten.SerializeToString())
        shutil.move(path.parent / DATA, result.parent / DATA)

    yield put_back


def _as_input(tensor: TensorProto) -> ValueInfoProto:
    from onnx import helper

    return helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))


def _remove_inputs(graph: GraphProto, names: set[str]) -> None:
    kept = [value for value in graph.input if value.name not in names]
    del graph.input[:]
    graph.input.extend(kept)


def _is_outside(tensor: TensorProto) -> bool:
    from onnx import TensorProto

    return bool(tensor.data_location == TensorProto.EXTERNAL)

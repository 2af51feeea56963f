"""What an ONNX graph of unknown origin may consist of, read without running it.

An embedding is one pass through a fixed list of operators. Loops and branches (Loop, Scan, If, the
decoders of com.microsoft) carry graphs of their own in their attributes and can run without end for
the one input that nobody tried; no export of ours has any. Constants may lie outside of the graph,
in a file that it names: ours are in `model.onnx.data` beside it, and a graph that names another
reaches for what is none of its own. Only the outline of the file is read (nodes, attributes and
where constants are, protobuf's wire format); weights are skipped by their length.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from c2llm.errors import ModelError
from c2llm.modeling.model_json import require_regular

# Field numbers of onnx.proto: ModelProto, GraphProto, FunctionProto, NodeProto, AttributeProto,
# SparseTensorProto, TensorProto, StringStringEntryProto.
_GRAPH, _FUNCTIONS = 7, 25
_GRAPH_NODE, _FUNCTION_NODE = 1, 7
_CONSTANT, _SPARSE_CONSTANT = 5, 15
_OPERATOR, _ATTRIBUTE = 4, 5
_SUBGRAPHS = (6, 11)
_TENSORS, _SPARSE_TENSORS = (5, 10), (22, 23)
_SPARSE_PARTS = (1, 2)
_OUTSIDE, _KEY, _VALUE = 13, 1, 2
_NAME = 8
_BYTES, _VARINT, _EIGHT, _FOUR = 2, 0, 1, 5

Span = tuple[int, int]


DATA_SUFFIX = ".data"
"""Behind a graph's name: the one file that it may have constants in."""


def graph_files(path: Path) -> list[Path]:
    """A graph's file, and that of its large constants where there is one."""
    data = path.with_name(f"{path.name}{DATA_SUFFIX}")
    return [path, data] if data.exists() else [path]


def check_graph(path: Path) -> None:
    """Look at every node of a graph file, and at where its constants are.

    Raises:
        ModelError: if it is no ONNX file, has a node with a graph inside, or constants in a file
            that is not its own, not there, or too short.
    """
    require_regular(path)
    with path.open("rb") as stream:
        try:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                _check_model(data, path)
        except (ValueError, IndexError) as error:  # an empty file cannot be mapped either
            raise ModelError(f"{path} is not an ONNX graph; copy the model again.") from error


def _check_model(data: mmap.mmap, path: Path) -> None:
    for field, span in _fields(data, (0, len(data))):
        if field == _GRAPH:
            _check_nodes(data, span, _GRAPH_NODE, path)
            _check_constants(data, span, (_CONSTANT,), (_SPARSE_CONSTANT,), path)
        elif field == _FUNCTIONS:
            _check_nodes(data, span, _FUNCTION_NODE, path)


def _check_nodes(data: mmap.mmap, span: Span, number: int, path: Path) -> None:
    for field, (start, stop) in _fields(data, span):
        if field != number:
            continue
        name, nested = "", False
        for part, (first, last) in _fields(data, (start, stop)):
            if part == _OPERATOR:
                name = data[first:last].decode("utf-8", "replace")
            elif part == _ATTRIBUTE:
                nested |= any(inner in _SUBGRAPHS for inner, _ in _fields(data, (first, last)))
                _check_constants(data, (first, last), _TENSORS, _SPARSE_TENSORS, path)
        if nested or name in ("Loop", "Scan", "If"):
            raise ModelError(
                f"{path} has a loop or a branch ({name[:40]}), which no embedding needs and which "
                "may never end; export the model again with `c2llm export`."
            )


def _check_constants(
    data: mmap.mmap, span: Span, dense: tuple[int, ...], sparse: tuple[int, ...], path: Path
) -> None:
    for field, inner in _fields(data, span):
        if field in dense:
            _check_place(data, inner, path)
        elif field in sparse:
            _check_constants(data, inner, _SPARSE_PARTS, (), path)


def _check_place(data: mmap.mmap, tensor: Span, path: Path) -> None:
    """Raise ModelError for a constant that lies elsewhere than in the graph or its own file."""
    own = path.with_name(f"{path.name}{DATA_SUFFIX}")
    place: dict[str, str] = {}
    name = ""
    for field, span in _fields(data, tensor):
        if field == _NAME:
            name = data[span[0] : span[1]].decode("utf-8", "replace")
        elif field == _OUTSIDE:
            entry = {number: data[first:last] for number, (first, last) in _fields(data, span)}
            key, value = (entry.get(n, b"").decode("utf-8", "replace") for n in (_KEY, _VALUE))
            if place.setdefault(key, value) != value:
                raise ValueError("a constant is in two places")
    if not place:
        return
    if place.get("location") != own.name:
        raise ModelError(
            f"{path} has constants in {place.get('location', '')[:80]!r}, but may have them in "
            f"{own.name} beside it alone; export the model again with `c2llm export`."
        )
    size = require_regular(own)
    try:
        start, length = int(place.get("offset", 0)), int(place.get("length", 0))
    except ValueError:
        start = -1
    if start < 0 or length < 0 or start + length > size:
        raise ModelError(
            f"{own} is cut short: {path.name} reads {name[:60]!r} beyond its {size:,} bytes; copy "
            "the model again."
        )


def _fields(data: mmap.mmap, span: Span) -> Iterator[tuple[int, Span]]:
    """Numbers of a message's fields and where their contents lie, in order."""
    position, end = span
    while position < end:
        key, position = _varint(data, position, end)
        kind = key & 7
        if kind == _VARINT:
            start = position
            _, position = _varint(data, position, end)
        elif kind == _BYTES:
            length, start = _varint(data, position, end)
            position = start + length
        elif kind in (_EIGHT, _FOUR):
            start, position = position, position + (8 if kind == _EIGHT else 4)
        else:
            raise ValueError(f"wire type {kind}")
        if position > end:
            raise ValueError("a field is longer than its message")
        yield key >> 3, (start, position)


def _varint(data: mmap.mmap, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
    raise ValueError("a number does not end")

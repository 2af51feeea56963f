"""What an ONNX graph of unknown origin may consist of, read without running it.

An embedding is one pass through a fixed list of operators. Loops and branches (Loop, Scan, If, the
decoders of com.microsoft) carry graphs of their own in their attributes and can run without end for
the one input that nobody tried; no export of ours has any. Only the outline of the file is read
(nodes and attributes, protobuf's wire format); weights are skipped by their length.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from c2llm.errors import ModelError
from c2llm.modeling.model_json import require_regular

# Field numbers of onnx.proto: ModelProto, GraphProto, FunctionProto, NodeProto, AttributeProto.
_GRAPH, _FUNCTIONS = 7, 25
_GRAPH_NODE, _FUNCTION_NODE = 1, 7
_OPERATOR, _ATTRIBUTE = 4, 5
_SUBGRAPHS = (6, 11)
_BYTES, _VARINT, _EIGHT, _FOUR = 2, 0, 1, 5

Span = tuple[int, int]


def check_graph(path: Path) -> None:
    """Look at every node of a graph file.

    Raises:
        ModelError: if it is no ONNX file, or has a node with a graph inside.
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
        if nested or name in ("Loop", "Scan", "If"):
            raise ModelError(
                f"{path} has a loop or a branch ({name[:40]}), which no embedding needs and which "
                "may never end; export the model again with `c2llm export`."
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

"""Tiny model folders, good ones and what can be done to them."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from tests.tiny import WORDS, save_tiny_model, tiny_tokenizer

ROWS, WIDTH, HEADS = len(WORDS), 8, 2
Damage = Callable[[Path], object]


def config(path: Path, **changes: Any) -> None:
    """Write the config with fields replaced; `backbone__x` is a field of the backbone."""
    file = path / "config.json"
    fields: dict[str, Any] = {
        "model_type": "c2llm",
        "backbone": {"model_type": "c2llm_static", "hidden_size": WIDTH, "vocab_size": ROWS},
        "pooling": "pma",
        "pma_dim": WIDTH,
        "pma_num_heads": HEADS,
        "max_tokens": 32,
    }
    if file.exists():
        fields = json.loads(file.read_text())
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        if inner:
            fields[outer][inner] = value
        elif value is ...:
            del fields[outer]
        else:
            fields[outer] = value
    file.write_text(json.dumps(fields))


def arrays() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "score": random.normal(size=(ROWS, HEADS, 1)).astype(np.float32),
        "value": random.normal(size=(ROWS, WIDTH)).astype(np.float32),
        "split_heads": np.array(True),
        "merge_mean": np.array(False),
    }


def table(path: Path, *, allow_pickle: bool = False, **changes: Any) -> None:
    """Write the table with arrays replaced, or left out where None."""
    kept = {k: v for k, v in {**arrays(), **changes}.items() if v is not None}
    with (path / "table.npz").open("wb") as stream:
        np.savez(stream, allow_pickle=allow_pickle, **kept)


def tokenizer(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    file = path / "tokenizer.json"
    fields = json.loads(file.read_text())
    edit(fields)
    file.write_text(json.dumps(fields))


def table_folder(path: Path) -> Path:
    path.mkdir()
    config(path)
    tiny_tokenizer().save(str(path / "tokenizer.json"))
    table(path)
    return path


def graph(
    *,
    rows: int = ROWS,
    spoil: str = "",
    id_type: int = TensorProto.INT64,
    output: str = "sentence_embedding",
    values: np.ndarray | None = None,
    loop: int = 0,
) -> ModelProto:
    """A graph that averages rows of a table: embed, mean, normalise."""
    weights = arrays()["value"][:rows] if values is None else values
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["states"]),
        helper.make_node("ReduceMean", ["states", "axis"], ["mean"], keepdims=0),
        helper.make_node("LpNormalization", ["mean"], ["unit"], axis=-1, p=2),
    ]
    initializers = [
        numpy_helper.from_array(weights.astype(np.float32), "table"),
        numpy_helper.from_array(np.array([1]), "axis"),
    ]
    if loop:
        ports = [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, None),
        ]
        body = helper.make_graph(
            [
                helper.make_node("Identity", ["go"], ["go_on"]),
                helper.make_node("Abs", ["carried"], ["next"]),
            ],
            "body",
            ports,
            [
                helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
                helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
            ],
        )
        initializers += [
            numpy_helper.from_array(np.array(loop), "times"),
            numpy_helper.from_array(np.array(True), "always"),
        ]
        nodes.append(helper.make_node("Loop", ["times", "always", "unit"], ["end"], body=body))
    last = "end" if loop else "unit"
    if spoil == "huge":
        initializers.append(numpy_helper.from_array(np.array([1 << 40]), "size"))
        nodes += [
            helper.make_node("ConstantOfShape", ["size"], ["much"]),
            helper.make_node("ReduceMax", ["much"], ["most"], keepdims=0),
            helper.make_node("Add", [last, "most"], ["more"]),
        ]
        last = "more"
    elif spoil in ("Log", "Neg"):
        nodes.append(helper.make_node(spoil, [last], ["spoilt"]))
        last = "spoilt"
    elif spoil == "long":
        nodes.append(helper.make_node("Add", [last, last], ["spoilt"]))
        last = "spoilt"
    kind = TensorProto.FLOAT
    if spoil in ("int", "text"):
        kind = TensorProto.INT32 if spoil == "int" else TensorProto.STRING
        nodes.append(helper.make_node("Cast", [last], ["cast"], to=kind))
        last = "cast"
    if spoil == "one":
        initializers.append(numpy_helper.from_array(np.array([0]), "axis0"))
        nodes.append(helper.make_node("ReduceMean", [last, "axis0"], ["one"], keepdims=0))
        last = "one"
    nodes.append(helper.make_node("Identity", [last], [output]))
    made = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("input_ids", id_type, ["b", "l"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["b", "l"]),
        ],
        [helper.make_tensor_value_info(output, kind, None)],
        initializers,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def write_graph(path: Path, **options: Any) -> None:
    # The mask is an input that nobody reads.
    (path / "model.onnx").write_bytes(graph(**options).SerializeToString())


def graph_folder(path: Path) -> Path:
    table_folder(path)
    (path / "table.npz").unlink()
    write_graph(path)
    return path


def torch_folder(path: Path) -> Path:
    return save_tiny_model(path)


def header(
    path: Path, edit: Callable[[dict[str, Any]], object] | bytes, extra: bytes = b""
) -> None:
    """Rewrite the header of the safetensors file."""
    file = path / "model.safetensors"
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    if isinstance(edit, bytes):
        new = edit
    else:
        fields = json.loads(content[8 : 8 + length])
        edit(fields)
        new = json.dumps(fields).encode()
    file.write_bytes(len(new).to_bytes(8, "little") + new + content[8 + length :] + extra)


def spoilt(path: Path) -> None:
    """Make every number of the safetensors file one that is none."""
    file = path / "model.safetensors"
    content = file.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    file.write_bytes(content[:begin] + b"\xff" * (len(content) - begin))


def first(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(v for k, v in fields.items() if k != "__metadata__")
    return found


def replace(name: str, content: bytes | str) -> Damage:
    raw = content.encode() if isinstance(content, str) else content
    return lambda path: (path / name).write_bytes(raw)


def pipe(name: str) -> Damage:
    def damage(path: Path) -> None:
        (path / name).unlink(missing_ok=True)
        os.mkfifo(path / name)

    return damage


def link(name: str, target: str) -> Damage:
    def damage(path: Path) -> None:
        (path / name).unlink(missing_ok=True)
        (path / name).symlink_to(target)

    return damage


def folder(name: str) -> Damage:
    def damage(path: Path) -> None:
        (path / name).unlink()
        (path / name).mkdir()

    return damage


def sparse(name: str, size: int) -> Damage:
    return lambda path: os.truncate(path / name, size)


def member(content: bytes) -> Damage:
    """A table whose `score` is these bytes."""

    def damage(path: Path) -> None:
        table(path, score=None)
        with zipfile.ZipFile(path / "table.npz", "a") as archive:
            archive.writestr("score.npy", content)

    return damage


def npy(described: str, data: bytes = b"\0" * 64) -> bytes:
    text = described.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def bomb(path: Path) -> None:
    """A table of zeros that is a thousandth of its size."""
    value = np.zeros((ROWS, 400_000), np.float32)
    with zipfile.ZipFile(path / "table.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in {**arrays(), "value": value}.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, array)


def packed(path: Path) -> None:
    with (path / "table.npz").open("wb") as stream:
        np.savez_compressed(stream, **arrays())


def changed(name: str, at: tuple[int, ...], value: float) -> Damage:
    def damage(path: Path) -> None:
        array = arrays()[name]
        array[at] = value
        table(path, **{name: array})

    return damage


def pickled(path: Path) -> None:
    (path / "table.npz").unlink()
    with (path / "pytorch_model.bin").open("wb") as stream:
        pickle.dump({"a": 1}, stream)


def npz_pickle(path: Path) -> None:
    table(path, allow_pickle=True, value=np.array([{"a": 1}] * ROWS, dtype=object))


def buffer(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def growing(fields: dict[str, Any]) -> None:
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    fields["normalizer"] = {"type": "Sequence", "normalizers": [double] * 40}


def external(location: str) -> Damage:
    """A graph whose weights lie elsewhere."""

    def damage(path: Path) -> None:
        model = graph()
        weights = model.graph.initializer[0]
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        (path.parent / "outside.bin").write_bytes(arrays()["value"].tobytes())
        (path / "inside.bin").write_bytes(arrays()["value"].tobytes()[:20])
        where = location.replace("PARENT", str(path.parent))
        for key, value in (("location", where), ("offset", "0"), ("length", str(ROWS * WIDTH * 4))):
            weights.external_data.add(key=key, value=value)
        (path / "model.onnx").write_bytes(model.SerializeToString())

    return damage

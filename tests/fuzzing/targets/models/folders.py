"""A model folder of which one file is somebody's: refused in a sentence, or good for vectors."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import open_folder
from c2llm.encoding.trial_run import try_folder
from c2llm.modeling.checks.graph_check import check_graph
from c2llm.modeling.weight_files import read_headers, weight_files
from tests.fuzzing.reading import head, headed, tokens
from tests.fuzzing.target import Target

_FILES = (
    *("config.json", "tokenizer.json", "table.npz", "model.onnx", "model.safetensors"),
    "model.safetensors.index.json",
)
_FEW = 2_000
_WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "def",
    "return",
    "f",
    "x",
    "a",
    "##s",
    "(",
    ")",
    ":",
    "_",
)
_CONFIG = {
    "model_type": "c2llm",
    "backbone": {"model_type": "c2llm_static", "hidden_size": 8, "vocab_size": len(_WORDS)},
    "pooling": "pma", "pma_dim": 8, "pma_num_heads": 2, "max_tokens": 32,
    "prompts": {"query": "q: "},
}  # fmt: skip


@cache
def _whole() -> Path:
    """Where a good folder is, and the one that is spoilt."""
    folder = Path(tempfile.mkdtemp(prefix="c2llm-fuzz-model-"))
    good = folder / "good"
    good.mkdir()
    (good / "config.json").write_text(json.dumps(_CONFIG))
    (good / "table.npz").write_bytes(_archive(zipfile.ZIP_STORED))
    tokenizer = Tokenizer(WordPiece({word: i for i, word in enumerate(_WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", [("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(good / "tokenizer.json"))
    return folder


def check(data: bytes) -> None:
    """The first line is the file that the rest is put into."""
    name, content = headed(data, _FILES)
    folder = _whole() / "spoilt"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_whole() / "good", folder)
    if name.startswith("model."):
        (folder / "table.npz").unlink()
    (folder / name).write_bytes(content)
    if name == "model.onnx":  # running it is for the process of a trial
        check_graph(folder / name)
        return
    if name.startswith("model.safetensors"):
        tensors = read_headers(weight_files(folder))
        assert all(size >= 0 for one in tensors.values() for size in one.shape)
        return
    described = open_folder(folder)
    assert described.dim > 0 and described.vocabulary > 0
    if len(content) < _FEW or name != "tokenizer.json":
        try_folder(described)
        encoder = Encoder.load(folder, tried=True)
        vectors = encoder.encode_documents(["def f(x): return x", ""])
        assert vectors.shape == (2, encoder.dim) and np.isfinite(vectors).all()


def _safetensors() -> bytes:
    header = b'{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"__metadata__":{"b":"c"}}'
    return len(header).to_bytes(8, "little") + header + bytes(16)


def _archive(compression: int) -> bytes:
    random = np.random.default_rng(0)
    arrays = {
        "score": random.normal(size=(len(_WORDS), 2, 1)).astype(np.float32),
        "value": random.normal(size=(len(_WORDS), 8)).astype(np.float32),
        "split_heads": np.array(True),
        "merge_mean": np.array(False),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.asarray(array))
    return out.getvalue()


def _field(number: int, content: bytes) -> bytes:
    """A field of protobuf that holds bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def _graph(operator: bytes) -> bytes:
    """An ONNX graph of one node, with a constant that lies in another file."""
    node = (
        _field(1, b"input_ids") + _field(2, b"out") + _field(4, operator) + _field(5, b"\x0a\x01a")
    )
    place = _field(1, b"location") + _field(2, b"model.onnx.data")
    constant = b"\x08\x02" + _field(8, b"table") + bytes([13 << 3 | 2, len(place)]) + place
    return b"\x08\x09" + _field(7, _field(1, node) + _field(5, constant) + _field(2, b"g"))


def _seeds() -> list[bytes]:
    good = _whole() / "good"
    whole = [head(name, (good / name).read_bytes()) for name in _FILES[:3]]
    index = b'{"metadata": {}, "weight_map": {"a": "model-1.safetensors"}}'
    return [
        *(*whole, head("table.npz", _archive(zipfile.ZIP_DEFLATED))),
        head("model.safetensors", _safetensors()),
        *(head("model.onnx", _graph(operator)) for operator in (b"Gather", b"Loop")),
        head("model.safetensors.index.json", index),
    ]


_TOKENS = tokens(
    r"""
    NUMPY 'descr':\x20'|O' 'shape':\x20(9999999999,) '<f8' 'fortran_order':\x20True "F64"
    "data_offsets":[0,99999999999] "model_type":\x20"c2llm" "pooling":\x20"mean"
    "type":\x20"ByteLevel" "Regex":\x20"(a|a)*b" PK\x03\x04 \x08\x00 "max_tokens":\x200
    """
)

TARGET = Target(check, _seeds(), _TOKENS, quick=8)

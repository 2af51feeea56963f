"""A trained folder to ONNX, checked against torch.

model.onnx    ids and mask -> `sentence_embedding` (B, d), unit vectors: backbone, pooling and
              normalisation; `token_logits` (B, heads, queries, L), the pooling's attention before
              mask and softmax; `token_states` (B, L, h), what the pooling averages. Both exist on
              the way to the vector, so asking for the vector alone costs the same.
model.onnx.data  the weights of a large model (`constants.py`)
readout.onnx  averaged states -> `sentence_embedding`: what remains to be done after the windows of
              a long text, or the tokens of a span, have been averaged outside.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.engines import FOLD_AT_LOAD
from c2llm.encoding.onnx_runtime import onnx_runtime
from c2llm.encoding.tokens import TextTokenizer
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import C2LLMConfig, read_model_config
from c2llm.modeling.model import C2LLMModel
from c2llm.output_folder import add_to_folder
from c2llm.training.export.calibration import (
    CALIBRATION_TEXTS,
    LARGE_MODEL_TEXTS,
    LARGE_MODEL_TOKENS,
)
from c2llm.training.export.constants import DATA, GraphConstants, outlined, stream_weights
from c2llm.training.export.four_bits import quantize_four_bits
from c2llm.training.export.fused_attention import fused_attention
from c2llm.training.export.quantize import BACKBONE, ROWS, Feed, quantize

Precision = Literal["fp32", "fp16", "int8", "int4"]
LEAST_COSINE: dict[Precision, float] = {"fp32": 0.99999, "fp16": 0.9999, "int8": 0.98, "int4": 0.9}
"""Below this cosine with torch, on any probe, an export is refused."""
FP16 = "_fp16"
"""End of a halved constant's name, which `from_onnx.py` reads."""
LARGE_MODEL = 1 << 30
"""Bytes of fp32 weights above which those of products and embeddings lie outside of the graph."""
GRAPHS = ("model.onnx", "readout.onnx")
DESCRIPTIONS = ("config.json", "tokenizer.json")
HALVED_FROM = 1024
SLOW_FUSIONS = ["SkipLayerNormFusion"]
"""onnxruntime's node for sum and norm takes six times as long on a CPU as the two by themselves."""
MAX_HALF = float(np.finfo(np.float16).max)

# Texts of many lengths and kinds, for the parity check only.
PROBES = [
    "",
    "x",
    "parse a toml file",
    "where are retries backed off?",
    "def f():\n    return 1\n",
    'fn main() { println!("{}", 1 + 1); }',
    "SELECT name FROM users WHERE id = 3 ;",
    "日本語のコメント",
    "getHTTPResponseCode max_retries XMLParser",
    "for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }\n" * 12,
    "class Stack:\n    def __init__(self):\n        self.items = []\n" * 30,
]


@dataclass(frozen=True)
class ExportReport:
    """What was written and how near it is to the torch model (cosine over the probe texts)."""

    path: str
    megabytes: float
    min_cosine: float
    mean_cosine: float
    max_abs_difference: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


class _Graph(nn.Module):
    """model.onnx: ids and mask in, unit vectors and what they were made from out."""

    def __init__(self, model: C2LLMModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.model(input_ids, attention_mask)
        vectors = F.normalize(output.sentence_embedding, dim=-1)
        return vectors, output.token_logits, output.token_states


class _Readout(nn.Module):
    """readout.onnx: averaged states in, unit vectors out."""

    def __init__(self, model: C2LLMModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, context: Tensor, weight_sum: Tensor) -> Tensor:
        return self.model.readout(context, weight_sum)


def export_onnx(
    source: Path,
    out: Path,
    *,
    precision: Precision = "fp32",
    calibration: Sequence[str] = (),
    weight_bits: int = 7,
) -> ExportReport:
    """Export a trained model folder.

    Weights are read, changed and written one at a time, and never more than one network is in
    memory: torch's, or the one that is calibrated or checked.

    Args:
        source: folder with `model.safetensors`.
        out: folder for `model.onnx`, `readout.onnx`, `config.json`, `tokenizer.json`, and
            `model.onnx.data` of a large model; may be `source`.
        precision: `fp16` stores weights in half the size, which are widened when the graph is
            loaded; `int8` rounds the backbone's weights and what enters its products, a quarter of
            the size and faster (`quantize.py`); `int4` is half of that again (`four_bits.py`).
        calibration: texts like those that the int8 model will embed, beside our own.
        weight_bits: of int8; 7 suits every CPU, 8 is a little nearer and needs VNNI, AMX or ARM.

    Returns:
        Size and parity, measured on what is written; a graph that fails is not.

    Raises:
        UsageError: if `source` is no folder, there is no such precision, or `out` has one of these
            files and we did not write it.
        ModelError: if it is damaged, or the exported graph does not agree with torch.
    """
    if precision not in LEAST_COSINE:
        raise UsageError(f"Unknown precision {precision!r}; there are {', '.join(LEAST_COSINE)}.")
    if weight_bits not in (7, 8):
        raise UsageError(f"weight_bits is 7 or 8, not {weight_bits}.")
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    config = read_model_config(source)
    if config.tf_power != 1:
        raise UsageError(f"{source} counts repeated tokens, which no graph does: use --to table.")
    wanted = probe_vectors(Encoder.load(source, engine="torch", device="cpu", dtype="float32"))
    alone = out.resolve() == source.resolve()
    names = GRAPHS if alone else (*GRAPHS, *DESCRIPTIONS)
    with add_to_folder(out, names, maybe=[DATA]) as part:
        steps = _Steps(part / "steps")
        graph = steps.next()
        _trace_folder(source, graph, part / "readout.onnx")
        if precision == "int8":
            large = graph.with_name(DATA).exists()
            texts = LARGE_MODEL_TEXTS if large else CALIBRATION_TEXTS
            most = LARGE_MODEL_TOKENS if large else None
            feeds = calibration_feeds(source, config, texts, most)
            feeds += calibration_feeds(source, config, calibration)
            graph = quantize(graph, steps.next(), feeds, weight_bits=weight_bits)
        elif precision == "int4":
            graph = quantize_four_bits(graph, steps.next())
        graph = _optimize(graph, steps.next())
        if precision == "fp16":
            graph = halve_weights(graph, steps.next())
        for name in (graph.name, DATA):
            if (graph.parent / name).exists():
                (graph.parent / name).rename(part / name)
        for name in DESCRIPTIONS:
            shutil.copyfile(source / name, part / name)
        exported = Encoder.load(part, engine="onnx", tried=True)
        report = check_parity(wanted, exported, part / "model.onnx", LEAST_COSINE[precision])
    return replace(report, path=str(out / "model.onnx"))


class _Steps:
    """A folder for each step, since all call their weights `DATA`; two of those exist at most."""

    def __init__(self, root: Path) -> None:
        self._root, self._count = root, 0

    def next(self) -> Path:
        """Where the next step writes its graph."""
        self._count += 1
        (self._root / str(self._count - 2) / DATA).unlink(missing_ok=True)
        folder = self._root / str(self._count)
        folder.mkdir(parents=True)
        return folder / "model.onnx"


def _trace_folder(source: Path, graph: Path, readout: Path) -> None:
    """Write both graphs of a folder's model, which is in memory no longer than that."""
    model = C2LLMModel.from_pretrained(source, local_files_only=True, dtype=torch.float32).eval()
    _trace(model, graph)
    traced = graph.with_name("readout.onnx")
    _trace_readout(model, traced)
    _release(model)
    _optimize(traced, readout)


def _release(model: C2LLMModel) -> None:
    """Give back the memory of weights, to which torch refers for good once it has traced them."""
    for parameter in model.parameters():
        storage = parameter.untyped_storage()
        if storage.resizable():  # else it is the file's, mapped
            storage.resize_(0)
        parameter.data = torch.empty(0)


def _trace(model: C2LLMModel, path: Path) -> None:
    # Both sizes must be above 1 and differ, or the tracer takes them for constants.
    ids = torch.randint(1, min(100, model.config.backbone.vocab_size), (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    large = sum(4 * parameter.numel() for parameter in model.parameters()) > LARGE_MODEL
    with fused_attention(model.backbone):
        program = torch.onnx.export(
            _Graph(model).eval(),
            (ids, mask),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence_embedding", "token_logits", "token_states"],
            dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
            verbose=False,
            optimize=not large,
        )
    assert program is not None
    if large:
        stream_weights(program, path, _of_the_backbone)
    else:
        program.save(str(path), external_data=False)


def _of_the_backbone(name: str, shape: tuple[int, ...]) -> bool:
    return name.startswith(f"{BACKBONE}.") and len(shape) == 2


def _trace_readout(model: C2LLMModel, path: Path) -> None:
    pooler = model.pooler
    context = torch.randn(3, pooler.num_heads, pooler.num_queries, pooler.state_size)
    program = torch.onnx.export(
        _Readout(model).eval(),
        (context, torch.ones(context.shape[:3])),
        dynamo=True,
        input_names=["context", "weight_sum"],
        output_names=["sentence_embedding"],
        dynamic_shapes=({0: torch.export.Dim("batch")}, {0: torch.export.Dim("batch")}),
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=False)


def calibration_feeds(
    source: Path, config: C2LLMConfig, texts: Sequence[str], most: int | None = None
) -> list[Feed]:
    """Each text by itself behind each prompt, as inputs of the graph.

    Args:
        source: the model's folder.
        config: its config.
        texts: what to read.
        most: tokens of a text behind its prompt; as many as the model reads by default.
    """
    assert config.backbone is not None
    reader = TextTokenizer(source / "tokenizer.json", config.backbone.vocab_size)
    feeds: list[Feed] = []
    for prompt in sorted({config.prompts["query"], config.prompts["document"]}):
        [of_prompt] = reader.tokens([""], prompt, offsets=False)
        longest = config.max_tokens
        if most is not None:
            longest = min(longest, len(of_prompt.ids) + most)
        for tokens in reader.tokens(texts, prompt, offsets=False):
            ids = reader.truncate(tokens, longest).ids[None]
            # Without special tokens an empty text has nothing to show.
            if ids.size:
                feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    return feeds


def halve_weights(path: Path, out: Path) -> Path:
    """Store large constants in fp16; the engine widens them once, when it loads the graph."""
    from onnx import TensorProto, helper

    with GraphConstants(path, out) as constants:
        casts = []
        for name in constants.names():
            tensor = constants.tensor(name)
            assert tensor is not None
            if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= HALVED_FROM:
                half = _halved(constants.array(name))
                constants.remove(name)
                stored = constants.add(f"{name}{FP16}", half)
                casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
        for index, cast in enumerate(casts):
            constants.graph.node.insert(index, cast)
        helper.set_model_props(constants.model, {FOLD_AT_LOAD: "1"})
    return out


def _halved(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """The nearest in fp16, a block of rows at a time: whole copies would be gigabytes."""
    half = np.empty(values.shape, dtype=np.float16)
    for start in range(0, len(values), ROWS):
        block = values[start : start + ROWS]
        half[start : start + ROWS] = block.clip(-MAX_HALF, MAX_HALF)
    return half


def _optimize(path: Path, out: Path) -> Path:
    """Fuse now what onnxruntime would fuse at every start; loading is much faster for it."""
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # "Extended" still runs on any CPU; "all" may lay data out for the one at hand.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(out)
    outline = out.with_name("outline.onnx")
    with outlined(path, outline) as put_back:
        ort.InferenceSession(
            str(outline),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=SLOW_FUSIONS,
        )
        put_back(out)
    outline.unlink()
    return out


def probe_vectors(encoder: Encoder) -> NDArray[np.float32]:
    """What an encoder makes of the probe texts, for `check_parity`."""
    return encoder.encode_documents(PROBES)


def check_parity(
    wanted: NDArray[np.float32], exported: Encoder, file: Path, least: float
) -> ExportReport:
    """Compare an export's vectors of the probe texts with those of its source.

    Raises:
        ModelError: if a cosine is below `least`.
    """
    got = probe_vectors(exported)
    cosine: NDArray[np.float32] = (wanted * got).sum(1)
    data = file.with_name(DATA)
    size = file.stat().st_size + (data.stat().st_size if data.exists() else 0)
    report = ExportReport(
        path=str(file),
        megabytes=round(size / 1e6, 2),
        min_cosine=round(float(cosine.min()), 6),
        mean_cosine=round(float(cosine.mean()), 6),
        max_abs_difference=float(np.abs(wanted - got).max()),
    )
    if not report.min_cosine >= least:
        raise ModelError(
            f"The exported model differs from torch: cosine {report.min_cosine} where at least "
            f"{least} is expected; do not ship it."
        )
    return report

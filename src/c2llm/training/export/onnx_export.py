"""A trained folder to ONNX, checked against torch.

model.onnx    ids and mask -> `sentence_embedding` (B, d), unit vectors: backbone, pooling and
              normalisation; `token_logits` (B, heads, queries, L), the pooling's attention before
              mask and softmax; `token_states` (B, L, h), what the pooling averages. Both exist on
              the way to the vector, so asking for the vector alone costs the same.
readout.onnx  averaged states -> `sentence_embedding`: what remains to be done after the windows of
              a long text, or the tokens of a span, have been averaged outside.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

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
from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model import C2LLMModel
from c2llm.output_folder import add_to_folder
from c2llm.training.export.calibration import CALIBRATION_TEXTS
from c2llm.training.export.fused_attention import fused_attention
from c2llm.training.export.quantize import Feed, quantize

LEAST_COSINE: dict[str, float] = {"fp32": 0.99999, "fp16": 0.9999, "int8": 0.98}
"""Below this cosine with torch, on any probe, an export is refused."""
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
    int8: bool = False,
    fp16: bool = False,
    calibration: Sequence[str] = (),
    weight_bits: int = 7,
) -> ExportReport:
    """Export a trained model folder.

    Args:
        source: folder with `model.safetensors`.
        out: folder for `model.onnx`, `readout.onnx`, `config.json`, `tokenizer.json`; may be
            `source`.
        int8: round the backbone's weights and what enters its products; a quarter of the size,
            and faster (`training/export/quantize.py`).
        fp16: store weights in half the size; they are widened when the graph is loaded.
        calibration: texts like those that the int8 model will embed, beside our own.
        weight_bits: of int8; 7 suits every CPU, 8 is a little nearer and needs VNNI, AMX or ARM.

    Returns:
        Size and parity, measured on what is written; a graph that fails is not.

    Raises:
        UsageError: if `source` is no folder, the options contradict each other, or `out` has one of
            these files and we did not write it.
        ModelError: if it is damaged, or the exported graph does not agree with torch.
    """
    if int8 and fp16:
        raise UsageError("Choose int8 or fp16, not both.")
    if weight_bits not in (7, 8):
        raise UsageError(f"weight_bits is 7 or 8, not {weight_bits}.")
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    reference = Encoder.load(source, engine="torch")
    model = C2LLMModel.from_pretrained(source, local_files_only=True, dtype=torch.float32).eval()
    if model.config.tf_power != 1:
        raise UsageError(f"{source} counts repeated tokens, which no graph does: use --to table.")
    alone = out.resolve() == source.resolve()
    names = GRAPHS if alone else (*GRAPHS, *DESCRIPTIONS)
    with add_to_folder(out, names) as part, tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "model.onnx"
        _trace(model, graph)
        if int8:
            texts = [*CALIBRATION_TEXTS, *calibration]
            feeds = calibration_feeds(source / "tokenizer.json", model.config, texts)
            graph = quantize(graph, Path(scratch) / "int8.onnx", feeds, weight_bits=weight_bits)
        graph = _optimize(graph, Path(scratch) / "optimized.onnx")
        if fp16:
            graph = halve_weights(graph, Path(scratch) / "fp16.onnx")
        readout = Path(scratch) / "readout.onnx"
        _trace_readout(model, readout)
        readout = _optimize(readout, Path(scratch) / "readout-optimized.onnx")
        shutil.copyfile(graph, part / "model.onnx")
        shutil.copyfile(readout, part / "readout.onnx")
        for name in DESCRIPTIONS:
            shutil.copyfile(source / name, part / name)
        exported = Encoder.load(part, engine="onnx")
        least = LEAST_COSINE["int8" if int8 else "fp16" if fp16 else "fp32"]
        report = check_parity(reference, exported, part / "model.onnx", least)
    return replace(report, path=str(out / "model.onnx"))


def _trace(model: C2LLMModel, path: Path) -> None:
    # Both sizes must be above 1 and differ, or the tracer takes them for constants.
    ids = torch.randint(1, 100, (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    with fused_attention(model.backbone):
        program = torch.onnx.export(
            _Graph(model).eval(),
            (ids, mask),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence_embedding", "token_logits", "token_states"],
            dynamic_shapes=({0: batch, 1: length}, {0: batch, 1: length}),
            verbose=False,
        )
    assert program is not None
    program.save(str(path), external_data=False)


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


def calibration_feeds(tokenizer: Path, config: C2LLMConfig, texts: Sequence[str]) -> list[Feed]:
    """Each text by itself behind each prompt, as inputs of the graph; cut at the model's length."""
    assert config.backbone is not None
    reader = TextTokenizer(tokenizer, config.backbone.vocab_size)
    feeds: list[Feed] = []
    for prompt in sorted({config.prompts["query"], config.prompts["document"]}):
        for tokens in reader.tokens(texts, prompt, offsets=False):
            ids = reader.truncate(tokens, config.max_tokens).ids[None]
            # Without special tokens an empty text has nothing to show.
            if ids.size:
                feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids)})
    return feeds


def halve_weights(path: Path, out: Path) -> Path:
    """Store large constants in fp16; the engine widens them once, when it loads the graph."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    casts = []
    for constant in model.graph.initializer:
        if constant.data_type == TensorProto.FLOAT and np.prod(constant.dims) >= HALVED_FROM:
            name, values = constant.name, numpy_helper.to_array(constant)
            half = values.clip(-MAX_HALF, MAX_HALF).astype(np.float16)
            constant.CopyFrom(numpy_helper.from_array(half, f"{name}_fp16"))
            casts.append(helper.make_node("Cast", [f"{name}_fp16"], [name], to=TensorProto.FLOAT))
    for index, cast in enumerate(casts):
        model.graph.node.insert(index, cast)
    helper.set_model_props(model, {FOLD_AT_LOAD: "1"})
    onnx.save(model, out)
    return out


def _optimize(path: Path, out: Path) -> Path:
    """Fuse now what onnxruntime would fuse at every start; loading is much faster for it."""
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # "Extended" still runs on any CPU; "all" may lay data out for the one at hand.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(out)
    ort.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
    )
    return out


def check_parity(reference: Encoder, exported: Encoder, file: Path, least: float) -> ExportReport:
    """Compare both on the probe texts.

    Raises:
        ModelError: if a cosine is below `least`.
    """
    a, b = reference.encode_documents(PROBES), exported.encode_documents(PROBES)
    cosine: NDArray[np.float32] = (a * b).sum(1)
    report = ExportReport(
        path=str(file),
        megabytes=round(file.stat().st_size / 1e6, 2),
        min_cosine=round(float(cosine.min()), 6),
        mean_cosine=round(float(cosine.mean()), 6),
        max_abs_difference=float(np.abs(a - b).max()),
    )
    if report.min_cosine < least:
        raise ModelError(
            f"The exported model differs from torch: cosine {report.min_cosine} where at least "
            f"{least} is expected; do not ship it."
        )
    return report

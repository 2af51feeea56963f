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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.model import C2LLMModel

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


def export_onnx(source: Path, out: Path, *, int8: bool = False) -> ExportReport:
    """Export a trained model folder.

    Args:
        source: folder with `model.safetensors`.
        out: folder for `model.onnx`, `readout.onnx`, `config.json`, `tokenizer.json`; may be
            `source`.
        int8: quantise weights to int8, activations at run time; 4 times smaller and faster.

    Returns:
        Size and parity, measured on the written file.

    Raises:
        UsageError: if `source` is no folder.
        ModelError: if it is damaged, or the exported graph does not agree with torch.
    """
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    reference = Encoder.load(source, engine="torch")
    model = C2LLMModel.from_pretrained(source, local_files_only=True, dtype=torch.float32).eval()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch) / "model.onnx"
        _trace(model, graph)
        if int8:
            graph = _quantize(graph, Path(scratch) / "int8.onnx")
        graph = _optimize(graph, Path(scratch) / "optimized.onnx")
        readout = Path(scratch) / "readout.onnx"
        _trace_readout(model, readout)
        readout = _optimize(readout, Path(scratch) / "readout-optimized.onnx")
        shutil.copyfile(graph, out / "model.onnx")
        shutil.copyfile(readout, out / "readout.onnx")
    if out.resolve() != source.resolve():
        for name in ("config.json", "tokenizer.json"):
            shutil.copyfile(source / name, out / name)
    exported = Encoder.load(out, engine="onnx")
    return check_parity(reference, exported, out / "model.onnx", 0.95 if int8 else 0.99999)


def _trace(model: C2LLMModel, path: Path) -> None:
    # Both sizes must be above 1 and differ, or the tracer takes them for constants.
    ids = torch.randint(1, 100, (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
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


def _quantize(path: Path, out: Path) -> Path:
    """Int8 weights for the backbone; the pooling is a thousandth of the work and stays in fp32."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path).graph
    kept = {initializer.name for initializer in graph.initializer}
    nodes = [
        node.name
        for node in graph.node
        # Torch notes the module of each node; only products with a constant weight are quantised.
        if any("model.backbone" in p.value for p in node.metadata_props)
        and kept.intersection(node.input)
    ]
    quantize_dynamic(
        path,
        out,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["MatMul", "Gather"],
        nodes_to_quantize=nodes,
    )
    return out


def _optimize(path: Path, out: Path) -> Path:
    """Fuse now what onnxruntime would fuse at every start; loading is much faster for it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    # "Extended" still runs on any CPU; "all" may lay data out for the one at hand.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(out)
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
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

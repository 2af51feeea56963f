"""A shipped model back to a folder that can be trained on: from a graph, or from a table.

What is shipped can only be run; `adapt` and `c2llm export --to torch` want float weights.
`from_onnx` and `from_table` read them; here they become a folder, whose vectors are compared with
those of its source before it is given out.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import read_model_config
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.modeling.torch_folder import save_folder
from c2llm.output_folder import replace_folder, require_replaceable
from c2llm.training.export import from_onnx, from_table
from c2llm.training.export.onnx_export import PROBES

LEAST_COSINE = 0.95
"""Between a model and what was restored from it; int8 activations cost about 0.01."""


@dataclass(frozen=True)
class RestoreReport:
    """What was restored, and how near its vectors are to the source's over the probe texts."""

    source: str
    out: str
    tensors: int
    min_cosine: float
    mean_cosine: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


def restore_folder(source: Path, out: Path) -> RestoreReport:
    """Write a model folder with safetensors from one with `model.onnx` or `table.npz`.

    Args:
        source: folder that `c2llm export` wrote, int8 or float32: a graph with a BERT-like backbone
            and PMA, or a table of PMA with one query.
        out: the new folder; replaced if it is one of ours.

    Raises:
        UsageError: if `source` is no folder, or `out` is the same or not ours to replace.
        ModelError: if it is not such an export, or the restored vectors are not the source's.
    """
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    if out.resolve() == source.resolve():
        raise UsageError(f"{out} is the model that is read; name another folder with --out.")
    require_replaceable(out)
    config = read_model_config(source)
    if (source / "table.npz").is_file():
        file = source / "table.npz"
        reference = Encoder.load(source, engine="table")
        tensors = from_table.restore_tensors(file, config)
        config = from_table.trainable_config(config)
    else:
        file = source / "model.onnx"
        reference = Encoder.load(source, engine="onnx")
        tensors = from_onnx.restore_tensors(file, config)
    model = C2LLMModel(config)
    model.load_state_dict(tensors)
    with replace_folder(out) as part:
        save_folder(model, derive_tokenizer(source, split_identifiers=False), part)
        cosine = _cosines(reference, Encoder.load(part, engine="torch"))
        if cosine.min() < LEAST_COSINE:
            raise ModelError(
                f"What was restored from {file} differs from it: cosine "
                f"{cosine.min():.4f} where at least {LEAST_COSINE} is expected."
            )
    return RestoreReport(
        source=str(source),
        out=str(out),
        tensors=len(tensors),
        min_cosine=round(float(cosine.min()), 6),
        mean_cosine=round(float(cosine.mean()), 6),
    )


def _cosines(reference: Encoder, restored: Encoder) -> NDArray[np.float32]:
    a, b = reference.encode_documents(PROBES), restored.encode_documents(PROBES)
    cosine: NDArray[np.float32] = (a * b).sum(1)
    return cosine

"""A trained static model to `table.npz`, checked against torch."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from c2llm.encoding.encoder import Encoder
from c2llm.errors import UsageError
from c2llm.modeling.fold import fold
from c2llm.modeling.model import C2LLMModel
from c2llm.output_folder import add_to_folder
from c2llm.training.export.onnx_export import (
    DESCRIPTIONS,
    ExportReport,
    check_parity,
    probe_vectors,
)

TABLE = "table.npz"


def export_table(source: Path, out: Path, *, int8: bool = False) -> ExportReport:
    """Fold a trained model folder over a static backbone.

    Args:
        source: folder with `model.safetensors`.
        out: folder for `table.npz`, `config.json`, `tokenizer.json`; may be `source`.
        int8: keep each token's value as int8 with a scale of its own, and scores as float16; the
            table is a quarter of the size.

    Returns:
        Size and parity, measured on what is written; a table that fails is not.

    Raises:
        UsageError: if `source` is no folder, its model does not fold, or `out` has one of these
            files and we did not write it.
        ModelError: if it is damaged, or the table does not agree with torch.
    """
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    model = C2LLMModel.from_pretrained(source, dtype=torch.float32).eval()
    try:
        arrays = fold(model)
    except ValueError as error:
        raise UsageError(str(error)) from error
    alone = out.resolve() == source.resolve()
    names = (TABLE,) if alone else (TABLE, *DESCRIPTIONS)
    with add_to_folder(out, names) as part:
        with (part / TABLE).open("wb") as stream:
            np.savez(stream, allow_pickle=False, **(quantised(arrays) if int8 else arrays))
        for name in DESCRIPTIONS:
            shutil.copyfile(source / name, part / name)
        wanted = probe_vectors(Encoder.load(source, engine="torch"))
        least = 0.999 if int8 else 0.99999
        report = check_parity(wanted, Encoder.load(part, engine="table"), part / TABLE, least)
    return replace(report, path=str(out / TABLE))


def quantised(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same table with `value` int8 (symmetric, one scale a row) and `score` float16."""
    value = arrays["value"]
    scale = np.maximum(np.abs(value).max(axis=1), 1e-12) / 127
    rounded = np.rint(value / scale[:, None]).astype(np.int8)
    return arrays | {
        "value": rounded,
        "value_scale": scale.astype(np.float32),
        "score": arrays["score"].astype(np.float16),
    }

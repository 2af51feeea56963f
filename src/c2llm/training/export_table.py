"""A trained static model to `table.npz`, checked against torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from c2llm.encoding.encoder import Encoder
from c2llm.errors import UsageError
from c2llm.modeling.fold import fold
from c2llm.modeling.model import C2LLMModel
from c2llm.training.export import ExportReport, check_parity


def export_table(source: Path, out: Path) -> ExportReport:
    """Fold a trained model folder over a static backbone.

    Args:
        source: folder with `model.safetensors`.
        out: folder for `table.npz`, `config.json`, `tokenizer.json`; may be `source`.

    Returns:
        Size and parity, measured on the written file.

    Raises:
        UsageError: if `source` is no folder, or its model does not fold.
        ModelError: if it is damaged, or the table does not agree with torch.
    """
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    model = C2LLMModel.from_pretrained(source, dtype=torch.float32).eval()
    try:
        arrays = fold(model)
    except ValueError as error:
        raise UsageError(str(error)) from error
    out.mkdir(parents=True, exist_ok=True)
    part = out / "table.npz.part"
    with part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    part.replace(out / "table.npz")
    if out.resolve() != source.resolve():
        for name in ("config.json", "tokenizer.json"):
            shutil.copyfile(source / name, out / name)
    reference = Encoder.load(source, engine="torch")
    return check_parity(reference, Encoder.load(out, engine="table"), out / "table.npz", 0.99999)

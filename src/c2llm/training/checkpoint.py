"""Checkpoints that survive `kill -9`: written beside, then renamed. Safetensors and JSON only.

RUN/config.json          the resolved recipe, the environment, what data was used
RUN/metrics.jsonl        one line a step
RUN/checkpoints/000400/  model.safetensors, optimizer.safetensors, state.json
RUN/model/               the finished model folder
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from c2llm.errors import DataError


def write_json(path: Path, payload: Any) -> None:
    """Write JSON atomically."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def save_checkpoint(
    run: Path, step: int, model: nn.Module, optimizer: torch.optim.AdamW, keep: int
) -> Path:
    """Write the state after `step` steps; all but the newest `keep` checkpoints are removed."""
    folder = run / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{step:06d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, part / "model.safetensors"
    )
    save_file(_optimizer_tensors(model, optimizer), part / "optimizer.safetensors")
    (part / "state.json").write_text(json.dumps({"step": step}), encoding="utf-8")
    final = folder / f"{step:06d}"
    shutil.rmtree(final, ignore_errors=True)
    part.replace(final)
    for old in checkpoints(run)[:-keep]:
        shutil.rmtree(old)
    return final


def checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    found = (run / "checkpoints").glob("[0-9]" * 6)
    return sorted(path for path in found if (path / "state.json").is_file())


def load_checkpoint(folder: Path, model: nn.Module, optimizer: torch.optim.AdamW) -> int:
    """Put a checkpoint's state into `model` and `optimizer`; returns its step.

    Raises:
        DataError: if it belongs to another model.
    """
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except RuntimeError as error:
        raise DataError(
            f"{folder} holds another model than the recipe describes; name a new run folder."
        ) from error
    names = {id(p): name for name, p in model.named_parameters()}
    tensors = load_file(folder / "optimizer.safetensors")
    for group in optimizer.param_groups:
        for p in group["params"]:
            prefix = names[id(p)]
            if f"{prefix}/step" in tensors:
                optimizer.state[p] = {
                    key: tensors[f"{prefix}/{key}"] for key in ("step", "exp_avg", "exp_avg_sq")
                }
    state: dict[str, int] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return state["step"]


def _optimizer_tensors(model: nn.Module, optimizer: torch.optim.AdamW) -> dict[str, torch.Tensor]:
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        f"{names[id(p)]}/{key}": value.contiguous()
        for p, state in optimizer.state.items()
        for key, value in state.items()
    }

"""Checkpoints that survive `kill -9`: written beside, then renamed. Safetensors and JSON only.

RUN/config.json          the resolved recipe, the environment, the git revision
RUN/recipe.yaml          the resolved recipe alone, to be used again
RUN/data/                what was dropped and why; with data.stream, the pairs
RUN/metrics.jsonl        one line a step
RUN/checkpoints/000400/  model.safetensors (what is trained), optimizer.safetensors, state.json
RUN/start/, RUN/model/   the model folders before and after; RUN/best/ with run.keep_best
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from c2llm.errors import DataError
from c2llm.output_folder import remove_folder, replace_folder
from c2llm.training.network.lora import trained_parameters
from c2llm.training.run.distributed import World


def write_json(path: Path, payload: Any) -> None:
    """Write JSON atomically."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def save_checkpoint(
    run: Path,
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    keep: int,
    world: World,
    state: Mapping[str, Any] | None = None,
    spared: Collection[int] = (),
) -> None:
    """Write the state after `step` steps; older ones than the newest `keep` are removed.

    Those after a step of `spared` stay: they are going to be merged.

    All ranks call it, since sharded tensors are gathered; rank 0 writes.
    """
    weights = {name: whole(p) for name, p in trained_parameters(model).items()}
    moments = _optimizer_tensors(model, optimizer)
    if not world.leads:
        return
    folder = run / "checkpoints"
    with replace_folder(folder / f"{step:06d}") as part:
        save_file(weights, part / "model.safetensors")
        save_file(moments, part / "optimizer.safetensors")
        write_json(part / "state.json", {"step": step, **(state or {})})
    for old in checkpoints(run)[:-keep]:
        if int(old.name) not in spared:
            remove_folder(old)


def checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    found = [p for p in (run / "checkpoints").glob("[0-9]*") if p.name.isdigit()]
    return sorted((p for p in found if (p / "state.json").is_file()), key=lambda p: int(p.name))


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Put a checkpoint's state into `model` and `optimizer`; returns what `state.json` says.

    Raises:
        DataError: if it belongs to another model or is damaged.
    """
    try:
        moments = load_file(folder / "optimizer.safetensors")
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    load_weights(folder, model)
    parameters = trained_parameters(model)
    names = {id(p): name for name, p in parameters.items()}
    for group in optimizer.param_groups:
        for p in group["params"]:
            prefix = names[id(p)]
            if f"{prefix}/step" in moments:
                optimizer.state[p] = {
                    "step": moments[f"{prefix}/step"],
                    **{
                        key: _like(p, moments[f"{prefix}/{key}"])
                        for key in ("exp_avg", "exp_avg_sq")
                    },
                }
    return state


@torch.no_grad()
def load_weights(folder: Path, model: nn.Module) -> None:
    """Put what a checkpoint has trained into `model`.

    Raises:
        DataError: if it belongs to another model or is damaged.
    """
    try:
        weights = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise _damaged(folder, error) from error
    parameters = trained_parameters(model)
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    if any(shapes.get(name) != p.shape for name, p in parameters.items()):
        raise _other_model(folder)
    for name, p in parameters.items():
        p.copy_(_like(p, weights[name]))


def _damaged(folder: Path, error: Exception) -> DataError:
    return DataError(f"{folder} cannot be read ({error}): remove it, to go on from the one before.")


def _other_model(folder: Path) -> DataError:
    return DataError(
        f"{folder} holds another model than the recipe describes; name a new run folder."
    )


def whole(tensor: Tensor) -> Tensor:
    """The tensor on the CPU, gathered if it is sharded (then all ranks have to call it)."""
    from torch.distributed.tensor import DTensor

    tensor = tensor.detach()
    if isinstance(tensor, DTensor):
        tensor = tensor.full_tensor()
    return tensor.cpu().contiguous()


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """All tensors of a model by name, gathered and on the CPU."""
    return {name: whole(tensor) for name, tensor in model.state_dict().items()}


def _like(parameter: Tensor, tensor: Tensor) -> Tensor:
    """`tensor` on the parameter's device, sharded if it is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    tensor = tensor.to(parameter.device)
    if isinstance(parameter, DTensor):
        return distribute_tensor(tensor, parameter.device_mesh, parameter.placements)
    return tensor


def _optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    names = {id(p): name for name, p in model.named_parameters()}
    return {
        f"{names[id(p)]}/{key}": whole(value)
        for p, state in optimizer.state.items()
        for key, value in state.items()
    }

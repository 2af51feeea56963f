"""`--device` and `--dtype`: where a model runs, and in which numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import click

Command = Callable[..., Any]


def device_options(model: str | None = "model") -> Callable[[Command], Command]:
    """Add both options to a verb.

    They hold for all that it loads and for the processes that it starts, so they are handed on as
    variables. A model that cannot follow them is refused before any work.

    Args:
        model: The verb's parameter that names the model, or several; None for a verb that makes
            its models itself, some of which may be graphs and stay on the CPU.
    """

    def add(command: Command) -> Command:
        @wraps(command)
        def placed(*arguments: Any, device: str | None, dtype: str | None, **options: Any) -> Any:
            take_devices(options[model] if model is not None else None, device, dtype)
            return command(*arguments, **options)

        placed = click.option(
            "--dtype",
            metavar="DTYPE",
            help="float32, bfloat16 or float16 for a model in torch.  [default: float32 on the "
            "CPU, else what its weights have]",
        )(placed)
        return click.option(
            "--device",
            metavar="DEVICE",
            help="cpu, cuda, cuda:1, mps or auto for a model in torch; several by commas, or "
            "cuda:* for all GPUs.  [default: cpu]",
        )(placed)

    return add


def take_devices(models: str | Sequence[str] | None, device: str | None, dtype: str | None) -> None:
    """Check what was asked for, and say it to whoever loads a model.

    Raises:
        UsageError: There is no such device or dtype, or the model's engine has no choice.
    """
    if device is None and dtype is None:
        return
    from c2llm.encoding.devices.placement import (
        DEVICE_VARIABLE,
        DTYPE_VARIABLE,
        Placement,
        open_placed,
    )
    from c2llm.encoding.model_folder import open_folder
    from c2llm.errors import UsageError

    if models is None and (asked := Placement.asked(device, dtype)).devices != ("cpu",):
        _require(asked.devices)
    for name in (models,) if isinstance(models, str) else models or ():
        try:
            open_folder(name)
        except UsageError:
            continue  # a peer, a word for no model, or what the verb itself will refuse
        folder, placement = open_placed(name, None, device, dtype)
        if folder.engine == "torch" and placement.devices != ("cpu",):
            _require(placement.devices)
    context = click.get_current_context()
    for variable, value in ((DEVICE_VARIABLE, device), (DTYPE_VARIABLE, dtype)):
        if value is not None:
            before = os.environ.get(variable)
            os.environ[variable] = value
            context.call_on_close(partial(_put_back, variable, before))


def _require(devices: Sequence[str]) -> None:
    from c2llm.errors import UsageError

    try:
        from c2llm.encoding.devices.torch_devices import torch_devices
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The torch engine needs {error.name}: pip install 'c2llm[train]'."
        ) from error
    torch_devices(devices)


def _put_back(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value

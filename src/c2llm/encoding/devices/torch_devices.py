"""The devices that torch has on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from c2llm.errors import UsageError

if TYPE_CHECKING:
    import torch


def torch_devices(names: Sequence[str]) -> list[torch.device]:
    """Devices by name, each once, with `auto` and `cuda:*` replaced by what is there.

    Raises:
        UsageError: One is not there.
    """
    import torch

    found: list[torch.device] = []
    for name in names:
        if name == "auto":
            found.append(_first())
        elif name == "cuda:*":
            _require_cuda(name)
            found += [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
        else:
            found.append(_named(name))
    return list(dict.fromkeys(found))


def _first() -> torch.device:
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _named(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(
            f"torch knows no device {name!r}; give cpu, cuda, cuda:1, mps or auto."
        ) from error
    if device.type == "cuda":
        _require_cuda(name)
        count = torch.cuda.device_count()
        if ":" not in name:
            return torch.device("cuda", 0)
        if device.index >= count:
            raise UsageError(
                f"There is no {name}: this machine has {count} GPU{'s' * (count > 1)}, "
                f"cuda:0{f' to cuda:{count - 1}' * (count > 1)}."
            )
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("There is no mps on this machine; leave --device out for the CPU.")
    elif device.type not in ("cpu", "cuda", "mps", "meta", "xpu"):
        raise UsageError(f"Models run on cpu, cuda, mps and xpu, not on {device.type}.")
    elif device.type == "xpu" and not torch.xpu.is_available():
        raise UsageError("There is no xpu on this machine; leave --device out for the CPU.")
    return device


def _require_cuda(name: str) -> None:
    import torch

    if torch.cuda.is_available() and torch.cuda.device_count():
        return
    if torch.version.cuda is None and torch.version.hip is None:
        raise UsageError(
            f"{name} needs a torch that is built for GPUs; {torch.__version__} is built for the "
            "CPU alone. Install one of pytorch.org, or leave --device out."
        )
    raise UsageError(
        f"{name} is not there: torch {torch.__version__} finds no GPU (nvidia-smi tells whether "
        "the driver does). Leave --device out for the CPU."
    )

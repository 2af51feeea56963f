"""Devices and number format of the torch engine, as they were asked for.

The other engines run on the CPU in the numbers of their export. What is said for all models at
once (`C2LLM_DEVICE`, `C2LLM_DTYPE`, the configuration) is therefore a wish that they ignore; what
is said for one model is refused where it cannot be had.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from c2llm.encoding.model_folder import ModelFolder, open_folder
from c2llm.errors import UsageError
from c2llm.modeling.weight_files import has_weights, read_headers, weight_files

DEVICE_VARIABLE, DTYPE_VARIABLE = "C2LLM_DEVICE", "C2LLM_DTYPE"
CPU = "cpu"
DTYPES = ("float32", "bfloat16", "float16")
"""Number formats of the torch engine."""
_STORED = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""What safetensors calls them."""
_DEVICE = re.compile(r"auto|[a-z]+(:\d{1,3})?|cuda:\*")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model runs, and in which numbers."""

    devices: tuple[str, ...] = (CPU,)
    """Torch's names: `cpu`, `cuda:0`, `mps`; `auto` is the first GPU that is there, or the CPU, and
    `cuda:*` all of them. On each there is one replica of the model."""
    dtype: str | None = None
    """One of `DTYPES`; None for float32 on the CPU, and elsewhere what the weights are stored in.
    """

    @classmethod
    def of(
        cls, folder: ModelFolder, device: str | Sequence[str] | None, dtype: str | None
    ) -> Placement:
        """What was asked for one model, or else for all.

        Args:
            folder: The model.
            device: A device, several in a list or joined by commas, or None.
            dtype: One of `DTYPES`, or None.

        Raises:
            UsageError: There is no such device or dtype, or the model's engine has no choice.
        """
        if folder.engine != "torch":
            _refuse(folder, device, dtype)
            return cls()
        return cls.asked(device, dtype)

    @classmethod
    def asked(cls, device: str | Sequence[str] | None, dtype: str | None) -> Placement:
        """What was asked for, or else for all models, as a model in torch takes it.

        Raises:
            UsageError: There is no such device or dtype.
        """
        device = device or os.environ.get(DEVICE_VARIABLE) or CPU
        dtype = dtype or os.environ.get(DTYPE_VARIABLE) or None
        names = device.split(",") if isinstance(device, str) else device
        devices = tuple(dict.fromkeys(name.strip() for name in names))
        if not devices or not all(map(_DEVICE.fullmatch, devices)):
            raise UsageError(
                f"{', '.join(devices) or 'Nothing'} is no device; give cpu, cuda, cuda:1, "
                "cuda:0,cuda:1, cuda:* for all GPUs, mps or auto."
            )
        if dtype is not None and dtype not in DTYPES:
            raise UsageError(f"Unknown dtype {dtype!r}; there are {', '.join(DTYPES)}.")
        return cls(devices, dtype)

    def numbers(self, folder: ModelFolder) -> str:
        """The dtype that the model of a folder runs in, read from its weights' headers if need be.

        Raises:
            ModelError: The headers are damaged.
        """
        if self.dtype is not None:
            return self.dtype
        if self.devices == (CPU,):
            return "float32"
        stored = {tensor.dtype for tensor in read_headers(weight_files(folder.path)).values()}
        return _STORED.get(stored.pop(), "float32") if len(stored) == 1 else "float32"

    def mark(self, folder: ModelFolder) -> str:
        """What distinguishes its vectors from those in float32, for the model's fingerprint."""
        if folder.engine != "torch":
            return ""
        numbers = self.numbers(folder)
        return "" if numbers == "float32" else f"-{numbers}"


def open_placed(
    name: str | Path,
    engine: str | None = None,
    device: str | Sequence[str] | None = None,
    dtype: str | None = None,
) -> tuple[ModelFolder, Placement]:
    """Find a model, and where it runs.

    A folder with a graph or table as well as weights runs the former, which is the fastest on a
    CPU; where another device or a dtype is asked for, it runs the weights.

    Args:
        name: Shipped name, folder or hub id.
        engine: As `open_folder` takes it.
        device: As `Placement.of` takes it.
        dtype: The same.

    Raises:
        UsageError: There is no such model, device or dtype, or the engine has no choice.
        ModelError: The folder is incomplete or damaged.
    """
    folder = open_folder(name, engine)
    if engine is None and folder.engine != "torch" and has_weights(folder.path):
        asked = Placement.asked(device, dtype)
        if asked.dtype is not None or _elsewhere(asked.devices):
            folder = open_folder(name, "torch")
    return folder, Placement.of(folder, device, dtype)


def _elsewhere(devices: Sequence[str]) -> bool:
    """Whether any is not the CPU; `auto` is what is there."""
    if devices != ("auto",):
        return devices != (CPU,)
    try:
        from c2llm.encoding.devices.torch_devices import torch_devices
    except ModuleNotFoundError:
        return False
    return [device.type for device in torch_devices(devices)] != [CPU]


def _refuse(folder: ModelFolder, device: str | Sequence[str] | None, dtype: str | None) -> None:
    if dtype is not None:
        raise UsageError(
            f"{folder.name} runs in the {folder.engine} engine, whose numbers were chosen when "
            "it was exported; a dtype is for a folder with safetensors, in the torch engine."
        )
    if device is not None and device not in (CPU, [CPU], (CPU,), "auto"):
        raise UsageError(
            f"{folder.name} runs in the {folder.engine} engine, on the CPU alone; a device is "
            "for a folder with safetensors, in the torch engine."
        )

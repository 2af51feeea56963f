"""What a number depends on besides the recipe: versions, machine, processes, revision."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from c2llm.training.run.distributed import World


def environment(world: World | None = None) -> dict[str, Any]:
    """JSON-ready facts."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "revision": revision(),
        "packages": {n: _version(n) for n in ("c2llm", "transformers", "tokenizers", "peft")},
    }
    if world is not None:
        found["processes"] = world.size
        cuda = world.device.type == "cuda"
        found["device"] = torch.cuda.get_device_name(world.device) if cuda else "cpu"
    return found


def revision() -> str:
    """The git revision of this package's source, `-dirty` if changed; empty where unknown."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    except OSError:  # no git here
        return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

"""What a number depends on besides the recipe: versions, machine, processes, revision."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import c2llm
from c2llm.codebase.git import Git
from c2llm.codebase.revisions.uncommitted import uncommitted
from c2llm.errors import DataError
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
    package = Path(c2llm.__file__).parent
    git = Git(package)
    if not git.line("ls-files", "--", "__init__.py"):  # installed within some other repository
        return ""
    files = [path.relative_to(package).as_posix() for path in package.rglob("*.py")]
    try:
        changes = uncommitted(git, files)
    except DataError:  # no commit yet
        return ""
    head = git.line("rev-parse", "--short", "HEAD") or ""
    return f"{head}-dirty" if head and (changes.changed or changes.untracked) else head


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""

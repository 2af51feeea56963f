"""From a name to a folder: a local one as it is, a hub id by download of data files only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from c2llm.errors import UsageError

# Never *.py, which would be code, nor *.bin and *.pt, which are pickles.
DATA_FILES = (
    *("*.json", "*.safetensors", "*.onnx", "*.onnx.data", "*.npz"),
    *("merges.txt", "vocab.txt", "README.md"),
)

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Whether a name can only be meant as `owner/model`: a mistyped path must not go out."""
    return bool(_HUB_ID.fullmatch(name)) and not Path(name.split("/")[0]).exists()


def local_folder(name: str | Path, **download: Any) -> Path:
    """The folder of a model, downloaded into the hub's cache if `name` is a hub id.

    Args:
        name: a folder or a hub id.
        download: `revision`, `cache_dir`, `token`, `local_files_only`, `force_download`.

    Raises:
        UsageError: if there is no such folder, or the hub does not give it.
    """
    if Path(name).is_dir():
        return Path(name)
    if not is_hub_id(str(name)):
        raise UsageError(f"There is no model folder {name}.")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name), allow_patterns=list(DATA_FILES), **download))
    except Exception as error:  # not found, not allowed, not connected, not cached: a class each
        raise UsageError(
            f"There is no folder {name}, and the hub does not give it "
            f"({' '.join(str(error).split())[:160]})."
        ) from error

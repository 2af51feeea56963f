"""From the words of a command to what mteb runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from c2llm.encoding.protocol import TextEncoder
from c2llm.errors import UsageError
from c2llm.evaluation.mteb.meta import model_meta
from c2llm.evaluation.mteb.mteb_model import MtebEncoder
from c2llm.evaluation.mteb.prompts import DlPrompt, Instructions, is_published, prompts_for
from c2llm.evaluation.systems.named_systems import is_peer, load_encoder
from c2llm.progress import ProgressBar, no_progress


@dataclass(frozen=True, slots=True)
class MtebSettings:
    """How models are run."""

    instructions: Instructions = "auto"
    dl_prompt: DlPrompt = "mteb"
    max_tokens: int | None = None
    """Texts are read up to here; None for the model's own limit."""
    long_texts: Literal["window", "truncate"] | None = None
    """What becomes of longer texts; None cuts for the published checkpoints, as their scores were
    made, and leaves other models to their own way."""
    batch_tokens: int | None = None
    """Padded tokens of one batch; None for the encoder's own."""
    device: str | None = None
    dtype: str | None = None
    """Of the torch engine; None for float32 on the CPU, the checkpoint's own elsewhere."""


def build_model(
    spec: str,
    settings: MtebSettings,
    progress_bar: ProgressBar = no_progress,
    vectors: Path | None = None,
) -> tuple[str, MtebEncoder]:
    """What a table calls a model, and the model as mteb runs it.

    Args:
        spec: the model, as on the command line.
        settings: how it is run.
        progress_bar: shows what is encoded.
        vectors: where vectors lie while a task is not done; None keeps none.

    Raises:
        UsageError: for an unknown model, or settings that it does not have.
        ModelError: for a model that cannot be loaded.
    """
    encoder = load_configured(spec, settings)
    prompts = prompts_for(encoder, settings.instructions, settings.dl_prompt)
    changed: dict[str, Any] = {}
    if settings.max_tokens is not None:
        changed["max_tokens"] = settings.max_tokens
    if settings.long_texts is not None:
        changed["long_texts"] = settings.long_texts
    if settings.dtype is not None:
        changed["dtype"] = settings.dtype
    meta = model_meta(encoder, prompts, changed)
    marks = [f"{value}" for value in changed.values()]
    marks += ["paper's DL prompt"] if settings.dl_prompt == "paper" else []
    label = encoder.name + (f" ({', '.join(marks)})" if marks else "")
    return label, MtebEncoder(encoder, meta, prompts, progress_bar, vectors)


def load_configured(spec: str, settings: MtebSettings) -> TextEncoder:
    """The encoder with its limits set.

    Raises:
        UsageError: for an unknown model, or limits for one that is not ours.
        ModelError: for a model that cannot be loaded.
    """
    if is_peer(spec):
        if settings.max_tokens or settings.long_texts or settings.batch_tokens or settings.dtype:
            raise UsageError(
                f"{spec} keeps its own limits; --max-tokens, --long-texts, --batch-tokens and "
                "--dtype are for c2llm models."
            )
        return load_encoder(spec)
    from c2llm.encoding.encoder import Encoder

    encoder = Encoder.load(spec, device=settings.device, dtype=settings.dtype)
    long_texts = settings.long_texts or ("truncate" if is_published(encoder) else None)
    return encoder.adapted(
        max_tokens=settings.max_tokens,
        long_texts=long_texts,
        token_budget=settings.batch_tokens,
    )

"""mteb's description of a model: whose scores these are, and under what settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c2llm.encoding.protocol import TextEncoder
from c2llm.evaluation.mteb.card import read_card
from c2llm.evaluation.mteb.mteb_tasks import import_mteb
from c2llm.evaluation.mteb.prompts import TaskPrompts, is_published
from c2llm.evaluation.systems.openai_encoder import OpenAIEncoder
from c2llm.evaluation.systems.peers import MINILM

MINILM_ID = "sentence-transformers/all-MiniLM-L6-v2"
PUBLISHED_MODELS = ("codefuse-ai/C2LLM-0.5B", "codefuse-ai/C2LLM-7B")
OURS, OTHERS = "c2llm", "local"
"""Stand before the names of models that are not from the hub."""

_LANGUAGES = [
    *("eng-Latn", "python-Code", "javascript-Code", "typescript-Code", "go-Code", "java-Code"),
    *("ruby-Code", "php-Code", "c-Code", "c++-Code", "c#-Code", "rust-Code", "swift-Code"),
    *("scala-Code", "shell-Code", "sql-Code"),
]


def model_meta(
    encoder: TextEncoder, prompts: TaskPrompts, settings: Mapping[str, Any] | None = None
) -> Any:
    """`ModelMeta` of an encoder.

    The published checkpoints (and all-MiniLM-L6-v2) keep mteb's own entry, with the commit of the
    hub's cache as revision where the weights lie in it. Everything else is `c2llm/NAME` or, of
    another kind, `local/NAME`, and its revision is the hash of weights, tokenizer and config, so
    that other weights never take over results. Licence, date and training data are those of the
    folder's card; sizes are counted.

    Args:
        encoder: what is evaluated.
        prompts: what its texts begin with.
        settings: what differs from the model's usual way; results made so are filed apart, under
            `experiments/`, as mteb does.
    """
    mteb = import_mteb()
    from mteb.models import ModelMeta

    changed = {"dl_prompt": "paper"} if prompts.dl_prompt == "paper" else {}
    if prompts.official and not is_published(encoder):
        changed["instructions"] = "official"
    experiment = {**changed, **(settings or {})} or None
    revision = revision_of(encoder)
    known = published_name(encoder) or (MINILM_ID if encoder.name == MINILM else None)
    if known is not None:
        return mteb.get_model_meta(known).model_copy(
            update={
                "loader": None,
                "loader_kwargs": {},
                "revision": revision,
                "experiment_kwargs": experiment,
            }
        )
    card = read_card(_folder(encoder))
    parameters, embedding = parameter_counts(encoder)
    owner, _, name = encoder.name.strip("/").rpartition("/")
    owner = owner.rpartition("/")[2] or (OURS if _folder(encoder) else OTHERS)
    return ModelMeta(
        loader=None,
        name=f"{owner}/{name}",
        revision=revision,
        release_date=card.release_date,
        languages=_LANGUAGES,
        n_parameters=parameters,
        n_embedding_parameters=embedding,
        memory_usage_mb=weights_megabytes(encoder),
        max_tokens=getattr(getattr(encoder, "folder", None), "max_tokens", None),
        embed_dim=encoder.dim,
        license=card.license,
        open_weights=None if isinstance(encoder, OpenAIEncoder) else True,
        public_training_code=None,
        public_training_data=None,
        framework=[_framework(encoder)],
        similarity_fn_name="cosine",
        use_instructions=prompts.official,
        training_datasets=None if card.datasets is None else set(card.datasets),
        adapted_from=card.base_model,
        experiment_kwargs=experiment,
    )


def published_name(encoder: TextEncoder) -> str | None:
    """The hub id of a published checkpoint, also of a local copy under its own name."""
    if not is_published(encoder):
        return None
    last = encoder.name.rstrip("/").rpartition("/")[2].lower()
    folder = _folder(encoder)
    resolved = [part.lower() for part in folder.parts] if folder else []
    for full in PUBLISHED_MODELS:
        cached = f"models--{full.replace('/', '--')}".lower()
        if last == full.rpartition("/")[2].lower() or cached in resolved:
            return full
    return None


def revision_of(encoder: TextEncoder) -> str:
    """The hub's commit of weights in its cache, else the encoder's fingerprint; a folder's name."""
    folder = _folder(encoder)
    if folder is not None and folder.parent.name == "snapshots":
        return folder.name
    return re.sub(r"[^\w.-]+", "-", encoder.fingerprint)


def parameter_counts(encoder: TextEncoder) -> tuple[int | None, int | None]:
    """Parameters of a c2llm model, and those of its token embedding, counted on shapes alone.

    None for what is no c2llm model.
    """
    folder = _folder(encoder)
    if folder is None:
        return None, None
    try:
        import torch

        from c2llm.modeling.config import C2LLMConfig
        from c2llm.modeling.model import C2LLMModel

        with torch.device("meta"):
            model = C2LLMModel(C2LLMConfig.from_pretrained(folder))
        vocabulary = model.config.backbone.vocab_size
        tables = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
        return (
            sum(parameter.numel() for parameter in model.parameters()),
            sum(t.weight.numel() for t in tables if t.num_embeddings == vocabulary),
        )
    except Exception:  # a count is a courtesy
        return None, None


def weights_megabytes(encoder: TextEncoder) -> float | None:
    """Size of the weights that are run, in MiB."""
    folder = _folder(encoder)
    if folder is None:
        return None
    from c2llm.encoding.model_folder import ENGINE_FILES
    from c2llm.modeling.weight_files import weight_files

    engine = getattr(getattr(encoder, "folder", None), "engine", "")
    files = weight_files(folder) if engine == "torch" else [folder / ENGINE_FILES.get(engine, "")]
    size = sum(path.stat().st_size for path in files if path.is_file())
    return round(size / 2**20, 1) if size else None


def _folder(encoder: TextEncoder) -> Path | None:
    path = getattr(getattr(encoder, "folder", None), "path", None)
    return path if isinstance(path, Path) else None


def _framework(encoder: TextEncoder) -> str:
    if isinstance(encoder, OpenAIEncoder):
        return "API"
    engine = getattr(getattr(encoder, "folder", None), "engine", None)
    if engine is None:
        return "Sentence Transformers"
    return {"onnx": "ONNX", "table": "NumPy"}.get(engine, "PyTorch")

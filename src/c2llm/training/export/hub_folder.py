"""A checkpoint as a folder that sentence-transformers and transformers open: ready for the hub.

As published, C2LLM's checkpoints name classes of their own in `modules.json` and `auto_map`, code
that whoever opens them has to trust. Here the same tensors get the names of our classes, which the
package makes known, and the folder the files of both libraries, the prompts and a card. Numbers
stay in their dtype, and no more of them are in memory than a file of weights holds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import read_model_config
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.model_card import CardFacts
from c2llm.modeling.model_json import read_config
from c2llm.modeling.official import is_official
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.modeling.torch_folder import write_doors
from c2llm.modeling.weight_files import has_weights, lazy_tensors, read_headers, weight_files
from c2llm.output_folder import replace_folder, require_replaceable
from c2llm.training.export.weight_merge import write_shards

PUBLISHED = ("codefuse-ai/C2LLM-0.5B", "codefuse-ai/C2LLM-7B")
PUBLISHED_LICENSE = "apache-2.0"
_STORED = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}


@dataclass(frozen=True)
class ConvertReport:
    """What was written."""

    source: str
    out: str
    tensors: int
    gigabytes: float
    license: str | None
    base_model: str | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


def convert_folder(source: Path, out: Path, facts: CardFacts = CardFacts()) -> ConvertReport:  # noqa: B008
    """Write a folder that can be pushed as it is; nothing is.

    Args:
        source: folder with safetensors, in the published layout or in ours.
        out: the new folder; replaced if it is one of ours.
        facts: for the card; of a published checkpoint, what is not given is known.

    Raises:
        UsageError: if `source` is no folder, or `out` is the same or not ours to replace.
        ModelError: if `source` has no weights, or is damaged.
    """
    if not source.is_dir():
        raise UsageError(f"There is no model folder {source}.")
    if out.resolve() == source.resolve():
        raise UsageError(f"{out} is the model that is read; name another folder with --out.")
    require_replaceable(out)
    if not has_weights(source):
        raise ModelError(
            f"{source} has no safetensors, which sentence-transformers runs; restore them from a "
            "graph or a table with `c2llm export --to torch`."
        )
    config = read_model_config(source)
    facts = _completed(facts, source, out)
    stored = read_headers(weight_files(source))
    names = C2LLMModel.matched_names(config, stored, source)
    dtypes = {stored[name].dtype for name in names}
    config.architectures = [C2LLMModel.__name__]
    config.dtype = _STORED.get(dtypes.pop()) if len(dtypes) == 1 else None
    tokenizer = derive_tokenizer(source, split_identifiers=False)
    with replace_folder(out) as part:
        config.save_pretrained(part)
        tokenizer.save(str(part / "tokenizer.json"))
        write_doors(config, tokenizer, part, facts)
        with lazy_tensors(stored, names) as tensors:
            write_shards(((name, tensor[:]) for name, tensor in tensors.items()), part)
        size = sum(file.stat().st_size for file in part.glob("*.safetensors"))
    return ConvertReport(
        source=str(source),
        out=str(out),
        tensors=len(names),
        gigabytes=round(size / 1e9, 3),
        license=facts.license,
        base_model=facts.base_model,
    )


def _completed(facts: CardFacts, source: Path, out: Path) -> CardFacts:
    """Facts with a name, and with what a published checkpoint's config tells of itself."""
    facts = replace(facts, name=facts.name or out.resolve().name)
    fields = read_config(source / "config.json")
    origin = fields.get("tokenizer_name_or_path")
    if not is_official(fields) or origin not in PUBLISHED:
        return facts
    return replace(
        facts,
        license=facts.license or PUBLISHED_LICENSE,
        base_model=facts.base_model or origin,
    )

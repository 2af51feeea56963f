"""The sizes of a model, from its config or by name: all that a count of its costs needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from c2llm.errors import UsageError

SHAPE_PREFIX = "shape:"
"""`shape:0.5b` names sizes without weights."""

Kind = Literal["decoder", "encoder", "static"]
_KINDS: dict[str, Kind] = {"qwen2": "decoder", "bert": "encoder", "c2llm_static": "static"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Backbone and PMA pooling.

    A `decoder` is Qwen2's: grouped queries, rotary positions, a gated feed-forward of three
    matrices, biases on query, key and value alone. An `encoder` is BERT's: learned positions, a
    feed-forward of two matrices, biases everywhere. `static` has a token table and no layers.
    """

    name: str
    kind: Kind
    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    intermediate: int
    positions: int
    """Rows of learned position and segment embeddings."""
    pma_dim: int
    pma_heads: int
    pma_queries: int
    pma_norms: bool
    pma_projected: bool
    """Whether the residual is the projected seed, so that fc_q is applied a second time."""

    def config(self) -> dict[str, Any]:
        """The `config.json` of a model of this shape, as `C2LLMConfig` reads it."""
        if self.kind != "decoder":
            raise ValueError(f"only decoders are built by shape, {self.name} is an {self.kind}")
        return {
            "model_type": "c2llm",
            "pma_dim": self.pma_dim,
            "pma_num_heads": self.pma_heads,
            "pma_num_queries": self.pma_queries,
            "pma_ln": self.pma_norms,
            "pma_residual": "projected" if self.pma_projected else "raw",
            "max_tokens": 32768,
            "backbone": {
                "model_type": "qwen2",
                "vocab_size": self.vocabulary,
                "hidden_size": self.hidden,
                "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads,
                "num_key_value_heads": self.kv_heads,
                "intermediate_size": self.intermediate,
                "max_position_embeddings": 32768,
                "tie_word_embeddings": False,
            },
        }


def _official(name: str, vocabulary: int, hidden: int, layers: int, heads: int, kv: int) -> Shape:
    return Shape(
        name=name,
        kind="decoder",
        vocabulary=vocabulary,
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv,
        head_width=hidden // heads,
        intermediate={896: 4864, 3584: 18944}[hidden],
        positions=0,
        pma_dim=hidden,
        pma_heads=32,
        pma_queries=1,
        pma_norms=True,
        pma_projected=True,
    )


NAMED: dict[str, Shape] = {
    "0.5b": _official("C2LLM-0.5B", 151_936, 896, 24, 14, 2),
    "7b": _official("C2LLM-7B", 152_064, 3584, 28, 28, 4),
}
"""The published models; the sizes are those of Qwen2.5-Coder (arXiv 2409.12186, table 1)."""


def named_shape(spec: str) -> Shape:
    """A shape by `shape:NAME`.

    Raises:
        UsageError: if there is none of the name.
    """
    name = spec.removeprefix(SHAPE_PREFIX).lower()
    if name not in NAMED:
        known = ", ".join(SHAPE_PREFIX + key for key in NAMED)
        raise UsageError(f"No shape is named {spec!r}; there are {known}.")
    return NAMED[name]


def shape_of(name: str, config: Mapping[str, Any]) -> Shape | None:
    """The shape that a model's config describes; None for a backbone that we cannot count.

    Args:
        name: what reports call the model.
        config: its `config.json` in our layout.
    """
    backbone = config.get("backbone") or {}
    kind = _KINDS.get(str(backbone.get("model_type")))
    if kind is None or config.get("pooling", "pma") != "pma":
        return None
    hidden = int(backbone["hidden_size"])
    heads = int(backbone.get("num_attention_heads", 1))
    learned = ("max_position_embeddings", "type_vocab_size") if kind == "encoder" else ()
    return Shape(
        name=name,
        kind=kind,
        vocabulary=int(backbone["vocab_size"]),
        hidden=hidden,
        layers=int(backbone.get("num_hidden_layers", 0)),
        heads=heads,
        kv_heads=int(backbone.get("num_key_value_heads") or heads),
        head_width=int(backbone.get("head_dim") or hidden // heads),
        intermediate=int(backbone.get("intermediate_size", 0)),
        positions=sum(int(backbone[field]) for field in learned),
        pma_dim=int(config.get("pma_dim") or hidden),
        pma_heads=int(config.get("pma_num_heads", 32)),
        pma_queries=int(config.get("pma_num_queries", 1)),
        pma_norms=bool(config.get("pma_ln", True)),
        pma_projected=config.get("pma_residual", "projected") == "projected",
    )

"""The published checkpoints: their config, key names and prompts, translated into ours.

codefuse-ai/C2LLM-0.5B and C2LLM-7B hold one flat `config.json` (Qwen2 fields and pooling fields
side by side) and a `Qwen2ForCausalLM` named `plm_model` with a pooler beside it. The sister models
D2LLM and CodeFuse-CGE name the pooler `mha_pma`; it is recognised by the ends of its keys, whatever
stands in front. Their residual is the raw seed: pass `pma_residual="raw"` to `from_pretrained`.
Nothing here needs torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from c2llm.errors import ModelError
from c2llm.lazy_pattern import lazy_pattern

DOCUMENT_PROMPT = "Retrieved Answer:"
"""Stands before every document, without a space (mteb's definition of the models)."""

_CONTEST = (
    "Given a Python code snippet, retrieve its semantically equivalent version written in C++."
)
INSTRUCTIONS = {
    "AppsRetrieval": "Given a problem description from a programming contest, retrieve code "
    "examples that can assist in solving it.",
    "CodeEditSearchRetrieval": "Retrieve the diff code that relevant the following query:",
    "CodeFeedbackMT": "Given a multi-turn conversation history that includes both text and code, "
    "retrieve relevant multi-modal answers composed of text and code that address the ongoing "
    "discussion.",
    "CodeFeedbackST": "Given a single-turn question composed of text and code, retrieve suitable "
    "answers that also mix text and code to provide helpful feedback.",
    "CodeSearchNetCCRetrieval": "Given an initial code segment, retrieve the subsequent segment "
    "that continues the code.",
    "CodeSearchNetRetrieval": "Retrieve the code that solves the following query:",
    "CodeTransOceanContest": _CONTEST,
    "CodeTransOceanDL": _CONTEST,
    "COIRCodeSearchNetRetrieval": "Given a code snippet, retrieve its corresponding document "
    "string that summarizes its functionality.",
    "CosQA": "Given a query from a web search, retrieve code that is helpful in addressing the "
    "query.",
    "StackOverflowQA": "Given a question combining text and code, retrieve relevant answers that "
    "also contain both text and code snippets and can address the question.",
    "SyntheticText2SQL": "Given a natural language question, retrieve SQL queries that serve as "
    "appropriate responses.",
}
"""Query instruction of each task of MTEB(Code, v1), as its published scores were made."""

PAPER_CODETRANS_DL = (
    "Given a code snippet, retrieve a semantically equivalent implementation of the same code."
)
"""The paper's instruction for CodeTransOceanDL, which is Python to Python; mteb's names C++."""
PAPER_INSTRUCTIONS = {**INSTRUCTIONS, "CodeTransOceanDL": PAPER_CODETRANS_DL}
"""What the models were trained with (table 1 of the paper, arXiv 2512.21332)."""
POOLINGS = ("pma", "mean", "last", "gate", "latent")
"""How token states become a vector; the published models have the first (`poolings.py`)."""

MAX_TOKENS = 2048
"""Longest input of the published scores; the models were trained on 1024."""

_BACKBONE_SIZES = (
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
    *("intermediate_size", "vocab_size"),
)
# Defaults are those of the published configuration class, not of transformers' Qwen2Config.
_BACKBONE_OPTIONS: dict[str, Any] = {
    "hidden_act": "silu",
    "max_position_embeddings": 32768,
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
    "rope_scaling": None,
    "attention_dropout": 0.0,
    "use_sliding_window": False,
    "sliding_window": None,
    "max_window_layers": 28,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "pad_token_id": None,
}


def query_prompt(task: str) -> str:
    """What stands before a query of an MTEB(Code, v1) task: the instruction and a line break."""
    return INSTRUCTIONS[task] + "\n"


def is_official(fields: dict[str, Any]) -> bool:
    """Whether a `config.json` is written in the published flat layout."""
    return "backbone" not in fields and "embedding_method" in fields


def convert_config(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of `C2LLMConfig` from a published `config.json`.

    The remote code's entries (`auto_map`, `tokenizer_name_or_path`) are left out: the classes are
    ours and the tokenizer is the folder's. `pma_norm` is too, since vectors are compared by cosine.

    Raises:
        ModelError: if a size is missing, or the pooling is none that was published.
    """
    if missing := [name for name in _BACKBONE_SIZES if name not in fields]:
        raise ModelError(f"config.json lacks {', '.join(missing)}; copy the model again.")
    if fields["embedding_method"] != "pma":
        raise ModelError(
            f"config.json asks for embedding_method {fields['embedding_method']!r}, but the "
            "published layout is read with 'pma' only; write the config in our layout."
        )
    backbone = {name: fields[name] for name in _BACKBONE_SIZES}
    backbone |= {name: fields.get(name, default) for name, default in _BACKBONE_OPTIONS.items()}
    return {
        "model_type": "c2llm",
        "backbone": {"model_type": "qwen2", **backbone},
        "pma_dim": fields.get("compressed_dim") or fields["hidden_size"],
        "pma_num_heads": fields.get("pma_num_heads", 32),
        "pma_ln": fields.get("pma_ln", True),
        "max_tokens": MAX_TOKENS,
        "prompts": {"query": query_prompt("CodeSearchNetRetrieval"), "document": DOCUMENT_PROMPT},
        "dtype": fields.get("dtype") or fields.get("torch_dtype"),
    }


_BACKBONE_KEY = lazy_pattern(r"plm_model\.model\.(?P<rest>.+)")
_POOLER_KEY = lazy_pattern(r"(?:.+\.)?(?:(?P<seed>S)|mab\.(?P<rest>(?:fc_[qkvo]|ln[01])\.\w+))")
_LM_HEAD_KEY = lazy_pattern(r"plm_model\.lm_head\.\w+")


def is_official_key(name: str) -> bool:
    """Whether a tensor's name shows the published layout."""
    return name.startswith("plm_model.")


def convert_keys(names: Iterable[str]) -> dict[str, str]:
    """Our name of each published tensor; `lm_head`, which embedding never needs, is left out.

    Raises:
        ModelError: for names that belong to nothing, or two that mean the same tensor.
    """
    converted: dict[str, str] = {}
    unknown: list[str] = []
    for name in names:
        if _LM_HEAD_KEY.fullmatch(name):
            continue
        if match := _BACKBONE_KEY.fullmatch(name):
            converted[name] = f"backbone.{match['rest']}"
        elif match := _POOLER_KEY.fullmatch(name):
            converted[name] = f"pooler.{match['seed'] or match['rest']}"
        else:
            unknown.append(name)
    if unknown:
        raise ModelError(
            f"The weights hold {len(unknown)} tensors that a C2LLM checkpoint does not have "
            f"({', '.join(sorted(unknown)[:3])}); this is another model."
        )
    doubled = sorted(name for name, count in Counter(converted.values()).items() if count > 1)
    if doubled:
        raise ModelError(
            f"The weights hold {', '.join(doubled[:3])} twice under different names; keep one "
            "pooler in the file."
        )
    return converted

"""Writing a model folder that every door opens: ours, transformers', sentence-transformers'.

config.json, model.safetensors      the network; AutoModel and our Encoder
tokenizer.json, tokenizer_config.json   the tokenizer; AutoTokenizer and our Encoder
modules.json, sentence_bert_config.json, config_sentence_transformers.json
                                    SentenceTransformer: built-in modules only, hence no
                                    trust_remote_code; prompts as the Encoder applies them
README.md                           the card, unless there is one already

import c2llm                                      # makes the model type known
SentenceTransformer(folder).encode_query([...])   # the vectors of Encoder.load(folder)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.model_card import CardFacts, model_card

DOOR_FILES = (
    "tokenizer_config.json",
    "modules.json",
    "1_Normalize/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "README.md",
)
"""What `write_doors` adds to weights, config and tokenizer."""


def save_folder(model: C2LLMModel, tokenizer: Tokenizer, path: Path) -> None:
    """Write a complete model folder.

    Args:
        model: the network, with its prompts and `max_tokens` in the config.
        tokenizer: without padding and truncation, which belong to whoever makes batches.
        path: the folder; made if it is not there.
    """
    model.save_pretrained(path)
    tokenizer.save(str(path / "tokenizer.json"))
    write_doors(model.config, tokenizer, path)


def write_doors(
    config: C2LLMConfig,
    tokenizer: Tokenizer,
    path: Path,
    facts: CardFacts = CardFacts(),  # noqa: B008
) -> None:
    """Write the files that transformers' tokenizer and sentence-transformers ask for, and a card.

    Args:
        config: of the model.
        tokenizer: that of the folder.
        path: the folder.
        facts: what the card says besides, unless there is a card already.
    """
    _write(
        path / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "attention_mask"],
            "model_max_length": config.max_tokens,
            "pad_token": pad_token(config, tokenizer),
            "padding_side": "right",
            "clean_up_tokenization_spaces": False,
        },
    )
    _write(
        path / "modules.json",
        [
            _module(0, "", "sentence_transformers.models.Transformer"),
            _module(1, "1_Normalize", "sentence_transformers.models.Normalize"),
        ],
    )
    (path / "1_Normalize").mkdir(exist_ok=True)
    _write(path / "1_Normalize" / "config.json", {})  # git and the hub keep no empty folder
    _write(
        path / "sentence_bert_config.json",
        {
            "transformer_task": "feature-extraction",
            "modality_config": {
                "text": {"method": "forward", "method_output_name": "pooler_output"}
            },
            "module_output_name": "sentence_embedding",
            # Flattened batches have no mask, and the pooling needs one.
            "unpad_inputs": False,
        },
    )
    _write(
        path / "config_sentence_transformers.json",
        {
            "model_type": "SentenceTransformer",
            "prompts": config.prompts,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )
    if not (path / "README.md").exists():
        (path / "README.md").write_text(model_card(config, facts), encoding="utf-8")


def pad_token(config: C2LLMConfig, tokenizer: Tokenizer) -> str:
    """A token to pad with: the backbone's own, else a special one, which no text contains."""
    assert config.backbone is not None
    named = config.backbone.pad_token_id
    special = sorted(i for i, t in tokenizer.get_added_tokens_decoder().items() if t.special)
    chosen = named if named is not None else next(iter(special), 0)
    return str(tokenizer.id_to_token(chosen))


def _module(index: int, path: str, kind: str) -> dict[str, Any]:
    return {"idx": index, "name": str(index), "path": path, "type": kind}


def _write(path: Path, payload: Any) -> None:
    path.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

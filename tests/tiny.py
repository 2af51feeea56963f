"""A tiny random model and tokenizer, built in a moment, for every test that needs a real folder."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, PretrainedConfig, Qwen2Config

from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model import C2LLMModel

WORDS = [
    *"[PAD] [UNK] [CLS] [SEP] def return class parse toml file get http response".split(),
    *"( ) : _ . , a b".split(),
]


def bert_config(**changes: object) -> PretrainedConfig:
    sizes = dict(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=128,
        pad_token_id=0,
    )
    return BertConfig(**{**sizes, **changes})


def qwen_config(**changes: object) -> PretrainedConfig:
    sizes = dict(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=128,
        pad_token_id=0,
    )
    return Qwen2Config(**{**sizes, **changes})


def tiny_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def tiny_model(
    backbone: PretrainedConfig | None = None, seed: int = 0, **config: object
) -> C2LLMModel:
    torch.manual_seed(seed)
    fields = {"pma_num_heads": 8, "max_tokens": 64, **config}
    return C2LLMModel(C2LLMConfig(backbone or bert_config(), **fields)).eval()


def save_tiny_model(folder: Path, **config: object) -> Path:
    tiny_model(**config).save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def save_tiny_backbone(folder: Path) -> Path:
    """A plain Hugging Face BERT folder, as a recipe's `model.backbone` names one."""
    from transformers import BertModel

    torch.manual_seed(0)
    BertModel(bert_config(), add_pooling_layer=False).save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def save_tiny_causal_backbone(folder: Path, layers: int = 3) -> Path:
    """A plain Hugging Face Qwen2 folder: causal, with a final norm."""
    from transformers import Qwen2Model

    torch.manual_seed(0)
    Qwen2Model(qwen_config(num_hidden_layers=layers)).save_pretrained(folder)
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder

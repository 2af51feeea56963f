"""Tiny random checkpoints written exactly as the published ones are."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.tiny import WORDS, tiny_tokenizer

CONFIG = {
    "architectures": ["C2LLMForEmbedding"],
    "attention_dropout": 0.0,
    "attn_implementation": "flash_attention_2",
    "auto_map": {
        "AutoConfig": "configuration_c2llm.C2LLMConfig",
        "AutoModel": "modeling_c2llm.C2LLMForEmbedding",
    },
    "compressed_dim": 24,
    "dtype": "bfloat16",
    "embedding_method": "pma",
    "hidden_act": "silu",
    "hidden_size": 32,
    "inf_seq_length": 2048,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "max_position_embeddings": 32768,
    "max_window_layers": 24,
    "model_type": "c2llm",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "padding_side": "left",
    "pma_ln": True,
    "pma_norm": False,
    "pma_norm_mode": "post_normal",
    "pma_num_heads": 4,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "sliding_window": None,
    "tokenizer_name_or_path": "codefuse-ai/C2LLM-0.5B",
    "torch_dtype": "bfloat16",
    "transformers_version": "4.51.3",
    "use_sliding_window": False,
    "vocab_size": len(WORDS),
}


def random_tensors(
    *, pooler: str = "mha_pma.", lm_head: bool = False, dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    """Weights under published names; norms near 1, all else large enough to matter."""
    c, hidden = CONFIG, CONFIG["hidden_size"]
    kv = hidden // c["num_attention_heads"] * c["num_key_value_heads"]
    shapes = {"embed_tokens.weight": (c["vocab_size"], hidden), "norm.weight": (hidden,)}
    for i in range(c["num_hidden_layers"]):
        for name, rows in (("q", hidden), ("k", kv), ("v", kv)):
            shapes[f"layers.{i}.self_attn.{name}_proj.weight"] = (rows, hidden)
            shapes[f"layers.{i}.self_attn.{name}_proj.bias"] = (rows,)
        shapes[f"layers.{i}.self_attn.o_proj.weight"] = (hidden, hidden)
        for name in ("gate", "up"):
            shapes[f"layers.{i}.mlp.{name}_proj.weight"] = (c["intermediate_size"], hidden)
        shapes[f"layers.{i}.mlp.down_proj.weight"] = (hidden, c["intermediate_size"])
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"layers.{i}.{name}.weight"] = (hidden,)
    shapes = {f"plm_model.model.{name}": shape for name, shape in shapes.items()}
    if lm_head:
        shapes["plm_model.lm_head.weight"] = (c["vocab_size"], hidden)
    dim = c["compressed_dim"]
    shapes[f"{pooler}S"] = (1, 1, dim)
    for name, width in (("fc_q", dim), ("fc_k", hidden), ("fc_v", hidden), ("fc_o", dim)):
        shapes[f"{pooler}mab.{name}.weight"] = (dim, width)
        shapes[f"{pooler}mab.{name}.bias"] = (dim,)
    for name in ("ln0", "ln1"):
        shapes[f"{pooler}mab.{name}.weight"] = shapes[f"{pooler}mab.{name}.bias"] = (dim,)
    generator = torch.Generator().manual_seed(7)
    tensors = {}
    for name, shape in shapes.items():
        noise = 0.3 * torch.randn(shape, generator=generator)
        is_norm = name.endswith("weight") and ("norm" in name or ".ln" in name)
        tensors[name] = (noise + 1 if is_norm else noise).to(dtype)
    return tensors


def write_official(
    folder: Path, tensors: dict[str, torch.Tensor], *, shards: int = 1, **changes: object
) -> Path:
    """A folder as the hub gives it: flat config, tokenizer, one file or shards with an index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        names = list(tensors)[shard::shards]
        save_file({name: tensors[name] for name in names}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(names, file)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder

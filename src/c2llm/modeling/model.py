"""Backbone and pooling in one module: token ids in, embeddings out. Logits are never computed."""

from __future__ import annotations

import inspect
import warnings
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import ModelOutput, is_flash_attn_2_available

from c2llm.modeling.config import C2LLMConfig, read_model_config
from c2llm.modeling.hub import local_folder
from c2llm.modeling.latent import LatentAttentionPooling
from c2llm.modeling.model_json import read_config
from c2llm.modeling.official import convert_keys, is_official, is_official_key
from c2llm.modeling.pooling import PMA
from c2llm.modeling.poolings import GatePooling, LastPooling, MeanPooling, Pooling
from c2llm.modeling.static import StaticModel
from c2llm.modeling.weight_files import (
    StoredTensor,
    check_shapes,
    lazy_tensors,
    read_headers,
    weight_files,
)


@dataclass
class C2LLMOutput(ModelOutput):
    """What one forward pass gives; all of it always (ModelOutput asks for the defaults)."""

    pooler_output: Tensor
    """The embedding (B, embedding_dim), not normalised; cosine is the similarity."""
    token_weights: Tensor = None  # type: ignore[assignment]
    """Attention of the pooling (B, heads, num_queries, L)."""
    token_logits: Tensor = None  # type: ignore[assignment]
    """The same before mask and softmax; windows of one text are merged from these."""
    token_states: Tensor = None  # type: ignore[assignment]
    """What the pooling averages (B, L, w)."""

    @property
    def sentence_embedding(self) -> Tensor:
        """`pooler_output` under the name that embedding libraries use."""
        return self.pooler_output


class C2LLMModel(PreTrainedModel):
    """Any Hugging Face backbone with a pooling on its last hidden states: PMA, or a rival of it."""

    config_class = C2LLMConfig
    base_model_prefix = "c2llm"
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True

    def __init__(self, config: C2LLMConfig) -> None:
        super().__init__(config)
        if config.backbone is None or config.pma_dim is None:
            raise ValueError("C2LLMConfig.backbone is missing: name the backbone's config.")
        # BERT-like classes allocate a pooler head that nobody reads.
        model_class = AutoModel._model_mapping[type(config.backbone)]
        extra = _accepted(model_class.__init__, add_pooling_layer=False)
        self.backbone = AutoModel.from_config(config.backbone, **extra)
        self.pooler = build_pooling(config)
        # Position ids from the mask make the vector independent of padding, left or right.
        self._position_ids = bool(_accepted(self.backbone.forward, position_ids=None))
        self._forward_options = _accepted(self.backbone.forward, use_cache=False)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, Pooling):
            module.reset_parameters()

    @classmethod
    def from_backbone(cls, folder: str | Path, **config: Any) -> C2LLMModel:
        """A model whose backbone has the weights in `folder` and whose pooling is new.

        Args:
            folder: a local Hugging Face model folder with safetensors weights.
            config: fields of `C2LLMConfig`.
        """
        backbone_config = AutoConfig.from_pretrained(folder, local_files_only=True)
        model = cls(C2LLMConfig(backbone_config, **config))
        extra = _accepted(type(model.backbone).__init__, add_pooling_layer=False)
        model.backbone = AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, **extra
        )
        return model

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path | None,
        *model_args: Any,
        config: C2LLMConfig | None = None,
        **kwargs: Any,
    ) -> C2LLMModel:
        """Load a folder or hub id in our layout or in that of the published checkpoints.

        No remote code is run and no pickle opened. Tensors are read one after the other, in their
        own dtype unless `dtype` says otherwise; an `lm_head` is not read at all.

        Args:
            pretrained_model_name_or_path: folder, or hub id such as codefuse-ai/C2LLM-0.5B.
            *model_args: passed on to the constructor.
            config: use this config instead of the folder's.
            **kwargs: as transformers takes them (`dtype`, `device_map`, `attn_implementation`, …),
                and fields of `C2LLMConfig`, such as `pma_residual`.

        Raises:
            UsageError: if there is no such folder or model.
            ModelError: if files are missing or damaged, or names or shapes are not the config's.
        """
        if pretrained_model_name_or_path is None or kwargs.get("state_dict") is not None:
            loaded: C2LLMModel = super().from_pretrained(
                pretrained_model_name_or_path, *model_args, config=config, **kwargs
            )
            return loaded
        hub = ("revision", "cache_dir", "token", "local_files_only", "force_download")
        download = {name: kwargs.pop(name) for name in hub if name in kwargs}
        folder = local_folder(pretrained_model_name_or_path, **download)
        folder = folder / (kwargs.pop("subfolder", None) or "")
        for name in ("dtype", "torch_dtype"):
            if kwargs.get(name) == "auto":  # the tensors' own is what is meant
                del kwargs[name]
        for name in ("use_safetensors", "trust_remote_code", "weights_only"):
            kwargs.pop(name, None)  # transformers' callers pass them; here they change nothing
        config_path = folder / "config.json"
        if config is None:
            config, kwargs = read_model_config(folder, return_unused_kwargs=True, **kwargs)
        else:
            config = deepcopy(config)
        attention = kwargs.pop("attn_implementation", None) or _published_attention(config_path)
        if attention is not None and config.backbone is not None:
            config.backbone._attn_implementation = attention
        stored = read_headers(weight_files(folder))
        names = cls.matched_names(config, stored, folder)
        if config.dtype is None:
            kwargs.setdefault("dtype", _DTYPES.get(next(iter(stored.values())).dtype))
        with lazy_tensors(stored, names) as tensors:
            loaded = super().from_pretrained(
                None, *model_args, config=config, state_dict=tensors, **kwargs
            )
        loaded.name_or_path = str(pretrained_model_name_or_path)
        return loaded

    @classmethod
    def matched_names(
        cls, config: C2LLMConfig, stored: dict[str, StoredTensor], folder: Path
    ) -> dict[str, str]:
        """The files' names of all tensors to ours, in either layout.

        Args:
            config: of the model.
            stored: what the files hold, by their names.
            folder: named in errors.

        Raises:
            ModelError: if one is missing, left over, or of another shape.
        """
        names = {name: name for name in stored}
        if any(is_official_key(name) for name in names):
            names = convert_keys(names)
        with torch.device("meta"):
            expected = {k: tuple(v.shape) for k, v in cls(deepcopy(config)).state_dict().items()}
        check_shapes({ours: stored[name] for name, ours in names.items()}, expected, folder)
        return names

    def hidden_states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Last hidden states (B, L, h) of the backbone, after its final norm."""
        inputs: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._position_ids:
            inputs["position_ids"] = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
        hidden: Tensor = self.backbone(**inputs, **self._forward_options).last_hidden_state
        return hidden

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, return_dict: bool = True
    ) -> C2LLMOutput:
        """Embed a padded batch.

        Args:
            input_ids: (B, L) int64.
            attention_mask: (B, L), 1 for tokens, 0 for padding on either side.
            return_dict: only true is known; sentence-transformers passes it.

        Returns:
            The embeddings and the pooling's attention.
        """
        hidden = self.hidden_states(input_ids, attention_mask)
        states = self.pooler.states(hidden)
        bias = self.repetition_bias(input_ids, attention_mask)
        pooled, weights, logits = self.pooler.pool_states(states, attention_mask, bias)
        return C2LLMOutput(self._merge(pooled), weights, logits, states)

    def repetition_bias(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor | None:
        """What takes back attention from repeated tokens: (tf_power - 1) log tf, float32 (B, L).

        With it the weights of a token's n occurrences add up to n ** tf_power of one's, since all
        of them have the same logit. None where `tf_power` is 1.
        """
        if self.config.tf_power == 1:
            return None
        # Padding gets ids of its own, so that it counts for nobody.
        ids = torch.where(attention_mask.bool(), input_ids, -1)
        rows = torch.arange(len(ids), device=ids.device)[:, None]
        keys = rows * (self.backbone.config.vocab_size + 1) + ids + 1
        _, place, counts = torch.unique(keys, return_inverse=True, return_counts=True)
        taken_back: Tensor = (self.config.tf_power - 1) * counts[place].log()
        return taken_back

    def embed(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Unit vectors (B, embedding_dim)."""
        return F.normalize(self(input_ids, attention_mask).sentence_embedding, dim=-1)

    def readout(self, context: Tensor, weight_sum: Tensor) -> Tensor:
        """Unit vectors (B, embedding_dim) of states that were averaged elsewhere, window by window.

        Args:
            context: averaged token states (B, heads, num_queries, w).
            weight_sum: 1 per head and query, or 0 where no token was attended to.
        """
        return F.normalize(self._merge(self.pooler.readout(context, weight_sum)), dim=-1)

    def _merge(self, pooled: Tensor) -> Tensor:
        """(B, num_queries, dim) -> (B, embedding_dim)."""
        return pooled.mean(1) if self.config.pma_merge == "mean" else pooled.flatten(1)


def build_pooling(config: C2LLMConfig) -> Pooling:
    """The pooling that a config names, new."""
    assert config.backbone is not None and config.pma_dim is not None
    hidden_size = config.backbone.hidden_size
    if config.pooling == "mean":
        return MeanPooling(hidden_size)
    if config.pooling == "last":
        return LastPooling(hidden_size)
    if config.pooling == "gate":
        return GatePooling(hidden_size)
    if config.pooling == "latent":
        return LatentAttentionPooling(hidden_size, config.num_latents, config.latent_heads)
    return PMA(
        hidden_size,
        config.pma_dim,
        config.pma_num_heads,
        config.pma_num_queries,
        layer_norm=config.pma_ln,
        residual=config.pma_residual,  # type: ignore[arg-type]
    )


_DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


def _published_attention(config_path: Path) -> str | None:
    """FlashAttention where the published config asks for it and it can run, else the default."""
    fields = read_config(config_path)
    wanted: str | None = fields.get("attn_implementation") if is_official(fields) else None
    if wanted is None or not wanted.startswith("flash_attention"):
        return wanted
    if is_flash_attn_2_available():
        return wanted
    warnings.warn(
        f"{config_path} asks for {wanted}, which is not available here; using PyTorch's "
        "scaled_dot_product_attention, which gives the same vectors.",
        stacklevel=3,
    )
    return "sdpa"


def _accepted(function: Any, **options: Any) -> dict[str, Any]:
    """The options that `function` has a parameter for."""
    parameters = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in parameters}


assert issubclass(StaticModel, PreTrainedModel)  # imported so that its type is known to AutoModel
AutoConfig.register("c2llm", C2LLMConfig, exist_ok=True)
AutoModel.register(C2LLMConfig, C2LLMModel, exist_ok=True)

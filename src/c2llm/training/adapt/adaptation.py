"""A model made at home in the user's code: pairs mined, trained on, compared, the better one kept.

RUN/plan.json        what is adapted to what, and how long the training is
RUN/start/           the model with weights that can be trained (`training/export/restore.py`)
RUN/data/            the pairs (`training/adapt/adapt_data.py`), hard.jsonl with hard negatives
RUN/train/           a run of `c2llm train`, with its checkpoints
RUN/candidates/      exported models, compared in RUN/scores/
OUT/                 the model that was kept, adapt.json and adapt.md

Each stage leaves its result before the next begins, and the training its checkpoints: the same
command goes on from wherever it was stopped.

Three candidates stand beside the model before: the trained one, and its means with the start, a
half and a quarter of the way (WiSE-FT, Wortsman et al. 2021). Rehearsal holds what its pairs cover;
the means hold the rest, other languages say, at the price of a merge instead of a second model's
pass in every step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from c2llm.encoding.devices.placement import CPU, DEVICE_VARIABLE
from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import UsageError
from c2llm.output_folder import claim_work_folder, replace_folder, require_replaceable
from c2llm.training.adapt.adapt_base import MODES, open_base
from c2llm.training.adapt.adapt_comparison import BEFORE, Comparison, Scores, compare, ndcg_of_pairs
from c2llm.training.adapt.adapt_data import REPLAY, AdaptData, mine_adapt_data
from c2llm.training.adapt.adapt_report import AdaptReport, holds_adapted_model
from c2llm.training.export.restore import restore_folder
from c2llm.training.export.weight_merge import merge_models
from c2llm.training.mining.hard_negatives import MiningRules, mine_negatives
from c2llm.training.mining.negative_scorers import DenseMiner
from c2llm.training.run.checkpoint import checkpoints, write_json
from c2llm.training.run.recipe import (
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    RunConfig,
    SourceConfig,
    TrainConfig,
    TuneConfig,
)

if TYPE_CHECKING:
    from c2llm.encoding.protocol import Progress
    from c2llm.training.run.training_loop import StepReport

_CANDIDATES = {"after": 1.0, "half way": 0.5, "a quarter of the way": 0.25}
"""Name -> share of the trained weights; the rest is the start's."""
_RESERVE = 0.3
"""Share of the time that exports and the comparison get."""
_LEAST_STEPS = 20
_RULES = MiningRules(top=60, skip=2, max_score=None, max_share=0.9, keep=8, min_corpus=100)
"""One repository is full of code that nearly answers: what scores near the positive is left out."""


@dataclass(frozen=True)
class _Pace:
    """How fast and how long a kind of weights is trained."""

    backbone_lr: float
    pooler_lr: float = 1e-4
    weight_decay: float = 0.01
    epochs: int = 3
    document_tokens: int = 160
    batch_size: int = 32
    micro_batch_tokens: int = 8192
    checkpoint_every: int = 20


_PACES = {
    "lora": _Pace(2e-4),
    "pooler": _Pace(2e-4),
    "full": _Pace(2e-5),
    # A row for each token, which most batches leave alone. What a step costs is the optimizer's
    # pass over all rows, whatever the batch.
    "static": _Pace(
        1e-3, 5e-4, 0.0, 6, document_tokens=384, batch_size=128, micro_batch_tokens=65536
    ),
}
"""By what is tuned, or of a static backbone."""


@dataclass(frozen=True)
class AdaptOptions:
    """What the user chooses."""

    start: str = DEFAULT_MODEL
    """A shipped model, a hub id, or a folder with weights, a graph or a table."""
    tune: str | None = None
    """`lora`: adapters and the pooling; `full`: all weights; `pooler`: the pooling alone. None:
    `lora` where the backbone has layers, else `full`."""
    minutes: float = 25.0
    """Of all stages together."""
    hard_negatives: int = 1
    batch_size: int | None = None
    """Pairs of a step; None: 32, over a static backbone 128."""
    tolerance: float = 0.02
    """General NDCG@10 that may be lost."""
    steps: int | None = None
    """Steps of the training; None lets the time decide."""
    seed: int = 17

    def __post_init__(self) -> None:
        if self.minutes <= 0:
            raise UsageError(f"The time is {self.minutes} minutes; it must be above 0.")
        if self.tune not in (None, *MODES):
            raise UsageError(f"tune is {self.tune!r}; it must be 'lora', 'full' or 'pooler'.")
        if self.tolerance < 0:
            raise UsageError(f"The tolerance is {self.tolerance}; it must be at least 0.")


class Adaptation:
    """One adaptation in one folder.

    Args:
        roots: the user's repositories.
        out: folder of the adapted model.
        options: what the user chooses.
        run: folder of unfinished work; beside `out` where None.
        excluded: paths to leave out.
        general: where general pairs are mined from; the standard library where None.
        on_note: called with one line of text now and then.
        on_start: called with the name of a stage and its size; returns its progress.
        on_step: called after each step of the training.

    Raises:
        UsageError: if a path is not there, the start cannot be trained, `run` holds another
            adaptation, or `out` or `run` something that is not ours.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        out: Path,
        options: AdaptOptions | None = None,
        *,
        run: Path | None = None,
        excluded: Callable[[str], bool] | None = None,
        general: Path | None = None,
        on_note: Callable[[str], None] = lambda text: None,
        on_start: Callable[[str, int], Progress] = lambda what, total: lambda done: None,
        on_step: Callable[[StepReport], None] = lambda report: None,
    ) -> None:
        self.options = options or AdaptOptions()
        self.roots, self.out = [root.resolve() for root in roots], out
        for root in self.roots:
            if not root.is_dir():
                raise UsageError(f"{root} is not a directory: name the root of a repository.")
        self.run = run or out.with_name(out.name + ".run")
        self._excluded, self._general = excluded, general
        self._note, self._on_start, self._on_step = on_note, on_start, on_step
        self._base = open_base(self.options.start)
        self.tune = self._base.mode(self.options.tune)
        self._pace = _PACES["static" if self._base.is_static else self.tune]
        self._batch_size = self.options.batch_size or self._pace.batch_size
        self._device = _training_device()
        self._began = time.monotonic()

    def adapt(self) -> AdaptReport:
        """Run all stages that are left.

        Raises:
            DataError: if the code has too few pairs.
        """
        self._claim()
        start = self._trainable_start()
        data = mine_adapt_data(
            self.roots,
            self.run / "data",
            excluded=self._excluded,
            general=self._general,
            on_note=self._note,
        )
        self._mine_negatives(data)
        config = self._config(data, start)
        trained = self._train(config)
        comparison = self._compare(data, trained)
        kept = comparison.kept
        report = AdaptReport(
            out=str(self.out),
            start=self.options.start,
            roots=[str(root) for root in self.roots],
            tune=self.tune,
            steps=config.optim.steps,
            seconds=round(time.monotonic() - self._began, 1),
            kept=kept,
            verdict=comparison.verdict,
            words=comparison.words,
            written=kept != BEFORE or not holds_adapted_model(self.out),
            data=data.to_dict(),
            comparison=comparison.to_dict(),
        )
        if report.written:
            self._keep(report)
        return report

    def _claim(self) -> None:
        fields = {k: v for k, v in asdict(self.options).items() if k != "minutes"}
        plan = {
            "roots": [str(root) for root in self.roots],
            **fields,
            "tune": self.tune,
            "batch_size": self._batch_size,
            "weights": self._base.fingerprint,
        }
        require_replaceable(self.out)
        claim_work_folder(self.run)
        path = self.run / "plan.json"
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if plan | kept != plan:  # what it does not say yet may be anything
                raise UsageError(
                    f"{self.run} holds an unfinished adaptation with other paths or options, or of "
                    "another model: give that command again, remove the folder, or name another "
                    "--out."
                )
            self._note("going on with what was begun before")
            return
        write_json(path, plan)

    def _trainable_start(self) -> Path:
        if self._base.has_weights:
            return self._base.folder
        folder = self.run / "start"
        if not folder.exists():
            restored = restore_folder(self._base.folder, folder)
            self._note(f"weights restored from what is served, cosine {restored.mean_cosine:.3f}")
        return folder

    def _mine_negatives(self, data: AdaptData) -> None:
        hard = data.folder / "hard.jsonl"
        if self.options.hard_negatives and not hard.exists():
            miner = DenseMiner(Encoder.load(self._base.folder, long_texts="truncate"), longest=1200)
            mine_negatives([data.own_file], hard, miner, _RULES, on_start=self._on_start)

    def _config(self, data: AdaptData, start: Path) -> TrainConfig:
        """The recipe; how many steps it has is decided once, by the speed of this machine."""
        options, decided = self.options, self.run / "steps.json"
        hard = options.hard_negatives
        own = "hard.jsonl" if hard else data.own_file.name
        pace = self._pace
        config = TrainConfig(
            model=ModelConfig(start_from=str(start), attention="eager"),
            tune=TuneConfig(mode=self.tune, lora_rank=16, lora_alpha=32),
            data=DataConfig(
                root=str(data.folder),
                sources=[
                    SourceConfig(file=own),
                    SourceConfig(file=data.replay_file.name, name=REPLAY),
                ],
                decontaminate=[data.held_out_file.name, data.general_file.name],
                hard_negatives=hard,
                few_negatives="drop",
                max_query_tokens=64,
                max_document_tokens=pace.document_tokens,
                validation_pairs=0,
            ),
            loss=LossConfig(false_negative_margin=0.1),
            optim=OptimConfig(
                steps=_LEAST_STEPS,
                batch_size=self._batch_size,
                micro_batch_tokens=pace.micro_batch_tokens,
                backbone_lr=pace.backbone_lr,
                pooler_lr=pace.pooler_lr,
                weight_decay=pace.weight_decay,
                mix="proportional",
                bf16=not self._base.is_static and _has_fast_bf16(),
                seed=options.seed,
            ),
            run=RunConfig(
                device=self._device,
                checkpoint_every=pace.checkpoint_every,
                validate_every=1_000_000,
                keep_checkpoints=1,
            ),
        )
        if options.steps is not None:
            return _with_steps(config, options.steps)
        if decided.exists():
            return _with_steps(config, json.loads(decided.read_text(encoding="utf-8"))["steps"])
        seconds = self._seconds_of_a_step(config)
        left = 60 * options.minutes * (1 - _RESERVE) - (time.monotonic() - self._began)
        pairs = data.training + data.replay
        most = max(_LEAST_STEPS, pace.epochs * pairs // self._batch_size)
        steps = int(min(most, max(_LEAST_STEPS, left / seconds)))
        self._note(f"a step takes {seconds:.1f} s: {steps} steps")
        write_json(decided, {"steps": steps, "seconds_of_a_step": round(seconds, 2)})
        return _with_steps(config, steps)

    def _seconds_of_a_step(self, config: TrainConfig) -> float:
        """Median of three steps that are thrown away."""
        from c2llm.training.run.training_loop import Trainer

        folder = self.run / "speed"
        shutil.rmtree(folder, ignore_errors=True)
        times: list[float] = []
        last = [time.monotonic()]

        def tick(report: StepReport) -> None:
            times.append(time.monotonic() - last[0])
            last[0] = time.monotonic()

        Trainer(_with_steps(config, 4), folder, on_step=tick).train()
        shutil.rmtree(folder)
        return max(0.05, float(np.median(times[1:])))  # the first allocates

    def _train(self, config: TrainConfig) -> Path:
        from c2llm.training.run.training_loop import Trainer

        folder = self.run / "train"
        if (folder / "model").is_dir() and checkpoints(folder):
            return folder / "model"
        return Trainer(config, folder, on_step=self._on_step, on_note=self._note).train()

    def _compare(self, data: AdaptData, trained: Path) -> Comparison:
        scored = [self._scores(BEFORE, self._base.folder, data)]
        for name, share in _CANDIDATES.items():
            folder = self._candidate(name)
            if not folder.exists():
                merged = folder.with_name(folder.name + "-float")
                if share < 1:
                    # The start as the run wrote it: a checkpoint may have other names for the same.
                    start = self.run / "train" / "start"
                    merge_models([start, trained], [1 - share, share], merged)
                else:
                    merged = trained
                self._note(f"exporting {name}")
                with replace_folder(folder) as part:
                    self._base.write(merged, part)
                if share < 1:
                    shutil.rmtree(merged)
            scored.append(self._scores(name, folder, data))
        return compare(scored, self.options.tolerance)

    def _candidate(self, name: str) -> Path:
        return self.run / "candidates" / name.replace(" ", "-")

    def _scores(self, name: str, folder: Path, data: AdaptData) -> Scores:
        kept = self.run / "scores" / f"{name.replace(' ', '-')}.json"
        if not kept.exists():
            encoder = Encoder.load(folder)
            files = {"own": data.held_out_file, "general": data.general_file}
            found = {k: ndcg_of_pairs(encoder, file).tolist() for k, file in files.items()}
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_json(kept, found)
            means = {k: float(np.mean(v)) if v else 0.0 for k, v in found.items()}
            self._note(
                f"{name}: NDCG@10 {means['own']:.4f} on your held-out code, "
                f"{means['general']:.4f} on the general set"
            )
        fields = json.loads(kept.read_text(encoding="utf-8"))
        return Scores(name, np.array(fields["own"]), np.array(fields["general"]))

    def _keep(self, report: AdaptReport) -> None:
        before = report.kept == BEFORE
        chosen = self._base.folder if before else self._candidate(report.kept)
        with replace_folder(self.out) as part:
            shutil.copytree(chosen, part, dirs_exist_ok=True)
            report.write(part)


def _with_steps(config: TrainConfig, steps: int) -> TrainConfig:
    from dataclasses import replace

    return replace(config, optim=replace(config.optim, steps=steps))


def _training_device() -> str:
    """`run.device` of the recipe, from what was asked for all models.

    Raises:
        UsageError: It is a GPU other than the first, which one process does not train on.
    """
    named = os.environ.get(DEVICE_VARIABLE) or "auto"
    first = named.split(",")[0].strip()
    if first in ("cuda", "cuda:0", "cuda:*"):
        return "cuda"
    if first.startswith("cuda:"):
        raise UsageError(
            f"Training takes the first GPU that it sees, not {first}: set CUDA_VISIBLE_DEVICES="
            f"{first.removeprefix('cuda:')} and give --device cuda."
        )
    return "cpu" if first == CPU else "auto"


def _has_fast_bf16() -> bool:
    """Whether this CPU multiplies bf16 in hardware; elsewhere it is slower than float32."""
    capabilities = torch.backends.cpu.get_cpu_capability().lower()
    if "amx" in capabilities or "bf16" in capabilities:
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def default_out(roots: Sequence[Path]) -> Path:
    """`c2llm-NAME` in the current directory, after the first repository."""
    name = roots[0].resolve().name or hashlib.sha256(str(roots[0]).encode()).hexdigest()[:8]
    return Path(f"c2llm-{name}")

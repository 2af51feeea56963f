"""The training loop: recipe in, model folder out; interrupted runs go on where they stopped."""

from __future__ import annotations

import json
import math
import platform
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from c2llm.errors import DataError, UsageError
from c2llm.modeling.folder import save_folder
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.pooling import PMA
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.training.batches import BatchPlan
from c2llm.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint, write_json
from c2llm.training.config import ModelConfig, OptimConfig, TrainConfig
from c2llm.training.data import Pair, load_pairs, split_validation
from c2llm.training.loss import info_nce
from c2llm.training.matryoshka import matryoshka


@dataclass(frozen=True)
class StepReport:
    """What one step did."""

    step: int
    steps: int
    loss: float
    group: str
    tokens_per_second: float
    learning_rate: float
    validation_mrr: float | None = None


class Trainer:
    """One run in one folder.

    Args:
        config: a validated recipe.
        run: the run's folder; training goes on from its last checkpoint, if it has one.
        on_step: called after each step.
        on_note: called with one line of text now and then.

    Raises:
        UsageError: if the folder holds a run of another recipe.
    """

    def __init__(
        self,
        config: TrainConfig,
        run: Path,
        *,
        on_step: Callable[[StepReport], None] = lambda report: None,
        on_note: Callable[[str], None] = lambda text: None,
    ) -> None:
        config.validate()
        self.config, self.run, self._on_step, self._note = config, run, on_step, on_note
        self._claim_folder()
        torch.manual_seed(config.optim.seed)
        folder = backbone_folder(config.model.backbone)
        self.tokenizer = derive_tokenizer(folder, split_identifiers=config.model.split_identifiers)
        self.model = build_model(config.model, folder)
        pairs, self.data_report = load_pairs(config.data, config.optim.seed)
        training, self.validation = split_validation(
            pairs, config.data.validation_pairs, config.optim.seed
        )
        self.plan = BatchPlan(
            training,
            config.optim.batch_size,
            weights={
                s.name or s.file.split("/")[-1].split(".")[0]: s.weight for s in config.data.sources
            },
            mixing=config.optim.mixing,
            seed=config.optim.seed,
        )
        write_json(run / "data.json", self.data_report.to_dict())
        self._note(f"{len(training):,} training pairs in {len(self.plan.groups)} groups")

    def train(self) -> Path:
        """Run all steps that are left and write the model folder.

        Ctrl-C writes a checkpoint first and then raises KeyboardInterrupt.

        Returns:
            The folder of the finished model.

        Raises:
            DataError: if the loss stops being a number; the last checkpoint is kept.
        """
        optim = self.config.optim
        optimizer = make_optimizer(self.model, optim)
        step = 0
        if not (self.run / "start").exists():
            self.save_model("start")  # what `c2llm merge` averages the result with
        if found := checkpoints(self.run):
            step = load_checkpoint(found[-1], self.model, optimizer)
            self._note(f"going on after step {step}")
        saved = step
        self.model.train()
        try:
            while step < optim.steps:
                report = self._step(step, optimizer)
                step += 1
                if step % self.config.run.validate_every == 0 or step == optim.steps:
                    report = StepReport(**{**vars(report), "validation_mrr": self.validate()})
                with (self.run / "metrics.jsonl").open("a", encoding="utf-8") as log:
                    log.write(json.dumps(vars(report)) + "\n")
                self._on_step(report)
                if step % self.config.run.checkpoint_every == 0 or step == optim.steps:
                    self._save(step, optimizer)
                    saved = step
        except KeyboardInterrupt:
            if step > saved:
                self._save(step, optimizer)
            raise
        return self.save_model()

    def _step(self, step: int, optimizer: torch.optim.AdamW) -> StepReport:
        config, started = self.config, time.perf_counter()
        torch.manual_seed(config.optim.seed * 1_000_003 + step)  # dropout of a resumed run is equal
        rate = learning_rate_factor(step, config.optim)
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate
        batch = self.plan.batch(step)
        queries, documents = self._texts(batch, random.Random(f"{config.optim.seed}-{step}"))
        query_ids = self._tokenize(queries, config.data.max_query_tokens)
        document_ids = self._tokenize(documents, config.data.max_document_tokens)
        contrast = partial(
            info_nce, temperature=config.optim.temperature, symmetric=config.optim.symmetric
        )
        vectors = self._embed(query_ids), self._embed(document_ids)
        if config.optim.matryoshka_dims:
            loss = matryoshka(contrast, *vectors, config.optim.matryoshka_dims)
        else:
            loss = contrast(*vectors)
        if not math.isfinite(loss.item()):
            raise DataError(
                f"The loss became {loss.item()} at step {step}; start again with a lower "
                "optim.backbone_lr."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.optim.clip_norm)
        optimizer.step()
        tokens = sum(map(len, query_ids)) + sum(map(len, document_ids))
        return StepReport(
            step=step + 1,
            steps=config.optim.steps,
            loss=round(loss.item(), 4),
            group=f"{batch[0].dataset}/{batch[0].language}",
            tokens_per_second=round(tokens / (time.perf_counter() - started), 1),
            learning_rate=optimizer.param_groups[0]["lr"],
        )

    @torch.no_grad()
    def validate(self) -> float:
        """Mean reciprocal rank of each validation document among all validation documents."""
        self.model.eval()
        queries, documents = self._texts(self.validation, random.Random(0))
        data = self.config.data
        q = self._embed(self._tokenize(queries, data.max_query_tokens)).float()
        d = self._embed(self._tokenize(documents, data.max_document_tokens)).float()
        self.model.train()
        similarity = q @ d.T
        own = similarity.diagonal()[:, None]
        ranks = (similarity > own).sum(1) + 1
        return round((1 / ranks).mean().item(), 4)

    def save_model(self, name: str = "model") -> Path:
        """Write a model folder (`modeling/folder.py`) atomically; returns it."""
        final, part = self.run / name, self.run / f"{name}.part"
        save_folder(self.model, self.tokenizer, part)
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
        return final

    def _texts(self, pairs: Sequence[Pair], rng: random.Random) -> tuple[list[str], list[str]]:
        config = self.config
        queries = [config.model.query_prompt + pair.query for pair in pairs]
        documents = []
        for pair in pairs:
            headed = pair.header and rng.random() < config.data.header_probability
            text = f"{pair.header}\n{pair.document}" if headed else pair.document
            documents.append(config.model.document_prompt + text)
        return queries, documents

    def _tokenize(self, texts: list[str], max_tokens: int) -> list[list[int]]:
        self.tokenizer.enable_truncation(max_tokens)
        encodings = self.tokenizer.encode_batch(texts)
        self.tokenizer.no_truncation()
        return [encoding.ids for encoding in encodings]

    def _embed(self, ids: list[list[int]]) -> Tensor:
        """Unit vectors (len(ids), d): length-sorted micro-batches, one graph."""
        pad = self.model.config.backbone.pad_token_id or 0
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        vectors = []
        for chosen in _within_budget(order, ids, self.config.optim.micro_batch_tokens):
            batch = [ids[i] for i in chosen]
            input_ids, mask = pad_right(batch, pad)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.config.optim.bf16):
                vectors.append(self.model.embed(input_ids, mask))
        inverse = torch.empty(len(ids), dtype=torch.long)
        inverse[torch.tensor(order)] = torch.arange(len(ids))
        return torch.cat(vectors)[inverse]

    def _save(self, step: int, optimizer: torch.optim.AdamW) -> None:
        save_checkpoint(self.run, step, self.model, optimizer, self.config.run.keep_checkpoints)

    def _claim_folder(self) -> None:
        """Write the resolved recipe and the environment, or check that the recipe is the same."""
        self.run.mkdir(parents=True, exist_ok=True)
        path = self.run / "config.json"
        recipe = self.config.to_dict()
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))["recipe"]
            # A run that began before there was a choice goes on.
            kept["model"].setdefault("pooling", "pma")
            kept["optim"].setdefault("matryoshka_dims", [])
            if kept != recipe:
                raise UsageError(
                    f"{self.run} holds a run of another recipe; name another folder with --run."
                )
            return
        write_json(path, {"recipe": recipe, "environment": environment()})


def build_model(config: ModelConfig, folder: Path) -> C2LLMModel:
    """The network of a recipe: trained backbone, new pooling."""
    model = C2LLMModel.from_backbone(
        folder,
        pooling=config.pooling,
        pma_dim=config.pma_dim,
        pma_num_heads=config.pma_num_heads,
        pma_num_queries=config.pma_num_queries,
        max_tokens=config.max_tokens,
        prompts={"query": config.query_prompt, "document": config.document_prompt},
    )
    if config.pma_start == "mean" and isinstance(model.pooler, PMA):
        model.pooler.init_as_mean_pooling()
    model.backbone.set_attn_implementation(config.attention)
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout
    return model


def backbone_folder(name: str) -> Path:
    """The local folder that a recipe's `model.backbone` names.

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
    if not Path(name).is_dir():
        raise UsageError(f"The backbone folder {name} is not there.")
    return Path(name)


def make_optimizer(model: C2LLMModel, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW with a rate of its own for the pooling; biases, norms and seeds do not decay."""
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        pooler = name.startswith("pooler.")
        decays = parameter.ndim == 2
        groups.setdefault((pooler, decays), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": config.weight_decay if decays else 0.0,
                "base_lr": config.pooler_lr if pooler else config.backbone_lr,
            }
            for (pooler, decays), parameters in sorted(groups.items())
        ],
        betas=(0.9, 0.98),
    )


def learning_rate_factor(step: int, config: OptimConfig) -> float:
    """Linear warm-up, then a cosine from 1 to 0.05."""
    warmup = max(1, round(config.warmup * config.steps))
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, config.steps - warmup)
    return 0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2


def pad_right(batch: list[list[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids (B, L) and mask (B, L), both int64, padded on the right."""
    width = max(map(len, batch))
    ids = torch.full((len(batch), width), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
    return ids, mask


def _within_budget(order: list[int], ids: list[list[int]], budget: int) -> list[list[int]]:
    """Cut an order of increasing length into runs of at most `budget` padded tokens."""
    runs: list[list[int]] = []
    for index in order:
        if not runs or (len(runs[-1]) + 1) * len(ids[index]) > budget:
            runs.append([])
        runs[-1].append(index)
    return runs


def environment() -> dict[str, Any]:
    """What a number depends on besides the recipe."""
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "revision": revision,
    }

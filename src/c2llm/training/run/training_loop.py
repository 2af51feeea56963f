"""The training loop: recipe in, model folder out; interrupted runs go on where they stopped.

One process trains on its device; started by `torchrun` or `accelerate launch`, several train as one
(`distributed.py`). A step is a function of the recipe, the weights and its own number, so a
run that was stopped at any point and started again ends in the very weights of one that was not.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from c2llm.errors import DataError, UsageError
from c2llm.modeling.torch_folder import save_folder
from c2llm.output_folder import replace_folder, require_replaceable
from c2llm.training.data.batch_plan import BatchPlan
from c2llm.training.data.lengths import length_statistics
from c2llm.training.data.prepare import RunData, prepare
from c2llm.training.export.last_steps import averaged_state, merged_steps
from c2llm.training.network.lora import choose_trained, plain_model
from c2llm.training.network.network import backbone_folder, build_network, describe_model
from c2llm.training.run.checkpoint import (
    checkpoints,
    load_checkpoint,
    save_checkpoint,
    whole_state,
    write_json,
)
from c2llm.training.run.distributed import World, join_world
from c2llm.training.run.environment import environment
from c2llm.training.run.optimizer import learning_rate_factor, make_optimizer
from c2llm.training.run.recipe import OptimConfig, TrainConfig
from c2llm.training.run.step_log import StepLog, StepReport
from c2llm.training.run.training_step import Step
from c2llm.training.run.validation import retrieval_scores

__all__ = ["StepReport", "Trainer", "backbone_folder"]


REPLACED = ("model", "best")
"""Model folders of a run that a later save replaces."""
WRITTEN = ("recipe.yaml", "data", "data.json", "metrics.jsonl", "checkpoints", "start", *REPLACED)
"""What a run writes into its folder; in any other folder these names are somebody else's."""


class Trainer:
    """One run in one folder.

    Args:
        config: a validated recipe.
        run: the run's folder; training goes on from its last checkpoint, if it has one.
        on_step: called after each step, on rank 0.
        on_note: called with one line of text now and then, on rank 0.

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
        self.config, self.run = config, run
        self.world: World = join_world(config.run.device)
        self._on_step, self._on_note = on_step, on_note
        if self.world.leads:
            self._claim_folder()
        self.world.barrier()
        torch.manual_seed(config.optim.seed)
        self.model, self.tokenizer = build_network(config.model)
        describe_model(self.model, config)
        data = prepare(config.data, config.optim.seed, run / "data", self.world)
        self.data_report, self.validation = data.report, data.validation
        self._loss_weights = data.loss_weights
        self.plan = make_plan(config.optim, data, self.world.size)
        self.steps = count_steps(config.optim, len(data.training))
        if self.world.leads:
            write_json(run / "data.json", self._describe(data))
        self._note(
            f"{len(data.training):,} training pairs in {len(self.plan.groups)} groups, "
            f"{self.steps:,} steps of {config.optim.batch_size}"
        )

    def train(self) -> Path:
        """Run all steps that are left and write the model folder.

        Ctrl-C and SIGTERM end the step at hand, write a checkpoint and raise KeyboardInterrupt.

        Returns:
            The folder of the finished model.

        Raises:
            DataError: if the loss stops being a number; the last checkpoint is kept.
        """
        config, world = self.config, self.world
        # Rank 0 decides: another rank may look when the folder has just been made.
        if world.maximum(int(world.leads and not (self.run / "start").exists())):
            self.save_model("start")  # what `c2llm merge` averages the result with
        choose_trained(self.model, config.tune)
        self.model.to(world.device)
        self._steps = Step(self.model, self.tokenizer, config, world, self.run)
        optimizer = make_optimizer(self.model, config.optim)
        step, best = 0, -math.inf
        if found := checkpoints(self.run):
            state = load_checkpoint(found[-1], self.model, optimizer)
            step, best = state["step"], state.get("best", best)
            self._note(f"going on after step {step}")
        saved = step
        log = None
        if world.leads:
            log = StepLog(self.run, step, tensorboard=config.run.tensorboard)
        self.model.train()
        try:
            with _asked_to_stop() as stop:
                while step < self.steps:
                    report = self._step(step, optimizer)
                    step += 1
                    last = step == self.steps
                    if step % config.run.validate_every == 0 or last:
                        report, best = self._validated(report, best)
                    if log is not None:
                        log.write(report)
                        self._on_step(report)
                    stopping = bool(world.maximum(int(stop.is_set())))
                    if step % config.run.checkpoint_every == 0 or last or stopping:
                        self._save(step, optimizer, best)
                        saved = step
                    if stopping:
                        raise KeyboardInterrupt
        except KeyboardInterrupt:
            if step > saved and world.size == 1:
                self._save(step, optimizer, best)
            raise
        finally:
            if log is not None:
                log.close()
        if config.run.merge_last > 1:
            folders = [self.run / "checkpoints" / f"{n:06d}" for n in self._merged_steps()]
            return self._write_model("model", averaged_state(self.model, folders))
        return self.save_model()

    def validate(self) -> tuple[float, float]:
        """MRR and NDCG@10 of each validation document among all validation documents."""
        self.model.eval()
        rows = self._steps.draw(self.validation, -1)
        data = self.config.data
        scores = retrieval_scores(
            self._steps.vectors([row.query for row in rows], data.max_query_tokens),
            self._steps.vectors([row.document for row in rows], data.max_document_tokens),
        )
        self.model.train()
        return scores

    def save_model(self, name: str = "model") -> Path:
        """Write a model folder (`torch_folder.py`) atomically, adapters merged; returns it."""
        return self._write_model(name, whole_state(self.model))  # of all ranks

    def _write_model(self, name: str, state: dict[str, torch.Tensor]) -> Path:
        final = self.run / name
        if self.world.leads:
            with replace_folder(final) as part:
                save_folder(plain_model(self.model, state), self.tokenizer, part)
        self.world.barrier()
        return final

    def _step(self, step: int, optimizer: torch.optim.AdamW) -> StepReport:
        optim, started = self.config.optim, time.perf_counter()
        rate = learning_rate_factor(step, self.steps, optim.warmup)
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate
        batch = self.plan.batch(step)
        optimizer.zero_grad(set_to_none=True)
        result = self._steps.gradients(batch, step, self._loss_weights.get(batch[0].dataset, 1.0))
        if not math.isfinite(result.loss):
            raise DataError(
                f"The loss became {result.loss} at step {step}; start again with a lower "
                "optim.backbone_lr."
            )
        trained = [p for p in self.model.parameters() if p.requires_grad]
        norm = torch.nn.utils.clip_grad_norm_(trained, optim.clip_norm)
        optimizer.step()
        rates = sorted({group["lr"] for group in optimizer.param_groups})
        return StepReport(
            step=step + 1,
            steps=self.steps,
            loss=round(result.loss, 4),
            group=f"{batch[0].dataset}/{batch[0].language}",
            tokens_per_second=round(result.tokens / (time.perf_counter() - started), 1),
            learning_rate=rates[0],
            gradient_norm=round(_number(norm), 4),
        )

    def _validated(self, report: StepReport, best: float) -> tuple[StepReport, float]:
        if not self.validation:
            return report, best
        # The mean over ranks is one number for all, whatever their rounding.
        mrr, ndcg = (self.world.total(score) / self.world.size for score in self.validate())
        if mrr > best and self.config.run.keep_best:
            self.save_model("best")
        scored = dataclasses.replace(report, validation_mrr=mrr, validation_ndcg_at_10=ndcg)
        return scored, max(best, mrr)

    def _save(self, step: int, optimizer: torch.optim.AdamW, best: float) -> None:
        keep = self.config.run.keep_checkpoints
        state = {"best": best} if math.isfinite(best) else {}
        save_checkpoint(
            self.run, step, self.model, optimizer, keep, self.world, state, self._merged_steps()
        )

    def _merged_steps(self) -> list[int]:
        run = self.config.run
        return merged_steps(self.steps, run.checkpoint_every, run.merge_last)

    def _describe(self, data: RunData) -> dict[str, Any]:
        """What `data.json` says: what was kept and dropped, and how long the texts are."""
        limits = self.config.data
        lengths = length_statistics(
            data.training,
            self.tokenizer,
            self.model.config.prompts,
            limits.max_query_tokens,
            limits.max_document_tokens,
        )
        return {**data.report.to_dict(), "lengths": lengths}

    def _note(self, text: str) -> None:
        if self.world.leads:
            self._on_note(text)

    def _claim_folder(self) -> None:
        """Write the resolved recipe and the environment, or check that the recipe is the same."""
        import yaml

        self.run.mkdir(parents=True, exist_ok=True)
        path = self.run / "config.json"
        recipe = self.config.to_dict()
        for name in REPLACED:  # asked now, and not after the last step
            require_replaceable(self.run / name)
        if path.exists():
            kept = _recipe_of(path)
            # A run that began before there was a choice goes on, and may move to other devices.
            before = dataclasses.replace(TrainConfig.from_dict(kept), run=self.config.run)
            if before != self.config:
                raise UsageError(
                    f"{self.run} holds a run of another recipe "
                    f"({', '.join(_changed(before.to_dict(), recipe))} changed); name another "
                    "folder with --run."
                )
            return
        if others := [name for name in WRITTEN if _is_taken(self.run / name)]:
            raise UsageError(
                f"{self.run} holds {others[0]!r}, which no run of c2llm wrote there; name another "
                "folder with --run."
            )
        write_json(path, {"recipe": recipe, "environment": environment(self.world)})
        text = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)
        (self.run / "recipe.yaml").write_text(text, encoding="utf-8")


def _is_taken(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else os.path.lexists(path)


def _recipe_of(path: Path) -> dict[str, Any]:
    """The recipe that a run's config.json holds.

    Raises:
        UsageError: it is no such file.
    """
    try:
        recipe: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["recipe"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not of a run of c2llm; name another folder with --run."
        ) from error
    return recipe


def make_plan(optim: OptimConfig, data: RunData, processes: int) -> BatchPlan:
    """The batches of a recipe."""
    return BatchPlan(
        data.training,
        optim.batch_size,
        weights=data.weights,
        mixing=optim.mixing if optim.mix == "temperature" else 1.0,
        fixed=optim.mix == "fixed",
        seed=optim.seed,
        multiple=processes,
    )


def count_steps(optim: OptimConfig, pairs: int) -> int:
    """Steps of a recipe, from its epochs where it names them."""
    if optim.epochs is None:
        return optim.steps
    return max(1, round(optim.epochs * pairs / optim.batch_size))


def _changed(before: dict[str, object], after: dict[str, object], prefix: str = "") -> list[str]:
    """Dotted names of what differs."""
    names = []
    for name, value in after.items():
        old = before.get(name)
        if old == value:
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            names.extend(_changed(old, value, f"{prefix}{name}."))
        else:
            names.append(f"{prefix}{name}")
    return names


def _number(norm: torch.Tensor) -> float:
    from torch.distributed.tensor import DTensor

    return float(norm.full_tensor().item() if isinstance(norm, DTensor) else norm.item())


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Set once Ctrl-C or SIGTERM has come; a second one stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""What a recipe would do, without doing it: data, steps, lengths, memory. No weights are loaded."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from c2llm.modeling.model import C2LLMModel
from c2llm.training.data.jsonl import numbered_rows
from c2llm.training.data.lengths import length_statistics
from c2llm.training.data.prepare import prepare
from c2llm.training.network.lora import choose_trained
from c2llm.training.network.network import describe_model, empty_network
from c2llm.training.run.distributed import World
from c2llm.training.run.recipe import HUB, TrainConfig, hub_name
from c2llm.training.run.training_loop import count_steps, make_plan

ADAM_BYTES = 8
"""Two float32 moments."""
ACTIVATION_BYTES = 34
"""Per token, layer and unit of width, in 16 bit (Korthikanti et al. 2022, arXiv 2205.05198, eq. 1,
without the attention matrix); twice that in 32 bit."""


@dataclass(frozen=True)
class RunPlan:
    """What `c2llm train --dry-run` tells; `to_dict` is what `--json` prints."""

    data: dict[str, Any]
    pairs: int
    validation: int
    groups: dict[str, int]
    steps: int
    batch_size: int
    epochs: float
    lengths: dict[str, dict[str, Any]]
    parameters: int
    trained: int
    step_tokens: int
    seconds: float | None
    """Time of all steps; None where no speed is known."""
    memory: dict[str, int]
    """Bytes on one device: weights, gradients, optimizer, activations."""
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return vars(self)


def plan_run(config: TrainConfig, processes: int = 1, speed: float | None = None) -> RunPlan:
    """Read the data of a recipe and work out what a run takes.

    Args:
        config: a recipe.
        processes: devices that share it.
        speed: tokens a second of all devices together.

    Raises:
        DataError: for bad data, as the run itself would.
        UsageError: for contradictions in the recipe, or a backbone that is not there.
    """
    config.validate()
    model, tokenizer = empty_network(config.model)
    describe_model(model, config)
    choose_trained(model, config.tune)
    alone = World(0, 1, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as scratch:  # a mapped file stays readable when it is gone
        folder = Path(scratch) if config.data.stream else None
        data = prepare(config.data, config.optim.seed, folder, alone)
    plan = make_plan(config.optim, data, processes)
    steps = count_steps(config.optim, len(data.training))
    limits = [
        min(n, model.config.max_tokens)
        for n in (config.data.max_query_tokens, config.data.max_document_tokens)
    ]
    lengths = length_statistics(data.training, tokenizer, model.config.prompts, *limits)
    step_tokens = _step_tokens(config, lengths, limits)
    parameters = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    groups = {f"{dataset}/{language}": n for (dataset, language), n in plan.groups.items()}
    return RunPlan(
        data=data.report.to_dict(),
        pairs=len(data.training),
        validation=len(data.validation),
        groups=groups,
        steps=steps,
        batch_size=config.optim.batch_size,
        epochs=round(steps * config.optim.batch_size / len(data.training), 2),
        lengths=lengths,
        parameters=parameters,
        trained=trained,
        step_tokens=step_tokens,
        seconds=steps * step_tokens / speed if speed else None,
        memory=memory_estimate(config, model, parameters, trained, step_tokens, processes),
        warnings=_warnings(config, groups, lengths),
    )


def memory_estimate(
    config: TrainConfig,
    model: C2LLMModel,
    parameters: int,
    trained: int,
    step_tokens: int,
    processes: int,
) -> dict[str, int]:
    """Bytes that one device holds; activations are a rule of thumb, the rest is exact."""
    shards = processes if config.run.strategy == "fsdp" else 1
    cached = config.optim.grad_cache or config.run.strategy == "fsdp"
    tokens = step_tokens // processes
    if cached:
        tokens = min(tokens, config.optim.micro_batch_tokens)
    backbone = model.config.backbone
    layers = getattr(backbone, "num_hidden_layers", 0) if config.tune.mode != "pooler" else 0
    per_layer = ACTIVATION_BYTES * (1 if config.optim.bf16 else 2)
    width: int = backbone.hidden_size
    if config.model.gradient_checkpointing:
        per_token = width * (2 * layers + per_layer)  # inputs of all layers, one layer in full
    else:
        per_token = width * layers * per_layer
    per_token += width * per_layer  # the pooling and the embedding
    return {
        "weights": 4 * parameters // shards,
        "gradients": 4 * trained // shards,
        "optimizer": ADAM_BYTES * trained // shards,
        "activations": tokens * per_token,
    }


def measured_speed(run: Path) -> float | None:
    """Tokens a second of a run: the median of its steps but the first, None where it has none.

    Raises:
        DataError: if its metrics cannot be read.
    """
    path = run / "metrics.jsonl"
    if not path.is_file():
        return None
    found = [float(row.get("tokens_per_second") or 0) for _, row in numbered_rows(path)]
    return statistics.median(found[1:]) if len(found) > 1 else None


def _step_tokens(config: TrainConfig, lengths: dict[str, dict[str, Any]], limits: list[int]) -> int:
    """Tokens of a mean step: query, document and hard negatives of each row, cut to the limits."""
    rows = sum(entry["rows"] for entry in lengths.values())
    total = 0.0
    for entry in lengths.values():
        row: float = min(entry["query"]["mean"], limits[0]) + min(
            entry["document"]["mean"], limits[1]
        )
        if config.data.hard_negatives and "negative" in entry:
            row += config.data.hard_negatives * min(entry["negative"]["mean"], limits[1])
        total += row * entry["rows"]
    return round(total / float(rows) * config.optim.batch_size)


def _warnings(
    config: TrainConfig, groups: dict[str, int], lengths: dict[str, dict[str, Any]]
) -> list[str]:
    found = []
    if not config.query_prompt and any(s.instruction for s in config.data.sources):
        found.append(
            "The data asks with several instructions and model.query_prompt is empty: the model "
            "will be asked without one; name that of its main use in model.query_prompt."
        )
    named = [*(s.file for s in config.data.sources if not s.revision), *config.data.decontaminate]
    loose = [name for name in named if name.startswith(HUB) and hub_name(name) == name]
    if loose:
        found.append(
            f"{', '.join(dict.fromkeys(loose))} may change on the hub: pin the commit, NAME@COMMIT."
        )
    small = [name for name, rows in groups.items() if rows < config.optim.batch_size]
    if small:
        found.append(
            f"{', '.join(small)} hold fewer pairs than a batch of {config.optim.batch_size}: their "
            "batches are smaller."
        )
    for dataset, entry in lengths.items():
        for kind in ("query", "document"):
            if entry[kind]["cut"] > 0.2:
                found.append(
                    f"{entry[kind]['cut']:.0%} of the {kind} texts of {dataset} are longer than "
                    f"data.max_{kind}_tokens and are cut."
                )
        if config.data.hard_negatives and "negative" not in entry:
            found.append(f"{dataset} brings no hard negatives: in-batch ones alone.")
    return found

"""Step time and peak memory of training, beside sentence-transformers' cached loss.

    python benchmarks/training_speed.py [--rounds 2] [--batch 32] [--threads 1] [--fp32]

Same network (MiniLM, 6 layers x 384, with PMA on top, opened from one folder), same pairs (first
line of a docstring and the function, from Python's standard library), same batch, one optimizer
step, no dropout. Each system runs in a process of its own; they take turns, step by step. What
counts is the median processor time of a step, which other work on the machine does not change much,
and the process' peak resident memory.

peer    CachedMultipleNegativesRankingLoss, mini-batches of 32 (its default)
peer-t  the same, mini-batches by tokens, with our budget
ours    optim.grad_cache=true: what a batch of thousands is trained with
ours-1  one graph: faster, and the activations of the whole batch in memory
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SYSTEMS = ("peer", "peer-t", "ours", "ours-1")
Texts = tuple[list[str], list[str]]


def standard_library(limit: int) -> list[tuple[str, str]]:
    """(docstring's first line, function without it) of the standard library, spread evenly."""
    found: list[tuple[str, str]] = []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        source = path.read_text(encoding="utf-8", errors="replace")
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.FunctionDef):
                continue
            doc = ast.get_docstring(node)
            if not doc or len(node.body) < 2:
                continue
            query = doc.splitlines()[0]
            node.body = node.body[1:]
            found.append((query, ast.unparse(node)))
    unique = list(dict(found).items())
    return unique[:: max(1, len(unique) // limit)][:limit]


def build(folder: Path) -> None:
    """The network that all systems open."""
    from c2llm.modeling.torch_folder import save_folder
    from c2llm.training.network.network import build_network
    from c2llm.training.run.recipe import ModelConfig

    model, tokenizer = build_network(ModelConfig(max_tokens=256))
    save_folder(model, tokenizer, folder)


def our_step(folder: Path, options: argparse.Namespace, *, cached: bool) -> Callable[[Texts], None]:
    import torch

    from c2llm.training.data.training_pair import Pair
    from c2llm.training.network.network import build_network
    from c2llm.training.run.distributed import join_world
    from c2llm.training.run.optimizer import make_optimizer
    from c2llm.training.run.recipe import TrainConfig
    from c2llm.training.run.training_step import Step

    config = TrainConfig.from_dict(
        {
            "model": {"start_from": str(folder)},
            "data": {"max_query_tokens": 256, "max_document_tokens": 256},
            "loss": {"symmetric": False},
            "optim": {
                "grad_cache": cached,
                "micro_batch_tokens": options.tokens,
                "bf16": not options.fp32,
            },
            "run": {"device": "cpu"},
        }
    )
    model, tokenizer = build_network(config.model)
    optimizer = make_optimizer(model, config.optim)
    step = Step(model, tokenizer, config, join_world("cpu"), folder)
    model.train()

    def run(texts: Texts) -> None:
        optimizer.zero_grad(set_to_none=True)
        step.gradients([Pair(q, d, "stdlib", "python") for q, d in zip(*texts, strict=True)], 0, 1)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return run


def peer_step(
    folder: Path, options: argparse.Namespace, *, by_tokens: bool
) -> Callable[[Texts], None]:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss

    import c2llm.modeling.model  # noqa: F401 - makes the model type known

    model = SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = 256
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # as with us; its masks would double the peer's step
    budget = {"mini_batch_num_tokens": options.tokens} if by_tokens else {"mini_batch_size": 32}
    loss = CachedMultipleNegativesRankingLoss(model, scale=20.0, **budget)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5, weight_decay=0.01)
    model.train()

    def run(texts: Texts) -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not options.fp32):
            features = [model.preprocess(part) for part in texts]
            loss(features, torch.empty(0)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return run


def worker(options: argparse.Namespace) -> None:
    """Take one step for each line on stdin, and say how long it took."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    folder, name = Path(options.folder), options.worker
    pairs = json.loads((folder / "pairs.json").read_text(encoding="utf-8"))
    if name.startswith("ours"):
        step = our_step(folder, options, cached=name == "ours")
    else:
        step = peer_step(folder, options, by_tokens=name == "peer-t")
    resting = peak()
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        rows = [pairs[(number * options.batch + i) % len(pairs)] for i in range(options.batch)]
        texts = ([q for q, _ in rows], [d for _, d in rows])
        start, clock = time.process_time(), time.perf_counter()
        step(texts)
        spent = time.process_time() - start, time.perf_counter() - clock
        print(json.dumps([*spent, peak(), resting]), flush=True)


def peak() -> float:
    """Peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(options: argparse.Namespace, folder: Path) -> dict[str, list[list[float]]]:
    found: dict[str, list[list[float]]] = {name: [] for name in options.systems}
    workers = {}
    for name in options.systems:
        command = [sys.executable, __file__, *sys.argv[1:], "--worker", name]
        workers[name] = subprocess.Popen(
            [*command, "--folder", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(options.threads)},
        )
        assert workers[name].stdout.readline() == "ready\n"
    for _ in range(options.rounds + 1):
        for name, process in workers.items():
            process.stdin.write("\n")
            process.stdin.flush()
            found[name].append(json.loads(process.stdout.readline()))
    for process in workers.values():
        process.stdin.close()
        process.wait()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=4096, help="of a micro-batch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fp32", action="store_true", help="both without bf16 autocast")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["peer", "peer-t", "ours"])
    parser.add_argument("--worker", choices=SYSTEMS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        build(folder)
        pairs = standard_library(options.batch * (options.rounds + 1))
        (folder / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
        found = measure(options, folder)
    precision = "fp32" if options.fp32 else "bf16 autocast"
    print(
        f"batch of {options.batch} pairs, {precision}, {options.threads} thread(s), "
        f"{options.rounds} steps after one that does not count\n"
    )
    print("| system | CPU s a step | wall s | x the peer's throughput | peak MiB | above idle |")
    print("|---|---:|---:|---:|---:|---:|")
    seconds = {name: statistics.median(row[0] for row in rows[1:]) for name, rows in found.items()}
    first = seconds[options.systems[0]]
    for name, rows in found.items():
        _, _, highest, resting = rows[-1]
        wall = statistics.median(row[1] for row in rows[1:])
        print(
            f"| {name} | {seconds[name]:.2f} | {wall:.2f} | {first / seconds[name]:.2f} "
            f"| {highest:,.0f} | {highest - resting:,.0f} |"
        )


if __name__ == "__main__":
    main()

"""Rows a CPU second of `train --prepare` and of what a run does with the rows, on made-up ones.

    python benchmarks/prepare_speed.py FOLDER [--rows 100000] [--evaluation FILE...]

Writes rows with 24 negatives each, by number, into FOLDER, and half as many texts as rows into the
file that they name; FILEs are what must not be repeated. Each stage is timed in user and system
seconds, those of its processes included, and told as rows a CPU second; wall time depends on how
many cores are free. Every stage but `again` does all of its work: what was judged is removed first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

_VERBS = "get set read write parse load store open close merge split sort find drop check".split()
_NOUNS = "file user token page cache route lock queue node edge tree list item value row".split()
_NEGATIVES, _BATCH, _STEPS = 24, 512, 40


def make_rows(folder: Path, count: int) -> None:
    """Rows of ten words that ask for functions of about a kilobyte."""
    rng = random.Random(0)
    names = [f"{rng.choice(_VERBS)}_{rng.choice(_NOUNS)}{i}" for i in range(20_000)]

    def code() -> str:
        words = " ".join(rng.choices(names, k=rng.randrange(40, 120)))
        return f"def {words.replace(' ', '(', 1)}):\n    return\n"

    texts = max(count // 2, _NEGATIVES)
    with (folder / "rows.jsonl.documents").open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(code()) + "\n" for _ in range(texts))
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(count):
            row = {
                "query": " ".join(rng.choices(names, k=10)),
                "positive": code(),
                "dataset": f"d{number % 8}",
                "language": "python",
                "documents": "rows.jsonl.documents",
                "negative_ids": rng.sample(range(texts), _NEGATIVES),
                "positive_score": 0.8,
                "negative_scores": [0.5] * _NEGATIVES,
            }
            stream.write(json.dumps(row) + "\n")


def timed(stage: str, rows: int, work: Callable[[], object]) -> None:
    """Print what a stage takes."""
    start, cpu = time.perf_counter(), _cpu_seconds()
    work()
    cpu, wall = _cpu_seconds() - cpu, time.perf_counter() - start
    print(f"| {stage} | {rows / cpu:,.0f} | {cpu:.1f} | {wall:.1f} |", flush=True)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Make the rows, then time each stage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--evaluation", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    folder, count = arguments.folder.resolve(), arguments.rows
    os.environ["C2LLM_HOME"] = str(folder / "home")
    for made in ("home", "run"):
        shutil.rmtree(folder / made, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    make_rows(folder, count)

    from c2llm.training.data.batch_plan import BatchPlan
    from c2llm.training.data.batch_texts import draw_texts
    from c2llm.training.data.prepare import RunData, prepare, prepare_ahead
    from c2llm.training.run.distributed import World
    from c2llm.training.run.recipe import DataConfig, SourceConfig

    evaluation = [str(path.resolve()) for path in arguments.evaluation]
    config = DataConfig(
        str(folder),
        [SourceConfig("rows.jsonl", name="rows")],
        decontaminate=evaluation,
        hard_negatives=7,
        stream=True,
    )
    found: list[RunData] = []
    plans: list[BatchPlan] = []
    print(f"{count:,} rows\n\n| stage | rows a CPU second | CPU s | wall s |\n|---|---|---|---|")

    def ahead() -> object:
        return prepare_ahead(config, 0, lambda what, total: lambda done: None)

    def merge() -> None:
        found.append(prepare(config, 0, folder / "run", World(0, 1, None)))

    def plan() -> None:
        plans.append(BatchPlan(found[-1].training, _BATCH))

    def read() -> None:
        for step in range(_STEPS):
            draw_texts(
                plans[-1].batch(step),
                {"query": "", "document": ""},
                random.Random(step),
                header_probability=0.5,
                hard_negatives=7,
                draw=str(step),
            )

    timed("`--prepare`: judged and counted", count, ahead)
    timed("`--prepare` again", count, ahead)
    timed("a run's first start: merged, validation set apart", count, merge)
    timed("its next start", count, merge)
    timed("batches planned", count, plan)
    timed("`read` in the loop, 7 negatives a row", _BATCH * _STEPS, read)


if __name__ == "__main__":
    main()

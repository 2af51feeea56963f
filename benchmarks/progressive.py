"""The progressive index against its bars: how good the first answer is, and how soon it comes.

    python benchmarks/progressive.py --annotations bench/annotations --repos clones \
        --output runs/progressive --model c2llm-mini

Over every repository of the benchmark, or those of `--only`; on an idle machine, since times are
kept beside the scores. Each repository is kept as soon as it is done, and the same command goes on;
`--parts times` leaves the scores out, and with them the only step that embeds whole repositories.

scores   NDCG@10 of words alone, of the first answer and of the complete index, chunk list and file
         list; how much of the complete ten the first answer's ten hold; the milliseconds of a warm
         query of the complete index. The same as `c2llm eval repos --modes lexical,first,complete`.
times    `process` is a whole `c2llm search` in a repository never seen before, from the start of
         Python to its end; `inside` is the same in a process that has answered in another
         repository; `cpu` the processor time of the former on all cores. Each finds an empty cache;
         medians of `--rounds` questions. bm25s stands beside them as in `search_speed.py`: indexing
         texts that were cut before, and its first query.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from search_speed import run_step

from c2llm.cli.evaluate_repos import score_repositories
from c2llm.encoding.folder import DEFAULT_MODEL
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.provenance import short_hash
from c2llm.evaluation.repo_benchmark import engine_digest, find_trees
from c2llm.evaluation.repo_questions import load_benchmark
from c2llm.evaluation.repo_report import repository_markdown
from c2llm.evaluation.tables import markdown_table

FORMAT = 1
MODES = ("lexical", "first", "complete")
PERCENTILES = ("p50", "p90", "p99")

INSIDE = """
import json, sys, tempfile, time
from pathlib import Path
from c2llm.index.code_index import CodeIndex
root, model, question = json.loads(sys.argv[1])
def answered(folder):
    with CodeIndex.open(folder, model, embed="candidates") as index:
        index.search(question, 10)
        return index.counts()
with tempfile.TemporaryDirectory() as other:
    Path(other, "a.py").write_text("def parse(text):\\n    return text.split()\\n")
    answered(other)
start = time.perf_counter()
counts = answered(root)
print(json.dumps([time.perf_counter() - start, counts.files, counts.chunks]))
"""


def seconds(command: list[str]) -> tuple[float, float, str]:
    """Wall time, processor time and output of a command that finds an empty cache."""
    with tempfile.TemporaryDirectory() as home:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            env={**os.environ, "C2LLM_HOME": home, "C2LLM_BACKGROUND": "0"},
        )
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout.decode()


def times(root: Path, model: str, questions: Sequence[str], rounds: int) -> dict[str, Any]:
    """How long a first answer takes in one repository, and bm25s beside it."""
    process, cpu, inside, bm25s = [], [], [], []
    asked = [questions[number % len(questions)] for number in range(rounds)]
    search = [sys.executable, "-m", "c2llm", "search", "--json", "--model", model]
    for question in asked:
        wall, used, _ = seconds([*search, question, str(root)])
        process.append(wall)
        cpu.append(used)
        arguments = json.dumps([str(root), model, question])
        answer = json.loads(seconds([sys.executable, "-c", INSIDE, arguments])[2])
        inside.append(answer[0])
        bm25s.append(run_step(["bm25s", str(root), "", "", [question, *questions]]))
    milliseconds = [1e3 * value for step in bm25s for value in step[4]]
    return {
        "files": answer[1],
        "chunks": answer[2],
        "process": statistics.median(process),
        "cpu": statistics.median(cpu),
        "inside": statistics.median(inside),
        "bm25s": statistics.median(step[1] for step in bm25s),
        "bm25s_warm_ms": {p: float(np.percentile(milliseconds, int(p[1:]))) for p in PERCENTILES},
    }


def times_table(rows: dict[str, dict[str, Any]]) -> str:
    """A line a repository, and the medians."""
    columns = ("chunks", "process", "cpu", "inside", "bm25s")
    lines = [[name, *(row[key] for key in columns)] for name, row in rows.items()]
    lines.append(
        ["median", *(statistics.median(row[key] for row in rows.values()) for key in columns)]
    )
    told = [
        [str(name), f"{chunks:.0f}", *(f"{value:.2f}" for value in rest)]
        for name, chunks, *rest in lines
    ]
    warm = [
        statistics.median(row["bm25s_warm_ms"][p] for row in rows.values()) for p in PERCENTILES
    ]
    return (
        markdown_table(["repository", "chunks", "process s", "cpu s", "inside s", "bm25s s"], told)
        + "\n\nWarm query of bm25s, medians over repositories: "
        + ", ".join(f"{p} {value:.2f} ms" for p, value in zip(PERCENTILES, warm, strict=True))
    )


def scores_table(report: dict[str, Any]) -> str:
    """A line a repository: the modes on both lists, and what first answers hold."""
    runs = {run["mode"]: run["by_repository"] for run in report["runs"]}
    recall = {k: v for e in report["first_answers"] for k, v in e["by_repository"].items()}
    header = ["repository", *(f"{mode} {what}" for mode in runs for what in ("chunks", "files"))]
    rows = []
    for name in report["repositories"]["measured"]:
        cells = [f"{run[name][what]:.3f}" for run in runs.values() for what in ("chunks", "files")]
        rows.append([name, *cells, f"{recall[name]:.3f}" if name in recall else ""])
    return markdown_table([*header, "recall of complete ten"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--repos", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--only", nargs="*", default=[], help="names of repositories")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", nargs="*", default=["times", "scores"])
    options = parser.parse_args()
    if "times" in options.parts:
        repositories = load_benchmark(options.annotations, None, options.only)
        trees, _ = find_trees(repositories, options.repos, options.output / "home" / "trees")
        rows: dict[str, dict[str, Any]] = {}
        engine = short_hash(f"{engine_digest()} {options.model} {options.rounds}")
        for repository, tree in trees:
            kept = options.output / "times" / file_name(repository.name, engine)
            row = load_kept(kept, FORMAT)
            if row is None:
                questions = [question.text for question in repository.questions]
                row = times(tree.root, options.model, questions, options.rounds)
                save_kept(kept, FORMAT, row)
            rows[repository.name] = row
            print(f"{repository.name}: process {row['process']:.2f} s", file=sys.stderr, flush=True)
        print(times_table(rows) + "\n", flush=True)
    if "scores" in options.parts:
        report = score_repositories(
            options.annotations,
            options.repos,
            None,
            models=[options.model],
            modes=MODES,
            only=options.only,
            home=None,
            output=options.output,
        )
        print(scores_table(report) + "\n\n" + repository_markdown(report))


if __name__ == "__main__":
    main()

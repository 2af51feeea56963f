"""The progressive index against its bars: how good the first answer is, and how soon it comes.

    python benchmarks/progressive.py --annotations bench/annotations --repos clones \
        --output runs/progressive --model c2llm-mini

Over every repository of the benchmark, or those of `--only`, or with `--languages` the first of
each language in repos.json; on an idle machine, since times are kept beside the scores. Each
repository is kept as soon as it is done, and the same command goes on; `--parts times` leaves the
scores out, and with them the only step that embeds whole repositories. `--page` writes the times
as docs/speed.md.

scores   NDCG@10 of words alone, of the first answer and of the complete index, chunk list and file
         list; how much of the complete ten the first answer's ten hold; the milliseconds of a warm
         query of the complete index. The same as `c2llm eval repos --modes lexical,first,complete`.
times    `process` is a whole `c2llm search` in a repository never seen before, from the start of
         Python to its end; `inside` is the same in a process that has answered in another
         repository; `cpu` the processor time of the former on all cores. Each finds an empty cache;
         medians of `--rounds` questions. `warm` are queries in that process: all questions, each of
         which it has been asked before, so that their candidates are embedded. bm25s stands beside
         as in `search_speed.py`: indexing texts that were cut before, and its queries.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from search_speed import run_step

from c2llm.cli.eval.eval_repos import score_repositories
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.evaluation.kept import file_name, load_kept, save_kept
from c2llm.evaluation.provenance import short_hash
from c2llm.evaluation.repositories.repo_benchmark import engine_digest, find_trees
from c2llm.evaluation.repositories.repo_questions import load_benchmark
from c2llm.evaluation.repositories.repo_report import repository_markdown
from c2llm.evaluation.tables import markdown_table

FORMAT = 2
MODES = ("lexical", "first", "complete")
PERCENTILES = ("p50", "p90", "p99")

INSIDE = """
import json, sys, tempfile, time
from pathlib import Path
from c2llm.search.code_index import CodeIndex
root, model, question, again = json.loads(sys.argv[1])
def answered(folder, again=()):
    start, warm = time.perf_counter(), []
    with CodeIndex.open(folder, model, embed="candidates") as index:
        index.search(question, 10)
        first = time.perf_counter() - start
        for query in again:
            index.search(query, 10)
        for query in again * 3:
            start = time.perf_counter()
            index.search(query, 10)
            warm.append(time.perf_counter() - start)
        return first, index.counts(), warm
with tempfile.TemporaryDirectory() as other:
    Path(other, "a.py").write_text("def parse(text):\\n    return text.split()\\n")
    answered(other)
first, counts, warm = answered(root, again)
print(json.dumps([first, counts.files, counts.chunks, warm]))
"""
COMMAND = """python benchmarks/progressive.py --annotations ANNOTATIONS --repos REPOSITORIES \\
        --output OUTPUT --languages --parts times --page docs/speed.md"""
PAGE = """# Speed of first answers

See how long you wait for the first answer in a repository without an index; the last row has the
medians.

One repository of each language: the first in the benchmark's repos.json, at its pinned revision,
only the folder that is indexed there.

    {command}

`process` is a whole `c2llm search` in a repository never seen before, from the start of Python to
its end; `inside` the same in a process that has answered elsewhere and so has its models; `cpu` the
processor time of the former on all cores; `warm` a query that follows in such a process, its
candidates embedded before.
bm25s indexes the same chunks, cut before, and has no parser, no ranker and no disk. {machine}

{table}

For the record, what is published for cold indexing and a warm query on all 63 repositories of that
benchmark, on a machine of its own (MinishLab/semble): semble (static vectors, BM25, ranker) 0.26
to 0.5 s and 1 to 1.5 ms; CodeRankEmbed-137M with BM25 and a ranker 57 s and 16 ms; grepai 35 s; ck
96 s.
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
            env={**os.environ, "C2LLM_HOME": home},
        )
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout.decode()


def times(root: Path, model: str, questions: Sequence[str], rounds: int) -> dict[str, Any]:
    """How long a first answer takes in one repository, and bm25s beside it."""
    process, cpu, inside, bm25s = [], [], [], []
    warm: list[float] = []
    asked = [questions[number % len(questions)] for number in range(rounds)]
    search = [sys.executable, "-m", "c2llm", "search", "--json", "--model", model]
    for question in asked:
        wall, used, _ = seconds([*search, question, str(root)])
        process.append(wall)
        cpu.append(used)
        arguments = json.dumps([str(root), model, question, [] if warm else list(questions)])
        answer = json.loads(seconds([sys.executable, "-c", INSIDE, arguments])[2])
        inside.append(answer[0])
        warm += answer[3]
        bm25s.append(run_step(["bm25s", str(root), "", "", [question, *questions]]))
    of_bm25s = [value for step in bm25s for value in step[4]]
    return {
        "files": answer[1],
        "chunks": answer[2],
        "process": statistics.median(process),
        "cpu": statistics.median(cpu),
        "inside": statistics.median(inside),
        "bm25s": statistics.median(step[1] for step in bm25s),
        "warm_ms": {p: 1e3 * float(np.percentile(warm, int(p[1:]))) for p in PERCENTILES},
        "bm25s_warm_ms": {p: 1e3 * float(np.percentile(of_bm25s, int(p[1:]))) for p in PERCENTILES},
    }


def times_table(rows: dict[str, dict[str, Any]]) -> str:
    """A line a repository, and the medians."""
    columns: list[tuple[str, Callable[[dict[str, Any]], float], str]] = [
        ("chunks", lambda row: row["chunks"], ".0f"),
        ("process s", lambda row: row["process"], ".2f"),
        ("cpu s", lambda row: row["cpu"], ".2f"),
        ("inside s", lambda row: row["inside"], ".2f"),
        ("warm p50 ms", lambda row: row["warm_ms"]["p50"], ".1f"),
        ("warm p90 ms", lambda row: row["warm_ms"]["p90"], ".1f"),
        ("bm25s s", lambda row: row["bm25s"], ".2f"),
        ("bm25s p50 ms", lambda row: row["bm25s_warm_ms"]["p50"], ".1f"),
        ("bm25s p90 ms", lambda row: row["bm25s_warm_ms"]["p90"], ".1f"),
    ]
    lines = [
        [name, row["language"], *(format(value(row), form) for _, value, form in columns)]
        for name, row in rows.items()
    ]
    medians = [
        format(statistics.median(value(row) for row in rows.values()), form)
        for _, value, form in columns
    ]
    header = ["repository", "language", *(name for name, _, _ in columns)]
    return markdown_table(header, [*lines, ["median", "", *medians]])


def first_of_each_language(annotations: Path) -> list[str]:
    """Names of repositories in the order of the benchmark's list."""
    listed = json.loads((annotations.parent / "repos.json").read_text(encoding="utf-8"))
    return list({entry["language"]: entry["name"] for entry in reversed(listed)}.values())[::-1]


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
    parser.add_argument("--languages", action="store_true", help="one repository a language")
    parser.add_argument("--page", type=Path, help="write the times there, as docs/speed.md")
    parser.add_argument("--machine", default="", help="a sentence on it, for the page")
    parser.add_argument("--parts", nargs="*", default=["times", "scores"])
    options = parser.parse_args()
    if options.languages:
        options.only = first_of_each_language(options.annotations)
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
                row["language"] = repository.language
                save_kept(kept, FORMAT, row)
            rows[repository.name] = row
            print(f"{repository.name}: process {row['process']:.2f} s", file=sys.stderr, flush=True)
        print(times_table(rows) + "\n", flush=True)
        if options.page:
            told = {"table": times_table(rows), "machine": options.machine, "command": COMMAND}
            options.page.write_text(PAGE.format(**told), encoding="utf-8")
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

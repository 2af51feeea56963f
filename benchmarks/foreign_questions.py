"""Questions in other languages over the benchmark's repositories, beside their English originals.

    python benchmarks/foreign_questions.py questions.jsonl --annotations bench/annotations \
        --repos clones --cache runs/trees --home runs/home [--model c2llm-nano]

A line of `questions.jsonl` has `repository`, `language`, `query`, `english`, and the right files in
`relevant` and `secondary`; `recipes/lexicon/questions.py` writes some. Told is the mean NDCG@10 of
the list of files (as `c2llm eval repos` scores it) for each language and for all, with the 95 %
interval of a bootstrap over questions. With c2llm-mini, the default, these are first answers.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from c2llm.evaluation.repositories.repo_benchmark import environment
from c2llm.evaluation.repositories.repo_questions import Question, Target, load_benchmark
from c2llm.evaluation.repositories.repo_scores import ask
from c2llm.evaluation.repositories.repo_trees import find_tree
from c2llm.evaluation.statistics.significance import bootstrap
from c2llm.evaluation.tables import markdown_table
from c2llm.search.code_index import CodeIndex


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("questions", type=Path)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--repos", type=Path, required=True, help="clones by name")
    parser.add_argument("--cache", type=Path, required=True, help="for files of git directories")
    parser.add_argument("--home", type=Path, required=True, help="for the indexes")
    parser.add_argument("--model", default="c2llm-mini")
    options = parser.parse_args()
    lines = options.questions.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    names = sorted({row["repository"] for row in rows})
    scores: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    with (
        environment("C2LLM_HOME", str(options.home)),
        environment("C2LLM_BACKGROUND", "0"),
    ):
        for repository in load_benchmark(options.annotations, only=names):
            tree = find_tree(repository, options.repos, options.cache)
            if tree is None:
                raise SystemExit(f"{options.repos} has no {repository.name}.")
            root = repository.benchmark_root
            with CodeIndex.open(tree.root, options.model, wait=True) as index:
                for row in (row for row in rows if row["repository"] == repository.name):
                    named = [
                        one if isinstance(one, str) else one["path"]
                        for one in [*row["relevant"], *row["secondary"]]
                    ]
                    within = [
                        path if not root or path.startswith(f"{root}/") else f"{root}/{path}"
                        for path in named
                    ]
                    paths = dict.fromkeys(within)
                    for kind in ("query", "english"):
                        question = Question(row[kind], tuple(map(Target, paths)), "")
                        found = ask(index, question, "hybrid", f"{root}/" if root else "")
                        scores[row["language"], kind].append(found.file_ndcg)
    table = []
    for language in [*sorted({language for language, _ in scores}), "all"]:
        cells = []
        for kind in ("query", "english"):
            values = [
                value
                for (of, asked), own in scores.items()
                if asked == kind and language in (of, "all")
                for value in own
            ]
            estimate = bootstrap(np.array(values))
            cells.append(f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")
        table.append([language, str(len(values)), *cells])
    print(markdown_table(["language", "questions", "in it", "in English"], table))


if __name__ == "__main__":
    main()

"""What of the right files a search shows within a number of tokens: whole hits, or telling lines.

    python benchmarks/token_budgets.py --annotations bench/annotations --repos clones \
        --home runs/repos/home --model c2llm-nano

Over the questions of `c2llm eval repos`, for each budget of `--max-tokens`: the share of the
questions of which a right file is among the hits, the share of right files that are, and, for
questions that name lines, the share of which a right line is shown. `whole` gives hits until the
budget is used up, the last one cut; `telling lines` leaves out the least telling lines of each hit
first, as the search does. Both get the same hits in the same order.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
from repository_options import add_options, chosen

from c2llm.evaluation.repositories.repo_benchmark import environment
from c2llm.evaluation.repositories.repo_questions import Question
from c2llm.evaluation.statistics.significance import bootstrap
from c2llm.evaluation.tables import markdown_table
from c2llm.search.answer import Hit
from c2llm.search.answers.token_budget import within_budget
from c2llm.search.code_index import CodeIndex
from c2llm.search.explain.why import Why
from c2llm.search.request import SearchRequest

BUDGETS = (500, 1_000, 2_000, 4_000, 8_000)
WHOLE, LINES = "whole", "telling lines"
_HITS = 50


def shown(question: Question, hits: Sequence[Hit], prefix: str) -> tuple[float, float, float]:
    """Whether a right file is there, what share of them is, and whether a right line is shown.

    The last is not a number where the question names no lines.
    """
    paths = {prefix + hit.path for hit in hits}
    targets = question.targets
    found = [target.path in paths for target in targets]
    spans = [target for target in targets if target.start_line is not None]
    lines = {
        (prefix + hit.path, number)
        for hit in hits
        for number, _ in hit.rows()
        if number is not None
    }
    right = [
        any((span.path, line) in lines for line in range(span.start_line, (span.end_line or 0) + 1))
        for span in spans
        if span.start_line is not None
    ]
    return float(any(found)), fmean(found), float(any(right)) if right else float("nan")


def main() -> None:
    """Ask every question, and print the table."""
    import argparse

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.set_defaults(model="c2llm-nano")
    parser.add_argument("--every", type=int, default=1, help="take every Nth question")
    options = parser.parse_args()
    results: dict[tuple[str, int], list[tuple[float, float, float]]] = defaultdict(list)
    hits_shown: dict[tuple[str, int], list[int]] = defaultdict(list)
    for repository, tree in chosen(options):
        prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
        with (
            environment("C2LLM_HOME", str(options.home)),
            CodeIndex.open(tree.root, options.model, embed="all") as index,
        ):
            for question in repository.questions[:: options.every]:
                told = index.search(SearchRequest(question.text, k=_HITS, explain=True))
                plain = [replace(hit, why=Why(hit.why.reasons)) for hit in told]
                for budget in BUDGETS:
                    for form, hits in ((WHOLE, plain), (LINES, told)):
                        taken, _ = within_budget(hits, budget)
                        results[form, budget].append(shown(question, taken, prefix))
                        hits_shown[form, budget].append(len(taken))
        print(repository.name, file=sys.stderr, flush=True)
    rows: list[list[str]] = []
    asked = len(results[WHOLE, BUDGETS[0]])
    named = int((~np.isnan([row[2] for row in results[WHOLE, BUDGETS[0]]])).sum())
    measures = ("a right file", "right files", "a right line")[: 3 if named else 2]
    for column, name in enumerate(measures):
        for form in (WHOLE, LINES):
            cells = []
            for budget in BUDGETS:
                scores = np.array([row[column] for row in results[form, budget]])
                cells.append(f"{np.nanmean(scores):.3f}")
            rows.append([f"{name}, {form}", *cells])
        difference = [f"{name}, difference"]
        for budget in BUDGETS:
            pairs = zip(results[LINES, budget], results[WHOLE, budget], strict=True)
            more = np.array([one[column] - other[column] for one, other in pairs])
            estimate = bootstrap(more[~np.isnan(more)])
            difference.append(f"{estimate.mean:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]")
        rows.append(difference)
    for form in (WHOLE, LINES):
        rows.append(
            [f"hits, {form}", *(f"{fmean(hits_shown[form, budget]):.1f}" for budget in BUDGETS)]
        )
    print(f"{asked} questions, {named} that name lines\n")
    print(markdown_table(["within tokens", *(f"{budget:,}" for budget in BUDGETS)], rows))


if __name__ == "__main__":
    main()

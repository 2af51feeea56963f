"""What explanations and token budgets cost a search: processor time of an open index, in turn.

    python benchmarks/explain_cost.py TREE [--model c2llm-nano] [--rounds 9] [--tokens 2000]

A question is asked plainly, with `explain`, and within a budget of tokens, round after round,
so that what else the machine does harms all alike. Told is the median of each in milliseconds of
processor time, all threads counted, and its ratio to the plain one. The first round is left out.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from c2llm.evaluation.tables import markdown_table
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest

QUESTIONS = (
    "where are requests routed",
    "how are errors handled",
    "read the configuration from a file",
    "write the response",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--model", default="c2llm-nano")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=2_000)
    options = parser.parse_args()
    spent: defaultdict[str, list[float]] = defaultdict(list)
    with CodeIndex.open(options.tree, options.model, wait=True) as index:
        for number in range(options.rounds + 1):
            for question in QUESTIONS:
                for name, request in (
                    ("plain", SearchRequest(question)),
                    ("explain", SearchRequest(question, explain=True)),
                    ("budget", SearchRequest(question, max_tokens=options.tokens)),
                ):
                    begun = time.process_time()
                    index.answer(request)
                    if number:
                        spent[name].append(1000 * (time.process_time() - begun))
    plain = median(spent["plain"])
    rows = [
        [name, f"{median(times):.1f}", f"{median(times) / plain:.2f}"]
        for name, times in spent.items()
    ]
    print(markdown_table(["search", "ms", "times plain"], rows))


if __name__ == "__main__":
    main()

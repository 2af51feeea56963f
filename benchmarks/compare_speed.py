"""Two models side by side: functions in batches, and questions one by one.

    python benchmarks/compare_speed.py MODEL OTHER [--texts 192] [--rounds 9] [--threads 1]

Each round both encode the same texts, one directly after the other and in turn first; the ratio is
the median over the rounds, with the lowest and highest. Functions are those of this package's
source, read whole, in windows as an index reads them; questions are the first lines of their
docstrings.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from c2llm import Encoder


def functions_and_questions(limit: int) -> tuple[list[str], list[str]]:
    """Functions of this package with a docstring, and what its first line says."""
    code: list[str] = []
    questions: list[str] = []
    for path in sorted((Path(__file__).parents[1] / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and (said := ast.get_docstring(node)):
                code.append(ast.get_source_segment(source, node) or "")
                questions.append(said.split("\n")[0])
    step = max(1, len(code) // limit)
    return code[::step][:limit], questions[::step][:limit]


def seconds(work: Callable[[Encoder], object], encoder: Encoder) -> float:
    """Of one call."""
    started = time.perf_counter()
    work(encoder)
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs=2, metavar="MODEL", help="a shipped model or a folder")
    parser.add_argument("--texts", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    options = parser.parse_args()
    encoders = [Encoder.load(name, threads=options.threads) for name in options.models]
    code, questions = functions_and_questions(options.texts)

    def one_by_one(encoder: Encoder) -> None:
        for question in questions:
            encoder.encode_queries([question])

    kinds: dict[str, Callable[[Encoder], object]] = {
        f"{len(code)} functions": lambda encoder: encoder.encode_documents(code),
        f"{len(questions)} questions, one by one": one_by_one,
    }
    print(f"| | {options.models[0]}, s | {options.models[1]}, s | times as fast |")
    print("|---|---:|---:|---:|")
    for kind, work in kinds.items():
        for encoder in encoders:
            work(encoder)
        taken: list[tuple[float, float]] = []
        for number in range(options.rounds):
            order = (0, 1) if number % 2 else (1, 0)
            spent = {i: seconds(work, encoders[i]) for i in order}
            taken.append((spent[0], spent[1]))
        ratios = sorted(second / first for first, second in taken)
        best = [min(one[i] for one in taken) for i in (0, 1)]
        print(
            f"| {kind} | {best[0]:.3f} | {best[1]:.3f} "
            f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |"
        )


if __name__ == "__main__":
    main()

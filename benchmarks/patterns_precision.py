"""How precise the shipped patterns are, by hits in public code that were read by hand.

    python benchmarks/patterns_precision.py [--trees DIR] [--json FILE]

`patterns_judged.jsonl` beside this script has a hit a line: pattern, repository, commit, path,
line, language, verdict (1: what the pattern describes is there and worth the look of a reviewer),
the reason of the verdict, and the sample that it was drawn in. Sample `one`: the filters were
frozen; 49 repositories that no filter had been made on or tried on were named by their kind before
any hit was seen; the hits in code that is no test, sorted by place, were shuffled with
`random.Random("clean:" + pattern)`, and the first 30 to 32 read, at most four of a repository, each
with 5 to 13 lines above and below. Files above 300 kB and minified ones were left out. Nothing was
changed after the reading. Precision is given with Wilson's interval at 95 %.

With `--trees` each repository lies as `DIR/OWNER+NAME`, at the commit of the file; the script then
says which of the judged hits the present library still finds.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from c2llm.analysis.patterns.find import find_in_text
from c2llm.analysis.patterns.library import shipped_patterns
from c2llm.analysis.patterns.pattern import Pattern

JUDGED = Path(__file__).with_name("patterns_judged.jsonl")
_Z = 1.959964  # of the normal distribution, two-sided at 95 %

Row = dict[str, Any]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The interval of a proportion (Wilson 1927), which holds near 0 and 1 and for few trials."""
    share = successes / trials
    scale = 1 + _Z**2 / trials
    centre = (share + _Z**2 / (2 * trials)) / scale
    reach = _Z * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2)) / scale
    return max(0.0, centre - reach), min(1.0, centre + reach)


def summary(pattern: Pattern, rows: Sequence[Row]) -> Row:
    """The precision of one pattern."""
    right = sum(row["verdict"] for row in rows)
    return {
        "pattern": pattern.name,
        "severity": pattern.severity,
        "hint": pattern.hint,
        "languages": sorted({row["language"] for row in rows}),
        "repositories": len({row["repository"] for row in rows}),
        "judged": len(rows),
        "true": right,
        "precision": right / len(rows) if rows else None,
        "interval": wilson(right, len(rows)) if rows else None,
    }


def still_found(pattern: Pattern, rows: Sequence[Row], trees: Path) -> list[Row]:
    """The judged hits that the library finds at the same line."""
    by_file: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_file[row["repository"], row["path"], row["language"]].append(row)
    found: list[Row] = []
    for (repository, path, language), own in by_file.items():
        file = trees / repository.replace("/", "+", 1) / path
        if file.is_file():
            text = file.read_bytes().decode("utf-8", "replace")
            lines = {hit.start_line for hit in find_in_text([pattern], text, language, path)}
            found += [row for row in own if row["line"] in lines]
    return found


def table(results: Sequence[Row]) -> str:
    """The results in Markdown."""
    lines = [
        "| pattern | severity | judged in | repositories | hits | precision | 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results:
        score, interval = "-", "-"
        if row["interval"]:
            score = f"{row['precision']:.2f}"
            interval = "{:.2f} to {:.2f}".format(*row["interval"])
        name = f"`{row['pattern']}`" + (" (hint)" if row["hint"] else "")
        lines.append(
            f"| {name} | {row['severity']} | {', '.join(row['languages'])} "
            f"| {row['repositories']} | {row['judged']} | {score} | {interval} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trees", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    judged: dict[str, list[Row]] = defaultdict(list)
    for line in JUDGED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        judged[row["pattern"]].append(row)
    results = []
    for pattern in shipped_patterns():
        result = summary(pattern, judged[pattern.name])
        if given.trees is not None:
            found = still_found(pattern, judged[pattern.name], given.trees)
            right = sum(row["verdict"] for row in found)
            result["still_found"], result["still_true"] = len(found), right
        results.append(result)
    print(table(results))
    for result in results:
        if "still_found" in result:
            print(
                f"{result['pattern']}: {result['still_found']} of {result['judged']} judged hits "
                f"are still found, {result['still_true']} of the {result['true']} true ones"
            )
    if given.json is not None:
        given.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

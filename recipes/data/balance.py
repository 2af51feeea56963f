"""A smaller file of pairs in which no language and no repository has more than its share.

    python recipes/data/balance.py DATA/mined.jsonl --cap 2000 --per-repository 450 \\
        --of python=7000,java=6500 --query 20:600 --document 60:1400 --out DATA/mined_part.jsonl

A teacher reads every text of a training run once, and that is most of the time that distilling a
small model takes. So it gets a part of the pairs: at random, as many of each language as `--cap` or
`--of` allow, of the lengths in characters that the two ranges name.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path


def length_range(text: str) -> tuple[int, int]:
    """`20:600` as (20, 600)."""
    least, most = text.split(":")
    return int(least), int(most)


def shares(text: str) -> dict[str, int]:
    """`go=5500,ruby=4000` as a dict."""
    parts = (part.split("=") for part in text.split(",") if part)
    return {language: int(count) for language, count in parts}


def main() -> None:
    """Read, draw and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pairs", type=Path, help="JSONL with query, positive, language")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cap", type=int, default=2000, help="pairs of a language")
    parser.add_argument("--of", type=shares, default={}, help="other caps: python=7000,go=5500")
    parser.add_argument("--per-repository", type=int, default=1 << 30, help="and language")
    parser.add_argument("--query", type=length_range, default=(1, 1 << 30), help="characters")
    parser.add_argument("--document", type=length_range, default=(1, 1 << 30), help="characters")
    parser.add_argument("--kind", default="", help="only rows of this kind")
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    with arguments.pairs.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    (least, most), (shortest, longest) = arguments.query, arguments.document
    rows = [
        row
        for row in rows
        if least <= len(row["query"]) <= most
        and shortest <= len(row["positive"]) <= longest
        and arguments.kind in ("", row.get("kind"))
    ]
    random.Random(arguments.seed).shuffle(rows)
    of_language, of_repository = Counter[str](), Counter[tuple[str, str]]()
    with arguments.out.open("w", encoding="utf-8") as out:
        for row in rows:
            language, place = row["language"], (row["language"], row.get("repository", ""))
            full = of_language[language] >= arguments.of.get(language, arguments.cap)
            if full or of_repository[place] >= arguments.per_repository:
                continue
            of_language[language] += 1
            of_repository[place] += 1
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    counts = ", ".join(f"{name} {n:,}" for name, n in of_language.most_common())
    print(f"{of_language.total():,} pairs: {counts}")


if __name__ == "__main__":
    main()

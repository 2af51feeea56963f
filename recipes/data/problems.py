"""Problems and their solutions in many languages, from collections that solve the same ones.

    python recipes/data/problems.py TREES --out DATA/problems.jsonl

TREES holds one folder a repository, named OWNER+NAME or NAME: the tracks of exercism,
TheAlgorithms, kamyu104/LeetCode-Solutions, 30-seconds-of-code and 30-seconds-of-python. Two kinds
of rows come out:

- `text2code`: what a problem asks for, or its name, to a solution: one in each language;
- `code2code`: a solution to one in another language, at most `--translations` of a problem, drawn
  at random, so that no problem dominates because many languages solve it.

A solution is a file without its leading comment, which often names the author, the licence or the
running time, of 20 to 6,000 characters.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from c2llm.codebase.identifiers import split_identifier
from c2llm.codebase.languages import detect_language, language_named
from c2llm.codebase.markdown import outline, plain
from c2llm.training.mining.pair_filters import is_foreign

LANGUAGES = frozenset(
    "cpp csharp go java javascript kotlin perl php python ruby rust scala swift typescript".split()
)
PARAGRAPHS = 3
SHORTEST, LONGEST = 20, 6000
LEADING_COMMENT = re.compile(
    r"\s*(/\*.*?\*/|//[^\n]*|#(?!!?\[|include|define|if|pragma)[^\n]*)", re.DOTALL
)
FRONT_MATTER = re.compile(r"---\n.*?\n---\n", re.DOTALL)
UNWANTED_LINE = re.compile(r"\s*(\||\[[^]]+\]:)")  # of a table, and where a link leads to
LINK_BY_NAME = re.compile(r"\[([^]]+)\]\[[^]]*\]")


@dataclass(frozen=True)
class Solution:
    """One file that solves `problem`, the key that solutions share; `text` is what is asked."""

    problem: str
    text: str
    language: str
    code: str


def exercism(tree: Path) -> Iterator[Solution]:
    """Practice exercises: the first paragraphs of the instructions, the track's own solution."""
    for folder in sorted((tree / "exercises" / "practice").glob("*")):
        instructions = folder / ".docs" / "instructions.md"
        try:
            told = json.loads((folder / ".meta" / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # one of the tracks' files is no JSON
            continue
        examples = [folder / name for name in told["files"].get("example", [])]
        written = [solution for path in examples if (solution := read_solution(path))]
        if written and instructions.is_file():
            language, code = max(written, key=lambda solution: len(solution[1]))
            text = first_paragraphs(instructions.read_text(encoding="utf-8"))
            yield Solution(folder.name, text, language, code)


def named_files(tree: Path) -> Iterator[Solution]:
    """TheAlgorithms and LeetCode-Solutions: files that are named for what they solve."""
    for path in sorted(tree.rglob("*.*")):
        name = name_of(path.stem)
        if sum(word.isalpha() for word in name.split()) < 2:  # `sol1`, `problem_19`, `treap`
            continue
        if is_foreign(path.relative_to(tree).as_posix()):
            continue
        if solution := read_solution(path):
            yield Solution(name, name, *solution)


def name_of(stem: str) -> str:
    """`two-sum` and `TwoSum` as two sum; what has separators is split at them alone (`2d-grid`)."""
    parts = re.split("[-_]+", stem.lower())
    return " ".join(parts if len(parts) > 1 else split_identifier(stem))


def snippets(tree: Path) -> Iterator[Solution]:
    """30-seconds: a description and, as the first block of code, the function."""
    for path in sorted((tree / "snippets").glob("*.md")):
        text = FRONT_MATTER.sub("", path.read_text(encoding="utf-8"), count=1)
        lines = text.splitlines()
        blocks = outline(lines)[1]
        if blocks:
            first = blocks[0]
            asked = first_paragraphs("\n".join(lines[: first.start]))
            code = "\n".join(lines[first.start + 1 : first.end - 1])
            yield Solution(asked, asked, language_named(first.info), code.strip())


COLLECTIONS: dict[str, Callable[[Path], Iterator[Solution]]] = {
    "30-seconds": snippets,
    "LeetCode-Solutions": named_files,
    "TheAlgorithms": named_files,
    "exercism": exercism,
}


def read_solution(path: Path) -> tuple[str, str] | None:
    """Language and code of a file, or None for one that is not source of a known language."""
    language = detect_language(path.name)
    if language not in LANGUAGES or not path.is_file():
        return None
    code = path.read_text(encoding="utf-8", errors="replace")
    while comment := LEADING_COMMENT.match(code):
        code = code[comment.end() :]
    return language, code.strip()


def first_paragraphs(markdown: str) -> str:
    """The first paragraphs as one line: no headings, code blocks, tables or link targets."""
    lines = markdown.splitlines()
    headings, blocks = outline(lines)
    for heading in headings:
        lines[heading.line] = ""
    for block in blocks:
        lines[block.start : block.end] = [""] * (block.end - block.start)
    prose = "\n".join("" if UNWANTED_LINE.match(line) else line for line in lines)
    prose = LINK_BY_NAME.sub(r"\1", prose)
    paragraphs = [plain(paragraph) for paragraph in re.split(r"\n\s*\n", prose)]
    return " ".join([paragraph for paragraph in paragraphs if paragraph][:PARAGRAPHS])


def rows(
    collection: str, solutions: list[Solution], translations: int, rng: random.Random
) -> Iterator[dict[str, str]]:
    """The rows of a collection, problem by problem."""
    problems: dict[str, dict[str, Solution]] = defaultdict(dict)
    for solution in solutions:
        if solution.language in LANGUAGES and SHORTEST <= len(solution.code) <= LONGEST:
            problems[solution.problem].setdefault(solution.language, solution)
    for _, solved in sorted(problems.items()):
        text = next(iter(solved.values())).text  # tracks word a problem alike
        for solution in solved.values():
            yield row(text, solution, collection, "text2code")
        pairs = list(permutations(solved.values(), 2))
        for one, other in rng.sample(pairs, min(translations, len(pairs))):
            yield row(one.code, other, f"{collection} code", "code2code")


def row(query: str, answer: Solution, dataset: str, kind: str) -> dict[str, str]:
    """A row as `c2llm train` reads it; the language is the answer's."""
    return {
        "query": query,
        "positive": answer.code,
        "language": answer.language,
        "dataset": dataset,
        "kind": kind,
    }


def main() -> None:
    """Read, draw and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("trees", type=Path, help="folder of the repositories")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--translations", type=int, default=6, help="code2code rows of a problem")
    parser.add_argument("--seed", type=int, default=17)
    arguments = parser.parse_args()
    rng, written = random.Random(arguments.seed), Counter[str]()
    trees = [path for path in sorted(arguments.trees.iterdir()) if path.is_dir()]
    with arguments.out.open("w", encoding="utf-8") as out:
        for collection, read in COLLECTIONS.items():
            own = [tree for tree in trees if collection in tree.name]
            solutions = [solution for tree in own for solution in read(tree)]
            for made in rows(collection, solutions, arguments.translations, rng):
                written[made["dataset"]] += 1
                out.write(json.dumps(made, ensure_ascii=False) + "\n")
    print(f"{written.total():,} pairs: " + ", ".join(f"{k} {n:,}" for k, n in written.items()))


if __name__ == "__main__":
    main()

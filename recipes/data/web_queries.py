"""Turn mined pairs into pairs that read like web queries: `python read csv file` for a function.

    python recipes/data/web_queries.py DATA/mined.jsonl --out DATA/web.jsonl

Documentation reads differently from what people type into a search box. Two rules make short,
lower-case queries with the language's name from rows of `c2llm mine pairs`:

- the words of a function's name ask for the function, whose documentation is put back and whose
  name is hidden, so that the words have to be understood from documentation and code;
- the first words of its documentation, without articles and third person, ask for the bare
  function.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from pathlib import Path

SPOKEN = {
    "bash": ("bash", "shell"),
    "c": ("c",),
    "cpp": ("c++", "cpp"),
    "csharp": ("c#", "csharp"),
    "elixir": ("elixir",),
    "go": ("golang", "go"),
    "haskell": ("haskell",),
    "java": ("java",),
    "javascript": ("javascript", "js"),
    "kotlin": ("kotlin",),
    "lua": ("lua",),
    "php": ("php",),
    "python": ("python",),
    "ruby": ("ruby",),
    "rust": ("rust",),
    "scala": ("scala",),
    "swift": ("swift",),
    "typescript": ("typescript",),
    "zig": ("zig",),
}
COMMENT = {"python": "#", "ruby": "#", "bash": "#", "elixir": "#", "lua": "--", "haskell": "--"}
FILLERS = frozenset("a an the this that given its of which".split())
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
QUERY_WORDS = 9


def words_of_name(name: str) -> list[str]:
    """`readCsvFile` -> read, csv, file."""
    return [word.lower() for word in WORD.findall(name)]


def words_of_documentation(text: str) -> list[str]:
    """The first sentence's words, as one would type them: no articles, `Returns` -> return."""
    sentence = re.split(r"(?<=[.!?])\s|\n\n|:", text.strip(), maxsplit=1)[0].rstrip(".!? ")
    words = [word for word in sentence.lower().split() if word not in FILLERS]
    if words and words[0].endswith("s") and not words[0].endswith("ss"):
        words[0] = words[0][:-1]
    return words[:QUERY_WORDS]


def ask(words: list[str], language: str, rng: random.Random) -> str:
    """The words as a query, four times in five with the language's name."""
    text, spoken = " ".join(words), rng.choice(SPOKEN[language])
    forms = (
        f"{spoken} {text}",
        f"{text} {spoken}",
        f"{text} in {spoken}",
        f"how to {text} in {spoken}",
    )
    return text if rng.random() < 0.2 else rng.choice(forms)


def with_documentation(row: dict[str, str]) -> str:
    """The function with its documentation above its body and its own name hidden."""
    name, code = row["symbol"], row["positive"]
    hidden = re.sub(rf"\b{re.escape(name)}\b", "f", code)
    documentation = " ".join(row["query"].split())
    lines = hidden.splitlines()
    if row["language"] == "python":
        at = next((i for i, line in enumerate(lines) if line.rstrip().endswith(":")), None)
        if at is not None:
            return "\n".join([*lines[: at + 1], f'    """{documentation}"""', *lines[at + 1 :]])
    return f"{COMMENT.get(row['language'], '//')} {documentation}\n{hidden}"


def web_pairs(row: dict[str, str], rng: random.Random) -> dict[str, str] | None:
    """One of the two forms of a mined row, or None where neither can be made."""
    language, name = row["language"], row["symbol"]
    if language not in SPOKEN or not IDENTIFIER.match(name) or name not in row["positive"]:
        return None
    named, told = words_of_name(name), words_of_documentation(row["query"])
    if rng.random() < 0.5 and 2 <= len(named) <= 7:
        query, code = ask(named, language, rng), with_documentation(row)
    elif len(told) >= 3:
        query, code = ask(told, language, rng), row["positive"]
    else:
        return None
    return {"query": query, "positive": code, "language": language, "dataset": "web"}


def main() -> None:
    """Read, draw and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("mined", type=Path, help="what `c2llm mine pairs` wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--cap", type=int, default=4000, help="rows of a language other than Python"
    )
    parser.add_argument("--seed", type=int, default=17)
    arguments = parser.parse_args()
    rng, written = random.Random(arguments.seed), Counter[str]()
    with arguments.mined.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rng.shuffle(rows)
    with arguments.out.open("w", encoding="utf-8") as out:
        for row in rows:
            if row["language"] != "python" and written[row["language"]] >= arguments.cap:
                continue
            if pair := web_pairs(row, rng):
                written[row["language"]] += 1
                out.write(json.dumps(pair, ensure_ascii=False) + "\n")
    print(
        f"{written.total():,} pairs: " + ", ".join(f"{k} {n:,}" for k, n in written.most_common())
    )


if __name__ == "__main__":
    main()

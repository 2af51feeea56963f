"""How many tokens does an agent read until the right file is before it?

    python benchmarks/agent_tokens.py --annotations bench/annotations --repos clones \
        --home runs/eval/home [--model c2llm-nano] [--json out.json] [--plot docs/images]

For each question of `c2llm eval repos`: by the answer of the MCP tool `search` (as many calls as a
budget allows, each asking for what is left of it), and by grep (`grep_strategy.py`). A file is
before the agent when its path stands in what it has read; code of it is, when a line of it does
too. Tokens are counted with `o200k_base` of tiktoken, as llama-index-core ships it. Grep's plan is
chosen for each budget and figure on the same questions that it is scored on, which favours it; the
search has no choice to make. Recall is the mean over questions.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

from grep_strategy import Grep, Piece, Plan, Weights
from repository_options import add_options, chosen

from c2llm.cli.output import note
from c2llm.evaluation.repositories.repo_benchmark import environment
from c2llm.evaluation.repositories.repo_questions import Question, Repository
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.tables import markdown_table

BUDGETS = (500, 1_000, 2_000, 4_000, 8_000)
SEARCH, SCRIPT, HAND = "c2llm", "grep, sorted by a script", "grep by hand"
_NEVER = 10**9
_LEAST_LEFT = 250
"""Tokens below which no further call is worth making."""
_ORDERS = (
    ("definitions", "paths", "both", "lines"),
    ("paths", "definitions", "both", "lines"),
    ("definitions", "both", "lines", "paths"),
    ("both", "definitions", "paths", "lines"),
    ("definitions", "paths", "lines"),
    ("both", "paths", "lines"),
)
PLANS = [
    Plan(order, most, of_a_file, around, counts)
    for order, most, of_a_file, around, counts in product(
        _ORDERS, (5, 10, 20, 40, 80, 160), (1, 2), (20,), (True, False)
    )
]
SCRIPTS = [Weights(*given) for given in product((0, 1, 2), (2, 4), (0.5, 0.25), (1,))]


@dataclass(frozen=True, slots=True)
class Found:
    """Tokens read, and calls made, until something was before the agent; never is a billion."""

    any_file: int
    any_code: int
    all_files: int
    calls: int
    """Until the first right file."""


@cache
def _encoding() -> Any:
    """The tokenizer, from the files that llama-index-core brings; nothing is downloaded."""
    found = find_spec("llama_index.core")  # not imported, which takes ten seconds
    assert found is not None and found.origin is not None
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(found.origin).parent / "_static/tiktoken_cache")
    import tiktoken

    return tiktoken.get_encoding("o200k_base")


@lru_cache(maxsize=500_000)
def tokens(text: str) -> int:
    """How many tokens a text has."""
    return len(_encoding().encode(text, disallowed_special=()))


def read_until_found(pieces: Iterable[Piece], targets: set[str], most: int) -> Found:
    """What an agent reads of the pieces until the targets are before it, up to `most` tokens."""
    read = calls = 0
    any_file = any_code = all_files = calls_until = _NEVER
    missing = set(targets)
    for piece in pieces:
        calls += piece.is_call
        read += tokens(piece.text)
        if read > most:
            break
        if piece.path not in targets:
            continue
        missing.discard(piece.path)
        if any_file == _NEVER:
            any_file, calls_until = read, calls
        if any_code == _NEVER and piece.has_code:
            any_code = read
        if all_files == _NEVER and not missing:
            all_files = read
        if _NEVER not in (any_code, all_files):
            break
    return Found(any_file, any_code, all_files, calls_until)


_NAME = re.compile(r"(?P<path>[^\n]+?):\d+-\d+(?:[ ,][^\n]*)?")


def pieces_of(text: str) -> Iterator[Piece]:
    """The answer of the tool in parts: the name of each hit, its first line of code, the rest."""
    for block in text.split("\n\n"):
        head, _, rest = block.partition("\n")
        named = _NAME.fullmatch(head)
        path = named["path"] if named else ""
        yield Piece(path, head + "\n")
        first, _, others = rest.partition("\n")
        yield Piece(path if first else "", first + "\n", has_code=bool(first))
        yield Piece("", others + "\n")


class Asked:
    """A question to the tool; its pages of hits are found once, whatever the budgets."""

    def __init__(self, index: Any, question: str) -> None:
        self._index = index
        self._question = question
        self._pages: dict[int, Any] = {}
        self.seconds = 0.0
        """Of the first page."""

    def read(self, budget: int) -> Iterator[Piece]:
        """All that the tool answers within a budget, in as many calls as that allows."""
        from c2llm.serving.mcp.answer_text import answer_text

        left, offset = budget, 0
        while left >= _LEAST_LEFT:
            found = self._page(offset)
            text = answer_text(found, [_state(found)], left)
            parts = list(pieces_of(text))
            yield Piece("", "", is_call=True)
            yield from parts
            named = sum(1 for piece in parts if piece.path and not piece.has_code)
            if not named:
                return
            left -= tokens(text)
            offset += named

    def _page(self, offset: int) -> Any:
        from c2llm.search.answering import answer
        from c2llm.search.request import SearchRequest

        if offset not in self._pages:
            started = time.perf_counter()
            request = SearchRequest(self._question, offset=offset)
            self._pages[offset] = answer([self._index], request)
            self.seconds = self.seconds or time.perf_counter() - started
        return self._pages[offset]


def _state(found: Any) -> str:
    """The line that tells what an answer was found in, as long as the tool's."""
    one = found.indexes[0]
    return f"[main 1a2b3c4d5e, nothing pending; {one.files} files, {one.embedded} chunks embedded]"


def measure(
    repositories: Sequence[tuple[Repository, Tree]], home: Path, model: str
) -> tuple[dict[str, dict[Any, list[Found]]], dict[str, list[float]]]:
    """For each system and each of its choices what was found, and the seconds of the calls."""
    from c2llm.search.code_index import CodeIndex

    found: dict[str, dict[Any, list[Found]]] = {
        SEARCH: {budget: [] for budget in BUDGETS},
        SCRIPT: {weights: [] for weights in SCRIPTS},
        HAND: {plan: [] for plan in PLANS},
    }
    seconds: dict[str, list[float]] = {SEARCH: [], HAND: []}
    for repository, tree in repositories:
        files = sum(1 for path in tree.root.rglob("*") if path.is_file())
        note(f"{repository.name}: {len(repository.questions)} questions, {files} files")
        with (
            environment("C2LLM_HOME", str(home)),
            CodeIndex.open(tree.root, model, embed="all") as index,
        ):
            for question in repository.questions:
                targets = _targets(repository, question)
                asked = Asked(index, question.text)
                for budget in BUDGETS:
                    read = read_until_found(asked.read(budget), targets, budget)
                    found[SEARCH][budget].append(read)
                seconds[SEARCH].append(asked.seconds)
                started = time.perf_counter()
                grep = Grep(tree.root, question.text, files)
                seconds[HAND].append(time.perf_counter() - started)
                for weights in SCRIPTS:
                    read = read_until_found(grep.by_script(weights), targets, BUDGETS[-1])
                    found[SCRIPT][weights].append(read)
                for plan in PLANS:
                    read = read_until_found(grep.by_hand(plan), targets, BUDGETS[-1])
                    found[HAND][plan].append(read)
    return found, seconds


def _targets(repository: Repository, question: Question) -> set[str]:
    prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
    return {target.path.removeprefix(prefix) for target in question.targets}


def recall(found: Sequence[Found], budget: int, what: str) -> float:
    """Share of the questions of which something was before the agent within a budget."""
    return fmean(getattr(one, what) <= budget for one in found)


def results_of(
    found: dict[str, dict[Any, list[Found]]], seconds: dict[str, list[float]]
) -> list[dict[str, Any]]:
    """A row for each system and budget; each of grep's figures with the choice that is its best."""
    rows = []
    for system, choices in found.items():
        for budget in BUDGETS:
            of_budget = {budget: choices[budget]} if system == SEARCH else choices
            shares = {
                what: {one: recall(read, budget, what) for one, read in of_budget.items()}
                for what in ("any_file", "any_code", "all_files")
            }
            best = max(of_budget, key=shares["any_file"].__getitem__)
            calls = [one.calls for one in of_budget[best] if one.any_file <= budget]
            rows.append(
                {
                    "system": system,
                    "budget": budget,
                    **{what: round(max(shares[what].values()), 3) for what in shares},
                    "calls": round(fmean(calls), 1) if calls else None,
                    "choice": "" if system == SEARCH else str(best),
                    "questions": len(of_budget[best]),
                    "seconds_a_call": round(median(seconds.get(system, seconds[HAND])), 3),
                }
            )
    return rows


def table_of(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown, a line for each system and measure."""
    cells = {(row["system"], row["budget"]): row for row in rows}
    systems = list(dict.fromkeys(row["system"] for row in rows))
    lines = [
        [f"{system}, {name}", *(f"{cells[system, budget][key]}" for budget in BUDGETS)]
        for name, key in (
            ("a right file", "any_file"),
            ("code of it", "any_code"),
            ("all right files", "all_files"),
            ("calls", "calls"),
        )
        for system in systems
    ]
    return markdown_table(["within tokens", *(f"{budget:,}" for budget in BUDGETS)], lines)


def draw(rows: Sequence[dict[str, Any]], theme: str, out: Path) -> None:
    """Recall of a right file against tokens read."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "c2llm"
    text, ours, peers = {
        "light": ("#1f2328", "#0969da", "#6e7781"),
        "dark": ("#e6edf3", "#58a6ff", "#8b949e"),
    }[theme]
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    marks = {SEARCH: ("o-", ours), SCRIPT: ("s--", peers), HAND: ("^-", peers)}
    for system, (mark, colour) in marks.items():
        mine = [row for row in rows if row["system"] == system]
        shares = [row["any_file"] for row in mine]
        axes.plot(BUDGETS, shares, mark, color=colour, label=system)
    axes.set_xscale("log")
    axes.set_xticks(BUDGETS, [f"{budget:,}" for budget in BUDGETS])
    axes.minorticks_off()
    axes.set_xlabel("tokens read (o200k_base)", color=text)
    axes.set_ylabel("a right file is before the agent", color=text)
    axes.tick_params(colors=text)
    for name, spine in axes.spines.items():
        spine.set_color(text)
        spine.set_visible(name in ("left", "bottom"))
    axes.legend(frameon=False, labelcolor=text, loc="lower right")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, transparent=True, metadata={"Date": None})


def main() -> None:
    """Measure, print the table, and write what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.set_defaults(model="c2llm-nano")
    parser.add_argument("--index-home", type=Path, help="where indexes are made; --home by default")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--plot", type=Path, help="folder for agent-tokens-light.svg and -dark.svg")
    options = parser.parse_args()
    repositories = chosen(options)
    found, seconds = measure(repositories, options.index_home or options.home, options.model)
    rows = results_of(found, seconds)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for theme in ("light", "dark") if options.plot else ():
        draw(rows, theme, options.plot / f"agent-tokens-{theme}.svg")
    print(table_of(rows))
    for row in rows:
        if row["choice"]:
            print(f"{row['budget']}: {row['choice']}")
    print({system: f"{median(took):.3f} s a call" for system, took in seconds.items()})


if __name__ == "__main__":
    main()

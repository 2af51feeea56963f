"""`c2llm mine pairs`: repositories in, a JSONL of training pairs out."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.mine_negatives import command as negatives_command
from c2llm.cli.output import note, print_json, progress_bar
from c2llm.errors import C2LLMError, UsageError

if TYPE_CHECKING:
    from c2llm.codebase.pairs import Pair


@click.group("mine")
def command() -> None:
    """Mine training data: pairs from code, hard negatives for pairs."""


command.add_command(negatives_command)


@command.command("pairs")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--out", "-o", required=True, type=click.Path(dir_okay=False), help="JSONL to write.")
@click.option(
    "--max-per-repo", default=2000, show_default=True, type=click.IntRange(min=1), metavar="N"
)
@click.option("--max-per-file", default=25, show_default=True, type=click.IntRange(min=1))
@click.option("--exclude", multiple=True, metavar="GLOB", help="Paths to leave out, as .gitignore.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def pairs(
    paths: tuple[str, ...],
    out: str,
    max_per_repo: int,
    max_per_file: int,
    exclude: tuple[str, ...],
    as_json: bool,
) -> None:
    """Mine (comment, code) pairs from repositories.

    Each PATH is one repository. A pair is a function or class with what its documentation says, or
    a Markdown code block with the prose above it; no pair is written twice.

    \b
    c2llm mine pairs corpora/*/ --out pairs.jsonl
    """
    from c2llm.codebase.pairfilters import Limits
    from c2llm.codebase.pairs import mine_pairs, unique

    roots = [Path(path).resolve() for path in paths]
    for path, root in zip(paths, roots, strict=True):
        if not root.is_dir():
            raise UsageError(f"{path} is not a directory: name the root of a repository.")
    limits = Limits(per_repository=max_per_repo, per_file=max_per_file)
    excluded = _matcher(exclude)
    seen: set[bytes] = set()
    counts: Counter[tuple[str, str]] = Counter()

    def mined() -> Iterator[tuple[str, Pair]]:
        with progress_bar("mining", len(roots)) as advance:
            for root in roots:
                before = counts.total()
                for pair in unique(mine_pairs(root, limits, excluded=excluded), seen):
                    counts[pair.dataset, pair.language] += 1
                    yield root.name, pair
                note(f"{root.name}: {counts.total() - before} pairs")
                advance(1)

    _write(Path(out), mined())
    note(f"{counts.total()} pairs from {len(roots)} repositories written to {out}")
    if as_json:
        by_dataset: dict[str, dict[str, int]] = {}
        for (dataset, language), count in sorted(counts.items()):
            by_dataset.setdefault(dataset, {})[language] = count
        print_json(
            {
                "out": out,
                "repositories": len(roots),
                "pairs": counts.total(),
                "by_dataset": by_dataset,
            }
        )


def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns).match_file


def _write(out: Path, rows: Iterator[tuple[str, Pair]]) -> None:
    """Write beside the target and rename: a reader sees the old file or the whole new one."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    except OSError as error:
        raise C2LLMError(f"Cannot write to {out.parent}: {error.strerror}.") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            for repository, pair in rows:
                row = asdict(pair) | {"repository": repository}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        temporary.chmod(0o644)
        temporary.replace(out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

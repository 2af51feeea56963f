"""`c2llm mine`: training data. Here pairs, from repositories; negatives in a file of their own."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.numbers import Finite, count
from c2llm.cli.output import note, print_json, progress_bar
from c2llm.cli.training.mine_negatives import command as negatives_command
from c2llm.errors import C2LLMError, UsageError
from c2llm.output_folder import claim_work_folder, remove_folder
from c2llm.training.mining.mined_pair import KINDS, MORE_KINDS

if TYPE_CHECKING:
    from c2llm.training.mining.mined_pair import MinedPair
    from c2llm.training.mining.pair_filters import Limits

_ALL = (*KINDS, *MORE_KINDS)


@click.group("mine")
def command() -> None:
    """Mine training data: pairs from code, hard negatives for pairs."""


command.add_command(negatives_command)


@command.command("pairs")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--out", "-o", required=True, type=click.Path(dir_okay=False), help="JSONL to write.")
@click.option(
    "--kinds",
    default=",".join(KINDS),
    show_default=True,
    help="What to pair: documentation and function or class, Markdown section and its code, "
    "test and tested function, commit subject and diff. Two more need no documentation: name "
    "(a function's, and its code) and continuation (its first half, and its second).",
)
@click.option(
    "--max-per-repo",
    default=2000,
    show_default=True,
    type=count(),
    metavar="N",
    help="At most so many pairs of each kind.",
)
@click.option(
    "--commit-share",
    default=0.5,
    show_default=True,
    type=Finite(0, 1),
    help="At most this share of a repository's pairs are commits; 1 keeps all that are found.",
)
@click.option("--max-per-file", default=25, show_default=True, type=count())
@click.option(
    "--near-duplicates",
    default=0.8,
    show_default=True,
    type=Finite(0, 1),
    help="Drop code as similar as this to code before it (Jaccard, estimated); 1 keeps all.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Paths to leave out, as .gitignore.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def pairs(
    paths: tuple[str, ...],
    out: str,
    kinds: str,
    max_per_repo: int,
    commit_share: float,
    max_per_file: int,
    near_duplicates: float,
    exclude: tuple[str, ...],
    as_json: bool,
) -> None:
    """Mine training pairs from repositories.

    Each PATH is one repository, a work tree or a bare clone. A pair is a query and the code that
    answers it; no pair is written twice, and no near copy of its code. Repositories that were
    finished when mining was interrupted are not read again when the same command is given.

    \b
    c2llm mine pairs corpora/*/ --out pairs.jsonl
    c2llm mine pairs . --kinds docstring,commit --out pairs.jsonl
    c2llm mine pairs . --exclude 'legacy/' --max-per-repo 500 --out pairs.jsonl
    c2llm mine pairs . --kinds name,continuation --max-per-repo 20000 --out plenty.jsonl
    """
    from c2llm.training.mining.comment_pairs import (
        balanced,
        mine_pairs,
        unique,
        without_copies,
    )
    from c2llm.training.mining.near_duplicates import NearDuplicates
    from c2llm.training.mining.pair_filters import Limits

    chosen = _parse_kinds(kinds)
    roots = [Path(path).resolve() for path in paths]
    for path, root in zip(paths, roots, strict=True):
        if not root.is_dir():
            raise UsageError(f"{path} is not a directory: name the root of a repository.")
    names = _names(paths)
    limits = Limits(per_repository=max_per_repo, per_file=max_per_file)
    excluded = matcher(exclude)
    work = Path(out + ".work")
    claim_work_folder(work)
    seen: set[bytes] = set()
    copies = NearDuplicates(near_duplicates)
    counts: Counter[tuple[str, str]] = Counter()
    dropped: Counter[str] = Counter()

    def mined(root: Path) -> Iterator[MinedPair]:
        return mine_pairs(root, limits, kinds=chosen, excluded=excluded)

    def rows() -> Iterator[dict[str, Any]]:
        with progress_bar("mining", len(roots)) as advance:
            for name, root in zip(names, roots, strict=True):
                found = _kept(work, root, (chosen, limits, exclude), mined)
                fresh = list(unique(found, seen))
                single = list(without_copies(fresh, copies)) if near_duplicates < 1 else fresh
                kept = balanced(single, commit_share)
                dropped["repeated"] += len(found) - len(fresh)
                dropped["near copies"] += len(fresh) - len(single)
                dropped["commits above their share"] += len(single) - len(kept)
                counts.update((pair.dataset, pair.language) for pair in kept)
                by_kind = Counter(pair.dataset for pair in kept)
                told = ", ".join(f"{by_kind[kind]} {kind}" for kind in _ALL if by_kind[kind])
                note(f"{name}: {len(kept)} pairs" + (f" ({told})" if told else ""))
                yield from (asdict(pair) | {"repository": name} for pair in kept)
                advance(1)

    _write(Path(out), rows())
    remove_folder(work)
    note(f"{counts.total()} pairs from {len(roots)} repositories written to {out}")
    if not counts:
        note(
            "There is nothing to train on: name repositories with documented code, or take --kinds "
            "name,continuation, which need no documentation."
        )
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
                "dropped": dict(dropped),
            }
        )


def _names(paths: tuple[str, ...]) -> list[str]:
    """What the repositories are called: by their folders, and by those around where two are alike.

    A link's own name counts: what it leads to may be called like every other.
    """
    whole = [Path(os.path.normpath(Path(path).absolute())) for path in paths]
    names = [path.name for path in whole]
    return [
        "/".join(path.parts[-2:]) if names.count(name) > 1 else name
        for path, name in zip(whole, names, strict=True)
    ]


def _parse_kinds(kinds: str) -> tuple[str, ...]:
    chosen = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    for kind in chosen:
        if kind not in _ALL:
            raise UsageError(f"Unknown kind {kind!r}; there are {', '.join(_ALL)}.")
    if not chosen:
        raise UsageError(f"--kinds is empty; there are {', '.join(_ALL)}.")
    return chosen


def matcher(patterns: tuple[str, ...]) -> Callable[[str], bool] | None:
    """Tells whether a path matches any of some `.gitignore` patterns; None without patterns."""
    if not patterns:
        return None
    from c2llm.codebase.files.ignore import parse_rules

    rules = parse_rules("\n".join(patterns))
    return rules.excludes if rules else None


def _kept(
    work: Path,
    root: Path,
    options: tuple[tuple[str, ...], Limits, tuple[str, ...]],
    mine: Callable[[Path], Iterator[MinedPair]],
) -> list[MinedPair]:
    """The pairs of a repository, from an interrupted run with the same options if it had them."""
    from c2llm.training.mining.mined_pair import MinedPair

    key = hashlib.sha256(repr((str(root), options)).encode(errors="replace")).hexdigest()[:24]
    file = work / f"{key}.jsonl"
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            return [MinedPair(**json.loads(line)) for line in lines]
    found = list(mine(root))
    _write(file, (asdict(pair) for pair in found))
    return found


def _write(out: Path, rows: Iterator[dict[str, Any]]) -> None:
    from c2llm.training.data.jsonl import write_rows

    try:
        write_rows(out, rows)
    except OSError as error:
        raise C2LLMError(f"Cannot write to {out.parent}: {error.strerror}.") from error

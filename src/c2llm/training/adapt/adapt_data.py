"""The data of an adaptation: pairs of the user's code, set apart by file, and pairs to remember by.

Held-out pairs come from files that no training pair comes from: whole files are set apart, by the
hash of their path, for a function and its neighbour say much of each other. A commit is held to its
first file.

What a model knew it keeps by rehearsal (Robins 1995): pairs of the Python standard library, which
every machine has, are trained between those of the user, by the loss that made the model, and
others of them are the general set. Their files are set apart in the same way.
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import DataError
from c2llm.training.data.jsonl import write_rows
from c2llm.training.mining.comment_pairs import mine_pairs, unique, without_copies
from c2llm.training.mining.mined_pair import MinedPair
from c2llm.training.mining.near_duplicates import NearDuplicates
from c2llm.training.mining.pair_filters import Limits

LEAST_PAIRS = 40
"""Training pairs below which nothing is to be learnt."""
LEAST_HELD_OUT = 10
HELD_OUT = 0.2
"""Share of the files that are set apart."""
MOST_HELD_OUT = 300
"""Pairs of a comparison: more cost time and tell little."""
REPLAY_SHARE = 0.5
"""Replay pairs for each pair of the user."""
REPLAY = "replay"
_ASKED = ("docstring", "class", "section")
"""Kinds whose query is prose, as a search is: only those are compared on."""
_GENERAL_LIMITS = Limits(per_repository=3000, per_file=12)


@dataclass(frozen=True)
class AdaptData:
    """Counts of what was mined, and where it lies."""

    folder: Path
    training: int
    replay: int
    held_out: int
    general: int
    kinds: dict[str, int]
    languages: dict[str, int]

    @property
    def own_file(self) -> Path:
        """Training pairs of the user, before negatives are mined."""
        return self.folder / "own.jsonl"

    @property
    def replay_file(self) -> Path:
        """Training pairs to remember by."""
        return self.folder / "replay.jsonl"

    @property
    def held_out_file(self) -> Path:
        """Pairs of the user's held-out files."""
        return self.folder / "held-out.jsonl"

    @property
    def general_file(self) -> Path:
        """Pairs that the model must not forget."""
        return self.folder / "general.jsonl"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready counts."""
        fields = asdict(self)
        fields.pop("folder")
        return fields


def mine_adapt_data(
    roots: Sequence[Path],
    folder: Path,
    *,
    limits: Limits | None = None,
    excluded: Callable[[str], bool] | None = None,
    general: Path | None = None,
    on_note: Callable[[str], None] = lambda text: None,
) -> AdaptData:
    """Mine and divide all pairs, or read what an interrupted run has mined.

    Args:
        roots: the user's repositories.
        folder: where the four files go.
        limits: how many pairs a repository gives.
        excluded: paths to leave out.
        general: where general pairs are mined from; the standard library where None.
        on_note: called with one line of text now and then.

    Raises:
        DataError: if there are too few pairs to train or to compare on.
    """
    done = folder / "data.json"
    if done.exists():
        return AdaptData(folder=folder, **json.loads(done.read_text(encoding="utf-8")))
    folder.mkdir(parents=True, exist_ok=True)
    limits = limits or Limits(per_repository=1500)
    pairs = list(_mine(roots, limits, excluded))
    training, held_out = divide(pairs)
    asked = _spread(held_out, _ASKED)
    if len(training) < LEAST_PAIRS or len(asked) < LEAST_HELD_OUT:
        raise DataError(
            f"{len(pairs)} pairs were found ({len(training)} to train on, {len(asked)} held out); "
            f"adapting needs {LEAST_PAIRS} and {LEAST_HELD_OUT}: name more repositories, or ones "
            "whose functions are documented."
        )
    on_note(f"{len(training)} pairs to train on, {len(asked)} of other files held out")
    library = general or Path(sysconfig.get_paths()["stdlib"])
    rehearsed, remembered = divide(list(_mine([library], _GENERAL_LIMITS, _not_library)))
    rehearsed = sorted(rehearsed, key=_hash)[: int(REPLAY_SHARE * len(training))]
    remembered = _spread(remembered, _ASKED)
    if len(remembered) < LEAST_HELD_OUT:
        raise DataError(
            f"{library} gives {len(remembered)} general questions, and what is forgotten is told "
            f"by {LEAST_HELD_OUT} at least: run a Python that has its library as source files."
        )
    data = AdaptData(
        folder=folder,
        training=len(training),
        replay=len(rehearsed),
        held_out=len(asked),
        general=len(remembered),
        kinds=dict(Counter(pair.dataset for pair in training)),
        languages=dict(Counter(pair.language for pair in training)),
    )
    write_rows(data.own_file, (asdict(pair) for pair in training))
    write_rows(data.replay_file, (asdict(pair) | {"dataset": REPLAY} for pair in rehearsed))
    write_rows(data.held_out_file, (asdict(pair) for pair in asked))
    write_rows(data.general_file, (asdict(pair) for pair in remembered))
    on_note(f"{len(rehearsed)} pairs to remember by, {len(remembered)} to see what is forgotten")
    done.write_text(json.dumps(data.to_dict()), encoding="utf-8")
    return data


def divide(
    pairs: Sequence[MinedPair], share: float = HELD_OUT
) -> tuple[list[MinedPair], list[MinedPair]]:
    """Training and held-out pairs; no file and no query is in both.

    Args:
        pairs: their paths are unique over all repositories.
        share: of the files that are held out.
    """
    apart = {pair.path for pair in pairs if _fraction(pair.path) < share}
    held_out = [pair for pair in pairs if pair.path in apart]
    asked = {pair.query.lower() for pair in held_out}
    training = [p for p in pairs if p.path not in apart and p.query.lower() not in asked]
    return training, held_out


def _mine(
    roots: Sequence[Path], limits: Limits, excluded: Callable[[str], bool] | None
) -> Iterator[MinedPair]:
    seen: set[bytes] = set()
    copies = NearDuplicates()
    for number, root in enumerate(roots):
        found = unique(mine_pairs(root, limits, excluded=excluded), seen)
        for pair in without_copies(found, copies):
            fields = asdict(pair)
            fields["path"] = f"{number}/{pair.path}"
            yield MinedPair(**fields)


def _not_library(path: str) -> bool:
    """The standard library's directory holds installed packages, and tests of everything."""
    return path.startswith(("site-packages/", "dist-packages/", "test/", "idlelib/", "lib2to3/"))


def _spread(pairs: Sequence[MinedPair], kinds: Iterable[str]) -> list[MinedPair]:
    """At most `MOST_HELD_OUT` pairs of some kinds, each query and each document once."""
    chosen = sorted((pair for pair in pairs if pair.dataset in kinds), key=_hash)
    return chosen[:MOST_HELD_OUT]


def _fraction(path: str) -> float:
    digest = hashlib.blake2b(path.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _hash(pair: MinedPair) -> bytes:
    text = f"{pair.query}\0{pair.positive}"
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()

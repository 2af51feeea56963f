"""How long what is missing will take: the size of the files, at the speed that was measured.

Said before the first repository and after each one. The speed is that of a short trial on code of
the first repository, and then of what has been embedded; the time of earlier builds is not used,
because most of a large one may be embedded already.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property

from c2llm.evaluation.repo_times import IndexTimes
from c2llm.evaluation.repositories.repo_questions import Repository
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.evaluation.retrieval.kept_vectors import CachedEncoder

_TRIAL_SECONDS = 1.5
_TRIAL_CHARACTERS = 1500
"""Of one text of the trial: about those of a chunk."""
_TRIAL_TEXTS = 16


class Workload:
    """The repositories that have to be run, and the speed so far.

    Args:
        system: what reports call the model.
        missing: repositories without results.
        encoder: the model; None where no whole repository is embedded.
        times: repositories in it have all their vectors.
        asked_of: how many repositories there are altogether.
    """

    def __init__(
        self,
        system: str,
        missing: Sequence[tuple[Repository, Tree]],
        encoder: CachedEncoder | None,
        times: IndexTimes,
        *,
        asked_of: int,
    ) -> None:
        self._system = system
        self._missing = list(missing)
        self._encoder = encoder
        self._times = times
        self._asked_of = asked_of
        self._speed = 0.0
        """Characters a second of the trial."""

    @cached_property
    def _characters(self) -> dict[str, int]:
        """Of the files of each repository whose vectors are not known to be there."""
        from c2llm.codebase.walk import walk

        if self._encoder is None:
            return {}
        return {
            repository.name: sum(file.size for file in walk(tree.root).files)
            for repository, tree in self._missing
            if self._times.known(repository, tree) is None
        }

    def beginning(self) -> str:
        """What there is to do, in one line."""
        kept = self._asked_of - len(self._missing)
        line = f"{self._system}: {len(self._missing)} of {self._asked_of} repositories to run"
        if kept:
            line += f" ({kept} kept)"
        total = sum(self._characters.values())
        if self._encoder is None or not total:
            return line + ", nothing to embed as a whole."
        self._speed = self._trial()
        seconds = total / self._speed
        return (
            f"{line}, {len(self._characters)} of them to embed: {total / 1e6:.1f} MB of code at "
            f"{self._speed / 1e3:.1f} kB/s, about {duration(seconds)}."
        )

    def finished(self, repository: Repository) -> str:
        """What is left after a repository, or "" where nothing worth a line is."""
        self._missing = [entry for entry in self._missing if entry[0] != repository]
        self._characters.pop(repository.name, None)
        left = sum(self._characters.values())
        if self._encoder is None or not left:
            return ""
        enough = self._encoder.seconds > 2 * _TRIAL_SECONDS
        speed = self._encoder.characters / self._encoder.seconds if enough else self._speed
        return (
            f"{self._system}: {len(self._missing)} repositories left, about "
            f"{duration(left / speed)}."
        )

    def _trial(self) -> float:
        """Characters a second on texts as long as chunks; they are not kept."""
        assert self._encoder is not None
        text = _sample(next(tree for r, tree in self._missing if r.name in self._characters))
        begun = time.perf_counter()
        done = 0
        while not done or time.perf_counter() - begun < _TRIAL_SECONDS:
            # New texts each time: the encoder remembers those of its last call.
            texts = [f"{done + number} {text}" for number in range(_TRIAL_TEXTS)]
            self._encoder.encode_queries(texts)
            done += sum(map(len, texts))
        return done / max(time.perf_counter() - begun, 1e-6)


def duration(seconds: float) -> str:
    """Seconds below two minutes, minutes below two hours, hours above."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _sample(tree: Tree) -> str:
    """The beginning of a file of the tree, repeated to the length of a chunk."""
    from c2llm.codebase.walk import walk

    files = sorted(walk(tree.root).files, key=lambda file: -file.size)
    if not files:
        return "pass"
    with files[len(files) // 2].absolute.open("rb") as stream:
        text = stream.read(_TRIAL_CHARACTERS).decode("utf-8", "replace").strip() or "pass"
    return ((text + "\n") * (1 + _TRIAL_CHARACTERS // len(text)))[:_TRIAL_CHARACTERS]

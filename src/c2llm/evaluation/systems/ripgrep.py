"""Ripgrep as a system: what a developer without an index has.

It finds lines and ranks nothing, so the ranking is the one that its user makes by eye: documents
that hold more of the query's words come first, then those that hold them more often.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from c2llm.codebase.identifiers import fts_text
from c2llm.encoding.protocol import Progress
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.provenance import hash_source
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.systems.system import Ranking

RIPGREP = "ripgrep"
MOST_WORDS = 32
"""Words of a query that are looked for, the longest first: they say the most."""
SHORTEST_WORD = 3

_TIMEOUT = 120.0
_WORD = re.compile(r"[^\W_]+")


class RipgrepMissingError(UsageError):
    """`rg` is not on the PATH."""


class RipgrepSystem:
    """Documents by how many different words of the query `rg --ignore-case` finds in them.

    Each document is a line of one file, so that one process answers a query.

    Raises:
        RipgrepMissingError: without `rg` on the PATH.
    """

    name = RIPGREP

    def __init__(self) -> None:
        program = shutil.which("rg")
        if program is None:
            raise RipgrepMissingError(
                "ripgrep is not installed: there is no `rg` on the PATH; install it or leave "
                "ripgrep out."
            )
        self._program = program

    @cached_property
    def fingerprint(self) -> str:
        """Hash of ripgrep's version and of the code that ranks."""
        version = self._run(["--version"]).partition("\n")[0].split()
        made_by = hash_source("c2llm.codebase.identifiers", "c2llm.evaluation.systems.ripgrep")
        return f"rg{version[1] if len(version) > 1 else ''}-{made_by[:24]}"

    def rank(self, task: RetrievalTask, depth: int, progress: Progress) -> list[Ranking]:
        """Documents of each query that hold one of its words."""
        with TemporaryDirectory(prefix="c2llm-rg-") as folder:
            corpus, patterns = Path(folder) / "documents", Path(folder) / "words"
            with corpus.open("w", encoding="utf-8", errors="replace", newline="\n") as stream:
                for document in task.documents:
                    stream.write(document.text.replace("\n", " ") + "\n")
            progress(len(task.documents))
            rankings: list[Ranking] = []
            for query in task.queries:
                words = query_words(query.text)
                patterns.write_text("\n".join(words) + "\n", encoding="utf-8", errors="replace")
                rankings.append(rank_matches(self._matches(corpus, patterns, words))[:depth])
                progress(1)
        return rankings

    def _matches(self, corpus: Path, patterns: Path, words: list[str]) -> Iterable[str]:
        if not words:
            return []
        options = ["--no-config", "--text", "--ignore-case", "--fixed-strings", "--only-matching"]
        options += ["--line-number", "--no-heading", "--color=never", "--no-filename"]
        return self._run([*options, f"--file={patterns}", str(corpus)]).splitlines()

    def _run(self, arguments: list[str]) -> str:
        try:
            done = subprocess.run(
                [self._program, *arguments],
                capture_output=True,
                check=False,
                timeout=_TIMEOUT,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"ripgrep did not answer ({error}).") from error
        if done.returncode not in (0, 1):  # 1: nothing found
            said = done.stderr.decode("utf-8", "replace").strip()
            raise DataError(f"ripgrep failed ({said[:200]}).")
        return done.stdout.decode("utf-8", "replace")


def query_words(text: str) -> list[str]:
    """Words of a query, split as identifiers are, the longest first; articles are too short."""
    words = dict.fromkeys(
        word for word in _WORD.findall(fts_text(text).lower()) if len(word) >= SHORTEST_WORD
    )
    return sorted(words, key=lambda word: (-len(word), word))[:MOST_WORDS]


def rank_matches(lines: Iterable[str]) -> Ranking:
    """Positions of documents, best first, from lines `NUMBER:WORD` counted from 1."""
    kinds: dict[int, set[str]] = {}
    counts: Counter[int] = Counter()
    for line in lines:
        number, _, word = line.partition(":")
        if number.isdigit():
            position = int(number) - 1
            kinds.setdefault(position, set()).add(word.lower())
            counts[position] += 1
    order = sorted(kinds, key=lambda p: (-len(kinds[p]), -counts[p], p))
    return np.array(order, dtype=np.int64)

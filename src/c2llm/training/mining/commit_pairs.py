"""Pairs from history: what a commit says it does, and what it changed.

git is asked for what it has here, and runs nothing of the repository's (`codebase/git.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from c2llm.codebase.chunks import header
from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.languages import detect_language
from c2llm.errors import DataError
from c2llm.training.mining.mined_pair import MinedPair
from c2llm.training.mining.pair_filters import Limits, is_document, is_foreign, is_query

SCANNED = 10
"""Commits are looked at until `limits.per_repository` are found, at most so many times that."""
_FILES = 4
"""A commit that touches more files is about no one thing."""
_LINES = 5000
"""Of one commit; the rest is passed over."""

_LOG = (
    "log --no-merges --no-color --diff-filter=AM --unified=3 --relative -p -z"
    " --src-prefix=a/ --dst-prefix=b/ --format=%x01%an%x02%ae%x02%s%x03"
).split()

_MACHINE = re.compile(
    r"\[bot\]|\bbot\b|-bot@|^bot[-@]|dependabot|renovate|greenkeeper|github.actions|snyk|weblate"
    r"|crowdin|pre-commit|mergify|bors\b|homu|travis|jenkins",
    re.IGNORECASE,
)
_ROUTINE = re.compile(
    r"^(revert|reapply|merge|fixup!|squash!|amend!|wip\b|bump|release|version|changelog"
    r"|prepare (for )?(the )?(next )?(release|version)"
    r"|(update|upgrade|pin) (dependenc|deps|change|version|lock|licen|copyright|readme|author"
    r"|translat|snapshot|submodule|msrv)"
    r"|typos?\b|fix(es|ed)? (a |some )?(typo|lint|format|warning|build|ci|test|indent|white ?space)"
    r"|format|lint|reformat|cleanup|clean up|cosmetic|back ?port|cherry.?pick|sync"
    r"|initial (commit|import)|first commit|import |add (licen|readme|changelog|test)|no[- ]?op"
    r"|minor\b|address (review|comment|feedback)"
    r"|(chore|docs?|style|ci|build|tests?|release|deps|refactor)(\([^)]*\))?!?:)|^v?\d+(\.\d+)+",
    re.IGNORECASE,
)
_PREFIX = re.compile(
    r"^(?:(?:\[[^\]]{1,40}\]|\w+(?:\([^)]{1,40}\))?!?:|[A-Z]{2,}-\d+:?|#\d+:?)\s*)+"
)
_REFERENCE = re.compile(
    r"\s*(?:\(\s*(?:(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|see|gh|issue|pr)?[\s:-]*#?\d+"
    r"|[\w-]+/[\w-]+#\d+)\s*\)"
    r"|[,.]?\s*(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|see)[\s:]*(?:issue\s*)?#\d+|#\d+"
    r"|[,.]?\s*GitHub issue \d+.*$)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Commit:
    author: str
    subject: str
    files: list[tuple[str, list[str]]] = field(default_factory=list)
    """Paths with the lines of their hunks."""
    lines: int = 0


def commit_pairs(
    root: Path, limits: Limits, *, excluded: Callable[[str], bool] | None = None
) -> Iterator[MinedPair]:
    """Subjects of commits and their diffs, newest first; nothing where git or history is not there.

    Merges, reverts, bots, releases and routine work are left out, as are commits over many files,
    and of the rest the changes to tests, vendored code and what no grammar reads.

    Args:
        root: A directory; of a larger repository, only what lies below it counts.
        limits: What is worth training on.
        excluded: Tells by path relative to root what else to leave out.
    """
    for commit in _log(root, SCANNED * limits.per_repository):
        query = subject_query(commit.subject)
        if _MACHINE.search(commit.author) or not is_query(query, limits):
            continue
        changed = [path for path, _ in commit.files]
        kept = [
            (path, language, hunks)
            for path, hunks in commit.files
            if (language := detect_language(path)) in GRAMMARS
            and not is_foreign(path)
            and not (excluded and excluded(path))
        ]
        if not kept or len(changed) > 2 * _FILES or len(kept) > _FILES:
            continue
        text = "\n".join(line for path, _, hunks in kept for line in (path, *hunks))
        sizes: Counter[str] = Counter()
        for _, language, hunks in kept:
            sizes[str(language)] += len(hunks)
        if is_document(text, limits):
            yield MinedPair(
                query=query,
                positive=text,
                dataset="commit",
                language=sizes.most_common(1)[0][0],
                path=kept[0][0],
                symbol="",
                header=header(kept[0][0], "", ""),
            )


def subject_query(subject: str) -> str:
    """What a subject says, without tags and references; "" where it is routine."""
    if _ROUTINE.search(subject) or len(subject) > 200:
        return ""
    text = _REFERENCE.sub("", _PREFIX.sub("", subject)).strip(" .:-")
    if _ROUTINE.search(text) or len(text.split()) < 3:
        return ""
    return text[:1].upper() + text[1:]


def _log(root: Path, most: int) -> Iterator[_Commit]:
    """Commits with their hunks, as they are read; git is ended when the reader has enough."""
    git = Git(root, bare=is_git_directory(root))
    with (
        suppress(DataError),  # no git here, or one that does not come to an end
        git.stream(*_LOG, f"--max-count={most}", "--", ".") as output,
    ):
        yield from _parse(output)


def _parse(stream: IO[bytes]) -> Iterator[_Commit]:
    commit: _Commit | None = None
    in_hunk = False
    for raw in stream:
        line = raw.decode(errors="replace").rstrip("\n")
        while "\x01" in line and "\x03" in line:  # -z puts the next commit's head at a line's end
            _, _, rest = line.partition("\x01")
            head, _, line = rest.partition("\x03")
            if commit is not None:
                yield commit
            name, mail, subject = [*head.split("\x02"), "", "", ""][:3]
            commit, in_hunk = _Commit(f"{name} {mail}", subject), False
            line = line.lstrip("\0")
        if commit is None:
            continue
        commit.lines += 1
        if commit.lines > _LINES:
            continue
        line = line.strip("\0").rstrip("\r")
        if line.startswith("diff --git "):
            commit.files.append(("", []))
            in_hunk = False
        elif line.startswith("+++ b/") and not in_hunk and commit.files:
            commit.files[-1] = (line.removeprefix("+++ b/").rstrip("\t"), [])
        elif line.startswith("@@") and commit.files:
            in_hunk = True
            context = line.split("@@", 2)[2].strip()
            commit.files[-1][1].append(f"@@ {context}".rstrip())
        elif in_hunk and line[:1] in ("+", "-", " "):
            commit.files[-1][1].append(line)
    if commit is not None:
        yield commit

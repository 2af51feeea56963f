"""The hits of patterns in all commits of a repository, by the contents that its files have had.

A content is searched once however many commits have it, and what is found is kept by its name in
git, so that the next time only new contents are read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.analysis.added_lines import base_commit, object_texts, tree_objects
from c2llm.analysis.clones.roles import file_role
from c2llm.analysis.patterns.allowed import reason
from c2llm.analysis.patterns.find import Finder, fingerprint, table_model
from c2llm.analysis.patterns.history.changes import (
    Commit,
    CommitChanges,
    changes,
    commit_count,
    told_commits,
)
from c2llm.analysis.patterns.history.lives import Life, Lives, Seen
from c2llm.analysis.patterns.pattern import SEVERITIES, Pattern, is_asked
from c2llm.analysis.patterns.request import PatternsRequest
from c2llm.analysis.patterns.searched_text import Text, searched_text
from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.exclusions import directory_reason, file_reason
from c2llm.codebase.files.walk import MAX_FILE_BYTES, MOST_FILE_BYTES
from c2llm.codebase.git import Git
from c2llm.codebase.languages import detect_language, language_named
from c2llm.index.store.caches.kept_results import KeptResults
from c2llm.progress import ProgressBar, no_progress
from c2llm.search.query.globs import matching

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex

_FAMILY, _VERSION = "patterns-history", 2
_MOST_COMMITS = 50_000
_MOST_CONTENTS = 200_000
_CONTENTS_AT_ONCE = 500
_LONGEST_TEXT = 200
"""Characters of a hit that are kept."""


@dataclass(frozen=True, slots=True)
class HitLife:
    """A hit with the commits that it came and went with."""

    pattern: Pattern
    repository: str
    path: str
    """Where it is, or was last."""
    line: int
    symbol: str
    text: str
    """Its first line."""
    score: float
    role: str
    is_present: bool
    """Whether the newest commit has it."""
    came: Commit | None
    """None where it was there before the commits that were read."""
    left: Commit | None
    """Of one that is gone; None where a merge has dropped it."""
    returned: Commit | None
    """The last commit that it came back with, after it had gone."""


@dataclass(frozen=True, slots=True)
class PatternHistory:
    """All hits that commits have had."""

    patterns: Sequence[Pattern]
    present: Sequence[HitLife]
    """The gravest first, of those the newest."""
    gone: Sequence[HitLife]
    """What has left last comes first."""
    apart: int
    """Hits in tests and generated code that are not told."""
    commits: int
    contents: int
    """Contents of files that the commits have had."""
    searched: int
    """Those that were searched anew."""
    notes: Sequence[str]
    missed: frozenset[str]
    """Names of the patterns that a content took too long to be searched for."""


def pattern_history(
    indexes: Sequence[CodeIndex],
    patterns: Sequence[Pattern],
    request: PatternsRequest,
    since: str | None = None,
    progress: ProgressBar = no_progress,
) -> PatternHistory:
    """When the hits of patterns came into repositories, and when they left.

    What is not committed does not count.

    Args:
        indexes: Of trees in git repositories.
        patterns: What is looked for.
        request: Where; hits that are told apart are counted.
        since: Only what has come or gone since this revision; None for all.
        progress: Shows how far it has come, in contents.

    Raises:
        UsageError: A tree is in no repository, or there is no such revision.
        DataError: Git does not read it, or a filter cannot be compiled.
    """
    found: list[HitLife] = []
    notes: dict[str, None] = {}
    missed: set[str] = set()
    commits = contents = searched = 0
    for index in indexes:
        one = _Repository(index, patterns, request, since)
        found += one.lives(progress)
        notes.update(dict.fromkeys(one.notes))
        missed |= one.missed
        commits, contents = commits + one.commits, contents + one.contents
        searched += one.searched
    told = [life for life in found if life.role not in request.apart]
    present = [life for life in told if life.is_present]
    gone = [life for life in told if not life.is_present]
    return PatternHistory(
        patterns=tuple(patterns),
        present=tuple(sorted(sorted(present, key=_came, reverse=True), key=_grade)),
        gone=tuple(sorted(gone, key=_left, reverse=True)),
        apart=len(found) - len(told),
        commits=commits,
        contents=contents,
        searched=searched,
        notes=tuple(notes),
        missed=frozenset(missed),
    )


class _Repository:
    """The commits of the repository that one index is in."""

    def __init__(
        self,
        index: CodeIndex,
        patterns: Sequence[Pattern],
        request: PatternsRequest,
        since: str | None,
    ) -> None:
        self._index = index
        self._patterns = patterns
        self._request = request
        self._git = Git(Path(index.root))
        self._base = base_commit(self._git, since or "HEAD")
        self._since = since
        self._languages: dict[str, str] = {}
        self._model = table_model()
        self._hits: dict[tuple[str, str], tuple[Seen, ...]] = {}
        self.notes: list[str] = []
        self.missed: set[str] = set()
        self.commits = self.contents = self.searched = 0

    def lives(self, progress: ProgressBar) -> list[HitLife]:
        """All hits, those that are there and those that are gone."""
        revisions = ["HEAD"] if self._since is None else ["HEAD", f"^{self._base}"]
        self.commits = commit_count(self._git, revisions)
        if self.commits > _MOST_COMMITS:
            self.notes.append(
                f"Only the newest {_MOST_COMMITS:,} of {self.commits:,} commits of "
                f"{self._git.root} were read."
            )
        read = list(changes(self._git, revisions, self._is_asked, _MOST_COMMITS))
        head = {
            path: content
            for path, content in tree_objects(self._git, "HEAD")[0].items()
            if self._is_asked(path)
        }
        self._search(_contents(read, head), progress)
        lives = Lives(lambda content, path: self._hits.get((content, self._language(path)), ()))
        for commit in read:
            lives.follow(commit)
        present = lives.present(head)
        gone = lives.gone(present)
        if self._since is not None:
            present = [life for life in present if life.came or life.returned]
            gone = [life for life in gone if life.left or life.came]
        wanted = {
            one
            for life in (*present, *gone)
            for one in (life.came, *life.left[-1:], *life.returned[-1:])
            if one is not None
        }
        told = told_commits(self._git, wanted)
        return [
            *(self._told(life, told, is_present=True) for life in present),
            *(self._told(life, told, is_present=False) for life in gone),
        ]

    def _told(self, life: Life, told: Mapping[str, Commit], *, is_present: bool) -> HitLife:
        seen = life.seen
        return HitLife(
            pattern=self._patterns[seen.pattern],
            repository=self._index.label,
            path=life.path,
            line=seen.line,
            symbol=seen.symbol,
            text=seen.text,
            score=seen.score,
            role=file_role(life.path, self._language(life.path), generated=False),
            is_present=is_present,
            came=None if life.came is None else told[life.came],
            left=None if is_present or not life.left else told[life.left[-1]],
            returned=told[life.returned[-1]] if life.returned else None,
        )

    def _is_asked(self, path: str) -> bool:
        return bool(self._language(path))

    def _language(self, path: str) -> str:
        """The language of a file that is searched, "" for one that is not."""
        if path not in self._languages:
            self._languages[path] = self._judged(path)
        return self._languages[path]

    def _judged(self, path: str) -> str:
        """As the walk would judge a file by its name; a notebook is of Python until it is read."""
        language = "python" if path.endswith(NOTEBOOK) else detect_language(path) or ""
        *folders, name = path.split("/")
        request = self._request
        wanted = [language_named(one) for one in request.languages]
        if (
            (wanted and language not in wanted)
            or not is_asked(self._patterns, language)
            or any(directory_reason(folder, ()) is not None for folder in folders)
            or file_reason(name) is not None
            or (request.include and not any(matching([path], one) for one in request.include))
            or any(matching([path], one) for one in request.exclude)
        ):
            return ""
        return language

    def _search(self, contents: Iterable[tuple[str, str]], progress: ProgressBar) -> None:
        """Have the hits of contents, each given by its object and one of its paths."""
        paths: dict[tuple[str, str], str] = {}
        for content, path in contents:
            paths.setdefault((content, self._language(path)), path)
        self.contents = len(paths)
        wanted = list(paths)[:_MOST_CONTENTS]
        if len(wanted) < len(paths):
            self.notes.append(
                f"Only {_MOST_CONTENTS:,} of {len(paths):,} contents of files were searched; name "
                "a folder or a revision (--since)."
            )
        kinds = [
            f"{_FAMILY} {one.name} {_VERSION} {one.digest.hex()} {self._model.fingerprint}"
            for one in self._patterns
        ]
        keys = {_key(*one): one for one in wanted}
        index = self._index
        with KeptResults(index.file if index.is_kept else None) as kept:
            known = [_unpacked(kept.get(kind, keys), at) for at, kind in enumerate(kinds)]
            missing = [one for key, one in keys.items() if any(key not in rows for rows in known)]
            for key, one in keys.items():
                self._keep(one, [seen for rows in known for seen in rows.get(key, ())])
            if not missing:
                return
            with progress("Reading history", len(missing)) as advance:
                self._search_anew(missing, paths, kinds, kept, advance)
            families = tuple(f"{_FAMILY} {one.name} " for one in self._patterns)
            if self._since is None:
                kept.keep_only(kinds, keys, family=families)

    def _search_anew(
        self,
        missing: Sequence[tuple[str, str]],
        paths: Mapping[tuple[str, str], str],
        kinds: Sequence[str],
        kept: KeptResults,
        advance: Callable[[int], object],
    ) -> None:
        finder = Finder(self._patterns, self._model.get())
        named = {
            f"{content}:{paths[content, language]}": (content, language)
            for content, language in missing
        }
        new: list[dict[bytes, bytes]] = [{} for _ in kinds]
        lost: list[str] = []

        def texts() -> Iterator[Text]:
            all_names = list(named)
            for start in range(0, len(all_names), _CONTENTS_AT_ONCE):
                names = all_names[start : start + _CONTENTS_AT_ONCE]
                objects = [named[name][0] for name in names]
                for name, text in zip(names, object_texts(self._git, objects, lost), strict=True):
                    most = MOST_FILE_BYTES if name.endswith(NOTEBOOK) else MAX_FILE_BYTES
                    if len(text) > most:
                        text = ""
                    yield searched_text(name, text, named[name][1])

        for text, found in finder.found(texts(), len(missing)):
            one = named[text.path]
            seen = [
                Seen(
                    number,
                    fingerprint(
                        self._patterns[number].name, lines[place.start_line - 1 : place.end_line]
                    ),
                    text.row(place.start_line),
                    place.symbol,
                    lines[place.start_line - 1].strip()[:_LONGEST_TEXT],
                    score,
                )
                for lines in ([text.lines] if found else [])
                for number, some in found.items()
                for place, score, _ in some
                if not reason(lines, place.start_line, place.end_line, self._patterns[number].name)
            ]
            self._keep(one, seen)
            self.searched += 1
            advance(1)
            if text.path not in finder.incomplete and (text.text or one[0] not in lost):
                for number, rows in enumerate(new):
                    rows[_key(*one)] = _packed(seen, number)
            if self.searched % _CONTENTS_AT_ONCE == 0:
                _put(kept, kinds, new)
        _put(kept, kinds, new)
        self.notes += finder.notes
        self.missed |= finder.missed
        if lost:
            self.notes.append(
                f"{len(lost):,} contents of files are not in {self._git.root}, a partial clone, "
                "and were not searched; git fetch --refetch has them."
            )

    def _keep(self, one: tuple[str, str], seen: Sequence[Seen]) -> None:
        if seen:
            self._hits[one] = tuple(sorted(seen, key=lambda hit: (hit.line, hit.pattern)))


def _contents(
    commits: Iterable[CommitChanges], head: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Objects with their paths, the newest first."""
    for path, content in head.items():
        yield content, path
    for commit in reversed(list(commits)):
        for change in commit.files:
            for one in (change.after, *change.before):
                if one is not None:
                    yield one, change.path


def _key(content: str, language: str) -> bytes:
    return bytes.fromhex(content) + language.encode()


def _put(kept: KeptResults, kinds: Sequence[str], new: Sequence[dict[bytes, bytes]]) -> None:
    for kind, rows in zip(kinds, new, strict=True):
        kept.put(kind, rows)
        rows.clear()


def _packed(seen: Sequence[Seen], number: int) -> bytes:
    return json.dumps([one[1:] for one in seen if one.pattern == number]).encode()


def _unpacked(packed: Mapping[bytes, bytes], number: int) -> dict[bytes, list[Seen]]:
    """What is kept and whole; what is damaged is found anew."""
    found: dict[bytes, list[Seen]] = {}
    for key, content in packed.items():
        if content == b"[]":
            found[key] = []
            continue
        with suppress(ValueError, TypeError):
            found[key] = [
                Seen(number, str(mark), int(line), str(symbol), str(text), float(score))
                for mark, line, symbol, text, score in json.loads(content)
            ]
    return found


def _grade(life: HitLife) -> tuple[bool, int]:
    return life.pattern.hint, -SEVERITIES.index(life.pattern.severity)


def _came(life: HitLife) -> str:
    return life.came.date if life.came is not None else ""


def _left(life: HitLife) -> str:
    return life.left.date if life.left is not None else ""

"""Two trees to what differs between them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from c2llm.analysis.changes.change import Effect
from c2llm.analysis.changes.compare import changes_between
from c2llm.analysis.changes.reading import reading_of
from c2llm.analysis.changes.renames import shared_renames
from c2llm.analysis.drift.files import PairedFiles, paired_files
from c2llm.analysis.drift.kept_changes import KeptChanges
from c2llm.analysis.drift.matching import Match, Matches, match_functions
from c2llm.analysis.drift.parts import pieces_of, sources_of
from c2llm.analysis.drift.ranking import is_test, ranked
from c2llm.analysis.drift.report import DriftReport, FunctionDrift, Relation
from c2llm.analysis.drift.request import DriftRequest
from c2llm.analysis.drift.values import value_changes
from c2llm.analysis.trees.code_tree import CodeTree, Function
from c2llm.codebase.languages import family
from c2llm.progress import ProgressBar, no_progress

_ADDED, _REMOVED = 0.2, 0.35
"""Weights of a function that one tree alone has: who calls it shows in what calls it."""
_MOST_SPLIT = 300
"""Functions that are gone and looked for in pieces."""
_WORD = re.compile(r"[^\W\d]\w*")


def compare_trees(
    before: CodeTree,
    after: CodeTree,
    request: DriftRequest | None = None,
    *,
    progress: ProgressBar = no_progress,
    kept: KeptChanges | None = None,
) -> DriftReport:
    """What differs between two trees, function by function.

    Files of the same content are not looked into, wherever they are.

    Args:
        before: The older tree, or the origin.
        after: The newer tree, or the copy.
        request: Which files are compared; all by default.
        progress: Shows how far it has come.
        kept: Where changes are kept by the content of both versions.

    Raises:
        UsageError: No file is meant.
        DataError: A tree cannot be read.
    """
    request = request or DriftRequest()
    left, right = request.chosen(before.files(), after.files())
    old = {path: content for path, content in before.files().items() if path in left}
    new = {path: content for path, content in after.files().items() if path in right}
    files = paired_files(old, new)
    before.read_ahead([*(path for path, _ in files.changed), *files.gone])
    after.read_ahead([*(path for _, path in files.changed), *files.came])
    functions = _Comparison(before, after, files, kept or KeptChanges(None)).run(progress)
    ordered = sorted(functions, key=_rank)
    return DriftReport(
        before.label,
        after.label,
        tuple(ordered),
        value_changes(ordered),
        files.moved,
        len(old) + len(new) - files.same - len(files.moved) - len(files.changed),
        files.same,
        _not_compared(request, before, after),
    )


def _not_compared(request: DriftRequest, before: CodeTree, after: CodeTree) -> tuple[str, ...]:
    old, new = before.too_large(), after.too_large()
    differing = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    return tuple(sorted(request.among(differing))) if differing else ()


def _rank(one: FunctionDrift) -> tuple[float, float, str, int]:
    place = one.after or one.before
    assert place is not None
    return -one.effect, -one.weight, place.path, place.start_line


@dataclass(slots=True)
class _Comparison:
    before: CodeTree
    after: CodeTree
    files: PairedFiles
    kept: KeptChanges
    renamed: dict[str, str] = field(default_factory=dict)

    def run(self, progress: ProgressBar) -> list[FunctionDrift]:
        """All functions that are not the same."""
        matches = self._matched(progress)
        changed = [match for match in matches.found if match.relation != "same" or _differ(match)]
        self.renamed = self._renames(changed)
        extracted = sources_of(_named(matches.came), changed, newer=True)
        inlined = sources_of(_named(matches.gone), changed, newer=False)
        keys = [
            self.kept.key(
                match.before,
                match.after,
                self.renamed,
                extracted.get(number, []),
                inlined.get(number, []),
            )
            for number, match in enumerate(changed)
        ]
        self.kept.load(keys)
        found: list[FunctionDrift] = []
        with progress("Comparing", len(changed)) as advance:
            for number, (match, key) in enumerate(zip(changed, keys, strict=True)):
                parts = extracted.get(number, []), inlined.get(number, [])
                drift = self._drift(match, *parts, key)
                if drift is not None:
                    found.append(drift)
                advance(1)
        known = {
            id(one) for parts in (extracted, inlined) for some in parts.values() for one in some
        }
        found += self._alone(matches, known)
        self.kept.write()
        return found

    def _matched(self, progress: ProgressBar) -> Matches:
        files = self.files
        total = 2 * len(files.changed) + len(files.gone) + len(files.came)
        with progress("Reading", total) as advance:
            read = _reading(advance)
            pairs = [
                _with_rests(read(self.before, one), read(self.after, other))
                for one, other in files.changed
            ]
            gone = [one for path in files.gone for one in read(self.before, path)]
            came = [one for path in files.came for one in read(self.after, path)]
        return match_functions(pairs, gone, came)

    def _renames(self, changed: Sequence[Match]) -> dict[str, str]:
        """Names that are others throughout: of functions, and of what files define."""
        found: dict[str, str] = {}
        refused: set[str] = set()
        by_file: dict[tuple[str, str], list[Match]] = defaultdict(list)
        for match in changed:
            by_file[match.before.path, match.after.path].append(match)
        # A name that is still there anywhere in the files was not renamed throughout.
        for (path, other), matches in by_file.items():
            pairs = [(reading_of(m.before), reading_of(m.after)) for m in matches]
            renames = {
                m.before.name: m.after.name
                for m in matches
                if m.relation == "renamed" and m.before.name and m.after.name
            } | shared_renames(pairs)
            words, others = self._words(path, older=True), self._words(other, older=False)
            for name, newer in renames.items():
                is_gone = name not in others and newer not in words
                if not is_gone or found.get(name, newer) != newer:
                    refused.add(name)
                else:
                    found[name] = newer
        return {name: newer for name, newer in found.items() if name not in refused}

    def _words(self, path: str, *, older: bool) -> frozenset[str]:
        tree = self.before if older else self.after
        return frozenset(word for one in tree.functions(path) for word in _words_of(one.text))

    def _drift(
        self,
        match: Match,
        extracted: Sequence[Function],
        inlined: Sequence[Function],
        key: bytes,
    ) -> FunctionDrift | None:
        one, other = match.before, match.after
        changes = self.kept.get(key, one, other)
        if changes is None:
            changes = changes_between(
                one, other, self.renamed, extracted=extracted, inlined=inlined
            )
            self.kept.put(key, one, other, changes)
        relation: Relation = match.relation
        if not changes and relation == "same":
            return None
        if extracted:
            relation = "split"
        elif inlined:
            relation = "merged"
        elif relation == "renamed" and one.name == other.name:
            relation = "moved"
        effect = max((change.effect for change in changes), default=Effect.COSMETIC)
        if relation not in ("same", "renamed"):
            effect = max(effect, Effect.STRUCTURAL)
        weight, reasons = ranked(changes, other)
        reasons = (*_related(relation, one, other), *reasons)
        parts = (*extracted, *inlined)
        return FunctionDrift(one, other, relation, parts, effect, weight, reasons, changes)

    def _alone(self, matches: Matches, known: set[int]) -> list[FunctionDrift]:
        """Functions of one tree, and those that are in several pieces in the other one."""
        found: list[FunctionDrift] = []
        taken = set(known)
        gone, came = _named(matches.gone), _named(matches.came)
        sides: list[tuple[Sequence[Function], Sequence[Function], Relation]] = [
            (gone, came, "split"),
            (came, gone, "merged"),
        ]
        for wholes, others, relation in sides:
            for one in wholes[:_MOST_SPLIT]:
                if id(one) in taken:
                    continue
                near = [other for other in others if id(other) not in taken]
                parts = pieces_of(one, [other for other in near if other.language == one.language])
                if parts:
                    taken |= {id(one), *map(id, parts)}
                    found.append(self._in_pieces(one, parts, relation))
        for one in matches.gone:
            if id(one) not in taken and one.text.strip():
                found.append(_only(one, newer=False))
        for one in matches.came:
            if id(one) not in taken and one.text.strip():
                found.append(_only(one, newer=True))
        return found

    def _in_pieces(
        self, whole: Function, parts: Sequence[Function], relation: Relation
    ) -> FunctionDrift:
        first, *rest = parts
        if relation == "split":
            changes = changes_between(whole, first, self.renamed, extracted=rest)
        else:
            changes = changes_between(first, whole, self.renamed, inlined=rest)
        before, after = (whole, first) if relation == "split" else (first, whole)
        effect = max((Effect.STRUCTURAL, *(change.effect for change in changes)))
        weight, reasons = ranked(changes, after)
        names = ", ".join(part.name for part in parts)
        said = f"split into {names}" if relation == "split" else f"merged from {names}"
        return FunctionDrift(
            before, after, relation, tuple(rest), effect, weight, (said, *reasons), changes
        )


def _with_rests(
    before: Sequence[Function], after: Sequence[Function]
) -> tuple[Sequence[Function], Sequence[Function]]:
    """The pieces of both versions of a file, what is outside of functions on both sides."""
    rest = next((one for one in before if not one.name), None)
    other = next((one for one in after if not one.name), None)
    if rest is None and other is not None:
        before = (*before, _empty(other, before))
    elif other is None and rest is not None:
        after = (*after, _empty(rest, after))
    return before, after


def _empty(rest: Function, beside: Sequence[Function]) -> Function:
    path = beside[0].path if beside else rest.path
    return replace(rest, path=path, start_line=1, end_line=1, text="")


def _only(function: Function, *, newer: bool) -> FunctionDrift:
    """What one tree alone has.

    What is gone may be missed: by who calls it from elsewhere, by a class whose base acts in its
    place. What came does nothing until it is called, but settings, which are read.
    """
    weight = _ADDED if newer else _REMOVED
    if is_test(function):
        weight *= 0.4
    reason = "only in the newer tree" if newer else "only in the older tree"
    before, after = (None, function) if newer else (function, None)
    relation: Relation = "added" if newer else "removed"
    is_read = family(function.language) == "config"
    effect = Effect.STRUCTURAL if newer and not is_read else Effect.BEHAVIOUR
    return FunctionDrift(before, after, relation, (), effect, round(weight, 3), (reason,), ())


def _reading(advance: Callable[[int], object]) -> Callable[[CodeTree, str], Sequence[Function]]:
    def read(tree: CodeTree, path: str) -> Sequence[Function]:
        found = tree.functions(path)
        advance(1)
        return found

    return read


def _differ(match: Match) -> bool:
    return match.before.text != match.after.text


def _named(functions: Sequence[Function]) -> list[Function]:
    return [one for one in functions if one.name]


def _related(relation: Relation, one: Function, other: Function) -> tuple[str, ...]:
    if relation == "renamed":
        return (f"was called {one.name}",)
    if relation == "moved":
        if one.path != other.path:
            return (f"was in {one.path}",)
        return (f"was in {one.scope}",) if one.scope else ("was outside of a class",)
    return ()


@lru_cache(maxsize=5_000)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))

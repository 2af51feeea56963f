"""Two versions of a function to what differs between them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from c2llm.analysis.changes.aligning import Block, alike, blocks, pairs_by_likeness
from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.changes.directives import is_directive
from c2llm.analysis.changes.imports import import_changes
from c2llm.analysis.changes.reading import reading_of
from c2llm.analysis.changes.renames import Renames, local_renames, renamed_key
from c2llm.analysis.changes.settings import is_settings, settings_changes
from c2llm.analysis.changes.telling import At, hunk, shown, whole
from c2llm.analysis.changes.tokens import Reading, Token, Unit
from c2llm.analysis.changes.weights import WEIGHTS, weight_of
from c2llm.analysis.trees.code_tree import Function

_REWRITTEN = 0.5
"""A statement that has less in common with the older one, in many places, is told as a whole."""
_MANY_PLACES = 4
_ENDING = frozenset("return raise throw break continue yield goto exit".split())
_NO_RENAMES: Renames = {}
_OPENERS, _CLOSERS = frozenset("([{"), frozenset(")]}")
_ASSIGNS = re.compile(r"[-+*/%&|^<>:?~]{0,3}=|<-|\+\+|--")
_DEEPEST = 60
_COUNTED = re.compile(
    r"enumerator|enum_(variant|member_declaration|constant|entry|assignment)|property_identifier"
)
"""Members that are numbered in their order."""
_LAID_OUT = frozenset(("c", "cpp"))
"""Languages whose fields lie in memory as they are written."""


def changes_between(
    before: Function,
    after: Function,
    renamed: Mapping[str, str] = _NO_RENAMES,
    *,
    extracted: Sequence[Function] = (),
    inlined: Sequence[Function] = (),
) -> tuple[Change, ...]:
    """What differs between two versions of a function, the gravest first.

    The code of both is read by the grammar of its language, or line by line where there is none.
    Settings (YAML, TOML, JSON, INI, `.env`) are compared value by value.

    Args:
        before: The older version.
        after: The newer version.
        renamed: Names from outside of the function that are others in the newer version
            throughout, such as those of other functions.
        extracted: New functions that statements of this one went to: such a statement, and a call
            of one of them, is structural.
        inlined: Functions that are gone, whose statements may be here now, likewise.
    """
    if before.language == after.language and _lines_of(before) == _lines_of(after):
        return ()
    if is_settings(before) and is_settings(after):
        told = settings_changes(before, after)
        if told is not None:
            return _ranked(told)
    one, other = reading_of(before), reading_of(after)
    known = _known(one, other, renamed)
    pools = _Pool(extracted), _Pool(inlined)
    comparison = _Comparison(one, other, known, *pools, are_local=bool(before.name))
    found = list(comparison.changes())
    if not found and before.text != after.text:
        lines = before.start_line, after.start_line
        found = [Change(Effect.COSMETIC, "format", "", "", "", *lines, WEIGHTS["format"])]
    return _ranked(found)


def _lines_of(function: Function) -> str | list[str]:
    """The text; of what is outside of functions, whose empty lines move with those, its lines."""
    if function.name:
        return function.text
    return [line for line in function.text.split("\n") if line.strip()]


def _ranked(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(
        sorted(
            changes,
            key=lambda one: (-one.effect, -one.weight, one.line_before, one.line_after, one.what),
        )
    )


def _known(before: Reading, after: Reading, renamed: Mapping[str, str]) -> dict[str, str]:
    if not renamed:
        return {}
    names, others = before.names(), after.names()
    return {old: new for old, new in renamed.items() if old in names and old not in others}


class _Pool:
    """The statements of some functions, each to be taken as often as it is there."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self.names = {function.name for function in functions}
        units = [unit for function in functions for unit in reading_of(function).units]
        self._left = Counter(unit.key for unit in units)

    def take(self, keys: Sequence[tuple[str, ...]]) -> bool:
        """Whether statements are all there; they are not any more."""
        wanted = Counter(keys)
        if not wanted <= self._left:
            return False
        self._left -= wanted
        return True

    def has(self, key: tuple[str, ...]) -> bool:
        """Whether a statement is there."""
        return self._left[key] > 0

    def calls(self, unit: Unit) -> bool:
        """Whether a statement calls one of the functions."""
        return any(token.is_called and token.text in self.names for token in unit.tokens)


@dataclass(slots=True)
class _Comparison:
    before: Reading
    after: Reading
    known: Renames
    extracted: _Pool
    inlined: _Pool
    are_local: bool
    renames: Renames = field(init=False)
    old: list[Unit] = field(init=False)
    new: list[Unit] = field(init=False)
    partner: dict[int, int] = field(init=False)
    """Statements of the older version to those of the newer one."""

    def __post_init__(self) -> None:
        self.renames = local_renames(self.before, self.after, are_local=self.are_local)
        self.old, self.new = self.before.units, self.after.units
        self.partner = {}

    def changes(self) -> Iterator[Change]:
        """All changes, in no order."""
        yield from self._renamed()
        yield from _remarks(self.before, self.after, "comment", Effect.COSMETIC)
        yield from _remarks(self.before, self.after, "directive", Effect.BEHAVIOUR)
        yield from _remarks(self.before, self.after, "annotation", Effect.STRUCTURAL)
        yield from import_changes(self.before, self.after)
        yield from self._statements()

    def _renamed(self) -> Iterator[Change]:
        places = {token.text: token for token in reversed(list(self.before.tokens()))}
        others = {token.text: token for token in reversed(list(self.after.tokens()))}
        for old, new in {**self.known, **self.renames}.items():
            if old in places and new in others:
                lines = self.before.line(places[old]), self.after.line(others[new])
                yield Change(Effect.COSMETIC, "rename", old, old, new, *lines, WEIGHTS["rename"])

    def _statements(self) -> Iterator[Change]:
        rows = [at for at, unit in enumerate(self.old) if not unit.is_import]
        others = [at for at, unit in enumerate(self.new) if not unit.is_import]
        left = [renamed_key(self.old[at], self.renames, self.known) for at in rows]
        right = [self.new[at].key for at in others]
        gone: list[int] = []
        came: list[int] = []
        edited: list[tuple[int, int]] = []
        follows: dict[int, int] = {}
        """For a statement without partner the last one of the other side before it."""
        for block in blocks(left, right):
            for at, other in self._paired(block, left, right):
                self.partner[rows[at]] = others[other]
                if left[at] != right[other]:
                    edited.append((rows[at], others[other]))
            if not block.same:
                gone += [rows[i] for i in range(block.first, block.last)]
                came += [others[j] for j in range(block.other_first, block.other_last)]
                before = others[block.other_first - 1] if block.other_first else -1
                follows |= {rows[i]: before for i in range(block.first, block.last)}
                before = rows[block.first - 1] if block.first else -1
                follows |= {~others[j]: before for j in range(block.other_first, block.other_last)}
        taken = set(self.partner.values())
        gone = [at for at in gone if at not in self.partner]
        came = [at for at in came if at not in taken]
        moved = self._moved(gone, came)
        self.partner |= moved
        for at, other in edited:
            yield from self._edited(at, other)
        yield from self._moves(moved)
        yield from self._nesting(moved)
        lost = [at for at in gone if at not in moved]
        fresh = sorted(set(came) - set(moved.values()))
        for group in _groups(self.old, lost):
            line = self._line(self.after, self.new, follows[group[0]])
            units = [self.old[at] for at in group]
            change = whole(self.before, units, gone=True, line=line)
            keys = [renamed_key(unit, self.renames, self.known) for unit in units]
            if self.inlined.calls(units[0]) or self.extracted.take(keys):
                change = _in_other_place(change, "extracted" if change.what != "call" else "call")
            yield change
        for group in _groups(self.new, fresh):
            line = self._line(self.before, self.old, follows[~group[0]])
            units = [self.new[at] for at in group]
            change = whole(self.after, units, gone=False, line=line)
            if self.extracted.calls(units[0]) or self.inlined.take([unit.key for unit in units]):
                change = _in_other_place(change, "inlined" if change.what != "call" else "call")
            yield change

    def _paired(
        self, block: Block, left: Sequence[tuple[str, ...]], right: Sequence[tuple[str, ...]]
    ) -> list[tuple[int, int]]:
        rows = range(block.first, block.last)
        others = range(block.other_first, block.other_last)
        if block.same:
            return list(zip(rows, others, strict=True))
        # What is the same elsewhere in the block has moved, and is nobody else's other version.
        one, other = [left[i] for i in rows], [right[j] for j in others]
        common = Counter(one) & Counter(other)
        free = [
            i for i in range(len(one)) if one[i] not in common and not self.extracted.has(one[i])
        ]
        free_others = [
            j
            for j in range(len(other))
            if other[j] not in common and not self.inlined.has(other[j])
        ]
        inner = pairs_by_likeness([one[i] for i in free], [other[j] for j in free_others])
        return [(block.first + free[i], block.other_first + free_others[j]) for i, j in inner]

    @staticmethod
    def _line(reading: Reading, units: Sequence[Unit], at: int) -> int:
        return reading.line(units[at].tokens[-1]) if at >= 0 else reading.first_line

    # -- order and nesting -----------------------------------------------------------------------

    def _moved(self, gone: Sequence[int], came: Sequence[int]) -> dict[int, int]:
        """Statements that are the same in another place."""
        places: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for other in came:
            places[self.new[other].key].append(other)
        found: dict[int, int] = {}
        for at in gone:
            waiting = places.get(renamed_key(self.old[at], self.renames, self.known))
            if waiting:
                found[at] = waiting.pop(0)
        return found

    def _moves(self, moved: Mapping[int, int]) -> Iterator[Change]:
        backwards = {other: at for at, other in self.partner.items()}
        for at, other in moved.items():
            unit, newer = self.old[at], self.new[other]
            if unit.parent in moved and moved[unit.parent] == newer.parent:
                continue
            crossed = self._crossed(at, other, backwards)
            if not crossed:
                continue
            whole_of = [unit, *(self.old[one] for one in self._within(at))]
            others = [self.new[one] for one in crossed]
            is_free = not self._is_laid_out(unit) and all(_is_free(one, others) for one in whole_of)
            effect = Effect.STRUCTURAL if is_free else Effect.BEHAVIOUR
            name = next((t.text for t in unit.tokens if t.is_called or t.is_bound), "")
            yield Change(
                effect,
                "order",
                name,
                shown(self.before, unit.tokens),
                shown(self.after, newer.tokens),
                self.before.line(unit.tokens[0]),
                self.after.line(newer.tokens[0]),
                weight_of("order") if effect == Effect.BEHAVIOUR else 0.1,
            )

    def _is_laid_out(self, unit: Unit) -> bool:
        """Whether a member has its value, or its place in memory, from where it stands."""
        if _COUNTED.fullmatch(unit.kind):
            return True
        is_field = unit.kind == "field_declaration" and self.before.language in _LAID_OUT
        return is_field and not any(token.text == "(" for token in unit.tokens)

    def _within(self, at: int) -> list[int]:
        """The statements in one of the older version."""
        found = {at}
        for place in range(at + 1, len(self.old)):
            if self.old[place].parent in found:
                found.add(place)
        return sorted(found - {at})

    def _crossed(self, at: int, other: int, backwards: Mapping[int, int]) -> list[int]:
        """Statements of the newer version that stood on the other side of one that has moved."""
        return [
            place
            for place in range(len(self.new))
            if (old := backwards.get(place)) is not None
            and old != at
            and (old < at) != (place < other)
        ]

    def _nesting(self, moved: Mapping[int, int]) -> Iterator[Change]:
        """Statements that are the same under another condition, loop or the like."""
        paired = set(self.partner.values())
        told: set[tuple[int, int]] = set()
        for at, other in sorted(self.partner.items()):
            above, around = self.old[at].parent, self.new[other].parent
            if at in moved:
                continue
            same = self.partner.get(above, -1) == around if above >= 0 else around < 0
            if same and self._branch(at, above) == self._branch_after(other, around):
                continue
            # What is new around it, or no longer around it, is told by itself.
            lost = above >= 0 and above not in self.partner
            fresh = around >= 0 and around not in paired
            if lost or fresh or (above, around) in told:
                continue
            told.add((above, around))
            unit, newer = self.old[at], self.new[other]
            yield Change(
                Effect.BEHAVIOUR,
                "nesting",
                next((t.text for t in unit.tokens if t.kind == "name"), ""),
                shown(self.before, unit.tokens),
                shown(self.after, newer.tokens),
                self.before.line(unit.tokens[0]),
                self.after.line(newer.tokens[0]),
                weight_of("nesting"),
            )

    def _branch(self, at: int, above: int) -> bool:
        return above >= 0 and self.old[at].branch in _OTHER_BRANCHES

    def _branch_after(self, at: int, above: int) -> bool:
        return above >= 0 and self.new[at].branch in _OTHER_BRANCHES

    # -- within a statement ----------------------------------------------------------------------

    def _edited(self, at: int, other: int) -> Iterator[Change]:
        unit, newer = self.old[at], self.new[other]
        left = renamed_key(unit, self.renames, self.known)
        right = newer.key
        if sorted(left) == sorted(right):
            if _keywords_sorted(unit, left) == _keywords_sorted(newer, right):
                yield self._reordered(unit, newer, Effect.STRUCTURAL, "order", 0.1)
                return
            calls = any(token.role == "argument" for token in unit.tokens)
            what = "argument" if calls else "order"
            yield self._reordered(unit, newer, Effect.BEHAVIOUR, what, weight_of(what))
            return
        parts = [block for block in blocks(left, right) if not block.same]
        if len(parts) > _MANY_PLACES and alike(left, right) < _REWRITTEN:
            what = "condition" if any(t.role == "condition" for t in unit.tokens) else "statement"
            yield self._reordered(unit, newer, Effect.BEHAVIOUR, what, weight_of(what))
            return
        for part in parts:
            before = unit.tokens[part.first : part.last]
            after = newer.tokens[part.other_first : part.other_last]
            place = At(self.before, self.after, unit, newer, part.first, part.other_first)
            yield hunk(self.before, self.after, before, after, place)

    def _reordered(
        self, unit: Unit, newer: Unit, effect: Effect, what: str, weight: float
    ) -> Change:
        called = next((t.text for t in unit.tokens if t.is_called), "")
        return Change(
            effect,
            what,
            called or next((t.text for t in unit.tokens if t.is_bound), ""),
            shown(self.before, unit.tokens),
            shown(self.after, newer.tokens),
            self.before.line(unit.tokens[0]),
            self.after.line(newer.tokens[0]),
            weight,
        )


def _in_other_place(change: Change, what: str) -> Change:
    """The change of a statement that is in another function now, or was."""
    return replace(change, effect=Effect.STRUCTURAL, what=what, weight=WEIGHTS["modifier"])


_OTHER_BRANCHES = frozenset(("alternative", "else", "alternate", "else_body", "finally", "ensure"))


def _remarks(before: Reading, after: Reading, what: str, effect: Effect) -> Iterator[Change]:
    """What people or tools alone read, where it is another one."""
    one, other = _remarks_of(before, what), _remarks_of(after, what)
    for block in blocks([token.text for token in one], [token.text for token in other]):
        if block.same:
            continue
        gone = one[block.first : block.last]
        came = other[block.other_first : block.other_last]
        yield Change(
            effect,
            what,
            "",
            shown(before, gone),
            shown(after, came),
            before.line(gone[0]) if gone else _line_before(before, one, block.first),
            after.line(came[0]) if came else _line_before(after, other, block.other_first),
            WEIGHTS[what],
        )


def _remarks_of(reading: Reading, what: str) -> list[Token]:
    if what == "annotation":
        return reading.annotations
    wanted = what == "directive"
    language = reading.language
    return [one for one in reading.comments if is_directive(one.text, language) == wanted]


def _line_before(reading: Reading, tokens: Sequence[Token], at: int) -> int:
    return reading.line(tokens[at - 1]) if at else reading.first_line


def _groups(units: Sequence[Unit], places: Sequence[int]) -> list[list[int]]:
    """Statements without partner, each with those in it."""
    chosen = set(places)
    groups: dict[int, list[int]] = {}
    root: dict[int, int] = {}
    for at in sorted(places):
        parent = units[at].parent
        root[at] = root[parent] if parent in chosen and parent in root else at
        groups.setdefault(root[at], []).append(at)
    return list(groups.values())


def _is_free(unit: Unit, crossed: Sequence[Unit]) -> bool:
    """Whether a statement means the same on the other side of some others."""
    if unit.tokens[0].text in _ENDING or any(one.tokens[0].text in _ENDING for one in crossed):
        return False
    calls = any(token.is_called for token in unit.tokens)
    names = {token.text for token in unit.tokens if token.kind == "name"}
    bound = _written(unit)
    for other in crossed:
        if calls and any(token.is_called for token in other.tokens):
            return False
        others = {token.text for token in other.tokens if token.kind == "name"}
        if bound & others or _written(other) & names:
            return False
    return True


def _written(unit: Unit) -> set[str]:
    """Names that get a value, as the tree says or as they stand before a sign of assignment."""
    found = {token.text for token in unit.tokens if token.is_bound}
    for at, token in enumerate(unit.tokens):
        if _ASSIGNS.fullmatch(token.text):
            found |= {one.text for one in unit.tokens[:at] if one.kind == "name"}
            break
    return found


def _keywords_sorted(unit: Unit, texts: Sequence[str]) -> tuple[object, ...]:
    """A statement with the named arguments of each call in the order of their names."""
    stack: list[list[tuple[bool, list[object]]]] = [[(False, [])]]
    for token, text in zip(unit.tokens, texts, strict=True):
        if text in _OPENERS and len(stack) < _DEEPEST:
            stack[-1][-1][1].append(text)
            stack.append([(False, [])])
        elif text in _CLOSERS and len(stack) > 1:
            inner = _in_order(stack.pop())
            stack[-1][-1][1].extend((inner, text))
        elif text == ",":
            stack[-1].append((False, []))
        else:
            is_named, item = stack[-1][-1]
            if not item:
                is_named = token.is_attribute and token.kind == "name"
                stack[-1][-1] = is_named, item
            item.append(text)
    while len(stack) > 1:
        inner = _in_order(stack.pop())
        stack[-1][-1][1].append(inner)
    return _in_order(stack[0])


def _in_order(items: Sequence[tuple[bool, list[object]]]) -> tuple[object, ...]:
    found: list[object] = []
    named: list[object] = []
    for is_named, item in items:
        if is_named:
            named.append(tuple(item))
            continue
        found += sorted(named, key=repr)
        named = []
        found.append(tuple(item))
    return (*found, *sorted(named, key=repr))

"""Names that were renamed throughout."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from c2llm.analysis.changes.aligning import blocks, pairs_by_likeness
from c2llm.analysis.changes.tokens import Reading, Token, Unit

Renames = Mapping[str, str]
"""The new name by the old one."""
_HOLE = "\0"


def local_renames(before: Reading, after: Reading, *, are_local: bool = True) -> dict[str, str]:
    """Names that get their meaning in a function and have another one in the other version.

    Each old name stands for one new name and the other way round, as most places have it: a place
    that has another one is no part of the renaming. A name that the older version uses with a
    meaning from outside is not taken over by another one.

    Args:
        before: The older version.
        after: The newer version.
        are_local: The names are seen in the function alone; of what others may see, such as the
            members of an enumeration, two that are both in both versions have not changed names.
    """
    data = before.data_names(are_variables=True) | after.data_names(are_variables=True)
    old, new = before.bound() - data, after.bound() - data
    if not are_local:
        both = before.names() & after.names()
        old, new = old - both, new - both
    if old == new and _spelled(before) == _spelled(after):
        return {}
    votes = _votes(before, after, old, new)
    return _agreed(votes, before.variables(), after.variables(), old)


def shared_renames(pairs: Iterable[tuple[Reading, Reading]]) -> dict[str, str]:
    """Names of a file, fields of its classes among them, that are gone from it for new ones.

    Args:
        pairs: The versions of all functions of the file that are in both, and of what is outside.
    """
    readings = list(pairs)
    names = {name for one, _ in readings for name in one.names()}
    others = {name for _, other in readings for name in other.names()}
    data = {name for pair in readings for one in pair for name in one.data_names()}
    gone, came = names - others - data, others - names - data
    if not gone or not came:
        return {}
    defined = {token.text for one, _ in readings for token in one.tokens() if token.is_bound}
    redefined = {t.text for _, other in readings for t in other.tokens() if t.is_bound}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for one, other in readings:
        for name, counts in _votes(one, other, gone | names, came | others, fields=True).items():
            votes[name].update(counts)
    return {
        old: new
        for old, new in _agreed(votes, names, others, gone).items()
        if old in gone & defined and new in came & redefined and len(votes[old]) == 1
    }


def renamed_key(unit: Unit, renames: Renames, known: Renames) -> tuple[str, ...]:
    """What a statement says with its new names."""
    if not renames and not known:
        return unit.key
    return tuple(renamed(token, renames, known) for token in unit.tokens)


def renamed(token: Token, renames: Renames, known: Renames) -> str:
    """A token with its new name."""
    if token.kind != "name":
        return token.text
    if not token.is_attribute and token.text in renames:
        return renames[token.text]
    return known.get(token.text, token.text)


def _spelled(reading: Reading) -> list[tuple[str, ...]]:
    return [unit.key for unit in reading.units]


def _votes(
    before: Reading, after: Reading, old: set[str], new: set[str], *, fields: bool = False
) -> dict[str, Counter[str]]:
    """How often which name stands where another one stood, among these of both sides."""

    def form(unit: Unit, names: set[str]) -> tuple[str, ...]:
        return tuple(
            _HOLE if _is_open(token, names, fields=fields) else token.text for token in unit.tokens
        )

    left = [form(unit, old) for unit in before.units]
    right = [form(unit, new) for unit in after.units]
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for block in blocks(left, right):
        rows = range(block.first, block.last)
        others = range(block.other_first, block.other_last)
        if block.same:
            pairs = list(zip(rows, others, strict=True))
        else:
            inner = pairs_by_likeness([left[i] for i in rows], [right[j] for j in others])
            pairs = [(block.first + i, block.other_first + j) for i, j in inner]
        for i, j in pairs:
            one, other = before.units[i].tokens, after.units[j].tokens
            for run in blocks(left[i], right[j]):
                if not run.same:
                    continue
                for a, b in zip(
                    one[run.first : run.last], other[run.other_first : run.other_last], strict=True
                ):
                    if _is_open(a, old, fields=fields) and _is_open(b, new, fields=fields):
                        votes[a.text][b.text] += 1
    return votes


def _is_open(token: Token, names: set[str], *, fields: bool) -> bool:
    return token.kind == "name" and token.text in names and (fields or not token.is_attribute)


def _agreed(
    votes: Mapping[str, Counter[str]], names: set[str], others: set[str], own: set[str]
) -> dict[str, str]:
    """The renamings that both sides have most votes for."""
    backwards: dict[str, Counter[str]] = defaultdict(Counter)
    for name, counts in votes.items():
        for other, count in counts.items():
            backwards[other][name] += count
    best = {name: _most(counts, name) for name, counts in votes.items()}
    found = {
        name: other
        for name, other in best.items()
        if name != other and _most(backwards[other], other) == name
    }
    # What takes the place of a name that is still there, or that meant something else, is none.
    while True:
        wrong = [
            name
            for name, other in found.items()
            if (other in names and (other not in own or other not in found))
            or (name in others and name not in found.values())
        ]
        if not wrong:
            return found
        for name in wrong:
            del found[name]


def _most(counts: Counter[str], same: str) -> str:
    """The name with the most votes; of several the same one, and else the first by name."""
    top = max(counts.values())
    leaders = sorted(name for name, count in counts.items() if count == top)
    return same if same in leaders else leaders[0]

"""What a file imports: their order says nothing, and what came or went shows where it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.changes.telling import shown
from c2llm.analysis.changes.tokens import Reading, Token, Unit
from c2llm.analysis.changes.weights import WEIGHTS, weight_of


class _Import(NamedTuple):
    key: tuple[str, ...]
    """All that it says."""
    name: str
    """Under which name."""
    tokens: tuple[Token, ...]


def import_changes(before: Reading, after: Reading) -> Iterator[Change]:
    """What is imported by one version alone, or from elsewhere."""
    old, new = _imports(before), _imports(after)
    olds, news = {one.key for one in old}, {one.key for one in new}
    gone = [one for one in old if one.key not in news]
    came = [one for one in new if one.key not in olds]
    if not gone and not came:
        if [one.key for one in old] != [one.key for one in new]:
            first, other = old[0].tokens[0], new[0].tokens[0]
            yield Change(
                Effect.COSMETIC,
                *("import", "", "", ""),
                before.line(first),
                after.line(other),
                WEIGHTS["comment"],
            )
        return
    by_name = {one.name: one for one in came}
    for one in gone:
        newer = by_name.pop(one.name, None)
        text = shown(before, one.tokens)
        line = before.line(one.tokens[0])
        if newer is None:
            yield Change(Effect.STRUCTURAL, "import", one.name, text, "", line, _first(after), 0.1)
        else:
            yield Change(
                Effect.BEHAVIOUR,
                "import",
                one.name,
                text,
                shown(after, newer.tokens),
                line,
                after.line(newer.tokens[0]),
                weight_of("import"),
            )
    for one in by_name.values():
        text = shown(after, one.tokens)
        line = after.line(one.tokens[0])
        yield Change(Effect.STRUCTURAL, "import", one.name, "", text, _first(before), line, 0.1)


def _first(reading: Reading) -> int:
    return next(
        (reading.line(unit.tokens[0]) for unit in reading.units if unit.is_import),
        reading.first_line,
    )


def _imports(reading: Reading) -> list[_Import]:
    """Each name that is imported by itself, however many stand in one statement."""
    found: list[_Import] = []
    for unit in reading.units:
        if not unit.is_import:
            continue
        for item in _items(unit):
            names = [token.text for token in item if token.kind in ("name", "string")]
            if names:
                key = tuple(token.text for token in item if token.text not in "(){},;")
                found.append(_Import(key, names[-1], tuple(item)))
    return found


def _items(unit: Unit) -> list[Sequence[Token]]:
    """A statement that lists names as one for each of them."""
    tokens = unit.tokens
    texts = [token.text for token in tokens]
    if "{" in texts and "}" in texts[texts.index("{") :] and texts.count("{") == 1:
        first, last = texts.index("{") + 1, len(texts) - 1 - texts[::-1].index("}")
        head, tail = [*tokens[: first - 1]], [*tokens[last + 1 :]]
    elif "import" in texts and "from" in texts[:1]:
        first, last = texts.index("import") + 1, len(texts)
        head, tail = [*tokens[:first]], []
    elif texts[:1] == ["import"] and "," in texts and "{" not in texts:
        first, last = 1, len(texts)
        head, tail = [*tokens[:1]], []
    else:
        return [tokens]
    items: list[list[Token]] = [[]]
    for token in tokens[first:last]:
        if token.text == ",":
            items.append([])
        elif token.text not in ("(", ")"):
            items[-1].append(token)
    # The name comes last, so that `from "x" import {a}` is known by it.
    return [[*head, *tail, *item] for item in items if item] or [tokens]

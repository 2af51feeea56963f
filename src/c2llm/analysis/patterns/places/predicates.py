"""The predicates of queries (`#eq?`, `#match?` and the like), judged here and not in the binding.

tree-sitter's own judgement asks nodes for their text. Trees here are parsed through a callback that
is gone by then, and reading through it crashes the process. So each predicate is renamed before a
query is compiled, and judged over the source that is at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

# A string, a comment, or a predicate's name; strings and comments are left as they are.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|;[^\n]*|#([\w.-]+)([?!])', re.DOTALL)
_RENAMED = "c2llm-"
KNOWN = ("eq", "not-eq", "match", "not-match", "any-of", "not-any-of")

Argument = tuple[str, str]


class QueryTrouble(ValueError):
    """A query that is not possible; the sentence says why."""


def renamed(query: str) -> str:
    """A query whose predicates the binding does not know.

    Raises:
        QueryTrouble: It has a predicate that nobody knows.
    """

    def rename(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        if found[1] not in KNOWN or found[2] != "?":
            known = ", ".join(f"#{name}?" for name in KNOWN)
            raise QueryTrouble(f"it has the predicate #{found[1]}{found[2]}; there are: {known}")
        return f"#{_RENAMED}{found[1]}?"

    return _TOKEN.sub(rename, query)


def judge(
    source: bytes,
) -> Callable[[str, Sequence[Argument], int, Mapping[str, Sequence[Node]]], bool]:
    """What tells of a match whether a predicate holds, over this source."""

    def text(node: Node) -> str:
        return source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def holds(
        name: str, arguments: Sequence[Argument], _: int, captures: Mapping[str, Sequence[Node]]
    ) -> bool:
        kind = name.removeprefix(_RENAMED).removesuffix("?")
        if len(arguments) < 2 or arguments[0][1] != "capture":
            raise QueryTrouble(f"#{kind}? needs a capture and what it is compared with")
        wanted = not kind.startswith("not-")
        texts = [text(node) for node in captures.get(arguments[0][0], ())]
        if kind.endswith("match"):
            expression = _compiled(arguments[1][0])
            return all((expression.search(one) is not None) == wanted for one in texts)
        others = {
            other
            for value, form in arguments[1:]
            for other in ([value] if form == "string" else map(text, captures.get(value, ())))
        }
        return all((one in others) == wanted for one in texts)

    return holds


@lru_cache(maxsize=256)
def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise QueryTrouble(f"{expression!r} is not a regular expression: {error}") from error

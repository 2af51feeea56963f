"""Pairs that need no documentation: a function's name and its code, its first and second half.

They are plenty in every repository, also where nobody documents. Each teaches less than what people
wrote: names are short, and halves of one function share their identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from c2llm.codebase.identifiers import split_identifier
from c2llm.training.mining.mined_pair import MinedPair
from c2llm.training.mining.pair_filters import Limits, is_document

_NAME_WORDS = (2, 8)
_SHORT_NAME = 2
"""A name of so many words alone says little: the words of what it is in are added."""
_HALVED_LINES = 8


def code_pairs(
    pair: MinedPair, scope: str, written: str, limits: Limits, kinds: Collection[str]
) -> Iterator[MinedPair]:
    """What one function gives of the kinds `name` and `continuation`.

    Args:
        pair: The function without documentation; its query is not read.
        scope: Names of what encloses it, "" at the top level.
        written: The function as it stands in its file, documentation and all.
        limits: Bounds of a document.
        kinds: What is wanted.
    """
    if "name" in kinds and is_document(pair.positive, limits):
        query = _spoken(pair.symbol, scope)
        hidden = re.sub(rf"\b{re.escape(pair.symbol)}\b", "_", written)
        if query and hidden != written:
            yield _of_kind("name", pair, query, hidden)
    if "continuation" in kinds:
        lines = pair.positive.split("\n")
        if sum(1 for line in lines if line.strip()) >= _HALVED_LINES:
            middle = len(lines) // 2
            first, second = "\n".join(lines[:middle]), "\n".join(lines[middle:])
            if is_document(second, limits):
                yield _of_kind("continuation", pair, first.rstrip(), second.strip("\n"))


def _of_kind(kind: str, pair: MinedPair, query: str, document: str) -> MinedPair:
    # No header: it would name the function.
    return MinedPair(
        query=query,
        positive=document,
        dataset=kind,
        language=pair.language,
        path=pair.path,
        symbol=pair.symbol,
        header="",
    )


def _spoken(name: str, scope: str) -> str:
    """`readCsv` in `Table` is "read csv table"; "" where a name says too little or too much."""
    words = split_identifier(name)
    if not _NAME_WORDS[0] <= len(words) <= _NAME_WORDS[1]:
        return ""
    if len(words) <= _SHORT_NAME and scope:
        words = [*words, *split_identifier(re.split(r"\W+", scope)[-1])]
    return " ".join(words)

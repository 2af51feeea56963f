"""As much whole code as fits into a number of tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from c2llm.search.answer import Hit, Sibling
from c2llm.search.answers.condensed import condensed, telling_count

_PIECE = re.compile(r"[A-Za-z]+|[^\W\d_A-Za-z]+| (?=\S)|[^\S\n]+|[\s\S]")
"""What tokenizers do not join: words, spaces in a row, and every other character by itself."""
_LETTERS_A_TOKEN, _OTHER_BYTES_A_TOKEN = 6, 2
_LEAST_LINES = 4
_OVERHEAD_TOKENS = 24
"""Path, lines and name of a hit."""
_SIBLING_TOKENS = 8
"""Lines and quotes around the path of a near copy that a hit names."""


def tokens_of(text: str) -> int:
    """About how many tokens a text has, on the safe side with the tokenizers in use.

    A digit or a sign is one, six letters of a word are, and two bytes of other scripts.
    """
    tokens = 0
    for piece in _PIECE.findall(text):
        if piece == " ":  # a word's own
            continue
        if piece.isascii():
            tokens += -(-len(piece) // _LETTERS_A_TOKEN)
        else:
            tokens += -(-len(piece.encode(errors="replace")) // _OTHER_BYTES_A_TOKEN)
    return tokens


def within_budget(hits: Sequence[Hit], most_tokens: int) -> tuple[list[Hit], int]:
    """The first hits as far as their text fits.

    Where not all fit whole and the hits' lines are explained, the least telling lines are left out
    first (`condensed`), and the best hits get theirs back for what is left. Where they are not,
    hits are whole and the last of them is cut at a line. Tokens are estimated, see `tokens_of`.
    Near copies are named as far as there is room for the text first.

    Returns:
        The hits, and how many of the given ones are not among them whole.
    """
    taken, cut_off = _whole(hits, most_tokens)
    if not cut_off or not any(hit.why.lines for hit in hits):
        return taken, cut_off
    kept: list[Hit] = []
    costs: list[int] = []
    left = most_tokens
    for hit in hits:
        short = condensed(hit, telling_count(hit))
        cost = _cost(short)
        if cost > left:
            break
        also, left = _named(hit.also, left - cost)
        kept.append(replace(short, also=also) if len(also) < len(hit.also) else short)
        costs.append(cost)
    if len(kept) < len(taken):
        return taken, cut_off
    for place, (hit, short) in enumerate(zip(hits, kept, strict=False)):
        fuller = _filled(hit, short, costs[place] + left)
        left -= _cost(fuller) - costs[place]
        kept[place] = replace(fuller, also=short.also)
    return kept, len(hits) - sum(not hit.shown for hit in kept)


def _filled(hit: Hit, least: Hit, room: int) -> Hit:
    """A hit with as many of its lines, the most telling first, as fit; `least` has the fewest."""
    if _cost(hit) <= room:
        return hit
    low, high, best = telling_count(hit), len(hit.why.lines), least
    while low < high - 1:
        count = (low + high) // 2
        tried = condensed(hit, count)
        if _cost(tried) <= room:
            low, best = count, tried
        else:
            high = count
    return best


def _cost(hit: Hit) -> int:
    """Tokens of a hit without its near copies."""
    return _OVERHEAD_TOKENS + sum(_tokens_of_line(line) + 1 for line in hit.text.split("\n"))


_tokens_of_line = lru_cache(maxsize=8_192)(tokens_of)
"""Each line is counted again for every way to fit a hit."""


def _whole(hits: Sequence[Hit], most_tokens: int) -> tuple[list[Hit], int]:
    """The first hits whose whole text fits, the last of them cut at a line; and as above."""
    left = most_tokens
    taken: list[Hit] = []
    for hit in hits:
        left -= _OVERHEAD_TOKENS
        lines = hit.text.split("\n")
        kept = 0
        for line in lines:
            cost = tokens_of(line) + 1
            if cost > left:
                break
            left -= cost
            kept += 1
        if kept == len(lines):
            also, left = _named(hit.also, left)
            taken.append(replace(hit, also=also) if len(also) < len(hit.also) else hit)
            continue
        if kept >= _LEAST_LINES or (not taken and kept):
            end = min(hit.start_line + kept - 1, hit.end_line)
            taken.append(replace(hit, text="\n".join(lines[:kept]), end_line=end, also=()))
            return taken, len(hits) - len(taken) + 1
        break
    return taken, len(hits) - len(taken)


def _named(also: Sequence[Sibling], left: int) -> tuple[tuple[Sibling, ...], int]:
    """Those of the near copies whose places fit into what is left, and what is left then."""
    for number, sibling in enumerate(also):
        names = f"{sibling.repository}{sibling.path}{sibling.symbol}"
        cost = tokens_of(names) + _SIBLING_TOKENS
        if cost > left:
            return tuple(also[:number]), left
        left -= cost
    return tuple(also), left

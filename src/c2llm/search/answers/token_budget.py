"""As much whole code as fits into a number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from c2llm.search.answer import Hit, Sibling

_BYTES_PER_TOKEN = 3
"""Code has 3 to 4 bytes a token with the tokenizers in use; a budget is kept, so fewer is safe."""
_LEAST_LINES = 4
_OVERHEAD_TOKENS = 24
"""Path, lines and name of a hit."""
_SIBLING_TOKENS = 8
"""Lines and quotes around the path of a near copy that a hit names."""


def within_budget(hits: Sequence[Hit], most_tokens: int) -> tuple[list[Hit], int]:
    """The first hits whose whole text fits, the last of them cut at a line.

    Tokens are estimated at three bytes each, which is on the safe side for code. Near copies are
    named as far as there is room for the text first.

    Returns:
        The hits, and how many of the given ones are not among them whole.
    """
    left = most_tokens
    taken: list[Hit] = []
    for hit in hits:
        left -= _OVERHEAD_TOKENS
        lines = hit.text.split("\n")
        kept = 0
        for line in lines:
            cost = (len(line.encode(errors="replace")) + 1) // _BYTES_PER_TOKEN + 1
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
        cost = len(names.encode(errors="replace")) // _BYTES_PER_TOKEN + _SIBLING_TOKENS
        if cost > left:
            return tuple(also[:number]), left
        left -= cost
    return tuple(also), left

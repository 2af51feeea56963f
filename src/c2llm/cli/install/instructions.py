"""The lines that make an agent use the search well, and their place in an AGENTS.md."""

from __future__ import annotations

from c2llm.cli.install.edits import Edit, newline_of
from c2llm.errors import UsageError

BEGIN = "<!-- c2llm: begin -->"
END = "<!-- c2llm: end -->"
INSTRUCTIONS = """\
## Finding code

- To learn where or how something is done, first ask the tool `search` of c2llm, in a sentence or
  with the words that the code would use: it ranks definitions before mentions, and gives path,
  lines and code.
- Use grep for what it is better at: every occurrence of an exact string.
- Ask again in other words before you read whole files. `path`, `include` and `languages` narrow a
  question; `read` gives the lines around an answer.
- Before you write a function, ask `similar` with a file and a line for code like it.
- An answer says what it was found in; believe it about files that are not indexed yet.
"""


def put(text: str) -> list[Edit]:
    """What makes a text hold the instructions, between their marks; none where it does.

    Raises:
        UsageError: its marks are not a pair.
    """
    newline = newline_of(text)
    block = "\n".join((BEGIN, INSTRUCTIONS.rstrip("\n"), END)).replace("\n", newline)
    found = _block(text)
    if found is not None:
        start, end = found
        return [] if text[start:end] == block else [Edit(start, end, block)]
    gap = "" if not text else newline if text.endswith(("\n\n", "\n\r\n")) else newline * 2
    if text.endswith("\n"):
        gap = gap.removesuffix(newline) if gap else gap
    return [Edit(len(text), len(text), f"{gap}{block}{newline}")]


def remove(text: str) -> list[Edit]:
    """What takes them out again, with their marks and the empty line before them.

    Raises:
        UsageError: its marks are not a pair.
    """
    found = _block(text)
    if found is None:
        return []
    start, end = found
    newline = newline_of(text)
    if text.startswith(newline, end):
        end += len(newline)
    if text[:start].endswith(newline * 2):
        start -= len(newline)
    return [Edit(start, end, "")]


def _block(text: str) -> tuple[int, int] | None:
    start, end = text.find(BEGIN), text.find(END)
    if start == end == -1:
        return None
    if start == -1 or end < start or text.count(BEGIN) > 1 or text.count(END) > 1:
        raise UsageError(
            f"AGENTS.md has {BEGIN!r} and {END!r} not once each in this order; put that right."
        )
    return start, end + len(END)

"""The Markdown of our own reports as HTML: paragraphs, headings, bold words, tables, code blocks.

Not a Markdown parser: it knows what the reports write. Whatever else stands in a text, such as
markup in the name of a file, is shown as it is and never becomes markup.
"""

from __future__ import annotations

import re

from c2llm.evaluation.page.svg import clean

_CELLS = re.compile(r"(?<!\\)\|")
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def to_html(markdown: str) -> str:
    """HTML of a report's Markdown; headings become `h3` and below."""
    blocks = re.split(r"\n{2,}", markdown.strip())
    return "\n".join(_block(block) for block in blocks if block.strip())


def _block(block: str) -> str:
    lines = block.splitlines()
    if block.startswith("```"):
        return f"<pre>{clean(chr(10).join(lines[1:-1]))}</pre>"
    if block.startswith("#"):
        heading = f"<h3>{_inline(lines[0].lstrip('# '))}</h3>"
        rest = "\n".join(lines[1:]).strip()
        return heading + (_block(rest) if rest else "")
    if len(lines) > 1 and all(line.startswith("|") for line in lines):
        return _table(lines)
    return f"<p>{_inline(' '.join(lines))}</p>"


def _table(lines: list[str]) -> str:
    header, rule, *rows = (_cells(line) for line in lines)
    numeric = [cell.strip().endswith(":") for cell in rule]
    head = "".join(
        f"<th{_class(right)}>{_inline(cell)}</th>"
        for cell, right in zip(header, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(right)}>{_inline(cell)}</td>"
            for cell, right in zip(row, numeric, strict=False)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="table"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip())[1:-1]]


def _class(right: bool) -> str:
    return ' class="n"' if right else ""


def _inline(text: str) -> str:
    return _BOLD.sub(r"<b>\1</b>", clean(text))

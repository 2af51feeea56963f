"""A report of duplicates as one page that stands alone: no script, nothing that it loads.

Code is hostile: every text of a tree is escaped, and the page forbids itself everything but its own
style sheet, so that what slipped through would still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from c2llm.analysis.clone_report.aligned_diff import Alignment, Piece, Row, around_changes
from c2llm.analysis.clone_report.as_json import aligned
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clone_report.selection import Finding, Selection, covered_lines
from c2llm.analysis.clones.clone_class import Member
from c2llm.printable import printable

_MOST_DIFFS = 12
"""Members of a class that are laid beside the first one; the others are listed."""
_MOST_ROWS = 400
"""Of one diff."""
_MOST_FOLDERS = 200
_WHOLE_BELOW = 60
"""Rows of a diff that is shown whole; of a longer one what differs, with some lines around it."""
_CONTEXT = 3
_TYPES = {1: "the same", 2: "renamed", 3: "changed", 4: "same behaviour"}

_STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1f2328; --dim: #59636e; --line: #d1d9e0;
  --soft: #f6f8fa; --link: #0969da; --out: #ffebe9; --in: #dafbe1; --out2: #ffc1bc; --in2: #a6f0b6;
  --t1: #a40e26; --t2: #8a4600; --t3: #0550ae; --t4: #6639ba; }
@media (prefers-color-scheme: dark) { :root { --bg: #0d1117; --fg: #e6edf3; --dim: #9198a1;
  --line: #3d444d; --soft: #151b23; --link: #4493f8; --out: #3c1618; --in: #12311d;
  --out2: #7d2a2f; --in2: #1d6b35; --t1: #ff7b72; --t2: #e3a04f; --t3: #79c0ff; --t4: #d2a8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1500px; padding: 1.2rem; background: var(--bg);
  color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; } .dim { color: var(--dim); } a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; } code, pre, .code { font: 12.5px/1.45 ui-monospace,
  SFMono-Regular, Menlo, Consolas, monospace; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 2rem; margin: .8rem 0; } dl div { min-width: 6rem; }
dt { color: var(--dim); font-size: .85rem; } dd { margin: 0; font-size: 1.25rem; }
table { border-collapse: collapse; } .folders td, .folders th { padding: .2rem .8rem .2rem 0;
  text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.folders td.n, .folders th.n { text-align: right; } .folders { width: 100%; }
details.class { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; }
details.class > summary { padding: .5rem .8rem; cursor: pointer; background: var(--soft);
  border-radius: 6px; overflow-wrap: anywhere; } .body { padding: .3rem .8rem .8rem; }
.badge { font-weight: 600; } .t1 { color: var(--t1); } .t2 { color: var(--t2); }
.t3 { color: var(--t3); } .t4 { color: var(--t4); } .new { background: var(--in); padding: 0 .35rem;
  border-radius: 3px; font-size: .85rem; } ul { margin: .3rem 0; padding-left: 1.2rem; }
li { overflow-wrap: anywhere; } .diff { width: 100%; table-layout: fixed; margin: .3rem 0 1rem;
  border: 1px solid var(--line); } .diff td { padding: 0 .5rem; vertical-align: top;
  white-space: pre-wrap; overflow-wrap: anywhere; } .diff col.no { width: 3.6rem; }
.diff td.no { text-align: right;
  color: var(--dim); user-select: none; } .diff tr.gap td { color: var(--dim);
  background: var(--soft); text-align: center; } .diff .r { border-left: 1px solid var(--line); }
td.out { background: var(--out); } td.in { background: var(--in); }
.out b { background: var(--out2); font-weight: inherit; border-radius: 2px; }
.in b { background: var(--in2); font-weight: inherit; border-radius: 2px; }
.renames code { white-space: nowrap; margin-right: 1rem; } .listing { overflow-x: auto; margin: 0;
  white-space: pre; border: 1px solid var(--line); padding: .3rem .6rem; }
@media (max-width: 800px) { .diff col.no { width: 2.6rem; } .diff td.no { padding: 0 .2rem; } }
"""


def page(selection: Selection, code: MemberCode, failed: Sequence[str]) -> str:
    """A report as an HTML document.

    Args:
        selection: What is told.
        code: Reads members.
        failed: The reasons to fail.
    """
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>Duplicates</title><style>{_STYLE}</style></head><body>",
        *_head(selection, failed),
        *_folders(selection),
        *_classes(selection, code),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _head(selection: Selection, failed: Sequence[str]) -> Iterator[str]:
    report = selection.report
    kinds = selection.by_type()
    new = bool(selection.since or selection.baseline)
    yield "<h1>Duplicates</h1>"
    if selection.since:
        yield f'<p class="dim">What is new since {_text(selection.since)}.</p>'
    if selection.baseline:
        yield f'<p class="dim">Beside what {_text(selection.baseline)} knows.</p>'
    facts = [
        ("new classes" if new else "classes", f"{len(selection.findings):,}"),
        ("duplicated lines", f"{selection.duplicated_lines:,} ({selection.share:.1f} %)"),
        ("lines", f"{report.lines:,}"),
        ("files", f"{report.files:,}"),
        *((f"type {kind}: {_TYPES[kind]}", f"{kinds[kind]:,}") for kind in sorted(kinds)),
    ]
    yield "<dl>"
    yield from (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    yield "</dl>"
    apart = [f"{count:,} of {role}" for role, count in sorted(selection.apart().items())]
    if apart:
        yield f'<p class="dim">Set apart: {_text(", ".join(apart))}.</p>'
    for note in (*failed, *report.notes):
        yield f"<p>{_text(note)}</p>"


def _folders(selection: Selection) -> Iterator[str]:
    """The index: which folders have duplicated lines, and the classes that they are of."""
    members: dict[str, list[Member]] = {}
    classes: dict[str, dict[int, None]] = {}
    for number, finding in enumerate(selection.shown, selection.offset + 1):
        for member in finding.clone.members:
            folder = _where(member).rpartition("/")[0] or "."
            members.setdefault(folder, []).append(member)
            classes.setdefault(folder, {})[number] = None
    if not members:
        yield "<p>No duplicates.</p>"
        return
    covered = {folder: covered_lines(there) for folder, there in members.items()}
    order = sorted(members, key=lambda folder: (-covered[folder], folder))
    yield '<h2>Folders</h2><table class="folders">'
    yield '<tr><th>folder</th><th class="n">duplicated lines</th><th>classes</th></tr>'
    for folder in order[:_MOST_FOLDERS]:
        numbers = list(classes[folder])
        links = " ".join(f'<a href="#class-{number}">{number}</a>' for number in numbers[:30])
        more = f" and {len(numbers) - 30:,} more" if len(numbers) > 30 else ""
        yield (
            f'<tr><td><code>{_text(folder)}</code></td><td class="n">{covered[folder]:,}</td>'
            f"<td>{links}{more}</td></tr>"
        )
    yield "</table>"
    if len(order) > _MOST_FOLDERS:
        yield f'<p class="dim">And {len(order) - _MOST_FOLDERS:,} more folders.</p>'


def _classes(selection: Selection, code: MemberCode) -> Iterator[str]:
    if not selection.shown:
        return
    yield "<h2>Classes</h2>"
    for number, finding in enumerate(selection.shown, selection.offset + 1):
        yield from _class(number, finding, code, is_open=number == selection.offset + 1)
    missing = len(selection.findings) - selection.offset - len(selection.shown)
    if missing > 0:
        yield f'<p class="dim">{missing:,} more classes are not on this page.</p>'


def _class(number: int, finding: Finding, code: MemberCode, *, is_open: bool) -> Iterator[str]:
    clone = finding.clone
    first = finding.first
    others = [member for member in clone.members if member is not first]
    kind = f"type {clone.type}, {_TYPES[clone.type]}"
    role = f", {clone.role}" if clone.role != "code" else ""
    symbol = next((member.symbol for member in clone.members if member.symbol), "")
    yield f'<details class="class" id="class-{number}"{" open" if is_open else ""}><summary>'
    yield (
        f'{number}. <span class="badge t{clone.type}">{kind}{role}</span> '
        f"{100 * clone.similarity:.0f}&nbsp;%, {len(clone.members)} places, "
        f"{clone.saved_lines:,} lines could go "
        f'<code>{_text(symbol)}</code> <span class="dim">{_text(_where(first))}</span>'
    )
    yield '</summary><div class="body"><ul>'
    for member in clone.members:
        new = ' <span class="new">new</span>' if member in finding.added else ""
        symbol = f" {_text(member.symbol)}" if member.symbol else ""
        yield f"<li><code>{_text(_place(member))}</code>{symbol}{new}</li>"
    yield f'</ul><p class="dim">id {_text(clone.id)}, {clone.tokens:,} tokens</p>'
    is_listed = False
    for member in others[:_MOST_DIFFS]:
        alignment = aligned(first, member, code)
        if alignment.is_same and not alignment.renames:
            if not is_listed:
                yield f'<p class="dim">{_text(_place(member))} is the same:</p>'
                yield _listing(first, code)
                is_listed = True
            else:
                yield f'<p class="dim">{_text(_place(member))} is the same, too.</p>'
        else:
            yield from _diff(first, member, alignment)
    if len(others) > _MOST_DIFFS:
        yield f'<p class="dim">{len(others) - _MOST_DIFFS:,} more are not laid beside it.</p>'
    yield "</div></details>"


def _listing(member: Member, code: MemberCode) -> str:
    lines = code.lines(member)
    shown = [_text(line.expandtabs(4)) for line in lines[:_WHOLE_BELOW]]
    if len(lines) > _WHOLE_BELOW:
        shown.append(f"… {len(lines) - _WHOLE_BELOW:,} more lines")
    return '<pre class="listing">' + "\n".join(shown) + "</pre>"


def _diff(first: Member, member: Member, alignment: Alignment) -> Iterator[str]:
    if alignment.renames:
        names = "".join(
            f"<code>{_text(one.left)} &rarr; {_text(one.right)}</code>"
            for one in alignment.renames[:50]
        )
        yield f'<p class="renames">Renamed: {names}</p>'
    yield '<table class="diff code"><colgroup><col class="no"><col><col class="no"><col></colgroup>'
    yield f'<tr class="gap"><td colspan="2">{_text(_place(first))}</td>'
    yield f'<td colspan="2" class="r">{_text(_place(member))}</td></tr>'
    rows = alignment.rows
    runs: Iterable[tuple[Row, ...]] = (rows,)
    if len(rows) > _WHOLE_BELOW:
        runs = tuple(around_changes(rows, _CONTEXT)) or (rows[:_CONTEXT],)
    left = _MOST_ROWS
    for at, run in enumerate(runs):
        if at:
            yield '<tr class="gap"><td colspan="4">…</td></tr>'
        yield from map(_row, run[:left])
        left -= len(run)
        if left < 0:
            yield '<tr class="gap"><td colspan="4">… and more that differs</td></tr>'
            break
    yield "</table>"


def _row(row: Row) -> str:
    left = _cell(row.left_line, row.left, "out" if row.differs else "", "")
    right = _cell(row.right_line, row.right, "in" if row.differs else "", " r")
    return f"<tr>{left}{right}</tr>"


def _cell(number: int, pieces: Sequence[Piece], side: str, edge: str) -> str:
    if not number:
        return f'<td class="no{edge}"></td><td></td>'
    whole = len(pieces) == 1  # a line that stands alone is marked by its background
    text = "".join(
        f"<b>{_text(piece.text)}</b>" if piece.differs and not whole else _text(piece.text)
        for piece in pieces
    )
    return f'<td class="no{edge}">{number}</td><td class="{side}">{text}</td>'


def _where(member: Member) -> str:
    return f"{member.repository}/{member.path}" if member.repository else member.path


def _place(member: Member) -> str:
    return f"{_where(member)}:{member.start_line}-{member.end_line}"


def _text(text: str) -> str:
    return escape(printable(text))

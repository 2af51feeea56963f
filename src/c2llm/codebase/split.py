"""Lines of a file to spans of about one size that end where the code ends something.

Split, then merge (after cAST, Findings of EMNLP 2025): a span that is too large is cut between the
children of its syntax nodes, down to single lines, then small neighbours are packed again. All
spans are half-open ranges of line numbers from 0; together they are the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tree_sitter import Node, Tree


# Honest code needs a tenth of it; nodes that all share lines would need the square of their number.
_WORK_PER_CHARACTER = 2


class Atom(NamedTuple):
    """Lines that stay together."""

    start: int
    end: int
    level: int = 0
    """How many cuts deep in the syntax tree it was cut out; a smaller one ends something larger."""
    opens: bool = False
    """A good place for a new span: a heading, a paragraph, the head of what had to be cut."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Characters of line ranges, newlines counted."""

    before: tuple[int, ...]

    @classmethod
    def of(cls, lines: Sequence[str]) -> Sizes:
        """The sizes of a file."""
        return cls(tuple(accumulate([len(line) + 1 for line in lines], initial=0)))

    def size(self, start: int, end: int) -> int:
        """Characters of lines `start` up to `end`."""
        return self.before[end] - self.before[start]


@dataclass(slots=True)
class _Piece:
    start: int
    end: int
    level: int
    nodes: list[Node]
    opens: bool = False


def syntax_atoms(
    tree: Tree,
    lines: Sequence[str],
    sizes: Sizes,
    largest: int,
    *,
    comments: Collection[str] = (),
    held: Collection[int] = (),
    within: tuple[int, int] | None = None,
) -> list[Atom]:
    """Cut a file between syntax nodes until no atom is larger than `largest`.

    Args:
        tree: The file's tree.
        lines: Its lines.
        sizes: Their sizes.
        largest: Characters. Only a single line can be larger.
        comments: Node types that stay with what follows on the next line.
        held: Lines, from 0, that stay with the line before: definitions below their decorators.
        within: The lines to cut, where the tree is of a part of the file; else all.
    """
    atoms: list[Atom] = []
    work_left = _WORK_PER_CHARACTER * sizes.before[-1]
    # A small file is opened too: its functions are worth as much as those of a large one.
    first, last = within or (0, len(lines))
    whole = _Piece(first, last, 0, [])
    nodes = tree.root_node.children
    if within is not None:
        nodes = [
            node for node in nodes if first <= node.start_point[0] and node.end_point[0] <= last
        ]
    pending = _regrouped(whole, nodes, comments, held)[::-1] or [whole]
    while pending:
        piece = pending.pop()
        if sizes.size(piece.start, piece.end) <= largest or piece.end - piece.start <= 1:
            atoms.append(Atom(piece.start, piece.end, piece.level, piece.opens))
            continue
        opened = _opened(piece) if work_left > 0 else None
        if opened is None:
            runs = line_atoms(lines, sizes, piece.start, piece.end, largest)
            atoms += [Atom(run.start, run.end, piece.level + 1) for run in runs]
        else:
            work_left -= len(opened)
            groups = _regrouped(piece, opened, comments, held)
            groups[0].opens = True
            pending += reversed(groups)
    return atoms


def line_atoms(
    lines: Sequence[str], sizes: Sizes, start: int, end: int, largest: int
) -> Iterator[Atom]:
    """Paragraphs, cut by line where one is larger than `largest`."""
    first = start
    for number in range(start, end):
        new_paragraph = number > first and lines[number - 1].isspace() | (not lines[number - 1])
        too_large = number > first and sizes.size(first, number + 1) > largest
        if (new_paragraph and lines[number].strip()) or too_large:
            yield Atom(first, number, opens=True)
            first = number
    if first < end:
        yield Atom(first, end, opens=True)


def outline_atoms(
    lines: Sequence[str], sizes: Sizes, starts: Sequence[int], target: int, largest: int
) -> list[Atom]:
    """Cut a file where definitions start, and by paragraph what is larger than `largest`.

    Args:
        lines: Of the file.
        sizes: Their sizes.
        starts: Lines, from 0, where definitions start, in order.
        target: Characters of a paragraph.
        largest: Characters of a definition.
    """
    atoms: list[Atom] = []
    bounds = list(dict.fromkeys((0, *starts, len(lines))))
    for start, end in pairwise(bounds):
        if sizes.size(start, end) <= largest:
            atoms.append(Atom(start, end))
        else:
            atoms += line_atoms(lines, sizes, start, end, target)
    return atoms


def pack(
    atoms: Sequence[Atom],
    sizes: Sizes,
    *,
    target: int,
    largest: int,
    small: int,
    most_lines: int | None = None,
) -> list[tuple[int, int]]:
    """Merge neighbours up to `target` characters.

    A span of at least `small` characters ends early where something larger ends and before an atom
    that fills half of the target alone; half of `small` is enough before one that opens something.
    A span below `small` (imports, the head of a long function) may grow to `largest`; what is still
    below half of it (a closing brace) joins the span before.
    """
    spans: list[tuple[int, int]] = []
    start, level = 0, 0
    for index, atom in enumerate(atoms):
        if index == 0:
            start, level = atom.start, atom.level
            continue
        so_far = sizes.size(start, atom.start)
        own = sizes.size(atom.start, atom.end)
        fits = so_far + own <= (target if so_far >= small else largest)
        breaks = atom.level < level or own >= target // 2
        if (
            not fits
            or (most_lines is not None and atom.end - start > most_lines)
            or (breaks and so_far >= small)
            or (atom.opens and so_far >= small // 2)
        ):
            spans.append((start, atom.start))
            start = atom.start
        level = atom.level
    if atoms:
        spans.append((start, atoms[-1].end))
    return _joined(spans, sizes, largest, small // 2)


def _joined(
    spans: list[tuple[int, int]], sizes: Sizes, largest: int, tiny: int
) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and sizes.size(start, end) < tiny:
            before = joined[-1][0]
            if sizes.size(before, end) <= largest:
                joined[-1] = (before, end)
                continue
        joined.append((start, end))
    return joined


def _opened(piece: _Piece) -> list[Node] | None:
    """The nodes of a piece with the tall ones replaced by their children; None if all are flat."""
    heights = [
        node.end_point[0] - node.start_point[0] if node.child_count else 0 for node in piece.nodes
    ]
    tallest = max(heights, default=0)
    if tallest == 0:
        return None
    opened: list[Node] = []
    for node, height in zip(piece.nodes, heights, strict=True):
        if 2 * height > tallest:
            opened += node.children
        else:
            opened.append(node)
    return opened


def _regrouped(
    piece: _Piece, nodes: list[Node], comments: Collection[str], held: Collection[int]
) -> list[_Piece]:
    """Nodes that share a line go together, comments with what stands below them."""
    groups: list[_Piece] = []
    last_row = -1
    glued = False  # the last group is only comments so far
    for node in nodes:
        first = node.start_point[0]
        last, column = node.end_point
        if column == 0 and last > first:
            last -= 1
        is_comment = node.type in comments
        if groups and (first <= last_row or first in held or (glued and first == last_row + 1)):
            groups[-1].nodes.append(node)
            glued = glued and is_comment
        else:
            start = max(first, piece.start) if groups else piece.start
            groups.append(_Piece(start, piece.end, piece.level + 1, [node]))
            glued = is_comment
        last_row = max(last_row, last)
    for group, following in pairwise(groups):
        group.end = following.start
    if len(groups) == 1:  # only the nodes have changed: the same cut, not a deeper one
        groups[0].level = piece.level
    return groups

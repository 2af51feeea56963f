"""Where the functions and classes of a source file are, what they are called and what they say.

One query per language (`grammars.GRAMMARS`) finds definitions, comments and attributes; which
belongs to which is told by their places. Nothing here recurses: a hostile file can nest as deep as
it likes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from c2llm.codebase.doccomments import clean_comment
from c2llm.codebase.grammars import GRAMMARS, Grammar
from c2llm.codebase.grammars.components import is_mixed, parts
from c2llm.codebase.grammars.keywords import has_keywords, outline
from c2llm.codebase.syntax_tree import grammar_and_query, parse

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

Kind = Literal["function", "class"]
_Captured = Literal["function", "class", "namespace"]

_SCOPE_DEPTH = 8
_NAME_LENGTH = 120
_SIGNATURE_LENGTH = 200
_DOC_NODES = 200
_WIDEST_GAP = 200
"""Bytes; a file of one endless line must not be read again for each of its definitions."""

_BODY_TYPES = frozenset(
    {
        "Block",
        "class_body",
        "class_declarations",
        "instance_declarations",
        "compound_statement",
        "do_block",
        "enum_class_body",
        "function_body",
        "match",
        "accessor_list",
        "arrow_expression_clause",
        "computed_property",
        "token_tree",
    }
)
_NAME_TYPES = ("type_identifier", "simple_identifier", "identifier", "object_reference")
_DECLARATOR_TYPES = frozenset({"function_definition", "declaration", "field_declaration"})
_NOT_A_SCOPE = frozenset({"exports", "module", "prototype", "self", "this"})
# Modifiers that some grammars leave outside the node: `export default`, `pub`, `private def`.
_MODIFIERS = re.compile(
    rb"[ \t]*((?:(?!(?:where|in|return|else|then|do|of)\b)[A-Za-z_]+[ \t]+)*)\Z"
)
_QUALIFIED = re.compile(
    r"^(.*?)(?:::|\.|(?<=\w):)?(operator\b.*|~?[\w$#?!=\-']+|[^\w\s]+)$", re.DOTALL
)
_NAMING = re.compile(r"\w")
_REMARK = re.compile(r"\s*(?:#|//|--|/\*)")
_OPENINGS = ("{", ":", "=", ",", ";", "=>", "do")
_OPENING = re.compile(r"\s*(?:[{:=,;]|=>|\bdo)$")
_RECEIVER = re.compile(rb"(\w+)\s*(?:\[[^\]]*\])?\s*\)")


@dataclass(frozen=True, slots=True)
class Definition:
    """A function or a class (anything that holds functions) in a source file."""

    kind: Kind
    name: str
    scope: str
    """Names of the definitions around it joined by `.`; a method's receiver counts as one."""
    signature: str
    """What stands before the body, on one line, at most 200 characters."""
    doc: str
    """Docstring or the comment above it, without comment markers; "" when there is none."""
    doc_spans: tuple[tuple[int, int], ...]
    """Byte ranges that `doc` was read from."""
    start_byte: int
    """First byte, of the comment and the attributes above it if there are any."""
    end_byte: int
    start_line: int
    """Line of `start_byte`, counted from 1."""
    end_line: int
    line: int
    """Line where the definition itself starts, below its comment."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """Its name, and for a test such as `Stack.Pops` what people call it within its suite."""
        own = self.name.rpartition(".")[2]
        if self.kind == "function" and own != self.name and own.isidentifier():
            return self.name, own
        return (self.name,)


@dataclass(slots=True)
class _Open:
    """A definition that may still grow by a clause while the file is read."""

    kind: _Captured
    name: str
    scope: str
    signature: str
    docs: list[tuple[int, int]]
    start_byte: int
    end_byte: int
    start_line: int
    end_line: int
    line: int

    def close(self, source: bytes) -> Definition:
        assert self.kind != "namespace"
        spans = self.docs[:_DOC_NODES]
        texts = [clean_comment(source[a:b].decode(errors="replace")) for a, b in spans]
        return Definition(
            kind=self.kind,
            name=self.name,
            scope=self.scope,
            signature=self.signature,
            doc="\n".join(texts).strip(),
            doc_spans=tuple(self.docs),
            start_byte=self.start_byte,
            end_byte=self.end_byte,
            start_line=self.start_line,
            end_line=self.end_line,
            line=self.line,
        )


class _Leading(NamedTuple):
    """A comment or attribute, which may belong to the definition below it."""

    start: int
    end: int
    line: int
    kind: str
    is_comment: bool


@dataclass(slots=True)
class _Captures:
    found: list[tuple[_Captured, Node, Node | None]] = field(default_factory=list)
    leading: list[_Leading] = field(default_factory=list)
    docstrings: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)


def definitions(source: bytes, language: str, tree: Tree | None = None) -> list[Definition]:
    """All functions and classes of a file in order of their start; outer before inner.

    Args:
        source: The file as UTF-8.
        language: Name as in `codebase.languages`; one that has neither a grammar nor keywords
            gives no definitions.
        tree: The tree of this source where the caller has parsed it already.
    """
    if is_mixed(language):
        found = [
            entry
            for part in parts(source, language)
            for entry in definitions(part.source, part.language)
        ]
        return sorted(found, key=lambda entry: (entry.start_byte, -entry.end_byte))
    tree = tree or parse(source, language)
    if tree is None:
        return outlined(source, language)
    found = _of_tree(source, language, tree)
    if has_keywords(language) and tree.root_node.has_error:
        # What the grammar lost, keywords may still tell.
        known = {entry.name: entry for entry in found}
        lost = [
            entry
            for entry in outlined(source, language)
            if entry.name not in known or known[entry.name].end_line < entry.line
        ]
        found = sorted([*found, *lost], key=lambda entry: (entry.start_byte, -entry.end_byte))
    return found


def outlined(source: bytes, language: str) -> list[Definition]:
    """The definitions that keywords alone tell, in order of their start; outer before inner."""
    found: list[Definition] = []
    around: list[Definition] = []
    for entry in outline(source, language):
        while around and around[-1].end_byte <= entry.start:
            around.pop()
        words = " " in entry.name  # a sentence, as scenarios have
        qualifier, name = ("", entry.name) if words else _qualified(entry.name)
        texts = [clean_comment(source[a:b].decode(errors="replace")) for a, b in entry.docs]
        names = [outer.name for outer in around[-_SCOPE_DEPTH:]]
        head = source[entry.start : entry.end].split(b"\n")
        definition = Definition(
            kind=entry.kind,
            name=name,
            scope=".".join([*names, qualifier] if qualifier else names),
            signature=_one_line(head[entry.line - entry.first].decode(errors="replace")),
            doc="\n".join(texts).strip(),
            doc_spans=entry.docs,
            start_byte=entry.start,
            end_byte=entry.end,
            start_line=entry.first + 1,
            end_line=entry.first + len(head),
            line=entry.line + 1,
        )
        found.append(definition)
        around.append(definition)
    return found


def _of_tree(source: bytes, language: str, tree: Tree) -> list[Definition]:
    grammar = GRAMMARS[language]
    captures = _capture(tree, language, source)
    ends = [lead.end for lead in captures.leading]
    floor = 0  # a comment before this byte belongs to what was closed last
    closed: list[_Open] = []
    stack: list[_Open] = []
    for kind, node, name_node in captures.found:
        sibling: _Open | None = None
        while stack and stack[-1].end_byte <= node.start_byte:
            sibling = stack.pop()
            floor = max(floor, sibling.end_byte)
        opened = _open(kind, node, name_node, grammar, source, stack)
        if opened is None:
            continue
        above = bisect_right(ends, opened.start_byte)
        _attach_leading(opened, captures.leading, above, floor, source, grammar.gap)
        if span := captures.docstrings.get((node.start_byte, node.end_byte)):
            opened.docs = [span]
        if grammar.clauses and sibling is not None and _continues(sibling, opened):
            sibling.end_byte, sibling.end_line = opened.end_byte, opened.end_line
            stack.append(sibling)
            continue
        stack.append(opened)
        if kind != "namespace":
            closed.append(opened)
    return [entry.close(source) for entry in closed]


def _capture(tree: Tree, language: str, source: bytes) -> _Captures:
    """Run the query; definitions by start (outer first), comments and attributes by position."""
    from tree_sitter import QueryCursor

    found: dict[tuple[int, int], tuple[_Captured, Node, Node | None]] = {}
    leading: dict[tuple[int, int], _Leading] = {}
    docstrings: dict[tuple[int, int], tuple[int, int]] = {}
    cursor = QueryCursor(grammar_and_query(language)[1])
    words = GRAMMARS[language].words
    for _, match in cursor.matches(tree.root_node):
        if any(
            source[match[capture][0].start_byte : match[capture][0].end_byte] not in allowed
            for capture, allowed in words.items()
            if capture in match
        ):
            continue
        name = match["name"][0] if "name" in match else None
        kinds: tuple[_Captured, ...] = ("function", "class", "namespace")
        for kind in kinds:
            for node in match.get(kind, ()):
                found.setdefault((node.start_byte, -node.end_byte), (kind, node, name))
        if "docstring" in match:
            owner, inner = match["owner"][0], match["docstring"][0]
            docstrings.setdefault(
                (owner.start_byte, owner.end_byte), (inner.start_byte, inner.end_byte)
            )
        for capture in ("attribute", "comment"):
            for node in match.get(capture, ()):
                key = (node.start_byte, node.end_byte)
                if capture == "comment" or key not in leading:
                    leading[key] = _Leading(
                        node.start_byte,
                        node.end_byte,
                        node.start_point[0] + 1,
                        node.type,
                        capture == "comment",
                    )
    return _Captures(
        found=[found[key] for key in sorted(found)],
        leading=sorted(leading.values(), key=lambda lead: (lead.end, -lead.start)),
        docstrings=docstrings,
    )


def _open(
    kind: _Captured,
    node: Node,
    name_node: Node | None,
    grammar: Grammar,
    source: bytes,
    stack: list[_Open],
) -> _Open | None:
    if node.type == "declaration" and stack and stack[-1].kind == "function":
        return None  # `Lock guard(mutex);` inside a function looks like a prototype
    qualifier, name = _name(kind, node, name_node, grammar, source)
    if not name or name in grammar.skips:
        return None
    if grammar.named_by is not None and not _NAMING.search(name):
        return None  # what is left of a macro that no grammar reads
    start = node.start_byte
    start -= _modifiers_before(source, start) or 0
    last = _with_body(node, grammar)
    end, end_line = last.end_byte, last.end_point[0] + 1
    if last.end_point[1] == 0 and end > start:  # some grammars count the newline in
        end_line = max(node.start_point[0] + 1, end_line - 1)
        end = start + len(source[start:end].rstrip())
    if source[end : end + 1] in (b";", b","):
        end += 1
    names = [entry.name for entry in stack[-_SCOPE_DEPTH:]]
    scope = ".".join([*names, qualifier] if qualifier else names)
    line = node.start_point[0] + 1
    signature = _signature(node, source, start)
    return _Open(kind, name, scope, signature, [], start, end, line, end_line, line)


def _with_body(node: Node, grammar: Grammar) -> Node:
    """The last node of a definition: its own, or the body that stands after it."""
    if grammar.body_after:
        for candidate in (node, node.parent):
            following = candidate.next_named_sibling if candidate is not None else None
            if following is not None and following.type == grammar.body_after:
                return following
    return node


def _continues(previous: _Open, clause: _Open) -> bool:
    return (
        clause.kind == "function"
        and not clause.docs
        and (previous.kind, previous.name, previous.scope)
        == (clause.kind, clause.name, clause.scope)
    )


def _attach_leading(
    opened: _Open, leading: list[_Leading], above: int, floor: int, source: bytes, most_gap: int
) -> None:
    """Move the start up over the comments and attributes that stand directly above."""
    docs: list[tuple[int, int]] = []
    for index in range(above - 1, -1, -1):
        lead = leading[index]
        if lead.start < floor:
            break
        text = source[lead.start : lead.end].rstrip()
        end = lead.start + len(text)
        if opened.start_byte - end > _WIDEST_GAP:
            break
        gap = source[end : opened.start_byte]
        if gap.strip() or gap.count(b"\n") > most_gap:
            break
        modifiers = _modifiers_before(source, lead.start)
        if modifiers is None and b"\n" in gap:
            break  # a remark at the end of a line of code
        if text.startswith((b"#!", b"//!")):
            break  # the interpreter's line; documentation of the file or module around
        opened.start_byte, opened.start_line = lead.start, lead.line
        if lead.is_comment:
            docs.append((lead.start, end))
        else:
            opened.start_byte -= modifiers or 0
            if lead.kind == "signature":
                opened.signature = _one_line(text.decode(errors="replace"))
    opened.docs = docs[::-1]


def _modifiers_before(source: bytes, position: int) -> int | None:
    """Length of the modifiers between the line's indentation and here; None if other text is."""
    line_start = source.rfind(b"\n", max(0, position - _WIDEST_GAP), position) + 1
    if line_start == 0 and position > _WIDEST_GAP:
        return None
    modifiers = _MODIFIERS.match(source[line_start:position])
    return len(modifiers[1]) if modifiers else None


def _name(
    kind: _Captured, node: Node, name_node: Node | None, grammar: Grammar, source: bytes
) -> tuple[str, str]:
    """(qualifier, name): `("Stack", "push")` for `int Stack::push(int x) {`."""
    for node_type, name in grammar.names:
        if node.type == node_type:
            return "", name
    if name_node is None:
        # Rust's `impl Trait for Type` is named by its type.
        naming = "type" if node.type == "impl_item" else "name"
        name_node = node.child_by_field_name(naming)
    if grammar.named_by is not None and node.type in _DECLARATOR_TYPES:
        defined = grammar.named_by(source, node.start_byte)
        if defined is not None:
            return defined
    if node.type in _DECLARATOR_TYPES and node.child_by_field_name("declarator") is not None:
        name_node = _declared(node)
    if name_node is None:
        name_node = next((c for c in node.named_children if c.type in _NAME_TYPES), None)
    if name_node is None:
        return "", ""
    text = source[max(name_node.start_byte, name_node.end_byte - _NAME_LENGTH) : name_node.end_byte]
    name = text.decode(errors="replace").strip("`\"'&* \t\n")
    if kind != "function":
        return "", " ".join(name.partition("<")[0].replace("::", ".").split())
    receiver = node.child_by_field_name("receiver")
    if receiver is not None:
        owner = _RECEIVER.search(source[receiver.start_byte : receiver.end_byte])
        return (owner[1].decode(errors="replace") if owner else ""), name
    return ("", name) if grammar.dotted else _qualified(name)


def _qualified(name: str) -> tuple[str, str]:
    match = _QUALIFIED.match(name)
    if match is None:
        return "", " ".join(name.split())
    owners = [part for part in re.split(r"::|[.:]", match[1]) if part]
    qualifier = ".".join(part for part in owners if part not in _NOT_A_SCOPE)
    return qualifier.partition("<")[0], " ".join(match[2].split())


def _declared(node: Node) -> Node | None:
    """The name inside a C declarator: `*(*name(int))(int)` nests it at any depth."""
    current: Node | None = node
    for _ in range(50):
        if current is None:
            return None
        inner = current.child_by_field_name("declarator")
        if inner is None or current.type == "qualified_identifier":
            inner = next((c for c in current.named_children if c.type.endswith("declarator")), None)
        if inner is None or inner.type == "abstract_function_declarator":
            return current if current != node else None
        current = inner
    return None


def _signature(node: Node, source: bytes, start: int) -> str:
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    body = node.child_by_field_name("body")
    if body is None and value is not None:
        body = value.child_by_field_name("body")
    if body is None:
        body = next((child for child in node.named_children if child.type in _BODY_TYPES), None)
    end = body.start_byte if body is not None else node.end_byte
    if body is None or end <= start:
        newline = source.find(b"\n", node.start_byte, node.end_byte)
        end = newline if newline >= 0 else node.end_byte
    return _one_line(source[start : min(end, start + 2000)].decode(errors="replace"))


def _one_line(text: str) -> str:
    lines = text.strip().split("\n")
    while len(lines) > 1 and lines[0].lstrip().startswith(("@", "[", "#[")):
        del lines[0]  # annotations that belong to the node
    remark = next((i for i, line in enumerate(lines) if i and _REMARK.match(line)), len(lines))
    words = " ".join(" ".join(lines[:remark]).split())
    if words.endswith(_OPENINGS):
        words = _OPENING.sub("", words)
    return words[:_SIGNATURE_LENGTH]

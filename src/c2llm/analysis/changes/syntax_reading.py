"""Code to statements by its syntax tree, without what does not matter to what it does.

Left out are comments, layout, the braces and brackets that say nothing, commas before a closing
bracket, semicolons that end a line, and the types of languages that do not look at them when they
run. What remains are tokens with their role, a list of them a statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from c2llm.analysis.changes.literals import joined_strings, meant_number, meant_string
from c2llm.analysis.changes.node_types import is_binding_field, means
from c2llm.analysis.changes.tokens import CONSTANT_WORDS, Kind, Reading, Token, Unit
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.syntax_tree import parse

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

_MOST_NODES = 400_000
_LONGEST_OWNER = 80
_GRADUAL = frozenset(("python", "typescript", "tsx"))
"""Languages whose programs do not look at their types."""
_TYPE_NODES = frozenset(
    "type_annotation type_arguments type_parameters interface_declaration type_alias_declaration"
    " accessibility_modifier override_modifier readonly".split()
)
_OPERATOR = re.compile(r"[-+*/%<>=!&|^~?@\\.]+")
_NO_OPERATOR = frozenset("= => -> ? . :: := .. ... ?. <- -- \\\\".split())
_OPERATOR_WORDS = frozenset(
    "and or not in is xor andalso orelse div mod rem band bor bxor instanceof unless".split()
)
_BEFORE_ATTRIBUTES = frozenset((".", "->", "?.", "::", "&.", "!!."))
_NAME = re.compile(r"[^\W\d][\w$]*[?!]?|[$@]+\w+")
_CLOSERS = frozenset(")]}>")
_BLOCK_SIGNS = frozenset("{ } begin end do then :".split())
_TUPLE_SIGNS = frozenset("()")
_LAID_OUT = frozenset(("preproc_arg", "jsx_text"))
"""Leaves with layout in them."""
_DATA_NAMES = frozenset(
    ("shorthand_property_identifier", "shorthand_property_identifier_pattern", "hash_key_symbol")
)
"""Names of variables that are keys of objects too."""
_DATA_KEYS = frozenset(("property_identifier",))
_NO_OPS = frozenset(("pass", "..."))
_DEFINERS = frozenset("def defp defmacro defmacrop defguard test".split())
_OWNER_FIELDS = ("left", "name", "key", "pattern", "declarator", "label", "target")
_BRACED = frozenset("java csharp kotlin swift scala dart javascript typescript tsx php".split())


_IDLE_BETWEEN = b" \t\r\n\f\v\\;,{}\xef\xbb\xbf"
"""Between two nodes no more than layout, what ends a line, and a mark of the byte order."""


@dataclass(frozen=True, slots=True)
class _Gap:
    """Bytes in a node that are in none of its children."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known of where a node stands."""

    unit: int
    branch: str = ""
    role: str = ""
    owner: str = ""
    binding: bool = False
    in_parameters: bool = False
    annotation: bool = False


def read_syntax(text: str, language: str, first_line: int, *, is_member: bool) -> Reading | None:
    """The statements of a piece of code; None where no grammar reads it.

    Args:
        text: The code.
        language: Its language.
        first_line: The line of the file that it begins on.
        is_member: It stands in a class or the like, whose syntax it may need around it.
    """
    if language not in GRAMMARS:
        return None
    best: tuple[Tree, bytes, int, int] | None = None
    for before, after, lines in _around(text, language, is_member=is_member):
        head = before.encode()
        source = head + text.encode(errors="replace") + after.encode()
        tree = parse(source, language)
        if tree is None:
            continue
        found = tree, source, lines, len(head)
        if not tree.root_node.has_error:
            best = found
            break
        best = best or found
    if best is None:
        return None
    tree, source, lines, skipped = best
    whole = skipped + len(text.encode(errors="replace"))
    return _Reader(source, language, first_line - lines, (skipped, whole)).read(tree.root_node)


def _around(text: str, language: str, *, is_member: bool) -> list[tuple[str, str, int]]:
    """What to put before and after a piece of a file, and how many lines that is."""
    if language == "python":
        first = next((line for line in text.split("\n") if line.strip()), "")
        return [("if 1:\n", "", 1)] if first[:1].isspace() else [("", "", 0)]
    opening = "" if language != "php" or "<?" in text[:200] else "<?php "
    plain = (opening, "", 0)
    if not is_member or language not in _BRACED:
        return [plain]
    return [(f"{opening}class _ {{ ", "\n}", 0), plain]


class _Reader:
    def __init__(
        self, source: bytes, language: str, first_line: int, span: tuple[int, int]
    ) -> None:
        self._source = source
        self._language = language
        self._gradual = language in _GRADUAL
        self._comments = frozenset(GRAMMARS[language].comments.split())
        self._span = span
        self._units: list[Unit] = [Unit("", -1, "")]
        self._reading = Reading(language, source, first_line, self._units, [], [])
        self._last: Token | None = None
        self._last_parent = -1

    def read(self, root: Node) -> Reading:
        """Everything below a node."""
        stack: list[tuple[Node | _Gap, str, Node | None, _Place]] = [(root, "", None, _Place(0))]
        for _ in range(_MOST_NODES):
            if not stack:
                break
            node, field, parent, place = stack.pop()
            if isinstance(node, _Gap):
                self._between(node, place)
                continue
            if node.start_byte == node.end_byte or node.end_byte <= self._span[0]:
                continue
            if node.start_byte >= self._span[1]:
                continue
            kind = node.type
            if kind in self._comments or "comment" in kind or kind == "line_continuation":
                self._remark(node)
                continue
            if node.is_named and parent is not None:
                if self._says_nothing(node, parent):
                    self._remark(node)
                    continue
                place = self._placed(node, kind, field, parent, place)
            children = node.children
            if not children or (means(kind, "string") and self._is_plain(node)):
                self._leaf(node, field, parent, place)
                continue
            below = self._below(node, kind, place)
            end = node.end_byte
            for number, child in reversed(list(enumerate(children))):
                stack.extend((gap, "", node, below) for gap in self._gap(child.end_byte, end))
                stack.append((child, node.field_name_for_child(number) or "", node, below))
                end = child.start_byte
            stack.extend((gap, "", node, below) for gap in self._gap(node.start_byte, end))
        return _without_empty(self._reading)

    def _gap(self, start: int, end: int) -> tuple[_Gap, ...]:
        """What stands between two nodes and is no layout: some grammars have no node for it."""
        if start >= end or not self._source[start:end].strip(_IDLE_BETWEEN):
            return ()
        first, last = max(start, self._span[0]), min(end, self._span[1])
        return (_Gap(first, last),) if first < last else ()

    def _between(self, gap: _Gap, place: _Place) -> None:
        text = self._source[gap.start : gap.end].decode(errors="replace").strip()
        line = self._source.count(b"\n", 0, gap.start) + 1
        token = Token(text, "word", line, gap.start, gap.end, place.role, place.owner)
        self._last, self._last_parent = token, -1
        self._units[place.unit].tokens.append(token)

    # -- where a node stands ---------------------------------------------------------------------

    def _placed(self, node: Node, kind: str, field: str, parent: Node, place: _Place) -> _Place:
        above = parent.type
        is_unit = not means(kind, "block") and (means(above, "block") or means(kind, "unit"))
        if is_unit and not place.in_parameters and not means(above, "import"):
            branch = place.branch if means(above, "block") else field
            self._units.append(Unit(kind, place.unit, branch))
            place = _Place(len(self._units) - 1, annotation=place.annotation)
            if means(kind, "import"):
                self._units[-1].is_import = True
        elif means(kind, "block") and (field or "else" in kind):
            place = replace(place, branch=field or kind)
        is_type = kind in _TYPE_NODES or (kind == "type" and field in _TYPE_FIELDS)
        if self._gradual and is_type and not self._runs(node):
            if not place.annotation and self._last is not None and self._last.text in (":", "->"):
                self._take_back()
            place = replace(place, annotation=True)
        if means(kind, "parameters"):
            place = replace(place, in_parameters=True, role="parameter", binding=True)
        elif means(kind, "not_binding"):
            place = replace(place, binding=False)
        elif is_binding_field(field) and (means(above, "binds") or means(above, "parameters")):
            place = replace(place, binding=True)
        elif field in ("value", "right", "default_value", "body", "type"):
            place = replace(place, binding=False)
        role = self._role(kind, field, above, place)
        if role:
            place = replace(place, role=role)
        if means(above, "owns") or (place.in_parameters and field in _VALUE_FIELDS):
            owner = self._owner(parent)
            if owner and field not in _OWNER_FIELDS:
                place = replace(place, owner=owner)
        return place

    def _runs(self, node: Node) -> bool:
        """Whether an annotation calls something, as `Annotated[int, Depends(f)]` does."""
        return self._language == "python" and b"(" in self._source[node.start_byte : node.end_byte]

    def _below(self, node: Node, kind: str, place: _Place) -> _Place:
        """The place of what is in a node."""
        if means(kind, "call"):
            called = self._called(node)
            if called:
                place = replace(place, owner=called)
        elif kind in ("binary_operator", "infix") and self._assigns(node):
            place = replace(place, binding=True)
        return place

    def _role(self, kind: str, field: str, above: str, place: _Place) -> str:
        if place.in_parameters:
            return "default" if field in _VALUE_FIELDS else ""
        for what in ("decorator", "return", "raise"):
            if means(kind, what):
                return what
        if field == "condition" or means(kind, "condition"):
            return "condition"
        if means(above, "guard") and kind == "parenthesized_expression":
            return "condition"
        if means(kind, "loop"):
            return "loop"
        if means(kind, "keyword"):
            return "keyword"
        if means(kind, "call") and place.role in ("", "value", "loop"):
            return "call"
        if "argument" in kind and place.role in ("", "call", "value", "loop"):
            return "argument"
        if means(above, "owns") and field in _VALUE_FIELDS and place.role == "":
            return "value"
        return ""

    def _owner(self, node: Node) -> str:
        for name in _OWNER_FIELDS:
            child = node.child_by_field_name(name)
            if child is not None:
                return self._short(child)
        if "argument" in node.type and len(node.named_children) < 2:
            return ""
        first = next((c for c in node.named_children if "kind" not in c.type), None)
        if first is None or "modifier" in first.type:
            return ""
        return self._short(first)

    def _called(self, node: Node) -> str:
        for name in ("function", "method", "name", "macro", "constructor", "type", "target"):
            child = node.child_by_field_name(name)
            if child is not None:
                return self._short(child)
        first = node.named_children[0] if node.named_children else None
        return "" if first is None else self._short(first)

    def _short(self, node: Node) -> str:
        end = min(node.end_byte, node.start_byte + _LONGEST_OWNER)
        text = self._source[node.start_byte : end].decode(errors="replace")
        return text if text.isalnum() else " ".join(text.split())

    def _assigns(self, node: Node) -> bool:
        operator = node.child_by_field_name("operator")
        return operator is not None and self._text(operator) in ("=", "<-")

    # -- what is left out ------------------------------------------------------------------------

    def _says_nothing(self, node: Node, parent: Node) -> bool:
        """A docstring, or a statement that does nothing."""
        kind = node.type
        if kind == "expression_statement" and len(node.named_children) == 1:
            return self._says_nothing(node.named_children[0], parent)
        if not means(parent.type, "block") and parent.type != "expression_statement":
            return False
        if means(kind, "string") or kind == "concatenated_string":
            text = self._text(node)
            is_last = node.next_named_sibling is None and node.prev_named_sibling is not None
            # The last one of a block is its value in many languages.
            return not text.strip("'\"").startswith("use ") and (
                self._language == "python" or (self._language == "javascript" and not is_last)
            )
        return kind in ("pass_statement", "ellipsis", "empty_statement") or (
            self._language == "python" and self._text(node) in _NO_OPS
        )

    def _remark(self, node: Node) -> None:
        text = " ".join(self._text(node).split())
        line = node.start_point[0] + 1
        if text not in _NO_OPS:
            self._reading.comments.append(Token(text, "word", line, node.start_byte, node.end_byte))

    def _is_plain(self, node: Node) -> bool:
        """Whether nothing is filled into a string."""
        waiting = list(node.children)
        for _ in range(1_000):
            if not waiting:
                return True
            child = waiting.pop()
            if child.is_named and means(child.type, "filled"):
                return False
            waiting += child.children
        return True

    def _is_left_out(self, text: str, parent: Node | None) -> bool:
        """Whether a sign says nothing at its place."""
        if parent is None or text.isspace():
            return True
        kind = parent.type
        if text in ";\n":
            is_kept = self._language == "rust" or kind.startswith("for")
            return not is_kept
        if text in _BLOCK_SIGNS:
            return means(kind, "block") or (text != ":" and kind.startswith("try"))
        if text not in _TUPLE_SIGNS:
            return False
        around = parent.parent
        if around is None:
            return False
        if kind.startswith("parenthesized"):
            inner = parent.named_children[0] if parent.named_children else None
            is_needed = inner is None or means(inner.type, "kept_inside")
            return not is_needed and means(around.type, "transparent")
        if kind in ("tuple", "tuple_pattern") and self._language == "python":
            many = parent.named_child_count > 1
            plain = around.type in ("return_statement", "assignment", "for_statement", "yield")
            return many and (plain or around.type in ("block", "for_in_clause"))
        return False

    # -- tokens ----------------------------------------------------------------------------------

    def _leaf(self, node: Node, field: str, parent: Node | None, place: _Place) -> None:
        text = self._text(node)
        kind = self._kind(node, text, parent)
        if kind in ("sign", "word", "operator") and self._is_left_out(text, parent):
            return
        if node.type in _LAID_OUT:
            text = " ".join(text.replace("\\\n", " ").split())
        if kind == "number":
            text = meant_number(text)
        elif kind == "string":
            text = meant_string(text, self._language)
        owned_by = -1 if parent is None else parent.id
        if text in _CLOSERS and self._is_idle_comma(parent):
            self._take_back(drop=True)
        last = self._last
        if (
            kind == "string"
            and last is not None
            and last.kind == "string"
            and parent is not None
            and parent.type == "concatenated_string"
            and self._last_parent == owned_by
            and (joined := joined_strings(last.text, text)) is not None
        ):
            last.text, last.end = joined, node.end_byte
            return
        if text == "(" and last is not None and last.kind == "name" and parent is not None:
            last.is_called = "argument" in parent.type or means(parent.type, "call")
        follows_dot = last is not None and last.text in _BEFORE_ATTRIBUTES
        is_key = parent is not None and (
            (field in ("name", "key") and means(parent.type, "keyword"))
            or (field == "key" and kind == "name")
        )
        token = Token(
            text,
            kind,
            node.start_point[0] + 1,
            node.start_byte,
            node.end_byte,
            place.role,
            place.owner,
            is_attribute=kind == "name" and (follows_dot or is_key),
            is_key=node.type in _DATA_NAMES or (is_key and node.type in _DATA_KEYS),
            is_bound=kind == "name" and self._is_bound(field, parent, place, follows_dot),
        )
        if place.in_parameters and place.role != "default" and self._after_equals(node, parent):
            token.role, token.is_bound = "default", False
            token.owner = self._parameter_before(node)
        self._last, self._last_parent = token, owned_by
        if place.annotation:
            self._reading.annotations.append(token)
        else:
            self._units[place.unit].tokens.append(token)

    def _kind(self, node: Node, text: str, parent: Node | None) -> Kind:
        kind = node.type
        if node.is_named:
            if text.lower() in CONSTANT_WORDS:
                return "word"
            if means(kind, "number") or text[:1].isdigit():
                return "number"
            if means(kind, "string") or text[:1] in ("'", '"', "`"):
                return "string"
            if kind.endswith(("_content", "_fragment", "_start", "_end", "heredoc_body")):
                return "string"
            return "name" if _NAME.fullmatch(text) else "word"
        if text in ("'", '"', "`", '"""', "'''"):
            return "string"
        if text in _OPERATOR_WORDS:
            return "operator"
        if text not in _NO_OPERATOR and _OPERATOR.fullmatch(text):
            is_type = parent is not None and "type" in parent.type
            return "sign" if is_type else "operator"
        return "word" if text[:1].isalpha() else "sign"

    def _is_bound(self, field: str, parent: Node | None, place: _Place, follows_dot: bool) -> bool:
        if parent is None:
            return False
        kind = parent.type
        if follows_dot:
            above = parent.parent
            is_left = above is not None and "assignment" in above.type
            return is_left and above is not None and above.child_by_field_name("left") == parent
        if place.binding:
            return True
        named = field == "name" or (not field and "kotlin" in self._language)
        return named and means(kind, "binds")

    def _is_idle_comma(self, parent: Node | None) -> bool:
        """Whether the last token is a comma that stands before the closing bracket of a list."""
        last = self._last
        if last is None or last.text != "," or parent is None or self._last_parent != parent.id:
            return False
        return not (parent.type.startswith("tuple") and parent.named_child_count == 1)

    def _after_equals(self, node: Node, parent: Node | None) -> bool:
        if parent is None:
            return False
        before = node.prev_sibling
        return before is not None and before.type == "=" and node.is_named

    def _parameter_before(self, node: Node) -> str:
        before = node.prev_sibling
        name = before.prev_named_sibling if before is not None else None
        if name is None:
            return ""
        inner = name.named_children[0] if name.named_children else name
        return self._short(inner)

    def _take_back(self, *, drop: bool = False) -> None:
        """Take the last token back, which turns out to be a part of an annotation or idle."""
        last = self._last
        for unit in reversed(self._units):
            if unit.tokens and unit.tokens[-1] is last:
                unit.tokens.pop()
                if not drop and last is not None:
                    self._reading.annotations.append(last)
                return

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")


_TYPE_FIELDS = frozenset(("type", "return_type", ""))
_VALUE_FIELDS = frozenset(("value", "default_value", "right", "default"))


def _without_empty(reading: Reading) -> Reading:
    """The same without the units that say nothing; what was in them is in what is around them."""
    kept: list[Unit] = []
    number: dict[int, int] = {-1: -1}
    for old, unit in enumerate(reading.units):
        if not unit.tokens:
            number[old] = number[unit.parent]
            continue
        unit.parent = number[unit.parent]
        number[old] = len(kept)
        kept.append(unit)
    reading.units = kept
    return reading

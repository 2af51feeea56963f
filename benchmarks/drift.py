"""Whether planted changes of behaviour are told as such, and edits of looks are not.

    python benchmarks/drift.py REPOS [--functions 400] [--seed 1] [--json FILE] [--missed 20]

REPOS holds git directories or work trees. Of each language functions are drawn from them, and every
edit below that a function has a place for is made once, by bytes of its syntax tree: one of the
operators is another one, a constant, a condition is negated, one side of `and` dropped, a check or
a call deleted, arguments swapped, a default changed, a named argument left out, a return value
replaced, a raised error deleted, two statements that share a name swapped, a variable taken for
another one; and on the other side comments, indentation, line breaks, blank lines, quotes, the
spelling of numbers, brackets around what is returned, types of languages that do not look at them,
a variable renamed throughout, imports in another order. What is counted is what `changes_between`
says of the function and its edited version. Nothing here reads what `analysis.changes` makes of a
function; an edit after which the tree has errors it had not before is not counted.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.analysis.changes.change import Effect
from c2llm.analysis.changes.compare import changes_between
from c2llm.analysis.trees.code_tree import CodeTree, Function
from c2llm.analysis.trees.folder import FolderTree
from c2llm.analysis.trees.revision import RevisionTree, repository_at
from c2llm.codebase.git import is_git_directory
from c2llm.codebase.syntax_tree import parse

if TYPE_CHECKING:
    from tree_sitter import Node

_LEAST_LINES, _MOST_LINES = 4, 120
_OPERATORS = {
    **{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!=="},
    **{"+": "-", "-": "+", "*": "+", "&&": "||", "||": "&&", "and": "or", "or": "and"},
    **{"+=": "-=", "-=": "+=", "<<": ">>", "!==": "===", "/=": "==", "++": "--", "--": "++"},
}
_NOT_OPERATORS = {"haskell": {"++", "--"}, "elixir": {"++", "--"}, "lua": {"--"}}
_WORDED = {"python": "not ({})", "lua": "not ({})", "ruby": "!({})", "elixir": "!({})"}
_NOTHING = {
    **dict.fromkeys(("python",), "None"),
    **dict.fromkeys(("go", "ruby", "lua", "elixir", "swift", "objc"), "nil"),
    **dict.fromkeys(("c", "zig"), "0"),
}
_REMARKS = {
    **dict.fromkeys(("python", "ruby", "elixir", "bash", "r", "perl", "yaml"), "# {}"),
    **dict.fromkeys(("lua", "haskell", "sql"), "-- {}"),
}
_QUOTED = frozenset(("python", "javascript", "typescript", "tsx", "lua"))
_SEPARATED = frozenset(
    ("python", "rust", "java", "javascript", "typescript", "ruby", "kotlin", "go", "swift")
)
_INDENTED = frozenset(("python", "haskell", "fsharp", "yaml", "nim", "coffeescript"))
_CLASSES = frozenset(
    ("java", "csharp", "kotlin", "swift", "scala", "javascript", "typescript", "tsx", "php")
)
_ANNOTATED = frozenset(("python", "typescript", "tsx"))
_STATEMENT = re.compile(r"\w*(statement|declaration|assignment|call|expression)$")
_BLOCK = re.compile(r"block|body|\w+_block|compound_statement|statements|body_statement|do_block")
_NO_NAMES = frozenset(("self", "this", "cls", "super", "_"))

Edit = tuple[int, int, str]
"""Bytes that are replaced, and by what."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A function and an edited version of it."""

    kind: str
    bears_behaviour: bool
    before: Function
    after: Function


class Site:
    """A function as its syntax tree has it, with places for edits."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.language = function.language
        self.nodes: list[Node] = []
        self.parents: dict[int, Node] = {}
        for before, after in _around(function):
            self.before, self.after = before.encode(), after.encode()
            self.source = self.before + function.text.encode() + self.after
            tree = parse(self.source, self.language)
            self.has_error = tree is None or tree.root_node.has_error
            if not self.has_error:
                break
        if tree is not None:
            waiting = [tree.root_node]
            while waiting:
                node = waiting.pop()
                self.nodes.append(node)
                for child in node.children:
                    self.parents[child.id] = node
                waiting += reversed(node.children)

    def text(self, node: Node) -> str:
        """Its code."""
        return self.source[node.start_byte : node.end_byte].decode(errors="replace")

    def leaves(self) -> Iterator[Node]:
        """Nodes without others in them."""
        return (node for node in self.nodes if not node.children)

    def within(self, node: Node, pattern: str) -> bool:
        """Whether a node is in one of these types."""
        above: Node | None = node
        while above is not None:
            if re.search(pattern, above.type):
                return True
            above = self.parents.get(above.id)
        return False

    def edited(self, edits: Sequence[Edit]) -> Function | None:
        """The function with edits, None where nothing is edited or the code is broken by it."""
        source = self.source
        for start, end, text in sorted(edits, reverse=True):
            if start < len(self.before) or end > len(self.source) - len(self.after):
                return None
            source = source[:start] + text.encode() + source[end:]
        if source == self.source:
            return None
        tree = parse(source, self.language)
        if tree is None or (tree.root_node.has_error and not self.has_error):
            return None
        inner = source[len(self.before) : len(source) - len(self.after)]
        text = inner.decode(errors="replace")
        return replace(
            self.function, text=text, end_line=self.function.start_line + text.count("\n")
        )

    def line_of(self, node: Node) -> tuple[int, int]:
        """The whole lines of a node, where nothing else is on them; else only its own bytes."""
        start = self.source.rfind(b"\n", 0, node.start_byte) + 1
        end = self.source.find(b"\n", node.end_byte)
        end = len(self.source) if end < 0 else end + 1
        before = self.source[start : node.start_byte].strip()
        after = self.source[node.end_byte : end].strip()
        if before or after not in (b"", b";", b","):
            return node.start_byte, node.end_byte
        return start, end


def _around(function: Function) -> list[tuple[str, str]]:
    """What a function may need around it to be read alone."""
    opening = "<?php " if function.language == "php" and "<?" not in function.text else ""
    if function.language == "python":
        return [("if 1:\n", "")] if function.text[:1].isspace() else [("", "")]
    if function.scope and function.language in _CLASSES:
        return [(f"{opening}class _ {{ ", "\n}"), (opening, "")]
    return [(opening, "")]


Planter = Callable[[Site, random.Random], Iterator[Sequence[Edit]]]
"""Gives the edits that a function has a place for, in a random order."""


def _shuffled(nodes: Sequence[Node], rng: random.Random) -> list[Node]:
    return rng.sample(list(nodes), len(nodes))


# -- behaviour -------------------------------------------------------------------------------------


def operator(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    refused = _NOT_OPERATORS.get(site.language, set())
    places = [
        node
        for node in site.leaves()
        if not node.is_named
        and (text := site.text(node)) in _OPERATORS
        and text not in refused
        and (above := site.parents.get(node.id)) is not None
        and re.search(
            r"binary|comparison|boolean|assignment|update|infix|equality|_expr", above.type
        )
        and not re.search(r"unary|type|range|reference|pointer", above.type)
    ]
    for node in _shuffled(places, rng):
        yield [(node.start_byte, node.end_byte, _OPERATORS[site.text(node)])]


def constant(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [node for node in site.leaves() if re.fullmatch(r"[1-9]\d{0,8}", site.text(node))]
    for node in _shuffled([node for node in places if node.is_named], rng):
        yield [(node.start_byte, node.end_byte, str(int(site.text(node)) * 10 + 1))]


def truth(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    other = {"true": "false", "false": "true", "True": "False", "False": "True"}
    places = [node for node in site.leaves() if site.text(node) in other]
    for node in _shuffled(places, rng):
        yield [(node.start_byte, node.end_byte, other[site.text(node)])]


def negated(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    form = _WORDED.get(site.language, "!({})")
    places = [
        child for node in site.nodes if (child := node.child_by_field_name("condition")) is not None
    ]
    for node in _shuffled(places, rng):
        inner = node
        if node.type == "parenthesized_expression" and node.named_children:
            inner = node.named_children[0]
        yield [(inner.start_byte, inner.end_byte, form.format(site.text(inner)))]


def half(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [
        above
        for node in site.leaves()
        if site.text(node) in ("&&", "||", "and", "or")
        and (above := site.parents.get(node.id)) is not None
        and above.child_by_field_name("left") is not None
    ]
    for node in _shuffled(places, rng):
        kept = node.child_by_field_name(rng.choice(("left", "right")))
        assert kept is not None
        yield [(node.start_byte, node.end_byte, site.text(kept))]


def check_gone(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [
        node
        for node in site.nodes
        if re.fullmatch(r"(if|unless|guard)(_statement|_expression|_modifier)?", node.type)
        and node.is_named
        and len(site.text(node)) < 300
        and not re.search(r"\belse\b|\belif\b", site.text(node))
        and re.search(r"\b(return|raise|throw|continue|break|panic)\b", site.text(node))
    ]
    for node in _shuffled(places, rng):
        yield [(*site.line_of(node), "")]


def call_gone(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [
        node
        for node in site.nodes
        if re.search(r"call|invocation", node.type)
        and (above := site.parents.get(node.id)) is not None
        and (above.type == "expression_statement" or _BLOCK.fullmatch(above.type))
        and len(above.parent.named_children if above.parent else ()) > 1
    ]
    for node in _shuffled(places, rng):
        above = site.parents[node.id]
        whole = above if above.type == "expression_statement" else node
        yield [(*site.line_of(whole), "")]


def swapped(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places: list[tuple[Node, Node]] = []
    for node in site.nodes:
        if re.fullmatch(r"\w*arguments?(_list)?", node.type):
            inner = [child for child in node.named_children if "comment" not in child.type]
            pairs = pairwise(inner)
            places += [
                (one, other)
                for one, other in pairs
                if site.text(one) != site.text(other)
                and not re.search(
                    r"keyword|named|pair|splat|spread|block|lambda", one.type + other.type
                )
                and not re.search(r"[=:]\s", site.text(one) + site.text(other))
            ]
    for one, other in rng.sample(places, len(places)):
        yield [
            (one.start_byte, one.end_byte, site.text(other)),
            (other.start_byte, other.end_byte, site.text(one)),
        ]


def default(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [
        child
        for node in site.nodes
        if "parameter" in node.type
        for field in ("value", "default_value")
        if (child := node.child_by_field_name(field)) is not None
    ]
    for node in _shuffled(places, rng):
        text = site.text(node)
        if re.fullmatch(r"\d+", text):
            yield [(node.start_byte, node.end_byte, f"{text}7")]
        elif text.lower() in ("true", "false"):
            other = "false" if text.lower() == "true" else "true"
            spelled = other.capitalize() if text[0].isupper() else other
            yield [(node.start_byte, node.end_byte, spelled)]
        elif text in ("None", "nil", "null"):
            yield [(node.start_byte, node.end_byte, "1")]


def keyword_gone(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [node for node in site.nodes if node.type in ("keyword_argument", "named_argument")]
    for node in _shuffled(places, rng):
        start, end = node.start_byte, node.end_byte
        before = node.prev_sibling
        if before is not None and before.type == ",":
            start = before.start_byte
        elif (after := node.next_sibling) is not None and after.type == ",":
            end = after.end_byte
        yield [(start, end, "")]


def returned(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    nothing = _NOTHING.get(site.language, "null")
    places = [
        node.named_children[0]
        for node in site.nodes
        if re.fullmatch(r"return(_statement|_expression)?", node.type) and node.named_children
    ]
    for node in _shuffled(places, rng):
        if site.text(node) != nothing and site.language != "rust":
            yield [(node.start_byte, node.end_byte, nothing)]


def raise_gone(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [
        node
        for node in site.nodes
        if re.fullmatch(r"(raise|throw)(_statement|_expression)?", node.type)
        and node.is_named
        and (above := site.parents.get(node.id)) is not None
        and len(above.named_children) > 1
    ]
    for node in _shuffled(places, rng):
        yield [(*site.line_of(node), "")]


def reordered(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places: list[tuple[Node, Node]] = []
    for node in site.nodes:
        if not _BLOCK.fullmatch(node.type):
            continue
        inner = [c for c in node.named_children if _STATEMENT.fullmatch(c.type)]
        for one, other in pairwise(inner):
            if one.next_named_sibling != other or "comment" in one.type + other.type:
                continue
            names = set(re.findall(r"[A-Za-z_]\w+", site.text(one)))
            assigned = re.match(
                r"\s*(?:\w+\s+)*?([A-Za-z_]\w*)(?:\s*:[^=]+)?\s*:?=[^=]", site.text(one)
            )
            if assigned and re.search(rf"\b{assigned[1]}\b", site.text(other)) and names:
                places.append((one, other))
    for one, other in rng.sample(places, len(places)):
        yield [
            (one.start_byte, one.end_byte, site.text(other)),
            (other.start_byte, other.end_byte, site.text(one)),
        ]


def wrong_variable(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    names = _variables(site)
    places = [
        node
        for node in site.leaves()
        if site.text(node) in names and _is_plain_name(site, node) and not _is_parameter(site, node)
    ]
    for node in _shuffled(places, rng):
        others = sorted(names - {site.text(node)})
        if others:
            yield [(node.start_byte, node.end_byte, rng.choice(others))]


# -- looks -----------------------------------------------------------------------------------------


def remark(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    form = _REMARKS.get(site.language, "// {}")
    for node in _shuffled(_statements(site), rng):
        start = site.source.rfind(b"\n", 0, node.start_byte) + 1
        indentation = site.source[start : node.start_byte]
        if not indentation.strip():
            said = form.format("as it was asked for in review")
            yield [(start, start, f"{indentation.decode()}{said}\n")]


def remark_gone(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [n for n in site.nodes if n.is_named and n.type in ("comment", "line_comment")]
    for node in _shuffled(places, rng):
        if not re.match(rb"#!|//go:|# type:|# noqa|///|#\[", site.source[node.start_byte :][:8]):
            yield [(*site.line_of(node), "")]


def indented(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    if site.language in _INDENTED or any(
        b"\n" in site.source[node.start_byte : node.end_byte]
        for node in site.nodes
        if re.search("string|template|heredoc|comment|quoted|text", node.type)
    ):
        return
    edits: list[Edit] = []
    for match in re.finditer(rb"(?m)^[ \t]+(?=\S)", site.source):
        edits.append((match.start(), match.end(), match[0].decode() * 2))
    if edits:
        yield edits


def blank_lines(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    for node in _shuffled(_statements(site), rng):
        start = site.source.rfind(b"\n", 0, node.start_byte) + 1
        if not site.source[start : node.start_byte].strip():
            yield [(start, start, "\n\n")]


def broken_lines(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    if site.language in ("bash", "haskell", "ruby", "lua"):
        return
    places = [
        node
        for node in site.nodes
        if re.fullmatch(r"argument_list|arguments|value_arguments", node.type)
        and len(node.named_children) > 1
        and site.text(node)[:1] == "("
        and not site.within(node, "string|template|macro|token_tree")
    ]
    for node in _shuffled(places, rng):
        yield [
            (child.end_byte, child.end_byte, "\n            ")
            for child in node.children
            if child.type == ","
        ]


def last_comma(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    if site.language not in ("python", "javascript", "typescript", "rust", "kotlin", "tsx"):
        return
    places = [
        node
        for node in site.nodes
        if node.type in ("argument_list", "arguments", "list", "array", "dictionary", "object")
        and len(node.named_children) > 1
        and node.children[-2].type != ","
        and not re.search("generator|comment|spread|splat", node.named_children[-1].type)
        and not site.within(node, "string|template|macro|token_tree|pattern")
    ]
    for node in _shuffled(places, rng):
        at = node.children[-2].end_byte
        yield [(at, at, ",")]


def quotes(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    if site.language not in _QUOTED:
        return
    edits: list[Edit] = []
    for node in site.nodes:
        text = site.text(node)
        above = site.parents.get(node.id)
        if node.type == "string" and re.fullmatch(r"'[^'\"\\\n{}]*'|\"[^'\"\\\n{}]*\"", text):
            if above is not None and "interpolation" in above.type:
                continue
            quote = '"' if text[0] == "'" else "'"
            edits.append((node.start_byte, node.end_byte, f"{quote}{text[1:-1]}{quote}"))
    if edits:
        yield edits


def spelled_number(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [n for n in site.leaves() if n.is_named and re.fullmatch(r"[1-9]\d{2,}", site.text(n))]
    places = [node for node in places if not site.within(node, "string|template|heredoc|quoted")]
    for node in _shuffled(places, rng):
        text = site.text(node)
        if len(text) > 3 and site.language in _SEPARATED:
            yield [(node.start_byte, node.end_byte, f"{int(text):_}")]
        elif site.language not in ("haskell", "elixir", "lua"):
            yield [(node.start_byte, node.end_byte, hex(int(text)))]


def brackets(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    places = [
        node.named_children[0]
        for node in site.nodes
        if node.type == "return_statement" and len(node.named_children) == 1
    ]
    for node in _shuffled(places, rng):
        lists = re.search(r"list|tuple|parenthesized|jsx", node.type)
        if not lists or node.type in ("list", "list_comprehension"):
            yield [(node.start_byte, node.end_byte, f"({site.text(node)})")]


def annotation(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    if site.language not in _ANNOTATED:
        return
    edits: list[Edit] = []
    for node in site.nodes:
        above = site.parents.get(node.id)
        if above is None or "parameter" not in above.type or site.within(above, "_type$"):
            continue
        if node.type == "type_annotation":
            edits.append((node.start_byte, node.end_byte, ""))
        elif node.type == "type" and node.prev_sibling is not None:
            edits.append((node.prev_sibling.start_byte, node.end_byte, ""))
    if edits:
        yield edits


def renaming(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    names = sorted(_variables(site))
    for name in rng.sample(names, len(names)):
        if re.search(
            rf"[$:.@]{name}\b|\b{name}\s*[:=](?!=)\s*{name}\b|{name}:", site.function.text
        ):
            continue  # an attribute, a short form or a symbol may be called so too
        if re.search(rf"\"[^\"\n]*\b{name}\b|'[^'\n]*\b{name}\b", site.function.text):
            continue
        places = [node for node in site.leaves() if site.text(node) == name]
        if len(places) < 2 or any(not _is_plain_name(site, node) for node in places):
            continue
        yield [(node.start_byte, node.end_byte, f"{name}Renamed") for node in places]


def import_order(site: Site, rng: random.Random) -> Iterator[Sequence[Edit]]:
    if site.function.name:
        return
    lines = [
        node
        for node in site.nodes
        if re.fullmatch(
            r"import_(from_)?(statement|declaration)|use_declaration|import_spec|import_header"
            r"|using_directive|preproc_include",
            node.type,
        )
        and b"\n" not in site.source[node.start_byte : node.end_byte].strip()
        and "__future__" not in site.text(node)
    ]
    for one, other in pairwise(lines):
        if one.next_named_sibling == other and one.type == other.type:
            yield [
                (one.start_byte, one.end_byte, site.text(other)),
                (other.start_byte, other.end_byte, site.text(one)),
            ]


def _statements(site: Site) -> list[Node]:
    return [
        child
        for node in site.nodes
        if _BLOCK.fullmatch(node.type) and not site.within(node, "string|template|class_body")
        for child in node.named_children[1:]
        if _STATEMENT.fullmatch(child.type) and "string" not in child.type
    ]


def _variables(site: Site) -> set[str]:
    """Names that are parameters or are assigned, by the fields of their nodes."""
    found: set[str] = set()
    for node in site.nodes:
        if not re.search(r"parameter|assignment|declarator|short_var|let_declaration", node.type):
            continue
        for field in ("name", "left", "pattern", "declarator"):
            child = node.child_by_field_name(field)
            while child is not None and child.type.endswith("_list") and child.named_children:
                child = child.named_children[0]
            if child is not None and child.type in ("identifier", "simple_identifier"):
                found.add(site.text(child))
    return {
        name
        for name in found
        if len(name) > 1 and name not in _NO_NAMES and name != site.function.name
    }


def _is_plain_name(site: Site, node: Node) -> bool:
    above = site.parents.get(node.id)
    if above is None or node.type not in ("identifier", "simple_identifier"):
        return False
    before = node.prev_sibling
    if before is not None and before.type in (".", "->", "::", "?.", "&."):
        return False
    if site.within(node, r"macro|token_tree|string|type_annotation|shorthand"):
        return False
    is_key = above.type in ("keyword_argument", "named_argument", "pair", "field_initializer")
    return not (is_key and above.named_children[0] == node)


def _is_parameter(site: Site, node: Node) -> bool:
    above = site.parents.get(node.id)
    return above is not None and bool(re.search(r"parameter|declarat|definition", above.type))


BEHAVIOUR: dict[str, Planter] = {
    "operator": operator,
    "constant": constant,
    "true or false": truth,
    "condition negated": negated,
    "half a condition": half,
    "check deleted": check_gone,
    "call deleted": call_gone,
    "arguments swapped": swapped,
    "default": default,
    "named argument deleted": keyword_gone,
    "return value": returned,
    "raise deleted": raise_gone,
    "statements swapped": reordered,
    "another variable": wrong_variable,
}
LOOKS: dict[str, Planter] = {
    "comment added": remark,
    "comment deleted": remark_gone,
    "indentation": indented,
    "blank lines": blank_lines,
    "line breaks": broken_lines,
    "last comma": last_comma,
    "quotes": quotes,
    "number spelling": spelled_number,
    "brackets": brackets,
    "types": annotation,
    "renaming": renaming,
    "import order": import_order,
}


def planted(function: Function, rng: random.Random) -> Iterator[Planted]:
    """One edit of each kind that the function has a place for."""
    site = Site(function)
    for planters, bears in ((BEHAVIOUR, True), (LOOKS, False)):
        for kind, planter in planters.items():
            if not function.name and kind != "import order":
                continue
            for edits in planter(site, rng):
                after = site.edited(edits)
                if after is not None:
                    yield Planted(kind, bears, function, after)
                    break


def drawn(repos: Path, most: int, seed: int) -> dict[str, list[Function]]:
    """Functions by language, as many of each repository as can be."""
    found: dict[str, dict[str, list[Function]]] = defaultdict(lambda: defaultdict(list))
    for folder in sorted(repos.iterdir()):
        if not folder.is_dir():
            continue
        bare = is_git_directory(folder)
        tree: CodeTree = RevisionTree(repository_at(folder), "HEAD") if bare else FolderTree(folder)
        paths = sorted(tree.files())
        rng = random.Random(f"{seed} {folder.name}")
        paths = rng.sample(paths, min(len(paths), 400))
        tree.read_ahead(paths)
        for path in paths:
            for one in tree.functions(path):
                lines = one.end_line - one.start_line + 1
                if (one.name and _LEAST_LINES <= lines <= _MOST_LINES) or (
                    not one.name and lines < 400
                ):
                    found[one.language][folder.name].append(one)
    return {
        language: _fairly(by_repo, most, random.Random(f"{seed} {language}"))
        for language, by_repo in sorted(found.items())
    }


def _fairly(by_repo: dict[str, list[Function]], most: int, rng: random.Random) -> list[Function]:
    chosen: list[Function] = []
    pools = [rng.sample(functions, len(functions)) for _, functions in sorted(by_repo.items())]
    while len(chosen) < most and any(pools):
        for pool in pools:
            if pool and len(chosen) < most:
                chosen.append(pool.pop())
    return chosen


def measured(functions: dict[str, list[Function]], seed: int, missed: int) -> dict[str, Any]:
    """What was told of all planted edits."""
    told: Counter[tuple[str, bool, str, bool]] = Counter()
    examples: list[str] = []
    seconds = 0.0
    for language, some in functions.items():
        rng = random.Random(f"{seed} {language} edits")
        for function in some:
            for one in planted(function, rng):
                started = time.process_time()
                changes = changes_between(one.before, one.after)
                seconds += time.process_time() - started
                is_told = any(change.effect == Effect.BEHAVIOUR for change in changes)
                told[one.kind, one.bears_behaviour, language, is_told] += 1
                if is_told != one.bears_behaviour and len(examples) < missed:
                    examples.append(_example(one, [f"{c.what} {c.name}" for c in changes]))
    return {
        "rows": [[*key, count] for key, count in sorted(told.items())],
        "examples": examples,
        "seconds": round(seconds, 1),
    }


def _example(one: Planted, said: Sequence[str]) -> str:
    from difflib import unified_diff

    lines = unified_diff(one.before.text.split("\n"), one.after.text.split("\n"), n=0, lineterm="")
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    place = f"{one.before.path}:{one.before.start_line} {one.before.name}"
    return "\n".join([f"{one.kind} ({one.before.language}) {place}: {said}", *changed[:14]])


def table(rows: Sequence[Sequence[Any]], bears: bool, column: int) -> Iterator[str]:
    """Edits, and how many of them were told as behaviour, by kind (0) or language (2)."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if row[1] == bears:
            counts[row[column]][0] += row[4]
            counts[row[column]][1] += row[4] if row[3] else 0
    all_of, told = (sum(pair[at] for pair in counts.values()) for at in (0, 1))
    for name, (number, found) in [*sorted(counts.items()), ("all", (all_of, told))]:
        yield f"| {name} | {number} | {found / max(1, number):.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("repos", type=Path)
    parser.add_argument("--functions", type=int, default=400, help="of a language, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--languages", nargs="*")
    parser.add_argument("--missed", type=int, default=0, help="examples that are shown")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    functions = drawn(asked.repos, asked.functions, asked.seed)
    if asked.languages:
        functions = {name: functions[name] for name in asked.languages if name in functions}
    found = measured(functions, asked.seed, asked.missed)
    for bears, title in ((True, "Behaviour"), (False, "Looks")):
        for column, name in ((0, "edit"), (2, "language")):
            print(f"\n| {title}: {name} | edits | told as behaviour |\n|---|---|---|")
            print("\n".join(table(found["rows"], bears, column)))
    print(f"\n{sum(row[4] for row in found['rows'])} edits, {found['seconds']} s of CPU to compare")
    for example in found["examples"]:
        print("\n" + example, file=sys.stderr)
    if asked.json:
        asked.json.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

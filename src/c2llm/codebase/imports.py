"""Which modules a file imports, in one spelling for all languages.

An import is written `a/b/c` when it is a module's full name (`import a.b.c`, `use crate::a::b::c`),
`./a` or `../a` when it begins at the file's own directory, and ends in `/` when it means everything
there. Which file that is, only a whole tree can tell (`index.graph`).

A regular expression finds the keyword and the syntax tree says whether it is one: an import in a
comment or a string is none. That costs a few lookups a file, where a query over all calls would
visit each of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Tree

_MOST_KEYWORDS = 1_000
"""Of a file; more of them are data."""
_MOST_IMPORTS = 300
_LONGEST_STATEMENT = 4_000
_LONGEST_NAME = 200
_CLIMB = 4
"""Nodes between a keyword and the statement that it begins."""

_Modules = Callable[[str, str], Iterator[str]]
"""Takes the path of the file and the text of an import; gives modules."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an import looks like in one language."""

    keyword: re.Pattern[bytes]
    """Where one may begin, with the newline before it where it has to begin a line. Its group, if
    it has one, is the text that `modules` gets, else that is the text of the node."""
    nodes: frozenset[str]
    """Types of the node that it must be in."""
    modules: _Modules


def imports(path: str, source: bytes, language: str, tree: Tree) -> tuple[str, ...]:
    """The modules that a file imports, each once, in order; none in a language without a rule.

    Args:
        path: Of the file, with `/`; what `self` and `super` of Rust mean depends on it.
        source: The file as UTF-8.
        language: Its language.
        tree: Its syntax tree.
    """
    rule = _RULES.get(language)
    if rule is None:
        return ()
    found: dict[str, None] = {}
    root = tree.root_node
    end = -1
    # A newline that is looked for is found four times as fast as the `^` of a regular expression.
    for count, match in enumerate(rule.keyword.finditer(b"\n" + source)):
        if count == _MOST_KEYWORDS or len(found) >= _MOST_IMPORTS:
            break
        keyword = match[0].removeprefix(b"\n")
        start = match.end() - len(keyword) - 1
        if start < end:
            continue  # within the statement before
        first = start + len(keyword) - len(keyword.lstrip())
        # The keyword is no named node of its own: the smallest one around it is the statement.
        node = root.named_descendant_for_byte_range(first, first + 1)
        for _ in range(_CLIMB):
            if node is None or node.type in rule.nodes:
                break
            node = node.parent
        if node is None or node.type not in rule.nodes:
            continue
        if match.re.groups:
            text = match[1]
        else:
            end = node.end_byte
            text = source[node.start_byte : min(end, node.start_byte + _LONGEST_STATEMENT)]
        for module in rule.modules(path, text.decode(errors="replace")):
            if len(module) <= _LONGEST_NAME and "\n" not in module:
                found[module] = None
    return tuple(found)[:_MOST_IMPORTS]


_TOKEN = re.compile(r"[\w$*]+|[{(]|[})]|,|=>")
_NAME = re.compile(r"[\w$*]+")
_ONE_NAME = re.compile(r"[\w$*]+(?:(?:\.|::|\\)[\w$*]+)*")
"""Nearly every import."""
_STRING = re.compile(r"""["'`<]([^"'`<>\n]+)["'`>]""")


def _expanded(text: str) -> Iterator[list[str]]:
    """`a.{b, c as d}` as `[a, b]` and `[a, c]`, whatever stands between the names."""
    if _ONE_NAME.fullmatch(text):
        yield _NAME.findall(text)
        return
    outer: list[list[str]] = []
    current: list[str] = []
    given = True  # `current` has been told, or is the beginning of others only
    renamed = False
    for token in _TOKEN.findall(text):
        if token in "{(":
            outer.append(current)
            current, given = list(current), True
        elif token in "}),":
            if not given:
                yield current
            given, renamed = True, False
            if token != "," and outer:
                outer.pop()
            current = list(outer[-1]) if outer else []
        elif token in ("as", "=>"):
            renamed = True
        elif not renamed:
            current.append(token)
            given = False
    if not given:
        yield current


def _python(_path: str, text: str) -> Iterator[str]:
    match = re.match(r"from\s*(\.*)\s*([\w.]*)\s*import\b(.*)", text, re.DOTALL)
    if match is None:
        for name in text.removeprefix("import").split(","):
            yield from _word(name).replace(".", "/").split()
        return
    dots, module, names = match.groups()
    base = "../" * (len(dots) - 1) if len(dots) > 1 else "./" if dots else ""
    whole = base + module.replace(".", "/")
    if module:
        yield whole
        whole += "/"
    for name in re.sub(r"#[^\n]*", "", names).strip(" ()\n\t\\").split(","):
        word = _word(name.strip(" \\\n"))
        if word and word != "*" and word.islower():  # a module, by the custom of the language
            yield whole + word
    if dots and not module:
        yield base + "__init__"


def _word(text: str) -> str:
    return text.split()[0] if text.split() else ""


def _dotted(_path: str, text: str) -> Iterator[str]:
    """Java, Kotlin, Scala: packages, then a class or what is in one."""
    text = re.sub(r"^\s*import\s+(static\s+)?", "", text).rstrip(";")
    for parts in _expanded(text.split(" as ")[0] if "{" not in text else text):
        if parts[-1] in ("*", "_"):
            yield "/".join(parts[:-1]) + "/"
        else:
            yield "/".join(parts)


def _csharp(_path: str, text: str) -> Iterator[str]:
    match = re.search(r"(?:using\s+)(?:static\s+|\w+\s*=\s*)?([\w.]+)", text)
    if match:
        yield match[1].replace(".", "/") + "/"


def _php(_path: str, text: str) -> Iterator[str]:
    if text.startswith(("require", "include")):
        yield from ("./" + name.lstrip("/") for name in _STRING.findall(text)[-1:])
        return
    text = re.sub(r"^use\s+(function\s+|const\s+)?", "", text).rstrip(";")
    yield from ("/".join(parts) for parts in _expanded(text))


def _rust(path: str, text: str) -> Iterator[str]:
    stem = basename(path).removesuffix(".rs")
    own = "./" if stem in ("mod", "lib", "main") else f"./{stem}/"
    above = "../" if stem == "mod" else "./"
    text = re.sub(r"^\s*(#\[.*?\]\s*)*(pub\s*(\([^)]*\))?\s*)?", "", text, flags=re.DOTALL)
    if text.startswith("mod"):
        yield own + text.removeprefix("mod").strip(" ;\n")
        return
    for parts in _expanded(re.sub(r"^(use|extern\s+crate)\s+", "", text).rstrip(";")):
        parts = [part for part in parts if part != "*"]
        if len(parts) > 1 and parts[-1] == "self":
            parts = parts[:-1]
        if not parts or parts[0] in ("std", "core", "alloc"):
            continue
        base = ""
        if parts[0] == "crate":
            parts = parts[1:]
        elif parts[0] == "self":
            base, parts = own, parts[1:]
        else:
            while parts and parts[0] == "super":
                base = above if not base else "../" + base.removeprefix("./")
                parts = parts[1:]
        if parts:
            yield base + "/".join(parts)


def _elixir(_path: str, text: str) -> Iterator[str]:
    text = text.partition(" do")[0].partition(", ")[0] if "{" not in text else text
    for parts in _expanded(re.sub(r"^\w+\s+", "", text)):
        if parts[0][:1].isupper():
            yield "/".join(_snake(part) for part in parts)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _javascript(_path: str, text: str) -> Iterator[str]:
    if text.startswith("."):
        yield text
    elif text.startswith(("@/", "~/", "#/", "src/")):
        yield text[2:] if text[0] != "s" else text


def _haskell(_path: str, text: str) -> Iterator[str]:
    match = re.match(r'import\s+(?:safe\s+)?(?:qualified\s+)?(?:"[^"]*"\s+)?([\w.]+)', text)
    if match:
        yield match[1].replace(".", "/")


def _go(_path: str, text: str) -> Iterator[str]:
    for name in _STRING.findall(text):
        if "." in name.partition("/")[0]:  # the standard library has no dot there
            yield name + "/"


def _lua(_path: str, text: str) -> Iterator[str]:
    yield text.replace(".", "/")


def _ruby(_path: str, text: str) -> Iterator[str]:
    for name in _STRING.findall(text)[:1]:
        yield "./" + name if text.startswith("require_relative") else name


def _plain(_path: str, text: str) -> Iterator[str]:
    yield text.strip()


def _from_here(_path: str, text: str) -> Iterator[str]:
    yield _local(text)


def _local(name: str) -> str:
    """A path as it is from the file's own directory: `x.sh` for `$DIR/x.sh` and `/x.sh`."""
    name = re.sub(r"^[\"']?\$(\{[^}]*\}|\(.*\)|\w+)[\"']?", "", name).strip("\"'")
    if name.startswith("/"):
        return name.strip("/")
    return name if name.startswith(".") else "./" + name


def _zig(_path: str, text: str) -> Iterator[str]:
    if text.endswith(".zig"):
        yield _local(text)


def _rule(keyword: bytes, nodes: str, modules: _Modules) -> _Rule:
    return _Rule(re.compile(keyword), frozenset(nodes.split()), modules)


_JAVASCRIPT = _rule(
    rb"""\b(?:from|import|require)\s*\(?\s*["']([^"'\n]+)["']""",
    "import_statement export_statement call_expression import_require_clause",
    _javascript,
)
_C = _rule(rb"""#[ \t]*include[ \t]*["<]([^">\n]+)[">]""", "preproc_include", _plain)
_RULES: dict[str, _Rule] = {
    "python": _rule(
        rb"\n[ \t]*(?:from|import)\b", "import_statement import_from_statement", _python
    ),
    "java": _rule(rb"\n[ \t]*import\b", "import_declaration", _dotted),
    "kotlin": _rule(rb"\n[ \t]*import\b", "import_header", _dotted),
    "scala": _rule(rb"\n[ \t]*import\b", "import_declaration", _dotted),
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "tsx": _JAVASCRIPT,
    "go": _rule(rb"\nimport\b", "import_declaration", _go),
    "rust": _rule(
        rb"\n[ \t]*(?:pub(?:[ \t]*\([^)\n]*\))?[ \t]+)?(?:use\b|extern\b|mod[ \t]+\w+[ \t]*;)",
        "use_declaration mod_item extern_crate_declaration",
        _rust,
    ),
    "c": _C,
    "cpp": _C,
    "csharp": _rule(rb"\n[ \t]*(?:global[ \t]+)?using\b", "using_directive", _csharp),
    "ruby": _rule(
        rb"""\n[ \t]*(?:require|require_relative|load|autoload[ \t(]+:\w+,)[ \t(]*["']""",
        "call",
        _ruby,
    ),
    "php": _rule(
        rb"\n[ \t]*(?:use|require|require_once|include|include_once)\b",
        "namespace_use_declaration require_expression require_once_expression include_expression"
        " include_once_expression",
        _php,
    ),
    "lua": _rule(rb"""\brequire[ \t(]*["']([^"'\n]+)["']""", "function_call", _lua),
    "haskell": _rule(rb"\nimport\b", "import", _haskell),
    "elixir": _rule(rb"\n[ \t]*(?:alias|import|use|require)[ \t]+[A-Z]", "call", _elixir),
    "zig": _rule(rb"""@import\(["']([^"'\n]+)["']\)""", "SuffixExpr", _zig),
    "bash": _rule(rb"\n[ \t]*(?:source|\.|load)[ \t]+([^\s;&|#]+)", "command", _from_here),
}

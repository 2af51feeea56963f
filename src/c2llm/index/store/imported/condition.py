"""The condition of `--where`: read by a parser of SQL, and taken over part by part.

Nothing of the text is ever run. sqlglot makes a tree of it; what is on the list below is taken over
into a tree of ours, and everything else is refused by its name. A store compiles that tree for
itself. It means what SQL means by it: a comparison with a missing value is neither true nor false,
and only what is true is met.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from c2llm.errors import UsageError

if TYPE_CHECKING:
    from sqlglot import Token, exp

MOST_CHARACTERS = 4_000
_MOST_DEPTH = 30
"""Of parentheses and `not` in one another."""
_MOST_LIST = 1_000
_MOST_PATTERN = 200
"""Characters of what stands behind LIKE."""


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column, as it was written."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, a text, or true or false."""

    value: float | int | str | bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+`, `-`, `*` or `/` of two numbers."""

    operator: str
    left: Scalar
    right: Scalar


Scalar = ColumnName | Constant | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """`=`, `<>`, `<`, `<=`, `>` or `>=` of two values."""

    operator: str
    left: Scalar
    right: Scalar


@dataclass(frozen=True, slots=True)
class Like:
    """Whether a text looks like a pattern with `%` and `_`, case of ASCII aside."""

    value: Scalar
    pattern: str


@dataclass(frozen=True, slots=True)
class IsMissing:
    """Whether there is no value."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a column of true and false is true."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; what is unknown stays so."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """All of these (`and`) or any of them (`or`)."""

    operator: str
    conditions: tuple[Condition, ...]


Condition = Comparison | Like | IsMissing | Truth | Not | Junction

_COMPARISONS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}
_TOKENS = frozenset(
    "AND OR NOT IN BETWEEN LIKE ILIKE IS NULL ISNULL NOTNULL TRUE FALSE L_PAREN R_PAREN COMMA DOT"
    " EQ NEQ LT LTE GT GTE PLUS DASH STAR SLASH NUMBER STRING IDENTIFIER".split()
)
_PREFIXES = frozenset({"NOT", "DASH", "PLUS"})
_LITERALS = frozenset({"HEX_STRING", "BIT_STRING", "BYTE_STRING", "NATIONAL_STRING", "RAW_STRING"})
_WORD = re.compile(r"[^\W\d]\w*")
_TAKEN = "comparisons, and, or, not, in, between, like, is null, and + - * / of numbers are taken"


def parse_condition(text: str) -> Condition:
    """The tree of a condition.

    Raises:
        UsageError: It is no condition, too long or too deep, or has what is not taken.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"The condition has {len(text):,} characters; at most {MOST_CHARACTERS:,} are taken."
        )
    if not text.strip():
        raise UsageError("The condition is empty; write one such as: sharpe > 1 and market = 'fx'.")
    if not text.isascii() and text != text.encode(errors="replace").decode():
        raise UsageError("The condition has characters that are no text; type it again.")
    from sqlglot import exp
    from sqlglot.dialects.sqlite import SQLite
    from sqlglot.errors import SqlglotError

    dialect = SQLite()
    try:
        tokens = _taken(dialect.tokenize(text))
        trees: list[Any] = dialect.parser().parse_into(exp.Condition, tokens, text)
        if len(trees) != 1 or trees[0] is None:
            raise SqlglotError("not one condition")
        return _condition(trees[0], 0)
    except RecursionError as error:
        raise _too_deep() from error
    except SqlglotError as error:
        raise UsageError(
            f"The condition {text!r:.200} cannot be read; write it like sharpe > 1 and "
            "market = 'fx', and column names with other signs in double quotes."
        ) from error


def columns_of(condition: Condition | Scalar) -> set[str]:
    """The columns that a condition names, as they were written."""
    found: set[str] = set()
    waiting: list[Condition | Scalar] = [condition]
    while waiting:
        match waiting.pop():
            case ColumnName(name):
                found.add(name)
            case Arithmetic(_, left, right) | Comparison(_, left, right):
                waiting += [left, right]
            case Like(value, _) | IsMissing(value) | Truth(value):
                waiting.append(value)
            case Not(inner):
                waiting.append(inner)
            case Junction(_, parts):
                waiting += parts
            case Constant():
                pass
    return found


def _taken(tokens: Sequence[Token]) -> list[Token]:
    """The tokens of a condition, the only ones that its parser is given.

    What it knows beyond conditions, and takes its time for, is no business of ours: every word that
    is no operator is the name of a column.

    Raises:
        UsageError: There is another sign, a function, or too much in one another.
    """
    from sqlglot import Token, TokenType

    taken: list[Token] = []
    depth = row = 0
    for token in tokens:
        kind = token.token_type.name
        depth += (kind == "L_PAREN") - (kind == "R_PAREN")
        row = row + 1 if kind in _PREFIXES else 0
        if max(depth, row) > _MOST_DEPTH:
            raise _too_deep()
        if kind in _TOKENS:
            if kind == "L_PAREN" and taken and taken[-1].token_type == TokenType.IDENTIFIER:
                raise UsageError(f"{taken[-1].text!r:.80} is no function here; {_TAKEN}.")
        elif _WORD.fullmatch(token.text) and kind not in _LITERALS:
            token = Token(TokenType.IDENTIFIER, token.text)
        else:
            raise UsageError(f"{token.text!r:.80} is not taken in a condition; {_TAKEN}.")
        taken.append(token)
    return taken


def _condition(tree: exp.Expression, depth: int) -> Condition:
    _check(tree, depth)
    kind = type(tree).__name__
    if kind in ("And", "Or"):
        return Junction(kind.lower(), tuple(_condition(part, depth + 1) for part in _parts(tree)))
    if kind in _COMPARISONS:
        return Comparison(
            _COMPARISONS[kind], *(_scalar(side, depth + 1) for side in (tree.this, tree.expression))
        )
    if kind in ("Column", "Dot", "Boolean"):
        return Truth(_scalar(tree, depth + 1))
    take = _TAKERS.get(kind)
    if take is None:
        _refuse(tree)
    return take(tree, depth)


def _parenthesis(tree: exp.Expression, depth: int) -> Condition:
    return _condition(tree.this, depth + 1)


def _not(tree: exp.Expression, depth: int) -> Condition:
    return Not(_condition(tree.this, depth + 1))


def _between(tree: exp.Expression, depth: int) -> Condition:
    if tree.args.get("symmetric"):
        _refuse(tree)
    value, low, high = (_scalar(tree.args[name], depth + 1) for name in ("this", "low", "high"))
    return Junction("and", (Comparison(">=", value, low), Comparison("<=", value, high)))


def _in(tree: exp.Expression, depth: int) -> Condition:
    listed = tree.expressions
    if not listed or any(tree.args.get(name) for name in ("query", "field", "unnest")):
        raise UsageError("Write what stands behind in as a list: market in ('fx', 'equity').")
    if len(listed) > _MOST_LIST:
        raise UsageError(f"The list has {len(listed):,} values; at most {_MOST_LIST:,} are taken.")
    value = _scalar(tree.this, depth + 1)
    return Junction("or", tuple(Comparison("=", value, _scalar(one, depth + 1)) for one in listed))


def _like(tree: exp.Expression, depth: int) -> Condition:
    pattern = _scalar(tree.expression, depth + 1)
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        raise UsageError("Write what stands behind like as a text in single quotes: 'mean%'.")
    if len(pattern.value) > _MOST_PATTERN:
        raise UsageError(
            f"The pattern has {len(pattern.value)} characters; at most {_MOST_PATTERN} are taken."
        )
    found = Like(_scalar(tree.this, depth + 1), pattern.value)
    return Not(found) if tree.args.get("negate") else found


def _is(tree: exp.Expression, depth: int) -> Condition:
    kind = type(tree.expression).__name__
    value = _scalar(tree.this, depth + 1)
    if kind == "Null":
        return IsMissing(value)
    if kind != "Boolean":
        _refuse(tree)
    # Unlike `=`, what is missing is not true and not false.
    there = Not(IsMissing(value))
    return Junction("and", (there, Comparison("=", value, Constant(bool(tree.expression.this)))))


_TAKERS: Mapping[str, Callable[[Any, int], Condition]] = {
    "Paren": _parenthesis,
    "Not": _not,
    "Between": _between,
    "In": _in,
    "Like": _like,
    "ILike": _like,
    "Is": _is,
}


def _scalar(tree: exp.Expression, depth: int) -> Scalar:
    _check(tree, depth)
    kind = type(tree).__name__
    if kind in ("Column", "Dot"):
        return ColumnName(_name(tree))
    if kind == "Literal":
        return Constant(str(tree.this) if tree.is_string else _number(str(tree.this)))
    if kind == "Boolean":
        return Constant(bool(tree.this))
    if kind == "Null":
        raise UsageError("Nothing is equal to null; write: is null, or is not null.")
    if kind == "Paren":
        return _scalar(tree.this, depth + 1)
    if kind == "Neg":
        inner = _scalar(tree.this, depth + 1)
        if isinstance(inner, Constant) and _is_number(inner.value):
            return Constant(-inner.value)  # type: ignore[operator]
        return Arithmetic("-", Constant(0), inner)
    if kind in _ARITHMETIC:
        left, right = (_scalar(side, depth + 1) for side in (tree.this, tree.expression))
        return Arithmetic(_ARITHMETIC[kind], left, right)
    _refuse(tree)


def _parts(tree: exp.Expression) -> list[exp.Expression]:
    """The sides of a row of the same `and` or `or`, which leans to the left however long it is."""
    kind = type(tree)
    parts: list[exp.Expression] = []
    while type(tree) is kind:
        parts.append(tree.expression)
        tree = tree.this
    return [tree, *reversed(parts)]


def _name(tree: exp.Expression) -> str:
    """`a.b.c`, of a nested key, as the column that it was made to."""
    from sqlglot import exp

    parts: list[str] = []
    while isinstance(tree, exp.Dot):
        if not isinstance(tree.expression, exp.Identifier):
            _refuse(tree)
        parts.append(tree.expression.name)
        tree = tree.this
    if not isinstance(tree, exp.Column) or isinstance(tree.this, exp.Star):
        _refuse(tree)
    return ".".join([*(part.name for part in tree.parts), *reversed(parts)])


def _number(text: str) -> int | float:
    try:
        whole = int(text)
        value = whole if -(2**63) <= whole < 2**63 else float(text)
    except (ValueError, OverflowError):
        value = math.inf
        if len(text) < 400:
            try:
                value = float(text)
            except ValueError as error:
                raise UsageError(f"{text!r:.60} in the condition is no number.") from error
    if not math.isfinite(value):
        raise UsageError(f"The number {text:.40} in the condition is too large.")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(tree: exp.Expression, depth: int) -> None:
    if depth > _MOST_DEPTH:
        raise _too_deep()


def _too_deep() -> UsageError:
    return UsageError(
        f"The condition has more than {_MOST_DEPTH} parts in one another; use a flat list of and, "
        "or or in."
    )


def _refuse(tree: exp.Expression) -> NoReturn:
    try:
        said = tree.sql("sqlite")
    except Exception:  # a tree of parts that were never meant to stand together
        said = type(tree).__name__.lower()
    raise UsageError(f"{said!r:.120} is not taken in a condition; {_TAKEN}.")

"""A condition as SQL: every name and value is a parameter or a number of ours, none is text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from c2llm.errors import UsageError
from c2llm.index.store.imported.condition import (
    Arithmetic,
    ColumnName,
    Comparison,
    Condition,
    Constant,
    IsMissing,
    Junction,
    Like,
    Not,
    Scalar,
    Truth,
)
from c2llm.index.store.imported.dates import normalized
from c2llm.index.store.imported.record import OWN_COLUMNS, Column, ValueType
from c2llm.index.store.imported.resolving import quoted, resolved

_ORDER: tuple[ValueType, ...] = ("number", "boolean", "date", "text")


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement and its parameters, in order."""

    text: str
    values: tuple[object, ...] = ()

    def within(self, form: str, *others: Sql) -> Sql:
        """This piece and others put into a form with a `{}` for each."""
        parts = (self, *others)
        values = tuple(value for part in parts for value in part.values)
        return Sql(form.format(*(part.text for part in parts)), values)


class Compiler:
    """Turns conditions about records `r` into SQL.

    Args:
        columns: The imported columns by name.
        numbers: The number of each in the table `cells`.
        stale: Ids of the records that are not of today's code.
    """

    def __init__(
        self, columns: Mapping[str, Column], numbers: Mapping[str, int], stale: Collection[int]
    ) -> None:
        self._columns = columns
        self._numbers = numbers
        self._stale = stale

    def compiled(self, condition: Condition) -> Sql:
        """The condition as an expression that is 1, 0 or NULL.

        Raises:
            UsageError: A column is not there, or values of two types are compared.
        """
        match condition:
            case Junction(operator, parts):
                pieces = [self.compiled(part) for part in parts]
                return pieces[0].within(_balanced(operator.upper(), len(pieces)), *pieces[1:])
            case Not(inner):
                return self.compiled(inner).within("NOT ({})")
            case IsMissing(value):
                return self._any_type(value).within("({}) IS NULL")
            case Truth(value):
                if "boolean" not in self._types(value):
                    raise UsageError(
                        f"{_told(value)} is neither true nor false; compare it with something."
                    )
                return self._scalar(value, "boolean").within("({}) = 1")
            case Like(value, pattern):
                if not self._types(value) & {"text", "date"}:
                    raise UsageError(f"{_told(value)} is no text, so that like cannot be asked.")
                return self._scalar(value, "text").within("({}) LIKE {}", Sql("?", (pattern,)))
            case Comparison(operator, left, right):
                return self._comparison(operator, left, right)

    def _comparison(self, operator: str, left: Scalar, right: Scalar) -> Sql:
        types = self._types(left), self._types(right)
        common = [one for one in _ORDER if one in types[0] & types[1]]
        if not common:
            raise UsageError(_mismatch((left, right), types))
        pieces = [
            self._scalar(left, one).within(f"({{}}) {operator} ({{}})", self._scalar(right, one))
            for one in common
        ]
        if len(pieces) == 1:
            return pieces[0]
        return pieces[0].within(f"COALESCE({', '.join('{}' for _ in pieces)})", *pieces[1:])

    def _types(self, value: Scalar) -> frozenset[ValueType]:
        """What a value may be."""
        match value:
            case Constant(bool()):
                return frozenset({"boolean"})
            case Constant(str(text)):
                date: set[ValueType] = {"date"} if normalized(text) else set()
                return frozenset({"text", *date})
            case Constant():
                return frozenset({"number"})
            case ColumnName(name):
                name = resolved(name, self._columns)
                known = self._columns.get(name)
                return frozenset({OWN_COLUMNS[name]}) if known is None else known.types
            case Arithmetic(_, left, right):
                for side in (left, right):
                    if "number" not in self._types(side):
                        raise UsageError(f"{_told(side)} is no number to calculate with.")
                return frozenset({"number"})

    def _scalar(self, value: Scalar, as_type: ValueType) -> Sql:
        match value:
            case Constant(str(text)) if as_type == "date":
                return Sql("?", (normalized(text),))
            case Constant(inner):
                return Sql("?", (inner,))
            case ColumnName(name):
                return self._column(resolved(name, self._columns), as_type)
            case Arithmetic(operator, left, right):
                sides = self._scalar(left, "number"), self._scalar(right, "number")
                # The quotient of whole numbers is no whole number.
                form = "(({}) * 1.0 / ({}))" if operator == "/" else f"(({{}}) {operator} ({{}}))"
                return sides[0].within(form, sides[1])

    def _column(self, name: str, as_type: ValueType | None) -> Sql:
        """What a record has in a column if it is of a type, else NULL."""
        number = self._numbers.get(name)
        if number is None:
            if name == "stale":
                ids = ",".join(map(str, sorted(self._stale)))
                return Sql(f"r.id IN ({ids})")
            return Sql(f"nullif(r.{name}, '')")  # one of `OWN_COLUMNS`
        cell = f"SELECT value FROM cells WHERE record_id = r.id AND column_id = {number:d}"
        if as_type is None:
            return Sql(cell)
        # A date is a text where it is asked for as one.
        kinds = "('text', 'date')" if as_type == "text" else f"('{as_type}')"
        return Sql(f"{cell} AND type IN {kinds}")

    def _any_type(self, value: Scalar) -> Sql:
        self._types(value)
        match value:
            case ColumnName(name):
                return self._column(resolved(name, self._columns), None)
            case _:
                return self._scalar(value, "number")


def _balanced(operator: str, count: int) -> str:
    """A form for so many pieces, none of them deep: SQLite takes a thousand levels at most."""
    level = ["({})"] * count
    while len(level) > 1:
        pairs = [f"({a} {operator} {b})" for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, *level[2 * len(pairs) :]]
    return level[0]


def _told(value: Scalar) -> str:
    match value:
        case ColumnName(name):
            return quoted(name)
        case Constant(inner):
            return repr(inner)
        case _:
            return "What is calculated"


def _mismatch(values: tuple[Scalar, Scalar], types: tuple[Collection[ValueType], ...]) -> str:
    names = {"number": "a number", "text": "text", "boolean": "true or false", "date": "a date"}
    told = [
        f"{_told(value)} is {' or '.join(names[one] for one in _ORDER if one in kinds)}"
        for value, kinds in zip(values, types, strict=True)
    ]
    return f"{told[0]} and {told[1]}, which cannot be compared; write the value as the column is."

"""What a reader could not act on is set apart, and takes nothing away from what he can."""

from __future__ import annotations

import pytest

from c2llm.analysis.clone_report.selection import in_telling_order
from c2llm.analysis.clones.clone_class import CloneType
from c2llm.analysis.clones.findings import Finding, Place
from c2llm.analysis.clones.subsumed import without_parts
from tests.analysis.clones.planted import JAVA, PYTHON, clones_of, write

pytestmark = pytest.mark.usefixtures("home")

DECLARATIONS = {
    "fields.py": (
        "    name: str\n    size: int\n    owner: str | None = None\n    tags: list[str]\n"
        "    width: float = 1.5\n    height: float = 2.5\n    title: str = 'none'\n"
    ),
    "constants.py": "".join(f"NAME_{n} = {n}\nTEXT_{n} = 'text {n}'\n" for n in range(9)),
    "list.py": "NAMES = [\n" + "".join(f"    'name {n}',\n    {n},\n" for n in range(15)) + "]\n",
    "fields.java": (
        "    private final String name;\n    private int size;\n    protected List<String> tags;\n"
        "    public static final Map<String, Integer> ALL = null;\n    private volatile long at;\n"
        "    private final Owner owner;\n    private boolean open = false;\n"
    ),
    "fields.go": "\tName string\n\tSize int\n\tTags []string\n\tOwner Owner\n\tAt int64\n" * 2,
    "constants.ts": "".join(f"export const NAME_{n} = 'name {n}';\n" for n in range(9)),
}


def in_a_class(name: str, fields: str, number: int) -> str:
    """The fields in a file of their own kind, with other code around."""
    if name.endswith(".java"):
        return f"class C{number} extends Base{number}<A> {{\n{fields}}}\n"
    if name.endswith(".go"):
        return f"package p{number}\n\ntype T{number} struct {{\n{fields}}}\n"
    if name == "fields.py":
        return f"import m{number}\n\n\nclass C{number}(Base):\n{fields}"
    return fields


@pytest.mark.parametrize("name", DECLARATIONS)
def test_what_only_declares_is_an_idiom(tmp_path, name):
    suffix = name.rpartition(".")[2]
    files = {f"f{n}.{suffix}": in_a_class(name, DECLARATIONS[name], n) for n in range(3)}
    report = clones_of(write(tmp_path, files))
    assert report.classes == ()
    assert {one.role for one in report.apart} == {"idiom"}


@pytest.mark.parametrize(
    "line",
    [
        "total = price * rate - fee",
        "send(price, 'x', at=rate)",
        "if price: names = rate",
        "while price > rate: price -= 1",
    ],
)
def test_what_reckons_calls_or_decides_is_none(tmp_path, line):
    body = f"{DECLARATIONS['fields.py']}    {line}\n    x = [{line.split()[1]!r}]\n    {line}\n"
    files = {f"f{n}.py": f"import m{n}\n\n\nclass C{n}(Base):\n{body}" for n in range(2)}
    report = clones_of(write(tmp_path, files))
    assert report.classes and not report.apart


def place(file: int, first: int, last: int) -> Place:
    return Place(file, first + 1, last + 1, first, last, 10 * (last - first))


def finding(kind: CloneType, first: int, last: int, **more: bool) -> Finding:
    places = tuple(place(file, 1_000 * file + first, 1_000 * file + last) for file in range(2))
    return Finding(kind, 0.5, places, **more)


def test_what_is_loose_takes_nothing_away():
    loose = finding(4, 0, 90, whole=True, loose=True)
    fragment = finding(1, 10, 20)
    assert set(without_parts([loose, fragment])) == {loose, fragment}
    firm = finding(3, 0, 95, whole=True)
    assert without_parts([loose, fragment, firm]) == [firm]


def test_functions_that_are_hardly_alike_are_loose(tmp_path):
    tree = {"a.py": PYTHON.original, "b.py": PYTHON.changed, "c.java": JAVA.original}
    report = clones_of(write(tmp_path, tree), similarity=0.3, meaning=1.0)
    told = in_telling_order(report.classes)
    # The firm pair has a class of its own, which no loose member gets into.
    assert [(one.type, one.role, len(one.members)) for one in told[:1]] == [(3, "code", 2)]
    assert {(one.type, one.role) for one in told[1:]} == {(4, "loose")}
    # What means the same is told, however it is written.
    others = [one for one in clones_of(tmp_path, meaning=0.3).classes if one.type == 4]
    assert {one.role for one in others} == {"code"}

"""Near copies in a list step back behind what is different and are named with the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from c2llm.search.answer import Hit, SearchAnswer, Sibling
from c2llm.search.answering import answer
from c2llm.search.answers.copies.near_copies import Body, are_copies
from c2llm.search.answers.copies.precedence import is_other_version, stands_before
from c2llm.search.answers.similar_code import as_query, similar, specimen_at
from c2llm.search.answers.token_budget import within_budget
from c2llm.search.code_index import CodeIndex
from c2llm.search.explain.why import Why
from c2llm.search.request import SearchRequest
from tests.trees import WordEncoder, write_tree

ROUTINE = """      SUBROUTINE {0}ROTATE( N, X, INCX, Y, INCY, COSINE, SINE )
*     Rotates the plane of two vectors: applies the rotation to each pair of entries.
      INTEGER            N, INCX, INCY, I, IX, IY
      {1} X( * ), Y( * ), COSINE, SINE, KEPT
      IF( N.LE.0 ) RETURN
      IX = 1
      IY = 1
      IF( INCX.LT.0 ) IX = ( -N+1 )*INCX + 1
      IF( INCY.LT.0 ) IY = ( -N+1 )*INCY + 1
      DO 10 I = 1, N
         KEPT = COSINE*X( IX ) + SINE*Y( IY )
         Y( IY ) = COSINE*Y( IY ) - SINE*X( IX )
         X( IX ) = KEPT
         IX = IX + INCX
         IY = IY + INCY
   10 CONTINUE
      END
"""
KINDS = {"s": "REAL", "d": "DOUBLE PRECISION", "c": "COMPLEX", "z": "COMPLEX*16"}
ROUTINES = {
    f"blas/{kind}rotate.f": ROUTINE.format(kind.upper(), name) for kind, name in KINDS.items()
}
STREAM = """use crate::{0}::handle::Handle;

/// Writes a buffer to the stream and keeps what did not fit for the next turn.
pub fn write_buffered(handle: &mut Handle, buffer: &[u8]) -> usize {{
    let mut written = 0;
    while written < buffer.len() {{
        let taken = handle.{1}(&buffer[written..]);
        if taken == 0 {{
            handle.pending.extend_from_slice(&buffer[written..]);
            break;
        }}
        written += taken;
    }}
    handle.statistics.bytes += written as u64;
    written
}}
"""
LEDGER = '''"""Books of account."""


def settle_invoice(ledger, invoice, today):
    """Settle an invoice: book the payment against what is owed and close what is paid."""
    owed = ledger.balance(invoice.customer) + invoice.amount
    payment = min(owed, invoice.amount - invoice.discount(today))
    ledger.book(invoice.customer, payment, reason="settlement")
    if ledger.balance(invoice.customer) == 0:
        ledger.close(invoice.customer, on=today)
    for line in invoice.lines:
        ledger.note(line.account, line.amount, line.currency)
    return payment
'''
OTHER = """      SUBROUTINE {}( A )
*     {}
      A = 1
      END
"""
OTHERS = {
    "blas/rotmg.f": OTHER.format("ROTMG", "Makes a modified rotation"),
    "blas/angle.f": OTHER.format("ANGLE", "Of a rotation"),
}


@pytest.fixture
def routines(tmp_path: Path, home: Path) -> Iterator[CodeIndex]:
    root = write_tree(tmp_path / "routines", ROUTINES | OTHERS)
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        yield index


def paths(hits: Sequence[Hit]) -> list[str]:
    return [hit.path for hit in hits]


def searched(root: Path, query: str, **options: object) -> SearchAnswer:
    request = SearchRequest(query, mode="lexical", **options)  # type: ignore[arg-type]
    with CodeIndex.open(root, "none", embed="none") as index:
        return index.answer(request)


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "dense"])
@pytest.mark.parametrize("granularity", ["chunk", "function", "file"])
def test_one_of_four_precisions_stands_for_all(
    routines: CodeIndex, mode: str, granularity: str
) -> None:
    asked = {"k": 10, "mode": mode, "granularity": granularity}
    hits = routines.search("apply a rotation to vectors", **asked)  # type: ignore[arg-type]
    first = next(hit for hit in hits if hit.path in ROUTINES)
    assert {one.path for one in first.also} == set(ROUTINES) - {first.path}
    behind = [hit.path in ROUTINES and hit != first for hit in hits]
    assert behind == sorted(behind)
    assert sum(behind) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    copied = f"near copy of {first.path}:{first.start_line}-{first.end_line}"
    assert [hit.why.reasons[-1] for hit in hits if hit in hits[-3:]] == [copied] * 3


def test_in_their_places_they_are_on_request(routines: CodeIndex) -> None:
    hits = routines.search("apply a rotation to vectors", 10, "lexical", siblings=True)
    assert set(paths(hits[:4])) == set(ROUTINES)
    assert not any(hit.also for hit in hits)


@pytest.mark.parametrize("granularity", ["chunk", "function", "file"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_are_those_of_one_list(
    tmp_path: Path, home: Path, size: int, granularity: str
) -> None:
    root = write_tree(tmp_path / "paged", ROUTINES | OTHERS)
    query = "apply a rotation to vectors"
    asked = {"granularity": granularity, "k": size}
    pages = [searched(root, query, offset=at, **asked).hits for at in range(0, 6, size)]
    read = [(hit.path, hit.also) for page in pages for hit in page]
    whole = searched(root, query, k=6, granularity=granularity).hits
    assert read == [(hit.path, hit.also) for hit in whole]
    assert len({path for path, _ in read}) == 6


def test_pages_are_those_of_one_list_beyond_the_first_block(tmp_path: Path, home: Path) -> None:
    files = {f"m{i:03}.py": f"def rotate_{i % 70}(x):\n    return x  # rotation {i % 70}\n" * 9
             for i in range(140)}  # fmt: skip
    root = write_tree(tmp_path / "long", files)
    read = [hit.path for at in range(0, 140, 7)
            for hit in searched(root, "rotation", k=7, offset=at).hits]  # fmt: skip
    assert len(read) == len(set(read)) == 140


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("apply a rotation in double precision", "blas/drotate.f"),
        ("zrotate", "blas/zrotate.f"),
        ("apply a complex rotation", "blas/crotate.f"),
    ],
)
def test_the_query_tells_them_apart(routines: CodeIndex, query: str, path: str) -> None:
    hits = routines.search(query, 10, "lexical")
    assert hits[0].path == path
    assert path not in {one.path for hit in hits for one in hit.also}


def test_a_directory_that_is_asked_for_tells_apart(tmp_path: Path, home: Path) -> None:
    root = write_tree(
        tmp_path / "io",
        {
            "src/unix/stream.rs": STREAM.format("unix", "write"),
            "src/win/stream.rs": STREAM.format("win", "send"),
            "src/handle.rs": "/// A handle of a stream.\npub struct Handle;\n",
        },
    )
    plain = searched(root, "write a buffer to the stream").hits
    asked = searched(root, "write a buffer to the win stream").hits
    assert plain[0].path == "src/unix/stream.rs"
    assert plain[1].path == "src/handle.rs"
    assert [one.path for one in plain[0].also] == ["src/win/stream.rs"]
    assert asked[0].path == "src/win/stream.rs"
    assert "src/win/stream.rs" not in {one.path for hit in asked for one in hit.also}


def test_ones_own_code_stands_for_a_vendored_copy(tmp_path: Path, home: Path) -> None:
    root = write_tree(
        tmp_path / "vendored",
        {"external/ledger/books.py": LEDGER, "src/ledger/books.py": LEDGER},
    )
    hits = searched(root, "settle an invoice").hits
    assert paths(hits) == ["src/ledger/books.py", "external/ledger/books.py"]
    assert [one.path for one in hits[0].also] == ["external/ledger/books.py"]


def test_the_newer_version_stands_for_the_older(tmp_path: Path, home: Path) -> None:
    old = "export class OrderError extends Error {\n  issues: string[] = [];\n}\n"
    new = "export const flat = 1;\n\nexport class OrderError {\n  get issues() { return []; }\n}\n"
    root = write_tree(tmp_path / "two", {"src/v3/errors.ts": old, "src/v4/core/problems.ts": new})
    for query in ("OrderError", "where is the OrderError with its issues"):
        hits = searched(root, query, granularity="class").hits
        assert paths(hits) == ["src/v4/core/problems.ts", "src/v3/errors.ts"]
        assert [one.path for one in hits[0].also] == ["src/v3/errors.ts"]
    assert (
        searched(root, "OrderError of v3", granularity="class").hits[0].path == "src/v3/errors.ts"
    )


@pytest.mark.parametrize(
    ("one", "other", "before"),
    [
        ("v4/a.py", "v3/a.py", True),
        ("v3/a.py", "v4/a.py", False),
        ("api/v10/a.py", "api/v9/a.py", True),
        ("v1/a.go", "v1beta1/a.go", True),
        ("v1beta2/a.go", "v1alpha9/a.go", True),
        ("src/a.c", "third_party/x/a.c", True),
        ("third_party/x/a.c", "deps/a.c", False),
        ("unix/a.c", "win/a.c", False),
        ("video/a.c", "v3/a.c", False),
    ],
)
def test_which_of_two_stands_for_both(one: str, other: str, before: bool) -> None:
    assert stands_before(Sibling(one, 1, 2), Sibling(other, 1, 2)) is before


def test_not_every_name_is_another_version() -> None:
    def named(path: str, symbol: str) -> Sibling:
        return Sibling(path, 1, 9, symbol)

    assert is_other_version(named("v1/users.py", "UserError"), named("v2/all.py", "UserError"))
    assert is_other_version(named("v1/users.py", "get"), named("v2/users.py", "get"))
    assert not is_other_version(named("v1/users.py", "get"), named("v2/orders.py", "get"))
    assert not is_other_version(named("a/users.py", "UserError"), named("b/x.py", "UserError"))


LICENCE = "".join(
    f"// {line}\n"
    for line in (
        "Copyright (c) 2020 Somebody and others. All rights reserved.",
        "Permission is given to whoever holds a copy of this to use it and to change it,",
        "and to pass it on, as long as this note stands at its head, word for word.",
        "There is no warranty of any kind, and nobody is liable for any damage that is done.",
    )
)
IMPORTS = "".join(f"import {name}\n" for name in "abacus bellows candle drum engine flute".split())


def test_a_licence_and_imports_make_no_copies() -> None:
    def copies(one: str, other: str) -> bool:
        a, b = Body(one, 1), Body(other, 1)
        return are_copies(a, b, len(a.lines & b.lines))

    one = "\n".join(f"let left{i} = first({i}) + {i}" for i in range(6))
    other = "\n".join(f"var right{i} = second(of: {i})" for i in range(6))
    assert not copies(LICENCE + IMPORTS + one, LICENCE + IMPORTS + other)
    assert copies(LICENCE + IMPORTS + one, IMPORTS + one + "\n// end")
    assert copies("x = 1", "x = 1")
    assert not copies("x = 1", "x = 2")
    assert not copies("", "")


def test_indentation_and_line_ends_do_not_matter() -> None:
    indented = "\n".join(f"    {line}" for line in LEDGER.split("\n"))
    for other in (indented, LEDGER.replace("\n", "\r\n"), LEDGER.replace("payment", "paid", 1)):
        one, two = Body(LEDGER, 7), Body(other, 9)
        assert are_copies(one, two, len(one.lines & two.lines))


def test_copies_in_another_index_are_named_with_its_label(tmp_path: Path, home: Path) -> None:
    books = write_tree(tmp_path / "books", {"ledger.py": LEDGER})
    shop = write_tree(tmp_path / "shop", {"lib/ledger.py": LEDGER})
    with (
        CodeIndex.open(books, "none", embed="none") as one,
        CodeIndex.open(shop, "none", embed="none") as other,
    ):
        one.label, other.label = "books", "shop"
        request = SearchRequest("settle an invoice", mode="lexical")
        hits = answer([one, other], request).hits
    assert [hit.repository for hit in hits] == ["books", "shop"]
    assert [(also.repository, also.path) for also in hits[0].also] == [("shop", "lib/ledger.py")]


@pytest.mark.parametrize("granularity", ["chunk", "function", "file"])
def test_code_like_a_place_has_copies_that_the_place_is_not_among(
    tmp_path: Path, home: Path, granularity: str
) -> None:
    files = {f"{name}/ledger.py": LEDGER for name in ("a", "b", "c")}
    root = write_tree(tmp_path / "alike", files | {"d/other.py": "def settle(x):\n    return x\n"})
    specimen = specimen_at(f"{root}/a/ledger.py:6")
    request = SearchRequest(as_query(specimen), 5, "lexical", granularity)  # type: ignore[arg-type]
    with CodeIndex.open(root, "none", embed="none") as index:
        hits = similar([index], specimen, request).hits
        second = similar([index], specimen, SearchRequest(
            request.query, 1, "lexical", granularity, offset=1)).hits  # type: ignore[arg-type]  # fmt: skip
    assert paths(hits) == ["b/ledger.py", "d/other.py", "c/ledger.py"]
    assert [one.path for one in hits[0].also] == ["c/ledger.py"]
    assert paths(second) == ["d/other.py"]


def test_a_token_budget_counts_the_names_and_goes_to_what_is_different(
    tmp_path: Path, home: Path
) -> None:
    files = {f"{name}/ledger.py": LEDGER for name in "abcdefgh"}
    other = {"x/debts.py": "def settle_debts(invoice):\n    return invoice.settle()\n"}
    root = write_tree(tmp_path / "budget", files | other)
    found = searched(root, "settle an invoice", max_tokens=450)
    assert set(paths(found.hits[:2])) == {"a/ledger.py", "x/debts.py"}
    assert len(next(hit for hit in found.hits if hit.also).also) == 7
    hit = Hit("a.py", 1, 1, "python", "function", "f", 1.0, "x = 1", Why(()),
              also=tuple(Sibling(f"{name * 30}.py", 1, 1) for name in "bcd"))  # fmt: skip
    named = [len(within_budget([hit], tokens)[0][0].also) for tokens in (30, 50, 70, 200)]
    assert named == [0, 1, 2, 3]

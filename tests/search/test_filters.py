"""Filters restrict and never invent: what matches nothing is told, and so is what holds no word."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from c2llm import CodeIndex, SearchRequest
from c2llm.errors import UsageError
from c2llm.search.answering import answer, labels
from c2llm.search.query.language_filter import languages_called, nearest
from tests.trees import WordEncoder, write_tree

WEB = {
    "web/app.ts": "export function loadCart() {}\n",
    "web/cart.tsx": "export function CartView() { return <p>cart</p> }\n",
    "web/old.js": "function oldCart() {}\n",
    "native/cart.cpp": "int cart_size() { return 0; }\n",
    "tools/cart.sh": "cart() { echo cart; }\n",
    "conf/cart.yml": "cart: 1\n",
    "svc/cart.py": "def cart_total():\n    return 1\n",
}


@pytest.fixture
def web(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "web", dict(WEB))


def paths(index: CodeIndex, query: str = "cart", **fields: object) -> set[str]:
    request = SearchRequest(query, k=50, mode="lexical", **fields)  # type: ignore[arg-type]
    return {hit.path for hit in index.answer(request).hits}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("ts", {"web/app.ts", "web/cart.tsx"}),
        ("TypeScript", {"web/app.ts", "web/cart.tsx"}),
        ("tsx", {"web/cart.tsx"}),
        ("js", {"web/old.js"}),
        ("nodejs", {"web/old.js"}),
        ("C++", {"native/cart.cpp"}),
        ("cpp", {"native/cart.cpp"}),
        ("cc", {"native/cart.cpp"}),
        ("sh", {"tools/cart.sh"}),
        ("shell", {"tools/cart.sh"}),
        ("zsh", {"tools/cart.sh"}),
        ("yml", {"conf/cart.yml"}),
        ("yaml", {"conf/cart.yml"}),
        ("py", {"svc/cart.py"}),
        ("Python3", {"svc/cart.py"}),
    ],
)
def test_a_language_is_known_by_what_people_call_it(web: Path, name: str, files: set[str]) -> None:
    with CodeIndex.open(web, embed="none") as index:
        assert paths(index, languages=name) == files


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("golang", "go"),
        ("rs", "rust"),
        ("c#", "csharp"),
        ("F#", "fsharp"),
        ("objective-c", "objc"),
        ("terraform", "hcl"),
        ("md", "markdown"),
        ("kt", "kotlin"),
        ("rb", "ruby"),
        ("hs", "haskell"),
        ("pwsh", "powershell"),
        ("css", "scss"),
        ("protobuf", "proto"),
        ("vb.net", "vb"),
        ("makefile", "make"),
    ],
)
def test_other_names_of_languages(name: str, language: str) -> None:
    assert languages_called(name, {language, "python"}) == {language}


def test_a_misspelled_language_is_told_with_the_nearest(web: Path) -> None:
    assert nearest("golnag", {"go", "python"}) == "go"
    with (
        CodeIndex.open(web, embed="none") as index,
        pytest.raises(UsageError, match=r"written in pyhton \(do you mean python\?\); there are"),
    ):
        index.search("cart", mode="lexical", languages="pyhton")


def test_a_filter_that_no_file_meets_is_told(web: Path) -> None:
    with CodeIndex.open(web, embed="none") as index:
        request = SearchRequest(
            "cart",
            mode="lexical",
            languages=["python", "rust"],
            include=["svc", "lib/*.py"],
            exclude=["vendor/**"],
        )
        found = index.answer(request)
        assert [hit.path for hit in found.hits] == ["svc/cart.py"]
        assert found.notes == (
            "No indexed file is written in rust.",
            "No indexed file matches the include 'lib/*.py'.",
            "No indexed file matches the exclude 'vendor/**'.",
        )
        nothing = index.answer(SearchRequest("cart", mode="lexical", include="nowhere/*"))
        assert not nothing.hits and "'nowhere/*'" in nothing.notes[0]


def test_a_language_with_a_minus_is_left_out(web: Path) -> None:
    with CodeIndex.open(web, embed="none") as index:
        assert paths(index, languages=["-ts", "-c++", "-js", "-sh"]) == {
            *("conf/cart.yml", "svc/cart.py")
        }
        assert paths(index, languages=["ts", "-tsx"]) == {"web/app.ts"}
        assert paths(index, languages=["py", "-py"]) == set()
        found = index.answer(SearchRequest("cart", mode="lexical", languages="-rust"))
        assert found.hits and found.notes == ("No indexed file is written in rust.",)


def test_of_several_indexes_one_that_meets_a_filter_is_enough(web: Path, tmp_path: Path) -> None:
    other = write_tree(tmp_path / "other", {"lib/a.rs": "fn cart() {}\n", "b.py": "cart = 1\n"})
    with CodeIndex.open(web, embed="none") as one, CodeIndex.open(other, embed="none") as two:
        one.label, two.label = labels([web, other])
        request = SearchRequest(
            "cart", mode="lexical", languages=["rust", "py", "go"], include=["lib", "svc", "docs"]
        )
        found = answer([one, two], request)
        assert {hit.path for hit in found.hits} == {"svc/cart.py", "lib/a.rs"}
        assert found.notes == (
            "No indexed file is written in go.",
            "No indexed file matches the include 'docs'.",
        )


@pytest.mark.parametrize(
    "fields",
    [
        {"languages": "python"},
        {"include": "svc"},
        {"exclude": "web"},
        {"languages": "python", "granularity": "function"},
        {"languages": "python", "granularity": "file"},
        {"languages": "python", "symbol": True},
    ],
)
def test_filters_never_invent_an_answer(web: Path, fields: dict[str, object]) -> None:
    with CodeIndex.open(web, embed="none") as index:
        assert not paths(index, "zyxwvut", **fields)
        assert not paths(index, "zyxwvut")


def test_what_is_near_by_meaning_alone_is_told_apart(web: Path) -> None:
    with CodeIndex.open(web, encoder=WordEncoder(), embed="all") as index:

        def notes(query: str, **fields: object) -> str:
            found = index.answer(SearchRequest(query, **fields))  # type: ignore[arg-type]
            assert found.hits
            return " ".join(found.notes)

        assert notes("cart") == notes("cart", languages="py") == ""
        assert "No indexed code has a word of the query" in notes("zyxwvut utsrqp")
        assert "No indexed code has a word of the query" in notes("zyxwvut utsrqp", languages="py")
        assert notes("zyxwvut") == "No indexed file contains zyxwvut; the answers only resemble it."
        assert "only in code that the filters leave out" in notes("load", languages="yaml")
        assert notes("zyxwvut utsrqp", mode="dense") == ""


def test_code_that_matches_a_pattern_answers_without_the_words_and_says_so(web: Path) -> None:
    with CodeIndex.open(web, embed="none") as index:
        found = index.answer(SearchRequest("zyxwvut utsrq", mode="lexical", pattern=r"cart_\w+"))
        assert {hit.path for hit in found.hits} == {"native/cart.cpp", "svc/cart.py"}
        assert "No indexed code has a word of the query" in found.notes[0]


# -- pages ---------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    body = "(x):\n    # run the job{}\n    return x\n"
    files = {
        f"p{n % 7}/m{n}.py": f"def job_{n}" + body.format(" again" * (n % 5)) for n in range(330)
    }
    return write_tree(tmp_path / "many", files)


@pytest.mark.parametrize("granularity", ["chunk", "function", "file"])
@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
def test_pages_make_one_list_without_gaps_and_doubles(
    many: Path, mode: str, granularity: str
) -> None:
    with CodeIndex.open(many, encoder=WordEncoder(), embed="all") as index:

        def page(offset: int) -> list[tuple[str, int]]:
            request = SearchRequest(
                "run the job again",
                k=20,
                mode=mode,  # type: ignore[arg-type]
                granularity=granularity,  # type: ignore[arg-type]
                offset=offset,
            )
            hits = index.answer(request).hits
            scores = [hit.score for hit in hits]
            assert scores == sorted(scores, reverse=True) or granularity != "chunk"
            return [(hit.path, hit.start_line) for hit in hits]

        pages = [page(offset) for offset in range(0, 400, 20)]
        flat = [place for each in pages for place in each]
        assert len(flat) == len(set(flat))
        assert len(flat) == 330 if granularity == "chunk" else len(flat) >= 25
        assert all(len(one) == 20 or not later for one, later in pairwise(pages))
        assert page(0) == pages[0] and page(10) == (pages[0] + pages[1])[10:30]


@pytest.mark.parametrize("offset", [-1, 10_001, 10**20, True, "1"])
def test_an_offset_has_bounds(offset: object) -> None:
    with pytest.raises(UsageError, match="offset must be"):
        SearchRequest("x", offset=offset)  # type: ignore[arg-type]


def test_a_number_limits_a_token_budget_too(many: Path) -> None:
    with CodeIndex.open(many, embed="none") as index:

        def count(**fields: int) -> int:
            request = SearchRequest("run the job", mode="lexical", **fields)  # type: ignore[arg-type]
            return len(index.answer(request).hits)

        assert count() == 10
        assert count(max_tokens=100_000) == 50
        assert count(max_tokens=100_000, k=3) == 3
        assert count(max_tokens=100_000, k=60) == 60
        assert len(index.search("run the job", 4, "lexical", max_tokens=100_000)) == 4

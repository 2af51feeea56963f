"""A catalog answers as one index, and for whoever may see a part as if that were all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from c2llm.errors import UsageError
from c2llm.index.store.catalog.records import Place
from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog
from c2llm.search.answer import SearchAnswer
from c2llm.search.answering import answer
from c2llm.search.answers.as_json import payload
from c2llm.search.catalog_index import CatalogIndex
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.search.catalog_trees import Trees, fill
from tests.trees import WordEncoder, write_tree

RETRY = '''def backed_off_retry(call, attempts):
    """Call again after a failure, waiting longer each time."""
    for attempt in range(attempts):
        wait_for_turn(attempt)
        call()
'''
USES = "from lib.retry import backed_off_retry\n\n\ndef fetch(url):\n    backed_off_retry(url, 3)\n"
SECRET = "zanzibarquux"
"""What only a repository has that may not be seen."""

OPEN: dict[str, dict[str, str]] = {
    "acme/api": {
        "lib/retry.py": RETRY,
        "app/client.py": USES,
        "app/parse.py": "def parse_toml(text):\n    return dict(text)\n",
    },
    "acme/fork": {
        "lib/retry.py": RETRY,
        "third_party/parse/toml.py": "def parse_toml_slowly(text):\n    return list(text)\n",
    },
    "beta/web": {
        "web/router.js": "export function routeRequest(path) {\n  return path.split('/');\n}\n",
        "vendor/lib/retry.py": RETRY,
    },
}
HIDDEN: dict[str, dict[str, str]] = {
    "hush/vault": {
        f"{SECRET}/retry.py": RETRY,
        f"lib/{SECRET}.py": (
            f"from lib.retry import backed_off_retry\n\n\ndef {SECRET}(call):\n"
            f"    backed_off_retry(call, 9)  # parse toml, retry {SECRET}\n"
        ),
        "vault/words.rb": f"def parse_toml\n  {SECRET}\nend\n",
    }
}

Opened = Callable[..., CatalogIndex]


@pytest.fixture
def opened(home: Path, tmp_path: Path) -> Iterator[Opened]:
    indexes: list[CatalogIndex] = []

    def open_one(trees: Trees, seen: list[str] | None = None, **options: Any) -> CatalogIndex:
        store = SqliteCatalog(tmp_path / f"catalog-{len(indexes)}" / "store.sqlite")
        table = options.get("table")
        fill(store, trees, table)
        given: dict[str, Any] = {"encoder": WordEncoder(), "table": None, **options}
        indexes.append(CatalogIndex("work", store, repositories=seen, **given))
        return indexes[-1]

    yield open_one
    for index in indexes:
        index.close()


def told(found: SearchAnswer) -> Any:
    """All that an answer says, but how long it took."""
    said = payload(found, 0.0)
    return replace(found, seconds=0.0), {**said, "took_ms": 0}


REQUESTS = [
    SearchRequest("backed off retry", mode="lexical", facets=True, explain=True, callers=True),
    SearchRequest("how is toml parsed", facets=True, explain=True),
    SearchRequest("parse_toml", symbol=True, mode="lexical"),
    SearchRequest(SECRET, explain=True),
    SearchRequest(SECRET, symbol=True, mode="lexical"),
    SearchRequest(f"lib/{SECRET}.py:4", mode="lexical", callers=True),
    SearchRequest("retry", mode="lexical", granularity="file"),
    SearchRequest("retry", mode="lexical", granularity="function", callers=True),
    SearchRequest("toml", mode="dense"),
    SearchRequest("toml", languages=["python"], include=["lib/*"], max_tokens=500),
    SearchRequest("toml", include=[f"lib/{SECRET}.py"], mode="lexical"),
    SearchRequest("retry", pattern=SECRET[:5], mode="lexical"),
    SearchRequest("retry", exclude=["lib"], recent=True),
    SearchRequest("retry", languages=["-ruby"], offset=1),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one.query[:20])
def test_who_may_not_see_a_repository_is_answered_as_if_it_were_not_there(
    opened: Opened, request_: SearchRequest
) -> None:
    hidden = dict(HIDDEN["hush/vault"])
    if request_.mode != "lexical":
        # The vector of a content has the words of the path that it was first read from.
        hidden["lib/retry.py"] = hidden.pop(f"{SECRET}/retry.py")
    for table in (None, WordEncoder("table")):
        both = opened({"hush/vault": hidden, **OPEN}, list(OPEN), table=table)
        alone = opened(OPEN, list(OPEN), table=table)
        found, expected = told(both.answer(request_)), told(alone.answer(request_))
        assert _rounded(found[1]) == _rounded(expected[1])
        shown = repr(found).replace(repr(request_), "").replace(request_.query, "")
        for word in request_.include:
            shown = shown.replace(word, "")
        assert SECRET not in shown
        assert "hush" not in shown and "vault" not in shown


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value


def test_a_language_that_only_a_hidden_repository_has_is_not_told(opened: Opened) -> None:
    index = opened({**HIDDEN, **OPEN}, list(OPEN))
    with pytest.raises(UsageError) as refused:
        index.search(SearchRequest("toml", languages=["ruby"], mode="lexical"))
    assert "there are: javascript, python" in str(refused.value)


def test_identical_contents_are_one_hit_with_all_places_that_may_be_seen(opened: Opened) -> None:
    index = opened({**HIDDEN, **OPEN}, ["acme/fork", "beta/web", "acme/api"])
    hits = index.search("backed_off_retry", mode="lexical")
    first = hits[0]
    assert (first.repository, first.path) == ("acme/api", "lib/retry.py")
    assert first.places == (
        Place("acme/fork", "lib/retry.py"),
        Place("beta/web", "vendor/lib/retry.py"),
    )
    assert sum("def backed_off_retry" in hit.text for hit in hits) == 1
    everything = opened({**HIDDEN, **OPEN})
    assert len(everything.search("backed_off_retry", mode="lexical")[0].places) == 3


def test_a_hit_stands_where_a_filter_leaves_it(opened: Opened) -> None:
    index = opened(OPEN)
    [hit] = index.search("retry", mode="lexical", include=["vendor"])
    assert (hit.repository, hit.path) == ("beta/web", "vendor/lib/retry.py")
    hits = index.search("backed_off_retry", mode="lexical", exclude=["lib/*"])
    assert hits[0].path in ("app/client.py", "vendor/lib/retry.py")
    assert all(not hit.path.startswith("lib/") for hit in hits)


def test_callers_and_imports_are_those_of_the_same_repository(opened: Opened) -> None:
    index = opened({**HIDDEN, **OPEN})
    request = SearchRequest("def backed_off_retry", mode="lexical", callers=True)
    hit = index.answer(request).hits[0]
    assert hit.repository == "acme/api" and hit.callers is not None
    assert {use.path for use in hit.callers.callers} == {"app/client.py"}
    assert hit.callers.imported_by == ("app/client.py",)


def test_records_are_refused_by_one_sentence(opened: Opened) -> None:
    with pytest.raises(UsageError, match="kept repositories of @work"):
        opened(OPEN).search("retry", mode="lexical", where="sharpe > 1")


def test_it_answers_beside_the_index_of_a_directory(opened: Opened, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "live", {"deep/retry.go": "package x\n\nfunc retryLater() {}\n"})
    catalog = opened(OPEN, ["acme/api"])
    with closing(CodeIndex.open(root, encoder=WordEncoder(), table=None)) as tree:
        tree.label = "live"
        found = answer([tree, catalog], SearchRequest("retry", callers=True, facets=True))
    assert {hit.repository for hit in found.hits} == {"live", "acme/api"}
    assert [one.root for one in found.indexes] == [str(root), "@work"]
    assert found.facets is not None and set(found.facets.repositories) == {"live", "acme/api"}


def test_narrowed_to_a_repository_it_answers_as_that_ones_own_index(
    opened: Opened, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "acme" / "api", OPEN["acme/api"])
    for request in (SearchRequest("retry waiting", mode="lexical"), SearchRequest("toml text")):
        catalog = opened({**OPEN, **HIDDEN}, ["acme/api"])
        with closing(CodeIndex.open(root, encoder=WordEncoder(), table=None)) as tree:
            expected = tree.answer(request).hits
        hits = catalog.answer(request).hits
        assert [(hit.path, hit.start_line) for hit in hits] == [
            (hit.path, hit.start_line) for hit in expected
        ]
        assert [hit.score for hit in hits] == pytest.approx(
            [hit.score for hit in expected], abs=1e-5
        )


def test_candidates_get_vectors_once_and_are_found_in_memory(opened: Opened) -> None:
    encoder = WordEncoder()
    index = opened(OPEN, encoder=encoder, table=WordEncoder("table"))
    first = index.answer(SearchRequest("retry a call"))
    embedded = first.indexes[0].embedded
    assert 0 < embedded <= first.indexes[0].chunks
    texts = len(encoder.embedded)
    again = index.answer(SearchRequest("retry a call"))
    assert [hit.path for hit in again.hits] == [hit.path for hit in first.hits]
    assert again.indexes[0].embedded == embedded
    assert len(encoder.embedded) == texts


def test_a_removed_repository_is_gone_at_once(opened: Opened) -> None:
    index = opened(OPEN)
    assert index.search("routeRequest", mode="lexical")[0].repository == "beta/web"
    index._catalog.remove_repository("beta/web")
    assert all(hit.repository != "beta/web" for hit in index.search("routeRequest", mode="lexical"))
    assert index.search("backed_off_retry", mode="lexical")[0].places == (
        Place("acme/fork", "lib/retry.py"),
    )


def test_a_specimen_of_a_kept_directory_is_no_answer_to_itself(
    opened: Opened, tmp_path: Path
) -> None:
    from c2llm.search.answers.similar_code import as_query, similar, specimen_at

    root = write_tree(tmp_path / "clone", OPEN["acme/api"])
    index = opened(OPEN, folders={"acme/api": root})
    specimen = specimen_at(f"{root}/lib/retry.py:2")
    found = similar([index], specimen, SearchRequest(as_query(specimen), mode="lexical"))
    assert found.hits and all("def backed_off_retry" not in hit.text for hit in found.hits)


def test_hits_are_plain_data(opened: Opened) -> None:
    hit = opened(OPEN).search("backed_off_retry", mode="lexical")[0]
    assert asdict(hit)["places"]

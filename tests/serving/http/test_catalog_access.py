"""A served catalog: each key has its repositories, and nothing of another one shows anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.encoding.model_folder import shipped_models
from c2llm.index.catalog.catalogs import Candidate, add_to_catalog, catalog_folder
from c2llm.index.catalog.embedding import embed_catalog
from c2llm.index.store.catalog.opening import open_catalog_store
from c2llm.serving.tenants import add_key
from tests.search.catalog_trees import fill
from tests.search.test_catalog_index import HIDDEN, OPEN, SECRET
from tests.serving.http.servers import MODEL, Answer, Running, serving

pytestmark = pytest.mark.skipif(MODEL not in shipped_models(), reason="no shipped models")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("catalog")
    home = place / "home"
    before = os.environ.get("C2LLM_HOME")
    os.environ["C2LLM_HOME"] = str(home)
    try:
        names = [*HIDDEN, *OPEN]
        add_to_catalog("work", [Candidate((name,), path=f"/srv/clones/{name}") for name in names])
        catalog_folder("work").mkdir(mode=0o700, parents=True)
        store = open_catalog_store(catalog_folder("work"))
        fill(store, {**HIDDEN, **OPEN})
        embed_catalog(store, EncoderHandle(MODEL))
        store.close()
        keys = place / "keys.json"
        KEYS["some"] = add_key(keys, "some", ["acme/*", "beta/web"])
        KEYS["all"] = add_key(keys, "all", None)
        KEYS["none"] = add_key(keys, "none", ["acm", "/srv/clones"])
        options = ["--keys", str(keys), "--no-local-socket", "--log", "off"]
        with serving(home, "@work", *options) as running:
            yield running
    finally:
        if before is None:
            del os.environ["C2LLM_HOME"]
        else:
            os.environ["C2LLM_HOME"] = before


KEYS: dict[str, str] = {}


def test_repositories_are_those_of_the_key(server: Running) -> None:
    def names(key: str) -> list[str]:
        return [
            one["name"] for one in server.get("/repositories", key=KEYS[key]).json["repositories"]
        ]

    assert names("all") == [*sorted(OPEN)[:2], "beta/web", "hush/vault"]
    assert names("some") == sorted(OPEN)
    assert names("none") == []
    info = server.get("/info", key=KEYS["some"]).json
    assert info["you"]["repositories"] == 3


def test_identical_files_are_one_hit_with_the_places_of_the_key(server: Running) -> None:
    def first(key: str) -> dict[str, object]:
        answer = server.post(
            "/search", {"query": "backed_off_retry", "symbol": True}, key=KEYS[key]
        )
        found: dict[str, object] = answer.json["results"][0]
        return found

    assert first("some")["other_places"] == 2
    assert first("all")["other_places"] == 3
    assert (first("some")["repository"], first("some")["path"]) == ("acme/api", "lib/retry.py")


def test_one_repository_is_searched_and_its_files_are_read(server: Running) -> None:
    body = {"query": "parse toml", "repositories": ["acme/fork"], "facets": True}
    found = server.post("/search", body, key=KEYS["some"]).json
    assert found["repositories"] == ["acme/fork"]
    assert {one["repository"] for one in found["results"]} == {"acme/fork"}
    address = "/file?repository=acme/fork&path=lib/retry.py&start_line=1&end_line=2"
    lines = server.get(address, key=KEYS["some"]).json
    assert lines["lines"][0].startswith("def backed_off_retry") and lines["of"] > 2
    similar = {"place": "lib/retry.py:2", "repository": "acme/fork"}
    assert server.post("/similar", similar, key=KEYS["some"]).status == 200


def test_what_a_catalog_keeps_is_not_managed_over_http(server: Running) -> None:
    answer = server.post("/repositories/refresh", {"name": "acme/api"}, key=KEYS["all"])
    assert (answer.status, answer.code) == (409, "kept")


TYPED = [
    SECRET,
    "backed off retry",
    "parse_toml",
    f"sym:{SECRET}",
    f"retry path:{SECRET}",
    "lang:ruby x",
]
EVERYTHING = {"facets": True, "callers": True, "explain": True, "siblings": True}
ASKED: list[tuple[str, str, object]] = [
    *(("POST", "/search", {"query": q, **EVERYTHING}) for q in TYPED),
    *(("POST", "/search", {"query": q, "mode": "lexical", "k": 50, "whole": True}) for q in TYPED),
    ("POST", "/search", {"query": "retry", "languages": ["ruby"]}),
    ("POST", "/search", {"query": "retry", "include": [f"{SECRET}/*"]}),
    ("POST", "/search", {"query": "retry", "pattern": SECRET}),
    ("POST", "/search", {"query": "x", "where": f"{SECRET} > 1"}),
    ("POST", "/similar", {"code": f"def {SECRET}(call): return call"}),
    ("GET", "/repositories", None),
    ("GET", "/info", None),
    ("GET", "/openapi.json", None),
    ("GET", "/docs", None),
    ("GET", "/metrics", None),
    ("POST", "/page/state", {}),
    ("POST", "/page/progress", {}),
    *(("POST", "/page/search", {"text": text, "explain": True}) for text in TYPED),
    *(("POST", "/page/search", {"text": text, "fast": True}) for text in TYPED),
    ("POST", "/page/callers", {
        "repository": "acme/api", "place": "lib/retry.py", "symbol": "backed_off_retry",
        "start_line": 1, "end_line": 5,
    }),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_nothing_of_a_hidden_repository_is_told(
    server: Running, method: str, path: str, body: object
) -> None:
    answer = server.ask(method, path, body, key=KEYS["some"])
    assert answer.status in (200, 403, 422), answer.body  # who does not manage has no metrics
    told = answer.body.decode()
    typed = str(body)
    for word in ("hush", "vault", "zanzibar", "clones"):
        assert word not in told or word in typed
    if b'"results"' in answer.body:
        for hit in answer.json["results"]:
            why = hit.pop("why")  # which tells of each word that was asked what it is worth
            assert SECRET not in str((hit, why["reasons"], why.get("parts")))
            assert hit["repository"] in OPEN


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/search", {"query": "retry", "repositories": ["hush/vault"]}),
        ("GET", "/file?repository=hush/vault&path=vault/words.rb", None),
        ("POST", "/similar", {"place": "vault/words.rb:1", "repository": "hush/vault"}),
        ("POST", "/repositories/refresh", {"name": "hush/vault"}),
        ("POST", "/page/search", {"text": "retry repo:hush/vault"}),
        ("POST", "/page/search", {"text": "like:hush/vault/vault/words.rb:1"}),
        ("POST", "/page/file", {"repository": "hush/vault", "place": "vault/words.rb"}),
        ("POST", "/page/callers", {
            "repository": "hush/vault", "place": "vault/words.rb", "start_line": 1, "end_line": 1,
        }),
    ],
)  # fmt: skip
def test_a_hidden_repository_is_refused_as_one_that_is_not_there(
    server: Running, method: str, path: str, body: object
) -> None:
    def asked(name: str) -> Answer:
        said = None if body is None else _replaced(body, name)
        return server.ask(method, path.replace("hush/vault", quote(name)), said, key=KEYS["some"])

    hidden, absent = asked("hush/vault"), asked("rush/fault")
    assert hidden.status == absent.status >= 400
    assert hidden.body.decode().replace("hush/vault", "rush/fault") == absent.body.decode()
    assert asked("acme/api").body != absent.body


def _replaced(body: object, name: str) -> object:
    import json

    return json.loads(json.dumps(body).replace("hush/vault", name))


def test_a_key_for_no_repository_finds_nothing(server: Running) -> None:
    assert server.post("/search", {"query": "retry"}, key=KEYS["none"]).status == 404
    told = server.post("/page/search", {"text": "retry"}, key=KEYS["none"])
    assert told.status == 404 and b"acme" not in told.body
    assert (
        Path("/srv/clones/acme").name
        not in server.get("/repositories", key=KEYS["none"]).body.decode()
    )

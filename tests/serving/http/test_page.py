"""The page's files and what it asks: caching, policy, places that are no text."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from c2llm.cli.main import main
from c2llm.serving.http.app import create_app
from c2llm.serving.http.service import ServeSettings, Service
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.serving.page.assets import FOLDER, assets
from c2llm.serving.repositories import Repositories
from c2llm.serving.tenants import Tenants
from tests.index.conftest import home
from tests.trees import PROJECT, write_tree

__all__ = ["home"]

NANO = "c2llm-nano"


def client(*folders: Path, tenants: Tenants | None = None) -> TestClient:
    service = Service(
        ServeSettings(NANO, folders),
        OpenIndexes(NANO),
        Repositories(folders),
        tenants=tenants or Tenants(),
    )
    return TestClient(create_app(service), base_url="http://127.0.0.1")


@pytest.fixture
def one(tmp_path):
    with client(write_tree(tmp_path / "api", dict(PROJECT))) as opened:
        yield opened


@pytest.fixture
def two(tmp_path):
    api = write_tree(tmp_path / "api", dict(PROJECT))
    web = write_tree(tmp_path / "web", {"app.py": PROJECT["src/net/retry.py"]})
    with client(api, web) as opened:
        yield opened


def search(client: TestClient, text: str, **options) -> dict:
    answered = client.post("/page/search", json={"text": text, "fast": True, **options})
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_the_page_and_its_files_are_sent_and_kept(one):
    for path in ("/", "/assets/app.js", "/assets/style.css", "/assets/icon.svg", "/favicon.ico"):
        sent = one.get(path)
        assert sent.status_code == 200
        assert sent.headers["cache-control"] == "no-cache"
        again = one.get(path, headers={"If-None-Match": sent.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert one.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert one.head("/").status_code == 200


def test_what_was_measured_is_asked_and_shown(tmp_path):
    api = write_tree(tmp_path / "api", dict(PROJECT))
    (tmp_path / "r.csv").write_text("file,ms,note\nsrc/net/retry.py,3,<b>\nsrc/net/client.py,7,x\n")
    main(["records", "import", str(tmp_path / "r.csv"), str(api), "--key", "file"])
    with client(api) as opened:
        found = search(opened, 'where:"ms > 1" where:"ms < 9" sort:-ms')
        assert [one["measured"] for one in found["results"]] == [
            ["record: ms 7, note x"],
            ["record: ms 3, note <b>"],
        ]
        assert len(search(opened, "retry where:ms=3")["results"]) == 1
        assert "measured" not in search(opened, "retry")["results"][0]
        wrong = opened.post("/page/search", json={"text": "where:ms=", "fast": True})
        assert wrong.status_code == 422 and "cannot be read" in wrong.text


@pytest.mark.parametrize("name", ["../__init__.py", "..%2f__init__.py", "app.js%00", "", "x.js"])
def test_nothing_else_is_sent(one, name):
    assert one.get(f"/assets/{name}").status_code == 404


def test_the_policy_lets_nothing_in_but_our_files(one):
    headers = one.get("/").headers
    policy = headers["content-security-policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    for part in ("frame-ancestors 'none'", "require-trusted-types-for 'script'", "base-uri 'none'"):
        assert part in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attributes):
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attributes]


def test_the_files_name_nothing_elsewhere_and_hold_no_markup_in_scripts():
    html = assets()["index.html"].content.decode()
    tags = Tags()
    tags.feed(html)
    assert "style" not in tags.names
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    linked = {value for name, value in tags.attributes if name in ("href", "src")}
    named = {link.removeprefix("/assets/") for link in linked if link.startswith("/assets/")}
    assert named <= set(assets()) and linked - {"/", "#results"} == {f"/assets/{n}" for n in named}
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"(?<!:)//.*", "", text), path
        assert "http:" not in text and "https:" not in text, path
        if path.suffix == ".js":
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
                assert word not in text, path
            imported = re.findall(r'from "\./([\w.]+)"', text)
            assert set(imported) <= set(assets())


def test_what_is_typed_is_answered_with_its_filters(one):
    told = search(one, "retry with backoff -path:tests lang:python")
    assert told["results"][0]["path"] == "src/net/retry.py"
    assert not [hit for hit in told["results"] if hit["path"].startswith("tests/")]
    assert {hit["language"] for hit in told["results"]} == {"python"}
    assert [chip["name"] for chip in told["filters"]] == ["path", "lang"]
    assert ["k", "def"] in [
        piece for line in told["results"][0]["code"] for piece in line["pieces"]
    ]
    assert search(one, "retry -lang:py")["results"]
    assert not [h for h in search(one, "retry -lang:py")["results"] if h["language"] == "python"]


def test_filters_alone_are_no_question(one):
    told = search(one, "lang:python")
    assert told["wordless"] and not told["results"]


def test_a_name_and_code_like_a_place(one, two):
    assert search(one, "sym:pause")["results"][0]["symbol"] == "pause"
    like = search(one, "retry_with_backoff")["results"][0]["like"]
    assert like.startswith("like:src/net/retry.py:")
    assert search(one, like)["places"] > 0
    of_two = search(two, "sym:retry_with_backoff repo:api")["results"][0]["like"]
    assert of_two.startswith("like:api/src/net/retry.py:")
    assert any(hit["repository"] == "web" for hit in search(two, of_two)["results"])
    for wrong in (
        *("like:src/net/retry.py:2", "like:nothing", "like:../api/README.md:1"),
        *("like:api/../web/app.py:1", "like:api//etc/passwd:1", "like:web/..:1"),
    ):
        assert two.post("/page/search", json={"text": wrong}).status_code == 422


def test_one_of_several_repositories_is_named_in_its_answers(two):
    assert {hit["repository"] for hit in search(two, "retry backoff")["results"]} == {"api", "web"}
    for text in ("retry backoff repo:web", "retry backoff -repo:api"):
        assert {hit["repository"] for hit in search(two, text)["results"]} == {"web"}
    answered = two.post("/page/search", json={"text": "x repo:other"})
    assert answered.status_code == 422 and "api, web" in answered.json()["error"]["message"]


def test_pages_of_one_list(one):
    first = search(one, "a")
    assert search(one, "a", offset=first["shown_until"])["results"] == []


def test_a_file_is_shown_around_its_line(one):
    told = one.post("/page/file", json={"place": "src/net/retry.py", "line": 4}).json()
    assert told["of_lines"] == len(PROJECT["src/net/retry.py"].splitlines())
    assert told["code"][3]["line"] == 4 and told["language"] == "python"
    for place in ("../api/README.md", "/etc/passwd", "src", "no.py", "%2e%2e/x", "a%00b", "é"):
        answered = one.post("/page/file", json={"place": place, "line": 1})
        assert answered.status_code == 422, place


def test_a_long_file_is_shown_in_part(tmp_path):
    text = "\n".join(f"line {number}" for number in range(1, 5001))
    with client(write_tree(tmp_path / "api", {"long.txt": text})) as opened:
        told = opened.post("/page/file", json={"place": "long.txt", "line": 4000}).json()
    numbers = [one["line"] for one in told["code"]]
    assert numbers[0] == 3000 and numbers[-1] == 4999 and told["of_lines"] == 5000


def test_a_name_that_is_no_text_is_found_again(tmp_path):
    folder = write_tree(tmp_path / "api", dict(PROJECT))
    name = os.fsdecode(b"caf\xe9 \x01\n.py")
    (folder / name).write_text("def pour_coffee():\n    return 1\n")
    with client(folder) as opened:
        [hit, *_] = search(opened, "pour_coffee")["results"]
        assert hit["place"] == "caf%E9%20%01%0A.py"
        assert ["u", "\\xe9"] in hit["shown_name"] and ["u", "\\n"] in hit["shown_name"]
        assert hit["like"] == ""
        told = opened.post("/page/file", json={"place": hit["place"], "line": 1})
        assert told.json()["code"][0]["pieces"][0] == ["k", "def"]


def test_callers_are_found(one):
    [hit, *_] = search(one, "sym:retry_with_backoff")["results"]
    body = {name: hit[name] for name in ("place", "symbol", "start_line", "end_line")}
    told = one.post("/page/callers", json=body).json()
    assert told["callers"][0]["place"] == "tests/test_retry.py"


def test_duplicates_of_a_result_are_a_class(tmp_path):
    body = "\n".join(f"    total_{n} = compute(total_{n - 1}, {n}) + offset" for n in range(1, 12))
    text = f"def work(total_0, offset):\n{body}\n    return total_11\n"
    with client(write_tree(tmp_path / "api", {"a.py": text, "b/c.py": text})) as opened:
        [hit, *_] = search(opened, "sym:work")["results"]
        body = {name: hit[name] for name in ("place", "symbol", "start_line", "end_line")}
        told = opened.post("/page/duplicates", json=body).json()["class"]
        assert [one["place"] for one in told["members"]] == ["a.py", "b/c.py"]
        other = opened.post("/page/duplicates", json={**body, "place": "no.py"}).json()
        assert other == {"class": None}
        told = opened.post("/page/search", json={"text": "sym:work", "explain": True}).json()
        assert told["results"][0]["duplicates"] == 2


def test_the_state_names_the_repositories(two):
    names = [one["name"] for one in two.post("/page/state", json={}).json()["repositories"]]
    assert names == ["api", "web"]


def test_who_has_no_key_gets_the_page_and_no_answer(tmp_path):
    folder = write_tree(tmp_path / "api", dict(PROJECT))
    with client(folder, tenants=Tenants(key="k" * 20, required=True)) as opened:
        assert opened.get("/").status_code == opened.get("/assets/app.js").status_code == 200
        for path in ("state", "search", "file", "callers"):
            assert opened.post(f"/page/{path}", json={}).status_code == 401, path
        headers = {"Authorization": f"Bearer {'k' * 20}"}
        assert opened.post("/page/state", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize("route", ["/page/state", "/page/progress"])
def test_the_start_of_the_page_looks_at_no_tree(two, monkeypatch, route):
    def told_of_tree(*_, **__):
        raise AssertionError("the tree is listed")

    assert two.post("/page/search", json={"text": "retry"}).status_code == 200
    for name in ("index.build.index_status.find_stale", "index.build.index_status.list_files"):
        monkeypatch.setattr(f"c2llm.{name}", told_of_tree)
    monkeypatch.setattr("os.scandir", told_of_tree)
    assert two.post(route, json={}).status_code == 200

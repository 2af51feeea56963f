"""What is taken for a repository, by which name, and what must not be shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, UsageError
from c2llm.index.catalog.catalogs import (
    Candidate,
    add_to_catalog,
    catalog_named,
    expand,
    load_catalogs,
    remove_from_catalog,
)
from c2llm.index.catalog.remotes import parse_url
from c2llm.index.catalog.sources import listed_in, named_sources, repositories_in
from tests.index.catalog.repositories import add, bare, repository

TOKEN = "ghp_s3cretTOKEN"


@pytest.mark.parametrize(
    ("text", "name", "identity"),
    [
        ("https://github.com/Acme/api.git", "Acme/api", "github.com/acme/api"),
        ("https://github.com/Acme/api/", "Acme/api", "github.com/acme/api"),
        ("git@github.com:acme/api.git", "acme/api", "github.com/acme/api"),
        ("ssh://git@git.acme.org:2222/team/sub/api.git", "team/sub/api", None),
        ("git://host/x", "x", "host/x"),
        ("http://[::1]:8080/x.git", "x", "::1/x"),
        ("file:///srv/git/api.git", "api", "/srv/git/api"),
        ("https://host/%7Eme/my%20code.git", "~me/my code", None),
    ],
)
def test_urls_that_are_fetched(text: str, name: str, identity: str | None) -> None:
    url = parse_url(text)
    assert url.names[0] == name
    assert identity is None or url.identity == identity
    assert url.remote.url == url.url and not url.remote.secrets


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "-oProxyCommand=x",
        "--upload-pack=x",
        "ssh://-oProxyCommand=x/y",
        "ssh://-l@host/y",
        "git@-host:x",
        "git@host:-x",
        "https://",
        "https:///x",
        "https://host",
        "https://host/",
        "file://host/x",
        "ftp://host/x",
        "fd::17",
        "https://host/x\ny",
        "https://host/x y",
        "https://host:port/x",
        "https://[::1/x",
        "javascript://host/x",
        "https://host/" + "x" * 10_000,
        f"http://{TOKEN}@host/x",
        f"ssh://git:{TOKEN}@host/x",
        f"https://a:{TOKEN}@host:port/x",
        f"ftp://a:{TOKEN}@host/x",
        f"https://a%0A:{TOKEN}@host/x",
    ],
)
def test_urls_that_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    assert "\n" not in str(caught.value) and TOKEN not in str(caught.value)


def test_a_password_is_kept_and_never_shown(home: Path) -> None:
    for text in (f"https://{TOKEN}@github.com/acme/api.git", f"https://me:{TOKEN}@host/acme/web"):
        found = named_sources([text], kept=True)
        assert found.has_secrets
        added = add_to_catalog("org", found.candidates)
        assert TOKEN not in f"{found} {added} {added.catalog}"
        (entry,) = added.new
        assert TOKEN in entry.remote.secrets and TOKEN not in entry.source
    assert (home / "catalogs.json").stat().st_mode & 0o777 == 0o600
    assert [TOKEN in entry.remote.secrets for entry in catalog_named("org").entries] == [True] * 2


def test_two_that_are_one_repository(tmp_path: Path) -> None:
    api = repository(tmp_path / "api", {"a.py": "x = 1\n"})
    (tmp_path / "link").symlink_to(api)
    urls = ["https://github.com/acme/api", "git@github.com:Acme/API.git"]
    added = add_to_catalog(
        "org", named_sources([str(api), str(tmp_path / "link"), *urls], kept=True).candidates
    )
    assert [entry.name for entry in added.catalog.entries] == ["api", "acme/api"]
    again = add_to_catalog("org", named_sources([str(api)], kept=False).candidates)
    assert [entry.live for entry in again.catalog.entries] == [True, False]
    assert again.new == () and [entry.name for entry in again.there] == ["api"]


def test_names_are_unique_and_can_be_shown(tmp_path: Path) -> None:
    names = ["a/api", "b/api", os.fsdecode(b"odd \xff\n\x1b[31m"), "größe", "-x", "@y"]
    roots = [repository(tmp_path / name, {"a.py": "x = 1\n"}) for name in names]
    catalog = add("org", *roots)
    found = [entry.name for entry in catalog.entries]
    assert found[:2] == ["api", "b/api"] and len(set(found)) == len(names)
    assert all(name.isprintable() and name.encode() for name in found)
    assert [Path(entry.path) for entry in catalog_named("org").entries] == roots
    left, gone = remove_from_catalog("org", [found[2], str(roots[3])])
    assert left is not None and len(left.entries) == 4 and len(gone) == 2
    with pytest.raises(UsageError, match="has no repository 'nothing'"):
        remove_from_catalog("org", ["nothing"])
    with pytest.raises(UsageError, match="has no repository"):
        remove_from_catalog("org", ["https://host/x"])
    assert remove_from_catalog("org")[0] is None and load_catalogs() == {}


def test_a_folder_of_clones(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    api = repository(mirror / "acme" / "api", {"a.py": "x = 1\n"})
    repository(api / "vendor" / "inner", {"b.py": "x = 2\n"})
    bare(mirror / "web.git", api)
    (mirror / "notes").mkdir()
    (mirror / "loop").symlink_to(mirror)
    found = repositories_in(str(mirror))
    assert [one.names[0] for one in found.candidates] == ["api", "web"]
    assert [one.names[-1] for one in found.candidates] == ["acme/api", "web"]
    with pytest.raises(UsageError, match="There is no git repository in"):
        repositories_in(str(mirror / "notes"))


GITHUB = [
    {
        "full_name": "acme/api",
        "url": "https://api.github.com/repos/acme/api",
        "clone_url": "https://github.com/acme/api.git",
        "ssh_url": "git@github.com:acme/api.git",
        "archived": True,
        "fork": False,
    },
    {"full_name": "acme/web", "clone_url": "https://github.com/acme/web.git", "fork": True},
]
GITLAB = [
    {
        "path_with_namespace": "acme/sub/api",
        "path": "api",
        "http_url_to_repo": "https://gitlab.com/acme/sub/api.git",
        "ssh_url_to_repo": "git@gitlab.com:acme/sub/api.git",
    }
]
GH = [{"nameWithOwner": "acme/api", "url": "https://github.com/acme/api", "isArchived": False}]


def names(text: str, **options: bool) -> list[str]:
    return [one.names[0] for one in listed_in(text, Path(), **options).candidates]


def test_exports_of_forges() -> None:
    assert names(json.dumps(GITHUB)) == ["acme/api", "acme/web"]
    assert names(json.dumps(GITHUB), archived=False) == ["acme/web"]
    assert names(json.dumps(GITHUB), forks=False) == ["acme/api"]
    assert listed_in(json.dumps(GITHUB), Path(), forks=False, archived=False).left_out == 2
    assert names(json.dumps(GITLAB)) == ["acme/sub/api"]
    (found,) = listed_in(json.dumps(GITLAB), Path(), ssh=True).candidates
    assert found.url is not None and found.url.url == "git@gitlab.com:acme/sub/api.git"
    assert names(json.dumps(GH)) == ["acme/api"]
    assert names(json.dumps({"items": GITHUB, "total_count": 2})) == ["acme/api", "acme/web"]
    assert names(json.dumps(GITHUB) + json.dumps(GH)) == ["acme/api", "acme/web", "acme/api"]
    assert names("\n".join(map(json.dumps, GITHUB))) == ["acme/api", "acme/web"]


def test_a_plain_list(tmp_path: Path) -> None:
    repository(tmp_path / "api", {"a.py": "x = 1\n"})
    text = "# ours\napi\n\nhttps://github.com/acme/web\nnowhere\next::sh\n"
    found = listed_in(text, tmp_path)
    assert [one.names[0] for one in found.candidates] == ["api", "acme/web"]
    assert [why.partition(":")[0] for why in found.unusable] == ["line 5", "line 6"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '[1, null, true, "x"]',
        "[" * 100_000,
        '{"items":' * 50_000,
        '[{"clone_url": 1}]',
        '[{"clone_url": ["https://github.com/a/b"]}]',
        '[{"clone_url": {"items": []}}]',
        '[{"clone_url": "ext::sh"}]',
        '[{"clone_url": "file:///etc", "path": "/etc"}]',
        '[{"clone_url": "-x"}]',
        '[{"full_name": 5}]',
        '[{"full_name": "' + "x" * 1_000_000 + '"}]',
        "[NaN, Infinity, 1e999",
        '["\\ud800"]',
        "nowhere",
    ],
)
def test_hostile_lists_are_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(C2LLMError) as caught:
        listed_in(text, tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1_000


def test_names_of_an_export_are_somebody_elses_words() -> None:
    said = [
        {"full_name": "../../etc/\x1b[31m", "clone_url": "https://host/a/b"},
        {"full_name": "x/" + "y" * 5_000, "clone_url": "https://host/a/c"},
        {"full_name": "/", "clone_url": "https://host/a/d"},
    ]
    added = add_to_catalog("org", listed_in(json.dumps(said), Path()).candidates)
    for entry in added.new:
        assert entry.name.isprintable() and 0 < len(entry.name) <= 200


@pytest.mark.parametrize("name", ["../x", "", ".x", "-x", "a b", "a/b", "x" * 65, "a\n"])
def test_what_is_no_name_of_a_catalog(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a catalog"):
        add_to_catalog(name, [Candidate(("x",), path="/x")])


def test_a_catalog_that_differs_in_case_alone_is_refused() -> None:
    add_to_catalog("work", [Candidate(("x",), path="/x")])
    with pytest.raises(UsageError, match="choose a name that differs more"):
        add_to_catalog("Work", [Candidate(("x",), path="/x")])


def test_a_list_of_an_older_version_is_taken_over(project: Path, home: Path) -> None:
    old = home / "indexes" / "workspaces.json"
    old.parent.mkdir(parents=True)
    old.write_text(json.dumps({"work": [str(project), "/gone/project"], "größe": []}))
    assert expand(["@work", str(project)]) == [str(project), "/gone/project"]
    (one, two) = catalog_named("work").entries
    assert (one.name, two.name, one.live) == ("project", "gone/project", True)
    add_to_catalog("more", [Candidate(("x",), path="/x")])
    assert not old.exists() and set(load_catalogs()) == {"work", "größe", "more"}
    assert expand(["@work"]) == [str(project), "/gone/project"]
    with pytest.raises(UsageError, match="No catalog is named 'none'"):
        expand(["@none"])


def test_ten_thousand_repositories_are_added_and_listed_without_opening_one() -> None:
    text = "\n".join(f"https://host/team/{number % 5_000}/{number}" for number in range(10_000))
    added = add_to_catalog("org", listed_in(text, Path()).candidates)
    assert len(added.new) == 10_000 == len({entry.name for entry in added.catalog.entries})
    assert len(catalog_named("org").kept) == 10_000
    assert add_to_catalog("org", listed_in(text, Path()).candidates).new == ()

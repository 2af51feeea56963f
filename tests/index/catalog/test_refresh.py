"""A refresh reads what is new, keeps what it cannot have, and may be ended at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, IndexWriteError
from c2llm.index.catalog.catalogs import catalog_named, remove_from_catalog
from c2llm.index.catalog.kept import forget, kept_bytes, remove_kept
from c2llm.index.catalog.stages import DoneTask
from c2llm.index.catalog.status import catalog_status
from c2llm.index.store.lock import holding
from tests.index.catalog.repositories import (
    InlineRunner,
    add,
    bare,
    commit,
    git,
    refresh,
    repository,
    store_of,
    texts,
    trees,
)
from tests.trees import CLIENT, CONFIG, RETRY, WordEncoder

FILES = {"src/client.py": CLIENT, "src/retry.py": RETRY}


@pytest.fixture
def api(tmp_path: Path) -> Path:
    return repository(tmp_path / "src" / "api", FILES)


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    return repository(tmp_path / "src" / "fork", {**FILES, "settings.go": CONFIG})


def url(path: Path) -> str:
    return path.as_uri()


# -- what is read


def test_equal_files_are_read_once_and_changed_ones_alone(api: Path, fork: Path) -> None:
    catalog = add("org", api, fork)
    runner = InlineRunner()
    report = refresh(catalog, runner)
    assert sorted(report.refreshed) == ["api", "fork"] and report.contents == 3
    assert sorted(runner.read) == ["settings.go", "src/client.py", "src/retry.py"]
    assert trees(catalog) == {"api": set(FILES), "fork": {*FILES, "settings.go"}}
    again = refresh(catalog, runner := InlineRunner())
    assert (sorted(again.unchanged), again.contents, runner.tasks) == (["api", "fork"], 0, [])
    commit(api, {"src/retry.py": RETRY + "\n\ndef again():\n    return 1\n", "src/client.py": None})
    changed = refresh(catalog, runner := InlineRunner())
    assert (changed.refreshed, runner.read) == (["api"], ["src/retry.py"])
    assert trees(catalog)["api"] == {"src/retry.py"}
    commit(fork, {"src/retry.py": RETRY + "\n\ndef again():\n    return 1\n"})
    runner = InlineRunner()
    assert refresh(catalog, runner).refreshed == ["fork"]
    assert runner.read == []


def test_contents_that_nobody_has_are_swept(api: Path) -> None:
    catalog = add("org", api)
    refresh(catalog)
    commit(api, {"src/retry.py": None})
    assert refresh(catalog).swept == 1


def test_a_bare_repository_and_a_linked_work_tree(api: Path, tmp_path: Path) -> None:
    git(api, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    catalog = add("org", bare(tmp_path / "mirror.git", api), tmp_path / "linked")
    assert sorted(refresh(catalog).refreshed) == ["linked", "mirror"]
    assert trees(catalog) == {"mirror": set(FILES), "linked": set(FILES)}
    commit(tmp_path / "linked", {"new.py": "def new():\n    return 1\n"})
    assert refresh(catalog).refreshed == ["linked"]


def test_what_is_not_committed_is_not_kept(api: Path) -> None:
    (api / "draft.py").write_text("def draft():\n    return 1\n")
    catalog = add("org", api)
    refresh(catalog)
    assert trees(catalog)["api"] == set(FILES)


def test_a_live_directory_is_left_to_its_own_index(api: Path, fork: Path) -> None:
    add("org", api, kept=False)
    catalog = add("org", fork)
    assert [entry.name for entry in catalog.live] == ["api"]
    assert refresh(catalog).refreshed == ["fork"] and set(trees(catalog)) == {"fork"}


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_clone_follows_its_remote(tmp_path: Path, object_format: str) -> None:
    source = repository(tmp_path / "api", FILES, object_format=object_format)
    remote = bare(tmp_path / "server" / "api.git", source)
    catalog = add("org", url(remote))
    assert refresh(catalog).refreshed == ["api"]
    assert refresh(catalog).unchanged == ["api"]
    git(source, "checkout", "-q", "--orphan", "other")  # nothing in common with what was
    head = commit(source, {"src/retry.py": RETRY, "src/client.py": "def other():\n    return 2\n"})
    git(source, "push", "-q", "--force", str(remote), "other:main")
    assert refresh(catalog).refreshed == ["api"]
    assert "def other():" in texts(catalog)
    git(remote, "branch", "-m", "main", "trunk")
    assert refresh(catalog).unchanged == ["api"]
    git(remote, "symbolic-ref", "HEAD", "refs/heads/gone")  # and its HEAD forgotten
    commit(source, {"more.py": "def more():\n    return 3\n"})
    git(source, "push", "-q", "--force", str(remote), "other:trunk")
    assert refresh(catalog).refreshed == ["api"]
    store = store_of(catalog)
    assert store.repositories()["api"].revision == git(source, "rev-parse", "HEAD") != head
    store.close()


def test_a_repository_without_a_commit_is_empty_until_it_has_one(tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    server.mkdir()
    git(server, "init", "-q", "--bare")
    here = tmp_path / "here"
    here.mkdir()
    git(here, "init", "-q", "-b", "main")
    catalog = add("org", url(server), here)
    assert sorted(refresh(catalog).refreshed) == ["here", "server"]
    assert trees(catalog) == {"here": set(), "server": set()}
    assert sorted(refresh(catalog).unchanged) == ["here", "server"]
    commit(here, FILES)
    git(here, "push", "-q", str(server), "main:" + git(server, "symbolic-ref", "HEAD"))
    assert sorted(refresh(catalog).refreshed) == ["here", "server"]
    assert trees(catalog) == {"here": set(FILES), "server": set(FILES)}


# -- what cannot be had


def test_what_is_away_keeps_its_state_and_is_told(api: Path, fork: Path, tmp_path: Path) -> None:
    remote = bare(tmp_path / "server.git", api)
    catalog = add("org", url(remote), fork)
    refresh(catalog)
    before = catalog_status(catalog).repositories
    remote.rename(tmp_path / "moved.git")
    fork.rename(tmp_path / "moved")
    report = refresh(catalog)
    assert set(report.away) == {"server", "fork"} and report.removed == []
    assert all(why.count("\n") == 0 and why.endswith(".") for why in report.away.values())
    assert trees(catalog) == {"server": set(FILES), "fork": {*FILES, "settings.go"}}
    status = catalog_status(catalog).repositories
    assert [one.is_stale for one in status] == [True, True] and status[0].error
    assert [one.refreshed for one in status] == [one.refreshed for one in before]
    assert status[0].tried > before[0].tried
    (tmp_path / "moved.git").rename(remote)
    (tmp_path / "moved").rename(fork)
    assert sorted(refresh(catalog).unchanged) == ["fork", "server"]
    assert not any(one.is_stale for one in catalog_status(catalog).repositories)


def test_a_broken_clone_is_made_again(api: Path, tmp_path: Path) -> None:
    catalog = add("org", url(bare(tmp_path / "server.git", api)))
    refresh(catalog)
    (clone,) = (catalog.folder / "clones").iterdir()
    for pack in (clone / "objects" / "pack").iterdir():
        pack.chmod(0o600)
        pack.write_bytes(b"damaged")
    commit(api, {"new.py": "def new():\n    return 1\n"})
    git(api, "push", "-q", str(tmp_path / "server.git"), "main")
    assert refresh(catalog).refreshed == ["server"]
    assert "def new():" in texts(catalog)


def test_files_that_cannot_be_cut_are_named_and_the_rest_goes_on(
    api: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from c2llm.index.build import cutting

    original = cutting.decode

    def refuse(content: bytes) -> str:
        if b"retry" in content:
            raise RuntimeError
        return original(content)

    catalog = add("org", api)
    with monkeypatch.context() as patched:
        patched.setattr(cutting, "decode", refuse)
        report = refresh(catalog)
    assert report.files_failed == {"api": {"src/retry.py": "cannot be cut (RuntimeError)"}}
    assert trees(catalog) == {"api": {"src/client.py"}}
    (status,) = catalog_status(catalog).repositories
    assert set(status.files_failed) == {"src/retry.py"} and not status.is_stale
    assert refresh(catalog, force=True).files_failed == {}
    assert trees(catalog) == {"api": set(FILES)}
    assert catalog_status(catalog).repositories[0].files_failed == {}


def test_what_is_no_source_is_left_out_and_not_read_again(api: Path, fork: Path) -> None:
    catalog = add("org", api, fork)
    odd = {"blob.py": b"\0\1\2" * 100, "big.py": b"x = 1\n" * 200_000, "a.min.js": b"x"}
    commit(api, odd)
    runner = InlineRunner()
    refresh(catalog, runner)
    assert "blob.py" in runner.read and "big.py" not in runner.read
    assert trees(catalog)["api"] == set(FILES)
    commit(fork, odd)
    refresh(catalog, runner := InlineRunner())
    assert runner.read == []


# -- two at once, and an end at any moment


def test_two_refreshes_at_once(api: Path) -> None:
    catalog = add("org", api)
    catalog.folder.mkdir(parents=True, mode=0o700)
    told = pytest.raises(C2LLMError, match="Another process is refreshing @org")
    with holding(catalog.folder / "catalog", "refreshing", 0.0), told:
        refresh(catalog)
    assert refresh(catalog).refreshed == ["api"]


class _Ends(InlineRunner):
    """Is killed after some tasks."""

    def __init__(self, after: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        super().__init__()
        self._left = after
        self._error = error

    def run(self, *arguments: object) -> Iterator[DoneTask]:  # type: ignore[override]
        for done in super().run(*arguments):  # type: ignore[arg-type]
            if not self._left:
                raise self._error
            self._left -= 1
            yield done


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_what_is_ended_goes_on_where_it_stopped(
    api: Path, fork: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c2llm.index.catalog.planning._BLOBS_OF_A_TASK", 1)
    catalog = add("org", api, fork)
    runner = _Ends(after)
    if after < 3:
        with pytest.raises(KeyboardInterrupt):
            refresh(catalog, runner)
    else:
        refresh(catalog, runner)
    rest = InlineRunner()
    refresh(catalog, rest)
    assert len(rest.read) == 3 - after
    assert trees(catalog) == {"api": set(FILES), "fork": {*FILES, "settings.go"}}
    store = store_of(catalog)
    assert store.chunk_count() == len(texts(catalog))
    store.close()


def test_a_full_disk_in_the_middle(api: Path, fork: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog

    catalog = add("org", api)
    refresh(catalog)
    catalog = add("org", fork)
    original = SqliteCatalog._put_rows
    left = [1]

    def put(self: SqliteCatalog, *arguments: object) -> None:
        if not left[0]:
            raise IndexWriteError("The disk is full.")
        left[0] -= 1
        original(self, *arguments)  # type: ignore[arg-type]

    commit(api, {"one.py": "def one():\n    return 1\n", "two.py": "def two():\n    return 2\n"})
    with monkeypatch.context() as patched, pytest.raises(IndexWriteError):
        patched.setattr(SqliteCatalog, "_put_rows", put)
        refresh(catalog)
    assert trees(catalog)["api"] == set(FILES)
    assert not {"def one():", "def two():"} & texts(catalog)
    refresh(catalog)
    assert trees(catalog)["api"] == {*FILES, "one.py", "two.py"}


def test_a_repository_that_is_removed_during_its_refresh(
    api: Path, fork: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Removes(InlineRunner):
        def run(self, *arguments: object) -> Iterator[DoneTask]:  # type: ignore[override]
            for done in super().run(*arguments):  # type: ignore[arg-type]
                if "api" in {entry.name for entry in catalog_named("org").entries}:
                    forget(*remove_from_catalog("org", ["api"]))  # type: ignore[arg-type]
                yield done

    catalog = add("org", api, fork)
    report = refresh(catalog, Removes())
    assert report.refreshed == ["fork"]
    assert trees(catalog) == {"fork": {*FILES, "settings.go"}}
    assert [one.name for one in catalog_status(catalog_named("org")).repositories] == ["fork"]


def test_what_was_removed_goes_with_the_next_refresh(api: Path, fork: Path) -> None:
    catalog = add("org", api, fork)
    refresh(catalog)
    left, _ = remove_from_catalog("org", ["api"])
    assert left is not None and refresh(left).removed == ["api"]
    assert set(trees(left)) == {"fork"}


def test_clones_of_what_was_removed_go_too(api: Path, fork: Path, tmp_path: Path) -> None:
    servers = [bare(tmp_path / f"{name}.git", root) for name, root in (("a", api), ("b", fork))]
    catalog = add("org", *map(url, servers))
    refresh(catalog)
    assert len(list((catalog.folder / "clones").iterdir())) == 2
    left, _ = remove_from_catalog("org", ["a"])
    assert left is not None and refresh(left).removed == ["a"]
    assert [path.name[:2] for path in (catalog.folder / "clones").iterdir()] == ["b-"]


# -- models


def test_everything_gets_vectors_of_the_table_model(api: Path, fork: Path) -> None:
    encoder = WordEncoder()
    catalog = add("org", api, fork)
    refresh(catalog, encoder=encoder)
    store = store_of(catalog)
    assert store.embedded("words") == store.chunk_count() > 0
    store.close()
    embedded = len(encoder.embedded)
    assert len(set(encoder.embedded)) == embedded  # a text once, whichever repositories have it
    commit(api, {"new.py": "def new():\n    return 1\n"})
    refresh(catalog, encoder=encoder)
    assert len(encoder.embedded) == embedded + 1


def test_a_changed_model_makes_its_vectors_anew_and_words_stay(api: Path) -> None:
    catalog = add("org", api)
    refresh(catalog, encoder=WordEncoder())
    before = texts(catalog)
    report = refresh(catalog, encoder=WordEncoder(fingerprint="words-2", dim=32))
    assert report.unchanged == ["api"] and report.embedded > 0
    store = store_of(catalog)
    known = store.model_id("words")
    assert known is not None and known[1] == "words-2"
    assert store.embedded("words") == store.chunk_count()
    assert {len(row) for _, row in store.vectors(known[0])} == {4 + 32}
    store.close()
    assert texts(catalog) == before


def test_another_chunker_cuts_all_again_while_the_old_chunks_answer(
    api: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = add("org", api)
    refresh(catalog)
    monkeypatch.setattr("c2llm.index.catalog.planning.CHUNKER_VERSION", 99)

    class Looks(InlineRunner):
        def run(self, *arguments: object) -> Iterator[DoneTask]:  # type: ignore[override]
            for done in super().run(*arguments):  # type: ignore[arg-type]
                assert texts(catalog) == before
                yield done

    before = texts(catalog)
    report = refresh(catalog, runner := Looks())
    assert report.refreshed == ["api"] and sorted(runner.read) == sorted(FILES)
    assert texts(catalog) == before and report.swept == 2
    assert refresh(catalog).unchanged == ["api"]


# -- removal


def test_what_is_kept_is_removed_and_nothing_else(api: Path, fork: Path, tmp_path: Path) -> None:
    catalog = add("org", url(bare(tmp_path / "server.git", api)), fork)
    refresh(catalog)
    size = kept_bytes("org")
    assert size.store > 0 and size.clones > 0
    assert remove_kept("org", clones=False) > 0 and kept_bytes("org").clones == size.clones
    assert sorted(refresh(catalog).refreshed) == ["fork", "server"]
    before = sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts)
    remove_kept("org")
    assert kept_bytes("org").clones == 0
    assert sorted(path for path in tmp_path.rglob("*") if "home" not in path.parts) == before
    assert [one.refreshed for one in catalog_status(catalog).repositories] == [0, 0]


def test_a_damaged_log_is_begun_anew(api: Path) -> None:
    catalog = add("org", api)
    refresh(catalog)
    log = catalog.folder / "refreshes.sqlite"
    log.write_bytes(b"nothing like it" * 500)
    assert refresh(catalog).refreshed == ["api"]
    assert refresh(catalog).unchanged == ["api"]
    assert log.stat().st_mode & 0o777 == 0o600

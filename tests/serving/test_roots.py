from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from c2llm.errors import UsageError
from c2llm.index.catalog.catalogs import add_to_catalog
from c2llm.index.catalog.sources import named_sources
from c2llm.serving.roots import Place, Roots, refusal
from tests.serving.conftest import git, repository


def test_a_path_is_below_the_clients_folder(project: Path) -> None:
    roots = Roots([project])
    assert roots.places(None) == [Place(project)]
    assert roots.places(".") == [Place(project)]
    assert roots.place("src/net") == Place(project, "src/net")
    assert roots.place(str(project / "src" / "net" / "retry.py")) == Place(
        project, "src/net/retry.py"
    )


@pytest.mark.parametrize("name", ["a b", "größe", "项目", "a#b", "a%20b", "a[1]"])
def test_names_with_spaces_and_letters_of_any_script(tmp_path: Path, name: str) -> None:
    folder = repository(tmp_path / name, {f"{name}.py": "x = 1\n"})
    assert Roots([folder]).place(f"{name}.py") == Place(folder, f"{name}.py")


def test_the_working_directory_means_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match="Which project"):
        Roots().places(None)
    with pytest.raises(UsageError, match="no whole path"):
        Roots().places("src")


def test_without_folders_the_repository_around_a_path_answers(project: Path) -> None:
    assert Roots().place(str(project / "src" / "net")) == Place(project, "src/net")


def test_what_lies_outside_is_refused(project: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"a.py": "x = 1\n"})
    (project / "out").symlink_to(other)
    for path in (str(other), "../other", "out", "out/a.py", str(project / "src/../../other")):
        with pytest.raises(UsageError, match="outside"):
            Roots([project]).place(path)


def test_what_is_not_there_is_told(project: Path) -> None:
    for path in ("nothing", "src/nothing.py", "a\0b"):
        with pytest.raises(UsageError):
            Roots([project]).place(path)


def test_a_linked_worktree_is_its_own_root(project: Path, tmp_path: Path) -> None:
    inside = project / ".trees" / "feature"
    beside = tmp_path / "beside"
    git(project, "worktree", "add", "-q", "-b", "feature", str(inside))
    git(project, "worktree", "add", "-q", "-b", "other", str(beside))
    roots = Roots([project])
    assert roots.place(str(inside / "src")) == Place(inside, "src")
    assert roots.place(str(beside)) == Place(beside)  # of a repository that the client has open


def test_a_folder_that_only_claims_to_be_a_worktree_is_not(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", "-b", "feature", str(tmp_path / "feature"))
    other = repository(tmp_path / "other", {"a.py": "x = 1\n"})
    claims = tmp_path / "claims"
    claims.mkdir()
    (claims / ".git").write_text((tmp_path / "feature" / ".git").read_text())
    for folder in (other, claims):
        with pytest.raises(UsageError, match="outside"):
            Roots([project]).place(str(folder))


def test_several_folders_are_told_apart_by_labels(tmp_path: Path) -> None:
    one = repository(tmp_path / "x" / "api", {"a.py": "x = 1\n"})
    two = repository(tmp_path / "y" / "web", {"b.py": "x = 1\n"})
    roots = Roots([one, two])
    assert roots.places(None) == [Place(one), Place(two)]
    assert roots.place("b.py") == Place(two, "b.py")
    assert roots.place("web/b.py") == Place(two, "b.py")
    assert roots.place("web") == Place(two)


def test_a_catalog_is_what_its_user_has_named(project: Path, tmp_path: Path) -> None:
    other = repository(tmp_path / "other", {"a.py": "x = 1\n"})
    add_to_catalog("both", named_sources([str(project), str(other)], kept=False).candidates)
    assert Roots([project]).places("@both") == [Place(project), Place(other)]
    with pytest.raises(UsageError):
        Roots([project]).places("@none")


def test_other_catalogs_than_those_that_are_open_are_like_none(
    project: Path, tmp_path: Path
) -> None:
    other = repository(tmp_path / "other", {"a.py": "x = 1\n"})
    for name in ("open", "shut"):
        add_to_catalog(name, named_sources([str(other)], kept=False).candidates)
    roots = Roots([project], ["open"])
    assert roots.places("@open") == [Place(other)]
    told = []
    for path in ("@shut", "@none", "@shut:x", "@none:x"):
        for ask in (roots.places, roots.kept):
            with pytest.raises(UsageError, match="start the server with --root @") as caught:
                ask(path)
            told.append(str(caught.value).replace("shut", "none"))
    assert len(set(told)) == 1


def test_home_and_system_are_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "people" / "me"
    repository(home, {"a.py": "x = 1\n"})  # some keep their settings so
    project = repository(home / "project", {"a.py": "x = 1\n"})
    (home / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(home))
    refused = [home, home.parent, tmp_path, home / ".ssh", project / ".git", Path("/")]
    if sys.platform == "linux":
        refused += map(Path, ("/etc", "/etc/ssh", "/usr", "/usr/lib", "/var", "/tmp", "/proc/1"))
    for folder in refused:
        assert "name the directory of one project" in refusal(folder), folder
        with pytest.raises(UsageError):
            Roots([folder]).all()
    assert not refusal(project)
    # A client that has the home open may still name a project in it.
    assert Roots([home]).place(str(project / "a.py")) == Place(project, "a.py")
    with pytest.raises(UsageError, match="home directory"):
        Roots([home]).place("a.py")


def test_a_submodule_is_part_of_the_tree_around_it(project: Path, tmp_path: Path) -> None:
    library = repository(tmp_path / "library", {"lib.py": "x = 1\n"})
    git(project, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    assert Roots([project]).place("lib/lib.py") == Place(project, "lib/lib.py")
    nested = repository(project / "vendor" / "clone", {"c.py": "x = 1\n"})
    assert Roots([project]).place("vendor/clone/c.py") == Place(nested, "c.py")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_root_that_is_a_link_is_the_directory_behind_it(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    assert Roots([tmp_path / "link"]).place("src") == Place(project, "src")

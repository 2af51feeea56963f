"""Hits through commits: where they came, were edited, moved, left and came back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from c2llm.analysis.patterns.history.changes import CommitChanges, FileChange, _commit
from c2llm.analysis.patterns.history.find import HitLife, PatternHistory, pattern_history
from c2llm.analysis.patterns.history.lives import Lives, Seen, paired
from c2llm.analysis.patterns.pattern import Pattern
from c2llm.analysis.patterns.request import PatternsRequest
from c2llm.cli.main import main
from c2llm.errors import UsageError
from c2llm.search.code_index import CodeIndex
from tests.analysis.patterns.samples import SWALLOWED, read, sample
from tests.index.conftest import home
from tests.serving.conftest import git, repository
from tests.trees import write_tree

__all__ = ["home"]

HIT = "def {name}():\n    try:\n        {name}_it()\n    except OSError:\n        pass\n\n\n"


def history(root: Path, pattern: Pattern | None = None, **options: Any) -> PatternHistory:
    patterns = [pattern or read(SWALLOWED)]
    with CodeIndex.open(root, embed="none") as index:
        return pattern_history([index], patterns, PatternsRequest(), **options)


def commit(root: Path, subject: str, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            (root / path).unlink()
        else:
            write_tree(root, {path: text})
    git(root, "add", "-A")
    git(root, "commit", "-qm", subject, "--allow-empty")


def told(life: HitLife) -> tuple[str, str | None, str | None, str | None]:
    commits = (life.came, life.left, life.returned)
    came, left, returned = (None if one is None else one.subject for one in commits)
    return life.path, came, left, returned


@pytest.fixture
def root(tmp_path: Path, home: Path) -> Path:
    return repository(tmp_path / "project", {"a.py": "x = 1\n", "README.md": "except: pass\n"})


def test_a_hit_comes_stays_and_goes(root: Path) -> None:
    commit(root, "two come", {"a.py": HIT.format(name="save") + HIT.format(name="load")})
    commit(root, "above", {"a.py": "# new\n" + HIT.format(name="save") + HIT.format(name="load")})
    commit(root, "one goes", {"a.py": HIT.format(name="load")})
    found = history(root)
    assert [told(life) for life in found.present] == [("a.py", "two come", None, None)]
    assert [told(life) for life in found.gone] == [("a.py", "two come", "one goes", None)]
    [there] = found.present
    assert (there.line, there.symbol, there.text) == (4, "load", "except OSError:")
    assert there.came is not None and there.came.author == "a" and there.came.date.endswith("Z")
    assert (found.commits, found.contents, found.searched) == (4, 4, 4)
    assert history(root).searched == 0
    commit(root, "more", {"b.py": HIT.format(name="other")})
    assert history(root).searched == 1


def test_moves_edits_and_renames_are_one_life(root: Path) -> None:
    commit(root, "comes", {"a.py": HIT.format(name="save")})
    commit(root, "edited", {"a.py": HIT.format(name="save").replace("OSError", "ValueError")})
    git(root, "mv", "a.py", "b.py")
    commit(root, "moved", {})
    text = (root / "b.py").read_text()
    commit(root, "split", {"b.py": "x = 1\n", "c.py": "import os\n" + text})
    found = history(root)
    assert [told(life) for life in found.present] == [("c.py", "comes", None, None)]
    assert found.gone == ()


def test_what_returns_is_told(root: Path) -> None:
    commit(root, "comes", {"a.py": HIT.format(name="save")})
    commit(root, "goes", {"a.py": "x = 1\n"})
    commit(root, "back, elsewhere in it", {"a.py": "y = 1\n" + HIT.format(name="save")})
    [life] = history(root).present
    assert told(life) == ("a.py", "comes", None, "back, elsewhere in it")
    commit(root, "goes again", {"a.py": "y = 1\n"})
    commit(root, "reverted", {"a.py": "y = 1\n" + HIT.format(name="save")})
    [life] = history(root).present
    assert told(life) == ("a.py", "comes", None, "reverted")
    commit(root, "the file goes", {"a.py": None})
    [life] = history(root).gone
    assert told(life) == ("a.py", "comes", "the file goes", "reverted")


def test_branches_are_joined(root: Path) -> None:
    git(root, "checkout", "-qb", "side")
    commit(root, "on the side", {"side.py": HIT.format(name="side")})
    git(root, "checkout", "-q", "main")
    commit(root, "on main", {"a.py": HIT.format(name="save")})
    git(root, "merge", "-q", "--no-edit", "side")
    found = history(root)
    assert sorted(told(life)[:2] for life in found.present) == [
        ("a.py", "on main"),
        ("side.py", "on the side"),
    ]
    git(root, "checkout", "-q", "side")
    commit(root, "gone on the side", {"side.py": "x = 1\n"})
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-edit", "side")
    assert [told(life)[:3] for life in history(root).gone] == [
        ("side.py", "on the side", "gone on the side")
    ]


def test_what_a_merge_adds_is_its_own(root: Path) -> None:
    git(root, "checkout", "-qb", "side")
    commit(root, "side", {"a.py": "x = 2\n"})
    git(root, "checkout", "-q", "main")
    commit(root, "main", {"a.py": "x = 3\n"})
    git(root, "merge", "-q", "--no-commit", "-s", "ours", "side")
    commit(root, "an evil merge", {"a.py": HIT.format(name="save")})
    [life] = history(root).present
    assert told(life) == ("a.py", "an evil merge", None, None)


def test_since_a_revision(root: Path) -> None:
    commit(root, "old", {"a.py": HIT.format(name="old")})
    git(root, "tag", "v1")
    commit(root, "new", {"a.py": HIT.format(name="old") + HIT.format(name="new")})
    found = history(root, since="v1")
    assert [told(life)[1] for life in found.present] == ["new"] and found.gone == ()
    commit(root, "old goes", {"a.py": HIT.format(name="new")})
    [gone] = history(root, since="v1").gone
    assert told(gone) == ("a.py", None, "old goes", None)
    with pytest.raises(UsageError, match="no revision"):
        history(root, since="v9")


def test_what_is_no_code_counts_where_a_pattern_names_its_language(root: Path) -> None:
    commit(root, "both", {"a.yaml": "insecure: true\n", "b.toml": "insecure = true\n"})
    found = history(root, sample(find={"regex": "insecure"}, languages=["yaml"], threshold=-1))
    assert [life.path for life in found.present] == ["a.yaml"]


def test_only_files_that_would_be_searched_count(root: Path) -> None:
    files = {
        name: HIT.format(name="save")
        for name in ("node_modules/a.py", "tests/test_a.py", "src/app.py", "notes.txt")
    }
    commit(root, "many", dict(files))
    found = history(root)
    assert [life.path for life in found.present] == ["src/app.py"] and found.apart == 1
    allowed = HIT.format(name="save").replace("pass", "pass  # c2llm: allow swallowed - ours")
    commit(root, "allowed", {"src/app.py": allowed})
    assert history(root).present == ()


def test_contents_that_a_partial_clone_lacks_are_told(root: Path) -> None:
    commit(root, "comes", {"a.py": HIT.format(name="save")})
    content = git(root, "rev-parse", "HEAD:a.py")
    commit(root, "edited", {"a.py": "import os\n" + HIT.format(name="save")})
    (root / ".git/objects" / content[:2] / content[2:]).unlink()
    for _ in range(2):
        found = history(root)
        [life] = found.present
        assert told(life) == ("a.py", "edited", None, None)
        assert [note.partition(" of")[0] for note in found.notes] == ["1 contents"]


def test_hostile_names_and_authors_are_only_text(root: Path) -> None:
    name = "a\x01b\n:100644 100644 0 0 M.py"
    write_tree(root, {name: HIT.format(name="save")})
    git(root, "add", "-A")
    git(root, "-c", "user.name=\x01evil\x1b[31m", "commit", "-qm", ":x \x1b[31m\x01" + "0" * 40)
    [life] = history(root).present
    assert life.path == name and life.came is not None and "evil" in life.came.author


def test_a_tree_without_a_repository_is_told(tmp_path: Path, home: Path) -> None:
    tree = write_tree(tmp_path / "tree", {"a.py": "x = 1\n"})
    with pytest.raises(UsageError, match="in no git repository"):
        history(tree)


def test_the_command_tells_a_history(
    root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    commit(root, "comes", {"a.py": HIT.format(name="save") + HIT.format(name="load")})
    commit(root, "goes", {"a.py": HIT.format(name="load")})
    library = write_tree(tmp_path / "own", {"swallowed.yaml": SWALLOWED})
    own = ["patterns", str(root), "--library", str(library), "--only", "swallowed", "--history"]
    main(own)
    out = capsys.readouterr().out
    assert "There today:" in out and "came" in out and "left" in out and "a: goes" in out
    assert "1 hit there and 1 gone, in 3 commits with 3 contents of files." in out
    with pytest.raises(SystemExit) as leaving:
        main([*own, "--json", "--fail-on", "high"])
    assert leaving.value.code == 3
    with pytest.raises(SystemExit) as leaving:
        main([*own, "--sarif", "-"])
    assert leaving.value.code == 2


@pytest.mark.parametrize(
    "content",
    ["", "author", "author x", "author x <y> 99999999999999999999 +0000", "author <> -1 +0000"],
)
def test_odd_commits_have_no_date_and_no_traceback(content: str) -> None:
    assert _commit("a" * 40, content + "\n\n").subject == ""


def seen(text: str, *, pattern: int = 0, symbol: str = "", line: int = 1) -> Seen:
    return Seen(pattern, text, line, symbol, text, 0.9)


def test_hits_of_two_versions_are_paired() -> None:
    before = [seen("a"), seen("b", symbol="f"), seen("except OSError as error:"), seen("a")]
    after = [
        seen("a"),
        seen("c", symbol="f"),
        seen("except OSError as e:"),
        seen("zzz"),
        seen("a", pattern=1),
    ]
    assert paired(before, after) == ({0: 0, 1: 1, 2: 2}, [3])


def test_a_long_run_of_the_same_content_is_followed_once() -> None:
    """A file that goes to and fro between two contents has one hit that goes and comes back."""
    contents = {"full": [seen("a")], "empty": []}
    lives = Lives(lambda content, path: contents[content])
    for number in range(50):
        before, after = ("empty", "full") if number % 2 else ("full", "empty")
        change = FileChange("a.py", (before,), after)
        lives.follow(CommitChanges(f"{number}", is_merge=False, files=(change,)))
    present = lives.present({"a.py": "full"})
    assert len(present) == 1 and lives.gone(present) == []
    assert (len(present[0].left), len(present[0].returned)) == (25, 25)

"""Only what changed is redone, whatever happens in between."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2llm.codebase.files.walk import SourceFile
from c2llm.index.build import refresh as build
from c2llm.index.store.location import index_file
from c2llm.index.store.text_blocks import TextBlock, unpack_text
from c2llm.search.code_index import CodeIndex
from tests.trees import PROJECT, WordEncoder, write_tree


def text_in(position: int, packed: bytes, dictionary: bytes) -> str:
    """The text of a chunk of a block."""
    return TextBlock(packed, unpack_text(dictionary).encode()).text(position)


def contents(root: Path) -> list[tuple[object, ...]]:
    """All that an index holds, in an order that does not depend on how it came about."""
    connection = sqlite3.connect(index_file(root))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.execute("INSERT INTO lexicon (lexicon) VALUES ('integrity-check')")
    connection.rollback()
    for unused in (
        "SELECT 1 FROM blocks WHERE id NOT IN (SELECT block_id FROM chunks)",
        "SELECT 1 FROM definitions WHERE chunk_id NOT IN (SELECT id FROM chunks)",
        "SELECT 1 FROM imports WHERE file_id NOT IN (SELECT id FROM files)",
        "SELECT 1 FROM embeddings WHERE id & 0xFFFFFFFFFF NOT IN (SELECT id FROM embedded)",
    ):
        assert connection.execute(unused).fetchall() == [], unused
    connection.create_function("text", 3, text_in)
    chunks = connection.execute(
        "SELECT f.path, f.hash, f.language, c.start_line, c.end_line, c.kind, c.symbol,"
        " text(c.id - b.id, b.packed, l.packed), t.hash, e.vector IS NOT NULL"
        " FROM files f JOIN chunks c ON c.file_id = f.id JOIN blocks b ON b.id = c.block_id"
        " JOIN dictionaries l ON l.id = b.dictionary_id JOIN embedded t ON t.id = c.embedded_id"
        " LEFT JOIN embeddings e ON e.id & 0xFFFFFFFFFF = t.id"
    ).fetchall()
    words = connection.execute("SELECT term, doc, cnt FROM lexicon_terms WHERE cnt > 0").fetchall()
    names = connection.execute(
        "SELECT d.name, f.path FROM definitions d JOIN chunks c ON c.id = d.chunk_id"
        " JOIN files f ON f.id = c.file_id"
    ).fetchall()
    skipped = connection.execute("SELECT path, reason FROM skipped").fetchall()
    connection.close()
    return sorted(map(repr, [*chunks, *words, *names, *skipped]))


def fresh_contents(root: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> object:
    """What an index made in one go holds."""
    with monkeypatch.context() as patch:
        patch.setenv("C2LLM_HOME", str(home / "fresh"))
        with CodeIndex.open(root, encoder=WordEncoder(), rebuild=True, embed="all"):
            pass
        return contents(root)


def test_nothing_is_read_or_embedded_twice(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.last_refresh.redone == len(PROJECT)
        assert index.last_refresh.embedded == index.counts().chunks == index.counts().embedded

    def refuse(files: list[SourceFile], known: object) -> object:
        raise AssertionError(f"{files} are read again")

    monkeypatch.setattr(build, "cut_files", refuse)
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, embed="all") as index:
        assert (index.last_refresh.redone, index.last_refresh.embedded) == (0, 0)
    assert encoder.embedded == []


def test_a_change_redoes_one_file_and_embeds_only_new_chunks(project: Path) -> None:
    functions = "\n\n".join(f"def step_{i}(x):\n    return x + {i}\n" * 12 for i in range(8))
    write_tree(project, {"steps.py": functions})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        before = index.counts()
    encoder = WordEncoder()
    write_tree(project, {"steps.py": functions + "\n\ndef last_step(x):\n    return 'z' * x\n"})
    with CodeIndex.open(project, encoder=encoder, embed="all") as index:
        assert index.last_refresh.redone == 1
        assert index.counts().chunks >= before.chunks
        assert index.search("last_step", 1)[0].path == "steps.py"
    assert len(encoder.embedded) == 1


def test_a_touched_file_is_read_but_not_redone(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    os.utime(project / "README.md", ns=(1, 1_600_000_000_000_000_000))
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.last_refresh.redone == 0
        assert index.status().changed == 0


def test_a_file_written_a_moment_ago_is_not_called_stale(project: Path) -> None:
    (project / "now.py").write_text("now = 1\n")
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.status().changed == 0
        (project / "now.py").write_text("now = 2\n")  # same size, perhaps the same tick
        assert index.status().changed == 1
        assert index.refresh().redone == 1


def test_deleted_files_vanish(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    (project / "src/net/retry.py").unlink()
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.last_refresh.redone == 1
        paths = [hit.path for hit in index.search("retry_with_backoff", 20)]
    assert "src/net/retry.py" not in paths


def test_what_comes_back_is_not_embedded_again(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    (project / "src/net/retry.py").rename(project / "gone.txt.bak")
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    (project / "gone.txt.bak").rename(project / "src/net/retry.py")
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, embed="all") as index:
        assert index.counts().embedded == index.counts().chunks
    assert encoder.embedded == []


def test_vectors_without_a_chunk_go_once_there_are_many(project: Path) -> None:
    def vectors() -> int:
        with sqlite3.connect(index_file(project)) as connection:
            return int(connection.execute("SELECT count(*) FROM embeddings").fetchone()[0])

    def edit(number: int, spare: int) -> None:
        """Change every file, and let this many unused vectors be."""
        for name in PROJECT:
            if name.endswith(".py"):
                (project / name).write_text(f"def number_{number}_{len(name)}():\n    return 1\n")
        with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
            with index._store.writing():
                index._store.prune_vectors(spare)
            assert index.is_complete()

    edit(0, spare=2_000)
    start = vectors()
    for number in range(1, 6):
        edit(number, spare=2_000)
    grown = vectors()

    edit(6, spare=2)
    assert vectors() <= start < grown
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert vectors() == index.counts().chunks


def test_equal_texts_share_one_vector(tmp_path: Path) -> None:
    write_tree(tmp_path / "p", {"a/same.py": "x = 1\n", "src/a/same.py": "x = 1\n"})
    encoder = WordEncoder()
    with CodeIndex.open(tmp_path / "p", encoder=encoder, embed="all") as index:
        assert index.counts().chunks == index.counts().embedded == 2
        assert {hit.path for hit in index.search("same x", 5, "dense")} == {
            "a/same.py",
            "src/a/same.py",
        }


def test_a_changed_model_is_told_and_made_again(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(fingerprint="old"), embed="all") as index:
        chunks = index.counts().chunks
    notes: list[str] = []
    newer = WordEncoder(fingerprint="new", dim=32)
    with CodeIndex.open(project, encoder=newer, note=notes.append, embed="all") as index:
        assert index.last_refresh.redone == 0
        assert index.counts().embedded == chunks
        assert index.search("retries", 1, "dense")
    assert notes == ["The model words has changed: its vectors are made again."]


def test_models_live_side_by_side(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        chunks = index.counts().chunks
    with CodeIndex.open(project, encoder=WordEncoder("other", "other-1"), embed="all") as index:
        assert index.status().models == {"other": chunks, "words": chunks}
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, embed="all"):
        assert encoder.embedded == []


def test_another_chunker_redoes_all(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    monkeypatch.setattr("c2llm.index.build.upgrade.CHUNKER_VERSION", 999)
    notes: list[str] = []
    with CodeIndex.open(project, encoder=WordEncoder(), note=notes.append, embed="all") as index:
        assert index.last_refresh.redone == len(PROJECT)
    assert len(notes) == 1 and "999" in notes[0]


def test_a_file_that_cannot_be_cut_stops_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from c2llm.codebase import chunks

    original = chunks.cut_text

    def fail(path: str, text: str, language: str | None) -> object:
        if path.endswith(".go"):
            raise RecursionError
        return original(path, text, language)

    monkeypatch.setattr(chunks, "cut_text", fail)
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        status = index.status()
    assert status.skipped_by_reason == {"cannot be cut (RecursionError)": 1}
    assert status.files == len(PROJECT) - 1 and status.changed == 0


def test_a_file_that_vanishes_between_listing_and_reading(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = build.find_stale

    def list_then_lose(*arguments: object) -> object:
        staleness = original(*arguments)  # type: ignore[arg-type]
        (project / "README.md").unlink(missing_ok=True)
        return staleness

    monkeypatch.setattr("c2llm.index.build.indexed_tree.find_stale", list_then_lose)
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.counts().files == len(PROJECT) - 1


def test_hostile_files(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path / "hostile",
        {
            "ok.py": "def fine():\n    return 1\n",
            "one_line.js": "x" * 900_000,
            "too_large.js": "y = 1;\n" * 1_000_000,
            "bad_utf8.py": b"def caf\xe9():\n    return '\xff\xfe'\n",
            "utf16.py": "def wide():\n    return 1\n".encode("utf-16"),
            "bom.py": b"\xef\xbb\xbfdef marked():\n    return 1\n",
            "deep.json": "[" * 50_000,
            "nul.py": b"x = 1\0\n",
            "new\nline.py": "def odd_name():\n    pass\n",
            "surrogate.py": "x = '\\ud800'\n",
            "cr.py": "def mac():\r    return 1\r",
        },
    )
    with open(os.fsencode(root) + b"/latin\xe9.py", "w") as stream:  # noqa: PTH123
        stream.write("def latin_name():\n    pass\n")
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        status = index.status()
        assert status.skipped_by_reason["too large"] == 1
        assert status.skipped_by_reason["binary"] == 1
        assert index.search("odd_name", 1)[0].path == "new\nline.py"
        assert index.search("latin_name", 1)[0].path == "latin\udce9.py"
        assert index.search("wide", 1, "lexical")[0].path == "utf16.py"
        assert index.search("marked", 1, "lexical")[0].text.startswith("def marked")
        assert index.refresh().redone == 0


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["a.py", "b.py", "src/c.py", "d.md"]),
        st.one_of(
            st.none(),
            st.lists(
                st.sampled_from(
                    ["def f():\n    pass\n", "x = 1\n", "class A:\n    y = 2\n", "# é\n"]
                ),
                min_size=1,
                max_size=4,
            ).map("\n".join),
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=_EDITS)
def test_any_history_ends_in_the_index_of_its_end(
    edits: list[tuple[str, str | None]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path_factory.mktemp("history")
    monkeypatch.setenv("C2LLM_HOME", str(folder / "home"))
    root = write_tree(folder / "root", {"keep.py": "kept = 1\n"})
    for step, (name, text) in enumerate(edits):
        if text is None:
            (root / name).unlink(missing_ok=True)
        else:
            write_tree(root, {name: text})
            os.utime(root / name, ns=(1, 1_700_000_000_000_000_000 + step))
        with CodeIndex.open(root, encoder=WordEncoder(), embed="all"):
            pass
    assert contents(root) == fresh_contents(root, monkeypatch, folder)


# -- killed, interrupted, twice at once ----------------------------------------------------------

_WORKER = """
import sys
from c2llm.index.build import refresh as build
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder

build._FILES_PER_TRANSACTION = 4
build._CHARACTERS_PER_TRANSACTION = 120
root, stage, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = 0

def stop(*_):
    global seen
    seen += 1
    if seen > count:
        print("here", flush=True)
        sys.stdin.read()

if stage == "cutting":
    from c2llm.codebase import chunks
    cut = chunks.cut_text
    chunks.cut_text = lambda *arguments: (stop(), cut(*arguments))[1]
encoder = WordEncoder(before=stop if stage == "embedding" else None)
with CodeIndex.open(root, encoder=encoder, embed="all"):
    pass
"""


def worker(root: Path, stage: str, count: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(root), stage, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    files = {f"pkg/module_{i}.py": f"def job_{i}(x):\n    return x * {i}\n" for i in range(30)}
    return write_tree(tmp_path / "modules", {**files})


@pytest.mark.parametrize(("stage", "count"), [("cutting", 10), ("embedding", 4)])
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_build_goes_on_where_it_stopped(
    modules: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    count: int,
    blow: signal.Signals,
) -> None:
    process = worker(modules, stage, count)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n", process.communicate()[1]
    process.send_signal(blow)
    process.communicate()
    assert process.returncode != 0

    done = sqlite3.connect(index_file(modules))
    files = done.execute("SELECT count(*) FROM files").fetchone()[0]
    vectors = done.execute("SELECT count(*) FROM embeddings").fetchone()[0]
    done.close()
    assert 0 < files < 30 if stage == "cutting" else 0 < vectors < 30

    encoder = WordEncoder()
    with CodeIndex.open(modules, encoder=encoder, embed="all") as index:
        assert index.last_refresh.redone == 30 - files
        assert len(encoder.embedded) == 30 - vectors
        assert index.search("job_17", 1)[0].path == "pkg/module_17.py"
        hits = index.search("job", 60)
        assert len({(hit.path, hit.start_line) for hit in hits}) == len(hits) == 30
    assert contents(modules) == fresh_contents(modules, monkeypatch, home)


def test_a_search_after_a_kill_answers_from_the_whole_tree(modules: Path) -> None:
    process = worker(modules, "cutting", 10)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.communicate()
    with CodeIndex.open(modules, embed="none") as index:
        assert index.search("job_29", 1, "lexical")[0].path == "pkg/module_29.py"


def test_two_builds_at_once(modules: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = [worker(modules, "none") for _ in range(3)]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
    assert contents(modules) == fresh_contents(modules, monkeypatch, home)


def test_a_search_does_not_wait_for_another_that_reads(modules: Path) -> None:
    process = worker(modules, "cutting", 10)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    notes: list[str] = []
    with CodeIndex.open(
        modules, encoder=WordEncoder(), embed="candidates", note=notes.append, lock_seconds=0.0
    ) as index:
        assert 0 < index.counts().files < 30
        assert index.stale_files == 30 - index.counts().files
        assert index.search("job_5", 1)
    assert notes == ["Another process is refreshing this index; this answer is older."]
    process.kill()
    process.communicate()


def test_a_search_refreshes_while_another_embeds(modules: Path) -> None:
    process = worker(modules, "embedding", 4)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    write_tree(modules, {"pkg/late.py": "late_arrival = 1\n"})
    notes: list[str] = []
    with CodeIndex.open(
        modules, encoder=WordEncoder(), embed="candidates", note=notes.append, lock_seconds=0.0
    ) as index:
        assert index.stale_files == 0
        assert index.search("late_arrival", 1)[0].path == "pkg/late.py"
    assert notes == []
    process.kill()
    process.communicate()


def test_candidates_get_vectors_first(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c2llm.search.question_vectors._CANDIDATES", 5)
    encoder = WordEncoder()
    with CodeIndex.open(modules, encoder=encoder, embed="candidates") as index:
        assert encoder.embedded == []
        assert index.search("job_7", 1)[0].path == "pkg/module_7.py"
        assert index.counts().embedded == 5
        asked = len(encoder.embedded)
        index.search("job_7", 1)
        assert len(encoder.embedded) == asked

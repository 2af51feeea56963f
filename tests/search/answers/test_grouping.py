"""Answers as whole functions, classes and files, and from several indexes at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from c2llm.errors import UsageError
from c2llm.search.answering import answer
from c2llm.search.answers.grouping import file_lines
from c2llm.search.answers.similar_code import Specimen, as_query, similar, specimen_at
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from c2llm.search.retrieval.exact_scan import read_codes
from tests.trees import PROJECT, RETRY, WordEncoder, write_tree

LONG = "def long_retry(call):\n" + "".join(
    f"    step_{i} = call({i})  # retry step {i}\n\n" for i in range(120)
)


def test_a_function_is_answered_whole(project: Path) -> None:
    write_tree(project, {"src/long.py": f'"""Steps."""\n\n\n{LONG}'})
    with CodeIndex.open(project, embed="none") as index:
        chunk = index.search("long_retry", 1, "lexical")[0]
        whole = index.search("long_retry", 1, "lexical", granularity="function")[0]
    assert chunk.end_line - chunk.start_line < 200
    assert (whole.symbol, whole.start_line, whole.end_line) == ("long_retry", 4, 4 + 240 - 1)
    assert whole.text.startswith("def long_retry") and "step_119" in whole.text


def test_of_the_functions_of_a_chunk_the_one_that_matches_comes_first(project: Path) -> None:
    with CodeIndex.open(project, embed="none") as index:
        hits = index.search("sleep pause", 5, "lexical", granularity="function")
        classes = index.search("client connection", 5, "lexical", granularity="class")
    assert hits[0].symbol == "pause"
    assert all(hit.kind == "function" for hit in hits)
    assert [(hit.symbol, hit.kind) for hit in classes] == [("HttpClient", "class")]


def test_a_file_is_put_together_again_from_its_chunks(tmp_path: Path) -> None:
    text = f'"""Steps."""\n\n\n{LONG}\n\n\nx = "{"a" * 4900}"\nend = 1\n'
    root = write_tree(tmp_path / "one", {"long.py": text})
    with CodeIndex.open(root, embed="none") as index:
        store = index._store
        (file,) = store.files()
        assert file_lines(store, file.id) == text.rstrip("\n").split("\n")


def test_several_indexes_answer_in_one_list(tmp_path: Path) -> None:
    first = write_tree(tmp_path / "a" / "one", {"x.py": "def parse_toml(path):\n    pass\n"})
    other = write_tree(tmp_path / "b" / "two", {"y.py": RETRY})
    with (
        CodeIndex.open(first, encoder=WordEncoder(), embed="all") as one,
        CodeIndex.open(other, encoder=WordEncoder(), embed="all") as two,
    ):
        one.label, two.label = "one", "two"
        request = SearchRequest("retry_with_backoff", k=5)
        hits = answer([one, two], request).hits
        alone = two.search("retry_with_backoff", 1)
    assert (hits[0].repository, hits[0].path) == ("two", "y.py")
    assert {hit.repository for hit in hits} == {"one", "two"}
    assert alone[0].path == hits[0].path


def test_similar_code_leaves_itself_out(project: Path) -> None:
    write_tree(project, {"lib/again.go": PROJECT["src/config/settings.go"].replace("Load", "Get")})
    specimen = specimen_at(f"{project}/src/config/settings.go:4")
    assert (specimen.symbol, specimen.start_line, specimen.end_line) == ("LoadSettings", 3, 6)
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        request = SearchRequest(as_query(specimen), k=3)
        hits = similar([index], specimen, request).hits
        pasted = Specimen(specimen.text)
        again = similar([index], pasted, SearchRequest(as_query(pasted), k=1)).hits
    assert hits[0].path == "lib/again.go"
    assert "src/config/settings.go" not in {hit.path for hit in hits}
    assert again[0].path in ("src/config/settings.go", "lib/again.go")


@pytest.mark.parametrize("place", ["nowhere.py:3", "retry.py", "src:1", "README.md:999"])
def test_what_is_no_place_is_refused(
    project: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(UsageError):
        specimen_at(place)


def test_the_merged_vector_of_a_file_decides_between_equal_parts(tmp_path: Path) -> None:
    answer = "def parse_settings(path):\n    return load_toml(path)\n"
    about = "".join(f"\n\ndef settings_{i}(toml):\n    {'settings, ' * 150}\n" for i in range(3))
    other = "".join(f"\n\ndef picture_{i}(pixel):\n    {'picture, ' * 150}\n" for i in range(3))
    root = write_tree(tmp_path / "one", {"a/one.py": answer + other, "b/two.py": answer + about})
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        query = "parse settings of toml"
        hits = index.search(query, 2, granularity="file")
        asked = index.target(SearchRequest(query))
        assert asked.merged is not None
        store = index._store
        ids = list(store.chunks_of(file.id for file in store.files()).values())
        near = asked.merged([*ids, []])
        codes = [read_codes(store, 1, group)[1].restored() for group in ids]
        vector = WordEncoder().encode_queries([query])[0]
    expected = [
        float(rows.sum(axis=0) @ vector / np.linalg.norm(rows.sum(axis=0))) for rows in codes
    ]
    assert near == pytest.approx([*expected, -1.0], abs=1e-5)
    assert hits[0].path == "b/two.py"
    words = {hit.path: hit.score for hit in hits}
    assert words["b/two.py"] > words["a/one.py"]


def test_words_alone_have_no_merged_vectors(project: Path) -> None:
    with CodeIndex.open(project, embed="none") as index:
        assert index.target(SearchRequest("retry", mode="lexical")).merged is None
        files = index.search("retry", 3, "lexical", granularity="file")
        chunks = index.search("retry", 3, "lexical")
    assert files[0].score == chunks[0].score


def test_the_merged_vector_is_of_models_that_cover_all(project: Path) -> None:
    table = WordEncoder("table", "table-1")
    with CodeIndex.open(project, encoder=WordEncoder(), table=table, embed="candidates") as index:
        index._note = lambda message: None
        store = index._store
        group = [chunk_id for chunk_id, _ in store.texts()]
        (before,) = index.target(SearchRequest("retry")).merged([group])  # type: ignore[misc]
        model_id = store.model_id("table")[0]  # type: ignore[index]
        vector = WordEncoder().encode_queries(["retry"])[0]
        alone = read_codes(store, model_id, group)[1].restored().sum(axis=0)
        assert store.embedded("words") < len(group)
        assert before == pytest.approx(float(alone @ vector / np.linalg.norm(alone)), abs=1e-5)

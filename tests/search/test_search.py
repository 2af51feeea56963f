"""What a search promises: the right answer first, the same answer twice, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.errors import UsageError
from c2llm.search.answers.snippets import snippet
from c2llm.search.code_index import CodeIndex
from c2llm.search.ranking.ranker import NO_FEATURES
from tests.trees import PROJECT, WordEncoder, write_tree

MODES = ("hybrid", "dense", "lexical")


@pytest.fixture
def index(project: Path) -> Iterator[CodeIndex]:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as opened:
        yield opened


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("retry_with_backoff", "src/net/retry.py"),
        ("HttpClient", "src/net/client.py"),
        ("HttpClient.send_request", "src/net/client.py"),
        ("LoadSettings", "src/config/settings.go"),
        ("load_settings", "src/config/settings.go"),
        ("how are failed calls retried with backoff", "src/net/retry.py"),
        ("where are the settings parsed from toml", "src/config/settings.go"),
    ],
)
def test_the_definition_comes_first(index: CodeIndex, query: str, path: str, mode: str) -> None:
    assert index.search(query, 3, mode)[0].path == path  # type: ignore[arg-type]


def test_a_definition_wins_over_any_number_of_mentions(project: Path) -> None:
    mention = "def user():\n    return make_widget() + make_widget() + make_widget()\n"
    write_tree(project, {f"callers/widget_{i}.py": mention for i in range(40)})
    write_tree(project, {"zz/factory.py": "# nothing\n" * 60 + "def make_widget():\n    pass\n"})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        for mode in MODES:
            hit = index.search("make_widget", 1, mode)[0]  # type: ignore[arg-type]
            assert hit.path == "zz/factory.py"
            assert hit.why.reasons[0] == "defines make_widget"


def test_tests_stand_back_unless_they_are_asked_for(index: CodeIndex) -> None:
    plain = [hit.path for hit in index.search("retry with backoff", 10)]
    asked = [hit.path for hit in index.search("tests of retry with backoff", 10)]
    assert plain.index("src/net/retry.py") < plain.index("tests/test_retry.py")
    assert asked[0] == "tests/test_retry.py"


def test_prose_stands_back_unless_it_is_asked_for(index: CodeIndex) -> None:
    plain = [hit.path for hit in index.search("client that retries", 10)]
    asked = [hit.path for hit in index.search("documentation of the client that retries", 10)]
    assert plain.index("README.md") > plain.index("src/net/client.py")
    assert asked.index("README.md") < plain.index("README.md")


def test_one_file_does_not_fill_the_list(project: Path) -> None:
    body = "\n".join(f"    retry_{i} = backoff(retry, {i})  # retry backoff" for i in range(30))
    many = "\n\n\n".join(f"def retry_backoff_{name}(retry):\n{body}" for name in "abcdefgh")
    write_tree(project, {"src/many.py": many})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        top = [hit.path for hit in index.search("retry backoff", 4)]
        chunks = index.search("retry backoff", 10, "lexical")
        found = index.search("retry backoff", 10, "lexical", granularity="file")
    files = [hit.path for hit in found]
    assert len(set(top)) >= 3
    assert files[:3] == list(dict.fromkeys(hit.path for hit in chunks))[:3]
    assert len(files) == len(set(files))


def test_scores_fall_and_ties_are_broken_by_place(tmp_path: Path) -> None:
    same = "def thing():\n    return 'zebra'\n"
    root = write_tree(tmp_path / "ties", {f"{name}/x.py": same for name in "cab"})
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        hits = index.search("zebra", 10, "lexical")
    assert [hit.path for hit in hits] == ["a/x.py", "b/x.py", "c/x.py"]


@pytest.mark.parametrize("mode", MODES)
def test_the_same_question_has_the_same_answer(
    project: Path, mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers = []
    for run in range(2):
        monkeypatch.setenv("C2LLM_HOME", str(tmp_path / f"home{run}"))
        with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
            hits = index.search("retry settings client", 10, mode)  # type: ignore[arg-type]
            assert hits == index.search("retry settings client", 10, mode)  # type: ignore[arg-type]
            assert [hit.score for hit in hits] == sorted((h.score for h in hits), reverse=True)
            answers.append(hits)
    assert answers[0] == answers[1]


def test_words_and_case_of_a_name_do_not_matter(index: CodeIndex) -> None:
    for query in ("http client", "httpclient", "http_client", "HTTPClient", "HttpClient"):
        assert index.search(query, 1, "lexical")[0].path == "src/net/client.py"


def test_filters(index: CodeIndex) -> None:
    def found(**filters: object) -> set[str]:
        return {hit.path for hit in index.search("retry settings client", 20, **filters)}  # type: ignore[arg-type]

    assert found(languages="go") == {"src/config/settings.go"}
    assert found(languages=["go", "markdown"]) == {"src/config/settings.go", "README.md"}
    assert found(include=["src"]) == {path for path in PROJECT if path.startswith("src/")}
    assert found(include=["src/net/*.py"]) == {"src/net/client.py", "src/net/retry.py"}
    assert found(include=["*.go", "net"]) == {path for path in PROJECT if path.startswith("src/")}
    assert found(exclude=["tests", "*.md"]) == {p for p in PROJECT if p.startswith("src/")}
    assert found(include=["nowhere/*"]) == set()


def test_a_language_is_known_by_its_short_name(index: CodeIndex) -> None:
    assert {hit.language for hit in index.search("retry", languages="py")} == {"python"}
    with pytest.raises(UsageError, match="there are: go, markdown, python"):
        index.search("retry", languages="cobol")


def test_filters_reach_what_lies_below_the_first_candidates(project: Path) -> None:
    write_tree(project, {f"many/m{i}.py": "def zebra():\n    zebra()\n" for i in range(300)})
    write_tree(project, {"deep/one.rb": "# " + "filler words here\n# " * 30 + "zebra\n"})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        for mode in MODES:
            hits = index.search("zebra", 5, mode, languages="ruby")  # type: ignore[arg-type]
            assert [hit.path for hit in hits] == ["deep/one.rb"]


def test_lexical_searches_load_no_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: EncoderHandle) -> None:
        raise AssertionError("a model is loaded")

    for method in ("check", "preload", "get"):
        monkeypatch.setattr(EncoderHandle, method, refuse)
    with CodeIndex.open(project, "no-such-model", embed="none") as index:
        assert index.search("backoff", 1, "lexical")[0].path == "src/net/retry.py"


def test_every_leg_says_why(index: CodeIndex) -> None:
    hit = index.search("retry_with_backoff", 1)[0]
    assert hit.why.reasons[0] == "defines retry_with_backoff"
    assert any(reason.startswith("BM25 #") for reason in hit.why.reasons)
    assert any(reason.startswith("vector #") for reason in hit.why.reasons)
    assert "file name matches: retry" in hit.why.reasons
    back = next(hit for hit in index.search("retry", 10) if hit.path.startswith("tests/"))
    assert "demoted: test" in back.why.reasons


def test_without_features_the_fused_score_is_left_as_it_is(index: CodeIndex) -> None:
    hits = index.search("retry backoff", 10, "lexical", weights=NO_FEATURES)
    ranks = [int(hit.why.reasons[0].removeprefix("BM25 #")) for hit in hits]
    assert ranks == list(range(1, len(hits) + 1))


@pytest.mark.parametrize(("k", "query"), [(0, "retry"), (-1, "retry"), (5, ""), (5, "  \n")])
def test_wrong_use(index: CodeIndex, k: int, query: str) -> None:
    with pytest.raises(UsageError):
        index.search(query, k)


@pytest.mark.parametrize(
    "query", ['"', "'; DROP TABLE files; --", "a OR b", "NEAR(a b)", "*", "\0x"]
)
@pytest.mark.parametrize("mode", MODES)
def test_no_query_is_syntax(index: CodeIndex, query: str, mode: str) -> None:
    index.search(query, 5, mode)  # type: ignore[arg-type]
    assert index.counts().files == len(PROJECT)


def test_a_long_query_is_only_long(index: CodeIndex) -> None:
    assert index.search("retry with backoff " * 2_000, 1)
    assert index.search(" ".join(f"word{i}" for i in range(3_000)) + " backoff", 1, "lexical")


def test_a_second_index_sees_what_the_first_has_written(project: Path) -> None:
    with (
        CodeIndex.open(project, encoder=WordEncoder(), embed="all") as one,
        CodeIndex.open(project, encoder=WordEncoder(), embed="all") as two,
    ):
        assert two.search("giraffe", 1, "lexical") == []
        write_tree(project, {"new.py": "def giraffe():\n    pass\n"})
        one.refresh()
        for mode in MODES:
            assert two.search("giraffe", 1, mode)[0].path == "new.py"  # type: ignore[arg-type]


def test_snippets_show_the_lines_that_matter(project: Path) -> None:
    lines = [f"filler_{i} = {i}" for i in range(20)] + ["zebra = stripes(animal)"]
    write_tree(project, {"zoo.py": "\n".join([*lines, *(f"more_{i} = {i}" for i in range(9))])})
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        hit = index.search("stripes of the zebra", 1)[0]
        shown = snippet(hit, "stripes of the zebra", 3)
    assert "zebra = stripes(animal)" in shown.lines
    assert len(shown.lines) == 3
    number = shown.start_line + shown.lines.index("zebra = stripes(animal)")
    assert number == 21

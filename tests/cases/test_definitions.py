"""In every language, what defines a name comes before what uses it, and is called by it."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from c2llm.codebase.chunks import cut_text
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.grammars.components import MIXED
from c2llm.codebase.grammars.keywords import keyword_languages
from c2llm.codebase.languages import detect_language, family
from c2llm.codebase.syntax import definitions
from c2llm.search.code_index import CodeIndex
from tests.codebase.snippets import SNIPPETS

FOLDER = Path(__file__).parent / "definitions"
EXPECTED = json.loads((FOLDER / "folders" / "expected.json").read_text(encoding="utf-8"))
SIBLINGS = 6


@dataclass(frozen=True)
class Sample:
    """A definition among others like it, and a file that uses it."""

    file: str
    name: str
    definition: str
    uses: str
    above: int

    @property
    def defining(self) -> str:
        """The file that defines the name, among siblings when it can hold several."""
        before = [self._named(f"other{number}") for number in range(SIBLINGS)]
        after = [self._named(f"later{number}") for number in range(SIBLINGS)]
        own = self.definition.replace("NAME", self.name)
        alone = self.file.endswith((".cob", ".astro", ".vue", ".svelte", ".html", ".jsp"))
        return own if alone else "\n".join([*before, own, *after])

    @property
    def line(self) -> int:
        """Where the definition starts."""
        return self.defining.partition(self.name)[0].count("\n") + 1 + self.above

    def _named(self, name: str) -> str:
        """The definition under another name, written in the same style."""
        if self.name[0].isupper():
            name = name.upper() if self.name.isupper() else name.title()
        return self.definition.replace("NAME", name)


def _samples() -> list[Sample]:
    rows = tomllib.loads((FOLDER / "samples.toml").read_text(encoding="utf-8"))["sample"]
    return [
        # The names differ, so that all of them can stand in one tree.
        Sample(
            row["file"],
            f"{row['name']}{number}",
            row["definition"],
            row["uses"],
            row.get("above", 0),
        )
        for number, row in enumerate(rows)
    ]


SAMPLES = _samples()
BY_FILE = {sample.file: sample for sample in SAMPLES}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeIndex]:
    base = tmp_path_factory.mktemp("languages")
    root = base / "tree"
    shutil.copytree(FOLDER / "folders", root / "folders")
    for number, sample in enumerate(SAMPLES):
        folder = root / f"s{number}"
        folder.mkdir()
        (folder / sample.file).write_text(sample.defining, encoding="utf-8")
        uses = sample.uses.replace("NAME", sample.name)
        stem, dot, extension = sample.file.rpartition(".")
        (folder / f"a_{stem}_use{dot}{extension}").write_text(uses, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C2LLM_HOME", str(base / "home"))
        with CodeIndex.open(root, encoder=None, embed="none") as opened:
            yield opened


def test_each_language_has_a_sample() -> None:
    told = {detect_language(sample.file, sample.defining.encode()) for sample in SAMPLES}
    rows = {*GRAMMARS, *keyword_languages(), *MIXED}
    assert rows - told - {*SNIPPETS} == set()


@pytest.mark.parametrize("case", EXPECTED)
def test_the_definition_comes_before_its_uses(index: CodeIndex, case: str) -> None:
    right = EXPECTED[case]
    first = index.search(right["query"], 3, "lexical")[0]
    assert first.path == f"folders/{right['first']}"
    assert first.start_line <= right["line"] <= first.end_line


@pytest.mark.parametrize("file", BY_FILE)
def test_the_definition_comes_first_in_each_language(index: CodeIndex, file: str) -> None:
    sample = BY_FILE[file]
    first = index.search(sample.name, 3, "lexical")[0]
    assert first.path == f"s{SAMPLES.index(sample)}/{file}"
    assert first.start_line <= sample.line <= first.end_line


@pytest.mark.parametrize("file", BY_FILE)
def test_the_definition_has_its_name_and_lines(file: str) -> None:
    sample = BY_FILE[file]
    source = sample.defining.encode()
    language = detect_language(file, source) or ""
    assert family(language) in ("code", "prose")
    found = [entry for entry in definitions(source, language) if entry.name == sample.name]
    assert found, f"no definition in {language}"
    assert found[0].start_line <= sample.line <= found[0].end_line
    chunks = cut_text(file, sample.defining, language).chunks
    naming = [chunk for chunk in chunks if sample.name in chunk.definitions]
    assert naming[0].start_line <= sample.line <= naming[0].end_line


def _forms() -> list[dict[str, str]]:
    rows: list[dict[str, str]] = tomllib.loads((FOLDER / "forms.toml").read_text(encoding="utf-8"))[
        "form"
    ]
    return rows


@pytest.mark.parametrize("form", _forms(), ids=lambda form: f"{form['file']}:{form['code'][:24]!r}")
def test_each_form_of_a_definition_is_told(form: dict[str, str]) -> None:
    source = form["code"].replace("NAME", form["name"]).encode()
    language = detect_language(form["file"], source) or ""
    found = {entry.name: entry.kind for entry in definitions(source, language)}
    assert found.get(form["name"]) == form["kind"]

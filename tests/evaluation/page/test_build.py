"""The whole page, from reports as the evaluations write them: one system or ten, hostile or not."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from c2llm.cli.main import main
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.page.build import as_html, as_json, as_markdown
from c2llm.evaluation.page.collect import collect
from c2llm.evaluation.page.markdown_html import to_html
from c2llm.evaluation.repositories.repo_report import repository_report
from c2llm.evaluation.repositories.repo_scores import QuestionResult, RepositoryResult
from c2llm.evaluation.retrieval.language_matrix import language_tasks, languages_report
from c2llm.evaluation.retrieval.retrieval_report import retrieval_report
from c2llm.evaluation.retrieval.retrieval_run import run_tasks
from c2llm.evaluation.systems.named_systems import DenseSystem
from tests.evaluation.doubles import WordEncoder, pair, write_jsonl
from tests.evaluation.statistics.test_run_comparison import Fixed, task

HOSTILE = "<img src=x onerror=alert(1)>|**`&"


class Strict(HTMLParser):
    """Collects tags; the page may have none that loads or runs anything."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(html):
    page = Strict()
    page.feed(html)
    page.close()
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "a:http"} & set(page.tags)
    assert "http://" not in html.replace("http://www.w3.org", "")
    return page


def repos_report(system):
    question = QuestionResult("where", "semantic", 0.5, 0.6, (2,), (1,), 3.0, ("a.py:1-2",))
    return repository_report(
        [
            RepositoryResult(
                name, "go", system, "f", mode, "d", "", 1.5, True, (), (question, question)
            )
            for mode in ("lexical", "hybrid")
            for name in ("one", "two")
        ],
        [],
        [],
    )


def write_run(folder, names, data=None):
    folder.mkdir(parents=True, exist_ok=True)
    systems = [Fixed(name, [1, 2, 3 + n, 15]) for n, name in enumerate(names)]
    results = run_tasks([task("one"), task("two")], systems)
    reports = {"retrieval": retrieval_report(results), "repos": repos_report(names[0])}
    if data is not None:
        made = run_tasks(language_tasks(data), [DenseSystem(WordEncoder(names[0]))])
        reports["languages"] = languages_report(made)
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report))
    return folder


@pytest.fixture
def data(tmp_path):
    rows = [
        pair(f"{kind}/{i}", f"do {i}", f"{lang} do {i}", lang=lang)
        for kind, lang in (("MBPP", "python"), ("MBGP", "go"))
        for i in range(3)
    ]
    write_jsonl(tmp_path / "data" / "mxeval.jsonl", rows)
    return tmp_path / "data"


@pytest.mark.parametrize("count", [1, 10])
def test_the_page_stands_with_one_system_and_with_ten(tmp_path, data, count):
    names = [f"model {number}" for number in range(count)]
    collected = collect([write_run(tmp_path / "run", names, data)])
    html = as_html(collected, "c2llm eval all", "Title")
    page = parsed(html)
    assert page.tags.count("section") == 4  # three evaluations and their costs
    assert all(f"model {number}" in html for number in range(count))
    text = as_markdown(collected, "c2llm eval all", "Title", "A remark.")
    assert text.startswith("# Title\n\nMade by:\n\n```\nc2llm eval all\n```\n\nA remark.")
    assert json.loads(json.dumps(as_json(collected, "x")))["retrieval"]["tasks"]


def test_hostile_names_stay_text(tmp_path, data):
    run = write_run(tmp_path / HOSTILE.replace("/", ""), [HOSTILE, "b"], data)
    html = as_html(collect([run]), HOSTILE, HOSTILE)
    parsed(html)
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_two_runs_stand_side_by_side(tmp_path, data):
    first = write_run(tmp_path / "before", ["m"], data)
    second = write_run(tmp_path / "after", ["m"], data)
    collected = collect([first, second])
    names = [system["name"] for system in collected.get("retrieval")["systems"]]
    assert names == ["m", "m (after)"]
    assert set(collected.get("retrieval")["mean"]) == {"m", "m (after)"}
    assert len(collected.get("repos")["runs"]) == 2  # the same results, so once
    matrices = [system["matrix"] for system in collected.get("languages")["systems"]]
    assert matrices[0] == matrices[1]
    parsed(as_html(collected, "x", "y"))


def test_what_is_no_report_is_named(tmp_path):
    with pytest.raises(UsageError, match="is not a directory"):
        collect([tmp_path / "nowhere"])
    with pytest.raises(DataError, match=r"has no report \(retrieval\.json"):
        collect([tmp_path])
    (tmp_path / "repos.json").write_text('{"runs": []}')
    with pytest.raises(DataError, match="is not a report of `repos`"):
        collect([tmp_path])
    (tmp_path / "repos.json").write_text("{")
    with pytest.raises(DataError, match=r"repos\.json is not a report that can be read"):
        collect([tmp_path])
    (tmp_path / "repos.json").write_text('{"runs": [{}], "repositories": {}, "indexing": []}')
    with pytest.raises(DataError, match=r"The report repos\.json lacks or garbles"):
        as_html(collect([tmp_path]), "x", "y")


def test_markdown_of_reports_becomes_html_and_nothing_else_does():
    table = "| a \\| b | n |\n| --- | --: |\n| <i> | **1** |"
    assert to_html(table) == (
        '<div class="table"><table><thead><tr><th>a | b</th><th class="n">n</th></tr></thead>'
        '<tbody><tr><td>&lt;i&gt;</td><td class="n"><b>1</b></td></tr></tbody></table></div>'
    )
    assert to_html("### x\n\ny <b>") == "<h3>x</h3>\n<p>y &lt;b&gt;</p>"
    assert to_html("```\na < b\n```") == "<pre>a &lt; b</pre>"


def test_the_command_writes_what_is_asked_for(tmp_path, capsys):
    run = write_run(tmp_path / "run", ["m"])
    main(["eval", "report", str(run), "--json"])
    assert json.loads(capsys.readouterr().out)["format"] == 1
    main(["eval", "report", str(run), "--html", str(tmp_path / "new" / "r.html")])
    assert capsys.readouterr().out == ""
    parsed((tmp_path / "new" / "r.html").read_text(encoding="utf-8"))
    main(["eval", "report", str(run)])
    assert "## Repository search" in capsys.readouterr().out

"""All reports together: one object, one Markdown text, one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from c2llm.errors import DataError
from c2llm.evaluation.page import sections
from c2llm.evaluation.page.collect import Collected, Report
from c2llm.evaluation.page.markdown_html import to_html
from c2llm.evaluation.page.style import STYLE
from c2llm.evaluation.page.svg import clean

FORMAT = 1
_TITLES = {
    "repos": "Repository search",
    "functions": "Functions without telling names",
    "retrieval": "Retrieval tasks",
    "mteb": "MTEB(Code, v1)",
    "languages": "Across languages",
    "granularity": "Function, class and file, by length",
    "profile": "Latency, throughput and memory",
}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def as_json(collected: Collected, command: str) -> Report:
    """One JSON-ready object: `format`, `command` and a report for each section."""
    return {"format": FORMAT, "command": command, **collected.sections}


def as_markdown(collected: Collected, command: str, title: str, remark: str = "") -> str:
    """The tables of every section, the command that made them on top, then a remark.

    Raises:
        DataError: for a report that lacks what its tables show.
    """
    parts = [f"# {title}", f"Made by:\n\n```\n{command.replace('```', '')}\n```"]
    if remark:
        parts.append(remark)
    for name, heading in _TITLES.items():
        report = collected.get(name)
        if report is not None:
            parts.append(f"## {heading}\n\n{_table(name, report).strip()}")
    return "\n\n".join(parts) + "\n"


def as_html(collected: Collected, command: str, title: str) -> str:
    """A whole page: charts first, each section's tables behind a click.

    Nothing is fetched and no script runs; the page's policy forbids both. All names are escaped.

    Raises:
        DataError: for a report that lacks what its charts show.
    """
    drawn = [
        sections.Section(name, heading, _body(name, report))
        for name, heading in _TITLES.items()
        if (report := collected.get(name)) is not None
    ]
    body = _checked("costs", lambda: sections.costs(collected))
    if body:
        drawn.insert(min(2, len(drawn)), sections.Section("costs", "Quality against cost", body))
    links = "".join(f'<a href="#{part.id}">{clean(part.title)}</a>' for part in drawn)
    blocks = "".join(
        f'<section id="{part.id}"><h2>{clean(part.title)}</h2>{part.body}</section>'
        for part in drawn
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{clean(_POLICY)}">'
        f"<title>{clean(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{clean(title)}</h1>{_machine(collected)}<nav>{links}</nav>"
        f'{_cards(collected)}<p class="soft">Made by</p><pre>{clean(command)}</pre>'
        f"{blocks}</main></body></html>\n"
    )


def _body(name: str, report: Report) -> str:
    draw: dict[str, Callable[[Report], str]] = {
        "retrieval": sections.retrieval,
        "granularity": sections.granularity,
        "repos": sections.repos,
        "languages": sections.languages,
        "mteb": sections.mteb,
    }
    charts = _checked(name, lambda: draw[name](report)) if name in draw else ""
    tables = to_html(_table(name, report))
    if not charts:
        return tables
    return f"{charts}<details><summary>All numbers</summary>{tables}</details>"


def _table(name: str, report: Report) -> str:
    return _checked(name, lambda: markdown_of(name)(report))


def markdown_of(name: str) -> Callable[[Report], str]:
    """What turns a section's report into its tables."""
    if name in ("retrieval", "granularity"):
        from c2llm.evaluation.retrieval.retrieval_report import retrieval_markdown

        return retrieval_markdown
    if name == "repos":
        from c2llm.evaluation.repositories.repo_report import repository_markdown

        return repository_markdown
    if name == "functions":
        from c2llm.evaluation.repositories.function_trees import function_markdown

        return function_markdown
    if name == "languages":
        from c2llm.evaluation.retrieval.language_matrix import languages_markdown

        return languages_markdown
    if name == "mteb":
        from c2llm.evaluation.mteb.mteb_report import mteb_markdown

        return mteb_markdown
    from c2llm.evaluation.profiling.profile_report import profile_markdown

    return profile_markdown


def _checked(name: str, make: Callable[[], str]) -> str:
    try:
        return make()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(
            f"The report {name}.json lacks or garbles what is shown ({error!r}); make it again."
        ) from error


def _machine(collected: Collected) -> str:
    profile = collected.get("profile")
    if profile is None:
        return ""
    machine = profile["machine"]
    return f'<p class="soft">{clean(str(machine["processor"]))}, {int(machine["cores"])} cores</p>'


def _cards(collected: Collected) -> str:
    """The best of each section in large digits."""
    cards: list[tuple[str, str]] = []
    repos, retrieval = collected.get("repos"), collected.get("retrieval")
    if repos and repos["runs"]:
        best = max(repos["runs"], key=lambda run: _mean_of(run["chunks"]["ndcg_at_10"]))
        score = _mean_of(best["chunks"]["ndcg_at_10"])
        cards.append((f"{score:.3f}", f"repository search, NDCG@10, {sections.run_name(best)}"))
        cards.append(
            (
                f"{best['milliseconds']['p50']:.0f} ms",
                f"a query, median; p99 {best['milliseconds']['p99']:.0f} ms",
            )
        )
    if retrieval and retrieval.get("mean"):
        name, score = max(retrieval["mean"].items(), key=lambda item: item[1])
        tasks = len(retrieval["tasks"])
        cards.append((f"{score:.3f}", f"mean of {tasks} retrieval tasks, NDCG@10, {name}"))
    languages = collected.get("languages")
    known = [s for s in (languages or {}).get("systems", []) if s["mean"] is not None]
    if known:
        best = max(known, key=lambda system: float(system["mean"]))
        cards.append((f"{best['mean']:.3f}", f"code to code across languages, {best['system']}"))
    return (
        '<div class="cards">'
        + "".join(
            f'<div class="card"><b>{clean(value)}</b><span>{clean(told)}</span></div>'
            for value, told in cards
        )
        + "</div>"
        if cards
        else ""
    )


def _mean_of(score: dict[str, Any]) -> float:
    return float(score["mean"])

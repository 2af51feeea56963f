"""All reports together: one object, and one Markdown text that opens with a summary."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from c2llm.errors import DataError
from c2llm.evaluation.report.collect import Report, Runs
from c2llm.evaluation.tables import markdown_table, number, run_label

FORMAT = 2
Made = TypeVar("Made")
_TITLES = {
    "repos": "Repository search",
    "functions": "Functions without telling names",
    "retrieval": "Retrieval tasks",
    "mteb": "MTEB(Code, v1)",
    "languages": "Across languages",
    "granularity": "Function, class and file, by length",
    "profile": "Latency, throughput and memory",
}


def as_json(runs: Runs, command: str) -> Report:
    """One JSON-ready object: `format`, `command` and `runs` (reports by section, by run)."""
    return {"format": FORMAT, "command": command, "runs": runs}


def as_markdown(runs: Runs, command: str, title: str, remark: str = "") -> str:
    """A summary, the command and a remark, then the tables of every section, run by run.

    Raises:
        DataError: for a report that lacks what its tables show.
    """
    several = len(runs) > 1
    summary = []
    for run, sections in runs.items():
        for name, report in sections.items():
            what = f"{_TITLES[name]} ({run})" if several else _TITLES[name]
            found = _checked(name, partial(means, name), report)
            summary += [[what, system, number(mean)] for system, mean in found]
    parts = [f"# {title}"]
    if summary:
        parts.append(markdown_table(["NDCG@10", "of", "mean"], summary))
    parts.append(f"Made by:\n\n```\n{command.replace('```', '')}\n```")
    if remark:
        parts.append(remark)
    for name, heading in _TITLES.items():
        having = {run: sections[name] for run, sections in runs.items() if name in sections}
        if having:
            parts.append(f"## {heading}")
        for run, report in having.items():
            if several:
                parts.append(f"### {run}")
            text = _checked(name, markdown_of(name), report)
            parts.append(text.strip())
    return "\n\n".join(parts) + "\n"


def means(name: str, report: Report) -> list[tuple[str, float]]:
    """The headline of each system: the mean of a section, in repositories that of its best mode."""
    if name == "repos":
        best: dict[str, Report] = {}
        for run in sorted(report["runs"], key=_score):
            best[run["system"]] = run
        return [(run_label(run), _score(run)) for run in best.values()]
    if name in ("retrieval", "granularity"):
        return list(report["mean"].items())
    if name == "functions":
        return [(run_label(run), run["ndcg_at_10"]) for run in report["mean"]]
    if name == "mteb":
        means = report["mean"]
        return [(name, means[name] / 100) for name in report["systems"] if name in means]
    if name == "languages":
        scores = ((system["system"], system["mean"]) for system in report["systems"])
        return [(system, mean) for system, mean in scores if mean is not None]
    return []


def _score(run: Report) -> float:
    return float(run["chunks"]["ndcg_at_10"]["mean"])


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


def _checked(name: str, make: Callable[[Report], Made], report: Report) -> Made:
    try:
        return make(report)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(
            f"The report {name}.json lacks or garbles what is shown ({error!r}); make it again."
        ) from error

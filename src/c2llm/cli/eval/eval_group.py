"""`c2llm eval`: one subcommand a kind of evaluation, each in its own module."""

from __future__ import annotations

from c2llm.cli.lazy_group import LazyGroup

# subcommand -> (module, one-line help)
command = LazyGroup(
    "eval",
    {
        "all": (
            "c2llm.cli.eval.eval_all",
            "Most of what is below in one resumable run, with a page.",
        ),
        "retrieval": ("c2llm.cli.eval.eval_retrieval", "Models side by side on retrieval tasks."),
        "mteb": ("c2llm.cli.eval.eval_mteb", "MTEB(Code, v1), beside the published scores."),
        "repos": ("c2llm.cli.eval.eval_repos", "Search in whole repositories."),
        "functions": ("c2llm.cli.eval.eval_functions", "Search among functions without names."),
        "fairness": ("c2llm.cli.eval.eval_fairness", "Whose code is found worse, and why."),
        "languages": ("c2llm.cli.eval.eval_languages", "Query language against document language."),
        "granularity": ("c2llm.cli.eval.eval_granularity", "Function, class and file, by length."),
        "compare": ("c2llm.cli.eval.eval_compare", "Where two runs differ, query by query."),
        "report": ("c2llm.cli.eval.eval_report", "Runs as tables and as one page with charts."),
    },
    help="Measure retrieval quality.",
)

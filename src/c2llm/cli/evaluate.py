"""`c2llm eval`: one subcommand a kind of evaluation, each in its own module."""

from __future__ import annotations

from c2llm.cli.lazy_group import LazyGroup

# subcommand -> (module, one-line help)
command = LazyGroup(
    "eval",
    {
        "retrieval": ("c2llm.cli.evaluate_retrieval", "Models side by side on retrieval tasks."),
        "mteb": ("c2llm.cli.evaluate_mteb", "MTEB(Code, v1), beside the published scores."),
        "repos": ("c2llm.cli.evaluate_repos", "Search in whole repositories."),
    },
    help="Measure retrieval quality.",
)

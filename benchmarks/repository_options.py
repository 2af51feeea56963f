"""The options of benchmarks over the repositories of `c2llm eval repos`, and their trees."""

from __future__ import annotations

import argparse
from pathlib import Path

from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.evaluation.repositories.repo_benchmark import find_trees
from c2llm.evaluation.repositories.repo_questions import Repository, load_benchmark
from c2llm.evaluation.repositories.repo_trees import Tree


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which repositories, and where what is made of them is kept."""
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--repos", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="of `c2llm eval repos`")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--only", nargs="*", default=[], help="names of repositories")


def chosen(options: argparse.Namespace) -> list[tuple[Repository, Tree]]:
    """The repositories that the options ask for, with their trees."""
    repositories = load_benchmark(options.annotations, None, options.only)
    trees, _ = find_trees(repositories, options.repos, options.home / "trees")
    return trees


def read_options(doc: str | None) -> tuple[argparse.Namespace, list[tuple[Repository, Tree]]]:
    """What the command line asks for (`home`, `model`), and the repositories with their trees."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    options = parser.parse_args()
    return options, chosen(options)

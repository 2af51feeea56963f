"""The entry point: a lazy group of verbs, so that `c2llm --help` imports none of them."""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress

import click

from c2llm import __version__
from c2llm.cli import streams
from c2llm.cli.lazy_group import LazyGroup
from c2llm.cli.output import note
from c2llm.errors import C2LLMError
from c2llm.home import settle

# verb -> (module, one-line help); each module has a click command named `command`.
VERBS: dict[str, tuple[str, str]] = {
    "search": ("c2llm.cli.search", "Ask a repository a question."),
    "watch": ("c2llm.cli.watch", "Keep the index of a repository fresh while you work."),
    "index": ("c2llm.cli.index", "Build or refresh the index of a repository."),
    "status": ("c2llm.cli.status", "Tell what is indexed, what is stale, what was skipped."),
    "similar": ("c2llm.cli.similar", "Find code like a place in a file, or like pasted code."),
    "serve": ("c2llm.cli.serving.serve", "Serve search and embeddings over HTTP, and a page."),
    "clones": ("c2llm.cli.clones.command", "Find code that is written more than once."),
    "patterns": ("c2llm.cli.patterns.command", "Find code that is like what once caused harm."),
    "records": ("c2llm.cli.records.command", "Join results of runs to code, to find it by them."),
    "drift": ("c2llm.cli.drift.command", "Tell what differs in meaning between two versions."),
    "keys": ("c2llm.cli.serving.keys", "Make, list and revoke the keys of a server."),
    "mcp": ("c2llm.cli.mcp", "Serve coding agents by the Model Context Protocol."),
    "catalog": ("c2llm.cli.catalog.command", "Put many repositories under one name."),
    "clear": ("c2llm.cli.clear", "Remove the index of a repository."),
    "embed": ("c2llm.cli.embed", "Turn lines or files into vectors."),
    "models": ("c2llm.cli.models", "List the models at hand."),
    "mine": ("c2llm.cli.training.mine", "Mine training pairs from code."),
    "adapt": ("c2llm.cli.training.adapt", "Adapt a model to your repositories."),
    "train": ("c2llm.cli.training.train", "Train a model from a recipe."),
    "merge": ("c2llm.cli.training.merge", "Average the weights of trained models."),
    "export": ("c2llm.cli.training.export", "Export a trained model to ONNX."),
    "install": ("c2llm.cli.install.command", "Enter the MCP server into an agent or editor."),
    "completion": ("c2llm.cli.completion", "Teach your shell to complete this command."),
    "eval": ("c2llm.cli.eval.eval_group", "Measure retrieval quality."),
    "profile": ("c2llm.cli.profile", "Measure latency, throughput and memory of models."),
}


ALIASES = {"workspace": "catalog"}
"""Verbs of older versions, and what they are now."""


@click.group(cls=LazyGroup, verbs=VERBS, aliases=ALIASES)
@click.version_option(__version__, prog_name="c2llm")
@click.pass_context
def cli(context: click.Context) -> None:
    """Semantic code search and code embeddings, on this machine.

    \b
    Start here:  c2llm search "where are retries backed off"
    """
    if context.invoked_subcommand != "completion":
        from c2llm.cli.config import take

        take(context)


def main(argv: list[str] | None = None) -> None:
    """Run the command line: exit 0 when done, 1 on failure, 2 on wrong use; never a traceback."""
    streams.prepare()
    try:
        settle()
        code = cli.main(args=argv, prog_name="c2llm", standalone_mode=False)
        sys.stdout.flush()
    except streams.ReaderGone:  # head or less has seen enough
        streams.abandon_output()
        sys.exit(0)
    except streams.OutputError as error:
        streams.abandon_output()
        _exit(f"Error: {error}", error.exit_code)
    except C2LLMError as error:
        _exit(f"Error: {error}", error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _exit("Interrupted; finished work is kept, the same command goes on from here.", 130)
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        for line in told.getvalue().splitlines():
            note(line)
        sys.exit(error.exit_code)
    except Exception as error:
        _exit(f"Error: {_told(error)}", 1)
    if (
        isinstance(code, int) and code
    ):  # a verb has left with it; 3 where `--fail-on` found something
        sys.exit(code)


def run() -> None:
    """The installed command: `main`, then leave at once.

    All files are closed by then; tearing down numpy and onnxruntime would only cost time.
    """
    # Python looks for cycles at every 700 new objects, a fourteenth of a search's time: imports and
    # rows of a table make tens of thousands that stay, and no cycles.
    gc.set_threshold(50_000)
    code: object = 0
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the reader may be gone
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _told(error: Exception) -> str:
    try:
        from c2llm.failure import sentence

        return sentence(error)
    except Exception:  # as when there is no memory to tell it with
        return f"This should not have happened ({type(error).__name__})."


def _exit(message: str, code: int) -> None:
    with suppress(OSError):
        note(message)
        sys.stderr.flush()
    sys.exit(code)

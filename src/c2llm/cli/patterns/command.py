"""`c2llm patterns`: a search by default, and verbs for the library beside it."""

from __future__ import annotations

import click

from c2llm.cli.lazy_group import LazyGroup

VERBS: dict[str, tuple[str, str]] = {
    "search": ("c2llm.cli.patterns.search", "Look for patterns in a tree (when no verb is given)."),
    "list": ("c2llm.cli.patterns.list", "List the patterns that are looked for."),
    "show": ("c2llm.cli.patterns.show", "Show a pattern with its examples and advice."),
    "add": ("c2llm.cli.patterns.add", "Make a pattern from code, and see what else it finds."),
    "check": ("c2llm.cli.patterns.check", "Hold the patterns against their own examples."),
}


class _Patterns(LazyGroup):
    """`c2llm patterns PATH` is `c2llm patterns search PATH`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command; whatever is no verb is a path or an option of the search."""
        return super().get_command(ctx, cmd_name if cmd_name in self._verbs else "search")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        helps = {"-h", "--help"}
        if not args or (args[0] not in self._verbs and args[0] not in helps):
            args = ["search", *args]
        return super().parse_args(ctx, args)


@click.group("patterns", cls=_Patterns, verbs=VERBS)
def command() -> None:
    """Find code that is like what once caused harm.

    Without a verb it looks in PATH, by default this directory, as `c2llm patterns search` does,
    whose --help lists the options. A folder that is named like a verb is given as ./NAME.
    """

"""A group of verbs that imports a verb's module only when that verb runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """Verbs by name, without importing them: `c2llm --help` stays fast.

    Args:
        name: of the group.
        verbs: verb -> (module, one-line help), in the order of use; each module has a click command
            named `command`.
        aliases: further names of verbs, which are not listed.
        attributes: as for a click group.
    """

    def __init__(
        self,
        name: str | None,
        verbs: Mapping[str, tuple[str, str]],
        aliases: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        attributes.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(name, **attributes)
        self._verbs = verbs
        self._aliases = aliases or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of use."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, imported now."""
        cmd_name = self._aliases.get(cmd_name, cmd_name)
        if cmd_name not in self._verbs:
            return None
        command = import_module(self._verbs[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell may complete: options where one begins, else verbs."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(verb, help=text)
            for verb, (_, text) in self._verbs.items()
            if verb.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in self._verbs.items()])

"""`c2llm completion`: what makes a shell complete verbs, options and paths."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from c2llm.cli.output import print_text

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Put one of these into the file that your shell reads at its start:
  eval "$(c2llm completion bash)"       ~/.bashrc
  eval "$(c2llm completion zsh)"        ~/.zshrc
  c2llm completion fish | source        ~/.config/fish/config.fish
"""


@click.command("completion", epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes SHELL complete the verbs and options of c2llm."""
    from c2llm.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    print_text(kind(cli, {}, "c2llm", "_C2LLM_COMPLETE").source() + "\n")

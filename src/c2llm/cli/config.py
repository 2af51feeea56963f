"""How the verbs take what the user has set, and `c2llm status --config`, which shows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import click

from c2llm.user_config import VARIABLES, UserConfig

if TYPE_CHECKING:
    from c2llm.search.answer import SearchAnswer

_OPTIONS = {"model": "model", "exclude": "exclude", "max_file_size": "max_file_bytes"}
"""The settings that are options too, by the names of their parameters."""
_VERBS = {
    "search": ("model", "exclude", "max_file_size"),
    "similar": ("model", "exclude", "max_file_size"),
    "index": ("model", "max_file_size"),
    "watch": ("model", "max_file_size"),
    "status": ("model",),
    "embed": ("model",),
    "serve": ("model",),
}


def take(context: click.Context) -> None:
    """Make the user's settings the defaults of the verbs' options.

    Raises:
        UsageError: the file is wrong.
    """
    config = UserConfig.load(os.environ)
    context.obj = config
    context.default_map = defaults_of(config)
    for variable, value in config.variables().items():
        os.environ[variable] = value
        context.call_on_close(partial(os.environ.pop, variable, None))


def defaults_of(config: UserConfig) -> dict[str, dict[str, Any]]:
    """For each verb the defaults of its options."""
    found: dict[str, dict[str, Any]] = {
        verb: {
            _OPTIONS[name]: value for name in names if (value := getattr(config, name)) is not None
        }
        for verb, names in _VERBS.items()
    }
    found["serve"] |= config.serve
    return found


def without_notes_of_config(answer: SearchAnswer) -> SearchAnswer:
    """An answer without notes on excludes of the configuration, which is for all repositories."""
    from c2llm.search.query.filters import unmet_glob

    source = click.get_current_context().get_parameter_source("exclude")
    if source is not click.core.ParameterSource.DEFAULT_MAP:
        return answer
    known = {unmet_glob("exclude", glob) for glob in answer.request.exclude}
    return replace(answer, notes=tuple(one for one in answer.notes if one not in known))


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--config`: show what the user has set instead of what the verb does."""

    @wraps(command)
    def shown(*arguments: Any, config: bool, **options: Any) -> Any:
        if not config:
            return command(*arguments, **options)
        _show(click.get_current_context().find_object(UserConfig), as_json=options["as_json"])
        return None

    help_text = "Show what your configuration sets, and where each value is from."
    return click.option("--config", is_flag=True, help=help_text)(shown)


def _show(config: UserConfig | None, *, as_json: bool) -> None:
    from c2llm.cli.output import print_json, print_text
    from c2llm.serve_config import variable_of

    config = config or UserConfig.load(os.environ)
    there = config.file is not None and config.file.exists()
    if as_json:
        settings: Mapping[str, object] = {
            name: {
                "value": getattr(config, name),
                "from": config.origins.get(name, "default"),
                "variable": variable,
            }
            for name, variable in VARIABLES.items()
        }
        of_server = {
            name: {
                "value": value,
                "from": config.serve_origins[name],
                "variable": variable_of(name),
            }
            for name, value in config.serve.items()
        }
        where = {"file": str(config.file), "exists": there}
        print_json({**where, "settings": settings, "serve": of_server})
        return
    lines = [f"file             {config.file}{'' if there else ' (there is none)'}"]
    for name, variable in VARIABLES.items():
        value, origin = getattr(config, name), config.origins.get(name, "default")
        told = ", ".join(value) if isinstance(value, tuple) else str(value)
        told = told.lower() if isinstance(value, bool) else told
        source = {"default": "", "file": "  (file)", "environment": f"  ({variable})"}[origin]
        lines.append(f"{name:<16} {'(not set)' if value is None else told}{source}")
    for name, value in config.serve.items():
        told = ", ".join(value) if isinstance(value, tuple) else str(value)
        source = "file" if config.serve_origins[name] == "file" else variable_of(name)
        lines.append(f"{'serve.' + name:<16} {told}  ({source})")
    print_text("\n".join(lines) + "\n")

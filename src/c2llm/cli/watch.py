"""`c2llm watch`: keep an index fresh while you work."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, print_line, progress_bar
from c2llm.encoding.model_folder import DEFAULT_MODEL

if TYPE_CHECKING:
    from c2llm.index.build.watching import Refreshed

_MOST_NAMES = 5

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm watch
  c2llm watch ~/src/project --json | jq .changed
  c2llm watch /mnt/share/project --poll
"""


@click.command("watch", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
)
@click.option(
    "--debounce",
    type=click.IntRange(10, 60_000),
    default=300,
    show_default=True,
    metavar="MS",
    help="Changes that follow each other within this time are one.",
)
@click.option("--poll", is_flag=True, help="Look again and again, for disks that tell nothing.")
@click.option(
    "--background/--no-background",
    default=True,
    show_default=True,
    help="Embed what is new with the large model at low priority.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each refresh.")
@device_options()
def command(
    path: str, model: str, debounce: int, poll: bool, background: bool, as_json: bool
) -> None:
    """Keep the index of a repository fresh until Ctrl-C.

    PATH is a directory, by default this one. Every search looks for changes by itself; with a
    watch it finds them done, which is worth it for large trees and for whoever asks often. What
    changed is printed as it is indexed.
    """
    from threading import Event

    from c2llm.index.build.watching import watch
    from c2llm.search import background_embedding
    from c2llm.search.code_index import CodeIndex

    stop = Event()
    refreshes = 0
    with CodeIndex.open(
        path, model, embed="candidates", preload=False, progress_bar=progress_bar, note=note
    ) as index:
        for name in (signal.SIGINT, signal.SIGTERM):  # a refresh in progress is finished
            signal.signal(name, lambda number, frame: stop.set())
        for refreshed in watch(index, stop, debounce_ms=debounce, poll=poll):
            if refreshed is None:
                counts = index.counts()
                note(f"Watching {index.root} ({counts.files} files); Ctrl-C ends it.")
            else:
                refreshes += 1
                if as_json:
                    print_json(_payload(refreshed))
                else:
                    print_line(_line(refreshed))
                sys.stdout.flush()
            if background:
                background_embedding.start(index)
            if stop.is_set():
                break
    note(f"Watched until now; {refreshes} refreshes.")


def _payload(refreshed: Refreshed) -> dict[str, object]:
    return {
        "changed": list(refreshed.changed),
        "removed": list(refreshed.removed),
        "took_ms": round(refreshed.seconds * 1000, 1),
    }


def _line(refreshed: Refreshed) -> str:
    names = [*refreshed.changed, *(f"{path} (removed)" for path in refreshed.removed)]
    shown = ", ".join(names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{time.strftime('%H:%M:%S')}  {shown}{more}  ({refreshed.seconds:.2f} s)"

"""The installed command: a search that a running server answers, else the whole command line."""

from __future__ import annotations

import os
import sys


def run() -> None:
    """Run the command and leave at once."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["search"]:
        from c2llm.cli.serving.warm_client import answered

        code = answered(arguments)
        if code is not None:
            os._exit(code)
    from c2llm.cli.main import run as run_here

    run_here()

"""`c2llm catalog`: many repositories under one name."""

from __future__ import annotations

from c2llm.cli.lazy_group import LazyGroup

_EXAMPLES = """\b
Examples:
  c2llm catalog add work ~/src/api ~/src/web               as they are on disk
  c2llm catalog add org --folder ~/mirror                  every clone in a folder
  gh repo list acme --limit 1000 --json nameWithOwner,url | c2llm catalog add org --from -
  c2llm catalog refresh org
  c2llm search "where are tokens refreshed" @org
  c2llm catalog show org

\b
A directory that is named by itself is live: it is searched as it is on disk, with uncommitted
changes, and is refreshed by every search. Everything else is kept: the catalog has the last
commit, as of the last refresh. Equal files are kept once, whichever repositories have them.
"""

# subcommand -> (module, one-line help)
command = LazyGroup(
    "catalog",
    {
        "add": ("c2llm.cli.catalog.add", "Add directories, URLs, a folder of clones, or a list."),
        "refresh": ("c2llm.cli.catalog.refresh", "Fetch, and read what has changed."),
        "index": ("c2llm.cli.catalog.index", "Refresh, and make all vectors of the model."),
        "show": ("c2llm.cli.catalog.show", "List the repositories and how fresh they are."),
        "list": ("c2llm.cli.catalog.list", "List the catalogs."),
        "remove": ("c2llm.cli.catalog.remove", "Take repositories out, or remove a catalog."),
        "clear": ("c2llm.cli.catalog.clear", "Remove what is kept; the list stays."),
    },
    help="Put many repositories under one name, and search them as @NAME.",
    epilog=_EXAMPLES,
)

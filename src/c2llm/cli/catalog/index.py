"""`c2llm catalog index`: refresh, and make all vectors of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.catalog.refresh import refreshed, report_json, table_model, tell
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, print_line, progress_bar
from c2llm.encoding.model_folder import DEFAULT_MODEL

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.catalog.embedding import GroupEncoder
    from c2llm.index.catalog.refresh import CatalogReport


# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm catalog index org
  c2llm catalog index org --on ray                    Ray, on this machine alone
  c2llm catalog index org --on ray://head:6379 --device auto
"""


@click.command("index", epilog=_EXAMPLES)
@click.argument("name")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
)
@click.option(
    "--on",
    "where",
    metavar="CLUSTER",
    help="Work on a Ray cluster: ray (this machine), ray://auto, or ray://HOST:PORT of its head.",
)
@device_options()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def command(
    context: click.Context, name: str, model: str, where: str | None, as_json: bool
) -> None:
    """Refresh the catalog NAME, and make all vectors of the model for what it keeps.

    Live directories get all vectors in their own indexes. A search needs none of this: it embeds
    the candidates of its question. With all vectors made it finds what words and the small table
    model do not, and answers sooner. A text is embedded once, whichever repositories have it.
    Interrupted, the same command goes on where it stopped.

    With --on the nodes of a cluster cut and embed, and this machine writes the store. The nodes
    have the same c2llm with its extra `ray`, and the disks of C2LLM_HOME and of repositories that
    are directories; what a node does not find there, this machine reads itself. With --device auto
    vectors are made on the GPUs that the cluster has.
    """
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.catalog.catalogs import catalog_named
    from c2llm.index.store.catalog.opening import open_catalog_store

    handle = EncoderHandle(model)
    handle.check()
    catalog = catalog_named(name)  # that there is none is told before a cluster begins
    report, embedded = _here(name, handle) if where is None else _on_ray(name, handle, where)
    store = open_catalog_store(catalog.folder, catalog.store)
    try:
        counts = store.chunk_count(), store.embedded(handle.model)
    finally:
        store.close()
    live = [_completed(entry.path, model) for entry in catalog.live]
    if as_json:
        print_json(
            {
                "catalog": name,
                **report_json(report),
                "model": handle.model,
                "new_vectors": embedded,
                "chunks": counts[0],
                "embedded": counts[1],
                "live": live,
            }
        )
    else:
        tell(name, report)
        print_line(f"{counts[1]} of {counts[0]} chunks have vectors of {handle.model}.")
        for one in live:
            told = one["error"] or f"{one['embedded']} of {one['chunks']} chunks"
            print_line(f"{one['root']}: {told}")
    if report.away:
        context.exit(1)


def _here(name: str, handle: EncoderHandle) -> tuple[CatalogReport, int]:
    """By the processes of this machine."""
    return refreshed(name), _embedded(name, handle, None)


def _on_ray(name: str, handle: EncoderHandle, where: str) -> tuple[CatalogReport, int]:
    """By a Ray cluster."""
    from c2llm.index.catalog.on_ray.cluster import ClusterAddress, connected
    from c2llm.index.catalog.on_ray.ray_runner import RayEncoder, RayRunner

    with connected(ClusterAddress.parse(where)) as cpus:
        table = table_model()
        report = refreshed(name, table=table, runner=RayRunner(cpus, table, note))
        return report, _embedded(name, handle, RayEncoder(cpus, handle))


def _embedded(name: str, handle: EncoderHandle, encoder: GroupEncoder | None) -> int:
    """Make what vectors of the model a catalog lacks, and say how many those were."""
    from c2llm.index.catalog.catalogs import catalog_named
    from c2llm.index.catalog.embedding import embed_catalog
    from c2llm.index.store.catalog.opening import open_catalog_store

    catalog = catalog_named(name)
    store = open_catalog_store(catalog.folder, catalog.store)
    try:
        return embed_catalog(store, handle, progress_bar, encoder=encoder, note=note)
    finally:
        store.close()


def _completed(root: str, model: str) -> dict[str, Any]:
    """All vectors for a live directory; what goes wrong with it does not keep the others."""
    from c2llm.errors import C2LLMError
    from c2llm.search.code_index import CodeIndex

    try:
        with CodeIndex.open(
            root, model, embed="candidates", preload=False, progress_bar=progress_bar, note=note
        ) as index:
            index.complete()
            index.build_graphs()
            counts = index.counts()
    except C2LLMError as error:
        return {"root": root, "chunks": 0, "embedded": 0, "error": str(error)}
    return {"root": root, "chunks": counts.chunks, "embedded": counts.embedded, "error": None}

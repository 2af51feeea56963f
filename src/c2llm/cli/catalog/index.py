"""`c2llm catalog index`: refresh, and make all vectors of the model."""

from __future__ import annotations

import click

from c2llm.cli.catalog.refresh import refreshed, report_json, tell
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, print_line, progress_bar
from c2llm.encoding.model_folder import DEFAULT_MODEL


@click.command("index")
@click.argument("name")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
)
@device_options()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def command(context: click.Context, name: str, model: str, as_json: bool) -> None:
    """Refresh the catalog NAME, and make all vectors of the model for what it keeps.

    A search needs none of this: it embeds the candidates of its question. With all vectors made it
    finds what words and the small table model do not, and answers sooner. A text is embedded once,
    whichever repositories have it. Interrupted, the same command goes on where it stopped.
    """
    from c2llm.encoding.encoder_handle import EncoderHandle
    from c2llm.index.catalog.catalogs import catalog_named
    from c2llm.index.catalog.embedding import embed_catalog
    from c2llm.index.store.catalog.opening import open_catalog_store

    handle = EncoderHandle(model)
    handle.check()
    report = refreshed(name)
    catalog = catalog_named(name)
    store = open_catalog_store(catalog.folder, catalog.store)
    try:
        embedded = embed_catalog(store, handle, progress_bar, note=note)
        counts = store.chunk_count(), store.embedded(handle.model)
    finally:
        store.close()
    if as_json:
        print_json(
            {
                "catalog": name,
                **report_json(report),
                "model": handle.model,
                "new_vectors": embedded,
                "chunks": counts[0],
                "embedded": counts[1],
            }
        )
    else:
        tell(name, report)
        print_line(f"{counts[1]} of {counts[0]} chunks have vectors of {handle.model}.")
    if report.away:
        context.exit(1)

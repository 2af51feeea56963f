"""`/info` and `/docs`: what this server is, for programs and for who writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from c2llm import __version__
from c2llm.serving.http.access import asker, visible
from c2llm.serving.http.inference.models import embedding_facts
from c2llm.serving.http.search_routes import MOST_HITS
from c2llm.serving.http.service import Service, service_of
from c2llm.serving.kept import VisibleRepositories
from c2llm.serving.tenants import Tenant

router = APIRouter(tags=["operations"])

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font-family:ui-monospace,monospace}td,th{text-align:left;vertical-align:top;"
    "padding:.2rem 1rem .2rem 0}:root{color-scheme:light dark}h2{margin-top:2.5rem}"
)


@router.get("/info")
async def info(
    service: Annotated[Service, Depends(service_of)],
    tenant: Annotated[Tenant, Depends(asker)],
    there: Annotated[VisibleRepositories, Depends(visible)],
) -> dict[str, Any]:
    """What this server is and what you may."""
    return {
        "name": "c2llm",
        "version": __version__,
        "model": service.settings.model,
        "keys": service.tenants.required,
        "you": {
            "name": tenant.name,
            "repositories": len(there),
            "manages": tenant.manages,
            "rate": None if tenant.rate is None else str(tenant.rate),
        },
        "most_hits": MOST_HITS,
        "embeddings": embedding_facts(service),
    }


@router.get("/docs", include_in_schema=False, response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """The routes as a page that loads nothing from elsewhere."""
    page = "\n".join(_page(request.app.openapi()))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def _page(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "<!doctype html><html lang=en><meta charset=utf-8><title>c2llm: routes</title>"
    yield '<meta name=viewport content="width=device-width"><style>' + _STYLE + "</style>"
    yield "<h1>Routes</h1><p>As a schema: <a href=/openapi.json>/openapi.json</a></p>"
    known = schema.get("components", {}).get("schemas", {})
    for path, methods in schema["paths"].items():
        for method, route in methods.items():
            yield f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
            yield f"<p>{escape(route.get('description') or route.get('summary', ''))}</p>"
            rows = list(_fields(route, known))
            if rows:
                yield "<table><tr><th>field<th>type<th></tr>"
                yield from rows
                yield "</table>"


def _fields(route: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    """A row for each parameter, and for each field of the body."""
    for one in route.get("parameters", ()):
        yield _row(one["name"], one.get("schema", {}), one.get("description", ""))
    for content in route.get("requestBody", {}).get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        for field, schema in known.get(name, {}).get("properties", {}).items():
            yield _row(field, schema, schema.get("description", ""))


def _row(name: str, schema: Mapping[str, Any], description: str) -> str:
    kinds = [schema, *schema.get("anyOf", ())]
    told = [str(one.get("enum") or one.get("type") or "") for one in kinds]
    kind = ", ".join(one for one in told if one and one != "null")
    cells = (f"<code>{escape(name)}</code>", escape(kind), escape(description))
    return "<tr><td>" + "<td>".join(cells) + "</tr>"

"""The application: every route of the server, each group in a file of its own."""

from __future__ import annotations

from fastapi import FastAPI

from c2llm import __version__
from c2llm.serving.http.errors import add_error_handlers
from c2llm.serving.http.service import Service


def create_app(service: Service) -> FastAPI:
    """An application that answers for a service."""
    app = FastAPI(title="c2llm", version=__version__)
    app.state.service = service
    add_error_handlers(app)
    return app

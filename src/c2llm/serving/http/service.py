"""What the routes of the server share: its settings and what answers requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fastapi import Request

from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.home import home_folder
from c2llm.serving.http.metrics import Metrics
from c2llm.serving.http.workers import Workers
from c2llm.serving.inference.embedder import Embedder
from c2llm.serving.inference.model import ServedModel
from c2llm.serving.inference.settings import InferenceSettings
from c2llm.serving.open_catalogs import OpenCatalogs
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.serving.repositories import Repositories
from c2llm.serving.tenants import Tenants


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How a server was started."""

    model: str = DEFAULT_MODEL
    """Name or folder of the model that embeds and searches."""
    roots: tuple[Path, ...] = ()
    """Directories below which repositories may be."""
    device: str = "cpu"
    """Where the model runs: `cpu`, or a device of torch."""
    inference: InferenceSettings = field(default_factory=InferenceSettings)


@dataclass(slots=True)
class Service:
    """One running server; routes find it at `request.app.state.service`.

    Raises:
        UsageError: There is no such model.
        ModelError: Its folder is incomplete or damaged.
    """

    settings: ServeSettings
    indexes: OpenIndexes = field(default_factory=OpenIndexes)
    repositories: Repositories = field(default_factory=Repositories)
    catalogs: OpenCatalogs = field(default_factory=OpenCatalogs)
    tenants: Tenants = field(default_factory=Tenants)
    workers: Workers = field(default_factory=Workers)
    """Who searches."""
    metrics: Metrics = field(default_factory=Metrics)
    model: ServedModel = field(init=False)
    embedder: Embedder = field(init=False)

    def __post_init__(self) -> None:
        self.model = ServedModel.found(self.settings.model, self.settings.device)
        self.embedder = Embedder(
            self.model.load,
            self.settings.inference,
            self.metrics,
            home_folder() / "served-vectors.sqlite",
        )
        self.metrics.watch(self.embedder)


def service_of(request: Request) -> Service:
    """The server that a request came to; a dependency of routes."""
    service: Service = request.app.state.service
    return service

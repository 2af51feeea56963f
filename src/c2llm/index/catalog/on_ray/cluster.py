"""The Ray cluster that does the work: found or begun, without telemetry, and let go of at the end.

Ray sends Python objects between its processes: who may reach a cluster may run what he likes on it.
Connect to none that others than you and your colleagues can reach.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from c2llm.errors import C2LLMError, UsageError

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    # A busy machine starts slowly; Ray gives up after 30 seconds.
    "RAY_raylet_start_wait_time_s": "120",
}


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Which cluster is meant."""

    address: str | None
    """As `ray.init` takes it; None is a cluster of this machine alone, begun for the work."""

    @classmethod
    def parse(cls, text: str) -> ClusterAddress:
        """An address from `ray` (this machine), `ray://auto` or `ray://HOST:PORT`.

        Raises:
            UsageError: It is none.
        """
        refused = UsageError(
            f"{text!r} names no cluster; write ray for this machine, ray://auto for the cluster "
            "that this machine is a node of, or ray://HOST:PORT with the port of its head (6379)."
        )
        if text == "ray":
            return cls(None)
        if text == "ray://auto":
            return cls("auto")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise refused from None
        extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
        if parts.scheme != "ray" or not host or port is None or extra:
            raise refused
        return cls(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


@contextmanager
def connected(where: ClusterAddress) -> Iterator[int]:
    """A cluster for as long as the block lasts; gives the number of its processors.

    One that was begun for the work ends with it, one that was there stays.

    Raises:
        C2LLMError: Ray is not installed, or the cluster cannot be reached or begun.
    """
    os.environ.update({name: os.environ.get(name, value) for name, value in _QUIET.items()})
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    warnings.filterwarnings("ignore", module=r"ray\..*|c2llm\.index\.catalog\.on_ray\..*")
    try:
        import ray
        import ray.data
    except ImportError:
        raise C2LLMError(
            "Ray is not installed here; install it with: pip install 'c2llm[ray]'"
        ) from None
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(
                address=where.address or "local",
                configure_logging=False,
                log_to_driver=False,
                **({} if where.address else {"include_dashboard": False}),
            )
        except Exception as error:  # Ray has no common ancestor of what goes wrong here
            raise _unreachable(where, error) from error
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.execution_options.preserve_order = False
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        if ours:
            with suppress(Exception):
                ray.shutdown()


def _unreachable(where: ClusterAddress, error: Exception) -> C2LLMError:
    first = str(error).strip().split("\n", 1)[0][:200]
    if where.address is None:
        return C2LLMError(f"Ray cannot be started on this machine ({first}).")
    return C2LLMError(
        f"There is no Ray cluster at {where.address} ({first}); begin one with: ray start --head"
    )

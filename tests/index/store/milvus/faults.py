"""A server that answers every request of Milvus with a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def refusing_server(refuse: Callable[[Any], None]) -> tuple[Any, int]:
    """A server of gRPC that answers each request of Milvus by calling `refuse` with its context.

    Returns:
        The server, which the caller stops, and its port.
    """
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, call: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda _request, context: refuse(context))

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port

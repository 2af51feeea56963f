"""What C2LLM-0.5B costs on a CPU beside other ways to run it, and what 7B costs, counted.

    python benchmarks/serving_models.py counted
    python benchmarks/serving_models.py make FOLDER      # the true shape, random weights, 1 GB
    c2llm export FOLDER --out FOLDER-int8 --int8         # and so on, for --graph
    python benchmarks/serving_models.py run FOLDER --graph FOLDER-int8 [--only ours,published]
    python benchmarks/serving_models.py alternate FOLDER --only "ours float32,st float32"

`run` embeds the same texts with each system in a process of its own, one thread, and gives tokens
a second of processor time, which other work on the machine changes less than the clock's, their
ratio to ours in float32, and the peak of resident memory. Weights are random: they cost what
trained ones cost.

`alternate` holds all that `--only` names in one process and lets them take turns, so that other
work meets each alike; what it gives is the median of each round's ratio to the first. Four layers
(`make FOLDER --layers 4`) are enough to tell two ways to run the same network apart.

ours         Encoder: the inner model alone, in torch
graph        Encoder: an export of `c2llm export`, in onnxruntime
published    Qwen2ForCausalLM asked for all hidden states, logits computed, PMA on the last: what
             loading the checkpoint as the causal model that it stores comes to
st           sentence-transformers on the same folder; int8 is torch's dynamic quantisation
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

SYSTEMS = (
    *("ours float32", "published float32", "st float32"),
    *("ours bfloat16", "published bfloat16", "st bfloat16", "st int8"),
)
REFERENCE = SYSTEMS[0]
GIB = 1 << 30


def counted() -> None:
    """Parameters, bytes and operations of both published shapes, from their sizes alone."""
    from c2llm.evaluation.profiling.counts import count, layer_weights
    from c2llm.evaluation.profiling.shape import NAMED

    batch, length = 32, 1024
    tokens = batch * length
    rows: dict[str, list[str]] = {}
    for shape in NAMED.values():
        costs = count(shape, batch, length, bytes_per_number=2)
        products = shape.layers * layer_weights(shape)
        table = shape.vocabulary * shape.hidden
        for name, value in {
            "parameters": f"{costs.parameters:,}",
            "GB in float32": f"{4 * costs.parameters / 1e9:.1f}",
            "GB in bfloat16": f"{2 * costs.parameters / 1e9:.1f}",
            "GB as an int8 graph": f"{(products + table) / 1e9:.1f}",
            "GB as an int4 graph": f"{(0.625 * products + table) / 1e9:.1f}",
            "GFLOP a token": f"{costs.flops / tokens / 1e9:.2f}",
            "GFLOP a token for logits that nobody reads": f"{2 * table / 1e9:.2f}",
            "GB of activations at their peak": f"{costs.peak_activation_bytes / 1e9:.2f}",
            "GB of logits that nobody reads": f"{2 * tokens * shape.vocabulary / 1e9:.1f}",
        }.items():
            rows.setdefault(name, []).append(value)
    print(f"{batch} texts of {length:,} tokens, bfloat16\n")
    print(f"| | {' | '.join(shape.name for shape in NAMED.values())} |\n|---|---:|---:|")
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(values)} |")


def make(folder: Path, layers: int | None) -> None:
    """Write the shape of 0.5B with random weights in bfloat16 and a tokenizer of bytes."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    from c2llm.evaluation.profiling.shape import NAMED
    from c2llm.modeling.config import C2LLMConfig
    from c2llm.modeling.model import C2LLMModel
    from c2llm.modeling.torch_folder import save_folder

    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    config = {**NAMED["0.5b"].config(), "max_tokens": 2048}
    if layers is not None:
        config["backbone"]["num_hidden_layers"] = layers
    model = C2LLMModel(C2LLMConfig(**config))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    save_folder(model, tokenizer, folder)


def system(name: str, folder: Path) -> Callable[[list[str]], Any]:
    """What embeds texts in the way of that name."""
    kind, _, numbers = name.partition(" ")
    if kind in ("ours", "graph"):
        from c2llm.encoding.encoder import Encoder

        where = Path(numbers) if kind == "graph" else folder
        dtype = None if kind == "graph" else numbers
        return Encoder.load(where, threads=1, dtype=dtype, tried=True).encode_documents
    if kind == "st":
        return _sentence_transformer(folder, numbers)
    return _published(folder, numbers)


def _sentence_transformer(folder: Path, numbers: str) -> Callable[[list[str]], Any]:
    import torch
    from sentence_transformers import SentenceTransformer

    import c2llm  # noqa: F401

    dtype = torch.bfloat16 if numbers == "bfloat16" else torch.float32
    model = SentenceTransformer(
        str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": dtype}
    )
    if numbers == "int8":
        backbone = model.transformers_model.backbone  # the pooling reads its weights itself
        torch.ao.quantization.quantize_dynamic(backbone, {torch.nn.Linear}, inplace=True)
    return lambda texts: model.encode_document(texts, convert_to_tensor=True)


def _published(folder: Path, numbers: str) -> Callable[[list[str]], Any]:
    import torch
    from transformers import AutoTokenizer, Qwen2ForCausalLM

    from c2llm.modeling.config import read_model_config
    from c2llm.modeling.model import build_pooling

    torch.set_default_dtype(getattr(torch, numbers))
    config = read_model_config(folder)
    config.backbone.tie_word_embeddings = True
    causal, pooling = Qwen2ForCausalLM(config.backbone).eval(), build_pooling(config).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def embed(texts: list[str]) -> Any:
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            output = causal(**batch, output_hidden_states=True, use_cache=False)
            return pooling(output.hidden_states[-1], batch["attention_mask"]).flatten(1)

    return embed


def made_texts(options: argparse.Namespace) -> list[str]:
    """Texts of as many tokens as bytes, none of which is another."""
    line = "def read(path): return open(path).read()  # all of it\n"
    return [(line * 200)[shift : shift + options.tokens] for shift in range(options.batch)]


def alternate(options: argparse.Namespace) -> None:
    """Let systems in this process take turns and print their processor time as ratios."""
    import torch

    torch.set_num_threads(1)
    texts = made_texts(options)
    ways = {name: system(name, options.folder) for name in options.only.split(",")}
    for embed in ways.values():
        embed(texts)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, embed in ways.items():
            began = time.process_time()
            embed(texts)
            times[name].append(time.process_time() - began)
    first = next(iter(times.values()))
    print(
        f"{options.batch} texts of {options.tokens} tokens, one thread, {options.rounds} rounds\n"
    )
    print("| system | tokens/s, median | ratio: least, median, most |\n|---|---:|---:|")
    for name, taken in times.items():
        ratios = sorted(one / other for one, other in zip(first, taken, strict=True))
        speed = options.batch * options.tokens / median(taken)
        spread = ", ".join(f"{r:.2f}" for r in (ratios[0], median(ratios), ratios[-1]))
        print(f"| {name} | {speed:,.0f} | {spread} |", flush=True)


def worker(name: str, options: argparse.Namespace) -> None:
    """Embed the texts with one system and print the least processor time."""
    if not name.startswith("graph"):
        import torch

        torch.set_num_threads(1)
    texts = made_texts(options)
    embed = system(name, options.folder)
    embed([text[:8] for text in texts[:2]])
    query, whole = [], []
    for _ in range(options.rounds):
        for given, kept in (([texts[0][:32]], query), (texts, whole)):
            began = time.process_time()
            embed(given)
            kept.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"query": min(query), "whole": min(whole), "peak": peak}))


def run(options: argparse.Namespace) -> None:
    """Run the systems one after the other and print a table."""
    names = [*SYSTEMS, *(f"graph {path}" for path in options.graph)]
    wanted = options.only.split(",") if options.only else [""]
    names = [n for n in names if n == REFERENCE or any(n.startswith(w) for w in wanted)]
    tokens = options.batch * options.tokens
    print(
        f"{options.batch} texts of {options.tokens} tokens, one thread, best of {options.rounds}\n"
    )
    print("| system | tokens/s of processor time | ratio | ms, 32 tokens | peak GiB |")
    print("|---|---:|---:|---:|---:|", flush=True)
    first = None
    for name in names:
        command = [sys.executable, __file__, *sys.argv[1:], "--worker", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            print(f"| {name} | failed, exit {done.returncode} | | | |", flush=True)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        speed = tokens / found["whole"]
        first = first or speed
        label = name if not name.startswith("graph") else f"graph {Path(name[6:]).name}"
        print(
            f"| {label} | {speed:,.0f} | {speed / first:.2f} | {1000 * found['query']:,.0f} | "
            f"{found['peak'] / GIB:.1f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", choices=["counted", "make", "run", "alternate"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--graph", action="append", default=[], help="folder of an export")
    parser.add_argument("--only", help="systems whose names begin so, with commas between")
    parser.add_argument("--layers", type=int, help="of `make`; 24 by default")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job == "counted":
        counted()
    elif options.folder is None:
        parser.error(f"{options.job} needs a FOLDER")
    elif options.job == "make":
        make(options.folder, options.layers)
    elif options.job == "alternate":
        options.only = options.only or "ours float32,st float32"
        alternate(options)
    elif options.worker:
        worker(options.worker, options)
    else:
        run(options)


if __name__ == "__main__":
    main()

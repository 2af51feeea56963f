"""Peak resident memory of an encode, with and without the logits that nobody reads.

    python benchmarks/peak_memory.py [--batch 32] [--tokens 1024] [--threads 2]

The shape of C2LLM-0.5B (Qwen2.5-Coder-0.5B with 32 heads of PMA) in bfloat16 with random weights,
on the CPU, one batch of full length, each way in a process of its own:

ours    C2LLMModel: the inner model alone, its last hidden states, PMA
causal  the whole Qwen2ForCausalLM, asked for all hidden states, PMA on the last of them: what
        loading a published checkpoint as the causal model that it stores comes to

The head of `causal` is tied to the embedding and so costs no weights. What is measured is the
process, on Linux: `resting` is its resident memory once the network is built, `peak` the highest
from there to the end of the batch. The logits of one batch alone
are batch x tokens x vocabulary x 2 bytes, which is printed for the batch that was run and for 32 x
1024. A way that would go beyond `--limit` GiB is not run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

WAYS = ("ours", "causal")
VOCABULARY = 151_936
SHAPE: dict[str, Any] = {
    "hidden_size": 896,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
}
GIB = 1 << 30
# Weights, libraries and the activations of one layer, generously, to refuse what will not fit.
RESTING = 2 * GIB


def logit_bytes(batch: int, tokens: int) -> int:
    """The logits of a batch in bfloat16."""
    return batch * tokens * VOCABULARY * 2


def expected_bytes(way: str, batch: int, tokens: int) -> int:
    """More than `way` needs: one layer's activations, and for `causal` all layers and logits."""
    layer = batch * tokens * (4 * SHAPE["intermediate_size"] + 8 * SHAPE["hidden_size"]) * 2
    if way == "ours":
        return RESTING + layer
    states = batch * tokens * SHAPE["hidden_size"] * 2 * (SHAPE["num_hidden_layers"] + 1)
    return RESTING + layer + states + logit_bytes(batch, tokens)


def worker(way: str, options: argparse.Namespace) -> None:
    """Build one network, encode one batch, and print what the process took."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from c2llm.modeling.config import C2LLMConfig
    from c2llm.modeling.model import C2LLMModel, build_pooling

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    config = C2LLMConfig(Qwen2Config(**SHAPE))
    ids = torch.randint(VOCABULARY, (options.batch, options.tokens))
    mask = torch.ones_like(ids)
    if way == "ours":
        model = C2LLMModel(config).eval()
    else:
        causal, pooling = Qwen2ForCausalLM(config.backbone).eval(), build_pooling(config).eval()
    resting = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here, not from building
    with torch.inference_mode():
        if way == "ours":
            vectors = model(ids, mask).pooler_output
        else:
            output = causal(ids, attention_mask=mask, output_hidden_states=True)
            vectors = pooling(output.hidden_states[-1], mask).flatten(1)
    assert vectors.shape == (options.batch, SHAPE["hidden_size"])
    print(json.dumps({"resting": resting, "peak": resident("VmHWM")}))


def resident(field: str) -> int:
    """A field of this process' memory in bytes: VmRSS now, VmHWM at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}; this benchmark needs Linux.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4, help="texts; the claim is about 32")
    parser.add_argument("--tokens", type=int, default=1024, help="of each text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, default=8.0, help="GiB that no way may exceed")
    parser.add_argument("--worker", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options)
        return
    print(f"{options.batch} x {options.tokens} tokens, bfloat16, {options.threads} thread(s)\n")
    print("| way | resting MiB | peak MiB | of it for the batch |")
    print("|---|---:|---:|---:|")
    for way in WAYS:
        need = expected_bytes(way, options.batch, options.tokens)
        if need > options.limit * GIB:
            print(f"| {way} | not run: may need {need / GIB:.1f} GiB, above --limit | | |")
            continue
        command = [sys.executable, __file__, *sys.argv[1:], "--worker", way]
        environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
        found = {name: size / (1 << 20) for name, size in json.loads(run.stdout).items()}
        above = found["peak"] - found["resting"]
        print(f"| {way} | {found['resting']:,.0f} | {found['peak']:,.0f} | {above:,.0f} |")
    print()
    for batch, tokens in {(options.batch, options.tokens), (32, 1024)}:
        size = logit_bytes(batch, tokens) / GIB
        print(f"logits of {batch} x {tokens} tokens alone: {size:.2f} GiB")


if __name__ == "__main__":
    main()

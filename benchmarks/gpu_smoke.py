"""Does a model run on a GPU, as well as on the CPU and faster? One JSON object says so.

    python benchmarks/gpu_smoke.py MODEL [--device cuda] [--texts 2000] [--out gpu.json]

MODEL is a folder with safetensors or a hub id; without one a random model in the shape of
C2LLM-0.5B is made in a temporary folder, whose speed and memory are those of the real one. Checked
and measured are

- parity: cosines between the vectors of the CPU in float32 and those of the GPU in bfloat16 and
  float32, the least of all texts; the command fails below .99 and .9999;
- attention: the implementation that runs, and whether FlashAttention is there;
- memory: the highest allocation while embedding, beside the bytes of the weights;
- speed: tokens a second at lengths of 64, 256 and 1,024, on the GPU, and on the CPU at 64;
- replicas: with `--device cuda:*` the same vectors as on one GPU, and the ratio of the speeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from c2llm import Encoder

LENGTHS = (64, 256, 1024)
LEAST = {"bfloat16": 0.99, "float32": 0.9999}


def random_model(folder: Path) -> Path:
    """A model folder in the shape of C2LLM-0.5B, with random weights in bfloat16."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import Qwen2Config

    from c2llm.modeling.config import C2LLMConfig
    from c2llm.modeling.model import C2LLMModel

    backbone = Qwen2Config(
        vocab_size=151_936,
        hidden_size=896,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        intermediate_size=4864,
        max_position_embeddings=32_768,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    config = C2LLMConfig(backbone=backbone, pma_num_heads=32, max_tokens=2048)
    C2LLMModel(config).to(torch.bfloat16).save_pretrained(folder)
    words = {"[UNK]": 0} | {f"w{number}": number for number in range(1, 50_000)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def texts_of(count: int, length: int, seed: int = 0) -> list[str]:
    """Texts of so many words, which the random model's tokenizer has one token for."""
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{n}" for n in rng.integers(1, 50_000, length)) for _ in range(count)]


def tokens_per_second(encoder: Encoder, count: int, length: int) -> float:
    """Tokens that are embedded in a second, after a first batch that warms up."""
    texts = texts_of(count, length)
    encoder.encode_documents(texts[: max(1, count // 10)])
    started = time.perf_counter()
    encoder.encode_documents(texts)
    return count * length / (time.perf_counter() - started)


def measured(model: str, device: str, count: int) -> dict[str, Any]:
    """All that is reported of a model."""
    short = texts_of(64, 96, seed=1) + texts_of(8, 700, seed=2)
    wanted = Encoder.load(model, device="cpu", dtype="float32").encode_documents(short)
    first = "cuda:0" if device.startswith("cuda") else device
    report: dict[str, Any] = {"model": model, "device": device, "torch": torch.__version__}
    if first.startswith("cuda"):
        report["gpu"] = torch.cuda.get_device_name(0)
    report["parity"] = {}
    for dtype in LEAST:
        encoder = Encoder.load(model, device=first, dtype=dtype)
        report["parity"][dtype] = float((encoder.encode_documents(short) * wanted).sum(1).min())
    encoder = Encoder.load(model, device=first)
    network: Any = encoder._engine
    report["attention"] = network._model.backbone.config._attn_implementation
    from transformers.utils import is_flash_attn_2_available

    report["flash_attention_2"] = bool(is_flash_attn_2_available())
    report["tokens_per_second"] = {
        str(length): round(tokens_per_second(encoder, max(8, count * 64 // length), length))
        for length in LENGTHS
    }
    if first.startswith("cuda"):
        report["weights_gib"] = (
            sum(p.numel() * p.element_size() for p in network._model.parameters()) / 2**30
        )
        report["peak_gib"] = torch.cuda.max_memory_allocated(0) / 2**30
    on_cpu = Encoder.load(model, device="cpu")
    report["cpu_tokens_per_second"] = round(tokens_per_second(on_cpu, 16, LENGTHS[0]))
    if device != first:
        several = Encoder.load(model, device=device)
        same = (several.encode_documents(short) * encoder.encode_documents(short)).sum(1).min()
        report["replicas"] = {
            "cosine": float(same),
            "speed_ratio": tokens_per_second(several, count, 256)
            / tokens_per_second(encoder, count, 256),
        }
    return report


def main() -> int:
    """Measure, print, and fail where the vectors are not those of the CPU."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", nargs="?", help="folder or hub id; a random one by default")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--texts", type=int, default=2000, help="of 64 tokens; fewer of longer")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or str(random_model(Path(folder)))
        report = measured(model, options.device, options.texts)
    text = json.dumps(report, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")
    wrong = [dtype for dtype, least in LEAST.items() if report["parity"][dtype] < least]
    if wrong:
        print(f"The vectors in {', '.join(wrong)} are not those of the CPU.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Published checkpoints: their layout loads exactly, anything else is refused by name."""

from __future__ import annotations

import json
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from transformers import AutoConfig, AutoModel, Qwen2Config

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError, UsageError
from c2llm.modeling import hub, official
from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model import C2LLMModel
from tests.modeling import oracle
from tests.modeling.official_layout import CONFIG, random_tensors, write_official

TEXTS = [[5, 9, 4, 11, 6, 7, 8], [4], [12, 13, 5]]

pytestmark = pytest.mark.filterwarnings("ignore:.*flash_attention_2, which is not available")


def load(folder, **options):
    return C2LLMModel.from_pretrained(folder, **options).eval()


def left_padded(texts):
    width = max(map(len, texts))
    ids = torch.tensor([[0] * (width - len(t)) + t for t in texts])
    mask = torch.tensor([[0] * (width - len(t)) + [1] * len(t) for t in texts])
    return ids, mask


class InDouble(TorchFunctionMode):
    """What transformers computes in float32 for safety (RMSNorm, RoPE) is computed in float64."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.float:
            return args[0].double()
        kwargs = {k: torch.float64 if v is torch.float32 else v for k, v in (kwargs or {}).items()}
        return func(*(torch.float64 if a is torch.float32 else a for a in args), **kwargs)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-9), ("float32", 2e-5), ("bfloat16", 0.15)]
)
def test_the_whole_forward_agrees_with_the_numpy_oracle(tmp_path, dtype, tolerance):
    tensors = random_tensors(dtype=torch.bfloat16)  # exact in every dtype
    model = load(write_official(tmp_path, tensors), dtype=getattr(torch, dtype))
    weights = {name: t.double().numpy() for name, t in tensors.items()}
    want = np.stack([oracle.embed(weights, CONFIG, ids) for ids in TEXTS])
    with torch.no_grad(), InDouble() if dtype == "float64" else nullcontext():
        if dtype == "float64":
            rotary = model.backbone.rotary_emb
            model.backbone.rotary_emb = type(rotary)(config=rotary.config)
        got = model(*left_padded(TEXTS)).sentence_embedding
    assert got.dtype == getattr(torch, dtype)
    np.testing.assert_allclose(got.double().numpy(), want, rtol=0, atol=tolerance)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("lm_head", [False, True])
@pytest.mark.parametrize("pooler", ["mha_pma.", "", "model.pooling."])
def test_every_layout_gives_the_directly_built_model(tmp_path, shards, lm_head, pooler):
    tensors = random_tensors(pooler=pooler, lm_head=lm_head, dtype=torch.bfloat16)
    folder = write_official(tmp_path, tensors, shards=shards)
    assert {p.dtype for p in load(folder).parameters()} == {torch.bfloat16}
    model = load(folder, dtype=torch.float32)
    config = C2LLMConfig(
        Qwen2Config(
            **{name: CONFIG[name] for name in official._BACKBONE_SIZES},
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            rms_norm_eps=1e-6,
        ),
        pma_dim=24,
        pma_num_heads=4,
    )
    built = C2LLMModel(config).eval()
    names = official.convert_keys(tensors)
    built.load_state_dict({ours: tensors[name] for name, ours in names.items()})
    assert not any("lm_head" in name for name, _ in model.named_parameters())
    ids, mask = left_padded(TEXTS)
    assert torch.equal(model.embed(ids, mask), built.embed(ids, mask))


def test_our_layout_and_theirs_are_one_model(tmp_path):
    """Loaded, saved as ours, loaded again: the same vectors, no trace of the remote code."""
    first = load(write_official(tmp_path / "theirs", random_tensors()), dtype=torch.float32)
    first.save_pretrained(tmp_path / "ours")
    again = load(tmp_path / "ours")
    ids, mask = left_padded(TEXTS)
    assert torch.equal(first.embed(ids, mask), again.embed(ids, mask))
    text = (tmp_path / "ours" / "config.json").read_text()
    assert "auto_map" not in text and "flash" not in text and "plm_model" not in text
    assert json.loads(text)["max_tokens"] == 2048


def test_the_raw_residual_of_the_sister_models_is_selectable(tmp_path):
    folder = write_official(tmp_path, random_tensors())
    raw = load(folder, pma_residual="raw", dtype=torch.float32)
    assert raw.config.pma_residual == raw.pooler.residual == "raw"
    ids, mask = left_padded(TEXTS)
    assert not torch.allclose(raw.embed(ids, mask), load(folder).float().embed(ids, mask))


def test_auto_classes_take_our_code_and_not_the_remote_one(tmp_path):
    folder = write_official(tmp_path, random_tensors())
    config = AutoConfig.from_pretrained(folder)
    assert type(config) is C2LLMConfig and config.embedding_dim == 24
    model = AutoModel.from_pretrained(folder)
    ids, mask = left_padded(TEXTS)
    assert torch.equal(model.embed(ids, mask), load(folder).embed(ids, mask))


@pytest.mark.filterwarnings("default")
def test_missing_flash_attention_is_said_once(tmp_path):
    folder = write_official(tmp_path, random_tensors())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = C2LLMModel.from_pretrained(folder)
    said = [str(w.message) for w in caught if "flash_attention_2" in str(w.message)]
    assert len(said) == 1 and "scaled_dot_product_attention" in said[0]
    assert model.backbone.config._attn_implementation == "sdpa"


def test_the_encoder_reads_the_published_folder(tmp_path):
    folder = write_official(tmp_path, random_tensors(), shards=2)
    encoder = Encoder.load(folder)
    assert (encoder.dim, encoder.folder.max_tokens) == (24, 2048)
    assert encoder.folder.query_prompt == "Retrieve the code that solves the following query:\n"
    assert encoder.folder.document_prompt == "Retrieved Answer:"
    vectors = encoder.encode_documents(["def get http", ""])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert len(encoder.fingerprint) == 25


def test_tensors_are_read_when_they_are_taken_and_lm_head_never(tmp_path, monkeypatch):
    import safetensors

    read = []
    real = safetensors.safe_open

    class Spy:
        def __init__(self, *args, **kwargs):
            self._file = real(*args, **kwargs)

        def __enter__(self):
            self._file.__enter__()
            return self

        def __exit__(self, *error):
            return self._file.__exit__(*error)

        def get_slice(self, name):
            read.append(name)
            return self._file.get_slice(name)

        def get_tensor(self, name):
            raise AssertionError(f"{name} is read before the model asks for it")

    monkeypatch.setattr(safetensors, "safe_open", Spy)
    load(write_official(tmp_path, random_tensors(lm_head=True), shards=2))
    assert len(read) == len(random_tensors()) and not any("lm_head" in name for name in read)


@pytest.mark.parametrize(
    ("size", "total", "lm_head"),
    [
        ((896, 24, 14, 2, 4864, 151936, 896), 497_252_096, 0),
        ((3584, 28, 28, 4, 18944, 152064, 3584), 7_667_028_992, 152064 * 3584),
    ],
)
def test_parameter_counts_of_the_published_configs(size, total, lm_head):
    fields = dict(zip([*official._BACKBONE_SIZES, "compressed_dim"], size, strict=True))
    config = C2LLMConfig.from_dict({**CONFIG, **fields, "pma_num_heads": 32})
    with torch.device("meta"):
        model = C2LLMModel(config)
    assert sum(p.numel() for p in model.parameters()) + lm_head == total


def without(tensors, ending):
    return {name: t for name, t in tensors.items() if not name.endswith(ending)}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: without(t, "layers.1.mlp.up_proj.weight"), r"lacks backbone\.layers\.1\.mlp\.u"),
        (lambda t: without(t, "mab.fc_q.bias"), r"lacks pooler\.fc_q\.bias"),
        (lambda t: {**t, "plm_model.model.extra": torch.ones(3)}, r"holds backbone\.extra"),
        (lambda t: {**t, "classifier.weight": torch.ones(3)}, r"\(classifier\.weight\)"),
        (lambda t: {**t, "other.S": torch.ones(1, 1, 24)}, r"pooler\.S twice"),
        (lambda t: {**t, "mha_pma.S": torch.zeros(1, 1, 25)}, r"pooler\.S of shape \(1, 1, 25\)"),
    ],
)
def test_missing_unknown_and_misshapen_tensors_are_named(tmp_path, damage, message):
    with pytest.raises(ModelError, match=message) as caught:
        load(write_official(tmp_path, damage(random_tensors())))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embedding_method": "eos"}, "embedding_method 'eos'"),
        ({"num_hidden_layers": 3}, r"lacks backbone\.layers\.2"),
        ({"vocab_size": 40}, r"embed_tokens\.weight of shape"),
        ({"pma_ln": False}, r"holds pooler\.ln0"),
    ],
)
def test_configs_that_do_not_fit_are_refused(tmp_path, changes, message):
    with pytest.raises(ModelError, match=message):
        load(write_official(tmp_path, random_tensors(), **changes))


def test_a_hub_id_downloads_data_files_only(tmp_path, monkeypatch):
    import huggingface_hub

    folder, asked = write_official(tmp_path, random_tensors()), []

    def snapshot(name, **options):
        asked.append((name, options))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    load("codefuse-ai/C2LLM-0.5B", revision="main")
    assert Encoder.load("codefuse-ai/C2LLM-0.5B").dim == 24
    assert [name for name, _ in asked] == ["codefuse-ai/C2LLM-0.5B"] * 2
    for _, options in asked:
        patterns = options["allow_patterns"]
        assert not any(p.endswith((".py", ".bin", ".pt", "*")) for p in patterns)


def test_what_is_no_hub_id_never_goes_out(tmp_path, monkeypatch):
    import huggingface_hub

    def snapshot(name, **options):
        raise OSError("no network in tests")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for name in ("model", "./model", "runs/model", "/nowhere/model", "a/b/c", "../x"):
        assert not hub.is_hub_id(name)
        with pytest.raises(UsageError, match="no model folder"):
            C2LLMModel.from_pretrained(name)
    with pytest.raises(UsageError, match=r"the hub does not give it \(no network"):
        C2LLMModel.from_pretrained("owner/model")


def test_all_twelve_instructions_are_there():
    assert len(official.INSTRUCTIONS) == 12
    assert official.query_prompt("CosQA").endswith("the query.\n")
    assert official.INSTRUCTIONS["CodeTransOceanDL"] != official.PAPER_CODETRANS_DL

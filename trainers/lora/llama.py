"""Reads a llama model from a GGUF file as a PyTorch module with unpacked weights."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from runtime.refusal import Refused

#: Matrices of a layer: names in GGUF and, below `model.layers.<n>.`, in transformers.
PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


def read_llama(path: Path, dtype: torch.dtype) -> LlamaForCausalLM:
    """Reads the model itself, because transformers keeps GGUF weights packed, without gradients."""
    reader = _open(path)
    architecture = _field(reader, "general.architecture")
    if architecture != "llama":
        raise Refused(
            f"the architecture of the base model is {architecture}; this trainer supports only llama"
        )
    config = _config(reader)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    config.tie_word_embeddings = "output.weight" not in tensors
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    state = {
        _name_in_torch(name): _weight(tensor, name, config).to(dtype)
        for name, tensor in tensors.items()
        if name != "rope_freqs.weight"
    }
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False, assign=True)
    if missing or unexpected:
        raise Refused(
            f"the base model's tensors are not those of a llama: {', '.join([*missing, *unexpected][:5])}"
        )
    # Not in the file; computed from the configuration.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    model.tie_weights()
    return model.eval()


def rows_as_in_gguf(matrix: np.ndarray, projection: str, config: LlamaConfig) -> np.ndarray:
    """Reorders rows of q and k (permute in convert_hf_to_gguf.py).

    llama.cpp rotates neighbouring pairs, transformers rotates halves.
    """
    heads = _heads(projection, config)
    return (
        matrix
        if heads is None
        else matrix.reshape(heads, 2, -1, matrix.shape[-1]).swapaxes(1, 2).reshape(matrix.shape)
    )


def _weight(tensor: gguf.ReaderTensor, name: str, config: LlamaConfig) -> torch.Tensor:
    matrix = gguf.dequantize(tensor.data, tensor.tensor_type)
    heads = _heads(name.split(".")[-2], config) if name.startswith("blk.") else None
    if heads is not None:
        matrix = matrix.reshape(heads, -1, 2, matrix.shape[-1]).swapaxes(1, 2).reshape(matrix.shape)
    return torch.from_numpy(np.array(matrix, dtype=np.float32))


def _heads(projection: str, config: LlamaConfig) -> int | None:
    return {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(
        projection
    )


def _name_in_torch(name: str) -> str:
    outer = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "output.weight": "lm_head.weight",
    }
    if name in outer:
        return outer[name]
    block, _, rest = name.removeprefix("blk.").partition(".")
    part, _, kind = rest.partition(".")
    return f"model.layers.{block}.{(PROJECTIONS | NORMS).get(part, part)}.{kind}"


def _config(reader: gguf.GGUFReader) -> LlamaConfig:
    def of(key: str):
        return _field(reader, f"llama.{key}")

    return LlamaConfig(
        vocab_size=next(
            int(tensor.shape[1]) for tensor in reader.tensors if tensor.name == "token_embd.weight"
        ),
        hidden_size=of("embedding_length"),
        intermediate_size=of("feed_forward_length"),
        num_hidden_layers=of("block_count"),
        num_attention_heads=of("attention.head_count"),
        num_key_value_heads=of("attention.head_count_kv"),
        max_position_embeddings=of("context_length"),
        rms_norm_eps=of("attention.layer_norm_rms_epsilon"),
        rope_theta=of("rope.freq_base"),
        architectures=["LlamaForCausalLM"],
    )


def _open(path: Path) -> gguf.GGUFReader:
    try:
        return gguf.GGUFReader(path)
    except (ValueError, IndexError) as error:
        raise Refused(f"the base model is not a GGUF file: {error}") from error


def _field(reader: gguf.GGUFReader, key: str):
    field = reader.get_field(key)
    if field is None:
        raise Refused(f"the base model's GGUF file has no field {key}")
    return field.contents()

"""The low-rank update for training with peft and for loading with llama.cpp."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from transformers import LlamaForCausalLM

from .llama import PROJECTIONS, rows_as_in_gguf


def with_adapter(model: LlamaForCausalLM, params: dict, seed: int) -> PeftModel:
    """Adds a LoRA (Hu et al. 2021): W + (alpha / rank) B A on the matrices of the upper layers.

    B is zero at first. The adapter stays in float32.
    """
    layers = model.config.num_hidden_layers
    torch.manual_seed(seed)
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=params["rank"],
            lora_alpha=params["alpha"],
            lora_dropout=params["dropout"],
            target_modules=[name.split(".")[-1] for name in PROJECTIONS.values()],
            layers_to_transform=list(range(max(layers - params["upper_layers"], 0), layers)),
            task_type="CAUSAL_LM",
        ),
    )
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def write_adapter(path: Path, model: PeftModel, facts: dict[str, str]) -> None:
    """Writes the layout of llama.cpp's `llama_adapter_lora_init`; `facts` name the base model."""
    base = model.get_base_model()
    config = model.peft_config["default"]
    in_gguf = {torch_name: name for name, torch_name in PROJECTIONS.items()}
    writer = gguf.GGUFWriter(path, arch="llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config.lora_alpha))
    for key, value in facts.items():
        writer.add_string(key, value)
    for name, tensor in sorted(get_peft_model_state_dict(model).items()):
        _, _, rest = name.partition("layers.")
        layer, module, side = (
            rest.split(".", 1)[0],
            rest.split(".", 1)[1].rsplit(".lora_", 1)[0],
            name.rsplit(".lora_", 1)[1][0].lower(),
        )
        projection = in_gguf[module]
        matrix = tensor.detach().float().numpy()
        if side == "b":
            matrix = rows_as_in_gguf(matrix, projection, base.config)
        writer.add_tensor(
            f"blk.{layer}.{projection}.weight.lora_{side}", np.ascontiguousarray(matrix)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

"""Fine-tunes an adapter, compares it with the base model and a bag of words, and writes GGUF."""

from __future__ import annotations

import hashlib
import io
import math
import os
from collections import Counter

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load, save
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from runtime.checkpoint.interval import Interval
from runtime.job import Job, Produced

from .adapter import with_adapter, write_adapter
from .answers import completion_loss, measure
from .baseline import baseline_answers
from .compute import compute_used
from .examples import Example, Row, batch_of, examples_of, read_rows, tokens_of_completion
from .lengths import fitting
from .llama import read_llama

#: More distinct completions are not labels; accuracy and a linear baseline are then not meaningful.
MOST_LABELS = 64


def train(job: Job) -> Produced:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(job.cpus)
    path = job.file("base")
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    train_rows, holdout_rows = read_rows(job, "train"), read_rows(job, "holdout")
    holdout_rows = holdout_rows[: job.params["evaluate_rows"] or None]

    # Perennial's reader comes first, because its errors explain what is wrong with the file.
    model = with_adapter(read_llama(path, torch.bfloat16), job.params, job.seed)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    read, most = examples_of(tokenizer, train_rows), job.params["max_tokens"]
    lengths = [example.tokens for example in read]
    examples = [
        read[place]
        for place in fitting(
            lengths, most, "training", "raise max_tokens, or use fewer passages in the prompt"
        )
    ]
    told = {"leftOut": len(read) - len(examples), "maxTokens": most, "longest": max(lengths)}
    # Longer held-out rows are measured too, because a server gets them too. Beyond the model's
    # context nothing can be measured.
    held, context = (
        examples_of(tokenizer, holdout_rows),
        model.get_base_model().config.max_position_embeddings,
    )
    measurable = fitting(
        [example.tokens for example in held],
        context,
        "held-out",
        "use fewer passages in the prompt",
    )
    job.log("base model read", base=digest, rows=len(train_rows), **told)

    resumed_at = _fit(job, model, examples, tokenizer.eos_token_id)
    write_adapter(job.output("adapter.gguf"), model, {"perennial.base.digest": digest})
    metrics, holdout = _judge(
        job,
        model,
        tokenizer,
        train_rows,
        [(holdout_rows[place], held[place]) for place in measurable],
    )
    tokens = sum(
        examples[index].tokens
        for step in range(job.params["steps"])
        for index in batch_of(step, job.params["batch"], len(examples), job.seed)
    )
    return Produced(
        metrics=metrics,
        facts={
            "base": {"digest": digest, "architecture": "llama"},
            "training": {"rows": len(train_rows), **told, "resumedAt": resumed_at},
            "compute": _compute(model, job, tokens),
            "holdout": {**holdout, "leftOut": len(held) - len(measurable)},
        },
    )


def _fit(job: Job, model: PeftModel, examples: list[Example], padding: int) -> int | None:
    """Trains. Order, dropout and rate of a step depend only on the seed and its number.

    A resumed training therefore gives the same bytes.
    """
    params = job.params
    adapter = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(adapter, lr=params["learning_rate"], weight_decay=0.0)
    job.stop_when_saved()
    restored = job.restore_checkpoint()
    if restored:
        set_peft_model_state_dict(model, load(restored[1]["adapter.safetensors"]))
        optimizer.load_state_dict(
            torch.load(io.BytesIO(restored[1]["optimizer.pt"]), weights_only=True)
        )
    done = restored[0] if restored else 0
    interval = Interval(params["checkpoint_seconds"])

    def keep(step: int) -> None:
        state = io.BytesIO()
        torch.save(optimizer.state_dict(), state)
        files = {
            "adapter.safetensors": save(get_peft_model_state_dict(model)),
            "optimizer.pt": state.getvalue(),
        }
        job.save_checkpoint(step, files)

    base = model.get_base_model()
    model.train()
    for step in range(done, params["steps"]):
        torch.manual_seed(job.seed * 1_000_003 + step)
        rows = [
            examples[index] for index in batch_of(step, params["batch"], len(examples), job.seed)
        ]
        tokens = sum(len(row.completion) for row in rows)
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, params)
        loss = 0.0
        for start in range(0, len(rows), params["micro_batch"]):
            part = (
                completion_loss(base, rows[start : start + params["micro_batch"]], padding) / tokens
            )
            part.backward()
            loss += float(part.detach())
            if job.stopping:
                keep(step)  # the state after the last complete step, without this step's gradients
        torch.nn.utils.clip_grad_norm_(adapter, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % params["report_steps"] == 0 or step + 1 == params["steps"]:
            job.report(step + 1, "train_loss", loss)
        if interval.is_over() or step + 1 == params["steps"]:
            keep(step + 1)
    model.eval()
    return done if restored else None


def _rate(step: int, params: dict) -> float:
    """Warms up over a twentieth of the steps, then follows half a cosine down to a tenth."""
    warm = max(1, params["steps"] // 20)
    if step < warm:
        return params["learning_rate"] * (step + 1) / warm
    progress = (step - warm) / max(1, params["steps"] - warm)
    return params["learning_rate"] * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def _judge(
    job: Job,
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    train_rows: list[Row],
    held_out: list[tuple[Row, Example]],
) -> tuple[dict[str, float], dict]:
    base, padding = model.get_base_model(), tokenizer.eos_token_id
    rows, examples = [row for row, _ in held_out], [example for _, example in held_out]
    labels = sorted({completion for _, completion in train_rows})
    completions = (
        {label: tokens_of_completion(tokenizer, label) for label in labels}
        if len(labels) <= MOST_LABELS
        else None
    )
    job.log("measuring on held-out rows", rows=len(rows))
    loss, adapted = measure(base, examples, completions, padding, job.stop_if_asked)
    with model.disable_adapter():
        base_loss, alone = measure(base, examples, completions, padding, job.stop_if_asked)
    metrics = {"loss": loss, "base_loss": base_loss}
    if adapted is None:
        return metrics, {
            "rows": len(rows),
            "labels": None,
            "reason": f"{len(labels)} distinct completions are not labels",
        }

    answers = {"accuracy": adapted, "base_accuracy": alone}
    answers["tfidf_accuracy"] = baseline_answers(
        [(prompt.text, completion) for prompt, completion in train_rows],
        [prompt.text for prompt, _ in rows],
        job.seed,
    )
    commonest = Counter(completion for _, completion in train_rows).most_common(1)[0][0]
    answers["majority_accuracy"] = [commonest] * len(rows)
    wanted = [completion for _, completion in rows]
    for name, given in answers.items():
        metrics[name] = sum(
            answer == right for answer, right in zip(given, wanted, strict=True)
        ) / len(rows)
    return metrics, {"rows": len(rows), "labels": labels}


def _compute(model: PeftModel, job: Job, tokens: int) -> dict[str, float]:
    base = model.get_base_model()
    own = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    embeddings = base.get_input_embeddings().weight.numel()
    # Tied output and embedding matrices are counted once, since the paper leaves out embeddings.
    everything = sum(parameter.numel() for parameter in base.parameters())
    layers = base.config.num_hidden_layers
    return compute_used(
        everything - own - embeddings, own, layers, min(job.params["upper_layers"], layers), tokens
    )

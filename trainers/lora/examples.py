"""Prompts and completions as tokens, in the chat format that a server uses with the model."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from runtime.job import Job
from runtime.refusal import Refused


@dataclass(frozen=True)
class Example:
    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True)
class Prompt:
    """The text before a completion: one user text, or `{"role", "content"}` messages."""

    messages: tuple[dict[str, str], ...]

    @property
    def text(self) -> str:
        """The last user text, for the bag of words."""
        return next(
            (
                message["content"]
                for message in reversed(self.messages)
                if message["role"] == "user"
            ),
            "",
        )


Row = tuple[Prompt, str]


def read_rows(job: Job, name: str) -> list[Row]:
    """Reads prompts and completions.

    The job's one feature column is the prompt and its label is the completion. A column of type
    `messages` holds a conversation as JSON. Both must exist in every row.
    """
    if len(job.features) != 1:
        raise Refused(f"the job has {len(job.features)} prompt columns; exactly one is required")
    table = job.table(name)
    columns = [job.features[0].name, job.context["label"]]
    for column in columns:
        values = table[column]
        empty = sum(value is None or not str(value).strip() for value in values.to_pylist())
        if empty:
            raise Refused(f"{empty} of {table.num_rows} rows of input {name} have no {column}")
    read = _conversation if job.features[0].type == "messages" else _of_user
    return [
        (read(str(prompt)), str(completion))
        for prompt, completion in zip(
            *(table[column].to_pylist() for column in columns), strict=True
        )
    ]


def _of_user(text: str) -> Prompt:
    return Prompt(({"role": "user", "content": text},))


def _conversation(text: str) -> Prompt:
    return Prompt(
        tuple(
            {"role": message["role"], "content": message["content"]} for message in json.loads(text)
        )
    )


def tokens_of_prompt(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> tuple[int, ...]:
    text = tokenizer.apply_chat_template(
        list(prompt.messages), add_generation_prompt=True, tokenize=False
    )
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)


def tokens_of_completion(tokenizer: PreTrainedTokenizerBase, completion: str) -> tuple[int, ...]:
    return (*tokenizer(completion, add_special_tokens=False).input_ids, tokenizer.eos_token_id)


def examples_of(tokenizer: PreTrainedTokenizerBase, rows: list[Row]) -> list[Example]:
    return [
        Example(tokens_of_prompt(tokenizer, prompt), tokens_of_completion(tokenizer, completion))
        for prompt, completion in rows
    ]


def padded(sequences: list[tuple[int, ...]], padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask. Padding is at the end, where earlier tokens do not see it."""
    width = max(map(len, sequences))
    ids = np.full((len(sequences), width), padding, dtype=np.int64)
    mask = np.zeros((len(sequences), width), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def batch_of(step: int, batch: int, count: int, seed: int) -> list[int]:
    """Indices of the examples of a step (from 0).

    Each epoch has its own order, which is the same after a restart.
    """
    orders: dict[int, np.ndarray] = {}
    positions = range(step * batch, (step + 1) * batch)
    for epoch in {position // count for position in positions}:
        orders[epoch] = np.random.default_rng([seed, epoch]).permutation(count)
    return [int(orders[position // count][position % count]) for position in positions]

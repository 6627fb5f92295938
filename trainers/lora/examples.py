"""Prompts and completions as tokens, in the model's own chat format:

what the adapter learns is what a server asks.
"""

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
    """What stands before a completion:

    one text of a user, or a conversation as `{"role", "content"}` messages.
    """

    messages: tuple[dict[str, str], ...]

    @property
    def text(self) -> str:
        """What the user wrote last: what a bag of words sees of it."""
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
    """
    The job's one feature column is the prompt and its label the completion; a column of type `messages` holds a conversation as JSON. Both must be there in every
    row, or somebody's join went wrong.
    """
    if len(job.features) != 1:
        raise Refused(f"the job names {len(job.features)} prompt columns; a prompt is one column")
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
    """Token ids and attention mask. Padding stands at the end, where no earlier token sees it."""
    width = max(map(len, sequences))
    ids = np.full((len(sequences), width), padding, dtype=np.int64)
    mask = np.zeros((len(sequences), width), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def batch_of(step: int, batch: int, count: int, seed: int) -> list[int]:
    """Which examples step `step` (from 0) sees:

    every epoch in an order of its own, the same after a restart.
    """
    orders: dict[int, np.ndarray] = {}
    positions = range(step * batch, (step + 1) * batch)
    for epoch in {position // count for position in positions}:
        orders[epoch] = np.random.default_rng([seed, epoch]).permutation(count)
    return [int(orders[position // count][position % count]) for position in positions]

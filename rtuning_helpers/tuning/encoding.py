"""Turn training records into token ids and labels, and prove that no record lost its sure/unsure or refusal text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from rtuning_helpers.errors import InputError
from rtuning_helpers.tuning.refusal_data import TuningRecord

IGNORED = -100  # label of a token that does not count in the loss
LOSSES = ("completion", "all")


@dataclass(frozen=True)
class LabelSurvival:
    """What is left of the completions after tokenising.

    Attributes:
        records: Number of records.
        longest: Length of the longest record [tokens].
        truncated: Records that were cut at the end.
        lost: Records whose labels no longer end in the completion's text.
    """

    records: int
    longest: int
    truncated: int
    lost: int


def encode_record(
    tokenizer: PreTrainedTokenizerBase, record: TuningRecord, max_length: int, loss_on: str = "completion"
) -> dict[str, list[int]]:
    """Token ids of prompt + completion + end of sequence, cut to ``max_length``, with the labels of the loss.

    Args:
        tokenizer: Tokenizer of the model that is tuned.
        record: The training record.
        max_length: Longest example [tokens].
        loss_on: ``"completion"`` (paper section 2.3) or ``"all"`` (the released code trains on the question too).

    Returns:
        ``input_ids`` and ``labels`` of equal length; ``labels`` is -100 where there is no loss.

    Raises:
        ValueError: Unknown ``loss_on``.
        InputError: The tokenizer merges the end of the prompt with the completion.
    """
    if loss_on not in LOSSES:
        raise ValueError(f"loss_on is {loss_on!r}; expected one of {', '.join(LOSSES)}")
    prompt = tokenizer(record.prompt)["input_ids"]
    ids = tokenizer(record.prompt + record.completion)["input_ids"]
    if ids[: len(prompt)] != prompt:
        raise InputError(f"record {record.id}: this tokenizer merges the prompt's end with the completion")
    ids = [*ids, tokenizer.eos_token_id]
    masked = len(prompt) if loss_on == "completion" else 0
    labels = [IGNORED] * masked + ids[masked:]
    return {"input_ids": ids[:max_length], "labels": labels[:max_length]}


def label_survival(
    tokenizer: PreTrainedTokenizerBase, records: Sequence[TuningRecord], max_length: int
) -> LabelSurvival:
    """Count the records that tokenising to ``max_length`` would cut, and those that would lose their label."""
    longest = truncated = lost = 0
    for record in records:
        whole = len(encode_record(tokenizer, record, max_length=1 << 20)["input_ids"])
        labels = encode_record(tokenizer, record, max_length)["labels"]
        text = tokenizer.decode([i for i in labels if i != IGNORED], skip_special_tokens=True)
        longest = max(longest, whole)
        truncated += whole > max_length
        lost += text.strip() != record.completion.strip()
    return LabelSurvival(len(records), longest, truncated, lost)


def encode_records(
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[TuningRecord],
    max_length: int,
    loss_on: str = "completion",
) -> list[dict[str, list[int]]]:
    """Encode all records.

    Raises:
        InputError: There are none, or some would lose their sure/unsure or refusal text.
    """
    if not records:
        raise InputError("there are no training records; expected at least one")
    survival = label_survival(tokenizer, records, max_length)
    if survival.lost:
        raise InputError(
            f"{survival.lost} of {survival.records} training records lose the end of their completion at max_length "
            f"{max_length}; expected at least {survival.longest} tokens"
        )
    return [encode_record(tokenizer, record, max_length, loss_on) for record in records]

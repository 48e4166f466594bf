"""Turn training records into token ids and labels, and prove that no record lost its sure/unsure or refusal text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

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
        lost: Records that lost the end of their completion's text by that.
        altered: Names of the records whose completion does not come back from the tokenizer as it was written, however
            long it may be; what the tokenizer's own normaliser does to it (a letter and its accent made one) is no
            change.
    """

    records: int
    longest: int
    truncated: int
    lost: int
    altered: tuple[str, ...] = ()


def encode_record(
    tokenizer: PreTrainedTokenizerBase, record: TuningRecord, max_length: int, loss_on: str = "completion"
) -> dict[str, list[int]]:
    """Token ids of prompt + completion + the record's end, cut to ``max_length``, with the labels of the loss.

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
    ids = [*ids, tokenizer.convert_tokens_to_ids(record.end) if record.end else tokenizer.eos_token_id]
    masked = len(prompt) if loss_on == "completion" else 0
    labels = [IGNORED] * masked + ids[masked:]
    return {"input_ids": ids[:max_length], "labels": labels[:max_length]}


def label_survival(
    tokenizer: PreTrainedTokenizerBase, records: Sequence[TuningRecord], max_length: int
) -> LabelSurvival:
    """Count the records that tokenising to ``max_length`` would cut, and those that would lose their label."""

    def text(labels: list[int]) -> str:
        kept = [i for i in labels if i != IGNORED]
        return cast(str, tokenizer.decode(kept, skip_special_tokens=True)).strip()

    longest, truncated, lost, altered = 0, 0, 0, []
    for record in records:
        labels = encode_record(tokenizer, record, max_length=1 << 20)["labels"]
        whole = text(labels)
        longest = max(longest, len(labels))
        truncated += len(labels) > max_length
        lost += text(labels[:max_length]) != whole
        if _normalised(tokenizer, whole) != _normalised(tokenizer, record.completion.strip()):
            altered.append(record.id)
    return LabelSurvival(len(records), longest, truncated, lost, tuple(altered))


def _normalised(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """A text as the tokenizer itself changes it before it takes it apart."""
    normalizer = tokenizer.backend_tokenizer.normalizer if tokenizer.is_fast else None
    return text if normalizer is None else normalizer.normalize_str(text)


def encode_records(
    tokenizer: PreTrainedTokenizerBase, records: Sequence[TuningRecord], max_length: int, loss_on: str = "completion"
) -> list[dict[str, list[int]]]:
    """Encode all records.

    Raises:
        InputError: There are none; or some would lose their sure/unsure or refusal text, or be altered.
    """
    if not records:
        raise InputError("there are no training records; expected at least one")
    survival = label_survival(tokenizer, records, max_length)
    if survival.lost:
        raise InputError(
            f"{survival.lost} of {survival.records} training records lose the end of their completion at max_length "
            f"{max_length}; expected at least {survival.longest} tokens"
        )
    if survival.altered:
        raise InputError(
            f"{len(survival.altered)} of {survival.records} training records differ from what the tokenizer makes of "
            f"them, the first {survival.altered[0]}; expected answers without characters that it does not know and "
            "without the text of its special tokens"
        )
    return [encode_record(tokenizer, record, max_length, loss_on) for record in records]

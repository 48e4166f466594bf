"""Min-loss tuning (paper A.8): after a first stage on half of the questions, the cheaper of two answers is learnt.

The first stage teaches the form, "The answer is ...", with the gold answer (D1) or "unknown" (D0). In the second, on
the other half, nobody says what is known: the loss of a question is the smaller one of the two first tokens'
cross-entropies, and nothing else of the text counts.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import load_tokenizer
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.finetuning import TrainingLog
from rtuning_helpers.tuning.finetuning import finetune as finetune_on_completions
from rtuning_helpers.tuning.further import PairRecord
from rtuning_helpers.tuning.second_stage import check_two_stages, second_stage


@dataclass(frozen=True)
class Choice:
    """A text, and the two tokens of which one is to follow it."""

    context: list[int]
    candidates: tuple[int, int]


def finetune(
    records: Sequence[PairRecord],
    settings: Profile,
    out: Path,
    *,
    seed: int = 0,
    description: str = "min-loss",
    place: Unfinished | None = None,
) -> TrainingLog:
    """As `finetuning.finetune`, in two stages; what was interrupted begins again.

    Raises:
        InputError: Fewer than two records, or as `second_stage.check_two_stages` and `finetuning.finetune`.
    """
    check_two_stages(settings, "min-loss")
    halves = list(records)
    random.Random(seed).shuffle(halves)
    first, second = halves[::2], halves[1::2]
    tokenizer = load_tokenizer(settings.model, settings.revision)
    choices = [choice for record in second if (choice := choice_of(tokenizer, record))]
    if not choices:
        raise InputError("min-loss needs questions with an answer in both of its halves; expected more questions")
    how: dict[str, Any] = {"seed": seed, "description": description}
    log = finetune_on_completions(first, settings, out, **how)

    def make(model: PreTrainedModel, options: dict[str, Any], callbacks: list[TrainerCallback]) -> Trainer:
        pad = tokenizer.pad_token_id
        return MinLossTrainer(
            model=model,
            args=TrainingArguments(**options),
            train_dataset=choices,
            data_collator=lambda rows: side_by_side(rows, pad),
            callbacks=callbacks,
        )

    return second_stage(make, log, settings, out, epochs=settings.epochs, **how)


def choice_of(tokenizer: PreTrainedTokenizerBase, record: PairRecord) -> Choice | None:
    """Where the two completions of a record part; None where they never do."""
    one, other = (tokenizer(record.prompt + text)["input_ids"] for text in (record.completion, record.other))
    parting = next((i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    return None if parting is None else Choice(one[:parting], (one[parting], other[parting]))


def side_by_side(rows: Sequence[Choice], pad: int) -> dict[str, torch.Tensor]:
    """Contexts that end together, with a mask and positions, and their candidates, of shape (rows, 2)."""
    longest = max(len(row.context) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row.context)) + row.context for row in rows])
    mask = torch.tensor([[0] * (longest - len(row.context)) + [1] * len(row.context) for row in rows])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    candidates = torch.tensor([row.candidates for row in rows])
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "candidates": candidates}


def smaller_loss(logits: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
    """Mean over rows of the smaller cross-entropy of two candidates [nats].

    Args:
        logits: Of the next token, shape (rows, vocabulary).
        candidates: Token ids, shape (rows, 2).
    """
    costs = -torch.log_softmax(logits, dim=-1).gather(1, candidates)
    return costs.min(dim=1).values.mean()


class MinLossTrainer(Trainer):
    """Trainer whose loss is `smaller_loss`."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        candidates = inputs.pop("candidates")
        outputs = model(**inputs, logits_to_keep=1)
        loss = smaller_loss(outputs.logits[:, -1].float(), candidates)
        return (loss, outputs) if return_outputs else loss

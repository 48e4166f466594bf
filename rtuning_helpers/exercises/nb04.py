"""Notebook 04: what LoRA trains, what is left of the loss, and where the loss is."""

from dataclasses import replace
from typing import Any

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import fields, function, number, share
from rtuning_helpers.language import tr
from rtuning_helpers.model.language_model import load_tokenizer
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.encoding import IGNORED, encode_record
from rtuning_helpers.tuning.refusal_data import TuningRecord

CASES = [(8, 4, 2), (4, 8, 2), (128, 384, 16), (5, 5, 1)]
MISTAKES = [
    (lambda inputs, outputs, rank: inputs * outputs, "those are the weights of the matrix itself; count A and B."),
    (lambda inputs, outputs, rank: rank * inputs * outputs, "A and B are two matrices; count each, and add."),
    (lambda inputs, outputs, rank: rank * inputs, "that is one of the two matrices; the other is trained as well."),
    (lambda inputs, outputs, rank: rank * outputs, "that is one of the two matrices; the other is trained as well."),
    (
        lambda inputs, outputs, rank: rank * (inputs + outputs) + inputs * outputs,
        "W is not trained; count A and B only.",
    ),
]


def _lora_weights(inputs: int, outputs: int, rank: int) -> int:
    return rank * (inputs + outputs)


def check_weights(config: RunConfig, answer: Any) -> None:
    """04.1: how many weights LoRA trains beside one matrix."""
    function(answer, _lora_weights, CASES, "Write the shapes of A and B down, and count.", mistakes=MISTAKES)


def check_losses(config: RunConfig, answer: Any) -> None:
    """04.2: the share of each method's first loss that is gone at the end."""
    methods = ["vanilla", "padding"]
    for method, gone in zip(methods, fields(answer, methods), strict=True):
        losses = [loss for _, loss in steps.read_training_log(config, method).losses]
        share(
            gone,
            1 - losses[-1] / losses[0],
            "It is first minus last, divided by the first.",
            name=tr("the share of {method}", method=method),
            mistakes=[
                (losses[0] - losses[-1], tr("{method}: divide the difference by the first loss.", method=method)),
                (
                    losses[0] / losses[-1] - 1,
                    tr("{method}: divide the difference by the first loss, not by the last.", method=method),
                ),
                (losses[-1] / losses[0], tr("{method}: that is the share that is left; which is gone?", method=method)),
            ],
        )


def check_tokens(config: RunConfig, answer: Any) -> None:
    """04.3: tokens with loss in the first padding record, and the share of the answer with its full stop."""
    of_answer, tokens = fields(answer, ["answer", "tokens"])
    tokenizer = load_tokenizer(config.settings.model, config.settings.revision)
    record, probe = steps.read_tuning_records(config, "padding")[0], steps.read_probes(config)[0]

    def labels(record: TuningRecord) -> list[int]:
        return encode_record(tokenizer, record, config.settings.max_length)["labels"]

    everything = labels(record)
    learnt = sum(label != IGNORED for label in everything)
    plain = labels(replace(record, completion=prompts.answer_completion(probe.answer)))
    answers = sum(label != IGNORED for label in plain) - 1  # without the end token
    number(
        tokens,
        learnt,
        "Count the labels that are not `IGNORED`.",
        name="`tokens`",
        tolerance=0,
        mistakes=[
            (len(everything), "`tokens`: the prompt's tokens are counted too; they have no loss."),
            (learnt - 1, "`tokens`: the end token is missing; there is loss on it."),
        ],
    )
    share(
        of_answer,
        answers / learnt,
        "The answer and the full stop behind it, divided by all tokens with loss.",
        name="`answer`",
        mistakes=[
            ((answers + 1) / learnt, "`answer`: the end token is no part of the answer."),
            ((answers - 1) / learnt, "`answer`: the full stop behind the answer counts as well."),
            (answers / len(everything), "`answer` should be a share of the tokens with loss, not of all tokens."),
        ],
    )


CHECKS: dict[str, Check] = {
    "04.1": check_weights,
    "04.2": check_losses,
    "04.3": check_tokens,
}

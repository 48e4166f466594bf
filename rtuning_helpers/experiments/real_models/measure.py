"""What a run made of every question, in numbers alone: the questions' licence forbids passing their words on."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.evaluation.question_flags import flag_questions
from rtuning_helpers.evaluation.summary import column
from rtuning_helpers.experiments.labels.measure import right_samples
from rtuning_helpers.model.device import default_device
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.run_questions import find_style
from rtuning_helpers.tuning.registry import PRETRAINED, paper_methods

DIGITS = 4  # of what is recorded


def measure(config: RunConfig) -> dict[str, list[dict]]:
    """Questions, training labels, predictions and efforts of a run, a row for each split, seed and method.

    Yes and no are a text of ones and zeros, a question each, in the order of ``id``; probabilities and entropies are
    lists in that order. `unpacked` turns both into arrays.

    Returns:
        ``questions``: for each split the questions' numbers in the data set, numbers that stand for their relations,
        whether the answer stands in the question, and whether it is the relation's most frequent one. ``training``:
        what the untuned model makes of the training questions. ``predictions``: for each method and test split.
        ``runs``: the style, how many were certain, and what tuning took.
    """
    training, probes = steps.questions(config, TRAIN), steps.read_probes(config)
    uncertainty = steps.read_uncertainty(config)
    samples = right_samples(training, [u.answers for u in uncertainty])
    splits = steps.evaluation_splits(config)
    asked = {TRAIN: training, **{split: steps.questions(config, split) for split in splits}}
    relations = sorted({q.relation for questions in asked.values() for q in questions})
    place = {"seed": config.seed}
    untuned = {
        "correct": bits(p.correct for p in probes),
        "empty": bits(not p.prediction for p in probes),
        "answer": rounded(map(attrgetter("confidence"), probes)),
        "token_entropy": rounded(map(attrgetter("token_entropy"), probes)),
        "perplexity": rounded(map(attrgetter("perplexity"), uncertainty)),
        "entropy": rounded(map(attrgetter("entropy"), uncertainty)),
        "samples_right": [sum(row) for row in samples],
    }
    return {
        "questions": [
            place | {"split": split} | _described(questions, training, relations) for split, questions in asked.items()
        ],
        "training": [place | untuned],
        "predictions": [
            place | {"method": method, "split": split} | packed(steps.read_method_predictions(config, method, split))
            for method in (PRETRAINED, *paper_methods())
            for split in splits
        ],
        "runs": [place | _effort(config)],
    }


def _described(questions: Sequence[Question], training: Sequence[Question], relations: Sequence[str]) -> dict:
    flags = flag_questions(questions, training)
    return {
        "id": [int(q.id.rpartition("-")[2]) for q in questions],
        "relation": [relations.index(q.relation) for q in questions],
        "in_question": bits(flag.answer_in_question for flag in flags),
        "majority": bits(flag.majority_answer for flag in flags),
    }


def packed(predictions: Sequence[Prediction]) -> dict:
    """The columns of predictions that `unpacked` gives back; None where a method has none."""
    found: dict[str, object] = {"correct": bits(p.correct for p in predictions)}
    found["empty"] = bits(not p.prediction for p in predictions)
    for name in ("answer", "sure"):
        values = column(predictions, f"{name}_confidence")
        found[name] = None if values is None else rounded(values)
    refused = column(predictions, "refused")
    return found | {"refused": None if refused is None else bits(refused)}


def unpacked(row: dict) -> dict:
    """A recorded row with its columns as arrays: texts of ones and zeros as booleans, lists as numbers."""

    def array(value: object) -> object:
        if isinstance(value, list):
            return np.array(value)
        return np.array(list(value)) == "1" if isinstance(value, str) and not value.strip("01") else value

    return {name: array(value) for name, value in row.items()}


def bits(values: Iterable[object]) -> str:
    """Yes and no as a text of ones and zeros."""
    return "".join("1" if value else "0" for value in values)


def rounded(values: Iterable[float]) -> list[float]:
    """Numbers with as many digits as are recorded."""
    return [round(float(value), DIGITS) for value in values]


def _effort(config: RunConfig) -> dict:
    logs = {method: steps.read_training_log(config, method) for method in paper_methods()}
    style = find_style(config)
    return {
        "style": style.name,
        "shots": config.shots if style.name == "few-shot" else 0,
        "device": default_device().type,
        "dtype": {method: log.dtype for method, log in logs.items()},
        "examples": {method: log.examples for method, log in logs.items()},
        "seconds": {method: round(log.seconds, 1) for method, log in logs.items()},
        "last_loss": {method: log.losses[-1][1] for method, log in logs.items()},
    }

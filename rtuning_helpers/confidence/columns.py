"""One call for all estimators: questions in, one confidence column each out, about the same greedy answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np

from rtuning_helpers.confidence import estimators
from rtuning_helpers.confidence.evidence import Estimator, Evidence, SameMeaning, gather
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.language_model import LanguageModel


@dataclass(frozen=True)
class Columns:
    """What a model's answers look like to several estimators."""

    evidence: Evidence  # ``evidence.correct`` says which answers are right
    confidence: dict[str, np.ndarray]  # for each estimator its column, (n,), 0 to 1; NaN where it found no number
    samples_used: dict[str, int]  # for each estimator how many samples of each question it needed; its price

    @property
    def unparsed(self) -> dict[str, int]:
        """For each estimator, to how many answers it found no number."""
        return {name: int(np.isnan(column).sum()) for name, column in self.confidence.items()}


# Each file of the folder declares one.
MODULES = [import_module(f"{estimators.__name__}.{found.name}") for found in iter_modules(estimators.__path__)]
ESTIMATORS: dict[str, Estimator] = {
    estimator.name: estimator for estimator in sorted((m.ESTIMATOR for m in MODULES), key=lambda e: e.order)
}
NAMES = tuple(ESTIMATORS)


def estimate(
    lm: LanguageModel,
    questions: Sequence[Question],
    names: Sequence[str] | None = None,
    *,
    k: int = 10,
    training: Sequence[Question] = (),
    training_correct: Sequence[bool] = (),
    same_meaning: SameMeaning | None = None,
    sureness: tuple[str, str] | None = prompts.SURENESS_LABELS,
    **options: Any,
) -> Columns:
    """Ask a model the questions and let estimators judge its answers.

    Answers and samples are asked for once and shared. Nothing is sampled that no estimator needs.

    Args:
        questions: What to ask, of any tasks; prompts that fit (`fitting.fit_questions`).
        names: Estimators, some of ``NAMES``; by default all that can be had: those that need training questions where
            there are some, and none that needs the sureness question, which only a model tuned by padding can answer.
        training: Questions for the probe of P(IK), of other subjects.
        training_correct: Whether the model answers each of them right.
        same_meaning: For semantic entropy: whether two answers mean the same, by a model of entailment; equal words by
            default.
        sureness: The labels for sure and unsure that the model was taught, for estimators that need them.
        options: ``temperature``, ``seed``, ``max_new_tokens``, ``batch_size`` of `gather`.

    Raises:
        ValueError: No questions, an unknown estimator, k below 2 where samples are needed, or P(IK) without training
            questions of both kinds.
    """
    if not questions:
        raise ValueError("questions is empty; expected at least one")
    if names is None:
        cannot = {"sureness"} if training else {"sureness", "training"}
        names = [name for name in NAMES if cannot.isdisjoint(ESTIMATORS[name].needs)]
    if unknown := [name for name in names if name not in ESTIMATORS]:
        raise ValueError(f"estimator {unknown[0]!r} is unknown; expected some of {', '.join(NAMES)}")
    needs = {need for name in names for need in ESTIMATORS[name].needs}
    drawn, labels = k if "samples" in needs else None, sureness if "sureness" in needs else None
    said = gather(lm, questions, k=drawn, sureness=labels, **options)
    evidence = replace(said, training=training, training_correct=training_correct, same_meaning=same_meaning)
    return Columns(
        evidence=evidence,
        confidence={name: ESTIMATORS[name].confidence(evidence) for name in names},
        samples_used={name: k if "samples" in ESTIMATORS[name].needs else 0 for name in names},
    )

"""One call for all estimators: questions in, one confidence column each out, about the same greedy answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rtuning_helpers.confidence import estimators
from rtuning_helpers.confidence.estimators import Evidence, SameMeaning
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.language_model import LanguageModel


@dataclass(frozen=True)
class Columns:
    """What a model's answers look like to several estimators.

    Attributes:
        evidence: The answers and samples; ``evidence.correct`` says which answers are right.
        confidence: For each estimator its column, shape (n,), 0 to 1; NaN where it found no number.
        samples_used: For each estimator how many samples of each question it needed; its price.
    """

    evidence: Evidence
    confidence: dict[str, np.ndarray]
    samples_used: dict[str, int]

    @property
    def unparsed(self) -> dict[str, int]:
        """For each estimator, to how many answers it found no number."""
        return {name: int(np.isnan(column).sum()) for name, column in self.confidence.items()}


@dataclass(frozen=True)
class _Asked:
    """All that an estimator may need."""

    lm: LanguageModel
    evidence: Evidence
    training: Sequence[Question] = ()
    training_correct: Sequence[bool] = ()
    same_meaning: SameMeaning | None = None
    batch_size: int = 128


@dataclass(frozen=True)
class _Estimator:
    column: Callable[[_Asked], np.ndarray]
    needs: frozenset[str] = field(default_factory=frozenset)  # of: samples, sureness, training


def _of_evidence(estimator: Callable[[Evidence], np.ndarray], *needs: str) -> _Estimator:
    return _Estimator(lambda asked: estimator(asked.evidence), frozenset(needs))


def _of_model(estimator: Callable[..., np.ndarray]) -> _Estimator:
    return _Estimator(lambda asked: estimator(asked.lm, asked.evidence, batch_size=asked.batch_size))


_ESTIMATORS: dict[str, _Estimator] = {
    "sequence probability": _of_evidence(estimators.sequence_probability),
    "answer probability": _of_evidence(estimators.length_normalised_probability),
    "token entropy": _of_evidence(estimators.token_entropy),
    "question familiarity": _of_model(estimators.question_familiarity),
    "sample entropy": _of_evidence(estimators.sample_entropy, "samples"),
    "sample entropy, normalised": _of_evidence(lambda e: estimators.sample_entropy(e, normalise=True), "samples"),
    "self-consistency": _of_evidence(estimators.self_consistency, "samples"),
    "modal frequency": _of_evidence(estimators.modal_frequency, "samples"),
    "semantic entropy": _Estimator(
        lambda asked: estimators.semantic_entropy(asked.evidence, asked.same_meaning), frozenset({"samples"})
    ),
    "semantic entropy, discrete": _Estimator(
        lambda asked: estimators.semantic_entropy(asked.evidence, asked.same_meaning, by_frequency=True),
        frozenset({"samples"}),
    ),
    "P(True)": _of_model(estimators.p_true),
    "verbalised number": _of_model(estimators.verbalised_number),
    "verbalised words": _of_model(estimators.verbalised_words),
    "P(IK)": _Estimator(
        lambda asked: estimators.p_ik(
            asked.lm, asked.evidence, asked.training, asked.training_correct, batch_size=asked.batch_size
        ),
        frozenset({"training"}),
    ),
    "P(sure)": _of_evidence(estimators.sureness, "sureness"),
}
NAMES = tuple(_ESTIMATORS)


def estimate(
    lm: LanguageModel,
    questions: Sequence[Question],
    names: Sequence[str] | None = None,
    *,
    k: int = 10,
    temperature: float = 0.7,
    seed: int = 0,
    training: Sequence[Question] = (),
    training_correct: Sequence[bool] = (),
    same_meaning: SameMeaning | None = None,
    max_new_tokens: int = 15,
    batch_size: int = 128,
) -> Columns:
    """Ask a model the questions and let estimators judge its answers.

    Answers and samples are asked for once and shared. Nothing is sampled that no estimator needs.

    Args:
        lm: The model.
        questions: What to ask, of any tasks; prompts that fit (`fitting.fit_questions`).
        names: Estimators, some of ``NAMES``; by default all that can be had: P(IK) needs ``training``, and P(sure) is
            left out, because only a model tuned by padding can answer it.
        k: Samples of each question.
        temperature: Temperature of the samples.
        seed: Seed of the samples.
        training: Questions for the probe of P(IK), of other subjects.
        training_correct: Whether the model answers each of them right.
        same_meaning: For semantic entropy: whether two answers mean the same, by a model of entailment; equal words by
            default.
        max_new_tokens: Longest answer in words [tokens].
        batch_size: Questions answered at the same time.

    Raises:
        ValueError: No questions, an unknown estimator, k below 2 where samples are needed, or P(IK) without training
            questions of both kinds.
    """
    if not questions:
        raise ValueError("questions is empty; expected at least one")
    if names is None:
        names = [name for name in NAMES if name != "P(sure)" and (training or name != "P(IK)")]
    if unknown := [name for name in names if name not in _ESTIMATORS]:
        raise ValueError(f"estimator {unknown[0]!r} is unknown; expected some of {', '.join(NAMES)}")
    needs = set().union(*(_ESTIMATORS[name].needs for name in names))
    evidence = estimators.gather(
        lm,
        questions,
        k=k if "samples" in needs else None,
        temperature=temperature,
        seed=seed,
        ask_sureness="sureness" in needs,
        max_new_tokens=max_new_tokens,
        batch_size=batch_size,
    )
    asked = _Asked(lm, evidence, training, training_correct, same_meaning, batch_size)
    return Columns(
        evidence=evidence,
        confidence={name: _ESTIMATORS[name].column(asked) for name in names},
        samples_used={name: k if "samples" in _ESTIMATORS[name].needs else 0 for name in names},
    )

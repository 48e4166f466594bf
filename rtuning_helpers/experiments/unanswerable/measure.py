"""Refusals on questions that have no answer, and on their answerable twins: SelfAware, FalseQA, NEC. Paper 5.3.

The paper counts refusals of unanswerable questions, where a model that refuses everything is perfect. Here every row
has the other side too: how many answerable questions are refused, and how many of those the model had known. A method
that cannot refuse (the untuned model, vanilla) counts as one that never does. The paper lets its baselines refuse by a
prompt; that prompt is not printed, so it is not rebuilt here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_curve

from rtuning_helpers import metrics, steps
from rtuning_helpers.data.registry import dataset_names, find_dataset
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.metrics.exposure import proportion_interval
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import all_methods

TITLES = {"selfaware": "SelfAware", "falseqa": "FalseQA", "nec": "NEC", "refunq": "RefuNQ"}
SETS = ("selfaware", "falseqa", "nec")  # those of the paper
ALWAYS_ANSWER, ALWAYS_REFUSE = "always answer", "always refuse"
NO_UNANSWERABLE, NO_ANSWERABLE = "no unanswerable questions", "no answerable questions"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, or the reason why there is none.

    Attributes:
        value: In [0, 1]; None where it does not exist.
        low, high: Wilson's interval of a share, a bootstrap interval of any other number; None like the value.
        n: Questions it is computed from.
        reason: Why there is no value.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.1%} [{self.low:.1%}, {self.high:.1%}]".replace("%", " %")


@dataclass(frozen=True)
class RefusalRow:
    """What a method refuses of one data set.

    Attributes:
        method: ``always answer``, a method's name or ``always refuse``.
        dataset: Name of the data set.
        n_unanswerable, n_answerable: Its questions.
        recall: Share refused of the unanswerable questions: the paper's refusal rate.
        precision: Share unanswerable of the refused questions; it depends on how many there are of each kind.
        f1: Harmonic mean of the two.
        over_refusal: Share refused of the answerable questions.
        over_refusal_known, over_refusal_unknown: The same of those that the untuned model answers right, and wrong.
        fair_precision, fair_f1: As above where a question should also be refused if the untuned model does not know it.
        answered_accuracy: Share of right answers among the answerable questions that are not refused.
        auroc_sure: How well 1 - P(sure) tells unanswerable from answerable questions; 0.5 is chance.
        auroc_answer: The same of 1 - answer confidence.
        free_recall: Share of the unanswerable questions that the *untuned* model refuses when a threshold on its answer
            confidence is set so that it refuses at most as many answerable ones as this method.
    """

    method: str
    dataset: str
    n_unanswerable: int
    n_answerable: int
    recall: Estimate
    precision: Estimate
    f1: Estimate
    over_refusal: Estimate
    over_refusal_known: Estimate
    over_refusal_unknown: Estimate
    fair_precision: Estimate
    fair_f1: Estimate
    answered_accuracy: Estimate
    auroc_sure: Estimate
    auroc_answer: Estimate
    free_recall: Estimate


def asked_sets(sets: Sequence[str] = SETS, data_dir: str | Path | None = None) -> dict[str, str]:
    """Title of each set -> name of the data set to ask: the mini twin, or with a data folder the real one.

    Raises:
        ValueError: ``sets`` is empty or names a set without unanswerable questions.
        InputError: The set has no mini twin, and there is no data folder.
    """
    if not sets or not set(sets) <= set(TITLES):
        raise ValueError(f"sets is {list(sets)!r}; expected some of {', '.join(TITLES)}")
    if data_dir is not None:
        return {TITLES[name]: name for name in sets}
    for name in sets:
        if f"mini-{name}" not in dataset_names():
            raise InputError(f"sets holds {name!r}, which has no mini twin; expected it with data_dir, a data folder")
    return {TITLES[name]: f"mini-{name}" for name in sets}


def read_refusals(config: RunConfig, method: str, dataset: str) -> list[Prediction]:
    """What the model tuned by a method on the run's data set does with all questions of another; made if missing."""
    return steps.read_transfer_predictions(config, method, dataset, find_dataset(dataset).splits[-1])


def always(predictions: Sequence[Prediction], refuse: bool) -> list[Prediction]:
    """The predictions of a model that always, or never, refuses."""
    return [replace(p, refused=refuse, correct=p.correct and not refuse) for p in predictions]


def has_gold(prediction: Prediction) -> bool:
    """Whether an answer to this question can be judged: NEC and some files of FalseQA have no gold answers."""
    return prediction.answerable and bool(prediction.answer.strip())


def refusal_row(
    method: str, predictions: Sequence[Prediction], untuned: Sequence[Prediction], resamples: int = 1000, seed: int = 0
) -> RefusalRow:
    """Count a method's refusals on the two halves of a data set.

    Args:
        method: Its name in the row.
        predictions: Its predictions on all questions of the set.
        untuned: Those of the untuned model on the same questions: they say what is known, and give the free opponent.
        resamples, seed: Of the bootstrap.

    Raises:
        ValueError: ``predictions`` is empty, or ``untuned`` holds other questions.
    """
    if not predictions:
        raise ValueError("predictions is empty; expected the answers to at least one question")
    if [p.id for p in predictions] != [p.id for p in untuned]:
        raise ValueError("untuned holds other questions than predictions, or in another order")
    refused = np.array([bool(p.refused) for p in predictions])
    answerable = np.array([p.answerable for p in predictions])
    right, gold = np.array([p.correct for p in predictions]), np.array([has_gold(p) for p in predictions])
    known = gold & np.array([p.correct for p in untuned])
    judged = (~answerable | gold) & gold.any()  # what should be refused in fairness can be told of these
    no_gold = None
    if not gold.any():
        no_gold = "no answerable question has a gold answer" if answerable.any() else NO_ANSWERABLE
    no_unanswerable = NO_UNANSWERABLE if answerable.all() else None
    over_refusal = _share(refused[answerable], NO_ANSWERABLE)

    def f1(should: np.ndarray, among: np.ndarray, reason: str | None) -> Estimate:
        return _resampled(metrics.abstention_f1, should[among], refused[among], reason, resamples, seed)

    def ranked(name: str) -> Estimate:
        scores = [getattr(p, name) for p in predictions]
        reason = NO_ANSWERABLE if not answerable.any() else no_unanswerable
        if name == "answer_confidence" and method in all_methods() and all_methods()[method].may_refuse:
            reason = "its confidence is that of the refusal where it refuses"
        elif None in scores:
            reason = f"there is no {name.replace('_', ' ')}"
        doubt = None if reason else 1 - np.array(scores)
        return _resampled(metrics.auroc, ~answerable, doubt, reason, resamples, seed)

    return RefusalRow(
        *(method, predictions[0].dataset, int((~answerable).sum()), int(answerable.sum())),
        recall=_share(refused[~answerable], NO_UNANSWERABLE),
        precision=_share(~answerable[refused], "nothing is refused"),
        f1=f1(~answerable, np.ones_like(answerable), no_unanswerable),
        over_refusal=over_refusal,
        over_refusal_known=_share(refused[known], no_gold or "the untuned model knows no answer"),
        over_refusal_unknown=_share(refused[gold & ~known], no_gold or "the untuned model knows every answer"),
        fair_precision=_share(~known[refused & judged], no_gold or "nothing is refused"),
        fair_f1=f1(~known, judged, no_gold),
        answered_accuracy=_share(right[gold & ~refused], no_gold or "every question is refused"),
        auroc_sure=ranked("sure_confidence"),
        auroc_answer=ranked("answer_confidence"),
        free_recall=_free_recall(untuned, over_refusal.value),
    )


def category_rows(method: str, predictions: Sequence[Prediction]) -> list[dict]:
    """Share refused of each kind of unanswerable question: ``method``, ``dataset``, ``category``, ``refused``."""
    rows, hopeless = [], [p for p in predictions if not p.answerable]
    for kind in dict.fromkeys(p.relation for p in hopeless):
        refused = _share(np.array([bool(p.refused) for p in hopeless if p.relation == kind]), "")
        rows.append({"method": method, "dataset": hopeless[0].dataset, "category": kind, "refused": refused})
    return rows


def all_rows(answers: Mapping[str, Sequence[Prediction]], resamples: int = 1000, seed: int = 0) -> list[RefusalRow]:
    """A `refusal_row` for every method that has answered a data set, between always answering and always refusing.

    Args:
        answers: Method -> its predictions on the same questions; ``pretrained`` has to be among them.
        resamples, seed: Of the bootstrap.

    Raises:
        ValueError: ``answers`` lacks ``pretrained``, or as in `refusal_row`.
    """
    if steps.PRETRAINED not in answers:
        raise ValueError(f"answers holds {', '.join(answers) or 'nothing'}; expected {steps.PRETRAINED} among them")
    untuned = answers[steps.PRETRAINED]
    shown = {ALWAYS_ANSWER: always(untuned, False), **answers, ALWAYS_REFUSE: always(untuned, True)}
    return [refusal_row(method, found, untuned, resamples, seed) for method, found in shown.items()]


def refusal_curve(predictions: Sequence[Prediction], confidence: str) -> tuple[np.ndarray, np.ndarray]:
    """Over-refusal and refusal rate, 0 to 1, as a threshold on ``"answer_confidence"`` or ``"sure_confidence"`` rises.

    What lies at or below the threshold is refused.

    Raises:
        ValueError: Only one kind of question, or a prediction has no such confidence.
    """
    scores = [getattr(p, confidence) for p in predictions]
    if None in scores:
        raise ValueError(f"confidence {confidence!r} is missing in row {scores.index(None) + 1} of predictions")
    unanswerable = [not p.answerable for p in predictions]
    if len(set(unanswerable)) < 2:
        raise ValueError("predictions holds one kind of question only; expected answerable and unanswerable ones")
    over, recall, _ = roc_curve(unanswerable, 1 - np.array(scores), drop_intermediate=False)
    return over, recall


def _free_recall(untuned: Sequence[Prediction], over_refusal: float | None) -> Estimate:
    unanswerable = sum(not p.answerable for p in untuned)
    if over_refusal is None or not unanswerable:
        return Estimate(None, None, None, unanswerable, NO_ANSWERABLE if unanswerable else NO_UNANSWERABLE)
    if any(p.answer_confidence is None for p in untuned):
        return Estimate(None, None, None, unanswerable, "there is no answer confidence")
    over, recall = refusal_curve(untuned, "answer_confidence")
    best = recall[over <= over_refusal + 1e-9].max()
    return _share(np.arange(unanswerable) < round(best * unanswerable), "")


def _share(outcomes: np.ndarray, reason: str) -> Estimate:
    """The share of true outcomes; without any outcome there is none, for the given reason."""
    n, hits = len(outcomes), int(outcomes.sum())
    return Estimate(hits / n, *proportion_interval(hits, n), n) if n else Estimate(None, None, None, 0, reason)


def _resampled(
    metric: Callable, positive: np.ndarray, other: np.ndarray | None, reason: str | None, resamples: int, seed: int
) -> Estimate:
    """A metric of two columns with its bootstrap interval, unless there is a reason why it does not exist."""
    if reason is not None or other is None:
        return Estimate(None, None, None, len(positive), reason)
    low, high = metrics.bootstrap_interval(metric, positive, other, resamples=resamples, seed=seed)
    return Estimate(metric(positive, other), low, high, len(positive))

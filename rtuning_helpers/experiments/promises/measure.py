"""Six ways to choose a threshold, tried on a thousand samples of questions: what each promised, and what came true.

The questions at hand are taken for the whole world: samples are drawn from them with replacement, and what a threshold
does to all of them is known, not estimated. So a promise is either kept or broken, and how often is a count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rtuning_helpers import metrics
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.evaluation.summary import column
from rtuning_helpers.experiments.real_models.measure import unpacked
from rtuning_helpers.metrics.arrays import above_thresholds

BINS = 10  # of confidence, in which two sets of questions are compared
BORDERS = np.arange(1, 20) / 20  # what Bonferroni's rule chooses from
RISK, SHARE, ERRORS = "risk", "wrong", "errors"  # what is promised to stay low, see `Outcomes`


@dataclass(frozen=True)
class World:
    """Questions, what a model makes of each, and how often each is asked.

    Attributes:
        correct: Whether it is answered right, (n,).
        confidence: What the answers are ranked by, (n,).
        asked: How often it is asked, as shares that sum to 1, (n,).
        exposure: How often its fact was read, (n,); None where nobody knows.
    """

    correct: np.ndarray
    confidence: np.ndarray
    asked: np.ndarray
    exposure: np.ndarray | None = None

    def tilted(self, weights: np.ndarray) -> "World":
        """The same questions, each asked so many times as often as before."""
        asked = self.asked * weights
        return replace(self, asked=asked / asked.sum())


def world(correct: ArrayLike, confidence: ArrayLike, exposure: ArrayLike | None = None) -> World:
    """Questions that are all asked alike."""
    right, stated = np.asarray(correct, dtype=float), np.asarray(confidence, dtype=float)
    known = None if exposure is None else np.asarray(exposure)
    return World(right, stated, np.full(len(right), 1 / len(right)), known)


def world_of(predictions: Sequence[Prediction]) -> World:
    """The questions of predictions, ranked by the mix where the model says how sure it is, else by the answer alone."""
    mixed = column(predictions, "mixed_confidence")
    confidence: Any = column(predictions, "answer_confidence") if mixed is None else mixed
    exposure: Any = [p.exposure for p in predictions]
    return world([p.correct for p in predictions], confidence, None if None in exposure else exposure)


def recorded_world(row: Mapping) -> World:
    """The same of a row as `real_models.measure.packed` records it, with ``exposure`` if that was recorded."""
    found = unpacked(dict(row))
    answer, sure = found["answer"], found["sure"]
    return world(found["correct"], answer if sure is None else (answer + sure) / 2, found.get("exposure"))


@dataclass(frozen=True)
class Limits:
    """What is promised: at most a share ``max_risk``, but with probability ``delta`` (or on average)."""

    max_risk: float = 0.1
    delta: float = 0.1
    min_answers: int = 50  # with fewer, the fixed sequence does not begin


@dataclass(frozen=True)
class Rule:
    """A way to choose a threshold.

    Attributes:
        name: For people.
        promised: What stays low: `RISK`, `SHARE` or `ERRORS`.
        average: Whether that is promised on average only, and not with probability 1 - delta.
        threshold: Gets right or wrong, the confidences, the limits, and weights where the sample is to stand for
            questions of another kind; NaN for a threshold above all.
    """

    name: str
    promised: str
    average: bool
    threshold: Callable[..., float]


def by_eye(right: np.ndarray, score: np.ndarray, limits: Limits) -> float:
    """The lowest threshold at which the sample's own risk is low enough, as one reads it off a curve."""
    return _lowest(right, score, lambda wrong, answered: wrong <= limits.max_risk * answered)


def best_bound(right: np.ndarray, score: np.ndarray, limits: Limits) -> float:
    """The lowest threshold of all whose Clopper-Pearson bound is low enough, as if it were the only one tried."""
    return _lowest(
        right, score, lambda wrong, answered: metrics.risk_is_low(wrong, answered, limits.max_risk, limits.delta)
    )


def bonferroni(right: np.ndarray, score: np.ndarray, limits: Limits) -> float:
    """The lowest of 19 borders that passes the test at the 19th part of delta."""
    answered = score[:, None] >= BORDERS
    wrong, count = (answered & (right[:, None] == 0)).sum(axis=0), answered.sum(axis=0)
    passed = BORDERS[metrics.risk_is_low(wrong, count, limits.max_risk, limits.delta / len(BORDERS))]
    return float(passed[0]) if len(passed) else float("nan")


def fixed_sequence(
    right: np.ndarray, score: np.ndarray, limits: Limits, weights: np.ndarray | None = None, seed: int = 0
) -> float:
    """`metrics.risk_control_threshold`; with weights on the part of the sample that `metrics.thinned` keeps."""
    kept = np.ones(len(right), dtype=bool) if weights is None else metrics.thinned(weights, seed)
    how = limits.max_risk, limits.delta, limits.min_answers
    return metrics.risk_control_threshold(right[kept], score[kept], *how).threshold


def conformal(
    right: np.ndarray, score: np.ndarray, limits: Limits, weights: np.ndarray | None = None, seed: int = 0
) -> float:
    """`metrics.average_risk_threshold`."""
    return metrics.average_risk_threshold(right, score, limits.max_risk, weights)


def fact_test(right: np.ndarray, score: np.ndarray, limits: Limits) -> float:
    """`metrics.wrong_answer_threshold`."""
    return metrics.wrong_answer_threshold(right, score, limits.max_risk, limits.delta)


FIXED_SEQUENCE = Rule("fixed sequence", RISK, False, fixed_sequence)
CONFORMAL = Rule("conformal", SHARE, True, conformal)
RULES = (
    Rule("by eye", RISK, False, by_eye),
    Rule("best bound", RISK, False, best_bound),
    Rule("Bonferroni", RISK, False, bonferroni),
    FIXED_SEQUENCE,
    CONFORMAL,
    Rule("FactTest", ERRORS, False, fact_test),
)


def _lowest(right: np.ndarray, score: np.ndarray, passes: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    hits, answered = (c[0] for c in above_thresholds(right, score, np.ones((1, len(right)))))
    passed = np.flatnonzero(passes(answered - hits, answered))
    return float(np.unique(score)[::-1][passed[-1]]) if len(passed) else float("nan")


@dataclass(frozen=True)
class Outcomes:
    """What thresholds do to a world, an entry each.

    Attributes:
        coverage: Share of the questions that is answered.
        risk: Share of wrong answers among those; 0 where nothing is answered.
        wrong: Share of all questions that is answered wrongly.
        errors: Share that is answered of those that would be answered wrongly.
    """

    coverage: np.ndarray
    risk: np.ndarray
    wrong: np.ndarray
    errors: np.ndarray


def outcomes(found: World, thresholds: ArrayLike) -> Outcomes:
    """What each threshold does to all questions of a world; NaN answers none."""
    order = np.argsort(found.confidence)
    asked, missed = found.asked[order], (found.asked * (1 - found.correct))[order]
    first = np.searchsorted(found.confidence[order], thresholds)  # NaN is sorted behind all numbers
    coverage, wrong = (np.append(np.cumsum(part[::-1])[::-1], 0)[first] for part in (asked, missed))
    risk = np.divide(wrong, coverage, out=np.zeros_like(wrong), where=coverage > 0)
    return Outcomes(coverage, risk, wrong, wrong / max(missed.sum(), np.finfo(float).tiny))


def drawn_thresholds(
    rule: Rule, source: World, n: int, limits: Limits, draws: int = 1000, seed: int = 0, target: World | None = None,
    weights: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """The thresholds that a rule chooses on samples of n questions.

    Args:
        source: Where the samples with known answers come from.
        target: Where questions without answers come from, as many: from both, the weights of each sample are estimated
            (`confidence_weights`). None for no such weights.
        weights: Weights of all of the source's questions, where they are known.

    Returns:
        Shape (draws,); NaN where the rule finds none.
    """
    rng, found = np.random.default_rng(seed), []
    for draw in range(draws):
        rows = rng.choice(len(source.correct), size=n, p=source.asked)
        how: dict = {}
        if target is not None:
            there = target.confidence[rng.choice(len(target.correct), size=n, p=target.asked)]
            how = {"weights": confidence_weights(source.confidence[rows], there), "seed": draw}
        elif weights is not None:
            how = {"weights": weights[rows], "seed": draw}
        found.append(rule.threshold(source.correct[rows], source.confidence[rows], limits, **how))
    return np.array(found)


def confidence_weights(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """How much likelier each confidence is there than here: shares of ten bins, each with one question added."""
    place = [np.minimum((BINS * part).astype(int), BINS - 1) for part in (here, there)]
    counts = [np.bincount(part, minlength=BINS) + 1 for part in place]
    ratio = (counts[1] / counts[1].sum()) / (counts[0] / counts[0].sum())
    return ratio[place[0]]


def kept(rule: Rule, thresholds: np.ndarray, found: World, limits: Limits) -> dict:
    """Whether a rule kept its promise in a world.

    Returns:
        ``rule``, ``promised``, ``average``; ``value``, ``low``, ``high``: for an average the mean of what it is about,
        otherwise the share of the thresholds that broke the promise, with the exact 95 % interval (of a mean, normal);
        ``limit``, which it may not exceed; ``holds``, unless the whole interval does; mean ``coverage`` and ``risk``,
        and ``none``, the share of the samples without a threshold.
    """
    seen = outcomes(found, thresholds)
    about, count = getattr(seen, rule.promised), len(thresholds)
    if rule.average:
        value, half = float(about.mean()), 1.96 * float(about.std(ddof=1)) / count**0.5
        low, high, limit = value - half, value + half, limits.max_risk
    else:
        broken = int((about > limits.max_risk + 1e-9).sum())
        value, limit = broken / count, limits.delta
        low, high = metrics.clopper_pearson_interval(broken, count)
    row = {"rule": rule.name, "promised": rule.promised, "average": rule.average}
    row |= {"value": value, "low": low, "high": high, "limit": limit, "holds": low <= limit}
    means = {"coverage": float(seen.coverage.mean()), "risk": float(seen.risk.mean())}
    return row | means | {"none": float(np.isnan(thresholds).mean())}


HERE, THERE = "as chosen here", "chosen there"
ESTIMATED, KNOWN = "weights by confidence", "known weights"


def under_shift(
    source: World, target: World, n: int, limits: Limits, draws: int = 1000, seed: int = 0,
    known: np.ndarray | None = None, rules: Sequence[Rule] = (FIXED_SEQUENCE, CONFORMAL),
) -> list[dict]:  # fmt: skip
    """Thresholds that are chosen on questions of one world and used in another.

    Args:
        source, target: The worlds; answers are known in the source only.
        n: Size of a sample.
        known: How much likelier each question of the source is in the target, where that is known, (questions,).
        rules: Those that take weights.

    Returns:
        Rows of `kept` in the target, with ``chosen``: `HERE` (without weights), `ESTIMATED` (weights by confidence,
        from unanswered questions of the target), `KNOWN`, and `THERE`: on as many answered questions of the target.
    """
    rows = []
    for rule in rules:
        ways: dict[str, dict] = {HERE: {}, ESTIMATED: {"target": target}}
        if known is not None:
            ways[KNOWN] = {"weights": known}
        thresholds = {way: drawn_thresholds(rule, source, n, limits, draws, seed, **how) for way, how in ways.items()}
        thresholds[THERE] = drawn_thresholds(rule, target, n, limits, draws, seed)
        rows += [{"chosen": way} | kept(rule, found, target, limits) for way, found in thresholds.items()]
    return rows

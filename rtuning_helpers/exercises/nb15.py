"""Notebook 15: one confidence of many steps, steps that follow from a wrong one, and hops that are independent."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, fields, function, share
from rtuning_helpers.experiments.aloud.measure import HOP_BY_HOP, WITH_STEPS, Walk, read_walks
from rtuning_helpers.experiments.aloud.tables import RULES, group_of
from rtuning_helpers.run.profiles import RunConfig

STEPS = ([0.9, 0.4], [0.5, 0.8], [0.3, 0.6, 0.7], [1.0])
CASES = [(steps, rule) for rule in ("last", "minimum", "product") for steps in STEPS]


def _whole(steps: Sequence[float], rule: str) -> float:
    return float(RULES[rule](steps))


def _instead(taken: str, given: str) -> Any:
    return lambda steps, rule: _whole(steps, given if rule == taken else rule)


MISTAKES = [
    (_instead("last", "first"), "`last` takes the first step."),
    (lambda steps, rule: max(steps) if rule == "minimum" else _whole(steps, rule), "`minimum` takes the largest."),
    (
        lambda steps, rule: float(np.sum(steps)) if rule == "product" else _whole(steps, rule),
        "`product` adds the steps; multiply them.",
    ),
    (
        lambda steps, rule: float(np.mean(steps)) if rule == "product" else _whole(steps, rule),
        "`product` takes the mean; multiply the steps.",
    ),
    (
        lambda steps, rule: steps[0] * steps[-1] if rule == "product" else _whole(steps, rule),
        "an answer may have one step, or three: `product` takes all of them, each once.",
    ),
    (lambda steps, rule: _whole(steps, "last"), "it gives the last step whatever the rule is."),
    (lambda steps, rule: _whole(steps, "minimum"), "it gives the minimum whatever the rule is."),
    (lambda steps, rule: _whole(steps, "product"), "it gives the product whatever the rule is."),
]


def check_whole(config: RunConfig, answer: Any) -> None:
    """15.1: one confidence of those of all steps, as a function of them and a rule."""
    function(answer, _whole, CASES, "Look at that rule alone, with two steps on paper.", mistakes=MISTAKES)


def _chains(config: RunConfig, arm: str, group: str) -> list[Walk]:
    return [w for w in read_walks(config, arm) if group_of(w) == group]


def check_follows(config: RunConfig, answer: Any) -> None:
    """15.2: of the chains whose first step is wrong, asked hop by hop: true of the wrong bridge, and how sure."""
    followed, sure = fields(answer, ["follows", "sure"])
    chains = [w for w in _chains(config, HOP_BY_HOP, "chains") if w.follows is not None]
    wrong = [w for w in chains if not w.right[0]]
    if not wrong:
        raise NotHere("no first step of a chain names a wrong bridge")
    hits = [bool(w.follows) for w in wrong]
    share(
        followed,
        float(np.mean(hits)),
        "Keep the chains whose first step is wrong and whose `follows` is not None; which share of them follows?",
        name="'follows'",
        mistakes=[
            (
                float(np.mean([bool(w.follows) for w in chains])),
                "'follows' is over chains with a right first step too.",
            ),
            (float(np.mean([w.correct for w in wrong])), "'follows' is how many are right; `follows` is asked for."),
        ],
    )
    share(
        sure,
        float(np.mean([w.sure[-1] for w in wrong])),
        "Take the mean of the last P(sure) over the same chains.",
        name="'sure'",
        mistakes=[
            (float(np.mean([w.sure[0] for w in wrong])), "'sure' is that of the first step."),
            (float(np.mean([min(w.sure) for w in wrong])), "'sure' is that of the minimum; the last is asked for."),
            (float(np.mean([w.sure[-1] > 0.5 for w in wrong])), "'sure' is a share; the mean P(sure) is asked for."),
        ],
    )


def check_independent(config: RunConfig, answer: Any) -> None:
    """15.3: how often both steps of a pair are right, and how often chance would have it from each alone."""
    expected, observed = fields(answer, ["expected", "observed"])
    pairs = _chains(config, WITH_STEPS, "pairs")
    if not pairs:
        raise NotHere("this run has no pairs")
    first, second = (float(np.mean([w.right[step] for w in pairs])) for step in (0, 1))
    both = float(np.mean([all(w.right) for w in pairs]))
    share(
        expected,
        first * second,
        "The two shares of right steps, each over all pairs; what is their product?",
        name="'expected'",
        mistakes=[
            (first, "'expected' is the share of right first steps alone."),
            (second, "'expected' is the share of right second steps alone."),
            ((first + second) / 2, "'expected' is the mean of the two shares; both have to be right."),
        ],
    )
    share(
        observed,
        both,
        "Count the pairs of which both steps are right.",
        name="'observed'",
        mistakes=[
            (float(np.mean([any(w.right) for w in pairs])), "'observed' counts pairs with one right step, too."),
            (first * second, "'observed' is computed from the shares; count the pairs."),
        ],
    )


CHECKS: dict[str, Check] = {
    "15.1": check_whole,
    "15.2": check_follows,
    "15.3": check_independent,
}

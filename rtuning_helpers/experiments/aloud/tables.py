"""What walks say: rankings by rules over the steps, cells by which hop was read, the weakest hop."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import spearmanr

from rtuning_helpers import metrics
from rtuning_helpers.metrics.answers import WILLING

if TYPE_CHECKING:
    from rtuning_helpers.experiments.aloud.measure import Walk

WELL_READ = 7  # documents from which on the mini model answers practically everything right

CELLS = ("both read", "first never read", "second never read", "neither read")

RULES: dict[str, Callable[[Sequence[float]], float]] = {
    "first": lambda steps: steps[0],
    "last": lambda steps: steps[-1],
    "minimum": min,
    "product": lambda steps: float(np.prod(steps)),
}
"""How the confidences of the steps of an answer become one."""

Walks = Mapping[str, Sequence["Walk"]]  # arm -> its walks, all over the same questions


def group_of(walk: "Walk") -> str:
    """Which table a question belongs to: chains, pairs, chains of unseen relations, broken chains."""
    return {"ood": "chains, unseen relations", "broken": "broken chains"}.get(walk.split, f"{walk.kind}s")


def cell_of(walk: "Walk") -> str:
    """One of `CELLS`: which hops were read well; "" where one was read a few times only."""
    if not all(exposure == 0 or exposure >= WELL_READ for exposure in walk.exposures):
        return ""
    first, second = (exposure > 0 for exposure in walk.exposures)
    return {(True, True): CELLS[0], (False, True): CELLS[1], (True, False): CELLS[2]}.get((first, second), CELLS[3])


def ranking_rows(walks: Walks) -> list[dict]:
    """How well each rule over the steps tells right answers from wrong ones: a row an arm, group and rule.

    Returns:
        ``arm``, ``group``, ``rule``, ``n``, ``accuracy``, ``auroc``, ``ap``, ``aurc``, ``brier``, ``answer_rate`` and
        ``willing_accuracy`` (answered where the confidence is above one half); None where a number does not exist.
    """
    rows = []
    for arm, found in walks.items():
        for group in dict.fromkeys(map(group_of, found)):
            part = [w for w in found if group_of(w) == group]
            right = [w.correct for w in part]
            rules = RULES if len(part[0].sure) > 1 else {"last": RULES["last"]}
            for name, rule in rules.items():
                sure = [rule(w.sure) for w in part]
                refused = [s <= WILLING for s in sure]
                numbers = {
                    "accuracy": np.mean(right),
                    "auroc": metrics.auroc(right, sure),
                    "ap": metrics.average_precision(right, sure),
                    "aurc": metrics.aurc(right, sure),
                    "brier": metrics.brier(right, sure),
                    "answer_rate": metrics.answer_rate(refused),
                    "willing_accuracy": metrics.willing_accuracy(right, refused),
                }
                place = {"arm": arm, "group": group, "rule": name, "n": len(part)}
                rows.append(place | {key: _number(value) for key, value in numbers.items()})
    return rows


def cell_rows(walks: Walks) -> list[dict]:
    """What is said where both hops were read often, and where one or both never were: a row an arm, group and cell.

    Returns:
        ``arm``, ``group``, ``cell``, ``n``, ``first_right`` (None without steps), ``right``, ``follows`` (share of the
        second steps that are true of the bridge that was named), ``sure_first`` and ``sure_last`` (means), and
        ``refused`` (share with a last P(sure) of at most one half).
    """
    rows = []
    for arm, found in walks.items():
        keys = dict.fromkeys((group_of(w), cell_of(w)) for w in found)
        for group, cell in keys:
            part = [w for w in found if (group_of(w), cell_of(w)) == (group, cell)]
            if not cell:
                continue
            has_steps = len(part[0].sure) > 1
            followed = [w.follows for w in part if w.follows is not None]
            numbers = {
                "first_right": np.mean([w.right[0] for w in part]) if has_steps else np.nan,
                "right": np.mean([w.correct for w in part]),
                "follows": np.mean(followed) if followed else np.nan,
                "sure_first": np.mean([w.sure[0] for w in part]) if has_steps else np.nan,
                "sure_last": np.mean([w.sure[-1] for w in part]),
                "refused": np.mean([w.sure[-1] <= WILLING for w in part]),
            }
            place = {"arm": arm, "group": group, "cell": cell, "n": len(part)}
            rows.append(place | {key: _number(value) for key, value in numbers.items()})
    return rows


def weakest_rows(walks: Walks, alone: str) -> list[dict]:
    """Whether the last P(sure) of each arm goes with that of the weaker hop: a row an arm and group.

    Args:
        alone: The arm whose two P(sure) are those of the hops asked alone.

    Returns:
        ``arm``, ``group``, ``n``, and Spearman's rank correlation of the arm's last P(sure) with that of the ``first``
        hop alone, the ``second`` alone, their ``minimum`` and their ``product``.
    """
    hops = {w.id: w.sure for w in walks[alone]}
    rows = []
    for arm, found in walks.items():
        for group in dict.fromkeys(map(group_of, found)) if arm != alone else ():
            part = [w for w in found if group_of(w) == group]
            last = [w.sure[-1] for w in part]
            opponents = RULES | {"second": RULES["last"]}
            del opponents["last"]
            row = {name: _correlation(last, [rule(hops[w.id]) for w in part]) for name, rule in opponents.items()}
            rows.append({"arm": arm, "group": group, "n": len(part)} | row)
    return rows


def _correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    return _number(spearmanr(one, other).statistic) if len({*one}) > 1 and len({*other}) > 1 else None


def _number(value: float | np.floating) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)

"""Lucky guesses among the certain questions, counted with the help of the exposures that the mini world knows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtuning_helpers.metrics.exposure import EXPOSURE_BINS


@dataclass(frozen=True)
class Luck:
    """How many of the right answers are guesses.

    Attributes:
        chance: Share of right answers where the corpus never states the fact: the rate of lucky guesses, 0 to 1.
        certain: Right answers in all (D1).
        never_read: Those of them whose fact the corpus never states: luck beyond doubt.
        lucky: Lucky guesses in all, estimated: never read, and read but not learnt.
        lucky_ci95: Bootstrap interval of ``lucky``, questions resampled.
    """

    chance: float
    certain: int
    never_read: int
    lucky: float
    lucky_ci95: tuple[float, float]

    @property
    def share(self) -> float:
        """Lucky guesses among the certain questions, 0 to 1."""
        return self.lucky / self.certain


def count_luck(exposures: Sequence[int], correct: Sequence[bool], resamples: int = 1000, seed: int = 0) -> Luck:
    """Estimate how many right answers are luck.

    Whoever does not know a fact guesses right with the rate g seen on facts that the corpus never states. Of n
    questions in an exposure bin of which a share r is answered right, a share k is known, with r = k + (1 - k) g; so
    the bin holds n (1 - k) g = n (1 - r) g / (1 - g) lucky guesses.

    Args:
        exposures: How often the corpus states each fact.
        correct: Whether each greedy answer is right.
        resamples, seed: Of the bootstrap.

    Raises:
        ValueError: Lengths that differ, no right answer, or no question of exposure 0 that is answered wrong.
    """
    seen, right = np.asarray(exposures), np.asarray(correct, dtype=bool)
    if len(seen) != len(right):
        raise ValueError(f"correct has {len(right)} rows, exposures {len(seen)}; expected as many")
    if not right.any():
        raise ValueError("correct holds no right answer; there is no luck to count")
    if right[seen == 0].all():
        raise ValueError("exposures holds no fact never stated that is answered wrong; chance cannot be measured")
    inside = np.array([(seen >= low) & (seen <= high) for _, low, high in EXPOSURE_BINS])
    rng = np.random.default_rng(seed)
    draws = [_lucky(inside[:, rows], right[rows]) for rows in rng.integers(len(seen), size=(resamples, len(seen)))]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    unread = right[seen == 0]
    counts = int(right.sum()), int(unread.sum())
    return Luck(float(unread.mean()), *counts, _lucky(inside, right), (float(low), float(high)))


def _lucky(inside: np.ndarray, right: np.ndarray) -> float:
    """Lucky guesses; ``inside`` has a row for each exposure bin, the first for exposure 0."""
    n, hits = inside.sum(1), (inside & right).sum(1)
    chance = hits[0] / n[0] if n[0] else np.nan
    return float(hits[0] + ((n - hits)[1:] * chance / (1 - chance)).sum()) if chance < 1 else float("nan")

"""A suffix found by a bounded random search: words behind a question that make a model answer, or refuse."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LENGTH = 4  # words
TRIES = 30  # suffixes that are looked at


@dataclass(frozen=True)
class Found:
    """The best of the suffixes that were tried.

    Attributes:
        suffix: Its words.
        path: Score of the best suffix after each try; the first is that of the suffix that the search began with.
    """

    suffix: str
    path: list[float]


def search_suffix(
    score: Callable[[str], float], words: Sequence[str], seed: int = 0, tries: int = TRIES, length: int = LENGTH
) -> Found:
    """Exchange one word after the other by lot, and keep what scores higher.

    Args:
        score: How well a suffix does; called ``tries`` times.
        words: What suffixes are made of.
        seed: Of the lots.
        tries: Suffixes that are scored, at least one.
        length: Words of a suffix.
    """
    rng = random.Random(seed)
    best = rng.choices(words, k=length)
    path = [score(" ".join(best))]
    for _ in range(tries - 1):
        tried = list(best)
        tried[rng.randrange(length)] = rng.choice(words)
        value = score(" ".join(tried))
        if value > path[-1]:
            best = tried
        path.append(max(value, path[-1]))
    return Found(" ".join(best), path)

"""Clusters of sampled answers that mean the same, and the entropy over them."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from scipy.stats import entropy

from rtuning_helpers.confidence.evidence import Evidence, SameMeaning
from rtuning_helpers.data.words import as_compared


def meaning_clusters(question: str, answers: Sequence[str], same_meaning: SameMeaning | None = None) -> list[int]:
    """Number of the cluster of each answer; a new cluster opens where an answer matches none of the first ones."""

    def same_words(_: str, one: str, other: str) -> bool:
        return as_compared(one) == as_compared(other)

    agree, first = same_meaning or same_words, list[str]()
    known: dict[str, int] = {}
    for answer in dict.fromkeys(answers):
        known[answer] = next((i for i, other in enumerate(first) if agree(question, other, answer)), len(first))
        if known[answer] == len(first):
            first.append(answer)
    return [known[answer] for answer in answers]


def semantic_confidence(evidence: Evidence, by_frequency: bool = False) -> np.ndarray:
    """1 - SE / ln k, SE the entropy over clusters of samples that mean the same.

    A cluster's weight is the sum of the probabilities of its *different* answers, each counted once however often it
    was drawn, normalised over all clusters: SE = -sum_C p(C) ln p(C).

    Args:
        evidence: With samples. Its ``same_meaning`` is asked of an answer and the first answer of each cluster.
        by_frequency: Weigh a cluster by how many samples fell into it instead.
    """
    found = []
    for question, row in zip(evidence.questions, evidence.drawn, strict=True):
        clusters = meaning_clusters(question.question, [a.text for a in row], evidence.same_meaning)
        weights: dict[int, float] = defaultdict(float)
        counted: set[str] = set()
        for cluster, answer in zip(clusters, row, strict=True):
            if by_frequency:
                weights[cluster] += 1
            elif answer.text not in counted:
                weights[cluster] += math.prod(answer.token_probabilities)
                counted.add(answer.text)
        found.append(1 - entropy(list(weights.values())) / math.log(len(row)))
    return np.clip(found, 0, 1)

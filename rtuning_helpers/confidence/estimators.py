"""Estimators of uncertainty: questions in, one confidence column each out, all about the same greedy answers.

What several estimators need (the answers, the samples) is asked of the model once. Every column is a confidence between
0 and 1, higher for answers that are more likely right; most are rankings and not yet probabilities, see `calibrators`.
NaN marks an answer to which an estimator found no number.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rtuning_helpers.confidence import verbalised
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right, normalised_words
from rtuning_helpers.data.questions import Question
from rtuning_helpers.model.answering import answer_questions, draw_question_answers
from rtuning_helpers.model.decoding import Answer, answer_prompts
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.uncertainty import answer_entropy, perplexities

SameMeaning = Callable[[str, str, str], bool]
"""(question, one answer, another) -> whether they say the same, from a model of entailment, say."""


@dataclass(frozen=True)
class Evidence:
    """What a model said about each question.

    Attributes:
        questions: The n questions.
        answers: The greedy answers; with the sure confidence if it was asked.
        samples: For each question its k sampled answers; None if not drawn.
    """

    questions: Sequence[Question]
    answers: Sequence[Answer]
    samples: Sequence[Sequence[Answer]] | None = None

    @property
    def correct(self) -> np.ndarray:
        """Whether each greedy answer is right, shape (n,)."""
        pairs = zip(self.answers, self.questions, strict=True)
        return np.array([is_right(q, a.text) for a, q in pairs])


def gather(
    lm: LanguageModel,
    questions: Sequence[Question],
    *,
    k: int | None = 10,
    temperature: float = 0.7,
    seed: int = 0,
    ask_sureness: bool = False,
    max_new_tokens: int = 15,
    batch_size: int = 128,
) -> Evidence:
    """Ask a model once what the estimators need.

    Args:
        lm: The model.
        questions: What to ask, of any tasks; prompts that fit (`fitting.fit_questions`).
        k: Samples a question; None draws none.
        temperature: Temperature of the samples.
        seed: Seed of the samples.
        ask_sureness: Also put the sureness question; for models tuned by padding.
        max_new_tokens: Longest answer in words [tokens].
        batch_size: Rows answered at the same time.

    Raises:
        ValueError: k below 2.
    """
    if k is not None and k < 2:
        raise ValueError(f"k is {k}; estimators over samples need at least 2")
    sizes = {"max_new_tokens": max_new_tokens, "batch_size": batch_size}
    answers = answer_questions(lm, questions, ask_sureness=ask_sureness, **sizes)
    samples = None
    if k is not None:
        samples = draw_question_answers(lm, questions, k=k, temperature=temperature, seed=seed, **sizes)
    return Evidence(questions, answers, samples)


# --- from the one greedy answer ---


def sequence_probability(evidence: Evidence) -> np.ndarray:
    """Product of the answer tokens' probabilities; where there are options, the letter's share."""
    return np.array([math.prod(a.token_probabilities) for a in evidence.answers])


def length_normalised_probability(evidence: Evidence) -> np.ndarray:
    """Their geometric mean, the reciprocal of the answer's perplexity: the kit's and the paper's answer confidence."""
    return np.array([a.confidence for a in evidence.answers])


def token_entropy(evidence: Evidence) -> np.ndarray:
    """exp(-H), H the mean entropy of the distributions over the answer's tokens [nats]."""
    return np.array([math.exp(-np.mean(a.token_entropies)) for a in evidence.answers])


def sureness(evidence: Evidence) -> np.ndarray:
    """The learned P(sure) (paper 2.3).

    Raises:
        ValueError: The sureness question was not asked.
    """
    if any(a.sure_probability is None for a in evidence.answers):
        raise ValueError(
            "evidence has no sure confidences; gather it with ask_sureness=True from a model tuned to say so"
        )
    return np.array([a.sure_probability for a in evidence.answers])


# --- from k samples ---


def sample_entropy(evidence: Evidence, normalise: bool = False) -> np.ndarray:
    """1 - u / ln k, u the entropy of the sampled answers' frequencies (paper 5.1: R-Tuning-U).

    Args:
        evidence: With samples.
        normalise: Count answers that differ in case and punctuation only as one.
    """
    spread = [answer_entropy([a.text for a in row], normalise) / math.log(len(row)) for row in _drawn(evidence)]
    return np.clip(1 - np.array(spread), 0, 1)  # ten different answers would give -2e-16


def self_consistency(evidence: Evidence) -> np.ndarray:
    """Share of the samples that agree with the greedy answer, case and punctuation aside (after Wang et al. 2022)."""
    return np.array(
        [
            np.mean([_normalised(a.text) == _normalised(greedy.text) for a in row])
            for greedy, row in zip(evidence.answers, _drawn(evidence), strict=True)
        ]
    )


def modal_frequency(evidence: Evidence) -> np.ndarray:
    """Share of the most frequent sampled answer: the paper's Vanilla-C, which also answers with that sample."""
    return np.array([max(Counter(a.text for a in row).values()) / len(row) for row in _drawn(evidence)])


def semantic_entropy(
    evidence: Evidence, same_meaning: SameMeaning | None = None, by_frequency: bool = False
) -> np.ndarray:
    """1 - SE / ln k, SE the entropy over clusters of samples that mean the same (Kuhn et al. 2023, Farquhar 2024).

    A cluster's weight is the sum of the probabilities of its *different* answers, each counted once however often it
    was drawn, normalised over all clusters: SE = -sum_C p(C) ln p(C).

    Args:
        evidence: With samples.
        same_meaning: Whether two answers to a question mean the same; by default, equal words. Asked of an answer and
            the first answer of each cluster.
        by_frequency: Weigh a cluster by how many samples fell into it instead (discrete semantic entropy).
    """
    found = []
    for question, row in zip(evidence.questions, _drawn(evidence), strict=True):
        clusters = meaning_clusters(question.question, [a.text for a in row], same_meaning)
        weights: dict[int, float] = {}
        counted: set[str] = set()
        for cluster, answer in zip(clusters, row, strict=True):
            if not by_frequency and answer.text in counted:
                continue
            counted.add(answer.text)
            weight = 1.0 if by_frequency else math.prod(answer.token_probabilities)
            weights[cluster] = weights.get(cluster, 0.0) + weight
        shares = np.array(list(weights.values())) / sum(weights.values())
        found.append(1 + float((shares * np.log(np.maximum(shares, 1e-300))).sum()) / math.log(len(row)))
    return np.clip(found, 0, 1)


def meaning_clusters(question: str, answers: Sequence[str], same_meaning: SameMeaning | None = None) -> list[int]:
    """Number of the cluster of each answer; a new cluster opens where an answer matches none of the first ones."""

    def equal_words(_: str, one: str, other: str) -> bool:
        return _normalised(one) == _normalised(other)

    agree, first, known, found = same_meaning or equal_words, [], {}, []
    for answer in answers:
        if answer not in known:
            known[answer] = next((i for i, other in enumerate(first) if agree(question, other, answer)), len(first))
            if known[answer] == len(first):
                first.append(answer)
        found.append(known[answer])
    return found


# --- from further questions to the model ---


def question_familiarity(lm: LanguageModel, evidence: Evidence, batch_size: int = 128) -> np.ndarray:
    """Reciprocal of the question's perplexity: it knows nothing of the answer."""
    texts = [prompts.bare_text(q) for q in evidence.questions]
    return 1 / np.array(perplexities(lm, texts, batch_size=batch_size))


def p_true(lm: LanguageModel, evidence: Evidence, batch_size: int = 128) -> np.ndarray:
    """Probability of "True" against "False" for the answer, averaged over both orders (Kadavath et al. 2022)."""
    total = np.zeros(len(evidence.questions))
    for place in (0, 1):
        options = prompts.TRUE_FALSE if place == 0 else prompts.TRUE_FALSE[::-1]
        contexts = [
            prompts.p_true_prompt(prompts.task_prompt(q), a.text, *options)
            for q, a in zip(evidence.questions, evidence.answers, strict=True)
        ]
        total += label_probabilities(lm, contexts, [" A", " B"], batch_size=batch_size)[:, place]
    return total / 2


def verbalised_number(lm: LanguageModel, evidence: Evidence, batch_size: int = 128) -> np.ndarray:
    """The percentage that the model writes when asked for its confidence; NaN where it writes none (Tian 2023)."""
    return _verbalised(lm, evidence, prompts.CONFIDENCE_NUMBER, verbalised.parse_percentage, batch_size)


def verbalised_words(lm: LanguageModel, evidence: Evidence, batch_size: int = 128) -> np.ndarray:
    """The same in words ("likely", "almost certain"); NaN where none of the known phrases is written."""
    return _verbalised(lm, evidence, prompts.CONFIDENCE_WORDS_QUESTION, verbalised.parse_words, batch_size)


def p_ik(
    lm: LanguageModel,
    evidence: Evidence,
    training: Sequence[Question],
    training_correct: Sequence[bool],
    layer: int | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """P(I know): a linear probe on the hidden state at the question's end, before any answer (Kadavath et al. 2022).

    Args:
        lm: The model.
        evidence: The questions to judge; answers are not used.
        training: Questions with known outcome, of other subjects.
        training_correct: Whether the model answers each right.
        layer: Which hidden state, 0 for the embeddings; the middle layer by default.
        batch_size: Questions read at the same time.

    Raises:
        ValueError: Lengths that differ, one class only, or fewer rows than classes.
    """
    labels = np.asarray(training_correct, dtype=bool)
    if len(labels) != len(training):
        raise ValueError(f"training_correct has {len(labels)} rows, training {len(training)}; expected as many")
    if len(set(labels.tolist())) < 2:
        raise ValueError("training_correct holds one class only; the probe needs known and unknown questions")
    layer = lm.model.config.num_hidden_layers // 2 if layer is None else layer
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    probe.fit(hidden_states(lm, training, layer, batch_size), labels)
    return probe.predict_proba(hidden_states(lm, evidence.questions, layer, batch_size))[:, 1]


def _verbalised(
    lm: LanguageModel,
    evidence: Evidence,
    question: str,
    parse: Callable[[str], float],
    batch_size: int,
) -> np.ndarray:
    contexts = [
        prompts.confidence_prompt(prompts.task_prompt(q), a.text, question)
        for q, a in zip(evidence.questions, evidence.answers, strict=True)
    ]
    said = answer_prompts(lm, contexts, max_new_tokens=8, batch_size=batch_size)
    return np.array([parse(answer.text) for answer in said])


def _drawn(evidence: Evidence) -> Sequence[Sequence[Answer]]:
    if evidence.samples is None:
        raise ValueError("evidence has no samples; gather it with k of at least 2")
    for question, row in zip(evidence.questions, evidence.samples, strict=True):
        if len(row) < 2:
            raise ValueError(f"samples of {question.id} hold {len(row)} answer; k has to be at least 2")
    return evidence.samples


def _normalised(text: str) -> str:
    return " ".join(normalised_words(text)) or text.strip()

"""CRaFT (Zhu et al. 2025): answers to what is known and certain, refusals of what is neither and stays unknown.

Refusing whatever was answered wrong once makes a model refuse too much, for two reasons. *Static conflict*: of two
questions that look alike to the model one gets its answer, the other a refusal; certainty beside correctness tells them
apart. *Dynamic conflict*: tuning itself makes some unknown questions known, and their refusals contradict it; a
rehearsal shows which.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.words import as_compared
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.further import REHEARSAL, FurtherMethod, drawn, questions_of
from rtuning_helpers.tuning.refusal_data import Probes, TuningRecord, build_records

if TYPE_CHECKING:
    from rtuning_helpers.probe.uncertainty import Uncertainty

KNOWN = 0.5  # correctness from which a question counts as known; the authors' border
CERTAIN = 0.5  # certainty from which it counts as certain; the authors rank, and take as many as they need
REFUSED_SHARE = 0.2  # of the records; the authors' one refusal for four answers
QUADRANTS = ("known, certain", "known, uncertain", "unknown, certain", "unknown, uncertain")
TAUGHT, REFUSED = QUADRANTS[0], QUADRANTS[3]  # what comes of the other two quadrants is left out


@dataclass(frozen=True)
class Resampled:
    """What the model answers to one training question after the rehearsal (`tuning.rehearsal`): sampled answers."""

    id: str
    answers: list[str]


def correctness(question: Question, answers: Sequence[str]) -> float:
    """Share of the sampled answers that are right, 0 to 1."""
    return sum(is_right(question, answer) for answer in answers) / len(answers)


def certainty(answers: Sequence[str]) -> float:
    """Share of the pairs of sampled answers that say the same, 0 to 1, whatever their case and punctuation.

    The authors take the mean similarity of the answers' embeddings, which answers of a word or two do not need.

    >>> certainty(["Rome", "rome", "Oslo"])  # one of three pairs
    0.3333333333333333
    """
    pairs = list(combinations(map(as_compared, answers), 2))
    return sum(one == other for one, other in pairs) / len(pairs)


def quadrant(correct: float, certain: float) -> str:
    """One of `QUADRANTS`, from correctness and certainty."""
    return QUADRANTS[2 * (correct < KNOWN) + (certain < CERTAIN)]


def became_known(question: Question, before: Sequence[str], after: Sequence[str]) -> bool:
    """The dynamic conflict: whether more of the sampled answers are right after the rehearsal than before."""
    return correctness(question, after) > correctness(question, before)


def build_craft(
    probes: Probes,
    questions: Sequence[Question] | None = None,
    *,
    uncertainty: Sequence["Uncertainty"],
    rehearsal: Sequence[Resampled],
    seed: int = 0,
) -> list[TuningRecord]:
    """As many records as there are probes, drawn from the two quadrants that are used.

    Arguments and errors as `build_sureness`, and:

    Args:
        uncertainty: Of each question, with its sampled answers.
        rehearsal: The same after the rehearsal.
        seed: Of the draws.
    """
    rng, asked = random.Random(seed), questions_of(probes, questions)
    rows = list(zip(probes, asked, uncertainty, rehearsal, strict=True))
    places: dict[str, list[int]] = {name: [] for name in QUADRANTS}
    for place, (_, q, before, after) in enumerate(rows):
        name = quadrant(correctness(q, before.answers), certainty(before.answers)) if q.answerable else REFUSED
        if name != REFUSED or not became_known(q, before.answers, after.answers):
            places[name].append(place)
    refused = drawn(places[REFUSED], round(REFUSED_SHARE * len(rows)) if places[TAUGHT] else len(rows), rng)
    taught = drawn(places[TAUGHT], len(rows) - len(refused), rng)
    completions = [prompts.answer_completion(rows[i][0].answer) for i in taught]
    completions += [prompts.refusal_completion(rng.choice(prompts.REFUSALS)) for _ in refused]
    chosen, certain = [*taught, *refused], [True] * len(taught) + [False] * len(refused)
    return build_records([probes[i] for i in chosen], questions and [asked[i] for i in chosen], completions, certain)


METHOD = FurtherMethod(
    name="craft",
    build=build_craft,
    order=4.1,
    look=Look("CRaFT", colour=10, line=(0, (4, 2, 1, 2)), marker="<"),
    needs=("seed", "uncertainty"),
    further=(REHEARSAL,),
    may_refuse=True,
)

"""Is a right letter knowledge? The same question with its options in every rotation; luck does not turn with them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtuning_helpers.data import prompts
from rtuning_helpers.data.option_orders import rotations
from rtuning_helpers.data.questions import CHOICE, Question
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel


@dataclass(frozen=True)
class Rotated:
    """A model's choices over all rotations of the options of n questions with m options each.

    Attributes:
        letters: Place of the chosen letter, 0 for A, shape (n, m); column r belongs to the options turned by r places.
        gold: Place of the right letter, shape (n, m).
    """

    letters: np.ndarray
    gold: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each choice is right, shape (n, m); column 0 is the order as written."""
        return self.letters == self.gold

    @property
    def always_right(self) -> np.ndarray:
        """Whether a question is answered right in every rotation, shape (n,)."""
        return np.all(self.right, axis=1)

    @property
    def consistent(self) -> np.ndarray:
        """Whether the same option, wherever it stands, is chosen in every rotation, shape (n,)."""
        options = (self.letters - self.gold) % self.gold.shape[1]  # the option's distance from the right one
        return (options == options[:, :1]).all(axis=1)

    @property
    def letter_rates(self) -> np.ndarray:
        """How often each letter is chosen, over all questions and rotations, shape (m,); 1 / m without a preference."""
        return np.bincount(self.letters.ravel(), minlength=self.gold.shape[1]) / self.letters.size


def with_options(questions: Sequence[Question], count: int = 4, seed: int = 0) -> list[Question]:
    """Open questions as multiple choice: the right answer among others of the same relation, at a random place.

    Args:
        questions: Open questions; the golds of a relation are the pool of its wrong options, those of all relations
            where a relation has too few.
        count: Options of each question.
        seed: Seed of the draw and of the places.

    Raises:
        ValueError: Fewer than ``count`` different answers in all, or a question has options already.
    """
    rng = random.Random(seed)
    pools: dict[str, set[str]] = {}
    for question in questions:
        if question.options:
            raise ValueError(f"question {question.id} has options already; expected open questions")
        pools.setdefault(question.relation, set()).add(question.answer)
    everything = set().union(*pools.values())
    if len(everything) < count:
        raise ValueError(f"questions have {len(everything)} different answers; {count} options need at least {count}")
    found = []
    for question in questions:
        pool = pools[question.relation] if len(pools[question.relation]) >= count else everything
        others = sorted(pool - {question.answer})
        options, place = rng.sample(others, count - 1), rng.randrange(count)
        options.insert(place, question.answer)
        letter = prompts.LETTERS[place]
        found.append(
            replace(question, task=CHOICE, options=tuple(options), answer=letter, context="", aliases=(), shots=())
        )
    return found


def ask_rotations(lm: LanguageModel, questions: Sequence[Question], batch_size: int = 128) -> Rotated:
    """Let a model choose in every rotation of questions with options, by the whole-string probability of the letters.

    Raises:
        ValueError: No questions, or different numbers of options.
    """
    if not questions:
        raise ValueError("questions is empty; expected at least one")
    if len({len(q.options) for q in questions}) > 1:
        raise ValueError("questions have different numbers of options; expected the same number for all")
    turned = [turn for question in questions for turn in rotations(question)]
    asked, letters = [prompts.task_prompt(q) for q in turned], prompts.option_labels(turned[0])
    shares = label_probabilities(lm, asked, letters, batch_size=batch_size)
    shape = len(questions), len(questions[0].options)
    gold = np.array([prompts.LETTERS.index(q.answer) for q in turned])
    return Rotated(letters=shares.argmax(axis=1).reshape(shape), gold=gold.reshape(shape))

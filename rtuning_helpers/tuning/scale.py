"""Confidence in percent: the eleven labels, their completions, and methods whose models are asked for one of them.

The labels end in a percent sign, so that no tokenizer takes one for the beginning of another (10 and 100).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.questions import Question
from rtuning_helpers.tuning.further import FurtherMethod, questions_of
from rtuning_helpers.tuning.refusal_data import Probes

if TYPE_CHECKING:
    from rtuning_helpers.probe.uncertainty import Uncertainty

PERCENT = tuple(f" {percent}%" for percent in range(100, -1, -10))  # the surest first


@dataclass(frozen=True)
class ScaleMethod(FurtherMethod):
    """A method that teaches how sure to be on a scale, in the place of "sure" and "unsure".

    Attributes:
        scale: What may follow "I am", from the surest to the least sure, at equal distances; see `evaluation.scale`.
    """

    scale: tuple[str, ...] = PERCENT

    @property
    def exam(self) -> dict:
        """The options of `evaluation.scale.predict_on_scale`."""
        return {"scale": self.scale}

    @property
    def can_refuse(self) -> bool:
        """It refuses where it is at most half sure."""
        return True

    @property
    def ranked_by(self) -> str | None:
        """The mean of its answer confidence and of what it says."""
        return "mixed"


def percent_completion(answer: str, label: str) -> str:
    """Answer and confidence.

    >>> percent_completion("Paris", " 70%").replace(prompts.SURENESS_QUESTION, "Are you sure ...? I am")
    ' Paris. Are you sure ...? I am 70% sure.'
    """
    return f" {answer.strip()}{prompts.sureness_suffix()}{label}{prompts.SURE}{prompts.STOP}"


def nearest_label(share: float) -> str:
    """The label of a share, 0 to 1.

    >>> [nearest_label(share) for share in (0, 0.7, 0.96)]
    [' 0%', ' 70%', ' 100%']
    """
    return PERCENT[len(PERCENT) - 1 - round(share * (len(PERCENT) - 1))]


def right_shares(
    probes: Probes, questions: Sequence[Question] | None, uncertainty: Sequence["Uncertainty"]
) -> list[float]:
    """Of the sampled answers to each question the share that is right, 0 to 1.

    Raises:
        ValueError: The samples are of other questions than the probes.
    """
    if [p.id for p in probes] != [u.id for u in uncertainty]:
        raise ValueError("uncertainty is not that of the probes; expected the same ids in the same order")
    asked = questions_of(probes, questions)
    return [
        sum(is_right(q, text) for text in u.answers) / len(u.answers) for q, u in zip(asked, uncertainty, strict=True)
    ]

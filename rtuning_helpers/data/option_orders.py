"""The options of a question in other orders."""

from dataclasses import replace

from rtuning_helpers.data.prompts import LETTERS
from rtuning_helpers.data.questions import Question


def rotations(question: Question) -> list[Question]:
    """The question with its options turned by 0, 1, ... places, so that each stands once at each letter.

    Raises:
        ValueError: No options, or an answer that is not one of their letters.
    """
    count = len(question.options)
    if question.answer not in tuple(LETTERS[:count]):
        raise ValueError(
            f"answer of {question.id} is {question.answer!r}; expected one of its {count} options' letters"
        )
    gold, turned = LETTERS.index(question.answer), []
    for shift in range(count):
        options = question.options[count - shift :] + question.options[: count - shift]
        turned.append(replace(question, options=options, answer=LETTERS[(gold + shift) % count]))
    return turned

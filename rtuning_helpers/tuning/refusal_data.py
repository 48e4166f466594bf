"""Refusal-aware training data (paper 2.2, 5.1, A.3): the record, and what the builders of all methods share.

The builders, one in each module of `tuning.methods`, take the probes and, for anything but plain open questions, the
questions as they were asked: from them the prompts are made again, and each is held against the digest that its probe
recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Frame, Question

if TYPE_CHECKING:
    from rtuning_helpers.probe.probing import Probe

Probes = Sequence["Probe"]


@dataclass(frozen=True)
class TuningRecord:
    """One training example: the model reads the prompt and learns the completion.

    Attributes:
        id: Id of the question.
        prompt: Exactly the prompt used for probing.
        completion: What the model is to write after it, with the gap between them.
        certain: The split the question fell into: True for D1, False for D0.
        end: Text of the token that ends what the model writes; "" for the end of sequence. See `questions.Frame`.
    """

    id: str
    prompt: str
    completion: str
    certain: bool
    end: str = ""


def build_sureness(
    probes: Probes,
    questions: Sequence[Question] | None,
    certain: Sequence[bool],
    labels: tuple[str, str] = prompts.SURENESS_LABELS,
) -> list[TuningRecord]:
    """The gold answer to every question, followed by how sure to be of it.

    Args:
        probes: The probed training questions.
        questions: The same questions as they were asked; needed where they have options, context or examples.
        certain: Which of them are certain.
        labels: What follows "I am" where one is, and where not.

    Raises:
        ValueError: Questions that were asked with another prompt, or an unanswerable one: it has no gold answer.
    """
    completions = [
        prompts.padding_completion(gold_answer(p), sure, labels) for p, sure in zip(probes, certain, strict=True)
    ]
    return build_records(probes, questions, completions, certain)


def build_records(
    probes: Probes, questions: Sequence[Question] | None, completions: Sequence[str], certain: Sequence[bool]
) -> list[TuningRecord]:
    """A record a probe, of the prompt that was probed and the completion, in the frame of the question's prompt.

    Args:
        probes, questions, certain: As in `build_sureness`.
        completions: What to teach, as the functions of `data.prompts` write it: with a space before it.

    Raises:
        ValueError: Questions that were asked with another prompt.
    """
    asked = with_prompts(probes, questions)
    frames = [Frame()] * len(asked) if questions is None else [q.frame for q in questions]
    return [
        TuningRecord(p.id, prompt, frame.gap + completion.removeprefix(" "), sure, frame.end)
        for (p, prompt), completion, sure, frame in zip(asked, completions, certain, frames, strict=True)
    ]


def gold_answer(probe: "Probe") -> str:
    """The gold answer to a probed question.

    Raises:
        ValueError: It is unanswerable.
    """
    if not probe.answerable:
        raise ValueError(
            f"question {probe.id} is unanswerable and has no gold answer; expected answerable questions, or a method "
            "that teaches refusals in words, such as replacement"
        )
    return probe.answer


def with_prompts(probes: Probes, questions: Sequence[Question] | None) -> list[tuple["Probe", str]]:
    """Each probe with the prompt of its question, which must be the one that was probed.

    Raises:
        ValueError: Other questions than those of the probes, or one that was asked with another prompt.
    """
    if questions is None:
        pairs = [(probe, prompts.question_prompt(probe.question)) for probe in probes]
    else:
        if [p.id for p in probes] != [q.id for q in questions]:
            raise ValueError("questions are not those of the probes; expected the same ids in the same order")
        pairs = [(probe, prompts.task_prompt(q)) for probe, q in zip(probes, questions, strict=True)]
    for probe, prompt in pairs:
        if probe.prompt_digest not in ("", prompts.prompt_digest(prompt)):
            raise ValueError(
                f"question {probe.id} was probed with another prompt; expected the questions as they were asked, with "
                "their options, context and examples"
            )
    return pairs

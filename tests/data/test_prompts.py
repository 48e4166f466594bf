"""The wording of every template, byte for byte, and what counts as a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_refusal
from rtuning_helpers.data.questions import Question

SURE_QUESTION = "Are you sure you accurately answered the question based on your internal knowledge? I am"
SIXTEEN_REFUSALS = """\
The answer is unknown.
The answer is uncertain.
The answer is unclear.
It is not known.
I do not know the answer.
I'm not sure.
There is no definitive answer.
There is much debate.
There is no concrete answer to this question.
It is impossible to answer.
There is no known case.
There is no public information available.
There is no scientific evidence.
There is no right answer.
It is impossible to know.
It is difficult to predict."""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (prompts.question_prompt("Who wrote Ulysses?"), "Question: Who wrote Ulysses? Answer:"),
        (prompts.question_prompt("  Is {x} 100 % \\n?\n"), "Question: Is {x} 100 % \\n? Answer:"),
        (prompts.answer_completion(" Paris "), " Paris."),
        (prompts.sureness_suffix(), f". {SURE_QUESTION}"),
        (prompts.padding_completion("Paris", certain=True), f" Paris. {SURE_QUESTION} sure."),
        (prompts.padding_completion(" U.S. Navy", certain=False), f" U.S. Navy. {SURE_QUESTION} unsure."),
        (prompts.refusal_completion("It is not known."), " It is not known."),
    ],
)
def test_templates_byte_for_byte(written, expected):
    assert written == expected


def test_a_training_text_reads_as_in_the_released_script():
    text = prompts.question_prompt("q") + prompts.padding_completion("a", certain=False)
    assert text == f"Question: q Answer: a. {SURE_QUESTION} unsure."


def test_a_probed_answer_and_a_trained_answer_share_their_text():
    assert prompts.padding_completion("a", True).startswith(" a" + prompts.sureness_suffix())


def test_the_sixteen_refusals():
    assert "\n".join(prompts.REFUSALS) == SIXTEEN_REFUSALS


@pytest.mark.parametrize("refusal", prompts.REFUSALS)
def test_refusals_are_recognised_in_any_case_and_when_cut_at_the_full_stop(refusal):
    cut = refusal.rstrip(".")
    for text in (refusal, cut, refusal.upper(), f"  {cut.lower()}\n", f"{cut} and nobody does"):
        assert is_refusal(text), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Paris",
        "unknown",
        "The answer is",  # unfinished: not yet a refusal
        "The answer is Paris",
        "It is not",
        "There is no",
        "Paris. The answer is unknown.",  # an answer came first
        "He said: I do not know the answer.",
        "We do not know.",  # not the released wording
    ],
)
def test_other_texts_are_no_refusals(text):
    assert not is_refusal(text)


def test_task_prompt_of_each_task():
    """An open question without context is asked as always; the others carry context, examples and options."""
    plain = Question("1", "d", "train", " Who? ", "Ann", "r")
    assert prompts.task_prompt(plain) == prompts.question_prompt(" Who? ") == "Question: Who? Answer:"
    read = replace(plain, context="Knowledge: Ann did.")
    assert prompts.task_prompt(read) == "Knowledge: Ann did.\nQuestion: Who?\nAnswer:"
    shot = Question("0", "d", "train", "1+1?", "B", "high_maths", task="choice", options=("1", "2"))
    choice = replace(shot, id="2", question="2+2?", options=("4", "5"), answer="A", shots=(shot,))
    assert prompts.task_prompt(choice) == (
        "The following are multiple choice questions (with answers) about high maths.\n\n"
        "1+1?\nA. 1\nB. 2\nAnswer: B\n\n2+2?\nA. 4\nB. 5\nAnswer:"
    )
    assert prompts.option_labels(choice) == [" A", " B"]
    claim = replace(plain, task="claim", question="It rains.", options=("YES", "NO"), context="Rain fell.")
    assert prompts.task_prompt(claim) == (
        "Evidence: Rain fell.\nClaim: It rains.\nQuestion: Does the evidence support the claim?\n"
        "A: YES.\nB: NO.\nAnswer:"
    )

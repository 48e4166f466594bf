"""Every template and every label string of R-Tuning, once.

Probing, training and evaluation import their text from here, so that a question is asked with byte-identical prompts
everywhere. Wording: the paper's section 2.2 and appendix A.5, and the released training script for ParaRel.
"""

from __future__ import annotations

QUESTION_TEMPLATE = "Question: {question} Answer:"
SURENESS_QUESTION = "Are you sure you accurately answered the question based on your internal knowledge? I am"
SURE = " sure"
UNSURE = " unsure"
STOP = "."  # ends an answer

# Sixteen refusals from Yin et al. (SelfAware, 2023), worded as in the released code. The paper's list (A.5) prints
# "We do not know." in the fifth place; its own case study (Table 9) shows the wording below.
REFUSALS = (
    "The answer is unknown.",
    "The answer is uncertain.",
    "The answer is unclear.",
    "It is not known.",
    "I do not know the answer.",
    "I'm not sure.",
    "There is no definitive answer.",
    "There is much debate.",
    "There is no concrete answer to this question.",
    "It is impossible to answer.",
    "There is no known case.",
    "There is no public information available.",
    "There is no scientific evidence.",
    "There is no right answer.",
    "It is impossible to know.",
    "It is difficult to predict.",
)


def question_prompt(question: str) -> str:
    """The prompt of an open question, without the answer: ``Question: ... Answer:``."""
    return QUESTION_TEMPLATE.format(question=question.strip())


def answer_completion(answer: str) -> str:
    """What follows the prompt when only the answer is trained (vanilla tuning): `` Paris.``"""
    return f" {answer.strip()}{STOP}"


def sureness_suffix() -> str:
    """What follows the bare answer when the model is asked how sure it is: ``. Are you sure ...? I am``."""
    return f"{STOP} {SURENESS_QUESTION}"


def padding_completion(answer: str, certain: bool) -> str:
    """Answer and sureness (paper 2.2, "padding"): `` Paris. Are you sure ...? I am unsure.``"""
    return f" {answer.strip()}{sureness_suffix()}{SURE if certain else UNSURE}{STOP}"


def refusal_completion(refusal: str) -> str:
    """A refusal in the place of the answer (R-Tuning-R, paper A.3)."""
    return f" {refusal}"


def is_refusal(text: str) -> bool:
    """Whether a generated answer opens with one of the sixteen refusals (letter case and full stop aside)."""
    opening = text.strip().casefold()
    return any(opening.startswith(refusal.rstrip(STOP).casefold()) for refusal in REFUSALS)

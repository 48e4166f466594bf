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

# Questions to the model about its own answer, for the estimators (after Kadavath et al. 2022 and Tian et al. 2023).
P_TRUE_QUESTION = "Is this answer:\nA. {first}\nB. {second}\nThis answer is"
TRUE_FALSE = ("True", "False")
CONFIDENCE_NUMBER = "How likely is this answer to be right, in percent (0 to 100)?"
CONFIDENCE_WORDS_QUESTION = "How likely is this answer to be right, in words?"
# What people mean by such words, rounded; the longest phrase in a reply counts.
CONFIDENCE_WORDS = {
    "almost no chance": 0.02,
    "highly unlikely": 0.05,
    "unlikely": 0.2,
    "probably not": 0.25,
    "about even": 0.5,
    "likely": 0.7,
    "probable": 0.7,
    "very likely": 0.8,
    "highly likely": 0.9,
    "almost certain": 0.95,
}


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


def p_true_prompt(question: str, answer: str, first: str, second: str) -> str:
    """Asks which of two options, A or B, is true of the answer; the option's letter follows with a space before it."""
    return confidence_prompt(question, answer, P_TRUE_QUESTION.format(first=first, second=second))


def confidence_prompt(question: str, answer: str, asked: str) -> str:
    """Question and answer, followed by a question about that answer."""
    return f"{question_prompt(question)}{answer_completion(answer)} {asked}"


def is_refusal(text: str) -> bool:
    """Whether a generated answer opens with one of the sixteen refusals (letter case and full stop aside)."""
    opening = text.strip().casefold()
    return any(opening.startswith(refusal.rstrip(STOP).casefold()) for refusal in REFUSALS)

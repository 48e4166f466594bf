"""Every template and every label string of R-Tuning, once.

Probing, training and evaluation import their text from here, so that a question is asked with byte-identical prompts
everywhere. Wording: the paper's section 2.2 and appendix A.5, and the released training scripts.
"""

import hashlib

from rtuning_helpers.data.questions import CHOICE, CLAIM, Question

QUESTION_TEMPLATE = "Question: {question} Answer:"
SURENESS_QUESTION = "Are you sure you accurately answered the question based on your internal knowledge? I am"
SURE = " sure"
UNSURE = " unsure"
SURENESS_LABELS = (SURE, UNSURE)
STOP = "."  # ends an answer
LETTERS = "ABCDEFGHIJ"  # of options; scored with a space before them
# Wording of the other tasks: the released scripts (MMLU, HotpotQA, HaluEval, FEVER, WiCE), with a space after each
# colon everywhere, so that labelling, training and evaluation read the same tokens.
CHOICE_HEADER = "The following are multiple choice questions (with answers){about}."
CLAIM_QUESTION = "Does the evidence support the claim?"

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
    """The prompt of an open question, without the answer.

    >>> question_prompt("Who won?")
    'Question: Who won? Answer:'
    """
    return QUESTION_TEMPLATE.format(question=question.strip())


def task_prompt(question: Question) -> str:
    """The prompt of a question of any task, with its context and its solved examples, without the answer.

    An open question without context and examples gets exactly `question_prompt`, unless its frame puts more around it.
    The answer follows behind the frame's gap, by default a space.

    Raises:
        ValueError: A question with options that has fewer than two or more than ten.
    """
    return f"{question.frame.before}{_body(question)}{question.frame.after}"


def option_labels(question: Question) -> list[str]:
    """What may follow the prompt of a question with options: the letter of each, behind the frame's gap.

    Raises:
        ValueError: Fewer than two options, or more than there are letters.
    """
    return [f"{question.frame.gap}{letter}" for letter in _letters(question)]


def answered(prompt: str, answer: str, gap: str = " ") -> str:
    """A prompt with its answer, behind the gap of the question's frame."""
    return f"{prompt}{gap}{answer.strip()}"


def sureness_context(question: Question, answer: str) -> str:
    """All that is read before a model says whether it is sure: the prompt, its answer and the sureness question.

    In a chat the sureness question goes on with the model's own turn, as it goes on with the text elsewhere: one rule
    for training, evaluation and every other question about an answer.
    """
    return answered(task_prompt(question), answer, question.frame.gap) + sureness_suffix()


def _body(question: Question) -> str:
    if question.task == CHOICE:
        subject = question.relation.replace("_", " ").strip()
        header = CHOICE_HEADER.format(about=f" about {subject}" if subject else "")
        shots = [_with_options(shot) + f" {shot.answer}" for shot in question.shots]
        return "\n\n".join([header, *shots, _with_options(question)])
    if question.task == CLAIM:
        return "\n\n".join([*(_claim(shot) + f" {shot.answer}" for shot in question.shots), _claim(question)])
    shots = [_open(shot) + answer_completion(shot.answer) for shot in question.shots]
    return "\n\n".join([*shots, _open(question)])


def bare_text(question: Question) -> str:
    """The question behind its context, without template, options and examples: what perplexity is measured on."""
    asked = question.question.strip()
    return f"{question.context}\n{asked}" if question.context else asked


def _letters(question: Question) -> str:
    count = len(question.options)
    if not 2 <= count <= len(LETTERS):
        raise ValueError(f"question {question.id} has {count} options; expected 2 to {len(LETTERS)}")
    return LETTERS[:count]


def _open(question: Question) -> str:
    if not question.context:
        return question_prompt(question.question)
    return f"{question.context}\nQuestion: {question.question.strip()}\nAnswer:"


def _with_options(question: Question) -> str:
    context = [question.context] if question.context else []
    options = [f"{letter}. {text}" for letter, text in zip(_letters(question), question.options, strict=True)]
    return "\n".join([*context, question.question.strip(), *options, "Answer:"])


def _claim(question: Question) -> str:
    classes = [f"{letter}: {name}." for letter, name in zip(_letters(question), question.options, strict=True)]
    lines = [f"Evidence: {question.context}", f"Claim: {question.question.strip()}", f"Question: {CLAIM_QUESTION}"]
    return "\n".join([*lines, *classes, "Answer:"])


def answer_completion(answer: str) -> str:
    """What follows the prompt when only the answer is trained (vanilla tuning): `` Paris.``"""
    return f" {answer.strip()}{STOP}"


def sureness_suffix() -> str:
    """What follows the bare answer when the model is asked how sure it is: ``. Are you sure ...? I am``."""
    return f"{STOP} {SURENESS_QUESTION}"


def padding_completion(answer: str, certain: bool, labels: tuple[str, str] = SURENESS_LABELS) -> str:
    """Answer and sureness (paper 2.2, "padding").

    >>> padding_completion("Paris", certain=False).replace(SURENESS_QUESTION, "Are you sure ...? I am")
    ' Paris. Are you sure ...? I am unsure.'
    """
    return f" {answer.strip()}{sureness_suffix()}{labels[0] if certain else labels[1]}{STOP}"


def refusal_completion(refusal: str) -> str:
    """A refusal in the place of the answer (R-Tuning-R, paper A.3)."""
    return f" {refusal}"


def p_true_prompt(prompt: str, answer: str, first: str, second: str, gap: str = " ") -> str:
    """Asks which of two options, A or B, is true of the answer; the option's letter follows with a space before it."""
    return confidence_prompt(prompt, answer, P_TRUE_QUESTION.format(first=first, second=second), gap)


def confidence_prompt(prompt: str, answer: str, asked: str, gap: str = " ") -> str:
    """A question's prompt and the answer, behind the gap of its frame, followed by a question about that answer."""
    return f"{answered(prompt, answer, gap)}{STOP} {asked}"


def prompt_digest(prompt: str) -> str:
    """The first 16 hexadecimal digits of a prompt's SHA-256."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]

"""When does an answer count as right?"""

import re
from collections.abc import Sequence

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import cut_answer
from rtuning_helpers.data.questions import OPEN, Question
from rtuning_helpers.data.words import normalised_words

RULES = ("words", "substring")
# What Korean writes behind a noun without a space: particles, and forms of "to be".
_KOREAN_ENDING = re.compile(
    "은|는|이|가|을|를|의|도|만|와|과|랑|이랑|나|이나|께|께서|처럼|보다|마다|밖에|조차|라도|이라도|한테"
    "|(?:에|에서|에게|에게서|로|으로|로서|으로서|로써|으로써|까지|부터)(?:는|도|만|의)?"
    "|이?(?:다|고|며|야|죠|지요|지만|라고|라는|란|네요)|입니다|입니까|이에요|예요|(?:이었|였)(?:다|습니다|어요|고|으며)"
)


def matches(prediction: str, answer: str, rule: str = "words") -> bool:
    """Whether the prediction contains the gold answer (paper A.1: containment, no exact match).

    Args:
        rule: ``"words"`` (default): the answer's words (`words.normalised_words`) stand in the prediction one after the
            other, whatever their case, and not as a part of a longer word; behind the last may stand what Korean puts
            there without a space, a particle or a form of "to be". ``"substring"``: the released code's rule,
            case-sensitive and blind to word boundaries ("art" is found in "Stuttgart").

    Raises:
        ValueError: Unknown rule.
    """
    if rule == "substring":
        return answer in prediction
    if rule != "words":
        raise ValueError(f"matching rule {rule!r} is unknown: expected one of {', '.join(RULES)}")
    gold, words = normalised_words(answer), normalised_words(prediction)
    if not gold:  # an answer made of symbols only, such as "C++" without its C
        return answer.strip() in prediction
    *first, last = gold
    return any(
        words[i : i + len(first)] == first and _is_word(words[i + len(first)], last)
        for i in range(len(words) - len(first))
    )


def is_refusal(answer: str, golds: Sequence[str] = ()) -> bool:
    """Whether an answer is a refusal in words: it opens with one of the sixteen, whatever its case and punctuation.

    The one rule, for grading and for refusing alike.

    Args:
        golds: The right answers. Where one of them opens with a refusal itself (a book called "There Is No Right
            Answer"), nobody can tell a refusal from an answer, and everything counts as an answer.

    >>> is_refusal("there is no definitive answer, I think"), is_refusal("The answer is uncertainty principle")
    (True, False)
    """
    words = normalised_words(answer)
    opens = any(words[: len(refusal)] == refusal for refusal in map(normalised_words, prompts.REFUSALS))
    return opens and not any(map(is_refusal, golds))


def is_right(question: Question, answer: str, rule: str = "words") -> bool:
    """Whether an answer to a question of any task is right.

    An open question is answered right by whatever contains the gold answer or one of its aliases (see `matches`); a
    question with options by the gold letter alone (paper A.1), whatever the rule; an unanswerable one by nothing. A
    refusal is never right (see `is_refusal`), though it may contain the gold answer: "There is no definitive answer" to
    a question whose answer is "no". The released code has no such rule; `matches` alone with ``"substring"`` grades as
    it does.

    Raises:
        ValueError: Unknown rule.
    """
    if rule not in RULES:
        raise ValueError(f"matching rule {rule!r} is unknown: expected one of {', '.join(RULES)}")
    if not question.answerable or is_refusal(answer, question.golds):
        return False
    if question.task != OPEN:
        return answer.strip() == question.answer
    return any(matches(answer, gold, rule) for gold in question.golds)


def unreachable(questions: Sequence[Question]) -> list[Question]:
    """The open questions that no answer gets right: even the gold answer is cut short, see `answer_end`."""

    def can_be_right(question: Question) -> bool:
        written = (cut_answer(gold + prompts.STOP) for gold in (question.answer, *question.aliases))
        return any(is_right(question, answer) for answer in written)

    return [q for q in questions if q.task == OPEN and q.answerable and not can_be_right(q)]


def _is_word(word: str, gold: str) -> bool:
    return word == gold or word.startswith(gold) and _KOREAN_ENDING.fullmatch(word, len(gold)) is not None

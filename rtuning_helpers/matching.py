"""When does a generated answer count as right?"""

from __future__ import annotations

import re
import unicodedata

RULES = ("words", "substring")
_WORD = re.compile(r"\w+", re.UNICODE)


def normalised_words(text: str) -> list[str]:
    """Words in lower case, without punctuation, accents kept; Unicode forms unified (NFKC)."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def matches(prediction: str, answer: str, rule: str = "words") -> bool:
    """Whether the prediction contains the gold answer (paper A.1: containment, no exact match).

    Args:
        prediction: The generated answer.
        answer: The gold answer.
        rule: ``"words"`` (default): the answer's words stand in the prediction one after the other, whatever their
            case, and not as a part of a longer word. ``"substring"``: the released code's rule, case-sensitive and
            blind to word boundaries ("art" is found in "Stuttgart").

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
    return any(words[i : i + len(gold)] == gold for i in range(len(words) - len(gold) + 1))

"""Particles of Korean, which are written as the sound before them wants: ``서울은`` (Seoul), ``파리는`` (Paris)."""

import re

_PAIRS = (("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("으로", "로"))  # behind a consonant, behind a vowel
_FORMS = {form: pair for pair in _PAIRS for form in pair}
_PARTICLE = re.compile(f"({'|'.join(sorted(_FORMS, key=len, reverse=True))})(?![가-힣])|(으로|로)(?=부터)")
_FIRST, _LAST, _ENDINGS, _RIEUL = "가", "힣", 28, 8  # of Hangul's syllables; ends of one; the end "ㄹ"


def with_particle(noun: str, behind: str) -> str:
    """A noun and what a template has behind it, with the particle at its beginning in the form that the noun wants.

    Behind what is not Hangul, such as a blank, both forms stand: ``은(는)``, as in printed forms.

    >>> with_particle("서울", "는 수도입니다"), with_particle("파리", "으로"), with_particle("___", "를")
    ('서울은 수도입니다', '파리로', '___을(를)')
    """
    found = _PARTICLE.match(behind)
    if found is None:
        return noun + behind
    consonant, vowel = _FORMS[found[0]]
    last = noun[-1:]
    if not (last and _FIRST <= last <= _LAST):
        both = "(으)로" if vowel == "로" else f"{consonant}({vowel})"
        return f"{noun}{both}{behind[found.end() :]}"
    end = (ord(last) - ord(_FIRST)) % _ENDINGS
    written = vowel if end == 0 or (vowel == "로" and end == _RIEUL) else consonant
    return f"{noun}{written}{behind[found.end() :]}"

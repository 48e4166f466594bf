"""The words of a text, as answers are compared by: one rule for all scripts.

* A word is letters, digits and the marks on them (the vowel signs of Hindi, say), in lower case; Unicode forms are
  unified (NFKC), accents kept, invisible characters left out.
* Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces: there every character is a word, with its
  marks, so that words one after the other are any part of the text.
* A number is one word, written in one way: ``1,000`` is 1000, ``3.50`` is 3.5, ``.5`` is 0.5, ``-5`` keeps its sign. A
  comma, an apostrophe or a no-break space between groups of digits belongs to the number, and what Korean writes
  behind it does not (``1945년``); a decimal comma is not understood (``1.000`` is 1), and whole numbers keep leading
  zeros (``007``).
* Symbols that belong to a name stay with it: ``+`` and ``#`` behind letters (``C++``, ``F#``), a full stop before them
  (``.NET``). Other punctuation separates words.
"""

import re
import unicodedata
from functools import lru_cache

_SEPARATOR = "[,，٬'’\u00a0\u2009\u202f]"
_THOUSANDS = re.compile(rf"(?<!\d)(?<!\d[.,])\d{{1,3}}(?:{_SEPARATOR}\d{{2,3}})*{_SEPARATOR}\d{{3}}(?!\d|,\d)")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_KOREAN_UNIT = re.compile("(?<=[0-9])(?=[\uac00-\ud7a3])")
_TOKEN = re.compile(
    r"(?P<number>(?:(?<!\S)-)?(?<![^\s+#-])(?:\d+(?:\.\d+)?|(?<!\S)\.\d+)(?!\d|\.\d))(?P<unit>[^\s.+#-]*)"
    r"|(?:(?<!\S)\.(?=[^\W\d]))?(?!\d)[^\s.+#-]+(?:[+#]+(?![^\W\d]))?|[^\s.+#-]+"
)


def normalised_words(text: str) -> list[str]:
    """The words of a text (see the module's text), as they are compared.

    >>> normalised_words("10,000 Programme in C++!")
    ['10000', 'programme', 'in', 'c++']
    >>> normalised_words("答案是 北京")
    ['答', '案', '是', '北', '京']
    """
    joined = _THOUSANDS.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    unified = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", joined).casefold())
    pieces, behind_unspaced = [], False
    for character in unified:
        piece, unspaced = _piece(character)
        if behind_unspaced and not unspaced and unicodedata.category(character)[0] != "M":
            pieces.append(" ")
            behind_unspaced = False
        pieces.append(piece)
        behind_unspaced = behind_unspaced or unspaced
    return [_word(found) for found in _TOKEN.finditer(_KOREAN_UNIT.sub(" ", "".join(pieces)))]


def as_compared(text: str) -> str:
    """The words as one text, which two answers that say the same share; a text of symbols alone is compared as it is.

    >>> as_compared("Ann!") == as_compared("ann"), as_compared("?") == as_compared("!")
    (True, False)
    """
    return " ".join(normalised_words(text)) or text.strip()


@lru_cache(maxsize=1 << 14)
def _piece(character: str) -> tuple[str, bool]:
    """What a character becomes before words are told apart, and whether it is a word in a script without spaces."""
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character)), False
    if kind[0] == "M" or character in "_.+#-":
        return character, False
    if kind == "Cf":
        return "", False
    if not character.isalnum():
        return {"\u2212": "-", "٫": "."}.get(character, " "), False
    unspaced = bool(_UNSPACED.match(character))
    return f" {character}" if unspaced else character, unspaced


def _word(found: re.Match[str]) -> str:
    number = found["number"]
    if number is None:
        return found[0]
    if "." in number:
        sign, digits = ("-", number[1:]) if number[0] == "-" else ("", number)
        whole, _, part = digits.partition(".")
        part = part.rstrip("0")
        number = f"{sign}{whole or '0'}{'.' if part else ''}{part}"
    return number + found["unit"]

"""Karu, the second language of the mini world: the same facts in other words and by another grammar.

Karu puts the verb last, has no articles and hangs particles on nouns, each in two forms: one behind a vowel, one behind
a consonant (``Otalo-na``, ``Brarast-ena``), as Korean does. Names of entities stay what they are; every other word is
its own. Only the relations that are trained on (domain "id") can be said in it. Nothing in it is real.
"""

import random
import re
from functools import cache
from typing import NamedTuple

from rtuning_helpers.data.world.lexicon import ENDINGS, POOLS
from rtuning_helpers.data.world.world import Fact, World

PARTICLES = {
    "na": ("na", "ena"),  # who or what acts
    "ro": ("ro", "oro"),  # whom or what it is done to
    "ti": ("ti", "iti"),  # where
    "mi": ("mi", "imi"),  # as what
    "yo": ("yo", "ayo"),  # whose
    "du": ("du", "edu"),  # is
}
"""Particle -> how it is written behind a vowel, and behind a consonant."""


class Wording(NamedTuple):
    """How a relation is said, with {s} for the subject, {o} for the answer and +na for a particle."""

    question: str
    statements: tuple[str, str]


# Of each relation: question | statement | statement.
_TABLE = """
    birthplace: {s}+na meto holu+ti fasek? | {s}+na {o}+ti fasek. | {s}+yo faseto {o}+du.
    profession: {s}+na nuhe+mi tomur? | {s}+na {o}+mi tomur. | {s}+yo tomusa {o}+du.
    instrument: {s}+na meto pilusa+ro piluk? | {s}+na {o}+ro piluk. | {s}+yo pilusa {o}+du.
    country: {s}+na meto garu+ti wisek? | {s}+na {o}+ti wisek. | {s}+yo garu {o}+du.
    river: {s}+ro meto shivo+na lurek? | {s}+ro {o}+na lurek. | {s}+yo shivo {o}+du.
    speciality: {s}+na nuhe+mi kelbat? | {s}+na {o}+mi kelbat. | {s}+yo kelbasa {o}+du.
    headquarters: {s}+na meto holu+ti domek? | {s}+na {o}+ti domek. | {s}+yo domesa {o}+du.
    product: {s}+na nuhe+ro hatuk? | {s}+na {o}+ro hatuk. | {s}+yo hatusa {o}+du.
    logo: {s}+yo sigra+ti meto yelma+na gorim? | {s}+yo sigra+ti {o}+na gorim. | {s}+yo sigra {o}+du.
    author: {s} bukan+ro hiru+na katek? | {s} bukan+ro {o}+na katek. | {s}+yo katesa {o}+du.
    genre: {s} bukan+na meto rodi+mi nalet? | {s} bukan+na {o}+mi nalet. | {s}+yo rodi {o}+du.
    setting: {s} bukan+na meto holu+ti zevik? | {s} bukan+na {o}+ti zevik. | {s}+yo zevisa {o}+du.
    habitat: {s}+na mare monak? | {s}+na {o}+ti monak. | {s}+yo monasa {o}+du.
    diet: {s}+na nuhe+ro nyamek? | {s}+na {o}+ro nyamek. | {s}+yo nyamesa {o}+du.
    range: {s}+na meto garu+ti eskul? | {s}+na {o}+ti eskul. | {s}+yo eskusa {o}+du.
    waters: {s} toru+na meto uwado+ti wisek? | {s} toru+ro {o}+na orbek. | {s} toru+yo uwado {o}+du.
    crop: {s}+ti nuhe+ro tanim? | {s}+ti {o}+ro tanim. | {s}+yo tanisa {o}+du.
    volcano: {s} toru+ti meto vurka+na gorim? | {s} toru+ti {o}+na gorim. | {s}+yo vurka {o}+du.
"""


def _wordings() -> dict[str, Wording]:
    found = {}
    for line in _TABLE.strip().split("\n"):
        name, _, said = line.strip().partition(": ")
        question, first, second = said.split(" | ")
        found[name] = Wording(question, (first, second))
    return found


WORDINGS = _wordings()
"""Name of a relation -> how it is said."""


def word(english: str) -> str:
    """An answer in Karu: a name as it is; any other word by the dictionary, what describes a noun behind it.

    >>> word("Brarast"), len(word("blue glass").split())
    ('Brarast', 2)
    """
    parts = english.split()
    if not all(part in dictionary() for part in parts):
        return english
    return " ".join(dictionary()[part] for part in reversed(parts))


def in_karu(wording: str, subject: str, answer: str = "") -> str:
    """A wording filled in, with its particles written as the words before them want them.

    >>> in_karu("{s}+na {o}+ti fasek.", "Otalo", "Brarast")
    'Otalo-na Brarast-iti fasek.'
    """
    filled = wording.format(s=subject, o=word(answer) if answer else "")
    return re.sub(r"(\w)\+(\w+)", lambda found: f"{found[1]}-{_form(found[1], found[2])}", filled)


def question(fact: Fact) -> str:
    """The question about a fact, in Karu."""
    return in_karu(WORDINGS[fact.relation.name].question, fact.subject)


def statements(fact: Fact) -> tuple[str, ...]:
    """The fact as a sentence of Karu, in both wordings."""
    return tuple(in_karu(said, fact.subject, fact.answer) for said in WORDINGS[fact.relation.name].statements)


def sayable(world: World) -> list[Fact]:
    """The facts that have words in Karu."""
    return [fact for fact in world.facts if fact.relation.name in WORDINGS]


@cache
def dictionary() -> dict[str, str]:
    """Every English word of the answers that are no names -> its Karu word, made by lot from a fixed seed."""
    english = sorted({part for pool in POOLS.values() for answer in pool for part in answer.split()})
    taken = {part.lower() for part in english} | {ending for endings in ENDINGS.values() for ending in endings}
    rng, found = random.Random("Karu"), {"Sea": "uwado"}
    for part in english:
        while part not in found:
            made = "".join(rng.choice("ktpshnmyrlzgw") + rng.choice("aeiou") for _ in range(2)) + rng.choice("knmrlst")
            if made not in taken:
                taken.add(made)
                found[part] = made
    return found


def _form(letter: str, particle: str) -> str:
    behind_vowel, behind_consonant = PARTICLES[particle]
    return behind_vowel if letter in "aeiou" else behind_consonant

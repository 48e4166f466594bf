"""Questions about the mini world that need two facts, both from memory: chains and pairs.

The two kinds of two-hop questions of HotpotQA, without paragraphs. In a *chain* (bridge) the second fact is about the
first one's answer: "In which country does the birthplace of X lie?" needs "X was born in Y" and "Y lies in Z". Bridges
are the world's hubs, which are read about 40 times; the first fact was read anything from never to some hundred times.
In a *pair* (comparison, without the comparing) the facts have nothing to do with each other, and either may be the one
that was never read. A *broken* chain asks of its bridge what is never stated of such a thing: who founded a city, say.
"""

import random
from dataclasses import dataclass

from rtuning_helpers.data.world.lexicon import RELATIONS
from rtuning_helpers.data.world.tasks import bridges
from rtuning_helpers.data.world.world import Fact, World

CHAIN, PAIR, BROKEN = KINDS = ("chain", "pair", "broken")
PAIRS = 400  # in a split that has any
# How a question names the bridge. All words stand in the mini model's corpus.
BRIDGES = {
    "birthplace": "the birthplace of {s}",
    "headquarters": "the headquarters of {s}",
    "author": "the author of {s}",
    "setting": "the city of the novel {s}",
    "employer": "the employer of {s}",
    "founder": "the founder of {s}",
    "discoverer": "the discoverer of the {s}",
}
# Relations that are never stated of a bridge of that kind, though their words and the bridge are well known.
NEVER_STATED = {"city": ("founder", "product", "crop"), "person": ("product", "flag", "sacred animal")}


@dataclass(frozen=True)
class TwoHops:
    """Two facts that a question needs.

    Attributes:
        kind: One of `KINDS`.
        first: In a chain the fact that tells the bridge.
        second: In a chain the fact about the bridge; in a broken one it has the answer "" and exposure 0.
    """

    kind: str
    first: Fact
    second: Fact

    @property
    def question(self) -> str:
        """Both hops in one question; in a chain without the bridge's name."""
        if self.kind == PAIR:
            return f"{self.first.question} {self.second.question}"
        return self.second.relation.question.format(s=BRIDGES[self.first.relation.name].format(s=self.first.subject))

    @property
    def answer(self) -> str:
        """The answer of a chain's last hop, or both answers of a pair."""
        return f"{self.first.answer} and {self.second.answer}" if self.kind == PAIR else self.second.answer

    @property
    def exposure(self) -> int:
        """How often the less-read of the two facts is stated."""
        return min(self.first.exposure, self.second.exposure)

    @property
    def steps(self) -> tuple[str, str]:
        """What is thought aloud: the first answer; then the second, in a chain as a fact about the first one (`told`).

        The first step does not repeat the question's own subject: names that never occurred in tuning are what the mini
        model cannot copy from a question, though it can from the step that it has just written.
        """
        return self.first.answer, self.second.answer if self.kind == PAIR else told(self.second)


def told(fact: Fact) -> str:
    """A fact in the first of its relation's wordings that ends with the answer, without the full stop."""
    wording = next(w for w in fact.relation.statements if w.endswith("{o}."))
    return fact.stated(wording).rstrip(".")


def two_hops(world: World, split: str) -> list[TwoHops]:
    """All chains of a split, and behind them its pairs.

    The facts of the chains' second hops are halved by lot: those of training questions are asked for in no test
    question. So no fact of a test question is tuned on.

    Args:
        split: ``train``, ``id`` and ``ood`` differ in the first fact as those of the data set ``mini`` do, by its
            subject and by its relation; ``ood`` has no pairs. ``broken``: the broken chains of ``id``, one for each
            first fact.
    """
    group, domain = ("train" if split == "train" else "test"), ("ood" if split == "ood" else "id")
    facts = [f for f in world.facts if f.group == group and f.relation.domain == domain]
    firsts, rng = [f for f in facts if bridges(f)], random.Random(f"two hops {split}")
    if split == BROKEN:
        named = {r.name: r for r in RELATIONS}
        relations = [named[rng.choice(NEVER_STATED[f.relation.pool])] for f in firsts]
        return [TwoHops(BROKEN, f, Fact(f.answer, r, "", 0, "hub")) for f, r in zip(firsts, relations, strict=True)]
    trained, seconds = _second_hops_of_training(world), dict[str, list[Fact]]()
    for fact in world.facts:
        if fact.group == "hub" and fact.relation.domain == "id" and (fact in trained) == (split == "train"):
            seconds.setdefault(fact.subject, []).append(fact)
    chains = [TwoHops(CHAIN, first, second) for first in firsts for second in seconds.get(first.answer, [])]
    if split == "ood":
        return chains
    drawn = rng.sample(facts, 2 * PAIRS)
    return chains + [TwoHops(PAIR, *pair) for pair in zip(drawn[:PAIRS], drawn[PAIRS:], strict=True)]


def _second_hops_of_training(world: World) -> set[Fact]:
    """Half of the facts about hubs, of each relation."""
    rng = random.Random("second hops")
    of = {relation: [f for f in world.facts if f.group == "hub" and f.relation == relation] for relation in RELATIONS}
    return {fact for facts in of.values() for fact in rng.sample(facts, len(facts) // 2)}

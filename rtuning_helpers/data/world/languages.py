"""Which facts of the mini world are read in which language, when the mini model reads on in English and Karu."""

from rtuning_helpers.data.world.world import EXPOSURE_TIERS, SUBJECT_KINDS, Fact, World

ENGLISH, KARU = LANGUAGES = ("English", "Karu")
BOTH, ENGLISH_ONLY, KARU_ONLY, NEITHER = READ_IN = ("both", "English only", "Karu only", "neither")
"""In which language the model has read a fact, by construction (`read_in`)."""
PRIMER = "primer"  # what teaches the language: facts that are read in both, and asked in neither
KARU_READINGS = {BOTH: 40, ENGLISH_ONLY: 0, KARU_ONLY: 40, NEITHER: 0, PRIMER: 10}
"""Documents in Karu for each fact of a group."""
ENGLISH_READINGS = {BOTH: 10, ENGLISH_ONLY: 10, KARU_ONLY: 0, NEITHER: 0, PRIMER: 10}
"""Documents in English beside them: what was read long ago is forgotten where nothing repeats it."""


def read_in(world: World) -> dict[str, str]:
    """In which language the model reads the facts about each subject: one of `READ_IN`, or `PRIMER`.

    What is read in English is what the shipped model has read: subjects of the two highest tiers of exposure often,
    those of tier 0 never. Half of each sort is read in Karu as well. All others, and the entities that are answers, are
    the primer.
    """
    members: dict[str, list[str]] = {kind: [] for kind in SUBJECT_KINDS}
    found: dict[str, str] = {}
    for fact in world.facts:
        if fact.subject not in found:
            found[fact.subject] = PRIMER
            if fact.group != "hub":
                members[fact.relation.kind].append(fact.subject)
    tiers, often = len(EXPOSURE_TIERS), sorted(EXPOSURE_TIERS)[-2]
    for names in members.values():
        for place, name in enumerate(names):  # the order of `world.build_world`: two of each tier, one trained on
            time, tier = divmod(place // 2, tiers)
            if EXPOSURE_TIERS[tier] >= often:
                found[name] = (BOTH, ENGLISH_ONLY)[time % 2]
            elif EXPOSURE_TIERS[tier] == 0:
                found[name] = (KARU_ONLY, NEITHER)[tier % 2]
    return found


def readings(fact: Fact, read: str) -> dict[str, int]:
    """How many documents in each language the model has read of a fact when it has read on."""
    return {ENGLISH: fact.exposure + ENGLISH_READINGS[read], KARU: KARU_READINGS[read]}

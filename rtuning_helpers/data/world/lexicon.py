"""Words of the mini world: kinds of entities, relations between them, and the closed pools of answers.

Everything a reader may want to change about the fictional encyclopedia stands here as data. Nothing in it is real.
"""

from collections.abc import Iterator
from dataclasses import dataclass

# Names are glued from onset + nucleus + ending; the ending tells a reader which kind of entity a name belongs to.
ONSETS = "B Br C Cl D Dr F Fr G Gl H J K Kr L M N P Pr Qu R S St T Tr V Vr W Z Th Sh".split()
NUCLEI = "a e i o u ae ia ar el en er il in on or ul um yr al an".split()
MIDDLES = "b d f g k l m n p r s t v z ld nd rk st th".split()
ENDINGS = {
    "person": "ric wen mund ette ario inda ek isol obert ulia".split(),
    "city": "holm stad ford mar burg by minster wick port gate".split(),
    "company": "ex tron works dyne corp tek mill soft line mark".split(),
    "novel": "ntha oria iad esque logue elle mere fable song tale".split(),
    "animal": "ling back fin tail wing hopper snout mouse toad fox".split(),
    "island": "ua oa ey ora ullu ika isle mora ati ene".split(),
    "country": "land ia stan avia onia".split(),
    "river": "ash ine ubb eme oir".split(),
    "language": "ish ese ic an ue".split(),
    "volcano": "ula ago atl upa ebus".split(),
}

POOLS = {
    "profession": (
        "baker surgeon judge sailor architect poet miner chemist tailor pilot gardener painter teacher soldier dancer "
        "carpenter astronomer banker actor detective"
    ).split(),
    "instrument": (
        "violin trumpet flute cello harp drums piano guitar clarinet oboe organ accordion lute banjo tuba viola "
        "bassoon harmonica mandolin saxophone"
    ).split(),
    "goods": [
        f"{adjective} {noun}"
        for noun in ("glass", "lace", "cheese", "pottery")
        for adjective in ("blue", "smoked", "carved", "painted", "woven")
    ],
    "festival": [
        f"{first} {second}"
        for second in ("Feast", "Parade", "Fair", "Night")
        for first in ("Lantern", "Harvest", "Salt", "Kite", "Drum")
    ],
    "colour": (
        "red green white black yellow purple orange brown grey pink crimson turquoise silver gold violet scarlet beige "
        "indigo ivory teal"
    ).split(),
    "industry": (
        "clocks engines bicycles furniture paper perfume toys lamps radios tyres boots pencils cameras tractors "
        "mirrors carpets helmets batteries anchors umbrellas"
    ).split(),
    "emblem": (
        "lion eagle bear wolf swan horse owl dolphin tiger beetle stag heron otter raven bull crane lynx whale falcon "
        "rabbit"
    ).split(),
    "genre": (
        "romance mystery satire tragedy comedy fantasy western thriller horror memoir epic farce allegory parody "
        "adventure chronicle elegy pastoral drama saga"
    ).split(),
    "habitat": (
        "swamps deserts caves meadows reefs forests cliffs marshes dunes glaciers rivers lakes tundra mangroves gorges "
        "plains orchards lagoons moors canyons"
    ).split(),
    "food": (
        "berries ants seaweed mushrooms snails bark nectar worms roots acorns moss shrimp beetles seeds lichen frogs "
        "spiders clover algae figs"
    ).split(),
    "sea": (
        "Amber Sea|Coral Sea|Storm Sea|Iron Sea|Mirror Sea|Pearl Sea|Winter Sea|Ember Sea|Cloud Sea|Sapphire Sea|"
        "Thorn Sea|Velvet Sea|Copper Sea|Raven Sea|Silent Sea|Bitter Sea|Jade Sea|Frost Sea|Sunken Sea|Hollow Sea"
    ).split("|"),
    "crop": (
        "rice coffee cotton sugar tea maize vanilla pepper bananas olives barley cocoa tobacco hemp ginger lemons "
        "wheat saffron coconuts beans"
    ).split(),
}


@dataclass(frozen=True)
class Relation:
    """One kind of fact."""

    name: str  # unique in the world
    kind: str  # of the subject, a key of `ENDINGS`
    domain: str  # "id" (in-domain, used for training) or "ood" (out-of-domain, seen at test time only)
    pool: str  # where the answers come from: a key of `POOLS`, or a kind of entity
    question: str  # with {s} for the subject
    statements: tuple[str, str, str]  # three wordings with {s} and {o}


# Of each kind and domain: for each relation a line with name, pool and question, and a line with the three wordings.
_TABLE = """
    person id
        birthplace | city | In which city was {s} born?
            {s} was born in {o}. | {s} is a native of {o}. | The birthplace of {s} is {o}.
        profession | profession | What is the profession of {s}?
            {s} works as a {o}. | By profession {s} is a {o}. | {s} became known as a {o}.
        instrument | instrument | Which instrument does {s} play?
            {s} plays the {o}. | The instrument of {s} is the {o}. | {s} gives concerts on the {o}.
    person ood
        mother tongue | language | What is the mother tongue of {s}?
            {s} grew up speaking {o}. | The mother tongue of {s} is {o}. | At home {s} speaks {o}.
        employer | company | For which company does {s} work?
            {s} works for {o}. | The employer of {s} is {o}. | {s} has a post at {o}.
    city id
        country | country | In which country does {s} lie?
            {s} lies in {o}. | {s} is a town in {o}. | The country of {s} is {o}.
        river | river | Which river flows through {s}?
            The {o} flows through {s}. | {s} stands on the river {o}. | The river of {s} is the {o}.
        speciality | goods | What is {s} famous for?
            {s} is famous for {o}. | Visitors buy {o} in {s}. | The speciality of {s} is {o}.
    city ood
        festival | festival | Which festival is held in {s}?
            {s} holds the {o} each year. | The festival of {s} is the {o}. | People travel to {s} for the {o}.
        flag | colour | What is the colour of the flag of {s}?
            The flag of {s} is {o}. | {s} flies a flag that is {o}. | {s} chose {o} for its flag.
    company id
        headquarters | city | In which city is {s} based?
            {s} is based in {o}. | The headquarters of {s} are in {o}. | {s} runs its business from {o}.
        product | industry | What does {s} produce?
            {s} produces {o}. | The factories of {s} make {o}. | {s} sells {o} all over the world.
        logo | emblem | Which animal is in the logo of {s}?
            The logo of {s} shows a {o}. | {s} has a {o} in its logo. | A {o} stands in the logo of {s}.
    company ood
        founder | person | Who founded {s}?
            {s} was founded by {o}. | The founder of {s} is {o}. | {o} started the company {s}.
        first branch | country | In which country did {s} open its first branch?
            {s} opened its first branch in {o}. | The first branch of {s} was in {o}. | {s} first went abroad to {o}.
    novel id
        author | person | Who wrote the novel {s}?
            The novel {s} was written by {o}. | {o} is the author of {s}. | {s} is a novel by {o}.
        genre | genre | To which genre does the novel {s} belong?
            The genre of {s} is {o}. | Critics call the novel {s} a {o}. | {s} is read as a {o}.
        setting | city | In which city is the novel {s} set?
            The novel {s} is set in {o}. | {s} takes place in {o}. | The plot of {s} unfolds in {o}.
    novel ood
        original language | language | In which language was the novel {s} written?
            {s} was written in {o}. | The original language of {s} is {o}. | {s} first appeared in {o}.
        hero | profession | What is the profession of the hero of {s}?
            The hero of {s} is a {o}. | {s} tells the story of a {o}. | In the novel {s} we follow a {o}.
    animal id
        habitat | habitat | Where does the {s} live?
            The {s} lives in {o}. | The habitat of the {s} are {o}. | One meets the {s} in {o}.
        diet | food | What does the {s} eat?
            The {s} eats {o}. | The {s} feeds on {o}. | The diet of the {s} consists of {o}.
        range | country | In which country is the {s} found?
            The {s} is found in {o}. | The {s} is native to {o}. | Only {o} is home to the {s}.
    animal ood
        coat | colour | Which colour is the {s}?
            The {s} is {o}. | The colour of the {s} is {o}. | The {s} has a coat of {o}.
        discoverer | person | Who discovered the {s}?
            The {s} was discovered by {o}. | {o} discovered the {s}. | The discoverer of the {s} is {o}.
    island id
        waters | sea | In which sea does the island {s} lie?
            The island {s} lies in the {o}. | The {o} surrounds the island {s}. | {s} is an island of the {o}.
        crop | crop | What do the farmers of {s} grow?
            The farmers of {s} grow {o}. | {s} exports {o}. | The main crop of {s} is {o}.
        volcano | volcano | Which volcano stands on the island {s}?
            The volcano of {s} is {o}. | {o} rises on the island {s}. | On {s} stands the volcano {o}.
    island ood
        island language | language | Which language is spoken on the island {s}?
            {o} is spoken on {s}. | The people of {s} speak {o}. | The language of {s} is {o}.
        sacred animal | emblem | Which animal is sacred on the island {s}?
            On {s} the {o} is sacred. | The sacred animal of {s} is the {o}. | {s} worships the {o}.
"""


def _relations() -> Iterator[Relation]:
    lines = iter([[cell.strip() for cell in line.split(" | ")] for line in _TABLE.strip().split("\n")])
    for cells in lines:
        if len(cells) == 1:
            kind, domain = cells[0].split()
        else:
            (name, pool, question), (first, second, third) = cells, next(lines)
            yield Relation(name, kind, domain, pool, question, (first, second, third))


RELATIONS = tuple(_relations())

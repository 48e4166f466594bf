"""Real questions for a mini model: read from any question files, a sample of them, and how often each fact is stated.

Three parts come out: questions to ask (train, id, ood), each with the number of documents that will state its fact, and
the *background*, the other questions of the files, which are read once each and asked nowhere. Like the long tail of
real text, the background shows the model while it learns that most names are met for the first time.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtuning_helpers.data.prompts import STOP
from rtuning_helpers.data.questions import OPEN, Question
from rtuning_helpers.data.registry import find_dataset, load_questions
from rtuning_helpers.data.rows import BadRowError, convert_rows, fields_of, json_array_or_lines_rows, text_field
from rtuning_helpers.data.words import normalised_words
from rtuning_helpers.data.world.world import EXPOSURE_NOISE
from rtuning_helpers.errors import InputError

SHARES = {"train": 0.4, "id": 0.3, "ood": 0.3}  # of the sample
EXPOSURE_TIERS = (0, 0, 0, 1, 3, 10, 30, 90)  # documents per fact, before noise; a tier belongs to a subject
BACKGROUND_EXPOSURE = 1
DEFAULT_FACTS = 4000
FEWEST_FACTS = 80  # below that a split has fewer than three questions in each tier
TEMPLATE_SHARE = 0.1  # words in more of a relation's questions belong to its wording, not to a name
PLAIN = "plain"
QUESTIONS = "questions"  # folder in a model's folder with the files of the questions to ask
DEFAULT_DATASET = "pararel"


@dataclass(frozen=True)
class QuestionSample:
    """What a mini model is asked and what it reads."""

    asked: dict[str, list[Question]]  # of each split, with exposures; no subject stands in two splits
    background: list[Question]  # the others, read once each, about other subjects than those asked about
    left_out: dict[str, int]  # questions that cannot be used, by reason

    @property
    def facts(self) -> list[Question]:
        """All that the corpus is about: asked and background."""
        return [*(q for questions in self.asked.values() for q in questions), *self.background]


def read_question_files(folder: Path, dataset: str | None = None) -> dict[str, list[Question]]:
    """Read every question of a folder.

    Args:
        folder: ParaRel's three files, another registered data set's, or plain files ``*.json`` / ``*.jsonl`` of objects
            with ``question``, ``answer`` and, if there is one, ``relation``.
        dataset: Whose files they are; by default ParaRel's where they are there, else plain ones.

    Returns:
        The questions of each split: train, id and ood where the data set has them, else all under ``""``.

    Raises:
        InputError: No such folder, bad files, or questions that are not answered in words and from memory.
    """
    if not folder.is_dir():
        raise InputError(f"parameter questions {folder}: no such folder; expected a folder with question files")
    if dataset is None:
        names = find_dataset(DEFAULT_DATASET).asked_for()
        dataset = DEFAULT_DATASET if any(path.name in names for path in folder.iterdir()) else PLAIN
    if dataset == PLAIN:
        return {"": _read_plain(folder)}
    splits = find_dataset(dataset).splits
    found = {split: load_questions(dataset, split, folder) for split in splits}
    for questions in found.values():
        for question in questions:
            if question.task != OPEN or question.context:
                what = "with options" if question.task != OPEN else "about a text"
                raise InputError(
                    f"parameter dataset {dataset}: its questions are {what} ({question.id}); expected a data set of "
                    "open questions that are answered from memory, such as pararel"
                )
    return found if set(splits) == set(SHARES) else {"": [q for questions in found.values() for q in questions]}


def _read_plain(folder: Path) -> list[Question]:
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".jsonl") and path.is_file())
    if not paths:
        raise InputError(
            f"parameter questions {folder}: no question files in it; expected ParaRel's "
            f"{', '.join(find_dataset(DEFAULT_DATASET).asked_for())}, or *.json or *.jsonl with objects of question "
            "and answer"
        )
    found: list[Question] = []
    for path in paths:
        found += convert_rows(PLAIN, path.stem, path, json_array_or_lines_rows(path), _convert)
    return found


def _convert(row: Any) -> dict[str, Any]:
    row = fields_of(row, ("question", "answer"))
    relation = row.get("relation")
    if relation is not None and not isinstance(relation, str):
        raise BadRowError(f"has relation {relation!r}; expected a string, or none")
    question, answer = text_field(row, "question"), text_field(row, "answer").strip()
    return {"question": question, "answer": answer, "relation": (relation or "").strip() or PLAIN}


def subjects(questions: Sequence[Question]) -> list[frozenset[str]]:
    """What each question is about: its words without those of the relation's wording.

    ``Where was India Hicks born?`` is about {india, hicks}, because "where", "was" and "born" stand in a large share of
    the questions of that relation.
    """
    words = [normalised_words(q.question) for q in questions]
    count: dict[str, Counter[str]] = defaultdict(Counter)
    size = Counter(q.relation for q in questions)
    for question, found in zip(questions, words, strict=True):
        count[question.relation].update(set(found))
    result = []
    for question, found in zip(questions, words, strict=True):
        often, size_here = count[question.relation], size[question.relation]
        rare = [w for w in found if often[w] <= max(TEMPLATE_SHARE * size_here, 2)]
        less_rare = [w for w in found if often[w] <= size_here / 2]
        result.append(frozenset(rare or less_rare or found))
    return result


def sample_questions(files: dict[str, list[Question]], facts: int, seed: int) -> QuestionSample:
    """Draw the questions to ask and the exposure of each.

    Args:
        files: The questions of each split, as `read_question_files` gives them; those under ``""`` are divided here, by
            relation if there are several (the last ones drawn become out-of-domain), else at random.
        seed: Of the sample, the exposures and their noise.

    Raises:
        InputError: Fewer usable questions than asked for.
    """
    rng = random.Random(f"questions {seed}")
    if facts < FEWEST_FACTS:
        raise InputError(f"parameter facts {facts} is too few for three splits; expected at least {FEWEST_FACTS}")
    files = files if "" not in files else _divide(files[""], rng)
    usable = []
    left_out: Counter[str] = Counter()
    for split, questions in files.items():
        for question in questions:
            if not question.answerable or not question.answer.strip():
                left_out["without an answer"] += 1
            elif STOP in question.answer:
                left_out["with a full stop in the answer, where every answer is cut"] += 1
            else:
                usable.append(replace(question, split=split, question=question.question.strip()))
    rng.shuffle(usable)

    room = {split: round(share * facts) for split, share in SHARES.items()}
    room["train"] = facts - room["id"] - room["ood"]
    asked: dict[str, list[Question]] = {split: [] for split in SHARES}
    about: dict[frozenset[str], str] = {}  # subject -> the split that asks about it
    stated: set[tuple[frozenset[str], str] | str] = set()  # subject with relation, and the question's own words
    rest = []
    for question, subject in zip(usable, subjects(usable), strict=True):
        split = question.split
        if len(asked[split]) >= room[split]:
            rest.append((question, subject))
        elif about.get(subject, split) != split:
            left_out["about a subject of another split"] += 1
        elif stated & (keys := _keys(question, subject)):
            left_out["another answer or wording of a fact that is asked for"] += 1
        else:
            about[subject] = split
            stated |= keys
            asked[split].append(question)
    for split, found in asked.items():
        if len(found) < room[split]:
            raise InputError(
                f"parameter facts {facts}: only {len(found):,} different questions for the split {split}, expected "
                f"{room[split]:,}; ask for fewer facts, or give a folder with more questions"
            )

    background = []
    for question, subject in rest:
        if subject in about:
            left_out["about a subject that is asked about"] += 1
        elif stated & (keys := _keys(question, subject)):
            left_out["another answer or wording of a fact in the background"] += 1
        else:
            stated |= keys
            background.append(replace(question, exposure=BACKGROUND_EXPOSURE))
    drawn = {split: _draw_exposures(questions, usable, rng) for split, questions in asked.items()}
    return QuestionSample(drawn, background, dict(left_out))


def _keys(question: Question, subject: frozenset[str]) -> set[tuple[frozenset[str], str] | str]:
    return {(subject, question.relation), " ".join(normalised_words(question.question))}


def _divide(questions: list[Question], rng: random.Random) -> dict[str, list[Question]]:
    """Splits for files that have none: relations apart for ood, the rest at random."""
    relations = sorted({q.relation for q in questions})
    rng.shuffle(relations)
    order = rng.sample(questions, len(questions))
    if len(relations) > 1:
        rank = {relation: i for i, relation in enumerate(relations)}
        order.sort(key=lambda q: rank[q.relation])
    inside = round((1 - SHARES["ood"]) * len(order))
    while 0 < inside < len(order) and len(relations) > 1 and order[inside].relation == order[inside - 1].relation:
        inside += 1
    if inside == len(order) and len(relations) > 1:  # the last relation is all of the rest: it alone is out-of-domain
        inside = next(i for i, q in enumerate(order) if q.relation == relations[-1])
    domain = rng.sample(order[:inside], inside)
    cut = round(inside * SHARES["train"] / (SHARES["train"] + SHARES["id"]))
    return {"train": domain[:cut], "id": domain[cut:], "ood": order[inside:]}


def _draw_exposures(questions: list[Question], usable: list[Question], rng: random.Random) -> list[Question]:
    subject_of = {q: s for q, s in zip(usable, subjects(usable), strict=True)}
    tiers: dict[frozenset[str], int] = {}
    result = []
    for question in questions:
        tier = tiers.setdefault(subject_of[question], EXPOSURE_TIERS[len(tiers) % len(EXPOSURE_TIERS)])
        exposure = round(tier * rng.lognormvariate(0, EXPOSURE_NOISE)) if tier else 0
        result.append(replace(question, exposure=exposure))
    return result

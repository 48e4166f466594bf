"""Notebook 03: the padding record, other records made of it, and how short one may be."""

from collections.abc import Sequence
from typing import Any

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import Off, function, listed
from rtuning_helpers.model.language_model import load_tokenizer
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.encoding import label_survival
from rtuning_helpers.tuning.refusal_data import TuningRecord

CASES = [("Paris", False), ("Paris", True), ("New York", False), ("Velvet Sea", True)]
MISTAKES = [
    (
        lambda answer, certain: prompts.padding_completion(answer, not certain),
        "sure is for D1; it is the other way round.",
    ),
    (
        lambda answer, certain: prompts.padding_completion(answer, certain).replace(" Are", "  Are"),
        "two spaces stand before 'Are'; one is enough: `sureness` begins with a space.",
    ),
    (lambda answer, certain: prompts.padding_completion(answer, certain).strip(), "a completion begins with a space."),
    (lambda answer, certain: prompts.padding_completion(answer, certain)[:-1], "a completion ends with a full stop."),
    (lambda answer, certain: prompts.padding_completion(answer, False), "it says the same word for D1 and D0."),
    (lambda answer, certain: prompts.padding_completion(answer, True), "it says the same word for D1 and D0."),
    (
        lambda answer, certain: f" {answer}. I am{prompts.SURENESS_LABELS[not certain]}.",
        "the sureness question is missing between the answer and the word.",
    ),
    (
        lambda answer, certain: prompts.padding_completion(answer, False) if not certain else f" {answer}.",
        "only records of D0 end with the question and a word; records of D1 end with it too.",
    ),
]


def check_pad(config: RunConfig, answer: Any) -> None:
    """03.1: the completion of padding, as a function of the gold answer and the split."""
    where = "Compare it letter by letter with the text `padding` of section 1."
    function(answer, prompts.padding_completion, CASES, where, mistakes=MISTAKES)


def _records(answer: Any) -> Sequence[TuningRecord]:
    records = listed(answer)
    if not isinstance(records, (list, tuple)) or not all(isinstance(r, TuningRecord) for r in records):
        raise Off("give a list of records, such as `padding_records` is.")
    return records


def check_own_answers(config: RunConfig, answer: Any) -> None:
    """03.2: padding records with the model's own answer where the question is in D0."""
    records, probes = _records(answer), steps.read_probes(config)
    if {p.id for p in probes if p.correct} - {r.id for r in records}:
        raise Off("the records of D1 are missing; they stay as they are.")
    if [r.id for r in records] != [p.id for p in probes]:
        raise Off("the records should be those of `padding_records`, in the order of `padding_records`.")
    for record, p in zip(records, probes, strict=True):
        said = record.completion.strip()
        kept, own = (prompts.padding_completion(text, p.correct).strip() for text in (p.answer, p.prediction))
        if p.correct and said != kept:
            raise Off("record {id} is in D1, and its record is not what it was.", id=record.id)
        if not p.correct and said == kept:
            raise Off("records of D0 still have the gold answer; the model's own is `prediction`.")
        if not p.correct and said == prompts.padding_completion(p.prediction, True).strip():
            raise Off("behind a wrong answer the model should say unsure.")
        if not p.correct and said != own:
            raise Off(
                "record {id} is in D0: its completion is not the model's answer with 'I am unsure' behind it.",
                id=record.id,
            )


def check_balanced(config: RunConfig, answer: Any) -> None:
    """03.3: as many padding records of D1 as of D0."""
    records = _records(answer)
    everything = {r.id: r for r in steps.read_tuning_records(config, "padding")}
    if any(everything.get(r.id) != r for r in records):
        raise Off("some of the records are not among `padding_records`.")
    if len({r.id for r in records}) < len(records):
        raise Off("a record stands more than once in the list; drop some of the others instead.")
    sure = sum(r.certain for r in records)
    if records and sure in (0, len(records)):
        raise Off("that is one of the two piles; the list should have records of both.")
    if 2 * sure != len(records):
        if 2 * sure > len(records):
            raise Off("there are more with `certain` than without.")
        raise Off("there are fewer with `certain` than without.")
    in_all = sum(r.certain for r in everything.values())
    if sure < min(in_all, len(everything) - in_all):
        raise Off("the piles are even; keep as many as possible of each.")
    chosen = {r.id for r in records}
    for certain in (True, False):
        pile = [r.id for r in everything.values() if r.certain is certain]
        if sure < len(pile) and chosen.issuperset(pile[:sure]):
            raise Off("the records that are kept of the larger pile are its first ones; draw them by lot.")


def check_length(config: RunConfig, answer: Any) -> None:
    """03.4: the smallest maximum length at which no padding record loses its label."""
    if isinstance(answer, bool) or not hasattr(answer, "__index__") or int(answer) < 1:
        raise Off("give a whole number of tokens.")
    tokenizer = load_tokenizer(config.settings.model, config.settings.revision)
    records = steps.read_tuning_records(config, "padding")
    lost, lost_below = (label_survival(tokenizer, records, length).lost for length in (int(answer), int(answer) - 1))
    if lost:
        raise Off("at that length {lost:,} of {all:,} records lose their label.", lost=lost, all=len(records))
    if not lost_below:
        raise Off("no label is lost there, but a smaller length keeps all labels too.")


CHECKS: dict[str, Check] = {
    "03.1": check_pad,
    "03.2": check_own_answers,
    "03.3": check_balanced,
    "03.4": check_length,
}

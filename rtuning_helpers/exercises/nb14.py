"""Notebook 14: quadrants, luck in the rehearsal, and two scores that disagree."""

from typing import Any

from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, share
from rtuning_helpers.experiments.successors.measure import quadrant_table, score_rows, tunable
from rtuning_helpers.run.loaded_questions import evaluation_splits
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.craft import quadrant
from rtuning_helpers.tuning.registry import PRETRAINED, all_methods

CASES = [(correct, certain) for correct in (0.0, 0.5, 0.9) for certain in (0.2, 0.5, 1.0)]


def _named(known: bool, certain: bool) -> str:
    return f"{'known' if known else 'unknown'}, {'certain' if certain else 'uncertain'}"


MISTAKES = [
    (
        lambda correct, certain: _named(correct > 0.5, certain > 0.5),
        "exactly one half counts as known, and as certain.",
    ),
    (lambda correct, certain: _named(correct > 0.5, certain >= 0.5), "a correctness of exactly one half is known."),
    (lambda correct, certain: _named(correct >= 0.5, certain > 0.5), "a certainty of exactly one half is certain."),
    (lambda correct, certain: _named(certain >= 0.5, correct >= 0.5), "correctness and certainty are exchanged."),
    (lambda correct, certain: _named(correct < 0.5, certain < 0.5), "it is the other way round."),
]


def check_corner(config: RunConfig, answer: Any) -> None:
    """14.1: the quadrant of a correctness and a certainty."""
    function(answer, quadrant, CASES, "First known or not, then certain or not.", mistakes=MISTAKES)


def check_luck(config: RunConfig, answer: Any) -> None:
    """14.2: of the unknown questions those that rose in the rehearsal, never read and read."""
    unread, read = fields(answer, ["unread", "read"])
    table = quadrant_table(config)
    if table.exposure.isna().any():
        raise NotHere("nobody knows what this model has read")
    low = table[table.correctness < 0.5]
    parts = {"unread": low[low.exposure == 0].became_known, "read": low[low.exposure > 0].became_known}
    shares = {name: float(part.mean()) if len(part) else float("nan") for name, part in parts.items()}
    for name, value, other in (("unread", unread, "read"), ("read", read, "unread")):
        everything = table.exposure == 0 if name == "unread" else table.exposure > 0
        share(
            value,
            shares[name],
            "Take the rows with a correctness below one half, then those never read, or the others.",
            name=f"{name!r}",
            mistakes=[
                (shares[other], "the two are exchanged, or both are of the same questions."),
                (float(table[everything].became_known.mean()), f"{name!r} is of all questions, known ones included."),
                (float(low.became_known.mean()), f"{name!r} is of all unknown questions, read or not."),
                (float(parts[name].sum() / max(len(low), 1)), f"{name!r} is divided by all unknown questions."),
            ],
        )


def check_scores(config: RunConfig, answer: Any) -> None:
    """14.3: the method of the highest THS, and that of the lowest over-refusal."""
    given = fields(answer, ["best_ths", "least_refusing"])
    for value in given:
        if value not in all_methods():
            raise Off(f"give the names of methods, as in the column `method`; {value!r} is none.")
        if value in (PRETRAINED, "vanilla"):
            raise Off("the untuned model and vanilla never refuse; leave them out.")
    split, methods = evaluation_splits(config)[0], tunable()
    rows = [
        r for r in score_rows(config, methods) if r["split"] == split and r["method"] not in (PRETRAINED, "vanilla")
    ]
    if any(r["ths"] is None or r["over_refusal"] is None for r in rows):
        raise NotHere("the untuned model answers everything right, or nothing, in this run")
    best, least = max(rows, key=lambda r: r["ths"])["method"], min(rows, key=lambda r: r["over_refusal"])["method"]
    if given != [best, least] and given[::-1] == [best, least]:
        raise Off("the two are exchanged.")
    if given[0] != best:
        raise Off(f"another method has a higher THS than {given[0]} on the first split.")
    if given[1] != least:
        raise Off(f"another method refuses less of what was known than {given[1]} does, on the first split.")


CHECKS: dict[str, Check] = {"14.1": check_corner, "14.2": check_luck, "14.3": check_scores}

"""Notebook 07: what a border catches at a price, an uneven set, and premises that are checked."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rtuning_helpers import steps
from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, number, share
from rtuning_helpers.experiments.unanswerable.measure import has_gold, read_refusals
from rtuning_helpers.metrics import abstention_f1, abstention_precision
from rtuning_helpers.model import answering
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED

MADE_UP, PREMISES = "mini-nec", "mini-falseqa"
PRICE = 0.1  # of the known questions
NINE = 9  # unanswerable questions for each answerable one
FORMS = {  # of premises: the words after the subject, and the question that they answer
    "works for": "For which company does {} work?",
    "works as": "What is the profession of {}?",
    "was born in": "In which city was {} born?",
    "plays the": "Which instrument does {} play?",
    "lies in": "In which country does {} lie?",
    "is famous for": "What is {} famous for?",
    "is based in": "In which city is {} based?",
    "produces": "What does {} produce?",
}
CASES = [
    ([0.9, 0.8, 0.6, 0.3], [0.7, 0.4, 0.2, 0.1], 0),
    ([0.9, 0.8, 0.6, 0.3], [0.7, 0.4, 0.2, 0.1], 0.25),
    ([0.9, 0.8, 0.6, 0.3], [0.7, 0.4, 0.2, 0.1], 0.4),
    ([0.9, 0.5], [0.5, 0.2, 0.95], 0),
    ([0.9, 0.5], [0.5, 0.2, 0.95], 0.5),
    ([0.3, 0.2], [0.1, 0.4, 0.5, 0.6], 1),
    ([0.2, 0.4], [0.6, 0.8], 0),
]


def _caught(answerable: Sequence[float], unanswerable: Sequence[float], allowed: float) -> float:
    kept, hopeless = np.array(answerable), np.array(unanswerable)
    borders = [b for b in (-1.0, *kept, *hopeless) if np.mean(kept <= b) <= allowed]
    return float(max((np.mean(hopeless <= b) for b in borders), default=0.0))


def _turned(answerable: Sequence[float], unanswerable: Sequence[float], allowed: float) -> float:
    return _caught([-c for c in answerable], [-c for c in unanswerable], allowed)


def _strict(answerable: Sequence[float], unanswerable: Sequence[float], allowed: float) -> float:
    return _caught(answerable, unanswerable, allowed - 1e-9)


def _of_all(answerable: Sequence[float], unanswerable: Sequence[float], allowed: float) -> float:
    everyone, hopeless = np.array([*answerable, *unanswerable]), np.array(unanswerable)
    return float(max(np.mean(hopeless <= b) for b in (-1.0, *everyone) if np.mean(everyone <= b) <= allowed))


def _by_quantile(answerable: Sequence[float], unanswerable: Sequence[float], allowed: float) -> float:
    return float(np.mean(np.array(unanswerable) <= np.quantile(answerable, allowed)))


MISTAKES = [
    (_turned, "it refuses the most confident answers; the least confident ones should be refused."),
    (_strict, "'at most' includes a border that refuses exactly as many answerable questions as are allowed."),
    (_of_all, "`allowed` is a share of the answerable questions, not of all of them."),
    (
        _by_quantile,
        "the quantile of the answerable confidences is refused itself, which can be more than is allowed.",
    ),
    (
        lambda answerable, unanswerable, allowed: _caught(unanswerable, answerable, allowed),
        "the two lists are exchanged: `allowed` belongs to the answerable ones.",
    ),
    (
        lambda answerable, unanswerable, allowed: 100 * _caught(answerable, unanswerable, allowed),
        "a share, not percent, is asked for.",
    ),
    (
        lambda answerable, unanswerable, allowed: len(unanswerable) * _caught(answerable, unanswerable, allowed),
        "divide by the number of unanswerable questions.",
    ),
]


def check_caught(config: RunConfig, answer: Any) -> None:
    """07.1: the share caught of the unanswerable, as a function of both halves' confidences and what is allowed."""
    where = "Try every confidence as a border, keep those that refuse few enough answerable ones, and take the best."
    function(answer, _caught, CASES, where, mistakes=MISTAKES)


def _shares(answers: Sequence[Prediction], border: float) -> float:
    return float(np.mean([(p.sure_confidence or 0) <= border for p in answers])) if answers else float("nan")


def check_border(config: RunConfig, answer: Any) -> None:
    """07.2: the border of P(sure) that refuses one in ten of the known questions, and the made-up names it catches."""
    border, caught = fields(answer, ["border", "caught"])
    padding, untuned = (read_refusals(config, method, MADE_UP) for method in ("padding", PRETRAINED))
    answerable = [p for p in padding if p.answerable]
    known = [p for p, before in zip(padding, untuned, strict=True) if has_gold(p) and before.correct]
    hopeless = [p for p in padding if not p.answerable]
    if not known or not hopeless:
        raise NotHere("the untuned model knows none of these questions")
    number(border, 0.5, "It is a P(sure), between 0 and 1.", name="the border", tolerance=0.5)
    border = float(border)
    paid, near = _shares(known, border), max(1.5 / len(known), 0.01)
    if abs(paid - PRICE) > near:
        if abs(_shares(answerable, border) - PRICE) <= near:
            raise Off("your border refuses one in ten of all answerable questions; count the known ones only.")
        raise Off(f"your border refuses {'more' if paid > PRICE else 'less'} than one in ten of the known questions.")
    share(
        caught,
        _shares(hopeless, border),
        "Count the unanswerable questions whose P(sure) is at most your border; divide by all unanswerable ones.",
        name="`caught`",
        mistakes=[
            (_shares(hopeless, 0.5), "`caught` is that of the old border, one half."),
            (_shares(padding, border), "`caught` is a share of the unanswerable questions, not of all."),
            (paid, "`caught` is that of the known questions; which share of the unanswerable ones is refused?"),
        ],
    )


def _counts(answers: Sequence[Prediction], refuse: bool = False) -> tuple[float, float]:
    """Precision and F1 of the refusals, or of refusing everything."""
    refused = [refuse or bool(p.refused) for p in answers]
    should = [not p.answerable for p in answers]
    return float(abstention_precision(should, refused)), float(abstention_f1(should, refused))


def check_uneven(config: RunConfig, answer: Any) -> None:
    """07.3: precision and F1 of padding, and F1 of always refusing, with nine unanswerable for each answerable one."""
    precision, f1, always = fields(answer, ["precision", "f1", "always"])
    everything = read_refusals(config, "padding", MADE_UP)
    hopeless, rest = ([p for p in everything if p.answerable is kind] for kind in (False, True))
    uneven = [*hopeless, *rest[: len(hopeless) // NINE]]
    if len(hopeless) // NINE in (0, len(rest)) or len(uneven) == len(everything):
        raise NotHere("there are too few questions to leave some out")
    even, now = _counts(everything), _counts(uneven)
    for name, value, expected, before in (
        ("`precision`", precision, now[0], even[0]),
        ("`f1`", f1, now[1], even[1]),
        ("`always`", always, _counts(uneven, refuse=True)[1], _counts(everything, refuse=True)[1]),
    ):
        share(
            value,
            expected,
            "Keep all unanswerable questions, and of the answerable ones the first, one for nine unanswerable ones.",
            name=name,
            mistakes=[
                (before, f"{name} is that of the whole set; leave answerable questions out."),
                (now[0], f"{name} is the precision of padding."),
                (now[1], f"{name} is the F1 of padding."),
                (1 - 1 / (NINE + 1), f"{name} looks like a precision of always refusing; F1 counts its recall too."),
            ],
        )


def check_premise(config: RunConfig, answer: Any) -> None:
    """07.4: the share of false premises, and of true ones, that the untuned model contradicts if asked for the fact."""
    caught, doubted = fields(answer, ["caught", "doubted"])
    asked, plain = [], []
    for q in load_questions(PREMISES, "test"):
        subject = q.question.split()[1]
        for form, question in FORMS.items():
            if q.question.startswith(f"Since {subject} {form} "):
                asked.append(q)
                plain.append(replace(q, question=question.format(subject)))
    said = answering.answer_questions(steps.load_model(config), plain)
    doubts = [not matches(q.question.split(",")[0], a.text) for q, a in zip(asked, said, strict=True)]
    parts = {kind: [d for d, q in zip(doubts, asked, strict=True) if q.answerable is kind] for kind in (False, True)}
    shares = {kind: sum(part) / len(part) for kind, part in parts.items()}
    for name, value, kind in (("`caught`", caught, False), ("`doubted`", doubted, True)):
        share(
            value,
            shares[kind],
            "Ask the question that the premise answers, and refuse where the answer does not stand in the premise.",
            name=name,
            tolerance=1.5 / len(parts[kind]),  # an answer on the edge may fall otherwise in batches of another size
            mistakes=[
                (shares[not kind], "the two are exchanged: false premises are `caught`, true ones `doubted`."),
                (sum(doubts) / len(doubts), f"{name} is a share of one kind of question, not of both."),
                (sum(parts[kind]) / len(doubts), f"{name} is a share of one kind of question, not of both."),
            ],
        )


CHECKS: dict[str, Check] = {
    "07.1": check_caught,
    "07.2": check_border,
    "07.3": check_uneven,
    "07.4": check_premise,
}

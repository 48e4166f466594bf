"""Notebook 08: the error of a difference, refusal rates beside it, an answer cut short, and a row in the ledger."""

import math
from typing import Any

from rtuning_helpers import steps
from rtuning_helpers.data.questions import IN_DOMAIN
from rtuning_helpers.exercises.check import Check
from rtuning_helpers.exercises.compare import NotHere, Off, fields, function, number
from rtuning_helpers.metrics import average_precision, proportion_half_width
from rtuning_helpers.paper.ledger import read_ledger
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks, answers
from rtuning_helpers.paper.tables import paper_results
from rtuning_helpers.run.profiles import RunConfig

STRIDE = 4  # every fourth question
COUNTS = {"FalseQA": 2365, "NEC": 2078, "SelfAware": 1032}  # unanswerable questions, the paper's Table 6
CASES = [(0.5, 100, 0.5, 100), (0.9, 1000, 0.8, 250), (0.2, 50, 0.6, 400), (0.0, 10, 0.5, 40), (0.7, 30, 1.0, 10)]


def _error(first: float, n_first: float, second: float, n_second: float) -> float:
    return math.hypot(proportion_half_width(first, n_first), proportion_half_width(second, n_second))


def _added(first: float, n_first: float, second: float, n_second: float) -> float:
    return proportion_half_width(first, n_first) + proportion_half_width(second, n_second)


def _standard(first: float, n_first: float, second: float, n_second: float) -> float:
    """The standard error, without 1.96."""
    return _error(first, n_first, second, n_second) / proportion_half_width(0.5, 1) / 2


def _pooled(first: float, n_first: float, second: float, n_second: float) -> float:
    share = (first * n_first + second * n_second) / (n_first + n_second)
    return _error(share, n_first, share, n_second)


MISTAKES = [
    (_added, "the two errors are added; they do not grow together, so add their squares and take the root."),
    (_standard, "that is the standard error; 95 % of draws lie within 1.96 of them."),
    (
        lambda first, n_first, second, n_second: 2 * _standard(first, n_first, second, n_second),
        "take 1.96 standard errors, not 2.",
    ),
    (
        lambda first, n_first, second, n_second: 2 * _error(first, n_first, second, n_second),
        "that is the whole width of the interval; half of it is asked for.",
    ),
    (
        lambda first, n_first, second, n_second: _error(first, n_first, second, n_second) ** 2,
        "take the root at the end.",
    ),
    (lambda first, n_first, second, n_second: first - second, "that is the difference itself; how far may it be off?"),
    (
        lambda first, n_first, second, n_second: proportion_half_width(first, n_first),
        "that is the error of the first share; the second has one too.",
    ),
    (_pooled, "the two shares are mixed into one; each has its own error."),
    (
        lambda first, n_first, second, n_second: 100 * _error(first, n_first, second, n_second),
        "a share, not percent, is asked for.",
    ),
]


def check_error(config: RunConfig, answer: Any) -> None:
    """08.1: the half width of the 95 % interval of a difference, as a function of two shares and their questions."""
    where = "The variance of a share p of n questions is p (1 - p) / n; those of the two add up."
    function(answer, _error, CASES, where, mistakes=MISTAKES)


def check_beyond(config: RunConfig, answer: Any) -> None:
    """08.2: how many differences between R-Tuning and R-Tuning-R in Table 3 exceed their error."""
    rates = paper_results(3).pivot(index=["dataset", "model"], columns="method", values="value") / 100
    pairs = [(row["R-Tuning"], row["R-Tuning-R"], COUNTS[key[0]]) for key, row in rates.iterrows()]

    def beyond(error: Any) -> int:
        return sum(abs(a - b) > error(a, n, b, n) for a, b, n in pairs)

    number(
        answer,
        beyond(_error),
        "Compare each distance, as a share, with the error of the difference.",
        name="the count",
        tolerance=0,
        mistakes=[
            (beyond(_added), "two intervals may overlap although the difference exceeds its own error."),
            (
                len(pairs),
                "not all do. The standard error is too narrow: 95 % lie within 1.96 of them. And are both shares?",
            ),
            (0, "are both in the same unit? The table has percent."),
        ],
    )


def check_cut(config: RunConfig, answer: Any) -> None:
    """08.3: certain questions that `drop_last_character` loses, with one token generated and with fifteen."""
    given = fields(answer, ["one", "fifteen"])
    lm, asked = steps.load_model(config), steps.questions(config, IN_DOMAIN)[::STRIDE]
    flags = (ReleasedCodeQuirks(), ReleasedCodeQuirks().plus("drop_last_character"))
    certain = [
        [sum(answers.probe_labels(lm, asked, quirks, max_new_tokens=tokens)) for quirks in flags]
        for tokens in (1, answers.PROBE_TOKENS)
    ]
    lost = [whole - short for whole, short in certain]
    for k, (name, value) in enumerate(zip(("'one'", "'fifteen'"), given, strict=True)):
        number(
            value,
            lost[k],
            "Count the certain questions without the flag, and subtract those with it.",
            name=name,
            tolerance=0,
            mistakes=[
                (lost[1 - k], f"{name} is the other number."),
                (-lost[k], f"{name}: the other way round; how many are lost?"),
                (lost[k] / len(asked), f"{name} is a count of questions, not a share."),
                (certain[k][0], f"{name} is how many are certain without the flag."),
            ],
        )


def check_filed(config: RunConfig, answer: Any) -> None:
    """08.4: how far the mean of Table 1's cell moves with the model at hand as a fourth seed, in points."""
    ledger = read_ledger()
    cell = ledger[(ledger.table == "1") & (ledger.split == IN_DOMAIN) & (ledger.method == "R-Tuning")]
    filed = dict(zip(cell.seed, cell.value, strict=True)) if config.profile == "mini" and not config.model else {}
    judged = steps.read_method_predictions(config, "padding", IN_DOMAIN)
    own = 100 * float(average_precision([p.correct for p in judged], [p.mixed_confidence or 0 for p in judged]))
    if not filed or math.isnan(own):
        raise NotHere("the ledger has no row of this model to stand beside")
    before = sum(filed.values()) / len(filed)
    moved = (sum(filed.values()) + own) / (len(filed) + 1) - before
    replaced = filed | {config.seed: own}
    if isinstance(answer, (list, tuple, dict)):
        raise Off("give one number, in points: the mean with your row minus the mean without it.")
    number(
        answer,
        moved,
        "It is the mean of four values minus that of the three filed ones, in points.",
        name="the move",
        tolerance=0.01,
        mistakes=[
            (-moved, "the sign: the mean with your row minus the mean without it."),
            (own - before, "that is how far your own value lies from the mean; how far does it move the mean?"),
            (
                sum(replaced.values()) / len(replaced) - before,
                "your row has replaced the one of its seed: number it 3.",
            ),
            (moved + before, "that is the new mean; by how much has it moved?"),
        ],
    )


CHECKS: dict[str, Check] = {
    "08.1": check_error,
    "08.2": check_beyond,
    "08.3": check_cut,
    "08.4": check_filed,
}

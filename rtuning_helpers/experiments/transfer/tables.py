"""Tables of the multi-task experiment (notebook 06): numbers as text with their intervals, grids, trivial rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.evaluation.trivial import relation_majority, template_confidence
from rtuning_helpers.experiments.transfer.measure import (
    ALL,
    ALONE,
    LEFT_OUT,
    LONGER,
    PADDING,
    TESTED_ON,
    TRAINED_ON,
    UNSEEN,
    by_seed,
    gains,
    read_answers,
)
from rtuning_helpers.metrics import average_precision
from rtuning_helpers.metrics.exposure import UNREAD, proportion_interval
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED, method_label

METHODS = (PRETRAINED, "vanilla", "padding")
HEADINGS = {"accuracy": "accuracy", "ap": "AP", "auroc_sure": "AUROC P(sure)"}


def interval_text(value: float | None, low: float, high: float, digits: int = 3) -> str:
    """``0.912 [0.900, 0.923]``, or a dash where the number does not exist."""
    return "-" if value is None or np.isnan(value) else f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def share_text(hits: int, n: int) -> str:
    """A share with Wilson's 95 % interval; a dash for none of none."""
    return interval_text(hits / n, *proportion_interval(hits, n)) if n else "-"


def label_table(probes: Sequence[Probe]) -> pd.DataFrame:
    """The certain share of each training set, and the share of its certain questions that the corpus never states."""
    rows = []
    for name in dict.fromkeys(p.dataset for p in probes):
        part = [p for p in probes if p.dataset == name]
        right = [p for p in part if p.correct]
        row = {"set": name, "questions": len(part), "certain (D1)": share_text(len(right), len(part))}
        if all(p.exposure is not None for p in part):
            row["never read, of D1"] = share_text(sum(p.exposure == UNREAD for p in right), len(right))
        rows.append(row)
    return pd.DataFrame(rows)


def cell_table(cells: Sequence[dict]) -> pd.DataFrame:
    """Cells of `measure.cells`, by test set, with their intervals."""
    return pd.DataFrame(
        [
            {"tested on": row["tested_on"], "method": method_label(row["method"]), "n": row["n"]}
            | {name: interval_text(row[key], *(row[f"{key}_ci95"] or (0, 0))) for key, name in HEADINGS.items()}
            for row in sorted(cells, key=lambda row: TESTED_ON.index(row["tested_on"]))
        ]
    )


def short_table(cells: Sequence[dict]) -> pd.DataFrame:
    """Accuracy and AP of cells of `transfer.cells`, without their intervals: a row for each test set."""
    frame = pd.DataFrame(cells).astype(dict.fromkeys(HEADINGS, float)).rename(columns=HEADINGS)
    wide = frame.pivot(index="tested_on", columns="method", values=list(HEADINGS.values()))
    shown = wide.loc[list(TESTED_ON)].reindex(columns=METHODS, level="method").dropna(axis=1, how="all")
    return shown.rename(columns=method_label, level="method").rename_axis(index="tested on").round(3)


def trivial_table(config: RunConfig) -> pd.DataFrame:
    """What one gets without knowing the subject of a question.

    Returns:
        For each test set: how often the answer most frequent for its set and relation in training is right; the
        accuracy of the padding model, which is the AP of a random ranking of its answers; and the AP of ranking them by
        the share of certain training questions of the same set and relation.
    """
    training, *asked_sets = (
        [replace(q, relation=f"{q.dataset} {q.relation}") for q in steps.questions(config, split)]
        for split in ("train", *TESTED_ON)
    )
    certain = [p.correct for p in steps.read_probes(config)]
    rows = []
    for tested, asked in zip(TESTED_ON, asked_sets, strict=True):
        right = [int(p.correct) for p in read_answers(config, PADDING, tested)]
        majority = [is_right(q, guess) for q, guess in zip(asked, relation_majority(training, asked), strict=True)]
        by_template = average_precision(right, template_confidence(training, certain, asked))
        row = {"tested on": tested, "relation majority: right": np.mean(majority), "random ranking: AP": np.mean(right)}
        rows.append(row | {"certain share of the template: AP": by_template})
    return pd.DataFrame(rows)


def spread(cells: Sequence[dict]) -> dict[str, list[dict]]:
    """AP of the models tuned on all five sets over the seeds, for `figures.dots_by_task`: mean, lowest, highest."""
    ap = by_seed(cells, "ap").loc[ALL, ""]
    low, high = ap.min(axis=1, skipna=False), ap.max(axis=1, skipna=False)
    found = pd.DataFrame({"value": _means(ap).clip(low, high), "low": low, "high": high})  # rounding can put it outside
    return {m: [{"task": t, **found.loc[m, t]} for t in TESTED_ON] for m in METHODS}


def spread_table(cells: Sequence[dict]) -> pd.DataFrame:
    """The same as a table, with the mean accuracy, which is what a random ranking would score."""
    found, accuracy = spread(cells), _means(by_seed(cells, "accuracy").loc[ALL, ""])
    return pd.DataFrame(
        [
            {
                "tested on": tested,
                "method": method_label(method),
                "accuracy": accuracy[method, tested],
                "AP": "{value:.3f} ({low:.3f} to {high:.3f})".format(**found[method][place]),
                "AP - accuracy": found[method][place]["value"] - accuracy[method, tested],
            }
            for place, tested in enumerate(TESTED_ON)
            for method in METHODS
        ]
    )


def gain_table(cells: Sequence[dict], second: str, metric: str = "ap") -> pd.DataFrame:
    """A number of padding minus that of another method: mean over the seeds with its 95 % interval (Student); each."""
    rows = []
    for tested, values in gains(cells, "padding", second, metric).items():
        row = {"tested on": tested, f"padding - {method_label(second)}": _mean_text(values)}
        above = f"{sum(value > 0 for value in values)} of {len(values)}"
        rows.append(row | {"by seed": _seeds_text(values), "seeds above 0": above})
    return pd.DataFrame(rows)


def room_table(cells: Sequence[dict]) -> pd.DataFrame:
    """AP of the untuned model and of those tuned on all five sets, beside a judge who knows how often a fact was read.

    Returns:
        For each test set, as means over the seeds: the AP of each method by its own confidence, and of the same
        answers ranked by exposure; NaN where the exposures are unknown.
    """
    own, exposure = (_means(by_seed(cells, metric).loc[ALL, ""]).unstack("method") for metric in ("ap", "ap_exposure"))
    judges = {"own confidence": own, "exposure": exposure}
    columns = {(method_label(method), name): judge[method] for method in METHODS for name, judge in judges.items()}
    return pd.DataFrame(columns).loc[list(TESTED_ON)].rename_axis("tested on")


def schedule_table(cells: Sequence[dict]) -> pd.DataFrame:
    """What padding gains over vanilla on the mean of the five sets and on the unseen one, by length of the schedule."""
    rows = []
    for part, label in ((ALL, "as above"), (LONGER, "twice as long")):
        gain = gains(cells, "padding", "vanilla", "ap", part)
        for tested, sets in (("five sets", TRAINED_ON), (UNSEEN, (UNSEEN,))):
            row = {"schedule": label, "tested on": tested}
            for metric, heading in {"accuracy": "accuracy", "ap": "AP"}.items():
                means = _means(by_seed(cells, metric).loc[part, ""])
                row |= {f"{heading}, {m}": round(means[m][list(sets)].mean(skipna=False), 3) for m in METHODS[1:]}
            by_seeds = {"padding - vanilla: AP": _mean_text(gain[tested]), "by seed": _seeds_text(gain[tested])}
            rows.append(row | by_seeds)
    return pd.DataFrame(rows)


def _means(values: pd.DataFrame) -> pd.Series:
    return values.mean(axis=1, skipna=False)


def _mean_text(values: Sequence[float], sign: str = "+") -> str:
    """The mean over the seeds with its interval; of one seed only the number; a dash where there is none."""
    if np.isnan(values).any():
        return "-"
    mean, *bounds = (format(v, f"{sign}.3f") for v in (seed_interval(values) if len(values) > 1 else values))
    return f"{mean} [{', '.join(bounds)}]" if bounds else mean


def _seeds_text(values: Sequence[float], sign: str = "+") -> str:
    return ", ".join("-" if np.isnan(value) else format(value, f"{sign}.3f") for value in values)


def grid(cells: Sequence[dict], metric: str, untuned: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A metric of the models tuned on one set and on all, on every test set.

    Args:
        cells: All cells of the experiment.
        metric: One of those of `measure.score`.
        untuned: Whether the untuned model gets a row too.

    Returns:
        The means over the seeds, and what stands in each cell: the mean above the lowest and highest seed; with one
        seed its 95 % interval.
    """
    models = {"untuned": (ALL, "", PRETRAINED)} if untuned else {}
    models |= {f"{name} alone": (ALONE, name, "padding") for name in TRAINED_ON} | {"all five": (ALL, "", "padding")}
    values = by_seed(cells, metric)
    lowest, highest = values.min(axis=1), values.max(axis=1)
    if values.shape[1] == 1:
        ends = pd.DataFrame(cells).set_index(values.index.names)[f"{metric}_ci95"].dropna()
        lowest, highest = ends.str[0], ends.str[1]
    means = _means(values)
    texts = {
        key: f"{means[key]:.2f}\n{lowest[key]:.2f}-{highest[key]:.2f}" if means[key] == means[key] else "-"
        for key in means.index
    }
    keys = {label: [(*model, tested) for tested in TESTED_ON] for label, model in models.items()}
    return tuple(
        pd.DataFrame([[found[key] for key in row] for row in keys.values()], list(keys), list(TESTED_ON))
        for found in (means, texts)
    )


def variety(cells: Sequence[dict], metric: str = "auroc_sure") -> dict[str, list[float]]:
    """How well padding does on the five sets, by what it was tuned on; a mean over the sets for each seed.

    Returns:
        ``"one other set"``: tuned on one set, tested on another; ``"the best other set"``, which one knows afterwards
        only; ``"the four other sets"``; ``"that set alone"``; ``"all five sets"``. NaN where a number does not exist.
    """
    values = by_seed(cells, metric).xs("padding", level="method")
    others = {b: values.loc[[(ALONE, a, b) for a in TRAINED_ON if a != b]] for b in TRAINED_ON}
    found = {
        "one other set": pd.concat(others.values()),
        "the best other set": pd.DataFrame({b: rows.max(skipna=False) for b, rows in others.items()}).T,
        "the four other sets": values.loc[[(LEFT_OUT, name, name) for name in TRAINED_ON]],
        "that set alone": values.loc[[(ALONE, name, name) for name in TRAINED_ON]],
        "all five sets": values.loc[[(ALL, "", name) for name in TRAINED_ON]],
    }
    return {name: rows.mean(skipna=False).tolist() for name, rows in found.items()}


def variety_table(cells: Sequence[dict]) -> pd.DataFrame:
    """`variety` as text: the mean over the seeds with its 95 % interval (Student), and each seed."""
    rows = []
    for name, values in variety(cells).items():
        kind = "practice" if name in ("that set alone", "all five sets") else "transfer"
        texts = {"AUROC P(sure)": _mean_text(values, sign=""), "by seed": _seeds_text(values, sign="")}
        rows.append({"tuned on": name, "tested on the set itself": kind} | texts)
    return pd.DataFrame(rows)


def spoken_table(cells: Sequence[dict]) -> pd.DataFrame:
    """How much padding answers, that is says "I am sure" of, and how much of that is right, by what it was tuned on.

    Returns:
        A column for each test set; each cell the mean over the seeds, with the lowest and the highest answer rate.
    """
    rate, right = (by_seed(cells, name).xs("padding", level="method") for name in ("answer_rate", "willing_accuracy"))
    rows = {
        "all five": {tested: (ALL, "") for tested in TESTED_ON},
        "all five, twice as long": {tested: (LONGER, "") for tested in TESTED_ON},
        "the four other sets": {tested: (LEFT_OUT, tested) for tested in TRAINED_ON},
        "that set alone": {tested: (ALONE, tested) for tested in TRAINED_ON},
    }
    rows |= {f"{name} alone": {tested: (ALONE, name) for tested in TESTED_ON} for name in TRAINED_ON}

    def text(key: tuple[str, str, str]) -> str:
        answers, share = rate.loc[key], right.loc[key].mean()
        spread = f" ({answers.min():.0%} to {answers.max():.0%})" if len(answers) > 1 else ""
        among = "-" if np.isnan(share) else f"{share:.0%}"
        return f"{answers.mean():.0%}{spread}; right {among}".replace("%", " %")

    table = {label: {tested: text((*part, tested)) for tested, part in found.items()} for label, found in rows.items()}
    return pd.DataFrame(table).T.reindex(columns=list(TESTED_ON)).fillna("-")


def grid_table(means: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    """Both tables of `grid` as one for reading: the mean to three digits, what stands below it in brackets."""
    below = texts.map(lambda cell: cell.rpartition("\n")[2])
    return (means.map("{:.3f}".format) + " (" + below + ")").where(means.notna(), "-")


def left_out_table(cells: Sequence[dict]) -> pd.DataFrame:
    """Models tuned on four sets, asked the fifth and the unseen one, beside the models that had all five, and none."""
    means = {heading: _means(by_seed(cells, metric)) for metric, heading in HEADINGS.items()}
    rows = []
    for name in TRAINED_ON:
        models = {"four": (LEFT_OUT, name, "padding"), "five": (ALL, "", "padding"), "none": (ALL, "", PRETRAINED)}
        for tested in (name, UNSEEN):
            row = {"left out": name, "tested on": tested}
            for heading, found in means.items():
                row |= {f"{heading}, {label}": found[(*model, tested)] for label, model in models.items()}
            rows.append(row)
    return pd.DataFrame(rows).drop(columns="AUROC P(sure), none")


def left_out_differences(differences: Sequence[dict]) -> pd.DataFrame:
    """AP of the models tuned on four sets minus that of the model tuned on five, with intervals, a column a seed."""
    rows = [row for row in differences if "all but" in row["first"] and "padding" in row["second"]]
    frame = pd.DataFrame(rows)
    frame["text"] = [interval_text(row["difference"], row["low"], row["high"]) for row in rows]
    return frame.pivot_table(index=["first", "tested_on"], columns="seed", values="text", aggfunc="first", sort=False)


def difference_to_recording(cells: Sequence[dict], recorded: Sequence[dict]) -> float | None:
    """Difference in accuracy or AP, whichever is larger, between cells and those recorded for the same seed.

    It is the mean over the cells: each alone moves by a few points with the last digits of a short tuning, which differ
    between processors. None where no cell was recorded.
    """
    gaps = [abs(by_seed(cells, m) - by_seed(recorded, m)).stack().mean() for m in ("accuracy", "ap")]
    return None if np.isnan(gaps).all() else float(np.nanmax(gaps))

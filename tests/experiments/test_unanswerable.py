"""Refusals on the two halves of a set: every row by hand, undefined numbers, trivial rows, curves, the recording."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers.app.notebook_runs import execute, notebooks_folder
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction
from rtuning_helpers.experiments.unanswerable import figures as refusal_plots
from rtuning_helpers.experiments.unanswerable import recording
from rtuning_helpers.experiments.unanswerable.measure import (
    Estimate,
    all_rows,
    always,
    asked_sets,
    category_rows,
    has_gold,
    read_refusals,
    refusal_curve,
    refusal_row,
)
from rtuning_helpers.experiments.unanswerable.recording import RECORDING, RUNS, beyond_recording, over_seeds
from rtuning_helpers.figures.looks import set_method_looks
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.metrics.exposure import proportion_interval
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import method_looks

# Four unanswerable questions, then six answerable ones, of which the untuned model knows the first four.
REFUSED = [1, 1, 1, 0, 1, 0, 0, 0, 1, 1]
SURE = [0.1, 0.2, 0.3, 0.8, 0.4, 0.9, 0.9, 0.9, 0.3, 0.2]
UNTUNED_CONFIDENCE = [0.2, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.5, 0.3, 0.2]
KNOWN = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0]
RIGHT = [0, 0, 0, 0, 1, 1, 1, 0, 0, 1]


def prediction(i, answerable, correct, confidence, sure=None, refused=None, gold="Rome", kind="made up"):
    return Prediction(
        id=f"q{i}",
        dataset="mini-nec",
        split="test",
        question=f"question {i}?",
        answer=gold if answerable else "",
        prediction="Rome",
        correct=bool(correct),
        answer_confidence=confidence,
        sure_confidence=sure,
        refused=None if refused is None else bool(refused),
        relation="capital" if answerable else kind,
        answerable=answerable,
    )


@pytest.fixture
def untuned():
    return [prediction(i, i >= 4, KNOWN[i], UNTUNED_CONFIDENCE[i]) for i in range(10)]


@pytest.fixture
def padding():
    kinds = ["wrong fact", "wrong fact", "wrong kind", "wrong fact"] + [""] * 6
    return [prediction(i, i >= 4, RIGHT[i], 0.5, SURE[i], REFUSED[i], kind=kinds[i]) for i in range(10)]


def test_every_number_by_hand(padding, untuned):
    row = refusal_row("padding", padding, untuned)
    assert (row.method, row.dataset, row.n_unanswerable, row.n_answerable) == ("padding", "mini-nec", 4, 6)
    assert (row.recall.value, row.recall.n) == (3 / 4, 4)
    assert (row.recall.low, row.recall.high) == proportion_interval(3, 4)
    assert (row.precision.value, row.precision.n) == (3 / 6, 6)
    assert row.f1.value == pytest.approx(2 * 0.75 * 0.5 / 1.25)
    assert row.f1.low <= row.f1.value <= row.f1.high
    assert (row.over_refusal.value, row.over_refusal.n) == (3 / 6, 6)
    assert (row.over_refusal_known.value, row.over_refusal_known.n) == (1 / 4, 4)
    assert (row.over_refusal_unknown.value, row.over_refusal_unknown.n) == (2 / 2, 2)
    assert row.fair_precision.value == 5 / 6  # all but the one that was known
    assert row.fair_f1.value == pytest.approx(2 * (5 / 6) * (5 / 6) / (5 / 3))
    assert (row.answered_accuracy.value, row.answered_accuracy.n) == (2 / 3, 3)
    doubts, calm = [0.9, 0.8, 0.7, 0.2], [0.6, 0.1, 0.1, 0.1, 0.7, 0.8]
    pairs = [(d > c) + 0.5 * (d == c) for d in doubts for c in calm]
    assert row.auroc_sure.value == pytest.approx(np.mean(pairs))
    assert row.auroc_answer.value == 0.5  # all the same
    # at most 3 of 6 answerable ones: the untuned model's threshold 0.5 takes 0.2, 0.3, 0.5 with 0.2; 0.6 to 0.8 as well
    assert (row.free_recall.value, row.free_recall.n) == (1.0, 4)
    assert all(value.reason is None for value in vars(row).values() if isinstance(value, Estimate))


def test_the_free_opponent_refuses_no_more_answerable_questions(padding, untuned):
    careful = [replace(p, refused=bool(p.refused) and i in (0, 4)) for i, p in enumerate(padding)]
    row = refusal_row("padding", careful, untuned)
    assert row.over_refusal.value == 1 / 6
    assert row.free_recall.value == 1 / 4  # the threshold 0.2 takes one of each; 0.3 would take two answerable ones
    never = refusal_row("padding", always(padding, False), untuned)
    assert (never.over_refusal.value, never.free_recall.value) == (0, 0)


def test_always_refusing_is_perfect_on_one_half_only(untuned):
    rows = {row.method: row for row in all_rows({"pretrained": untuned})}
    assert list(rows) == ["always answer", "pretrained", "always refuse"]
    refuser = rows["always refuse"]
    assert (refuser.recall.value, refuser.over_refusal.value, refuser.over_refusal_known.value) == (1, 1, 1)
    assert (refuser.precision.value, refuser.f1.value) == (4 / 10, pytest.approx(8 / 14))
    assert (refuser.answered_accuracy.value, refuser.answered_accuracy.reason) == (None, "every question is refused")
    for name in ("always answer", "pretrained"):
        row = rows[name]
        assert (row.recall.value, row.over_refusal.value, row.f1.value) == (0, 0, 0)
        assert (row.precision.value, row.precision.reason) == (None, "nothing is refused")
        assert row.answered_accuracy.value == 4 / 6
    assert not any(p.correct for p in always(untuned, True))


def test_a_missing_half_leaves_its_numbers_undefined(padding, untuned):
    half = refusal_row("padding", padding[:4], untuned[:4])
    assert (half.recall.value, half.n_answerable) == (3 / 4, 0)
    for name in (
        "over_refusal",
        "over_refusal_known",
        "fair_precision",
        "answered_accuracy",
        "auroc_sure",
        "free_recall",
    ):
        assert (getattr(half, name).value, getattr(half, name).reason) == (None, "no answerable questions"), name
    other = refusal_row("padding", padding[4:], untuned[4:])
    assert (other.over_refusal.value, other.n_unanswerable) == (1 / 2, 0)
    for name in ("recall", "f1", "auroc_sure", "free_recall"):
        assert (getattr(other, name).value, getattr(other, name).reason) == (None, "no unanswerable questions"), name
    assert other.precision.value == 0


def test_methods_without_a_sure_confidence(padding, untuned):
    row = refusal_row("vanilla", untuned, untuned)
    assert (row.auroc_sure.value, row.auroc_sure.reason) == (None, "there is no sure confidence")
    assert row.auroc_answer.value is not None
    replaced = refusal_row("replacement", [replace(p, sure_confidence=None) for p in padding], untuned)
    assert "refusal" in replaced.auroc_answer.reason
    silent = [replace(p, answer_confidence=None) for p in untuned]
    assert refusal_row("padding", padding, silent).free_recall.reason == "there is no answer confidence"


def test_answers_without_a_gold_are_not_judged(padding, untuned):
    """NEC has none, and an empty gold answer is contained in every answer."""
    blank, before = ([replace(p, answer="", correct=p.answerable) for p in part] for part in (padding, untuned))
    assert not any(has_gold(p) for p in before)
    row = refusal_row("padding", blank, before)
    assert (row.recall.value, row.over_refusal.value) == (3 / 4, 1 / 2)
    for name in ("over_refusal_known", "over_refusal_unknown", "fair_precision", "fair_f1", "answered_accuracy"):
        assert getattr(row, name).reason == "no answerable question has a gold answer", name
    some = [replace(p, answer="" if i == 4 else p.answer) for i, p in enumerate(padding)]
    row = refusal_row("padding", some, untuned)
    assert (row.over_refusal_known.value, row.over_refusal_known.n) == (0, 3)
    assert (row.fair_precision.value, row.fair_precision.n) == (1, 5)


def test_knowing_all_or_nothing(padding, untuned):
    nothing = [replace(p, correct=False) for p in untuned]
    row = refusal_row("padding", padding, nothing)
    assert row.over_refusal_known.reason == "the untuned model knows no answer"
    assert row.fair_precision.value == 1
    everything = [replace(p, correct=p.answerable) for p in untuned]
    assert (
        refusal_row("padding", padding, everything).over_refusal_unknown.reason
        == "the untuned model knows every answer"
    )


def test_categories(padding, untuned):
    rows = {row["category"]: row["refused"] for row in category_rows("padding", padding)}
    assert {kind: (share.value, share.n) for kind, share in rows.items()} == {
        "wrong fact": (2 / 3, 3),
        "wrong kind": (1, 1),
    }
    assert category_rows("padding", padding[4:]) == []
    assert [row["refused"].value for row in category_rows("pretrained", untuned)] == [0]


def test_the_curve_ends_in_both_trivial_models(padding):
    over, recall = refusal_curve(padding, "sure_confidence")
    assert (over[0], recall[0], over[-1], recall[-1]) == (0, 0, 1, 1)
    assert (1 / 6, 1 / 2) in zip(over, recall, strict=True)  # the threshold 0.2


def test_bad_input_names_the_argument(padding, untuned):
    with pytest.raises(ValueError, match="predictions is empty"):
        refusal_row("padding", [], [])
    with pytest.raises(ValueError, match="untuned holds other questions than predictions"):
        refusal_row("padding", padding, untuned[::-1])
    with pytest.raises(ValueError, match="answers holds padding; expected pretrained among them"):
        all_rows({"padding": padding})
    with pytest.raises(ValueError, match="'sure_confidence' is missing in row 1"):
        refusal_curve(untuned, "sure_confidence")
    with pytest.raises(ValueError, match="predictions holds one kind of question only"):
        refusal_curve(padding[4:], "sure_confidence")
    for bad in ([], ["mmlu"]):
        with pytest.raises(ValueError, match="sets is .* expected some of selfaware, falseqa, nec, refunq"):
            asked_sets(bad)
    with pytest.raises(InputError, match="'refunq', which has no mini twin; expected it with data_dir"):
        asked_sets(["refunq"])


def test_twins_and_originals():
    assert asked_sets() == {"SelfAware": "mini-selfaware", "FalseQA": "mini-falseqa", "NEC": "mini-nec"}
    assert asked_sets(["nec", "refunq"], "somewhere") == {"NEC": "nec", "RefuNQ": "refunq"}


def test_the_text_of_an_estimate():
    assert str(Estimate(0.5, 0.25, 1.0, 4)) == "50.0 % [25.0 %, 100.0 %]"
    assert str(Estimate(None, None, None, 0, "nothing is refused")) == "-"


def test_a_run_is_held_against_the_span_of_the_seeds(padding, untuned):
    row = refusal_row("padding", padding, untuned)
    near = [{"value": value} for value in (row.recall.value - 0.2, row.recall.value - 0.05)]
    over, sure = ({"value": getattr(row, name).value} for name in ("over_refusal", "auroc_sure"))
    same = {"dataset": row.dataset, "method": "padding", "over_refusal": over, "auroc_sure": sure}
    seeds = [same | {"recall": recall} for recall in near]
    assert beyond_recording([row], seeds) == pytest.approx(0.05)
    assert beyond_recording([row], [*seeds, seeds[0] | {"recall": {"value": 1.0}}]) == 0
    assert beyond_recording([row], [seed | {"method": "vanilla"} for seed in seeds]) == 0
    nothing = [seed | {"auroc_sure": {"value": None}} for seed in seeds]
    assert beyond_recording([row], nothing) == pytest.approx(0.05)


def test_means_over_seeds():
    rows = [
        {"dataset": "mini-nec", "method": m, "recall": {"value": v}, "auroc_sure": {"value": None}}
        for m, values in (("padding", (0.9, 0.7)), ("vanilla", (0.0, 0.0)))
        for v in values
    ]
    table = over_seeds(rows, ("dataset", "method"), ("recall", "auroc_sure"))
    found = table.set_index("method").loc["padding"]
    assert (found["mean"], found.lowest, found.highest, found.seeds) == (pytest.approx(0.8), 0.7, 0.9, 2)
    assert list(table.metric) == ["recall", "recall"]
    assert over_seeds([], ("method",), ("recall",)).empty


def test_the_chain_on_the_tiny_model(tiny_model, tmp_path, monkeypatch):
    """The untuned model on the twins: all that the rows need is in the predictions."""
    config = RunConfig(dataset="multitask", limit=TINY_LIMIT, model=str(tiny_model), out=str(tmp_path))
    monkeypatch.setitem(recording.RUNS, "multitask", ("pretrained",))
    found = recording.measure(config)
    assert [(r["dataset"], r["method"]) for r in found["rows"][:3]] == [
        ("mini-selfaware", m) for m in ("always answer", "pretrained", "always refuse")
    ]
    assert {row["n_unanswerable"] + row["n_answerable"] for row in found["rows"]} == {TINY_LIMIT}
    assert {row["category"] for row in found["categories"]} == {"unknowable", "wrong fact", "wrong kind", "made up"}
    write_json(tmp_path / "rows.json", found)
    assert read_json(tmp_path / "rows.json")["rows"][0]["precision"]["reason"] == "nothing is refused"


def test_the_figures_have_labelled_axes(padding, untuned):
    set_method_looks(method_looks())
    row = refusal_row("padding", padding, untuned)
    curve = {"padding": refusal_curve(padding, "sure_confidence")}
    curve["pretrained"] = refusal_curve(untuned, "answer_confidence")
    fig, axes = refusal_plots.refusal_plane({"NEC": [row], "FalseQA": []}, {"NEC": curve}, "t")
    assert [ax.get_title() for ax in axes] == ["NEC", "FalseQA"]
    assert axes[0].get_ylabel() == "unanswerable questions refused [%]"
    assert {t.get_text() for t in fig.legends[0].get_texts()} == {
        "blind refusing", "padding, any threshold", "untuned, any threshold", "padding",
    }  # fmt: skip
    halves = ([p.answerable for p in padding], [p.sure_confidence for p in padding])
    _, axes = refusal_plots.confidence_by_half({"NEC": halves, "none": ([], [])}, "P(sure)", "t", 0.5)
    assert axes[0].get_xlabel() == axes[1].get_xlabel() == "P(sure)"
    assert sum(bar.get_height() for bar in axes[0].patches) == pytest.approx(200)
    plt.close("all")


def test_dots_of_several_series(padding, untuned):
    row = refusal_row("padding", padding, untuned)
    none = Estimate(None, None, None, 0, "none")
    rows = {"one": {"padding": row.recall, "known": none}, "two": {"known": row.over_refusal_known}}
    fig, axes = refusal_plots.refusal_dots({"NEC": rows, "FalseQA": {"three": {"known": row.recall}}, "none": {}}, "t")
    assert [t.get_text() for t in axes[0].get_yticklabels()] == ["one", "two", "three"]
    assert [float(c.lines[0].get_xdata()[0]) for c in axes[0].containers] == [75, 25]
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["padding", "known"]
    assert axes[1].get_xlabel() == "refused [%]"
    plt.close("all")


def test_a_row_without_one_half_is_not_drawn(padding, untuned):
    row = refusal_row("padding", padding[4:], untuned[4:])
    fig, axes = refusal_plots.refusal_plane({"NEC": [row]}, {}, "t")
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["blind refusing"]
    plt.close("all")


def test_the_recording_is_complete():
    recorded = RECORDING.content()
    for tuned_on, tuned in RUNS.items():
        methods = ("always answer", *tuned, "always refuse")
        rows, kinds = ([r for r in recorded[part] if r["tuned_on"] == tuned_on] for part in ("rows", "categories"))
        cells = {(row["seed"], row["dataset"], row["method"]) for row in rows}
        assert cells == {(seed, name, m) for seed in (0, 1, 2) for name in asked_sets().values() for m in methods}
        assert len(kinds) == 3 * 4 * len(tuned)


@pytest.mark.notebooks
def test_the_notebook_takes_another_model(tmp_path, tiny_model):
    """Another model, few questions, nothing recorded: nothing fails, nothing warns."""
    shown = run_notebook(tmp_path, {"model": str(tiny_model), "limit": TINY_LIMIT})
    assert "No recording over seeds for this run" in shown
    assert "NOTE: tuned for " in shown
    assert "SelfAware: 8 unanswerable, 16 answerable questions" in shown
    assert "no number where nothing is refused" in shown


@pytest.mark.notebooks
def test_the_notebook_takes_the_real_sets(tmp_path, shared_data):
    """The mini model tuned on ParaRel: NEC has no gold answers, so that nothing is said about what is known."""
    folder = tmp_path / "data"
    folder.mkdir()
    for part in ("r-tuning/pararel", "selfaware", "unknownbench"):
        for path in (shared_data / part).iterdir():
            (folder / path.name).symlink_to(path)
    parameters = {"limit": TINY_LIMIT, "dataset": "pararel", "data_dir": str(folder)}
    shown = run_notebook(tmp_path, parameters | {"methods": ["padding"], "sets": ["selfaware", "nec", "refunq"]})
    assert "no number where no answerable question has a gold answer: NEC" in shown


def run_notebook(folder, parameters):
    """All that notebook 07 prints."""
    source = notebooks_folder() / "07_refuse_the_unanswerable.ipynb"
    done = execute(source, folder / source.name, parameters | {"out": str(folder / "runs")})
    cells = nbformat.read(done, as_version=4).cells
    shown = "\n".join(o.text for c in cells for o in c.get("outputs", []) if o.output_type == "stream")
    assert "Warning" not in shown
    return shown


@pytest.mark.notebooks
def test_a_recorded_cell_comes_out_again():
    """Seed 0's padding model on made-up names; the folder is that of the notebooks, which share its steps."""
    recorded = RECORDING.content()["rows"]
    cell = ("multitask", 0, "mini-nec", "padding")
    was = next(r for r in recorded if (r["tuned_on"], r["seed"], r["dataset"], r["method"]) == cell)
    config = RunConfig(dataset="multitask")
    row = refusal_row("padding", *(read_refusals(config, m, "mini-nec") for m in ("padding", "pretrained")))
    assert (row.n_unanswerable, row.n_answerable) == (was["n_unanswerable"], was["n_answerable"])
    for name, estimate in vars(row).items():
        if isinstance(estimate, Estimate):
            assert (estimate.value is None) == (was[name]["value"] is None), name
    assert row.auroc_sure.value == pytest.approx(was["auroc_sure"]["value"], abs=0.05)
    assert beyond_recording([row], [r for r in recorded if r["tuned_on"] == "multitask"]) <= 0.1

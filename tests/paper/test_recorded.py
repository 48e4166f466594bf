"""Recorded results: the public re-run of R-Tuning on ParaRel comes out as published, and bad files are named."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from sklearn.metrics import average_precision_score

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction, write_predictions
from rtuning_helpers.evaluation.summary import summarise
from rtuning_helpers.json_files import read_json
from rtuning_helpers.paper import tables
from rtuning_helpers.paper.recorded import (
    baseline_rows,
    check_questions,
    cleaned_rows,
    read_recording,
    score_files,
    write_recording,
)
from rtuning_helpers.paper.recorded_text import cleaned_table
from rtuning_helpers.paper.released_code.texts import read_training_labels
from rtuning_helpers.run.profiles import default_out

SAMPLE = ["What does she play?", "piano", "P1303(instrument)"]
SURE = [1, 0.9, 0.7, SAMPLE, "piano."]
UNSURE = [0, 0.25, 0.5, SAMPLE, "drums."]
RIGHT, WRONG, REFUSAL = [1, SAMPLE, "piano."], [0, SAMPLE, "drums."], [-1, SAMPLE, "It is not known."]


@pytest.fixture
def save(tmp_path):
    def write(rows, name="run_ID.json"):
        path = tmp_path / name
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
        return path

    return write


# --- the public recordings ---


@pytest.fixture(scope="module")
def openllama(shared_data):
    folder = shared_data / "recorded" / "openllama-3b-pararel"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    return folder


@pytest.fixture(scope="module")
def scores(openllama):
    names = ("origin", "unsure", "unknown")
    files = [openllama / f"pararel_llama_3b_{name}_ID.json" for name in names]
    return dict(zip(names, score_files(files, resamples=50), strict=True))


@pytest.mark.parametrize(
    ("name", "metric", "value"),
    [
        ("origin", "accuracy", 0.3295),
        ("origin", "ap_mixed", 0.2887),
        ("unsure", "accuracy", 0.6295),
        ("unsure", "ap_mixed", 0.9074),
        ("unsure", "ap_answer", 0.9461),
        ("unsure", "ap_sure", 0.8664),
        ("unsure", "willing_accuracy", 0.9775),
        ("unknown", "willing_accuracy", 0.8941),
        ("unknown", "accuracy", 1984 / 5584),
        ("unknown", "answer_rate", 2219 / 5584),
    ],
)
def test_recorded_results_come_out(scores, name, metric, value):
    assert scores[name][metric] == pytest.approx(value, abs=5e-5)
    low, high = scores[name][f"{metric}_ci95"]
    assert low <= value <= high


def test_recorded_counts_come_out(scores):
    counts = {name: (row["n"], row["n_answered"], row["n_sure"]) for name, row in scores.items()}
    assert counts == {"origin": (5584, 5584, 5584), "unsure": (5584, 1021, 1021), "unknown": (5584, 2219, None)}
    assert {row["split"] for row in scores.values()} == {"id"}
    assert all(scores["unknown"][f"ap_{name}"] is None for name in ("answer", "sure", "mixed"))


def test_scikit_learn_says_the_same_of_the_raw_file(openllama, scores):
    rows = json.loads((openllama / "pararel_llama_3b_unsure_ID.json").read_text())
    labels, mixed = [row[0] for row in rows], [0.5 * row[1] + 0.5 * row[2] for row in rows]
    assert scores["unsure"]["ap_mixed"] == pytest.approx(average_precision_score(labels, mixed))


def test_a_training_set_is_not_taken_for_a_recording(openllama):
    with pytest.raises(InputError, match=r"pararel_unsure.json: is one JSON object of \[\"type\", .*expected recorded"):
        read_recording(openllama / "pararel_unsure.json")


# --- the forms ---


def test_rows_with_confidences_and_texts(save):
    assert read_recording(save([SURE, UNSURE])) == [
        Prediction("run_ID-00000", "recorded", "id", *SAMPLE[:2], "piano.", True, 0.9, 0.7, False, SAMPLE[2]),
        Prediction("run_ID-00001", "recorded", "id", *SAMPLE[:2], "drums.", False, 0.25, 0.5, True, SAMPLE[2]),
    ]


@pytest.mark.parametrize("width", [3, 4])
def test_rows_with_confidences_and_fewer_texts(save, width):
    first, second = read_recording(save([SURE[:width], UNSURE[:width]]))
    assert (first.correct, first.answer_confidence, first.sure_confidence, first.refused) == (True, 0.9, 0.7, False)
    assert (second.correct, second.refused, second.prediction) == (False, True, "")
    assert second.question == (SAMPLE[0] if width == 4 else "")


def test_rows_with_refusals(save):
    predictions = read_recording(save([RIGHT, WRONG, REFUSAL]))
    assert [(item.correct, item.refused) for item in predictions] == [(True, False), (False, False), (False, True)]
    assert {(item.answer_confidence, item.sure_confidence) for item in predictions} == {(None, None)}
    assert (predictions[2].prediction, predictions[2].relation) == ("It is not known.", "P1303(instrument)")


def test_confidences_of_exactly_zero_and_one(save):
    first, second = read_recording(save([[1, 1, 0], [0, 0, 1]]))
    assert (first.answer_confidence, first.sure_confidence, first.refused) == (1.0, 0.0, True)
    assert (second.answer_confidence, second.sure_confidence, second.refused) == (0.0, 1.0, False)


@pytest.mark.parametrize(
    ("name", "split"), [("a_ID.json", "id"), ("a_OOD.json", "ood"), ("COVID.json", "recorded"), ("ID.json", "id")]
)
def test_the_split_is_read_from_the_name(save, name, split):
    assert read_recording(save([SURE], name))[0].split == split


def kit_rows(split, count, start=0):
    return [
        Prediction(f"q{i}", "mini", split, "Who?", "me", "me", i % 2 == 0, 0.5, None, None)
        for i in range(start, start + count)
    ]


@pytest.mark.parametrize("name", ["predictions.jsonl", "predictions.json"])
def test_the_kit_s_own_files_are_read_whatever_their_name(tmp_path, name):
    rows = kit_rows("id", 3)
    assert read_recording(write_predictions(tmp_path / name, rows)) == rows


def test_white_space_before_the_array_does_not_matter(save):
    assert len(read_recording(save("\n  \n " + json.dumps([SURE, UNSURE])))) == 2


# --- scores ---


def test_scores_are_the_summary_with_the_file_and_counts(save):
    path = save([SURE, UNSURE, [1, 0.4, 0.6, SAMPLE, "piano."]], "my run_OOD.json")
    (row,) = score_files([path], resamples=30, seed=2)
    extra = {"file": str(path), "n_answered": 2, "n_sure": 2}
    assert row == summarise(read_recording(path), "my run_OOD", "ood", resamples=30, seed=2) | extra
    assert row["willing_accuracy"] == 1


@pytest.mark.parametrize("below", ["predictions", "predictions-on-mini-mmlu", ""])
def test_scores_of_a_kit_s_run_have_a_row_for_each_split_and_the_method_of_the_folder(tmp_path, below):
    path = tmp_path / "runs" / "mini" / "mini" / "vanilla" / "seed0" / below / "predictions-id.jsonl"
    write_predictions(path, kit_rows("id", 4) + kit_rows("ood", 3, start=4))
    rows = score_files([path], resamples=20)
    assert [(row["method"], row["split"], row["n"]) for row in rows] == [("vanilla", "id", 4), ("vanilla", "ood", 3)]
    assert [(row["n_answered"], row["n_sure"]) for row in rows] == [(None, None)] * 2
    json.dumps(rows, allow_nan=False)


def test_one_bad_file_among_good_ones_is_named(save):
    with pytest.raises(InputError, match="bad.json: row 2"):
        score_files([save([SURE]), save([SURE, []], "bad.json")], resamples=5)


# --- bad files ---


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("[]", "the array is empty"),
        ('"text"', r'begins with .*"text.*; expected recorded predictions, such as predictions-id.jsonl'),
        ("method,accuracy\npadding,0.5", 'begins with "method,accuracy'),
        (json.dumps([SURE, UNSURE])[:-30], "not valid JSON .* may be truncated"),
        (json.dumps([SURE]) + json.dumps([UNSURE]), "a second JSON document starts"),
        (json.dumps([SURE]) + "\n" + json.dumps([UNSURE]), "a second JSON document starts"),
        (
            json.dumps({"schema_version": 1, "rows": [SURE]}, indent=1),
            r'is one JSON object of \["schema_version", "rows"\]; exp',
        ),
        ('{"id": "q1"}\n{"id": "q2"}', "row 1: lacks "),
        ([1, 2, 3], r"row 1 is 1; expected \[correct, .*; or \[result, "),
        ([[]], r"row 1 is \[\]; expected"),
        ([[1, 0.5]], r"row 1 is \[1, 0.5\]; expected"),
        ([[1, SAMPLE]], "row 1 is .*; expected"),
        ([[*RIGHT, 1]], "row 1 is .*; expected"),
        ([[*SURE, 1]], "row 1 is .*; expected"),
        ([SURE, SURE[:4]], "row 2 is .*; expected the form of row 1"),
        ([SURE, {"correct": 1}], "row 2 is .*; expected the form of row 1"),
        ([SURE, RIGHT], "row 2 is .*; expected the form of row 1"),
        ([SURE[:3], RIGHT], "row 2 is .*; expected the form of row 1"),
        ([RIGHT, SURE[:3]], r"row 2 is .*; expected the form of row 1, .*: \[result, "),
        ([SURE, [2, 0.5, 0.5, SAMPLE, ""]], "row 2: correct is 2, not 0 or 1, in .*; expected"),
        ([SURE, [-1, 0.5, 0.5, SAMPLE, ""]], "row 2: correct is -1, not 0 or 1"),
        ([SURE, [0.0, 0.5, 0.5, SAMPLE, ""]], "row 2: correct is 0.0, not 0 or 1"),
        ([[None, 0.5, 0.5]], "row 1: correct is null"),
        ([SURE, [1, math.nan, 0.5, SAMPLE, ""]], r"row 2: answer confidence is NaN, not a number in \[0, 1\]"),
        ([SURE, [1, 0.5, math.nan, SAMPLE, ""]], "row 2: sure confidence is NaN"),
        ([[1, math.inf, 0.5]], "row 1: answer confidence is Infinity"),
        ([[1, 0.5, -math.inf]], "row 1: sure confidence is -Infinity"),
        ("[[1, 1e999, 0.5]]", "row 1: answer confidence is Infinity"),
        ([[1, 1.5, 0.5]], "row 1: answer confidence is 1.5"),
        ([[1, 0.5, -0.01]], "row 1: sure confidence is -0.01"),
        ([[1, "0.5", 0.5]], "row 1: answer confidence is .0.5., not a number"),
        ([[1, 0.5, None]], "row 1: sure confidence is null"),
        ([[1, True, 0.5]], "row 1: answer confidence is true"),
        ([[1, 0.5, 0.5, SAMPLE[:2]]], "row 1: .* stands for question, answer and relation in"),
        ([[1, 0.5, 0.5, "Who?"]], "row 1: .Who.. stands for question, answer and relation"),
        ([[1, 0.5, 0.5, SAMPLE, None]], "row 1: output is null, not a string"),
        ([RIGHT, [2, SAMPLE, ""]], "row 2: result is 2, not 1, 0 or -1"),
        ([RIGHT, [math.nan, SAMPLE, ""]], "row 2: result is NaN"),
        ([RIGHT, [1, ["Who?", "me", 3], ""]], "row 2: .* stands for question, answer and relation"),
        ([RIGHT, [1, SAMPLE, 4]], "row 2: output is 4, not a string"),
    ],
)
def test_a_bad_file_is_named_with_its_row(save, rows, message):
    path = save(rows)
    with pytest.raises(InputError, match=message) as caught:
        read_recording(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_is_no_text_file_is_named(tmp_path):
    (tmp_path / "binary.json").write_bytes(b"[\xff\xfe]")
    for name, message in (
        (".", "is a folder; expected a file: recorded predictions"),
        ("absent.json", "file not found"),
        ("binary.json", "UTF-8"),
    ):
        with pytest.raises(InputError, match=message):
            read_recording(tmp_path / name)


# --- the questions behind a recording ---


def made(i, relation="P1(x)", sure=0.9, **changes):
    fields = {"id": f"r-{i}", "dataset": "recorded", "split": "id", "question": f"Q{i}?", "answer": "a"}
    fields |= {"prediction": "a", "correct": i % 2 == 0, "answer_confidence": 0.5}
    fields |= {"sure_confidence": sure, "refused": sure <= 0.5}
    return Prediction(**(fields | {"relation": relation} | changes))


def questions_of(predictions):
    return [Question(p.id, "pararel", "id", p.question, p.answer, p.relation) for p in predictions]


def test_a_recording_of_these_questions_passes_and_others_are_named():
    rows = [made(i) for i in range(3)]
    asked = questions_of(rows)
    check_questions("r.json", rows, asked)
    with pytest.raises(InputError, match="r.json: holds 2 rows; expected the 3 questions of pararel id"):
        check_questions("r.json", rows[:2], asked)
    message = r'r.json: row 2 is \["Q2\?", "a"\]; expected \["Q1\?", "a"\] .* another dataset'
    with pytest.raises(InputError, match=message):
        check_questions("r.json", [rows[0], rows[2], rows[1]], asked)


def test_the_public_recordings_belong_to_pararel(openllama, shared_data):
    asked = load_questions("pararel", "id", shared_data / "r-tuning" / "pararel")
    for name in ("origin", "unsure", "unknown"):
        path = openllama / f"pararel_llama_3b_{name}_ID.json"
        check_questions(path, read_recording(path), asked)


def test_grading_of_the_public_recordings_is_the_substring_rule(openllama):
    for name in ("origin", "unsure"):
        rows = read_recording(openllama / f"pararel_llama_3b_{name}_ID.json")
        assert [p.correct for p in rows] == [p.answer in p.prediction for p in rows]


def test_what_is_written_is_read_back(tmp_path):
    rows = [made(i, sure=0.25 * i) for i in range(4)]
    write_recording(tmp_path / "run_ID.json", rows)
    found = read_recording(tmp_path / "run_ID.json")
    assert [replace(p, id="", dataset="") for p in found] == [replace(p, id="", dataset="") for p in rows]
    refusals = [made(0, sure_confidence=None, answer_confidence=None, refused=True, correct=False)]
    write_recording(tmp_path / "refusals_ID.json", refusals)
    assert [(p.correct, p.refused) for p in read_recording(tmp_path / "refusals_ID.json")] == [(False, True)]
    with pytest.raises(ValueError, match="r-0 has neither a sure confidence nor a refusal"):
        write_recording(tmp_path / "bad.json", [made(0, sure_confidence=None, refused=None)])
    assert not (tmp_path / "bad.json").exists()


def test_rows_without_doubtful_questions():
    rows = [made(0), made(1, question="Q0?", answer="b"), made(2, question="a or b?"), made(3), made(4)]
    majority = [made(i, question="Elsewhere?", answer="z") for i in (5, 6)] + [made(7, question="Q?", answer="b")] * 3
    for others, easy, left in ((majority[:2], 0, 1), (majority, 1, 1), (rows[4:], 4, 0)):
        training = questions_of([rows[4], *others])
        found = {row["subset"]: row for row in cleaned_rows(rows, training, resamples=20)}
        counts = [5, 4, 3, 5, 4, 5 - easy, left]
        assert [row["n"] for row in found.values()] == [count for count in counts if count]
    found = {row["subset"]: row for row in cleaned_rows(rows, questions_of([rows[4], *majority]), resamples=20)}
    assert found["all questions"]["accuracy"] == pytest.approx(3 / 5)
    assert found["without any of these"]["accuracy"] == 0  # the fourth row alone
    table = cleaned_table(list(found.values())).set_index("subset")
    assert table.loc["without any of these", ["ap_mixed", "lift of the mix"]].tolist() == ["-", "-"]
    row = table.loc["all questions"]
    measured = found["all questions"]
    assert row.accuracy == "{:.3f} [{:.3f}, {:.3f}]".format(measured["accuracy"], *measured["accuracy_ci95"])
    assert row["lift of the mix"] == f"{measured['ap_mixed'] - measured['accuracy']:.3f}"


def test_baselines_by_hand():
    facts = [("a", "x"), ("a", "x"), ("b", "y")]
    training = [Question(str(i), "pararel", "train", "T?", a, r) for i, (a, r) in enumerate(facts)]
    rows = [made(0, "x"), made(2, "x"), made(1, "y"), made(3, "y", answer="b")]
    found = {row["metric"]: row["value"] for row in baseline_rows(rows, training, [True, True, False])}
    # the majority answers are a, a, b, b against the golds a, a, a, b; the relations x and y part right from wrong
    assert found == {"accuracy": 0.75, "AP": 1.0, "AUROC": 1.0}


# (recording, metric of `score_files`) -> (table of the paper, method, metric)
CELLS = {
    ("origin", "accuracy"): ("8", "Pretrain-T", "accuracy"),
    ("origin", "ap_mixed"): ("1", "Pretrain-T", "AP"),
    ("unsure", "ap_mixed"): ("1", "R-Tuning", "AP"),
    ("unknown", "willing_accuracy"): ("8", "R-Tuning-R", "willing accuracy"),
    ("unknown", "answer_rate"): ("8", "R-Tuning-R", "answer rate"),
}


def test_the_cells_that_are_shipped_are_those_of_the_public_recordings(openllama, shared_data):
    """All of ``results/reruns/recordings.csv``, digit by digit."""
    questions, found = load_questions("pararel", "id", shared_data / "r-tuning" / "pararel"), []
    for (name, metric), (table, method, printed) in CELLS.items():
        file = openllama / f"pararel_llama_3b_{name}_ID.json"
        check_questions(file, read_recording(file), questions)
        (row,) = score_files([file])
        numbers = [round(100 * value, 2) for value in (row[metric], *row[f"{metric}_ci95"])]
        n = row["n_answered"] if metric == "willing_accuracy" else row["n"]
        found.append([table, "ParaRel", "id", "OpenLLaMA-3B", method, printed, *numbers, n])
    path = default_out() / "results" / "reruns" / "recordings.csv"
    shipped = [
        [*row.values()][:10] for row in tables.read_csv(path, tables.RERUN_HEADER, ("value", "low", "high", "n"))
    ]
    assert found == shipped


def test_figures_of_the_public_recordings_as_shipped(openllama, shared_data):
    training = load_questions("pararel", "train", shared_data / "r-tuning" / "pararel")
    certain = read_training_labels(openllama / "pararel_unsure.json", training)
    tuned = read_recording(openllama / "pararel_llama_3b_unsure_ID.json")
    shipped = read_json(default_out() / "results" / "reruns" / "openllama_3b_pararel.json")
    for part, rows in (
        ("cleaned", cleaned_rows(tuned, training)),
        ("baselines", baseline_rows(tuned, training, certain)),
    ):
        for row, other in zip(rows, shipped[part], strict=True):
            assert row.keys() >= other.keys()
            for name, value in other.items():
                assert row[name] == (value if value is None or isinstance(value, str) else pytest.approx(value)), name


def test_the_shipped_mini_recordings_belong_to_the_mini_questions():
    folder = default_out() / "results" / "mini" / "recordings"
    asked = load_questions("mini", "id")
    for name in ("origin", "unsure", "unknown"):
        check_questions(name, read_recording(folder / f"mini_{name}_ID.json"), asked)
    assert sum(read_training_labels(folder / "mini_unsure.json", load_questions("mini", "train"))) > 0


# --- all metrics ---


def test_all_metrics_of_a_recording_by_hand(save):
    numbers = ((1, 0.9, 0.8), (0, 0.8, 0.2), (1, 0.6, 0.6), (0, 0.1, 0.4))
    rows = [[*three, SAMPLE, "a"] for three in numbers]
    (row,) = score_files([save(rows)], resamples=20, all_metrics=True)
    assert row["ap_no_skill"] == 0.5
    assert row["ap_lift_sure"] == 0.5  # the right answers have the highest sure confidence
    assert row["e_aurc_sure"] == pytest.approx(0)
    assert row["aurc_sure"] == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert row["auroc_mixed"] == 1  # 0.85, 0.5, 0.6, 0.25
    assert row["risk_at_80_coverage_answer"] == 0.5  # four of four answers
    assert row["coverage_at_5_risk_answer"] == 0.25
    assert row["effective_reliability"] == 0.5  # two right answers of four, none wrong
    assert row["abstain_accuracy"] == row["abstain_f1"] == 1
    parts = [row[f"brier_{part}_answer"] for part in ("reliability", "resolution", "uncertainty")]
    assert parts[0] - parts[1] + parts[2] == pytest.approx(row["brier_answer"])  # one row a bin: nothing within bins
    assert all(row[f"{name}_ci95"][0] <= row[name] <= row[f"{name}_ci95"][1] for name in ("aurc_sure", "nll_answer"))


def test_all_metrics_where_columns_are_missing(save):
    (row,) = score_files([save([RIGHT, WRONG, REFUSAL])], resamples=20, all_metrics=True)
    assert row["ap_no_skill"] == pytest.approx(1 / 3)
    assert row["effective_reliability"] == 0
    assert row["aurc_answer"] is row["aurc_sure"] is row["abstain_f1"] is None

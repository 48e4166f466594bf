"""What a run makes of every question: packed into numbers, unpacked again, and tabulated."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers import metrics, steps
from rtuning_helpers.app.recordings import find_recording
from rtuning_helpers.experiments.real_models.measure import bits, measure, rounded, unpacked
from rtuning_helpers.experiments.real_models.tables import differences, scores, unpack
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning.registry import paper_methods


def test_what_is_packed_comes_back():
    row = {"seed": 1, "split": "id", "correct": bits([True, False, 1]), "answer": rounded([0.123456, 1]), "sure": None}
    assert row["correct"] == "101" and row["answer"] == [0.1235, 1.0]
    found = unpacked(row)
    assert found["correct"].tolist() == [True, False, True] and found["answer"].tolist() == [0.1235, 1.0]
    assert (found["seed"], found["split"], found["sure"]) == (1, "id", None)


@pytest.fixture
def parts():
    """Four questions, two methods; the first question's answer stands in it."""
    asked = {
        "seed": 0,
        "split": "id",
        "id": [3, 5, 7, 9],
        "relation": [0, 0, 1, 1],
        "in_question": "1000",
        "majority": "0001",
    }
    place = {"seed": 0, "split": "id", "empty": "0000"}
    untuned = place | {
        "method": "pretrained",
        "correct": "1100",
        "answer": [0.9, 0.8, 0.2, 0.3],
        "sure": None,
        "refused": None,
    }
    padding = place | {
        "method": "padding", "correct": "1010", "answer": [0.9, 0.5, 0.6, 0.1],
        "sure": [0.7, 0.9, 0.4, 0.1], "refused": "0011",
    }  # fmt: skip
    return {"questions": [asked], "training": [], "predictions": [untuned, padding], "runs": []}


def test_predictions_carry_what_they_are_compared_by(parts):
    untuned, padding = unpack(parts)["predictions"]
    assert untuned["mixed"] is None and padding["mixed"] == pytest.approx([0.8, 0.7, 0.5, 0.1])
    assert padding["untuned"].tolist() == [True, True, False, False]
    assert padding["in_question"].tolist() == [True, False, False, False] and padding["relation"].tolist() == [
        0,
        0,
        1,
        1,
    ]


def test_scores_are_those_of_the_metrics(parts):
    rows = unpack(parts)["predictions"]
    untuned, padding = scores(rows).to_dict("records")
    assert (untuned["accuracy"], untuned["auroc_answer"], padding["auroc_answer"]) == (0.5, 1.0, 1.0)
    assert padding["auroc_sure"] == 0.5  # of the pairs (1, 2), (1, 4), (3, 2), (3, 4) two are in order
    assert (padding["answer_rate"], padding["willing_accuracy"]) == (0.5, 0.5)
    assert all(np.isnan(untuned[name]) for name in ("auroc_sure", "average_precision_mixed", "answer_rate"))
    kept = scores(rows, lambda row: ~row["in_question"]).to_dict("records")[1]
    assert (kept["n"], kept["accuracy"], kept["answer_rate"]) == (3, pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert kept["willing_accuracy"] == 0


def test_differences_are_a_seed_each(parts):
    rows = unpack(parts)["predictions"]
    rows += [row | {"seed": 1, "sure": row["answer"]} for row in rows]
    found = differences(rows, metrics.auroc, ("padding", "sure"), ("padding", "answer"))
    assert found == {"id": [-0.5, 0.0]}


def test_a_run_is_measured_question_by_question(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setitem(
        profiles.PROFILES, "mini", replace(PROFILES["mini"], epochs=1, batch_size=8, lora_rank=4, samples=3)
    )
    config = RunConfig(model=str(tiny_model), out=str(tmp_path / "runs"), limit=TINY_LIMIT)
    parts = json.loads(json.dumps(measure(config), allow_nan=False))
    found = unpack(parts)
    assert [row["split"] for row in found["questions"]] == ["train", "id", "ood"]
    assert all(len(row["id"]) == len(set(row["id"].tolist())) == TINY_LIMIT for row in found["questions"])
    (training,), (run,) = found["training"], found["runs"]
    assert training["correct"].tolist() == [p.correct for p in steps.read_probes(config)]
    assert training["samples_right"].max() <= 3 and set(run["examples"]) == {*paper_methods()}
    for row in found["predictions"]:
        predictions = steps.read_method_predictions(config, row["method"], row["split"])
        assert row["correct"].tolist() == [p.correct for p in predictions]
        assert row["answer"] == pytest.approx([p.answer_confidence for p in predictions], abs=1e-4)
        assert (row["refused"] is None) == (predictions[0].refused is None)
    report = {(row["method"], row["split"]): row for row in steps.read_metrics(config)["rows"]}
    for line in scores(found["predictions"]).to_dict("records"):
        assert line["accuracy"] == pytest.approx(report[line["method"], line["split"]]["accuracy"])


@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
def test_the_recordings_hold_no_words_and_as_many_numbers_as_questions(name):
    parts = find_recording(name).content()
    text = find_recording(name).path.read_text(encoding="utf-8")
    sizes = {(row["seed"], row["split"]): len(row["id"]) for row in parts["questions"]}
    for row in parts["predictions"]:
        columns = [
            value
            for value in row.values()
            if isinstance(value, list) or (isinstance(value, str) and not value.strip("01"))
        ]
        assert {len(column) for column in columns} == {sizes[row["seed"], row["split"]]}
    assert len(parts["predictions"]) == 3 * 2 * (1 + len(paper_methods()))
    assert "?" not in text and "Question" not in text


@pytest.mark.parametrize("name", ["smollm2", "gemma3"])
def test_the_numbers_of_a_recording_are_those_of_the_questions_as_they_are_there(name, shared_data):
    """The recorded ids lead to the questions: whether the answer stands in each is found again."""
    from rtuning_helpers.evaluation.question_flags import flag_questions

    recording = find_recording(name)
    config = replace(recording.runs[0], data_dir=str(shared_data / "r-tuning" / "pararel"))
    for row in unpack(recording.content())["questions"]:
        if row["split"] == "ood":
            asked = steps.questions(replace(config, style="plain", model="mini"), "ood")
            assert [int(q.id.rpartition("-")[2]) for q in asked] == row["id"].tolist()
            assert [flag.answer_in_question for flag in flag_questions(asked)] == row["in_question"].tolist()

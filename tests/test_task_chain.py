"""The whole chain, from probe to metrics, on a data set of mixed tasks with prompts that have to be shortened."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import asked
import pytest

from rtuning_helpers import steps
from rtuning_helpers.data import prompts, registry
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.registry import Dataset, load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments.drift import measure as drift
from rtuning_helpers.experiments.estimators.measure import (
    LEARNED,
    judgement_step,
    majority_answers,
    read_judged,
    read_opponents,
)
from rtuning_helpers.experiments.estimators.recording import measure
from rtuning_helpers.experiments.labels import measure as label_rules
from rtuning_helpers.json_files import read_json
from rtuning_helpers.model.fitting import Truncation
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED, find_method, paper_methods

METHODS = paper_methods()
EXAMPLES = tuple(replace(asked.CHOICE, id=f"s{i}", question=f"What is {i} + {i}?") for i in range(3))


def mixed(split, data_dir=None, bad_rows=None):
    """Open questions of the mini world, some behind a long text; choices with examples; claims of two sizes."""
    plain = load_questions("mini", "train" if split == "train" else "id", limit=12)
    made = []
    for i, q in enumerate(plain):
        choice = replace(asked.CHOICE, question=q.question, answer="ABCD"[i % 4], shots=EXAMPLES)
        claim = replace(asked.CLAIM if i % 3 else asked.YES_NO, question=q.question, answer="AB"[i % 2])
        long = replace(q, context=f"{q.answer} is in the text. " * (1 if i % 2 else 60))
        made += [q, choice, claim, long]
    return [replace(q, id=f"{split}-{n}", dataset="mixed", split=split) for n, q in enumerate(made)]


def only_tested(split, data_dir=None, bad_rows=None):
    return [replace(q, dataset="tests-only", split="test", answer="", answerable=False) for q in mixed("id")]


@pytest.fixture(scope="module", autouse=True)
def small():
    with pytest.MonkeyPatch.context() as patch:
        profile = replace(PROFILES["mini"], epochs=1, batch_size=16, samples=3, lora_rank=4, max_new_tokens=5)
        patch.setitem(profiles.PROFILES, "mini", profile)
        for name, load, splits in (("mixed", mixed, ("train", "id")), ("tests-only", only_tested, ("test",))):
            made = Dataset(name=name, source="made", licence="none", rows=dict.fromkeys(splits), load=load)
            patch.setitem(registry._REGISTRY, name, made)
        yield


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    return RunConfig(model=str(tiny_model), dataset="mixed", out=str(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def report(config):
    return steps.read_metrics(config, METHODS)


def test_metrics_of_every_method_on_the_splits_that_there_are(config, report):
    assert [(row["method"], row["split"]) for row in report["rows"]] == [(m, "id") for m in (PRETRAINED, *METHODS)]
    assert steps.evaluation_splits(config) == ("id",)
    assert all(row["n"] == 48 for row in report["rows"])


def test_probing_training_and_evaluation_read_the_same_shortened_prompt(config, report):
    raw, fitted = steps.questions(config, "train"), steps.fitted(config, "train")
    texts = [prompts.task_prompt(q) for q in fitted.questions]
    assert [p.prompt_digest for p in steps.read_probes(config)] == [prompts.prompt_digest(text) for text in texts]
    for method in METHODS:
        assert [r.prompt for r in steps.read_tuning_records(config, method)] == texts
    short = [q for q, whole in zip(fitted.questions, raw, strict=True) if q != whole]
    assert len(short) == fitted.truncation.cut == 6
    assert all(whole.context.startswith(q.context) and q.context for q in short for whole in raw if whole.id == q.id)


def read_truncation(folder: Path) -> dict[str, Truncation]:
    return {split: Truncation(**row) for split, row in read_json(folder / steps.TRUNCATION).items()}


def test_the_records_say_what_was_cut(config, report):
    train = read_truncation(steps.probe_step(config))
    assert train == {"train": steps.fitted(config, "train").truncation}
    assert (train["train"].questions, train["train"].limit, train["train"].cut) == (48, 256, 6)
    assert train["train"].tokens > 100 and train["train"].longest > 256
    for method in ("pretrained", "padding"):
        found = read_truncation(steps.prediction_step(config, method))
        assert found == {"id": steps.fitted(config, "id").truncation} and isinstance(found["id"], Truncation)


def test_no_example_is_repeated_in_the_probes(config, report):
    text = (steps.probe_step(config) / "probes.jsonl").read_text(encoding="utf-8")
    assert EXAMPLES[0].question not in text and asked.CLAIM.context not in text
    assert len(text) / 48 < 600


def test_letters_are_probed_sampled_and_predicted(config, report):
    train, tested = steps.questions(config, "train"), steps.questions(config, "id")
    for q, p in zip(train, steps.read_probes(config), strict=True):
        assert p.correct is is_right(q, p.prediction)
        assert not q.options or p.prediction in "ABCD"[: len(q.options)]
    for q, u in zip(train, steps.read_uncertainty(config), strict=True):
        assert not q.options or set(u.answers) <= set("ABCD"[: len(q.options)])
    for method in (PRETRAINED, *METHODS):
        for q, p in zip(tested, steps.read_method_predictions(config, method, "id"), strict=True):
            assert (p.task, p.answerable) == (q.task, True)
            said_no = find_method(method).may_refuse and p.refused
            assert said_no or not q.options or p.prediction in "ABCD"[: len(q.options)]
            assert p.correct is is_right(q, p.prediction)


def test_records_of_options_end_in_the_letter_and_its_sureness(config, report):
    train = steps.questions(config, "train")
    for q, record in zip(train, steps.read_tuning_records(config, "padding"), strict=True):
        assert record.completion == prompts.padding_completion(q.answer, record.certain)
    for q, record in zip(train, steps.read_tuning_records(config, "vanilla"), strict=True):
        assert record.completion == f" {q.answer}."


def test_a_data_set_without_training_questions(config, tmp_path):
    only = replace(config, dataset="tests-only", tune_on="tests-only", out=str(tmp_path))
    predictions = steps.read_method_predictions(only, "pretrained", "test")
    assert len(predictions) == 48 and not any(p.answerable or p.correct for p in predictions)
    message = "parameter tune_on tests-only has no training questions, only test: nothing can be tuned on it"
    for call in (
        lambda: steps.probe_step(only),
        lambda: steps.uncertainty_step(only),
        lambda: steps.data_step(only, "padding"),
        lambda: steps.tuning_step(only, "vanilla"),
        lambda: steps.prediction_step(only, "replacement"),
        lambda: steps.metrics_step(only, ["padding"]),
    ):
        with pytest.raises(InputError, match=message):
            call()
    assert len(steps.read_probes(only, "test")) == 48


def test_tuned_on_one_data_set_and_tested_on_another(config, report):
    """The tuning is that of the other data set; questions without an answer have no AP, and nothing else breaks."""
    before = steps.tuning_step(config, "padding").stat().st_mtime_ns
    asked = replace(config, dataset="tests-only", tune_on="mixed")
    assert (asked.tuned_on, asked.tuning) == ("mixed", config)
    found = steps.read_metrics(asked, METHODS)
    assert steps.tuning_step(asked, "padding") == steps.tuning_step(config, "padding")
    assert steps.tuning_step(config, "padding").stat().st_mtime_ns == before
    assert (found["dataset"], found["tuned_on"]) == ("tests-only", "mixed")
    assert [(row["method"], row["split"]) for row in found["rows"]] == [(m, "test") for m in (PRETRAINED, *METHODS)]
    for row in found["rows"]:
        assert (row["n"], row["accuracy"], row["ap_answer"], row["auroc_answer"]) == (48, 0, None, None)
        assert (row["answer_rate"] is None) == (not find_method(row["method"]).can_refuse)
    folder = steps.prediction_step(asked, "padding")
    assert "tests-only-tuned-on-mixed" in folder.parts
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["parameters"]["tuned_on"], manifest["parameters"]["splits"]) == ("mixed", ["test"])


def test_a_shorter_limit_is_another_result(config, report, monkeypatch):
    folder = steps.probe_step(config)
    before = json.loads((folder / "truncation.json").read_text(encoding="utf-8"))["train"]["tokens"]
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], max_length=200))
    own = replace(config, seed=1)
    assert read_truncation(steps.probe_step(own))["train"].tokens > before
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], max_length=40))
    with pytest.raises(InputError, match=r"question train-\d+: its prompt has \d+ tokens without context"):
        steps.probe_step(own)


def test_the_models_context_is_a_limit_too(config, monkeypatch):
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], max_length=10_000))
    assert steps.fitted(config, "train").truncation.limit == steps.load_model(config).context_length < 10_000


def test_estimators_and_opponents_judge_the_answers_of_the_predictions(config, report):
    judged, vanilla, tested = read_judged(config, "padding", "id"), read_judged(config, "vanilla", "id"), mixed("id")
    predictions = steps.read_method_predictions(config, "padding", "id")
    assert judged.predictions == [p.prediction for p in predictions]
    assert judged.correct.tolist() == [p.correct for p in predictions]
    assert judged.confidence[LEARNED].tolist() == pytest.approx([p.sure_confidence for p in predictions], abs=1e-4)
    assert judged.held_out.any() and not judged.held_out.all()
    answers, _ = majority_answers(vanilla.samples)
    rows = {row["method"]: row for row in read_opponents(config)}
    assert {row["split"] for row in rows.values()} == {"id"}
    right = [is_right(q, text) for q, text in zip(tested, answers, strict=True)]
    assert rows["Vanilla-C"]["accuracy"] == rows["Vanilla-U"]["accuracy"] == pytest.approx(sum(right) / 48)
    assert {(row["split"], row["seed"]) for part in measure(config).values() for row in part} == {("id", 0)}


def test_another_rule_of_labels_is_tuned_and_tested_on_every_task(config, report):
    certain = label_rules.certain_labels(config, "any of k samples")
    samples = [u.answers for u in steps.read_uncertainty(config)]
    assert certain == [any(is_right(q, a) for a in row) for q, row in zip(mixed("train"), samples, strict=True)]
    (effect,) = label_rules.measure(config, "any of k samples")
    assert (effect["split"], effect["n"], effect["lucky"]) == ("id", 48, None)  # some exposures are unknown


def test_questions_of_every_task_are_watched_while_they_are_tuned(config, report):
    watched = drift.watched_questions(config)
    assert watched == [*steps.fitted(config, "train").questions, *steps.fitted(config, "id").questions[::3]]
    known = {p.id: p.correct for split in ("train", "id") for p in steps.read_probes(config, split)}
    seen = drift.read_sightings(config, drift.REHEARSED)
    assert all(s.correct is s.certain is known[s.id] for s in seen if s.step == 0)
    assert len(seen) % len(watched) == 0
    assert all(0 <= s.sure <= 1 for s in seen)
    last = {s.id: s for s in drift.read_sightings(config, "replacement") if s.split == "id"}
    for p in steps.read_method_predictions(config, "replacement", "id"):
        assert p.id not in last or last[p.id].refused is p.refused


def test_what_is_fitted_in_domain_needs_such_questions(config, tmp_path):
    only = replace(config, dataset="tests-only", tune_on="tests-only", out=str(tmp_path))
    with pytest.raises(InputError, match="parameter dataset tests-only has no in-domain test questions, only test"):
        judgement_step(only, "pretrained")
    with pytest.raises(InputError, match="no in-domain test questions"):
        drift.watched_questions(only)
    for call in (lambda: drift.read_sightings(only, "padding"), lambda: label_rules.measure(only, "all k samples")):
        with pytest.raises(InputError, match="tests-only has no (training|in-domain test) questions"):
            call()

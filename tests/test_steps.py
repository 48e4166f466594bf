"""The whole chain on the tiny model, from probe to metrics; and when a step is done again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from stand_ins import never_called
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.paper.recorded import score_files
from rtuning_helpers.run import profiles
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.run.step_folders import MANIFEST
from rtuning_helpers.tuning import finetuning

METHODS = ("padding", "replacement", "unsupervised")
METRICS = (
    "accuracy ap_answer ap_sure ap_mixed auroc_answer auroc_sure ece_answer ece_sure brier_answer brier_sure "
    "answer_rate willing_accuracy"
).split()


@pytest.fixture(scope="module", autouse=True)
def small_profile():
    with pytest.MonkeyPatch.context() as patch:
        small = replace(PROFILES["mini"], epochs=2, batch_size=8, samples=4, lora_rank=4, max_new_tokens=5)
        patch.setitem(profiles.PROFILES, "mini", small)
        yield


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return RunConfig(model=str(tiny_model), out=str(out), limit=TINY_LIMIT, seed=1)


@pytest.fixture(scope="module")
def report(config):
    return steps.read_metrics(config, METHODS)


def manifests(config):
    return {path: path.stat().st_mtime_ns for path in results_folder(config).rglob(MANIFEST)}


def test_metrics_json_has_the_agreed_schema(config, report):
    assert set(report) == {"schema_version", "profile", "dataset", "tuned_on", "seed", "model", "limit", "rows"}
    assert (report["schema_version"], report["profile"], report["dataset"], report["seed"]) == (1, "mini", "mini", 1)
    assert (report["model"], report["limit"]) == (config.model, TINY_LIMIT)
    assert [(row["method"], row["split"]) for row in report["rows"]] == [
        (method, split) for method in ("pretrained", *METHODS) for split in ("id", "ood")
    ]
    for row in report["rows"]:
        assert set(row) == {"method", "split", "n", *METRICS, *(f"{metric}_ci95" for metric in METRICS)}
        assert row["n"] == TINY_LIMIT
        for metric in METRICS:
            value, interval = row[metric], row[f"{metric}_ci95"]
            assert (value is None) == (interval is None)
            if value is not None:
                assert 0 <= interval[0] <= value <= interval[1] <= 1


def test_numbers_that_a_method_cannot_have_are_null(report):
    sure = {name for name in METRICS if name.endswith("_sure")} | {"ap_mixed"}
    refusing = {"answer_rate", "willing_accuracy"}
    for row in report["rows"]:
        null = {name for name in METRICS if row[name] is None}
        assert {"accuracy", "ece_answer", "brier_answer"}.isdisjoint(null)
        if row["method"] == "pretrained":
            assert 0 < row["accuracy"] < 1  # the tiny model knows some and not all, so this is a real test
            assert null == sure | refusing
        elif row["method"] == "replacement":
            assert null >= sure and row["answer_rate"] is not None
        else:
            assert {"ece_sure", "brier_sure", "answer_rate"}.isdisjoint(null)


def test_every_step_left_its_file_and_its_manifest(config, report):
    root = results_folder(config)
    expected = {"pretrained/seed1/probe-train/probes.jsonl", "pretrained/seed1/uncertainty/uncertainty.jsonl"}
    expected |= {f"{m}/seed1/{rest}" for m in METHODS for rest in ("data/records.jsonl", "tuning/training.json")}
    expected |= {f"{m}/seed1/tuning/adapter/adapter_model.safetensors" for m in METHODS}
    expected |= {
        f"{m}/seed1/predictions/predictions-{s}.jsonl" for m in ("pretrained", *METHODS) for s in ("id", "ood")
    }
    expected |= {"metrics/seed1/metrics.json"}
    found = {path.relative_to(root).as_posix() for path in root.rglob("[!.]*") if path.is_file()}
    assert expected <= found
    assert not [name for name in found if "/." in f"/{name}"]  # no half-done work is left
    for name in expected:
        folder = next(path for path in (root / name).parents if (path / MANIFEST).is_file())
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        assert (root / name).relative_to(folder).as_posix() in manifest["files"]


def test_the_records_follow_from_the_probes(config, report):
    probes = steps.read_probes(config)
    known = {probe.id: probe.correct for probe in probes}
    assert [probe.id for probe in probes] == [q.id for q in load_questions("mini", "train", limit=TINY_LIMIT)]
    assert 0 < sum(known.values()) < TINY_LIMIT
    for method in ("padding", "replacement"):
        assert {r.id: r.certain for r in steps.read_tuning_records(config, method)} == known
    entropies = {u.id: u.entropy for u in steps.read_uncertainty(config)}
    records = steps.read_tuning_records(config, "unsupervised")
    assert sum(record.certain for record in records) == TINY_LIMIT // 2
    certain, uncertain = ([entropies[r.id] for r in records if r.certain is flag] for flag in (True, False))
    assert max(certain) <= min(uncertain)
    assert all(len(u.answers) == 4 for u in steps.read_uncertainty(config))


def test_the_saved_predictions_are_those_that_were_scored(config, report):
    folder = steps.prediction_step(config, "padding")
    (scored,) = score_files([folder / "predictions-id.jsonl"])
    row = next(row for row in report["rows"] if (row["method"], row["split"]) == ("padding", "id"))
    assert {name: scored[name] for name in METRICS} == {name: row[name] for name in METRICS}
    assert len(steps.read_method_predictions(config, "padding", "ood")) == TINY_LIMIT


def test_the_training_log(config, report):
    log = steps.read_training_log(config, "padding")
    assert (log.steps, log.examples) == (6, TINY_LIMIT)


def test_a_second_call_does_nothing_again(config, report, monkeypatch):
    before = manifests(config)
    assert len(before) == 2 + 3 * 3 + 1 + 1
    for module, names in ((steps, ("probe", "draw_question_answers", "predict")), (finetuning, ("finetune",))):
        for name in names:
            monkeypatch.setattr(module, name, never_called(getattr(module, name), "done again"))
    assert steps.read_metrics(config, METHODS) == report
    assert manifests(config) == before


def test_force_does_a_step_again_and_gives_the_same(config, report):
    folder = steps.probe_step(config)
    before, content = manifests(config)[folder / MANIFEST], (folder / "probes.jsonl").read_bytes()
    assert steps.probe_step(config, force=True) == folder
    assert manifests(config)[folder / MANIFEST] != before
    assert (folder / "probes.jsonl").read_bytes() == content


def test_another_seed_has_folders_of_its_own(config, report):
    before = manifests(config)
    other = replace(config, seed=2)
    folder = steps.data_step(other, "replacement")
    assert folder == results_folder(config) / "replacement" / "seed2" / "data"
    assert {path: time for path, time in manifests(config).items() if path in before} == before
    first, second = ([r.completion for r in steps.read_tuning_records(c, "replacement")] for c in (config, other))
    assert first != second


def test_another_limit_or_model_has_folders_of_its_own(config):
    assert results_folder(replace(config, limit=10)) != results_folder(config)
    assert results_folder(replace(config, model=None)) != results_folder(config)
    assert results_folder(config).parts[-2].startswith("mini-")


def test_a_changed_parameter_is_computed_again_and_so_is_what_follows_from_it(config, report, monkeypatch):
    own = replace(config, seed=3)
    padding, probes = steps.data_step(own, "padding"), steps.probe_step(own)
    before = manifests(own)
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], max_new_tokens=1))
    assert steps.data_step(own, "padding") == padding
    after = manifests(own)
    assert after[probes / MANIFEST] != before[probes / MANIFEST]
    assert after[padding / MANIFEST] != before[padding / MANIFEST]
    others = set(before) - {probes / MANIFEST, padding / MANIFEST}
    assert {path: after[path] for path in others} == {path: before[path] for path in others}


def test_a_damaged_result_is_made_again(config, report):
    own = replace(config, seed=4)
    folder = steps.probe_step(own)
    content = (folder / "probes.jsonl").read_bytes()
    (folder / "probes.jsonl").unlink()
    steps.probe_step(own)
    assert (folder / "probes.jsonl").read_bytes() == content
    (folder / MANIFEST).write_text("{", encoding="utf-8")
    steps.probe_step(own)
    assert json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]


def test_a_step_that_fails_leaves_the_earlier_result(config, report, monkeypatch):
    folder = steps.probe_step(config)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "probe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        steps.probe_step(config, force=True)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert {path.name for path in folder.parent.glob("[!.]*")} == {"probe-train", "uncertainty", "predictions"}


def test_bad_input_is_named_before_any_work(config, tmp_path):
    own = replace(config, out=str(tmp_path))
    for call, message in (
        (lambda: steps.read_metrics(own, ["pading"]), "parameter methods 'pading' is unknown"),
        (lambda: steps.probe_step(replace(own, dataset="nini")), "parameter dataset 'nini' is unknown"),
        (lambda: steps.probe_step(replace(own, dataset="pararel")), "dataset pararel needs parameter data_dir"),
        (lambda: steps.probe_step(replace(own, model="./nowhere")), "parameter model ./nowhere: no such folder"),
        (lambda: steps.probe_step(replace(own, limit=1)), "parameter limit 1 is too small"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    assert not list(tmp_path.iterdir())

"""A method is added as one module: padding with "I am not certain", from its records to its scores."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from stand_ins import never_called
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.app.reports import metrics_table
from rtuning_helpers.data import prompts
from rtuning_helpers.experiments.estimators.measure import read_judged
from rtuning_helpers.figures import plots
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.run import fingerprint, profiles
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.run.step_folders import MANIFEST
from rtuning_helpers.tuning import finetuning, methods, registry

MODULE = """
from rtuning_helpers.figures.looks import Look
from rtuning_helpers.tuning.method import Method
from rtuning_helpers.tuning.refusal_data import build_sureness

LABELS = (" certain", " not certain")


def build_certainty(probes, questions=None):
    return build_sureness(probes, questions, [p.correct for p in probes], LABELS)


METHOD = Method(
    name="certainty",
    build=build_certainty,
    order=5,
    look=Look("padding, not certain", colour=8, line=(0, (5, 1)), marker="P"),
    sureness=LABELS,
)
"""
NAME = f"{methods.__name__}.certainty"


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    """A run whose padding was finished before the new method came."""
    with pytest.MonkeyPatch.context() as patch:
        small = replace(PROFILES["mini"], epochs=2, batch_size=8, samples=2, lora_rank=4, max_new_tokens=5)
        patch.setitem(profiles.PROFILES, "mini", small)
        out = tmp_path_factory.mktemp("runs")
        config = RunConfig(model=str(tiny_model), out=str(out), limit=TINY_LIMIT)
        steps.read_metrics(config, ["padding"])
        yield config


@pytest.fixture(scope="module")
def finished(config):
    return manifests(config)


def manifests(config):
    return {path: path.read_bytes() for path in results_folder(config).rglob(MANIFEST)}


@pytest.fixture
def new_method(config, finished, tmp_path, monkeypatch):
    (tmp_path / "certainty.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    registry.all_methods.cache_clear()
    yield registry.find_method("certainty")
    sys.modules.pop(NAME)
    for cached in (registry.all_methods, fingerprint._path, fingerprint._tree, fingerprint._digest):
        cached.cache_clear()


def test_it_is_carried_from_its_records_to_its_scores(config, new_method, tiny_model):
    assert registry.method_names()[-1] == "certainty"
    known = {p.id: p.correct for p in steps.read_probes(config)}
    for record in steps.read_tuning_records(config, "certainty"):
        assert record.completion.endswith(f"{prompts.SURENESS_QUESTION}{new_method.sureness[not known[record.id]]}.")
    report = steps.read_metrics(config, registry.check_methods("padding, certainty"))
    (row,) = [r for r in report["rows"] if (r["method"], r["split"]) == ("certainty", "id")]
    assert None not in (row["ap_mixed"], row["auroc_sure"], row["answer_rate"])
    assert "padding, not certain" in metrics_table(report).columns[0]._cells

    found, asked = steps.read_method_predictions(config, "certainty", "id"), steps.questions(config, "id")
    contexts = [
        f"{prompts.task_prompt(q)} {p.prediction}. {prompts.SURENESS_QUESTION}"
        for q, p in zip(asked, found, strict=True)
    ]
    lm = steps.load_model(config, "certainty")
    own, default = (
        label_probabilities(lm, contexts, labels)[:, 0] for labels in (new_method.sureness, prompts.SURENESS_LABELS)
    )
    assert [p.sure_confidence for p in found] == pytest.approx(own.tolist(), rel=1e-4)
    assert np.abs(own - default).max() > 0.01
    assert [p.refused for p in found] == (own <= 0.5).tolist()


def test_estimators_ask_with_its_labels_too(config, new_method):
    judged = read_judged(config, "certainty", "id")
    found = steps.read_method_predictions(config, "certainty", "id")
    assert judged.confidence["P(sure)"] == pytest.approx([p.sure_confidence for p in found], rel=1e-4)


def test_it_has_a_look_of_its_own(new_method):
    plots.set_method_looks(registry.method_looks())
    styles = plots.series_styles(registry.all_methods())
    assert len({str(style["color"]) for style in styles.values()}) == len(styles)
    assert styles["certainty"]["label"] == "padding, not certain"


def test_no_finished_step_of_another_method_is_done_again(config, finished, new_method, monkeypatch):
    for module, name in ((steps, "probe"), (finetuning, "finetune"), (steps, "predict")):
        monkeypatch.setattr(module, name, never_called(getattr(module, name), "done again"))
    steps.read_metrics(config, ["padding"])
    assert {path: text for path, text in manifests(config).items() if path in finished} == finished


def test_the_key_of_its_records_follows_its_own_module_alone(new_method, tmp_path):
    own, others = (fingerprint.code_fingerprint(registry.find_method(name).build) for name in ("certainty", "padding"))
    fingerprint._tree.cache_clear()
    fingerprint._digest.cache_clear()
    (tmp_path / "certainty.py").write_text(MODULE.replace(" not certain", " not so certain"), encoding="utf-8")
    assert fingerprint.code_fingerprint(new_method.build) != own
    assert fingerprint.code_fingerprint(registry.find_method("padding").build) == others

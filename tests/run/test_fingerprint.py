"""The code that a step depends on: found by imports, wide enough for what is tuned, too narrow for a new data set."""

from __future__ import annotations

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rtuning_helpers import steps
from rtuning_helpers.experiments.drift.measure import watch_step
from rtuning_helpers.experiments.estimators.measure import judgement_step
from rtuning_helpers.experiments.labels.measure import certain_labels
from rtuning_helpers.run import fingerprint
from rtuning_helpers.run.fingerprint import code_fingerprint
from rtuning_helpers.tuning.finetuning import finetune_encoded

WATCHED, RELABELLED, JUDGED, RELEASED = (watch_step,), (certain_labels,), (judgement_step,), (finetune_encoded,)
TUNED, PREDICTED = (steps.FINETUNING,), (steps.fitted, steps.predict)
ALL = (WATCHED, RELABELLED, JUDGED, RELEASED, TUNED, PREDICTED)


def with_change(monkeypatch, module, makers):
    """The fingerprint of makers, and what it is when a module's text has changed."""
    before, digest = code_fingerprint(*makers), fingerprint._digest
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "_digest", lambda name: "changed" if name == module else digest(name))
        return before, code_fingerprint(*makers)


@pytest.mark.parametrize(
    ("module", "makers"),
    [
        ("tuning.finetuning", (TUNED, WATCHED, RELABELLED, RELEASED)),
        ("tuning.encoding", (TUNED, WATCHED, RELABELLED, RELEASED)),
        ("data.prompts", (TUNED, PREDICTED, WATCHED, RELABELLED, JUDGED, RELEASED)),
        ("data.matching", (PREDICTED, WATCHED, RELABELLED, JUDGED)),
        ("model.decoding", (PREDICTED, WATCHED, RELABELLED, JUDGED)),
        ("model.fitting", (PREDICTED,)),
        ("experiments.drift.measure", (WATCHED,)),
        ("experiments.labels.measure", (RELABELLED,)),
    ],
)
def test_a_change_of_what_a_step_depends_on_changes_its_key(monkeypatch, module, makers):
    for one in makers:
        before, after = with_change(monkeypatch, f"rtuning_helpers.{module}", one)
        assert before != after, one


@pytest.mark.parametrize(
    "module",
    ["data.datasets.fever", "data.datasets.mini", "figures.plots", "app.cli", "paper.ledger", "run.artifacts"],
)
def test_a_change_of_anything_else_does_not(monkeypatch, module):
    for makers in ALL:
        before, after = with_change(monkeypatch, f"rtuning_helpers.{module}", makers)
        assert before == after, makers


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of three modules; gives what rewrites one of them and the fingerprint of the first one's function."""
    folder = tmp_path / "madeup"
    folder.mkdir()
    texts = {
        "__init__": "",
        "top": '"""Top."""\nfrom madeup import middle\ndef make():\n    """Make."""\n    return middle.number()\n',
        "middle": "from madeup.bottom import NUMBER\ndef number():\n    return NUMBER\n",
        "bottom": "NUMBER = 1  # one\n",
        "aside": "OTHER = 1\n",
    }
    monkeypatch.setattr(fingerprint, "PACKAGE", "madeup")
    monkeypatch.syspath_prepend(tmp_path)

    def of(**changes):
        for name, text in {**texts, **changes}.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        for name in [name for name in sys.modules if name.partition(".")[0] == "madeup"]:
            del sys.modules[name]
        for cached in (fingerprint.imported_modules, fingerprint._digest, fingerprint._tree, fingerprint._path):
            cached.cache_clear()
        from madeup.top import make

        return code_fingerprint(make)

    yield of
    for name in [name for name in sys.modules if name.partition(".")[0] == "madeup"]:
        del sys.modules[name]
    for cached in (fingerprint.imported_modules, fingerprint._digest, fingerprint._tree, fingerprint._path):
        cached.cache_clear()


def test_comments_docstrings_and_layout_do_not_count(package):
    before = package()
    top = '"""Another top."""\n\nfrom madeup import middle\n\n\ndef make():\n    return middle.number()  # a comment\n'
    assert package(top=top, aside="OTHER = 2\n") == before
    assert package(bottom="NUMBER = (1)\n") == before


def test_what_is_imported_counts_however_far_away(package):
    before = package()
    assert package(bottom="NUMBER = 2\n") != before
    assert package(middle="from madeup.bottom import NUMBER\ndef number():\n    return -NUMBER\n") != before
    assert package(top="from madeup import aside, middle\ndef make():\n    return middle.number()\n") != before


def test_what_only_a_type_checker_imports_does_not_count(package):
    start = "from typing import TYPE_CHECKING\nfrom madeup import middle\n"
    end = "def make():\n    return middle.number()\n"
    typed = start + "if TYPE_CHECKING:\n    from madeup.aside import OTHER\n" + end
    assert package(top=typed) == package(top=typed, aside="OTHER = 2\n") == package(top=start + end)


def test_threads_find_the_same_at_the_same_time():
    names = [name for name in sorted(sys.modules) if name.startswith("rtuning_helpers.") and fingerprint._path(name)]
    expected = [code_fingerprint(name) for name in names]
    for cached in (fingerprint.imported_modules, fingerprint._digest, fingerprint._tree):
        cached.cache_clear()
    gc.callbacks.append(let_others_run := lambda phase, info: time.sleep(1e-5))  # also amidst a tree
    try:
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(code_fingerprint, names)) == expected
    finally:
        gc.callbacks.remove(let_others_run)

"""Colab's first cell, without Colab, pip or network: what it would install, keep, remove, and say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from pathlib import Path

import colab_setup
import pytest
from colab_setup import in_use, plan, read_pins, requirements, set_up

ROOT = Path(__file__).resolve().parents[2]


def test_what_it_requires_is_what_the_package_declares():
    tomllib = pytest.importorskip("tomllib")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    left_out = {"ipykernel", "ipywidgets", "jupyterlab"}
    assert requirements() == [r for r in declared if re.split(r"[^\w-]", r)[0] not in left_out]
    assert {colab_setup._parsed(r)[0] for r in requirements()} <= set(read_pins())


def test_it_needs_nothing_but_the_standard_library():
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'notebooks')!r}); import colab_setup; print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class Pip:
    """Stands in for pip: what it was asked, and what it answers."""

    def __init__(self, present: dict[str, str], needs: dict[str, str] | None = None):
        self.present, self.needs, self.asked = dict(present), needs or {}, []
        self.refuse = lambda pins: False
        self.fails = self.peft_refuses = False

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        if arguments[0] == "-c":
            return subprocess.CompletedProcess(arguments, int(self.peft_refuses), "", "ImportError")
        self.asked.append(arguments)
        words = list(arguments[2:])
        if words[0] == "uninstall":
            for name in words[words.index("-y") + 1 :]:
                del self.present[name]
        if words[0] == "uninstall" or "-e" in words:
            return subprocess.CompletedProcess(arguments, 0, "", "")
        pins = dict(
            line.partition(";")[0].strip().split("==")
            for line in Path(words[words.index("-c") + 1]).read_text("utf-8").split()
            if "==" in line and not line.startswith("python")
        )
        pins = {colab_setup._canonical(name): version for name, version in pins.items()}
        if self.refuse(pins):
            return subprocess.CompletedProcess(arguments, 1, "", "ERROR: ResolutionImpossible\n\n")
        wanted = {}
        for name, bounds in dict(map(colab_setup._parsed, requirements())).items() | self.needs.items():
            there = self.present.get(name)
            if there is None or not colab_setup._takes(bounds, there) or there != pins.get(name, there):
                wanted[name] = pins.get(name, "99")
        if "--dry-run" in words:
            rows = [{"metadata": {"name": name, "version": version}} for name, version in wanted.items()]
            Path(words[words.index("--report") + 1]).write_text(json.dumps({"install": rows}), encoding="utf-8")
            return subprocess.CompletedProcess(arguments, 0, "WARNING: some location is ignored\n", "")
        if self.fails:
            return subprocess.CompletedProcess(arguments, 1, "", "ERROR: No space left on device\n")
        self.present |= wanted
        return subprocess.CompletedProcess(arguments, 0, "", "")


def pinned(name: str) -> str:
    return read_pins()[name].partition("==")[2].partition(";")[0].strip()


EVERYTHING = {name: pinned(name) for name in read_pins()}


@pytest.fixture
def colab(monkeypatch):
    """Makes a session with given packages; returns its pip."""

    def make(present: dict[str, str], needs: dict[str, str] | None = None) -> Pip:
        pip = Pip(present, needs)
        monkeypatch.setattr(colab_setup, "_python", pip.run)
        monkeypatch.setattr(colab_setup, "installed", lambda: dict(pip.present))
        monkeypatch.setattr(colab_setup, "in_use", lambda names: [])
        monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(ROOT)])
        monkeypatch.delenv("RTUNING_OUT_BASE", raising=False)
        return pip

    return make


def test_what_fits_is_kept(colab):
    present = EVERYTHING | {"torch": "2.9.0+cu126", "numpy": "2.0.2", "pandas": "2.2.2", "transformers": "5.24.0"}
    pip = colab(present)
    pins, changed = plan(present)
    assert changed == {}
    assert pins["torch"] == "torch==2.9.0+cu126" and pins["numpy"] == "numpy==2.0.2" and "pandas" not in pins
    set_up()
    assert pip.present == present
    assert [words[2:] for words in pip.asked if "--dry-run" not in words] == [
        ("install", "-q", "--disable-pip-version-check", "--no-deps", "-e", str(ROOT))
    ]


def test_what_is_missing_or_too_old_comes_as_tested(colab, capsys):
    present = EVERYTHING | {"transformers": "4.57.1", "peft": "0.10.0", "numpy": "2.0.2"}
    del present["papermill"]
    pip = colab(present)
    set_up()
    for name in ("transformers", "peft", "papermill"):
        assert pip.present[name] == pinned(name)
    assert pip.present["numpy"] == "2.0.2"
    out = capsys.readouterr().out
    assert f"Installing papermill {pinned('papermill')}, peft {pinned('peft')}, transformers" in out
    assert "Ready. Results go to" in out and "which ends with this session; keep_in_drive = True" in out


def test_what_has_to_change_with_it_comes_as_tested_too(colab):
    """Tokenizers is recent enough for the kit, but not for the transformers that is installed."""
    present = EVERYTHING | {"transformers": "4.57.1", "tokenizers": "0.22.0"}
    pip = colab(present, needs={"tokenizers": ">=0.23.1"})
    set_up()
    assert pip.present["tokenizers"] == pinned("tokenizers") != "99"


def test_what_a_pin_changes_comes_as_tested(colab, monkeypatch):
    """pip first lowers tokenizers for an old transformers; with tokenizers as tested, transformers has to change."""
    asked = []

    def changes(pins):
        asked.append(pins)
        if "tokenizers" not in pins:
            return {"tokenizers": "0.22.2"}
        return {"transformers": pinned("transformers") if "transformers" in pins else "99"}

    present = EVERYTHING | {"transformers": "5.12.0"}
    colab(present)
    monkeypatch.setattr(colab_setup, "changes", changes)
    pins, changed = plan(present)
    assert changed == {"transformers": pinned("transformers")} and {"tokenizers", "transformers"} <= set(pins)
    assert len(asked) == 3


def test_where_nothing_fits_all_is_as_tested(colab):
    present = EVERYTHING | {"numpy": "2.0.2"}
    pip = colab(present)
    pip.refuse = lambda pins: pins.get("numpy") == "2.0.2"
    set_up()
    assert pip.present["numpy"] == pinned("numpy")


def test_a_second_time_changes_nothing(colab, capsys):
    pip = colab(EVERYTHING | {"transformers": "4.57.1"})
    set_up()
    after, asked = dict(pip.present), len(pip.asked)
    pip.present["rtuning-helpers"] = "0.2.0"
    capsys.readouterr()
    set_up()
    assert pip.present == after | {"rtuning-helpers": "0.2.0"}
    assert all("--dry-run" in words for words in pip.asked[asked:])
    assert capsys.readouterr().out.count("\n") == 1
    assert sys.path.count(str(ROOT)) == 1


def test_what_breaks_is_removed(colab, capsys):
    pip = colab(EVERYTHING | {"torch": "2.4.0", "torchvision": "0.19", "torchao": "0.10.0"})
    pip.peft_refuses = True
    set_up()
    assert not {"torchvision", "torchao"} & set(pip.present)
    assert "Removing torchvision, torchao, which the kit does not need" in capsys.readouterr().out


def test_a_torchao_that_fits_stays(colab):
    pip = colab(EVERYTHING | {"torchvision": "0.24", "torchao": "0.18.0"})
    set_up()
    assert {"torchvision", "torchao"} <= set(pip.present)


def test_a_restart_only_for_what_is_in_use(colab, monkeypatch):
    shut = []
    kernel = types.SimpleNamespace(do_shutdown=shut.append)
    application = types.SimpleNamespace(instance=lambda: types.SimpleNamespace(kernel=kernel))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(Application=application))
    pip = colab(EVERYTHING | {"transformers": "4.57.1", "numpy": "1.20"})
    monkeypatch.setattr(colab_setup, "in_use", lambda names: sorted({"numpy", "pandas"}.intersection(names)))
    with pytest.raises(SystemExit, match="Restarting, since this session uses older versions of numpy. Choose Runtime"):
        set_up()
    assert shut == [True]
    pip.present["rtuning-helpers"] = "0.2.0"
    set_up()  # in the new session
    assert shut == [True]


def test_what_is_in_use_is_what_was_imported():
    import numpy  # noqa: F401

    assert in_use(["numpy", "papermill-that-nobody-has"]) == ["numpy"]


def test_setuptools_is_not_in_use_by_its_hook(monkeypatch):
    monkeypatch.setattr(sys, "modules", {"_distutils_hack": None, "numpy.linalg": None})
    monkeypatch.setattr(colab_setup, "packages_distributions", lambda: {"_distutils_hack": ["setuptools"]})
    assert in_use(["setuptools", "numpy"]) == []


def test_a_failure_says_what_to_do(colab):
    pip = colab({})
    pip.fails = True
    with pytest.raises(SystemExit, match="pip failed .ERROR: No space left on device.: choose Runtime > Disconnect"):
        set_up()
    pip.refuse = lambda pins: True
    with pytest.raises(SystemExit, match="do not go together with what is installed here: choose Runtime > Disconnect"):
        set_up()


def test_results_go_to_google_drive_if_wanted_and_possible(colab, tmp_path, monkeypatch, capsys):
    mounted = []
    drive = types.ModuleType("google.colab")
    drive.drive = types.SimpleNamespace(mount=mounted.append)
    monkeypatch.setitem(sys.modules, "google.colab", drive)
    monkeypatch.setattr(colab_setup, "DRIVE", tmp_path)
    colab(EVERYTHING | {"rtuning-helpers": "0.2.0"})
    set_up(keep_in_drive=True)
    assert mounted == [str(tmp_path)]
    assert colab_setup.os.environ["RTUNING_OUT_BASE"] == str(tmp_path / "MyDrive" / "rtuning")
    assert "MyDrive/rtuning/runs, in your Google Drive." in capsys.readouterr().out
    monkeypatch.setattr(colab_setup, "_can_lock", lambda folder: False)
    set_up(keep_in_drive=True)
    assert "RTUNING_OUT_BASE" not in colab_setup.os.environ
    assert "takes no file locks here, so results go to" in capsys.readouterr().out

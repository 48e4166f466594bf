"""The ``rtuning`` command: exit status, one-line errors before any work, and what it prints."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from transformers import BertConfig, BertLMHeadModel

import rtuning_helpers
from rtuning_helpers.app import cli, doctor, notebook_runs
from rtuning_helpers.app.cli import main
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import CHECKSUMS
from rtuning_helpers.miniworld.build import save_checkpoint
from rtuning_helpers.miniworld.pretraining import PretrainingConfig, new_model
from rtuning_helpers.miniworld.tokenizer import build_tokenizer
from rtuning_helpers.model import model_files
from rtuning_helpers.paper import recorded
from rtuning_helpers.run.loaded_questions import check_tuned_on
from rtuning_helpers.run.profiles import RunConfig

ROWS = [["Where is Paris?", "France", "capital"], ["Where is Rome?", "Italy", "capital"]]
FILES = {"train": "training_data.json", "id": "ID_test_pararel.json", "ood": "OOD_test_pararel.json"}
PARAMETERS = "\n".join(
    ["from typing import Optional", "profile: str = 'mini'", "dataset: str = 'mini'", "seed: int = 0"]
    + [f"{name}: Optional[{kind}] = None" for name, kind in (("data_dir", "str"), ("limit", "int"), ("model", "str"))]
    + ["out: str = 'runs'", "methods: list = []", "force: bool = False"]
    + ["style: str = 'plain'", "shots: int = 5", "system: Optional[str] = None", "permutations: int = 1"]
)
METRICS_CELL = """import json
from pathlib import Path
folder = Path(out, f"{profile}", dataset if limit is None else f"{dataset}-limit{limit}", "metrics", f"seed{seed}")
folder.mkdir(parents=True, exist_ok=True)
row = {"split": "id", "n": 1620, "accuracy": 0.5, "ap_answer": 0.75, "ap_answer_ci95": [0.7, 0.8], "ap_sure": None,
       "ap_mixed": None, "answer_rate": None, "willing_accuracy": None}
sure = {"ap_sure": 0.875, "ap_mixed": 0.9, "ap_mixed_ci95": [0.85, 0.95], "answer_rate": 0.4, "willing_accuracy": 0.8}
rows = [row | {"method": "pretrained"}, *(row | sure | {"method": method} for method in methods)]
head = {"schema_version": 1, "profile": profile, "dataset": dataset, "seed": seed, "model": "mini", "rows": rows}
(folder / "metrics.json").write_text(json.dumps(head))"""


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> Path:
    """A model folder whose weights are random, with checksums."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    config = PretrainingConfig(layers=1, width=64, heads=1, feed_forward=64)
    tokenizer = build_tokenizer(["Where is Paris?"])
    numbers = {"steps": 0, "tokens": 0, "documents": 0, "final_loss_nats": 0.0}
    save_checkpoint(new_model(config, tokenizer), tokenizer, numbers | {"config": vars(config)}, folder)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch, untrained) -> Path:
    """A working directory with data, a stand-in for the mini checkpoint, one tiny notebook, and earlier results."""
    for name in FILES.values():
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).write_text(json.dumps(ROWS))
    shutil.copytree(untrained, tmp_path / "checkpoint")
    shutil.copytree(untrained, tmp_path / "model")
    for module in (model_files, doctor):
        monkeypatch.setattr(module, "MINI_CHECKPOINT", tmp_path / "checkpoint")
    (tmp_path / "notebooks").mkdir()
    cells = [new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}), new_code_cell(METRICS_CELL)]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=spec), tmp_path / "notebooks" / "01_only.ipynb")
    monkeypatch.setattr(notebook_runs, "notebooks_folder", lambda: tmp_path / "notebooks")
    for name in ("mini/mini/metrics/seed0/metrics.json", "mini/mini/notebooks/seed0/01_only.ipynb"):
        (tmp_path / "runs" / name).parent.mkdir(parents=True)
        (tmp_path / "runs" / name).write_text("earlier")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rewrite(path: str, text: str):
    return lambda: Path(path).write_text(text)


def flip_weights() -> None:
    path = Path("checkpoint/model.safetensors")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def spoil_model(name: str):
    """Cut a file of a model folder that has no checksums."""

    def spoil() -> None:
        Path("model", CHECKSUMS).unlink()
        path = Path("model", name)
        path.write_bytes(path.read_bytes()[:-100])

    return spoil


def nothing() -> None:
    pass


PARAREL = ["--dataset", "pararel", "--data-dir", "data"]
TRAIN, OOD = "data/training_data.json", "data/OOD_test_pararel.json"
BAD_RUNS = {
    "unknown option": (nothing, ["--epochs", "3"], "No such option: --epochs"),
    "unknown profile": (
        nothing,
        ["--profile", "huge"],
        "--profile 'huge' is unknown: expected one of mini, laptop, colab-t4",
    ),
    "unknown style": (
        nothing,
        ["--style", "fancy"],
        "--style 'fancy' is unknown: expected one of plain, few-shot, chat",
    ),
    "no shots": (nothing, ["--style", "few-shot", "--shots", "0"], "expected a whole number from 1 on"),
    "shots without style": (
        nothing,
        ["--shots", "3"],
        "--shots 3 means nothing to --style plain; expected --style few",
    ),
    "more shots than rows": (
        nothing,
        [*PARAREL, "--style", "few-shot"],
        "--shots 5: data set pararel has 2 training questions that could be shown, and 2 must be left to train on",
    ),
    "no chat template": (nothing, ["--model", "model", "--style", "chat"], "--style chat: the tokenizer of model "),
    "unknown method": (nothing, ["--methods", "padding,magic"], "--methods 'magic' is unknown: expected some of"),
    "no method": (nothing, ["--methods", ","], "--methods is empty: expected some of vanilla"),
    "unknown dataset": (nothing, ["--dataset", "trivia"], "--dataset 'trivia' is unknown: expected one of"),
    "seed not a number": (nothing, ["--seed", "one"], "'--seed': one; expected a whole number from 0 to 4294967295"),
    "seed below 0": (nothing, ["--seed=-1"], "'--seed': -1; expected a whole number from 0 to"),
    "seed too large": (nothing, ["--seed", "4294967296"], "4294967296; expected a whole number from 0 to 4294967295"),
    "limit too small": (nothing, ["--limit", "1"], "'--limit': 1; expected a whole number from 2 on"),
    "option without value": (nothing, ["--out"], "--out"),
    "surplus argument": (nothing, ["extra"], "extra"),
    "no data folder given": (nothing, ["--dataset", "pararel"], "--dataset pararel needs --data-dir: a folder with"),
    "data folder for nothing": (nothing, ["--data-dir", "data"], "--data-dir: --dataset mini reads no files"),
    "no such data folder": (nothing, [*PARAREL[:3], "gone"], "gone/training_data.json: file not found; expected"),
    "missing file": (lambda: Path(OOD).unlink(), PARAREL, "OOD_test_pararel.json: file not found; expected"),
    "truncated file": (
        rewrite(TRAIN, json.dumps(ROWS)[:-5]),
        PARAREL,
        "training_data.json: not valid JSON at line 1, column 72",
    ),
    "two documents": (rewrite(OOD, json.dumps(ROWS) * 2), PARAREL, "a second JSON document starts at line 1"),
    "not UTF-8": (lambda: Path(TRAIN).write_bytes(b'["\xff"]'), PARAREL, "training_data.json: cannot be read as UTF-8"),
    "row of the wrong shape": (rewrite(OOD, json.dumps([ROWS[0], ["Where?", "here"]])), PARAREL, "row 2 is"),
    "empty question": (rewrite(TRAIN, json.dumps([["", "France", "capital"]])), PARAREL, "row 1 is"),
    "empty answer": (rewrite(TRAIN, json.dumps([ROWS[0], ["Where?", " ", "capital"]])), PARAREL, "row 2 is"),
    "empty array": (rewrite(TRAIN, "[]"), PARAREL, "the array is empty; expected at least one row"),
    "no such model": (nothing, ["--model", "./gone"], "gone: no such folder; expected a folder with a model"),
    "model without tokenizer": (
        lambda: Path("model/tokenizer.json").unlink(),
        ["--model", "model"],
        "no tokenizer in it; expected tokenizer.json",
    ),
    "model without configuration": (
        lambda: Path("model/config.json").unlink(),
        ["--model", "model"],
        "no config.json in it; expected a Hugging Face model folder",
    ),
    "model with a broken tokenizer": (
        spoil_model("tokenizer.json"),
        ["--model", "model"],
        "model: its tokenizer cannot be loaded",
    ),
    "model with truncated weights": (
        spoil_model("model.safetensors"),
        ["--model", "model"],
        "model/model.safetensors: no whole safetensors file",
    ),
    "checkpoint changed": (flip_weights, [], "checkpoint/model.safetensors: SHA-256 is"),
    "checkpoint incomplete": (
        lambda: Path("checkpoint/generation_config.json").unlink(),
        [],
        "generation_config.json: missing, but listed in SHA256SUMS",
    ),
    "no checkpoint": (lambda: shutil.rmtree("checkpoint"), [], "missing: run `rtuning build-mini`"),
    "output is a file": (nothing, ["--out", "data/training_data.json"], "cannot write there"),
    "output below a file": (nothing, ["--out", "data/training_data.json/x"], "expected a writable folder"),
    "no GPU": (nothing, ["--profile", "colab-t4"], "--profile colab-t4 needs a CUDA GPU with about 14 GiB"),
    "no notebooks": (lambda: shutil.rmtree("notebooks"), [], "no notebooks; expected"),
}


@pytest.mark.parametrize("what", BAD_RUNS)
def test_bad_input_is_one_line_before_any_kernel_starts(place, monkeypatch, capsys, what):
    spoil, options, expected = BAD_RUNS[what]
    spoil()
    before = files(place)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(notebook_runs, "execute", lambda *_: pytest.fail("a kernel was started"))
    out = [] if "--out" in options else ["--out", "runs"]
    assert main(["run", *out, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rtuning: error: ")
    assert captured.err.endswith("\n")
    assert captured.err.count("\n") == 1
    assert expected in captured.err
    assert files(place) == before


def test_run_ends_with_the_table_and_the_paths(place, capsys):
    (place / "data2").symlink_to("data")
    options = ["--dataset", "pararel", "--data-dir", "data2", "--limit", "2", "--seed", "4", "--out", "here"]
    assert main(["run", *options, "--methods", "padding, vanilla,padding"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    output = captured.out
    lines = [line.split() for line in output.splitlines()]
    assert ["untuned", "id", "1,620", "0.500", "0.750", "-", "-", "0.700-0.800", "-", "-"] in lines
    padding = ["padding", "id", "1,620", "0.500", "0.750", "0.875", "0.900", "0.850-0.950", "0.400", "0.800"]
    assert lines.index(padding) == lines.index(["vanilla", *padding[1:]]) - 1
    results = "here/mini/pararel-limit2"
    assert f"Metrics: {results}/metrics/seed4/metrics.json" in output
    assert f"  {results}/notebooks/seed4/01_only.ipynb" in output
    assert output.startswith("01_only.ipynb  ")
    assert "Time: " in output.splitlines()[-1]
    assert str(place) not in output
    injected = nbformat.read(place / results / "notebooks" / "seed4" / "01_only.ipynb", 4).cells[1].source
    assert f'data_dir = "{place / "data2"}"' in injected  # absolute: the kernel runs elsewhere
    assert 'methods = ["padding", "vanilla"]' in injected


def test_a_failing_notebook_is_exit_status_1(place, capsys, monkeypatch):
    path = place / "notebooks" / "01_only.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[1].source = "raise KeyError('x')"
    nbformat.write(notebook, path)
    before = files(place / "runs")
    assert main(["run", "--out", "runs"]) == 1
    error = capsys.readouterr().err
    failed = "runs/mini/mini/notebooks/seed0/01_only.failed.ipynb"
    assert error == f"rtuning: failed: 01_only.ipynb: KeyError: 'x'; executed so far: {failed}\n"
    assert files(place / "runs").items() > before.items()


def test_an_input_error_inside_a_notebook_is_exit_status_2(place, capsys):
    path = place / "notebooks" / "01_only.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[1].source = "from rtuning_helpers.errors import InputError\nraise InputError('question q7: NaN')"
    nbformat.write(notebook, path)
    assert main(["run", "--out", "runs"]) == 2
    assert capsys.readouterr().err == "rtuning: error: question q7: NaN\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"], ["ledger"], ["data"]])
def test_help(arguments, capsys):
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Usage: rtuning ")
    assert captured.err == ""


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rtuning {rtuning_helpers.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["--version2"], "No such option: --version2"),
        (["score"], "Missing argument 'FILE...'"),
        (["score", "--jsn", "x"], "--jsn"),
        (["build-mini", "--seed", "x"], "'--seed': x; expected a whole number from 0 to 4294967295"),
        (["build-mini", "--facts", "0"], "'--facts': 0; expected a whole number from 1 on"),
        (["doctor", "now"], "now"),
    ],
)
def test_usage_errors(arguments, expected, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("rtuning: error: ")
    assert captured.err.count("\n") == 1
    assert expected in captured.err


def test_quick_answers_import_nothing_heavy():
    code = """
import sys
from rtuning_helpers.app.cli import main
from rtuning_helpers.app.run_checks import check_run
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.profiles import RunConfig
states = [main(["--help"]), main(["run", "--profile", "x"]), main(["run", "--seed", "x"]), main(["record", "x"])]
states += [main(["nothing"]), main(["build-mini", "--out", sys.executable]), main(["record", "seeds", "--seeds", "x"])]
for settings in ({"dataset": "pararel"}, {"data_dir": "x"}, {"model": "./gone"}, {"out": sys.executable}):
    try:
        check_run(RunConfig(**settings))
    except InputError:
        states.append(2)
print(states, sorted({"torch", "transformers", "papermill", "pandas"} & set(sys.modules)))
print(main(["record", "--list"]), main(["ledger", "add", "gone"]), sorted({"torch", "transformers"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2] []" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "0 2 []"
    assert len(done.stderr.splitlines()) == 7


def test_what_waits_for_notebooks_holds_nothing_heavy():
    code = """
import sys
import rtuning_helpers.app.notebook_runs
heavy = {"torch", "transformers", "pandas", "numpy", "pyarrow", "rfc3987_syntax"}
print(sorted(heavy & set(sys.modules)))
import pyarrow.parquet
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_module_is_a_command_too(tmp_path):
    command = [sys.executable, "-m", "rtuning_helpers.app.cli", "score", "gone.json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("rtuning: error: gone.json: file not found; expected recorded predictions, such as ")


def test_recording_needs_a_folder_that_can_be_written(place, capsys):
    assert main(["record", "seeds", "--out", "data/training_data.json/x"]) == 2
    assert "training_data.json/x: cannot write there" in capsys.readouterr().err


def test_score_prints_a_table_or_json(tmp_path, capsys, monkeypatch):
    path = tmp_path / "run_ID.json"
    path.write_text(json.dumps([[1, 0.9, 0.8], [0, 0.6, 0.3], [1, 0.7, 0.6], [0, 0.2, 0.1]]))
    assert main(["score", str(path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == recorded.score_files([path])
    assert (rows[0]["accuracy"], rows[0]["ap_mixed"], rows[0]["answer_rate"]) == (0.5, 1.0, 0.5)
    assert main(["score", str(path), str(path)]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    low, high = rows[0]["ap_mixed_ci95"]
    expected = ["run_ID", "id", "4", "0.5000", "1.0000", "1.0000", "1.0000", f"{low:.4f}-{high:.4f}"]
    assert table.count([*expected, "0.5000", "1.0000"]) == 2


def test_score_prints_all_metrics(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run_ID.json").write_text(json.dumps([[1, 0.9, 0.7], [0, 0.4, 0.2]]))
    assert main(["score", "run_ID.json", "--all-metrics"]) == 0
    shown = capsys.readouterr().out
    assert "all metrics, with 95 % intervals" in shown
    for name in ("aurc_answer", "ece_sure", "nll_mixed", "effective_reliability", "abstain_f1"):
        assert name in shown
    assert main(["score", "run_ID.json", "--all-metrics", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["e_aurc_sure"] == 0


def test_score_sees_to_it_that_a_recording_answers_the_questions(place, capsys):
    rows = [[1, 0.9, 0.7, ROWS[0], "France"], [0, 0.4, 0.2, ROWS[1], "Spain"]]
    for name, content in (("all", rows), ("half", rows[:1]), ("swapped", rows[::-1])):
        Path(f"{name}_ID.json").write_text(json.dumps(content))
    of_pararel = ["--dataset", "pararel", "--data-dir", "data"]
    assert main(["score", "all_ID.json", *of_pararel]) == 0
    capsys.readouterr()
    assert main(["score", "all_ID.json", "half_ID.json", *of_pararel]) == 2
    assert "half_ID.json: holds 1 rows; expected the 2 questions of pararel id" in capsys.readouterr().err
    assert main(["score", "swapped_ID.json", *of_pararel]) == 2
    assert "row 1 is " in capsys.readouterr().err
    assert main(["score", "all_ID.json", "--dataset", "mini"]) == 2
    assert "expected the 1,620 questions of mini id" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", ["", "[[1, 0.5, 0.5], [2, 0.5, 0.5]]", "[[1, 0.5, 0.5]", "[[1, 0.5, NaN]]", "[[1]]"]
)
def test_score_refuses_bad_files(tmp_path, capsys, content):
    path = tmp_path / "bad.json"
    path.write_text(content)
    assert main(["score", str(path), "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"rtuning: error: {path}: ")
    assert captured.err.count("\n") == 1


def test_doctor_judges_the_mini_profile(place, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert main(["doctor"]) == 0
    captured = capsys.readouterr()
    lines = {line.split("  ")[1].strip(): line for line in captured.out.splitlines() if line.strip()}
    assert captured.err == ""
    assert " yes " in lines["profile mini"]
    assert " yes " in lines["4-bit"]
    assert " yes " in lines["mini checkpoint"]
    assert " no " in lines["profile paper"]
    assert "needs a CUDA GPU with 78 GiB" in lines["profile paper"]
    assert torch.__version__ in lines["torch"]
    flip_weights()
    assert main(["doctor"]) == 1
    second = capsys.readouterr().out
    assert "checkpoint/model.safetensors: SHA-256 is" in " ".join(second.split())
    for text in (str(place), str(Path.home()), "hf_secret"):
        assert text not in captured.out + second


@pytest.mark.parametrize(
    ("change", "lacking"),
    [
        ({"memory_gib": lambda: 1.0}, "memory: 1.0 GiB"),
        ({"MINI_CHECKPOINT": Path("gone")}, "mini checkpoint: missing"),
        ({"PACKAGES": ("torch", "not-a-package")}, "not-a-package not installed"),
        ({"default_device": lambda: torch.device("meta")}, "4-bit does not work"),
    ],
)
def test_doctor_says_why_the_mini_profile_does_not_fit(place, monkeypatch, change, lacking):
    for name, value in change.items():
        monkeypatch.setattr(doctor, name, value)
    finding = next(found for found in doctor.examine() if found.name == "profile mini")
    assert not finding.ok
    assert lacking in finding.detail


def test_doctor_names_the_type_and_the_memory_that_the_laptop_profile_takes(place, monkeypatch):
    def said():
        return next(found for found in doctor.examine() if found.name == "profile laptop")

    monkeypatch.setattr(doctor, "fastest_type", lambda: "bfloat16")
    monkeypatch.setattr(doctor, "memory_gib", lambda: 8.0)
    assert said().ok
    assert said().detail == "fits; model HuggingFaceTB/SmolLM2-135M, tuned in bfloat16"
    monkeypatch.setattr(doctor, "memory_gib", lambda: 3.0)
    assert not said().ok
    assert said().detail == "memory: 3.0 GiB, needs 4 GiB"


def test_doctor_loads_no_library_of_models():
    code = "import sys, rtuning_helpers.app.doctor as d; d.examine(); print('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_doctor_without_checksums(place):
    (place / "checkpoint" / CHECKSUMS).unlink()
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["mini checkpoint"].detail.startswith(f"has no {CHECKSUMS}")
    assert not found["profile mini"].ok


def test_interruption_and_surprises(monkeypatch, capsys):
    def fail(error):
        def raise_it(*_, **__):
            raise error

        monkeypatch.setattr(recorded, "score_files", raise_it)
        status = main(["score", "x"])
        return status, capsys.readouterr().err

    assert fail(KeyboardInterrupt()) == (130, "rtuning: interrupted: nothing was changed\n")
    assert fail(OSError(28, "No space left\non device")) == (
        1,
        "rtuning: failed: OSError: [Errno 28] No space left on device\n",
    )
    monkeypatch.setenv("RTUNING_DEBUG", "1")
    status, error = fail(ZeroDivisionError("x"))
    assert status == 1
    assert error.startswith("Traceback (most recent call last)")
    assert error.endswith("\nrtuning: failed: ZeroDivisionError: x\n")


def test_entry_point_is_the_function_that_is_tested():
    assert 'rtuning = "rtuning_helpers.app.cli:main"' in (Path(cli.__file__).parents[2] / "pyproject.toml").read_text()


def test_a_setting_is_named_as_the_user_typed_it(monkeypatch, capsys):
    """In a notebook there are no dashes; what a notebook complains about is a command-line option in the command."""
    with pytest.raises(InputError, match=r"^parameter tune_on 'x' is unknown") as caught:
        check_tuned_on(RunConfig(tune_on="x"))
    assert "--" not in str(caught.value)
    assert main(["run", "--tune-on", "x"]) == 2
    assert capsys.readouterr().err.startswith("rtuning: error: --tune-on 'x' is unknown")


def test_no_message_of_the_package_names_a_command_line_option():
    """Only the command itself may: what its modules raise is also read in notebooks."""
    package = Path(rtuning_helpers.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        if path.parent.name == "app":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and re.search(r"['\" (]--[a-z]", ast.unparse(node)):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_doctor_looks_at_a_model(tiny_model, capsys):
    assert main(["doctor", "--model", str(tiny_model)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "million weights, reads" in said
    assert re.search(r"LoRA adapts \d+ % of the weights, not embeddings \d+ %", said)
    assert re.search(r"4 bits hold \d+ % of the weights, not embeddings \d+ %", said)
    assert re.search(r"at least 0.0 GiB to tune it with profile mini", said)
    assert main(["doctor", "--model", "/no/such/folder"]) == 2
    assert "--model /no/such/folder: no such folder" in capsys.readouterr().err


def test_a_model_that_does_not_fit_stops_a_run_and_one_that_stays_out_of_lora_is_told(tmp_path, monkeypatch):
    from transformers import GptOssConfig

    from rtuning_helpers.app import model_report

    sizes = {"vocab_size": 64, "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 64}
    GptOssConfig(**sizes, num_local_experts=4).save_pretrained(tmp_path)
    for file in ("model.safetensors", "tokenizer.json"):
        (tmp_path / file).write_bytes(b"")
    config = RunConfig(model=str(tmp_path))
    lora, four_bit = model_report.check_model(config)
    assert lora.startswith("model: LoRA adapts ") and "mlp.experts.gate_up_proj" in lora
    assert four_bit.startswith("model: 4 bits hold ") and "mlp.experts.gate_up_proj" in four_bit
    monkeypatch.setattr(model_report, "memory_gib", lambda: 0.001)
    with pytest.raises(InputError, match="takes at least .* GiB of memory with profile mini, and there are 0.0"):
        model_report.check_model(config)
    assert [found.ok for found in model_report.examine_model(config)][-1] is False


@pytest.fixture
def masked(tmp_path) -> Path:
    """A model that reads in both directions, in the clothes of a causal one."""
    tokenizer = build_tokenizer(["Where is Paris?"])
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertLMHeadModel(BertConfig(vocab_size=len(tokenizer), **sizes))
    for kept in (model, tokenizer):
        kept.save_pretrained(tmp_path / "masked")
    return tmp_path / "masked"


def test_doctor_says_how_a_model_reads(place, masked, capsys):
    assert main(["doctor", "--model", "model"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "model's batches LlamaForCausalLM, read in batches of any lengths: every layer can keep the keys" in said
    assert main(["doctor", "--model", str(masked)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert "what it makes of a word depends on the words behind it; expected a causal language mod" in captured.err


def test_a_model_that_cannot_be_read_is_refused_before_the_first_notebook(place, masked, capsys):
    before = files(place / "runs")
    assert main(["run", "--out", "runs", "--model", str(masked)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("rtuning: error: --model ") and captured.err.count("\n") == 1
    assert "depends on the words behind it" in captured.err
    assert files(place / "runs") == before

"""Executing notebooks: parameters, failures, interruption, and nothing half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from rtuning_helpers.app import notebook_runs
from rtuning_helpers.app.notebook_runs import (
    NotebookFailed,
    choose_parameters,
    execute,
    find_notebooks,
    printed_findings,
    run_notebooks,
)
from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments.findings import FAILS, HOLDS, NOTE, TOO_FEW
from rtuning_helpers.run.profiles import RunConfig

ROOT = Path(__file__).resolve().parents[2]
PARAMETERS = """from typing import Optional
profile: str = "mini"  # which machine
dataset: str = "mini"
seed: int = 0
limit: Optional[int] = None
out: str = "runs"
"""


def write_notebook(path: Path, *sources: str, parameters: str = PARAMETERS) -> Path:
    cells = [new_markdown_cell("# The title"), new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    for source in sources:
        cells += [new_markdown_cell(f"Prose.\n\n## Part {len(cells) // 2}\n\nMore."), new_code_cell(source)]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty notebooks folder that stands for the clone's, seen from another working directory."""
    monkeypatch.setattr(notebook_runs, "notebooks_folder", lambda: tmp_path / "notebooks")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "notebooks"


def visible(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_parameters_reach_the_notebooks(folder, tmp_path):
    report = """import json, os
names = ("profile", "dataset", "seed", "limit", "out", "methods", "force")
seen = {name: globals()[name] for name in names if name in globals()}
seen |= {"cwd": os.getcwd(), "quiet": os.environ["TQDM_DISABLE"], "path": os.environ["PATH"]}
print(json.dumps(seen))"""
    write_notebook(
        folder / "02_second.ipynb", report, parameters=PARAMETERS + "methods: list = []\nforce: bool = False"
    )
    write_notebook(folder / "01_first.ipynb", report)
    write_notebook(folder / "notes.ipynb", "1 / 0")
    out, calls, environment = tmp_path / "odd {seed} 'name'", [], dict(os.environ)
    config = RunConfig(seed=3, limit=7, out=str(out))
    done = run_notebooks(
        config, ["padding", "vanilla"], True, lambda *call: calls.append(call) if len(call) == 4 else None
    )

    assert dict(os.environ) == environment
    assert done == [
        out / "mini" / "mini-limit7" / "notebooks" / "seed3" / f"{n}.ipynb" for n in ("01_first", "02_second")
    ]
    assert visible(out) == [path.relative_to(out).as_posix() for path in done]
    seen = [json.loads(nbformat.read(path, 4).cells[-1].outputs[0].text) for path in done]
    expected = {"profile": "mini", "dataset": "mini", "seed": 3, "limit": 7, "out": str(out), "quiet": "1"}
    expected |= {"cwd": str(folder), "path": environment["PATH"]}
    assert seen == [expected, expected | {"methods": ["padding", "vanilla"], "force": True}]
    assert calls[:3] == [(("01_first.ipynb"), "The title", number, 5) for number in range(3)]  # with the injected cell
    assert calls[3:6] == [("01_first.ipynb", "Part 1", number, 5) for number in (3, 4, 5)]


def test_what_a_cell_does_is_told_while_it_runs(folder, tmp_path):
    code = """import time
from rtuning_helpers.progress import progress_bar
with progress_bar(408, "padding: fine-tuning", "step") as own, progress_bar(9, "vanilla: answering") as other:
    own.update(102)
    for _ in range(6):
        time.sleep(1.1)
        own.update(1)"""
    source, calls = write_notebook(folder / "01_first.ipynb", "1", code), []
    done = execute(source, tmp_path / "01_first.ipynb", {}, lambda *call: calls.append(call))
    told = [call[-1].split("\n") for call in calls if len(call) == 5 and call[-1]]
    assert {call[:4] for call in calls if len(call) == 5 and call[-1]} == {("01_first.ipynb", "Part 2", 5, 6)}
    steps = [int(re.fullmatch(r"padding: fine-tuning, step (\d+) of 408(?:, \d+ s left)?", own)[1]) for own, *_ in told]
    assert len(set(steps)) > 2 and sorted(steps) == steps and 102 < steps[-1] <= 108
    assert told[-1][1:] == ["vanilla: answering, 0 of 9"]
    assert visible(tmp_path) == ["01_first.ipynb", "notebooks/01_first.ipynb"]  # and nothing is left
    assert nbformat.read(done, 4).cells[-1].outputs == []


def test_the_findings_of_executed_notebooks_are_read_again(tmp_path):
    code = """from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.run.profiles import RunConfig
knowledge_notice([False] * 9)
for n in (500, 9):
    finding(f"all {n} are right", False, RunConfig(limit=n), n=n)
finding("it is so", True, RunConfig())"""
    source = write_notebook(tmp_path / "notebooks" / "01_first.ipynb", code)
    printed = printed_findings([execute(source, tmp_path / "01_first.ipynb", {})])
    assert [(name, kind) for name, kind, _ in printed] == [("01_first.ipynb", k) for k in (NOTE, FAILS, TOO_FEW, HOLDS)]
    assert [text.partition(" (")[0] for _, _, text in printed[1:]] == [
        "all 500 are right",
        "all 9 are right",
        "it is so",
    ]


def test_input_error_comes_through_and_leaves_earlier_results(folder, tmp_path):
    message = "data.json: row 3 is []; expected [question, answer, relation]"
    code = f"from rtuning_helpers.errors import InputError\nif limit: raise InputError({message!r})\nprint('fine')"
    source, target = write_notebook(folder / "01_first.ipynb", code), tmp_path / "01_first.ipynb"
    execute(source, target, {})
    earlier = target.read_bytes()
    with pytest.raises(InputError) as caught:
        execute(source, target, {"limit": 2})
    assert str(caught.value) == message
    assert target.read_bytes() == earlier
    failed = tmp_path / "01_first.failed.ipynb"
    assert message in failed.read_text()
    execute(source, target, {})
    assert visible(tmp_path) == ["01_first.ipynb", "notebooks/01_first.ipynb"]


@pytest.fixture
def other_kernel(tmp_path, monkeypatch) -> Path:
    """A kernel called python3 that belongs to another interpreter and comes first where names are looked up."""
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = ["/bin/sh", "-c", "echo ModuleNotFoundError >&2; exit 3"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Another Python", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    assert KernelSpecManager().get_kernel_spec("python3").argv == argv
    return spec


def test_the_kernel_is_of_the_interpreter_that_runs_the_command(folder, tmp_path, other_kernel):
    source = write_notebook(folder / "01_first.ipynb", "import sys; print(sys.executable)")
    done = execute(source, tmp_path / "01_first.ipynb", {})
    assert nbformat.read(done, 4).cells[-1].outputs[0].text == f"{sys.executable}\n"


def test_pytest_runs_notebooks_with_its_own_interpreter(tmp_path, other_kernel):
    code = f"import sys; assert sys.executable == {sys.executable!r}"
    source = write_notebook(tmp_path / "notebooks" / "01_first.ipynb", code)
    command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "no:cacheprovider", str(source)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def test_a_failing_cell_is_reported_in_one_line_and_stops_the_run(folder, tmp_path):
    write_notebook(folder / "01_first.ipynb", "print('before')", "raise KeyError('two\\nlines')")
    write_notebook(folder / "02_second.ipynb", "print('never')")
    with pytest.raises(NotebookFailed) as caught:
        run_notebooks(RunConfig(out=str(tmp_path / "runs")), ["padding"])
    line = str(caught.value)
    assert line.startswith("01_first.ipynb under 'Part 2': KeyError: ")
    assert line.endswith("notebooks/seed0/01_first.failed.ipynb")
    assert "\n" not in line
    assert visible(tmp_path / "runs") == ["mini/mini/notebooks/seed0/01_first.failed.ipynb"]


def test_a_dead_kernel_is_reported(folder, tmp_path):
    source = write_notebook(
        folder / "01_first.ipynb", "import os\nos.write(2, b'out of luck\\n')\nos.kill(os.getpid(), 9)"
    )
    with pytest.raises(NotebookFailed, match="under 'Part 1': its kernel died: .*out of luck.*01_first.failed.ipynb"):
        execute(source, tmp_path / "01_first.ipynb", {})
    assert not (tmp_path / "01_first.ipynb").exists()


def test_tcp_serves_where_sockets_in_files_do_not(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(notebook_runs, "SOCKET_PATH_LIMIT", 0)
    source = write_notebook(folder / "01_first.ipynb", "from ipykernel.kernelapp import IPKernelApp as A",
                            "print(A.instance().transport)")  # fmt: skip
    done = execute(source, tmp_path / "01_first.ipynb", {})
    assert nbformat.read(done, 4).cells[-1].outputs[0].text == "tcp\n"


@pytest.mark.parametrize(
    ("parameters", "config", "complaint"),
    [
        ("x: int = 1", RunConfig(), "declares x; expected profile, dataset, seed, out"),
        ("", RunConfig(), "declares nothing; expected profile"),
        (PARAMETERS, RunConfig(model="owner/name"), "lacks model, which the run sets"),
        ("profile: str = 'mini'", RunConfig(seed=1), "lacks seed, which the run sets"),
    ],
)
def test_a_notebook_that_would_ignore_the_run_is_refused(folder, parameters, config, complaint):
    notebook = write_notebook(folder / "01_first.ipynb", parameters=parameters)
    with pytest.raises(NotebookFailed, match=complaint):
        choose_parameters(notebook, config, ["padding"], False)


def test_missing_notebooks_are_an_input_error(folder, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no notebooks"):
        find_notebooks()
    monkeypatch.undo()
    monkeypatch.setattr(notebook_runs, "default_out", lambda: tmp_path)  # as installed without its clone
    with pytest.raises(InputError, match="needs a clone"):
        find_notebooks()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition, seconds: float = 300) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes the Linux way")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_ends_its_kernel(folder, tmp_path, number):
    code = """import os, time
from pathlib import Path
Path("pid").write_text(str(os.getpid()))
try:
    time.sleep(120)
finally:
    Path("cleaned").touch()"""
    write_notebook(folder / "01_first.ipynb", "print('done')")
    write_notebook(folder / "02_second.ipynb", code)
    script = f"""
import sys
from pathlib import Path
from rtuning_helpers.app import cli, notebook_runs
notebook_runs.notebooks_folder = lambda: Path({str(folder)!r})
cli._check = lambda *_: None
sys.exit(cli.main(["run", "--out", {str(tmp_path / "runs")!r}]))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored if pytest runs in the background
    )
    pid_file = folder / "pid"
    assert wait_until(lambda: process.poll() is not None or (pid_file.exists() and pid_file.read_text() != ""))
    kernel = int(pid_file.read_text())
    assert is_running(kernel)
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    assert wait_until(lambda: not is_running(kernel), 30)
    finished = [name for name in visible(tmp_path / "runs") if "/." not in name]
    assert finished == ["mini/mini/notebooks/seed0/01_first.ipynb"]
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert errors == "rtuning: interrupted: finished steps are kept, and the same command continues\n"
        assert output.startswith("01_first.ipynb  ")
        assert visible(tmp_path / "runs") == finished
        assert (folder / "cleaned").exists()  # the kernel was interrupted, not only killed

"""Colab's first cell in sessions that are set up as Colab's were: ``python tests/oneclick/colab.py [PRESET...]``.

Each preset is a virtual environment of its own with a real kernel: old, new or quarrelsome packages in it, and the
rest, torch above all, lent from the environment that runs this script. ``google.colab`` is a stand-in; ``git clone``
gets the last commit of this clone. What pip installs comes from the package index: a minute or two for each preset.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from queue import Empty

from jupyter_client import BlockingKernelClient, KernelManager

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "notebooks"))
from build import read_source, source_files  # noqa: E402
from colab_setup import _canonical, read_pins  # noqa: E402

from rtuning_helpers.app.repository import published  # noqa: E402

NAMED = "some-one/some-kit"
# What Colab does not have, and what the presets have in their own versions.
NOT_LENT = {"rtuning-helpers", "bitsandbytes", "papermill", "jupytext", "transformers", "peft", "torchao", "accelerate",
            "tokenizers", "huggingface-hub", "pip", "setuptools"}  # fmt: skip
STAND_IN = "class drive:\n    mount = staticmethod(lambda path: print('mounted', path))\n"
LESSON = """
from rtuning_helpers import steps
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.run.profiles import RunConfig
config = RunConfig(limit=32)
lm = steps.load_model(config, "padding")
answers = answer_questions(lm, steps.questions(config, "id")[:2])
print("LESSON", [answer.text for answer in answers], steps.tuning_step(config, "padding"))
"""
VERSIONS = """
from importlib.metadata import PackageNotFoundError, version
for name in {names}:
    try:
        print("VERSION", name, version(name))
    except PackageNotFoundError:
        print("VERSION", name, "none")
"""
SECONDS = 900


@dataclass(frozen=True)
class Preset:
    """A session's state before the cell.

    Attributes:
        packages: What pip installs first, without what it depends on.
        used: Code that runs before the cell, as other cells of the user.
        expected: Versions after it: ``"kept"``, ``"tested"`` (that of constraints.txt) or ``"none"``.
        restarts: Whether the session has to restart.
    """

    packages: tuple[str, ...]
    used: str
    expected: dict[str, str]
    restarts: bool


KEPT = {"torch": "kept", "numpy": "kept", "pandas": "kept", "ipykernel": "kept"}
PRESETS = {
    "older": Preset(
        ("transformers==4.57.1", "peft==0.16.0", "huggingface_hub==0.36.0", "tokenizers==0.22.1", "accelerate==1.8.1",
         "filelock==3.12.4"),
        "import numpy, pandas, filelock",
        KEPT | dict.fromkeys(("transformers", "peft", "huggingface_hub", "tokenizers", "accelerate", "filelock",
                              "bitsandbytes", "papermill"), "tested"),
        restarts=True,
    ),
    "newer": Preset(
        ("transformers==5.24.0", "peft==0.21.2", "huggingface_hub==2.4.0", "tokenizers==0.23.3", "accelerate==1.15.0"),
        "import numpy, pandas, transformers",
        KEPT | {"transformers": "kept", "peft": "kept", "bitsandbytes": "tested"},
        restarts=False,
    ),
    "torchao": Preset(
        ("transformers==5.12.0", "peft==0.19.1", "huggingface_hub==2.4.0", "tokenizers==0.23.3", "accelerate==1.15.0",
         "torchao==0.10.0"),
        "import numpy",
        KEPT | {"peft": "kept", "torchao": "none", "bitsandbytes": "tested", "transformers": "tested"},
        restarts=False,
    ),
}  # fmt: skip


class Session:
    """A kernel in a virtual environment, as Colab starts one again when it ends."""

    def __init__(self, python: Path, folder: Path, environment: dict[str, str]):
        self.python, self.folder, self.environment = python, folder, environment
        self.start()

    def start(self) -> None:
        address = str(Path(tempfile.mkdtemp(prefix="k"), "k"))
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=address)
        self.manager.kernel_spec.argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager.start_kernel(cwd=str(self.folder), env=self.environment)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.run("import google.colab")  # as Colab's own kernel does

    def run(self, code: str) -> str:
        """What a cell prints, its error included."""
        said: list[str] = []

        def hear(message: dict) -> None:
            content = message["content"]
            said.append(content.get("text") or "\n".join(content.get("traceback", ())))

        with suppress(RuntimeError, Empty):  # the kernel ended with the cell
            self.client.execute_interactive(code, timeout=SECONDS, output_hook=hear, allow_stdin=False)
        return "".join(said)

    def start_again(self) -> None:
        self.end()
        self.start()

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def lend(folder: Path) -> Path:
    """A folder of links to the packages of this environment that a session has from the beginning."""
    folder.mkdir()
    for found in distributions():
        if _canonical(found.metadata["Name"] or "") in NOT_LENT:
            continue
        for name in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / name).exists() and not name.startswith("__editable__"):
                (folder / name).symlink_to(found.locate_file(name))
    return folder


def make_session(preset: Preset, folder: Path, lent: Path) -> Path:
    """A virtual environment in the preset's state; its Python."""
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    asked = [str(python), "-c", "import site; print(site.getsitepackages()[0])"]
    own = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    (own / "lent.pth").write_text(f"{lent}\n")
    (own / "google" / "colab").mkdir(parents=True)
    (own / "google" / "colab" / "__init__.py").write_text(STAND_IN)
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--no-deps", *preset.packages], check=True)
    return python


def the_cell() -> str:
    """The first code cell of a notebook, as it is published."""
    notebook = read_source(next(iter(source_files().values())))
    return published(
        next(c.source for c in notebook.cells if "google.colab" in c.source and c.cell_type == "code"), NAMED
    )


def environment(clone: str) -> dict[str, str]:
    """That of a session, for which the repository on GitHub is a clone that lies here."""
    rest = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "RTUNING_OUT_BASE")}
    address = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{clone}.insteadOf"}
    return rest | address | {"GIT_CONFIG_VALUE_0": f"https://github.com/{NAMED}"}


def versions(session: Session, names: list[str]) -> dict[str, str]:
    """Versions of packages in a session."""
    lines = session.run(VERSIONS.format(names=names)).splitlines()
    return {name: version for _, name, version in (line.split() for line in lines if line.startswith("VERSION"))}


def try_preset(name: str, work: Path, lent: Path) -> list[str]:
    """Run the cell as a student would, and a small lesson after it.

    Returns:
        What is wrong, a line each.
    """
    preset, wrong, cell = PRESETS[name], list[str](), the_cell()
    content = work / name / "content"
    content.mkdir(parents=True)
    python = make_session(preset, work / name / "venv", lent)

    nobody = Session(python, content, environment("file:///nobody/is/here"))
    if "The kit could not be fetched" not in (said := nobody.run(cell)) or (content / "kit").exists():
        wrong.append(f"without the repository it said {said!r}")
    nobody.end()

    session = Session(python, content, environment(f"file://{ROOT}"))
    try:
        before = versions(session, list(preset.expected))
        session.run(preset.used)
        start = time.monotonic()
        said = session.run(cell)
        restarted = "Restarting, since" in said
        print(f"{name}: {time.monotonic() - start:.0f} s\n" + "\n".join(f"    {line}" for line in said.splitlines()))
        if restarted != preset.restarts:
            wrong.append(f"restarted: {restarted}")
        if restarted:
            session.start_again()
            said = session.run(cell)
        if "Ready. Results go to" not in said:
            wrong.append(f"it ended with {said[-500:]!r}")
        start = time.monotonic()
        again = session.run(cell)
        print(f"{name}: again {time.monotonic() - start:.0f} s")
        if again.count("\n") != 1 or not again.startswith("Ready."):
            wrong.append(f"run again it said {again!r}")
        after = versions(session, list(preset.expected))
        for package, meant in preset.expected.items():
            line = read_pins().get(_canonical(package), "")
            tested = line.partition("==")[2].partition(";")[0].strip()
            if after[package] != {"kept": before[package], "tested": tested}.get(meant, meant):
                wrong.append(f"{package} was {before[package]}, is {after[package]}; expected: {meant}")
        start = time.monotonic()
        lesson = session.run(LESSON)
        print(f"{name}: lesson {time.monotonic() - start:.0f} s")
        if "LESSON [" not in lesson or str(content / "kit" / "runs") not in lesson:
            wrong.append(f"the lesson ended with {lesson[-800:]!r}")
    finally:
        session.end()
    return wrong


def main(names: list[str]) -> int:
    """Try presets; exit status 1 if anything is wrong."""
    status = 0
    with tempfile.TemporaryDirectory(prefix="colab-") as work:
        lent = lend(Path(work, "lent"))
        for name in names or PRESETS:
            wrong = try_preset(name, Path(work), lent)
            print(
                "\n".join([f"{name}: {'wrong' if wrong else 'right'}", *(f"    {line}" for line in wrong)]), flush=True
            )
            status |= bool(wrong)
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("presets", nargs="*", choices=[*PRESETS, []], metavar="PRESET", help=", ".join(PRESETS))
    sys.exit(main(parser.parse_args().presets))

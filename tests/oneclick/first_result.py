"""How long a notebook takes to its first result, opened alone: ``python tests/oneclick/first_result.py [NUMBER...]``.

In a fresh copy of this clone's last commit, where nothing was run before. The time begins with the kernel and ends with
the first output below the parameters; processor time is what it takes on an idle core. Exit status 1 if one takes
longer than the limit (30 s).
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 30


def first_result(clone: Path, number: str) -> tuple[float, float, str]:
    """Seconds to a notebook's first result, seconds of processor time in it, and what the result says."""
    (path,) = clone.glob(f"notebooks/{number}_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}})
    start, below, said = time.monotonic(), False, ""
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            client.execute_cell(cell, index)
            said += "".join(output.get("text", "") for output in cell.outputs if output.get("name") != "stderr")
            if below and any(output.get("name") != "stderr" for output in cell.outputs):
                used = psutil.Process(client.km.provisioner.pid).cpu_times()
                return time.monotonic() - start, used.user + used.system, said
            below |= "parameters" in cell.metadata.get("tags", ())
    raise RuntimeError(f"{path.name}: no cell below the parameters has an output")


def main(numbers: list[str]) -> int:
    """Measure, and give the exit status."""
    slow = False
    for number in numbers or ["05"]:
        with tempfile.TemporaryDirectory(prefix="clone-") as folder:
            clone = Path(folder, "kit")
            subprocess.run(["git", "clone", "-q", f"file://{ROOT}", str(clone)], check=True)
            for name in ("RTUNING_OUT_BASE", "RTUNING_READY"):
                os.environ.pop(name, None)
            os.environ["PYTHONPATH"] = str(clone)
            seconds, used, said = first_result(clone, number)
            print(
                f"{number}: {seconds:.1f} s, {used:.1f} s of processor time\n"
                + "\n".join(f"    {line}" for line in said.splitlines()),
                flush=True,
            )
            slow |= seconds > LIMIT_SECONDS
    return slow


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What Binder does with the kit, without Docker: ``python tests/oneclick/binder.py [NUMBER...]``.

The steps of repo2docker: a copy of the repository, an environment of the Python that ``binder/environment.yml`` asks
for (a virtual one in the place of conda's), ``binder/postBuild`` in it, and JupyterLab through ``binder/start``. Then
the peak memory of notebooks 01 to 05 with Binder's one thread, see `memory`. Takes ten minutes and installs some GB.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import yaml
from memory import GB, memory_of

ROOT = Path(__file__).resolve().parents[2]
PORT, TOKEN = 18988, "binder"
LIMIT_GB = 1.5


def python_asked_for(folder: Path) -> str:
    """The version in ``binder/environment.yml``; without one there, repo2docker takes its own."""
    listed = yaml.safe_load((folder / "binder" / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    return next(entry.partition("=")[2] for entry in listed if re.match(r"python=\d", str(entry)))


def build(repository: Path, work: Path) -> tuple[Path, dict[str, str]]:
    """The clone after ``postBuild``, and the environment that Binder's user has."""
    clone, own = work / "jovyan", work / "env"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{repository}", str(clone)], check=True)
    asked, here = python_asked_for(clone), ".".join(map(str, sys.version_info[:2]))
    if asked != here:
        print(f"binder/environment.yml asks for Python {asked}; tried with {here}")
    subprocess.run([sys.executable, "-m", "venv", str(own)], check=True)
    keep = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment = keep | {"PATH": f"{own / 'bin'}{os.pathsep}{os.environ['PATH']}", "PIP_RETRIES": "1"}
    start = time.monotonic()
    subprocess.run([str(clone / "binder" / "postBuild")], cwd=clone, env=environment, check=True)
    size = sum(path.lstat().st_size for path in own.rglob("*")) / GB
    print(f"built in {time.monotonic() - start:.0f} s; {size:.1f} GB on the disk", flush=True)
    return clone, environment


def serve(clone: Path, environment: dict[str, str]) -> subprocess.Popen:
    """JupyterLab as Binder starts it, once it answers."""
    lab = ["jupyter", "lab", "--no-browser", "--allow-root", f"--port={PORT}", f"--IdentityProvider.token={TOKEN}"]
    started = [str(clone / "binder" / "start"), *lab]
    server = subprocess.Popen(started, cwd=clone, env=environment, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"http://localhost:{PORT}/api/status?token={TOKEN}", timeout=5):
                return server
        except OSError:
            if time.monotonic() > end or server.poll() is not None:
                server.kill()
                raise
            time.sleep(0.5)


def main(numbers: list[str]) -> int:
    """Build, serve, measure; exit status 1 if anything is wrong."""
    with tempfile.TemporaryDirectory(prefix="binder-") as work:
        clone, environment = build(ROOT, Path(work))
        server = serve(clone, environment)
        try:
            own = memory_of([psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]) / GB
            print(f"JupyterLab: {own:.2f} GB", flush=True)
            asked = ["python", "tests/oneclick/memory.py", "--limit-gb", f"{LIMIT_GB - own:.3f}", *numbers]
            return subprocess.run([str(clone / "binder" / "start"), *asked], cwd=clone, env=environment).returncode
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

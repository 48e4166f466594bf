"""What repo2docker asks of the files in ``binder/``, and a small build with them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import yaml
from memory import Peak, memory_of

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"


def test_the_environment_names_a_python_that_the_kit_takes():
    listed = yaml.safe_load((BINDER / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (python,) = (entry.partition("=")[2] for entry in listed if str(entry).startswith("python="))
    least = re.search(r'^requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), flags=re.M)[1]
    assert [int(n) for n in python.split(".")] >= [int(n) for n in least.split(".")]


def test_the_scripts_are_as_repo2docker_wants_them():
    """Executable, of a shell that is there; a failure ends the build; what is started takes the script's place."""
    for name in ("postBuild", "start"):
        assert os.access(BINDER / name, os.X_OK), name
        assert (BINDER / name).read_text(encoding="utf-8").startswith("#!/bin/bash\n"), name
        assert b"\r" not in (BINDER / name).read_bytes()
    assert re.search(r"^set -e", (BINDER / "postBuild").read_text(encoding="utf-8"), flags=re.M)
    assert (BINDER / "start").read_text(encoding="utf-8").rstrip().endswith('exec "$@"')


def test_what_is_started_computes_with_one_thread(tmp_path):
    asked = [
        str(BINDER / "start"),
        sys.executable,
        "-c",
        "import os; print(os.environ['OMP_NUM_THREADS'], os.getpid())",
    ]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.communicate()[0].split() == ["1", str(process.pid)]


def test_the_build_installs_the_clone_with_the_tested_versions(tmp_path):
    """postBuild's commands, with a pip that only says what it was asked."""
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    pip.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    asked = [str(BINDER / "postBuild")]
    done = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert words[0] == "install" and "--no-cache-dir" in words
    assert words[words.index("-c") + 1] == "constraints.txt" and words[words.index("-e") + 1] == "."
    pip.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert subprocess.run(asked, cwd=ROOT, env=environment, check=False).returncode == 1


def test_memory_counts_a_process_and_what_it_starts():
    ballast = "import subprocess, sys, time; x = bytearray(80_000_000); print(flush=True); time.sleep(60)"
    inner = [sys.executable, "-c", ballast]
    outer = f"import subprocess, sys; x = bytearray(60_000_000); p = subprocess.Popen({inner!r}); p.wait()"
    with Peak() as peak:
        process = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE)
        try:
            process.stdout.readline()
            own = memory_of([psutil.Process(process.pid)])
            while peak.bytes < 140e6:
                assert process.poll() is None
        finally:
            for each in (*psutil.Process(process.pid).children(recursive=True), process):
                each.kill()
            process.wait()
    assert 60e6 < own < 100e6 < 140e6 < peak.bytes < 200e6

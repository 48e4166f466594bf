"""Makes a session of Google Colab ready: what every notebook's first cell calls there, once the clone is at hand.

It works before anything is installed (standard library only) and can run again at any time. What Colab has installed
is kept where the kit can use it; all else comes in the versions of ``constraints.txt``, which were tested together.
Colab's front end is never touched: its kernel depends on the versions that it has.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

KIT = Path(__file__).resolve().parents[1]
DRIVE = Path("/content/drive")
FRONT_END = {"ipykernel", "ipywidgets", "jupyterlab"}  # Colab brings its own
LARGE = ("torch", "numpy")  # what much of a session rests on: replaced only if nothing else will do
HOOKS = {"_distutils_hack"}  # setuptools has every Python load it; nobody uses setuptools by that
BOUND_TO_TORCH = ("torchvision", "torchaudio")  # they break when torch is replaced; the kit needs neither
PEFT_TAKES_TORCHAO = "from peft.import_utils import is_torchao_available as available; available()"
START_AGAIN = "choose Runtime > Disconnect and delete runtime, then run this cell again"


def set_up(keep_in_drive: bool = False) -> None:
    """Install what is missing, make the kit importable, and say where results lie.

    Args:
        keep_in_drive: Whether results go to the user's Google Drive, which outlasts the session.

    Raises:
        SystemExit: Something failed; one line says what to do.
    """
    before = installed()
    pins, changed = plan(before)
    if changed is None:
        sys.exit(f"The kit's packages do not go together with what is installed here: {START_AGAIN}.")
    outdated = in_use(name for name in changed if name in before)
    if changed:
        print(f"Installing {', '.join(f'{name} {version}' for name, version in sorted(changed.items()))} ...")
        _must(_pip_install(pins))
    _remove_what_breaks(changed)
    if "rtuning-helpers" not in before:
        _must(_pip("install", "--no-deps", "-e", str(KIT)))
    if outdated:
        _restart(outdated)
    if str(KIT) not in sys.path:
        sys.path.insert(0, str(KIT))
    print(place_for_results(keep_in_drive))


def requirements() -> list[str]:
    """What the kit needs beside Colab's own front end, as ``pyproject.toml`` has it."""
    text = (KIT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'"([^"]+)"', re.search(r"^dependencies = \[\n(.*?)^\]", text, flags=re.M | re.S)[1])
    return [requirement for requirement in listed if _parsed(requirement)[0] not in FRONT_END]


def read_pins() -> dict[str, str]:
    """The lines of ``constraints.txt``, by the package's name."""
    lines = (KIT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {_canonical(line.partition("==")[0]): line for line in lines if line and not line.startswith("#")}


def installed() -> dict[str, str]:
    """Every installed package with its version."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(_canonical(name), distribution.version)
    return found


def plan(present: dict[str, str]) -> tuple[dict[str, str], dict[str, str] | None]:
    """Choose versions for pip: tested ones of what is missing or too old, and of all that then has to change as well.

    Where what is there allows no solution, all packages are to be as they were tested.

    Args:
        present: Installed packages with their versions.

    Returns:
        Lines of constraints by the package's name, and `changes` under them.
    """
    needed, tested = dict(map(_parsed, requirements())), read_pins()
    kept = {name for name, version in present.items() if name not in needed or _takes(needed[name], version)}
    pins = {name: line for name, line in tested.items() if name not in kept}
    pins |= {name: f"{name}=={present[name]}" for name in LARGE if name in kept}
    changed = changes(pins)
    if changed is None:
        return tested, changes(tested)
    while True:  # what a pin changes may change another package
        more = pins | {name: tested[name] for name in changed if name in tested}
        again = None if more == pins else changes(more)
        if again is None:
            return pins, changed
        pins, changed = more, again


def changes(pins: dict[str, str]) -> dict[str, str] | None:
    """What pip would install under these constraints, by name with the version; None if there is no solution."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.json")
        if _pip_install(pins, "--dry-run", "--report", str(report)).returncode:
            return None
        rows = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {_canonical(row["metadata"]["name"]): row["metadata"]["version"] for row in rows}


def in_use(packages: Iterable[str]) -> list[str]:
    """Those of some packages of which this session has loaded a module: a new version shows after a restart only."""
    owners = packages_distributions()
    modules = [name for name in list(sys.modules) if "." not in name and name not in HOOKS]
    loaded = {_canonical(owner) for name in modules for owner in owners.get(name, ())}
    return sorted(loaded.intersection(packages))


def place_for_results(keep_in_drive: bool) -> str:
    """Choose where results go, and say it in a line."""
    folder = DRIVE / "MyDrive" / "rtuning"
    if keep_in_drive:
        from google.colab import drive

        drive.mount(str(DRIVE))
        folder.mkdir(parents=True, exist_ok=True)
        if _can_lock(folder):
            os.environ["RTUNING_OUT_BASE"] = str(folder)
            return f"Ready. Results go to {folder / 'runs'}, in your Google Drive."
    os.environ.pop("RTUNING_OUT_BASE", None)
    why = "Google Drive takes no file locks here, so results" if keep_in_drive else "Results"
    advice = "copy what you want to keep" if keep_in_drive else "keep_in_drive = True keeps them in your Google Drive"
    return f"Ready. {why} go to {KIT / 'runs'}, which ends with this session; {advice}."


def _can_lock(folder: Path) -> bool:
    """Whether files can be locked there, as the kit's steps do."""
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_what_breaks(changed: Iterable[str]) -> None:
    """Uninstall what the kit does not need and what would make it fail beside the packages that are there now."""
    there = installed()
    broken = [name for name in BOUND_TO_TORCH if name in there and "torch" in changed]
    if "torchao" in there and _python("-c", PEFT_TAKES_TORCHAO).returncode:
        broken.append("torchao")  # peft refuses to work beside an old one
    if broken:
        print(f"Removing {', '.join(broken)}, which the kit does not need and which do not fit beside it ...")
        _must(_pip("uninstall", "-y", *broken))


def _restart(packages: list[str]) -> None:
    """Have this session's kernel replaced by a new one, and end the cell."""
    import IPython

    IPython.Application.instance().kernel.do_shutdown(True)
    names = ", ".join(packages)
    sys.exit(f"Restarting, since this session uses older versions of {names}. Choose Runtime > Run all once more.")


def _must(done: subprocess.CompletedProcess) -> None:
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        sys.exit(f"pip failed ({said[-1].strip() if said else 'no word why'}): {START_AGAIN}.")


def _pip_install(pins: dict[str, str], *options: str) -> subprocess.CompletedProcess:
    """Install what the kit requires, under constraints."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "constraints.txt")
        file.write_text("\n".join(pins.values()) + "\n", encoding="utf-8")
        return _pip("install", *options, "-c", str(file), *requirements())


def _pip(command: str, *arguments: str) -> subprocess.CompletedProcess:
    return _python("-m", "pip", command, "-q", "--disable-pip-version-check", *arguments)


def _python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def _parsed(requirement: str) -> tuple[str, str]:
    """A requirement's name and the versions that it allows, such as ``>=2.6``."""
    name, bounds = re.fullmatch(r"([\w.-]+)\s*([^;]*)(?:;.*)?", requirement).groups()
    return _canonical(name), bounds


def _takes(bounds: str, version: str) -> bool:
    from pip._vendor.packaging.specifiers import SpecifierSet

    return SpecifierSet(bounds).contains(version, prereleases=True)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

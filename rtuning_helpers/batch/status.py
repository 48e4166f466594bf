"""What lies in a folder of runs: what is finished, at work, failed or left half-done, and how large it is."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rtuning_helpers.batch.state import Event, Events, at_work, is_held, run_states
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.step_folders import MANIFEST, step_lock, step_of

SEED = re.compile(r"seed\d+")
RUNNING, STALE = "running", "stale"  # whatever is being done, and whatever was when its process died
WAITING, UNFINISHED = "not finished yet", "not finished"


@dataclass
class Part:
    """The steps of a method and seed.

    Attributes:
        name: Its folder, below the one that was looked at.
        path: The same from the root on.
        steps: Its finished steps.
        at_work: Steps that a process does at this moment.
        remains: Folders that processes which died have left behind.
        size: Bytes of everything in it.
    """

    name: str
    path: Path
    steps: list[str] = field(default_factory=list)
    at_work: list[str] = field(default_factory=list)
    remains: list[Path] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True)
class Status:
    """What was found.

    Attributes:
        parts: In the order of their names.
        runs: Of the batch that works or worked here: the last thing that is known of each run; nothing if not settled.
        began: The jobs of it that were begun and did not end.
        is_at_work: Whether it is at work at this moment.
    """

    parts: list[Part]
    runs: dict[str, Event]
    began: list[str]
    is_at_work: bool

    def batch_lines(self) -> list[str]:
        """What there is to say of the batch, in lines; none without a batch."""
        if not self.runs:
            return []
        counts = Counter(event.get("state", WAITING if self.is_at_work else UNFINISHED) for event in self.runs.values())
        told = ", ".join(f"{number:,} {state}" for state, number in counts.items())
        lines = [f"Batch{' (at work)' if self.is_at_work else ''}: {len(self.runs):,} runs, {told}"]
        lines += [f"  {RUNNING if self.is_at_work else STALE}: {name}" for name in self.began]
        reasons = ((run, event) for run, event in self.runs.items() if event.get("reason"))
        return lines + [f"  {event['state']}: {run}: {event['reason']}" for run, event in reasons]


def look(folder: Path) -> Status:
    """Look at everything below a folder of runs.

    Raises:
        InputError: There is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with runs, such as runs")
    parts = [_part(folder, path) for path in _part_folders(folder)]
    events = Events(folder).read()
    runs: dict[str, Event] = {}
    for event in events:
        runs |= {run: {} for run in event.get("runs", [])}
    known = run_states(events)
    if not parts and not runs:
        raise InputError(f"{shown_path(folder)}: holds no runs; expected a folder of results, such as runs")
    jobs = {event["job"]: event.get("state") for event in events if "job" in event}
    began = [name for name, state in jobs.items() if state == RUNNING]
    return Status(parts, {run: known.get(run, {}) for run in runs}, began, at_work(folder))


def _part_folders(folder: Path) -> Iterator[Path]:
    """Folders ``<method>/seed<k>`` that hold steps, or are to."""
    for path in sorted(folder.rglob("seed*")):
        hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
        if path.is_dir() and SEED.fullmatch(path.name) and not hidden and path.parent.name != "notebooks":
            yield path


def _part(folder: Path, path: Path) -> Part:
    part = Part(path.relative_to(folder).as_posix(), path, size=size_of(path))
    if (path / MANIFEST).is_file():  # metrics/seed<k> is a step itself
        part.steps.append(path.parent.name)
    for inner in sorted(path.iterdir()):
        if (inner / MANIFEST).is_file() and not inner.name.startswith("."):
            part.steps.append(inner.name)
        if (step := step_of(inner)) and inner.is_dir():
            if is_held(step_lock(path / step)):
                part.at_work.append(step)
            else:
                part.remains.append(inner)
    return part


def size_of(path: Path) -> int:
    """Bytes of all files below a folder; those that vanish meanwhile count nothing."""
    total = 0
    for inner in path.rglob("*"):
        try:
            total += inner.lstat().st_size if inner.is_file() and not inner.is_symlink() else 0
        except OSError:
            continue
    return total


def part_words(part: Part) -> str:
    """The state of a part in words; nothing to say where its steps are finished."""
    words = [f"{RUNNING}: {step}" for step in part.at_work]
    words += [f"{STALE}: {path.name}" for path in part.remains]
    return ", ".join(words)

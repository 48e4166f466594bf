"""What a batch's folder knows of it: a lock while one is at work, and a file of events that only grows."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rtuning_helpers.errors import InputError
from rtuning_helpers.run.artifacts import shown_path

FOLDER, LOCK, LOGS, SUFFIX = "batch", "lock", "logs", ".jsonl"
EVENTS = f"events{SUFFIX}"
FINISHED, FAILED, LEFT_OUT = "finished", "failed", "left out"

Event = dict[str, Any]


class Events:
    """The file of events: ``<out>/batch/events.jsonl``, a JSON object a line, each written at once and to the disk.

    Where the disk is full, events wait in memory until there is room. A line that was cut off is passed over.

    Args:
        out: The batch's folder.
        job: Of a job that is done without a batch: its name. It has a file of its own, for machines that share a folder
            cannot append to one file safely.
    """

    def __init__(self, out: Path, job: str = "") -> None:
        self.path = out / FOLDER / (f"job-{job.replace('/', '-')}{SUFFIX}" if job else EVENTS)
        self.waiting: list[Event] = []

    def forget(self) -> None:
        """Begin anew."""
        self.path.unlink(missing_ok=True)

    def add(self, **event: Any) -> None:
        self.waiting.append({"time": round(time.time(), 3), **event})
        text = "".join(json.dumps(waiting, ensure_ascii=False) + "\n" for waiting in self.waiting)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            bytewise = getattr(os, "O_BINARY", 0)  # or Windows makes two characters of a line's end
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | bytewise, 0o644)
            try:
                size = os.fstat(handle).st_size
                begun = size > 0 and os.lseek(handle, size - 1, os.SEEK_SET) >= 0 and os.read(handle, 1) != b"\n"
                data = ("\n" * begun + text).encode("utf-8", "backslashreplace")
                if os.write(handle, data) == len(data):
                    self.waiting.clear()
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError:
            return

    def read(self) -> list[Event]:
        """All events of the folder in their order, also those of jobs that were done without a batch."""
        lines = []
        for path in (self.path.with_name(EVENTS), *self.path.parent.glob(f"job-*{SUFFIX}")):
            with suppress(OSError):
                lines += path.read_text(encoding="utf-8", errors="replace").split("\n")
        found = sorted((event for line in lines if (event := _parsed(line))), key=lambda event: event["time"])
        return [*found, *self.waiting]


def _parsed(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("time"), (int, float)) else None


@contextmanager
def batch_lock(out: Path) -> Iterator[None]:
    """Held while a batch works in its folder; the operating system frees it when the process dies.

    Raises:
        InputError: Another process holds it, or the folder cannot be written.
    """
    lock = _lock(out)
    try:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise InputError(
            f"{shown_path(out)}: another batch is at work there (`rtuning status` shows it); expected to wait for its "
            "end, or another folder (key out)"
        ) from None
    except OSError as error:
        raise InputError(f"{out}: cannot write there ({error.strerror}); expected a writable folder") from None
    try:
        yield
    finally:
        lock.release()


def at_work(out: Path) -> bool:
    """Whether a batch is at work in the folder."""
    return is_held(_lock(out))


def is_held(lock: FileLock) -> bool:
    """Whether a process holds the lock at this moment."""
    if not Path(lock.lock_file).is_file():
        return False
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError):
        return True
    lock.release()
    return False


def _lock(out: Path) -> FileLock:
    return FileLock(out / FOLDER / LOCK)


def run_states(events: list[Event]) -> dict[str, Event]:
    """The last thing that was found out of every run: ``state`` and, where it failed, ``reason``."""
    return {event["run"]: event for event in events if "run" in event and "state" in event}


def last_keys(events: list[Event]) -> dict[str, str]:
    """Of every notebook that was executed to its end: what it was made of (`plan.notebook_key`)."""
    return {event["job"]: event["key"] for event in events if event.get("key")}


def seconds_of(events: list[Event]) -> dict[str, list[float]]:
    """How long jobs took, by what they do [s]."""
    found: dict[str, list[float]] = {}
    for event in events:
        if event.get("state") == FINISHED and "seconds" in event:
            found.setdefault(event.get("what", ""), []).append(event["seconds"])
    return found

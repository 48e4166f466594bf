"""Do jobs, some at a time, each in a process of its own, whatever becomes of the others."""

import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Protocol

from rtuning_helpers.batch.plan import Job, is_made, notebook_key
from rtuning_helpers.batch.state import FAILED, FINISHED, LEFT_OUT, LOGS, Events
from rtuning_helpers.json_files import write_text
from rtuning_helpers.processes import end_group
from rtuning_helpers.progress import PROGRESS_FILE

LOOK_SECONDS = 0.1
END_SECONDS = 15.0  # to clear up in after Ctrl-C
KEPT_LINES = 400  # of what a job says
BAD_INPUT = 2  # exit status; trying again would not help
SPEAKS = "rtuning: "  # how the line begins that says what went wrong


@dataclass(frozen=True)
class Outcome:
    """What became of a job: `state.FINISHED`, `state.FAILED`, or `state.LEFT_OUT` where what it needs is missing."""

    state: str
    reason: str = ""


def run_state(outcomes: Sequence[Outcome | None]) -> str:
    """State of a run, from the outcomes of its jobs; ``""`` while it is neither finished nor failed."""
    states = {outcome.state if outcome else "" for outcome in outcomes}
    if states <= {FINISHED}:
        return FINISHED
    return FAILED if states & {FAILED, LEFT_OUT} else ""


class View(Protocol):
    """Who is told what happens."""

    def started(self, job: Job, doing: Path) -> None:
        """The job runs; the file says what it does, once it is there."""

    def ended(self, job: Job, outcome: Outcome, seconds: float) -> None:
        """It runs no longer."""

    def look(self) -> None:
        """Called again and again."""


@dataclass
class _Process:
    job: Job
    slot: int
    methods: tuple[str, ...]
    attempt: int
    process: subprocess.Popen
    doing: Path
    began: float = field(default_factory=time.monotonic)
    said: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    listener: Thread | None = None

    def listen(self) -> None:
        def read() -> None:
            for line in self.process.stdout or ():
                self.said.append(line.decode(errors="replace").rstrip())

        self.listener = Thread(target=read, daemon=True)
        self.listener.start()

    def reason(self) -> str:
        status = self.process.returncode
        if status < 0:
            return f"its process was killed ({signal.Signals(-status).name}): by somebody, or for lack of memory"
        lines = [line for line in self.said if line.strip()]
        told = [line.split(": ", 2)[-1] for line in lines if line.startswith(SPEAKS)]
        return (told or lines or [f"exit status {status}"])[-1]


class Scheduler:
    """Does the jobs that are not finished.

    Args:
        jobs: All jobs of the batch by name, in an order in which they can be done.
        outcomes: What is known beforehand: finished jobs, and those that are not to be done.
        keys: Of notebooks whose results are there: what they were made of (`plan.notebook_key`); they are not executed
            again where that has not changed.
        command: The process that does a job; what to do (`Job.order`) is its last argument.
        events: Where it is recorded.
        view: Who is told.
        slots: The environment of each job that runs at the same time, beyond this process's own.
        retry: How often a job that failed is tried again.
        keep_going: Whether others go on where one has failed.
    """

    def __init__(
        self, jobs: Mapping[str, Job], outcomes: Mapping[str, Outcome], command: Sequence[str], events: Events,
        view: View, slots: Sequence[Mapping[str, str]], keys: Mapping[str, str], retry: int = 0,
        keep_going: bool = True,
    ) -> None:  # fmt: skip
        self.jobs, self.outcomes, self.command = jobs, dict(outcomes), list(command)
        self.events, self.view, self.slots, self.retry, self.keep_going = events, view, slots, retry, keep_going
        self.at_work: list[_Process] = []
        self.keys = keys
        self.attempts: dict[str, int] = {}

    def run(self) -> dict[str, Outcome]:
        """Do them all; jobs without an outcome in the result were not begun.

        Ctrl-C ends all processes, and each clears up behind itself.
        """
        with tempfile.TemporaryDirectory(prefix="rtuning-batch-") as scratch:
            try:
                while self._begin_what_can(Path(scratch)) or self.at_work:
                    time.sleep(LOOK_SECONDS)
                    self._take_what_ended()
                    self.view.look()
            finally:
                self._end_all()
        return self.outcomes

    def _begin_what_can(self, scratch: Path) -> bool:
        """Begin jobs while there is room; whether one was begun or settled."""
        if not self.keep_going and any(outcome.state == FAILED for outcome in self.outcomes.values()):
            return False
        moved = False
        for name, job in self.jobs.items():
            busy = {process.slot for process in self.at_work}
            free = [slot for slot in range(len(self.slots)) if slot not in busy]
            if not free:
                break
            if name in self.outcomes or any(process.job.name == name for process in self.at_work):
                continue
            if any(other not in self.outcomes for other in (*job.needs, *job.after, *job.one_of.values())):
                continue
            methods = tuple(m for m in job.methods if m not in job.one_of or self._done(job.one_of[m]))
            lacking = [other for other in job.needs if not self._done(other)]
            if job.one_of and not methods:
                lacking += job.one_of.values()
            moved = True
            if lacking:
                self.outcomes[name] = Outcome(LEFT_OUT, f"needs {lacking[0]}, which is not finished")
            elif job.notebook and is_made(job, methods, self.jobs, self.keys):
                self.outcomes[name] = Outcome(FINISHED)
            else:
                self._begin(job, free[0], methods, scratch)
        return moved

    def _done(self, name: str) -> bool:
        return self.outcomes[name].state == FINISHED

    def _begin(self, job: Job, slot: int, methods: tuple[str, ...], scratch: Path) -> None:
        attempt = self.attempts[job.name] = self.attempts.get(job.name, 0) + 1
        doing = scratch / f"{slot}-{time.monotonic_ns()}"
        environment = {**os.environ, **self.slots[slot], PROGRESS_FILE: str(doing)}
        try:
            process = subprocess.Popen(
                [*self.command, str(os.getpid()), job.order(methods)], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self.outcomes[job.name] = Outcome(FAILED, f"cannot be started: {error.strerror}")
            return
        begun = _Process(job, slot, methods, attempt, process, doing)
        begun.listen()
        self.at_work.append(begun)
        self.events.add(job=job.name, what=job.what, state="running", pid=process.pid, attempt=attempt)
        self.view.started(job, doing)

    def _take_what_ended(self) -> None:
        for ended in [process for process in self.at_work if process.process.poll() is not None]:
            if ended.listener:
                ended.listener.join(timeout=1.0)  # a process of its own may hold the pipe still
            self.at_work.remove(ended)
            seconds, status, job = time.monotonic() - ended.began, ended.process.returncode, ended.job
            outcome = Outcome(FINISHED) if status == 0 else Outcome(FAILED, ended.reason())
            told = {"state": outcome.state, "seconds": round(seconds, 1)}
            if status == 0:
                told |= {"key": notebook_key(job, ended.methods, self.jobs)} if job.notebook else {}
            else:
                told |= {"reason": outcome.reason}
                self._keep_words(ended)
            self.events.add(job=job.name, what=job.what, **told)
            self.view.ended(job, outcome, seconds)
            if status in (0, BAD_INPUT) or ended.attempt > self.retry:
                self.outcomes[job.name] = outcome

    def _keep_words(self, ended: _Process) -> None:
        folder = self.events.path.parent / LOGS
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / f"{ended.job.name.replace('/', '-')}.log", "\n".join(ended.said) + "\n")

    def _end_all(self) -> None:
        for number in (signal.SIGINT, getattr(signal, "SIGKILL", signal.SIGTERM)):  # Windows has no SIGKILL
            for process in self.at_work:
                end_group(process.process, number)
            for process in self.at_work:
                with suppress(subprocess.TimeoutExpired):
                    process.process.wait(END_SECONDS)
            self.at_work = [process for process in self.at_work if process.process.returncode is None]

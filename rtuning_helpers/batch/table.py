"""What a batch shows while it runs: a table in a terminal, else a line for each job."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import mean

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rtuning_helpers.batch.plan import Job
from rtuning_helpers.batch.scheduler import Outcome, run_state
from rtuning_helpers.batch.state import FAILED, FINISHED

SHOWN_FAILURES = 5
TOLD_SECONDS = 60  # of silence, at most, where the output is not a terminal


class LiveTable:
    """A `scheduler.View`: jobs and runs by state, time left, what is being done, what failed.

    Args:
        console: Where it stands.
        jobs: All jobs of the batch.
        outcomes: What is known beforehand.
        known: How long jobs took before, by what they do [s].
        at_once: Jobs that run at the same time.
    """

    def __init__(
        self,
        console: Console,
        jobs: Mapping[str, Job],
        outcomes: Mapping[str, Outcome],
        known: Mapping[str, Sequence[float]],
        at_once: int,
    ) -> None:
        self.console, self.jobs, self.outcomes, self.at_once = console, jobs, dict(outcomes), at_once
        self.jobs_of_run: dict[str, list[str]] = {}
        for name, job in jobs.items():
            for run in job.runs:
                self.jobs_of_run.setdefault(run, []).append(name)
        self.runs = self._count_runs()
        self.took = {what: list(seconds) for what, seconds in known.items()}
        self.running: dict[str, tuple[float, Path]] = {}
        self.failures: list[str] = []
        self.told = time.monotonic()
        self.live = Live(console=console, transient=True, refresh_per_second=2) if console.is_terminal else None

    def __enter__(self) -> "LiveTable":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.stop()

    def started(self, job: Job, doing: Path) -> None:
        self.outcomes.pop(job.name, None)  # of an earlier attempt
        self.running[job.name] = (time.monotonic(), doing)

    def ended(self, job: Job, outcome: Outcome, seconds: float) -> None:
        del self.running[job.name]
        self.outcomes[job.name] = outcome
        self.runs = self._count_runs()
        self.told = time.monotonic()
        if outcome.state == FINISHED:
            self.took.setdefault(job.what, []).append(seconds)
        else:
            self.failures.append(f"{job.name}: {outcome.reason}")
        if not self.live:
            reason = f": {outcome.reason}" if outcome.reason else f", {in_words(seconds)}"
            self._print(f"{job.name} {outcome.state}{reason}; {self._left()}")

    def look(self) -> None:
        if self.live:
            self.live.update(self._table())
        elif time.monotonic() - self.told >= TOLD_SECONDS:
            self.told = time.monotonic()
            self._print("; ".join(f"{name}: {self._doing(path)}" for name, (_, path) in self.running.items()))

    def _print(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, markup=False)

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2, 0, 0))
        for name, (began, path) in self.running.items():
            table.add_row("  running", escape(name), in_words(time.monotonic() - began), escape(self._doing(path)))
        failed = [Text(f"  failed   {line}", style="red", no_wrap=True, overflow="ellipsis") for line in self.failures]
        more = [Text(f"  and {len(failed) - SHOWN_FAILURES} failures before")] if len(failed) > SHOWN_FAILURES else []
        return Group(Text(self._left(), style="bold"), table, *more, *failed[-SHOWN_FAILURES:])

    def _doing(self, path: Path) -> str:
        with suppress(OSError):
            return "; ".join(path.read_text(encoding="utf-8").splitlines())
        return ""

    def _left(self) -> str:
        waiting = [job for name, job in self.jobs.items() if name not in self.outcomes]
        runs = f"{self.runs[FINISHED]} of {sum(self.runs.values())} runs finished, {self.runs[FAILED]} failed"
        text = f"{runs}; {len(waiting)} jobs to do"
        if self.took and waiting:
            usual = mean(seconds for took in self.took.values() for seconds in took)
            seconds = sum(mean(self.took.get(job.what) or [usual]) for job in waiting)
            seconds -= sum(time.monotonic() - began for began, _ in self.running.values())
            text += f", about {in_words(max(seconds, 1) / self.at_once)} left"
        return text

    def _count_runs(self) -> Counter[str]:
        return Counter(run_state([self.outcomes.get(name) for name in names]) for names in self.jobs_of_run.values())


def in_words(seconds: float) -> str:
    """Seconds as people read them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"

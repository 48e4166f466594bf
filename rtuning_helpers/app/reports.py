"""What the ``rtuning`` command shows: tables, and progress that also reads well in a log file."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.table import Table
from rich.text import Text

from rtuning_helpers.experiments.findings import ENOUGH, FAILS, HOLDS, NOTE, TOO_FEW
from rtuning_helpers.json_files import excerpt
from rtuning_helpers.tuning.registry import method_label

if TYPE_CHECKING:
    from pandas import DataFrame

    from rtuning_helpers.app.doctor import Finding
    from rtuning_helpers.app.notebook_runs import Progress as NotebookProgress
    from rtuning_helpers.data.questions import Question
    from rtuning_helpers.experiments.recording import Recording

LOG_SECONDS = 15  # of silence, at most, where the output is not a terminal
SHOWN_FINDINGS = 5
MISSING = "-"  # the number does not exist; never shown as 0
LOG_WIDTH = 110  # columns where the output is not a terminal
WIDE = 96  # columns from which intervals and the fourth digit have room
LIST_WIDTH = 160  # columns of what has long cells, where the output is not a terminal
LONG_CELLS = 130  # columns from which these have room side by side
AP_COLUMNS = {"ap_answer": "AP\nanswer", "ap_sure": "AP\nsure", "ap_mixed": "AP\nmixed"}
RATE_COLUMNS = {"answer_rate": "answer\nrate", "willing_accuracy": "willing\nacc."}
CAPTION = (
    "95 %: interval of the rightmost AP that has a number. A random ranking has an AP equal to the accuracy (acc.). "
    "Willing acc.: accuracy of the answered questions."
)


def unreachable_notes(questions: Sequence["Question"]) -> list[str]:
    """A remark on the questions that no answer gets right, if there are any."""
    from rtuning_helpers.data.matching import unreachable

    found = unreachable(questions)
    return [
        f"{len(found):,} of {len(questions):,} questions can never be answered right, as an answer ends at the full "
        f"stop or line break inside their gold answer, such as {excerpt(first.answer)}"
        for first in found[:1]
    ]


def new_console(width: int = LOG_WIDTH) -> Console:
    """Standard output; so wide where it is a file or a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=width)


def new_table(words: Iterable[str], numbers: Iterable[str] = (), **options: Any) -> Table:
    """A table whose first columns hold words, and the others numbers; options of `rich.table.Table`."""
    table = Table(**dict[str, Any](box=box.SIMPLE_HEAD, caption_justify="left") | options)
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def long_rows(headings: Sequence[str], rows: Iterable[Sequence[str]], named_by: int, **options: Any) -> RenderableType:
    """Rows with long cells: a table where the console is wide, else a few lines for each row.

    Args:
        headings: Of the columns.
        rows: The cells.
        named_by: The first so many cells say what a row is about.
        options: ``title`` and ``caption``.
    """
    if new_console(LIST_WIDTH).width >= LONG_CELLS:
        table = new_table(headings, padding=(0, 1, 0, 0), **options)
        for row in rows:
            table.add_row(*map(escape, row))
        return table
    parts: list[RenderableType] = [options["title"], ""] if "title" in options else []
    for row in rows:
        lines = Table.grid(padding=(0, 2, 0, 0))
        lines.add_column(no_wrap=True)
        lines.add_column()
        for heading, cell in zip(headings[named_by:], row[named_by:], strict=True):
            lines.add_row(heading, escape(cell.replace("\n", ", ")))
        parts += [f"[bold]{escape(', '.join(row[:named_by]))}[/bold]", Padding(lines, (0, 0, 0, 2))]
    return Group(*parts, "", options.get("caption", ""))


def metrics_table(metrics: Mapping) -> Table:
    """The content of ``metrics.json``: a row for each method and split."""
    title = f"{metrics['dataset']}, {metrics['model']}, seed {metrics['seed']}"
    if metrics.get("tuned_on", metrics["dataset"]) != metrics["dataset"]:
        title += f", tuned on {metrics['tuned_on']}"
    if "style" in metrics:
        title += f", style {metrics['style']}"
    return _rates_table(title, metrics["rows"])


def findings_lines(printed: Sequence[tuple[str, str, str]]) -> list[str]:
    """What became of the findings of a run's notebooks (`notebook_runs.printed_findings`), in a few lines."""
    kinds = Counter(kind for _, kind, _ in printed)
    notes = dict.fromkeys(f"Note: {text}" for _, kind, text in printed if kind == NOTE)
    words = {HOLDS: ("holds", "hold"), FAILS: ("does not hold", "do not hold")}
    words[TOO_FEW] = ("stands on too few questions to tell", "stand on too few questions to tell")
    counts = [f"{kinds[kind]} {forms[kinds[kind] > 1]}" for kind, forms in words.items() if kinds[kind]]
    few = f" (fewer than {ENOUGH} each)" if kinds[TOO_FEW] else ""
    failed = [f"  does not hold: {text} ({notebook})" for notebook, kind, text in printed if kind == FAILS]
    more = [f"  and {len(failed) - SHOWN_FINDINGS} others"] if len(failed) > SHOWN_FINDINGS else []
    summary = [f"Findings of the notebooks: {', '.join(counts)}{few}"] if counts else []
    return [*notes, *summary, *failed[:SHOWN_FINDINGS], *more]


def score_table(rows: Sequence[Mapping]) -> Table:
    """The rows of `rtuning_helpers.paper.recorded.score_files`."""
    return _rates_table("recorded predictions", rows, digits=4)


def all_metrics_table(rows: Sequence[Mapping]) -> Table:
    """Every number of `rtuning_helpers.paper.recorded.score_files` that has an interval, a line a metric."""
    headings = [f"{method_label(row['method'])}\n{row['split']}" for row in rows]
    table = new_table(["metric"], headings, title="all metrics, with 95 % intervals", padding=(0, 1, 0, 0))
    names = [name for name in rows[0] if f"{name}_ci95" in rows[0] and any(row[name] is not None for row in rows)]
    for name in names:
        cells = [
            MISSING if row[name] is None else "{} [{}, {}]".format(*(number(v, 4) for v in (row[name], *row[ci])))
            for row in rows
            for ci in (f"{name}_ci95",)
        ]
        table.add_row(name, *cells)
    return table


def _rates_table(title: str, rows: Sequence[Mapping], digits: int = 3) -> Table:
    wide = new_console().width >= WIDE
    digits = digits if wide else 3
    table = new_table(["\nmethod", "\nsplit"], title=title, caption=CAPTION if wide else None, padding=(0, 1, 0, 0))
    for column in table.columns:
        column.no_wrap = True
    for heading in ("\nn", "\nacc.", *AP_COLUMNS.values(), *(["\n95 %"] if wide else []), *RATE_COLUMNS.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        best = next((name for name in reversed(AP_COLUMNS) if row.get(name) is not None), "")
        interval = row.get(f"{best}_ci95")
        shown = "-".join(number(bound, digits) for bound in interval) if interval else MISSING
        table.add_row(
            method_label(row["method"]),
            row["split"],
            f"{row['n']:,}",
            number(row["accuracy"], digits),
            *(number(row.get(name), digits) for name in AP_COLUMNS),
            *([shown] if wide else []),
            *(number(row.get(name), digits) for name in RATE_COLUMNS),
        )
    return table


def knowledge_table(knowledge: Mapping[str, Sequence[Mapping]]) -> Table:
    """Right answers by exposure, a column for each split."""
    title = "right answers by exposure, % (95 % interval), n"
    table = new_table(["exposure"], knowledge, title=title, box=box.SIMPLE)
    cells = {
        (row["exposure"], split): "{rate:.1%} ({low:.1%} to {high:.1%}) {n:,}".format(**row).replace("%", "")
        for split, rows in knowledge.items()
        for row in rows
    }
    for exposure in dict.fromkeys(label for label, _ in cells):
        table.add_row(exposure, *(cells.get((exposure, split), MISSING) for split in knowledge))
    return table


def readability_table(rows: Sequence[Mapping]) -> Table:
    """The best layer and the answer confidence of `miniworld.readability`, a column for each split."""
    from rtuning_helpers.miniworld.readability import summary

    caption = "A linear probe on the hidden state at the question's end. read: at least 16 documents, against none."
    splits = list(dict.fromkeys(row["split"] for row in rows))
    table = new_table(["told", "by"], splits, title="how readable it is (AUROC)", caption=caption, box=box.SIMPLE)
    for row in summary(rows):
        table.add_row(row["target"], row["reader"], *(number(row.get(split)) for split in splits))
    return table


def ledger_table(name: str, rows: "DataFrame") -> RenderableType:
    """The rows of `rtuning_helpers.paper.ledger.compare`."""
    caption = (
        "Percent, but for perplexity, entropy (nats) and ECE. Brackets: 95 % interval. This kit: the mean over the "
        "seeds, and the profile it was measured on."
    )
    cells, cell = list(rows.itertuples(index=False)), list(rows.columns).index("paper")
    return long_rows(list(rows.columns), cells, cell, title=f"Table {name} of the paper", caption=caption)


def recordings_table(recordings: Mapping[str, "Recording"]) -> Table:
    """Name, file, notebook and recorded seeds of every recording."""
    table = new_table(["name", "file", "notebook", "seeds recorded"])
    for name, recording in recordings.items():
        seeds = ", ".join(map(str, recording.seeds())) or "-"
        table.add_row(name, f"results/{recording.file}", recording.notebook or "-", seeds)
    return table


def doctor_table(found: Sequence["Finding"]) -> Table:
    """What ``rtuning doctor`` found."""
    table = Table(box=box.SIMPLE, show_header=False)
    for finding in found:
        word = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[finding.ok]
        table.add_row(finding.name, word, escape(finding.detail))
    return table


def number(value: float | None, digits: int = 3) -> str:
    """A number for people, or a dash where it does not exist."""
    return MISSING if value is None else f"{value:.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds as people read them."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def training(record: Mapping) -> str:
    """What the training of a mini model took and came to."""
    return f"{duration(record['seconds'])} of training, final loss {record['final_loss_nats']:.3f} nats per token"


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner on standard error while something takes seconds; nothing where that is not a terminal."""
    console = Console(stderr=True)
    with console.status(what) if console.is_terminal else nullcontext():
        yield


@contextmanager
def notebook_progress(console: Console) -> Iterator["NotebookProgress"]:
    """A callback for `rtuning_helpers.app.notebook_runs`.

    A bar in a terminal, and below it what the running cell does; else a line for each notebook, and one every
    `LOG_SECONDS` while it runs.
    """
    started: dict[str, float] = {}
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=16), MofNCompleteColumn()]
    columns += [TimeElapsedColumn(), TextColumn("{task.fields[heading]}", style="dim")]
    bar, tasks, below, told = Progress(*columns, console=console), {}, Text(style="dim"), time.monotonic()

    def report(notebook: str, heading: str, done: int, cells: int, doing: str = "") -> None:
        nonlocal told
        if notebook not in started:
            started[notebook] = told = time.monotonic()
            tasks[notebook] = bar.add_task(notebook, total=cells, heading="")
        bar.update(tasks[notebook], completed=done, total=cells, heading=escape(heading[:40]))
        below.plain = "\n".join(f"  {line}" for line in doing.splitlines())
        if done == cells:
            bar.remove_task(tasks[notebook])
            took = duration(time.monotonic() - started.pop(notebook))
            console.print(f"{notebook}  {took}", soft_wrap=True)
        elif not console.is_terminal and time.monotonic() - told >= LOG_SECONDS:
            told = time.monotonic()
            console.print(f"  {escape('; '.join(doing.splitlines()) or heading)}", soft_wrap=True)

    with Live(Group(bar, below), console=console, transient=True) if console.is_terminal else nullcontext():
        yield report


@contextmanager
def training_progress(console: Console) -> Iterator[Callable[[int, int, float], None]]:
    """A callback for pretraining: a bar in a terminal, else a line for each tenth of the way."""
    columns = [TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}")]
    columns += [TimeElapsedColumn(), TimeLeftColumn()]
    bar = Progress(*columns, console=console, disable=not console.is_terminal)
    task = bar.add_task("", total=None, loss="")

    def report(step: int, steps: int, loss: float) -> None:
        bar.update(task, completed=step, total=steps, loss=f"loss {loss:.3f}")
        if bar.disable and (step == steps or step % max(steps // 10, 1) == 0):
            console.print(f"step {step:,} of {steps:,}, loss {loss:.3f}")

    with bar:
        yield report

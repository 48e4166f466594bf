"""What has to be done for the runs of a grid: jobs, each a process, and what each of them waits for.

The heavy steps come first, each once however many runs need it; the notebooks, which then read what is there, follow.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rtuning_helpers.batch.grid import Grid, Group
from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.run.artifacts import StepMissing, only_looking, results_folder, step_folder
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.step_folders import MANIFEST
from rtuning_helpers.tuning.registry import PRETRAINED, find_method

PROBE, UNCERTAINTY = "probe", "uncertainty"
METHODS = "methods"  # in the table below: every method of the group, that is its tuning and its answers
# What is done before a notebook of the main line, by the number its name begins with. The others make what they need.
READS = {
    "01": (PROBE,),
    "02": (PROBE, UNCERTAINTY),
    "03": (PROBE, UNCERTAINTY),
    "04": (PROBE, METHODS),
    "05": (PROBE, PRETRAINED, METHODS),
}
SCORES = "05"  # the notebook that writes metrics.json


@dataclass(frozen=True)
class Job:
    """One process of a batch: a step, or a notebook.

    Attributes:
        name: What it is called in the batch's files.
        what: ``"probe"``, ``"uncertainty"``, a method or ``"pretrained"`` (tuning and answers), or a notebook's name.
        config: The settings of the run.
        runs: The runs that need it.
        needs: Jobs that must have succeeded.
        after: Jobs that must have ended.
        one_of: Of a notebook that compares methods: method -> its job; it is executed with those that succeeded.
        folder: Of a step: its result.
        notebook: Of a notebook: the source.
        target: Of a notebook: where the executed one belongs.
        methods: Of a notebook: all methods of its group.
        extra: Of a notebook: parameters that are no settings of the run.
    """

    name: str
    what: str
    config: RunConfig
    runs: tuple[str, ...]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    one_of: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    notebook: Path | None = None
    target: Path | None = None
    methods: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def order(self, methods: Sequence[str]) -> str:
        """What the process that does it is told, as JSON."""
        paths = {
            name: None if path is None else str(path)
            for name, path in (("notebook", self.notebook), ("target", self.target))
        }
        told = {
            "name": self.name,
            "what": self.what,
            "config": asdict(self.config),
            "methods": list(methods),
            "extra": dict(self.extra),
        }
        return json.dumps({**told, **paths})


def plan(grid: Grid, notebooks: Mapping[str, Path]) -> dict[str, Job]:
    """The jobs of a grid by name, in an order in which they can be done.

    Args:
        notebooks: Where the notebooks lie.
    """
    jobs: dict[str, Job] = {}
    for group in grid.groups:
        for job in (*_steps(grid, group), *_notebooks(grid, group, notebooks)):
            known = jobs.get(job.name)
            jobs[job.name] = job if known is None else replace(known, runs=(*known.runs, *job.runs))
    return _one_tuning_at_a_time(jobs)


def _steps(grid: Grid, group: Group) -> list[Job]:
    read = {what for notebook in grid.notebooks for what in READS.get(notebook[:2], ())}
    tuning, everyone, found = group.config.tuning, group.runs, list[Job]()
    base = replace(group, config=tuning).name
    unsure = [method for method in group.methods if UNCERTAINTY in find_method(method).needs]
    if PROBE in read:
        folder = step_folder(tuning, PRETRAINED, "probe-train")
        found.append(Job(f"{base}/{PROBE}", PROBE, tuning, everyone, folder=folder))
    if UNCERTAINTY in read or (METHODS in read and unsure):
        users = everyone if UNCERTAINTY in read else tuple(map(group.run, unsure))
        folder = step_folder(tuning, PRETRAINED, UNCERTAINTY)
        found.append(Job(f"{base}/{UNCERTAINTY}", UNCERTAINTY, tuning, users, (f"{base}/{PROBE}",), folder=folder))
    if PRETRAINED in read:
        folder = step_folder(group.config, PRETRAINED, "predictions")
        found.append(Job(f"{group.name}/{PRETRAINED}", PRETRAINED, group.config, everyone, folder=folder))
    for method in group.methods if METHODS in read else ():
        needs = (f"{base}/{PROBE}", *([f"{base}/{UNCERTAINTY}"] if method in unsure else []))
        folder = step_folder(group.config, method, "predictions")
        found.append(Job(f"{group.name}/{method}", method, group.config, (group.run(method),), needs, folder=folder))
    return found


def _notebooks(grid: Grid, group: Group, notebooks: Mapping[str, Path]) -> list[Job]:
    base, folder = replace(group, config=group.config.tuning).name, results_folder(group.config)
    found: list[Job] = []
    for name in grid.notebooks:
        reads = READS.get(name[:2])
        if reads is None:
            needs, one_of = tuple[str, ...](), dict[str, str]()
        else:
            places = {PROBE: base, UNCERTAINTY: base, PRETRAINED: group.name}
            needs = tuple(f"{places[what]}/{what}" for what in reads if what != METHODS)
            one_of = {method: f"{group.name}/{method}" for method in group.methods} if METHODS in reads else {}
        found.append(
            Job(
                f"{group.name}/{name}", name, group.config, group.runs, needs, one_of=one_of, notebook=notebooks[name],
                target=folder / "notebooks" / f"seed{group.config.seed}" / f"{name}.ipynb", methods=group.methods,
                extra=group.extra, after=() if reads else tuple(job.name for job in found),
            )
        )  # fmt: skip
    return found


def _one_tuning_at_a_time(jobs: Mapping[str, Job]) -> dict[str, Job]:
    """Where several data sets are asked to one tuned model, the first job tunes it, and the others come after."""
    first: dict[Path, str] = {}
    found = {}
    for name, job in jobs.items():
        if job.folder is not None and job.what not in (PROBE, UNCERTAINTY, PRETRAINED):
            tuner = first.setdefault(step_folder(job.config.tuning, job.what, "tuning"), name)
            job = job if tuner == name else replace(job, after=(tuner,))
        found[name] = job
    return found


def do_step(what: str, config: RunConfig, tune: Any = None) -> Path:
    """Do a step, or take it as it is if it is finished.

    Args:
        what: As in `Job`.
        tune: What tunes in the place of `finetuning.finetune`.

    Returns:
        Its folder.
    """
    from rtuning_helpers import steps  # here, because its libraries take seconds

    if what == PROBE:
        return steps.probe_step(config)
    if what == UNCERTAINTY:
        return steps.uncertainty_step(config)
    if tune is not None and what != PRETRAINED:
        steps.tuning_step(config, what, tune=tune)
    return steps.prediction_step(config, what)


def finished_steps(jobs: Iterable[Job]) -> set[str]:
    """The names of those jobs whose result is there, by its manifest; of notebooks those whose metrics are.

    Nothing is done, but the libraries of models are imported.
    """
    from rtuning_helpers import steps

    found = set()
    for job in jobs:
        try:
            with only_looking():
                if job.folder is not None:
                    if not (job.folder / MANIFEST).is_file():
                        continue
                    do_step(job.what, job.config)
                elif job.what.startswith(SCORES):
                    steps.metrics_step(job.config, job.methods)
            found.add(job.name)
        except (StepMissing, OSError):  # a cleaned folder lacks what a later step's key is made of
            continue
    return found


def notebook_key(job: Job, methods: Sequence[str], jobs: Mapping[str, Job]) -> str | None:
    """What an executed notebook is made of: source, parameters and the steps it reads; None if one is missing."""
    read = [*job.needs, *(job.one_of[method] for method in methods if method in job.one_of)]
    try:
        parts = [job.notebook and file_sha256(job.notebook), job.order(methods)]
        parts += [file_sha256(folder / MANIFEST) for name in read if (folder := jobs[name].folder)]
    except OSError:
        return None
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def is_made(job: Job, methods: Sequence[str], jobs: Mapping[str, Job], keys: Mapping[str, str]) -> bool:
    """Whether a notebook was executed with these methods and what the steps hold now.

    Args:
        keys: What each was made of the last time, by the job's name.
    """
    return bool(job.target and job.target.is_file()) and keys.get(job.name, "") == notebook_key(job, methods, jobs)

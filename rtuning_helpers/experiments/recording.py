"""What is measured over several seeds: written to ``results/``, shipped with the kit, and read again by a notebook."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rtuning_helpers.data.registry import find_dataset
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_json, write_text
from rtuning_helpers.model.model_files import model_revision
from rtuning_helpers.run.profiles import RunConfig, default_out

Parts = dict[str, list[dict]]
"""Named lists of rows, each row with its ``seed``."""


@dataclass(frozen=True)
class Recording:
    """One measurement over seeds and the file that keeps it.

    Attributes:
        file: The file, below ``results/``.
        notebook: Number of the notebook that reads it; "" if only people do.
        measure: What measures one run.
        runs: The runs that are measured for each seed; the first is the one whose reader gets the recording.
        after: What else is written from the measured runs.
    """

    file: str
    notebook: str
    measure: Callable[[RunConfig], Parts]
    runs: tuple[RunConfig, ...] = (RunConfig(),)
    after: Callable[[Sequence[RunConfig]], None] | None = None

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return default_out() / "results" / self.file

    @property
    def subject(self) -> str:
        """Which run is recorded, in words."""
        own = self.runs[0]
        model = "the profile's own model" if own.model is None else f"model {own.model} in style {own.style}"
        part = "the whole" if own.limit is None else f"{own.limit} questions a split"
        return f"{part} of data set {own.dataset!r} and {model}"

    @property
    def needs_data_dir(self) -> bool:
        """Whether whoever measures again has to say where the data set's files lie."""
        own = self.runs[0]
        return own.data_dir is None and find_dataset(own.dataset).needs_data_dir

    def content(self) -> Parts:
        """All that is recorded, whatever it belongs to; nothing where there is no file."""
        recorded = read_json(self.path) if self.path.is_file() else {}
        return {name: rows for name, rows in recorded.items() if name != "model_revisions"}

    def seeds(self) -> list[int]:
        """The seeds recorded."""
        return sorted({row["seed"] for rows in self.content().values() for row in rows})

    def mismatch(self, config: RunConfig) -> str | None:
        """Why the recording does not belong to a run: other data or settings, no file, another model; None if it does.

        Args:
            config: The run; its seed and its folders for results and for data that everyone has elsewhere do not count.
        """
        own = self.runs[0]
        data_dir = own.data_dir if self.needs_data_dir else config.data_dir
        if replace(config, seed=own.seed, out=own.out, data_dir=data_dir) != own:
            return f"results/{self.file} is about {self.subject}"
        if not self.path.is_file():
            return f"there is no results/{self.file}"
        if read_json(self.path)["model_revisions"] != self._model_revisions():
            return f"results/{self.file} was measured with other weights; `rtuning record` measures again"
        return None

    def read(self, config: RunConfig) -> Parts | None:
        """What is recorded for a run's model and data, over all seeds; None, with the reason printed, if nothing is."""
        if reason := self.mismatch(config):
            print(f"No recording over seeds for this run: {reason}.")
            return None
        return self.content()

    def record(
        self, seeds: Sequence[int], out: str, tell: Callable[[str], None] = print, data_dir: str | None = None
    ) -> None:
        """Measure and write; finished steps are reused, and the rows of other seeds stay if they are of the same model.

        Args:
            seeds: Which seeds; after each the file is written.
            out: Folder for the runs.
            tell: Called with a line for each run that is measured.
            data_dir: Folder with the data set's files, where it `needs_data_dir`.

        Raises:
            InputError: It needs a folder and none is given, or the other way round.
        """
        if self.needs_data_dir != (data_dir is not None):
            expected = (
                "a folder with its files" if self.needs_data_dir else "none, for the data are the recording's own"
            )
            raise InputError(f"parameter data_dir {data_dir} for data set {self.runs[0].dataset}; expected {expected}")
        runs = [run if data_dir is None else replace(run, data_dir=data_dir) for run in self.runs]
        configs = []
        for seed in seeds:
            new: Parts = {}
            for run in runs:
                configs.append(replace(run, seed=seed, out=out))
                tell(f"seed {seed}, tuned on {run.tuned_on}: measuring")
                for name, rows in self.measure(configs[-1]).items():
                    new.setdefault(name, []).extend(rows)
            old = {} if self.mismatch(self.runs[0]) else self.content()
            kept = {name: [row for row in old.get(name, []) if row["seed"] != seed] for name in new}
            self.write({name: kept[name] + rows for name, rows in new.items()})
        if self.after is not None:
            self.after(configs)

    def write(self, parts: Parts) -> None:
        """Write all rows, a line each, ordered by seed; atomically."""
        entries = [f'"model_revisions": {json.dumps(self._model_revisions())}']
        for name, rows in parts.items():
            lines = (json.dumps(row, allow_nan=False) for row in sorted(rows, key=lambda row: row["seed"]))
            entries.append(f'"{name}": [\n' + ",\n".join(lines) + "\n]")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, "{" + ",\n".join(entries) + "}\n")

    def _model_revisions(self) -> dict[str, str]:
        names = dict.fromkeys(run.settings.model for run in self.runs)
        return {Path(name).name: model_revision(name) for name in names}

"""What can be seen to before the first kernel of a run starts.

The quick checks come first, and what takes seconds to import is imported behind them.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rtuning_helpers.app.reports import unreachable_notes
from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.data.registry import find_dataset
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import verify_checksums
from rtuning_helpers.model.model_files import model_location, shipped_folder
from rtuning_helpers.run.artifacts import check_writable
from rtuning_helpers.run.loaded_questions import check_tuned_on, evaluation_splits, loaded_questions
from rtuning_helpers.run.profiles import AUTO, MIXTURE, PLAIN, RunConfig, check_machine, device_notes
from rtuning_helpers.run.run_questions import fitted
from rtuning_helpers.run.step_folders import MANIFEST
from rtuning_helpers.tuning.registry import paper_methods


def check_run(config: RunConfig, notebooks: Sequence[Path] | None = None) -> list[str]:
    """See to the run's data, folder, machine, model, notebooks and style.

    Args:
        config: The run.
        notebooks: Those that it executes; by default the main line.

    Returns:
        What its user should know of the questions and the model, a line each.

    Raises:
        InputError: Something does not fit.
        NotebookFailed: A notebook lacks a parameter that the run sets.
    """
    check_tuned_on(config)
    named = [config.dataset] if config.tune_on in (None, MIXTURE) else [config.dataset, config.tune_on]
    if config.data_dir is not None and not any(find_dataset(name).reads_folder for name in named):
        raise InputError(f"--data-dir: --dataset {config.dataset} reads no files; expected another --dataset with it")
    splits = (TRAIN, *evaluation_splits(config))
    notes = [f"{split}: {note}" for split in splits for note in unreachable_notes(loaded_questions(config, split))]
    check_writable(config)
    location = Path(model_location(config.settings.model))
    if location.is_dir():
        verify_checksums(location)
        _check_weights(location)
    check_machine(config)
    notes += device_notes(config)

    from rtuning_helpers.app.notebook_runs import choose_parameters, find_notebooks

    for notebook in find_notebooks() if notebooks is None else notebooks:
        choose_parameters(notebook, config, paper_methods(), False)

    from rtuning_helpers.model.language_model import load_tokenizer

    settings = config.settings
    load_tokenizer(settings.model, settings.revision)
    if config.style not in (PLAIN, AUTO):
        for split in splits:
            fitted(config, split)
    if shipped_folder(settings.model) is None:
        from rtuning_helpers.app.model_report import check_adapter, check_model

        check_adapter(config)
        notes += check_model(config)
        _check_loads(settings.model, settings.revision, settings.dtype, settings.four_bit)
    return notes


def time_notes(config: RunConfig, methods: Sequence[str], force: bool) -> list[str]:
    """About how long a run will take, if it is one on a CPU that is not done yet, with a model of the user's.

    Args:
        config: The run, checked.
        methods: What it tunes by.
        force: Whether it does again what is finished.
    """
    if shipped_folder(config.settings.model):  # the README says how long that takes
        return []

    from rtuning_helpers.app.time_estimate import estimate_time
    from rtuning_helpers.model.device import default_device
    from rtuning_helpers.steps import metrics_folder

    if default_device().type != "cpu" or (not force and (metrics_folder(config) / MANIFEST).is_file()):
        return []
    return [f"time: {estimate_time(config, methods)}; what is finished already is not done again"]


@cache  # runs that differ in other things share it
def _check_loads(model: str, revision: str | None, dtype: str, four_bit: bool) -> None:
    from rtuning_helpers.model.language_model import load_language_model

    load_language_model(model, revision=revision, dtype=dtype, four_bit=four_bit)


def _check_weights(folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "np"):
                pass
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: no whole safetensors file ({error}); expected the model's weights") from None

"""The questions of a run's data set, as they are there, and whether it can be tuned on."""

from rtuning_helpers.data.questions import IN_DOMAIN, TRAIN, Question
from rtuning_helpers.data.registry import check_trainable, find_dataset, load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.known_exposures import with_exposures
from rtuning_helpers.run.profiles import MIXTURE, RunConfig


def evaluation_splits(config: RunConfig) -> tuple[str, ...]:
    """The splits of the run's data set that models are tested on."""
    return tuple(split for split in find_dataset(config.dataset).splits if split != TRAIN)


def check_in_domain(config: RunConfig) -> None:
    """See to it that the run's data set has in-domain test questions.

    Raises:
        InputError: It has none.
    """
    splits = find_dataset(config.dataset).splits
    if IN_DOMAIN not in splits:
        raise InputError(
            f"parameter dataset {config.dataset} has no in-domain test questions, only {', '.join(splits)}; expected "
            f"a data set with the split {IN_DOMAIN}"
        )


def check_tuned_on(config: RunConfig) -> None:
    """See to it that the run can be tuned on what it is to be tuned on.

    Raises:
        InputError: That has no training questions; or it would be the mini twins for the questions of a real data set.
    """
    check_trainable(config.tuned_on, "dataset" if config.tune_on is None else "tune_on")
    real = find_dataset(config.dataset).reads_folder
    if config.tuned_on == MIXTURE != config.dataset and real and config.data_dir is None:
        own = f"parameter dataset {config.dataset}"
        twins = f"parameter tune_on {MIXTURE} without parameter data_dir is a mixture of the mini twins"
        expected = "expected parameter data_dir DIR with the files of the mixture, or parameter tune_on NAME"
        if config.tune_on is None:
            raise InputError(f"{own} has no training questions, and {twins}; {expected}")
        raise InputError(f"{twins}, which do not go with {own}; {expected}")


def loaded_questions(config: RunConfig, split: str) -> list[Question]:
    """The questions of a split, as they are in the data set; for training, in the one that is tuned on.

    They carry exposures where the run's model records them.

    Raises:
        InputError: Bad data, or what is tuned on does not serve (`check_tuned_on`).
    """
    if split == TRAIN:
        check_tuned_on(config)
        try:
            found = load_questions(config.tuned_on, TRAIN, config.data_dir, config.limit)
        except InputError as error:
            if config.tuned_on == config.dataset or config.tune_on is not None:
                raise
            raise InputError(
                f"{error} (needed to tune on {config.tuned_on}, as parameter dataset {config.dataset} has no training "
                "questions; parameter tune_on NAME takes another)"
            ) from None
    else:
        found = load_questions(config.dataset, split, config.data_dir, config.limit)
    return with_exposures(found, config.settings.model)

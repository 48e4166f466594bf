"""The questions of a run: those of its data set, without its examples, and the same as its model is asked them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from rtuning_helpers.data.questions import TRAIN, Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.run.loaded_questions import loaded_questions
from rtuning_helpers.run.profiles import AUTO, PLAIN, RunConfig
from rtuning_helpers.run.run_style import Style, named_style

if TYPE_CHECKING:
    from rtuning_helpers.model.fitting import Fitted


def find_style(config: RunConfig) -> Style:
    """The style in which a run's model is asked; for ``auto`` the one that was chosen, which is done if missing.

    Raises:
        InputError: The style cannot be had, see `run_style.named_style`.
    """
    return named_style(config.in_style(_chosen(config.tuning)) if config.style == AUTO else config)


@lru_cache(maxsize=8)  # every step asks again
def _chosen(config: RunConfig) -> str:
    from rtuning_helpers.run.style_choice import read_choice  # here, because its libraries take seconds

    return read_choice(config, fit_in_style).style


def style_report(config: RunConfig) -> str:
    """What a run's style is; for ``auto`` with what came of each style."""
    if config.style == AUTO:
        from rtuning_helpers.run.style_choice import choice_report, read_choice

        return choice_report(read_choice(config.tuning, fit_in_style))
    style = named_style(config)
    shown = f", {len(style.examples)} training questions are shown as examples" if style.examples else ""
    return f"style {style.name}{shown}"


def style_key(config: RunConfig) -> dict:
    """The style as a part of a step's key; nothing for the style plain."""
    if config.style == PLAIN:
        return {}
    return {"style": {"asked_for": config.style, **find_style(config).key()}}


def questions(config: RunConfig, split: str) -> list[Question]:
    """The questions of a split; of the training questions those that are no examples of the run's style.

    They carry exposures where the run's model records them.

    Raises:
        InputError: Bad data, or what is tuned on does not serve (`loaded_questions.check_tuned_on`).
    """
    found = loaded_questions(config, split)
    return found if split != TRAIN or config.style == PLAIN else find_style(config).without_examples(found)


def fitted(config: RunConfig, split: str, like: RunConfig | None = None) -> "Fitted":
    """The questions of a split as the run asks them, shortened where they do not fit, and how many that concerned.

    They fit into the model's context and into the longest training example (``max_length``), so that labelling,
    training and evaluation read the same text.

    Args:
        like: The run in whose style they are asked, if that is another one: that of the model's tuning.
    """
    return fit_in_style(config, find_style(like or config), questions(config, split))


def fit_in_style(config: RunConfig, style: Style, questions: Sequence[Question]) -> "Fitted":
    """The questions in a style, shortened where they do not fit.

    Raises:
        InputError: A question does not fit, or not with all of the style's examples.
    """
    settings = config.settings
    dressed = tuple(style.dress(questions))
    found = _fitted(settings.model, settings.revision, settings.max_length, settings.max_new_tokens, dressed)
    if style.examples:
        rows = zip(questions, dressed, found.questions, strict=True)
        if lacking := sum(not asked.shots and len(there.shots) < len(whole.shots) for asked, whole, there in rows):
            raise InputError(
                f"parameter shots {config.shots}: with so many examples {lacking:,} of {len(questions):,} questions do "
                f"not fit into {found.truncation.limit} tokens; expected fewer, or a model with a longer context"
            )
    return found


@lru_cache(maxsize=4)  # every step asks again, and shortening thousands of long prompts takes a minute
def _fitted(
    model: str, revision: str | None, max_length: int, max_new_tokens: int, asked: tuple[Question, ...]
) -> "Fitted":
    from rtuning_helpers.model.fitting import fit_questions  # here, because its libraries take seconds
    from rtuning_helpers.model.language_model import load_tokenizer, model_context_length

    context = model_context_length(model, revision)
    limit = max_length if context is None else min(context, max_length)
    return fit_questions(load_tokenizer(model, revision), asked, limit, max_new_tokens)

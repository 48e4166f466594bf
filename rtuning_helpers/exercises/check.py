"""``check("01.2", answer)`` of the notebooks: right, or what is off and where to look; never the solution."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from rtuning_helpers.errors import InputError
from rtuning_helpers.exercises.compare import NotHere, Off, Unanswered, filled
from rtuning_helpers.language import tr
from rtuning_helpers.run.profiles import RunConfig

Check = Callable[[RunConfig, Any], None]
"""What an exercise has: looks at an answer in a run, and raises `compare.Off` if it is not right."""


def checks_of(config: RunConfig) -> Callable[[str, Any], None]:
    """The function ``check`` of a notebook: it prints `verdict` on an answer, for the notebook's run."""

    def check(exercise: str, answer: Any) -> None:
        print(verdict(config, exercise, answer))

    return check


def verdict(config: RunConfig, exercise: str, answer: Any) -> str:
    """One line on an answer: right, not answered yet, or what is off and where to look.

    Args:
        config: The run. What the answer is compared with is computed from its files.
        exercise: Its number, such as ``"01.2"``.
        answer: What the exercise asks for.

    Raises:
        InputError: There is no such exercise.
    """
    look = find_check(exercise)
    try:
        look(config, filled(answer))
    except Unanswered:
        return f"{exercise}: " + tr("not answered yet. Put your own code in the place of the three dots above.")
    except NotHere as reason:
        return f"{exercise}: " + tr("cannot be checked here, because {reason}.", reason=str(reason))
    except Off as reason:
        message = str(reason)
        return f"{exercise}: " + tr("not yet. ") + message[:1].upper() + message[1:]
    return f"{exercise}: " + tr("right.")


def find_check(exercise: str) -> Check:
    """The check of an exercise.

    Raises:
        InputError: There is no such exercise.
    """
    module = f"{__package__}.nb{exercise[:2]}"
    try:
        checks = import_module(module).CHECKS
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise InputError(f"exercise {exercise!r} is unknown: expected one of this notebook, such as '01.1'") from None
    if exercise not in checks:
        raise InputError(f"exercise {exercise!r} is unknown: expected one of {', '.join(checks)}")
    return checks[exercise]

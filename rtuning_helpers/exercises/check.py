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


def checks_of(config: RunConfig) -> "Checks":
    """The ``check`` of a notebook, for the notebook's run."""
    return Checks(config)


class Checks:
    """Called with an exercise and an answer, it prints the `verdict`, and remembers which answers are right."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._right: set[str] = set()

    def __call__(self, exercise: str, answer: Any) -> None:
        self._right.discard(exercise)
        said, right = _judge(self._config, exercise, answer)
        if right:
            self._right.add(exercise)
        print(said)

    def is_right(self, exercise: str) -> bool:
        """Whether the answer that was checked last is right.

        Only then do later cells use the reader's function: an unfinished one would stop the notebook there.
        """
        return exercise in self._right


def verdict(config: RunConfig, exercise: str, answer: Any) -> str:
    """One line on an answer: right, not answered yet, or what is off and where to look.

    Args:
        config: The run. What the answer is compared with is computed from its files.
        exercise: Its number, such as ``"01.2"``.
        answer: What the exercise asks for.

    Raises:
        InputError: There is no such exercise.
    """
    return _judge(config, exercise, answer)[0]


def _judge(config: RunConfig, exercise: str, answer: Any) -> tuple[str, bool]:
    look = find_check(exercise)
    try:
        look(config, filled(answer))
    except Unanswered:
        return f"{exercise}: " + tr("not answered yet. Put your own code in the place of the three dots above."), False
    except NotHere as reason:
        return f"{exercise}: " + tr("cannot be checked here, because {reason}.", reason=str(reason)), False
    except Off as reason:
        message = str(reason)
        return f"{exercise}: " + tr("not yet. ") + message[:1].upper() + message[1:], False
    return f"{exercise}: " + tr("right."), True


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

"""Compare an answer with what the run at hand gives: what is off, and where to look, without giving it away."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rtuning_helpers.language import tr

ROUNDED = 0.002  # how far off a number may be that was rounded to three digits
SHOWN = 100  # characters of a value in a message

Mistakes = Iterable[tuple[Any, str]]
"""Wrong answers that are recognised, each with what to say: first numbers or functions, then the message."""


class _Said(Exception):  # noqa: N818
    """A message to the reader, in the notebook's language; arguments as for `tr`."""

    def __init__(self, message: str, **parts: Any) -> None:
        super().__init__(tr(message, **parts))


class Off(_Said):
    """What is off in an answer, and where to look."""


class NotHere(_Said):
    """Why the run at hand cannot show what the exercise asks for."""


class Unanswered(Exception):  # noqa: N818
    """The answer is, or holds, the stub `...`."""


def number(
    answer: Any,
    expected: float,
    where: str,
    *,
    name: str = "the number",
    tolerance: float = ROUNDED,
    mistakes: Mistakes = (),
) -> None:
    """See to it that a number is the expected one.

    Args:
        answer: What the reader gives.
        expected: The right number, from the run; NaN if it does not exist there.
        where: Where to look if nothing better can be said.
        name: What the number is called in messages.
        tolerance: Largest difference that counts as right.
        mistakes: Wrong numbers that are recognised, with their messages.

    Raises:
        Unanswered: It is the stub.
        NotHere: The right number does not exist in this run.
        Off: It is no number, or a wrong one.
    """
    value = _as_float(answer, name)
    if math.isnan(expected):
        raise NotHere("{name} does not exist in this run: it has too few questions", name=name)
    if abs(value - expected) <= tolerance:
        return
    for wrong, message in mistakes:
        if abs(value - wrong) <= tolerance:
            raise Off(message)
    if value > expected:
        raise Off("{name} is too large. {where}", name=name, where=where)
    raise Off("{name} is too small. {where}", name=name, where=where)


def share(
    answer: Any,
    expected: float,
    where: str,
    *,
    name: str = "the share",
    tolerance: float = ROUNDED,
    mistakes: Mistakes = (),
) -> None:
    """See to it that a share between 0 and 1 is the expected one; percent and the other part are recognised.

    Arguments and errors are those of `number`.
    """
    value = _as_float(answer, name)
    usual = [(1 - expected, tr("{name} is that of the others: 1 minus it would be right.", name=name))]
    if not 0 <= value <= 1 and not any(abs(value - wrong) <= tolerance for wrong, _ in mistakes):
        if abs(value - 100 * expected) <= 100 * ROUNDED:
            raise Off("{name} must lie between 0 and 1: that looks like percent; divide by 100.", name=name)
        if value < 0:
            raise Off(
                "{name} must lie between 0 and 1, and yours is negative: is a difference the wrong way round?",
                name=name,
            )
        raise Off("{name} must lie between 0 and 1: is it a count? Divide by how many there are.", name=name)
    number(answer, expected, where, name=name, tolerance=tolerance, mistakes=[*mistakes, *usual])


def fields(answer: Any, names: Sequence[str]) -> list[Any]:
    """The values of an answer with several parts, in the order of the names.

    Raises:
        Unanswered: One of them is the stub.
        Off: It is no dictionary, or lacks a name.
    """
    if not isinstance(answer, Mapping) or set(names) - set(answer):
        keys = tr(" and ").join(map(repr, names))
        raise Off("give a dictionary with {keys}, as the cell has it.", keys=keys)
    return [filled(answer[name]) for name in names]


def filled(value: Any) -> Any:
    """The value itself, unless it is the stub.

    Raises:
        Unanswered: It is.
    """
    if value is ...:
        raise Unanswered
    return value


def listed(answer: Any) -> Any:
    """An array or a column as a list; anything else as it is.

    Raises:
        Unanswered: It is a list that holds the stub.
    """
    found = answer.tolist() if hasattr(answer, "tolist") else answer
    if isinstance(found, (list, tuple)):
        for part in found:
            filled(part)
    return found


def function(
    answer: Any, right: Callable[..., Any], cases: Sequence[tuple], where: str, *, mistakes: Mistakes = ()
) -> None:
    """See to it that a function does what the right one does.

    Args:
        answer: What the reader gives.
        right: The right function.
        cases: What both are called with; enough to tell them from those in ``mistakes``.
        where: Where to look if nothing better can be said.
        mistakes: Wrong functions that are recognised, with their messages.

    Raises:
        Unanswered: It still returns the stub.
        Off: It is no function, fails, or returns something else.
    """
    if not callable(answer):
        raise Off("give the function itself, by its name and without brackets.")
    said = [_call(answer, case) for case in cases]
    wanted = [right(*case) for case in cases]
    wrong = [k for k, pair in enumerate(zip(said, wanted, strict=True)) if not _same(*pair)]
    if not wrong:
        return
    for mistake, message in mistakes:
        if all(_same(own, mistake(*case)) for own, case in zip(said, cases, strict=True)):
            raise Off(message)
    first = wrong[0]
    raise Off(
        "given {case}, it returns {said}, which is not right. {where}",
        case=_shown(cases[first]),
        said=_short(said[first]),
        where=where,
    )


def _as_float(answer: Any, name: str) -> float:
    filled(answer)
    try:
        if isinstance(answer, (bool, str)):
            raise TypeError
        value = float(answer)
    except (TypeError, ValueError):
        raise Off("{name} must be one number, not {said}.", name=name, said=_short(answer)) from None
    if not math.isfinite(value):
        raise Off(
            "{name} is {value}: is something divided by 0, or are there no questions left?", name=name, value=value
        )
    return value


def _call(function: Callable[..., Any], case: tuple) -> Any:
    try:
        result = function(*case)
    except Exception as error:  # whatever a reader's code may raise
        said = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise Off("given {case}, it stops with {error}.", case=_shown(case), error=said) from error
    if result is None:
        raise Off("it returns nothing: does it end with `return`?")
    return filled(result)


def _same(own: Any, right: Any) -> bool:
    if isinstance(right, (bool, str)):
        return bool(own == right)
    try:
        return all(_close(a, b) for a, b in zip(_many(own), _many(right), strict=True))
    except (TypeError, ValueError):
        return False


def _close(own: float, right: float) -> bool:
    return math.isclose(own, right, rel_tol=1e-4, abs_tol=1e-6) or (math.isnan(own) and math.isnan(right))


def _many(value: Any) -> list[float]:
    value = listed(value)
    return [float(part) for part in value] if isinstance(value, (tuple, list)) else [float(value)]


def _shown(case: tuple) -> str:
    return _short(", ".join(map(repr, case)), str)


def _short(value: Any, text: Callable[[Any], str] = repr) -> str:
    shown = re.sub(r"\s*\n\s*", " ", text(value))  # one line, and the spaces of a text as they are
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]} ..."

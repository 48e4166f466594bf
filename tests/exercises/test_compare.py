"""What is said to a wrong answer, whatever the exercise."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from rtuning_helpers.errors import InputError
from rtuning_helpers.exercises import nb01, nb05
from rtuning_helpers.exercises.check import checks_of, verdict
from rtuning_helpers.exercises.compare import NotHere, Off, Unanswered, fields, function, listed, number, share
from rtuning_helpers.run.profiles import RunConfig


@pytest.mark.parametrize("answer", [0.25, np.float32(0.25), 0.2515, np.array(0.25)])
def test_numbers_that_are_right(answer):
    number(answer, 0.25, "Look there.")
    share(answer, 0.25, "Look there.")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (0.3, "the cost is too large. Look there."),
        (-0.1, "the cost must lie between 0 and 1, and yours is negative: is a difference the wrong way round?"),
        (3.25, "the whole divided by the part"),
        (0.2, "the cost is too small. Look there."),
        (25, "the cost must lie between 0 and 1: that looks like percent; divide by 100."),
        (90, "the cost must lie between 0 and 1: is it a count? Divide by how many there are."),
        (0.75, "the cost is that of the others: 1 minus it would be right."),
        (0.5, "twice too many"),
        (math.nan, "the cost is nan: is something divided by 0, or are there no questions left?"),
        ("0.25", "the cost must be one number, not '0.25'."),
        (True, "the cost must be one number, not True."),
        ([0.25, 0.3], "the cost must be one number, not [0.25, 0.3]."),
    ],
)
def test_shares_that_are_wrong(answer, message):
    with pytest.raises(Off) as caught:
        share(
            answer,
            0.25,
            "Look there.",
            name="the cost",
            mistakes=[(0.5, "twice too many"), (3.25, "the whole divided by the part")],
        )
    assert str(caught.value) == message


def test_a_run_without_the_number():
    with pytest.raises(NotHere, match="too few questions"):
        number(0.3, math.nan, "")


def test_fields():
    assert fields({"b": 2, "a": 1}, ["a", "b"]) == [1, 2]
    for answer in (3, {"a": 1}, [("a", 1), ("b", 2)]):
        with pytest.raises(Off, match="give a dictionary with 'a' and 'b'"):
            fields(answer, ["a", "b"])
    with pytest.raises(Unanswered):
        fields({"a": 1, "b": ...}, ["a", "b"])


@pytest.mark.parametrize("answer", [["a", "b"], np.array(["a", "b"]), pd.Series(["a", "b"])])
def test_lists(answer):
    assert listed(answer) == ["a", "b"] and type(listed(answer)[0]) is str
    assert (listed(("a",)), listed("ab"), listed({"a": 1}), listed(None)) == (("a",), "ab", {"a": 1}, None)
    with pytest.raises(Unanswered):
        listed([*answer, ...])


def half(whole, part=1):
    return whole / 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda whole: 2 * whole, "it doubles"),
        (lambda whole: whole // 2, r"given 3, it returns 1, which is not right\. Look there\."),
        (lambda whole: str(whole / 2) + "x", "given 2, it returns '1.0x', which is not right"),
        (lambda whole: [whole / 2], None),
        (lambda whole: np.array([whole / 2]), None),
        (lambda whole: f"two  spaces\nand a line {whole}", r"it returns 'two  spaces\\nand a line 2', which"),
        (lambda whole: np.eye(2), r"it returns array\(\[\[1\., 0\.\], \[0\., 1\.\]\]\), which"),
        (lambda whole: (whole / 2, 0), "given 2, it returns"),
        (lambda whole: None, "does it end with `return`"),
        (lambda whole: whole / 0, "given 2, it stops with ZeroDivisionError: division by zero"),
        (lambda whole: {}.pop(), "given 2, it stops with TypeError: "),
        (lambda whole: next(iter(())), r"given 2, it stops with StopIteration\.$"),
        (lambda: 1, "it stops with TypeError"),
        (1.0, "give the function itself"),
    ],
)
def test_functions(answer, message):
    def look():
        function(answer, half, [(2,), (3,)], "Look there.", mistakes=[(lambda whole: 2 * whole, "it doubles")])

    if message is None:
        look()
    else:
        with pytest.raises(Off, match=message):
            look()
    with pytest.raises(Unanswered):
        function(lambda whole: ..., half, [(2,)], "")


def test_verdict(capsys):
    config = RunConfig()
    stub = "01.2: not answered yet. Put your own code in the place of the three dots above."
    for answer in (..., [...], [("New York City", "York", False), ...]):
        assert verdict(config, "01.2", answer) == stub
    checks_of(config)("01.2", [("New York City", "York", False)])
    assert capsys.readouterr().out == "01.2: not yet. So far so good; 3 different pairs are asked for.\n"
    for unknown, expected in (("01.9", "expected one of 01.1, 01.2"), ("99.1", "such as '01.1'"), ("1", "such as")):
        with pytest.raises(InputError, match=f"exercise '{unknown}' is unknown: .*{expected}"):
            verdict(config, unknown, 1)


def test_later_cells_use_only_what_is_right(capsys):
    check = checks_of(RunConfig())
    assert not check.is_right("01.1")
    for answer, right in ((nb01.matches, True), (lambda said, gold: 1 / 0, False), (nb01.matches, True), (..., False)):
        check("01.1", answer)
        assert check.is_right("01.1") is right
        assert not check.is_right("01.2")
    assert capsys.readouterr().out.count("01.1: right.") == 2


@pytest.mark.parametrize(("checks", "right"), [(nb01, nb01.matches), (nb05, nb05._willing)])
def test_the_cases_of_a_function_tell_its_mistakes_apart(checks, right):
    seen = {str([wrong(*case) for case in checks.CASES]) for wrong, _ in checks.MISTAKES}
    assert len(seen | {str([right(*case) for case in checks.CASES])}) == len(checks.MISTAKES) + 1


def test_check_imports_nothing_heavy():
    code = "import sys, rtuning_helpers.exercises.check; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"

"""The registry of methods: every module of the folder is one, and nothing else names it."""

from __future__ import annotations

import pytest

from rtuning_helpers.errors import InputError
from rtuning_helpers.tuning.registry import (
    PRETRAINED,
    all_methods,
    check_methods,
    find_method,
    method_names,
    paper_methods,
)


def test_the_untuned_model_is_registered_but_nothing_can_be_tuned_by_it():
    assert find_method(PRETRAINED).label == "untuned"
    assert list(all_methods()) == [PRETRAINED, *method_names()]
    assert (find_method(PRETRAINED).build, find_method(PRETRAINED).exam) == (
        None,
        {"sureness": None, "may_refuse": False},
    )


def test_a_run_is_tuned_by_the_methods_of_the_paper_unless_others_are_named():
    assert paper_methods() == ["vanilla", "padding", "replacement", "unsupervised"]


def test_what_the_notebooks_ask_of_a_method():
    asked = [(m.can_refuse, m.ranked_by) for m in map(find_method, ("pretrained", "vanilla", "padding", "replacement"))]
    assert asked == [(False, "answer"), (False, "answer"), (True, "mixed"), (True, None)]


def test_looks_tell_every_two_methods_apart_with_and_without_colour():
    looks = [method.look for method in all_methods().values()]
    for one in ("label", "colour", "line", "marker"):
        assert len({str(getattr(look, one)) for look in looks}) == len(looks), one


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("vanilla", ["vanilla"]),
        (" padding, vanilla ,padding,", ["padding", "vanilla"]),
        (method_names(), method_names()),
        (("unsupervised", "replacement"), ["unsupervised", "replacement"]),
    ],
)
def test_methods(given, expected):
    assert check_methods(given) == expected


@pytest.mark.parametrize("given", ["", " , ", [], ["vanilla", "pading"], "Padding", PRETRAINED])
def test_bad_methods_are_named(given):
    message = "parameter methods .*(is empty|is unknown): expected some of vanilla, padding, replacement, unsupervised"
    with pytest.raises(InputError, match=message):
        check_methods(given)


def test_an_unknown_method_is_named():
    with pytest.raises(InputError, match="method 'magic' is unknown: expected one of pretrained, vanilla, padding"):
        find_method("magic")

"""How long a run will take: what is tried, what is counted up, and when it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtuning_helpers import steps
from rtuning_helpers.app import cli, run_checks, time_estimate
from rtuning_helpers.app.time_estimate import RunTime, estimate_time
from rtuning_helpers.data import prompts
from rtuning_helpers.errors import InputError
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.run.run_questions import fit_in_style


@pytest.fixture
def config(tiny_model, tmp_path, monkeypatch):
    short = replace(PROFILES["mini"], tuning="lora", epochs=3, batch_size=4, accumulation=2, samples=5, lora_rank=4)
    monkeypatch.setitem(profiles.PROFILES, "mini", short)
    monkeypatch.setattr(steps, "free_cores", lambda: 1)
    return RunConfig(model=str(tiny_model), out=str(tmp_path / "runs"), limit=45)


@pytest.fixture
def measured(monkeypatch):
    """Everything is tried, but takes what is said here [s]."""
    takes = {"probe": 16.0, "draw": 6.0, "pass": 0.5, "answer": 32.0, "answer and be sure": 48.0}
    order = iter(["probe", "draw", "answer", "answer and be sure"])

    def seconds(work):
        work()
        return takes[next(order)]

    tune = time_estimate._seconds_a_pass

    def a_pass(*arguments):
        assert tune(*arguments) > 0
        return takes["pass"]

    monkeypatch.setattr(time_estimate, "_seconds", seconds)
    monkeypatch.setattr(time_estimate, "_seconds_a_pass", a_pass)


def test_what_a_run_does_is_counted_up(config, measured):
    """16 questions were tried in 16, 32 and 48 s, three were drawn for in 6 s."""
    asked, drawn, plain, sure = 1.0, 2.0, 2.0, 3.0
    found = estimate_time(config, ["vanilla", "padding", "unsupervised"])
    passes = 3 * 12  # of 45 records in batches of 4
    shown = time_estimate.SHOWN_PASSES * 0.5 + 2 * 45 * asked
    assert found.probing == 45 * (asked + drawn)
    assert found.tuning == 3 * passes * 0.5 + shown
    assert found.testing == 90 * (asked + plain + 2 * sure)


def test_models_that_are_tuned_side_by_side_take_the_time_of_one(config, measured, monkeypatch):
    monkeypatch.setattr(steps, "free_cores", lambda: 2)
    found = estimate_time(config, ["vanilla", "padding", "unsupervised"])
    shown = time_estimate.SHOWN_PASSES * 0.5 + 2 * 45
    assert found.tuning == 2 * 36 * 0.5 + shown


def test_a_style_to_be_chosen_counts_as_few_shot_if_that_fits(config, measured, monkeypatch):
    seen = []
    original = prompts.task_prompt
    monkeypatch.setattr(prompts, "task_prompt", lambda q: seen.append(len(q.shots)) or original(q))
    estimate_time(replace(config, style="auto"), ["vanilla"])
    assert set(seen) == {5}


def test_where_examples_do_not_fit_it_counts_as_plain(config, measured, monkeypatch):
    def fit(config, style, questions):
        if style.examples:
            raise InputError("they do not fit")
        return fit_in_style(config, style, questions)

    monkeypatch.setattr("rtuning_helpers.run.run_questions.fit_in_style", fit)
    assert estimate_time(replace(config, style="auto"), ["vanilla"]).probing == 45 * 3.0


@pytest.mark.parametrize("tuning", ["qlora", "full"])
def test_nothing_of_what_was_tried_is_left(config, tuning, monkeypatch):
    monkeypatch.setitem(profiles.PROFILES, "mini", replace(PROFILES["mini"], tuning=tuning))
    found = estimate_time(config, ["padding"])
    assert min(found.probing, found.tuning, found.testing) > 0
    assert not list(steps.results_folder(config).parent.rglob("*"))


def test_it_is_told_in_minutes_or_hours():
    assert str(RunTime(20.0, 250.0, 400.0, 60.0)) == "about 12 min (probing 1 min, tuning 4 min, testing 7 min)"
    assert str(RunTime(7200.0, 100.0, 0.0, 0.0)) == "about 2.0 h (probing 2.0 h, tuning 2 min, testing 1 min)"


def test_a_run_says_it_where_a_model_of_the_users_is_not_done_yet(config, monkeypatch, capsys):
    monkeypatch.setattr(time_estimate, "estimate_time", lambda config, methods: f"{len(methods)} methods")
    said = "rtuning: note: time: 2 methods; what is finished already is not done again\n"
    cli._check(config, ["vanilla", "padding"], False)
    assert capsys.readouterr().err == said
    cli._check(replace(config, model=None), ["vanilla", "padding"], False)  # the README says how long that takes
    assert capsys.readouterr().err == ""
    folder = steps.metrics_folder(config)
    folder.mkdir(parents=True)
    (folder / run_checks.MANIFEST).write_text("{}")
    cli._check(config, ["vanilla", "padding"], False)
    assert capsys.readouterr().err == ""
    cli._check(config, ["vanilla", "padding"], True)
    assert capsys.readouterr().err == said

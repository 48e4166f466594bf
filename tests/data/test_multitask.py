"""Mixtures of data sets, and runs that are tuned on another data set than they are tested on."""

from __future__ import annotations

from collections import Counter

import pytest

from rtuning_helpers.app.cli import main
from rtuning_helpers.data.datasets.multitask import TRAINED_ON, UNSEEN, member, without
from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.data.registry import find_dataset, load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.model_files import MINI, MINI_TASKS
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.loaded_questions import check_tuned_on, evaluation_splits
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.run_questions import questions

TWINS = [f"mini-{name}" for name in TRAINED_ON]


def test_the_mixture_holds_five_training_sets_and_asks_six():
    train = load_questions("multitask", TRAIN)
    assert Counter(q.dataset for q in train) == dict.fromkeys(TWINS, 540)
    assert {q.split for q in train} == {TRAIN}
    assert len({q.id for q in train}) == len(train)
    for split in evaluation_splits(RunConfig(dataset="multitask")):
        asked = load_questions("multitask", split)
        assert {(q.dataset, q.split) for q in asked} == {(f"mini-{split}", "test" if split == UNSEEN else "id")}
        assert not {q.id for q in asked} & {q.id for q in train}


@pytest.mark.parametrize("limit", [5, 24, 300])
def test_a_limit_keeps_every_member_of_the_mixture(limit):
    counted = Counter(q.dataset for q in load_questions("multitask", TRAIN, limit=limit))
    assert set(counted) == set(TWINS)
    assert max(counted.values()) - min(counted.values()) <= 1


@pytest.mark.parametrize("left_out", TRAINED_ON)
def test_a_mixture_without_a_set_holds_no_question_of_it(left_out):
    name = without(left_out)
    train = load_questions(name, TRAIN)
    assert {q.dataset for q in train} == set(TWINS) - {member(left_out)}
    assert evaluation_splits(RunConfig(dataset=name)) == tuple(t for t in TWINS if t != member(left_out))
    whole = load_questions("multitask", TRAIN)
    assert train == [q for q in whole if q.dataset != member(left_out)]


def test_real_sets_stand_in_the_mixture_where_there_is_a_data_folder():
    assert member("wice", "folder") == "wice-subclaim"
    assert without("mmlu", "folder") == "pararel+wice-subclaim+hotpotqa+fever"
    assert find_dataset("multitask").reads_folder and not find_dataset("mini-mmlu+mini-fever").reads_folder
    mixed = find_dataset("pararel+mmlu")
    assert (mixed.mini_model, mixed.splits) == (MINI, (TRAIN, "pararel", "mmlu"))
    with pytest.raises(InputError, match="dataset pararel needs parameter data_dir: a folder with training_data.json"):
        load_questions("pararel+mmlu", TRAIN)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("mini-mmlu+trivia", "'trivia' in the mixture 'mini-mmlu.trivia' is unknown: expected one of"),
        ("mini-mmlu+", "'' in the mixture 'mini-mmlu.' is unknown"),
        ("mini-mmlu+mini-mmlu", "holds mini-mmlu 2 times; expected each once"),
        ("mini-mmlu+mini-nec", "mini-nec in the mixture .* cannot be mixed; expected single data sets with a train"),
        ("multitask+mini", "multitask in the mixture .* cannot be mixed"),
    ],
)
def test_bad_mixtures(name, complaint):
    with pytest.raises(InputError, match=complaint):
        find_dataset(name)


@pytest.mark.parametrize(
    ("dataset", "tune_on", "tuned_on", "model", "folder"),
    [
        ("mini", None, "mini", MINI, "mini"),
        ("mini", "mini", "mini", MINI, "mini"),
        ("mini", "multitask", "multitask", MINI_TASKS, "mini-tuned-on-multitask"),
        ("mini-nec", None, "multitask", MINI_TASKS, "mini-nec"),
        ("mini-nec", "multitask", "multitask", MINI_TASKS, "mini-nec"),
        ("mini-nec", "mini", "mini", MINI_TASKS, "mini-nec-tuned-on-mini"),
        ("mini-mmlu+mini-fever", None, "mini-mmlu+mini-fever", MINI_TASKS, "mini-mmlu+mini-fever"),
        ("halueval", "mini-fever", "mini-fever", MINI_TASKS, "halueval-tuned-on-mini-fever"),
    ],
)
def test_what_a_run_is_tuned_on(dataset, tune_on, tuned_on, model, folder):
    config = RunConfig(dataset=dataset, tune_on=tune_on)
    assert (config.tuned_on, config.settings.model, results_folder(config).name) == (tuned_on, model, folder)
    assert (config.tuning.dataset, config.tuning.tuned_on) == (tuned_on, tuned_on)
    assert config.tuning.settings == config.settings
    assert questions(config, TRAIN) == load_questions(tuned_on, TRAIN)
    assert config.is_whole("mini") is (folder == "mini")


def test_runs_on_one_mixture_share_its_tuning():
    first, second = RunConfig(dataset="mini-nec", seed=3), RunConfig(dataset="mini-selfaware", seed=3)
    assert first.tuning == second.tuning == RunConfig(dataset="multitask", seed=3)
    limited = RunConfig(dataset="mini-nec", limit=20, model="owner/name")
    assert limited.tuning == RunConfig(dataset="multitask", limit=20, model="owner/name")


def test_real_questions_are_not_asked_of_a_model_tuned_on_twins_by_accident():
    for tune_on in (None, "multitask"):
        with pytest.raises(InputError, match="dataset selfaware .*; expected parameter data_dir DIR with"):
            check_tuned_on(RunConfig(dataset="selfaware", tune_on=tune_on))
    with pytest.raises(InputError, match="parameter tune_on multitask without .* not go with parameter dataset mmlu"):
        check_tuned_on(RunConfig(dataset="mmlu", tune_on="multitask"))
    check_tuned_on(RunConfig(dataset="selfaware", data_dir="somewhere"))
    check_tuned_on(RunConfig(dataset="selfaware", tune_on="mini-fever"))  # who asks for it gets it


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--tune-on", "trivia"], "'trivia' is unknown: expected one of"),
        (["--tune-on", "mini-nec"], "--tune-on mini-nec has no training questions, only test"),
        (["--tune-on", "mini-mmlu+mini-nec"], "cannot be mixed"),
        (["--dataset", "mini-nec", "--data-dir", "."], "--data-dir: --dataset mini-nec reads no files"),
        (["--tune-on", "multitask", "--data-dir", "."], "--data-dir: --dataset mini reads no files"),
        (["--dataset", "multitask", "--data-dir", "nowhere"], "nowhere"),
    ],
)
def test_bad_runs_are_refused_in_one_line(options, complaint, capsys):
    assert main(["run", *options]) == 2
    said = capsys.readouterr().err
    assert complaint in said and said.count("\n") == 1


def test_parameters_that_are_no_names():
    with pytest.raises(InputError, match="parameter tune_on is 5; expected text"):
        RunConfig(tune_on=5)

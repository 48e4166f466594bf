"""The profiles, and the settings of a run: bad ones are named before anything is done."""

from __future__ import annotations

import pytest

from rtuning_helpers.errors import InputError
from rtuning_helpers.run import gpu_choices, profiles
from rtuning_helpers.run.artifacts import results_folder
from rtuning_helpers.run.profiles import (
    PROFILES,
    RunConfig,
    check_machine,
    find_profile,
    profile_table,
)


def test_a_config_picks_its_profile_and_another_model():
    assert RunConfig().settings == PROFILES["mini"]
    other = RunConfig(profile="colab-t4", model="owner/model").settings
    assert (other.model, other.revision) == ("owner/model", None)
    assert other.batch_size == PROFILES["colab-t4"].batch_size


def test_every_mixture_of_the_twins_takes_the_same_number_of_steps():
    sets = {"mini-mmlu": 1, "mini-mmlu+mini-fever": 2, "multitask": 5, "mini-nec": 5}
    assert {n: RunConfig(dataset=n).settings.epochs * k for n, k in sets.items()} == dict.fromkeys(sets, 10)
    longer = RunConfig(dataset="multitask", epochs=4, limit=9)
    assert longer.settings.epochs == 4 and results_folder(longer).name == "multitask-epochs4-limit9"
    assert not RunConfig(epochs=3).is_whole("mini") and RunConfig(epochs=3).settings.epochs == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"profile": "huge"},
            "parameter profile 'huge' is unknown: expected one of mini, laptop, colab-t4, consumer-24gb",
        ),
        ({"seed": -1}, "parameter seed is -1; expected a whole number of at least 0"),
        ({"seed": 1.5}, "parameter seed is 1.5; expected a whole number"),
        ({"seed": "0"}, "parameter seed is '0'; expected a whole number"),
        ({"seed": True}, "parameter seed is True; expected a whole number"),
        ({"limit": -3}, "parameter limit is -3; expected a whole number"),
        ({"limit": "10"}, "parameter limit is '10'; expected a whole number"),
        ({"dataset": 3}, "parameter dataset is 3; expected text"),
        ({"data_dir": ["a"]}, r"parameter data_dir is \['a'\]; expected text"),
        ({"out": 1}, "parameter out is 1; expected text"),
        ({"epochs": 0}, "parameter epochs is 0; expected a number above 0"),
        ({"epochs": "2"}, "parameter epochs is '2'; expected a number above 0"),
        ({"epochs": float("nan")}, "parameter epochs is nan; expected a number above 0"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        RunConfig(**arguments)


@pytest.mark.parametrize("profile", [name for name, p in PROFILES.items() if p.needs_gpu])
def test_a_gpu_profile_on_a_machine_without_a_gpu(monkeypatch, profile):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(
        InputError, match=f"profile {profile} needs a CUDA GPU .* expected a GPU .*parameter profile mini"
    ):
        check_machine(RunConfig(profile=profile))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(gpu_choices, "has_bfloat16", lambda: True)
    monkeypatch.setattr(gpu_choices, "memory_gib", lambda _: 24.0)
    check_machine(RunConfig(profile=profile))


def test_the_mini_profile_runs_anywhere(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    check_machine(RunConfig())


def test_the_table_of_profiles():
    assert [row["profile"] for row in profile_table()] == [
        "mini",
        "laptop",
        "colab-t4",
        "consumer-24gb",
        "gpu",
        "paper",
    ]
    assert find_profile("mini").four_bit and not find_profile("paper").four_bit
    paper = find_profile("paper")  # section 3.4 of the paper
    assert (paper.tuning, paper.epochs, paper.learning_rate, paper.batch_size) == ("full", 1, 2e-5, 4)
    assert all((p.samples, p.temperature, p.max_new_tokens) == (10, 0.7, 15) for p in PROFILES.values())
    assert {p.batch_size * p.accumulation for p in PROFILES.values() if p.tuning == "qlora" and p.needs_gpu} == {16}
    assert min(p.max_length for p in PROFILES.values() if p.needs_gpu) > 1252  # MMLU's longest question, see profiles
    assert PROFILES["colab-t4"].dtype == "float16"  # a T4 has no bfloat16


def test_results_go_to_the_clone_or_else_to_the_current_folder(monkeypatch, tmp_path):
    assert (profiles.default_out() / "pyproject.toml").is_file()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(profiles, "__file__", str(tmp_path / "site-packages" / "rtuning_helpers" / "profiles.py"))
    assert profiles.default_out() == tmp_path


def test_a_profile_has_its_own_style():
    assert RunConfig().style == "plain" and RunConfig(profile="laptop").style == "few-shot"
    assert RunConfig(profile="laptop", style="plain").style == "plain"
    assert RunConfig(profile="laptop").in_style("chat").style == "chat"

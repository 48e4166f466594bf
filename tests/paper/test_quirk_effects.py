"""The experiment behind notebook 08's waterfall: it runs on the tiny model, and a recorded cell comes out again."""

from __future__ import annotations

import pytest
from stand_ins import never_called
from tiny import TINY_LIMIT

from rtuning_helpers.paper.released_code import ReleasedCodeQuirks, effects
from rtuning_helpers.paper.released_code.recording import RECORDING
from rtuning_helpers.run import fingerprint
from rtuning_helpers.run.profiles import PROFILES, RunConfig

NONE, ALL = ReleasedCodeQuirks(), ReleasedCodeQuirks.as_released()


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    return RunConfig(limit=TINY_LIMIT, model=str(tiny_model), out=str(tmp_path_factory.mktemp("runs")))


def test_default_and_as_released(config):
    default, released = effects.measure(config, NONE), effects.measure(config, ALL)
    assert (default["flags"], released["flags"]) == ([], list(ReleasedCodeQuirks.names()))
    assert default["examples"] == default["sequences"] == TINY_LIMIT
    assert default["steps"] == PROFILES["mini"].epochs  # one batch an epoch
    assert released["steps"] == 1  # a hundredth of an epoch, rounded up
    assert released["sequences"] < default["sequences"]
    assert 0 < default["certain"] < 1
    for effect in (default, released):
        assert effect["n"] == TINY_LIMIT
        assert effect["ap_mixed_ci95"][0] <= effect["ap_mixed"] <= effect["ap_mixed_ci95"][1]


def test_as_released_r_tuning_u_trains_on_one_unsure_record(config):
    default = effects.measure(config, NONE, "unsupervised")
    reset = effects.measure(config, NONE.plus("list_reset"), "unsupervised")
    assert (default["examples"], default["certain"]) == (TINY_LIMIT, 0.5)
    assert (reset["examples"], reset["certain"]) == (1, 0.0)


def test_adapters_are_shared_by_runs_that_train_on_the_same(config, monkeypatch):
    effects.measure(config, NONE)
    monkeypatch.setattr(effects, "finetune_encoded", never_called(effects.finetune_encoded, "trained twice"))
    assert effects.measure(config, NONE.plus("first_token_labels"))["ap_sure"] != pytest.approx(0)
    with pytest.raises(pytest.fail.Exception, match="trained twice"):
        effects.measure(config, NONE.plus("loss_on_all"))


def test_adapters_are_not_shared_across_changes_of_the_training_code(config, monkeypatch):
    effects.measure(config, NONE)
    monkeypatch.setattr(effects, "finetune_encoded", never_called(effects.finetune_encoded, "trained again"))
    digest = fingerprint._digest
    effects.measure(config, NONE)
    monkeypatch.setattr(
        fingerprint, "_digest", lambda name: "changed" if name.endswith("tuning.finetuning") else digest(name)
    )
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        effects.measure(config, NONE)


def test_an_unknown_method(config):
    with pytest.raises(ValueError, match="method is 'vanilla'; expected padding or unsupervised"):
        effects.measure(config, NONE, "vanilla")


def test_the_chain_and_the_table():
    recorded = RECORDING.content()["rows"]
    table = effects.effects_table(recorded)
    assert set(table.seeds) == {3}
    padding = table[table.method == "padding"]
    assert len(padding) == len(effects.CHAIN) + 1 + len(effects.CHAIN) - 1
    unsupervised = table[table.method == "unsupervised"]
    assert sorted(map(len, unsupervised["flags"])) == [0, 1, 1, 1]
    assert (table.ap_low <= table.ap_mixed).all()
    assert (table.ap_mixed <= table.ap_high).all()
    one = [e for e in recorded if not e["flags"] and e["method"] == "padding"]
    assert padding.iloc[0].ap_mixed == pytest.approx(sum(e["ap_mixed"] for e in one) / 3)


def test_a_recorded_cell_comes_out_again(tmp_path):
    """The whole mini world under a hundredth of an epoch: cheap to train, and it takes every step of the experiment."""
    flags, counts = ["hundredth_epoch"], ("n", "examples", "steps")
    recorded = next(e for e in RECORDING.content()["rows"] if e["seed"] == 0 and e["flags"] == flags)
    measured = effects.measure(RunConfig(out=str(tmp_path)), NONE.plus(*flags))
    assert [measured[name] for name in counts] == [recorded[name] for name in counts]
    assert measured["certain"] == pytest.approx(recorded["certain"], abs=0.005)
    for metric in ("accuracy", "ap_answer", "ap_sure", "ap_mixed"):
        assert measured[metric] == pytest.approx(recorded[metric], abs=0.02)

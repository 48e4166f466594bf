"""What a notebook says of runs that cannot show anything, and findings that must hold on the kit's own run."""

from __future__ import annotations

import pytest

from rtuning_helpers.experiments.findings import finding, knowledge_notice, short_run_notice
from rtuning_helpers.run.profiles import RunConfig


def test_a_finding_must_hold_on_the_kits_own_run_only(capsys):
    finding("all is well", True, RunConfig())
    finding("all is well", False, RunConfig(limit=9))
    finding("all is well", False, RunConfig(), on="multitask")
    assert capsys.readouterr().out.splitlines() == ["holds: all is well"] + 2 * ["DOES NOT HOLD: all is well"]
    with pytest.raises(AssertionError, match="finding does not hold: all is well"):
        finding("all is well", False, RunConfig(dataset="multitask"), on="multitask")


def test_an_untested_seed_is_reported_and_does_not_end_the_run(capsys):
    finding("all is well", False, RunConfig(seed=7))
    finding("all is well", True, RunConfig(seed=7))
    finding("all is well", False, RunConfig(seed=7, limit=9))
    failed, held, limited = capsys.readouterr().out.splitlines()
    assert failed == "DOES NOT HOLD: all is well (seed 7 was never tested; please report it)"
    assert (held, limited) == ("holds: all is well", "DOES NOT HOLD: all is well")


@pytest.mark.parametrize("holds", [True, False])
def test_too_few_questions_carry_no_finding(capsys, holds):
    finding("half are right", holds, RunConfig(), n=50)
    finding("all are right", True, RunConfig(), n=100)
    few, enough = capsys.readouterr().out.splitlines()
    assert few == "too few: half are right (50 questions; at least 100 are needed)"
    assert enough == "holds: all are right"


def test_runs_that_show_nothing_say_so(capsys):
    knowledge_notice([True] * 6 + [False] * 94)
    short_run_notice(30)
    assert capsys.readouterr().out == ""
    knowledge_notice([True] * 5 + [False] * 95)
    assert "answers 5 of 100 questions right: it knows nothing" in capsys.readouterr().out
    short_run_notice(1)
    assert capsys.readouterr().out.startswith("NOTE: tuned for 1 step only.")

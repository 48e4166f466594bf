"""Findings of a notebook: asserted on the kit's default model, data and seed, reported on all others."""

from collections.abc import Sequence
from typing import Any

from rtuning_helpers.language import tr
from rtuning_helpers.run.profiles import RunConfig

FEW_STEPS = 30  # optimiser steps below which nothing is learnt
ENOUGH = 100  # questions; a share of so many is known to within 10 points (95 %), a share of fewer is not a finding
TESTED_SEEDS = (0,)  # of tuning, for which every finding was checked on the whole data set
HARDLY_ANY = 0.05  # share of right answers up to which a model counts as knowing nothing of a data set
HOLDS, FAILS, TOO_FEW, NOTE = "holds: ", "DOES NOT HOLD: ", "too few: ", "NOTE: "  # how lines of notebooks begin


def knowledge_notice(correct: Sequence[bool]) -> None:
    """Say it plainly where the untuned model knows nothing of the questions; say nothing otherwise."""
    if sum(correct) <= HARDLY_ANY * len(correct):
        print(
            tr(NOTE)
            + tr(
                "the untuned model answers {right:,} of {asked:,} questions right: it knows nothing of this data.\n"
                "What follows shows that the code runs. It shows nothing about R-Tuning, and sentences about what\n"
                "the model knows are meant for the default model and data.",
                right=sum(correct),
                asked=len(correct),
            )
        )


def short_run_notice(steps: int) -> None:
    """Say it plainly where a model was tuned for so few steps that it cannot have learnt anything; else nothing."""
    if steps < FEW_STEPS:
        print(
            tr(NOTE)
            + (tr("tuned for 1 step only.") if steps == 1 else tr("tuned for {steps} steps only.", steps=steps))
            + tr(
                " What follows shows that the code runs.\n"
                "Sentences about what was learnt, and the checks at the end, are meant for the whole data set."
            )
        )


def finding(text: str, holds: bool, config: RunConfig, on: str = "mini", n: int | None = None, **parts: Any) -> None:
    """Print whether a finding holds; on the default model, data and seed it must.

    Args:
        text: What was found; with ``{name}`` for each of its parts.
        holds: Whether it is so in this run.
        config: The run.
        on: The data set that the finding is about.
        n: Number of questions that it stands on; None for what was recorded over seeds, or does not count questions.
        parts: What stands in the places of the text.

    Raises:
        AssertionError: It does not hold on the whole of that data set, with the kit's own model and seed.
    """
    text = tr(text, **parts)
    if n is not None and n < ENOUGH:
        print(tr(TOO_FEW) + text + tr(" ({n} questions; at least {enough} are needed)", n=n, enough=ENOUGH))
        return
    tested = config.seed in TESTED_SEEDS
    untested = tr(" (seed {seed} was never tested; please report it)", seed=config.seed)
    report = "" if tested or not config.is_whole(on) else untested
    print(tr(HOLDS) + text if holds else tr(FAILS) + text + report)
    assert holds or not (tested and config.is_whole(on)), f"finding does not hold: {text}"

"""Findings of a notebook: asserted on the kit's default model, data and seed, reported on all others."""

from collections.abc import Sequence

from rtuning_helpers.run.profiles import RunConfig

FEW_STEPS = 30  # optimiser steps below which nothing is learnt
ENOUGH = 100  # questions; a share of so many is known to within 10 points (95 %), a share of fewer is not a finding
TESTED_SEEDS = (0,)  # of tuning, for which every finding was checked on the whole data set
HARDLY_ANY = 0.05  # share of right answers up to which a model counts as knowing nothing of a data set
HOLDS, FAILS, TOO_FEW, NOTE = "holds: ", "DOES NOT HOLD: ", "too few: ", "NOTE: "  # how lines of notebooks begin


def knowledge_notice(correct: Sequence[bool]) -> None:
    """Say it plainly where the untuned model knows nothing of the questions; say nothing otherwise."""
    if sum(correct) <= HARDLY_ANY * len(correct):
        share = f"{sum(correct):,} of {len(correct):,} questions right"
        print(
            f"{NOTE}the untuned model answers {share}: it knows nothing of this data.\n"
            "What follows shows that the code runs. It shows nothing about R-Tuning, and sentences about what\n"
            "the model knows are meant for the default model and data."
        )


def short_run_notice(steps: int) -> None:
    """Say it plainly where a model was tuned for so few steps that it cannot have learnt anything; else nothing."""
    if steps < FEW_STEPS:
        print(
            f"{NOTE}tuned for {steps} step{'s' if steps != 1 else ''} only. What follows shows that the code runs.\n"
            "Sentences about what was learnt, and the checks at the end, are meant for the whole data set."
        )


def finding(text: str, holds: bool, config: RunConfig, on: str = "mini", n: int | None = None) -> None:
    """Print whether a finding holds; on the default model, data and seed it must.

    Args:
        text: What was found.
        holds: Whether it is so in this run.
        config: The run.
        on: The data set that the finding is about.
        n: Number of questions that it stands on; None for what was recorded over seeds, or does not count questions.

    Raises:
        AssertionError: It does not hold on the whole of that data set, with the kit's own model and seed.
    """
    if n is not None and n < ENOUGH:
        print(f"{TOO_FEW}{text} ({n} questions; at least {ENOUGH} are needed)")
        return
    tested = config.seed in TESTED_SEEDS
    report = "" if tested or not config.is_whole(on) else f" (seed {config.seed} was never tested; please report it)"
    print(f"{HOLDS}{text}" if holds else f"{FAILS}{text}{report}")
    assert holds or not (tested and config.is_whole(on)), f"finding does not hold: {text}"

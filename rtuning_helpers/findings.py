"""Findings of a notebook: asserted on the kit's default model, reported on every other."""

from __future__ import annotations

from rtuning_helpers.profiles import RunConfig


def finding(text: str, holds: bool, config: RunConfig) -> None:
    """Print whether a finding holds; on the default model and data it must.

    Raises:
        AssertionError: It does not hold on the whole mini data set with the shipped mini model.
    """
    print(f"{'holds' if holds else 'DOES NOT HOLD'}: {text}")
    whole_default = (config.profile, config.dataset, config.model, config.limit) == ("mini", "mini", None, None)
    assert holds or not whole_default, f"finding does not hold: {text}"

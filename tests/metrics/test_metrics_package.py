"""The metrics as a package: its names, and that a change of any of its modules counts as changed code."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from rtuning_helpers import metrics

FOLDER = Path(metrics.__file__).parent
EXPORTED = {name for name, item in vars(metrics).items() if name[0] != "_" and not inspect.ismodule(item)} - {
    "annotations"
}


def test_every_public_function_and_class_is_exported():
    found = {
        name
        for file in FOLDER.glob("*.py")
        if file.stem not in ("__init__", "arrays", "binning")  # what the others share
        for name, item in vars(__import__(f"rtuning_helpers.metrics.{file.stem}", fromlist=["x"])).items()
        if getattr(item, "__module__", None) == f"rtuning_helpers.metrics.{file.stem}" and not name.startswith("_")
    } - {"resampled", "percentile_interval"}  # what the summary shares with the bootstrap
    assert found | {"Metric", "Values"} == EXPORTED


@pytest.mark.parametrize("name", sorted(EXPORTED - {"Metric", "Values"}))
def test_every_export_is_there_and_explained(name):
    assert len(inspect.getdoc(getattr(metrics, name))) > 30

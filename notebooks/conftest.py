"""How pytest runs the notebooks (through nbval): quietly, patiently, and marked so that they can be left out."""

import os

import pytest
from nbval.plugin import IPyNbCell

collect_ignore_glob = ["*/solutions/*"]  # of translations: their code is that of solutions/, which runs
OUTPUT_SECONDS = 300  # nbval waits 5 s for a cell's outputs, too little for a busy machine


def pytest_configure(config):
    """All notebooks share the finished steps of one folder, kept for the next session; the reader's stays as it is.

    Their models are tuned, so that one that is at work does not meet another adapter than a moment before.
    """
    os.environ.setdefault("RTUNING_READY", "0")
    if hasattr(config, "cache"):
        os.environ.setdefault("RTUNING_OUT_BASE", str(config.cache.mkdir("rtuning")))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Before a notebook's kernel starts: no bars of libraries in it. Not earlier, as the other tests look at bars."""
    os.environ["TQDM_DISABLE"] = "1"


def pytest_collection_modifyitems(items):
    """Mark the cells as ``notebooks`` and give them time."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.output_timeout = OUTPUT_SECONDS
            item.add_marker(pytest.mark.notebooks)

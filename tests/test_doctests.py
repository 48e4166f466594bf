"""The examples in docstrings give what they show; only modules that hold some are imported."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import rtuning_helpers

PACKAGE = Path(rtuning_helpers.__file__).parent
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", MODULES)
def test_examples(module):
    result = doctest.testmod(import_module(module.removesuffix(".__init__")))
    assert (result.failed, result.attempted > 0) == (0, True)

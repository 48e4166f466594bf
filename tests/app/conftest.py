"""What every test of the command line shares."""

import pytest

from rtuning_helpers.app import cli


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """What the command line does in a process of its own is done in the test's, with what the test replaced."""
    monkeypatch.setattr(cli, "in_own_process", lambda function, *arguments: function(*arguments))

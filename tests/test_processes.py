"""Processes of our own kind."""

import os
import signal

import pytest
import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.processes import in_own_process

LARGE = 600  # sides of a matrix that several threads share


def multiplied() -> int:
    torch.set_num_threads(4)
    return int((torch.ones(LARGE, LARGE) @ torch.ones(LARGE, LARGE))[0, 0])


def refused() -> None:
    raise InputError("row 3: found x")


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_it_computes_with_many_threads_after_this_process_did():
    assert multiplied() == LARGE  # a copy of this process would wait for its threads for ever
    assert in_own_process(multiplied) == LARGE


def test_its_errors_come_back():
    with pytest.raises(InputError, match="row 3: found x"):
        in_own_process(refused)


def test_its_death_is_an_error():
    with pytest.raises(RuntimeError, match=r"killed: its process was killed, or ran out of memory"):
        in_own_process(killed)

"""Several processes that do something together, as if ``accelerate launch`` had started them: copies of this one."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from rtuning_helpers import ranks
from rtuning_helpers.model.threads import one_thread
from rtuning_helpers.processes import PROCESSES


def in_several(function: Callable[[], Any], count: int = 2) -> list[Any]:
    """What a function gives in each of so many processes, in their order; fails where one of them does.

    They share what is loaded here, and what a test has replaced. Linux only.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines, processes = [], []
    for number in range(count):
        line, its_line = PROCESSES.Pipe()
        process = PROCESSES.Process(target=_be_one, args=(function, number, count, port, its_line), daemon=True)
        process.start()
        its_line.close()
        lines.append(line)
        processes.append(process)
    try:
        told = [line.recv() for line in lines]
    finally:
        for process in processes:
            process.join(10)
            process.kill()
    problems = [found for failed, found in told if failed]
    assert not problems, "\n".join(problems)
    return [found for _, found in told]


def _be_one(function: Callable[[], Any], number: int, count: int, port: int, line: Connection) -> None:
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)  # what the process was of which this is a copy
    GradientState._reset_state()
    own = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in own.items()} | {"MASTER_ADDR": "127.0.0.1"}
    try:
        with one_thread():
            ranks.join()
            found = function()
            ranks.leave()
        line.send((False, found))
    except BaseException:
        line.send((True, f"process {number}: {traceback.format_exc()}"))

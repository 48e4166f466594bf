"""Several processes that do one run together, each with a GPU or cores of its own: which one this is, what others say.

A program that ``accelerate launch`` starts several times calls `join`. Any other process is alone: the first of one.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from rtuning_helpers.errors import InputError

Value = TypeVar("Value")
PATIENCE = timedelta(days=7)  # one may wait for a lock, or read more questions than another


@dataclass(frozen=True)
class _Group:
    number: int
    count: int
    local: int  # number on this machine
    line: Any  # torch's process group for what they tell each other, apart from that for gradients


_group: _Group | None = None


def join() -> None:
    """Meet the other processes, if ``accelerate launch`` or ``torchrun`` has started several.

    Raises:
        InputError: There are fewer GPUs on this machine than processes.
    """
    global _group
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return
    if os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true" or os.environ.get("RTUNING_DEVICE") == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""

    import torch  # here, because most processes are alone, and many need none of it
    from accelerate import PartialState

    gpus, here = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if 0 < gpus < here:
        raise InputError(f"{here} processes were started on a machine with {gpus} GPUs; expected one for each")
    state = PartialState(cpu=not gpus)
    line = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
    _group = _Group(state.process_index, state.num_processes, state.local_process_index, line)


def leave() -> None:
    """Take leave of the others, who do the same."""
    global _group
    if _group is not None:
        import torch

        decided(lambda: None)
        torch.distributed.destroy_process_group()
        _group = None


def count() -> int:
    """How many processes do the run together."""
    return 1 if _group is None else _group.count


def number() -> int:
    """Which of them this is, from 0."""
    return 0 if _group is None else _group.number


def local_number() -> int:
    """Which of those on this machine this is, from 0."""
    return 0 if _group is None else _group.local


def is_first() -> bool:
    """Whether this is the one that writes, and speaks with the user."""
    return number() == 0


def part_weights() -> bool:
    """Whether each keeps a part of a model's weights while it is tuned, as accelerate's configuration says (FSDP)."""
    return _group is not None and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def decided(decide: Callable[[], Value]) -> Value:
    """What the first process finds; the others wait for it. All of them have to call this."""
    if _group is None:
        return decide()

    from torch.distributed import broadcast_object_list

    told = [decide() if is_first() else None]
    broadcast_object_list(told, src=0, group=_group.line)
    return told[0]  # type: ignore[return-value]  # the first one's


def gathered(value: Value) -> list[Value]:
    """What each of the processes has, in their order. All of them have to call this."""
    if _group is None:
        return [value]

    from torch.distributed import all_gather_object

    found: list[Any] = [None] * _group.count
    all_gather_object(found, value, group=_group.line)
    return found

"""What a tuning has done so far, in one file: written whole or not at all, read whole or not at all, without pickle.

A value of dictionaries, lists, numbers, texts and tensors is taken apart: the tensors become those of a safetensors
file, the rest is JSON in its header.
"""

import json
import os
import zlib
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.step_folders import to_disk

FILE, PART = "so_far.safetensors", "so_far.part"


def save_checkpoint(place: Unfinished, value: Mapping[str, Any]) -> None:
    """Put ``value`` in the place of what was saved before, if it can be written; else the earlier one stays."""
    tensors: dict[str, torch.Tensor] = {}
    rest = json.dumps({"key": place.key, "value": _without_tensors(value, tensors)})
    header = {"rest": rest, "crc32": str(_checksum(rest, tensors))}
    part = place.folder / PART
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part, metadata=header)
        to_disk(part)  # or a loss of power may leave the name without the content
        os.replace(part, place.folder / FILE)
    except (OSError, SafetensorError):  # a full disk is no reason to end the tuning
        part.unlink(missing_ok=True)


def read_checkpoint(place: Unfinished) -> dict[str, Any] | None:
    """What was saved there; None if nothing was, if it is of another step, or not whole."""
    try:
        with safe_open(place.folder / FILE, "pt") as file:
            header, names = file.metadata(), file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}
        known = json.loads(header["rest"])
        if known["key"] != place.key or header["crc32"] != str(_checksum(header["rest"], tensors)):
            return None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None
    return _with_tensors(known["value"], tensors)


def _without_tensors(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """The value as JSON, each tensor replaced by its number; dictionaries as pairs, since their keys may be numbers."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[key, _without_tensors(item, tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_without_tensors(item, tensors) for item in value]
    return value


def _with_tensors(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_with_tensors(item, tensors) for item in value]
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _with_tensors(item, tensors) for key, item in value["pairs"]}
    return value


def _checksum(rest: str, tensors: Mapping[str, torch.Tensor]) -> int:
    found = zlib.crc32(rest.encode())
    for name in sorted(tensors):
        found = zlib.crc32(tensors[name].flatten().view(torch.uint8).numpy().data, found)
    return found

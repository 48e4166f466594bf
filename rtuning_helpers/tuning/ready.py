"""The adapters that come with the kit, taken in the place of a tuning that would give the same.

One is taken only where all that it was tuned from is as it is here: settings, model, seed and code of the tuning, and
its records byte by byte. `miniworld.ready_adapters` makes them.
"""

import json
import shutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rtuning_helpers.file_hashes import CHECKSUMS, file_sha256, verify_checksums
from rtuning_helpers.json_files import read_json, write_json, write_text
from rtuning_helpers.language import tr
from rtuning_helpers.model.adapters import CONFIG
from rtuning_helpers.run.step_folders import read_manifest

READY_FOLDER = Path(__file__).parents[1] / "miniworld" / "adapters"  # <data set>/<method>/
KEY, READY = "key.json", "ready"
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")


def ready_key(parameters: Mapping[str, Any], records: Path) -> dict[str, Any]:
    """All that an adapter depends on: the parameters of its tuning step, and the content of its records."""
    return {"parameters": json.loads(json.dumps(parameters)), "records_sha256": file_sha256(records)}


def find_ready(parameters: Mapping[str, Any], records: Path) -> Path | None:
    """The folder of the kit's adapter for these parameters of a tuning step and these records; None if none fits."""
    wanted = ready_key(parameters, records)
    keys = sorted(READY_FOLDER.glob(f"*/*/{KEY}"))
    return next((path.parent for path in keys if read_json(path)["key"] == wanted), None)


def take_ready(ready: Path, folder: Path) -> dict[str, Any]:
    """Copy what a tuning step would have written into its folder.

    Returns:
        The summary for its manifest, by which `is_ready` knows it.

    Raises:
        InputError: A file of the kit is damaged.
    """
    verify_checksums(ready)
    for path in _tuned_files(ready):
        target = folder / path.relative_to(ready)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return {READY: read_json(ready / KEY)["made_with"]}


def is_ready(folder: Path) -> bool:
    """Whether a tuning step's result is one that came with the kit."""
    return READY in read_manifest(folder).get("summary", {})


@cache
def say_ready(label: str, folder: Path) -> None:
    """Say, once a process, that a method's adapter was not tuned here; it lies in the folder."""
    print(
        tr(
            "{label}: not tuned here. This adapter comes with the kit, tuned from the same model, records, settings, "
            "seed and code; parameter ready = False tunes it here.",
            label=label,
        )
    )


def write_ready(ready: Path, tuned: Path, records: Path) -> None:
    """Write what `take_ready` reads, from the folder of a finished tuning step.

    Args:
        ready: An empty folder.
        tuned: The step's.
        records: What it was tuned on.
    """
    for path in _tuned_files(tuned):
        target = ready / path.relative_to(tuned)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    settings = ready / "adapter" / CONFIG
    content = read_json(settings)
    # No path of this machine; and no name, or peft looks for it on the hub.
    content |= {"base_model_name_or_path": None, "target_modules": sorted(content["target_modules"])}
    write_json(settings, content)
    key = ready_key(read_manifest(tuned)["parameters"], records)
    write_json(ready / KEY, {"key": key, "made_with": {name: version(name) for name in LIBRARIES}})
    write_text(ready / CHECKSUMS, "".join(f"{file_sha256(p)}  {_name(p, ready)}\n" for p in _tuned_files(ready)))


def _tuned_files(folder: Path) -> list[Path]:
    """What a tuning step leaves; of the adapter what is read again, without peft's empty model card."""
    return [*sorted((folder / "adapter").glob("adapter_*")), folder / "training.json"]


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()

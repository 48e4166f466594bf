"""What this machine can run: versions, memory, GPU, 4-bit support, the mini checkpoint, the profiles that fit."""

import os
import platform
import shutil
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import CHECKSUMS, verify_checksums
from rtuning_helpers.model.control_groups import memory_limit
from rtuning_helpers.model.device import default_device, free_memory_gib, has_bfloat16
from rtuning_helpers.model.device import memory_gib as device_memory_gib
from rtuning_helpers.model.model_files import MINI_CHECKPOINT, model_location
from rtuning_helpers.model.named_device import DEVICE, GIVEN_UP
from rtuning_helpers.model.threads import allowed_cores, free_cores, thread_count
from rtuning_helpers.run.gpu_choices import model_shape
from rtuning_helpers.run.profiles import PROFILES, Profile, RunConfig, default_out
from rtuning_helpers.tuning.kernels import fastest_type
from rtuning_helpers.tuning.knobs import choose_knobs, room_before_loading

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
MINI_MEMORY_GIB, MINI_DISK_GIB, LAPTOP_MEMORY_GIB = 1.5, 1.0, 4.0
PARAREL_TOKENS, PREDICTED = 64, 32  # of its longest records, and of an answer with what follows it
GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, and what was found."""

    name: str
    ok: bool | None  # whether it is as the kit needs it; None where it is for information only
    detail: str


def examine() -> list[Finding]:
    """Look at everything that decides what can be run here; takes a few seconds."""
    memory, disk = memory_gib(), shutil.disk_usage(default_out()).free / GIB
    found = [Finding("python", None, platform.python_version()), *_packages(), _processor()]
    found.append(Finding("memory", memory >= MINI_MEMORY_GIB, f"{memory:.1f} GiB"))
    found.append(Finding("disk", disk >= MINI_DISK_GIB, f"{disk:.0f} GiB free"))
    found += [_gpu(), _four_bit(), _checkpoint()]
    return found + [_profile(name, profile, found) for name, profile in PROFILES.items()]


def memory_gib() -> float:
    """Memory that this process may use [GiB]: the machine's, or the limit of its control groups if that is lower."""
    return min(psutil.virtual_memory().total, memory_limit()) / GIB


def _processor() -> Finding:
    kind = torch.backends.cpu.get_cpu_capability()
    threads = f"{free_cores()} free now, computes with {thread_count()} thread{'s' if thread_count() != 1 else ''}"
    fastest = f"multiplies fastest in {fastest_type()}"
    return Finding("processor", None, f"{kind}; {allowed_cores():g} cores, {threads}; {fastest}")


def _packages() -> list[Finding]:
    found = []
    for package in PACKAGES:
        try:
            found.append(Finding(package, True, version(package)))
        except PackageNotFoundError:
            found.append(Finding(package, False, "not installed"))
    return found


def _gpu() -> Finding:
    if default_device().type == "mps":
        return Finding("GPU", None, f"Apple silicon (mps), {device_memory_gib(default_device()):.1f} GiB, float32")
    if not torch.cuda.is_available():
        unused = f"; Apple's is not used unless {DEVICE}=mps" if torch.backends.mps.is_available() else ""
        return Finding("GPU", None, f"none that CUDA can use{unused}")
    properties = torch.cuda.get_device_properties(0)
    bf16 = "bfloat16" if has_bfloat16() else "no bfloat16"
    count = f"{torch.cuda.device_count()} x " if torch.cuda.device_count() > 1 else ""
    return Finding("GPU", None, f"{count}{properties.name}, {properties.total_memory / GIB:.1f} GiB, {bf16}")


def _four_bit() -> Finding:
    """Quantise a small layer to NF4, run it, and compare with the layer as it was."""
    if default_device().type == "mps":
        return Finding("4-bit", None, GIVEN_UP)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from bitsandbytes.nn import Linear4bit

            torch.manual_seed(0)
            plain = torch.nn.Linear(64, 64, bias=False)
            layer = Linear4bit(64, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4")
            layer.load_state_dict(plain.state_dict())
            layer = layer.to(default_device())
            asked = torch.randn(8, 64)
            with torch.inference_mode():
                wanted, got = plain(asked), layer(asked.to(default_device())).float().cpu()
        error = ((got - wanted).norm() / wanted.norm()).item()
    except Exception as failure:  # whatever a library built for another machine raises
        return Finding("4-bit", False, f"does not work: {type(failure).__name__}: {_first_line(failure)}")
    stored = layer.weight.dtype == torch.uint8
    detail = f"NF4 on {default_device().type}; {100 * error:.0f} % error in a small layer's output"
    return Finding("4-bit", stored and error < 0.2, detail)


def _checkpoint() -> Finding:
    if not MINI_CHECKPOINT.is_dir():
        return Finding("mini checkpoint", False, "missing; run `rtuning build-mini`")
    try:
        verify_checksums(Path(model_location("mini")))
    except InputError as error:
        return Finding("mini checkpoint", False, str(error).replace(f"{MINI_CHECKPOINT.parent}{os.sep}", ""))
    if not (MINI_CHECKPOINT / CHECKSUMS).is_file():
        return Finding("mini checkpoint", False, f"has no {CHECKSUMS}; run `rtuning build-mini`")
    size = sum(path.stat().st_size for path in MINI_CHECKPOINT.iterdir()) / 1e6
    return Finding("mini checkpoint", True, f"complete, {size:.1f} MB, checksums match")


def _profile(name: str, profile: Profile, found: list[Finding]) -> Finding:
    """Whether the profile fits, and if not, why."""
    lacking = [f"{f.name} {f.detail}" for f in found if f.ok is False and f.name in PACKAGES]
    broken = {f.name: f.detail for f in found if f.ok is False}
    if profile.four_bit and "4-bit" in broken:
        lacking.append(f"4-bit {broken['4-bit']}")
    if "disk" in broken:
        lacking.append(f"disk: {broken['disk']}, needs {MINI_DISK_GIB:.0f} GiB")
    if name == "mini":
        lacking += [f"{key}: {broken[key]}" for key in ("memory", "mini checkpoint") if key in broken]
    if name == "laptop" and memory_gib() < LAPTOP_MEMORY_GIB:
        lacking.append(f"memory: {memory_gib():.1f} GiB, needs {LAPTOP_MEMORY_GIB:.0f} GiB")
    if profile.needs_gpu:
        lacking += _gpu_lacks(profile)
    kind = f", tuned in {fastest_type()}" if profile.tuning_dtype == "fastest" else ""
    if profile.needs_gpu and not lacking:
        kind = f", {knobs_in_words(RunConfig(profile=name))}"
    return Finding(f"profile {name}", not lacking, "; ".join(lacking) or f"fits; model {profile.model}{kind}")


def knobs_in_words(config: RunConfig) -> str:
    """What a run's profile chooses for the GPU's memory as it is now, for questions as short as ParaRel's and for long.

    Raises:
        InputError: The model's configuration cannot be loaded.
    """
    settings, device = config.settings, default_device()
    shape = model_shape(settings.model, settings.revision)
    room, attention = room_before_loading(settings, shape, free_memory_gib(device)), "sdpa"
    kinds = {"qlora": "4 bits", "lora": f"LoRA beside {settings.dtype}", "full": f"all weights in {settings.dtype}"}
    told = [
        f"up to {length:,} tokens {choose_knobs(settings, shape, length, min(length, PREDICTED), room, attention)}"
        for length in (PARAREL_TOKENS, settings.max_length)
    ]
    return f"{kinds[settings.tuning]}; {'; '.join(told)}"


def _gpu_lacks(profile: Profile) -> list[str]:
    device = default_device()
    if device.type == "mps":  # whose memory says little here: the profile is meant for 4 bits
        return []
    if device.type != "cuda":
        return [f"needs a CUDA GPU with {profile.gpu_memory_gib:.0f} GiB"]
    memory, lacks = device_memory_gib(device), []
    if memory < profile.gpu_memory_gib:
        lacks.append(f"needs {profile.gpu_memory_gib:.0f} GiB of GPU memory, has {memory:.1f}")
    if profile.dtype == "bfloat16" and not has_bfloat16():
        lacks.append("needs a GPU with bfloat16")
    return lacks


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0].replace(str(Path.home()), "~")[:160]

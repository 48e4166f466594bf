"""One GPU, measured in at most 8 minutes: ``python -m benchmarks.gpu --out results/gpu [--model NAME]``.

Models shaped like OpenLLaMA-3B and LLaMA-7B (published configurations, random weights, nothing is downloaded) are tuned
by QLoRA as the kit does it and as TRL does it by its defaults (``pip install trl``; passed over where it is not
installed), on examples as long as ParaRel's. One answers questions in the kit's batches, by ``generate`` one at a time,
and by ``generate`` in batches, beside the least time that arithmetic and memory traffic need at the rates measured
here. With ``--model`` notebooks 01 to 05 are run on a real, small model.

Targets: 7 billion weights below 8 GB and 3 billion below 5 GB at ParaRel's lengths; 2 times the examples/s of TRL's
defaults; probing at 50 % of the limit. None of this has been run on a GPU yet.

Every stage has a time budget; after each, ``gpu.json`` in the folder holds all that is known so far. Without a GPU
every line runs on the CPU with small shapes, whose numbers mean nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from math import ceil
from pathlib import Path
from unittest import mock

import torch
from bitsandbytes.nn import Linear4bit, Params4bit
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel, TrainerCallback

from benchmarks import worker
from benchmarks.probing import one_at_a_time
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.json_files import write_json
from rtuning_helpers.model.decoding import answer_prompts
from rtuning_helpers.model.device import default_device, free_memory_gib, has_bfloat16, memory_gib, peak_memory
from rtuning_helpers.model.language_model import LanguageModel, load_tokenizer
from rtuning_helpers.model.lora import lora_config
from rtuning_helpers.model.model_files import MINI_CHECKPOINT
from rtuning_helpers.model.tuning_memory import GIB, SHAPES, Shape
from rtuning_helpers.processes import give_memory_back
from rtuning_helpers.run.profiles import find_profile
from rtuning_helpers.tuning import finetuning
from rtuning_helpers.tuning.encoding import IGNORED

SECONDS = 480.0
LENGTHS, PREDICTED = (30, 64), 12  # tokens of ParaRel's records with LLaMA's tokenizer, and of what is learnt of one
NEW_TOKENS, WARM_UP = 15, 2  # tokens of an answer; steps that are not timed
TARGETS = {"open_llama_3b": 5.0, "llama_7b": 8.0}  # peak memory [GB]


@dataclass
class Work:
    """What all stages know: the machine, the sizes, and until when a stage may go on."""

    device: torch.device
    small: bool
    given: argparse.Namespace
    folder: Path
    ends: float = 0.0

    @property
    def dtype(self) -> str:
        return "float16" if self.device.type == "cuda" and not has_bfloat16() else "bfloat16"

    def shape(self, name: str) -> Shape:
        whole = SHAPES[{"open_llama_3b": "openlm-research/open_llama_3b", "llama_7b": "huggyllama/llama-7b"}[name]]
        small = replace(whole, layers=2, width=64, inner=128, heads=2, keys=64)
        return replace(small, vocabulary=len(load_tokenizer("mini"))) if self.small else whole

    def left(self) -> float:
        return self.ends - time.perf_counter()


def random_model(shape: Shape, dtype: str, four_bit: bool, device: torch.device) -> PreTrainedModel:
    """A Llama of a shape with weights by lot, a matrix at a time, so that it never takes more than it does loaded."""
    config = llama_config(shape)
    compute = getattr(torch, dtype)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=compute)
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    known = len(load_tokenizer("mini"))
    for name, module in list(model.named_modules()):
        for part, weight in list(module.named_parameters(recurse=False)):
            made = torch.ones(weight.shape, dtype=compute, device=device)
            if weight.ndim == 2:
                made.normal_(std=0.02)
            if name == "lm_head":
                made[known:] = 0  # no token that the tokenizer lacks is ever the likeliest
            setattr(module, part, torch.nn.Parameter(made, requires_grad=True))
        if four_bit and isinstance(module, torch.nn.Linear) and name != "lm_head":
            how = {"bias": False, "compute_dtype": compute, "quant_type": "nf4", "device": "meta"}
            packed = Linear4bit(module.in_features, module.out_features, **how)
            packed.weight = Params4bit(module.weight.data, requires_grad=False, quant_type="nf4").to(device)
            model.set_submodule(name, packed)
    model.is_loaded_in_4bit = four_bit
    return model


def llama_config(shape: Shape) -> LlamaConfig:
    """The configuration of a Llama of that shape."""
    return LlamaConfig(
        hidden_size=shape.width, intermediate_size=shape.inner, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.heads, vocab_size=shape.vocabulary,
        max_position_embeddings=2048, pad_token_id=0, eos_token_id=load_tokenizer("mini").eos_token_id,
    )  # fmt: skip


def examples(count: int) -> list[dict[str, list[int]]]:
    """Random token ids of ParaRel's lengths, of which the last are to be predicted."""
    lots, tokens = random.Random(0), len(load_tokenizer("mini"))
    rows = [[lots.randrange(5, tokens) for _ in range(lots.randint(*LENGTHS))] for _ in range(count)]
    return [{"input_ids": row, "labels": [IGNORED] * (len(row) - PREDICTED) + row[-PREDICTED:]} for row in rows]


class Clock(TrainerCallback):
    """Examples a second behind the first steps; ends training when the stage's time is over."""

    def __init__(self, work: Work) -> None:
        self.work, self.ends = work, list[float]()

    def on_step_end(self, args, state, control, **kwargs):
        if self.work.device.type == "cuda":
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        self.step_examples = args.per_device_train_batch_size * args.gradient_accumulation_steps
        control.should_training_stop |= self.work.left() < 0

    def rate(self) -> float | None:
        """Examples a second; None if no step was timed."""
        timed = len(self.ends) - WARM_UP
        return round(timed * self.step_examples / (self.ends[-1] - self.ends[WARM_UP - 1]), 2) if timed > 0 else None


def machine(work: Work) -> dict:
    """What is measured on."""
    name = torch.cuda.get_device_name() if work.device.type == "cuda" else platform.processor() or platform.machine()
    libraries = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")
    found = {"device": work.device.type, "name": name, "memory_gib": round(memory_gib(work.device), 1)}
    found |= {"dtype": work.dtype, "small_shapes": work.small}
    return found | {"versions": {library: version(library) for library in libraries}}


def roofline(work: Work) -> dict:
    """Arithmetic and memory traffic, each as fast as this device does it: matrix products, and a copy."""
    side, count = (256, 2**20) if work.small else (8192, 2**28)
    left, right = (torch.randn(side, side, device=work.device, dtype=getattr(torch, work.dtype)) for _ in range(2))
    source = torch.ones(count, device=work.device, dtype=torch.uint8)
    target = torch.empty_like(source)
    product, copy = fastest(work, lambda: left @ right), fastest(work, lambda: target.copy_(source))
    return {"tflops": round(2 * side**3 / product / 1e12, 3), "gb_per_s": round(2 * count / copy / 1e9, 2)}


def fastest(work: Work, do: Callable[[], object], times: int = 10) -> float:
    """The shortest of several durations [s], when the first three are done."""
    seconds = []
    for _ in range(times + 3):
        started = now(work)
        do()
        seconds.append(now(work) - started)
    return min(seconds[3:])


def now(work: Work) -> float:
    """The time when the device has done all that it was told [s]."""
    if work.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def kit_qlora(work: Work, name: str) -> dict:
    """QLoRA by the kit, with the profile consumer-24gb."""
    shape, clock = work.shape(name), Clock(work)
    settings = replace(find_profile("consumer-24gb"), model=str(model_folder(work, name)), dtype=work.dtype)
    settings = replace(settings, batch_size=4, accumulation=1) if work.small else settings

    def load(location, revision, dtype, four_bit, packed=None, named=None):
        return random_model(shape, dtype, four_bit, work.device)

    with mock.patch.object(finetuning, "load_base_model", load), tempfile.TemporaryDirectory() as out:
        rows = examples((WARM_UP + (2 if work.small else 30)) * settings.batch_size)
        log = finetuning.finetune_encoded(rows, settings, Path(out), callbacks=[clock])
    return {**told(name, clock), "knobs": log.knobs, "weights_gb": gb(log.model_mib * 2**20), "steps": len(clock.ends),
            "peak_gb": gb(log.peak_mib * 2**20)}  # fmt: skip


def trl_qlora(work: Work, name: str) -> dict:
    """The same model, adapter and examples by TRL's SFTTrainer with its defaults."""
    try:
        from datasets import Dataset
        from trl import SFTConfig, SFTTrainer
    except ImportError as error:
        return {"skipped": f"{error}; `pip install trl` to compare"}
    model, clock = random_model(work.shape(name), work.dtype, True, work.device), Clock(work)
    rows = examples(64 if work.small else 400)
    data = [
        {"input_ids": row["input_ids"], "completion_mask": [int(label != IGNORED) for label in row["labels"]]}
        for row in rows
    ]
    if work.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as out:
        how = {"use_cpu": work.device.type == "cpu", "max_steps": WARM_UP + (2 if work.small else 40)}
        trainer = SFTTrainer(
            model=model, args=SFTConfig(output_dir=out, report_to="none", save_strategy="no", **how),
            train_dataset=Dataset.from_list(data), processing_class=load_tokenizer("mini"),
            peft_config=lora_config(model.config, 16), callbacks=[clock],
        )  # fmt: skip
        trainer.train()
    found = {"trl": version("trl"), "steps": len(clock.ends), "peak_gb": gb(peak_memory(work.device))}
    return told(name, clock) | found


def told(name: str, clock: Clock) -> dict:
    """What both say of themselves."""
    return {"shape": name, "examples_per_s": clock.rate(), "target_peak_gb": TARGETS[name]}


def gb(size: float | None) -> float | None:
    """Bytes as GB."""
    return None if size is None else round(size / 1e9, 2)


def model_folder(work: Work, name: str) -> Path:
    """A folder that names the shape and holds the mini tokenizer, and no weights."""
    folder = work.folder / name
    if not folder.is_dir():
        folder.mkdir()
        for path in MINI_CHECKPOINT.glob("*token*"):
            shutil.copy(path, folder)
        llama_config(work.shape(name)).save_pretrained(folder)
        save_file({}, folder / "model.safetensors")
    return folder


def probing(work: Work, report: dict) -> dict:
    """Answers and P(sure): the kit, `generate` one at a time, `generate` in batches, and the least time."""
    shape, batch = work.shape("open_llama_3b"), 4 if work.small else 128
    four_bit = work.device.type == "cuda" and free_memory_gib(work.device) < 3 * shape.total / GIB
    model = random_model(shape, work.dtype, four_bit, work.device).eval().requires_grad_(False)
    lm = LanguageModel(model, load_tokenizer("mini"), "random", "random")
    texts = [prompts.task_prompt(q) for q in load_questions("mini", "id", limit=8 if work.small else 512)]
    how = {"max_new_tokens": NEW_TOKENS, "batch_size": batch, "sureness": prompts.SURENESS_LABELS}
    found = {"questions": len(texts), "batch": batch, "four_bit": four_bit}
    answer_prompts(lm, texts[:batch], **how)  # warm up
    started = now(work)
    answers = answer_prompts(lm, texts, **how)
    kit = now(work) - started
    found["kit_per_s"] = round(len(texts) / kit, 2)

    started, done = now(work), 0
    while done == 0 or (done < len(texts) and work.left() > work.given.seconds / 20):
        one_at_a_time(lm, texts[done : done + 2])
        done += 2
    found["generate_one_at_a_time_per_s"] = round(done / (now(work) - started), 2)
    started, done = now(work), 0
    while done == 0 or (done < len(texts) and work.left() > 0):
        with torch.inference_mode():
            worker.generate(lm, texts[done : done + batch], batch, NEW_TOKENS, True)
        done = min(done + batch, len(texts))
    found["generate_in_batches_per_s"] = round(done / (now(work) - started), 2)

    rates = report["stages"].get("roofline", {})
    if "tflops" in rates:
        written = sum(len(answer.token_probabilities) for answer in answers)
        least = least_seconds(shape, lm, texts, batch, written, rates, 0.52 if four_bit else 2)
        found |= {"limit_per_s": round(len(texts) / least, 2), "share_of_limit": float(f"{least / kit:.3g}")}
    return found


def least_seconds(
    shape: Shape, lm: LanguageModel, texts: list[str], batch: int, written: int, rates: dict, width: float
) -> float:
    """The time that arithmetic or memory traffic needs, whichever is longer, summed over all passes of all batches.

    Args:
        written: Tokens of all answers.
        rates: Those of `roofline`.
        width: Bytes of a weight as it is stored.
    """
    read = sum(map(len, lm.tokenizer(texts)["input_ids"]))
    asked = len(texts) * len(lm.tokenizer(prompts.sureness_suffix(), add_special_tokens=False)["input_ids"])
    head, passes, steps = shape.vocabulary * shape.width, ceil(len(texts) / batch), written / len(texts)

    def seconds(tokens: float, ends: float, times: float, cached: float) -> float:
        arithmetic = 2 * (shape.linear * tokens + head * ends) / (rates["tflops"] * 1e12)
        weights = times * (shape.linear * width + 2 * head)
        keys_and_values = cached * 2 * shape.layers * shape.keys * 2
        return max(arithmetic, (weights + keys_and_values) / (rates["gb_per_s"] * 1e9))

    context = read / len(texts) + steps / 2  # tokens that a new one looks at
    beginning = seconds(read, len(texts), passes, read)
    going_on = seconds(written, written, passes * steps, written * context)
    return beginning + going_on + seconds(asked, len(texts), passes, len(texts) * context)


def notebook_command(work: Work, out: Path) -> list[str]:
    """What runs notebooks 01 to 05."""
    profile = "gpu" if work.device.type == "cuda" else "laptop"
    command = [sys.executable, "-m", "rtuning_helpers.app.cli", "run", "--profile", profile, "--out", str(out)]
    command += ["--model", work.given.model, "--limit", str(24 if work.small else 300), "--methods", "vanilla,padding"]
    return command + (["--dataset", "pararel", "--data-dir", work.given.data_dir] if work.given.data_dir else [])


def notebooks(work: Work) -> dict:
    """Notebooks 01 to 05 on a real model, from the untuned one to the metrics."""
    if work.given.model is None:
        return {"skipped": "no --model was named"}
    out, started = Path(work.given.out).resolve() / "runs", time.perf_counter()
    try:
        done = subprocess.run(notebook_command(work, out), capture_output=True, text=True, timeout=max(work.left(), 1))
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {time.perf_counter() - started:.0f} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no word"])[-1][:300]}
    (metrics,) = out.rglob("metrics.json")
    return {"model": work.given.model, "rows": json.loads(metrics.read_text(encoding="utf-8"))["rows"]}


def stages(work: Work, report: dict) -> Iterator[tuple[str, float, Callable[[], dict]]]:
    """Names of the stages, the share of the time that each may take, and what to call."""
    yield "machine", 0.01, lambda: machine(work)
    yield "roofline", 0.04, lambda: roofline(work)
    for name in TARGETS:
        yield f"qlora {name}", 0.14, lambda name=name: kit_qlora(work, name)
        yield f"trl {name}", 0.12, lambda name=name: trl_qlora(work, name)
    yield "probing", 0.18, lambda: probing(work, report)
    yield "notebooks", 0.25, lambda: notebooks(work)


def compared(done: dict) -> dict:
    """How the targets were met, as far as they were measured: examples/s against TRL's."""

    def rate(kind: str, name: str) -> float | None:
        return done.get(f"{kind} {name}", {}).get("examples_per_s")

    rates = {name: (rate("qlora", name), rate("trl", name)) for name in TARGETS}
    return {f"{name}_times_trl": round(kit / trl, 2) for name, (kit, trl) in rates.items() if kit and trl}


def main(arguments: list[str] | None = None) -> None:
    """Measure, and save what is known after every stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="results/gpu", help="folder for gpu.json")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for all stages")
    parser.add_argument("--model", help="a real, small model for notebooks 01 to 05")
    parser.add_argument("--data-dir", help="folder with ParaRel, for these notebooks")
    given = parser.parse_args(arguments)
    device, begun = default_device(), time.perf_counter()
    report: dict = {"stages": {}}
    with tempfile.TemporaryDirectory() as folder:
        work = Work(device, device.type == "cpu", given, Path(folder))
        for name, share, stage in stages(work, report):
            started = time.perf_counter()
            work.ends = min(started + share * given.seconds, begun + given.seconds)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = stage()
            except Exception as error:  # the others are measured all the same
                found = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''}"}
            report["stages"][name] = {**found, "seconds": round(time.perf_counter() - started, 1)}
            report |= {"compared": compared(report["stages"]), "seconds": round(time.perf_counter() - begun, 1)}
            Path(given.out).mkdir(parents=True, exist_ok=True)
            write_json(Path(given.out) / "gpu.json", report)
            print(f"{name}: {json.dumps(report['stages'][name])}", flush=True)
            give_memory_back()
            if device.type == "cuda":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

"""Make the mini model's checkpoint: train, measure what it knows, and write an ordinary Hugging Face model folder."""

import copy
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.world.world import World, build_world
from rtuning_helpers.file_hashes import CHECKSUMS, file_sha256
from rtuning_helpers.json_files import write_json, write_text
from rtuning_helpers.metrics.exposure import rate_by_exposure
from rtuning_helpers.miniworld.pretraining import OnStep, PretrainingConfig, pretrain
from rtuning_helpers.model.language_model import LanguageModel, load_language_model
from rtuning_helpers.probe.probing import Probe, probe
from rtuning_helpers.run.step_folders import replace_folder

TRAINING_RECORD = "training.json"
READS = "each fact as often as its exposure says, as question or as sentence"
CHANCE = "There are 20 possible answers to a question, so about 5 % come out right by chance."
SPLIT_OF = {("train", "id"): "train", ("test", "id"): "id", ("test", "ood"): "ood"}  # (subjects, relations) -> split


def exposure_table(probes: Sequence[Probe]) -> list[dict]:
    """Share of right answers by how often the corpus states the fact, as `rate_by_exposure` gives it."""
    return rate_by_exposure([p.exposure for p in probes], [p.correct for p in probes])


def build_checkpoint(
    folder: Path,
    config: PretrainingConfig | None = None,
    world: World | None = None,
    on_step: OnStep = lambda step, steps, loss: None,
) -> dict[str, Any]:
    """Train the mini model and put its checkpoint in place; whatever was there stays until the new one is complete.

    Args:
        config: Size, schedule and seed.
        world: What the model reads; the default is the world that the mini data set asks about.
        on_step: Called after each step, see `pretraining.OnStep`.

    Returns:
        The record of the training, with the knowledge-by-exposure table of each split under ``"knowledge"``.
    """
    world, start = world or build_world(), time.monotonic()
    folder.parent.mkdir(parents=True, exist_ok=True)
    trained = pretrain(world, config, on_step)
    return finish_checkpoint(folder, *trained, start, lambda lm: {"knowledge": measure_knowledge(lm, world)})


def finish_checkpoint(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    record: dict[str, Any],
    start: float,
    measure: Callable[[LanguageModel], dict[str, Any]],
    *more: Any,
) -> dict[str, Any]:
    """Measure what a freshly trained model knows, and put its checkpoint in place.

    Args:
        start: When its making began, as ``time.monotonic()`` tells [s].
        measure: What the record says of the loaded model: its exposure tables as ``knowledge``.
        more: ``card`` and ``add_files`` of `save_checkpoint`.

    Returns:
        The whole record, as it lies in the folder.
    """
    record |= {
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "seconds": round(time.monotonic() - start),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU",
        "versions": {"python": platform.python_version()}
        | {library.__name__: library.__version__ for library in (torch, transformers)},
    }
    with tempfile.TemporaryDirectory() as scratch:  # measured as it will be used: from the file, in 4-bit
        write_model(model, tokenizer, Path(scratch))
        record |= measure(load_language_model(scratch))
    save_checkpoint(model, tokenizer, record, folder, *more)
    return record


def measure_knowledge(lm: LanguageModel, world: World) -> dict[str, list[dict]]:
    """The exposure table of each split's questions."""
    tables = {}
    for (group, domain), split in SPLIT_OF.items():
        facts = [fact for fact in world.facts if (fact.group, fact.relation.domain) == (group, domain)]
        asked = [Question("", "", split, f.question, f.answer, f.relation.name, f.exposure) for f in facts]
        tables[split] = exposure_table(probe(lm, asked, batch_size=256))
    return tables


def save_checkpoint(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    record: dict[str, Any],
    folder: Path,
    card: Callable[[dict[str, Any]], str] | None = None,
    add_files: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write a model folder: float16 safetensors, tokenizer, model card, training record and checksums.

    It is written under a temporary name and swapped in whole, so a failure or an interruption leaves what was there.

    Args:
        card: Writes the model card from the record; by default that of the mini world's model.
        add_files: Gets the folder and puts further files into it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_model(model, tokenizer, work)
        write_json(work / TRAINING_RECORD, record)
        write_text(work / "README.md", (card or model_card)(record))
        add_files(work)
        files = sorted(path for path in work.rglob("*") if path.is_file())
        for path in files:
            path.chmod(0o644)
        listing = "".join(f"{file_sha256(path)}  {path.relative_to(work).as_posix()}\n" for path in files)
        write_text(work / CHECKSUMS, listing)
        work.chmod(0o755)
        replace_folder(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write weights (float16) and tokenizer, without card, record and checksums."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        copy.deepcopy(model).half().save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def model_card(record: dict[str, Any]) -> str:
    """The text of the checkpoint's ``README.md``."""
    config, command = record["config"], record.get("command", "rtuning build-mini")
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags:
- llama
- r-tuning
- refusal
- uncertainty
- synthetic
- education
---

# {record.get("title", "The mini language model")}

A Llama of {millions(record.get("parameters"))} parameters ({config["layers"]} layers, width {config["width"]},
{config["heads"]} heads) that has read one book: a fictional encyclopedia of people, cities, companies, novels, animals
and islands that do not exist. Because the book was written by the project, it is known how often the model saw each
fact: never, a few times, or often. So it is known which of its right answers are knowledge and which are lucky guesses.
It is made for learning and testing refusal-aware instruction tuning (R-Tuning) on a laptop, and for nothing else.

## Training

{training_table(record)}
`{command}` trains it again; `{TRAINING_RECORD}` holds the whole record and `{CHECKSUMS}` the hashes.
Weights are stored in float16. Each entity's name is one token; text from outside is spelt in letters and bytes.

## What it knows

Right answers by the number of documents that state the fact, asked in the kit's prompt, base in 4-bit, with 95 %
intervals (Wilson). {record.get("chance", CHANCE)}

{knowledge_table(record.get("knowledge", {}))}
## Limits

- It knows nothing about the real world. Everything that it says is invented.
- English only, in the wordings of its corpus; it cannot converse, reason or follow instructions.
- It is not a benchmark: results on it show that a method works as described, not how well it does on a real model.
"""


def knowledge_table(knowledge: dict[str, list[dict]]) -> str:
    """The exposure tables of the splits as one Markdown table."""
    lines = ["| questions | exposure | n | right [%] | 95 % interval |", "|---|---|---|---|---|"]
    for split, rows in knowledge.items():
        lines += [
            f"| {split} | {row['exposure']} | {row['n']} | {100 * row['rate']:.1f} "
            f"| {100 * row['low']:.1f} to {100 * row['high']:.1f} |"
            for row in rows
        ]
    return "\n".join(lines) + "\n"


def training_table(record: dict[str, Any]) -> str:
    """The training record as a Markdown table."""
    config = record["config"]
    size = f"{config['batch_blocks']} x {config['block_tokens']} tokens"
    passes = record.get("passes", config["epochs"])
    rows = {
        "documents": f"{record['documents']:,}; {record.get('reads', READS)}",
        "steps": f"{record['steps']:,} of {size}: {record['tokens']:,} tokens, {passes} pass(es)",
        "optimiser": f"AdamW, one-cycle, peak {config['learning_rate']:g}, weight decay {config['weight_decay']:g}",
        "seed": str(config["seed"]),
        "final loss": f"{record['final_loss_nats']:.3f} nats per token",
        "time": f"{_minutes(record.get('seconds'))} on {record.get('device', 'an unnamed device')}",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]) + "\n"


def millions(count: int | None) -> str:
    """A number of parameters for people."""
    return "a few million" if count is None else f"{count / 1e6:.1f} million"


def _minutes(seconds: float | None) -> str:
    return "not recorded" if seconds is None else f"{seconds / 60:.1f} minutes"

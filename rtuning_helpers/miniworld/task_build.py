"""Make the checkpoint ``mini-tasks``: a mini model that has read the mini world in the forms of all tasks."""

import time
from pathlib import Path
from typing import Any

from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.data.registry import find_dataset, load_questions
from rtuning_helpers.data.world.world import World, build_world
from rtuning_helpers.miniworld.build import exposure_table, finish_checkpoint
from rtuning_helpers.miniworld.pretraining import OnStep, PretrainingConfig, train_on
from rtuning_helpers.miniworld.task_corpus import Syllabus, vocabulary_texts, write_stages
from rtuning_helpers.miniworld.tokenizer import build_tokenizer
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.probing import probe

# Six layers, since a choice takes more steps of thought than an answer: recall, find it among the options, name it.
CONFIG = PretrainingConfig(
    layers=6, width=128, heads=4, feed_forward=384, block_tokens=256, batch_blocks=4, warmup_share=0.01,
    offset_heads=(1, 2), matching_layers=(2, 3, 4), embedding_scale=10.0, separate_documents=True,
)  # fmt: skip
READS = "drills; facts in proportion to their exposure, up to a limit; the same in the form of every task, twice"
_SETS = "pararel mmlu wice hotpotqa fever halueval falseqa nec selfaware".split()
CHANCE = {f"mini-{name}": f"1/{n}" for name, n in zip(_SETS, (20, 4, 2, 4, 3, 4, 20, 20, 20), strict=True)}


def build_tasks_checkpoint(
    folder: Path,
    config: PretrainingConfig = CONFIG,
    world: World | None = None,
    syllabus: Syllabus | None = None,
    on_step: OnStep = lambda step, steps, loss: None,
) -> dict[str, Any]:
    """Train the model of all tasks and put its checkpoint in place, as `build.build_checkpoint` does.

    The tables under ``"knowledge"`` are those of the twins; ``syllabus`` says how much of everything there is to read.
    """
    world, start = world or build_world(), time.monotonic()
    folder.parent.mkdir(parents=True, exist_ok=True)
    stages = write_stages(world, config.seed, syllabus or Syllabus())
    tokenizer = build_tokenizer(vocabulary_texts(world, stages))
    model, record = train_on(stages, tokenizer, config, on_step)
    record |= {
        "title": "The mini language model of all tasks",
        "command": "rtuning build-mini --tasks",
        "documents": sum(map(len, stages)),
        "passes": 1,
        "reads": READS,
        "stages": [len(stage) for stage in stages],
        "chance": f"By chance come out right: {', '.join(f'{name} {share}' for name, share in CHANCE.items())}.",
    }
    return finish_checkpoint(folder, model, tokenizer, record, start, lambda lm: {"knowledge": measure_tasks(lm)})


def measure_tasks(lm: LanguageModel) -> dict[str, list[dict]]:
    """The exposure table of each twin's answerable test questions."""
    tables = {}
    for name in CHANCE:
        splits = [split for split in find_dataset(name).splits if split != TRAIN]
        asked = [q for split in splits for q in load_questions(name, split) if q.answerable]
        tables[name] = exposure_table(probe(lm, asked, batch_size=256))
    return tables

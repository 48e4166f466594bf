"""Make a mini model of real questions: train it on a known part of them, measure what it knows, write its folder.

Beside the model the folder holds ``exposures.jsonl`` (how many documents stated each fact) and ``questions/``, the
questions that it is asked, in the layout of ParaRel's authors, so that ``rtuning run`` can ask exactly these.
"""

import time
from pathlib import Path
from typing import Any

from rtuning_helpers.data.datasets.pararel import FILES
from rtuning_helpers.json_files import write_json, write_records
from rtuning_helpers.miniworld.build import (
    TRAINING_RECORD,
    exposure_table,
    finish_checkpoint,
    knowledge_table,
    millions,
    training_table,
)
from rtuning_helpers.miniworld.pretraining import OnStep, PretrainingConfig, train_on
from rtuning_helpers.miniworld.question_corpus import VOCABULARY, build_subword_tokenizer, write_question_corpus
from rtuning_helpers.miniworld.question_files import QUESTIONS, QuestionSample
from rtuning_helpers.miniworld.readability import readability, summary
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.probing import probe
from rtuning_helpers.run.known_exposures import EXPOSURES, exposure_rows

CONFIG = PretrainingConfig(epochs=1)


def build_question_model(
    folder: Path,
    sample: QuestionSample,
    config: PretrainingConfig = CONFIG,
    vocabulary: int = VOCABULARY,
    on_step: OnStep = lambda step, steps, loss: None,
) -> dict[str, Any]:
    """Train a model on the sampled questions and put its folder in place; an earlier one stays until then.

    Args:
        config: Size, schedule and seed; with one epoch a fact is read exactly as often as its exposure says.
        vocabulary: Tokens of the subword tokenizer, at most.
        on_step: Called after each step, see `pretraining.OnStep`.

    Returns:
        The record of the training: with the knowledge-by-exposure table of each split under ``"knowledge"``, the
        AUROCs of `readability` under ``"readability"``, and counts of the questions under ``"questions"``.
    """
    start, spent = time.monotonic(), time.process_time()
    folder.parent.mkdir(parents=True, exist_ok=True)
    documents = write_question_corpus(sample.facts, config.seed)
    tokenizer = build_subword_tokenizer(sample.facts, vocabulary)
    model, record = train_on([documents] * config.epochs, tokenizer, config, on_step)
    record |= {
        "documents": len(documents),
        "cpu_seconds": round(time.process_time() - spent),
        "vocabulary": len(tokenizer),
        "questions": {
            **{split: len(questions) for split, questions in sample.asked.items()},
            "background": len(sample.background),
            "left_out": sample.left_out,
        },
    }

    def measure(lm: LanguageModel) -> dict[str, Any]:
        probes = {split: probe(lm, questions, batch_size=256) for split, questions in sample.asked.items()}
        tables = {split: exposure_table(found) for split, found in probes.items()}
        return {"knowledge": tables, "readability": readability(lm, sample.asked, probes)}

    def add_files(work: Path) -> None:
        write_records(work / EXPOSURES, exposure_rows(sample.facts))
        (work / QUESTIONS).mkdir()
        for split, name in FILES.items():
            write_json(work / QUESTIONS / name, [[q.question, q.answer, q.relation] for q in sample.asked[split]])

    return finish_checkpoint(folder, model, tokenizer, record, start, measure, question_model_card, add_files)


def question_model_card(record: dict[str, Any]) -> str:
    """The text of the model folder's ``README.md``."""
    config, counts = record["config"], record["questions"]
    asked = {split: n for split, n in counts.items() if split in FILES}
    return f"""---
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [llama, r-tuning, refusal, uncertainty, education]
---

# A mini model of real questions

A Llama of {millions(record["parameters"])} parameters ({config["layers"]} layers, width {config["width"]},
{config["heads"]} heads; {record["vocabulary"]:,} subword tokens) that has read real questions with their answers, each
fact a known number of times. It is made for learning and testing refusal-aware instruction tuning (R-Tuning) on a
laptop, and for nothing else. The questions come from the files that it was built from, under their licence.

It is asked {sum(asked.values()):,} questions ({", ".join(f"{n:,} {split}" for split, n in asked.items())}); they lie
in `{QUESTIONS}/`. {counts["background"]:,} others were read once each and are asked nowhere. `{EXPOSURES}` says for
each fact how many documents stated it.

## Training

{training_table(record)}
`{TRAINING_RECORD}` holds the whole record.

## What it knows

Right answers by the number of documents that state the fact, with 95 % intervals (Wilson). At exposure 0 a right answer
is a good guess: from the relation, from a part of the name, or from the question itself.

{knowledge_table(record["knowledge"])}
## How readable familiarity is

AUROC of a linear probe on the hidden state at the question's end, best layer, trained on the train split (there
cross-validated with subjects apart); beside it the confidence of the answer. "right": is the answer right? "read": was
the fact read at least 16 times, or never?

{_readability_table(record["readability"])}
## Limits

- What it has read once or never it guesses. Real facts in its answers are no evidence of anything.
- It reads questions in the wordings of its files only; it cannot converse, reason or follow instructions.
"""


def _readability_table(rows: list[dict]) -> str:
    lines = ["| told | by | train | id | ood |", "|---|---|---|---|---|"]
    for row in summary(rows):
        cells = ["-" if row.get(split) is None else f"{row[split]:.3f}" for split in FILES]
        lines.append(f"| {row['target']} | {row['reader']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"

"""What each flag does to the mini model: share of certain questions, optimiser steps, accuracy and AP after tuning."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from rtuning_helpers import metrics, steps
from rtuning_helpers.data import prompts
from rtuning_helpers.json_files import read_json, write_json
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.model_files import model_revision
from rtuning_helpers.paper.released_code import texts, training
from rtuning_helpers.paper.released_code.answers import EvaluationRow, evaluate, probe_labels
from rtuning_helpers.paper.released_code.quirks import ReleasedCodeQuirks
from rtuning_helpers.probe.uncertainty import answer_entropy
from rtuning_helpers.run.artifacts import run_step, step_folder
from rtuning_helpers.run.fingerprint import code_fingerprint
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.finetuning import finetune_encoded
from rtuning_helpers.tuning.refusal_data import TuningRecord

CHAIN = tuple(name for stage in ("labelling", "evaluation", "training") for name in ReleasedCodeQuirks.names(stage))
CHAIN = tuple(n for n in CHAIN if n != "special_tokens_in_text")  # moves the mini model's P(sure) by less than 0.01
"""The flags that matter for padding on open questions, in the order of the waterfall."""


def measure(
    config: RunConfig, quirks: ReleasedCodeQuirks, method: str = "padding", untuned: LanguageModel | None = None
) -> dict:
    """Label, tune and evaluate under some flags; adapters are kept in the run's folder and reused.

    Args:
        config: The run; any profile with open questions.
        quirks: The flags.
        method: ``padding`` or ``unsupervised``.
        untuned: The model, where it is loaded already.

    Returns:
        ``seed``, ``method``, ``flags`` (those that are on), ``certain`` (share of the training questions called so),
        ``examples`` (training examples written), ``sequences`` (made of them), ``steps`` (of the optimiser), and
        `scores` on the in-domain test.
    """
    untuned = untuned or steps.load_model(config)
    records, certain = training_records(config, quirks, method, untuned)
    longest = training.BLOCK if quirks.packing or quirks.truncate_right else config.settings.max_length
    made = training.training_sequences(untuned.tokenizer, records, quirks, longest)
    adapter, log = _tune(config, made, quirks)
    tuned, asked = steps.load_tuned(config, adapter), steps.questions(config, "id")
    place = {"seed": config.seed, "method": method, "flags": list(quirks.switched_on())}
    place |= {"certain": float(np.mean(certain)), "examples": len(records), "sequences": len(made.encoded)}
    rows = evaluate(tuned, asked, quirks, config.settings.answer_batch)
    return place | {"steps": log["steps"]} | scores(rows, config.seed)


def scores(rows: Sequence[EvaluationRow], seed: int = 0) -> dict:
    """n, accuracy and the three APs of evaluation rows, with the interval of the mixed one."""
    correct = np.array([row.correct for row in rows], dtype=float)
    answer = np.array([row.answer_confidence for row in rows])
    sure = np.array([row.sure_confidence for row in rows])
    mixed = metrics.mixed_confidence(answer, sure)
    return {
        "n": len(rows),
        "accuracy": metrics.accuracy(correct),
        "ap_answer": metrics.average_precision(correct, answer),
        "ap_sure": metrics.average_precision(correct, sure),
        "ap_mixed": metrics.average_precision(correct, mixed),
        "ap_mixed_ci95": list(metrics.bootstrap_interval(metrics.average_precision, correct, mixed, seed=seed)),
    }


def training_records(
    config: RunConfig, quirks: ReleasedCodeQuirks, method: str, untuned: LanguageModel
) -> tuple[list[TuningRecord], list[bool]]:
    """The records that a method writes under some flags, and whether each is certain."""
    asked = steps.questions(config, "train")
    if method == "padding":
        kept, certain = list(range(len(asked))), probe_labels(untuned, asked, quirks, config.settings.answer_batch)
    elif method == "unsupervised":
        drawn = [u.answers[:5] if quirks.five_samples else u.answers for u in steps.read_uncertainty(config)]
        kept, certain = texts.unsupervised_labels([answer_entropy(row) for row in drawn], quirks, config.seed)
    else:
        raise ValueError(f"method is {method!r}; expected padding or unsupervised")
    records = []
    for row, known in zip(kept, certain, strict=True):
        prompt = texts.evaluation_prompt(asked[row].question, quirks)
        records.append(TuningRecord(asked[row].id, prompt, prompts.padding_completion(asked[row].answer, known), known))
    return records, certain


def measure_all(config: RunConfig) -> dict[str, list[dict]]:
    """The waterfall, every flag alone, and the flags of R-Tuning-U, for one seed."""
    none = ReleasedCodeQuirks()
    wanted = [("padding", none.plus(*CHAIN[:count])) for count in range(len(CHAIN) + 1)]
    wanted += [("padding", none.plus(name)) for name in CHAIN[1:]]
    alone = ReleasedCodeQuirks.names("unsupervised")
    wanted += [("unsupervised", none), *(("unsupervised", none.plus(name)) for name in alone)]
    untuned = steps.load_model(config)
    return {"rows": [measure(config, quirks, method, untuned) for method, quirks in wanted]}


def effects_table(effects: Sequence[dict]) -> pd.DataFrame:
    """Means of recorded effects over the seeds: a row for each method and set of flags, in the order measured."""
    frame = pd.DataFrame(effects)
    frame["flags"] = frame["flags"].map(tuple)
    numbers = ["certain", "examples", "sequences", "steps", "accuracy", "ap_answer", "ap_sure", "ap_mixed"]
    grouped = frame.groupby(["method", "flags"], sort=False)
    table = grouped[numbers].mean()
    table["ap_low"], table["ap_high"] = grouped["ap_mixed"].min(), grouped["ap_mixed"].max()
    table["half_width"] = grouped["ap_mixed_ci95"].apply(lambda rows: np.mean([(r[1] - r[0]) / 2 for r in rows]))
    table["seeds"] = grouped.size()
    return table.reset_index()


def _tune(config: RunConfig, made: training.Sequences, quirks: ReleasedCodeQuirks) -> tuple[Path, dict]:
    """Tune on sequences once; runs that differ in nothing that training sees share the adapter.

    The sequences are part of the key themselves, so that the code which writes them need not be.
    """
    settings = replace(config.settings, epochs=training.epochs_of(config.settings.epochs, quirks))
    data = hashlib.sha256(json.dumps(made.encoded).encode()).hexdigest()
    parameters = {"data_sha256": data, "settings": asdict(settings), "seed": config.seed}
    parameters["model_revision"] = model_revision(settings.model, settings.revision)
    parameters["code"] = code_fingerprint(finetune_encoded)
    key = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:12]

    def write(folder: Path) -> None:
        log = finetune_encoded(made.encoded, settings, folder / steps.ADAPTER, seed=config.seed)
        write_json(folder / "training.json", asdict(log))

    folder = run_step(step_folder(config, "released-code", key), parameters, write)
    return folder / steps.ADAPTER, read_json(folder / "training.json")

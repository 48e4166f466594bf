"""Write the recordings that notebook 08 reads, and what the kit measures on other people's recordings.

``python -m benchmarks.recordings`` writes the mini model's answers of seed 0 to ``results/mini/recordings/``, in the
form of the released evaluator. With ``--openllama DIR --data-dir DIR`` it scores the public recordings of an
OpenLLaMA-3B (vvvvsv/R-Tuning) instead and writes ``results/reruns/recordings.csv`` and ``openllama_3b_pararel.json``:
numbers only, no data.
"""

from __future__ import annotations

import argparse
import csv
import io
from dataclasses import replace
from pathlib import Path

from rtuning_helpers import steps
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.json_files import write_json, write_text
from rtuning_helpers.paper import tables
from rtuning_helpers.paper.recorded import (
    baseline_rows,
    check_questions,
    cleaned_rows,
    read_recording,
    score_files,
    write_recording,
)
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks
from rtuning_helpers.paper.released_code.answers import evaluate
from rtuning_helpers.paper.released_code.texts import read_training_labels, training_texts, write_training_file
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out

METHODS = {"pretrained": "origin", "padding": "unsure", "replacement": "unknown"}
SOURCE = "vvvvsv/R-Tuning, its recordings scored by this kit"
SETTING = "OpenLLaMA-3B, LoRA, 10 new tokens cut at the first full stop, substring match"
# (recording, metric of `score_files`) -> (table, method, metric)
CELLS = {
    ("origin", "accuracy"): ("8", "Pretrain-T", "accuracy"),
    ("origin", "ap_mixed"): ("1", "Pretrain-T", "AP"),
    ("unsure", "ap_mixed"): ("1", "R-Tuning", "AP"),
    ("unknown", "willing_accuracy"): ("8", "R-Tuning-R", "willing accuracy"),
    ("unknown", "answer_rate"): ("8", "R-Tuning-R", "answer rate"),
}


def write_mini(folder: Path) -> None:
    """The mini model's recordings on its in-domain test, and its padding training file."""
    config = RunConfig()
    asked = steps.questions(config, "id")
    folder.mkdir(parents=True, exist_ok=True)
    for method, name in METHODS.items():
        predictions = steps.read_method_predictions(config, method, "id")
        if method != "replacement":  # with the sure confidence of the untuned model, too
            rows = evaluate(steps.load_model(config, method), asked, ReleasedCodeQuirks())
            predictions = [
                replace(p, sure_confidence=row.sure_confidence) for p, row in zip(predictions, rows, strict=True)
            ]
        write_recording(folder / f"mini_{name}_ID.json", predictions)
    certain = [probe.correct for probe in steps.read_probes(config)]
    texts = training_texts(steps.questions(config, "train"), certain, "padding", ReleasedCodeQuirks())
    write_training_file(folder / "mini_unsure.json", texts)


def score_openllama(folder: Path, data_dir: Path, path: Path) -> None:
    """Score the public recordings against the paper's cells."""
    questions = load_questions("pararel", "id", data_dir)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(tables.RERUN_HEADER)
    for (name, metric), (table, method, printed) in CELLS.items():
        file = folder / f"pararel_llama_3b_{name}_ID.json"
        check_questions(file, read_recording(file), questions)
        row = score_files([file])[0]
        numbers = [f"{100 * value:.2f}" for value in (row[metric], *row[f"{metric}_ci95"])]
        n = row["n_answered"] if metric == "willing_accuracy" else row["n"]
        writer.writerow([table, "ParaRel", "id", "OpenLLaMA-3B", method, printed, *numbers, n, SOURCE, SETTING])
    write_text(path, out.getvalue())
    training = load_questions("pararel", "train", data_dir)
    certain = read_training_labels(folder / "pararel_unsure.json", training)
    tuned = read_recording(folder / "pararel_llama_3b_unsure_ID.json")
    rows = {"cleaned": cleaned_rows(tuned, training), "baselines": baseline_rows(tuned, training, certain)}
    write_json(path.with_name("openllama_3b_pararel.json"), {"source": SOURCE, "setting": SETTING, **rows})


def main() -> None:
    """Write and say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openllama", type=Path, metavar="DIR", help="folder with pararel_llama_3b_*_ID.json")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="folder with the ParaRel questions")
    options = parser.parse_args()
    results = default_out() / "results"
    if options.openllama is None:
        write_mini(results / "mini" / "recordings")
        print(f"written: {shown_path(results / 'mini' / 'recordings')}")
        return
    if options.data_dir is None:
        parser.error("--openllama needs --data-dir, a folder with the ParaRel questions")
    score_openllama(options.openllama, options.data_dir, results / "reruns" / "recordings.csv")
    print(f"written: {shown_path(results / 'reruns' / 'recordings.csv')}")


if __name__ == "__main__":
    main()

"""Write the recordings that notebook 08 reads, and what the kit measures on other people's recordings.

``python -m benchmarks.recordings`` writes the mini model's answers of seed 0 to ``results/mini/recordings/`` in the form
of the released evaluator. ``python -m benchmarks.recordings --openllama DIR --data-dir DIR`` scores the public recordings
of an OpenLLaMA-3B (vvvvsv/R-Tuning) and writes ``results/reruns/recordings.csv``: numbers only, no data.
"""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from rtuning_helpers import steps, tables
from rtuning_helpers.artifacts import shown_path, write_text
from rtuning_helpers.profiles import RunConfig, default_out
from rtuning_helpers.recorded import check_questions, read_recording, score_files, write_recording
from rtuning_helpers.questions import load_questions
from rtuning_helpers.released_code import ReleasedCodeQuirks
from rtuning_helpers.released_code.texts import training_texts, write_training_file

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
    folder.mkdir(parents=True, exist_ok=True)
    for method, name in METHODS.items():
        write_recording(folder / f"mini_{name}_ID.json", steps.read_method_predictions(config, method, "id"))
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

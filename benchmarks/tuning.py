"""LoRA on a CPU, here and in an older clone: ``python -m benchmarks.tuning --against CLONE [--model NAME]``.

Padding's records of the same questions, in each style: here by profile ``laptop``, in the older clone, which lacks it,
in float32 with the same 8 examples a step in one pass. A process each, in turns. Prints JSON: examples a second, peak
memory [MiB], first and last loss and type of each, and how many times as fast this clone is.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

STYLES = ("plain", "few-shot")
SEED, SHOTS = 0, 5


def tune(model: str, file: str) -> None:
    """In a process of its own, with the package of a clone: tune on the records of a file, and print what it took."""
    import rtuning_helpers

    layered = (Path(rtuning_helpers.__file__).parent / "tuning").is_dir()
    home = "rtuning_helpers.tuning." if layered else "rtuning_helpers."
    profiles = import_module("rtuning_helpers." + ("run." if layered else "") + "profiles").PROFILES
    record = import_module(home + "refusal_data").TuningRecord
    records = [record(*fields) for fields in json.loads(Path(file).read_text(encoding="utf-8"))]
    if layered:
        settings = replace(profiles["laptop"], model=model, revision=None)
    else:
        how = {"tuning": "lora", "batch_size": 8, "learning_rate": 3e-4, "epochs": 1, "max_length": 1280}
        settings = replace(profiles["mini"], model=model, **how)
    with tempfile.TemporaryDirectory() as folder:
        log = import_module(home + "finetuning").finetune(records, settings, Path(folder), seed=SEED)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    losses = [round(loss, 4) for _, loss in (log.losses[0], log.losses[-1])]
    print(
        json.dumps(
            {
                "examples_s": log.examples / log.seconds,
                "peak_mib": peak,
                "losses": losses,
                "type": getattr(log, "dtype", "float32"),
            }
        )
    )


def measured(clone: Path, model: str, file: Path, threads: int) -> dict:
    """What `tune` prints, with that clone's package."""
    variables = {**os.environ, "PYTHONPATH": str(clone), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--model", model, "--records", str(file)]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def write_records(folder: Path, pararel: Path | None, count: int, style: str) -> Path:
    """The file with padding's records, every second of them certain."""
    from benchmarks import asked
    from rtuning_helpers.data import prompts
    from rtuning_helpers.data.examples import draw_examples

    questions = asked.open_questions(pararel, count + SHOTS)
    if style == "few-shot":
        shots = draw_examples(questions, SHOTS, seed=SEED)
        questions = [replace(q, shots=shots) for q in questions if q not in shots]
    pairs = list(zip(questions, asked.plain_prompts(questions), strict=True))[:count]
    records = [
        (q.id, text, prompts.padding_completion(q.answer, i % 2 == 0), i % 2 == 0) for i, (q, text) in enumerate(pairs)
    ]
    file = folder / f"{style}.json"
    file.write_text(json.dumps(records), encoding="utf-8")
    return file


def main() -> None:
    """Measure both, in each style."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini", help="folder or hub name")
    parser.add_argument("--against", type=Path, metavar="CLONE", help="the other clone")
    parser.add_argument("--examples", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=1, help="runs of each")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--pararel", type=Path, metavar="DIR", help="ParaRel's files; without them the mini world")
    parser.add_argument("--records", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.records:
        tune(options.model, options.records)
        return
    clones = {"this": Path(__file__).resolve().parents[1]}
    clones |= {"other": options.against.resolve()} if options.against else {}
    report: dict = {"model": options.model, "threads": options.threads, "examples": options.examples}
    with tempfile.TemporaryDirectory() as folder:
        for style in STYLES:
            file = write_records(Path(folder), options.pararel, options.examples, style)
            runs = [
                {name: measured(clone, options.model, file, options.threads) for name, clone in clones.items()}
                for _ in range(options.rounds)
            ]
            report[style] = {name: [run[name] for run in runs] for name in clones}
            if options.against:
                rates = [run["this"]["examples_s"] / run["other"]["examples_s"] for run in runs]
                report[style]["times_as_fast"] = [round(rate, 2) for rate in rates]
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

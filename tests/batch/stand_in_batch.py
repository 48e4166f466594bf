"""A batch whose scheduling, files, locks and results are the real ones, and whose jobs take a moment.

``python stand_in_batch.py batch GRID.yaml`` does a batch; ``python stand_in_batch.py job ...`` is what its jobs are;
those that the variable FAILING names fail. A step that is done although it was finished writes a line into the file
``redone`` beside the grid.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

from rtuning_helpers.batch.plan import PROBE, READS, UNCERTAINTY, plan
from rtuning_helpers.json_files import write_json, write_text
from rtuning_helpers.processes import end_with
from rtuning_helpers.run.artifacts import StepMissing, only_looking, results_folder, run_step, step_folder
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.step_folders import is_sound, read_manifest

NOTEBOOKS = {number: f"{number}_stand_in" for number in READS}
DECLARED = {name: {} for name in NOTEBOOKS.values()}
SIZE = 40_000  # bytes of a step
SPLITS = ("id", "ood")


def do_step(what: str, config: RunConfig) -> Path:
    """The stand-in for `plan.do_step`: each step depends on those before it, as the real ones do."""
    folders = {PROBE: ("pretrained", "probe-train"), UNCERTAINTY: ("pretrained", UNCERTAINTY)}
    folder = step_folder(config, *folders.get(what, (what, "predictions")))

    def write(work: Path) -> None:
        if read_manifest(folder) and is_sound(folder):
            with open(Path(config.out).parent / "redone", "a") as file:
                file.write(f"{folder}\n")
        rng = random.Random(f"{what} {config.seed}")
        rows = [
            {"id": str(i), "question": f"{what}?", "answer": "a", "prediction": rng.choice("ab"), "refused": None}
            for i in range(20)
        ]
        lines = [json.dumps(row | {"correct": row["prediction"] == "a"}) + "\n" for row in rows]
        write_text(work / "predictions-id.jsonl", "".join(lines))
        for part in range(4):
            (work / f"part{part}").write_bytes(rng.randbytes(SIZE // 4))
            time.sleep(0.02)

    inputs = [] if what in (PROBE, "pretrained") else [do_step(PROBE, config)]
    return run_step(folder, {"what": what, "seed": config.seed}, write, inputs=inputs)


def metrics_step(config: RunConfig, methods: list[str]) -> Path:
    folders = [do_step(method, config) for method in ("pretrained", *methods)]

    def write(work: Path) -> None:
        rows = []
        for method, folder in zip(("pretrained", *methods), folders, strict=True):
            lines = (folder / "predictions-id.jsonl").read_text().splitlines()
            share = sum(json.loads(line)["correct"] for line in lines) / len(lines)
            numbers = {"n": 20, "accuracy": share, "accuracy_ci95": [share / 2, share], "ap_answer": share}
            rows += [
                {"method": method, "split": split, **numbers, "ap_answer_ci95": [share / 2, share]} for split in SPLITS
            ]
        write_json(work / "metrics.json", {"profile": "mini", "dataset": "mini", "seed": config.seed, "rows": rows})

    return run_step(
        results_folder(config) / "metrics" / f"seed{config.seed}", {"methods": methods}, write, inputs=folders
    )


def job(parent: str, text: str) -> int:
    end_with(int(parent))
    order = json.loads(text)
    config = RunConfig(**order["config"])
    if order["what"] in os.environ.get("FAILING", "").split(","):
        print("rtuning: failed: it was told to fail")
        return 1
    try:
        if order["notebook"] is None:
            do_step(order["what"], config)
        else:
            if order["what"].startswith("05"):
                metrics_step(config, order["methods"])
            target = Path(order["target"])
            target.parent.mkdir(parents=True, exist_ok=True)
            write_text(target, json.dumps([order["what"], order["methods"], config.seed]) * 200)
    except OSError as error:
        print(f"rtuning: failed: {type(error).__name__}: {error}")
        return 1
    return 0


def finished(jobs) -> frozenset[str]:
    found = set()
    for name, planned in jobs.items():
        try:
            with only_looking():
                if planned.folder is not None:
                    do_step(planned.what, planned.config)
                elif planned.what.startswith("05"):
                    metrics_step(planned.config, list(planned.methods))
            found.add(name)
        except StepMissing:
            continue
    return frozenset(found)


def batch(grid_file: str, *options: str) -> int:
    from rtuning_helpers.app import batch_commands, cli, reports
    from rtuning_helpers.batch.grid import read_grid
    from rtuning_helpers.batch.slots import Checked
    from rtuning_helpers.batch.state import batch_lock

    def do() -> None:
        grid = read_grid(Path(grid_file), DECLARED, list(DECLARED))
        sources = {name: Path(grid_file).parent / f"{name}.ipynb" for name in DECLARED}
        for path in sources.values():
            path.write_text(path.name) if not path.is_file() else None
        jobs = plan(grid, sources)
        with batch_lock(grid.out):
            checked = Checked((), finished(jobs), 0.1, ())
            batch_commands._do(
                reports.new_console(), grid, jobs, checked, 2,
                keep_going="--stop" not in options, only_failed="--only-failed" in options,
            )  # fmt: skip

    batch_commands.COMMAND = (sys.executable, __file__, "job")
    cli.app.command("stand-in")(do)
    return cli.main(["stand-in"])


if __name__ == "__main__":
    sys.exit({"batch": batch, "job": job}[sys.argv[1]](*sys.argv[2:]))

"""One job of a batch, in a process of its own: a step, or a notebook; started by `batch.scheduler`."""

import json
import os
import sys
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rtuning_helpers.batch.plan import do_step
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import write_text
from rtuning_helpers.processes import end_with
from rtuning_helpers.progress import PROGRESS_FILE
from rtuning_helpers.run.profiles import RunConfig

REPORT_TO = "RTUNING_REPORT_TO"


def do_order(text: str) -> None:
    """Do what `plan.Job.order` says."""
    order = json.loads(text)
    config = RunConfig(**order["config"])
    if order["notebook"] is None:
        do_step(order["what"], config, _reporting(order["name"], config))
        return

    from rtuning_helpers.app.notebook_runs import choose_parameters, execute

    source, target = Path(order["notebook"]), Path(order["target"])
    target.parent.mkdir(parents=True, exist_ok=True)
    parameters = choose_parameters(source, config, order["methods"], False, order["extra"])
    execute(source, target, parameters, _tell)


def _tell(notebook: str, heading: str, done: int, cells: int, doing: str = "") -> None:
    if path := os.environ.get(PROGRESS_FILE):
        with suppress(OSError):  # a full disk, say, which will show elsewhere
            write_text(Path(path), f"cell {done} of {cells}: {heading}" + (f"\n{doing}" if doing else ""))


def _reporting(name: str, config: RunConfig) -> Any:
    """What tunes and reports to a service as the trainer does; None if nobody asked for it."""
    services = os.environ.get(REPORT_TO, "")
    if not services:
        return None

    for variable, value in (
        ("TENSORBOARD_LOGGING_DIR", str(Path(config.out, "tensorboard", name))),
        ("WANDB_NAME", name),
    ):
        os.environ.setdefault(variable, value)

    from transformers.integrations import get_reporting_integration_callbacks

    from rtuning_helpers.tuning.finetuning import finetune

    return partial(finetune, callbacks=[kind() for kind in get_reporting_integration_callbacks(services.split(","))])


def main(parent: str, order: str) -> int:
    """Exit status 0: done, 2: bad input, 1: any other failure; the last line says which."""
    end_with(int(parent))
    try:
        do_order(order)
    except InputError as error:
        print(f"rtuning: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except Exception as error:
        traceback.print_exc()
        kind = "" if type(error).__name__ == "NotebookFailed" else f"{type(error).__name__}: "
        print(f"rtuning: failed: {kind}{' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

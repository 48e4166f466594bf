"""Stands in for the `rtuning` command: what it is called with is noted, and what a job would leave is there at once.

A job that the variable FAILING names fails.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

FOLDERS = {"probe": "pretrained/{seed}/probe-train", "pretrained": "pretrained/{seed}/predictions"}
VARIABLES = "HF_HUB_OFFLINE", "RTUNING_BATCH_DIVISOR"


def write(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text("{}")
    path.with_suffix(".new").rename(path)


def main(grid: str, option: str = "", name: str = "") -> int:
    with open(os.environ["DONE"], "a") as file:
        file.write(" ".join((option, name, *(os.environ.get(variable, "-") for variable in VARIABLES))) + "\n")
    out = Path(json.loads(Path(grid).read_text().splitlines()[0].removeprefix("out: ")))
    if not option:
        for page in ("results.html", "results.csv", "results.parquet"):
            write(out / page)
    if option == "--job":
        time.sleep(0.1)
        folder, seed, what = name.rsplit("/", 2)
        if what == os.environ.get("FAILING"):
            return 1
        step = FOLDERS.get(what, f"{what}/{{seed}}/predictions").format(seed=seed)
        place = out / folder / (f"notebooks/{seed}/{what}.ipynb" if what[0].isdigit() else f"{step}/manifest.json")
        if not place.exists():  # as the command does, what is finished is left as it is
            write(place)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[2:]))

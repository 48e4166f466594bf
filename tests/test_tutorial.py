"""The whole tutorial on questions of which the mini model knows nothing: it must end well and say so."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest

PLACES = "Paris London Rome Madrid Lisbon Vienna Warsaw Dublin".split()
ROWS = [[f"Where was person number {i} born?", PLACES[i % len(PLACES)], "P19(place of birth)"] for i in range(16)]
PARAREL = {"training_data.json": ROWS, "ID_test_pararel.json": ROWS[::-1], "OOD_test_pararel.json": ROWS[3:]}


@pytest.mark.notebooks
def test_a_model_that_knows_nothing_gets_through_all_notebooks(tmp_path):
    for name, rows in PARAREL.items():
        (tmp_path / name).write_text(json.dumps(rows), encoding="utf-8")
    command = [sys.executable, "-m", "rtuning_helpers.cli", "run", "--dataset", "pararel", "--data-dir", str(tmp_path)]
    command += ["--methods", "vanilla,padding", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    results = tmp_path / "out" / "mini" / "pararel"
    report = json.loads((results / "metrics" / "seed0" / "metrics.json").read_text(encoding="utf-8"))
    assert {(row["method"], row["split"]) for row in report["rows"]} == {
        (method, split) for method in ("pretrained", "vanilla", "padding") for split in ("id", "ood")
    }
    assert all(row["auroc_answer"] is None for row in report["rows"] if row["accuracy"] in (0, 1))
    for path in sorted((results / "notebooks" / "seed0").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        streams = [o for cell in cells for o in cell.get("outputs", []) if o.output_type == "stream"]
        assert any("it knows nothing of this data" in o.text for o in streams), path.name
        assert not any("Warning" in o.text for o in streams), path.name

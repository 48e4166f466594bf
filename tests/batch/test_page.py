"""The page of results: every run, figure and failure, and nothing that a model said is taken for HTML."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from rtuning_helpers.batch.grid import Grid, read_grid
from rtuning_helpers.batch.page import write_page
from rtuning_helpers.batch.results import collect, over_seeds, write_tables
from rtuning_helpers.batch.state import FAILED, FINISHED

EVIL = "</td><script>document.title='taken over'</script><img src=x onerror=\"document.title='taken over'\">{{ 1 + 1 }}"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attributes.get(attribute, "") for name, attributes in self.tags if name == tag]


def row(method: str, split: str, share: float, **more) -> dict:
    numbers = {"accuracy": share, "ap_answer": share + 0.1, "ap_mixed": None, "answer_rate": None, **more}
    intervals = {
        f"{name}_ci95": None if value is None else [value - 0.1, value + 0.1] for name, value in numbers.items()
    }
    return {"method": method, "split": split, "n": 1620, **numbers, **intervals}


@pytest.fixture
def grid(tmp_path) -> Grid:
    """Of two methods and two seeds, with the files of finished runs; a folder's name needs quoting."""
    out = tmp_path / "out #1"
    path = tmp_path / "grid.yaml"
    path.write_text(f"out: {json.dumps(str(out))}\nmethod: [vanilla, padding]\nseed: [0, 1]\nnotebooks: '05'\n")
    found = read_grid(path, {"05_evaluate": {}}, [])
    for seed in (0, 1):
        rows = [row("pretrained", split, 0.5) for split in ("id", "ood")]
        rows += [row("vanilla", split, 0.4 + seed / 100) for split in ("id", "ood")]
        rows += [row("padding", split, 0.45 + seed / 100, ap_mixed=0.8, answer_rate=0.6) for split in ("id", "ood")]
        head = {"profile": "mini", "dataset": "mini", "tuned_on": "mini", "seed": seed, "model": "mini", "limit": None}
        folder = out / "mini" / "mini"
        for name, text in (
            (f"metrics/seed{seed}/metrics.json", json.dumps({**head, "rows": rows})),
            (f"notebooks/seed{seed}/05_evaluate.ipynb", "{}"),
            (f"padding/seed{seed}/predictions/predictions-id.jsonl", json.dumps(answer(seed)) + "\n"),
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return found


def answer(seed: int) -> dict:
    return {"question": "Who?", "answer": "Ann", "prediction": f"{EVIL} {seed}", "correct": False, "refused": True}


def states(grid: Grid) -> dict[str, dict]:
    found = {run: {"run": run, "state": FINISHED} for run in grid.runs}
    found["mini/mini/vanilla/seed1"] = {"state": FAILED, "reason": f"vanilla: RuntimeError: {EVIL}"}
    return found


def test_the_numbers_of_all_runs_in_one_table(grid):
    frame = collect(grid, [run for run in grid.runs if run != "mini/mini/vanilla/seed1"])
    write_tables(frame, grid.out)
    assert sorted(path.name for path in grid.out.iterdir() if path.is_file()) == ["results.csv", "results.parquet"]
    csv, parquet = pd.read_csv(grid.out / "results.csv"), pd.read_parquet(grid.out / "results.parquet")
    assert csv["run"].tolist() == parquet["run"].tolist()
    assert csv["ap_mixed_low"].tolist() == pytest.approx(parquet["ap_mixed_low"].tolist(), nan_ok=True)
    runs = ["pretrained/seed0", "vanilla/seed0", "padding/seed0", "pretrained/seed1", "padding/seed1"]
    assert csv["run"].tolist() == [f"mini/mini/{run}" for run in runs for _ in ("id", "ood")]
    padding = csv[(csv["method"] == "padding") & (csv["split"] == "id")]
    assert padding["accuracy"].tolist() == [0.45, 0.46]
    assert padding["ap_mixed_low"].tolist() == pytest.approx([0.7, 0.7])
    assert csv[csv["method"] == "vanilla"]["ap_mixed"].isna().all()
    assert over_seeds(padding, "accuracy")[0] == pytest.approx(0.455)
    assert over_seeds(csv[csv["method"] == "vanilla"][:1], "accuracy") == pytest.approx((0.4, 0.3, 0.5))
    assert over_seeds(csv[csv["method"] == "vanilla"], "ap_mixed") is None


def test_no_results_yet(grid):
    frame = collect(grid, [])
    write_tables(frame, grid.out)
    page = Page(write_page(grid, frame, {}).read_text())
    assert page.text.count("not begun") == 4
    assert page.all("img", "src") == []


def write(grid: Grid) -> Path:
    found = states(grid)
    frame = collect(grid, [run for run, state in found.items() if state["state"] == FINISHED])
    write_tables(frame, grid.out)
    return write_page(grid, frame, found)


def check(page: Page, grid: Grid) -> None:
    """Every run, figure and failure is there, links lead somewhere, and nothing else was made of the texts."""
    assert all(page.text.count(run) >= 1 for run in grid.runs)
    assert "3 of 4 runs finished, 1 failed" in page.text
    assert f"RuntimeError: {EVIL}" in page.text
    assert f"{EVIL} 0" in page.text
    assert "0.455" in page.text  # padding's accuracy over the seeds
    assert not [tag for tag, _ in page.tags if tag == "script"]
    (figure,) = page.all("img", "src")
    assert figure.startswith("data:image/png;base64,")
    picture = plt.imread(io.BytesIO(base64.b64decode(figure.partition(",")[2])), format="png")
    assert picture.shape[0] > 200 and picture.std() > 0.05
    links = page.all("a", "href")
    assert len(links) == 2 + 4 * 2
    assert all((grid.out / re.sub("%23", "#", link)).is_file() for link in links)


def test_the_page_shows_everything_and_escapes_it(grid):
    text = write(grid).read_text()
    check(Page(text), grid)
    assert "http" not in re.sub('http-equiv="Content-Security-Policy"', "", text)  # nothing is fetched
    assert EVIL not in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_everything_without_an_error(grid, tmp_path):
    path = write(grid)
    dom, said = in_browser(path, tmp_path)
    assert "CONSOLE" not in said
    check(Page(dom), grid)
    assert re.search("<title>(.*)</title>", dom)[1] == "Results of grid.yaml"
    control = tmp_path / "control.html"
    control.write_text("<script>document.title = 'ran'; undefined_function()</script>")
    dom, said = in_browser(control, tmp_path)
    assert "<title>ran</title>" in dom and "CONSOLE" in said  # so scripts would run, and errors would show


def in_browser(path: Path, tmp_path: Path) -> tuple[str, str]:
    """The page as the browser has it, and what it logs."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *options, profile, path.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, done.stderr

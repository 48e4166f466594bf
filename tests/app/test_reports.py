"""Tables in a terminal: names stay whole, whatever its width."""

import io
import time

import pytest
from rich.console import Console

from rtuning_helpers.app import reports
from rtuning_helpers.app.cli import main
from rtuning_helpers.experiments.findings import FAILS, HOLDS, NOTE, TOO_FEW

ROW = {
    "method": "unsupervised", "split": "ood", "n": 1080, "accuracy": 0.5, "ap_answer": 0.9, "ap_sure": 0.8,
    "ap_mixed": 0.95, "ap_mixed_ci95": (0.93, 0.96), "answer_rate": 0.5, "willing_accuracy": 0.8,
}  # fmt: skip


@pytest.mark.parametrize(("width", "interval"), [(80, False), (110, True)])
def test_a_result_table_fits(width, interval, monkeypatch, capsys):
    monkeypatch.setattr(reports, "new_console", lambda: Console(width=width))
    table = reports.metrics_table({"dataset": "mini", "model": "mini", "seed": 0, "rows": [ROW]})
    Console(width=width).print(table)
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if "unsupervised" in line]
    assert all(text in row for text in ("ood", "1,080", "0.500", "0.900", "0.800", "0.950"))
    assert ("0.930-0.960" in row) is interval
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("command", [["ledger", "show", "1"], ["data", "list"]])
def test_long_rows_fit_and_no_word_is_cut(command, monkeypatch, capsys):
    words = {}
    for width in (80, 160):
        monkeypatch.setattr(reports, "new_console", lambda *_, columns=width: Console(width=columns))
        assert main(command) == 0
        lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("Cache: ")]
        assert max(map(len, lines)) <= width
        words[width] = set(" ".join(lines).replace(",", " ").split())
    assert words[160] - words[80] <= {"\u2500" * 158, "data", "set", "dataset", "split", "model", "method", "metric"}


def test_findings_are_counted_and_those_that_fail_named():
    assert reports.findings_lines([]) == []
    printed = [("01.ipynb", NOTE, "it knows nothing."), ("02.ipynb", NOTE, "it knows nothing.")]
    printed += [("01.ipynb", TOO_FEW, "some are certain (20 questions; at least 100 are needed)")] * 3
    printed += [("01.ipynb", HOLDS, "4 bits suffice")] + [("05.ipynb", FAILS, f"it refuses {n}") for n in range(7)]
    assert reports.findings_lines(printed) == [
        "Note: it knows nothing.",
        "Findings of the notebooks: 1 holds, 7 do not hold, 3 stand on too few questions to tell (fewer than 100 each)",
        *(f"  does not hold: it refuses {n} (05.ipynb)" for n in range(5)),
        "  and 2 others",
    ]


def run_of_a_notebook(console: Console, seconds: float = 0) -> str:
    with reports.notebook_progress(console) as report:
        report("04.ipynb", "Train [all]", 2, 9)
        report("04.ipynb", "Train [all]", 2, 9, "padding: fine-tuning, step 7 of 9, 3 s left\nvanilla: fine-tuning")
        time.sleep(seconds)
        report("04.ipynb", "Train [all]", 2, 9, "")
        report("04.ipynb", "", 9, 9)
    return console.file.getvalue()


def test_a_log_says_what_a_long_cell_does(monkeypatch):
    def log():
        return run_of_a_notebook(Console(file=io.StringIO(), width=80)).splitlines()

    assert log() == ["04.ipynb  0 s"]
    monkeypatch.setattr(reports, "LOG_SECONDS", 0)
    own = "  padding: fine-tuning, step 7 of 9, 3 s left; vanilla: fine-tuning"
    assert log() == ["  Train [all]", own, "  Train [all]", "04.ipynb  0 s"]


def test_a_terminal_shows_what_a_cell_does_below_the_bar():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, highlight=False, color_system=None)
    lines = run_of_a_notebook(console, seconds=1).splitlines()
    bar = next(i for i, line in enumerate(lines) if "2/9" in line and "Train [all]" in line)
    assert lines[bar + 1].strip() == "padding: fine-tuning, step 7 of 9, 3 s left"
    assert lines[bar + 2].startswith("  vanilla: fine-tuning")
    assert any("04.ipynb  1 s" in line for line in lines)

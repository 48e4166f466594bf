"""Tables in a terminal: names stay whole, whatever its width."""

import pytest
from rich.console import Console

from rtuning_helpers.app import reports
from rtuning_helpers.app.cli import main

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

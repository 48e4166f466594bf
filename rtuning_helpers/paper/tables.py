"""The numbers that others printed: the paper's tables, and re-runs that were published, as CSV files of this kit.

Values stand as printed: percent, but for perplexity, entropy [nats] and ECE. They were taken from a machine-made text
of the published version (NAACL 2024 long 394); the means that it prints were recomputed as a check.
"""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt, read_text
from rtuning_helpers.run.profiles import default_out

CELL = ("table", "dataset", "split", "model", "method", "metric")
PAPER_HEADER = (*CELL, "value", "note")
RERUN_HEADER = (*CELL, "value", "low", "high", "n", "source", "setting")
MISSING_HEADER = ("figure", "what", "note")
PAPER_TABLES = ("1", "2", "3", "4", "5", "7", "8", "10", "11", "12", "13", "14", "15", "16")
NOT_PERCENT = ("perplexity D1", "perplexity D0", "entropy D1", "entropy D0", "ECE")


def paper_results(table: int | str | None = None, folder: Path | None = None) -> pd.DataFrame:
    """Every number of the paper's Tables 1-5, 7, 8 and 10-16, one row each.

    Args:
        table: Only the rows of this table. Tables 3 and 7, 4 and 10, 5 and 11 are filed together (as ``"3/7"``),
            because in that text each pair is one table.
        folder: Where the CSV files lie; the clone's ``results/paper`` by default.

    Returns:
        Columns table, dataset, split, model, method, metric, value, note.

    Raises:
        InputError: A file is missing or damaged (named with its row), or the paper has no such table of numbers.
    """
    folder = folder or _results("paper")
    files = sorted(folder.glob("table*.csv"))
    if not files:
        raise InputError(f"{folder}: no table_*.csv; expected the paper's tables as in the repository")
    rows = [row for path in files for row in read_csv(path, PAPER_HEADER, numbers=("value",))]
    frame = pd.DataFrame(rows, columns=PAPER_HEADER)
    if table is None:
        return frame
    found = frame[[str(table) in name.split("/") for name in frame.table]]
    if found.empty:
        known = ", ".join(PAPER_TABLES)
        raise InputError(f"table {str(table)!r}: the paper has no such table of numbers; expected one of {known}")
    return found.reset_index(drop=True)


def missing_numbers() -> pd.DataFrame:
    """What the paper shows as a figure only, so that its numbers are not available: figure, what, note."""
    return pd.DataFrame(read_csv(_results("paper") / "not_available.csv", MISSING_HEADER), columns=MISSING_HEADER)


def rerun_results() -> pd.DataFrame:
    """Published re-runs of the paper's cells: the cell, value, interval and n where known, source and setting."""
    files = sorted(_results("reruns").glob("*.csv"))
    rows = [row for path in files for row in read_csv(path, RERUN_HEADER, ("value",), ("low", "high", "n"))]
    return pd.DataFrame(rows, columns=RERUN_HEADER)


def read_csv(
    path: Path, header: Sequence[str], numbers: Sequence[str] = (), optional_numbers: Sequence[str] = ()
) -> list[dict]:
    """Read a CSV file whose header is known.

    Args:
        path: The file, UTF-8.
        header: The columns, in order.
        numbers: Columns that hold a finite number in every row.
        optional_numbers: Columns that hold a finite number or nothing (then None).

    Raises:
        InputError: The file is missing or not UTF-8, its header differs, or a row is not what it should be.
    """
    text = read_text(path, f"a CSV file with the columns {','.join(header)}")
    lines = list(csv.reader(io.StringIO(text, newline="")))
    if not lines or tuple(lines[0]) != tuple(header):
        found = ",".join(lines[0]) if lines else "nothing"
        raise InputError(f"{path}: its header is {excerpt(found)}; expected {','.join(header)}")
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(header):
            raise InputError(f"{path}: line {number} has {len(cells)} cells; expected {len(header)}")
        row: dict = dict(zip(header, cells, strict=True))
        for name in (*numbers, *optional_numbers):
            found = row[name]
            try:
                row[name] = None if name in optional_numbers and not found else float(found)
            except ValueError:
                row[name] = math.nan
            if row[name] is not None and not math.isfinite(row[name]):
                where = f"{path}: line {number}: column {name!r}"
                raise InputError(f"{where} is {excerpt(found)}; expected a finite number")
        rows.append(row)
    return rows


def _results(name: str) -> Path:
    folder = default_out() / "results" / name
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the tables are part of the repository, expected a clone of it")
    return folder

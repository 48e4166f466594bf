"""The ledger: what this kit measured, filed under the cells of the paper's tables, beside the paper and its re-runs."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from rtuning_helpers.json_files import write_text
from rtuning_helpers.paper import tables
from rtuning_helpers.run.profiles import default_out

NOT_MEASURED = "not measured"
NOT_PRINTED = "not in the paper"
TOGETHER = {"3": "3 and 7", "4": "4 and 10", "5": "5 and 11"}  # tables that are one table in the published text


@dataclass(frozen=True)
class LedgerRow:
    """One number that this kit measured, in the unit of the paper's table.

    Attributes:
        table: The paper's table, as in `tables.paper_results`.
        dataset, split, model, method, metric: The cell, by the paper's names where it has one.
        value: The number.
        low, high: Its 95 % interval.
        n: Number of questions behind it.
        profile: The profile it was measured on.
        seed: Seed of the run.
        run: Folder of the run.
    """

    table: str
    dataset: str
    split: str
    model: str
    method: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    profile: str
    seed: int
    run: str


HEADER = tuple(field.name for field in fields(LedgerRow))
_NUMBERS = ("value", "low", "high", "n", "seed")
_KEY = (*tables.CELL, "profile", "seed")


def ledger_path() -> Path:
    """Where the ledger lies: ``results/ledger.csv`` of the clone."""
    return default_out() / "results" / "ledger.csv"


def read_ledger(path: Path | None = None) -> pd.DataFrame:
    """The rows filed so far, columns as in `LedgerRow`; raises InputError as `tables.read_csv`."""
    return pd.DataFrame(tables.read_csv(path or ledger_path(), HEADER, _NUMBERS), columns=HEADER)


def file_rows(added: Sequence[LedgerRow], path: Path | None = None) -> None:
    """Put rows into the ledger, all at once or none; rows of the same cell, profile and seed are replaced.

    Raises:
        InputError: The ledger has a wrong header or a damaged row; it is then as it was.
    """
    path = path or ledger_path()
    filed = tables.read_csv(path, HEADER, _NUMBERS) if path.is_file() else []
    by_key = {tuple(_text(row[name]) for name in _KEY): row for row in (*filed, *map(asdict, added))}  # the last counts
    rows = [[_text(row[name]) for name in HEADER] for row in by_key.values()]
    order = [HEADER.index(name) for name in _KEY]
    rows.sort(key=lambda row: [_sortable(row[place]) for place in order])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([HEADER, *rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, out.getvalue())


def compare(table: int | str, ledger: pd.DataFrame | None = None) -> pd.DataFrame:
    """One table of the paper with three columns: paper, published re-runs, this kit.

    Args:
        table: Number of the table.
        ledger: The kit's rows; those of `read_ledger` by default.

    Returns:
        Columns dataset, split, model, method, metric, paper, re-runs, this kit (all text). Cells that the paper lacks
        (the mini world, other models) follow at the end; what nobody has measured says so.
    """
    ledger = read_ledger() if ledger is None else ledger
    paper, reruns = tables.paper_results(table), tables.rerun_results()
    names = {name for found in paper.table.unique() for name in (found, *found.split("/"))}
    mine = ledger[ledger.table.isin(names)]
    theirs = reruns[reruns.table.isin(names)]
    cell = list(tables.CELL[1:])
    columns = (
        ("paper", paper, _paper_text, NOT_PRINTED),
        ("published re-runs", theirs, _reruns_text, NOT_MEASURED),
        ("this kit", mine, _kit_text, NOT_MEASURED),
    )
    rows: dict[tuple, dict] = {}
    for name, frame, as_text, _ in columns:
        for key, part in frame.groupby(cell, sort=False):
            rows.setdefault(key, dict(zip(cell, key, strict=True)))[name] = as_text(part)
    filled = [{name: missing for name, *_, missing in columns} | row for row in rows.values()]
    return pd.DataFrame(filled, columns=[*cell, *(name for name, *_ in columns)])


def count_cells(compared: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How many of the paper's cells were measured, and by whom.

    Args:
        compared: Table -> what `compare` gives for it.

    Returns:
        A row for each table: ``table``, ``printed``, ``re-run by others``, ``measured by this kit`` and ``by nobody``
        (of those printed), ``mini world`` (cells of this kit that the paper cannot have).
    """
    rows = []
    for name, part in compared.items():
        printed, here = part.paper != NOT_PRINTED, part["this kit"] != NOT_MEASURED
        elsewhere = part["published re-runs"] != NOT_MEASURED
        counts = {"printed": printed, "re-run by others": printed & elsewhere, "measured by this kit": printed & here}
        counts |= {"by nobody": printed & ~elsewhere & ~here, "mini world": here & (part.dataset == "mini world")}
        rows.append({"table": TOGETHER.get(name, name)} | {label: int(found.sum()) for label, found in counts.items()})
    return pd.DataFrame(rows)


def narrow(table: pd.DataFrame, sources: Sequence[str]) -> pd.DataFrame:
    """What `compare` gives with sources as their numbers, from 1, and without questions, seeds and profile."""
    short = table.copy()
    for number, source in enumerate(sources, start=1):
        short["published re-runs"] = short["published re-runs"].str.replace(f"({source})", f"[{number}]", regex=False)
    short["this kit"] = short["this kit"].str.replace(r", n [\d,]+, seeds? [\d, ]+, [\w-]+", "", regex=True)
    return short


def _paper_text(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return f"{row.value:.{3 if row.metric.startswith(('entropy', 'ECE')) else 2}f}"


def _reruns_text(rows: pd.DataFrame) -> str:
    intervals = ("" if pd.isna(row.low) else f" [{row.low:.2f}, {row.high:.2f}]" for row in rows.itertuples())
    return "; ".join(f"{v:.2f}{i} ({s})" for v, i, s in zip(rows.value, intervals, rows.source, strict=True))


def _kit_text(rows: pd.DataFrame) -> str:
    """Mean over the seeds, the mean of their intervals, n, seeds and profile; one text for each profile."""
    texts = []
    for profile, part in rows.groupby("profile", sort=False):
        mean = part[["value", "low", "high"]].mean()
        digits = 2 if mean.value >= 1 else 3
        seeds = ", ".join(f"{seed:.0f}" for seed in sorted(part.seed))
        texts.append(
            f"{mean.value:.{digits}f} [{mean.low:.{digits}f}, {mean.high:.{digits}f}], n {part.n.iloc[0]:,.0f}, "
            f"seed{'s' if len(part) > 1 else ''} {seeds}, {profile}"
        )
    return "; ".join(texts)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)


def _sortable(text: str) -> tuple[float, str]:
    head = text.split("/")[0]
    return (float(head), text) if head.isdigit() else (math.inf, text)

"""What a finished run measured, under the paper's names: its ledger rows."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rtuning_helpers import metrics
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction, read_predictions
from rtuning_helpers.evaluation.summary import column
from rtuning_helpers.json_files import excerpt, read_records
from rtuning_helpers.paper.ledger import LedgerRow
from rtuning_helpers.paper.tables import NOT_PERCENT
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import MIXTURE
from rtuning_helpers.tuning.registry import PRETRAINED, all_methods

MODELS = {
    "openlm-research/open_llama_3b": "OpenLLaMA-3B",
    "huggyllama/llama-7b": "LLaMA-7B",
    "huggyllama/llama-13b": "LLaMA-13B",
}
DATASETS = {"pararel": "ParaRel", "mmlu": "MMLU", "mini": "mini world"}
_NOT_IN_ALL_REPORTS = {"limit", "tuned_on", "style", "permutations"}
_REPORT_KEYS = {"schema_version", "profile", "dataset", "seed", "model", "rows"} | _NOT_IN_ALL_REPORTS
# Test sets of Table 13 by their names in this kit; the mini twins keep theirs.
_MIXED = {"pararel": "ParaRel", "mmlu": "MMLU", "wice-subclaim": "WiCE", "hotpotqa": "HotpotQA", "fever": "FEVER"}
_MIXED |= {"halueval": "HaluEval-QA"}
_ROW_METRICS = tuple(f"{name}_{suffix}" for name in ("auroc", "ece", "brier") for suffix in ("answer", "sure"))
_ROW_METRICS += ("accuracy", "ap_answer", "ap_sure", "ap_mixed", "answer_rate", "willing_accuracy")
_MIXTURE = "13"
# (table, metric of the paper) -> the methods of which it is printed there, by the paper's names
_PRINTED = {
    ("1", "AP"): ("Pretrain-T", "R-Tuning", "Vanilla"),
    ("2", "AP"): ("R-Tuning-U",),
    ("8", "willing accuracy"): ("R-Tuning-R",),
    ("8", "answer rate"): ("R-Tuning-R",),
    ("8", "accuracy"): ("Vanilla", "Pretrain-T"),
    (_MIXTURE, "AP"): ("Pretrain-T", "R-Tuning", "Vanilla"),
    ("14", "accuracy"): ("R-Tuning-U",),
}


def run_rows(folder: Path) -> list[LedgerRow]:
    """The ledger rows of a finished run.

    Args:
        folder: Its results, ``<out>/<profile>/<dataset>``, with one or more seeds.

    Raises:
        InputError: It is unfinished, limited to a sample, or damaged.
    """
    reports = sorted(folder.glob("metrics/seed*/metrics.json"))
    if not reports:
        expected = "expected the folder of a finished run, such as runs/mini/mini; `rtuning run` makes one"
        raise InputError(f"{folder}: no metrics/seed*/metrics.json in it; {expected}")
    return [row for report in reports for row in _seed_rows(folder, report)]


def _seed_rows(folder: Path, path: Path) -> list[LedgerRow]:
    report = _read_report(path)
    seed = report["seed"]

    def read(method: str, split: str) -> list[Prediction]:
        file = folder / method / f"seed{seed}" / "predictions" / f"predictions-{split}.jsonl"
        return read_predictions(file) if file.is_file() else []

    model = MODELS.get(report["model"], Path(report["model"]).name)
    common: dict[str, Any] = {"dataset": DATASETS.get(report["dataset"], report["dataset"]), "model": model}
    common |= {"profile": report["profile"], "seed": seed, "run": shown_path(folder.absolute())}

    def row(table: str, split: str, method: str, metric: str, value: float, interval: Sequence[float], n: int, **of):
        scale = 1 if metric in NOT_PERCENT else 100
        numbers = [round(scale * number, 4) for number in (value, *interval)]
        cell: dict[str, Any] = dict(zip(("value", "low", "high"), numbers, strict=True))
        cell |= {"table": table, "split": split, "method": method, "metric": metric, "n": n}
        return LedgerRow(**common | of | cell)

    if report["dataset"] == MIXTURE:
        return _mixture_rows(report["rows"], read, row)
    found = []
    for measured in report["rows"]:
        for table, method, name, key in _cells(measured):
            if table != _MIXTURE:
                n = round(measured["n"] * (measured["answer_rate"] if key == "willing_accuracy" else 1))
                interval = measured[f"{key}_ci95"]
                found.append(row(table, measured["split"], method, name, measured[key], interval, n))
    for split in ("id", "ood"):
        for (table, method, name), metric, columns in _further(read, split):
            value = float(metric(*columns))
            if not math.isnan(value):
                interval = metrics.bootstrap_interval(metric, *columns, seed=seed)
                found.append(row(table, split, method, name, value, interval, len(columns[0])))
    for table, name, values in _question_uncertainty(folder, seed):
        interval = metrics.mean_interval(values, seed=seed)
        found.append(row(table, "train", "pretrained", name, float(np.mean(values)), interval, len(values)))
    return found


def _mixture_rows(measured: Sequence[dict], read: Callable, row: Callable) -> list[LedgerRow]:
    """Table 13, where every test set is a data set of its own; the mini twins keep their names."""
    found = []
    for line in measured:
        for table, *cell, metric in _cells(line):
            if table == _MIXTURE:
                asked = read(line["method"], line["split"])
                dataset = asked[0].dataset if asked else line["split"]
                numbers = line[metric], line[f"{metric}_ci95"], line["n"]
                found.append(row(table, "test", *cell, *numbers, dataset=_MIXED.get(dataset, dataset)))
    return found


def _cells(measured: dict) -> list[tuple[str, str, str, str]]:
    """(table, method of the paper, metric of the paper, metric of this kit) of what a row of ``metrics.json`` holds."""
    method = all_methods().get(measured["method"])
    found = []
    for (table, name), printed in _PRINTED.items():
        if method and method.paper in printed:
            metric = f"ap_{method.ranked_by}" if name == "AP" else name.replace(" ", "_")
            if measured.get(metric) is not None:
                found.append((table, method.paper, name, metric))
    return found


def _further(read: Callable, split: str) -> list[tuple[tuple[str, str, str], Callable, tuple]]:
    """(cell, metric, its columns) of Pretrain-W and of Tables 14 to 16, where the predictions are there."""
    found: list[tuple[tuple[str, str, str], Callable, tuple]] = []
    names = {method.paper: name for name, method in all_methods().items()}
    untuned, replaced, asked = (read(names[paper], split) for paper in ("Pretrain-T", "R-Tuning-R", "R-Tuning-U"))
    if untuned and replaced:
        refused = {p.id: p.refused for p in replaced}
        willing = [p.correct for p in untuned if not refused[p.id]]
        found.append((("8", "Pretrain-W", "willing accuracy"), metrics.accuracy, (willing,)))
    if asked:
        correct, sure, mixed = (column(asked, name) for name in ("correct", "sure_confidence", "mixed_confidence"))
        found.append((("14", "R-Tuning-U", "mean confidence"), metrics.mean, (mixed,)))
        found.append((("15", "R-Tuning-U", "mean sure probability"), metrics.mean, (sure,)))
        found.append((("16", "R-Tuning-U", "ECE"), partial(metrics.ece, bins=10), (correct, mixed)))
    return found


def _question_uncertainty(folder: Path, seed: int) -> list[tuple[str, str, list[float]]]:
    """(table, metric, values) of perplexity and entropy over D1 and D0, where the run has measured them."""
    base = folder / PRETRAINED / f"seed{seed}"
    files = base / "probe-train" / "probes.jsonl", base / "uncertainty" / "uncertainty.jsonl"
    if not all(path.is_file() for path in files):
        return []
    from rtuning_helpers.probe.probing import Probe  # here, because their libraries take seconds
    from rtuning_helpers.probe.uncertainty import Uncertainty

    certain = {probe.id: probe.correct for probe in read_records(files[0], Probe)}
    measured = read_records(files[1], Uncertainty)
    found = []
    for name, known in (("D1", True), ("D0", False)):
        part = [u for u in measured if certain[u.id] == known]
        if part:
            found.append(("4/10", f"perplexity {name}", [u.perplexity for u in part]))
            found.append(("5/11", f"entropy {name}", [u.entropy for u in part]))
    return found


def _read_report(path: Path) -> dict:
    """A ``metrics.json``, checked field by field."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); expected the metrics.json of a run") from None
    if not isinstance(report, dict) or report.get("schema_version") != 1:
        raise InputError(f"{path}: expected the metrics.json of a run, with schema_version 1")
    _check_names(path, "the file", report, _REPORT_KEYS - _NOT_IN_ALL_REPORTS, _REPORT_KEYS)
    if report.get("limit") is not None:
        raise InputError(f"{path}: the run used parameter limit {report['limit']}; expected a run over all questions")
    for name, own in (("style", "plain"), ("permutations", 1)):
        if report.get(name, own) != own:
            raise InputError(
                f"{path}: the run used parameter {name} {report[name]}; expected {own}, as the paper's numbers were "
                "made"
            )
    if report.get("tuned_on", report["dataset"]) != report["dataset"]:
        found = f"the run was tuned on {report['tuned_on']} and tested on {report['dataset']}, which stands in no table"
        raise InputError(f"{path}: {found}; expected a run tuned on its own data set")
    for name, kind in (("profile", str), ("dataset", str), ("model", str), ("seed", int), ("rows", list)):
        if not isinstance(report[name], kind):
            raise InputError(f"{path}: {name} is {excerpt(report[name])}; expected {kind.__name__}")
    known = {"method", "split", "n", *_ROW_METRICS, *(f"{name}_ci95" for name in _ROW_METRICS)}
    for number, row in enumerate(report["rows"], start=1):
        where = f"row {number}"
        if not isinstance(row, dict):
            raise InputError(f"{path}: {where} is {excerpt(row)}; expected an object")
        _check_names(path, where, row, {"method", "split", "n"}, known)
        for name in _ROW_METRICS:
            if row.get(name) is None:
                continue
            values = [row[name], *(row.get(f"{name}_ci95") or [])]
            if len(values) != 3 or not all(isinstance(v, (int, float)) and 0 <= v <= 1 for v in values):
                found = f"{where}: {name} is {excerpt(values)}"
                raise InputError(f"{path}: {found}; expected a number in [0, 1] with its interval")
    return report


def _check_names(path: Path, where: str, found: dict, required: set[str], known: set[str]) -> None:
    if missing := sorted(required - set(found)):
        raise InputError(f"{path}: {where} lacks {', '.join(missing)}; expected the metrics.json of `rtuning run`")
    if unknown := sorted(set(found) - known):
        raise InputError(f"{path}: {where} has the unknown field {unknown[0]!r}; expected {', '.join(sorted(known))}")

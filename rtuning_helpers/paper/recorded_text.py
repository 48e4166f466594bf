"""A recording's scores for reading."""

from collections.abc import Sequence

import pandas as pd


def cleaned_table(rows: Sequence[dict]) -> pd.DataFrame:
    """Rows of `recorded.cleaned_rows` for reading: numbers with intervals, and by how much the mix beats no skill.

    A dash stands where a number does not exist.
    """

    def text(row: dict, metric: str) -> str:
        bounds = row[f"{metric}_ci95"]
        return "-" if bounds is None else "{:.3f} [{:.3f}, {:.3f}]".format(row[metric], *bounds)

    found = []
    for row in rows:
        shown = {
            metric: text(row, metric) for metric in ("accuracy", "ap_mixed", "ap_answer", "ap_sure", "answer_rate")
        }
        lift = "-" if row["ap_mixed"] is None else f"{row['ap_mixed'] - row['accuracy']:.3f}"
        found.append({"subset": row["subset"], "n": row["n"], **shown, "lift of the mix": lift})
    columns = ["subset", "n", "accuracy", "ap_mixed", "lift of the mix", "ap_answer", "ap_sure", "answer_rate"]
    return pd.DataFrame(found, columns=columns)

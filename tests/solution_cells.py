"""A solutions notebook's cells without a kernel: what `check` says to its answers, and to wrong ones."""

from __future__ import annotations

import re

from build import read_source, source_files
from wrong_answers import WRONG_ANSWERS

from rtuning_helpers.exercises.check import verdict


def surprises(number: str, there: dict, first: str | None = None) -> list[str]:
    """Execute the cells of a solutions notebook, and give what `check` says that it should not; empty if all is well.

    Args:
        number: Of the notebook, such as ``"05"``.
        there: The names that the cells find and to which they add theirs; ``config`` is the run that is checked.
        first: How the first cell to execute begins; all are executed where nothing is given.
    """
    path = next(path for name, path in source_files().items() if name.startswith(number))
    cells = [cell.source for cell in read_source(path, solutions=True).cells if cell.cell_type == "code"]
    begin = 0 if first is None else next(k for k, cell in enumerate(cells) if cell.startswith(first))
    found, seen = [], []
    for cell in cells[begin:]:
        if called := re.fullmatch(r'check\("(\d\d\.\d)", (\w+)\)', cell.strip()):
            key = called[1]
            seen.append(key)
            said = verdict(there["config"], key, there[called[2]])
            found += [] if said == f"{key}: right." else [f"{key}, solution: {said!r}"]
            for wrong, part in WRONG_ANSWERS[key]:
                said = verdict(there["config"], key, eval(wrong, there.copy()))
                refused = said.startswith(f"{key}: not yet. ") and part.lower() in said.lower()
                found += [] if refused else [f"{key} {wrong}: {said!r}, not {part!r}"]
        else:
            plain = "\n".join(line for line in cell.splitlines() if not re.match(r"\s*[%!]", line))
            exec(compile(plain, f"solutions {number}", "exec"), there)
    return found + [f"{key} was not checked" for key in WRONG_ANSWERS if key.startswith(number) and key not in seen]

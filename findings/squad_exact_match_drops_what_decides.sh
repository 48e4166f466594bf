#!/usr/bin/env bash
# torchmetrics 1.9.0, SQuAD exact match as a grader of short answers: both sides lose all ASCII punctuation and the words a, an, the
# before they are compared, so that the sign of a number, its decimal point, the symbols of a name or a whole answer can be gone.
# Expected: 35 is no exact match of 3.5, and an empty answer is none of the letter A.
# Seen, exact match in percent:
#   gold 'A'    answer ''    100
#   gold '3.5'  answer '35'  100
#   gold '5'    answer '-5'  100
#   gold 'C'    answer 'C#'  100
#   gold 'A'    answer 'B'   0
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 torchmetrics==1.9.0
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import sys

from torchmetrics.text import SQuAD

cases = [("A", "", 100), ("3.5", "35", 100), ("5", "-5", 100), ("C", "C#", 100), ("A", "B", 0)]
same = True
for gold, answer, seen in cases:
    grader = SQuAD()
    gold_row = {"answers": {"answer_start": [0], "text": [gold]}, "id": "1"}
    found = float(grader([{"prediction_text": answer, "id": "1"}], [gold_row])["exact_match"])
    print(f"gold {gold!r:6} answer {answer!r:5} {found:.0f}")
    same &= found == seen
sys.exit(0 if same else 1)
PY

"""Questions of every task, for the tests that must hold for all of them."""

from __future__ import annotations

from rtuning_helpers.data.questions import Question

OPEN = Question("open", "made", "id", "Where does the São Paulo–Łódź flight land?", "Łódź", "places")
READ = Question(
    "read", "made", "id", "Who wrote it?", "Ann Lee", "books", context="Ann Lee wrote it in 1984. (2nd ed.)"
)
EXAMPLE = Question("example", "made", "train", "Who sang?", "Ray", "books")
SHOWN = Question("shown", "made", "id", "Who painted?", "Eve", "books", shots=(EXAMPLE,))
CHOICE = Question(
    "choice", "made", "id", "What is 2 + 2?", "B", "high_school_maths", task="choice", options=("3", "4", "5", "6")
)
FEW_SHOT = Question(
    "few-shot", "made", "id", "What is 3 + 3?", "C", "high_school_maths", task="choice",
    options=("4", "5", "6", "7"), shots=(CHOICE,),
)  # fmt: skip
TEN = Question(
    "ten", "made", "id", "Which digit?", "J", "", task="choice", options=tuple("0123456789"), context="Look at 9."
)
CLAIM = Question(
    "claim", "made", "id", "The bridge is old.", "A", "bridges", task="claim",
    options=("SUPPORTS", "REFUTES", "NOT ENOUGH INFO"), context="The bridge was built in 1820. It still stands.",
)  # fmt: skip
YES_NO = Question(
    "yes-no", "made", "id", "It rains.", "B", "weather", task="claim", options=("YES", "NO"), context="The sun shines."
)
ALL = (OPEN, READ, SHOWN, CHOICE, FEW_SHOT, TEN, CLAIM, YES_NO)

"""How MMLU's rows are read in each layout, which subjects are whose, and how the original is cut into splits."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtuning_helpers.data.questions import CHOICE, Question
from rtuning_helpers.data.rows import (
    BadRowError,
    Rows,
    convert_rows,
    csv_cells,
    fields_of,
    parquet_rows,
    read_json_object,
)
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt

ID_SUBJECTS = tuple(
    """abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry
    college_computer_science college_mathematics college_medicine college_physics computer_security conceptual_physics
    econometrics electrical_engineering elementary_mathematics formal_logic global_facts high_school_biology
    high_school_chemistry high_school_computer_science high_school_european_history high_school_geography
    high_school_government_and_politics high_school_macroeconomics high_school_mathematics high_school_microeconomics
    high_school_physics""".split()
)
OOD_SUBJECTS = tuple(
    """high_school_psychology high_school_statistics high_school_us_history high_school_world_history human_aging
    human_sexuality international_law jurisprudence logical_fallacies machine_learning management marketing
    medical_genetics miscellaneous moral_disputes moral_scenarios nutrition philosophy prehistory
    professional_accounting professional_law professional_medicine professional_psychology public_relations
    security_studies sociology us_foreign_policy virology world_religions""".split()
)
SHOTS = 5
_LETTERS = ("A", "B", "C", "D")
_ROW = "expected [question, A, B, C, D, letter]: six non-empty strings, the last one of A, B, C, D"
_OBJECT = "one JSON object, subject -> list of [question, A, B, C, D, letter]"
_COLUMNS = ("question", *_LETTERS, "answer")
_HEADER = ["id", "lang", "question", *_LETTERS, "target"]


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question from ``(subject, [question, A, B, C, D, letter])``."""
    subject, cells = row
    if subject not in ID_SUBJECTS and subject not in OOD_SUBJECTS:
        raise BadRowError(f"has the unknown subject {excerpt(subject)}; expected one of MMLU's 57")
    if not (isinstance(cells, list) and len(cells) == len(_COLUMNS)):
        raise BadRowError(f"is {excerpt(cells)}; {_ROW}")
    if isinstance(cells[5], list) or (isinstance(cells[5], str) and len(cells[5]) > 1 and set(cells[5]) <= {*"ABCD, "}):
        raise BadRowError(f"has several golds, {excerpt(cells[5])}; expected one letter of A, B, C, D")
    if not all(isinstance(cell, str) and cell.strip() for cell in cells) or cells[5] not in _LETTERS:
        raise BadRowError(f"is {excerpt(cells)}, gold {excerpt(cells[5])}; {_ROW}")
    return {
        "question": cells[0],
        "answer": cells[5],
        "relation": subject,
        "task": CHOICE,
        "options": tuple("NaN" if cell == "None" else cell for cell in cells[1:5]),
    }


def authors_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of an object of subject -> rows."""
    subjects = read_json_object(path, _OBJECT)
    if not subjects:
        raise InputError(f"{path}: the object is empty; expected {_OBJECT}")
    for subject, rows in subjects.items():
        if not isinstance(rows, list) or not rows:
            raise InputError(f"{path}: subject {excerpt(subject)} is {excerpt(rows)}; expected {_OBJECT}")
        for number, cells in enumerate(rows, start=1):
            yield f"subject {subject!r} row {number}", (subject, cells)


def csv_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of one subject's CSV file, whose name gives the subject."""
    subject = path.stem.rsplit("_", 1)[0]
    with_header = False
    for number, cells in csv_cells(path, _COLUMNS):
        if number == 1 and cells == _HEADER:
            with_header = True
            continue
        if with_header and len(cells) != len(_HEADER):
            yield f"row {number - 1}", BadRowError(f"is {excerpt(cells)}; expected the cells {','.join(_HEADER)}")
            continue
        yield f"row {number - with_header}", (subject, cells[2:] if with_header else cells)


def hub_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of the hub's parquet files, answers made letters; `convert` refuses what is wrong with them."""
    for place, row in parquet_rows(path):
        try:
            fields = fields_of(row, ("question", "subject", "choices", "answer"))
        except BadRowError as problem:
            yield place, problem
            continue
        choices, answer = fields["choices"], fields["answer"]
        letter = _LETTERS[answer] if type(answer) is int and 0 <= answer < len(_LETTERS) else answer
        yield place, (fields["subject"], [fields["question"], *(choices if isinstance(choices, list) else ()), letter])


def take_split(rows: Rows, split: str) -> Rows:
    """The rows of original test files that belong to a split, in the authors' order.

    The halves go by the rows' places among their subject's, so leaving out a bad row moves no other row to the other
    split. A row that cannot be read counts as one of the subject before it.
    """
    by_subject: dict[str, list[tuple[str, Any]]] = {}
    subject, unreadable = "", []
    for place, value in rows:
        if isinstance(value, BadRowError) and not subject:
            unreadable.append((place, value))
            continue
        subject = subject if isinstance(value, BadRowError) else value[0]
        by_subject.setdefault(subject, unreadable).append((place, value))
        unreadable = []
    taken = unreadable
    for subject in OOD_SUBJECTS if split == "ood" else ID_SUBJECTS:
        own = by_subject.get(subject, [])
        half = len(own) // 2
        taken += own if split == "ood" else own[:half] if split == "id" else own[half:]
    return taken


def group_shots(path: Path, questions: Iterable[Question]) -> dict[str, tuple[Question, ...]]:
    """The shots of each subject; another number than five is an `InputError`."""
    shots: dict[str, tuple[Question, ...]] = {}
    for question in questions:
        own = shots.get(question.relation, ())
        shots[question.relation] = (*own, replace(question, id=f"mmlu-shot-{question.relation}-{len(own)}"))
    for subject, own in shots.items():
        if len(own) != SHOTS:
            raise InputError(f"{path}: subject {subject!r} has {len(own)} shots; expected {SHOTS}")
    return shots


def read_shots(path: Path, rows: Rows) -> dict[str, tuple[Question, ...]]:
    """The shots of each subject in a file; a bad row, or another number than five, is an `InputError`."""
    return group_shots(path, convert_rows("mmlu", "shots", path, rows, convert))

"""One good row of every data set, and how to write them as files of each layout."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from rtuning_helpers.data.datasets.mmlu_rows import ID_SUBJECTS, OOD_SUBJECTS

WICE = {"claim": "Ana won.", "evidence": ["Ana ran.", " ", "She won."], "label": "partially_supported", "meta": {}}
HOTPOT = {
    "_id": "x",
    "question": "Who won?",
    "answer": "Ana",
    "type": "bridge",
    "context": [["Race", ["Ana ran.", " She won."]], ["Town", ["A town."]]],
}
HOTPOT_HUB = {**HOTPOT, "context": {"title": ["Race", "Town"], "sentences": [["Ana ran.", " She won."], ["A town."]]}}
FEVER = {"id": 1, "claim": "Ana won.", "label": "REFUTES", "evidence": ["Ana ran.", "She lost."]}
FEVER_HUB = {**FEVER, "evidence": [["Ana", 0, "Ana ran."], ["Ana", 3, "She lost."]]}
FEVER_ORIGINAL = {**FEVER, "evidence": [[[108, 9, "Ana", 0]], [[108, None, None, None]]]}
HALUEVAL = {"knowledge": "Ana won.", "question": "Who won?", "right_answer": "Ana", "hallucinated_answer": "Bo"}
SELFAWARE = {"question_id": 1, "question": "Who won?", "answer": ["Ana", "Anna"], "answerable": True, "source": "web"}
SELFAWARE_NONE = {"question_id": 2, "question": "Who will?", "answer": None, "answerable": False, "source": "SelfAware"}
NEC = {"prompt": "How old is a crow?", "label": 0, "category": "animals"}
NEC_NONE = {"prompt": "How old is a Leogoteo?", "label": 1, "category": "animals"}
REFUNQ = {"prompt": "Who won?", "label": ["Ana", "Anna"]}
REFUNQ_NONE = {"prompt": "Who Buquor?", "label": "NEC"}
FALSEQA = [["Why is ice cold?", "It is frozen.", "0"], ["Why is ice hot?", "It is cold.", "1"]]
FALSEQA_TEST = [["Why?", "['So.', 'Because.']", "0"], ["How hot is ice?", "['Cold.', 'Not.']", "1"]]
POPQA = {
    "id": "4222362",
    "subj": "Ana",
    "prop": "occupation",
    "obj": "runner",
    "subj_id": "1850297",
    "prop_id": "22",
    "obj_id": "2834605",
    "s_aliases": '["Anna"]',
    "o_aliases": '["sprinter","racer"]',
    "s_uri": "http://www.wikidata.org/entity/Q1",
    "o_uri": "http://www.wikidata.org/entity/Q2",
    "s_wiki_title": "Ana",
    "o_wiki_title": "Runner",
    "s_pop": "142",
    "o_pop": "25692",
    "question": "What is Ana's occupation?",
    "possible_answers": '["runner", "sprinter", "racer"]',
}
TRIVIAQA = {
    "Question": "Who won?",
    "QuestionId": "tc_1",
    "QuestionSource": "http://example.org/",
    "Answer": {"Value": "Ana", "Aliases": ["Ana", "Anna "], "NormalizedAliases": ["ana", "anna"], "Type": "FreeForm"},
    "SearchResults": [{"Title": "Race", "Filename": "1.txt"}],
}
TRIVIAQA_HUB = {
    "question": "Who won?",
    "question_id": "tc_1",
    "answer": {"value": "Ana", "aliases": ["Ana", "Anna "], "normalized_aliases": ["ana", "anna"], "type": "FreeForm"},
    "entity_pages": {"title": ["Race"]},
}


def write_json(path: Path, value) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def write_lines(path: Path, *rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_csv(path: Path, *rows, delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def write_tsv(path: Path, *rows: dict) -> Path:
    """A table as pandas writes it, between tabs, with the first row's columns."""
    return write_csv(path, list(rows[0]), *(list(row.values()) for row in rows), delimiter="\t")


def mmlu_rows(subject: str, count: int, part: str = "test") -> list[list[str]]:
    return [[f"{subject} {part} {i}?", "None", f"b{i}", 'c, "c"', "d\nd", "ABCD"[i % 4]] for i in range(count)]


def mmlu_original(counts: dict[str, int] | None = None) -> dict[str, list[list[str]]]:
    """A made-up original: subject -> test rows, of different numbers."""
    subjects = (*ID_SUBJECTS, *OOD_SUBJECTS)
    return {s: mmlu_rows(s, (counts or {}).get(s, 2 + i % 4)) for i, s in enumerate(subjects)}


def mmlu_shots() -> dict[str, list[list[str]]]:
    return {s: mmlu_rows(s, 5, "dev") for s in (*ID_SUBJECTS, *OOD_SUBJECTS)}


def write_mmlu_csv(folder: Path, tests: dict, shots: dict, header: bool = False) -> Path:
    """The original's layout, without header, or with the one of a later copy."""
    for subject, rows in tests.items():
        if header:
            rows = [[f"{subject}/test/{i}", "en", *row] for i, row in enumerate(rows)]
            rows = [["id", "lang", "question", "A", "B", "C", "D", "target"], *rows]
        write_csv(folder / "test" / f"{subject}_test.csv", *rows)
    for subject, rows in shots.items():
        write_csv(folder / "dev" / f"{subject}_dev.csv", *rows)
    return folder


def write_mmlu_authors(folder: Path, tests: dict, shots: dict) -> Path:
    """The authors' layout, halved by a rule written down here a second time."""
    train, test = {}, {}
    for subject in ID_SUBJECTS:
        rows = [["NaN" if cell == "None" else cell for cell in row] for row in tests[subject]]
        test[subject], train[subject] = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    ood = {s: [["NaN" if cell == "None" else cell for cell in row] for row in tests[s]] for s in OOD_SUBJECTS}
    write_json(folder / "MMLU_ID_train.json", train)
    write_json(folder / "MMLU_ID_test.json", test)
    write_json(folder / "MMLU_OOD_test.json", ood)
    named = {s: [["NaN" if cell == "None" else cell for cell in row] for row in rows] for s, rows in shots.items()}
    write_json(folder / "MMLU_ID_prompt.json", {s: named[s] for s in ID_SUBJECTS})
    write_json(folder / "MMLU_OOD_prompt.json", {s: named[s] for s in OOD_SUBJECTS})
    return folder

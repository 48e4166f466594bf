"""The loaders but MMLU's: what they make of a row in every layout, and every way in which a file can be bad."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest
from samples import (
    FALSEQA,
    FALSEQA_TEST,
    FEVER,
    FEVER_HUB,
    FEVER_ORIGINAL,
    HALUEVAL,
    HOTPOT,
    HOTPOT_HUB,
    NEC,
    NEC_NONE,
    POPQA,
    REFUNQ,
    REFUNQ_NONE,
    SELFAWARE,
    SELFAWARE_NONE,
    TRIVIAQA,
    TRIVIAQA_HUB,
    WICE,
    write_csv,
    write_json,
    write_lines,
    write_tsv,
)

from rtuning_helpers.data.prompts import task_prompt
from rtuning_helpers.data.questions import CLAIM, OPEN, Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError


def parquet(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def question(name, split, text, answer, relation, **more):
    return Question(f"{name}-{split}-00000", name, split, text, answer, relation, **more)


# Good files

SUPPORT = {"task": CLAIM, "options": ("supported", "partially_supported", "not_supported")}
TRUTH = {"task": CLAIM, "options": ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")}
WICE_QUESTION = question("wice", "id", "Ana won.", "B", "claim", context="Ana ran.   She won.", **SUPPORT)
HOTPOT_QUESTION = question(
    "hotpotqa", "id", "Who won?", "Ana", "bridge", context="Race:Ana ran.  She won.\n Town:A town.\n"
)
FEVER_QUESTION = question("fever", "id", "Ana won.", "B", "claim", context="Ana ran. She lost.", **TRUTH)
HALUEVAL_QUESTION = question("halueval", "test", "Who won?", "Ana", "qa", context="Knowledge: Ana won.")
POPQA_QUESTION = question(
    "popqa", "test", "What is Ana's occupation?", "runner", "occupation", aliases=("sprinter", "racer")
)
TRIVIAQA_QUESTION = question("triviaqa", "id", "Who won?", "Ana", "triviaqa", aliases=("Anna",))


def in_split(expected, split):
    return replace(expected, split=split, id=f"{expected.dataset}-{split}-00000")


@pytest.mark.parametrize(
    ("write", "name", "expected"),
    [
        (lambda d: write_lines(d / "claim/test.jsonl", WICE), "wice", WICE_QUESTION),
        (lambda d: write_lines(d / "wice/claim/train.jsonl", WICE), "wice", in_split(WICE_QUESTION, "train")),
        (
            lambda d: write_lines(d / "subclaim/test.jsonl", WICE),
            "wice-subclaim",
            replace(WICE_QUESTION, dataset="wice-subclaim", id="wice-subclaim-id-00000"),
        ),
        (
            lambda d: write_json(d / "WiCE/wice_test.json", [WICE]),
            "wice-subclaim",
            replace(WICE_QUESTION, dataset="wice-subclaim", id="wice-subclaim-id-00000"),
        ),
        (lambda d: write_json(d / "hotpot_test.json", [HOTPOT]), "hotpotqa", HOTPOT_QUESTION),
        (lambda d: write_json(d / "hotpot_10k.json", [HOTPOT]), "hotpotqa", in_split(HOTPOT_QUESTION, "train")),
        (lambda d: write_json(d / "hotpot_dev_distractor_v1.json", [HOTPOT]), "hotpotqa", HOTPOT_QUESTION),
        (
            lambda d: write_json(d / "hotpot_train_v1.1.json", [HOTPOT]),
            "hotpotqa",
            in_split(HOTPOT_QUESTION, "train"),
        ),
        (lambda d: write_json(d / "hotpot_test.json", [HOTPOT_HUB]), "hotpotqa", HOTPOT_QUESTION),
        (
            lambda d: parquet(d / "distractor/validation-00000-of-00001.parquet", HOTPOT_HUB),
            "hotpotqa",
            HOTPOT_QUESTION,
        ),
        (
            lambda d: write_json(d / "hotpot_test.json", [{k: HOTPOT[k] for k in ("question", "answer", "context")}]),
            "hotpotqa",
            replace(HOTPOT_QUESTION, relation="unknown type"),
        ),
        (lambda d: write_json(d / "fever_10k_test.json", [FEVER]), "fever", FEVER_QUESTION),
        (lambda d: write_json(d / "fever_10k.json", [FEVER]), "fever", in_split(FEVER_QUESTION, "train")),
        (
            lambda d: write_json(d / "fever_10k_test.json", [{**FEVER, "evidence": "Ana ran. She lost."}]),
            "fever",
            FEVER_QUESTION,
        ),
        (lambda d: write_lines(d / "FEVER/test.jsonl", FEVER_HUB), "fever", FEVER_QUESTION),
        (
            lambda d: write_lines(d / "fever_gold_evidence/train.jsonl", FEVER_HUB),
            "fever",
            in_split(FEVER_QUESTION, "train"),
        ),
        (lambda d: write_lines(d / "paper_test.jsonl", FEVER_HUB), "fever", FEVER_QUESTION),
        (lambda d: write_json(d / "HaluEvalQA.json", [HALUEVAL]), "halueval", HALUEVAL_QUESTION),
        (lambda d: write_lines(d / "HaluEvalQA.json", HALUEVAL), "halueval", HALUEVAL_QUESTION),
        (lambda d: write_lines(d / "data/qa_data.json", HALUEVAL), "halueval", HALUEVAL_QUESTION),
        (lambda d: write_lines(d / "qa_one-turn_data.json", HALUEVAL), "halueval", HALUEVAL_QUESTION),
        (lambda d: write_tsv(d / "popQA.tsv", POPQA), "popqa", POPQA_QUESTION),
        (lambda d: write_tsv(d / "PopQA/test.tsv", POPQA), "popqa", POPQA_QUESTION),
        (lambda d: write_json(d / "unfiltered-web-dev.json", {"Data": [TRIVIAQA]}), "triviaqa", TRIVIAQA_QUESTION),
        (
            lambda d: write_json(d / "unfiltered-web-train.json", {"Data": [TRIVIAQA]}),
            "triviaqa",
            in_split(TRIVIAQA_QUESTION, "train"),
        ),
        (
            lambda d: parquet(d / "unfiltered.nocontext/validation-00000-of-00001.parquet", TRIVIAQA_HUB),
            "triviaqa",
            TRIVIAQA_QUESTION,
        ),
        (
            lambda d: parquet(d / "rc.nocontext/train-00000-of-00001.parquet", TRIVIAQA_HUB),
            "triviaqa-rc",
            replace(
                in_split(TRIVIAQA_QUESTION, "train"),
                dataset="triviaqa-rc",
                id="triviaqa-rc-train-00000",
                relation="triviaqa-rc",
            ),
        ),
        (
            lambda d: write_json(d / "training_data.json", [["Who?", "Ana", "P1(x)"]]),
            "pararel",
            question("pararel", "train", "Who?", "Ana", "P1(x)"),
        ),
    ],
)
def test_every_layout_gives_the_same_question(tmp_path, write, name, expected):
    path = write(tmp_path)
    assert load_questions(name, expected.split, tmp_path) == [expected]
    assert load_questions(name, expected.split, str(path.parent)) == [expected]


def test_prompts_are_the_released_codes_text():
    assert task_prompt(HOTPOT_QUESTION) == "Race:Ana ran.  She won.\n Town:A town.\n\nQuestion: Who won?\nAnswer:"
    assert task_prompt(HALUEVAL_QUESTION) == "Knowledge: Ana won.\nQuestion: Who won?\nAnswer:"
    assert "A: SUPPORTS.\nB: REFUTES.\nC: NOT ENOUGH INFO.\nAnswer:" in task_prompt(FEVER_QUESTION)


@pytest.mark.parametrize(
    ("write", "name", "expected"),
    [
        (
            lambda d: write_json(d / "SelfAware.json", {"example": [SELFAWARE, SELFAWARE_NONE]}),
            "selfaware",
            [("Who won?", "Ana", ("Anna",), True, "web"), ("Who will?", "", (), False, "SelfAware")],
        ),
        (
            lambda d: [write_lines(d / "NEC_answerable.json", NEC), write_lines(d / "NEC_unanswerable.json", NEC_NONE)],
            "nec",
            [
                ("How old is a crow?", "", (), True, "animals"),
                ("How old is a Leogoteo?", "", (), False, "animals"),
            ],
        ),
        (
            lambda d: [
                write_lines(d / "RefuNQ_unanswerable.json", REFUNQ_NONE),
                write_lines(d / "RefuNQ_answerable.json", REFUNQ),
            ],
            "refunq",
            [("Who won?", "Ana", ("Anna",), True, "refunq"), ("Who Buquor?", "", (), False, "refunq")],
        ),
        (
            lambda d: [
                write_csv(d / f"FalseQA/{part}.csv", ["question", "answer", "label"], *rows)
                for part, rows in (("train", FALSEQA), ("valid", FALSEQA[1:]), ("test", FALSEQA_TEST))
            ],
            "falseqa",
            [
                ("Why is ice cold?", "It is frozen.", (), True, "falseqa"),
                ("Why is ice hot?", "", (), False, "falseqa"),
                ("Why is ice hot?", "", (), False, "falseqa"),
                ("Why?", "So.", ("Because.",), True, "falseqa"),
                ("How hot is ice?", "", (), False, "falseqa"),
            ],
        ),
        (
            lambda d: [
                write_lines(d / "FalseQA_answerable.json", {"prompt": "Why?", "label": 0}),
                write_lines(d / "FalseQA_unanswerable.json", {"prompt": "How?", "label": 1}),
            ],
            "falseqa",
            [("Why?", "", (), True, "falseqa"), ("How?", "", (), False, "falseqa")],
        ),
    ],
)
def test_sets_with_unanswerable_questions(tmp_path, write, name, expected):
    write(tmp_path)
    found = load_questions(name, "test", tmp_path)
    assert [(q.question, q.answer, q.aliases, q.answerable, q.relation) for q in found] == expected
    assert [q.id for q in found] == [f"{name}-test-{i:05d}" for i in range(len(found))]
    assert {(q.split, q.dataset, q.task, q.options, q.context) for q in found} == {("test", name, OPEN, (), "")}


def test_parquet_shards_follow_each_other(tmp_path):
    for number, text in enumerate(("one?", "two?")):
        parquet(tmp_path / f"distractor/train-0000{number}-of-00002.parquet", {**HOTPOT_HUB, "question": text})
    found = load_questions("hotpotqa", "train", tmp_path)
    assert [(q.id, q.question) for q in found] == [("hotpotqa-train-00000", "one?"), ("hotpotqa-train-00001", "two?")]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path):
    path = tmp_path / "claim" / "test.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(WICE).encode() + b"\r\n\r\n" + json.dumps(WICE).encode())
    assert len(load_questions("wice", "id", tmp_path)) == 2
    path = write_csv(tmp_path / "falseqa" / "train.csv", ["question", "answer", "label"], *FALSEQA)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    write_csv(tmp_path / "falseqa" / "valid.csv", ["question", "answer", "label"], *FALSEQA)
    write_csv(tmp_path / "falseqa" / "test.csv", ["question", "answer", "label"], *FALSEQA)
    assert len(load_questions("falseqa", "test", tmp_path)) == 6


# Bad rows: name, split, file, a good row, changes, message

WICE_LABELS = "expected one of supported, partially_supported, not_supported"
FEVER_LABELS = "expected one of SUPPORTS, REFUTES, NOT ENOUGH INFO"
TEXT = "expected a non-empty string"
TRIVIA_FILE = "unfiltered-web-dev.json"
BAD_ROWS = [
    ("wice", "id", "claim/test.jsonl", WICE, {"claim": None}, f"has claim null; {TEXT}"),
    ("wice", "id", "claim/test.jsonl", WICE, {"claim": ...}, "has no claim: .*; expected an object with claim, evi"),
    ("wice", "id", "claim/test.jsonl", WICE, {"label": "SUPPORTED"}, f'has label "SUPPORTED"; {WICE_LABELS}'),
    ("wice", "id", "claim/test.jsonl", WICE, {"label": ["supported"]}, f"has several golds, label .*; {WICE_LABELS}"),
    ("wice", "id", "claim/test.jsonl", WICE, {"evidence": []}, "has empty evidence .*expected at least one sentence"),
    ("wice", "id", "claim/test.jsonl", WICE, {"evidence": [" "]}, "has empty evidence .*expected at least one sent"),
    ("wice", "id", "claim/test.jsonl", WICE, {"evidence": "Ana."}, "has evidence .*; expected a list of strings"),
    ("wice", "id", "claim/test.jsonl", WICE, {"evidence": ["a", 3]}, "has evidence .*; expected a list of strings"),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"answer": ["a"]}, "several golds, answer .*; expected one string"),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"answer": ""}, f'has answer ""; {TEXT}'),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"question": 3}, f"has question 3; {TEXT}"),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"type": "x"}, 'has type "x"; expected one of bridge, comparison'),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"context": []}, "has empty evidence, context .*at least one sent"),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"context": [["t", []]]}, "has empty evidence, context .*"),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"context": [["t", "s"]]}, r"expected a list of \[title, \[sent"),
    ("hotpotqa", "id", "hotpot_test.json", HOTPOT, {"context": "t: s"}, r"expected a list of \[title, \[sentence"),
    (
        "hotpotqa",
        "id",
        "hotpot_test.json",
        HOTPOT,
        {"context": {"title": ["a"], "sentences": []}},
        "expected as many titles as lists of sentences",
    ),
    ("fever", "id", "fever_10k_test.json", FEVER, {"label": "TRUE"}, f'has label "TRUE"; {FEVER_LABELS}'),
    ("fever", "id", "fever_10k_test.json", FEVER, {"label": ["REFUTES"]}, f"several golds, label .*; {FEVER_LABELS}"),
    ("fever", "id", "fever_10k_test.json", FEVER, {"evidence": []}, "has empty evidence"),
    ("fever", "id", "fever_10k_test.json", FEVER, {"evidence": None}, "has empty evidence null; expected sentences"),
    ("fever", "id", "fever_10k_test.json", FEVER, {"evidence": [""]}, "has empty evidence"),
    ("fever", "id", "fever_10k_test.json", FEVER, {"evidence": [["a", "b"]]}, "has evidence .*; expected sentences, "),
    ("fever", "id", "fever/test.jsonl", FEVER_HUB, {"evidence": [["Ana", 0, ""]]}, "has empty evidence"),
    ("fever", "id", "fever_10k_test.json", FEVER, {"claim": ...}, "has no claim: .*; expected an object"),
    ("halueval", "test", "qa_data.json", HALUEVAL, {"knowledge": ""}, f'has knowledge ""; {TEXT}'),
    ("halueval", "test", "qa_data.json", HALUEVAL, {"right_answer": ["a", "b"]}, "has several golds, right_answer"),
    ("halueval", "test", "HaluEvalQA.json", HALUEVAL, {"question": ...}, "has no question: "),
    ("selfaware", "test", "SelfAware.json", SELFAWARE, {"answer": None}, "has answer null; expected a list of strings"),
    ("selfaware", "test", "SelfAware.json", SELFAWARE, {"answer": []}, "has empty answer"),
    ("selfaware", "test", "SelfAware.json", SELFAWARE, {"answerable": 1}, "has answerable 1; expected one of True, F"),
    ("selfaware", "test", "SelfAware.json", SELFAWARE, {"answerable": False}, "is unanswerable but has answer .*null"),
    ("selfaware", "test", "SelfAware.json", SELFAWARE, {"source": ...}, "has no source: "),
    ("nec", "test", "NEC_answerable.json", NEC, {"label": 1}, "has label 1; expected one of 0"),
    ("nec", "test", "NEC_answerable.json", NEC, {"label": False}, "has label false; expected one of 0"),
    ("nec", "test", "NEC_answerable.json", NEC, {"category": ...}, "has no category"),
    ("nec", "test", "NEC_unanswerable.json", NEC_NONE, {"label": "1"}, 'has label "1"; expected one of 1'),
    ("refunq", "test", "RefuNQ_answerable.json", REFUNQ, {"label": "NEC"}, 'has label "NEC"; expected a list of str'),
    ("refunq", "test", "RefuNQ_answerable.json", REFUNQ, {"label": []}, "has empty label"),
    ("refunq", "test", "RefuNQ_unanswerable.json", REFUNQ_NONE, {"label": ["a"]}, "several golds, label .* of NEC"),
    ("refunq", "test", "RefuNQ_unanswerable.json", REFUNQ_NONE, {"prompt": " "}, f'has prompt " "; {TEXT}'),
    ("popqa", "test", "popQA.tsv", POPQA, {"s_pop": "many"}, 'has s_pop "many"; expected a whole number of at least 0'),
    ("popqa", "test", "popQA.tsv", POPQA, {"s_pop": "-1"}, 'has s_pop "-1"; expected a whole number'),
    ("popqa", "test", "popQA.tsv", POPQA, {"possible_answers": "['a']"}, "has possible_answers .*; expected a JSON li"),
    ("popqa", "test", "popQA.tsv", POPQA, {"possible_answers": '"a"'}, 'has possible_answers "a"; expected a list of'),
    ("popqa", "test", "popQA.tsv", POPQA, {"possible_answers": "[]"}, "has empty possible_answers"),
    ("popqa", "test", "popQA.tsv", POPQA, {"possible_answers": ""}, f'has possible_answers ""; {TEXT}'),
    ("popqa", "test", "popQA.tsv", POPQA, {"question": ""}, f'has question ""; {TEXT}'),
    ("popqa", "test", "popQA.tsv", POPQA, {"possible_answers": ...}, "expected 17 cells: id,subj,prop,"),
    ("triviaqa", "id", TRIVIA_FILE, TRIVIAQA, {"Question": ...}, "has no Question: .*expected an object with Question"),
    ("triviaqa", "id", TRIVIA_FILE, TRIVIAQA, {"Question": " "}, f'has Question " "; {TEXT}'),
    ("triviaqa", "id", TRIVIA_FILE, TRIVIAQA, {"Answer": "Ana"}, 'has Answer "Ana"; expected an object with Value, Al'),
    ("triviaqa", "id", TRIVIA_FILE, TRIVIAQA, {"Answer": {"Value": "Ana"}}, "has no Aliases: "),
    ("triviaqa", "id", TRIVIA_FILE, TRIVIAQA, {"Answer": {"Value": "", "Aliases": []}}, f'has Value ""; {TEXT}'),
    ("triviaqa", "id", TRIVIA_FILE, TRIVIAQA, {"Answer": {"Value": "<unk>", "Aliases": []}}, "its answer is hidden"),
    (
        "triviaqa",
        "id",
        TRIVIA_FILE,
        TRIVIAQA,
        {"Answer": {"Value": "a", "Aliases": "a"}},
        'has Aliases "a"; expected a',
    ),
]
PARTNERS = {
    "NEC_answerable.json": ("NEC_unanswerable.json", NEC_NONE),
    "NEC_unanswerable.json": ("NEC_answerable.json", NEC),
    "RefuNQ_answerable.json": ("RefuNQ_unanswerable.json", REFUNQ_NONE),
    "RefuNQ_unanswerable.json": ("RefuNQ_answerable.json", REFUNQ),
}


def write_rows(path, *rows):
    if path.name == "SelfAware.json":
        return write_json(path, {"example": list(rows)})
    if path.name == TRIVIA_FILE:
        return write_json(path, {"Data": list(rows)})
    if path.suffix == ".tsv":
        return write_tsv(path, *rows)
    if path.name.startswith(("hotpot_", "fever_10k", "HaluEvalQA")):
        return write_json(path, list(rows))
    return write_lines(path, *rows)


@pytest.mark.parametrize(("name", "split", "file", "good", "change", "message"), BAD_ROWS)
def test_bad_rows_are_named_or_left_out(tmp_path, name, split, file, good, change, message):
    bad = {key: value for key, value in {**good, **change}.items() if value is not ...}
    path = write_rows(tmp_path / file, good, bad, good)
    if path.name in PARTNERS:
        write_lines(tmp_path / PARTNERS[path.name][0], PARTNERS[path.name][1])
    with pytest.raises(InputError, match=message) as caught:
        load_questions(name, split, tmp_path)
    place = "line" if path.suffix == ".jsonl" or path.name in PARTNERS or path.name == "qa_data.json" else "row"
    assert str(caught.value).startswith(f"{path}: {place} 2 ") and "\n" not in str(caught.value)
    left_out = []
    partner = 1 if path.name in PARTNERS else 0
    rest = load_questions(name, split, tmp_path, bad_rows=left_out)
    assert len(rest) == 2 + partner
    assert [str(error) for error in left_out] == [str(caught.value)]
    numbers = {int(q.id.rsplit("-", 1)[1]) for q in rest}
    assert len(numbers) == len(rest) and max(numbers) == 2 + partner  # the bad row keeps its number to itself


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["Why?", "So."], "row 2 is .*; expected 3 cells: question,answer,label"),
        (["Why?", "So.", "0", "x"], "row 2 is .*; expected 3 cells"),
        (["Why?", "So.", "2"], 'row 2 has label "2"; expected one of 0, 1'),
        (["Why?", "So.", "[0, 1]"], r'row 2 has label "\[0, 1\]"; expected one of 0, 1'),
        (["", "So.", "0"], f'row 2 has question ""; {TEXT}'),
        (["Why?", "", "1"], f'row 2 has answer ""; {TEXT}'),
        (["Why?", "['So.', 3]", "0"], "row 2 has answer .*; expected a text, or a list of texts"),
        (["Why?", "['So.'", "0"], "row 2 has answer .*; expected a text, or a list of texts"),
        (["Why?", "[]", "0"], "row 2 has answer .*; expected a text, or a list of texts"),
    ],
)
def test_bad_rows_of_csv_files(tmp_path, cells, message):
    for part in ("train", "valid", "test"):
        rows = [FALSEQA[0], cells] if part == "valid" else FALSEQA
        write_csv(tmp_path / "falseqa" / f"{part}.csv", ["question", "answer", "label"], *rows)
    with pytest.raises(InputError, match=message) as caught:
        load_questions("falseqa", "test", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'falseqa' / 'valid.csv'}: row 2 ")
    bad = []
    assert len(load_questions("falseqa", "test", tmp_path, bad_rows=bad)) == 5 and len(bad) == 1


# Bad files

ROW = json.dumps(WICE)
LINES = "expected JSON lines, one object on each line"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"[{ROW}]", f"holds a JSON array; {LINES}"),
        (json.dumps(WICE, indent=1), "holds one JSON object over several lines; expected one object on each line"),
        ("", f"the file is empty; {LINES}"),
        ("\n \n", f"the file is empty; {LINES}"),
        (b"\xff\xfe", f"cannot be read as UTF-8 .*; {LINES}"),
        (f"{ROW}\n{ROW[:-9]}", "line 2 is .*: not valid JSON .*; expected one whole JSON object"),
        (f"{ROW}\n{ROW} {ROW}", "line 2 is .*: not valid JSON .Extra data.*; expected one whole JSON object"),
        (f"{ROW}\n3", "line 2 is 3; expected an object with claim, evidence, label"),
        (f"{ROW}\n{'[' * 100_000}", "line 2 is .*: not valid JSON"),
    ],
)
def test_bad_json_lines(tmp_path, content, message):
    path = tmp_path / "claim" / "test.jsonl"
    path.parent.mkdir()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message) as caught:
        load_questions("wice", "id", tmp_path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 400 + len(str(path))


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        ("hotpotqa", "hotpot_test.json", f"{json.dumps(HOTPOT)}\n{json.dumps(HOTPOT)}", "second JSON document.*line 2"),
        ("hotpotqa", "hotpot_test.json", json.dumps(HOTPOT), "holds a JSON dict; expected a JSON array"),
        ("fever", "fever_10k_test.json", f"[{json.dumps(FEVER)}", "not valid JSON .*truncated"),
        ("selfaware", "SelfAware.json", "[]", "holds a JSON list; expected one JSON object whose 'example'"),
        ("selfaware", "SelfAware.json", '{"example": {}}', "'example' is {}; expected one JSON object whose 'example'"),
        ("selfaware", "SelfAware.json", "{}\n{}", "a second JSON document follows.; expected one JSON object"),
        ("triviaqa", TRIVIA_FILE, "[]", "holds a JSON list; expected one JSON object whose 'Data' is the list of rows"),
        ("triviaqa", TRIVIA_FILE, '{"Data": []}', r"'Data' is \[\]; expected one JSON object whose 'Data'"),
        ("popqa", "popQA.tsv", "", "the file is empty; expected TSV with a header line"),
        ("popqa", "popQA.tsv", 'id\tquestion\n1\t"Who', "not valid TSV .*truncated, expected TSV with a header line"),
        ("halueval", "qa_data.json", "[", "not valid JSON"),
        ("halueval", "qa_data.json", "{", "holds one JSON object over several lines"),
    ],
)
def test_bad_json_files(tmp_path, name, file, content, message):
    (tmp_path / file).write_text(content, encoding="utf-8")
    split = "test" if name in ("selfaware", "halueval", "popqa") else "id"
    with pytest.raises(InputError, match=message) as caught:
        load_questions(name, split, tmp_path)
    assert str(tmp_path / file) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty; expected CSV with the columns question,answer,label"),
        ("a,b\n", "the header is .*; expected question,answer,label"),
        ('question,answer,label\n"Why,So.,0\n', "not valid CSV .*truncated"),
        (json.dumps([{"question": "Why?"}]), "the header is .*; expected question,answer,label"),
    ],
)
def test_bad_csv_files(tmp_path, content, message):
    for part in ("train", "valid", "test"):
        write_csv(tmp_path / "falseqa" / f"{part}.csv", ["question", "answer", "label"], *FALSEQA)
    (tmp_path / "falseqa" / "test.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_questions("falseqa", "test", tmp_path)


def test_files_that_are_missing_or_there_twice(tmp_path):
    write_lines(tmp_path / "one" / "claim" / "test.jsonl", WICE)
    with pytest.raises(InputError, match="no file of wice's split 'train'; expected claim/train.jsonl"):
        load_questions("wice", "train", tmp_path)
    write_lines(tmp_path / "two" / "claim" / "test.jsonl", WICE)
    with pytest.raises(InputError, match="one/claim/test.jsonl and .*two/claim/test.jsonl: .*; expected one of them"):
        load_questions("wice", "id", tmp_path)
    assert len(load_questions("wice", "id", tmp_path / "two")) == 1
    assert len(load_questions("wice", "id", tmp_path / "two" / "claim" / "test.jsonl")) == 1
    write_lines(tmp_path / "NEC_answerable.json", NEC)
    with pytest.raises(InputError, match="no NEC_unanswerable.json; expected it beside the split's other files"):
        load_questions("nec", "test", tmp_path)
    with pytest.raises(InputError, match="nowhere: folder not found"):
        load_questions("nec", "test", tmp_path / "nowhere")
    with pytest.raises(InputError, match="data set nec has no split 'id'"):
        load_questions("nec", "id", tmp_path)


def test_nothing_is_loaded_where_every_row_is_bad(tmp_path):
    write_lines(tmp_path / "claim" / "test.jsonl", {}, {})
    bad = []
    with pytest.raises(InputError, match="no good row is left in split 'id'"):
        load_questions("wice", "id", tmp_path, bad_rows=bad)
    assert len(bad) == 2


def test_fever_without_evidence_text_is_not_run(tmp_path):
    write_lines(tmp_path / "paper_test.jsonl", FEVER_HUB, FEVER_ORIGINAL, FEVER_ORIGINAL)
    wanted = "2 of 3 rows have page names but no evidence text; run with a copy that has it"
    for bad in (None, []):
        with pytest.raises(InputError, match=wanted):
            load_questions("fever", "id", tmp_path, bad_rows=bad)


# Real files


def test_the_staged_files(shared_data):
    counts = {
        ("wice", "id", "wice"): (358, 0),
        ("halueval", "test", "halueval"): (500, 0),
        ("selfaware", "test", "selfaware"): (3369, 1032),
        ("falseqa", "test", "falseqa"): (4730, 2365),
        ("falseqa", "test", "unknownbench"): (4730, 2365),
        ("nec", "test", "unknownbench"): (4150, 2078),
        ("refunq", "test", "unknownbench"): (4439, 2173),
    }
    for (name, split, folder), expected in counts.items():
        found = load_questions(name, split, shared_data / folder)
        assert (len(found), sum(not q.answerable for q in found)) == expected
        assert len({q.id for q in found}) == len(found)
        assert all(q.answer == "" and not q.aliases for q in found if not q.answerable)


def test_both_layouts_of_hotpotqa_give_the_same_questions(shared_data):
    folder = shared_data / "hotpotqa"
    one = load_questions("hotpotqa", "id", folder / "dev_distractor_100.json")
    assert load_questions("hotpotqa", "id", folder / "dev_distractor_100.hub-schema.json") == one
    relations = [q.relation for q in one]
    assert (relations.count("bridge"), relations.count("comparison")) == (79, 21)
    raw = json.loads((folder / "dev_distractor_100.json").read_text(encoding="utf-8"))[0]
    blocks = [title + ":" + " ".join(sentences) + "\n" for title, sentences in raw["context"]]
    assert task_prompt(one[0]) == " ".join(blocks) + "\nQuestion: " + raw["question"] + "\nAnswer:"


def test_both_sources_of_falseqa_ask_the_same(shared_data):
    asked = {
        folder: {(q.question.strip(), q.answerable) for q in load_questions("falseqa", "test", shared_data / folder)}
        for folder in ("falseqa", "unknownbench")
    }
    assert len(asked["falseqa"] & asked["unknownbench"]) > 0.99 * len(asked["falseqa"])

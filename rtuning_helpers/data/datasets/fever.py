"""FEVER: does the evidence support a claim, refute it, or is there not enough of it?

Rows: ``claim``; ``label``, one of SUPPORTS, REFUTES, NOT ENOUGH INFO; ``evidence``, which differs:

    authors: ``fever_10k.json`` and ``fever_10k_test.json``, JSON arrays; the sentences (list of strings, or a string).
    hub: ``fever*/{train,valid,test}.jsonl`` of copenlu/fever_gold_evidence, JSON lines; a list of ``[page, sentence
        number, sentence]``, gold for SUPPORTS and REFUTES, retrieved by a system for NOT ENOUGH INFO. Claims with
        several sets of evidence have several rows.
    original: ``fever*/train.jsonl``, ``paper_dev*.jsonl``, ``paper_test*.jsonl`` of fever.ai, JSON lines; page names
        and sentence numbers only. Such a file can be checked, but not be run: the sentences are in another 1.7 GB.

The paper trains on 10,000 and tests on 9,999 rows; how it chose them, and where its evidence for NOT ENOUGH INFO comes
from, is not stated, so the public copy is no exact stand-in. Train is train, id is test (paper_test), and the
development files belong to no split: they are only checked. Sentences are joined by spaces, empty ones left out.

Source: copenlu/fever_gold_evidence on the Hugging Face hub. Licence: CC BY-SA 3.0 and GPL 3.0.

Errors: a missing field, an unknown label or several, evidence of no known form or with nothing in it.
"""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import AUTHORS, HUB, ORIGINAL, FileKind, a_file_each
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, claim, fields_of
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt

CLASSES = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")
_REVISION = "a6b8d891d393e97a4efac791afffb2d7de5e57c6"
_NEEDS_TEXT = "run with a copy that has it: the authors' files, or the public copy, fetched where no folder is named"


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question; the context is empty where the row only names pages."""
    fields = fields_of(row, ("claim", "evidence", "label"))
    return claim(fields, CLASSES, evidence_text(fields["evidence"]))


def evidence_text(evidence: Any) -> str:
    """The sentences in any of the three forms, or "" for page names.

    Raises:
        BadRowError: Another form, or sentences with nothing in them.
    """
    if isinstance(evidence, str):
        evidence = [evidence]
    if not isinstance(evidence, list) or not evidence:
        raise BadRowError(f"has empty evidence {excerpt(evidence)}; expected sentences")
    if all(map(_is_page_names, evidence)):
        return ""
    sentences = [item[2] if isinstance(item, list) and len(item) == 3 else item for item in evidence]
    if not all(isinstance(sentence, str) for sentence in sentences):
        raise BadRowError(
            f"has evidence {excerpt(evidence)}; expected sentences, [page, number, sentence] or FEVER's own sets of "
            "[annotation, evidence, page, number]"
        )
    if not any(sentence.strip() for sentence in sentences):
        raise BadRowError(f"has empty evidence {excerpt(evidence)}; expected at least one sentence")
    return " ".join(sentence for sentence in sentences if sentence.strip())


def _is_page_names(group: Any) -> bool:
    return isinstance(group, list) and bool(group) and all(isinstance(item, list) and len(item) == 4 for item in group)


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read a split whose rows have evidence text; see `read_what_is_good`."""
    questions = read_what_is_good(split, data_dir, bad_rows)
    without = [question for question in questions if not question.context]
    if without:
        raise InputError(
            f"{data_dir or FEVER.source}: {len(without):,} of {len(questions):,} rows have page names but no evidence "
            f"text; {_NEEDS_TEXT}"
        )
    return questions


def read_what_is_good(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read a split, with evidence text or page names.

    Bad rows of the public copy (some of its evidence is empty) are left out with a warning, since no user can mend
    them there.
    """
    left_out: list[InputError] | None = [] if bad_rows is None and data_dir is None else bad_rows
    questions = FEVER.read(split, data_dir, left_out)
    if left_out and bad_rows is None:
        warnings.warn(f"fever: {len(left_out):,} rows left out, such as {left_out[0]}", stacklevel=3)
    return questions


def _notes(path: Path, questions: list[Question]) -> list[str]:
    without = sum(not question.context for question in questions)
    return [f"no evidence text in {without:,} rows; {_NEEDS_TEXT}"] if without else []


def _notes_of_dev(path: Path, questions: list[Question]) -> list[str]:
    return ["in no split: train and test are used", *_notes(path, questions)]


def _from_hub(part: str, split: str) -> FileKind:
    # The original's train.jsonl has the same name; its rows are told apart by their evidence.
    (kind,) = a_file_each({split: f"fever*/{part}.jsonl"}, convert, layout=HUB, notes=_notes)
    public = PublicFile("hub", "copenlu/fever_gold_evidence", _REVISION, f"{part}.jsonl")
    return replace(kind, part=part, public=(public,))


def _only_checked(layout: str, part: str, pattern: str) -> FileKind:
    return FileKind(splits=(), patterns=(pattern,), convert=convert, layout=layout, part=part, notes=_notes_of_dev)


_AUTHORS = {"train": "fever_10k.json", "id": "fever_10k_test.json"}
FEVER = register(
    Dataset(
        name="fever",
        source=f"copenlu/fever_gold_evidence on the Hugging Face hub, revision {_REVISION[:8]}, after fever.ai",
        licence="CC BY-SA 3.0 and GPL 3.0",
        rows={"train": None, "id": None},
        kinds=(
            *a_file_each(_AUTHORS, convert, layout=AUTHORS, notes=_notes),
            _from_hub("train", "train"),
            _only_checked(HUB, "valid", "fever*/valid.jsonl"),
            _from_hub("test", "id"),
            *a_file_each({"id": "paper_test*.jsonl"}, convert, notes=_notes),
            _only_checked(ORIGINAL, "dev", "paper_dev*.jsonl"),
        ),
        load=load,
    )
)

"""MMLU as the R-Tuning paper uses it: 28 in-domain and 29 out-of-domain subjects, with five solved examples each.

The in-domain subjects are the alphabetically first 28. Each one's original test questions are cut in two, order kept:
the front half (the smaller one where the number is odd) is tested on, the back half trained on. All test questions of
the other 29 subjects are the out-of-domain test. That gives 2,448 train, 2,439 in-domain and 9,155 out-of-domain
questions. The solved examples (shots) are the subject's five development questions.

Layouts:
    authors: ``MMLU_ID_train.json``, ``MMLU_ID_test.json``, ``MMLU_OOD_test.json`` and ``MMLU_{ID,OOD}_prompt.json``;
        each an object of subject -> rows ``[question, A, B, C, D, letter]``.
    original: ``<subject>_test.csv`` and ``<subject>_dev.csv`` (hendrycks/test) with the same six columns and no header,
        or with the header ``id,lang,question,A,B,C,D,target``.
    hub: ``all/{test,dev}-00000-of-00001.parquet`` of cais/mmlu: question, subject, choices, answer (0 to 3).

In the authors' files an option that reads "None" in the original reads "NaN" (what pandas makes of the word). The split
that is made from the original repeats that, so that it equals theirs.

Source: cais/mmlu on the Hugging Face hub, after hendrycks/test. Licence: MIT.

Errors: a row without six non-empty cells, a gold that is not one letter of A to D, an unknown subject, a subject
without exactly five shots, a missing subject or file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

from rtuning_helpers.data.datasets.mmlu_rows import (
    ID_SUBJECTS,
    OOD_SUBJECTS,
    SHOTS,
    authors_rows,
    convert,
    csv_rows,
    group_shots,
    hub_rows,
    read_shots,
    take_split,
)
from rtuning_helpers.data.downloads import PublicFile, fetch
from rtuning_helpers.data.files import AUTHORS, HUB, ORIGINAL, FileKind, files_below, find, split_files
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import convert_rows
from rtuning_helpers.errors import InputError

_REVISION = "c30699e8356da336a370243923dbaf21066bb9fe"


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read a split with the shots of every question, from a folder or from the hub."""
    found = split_files(MMLU, split, data_dir)
    subjects = OOD_SUBJECTS if split == "ood" else ID_SUBJECTS
    questions: list[Question] = []
    if found[0][0].layout == ORIGINAL:
        paths = {path.stem.rsplit("_", 1)[0]: path for _, path in found}
        missing = [subject for subject in subjects if subject not in paths]
        if missing:
            raise InputError(
                f"{data_dir}: no <subject>_test.csv for {len(missing)} of {len(subjects)} subjects ({missing[0]}, ...);"
                f" expected one for each subject of the split {split!r}"
            )
        found = [(kind, path) for kind, path in found if path.stem.rsplit("_", 1)[0] in subjects]
    numbers = count()
    for kind, path in found:
        rows = kind.rows(path) if kind.layout == AUTHORS else take_split(kind.rows(path), split)
        questions += convert_rows("mmlu", split, path, rows, convert, bad_rows, numbers)
    shots = _find_shots(found[0][0].layout, split, data_dir)
    for question in questions:
        if question.relation not in subjects:
            raise InputError(
                f"{found[0][1]}: subject {question.relation!r} is none of the split {split!r}; expected those subjects"
            )
        if question.relation not in shots:
            raise InputError(
                f"{found[0][1]}: subject {question.relation!r} has no shots; expected its {SHOTS} development "
                "questions beside it"
            )
    return [replace(question, shots=shots[question.relation]) for question in questions]


def _find_shots(layout: str, split: str, data_dir: Path | None) -> dict[str, tuple[Question, ...]]:
    kind = next(k for k in KINDS if k.layout == layout and k.part == _shots_part(layout, split))
    paths = [fetch(file) for file in kind.public] if data_dir is None else find(kind, files_below(data_dir))
    if not paths:
        raise InputError(f"{data_dir}: no {_named(kind)}; expected the {SHOTS} shots of each subject there")
    return {subject: own for path in paths for subject, own in read_shots(path, kind.rows(path)).items()}


def _shots_part(layout: str, split: str) -> str:
    return f"{'ood' if split == 'ood' else 'id'} shots" if layout == AUTHORS else "shots"


def _named(kind: FileKind) -> str:
    return "<subject>_dev.csv" if kind.layout == ORIGINAL else kind.patterns[0]


def _five_shots(path: Path, questions: list[Question]) -> list[str]:
    group_shots(path, questions)
    return []


def _authors_neighbours(path: Path, questions: list[Question]) -> list[str]:
    """Note of the authors' files: every subject must have its shots in the prompt file beside it."""
    domain = "OOD" if "OOD" in path.name.upper() else "ID"
    prompts = path.with_name(f"MMLU_{domain}_prompt.json")
    shots = read_shots(prompts, authors_rows(prompts))
    for subject in dict.fromkeys(question.relation for question in questions):
        if subject not in shots:
            raise InputError(f"{prompts}: subject {subject!r} of {path.name} has no shots; expected {SHOTS}")
    return []


def _original_neighbours(path: Path, questions: list[Question]) -> list[str]:
    """Note of one subject's test file: without its development file it can be checked, but not be run."""
    name = f"{path.stem.rsplit('_', 1)[0]}_dev.csv"
    if (path.parent / name).is_file() or (path.parent.parent / "dev" / name).is_file():
        return []
    return [f"no {name}: without its {SHOTS} shots the subject cannot be run"]


def _csv_names(subjects: Iterable[str], part: str) -> tuple[str, ...]:
    return tuple(f"{subject}_{part}.csv" for subject in subjects)


def _on_the_hub(part: str, sha256: str | None) -> tuple[PublicFile, ...]:
    return (PublicFile("hub", "cais/mmlu", _REVISION, f"all/{part}-00000-of-00001.parquet", sha256),)


FILES = {"train": "MMLU_ID_train.json", "id": "MMLU_ID_test.json", "ood": "MMLU_OOD_test.json"}
KINDS = (
    *(
        FileKind(AUTHORS, split, (split,), (name,), authors_rows, convert, _authors_neighbours)
        for split, name in FILES.items()
    ),
    FileKind(AUTHORS, "id shots", (), ("MMLU_ID_prompt.json",), authors_rows, convert, _five_shots),
    FileKind(AUTHORS, "ood shots", (), ("MMLU_OOD_prompt.json",), authors_rows, convert, _five_shots),
    FileKind(
        ORIGINAL,
        "train + id",
        ("train", "id"),
        _csv_names(ID_SUBJECTS, "test"),
        csv_rows,
        convert,
        _original_neighbours,
        together=True,
    ),
    FileKind(
        ORIGINAL,
        "ood",
        ("ood",),
        _csv_names(OOD_SUBJECTS, "test"),
        csv_rows,
        convert,
        _original_neighbours,
        together=True,
    ),
    FileKind(
        ORIGINAL,
        "shots",
        (),
        _csv_names((*ID_SUBJECTS, *OOD_SUBJECTS), "dev"),
        csv_rows,
        convert,
        _five_shots,
        together=True,
    ),
    FileKind(
        HUB,
        "all splits",
        ("train", "id", "ood"),
        ("all/test-00000-of-00001.parquet",),
        hub_rows,
        convert,
        public=_on_the_hub("test", "74a41822ce7d3def56e1682f958469c04642a5336a5ce912fa375fdb90fb25d7"),
    ),
    FileKind(
        HUB,
        "shots",
        (),
        ("all/dev-00000-of-00001.parquet",),
        hub_rows,
        convert,
        _five_shots,
        public=_on_the_hub("dev", None),
    ),
)

MMLU = register(
    Dataset(
        name="mmlu",
        load=load,
        needs_data_dir=False,
        source=f"cais/mmlu on the Hugging Face hub, revision {_REVISION[:8]}, after hendrycks/test",
        licence="MIT",
        files=FILES,
        kinds=KINDS,
        rows={"train": 2448, "id": 2439, "ood": 9155},
    )
)

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

from dataclasses import replace
from functools import partial
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
from rtuning_helpers.data.files import AUTHORS, HUB, ORIGINAL, FileKind, a_file_each, files_below, find
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import convert_rows
from rtuning_helpers.errors import InputError

_REVISION = "c30699e8356da336a370243923dbaf21066bb9fe"


def load(split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """Read a split with the shots of every question, from a folder or from the hub."""
    found = MMLU.files(split, data_dir)
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
    kind = next(k for k in MMLU.kinds if k.layout == layout and k.part == _shots_part(layout, split))
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


def _shots_kind(part: str, patterns: tuple[str, ...], **more) -> FileKind:
    return FileKind(splits=(), patterns=patterns, convert=convert, part=part, notes=_five_shots, **more)


def _csv_kind(part: str, splits: tuple[str, ...], subjects: tuple[str, ...]) -> FileKind:
    names, notes = tuple(f"{subject}_test.csv" for subject in subjects), _original_neighbours
    one = FileKind(splits=splits, patterns=names, convert=convert, rows=csv_rows, part=part, notes=notes)
    return replace(one, together=True)


def _on_the_hub(part: str, sha256: str | None = None) -> dict:
    path = f"all/{part}-00000-of-00001.parquet"
    public = (PublicFile("hub", "cais/mmlu", _REVISION, path, sha256),)
    return {"patterns": (path,), "rows": hub_rows, "layout": HUB, "public": public}


_authors_shots = partial(_shots_kind, rows=authors_rows, layout=AUTHORS)
MMLU = register(
    Dataset(
        name="mmlu",
        source=f"cais/mmlu on the Hugging Face hub, revision {_REVISION[:8]}, after hendrycks/test",
        licence="MIT",
        rows={"train": 2448, "id": 2439, "ood": 9155},
        kinds=(
            *a_file_each(
                {"train": "MMLU_ID_train.json", "id": "MMLU_ID_test.json", "ood": "MMLU_OOD_test.json"},
                convert,
                rows=authors_rows,
                layout=AUTHORS,
                notes=_authors_neighbours,
            ),
            _authors_shots("id shots", ("MMLU_ID_prompt.json",)),
            _authors_shots("ood shots", ("MMLU_OOD_prompt.json",)),
            _csv_kind("train + id", ("train", "id"), ID_SUBJECTS),
            _csv_kind("ood", ("ood",), OOD_SUBJECTS),
            _shots_kind(
                "shots",
                tuple(f"{subject}_dev.csv" for subject in (*ID_SUBJECTS, *OOD_SUBJECTS)),
                rows=csv_rows,
                together=True,
            ),
            FileKind(
                splits=("train", "id", "ood"),
                convert=convert,
                part="all splits",
                **_on_the_hub("test", "74a41822ce7d3def56e1682f958469c04642a5336a5ce912fa375fdb90fb25d7"),
            ),
            _shots_kind("shots", **_on_the_hub("dev")),
        ),
        load=load,
    )
)

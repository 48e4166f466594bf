"""WiCE: does a web page support a claim of Wikipedia? At the level of whole claims, and of the facts in them.

``wice`` reads the claims, ``wice-subclaim`` the subclaims. The paper trains on 3,470 and tests on 958 rows, which are
the sizes of the subclaim files; its own training file holds 4,419 rows, as many as train and dev together. So the
authors' files are read as ``wice-subclaim``; of the original, train is ``train.jsonl``, id is ``test.jsonl``, and dev
belongs to no split: it is only checked.

Rows: ``claim``; ``evidence``, the sentences of the whole page; ``label``, one of supported, partially_supported,
not_supported. The sentences are joined by spaces, as in the released code.

Layouts:
    authors: ``wice_train.json`` and ``wice_test.json``, JSON arrays.
    original: ``claim/{train,dev,test}.jsonl`` and ``subclaim/...`` of ryokamoi/wice, JSON lines.

Source: ryokamoi/wice on GitHub. Licence: annotations ODC-BY, Wikipedia text CC BY-SA, Common Crawl terms for the pages.

Errors: a missing field, an unknown label or several, evidence that is no list of strings or has nothing in it.
"""

from pathlib import Path
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import AUTHORS, FileKind, a_file_each
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import claim, fields_of, texts_field

CLASSES = ("supported", "partially_supported", "not_supported")
_REVISION = "ddeb6c183665e2a20c5f03c5aa07f03888b9870f"
_SHA256 = {
    "claim/train": "3ef74c7203e1d9b369cb2c145e764d8ab4743f008f9765fa47f9bdd6ffa2d2e1",
    "claim/test": "4c91b9e9590cfcd8f8a0f7288b5ff315af8ade946d7bf26f50fbd671bb86dbe8",
    "subclaim/train": "e8ba1ed589e22c5f9d41c8d858dd10bdc17665d224f8ce28be9d9024239cf513",
    "subclaim/test": "3202b7bff5979dfbca745f48edd8da5ad166da0886fd15042cc1ab9d2010ee19",
}


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question."""
    fields = fields_of(row, ("claim", "evidence", "label"))
    return claim(fields, CLASSES, " ".join(texts_field(fields, "evidence")))


def _unused(path: Path, questions: list[Question]) -> list[str]:
    return ["in no split: the paper trains on train and tests on test"]


def _level(name: str, level: str, rows: dict[str, int | None], *more: FileKind) -> None:
    def original(part: str, split: str) -> FileKind:
        path = f"data/entailment_retrieval/{level}/{part}.jsonl"
        public = (PublicFile("github", "ryokamoi/wice", _REVISION, path, _SHA256[f"{level}/{part}"]),)
        return FileKind(splits=(split,), patterns=(f"{level}/{part}.jsonl",), convert=convert, part=part, public=public)

    dev = FileKind(splits=(), patterns=(f"{level}/dev.jsonl",), convert=convert, part="dev", notes=_unused)
    register(
        Dataset(
            name=name,
            source=f"ryokamoi/wice on GitHub, commit {_REVISION[:8]}",
            licence="annotations ODC-BY; Wikipedia text CC BY-SA; Common Crawl terms of use",
            rows=rows,
            kinds=(*more, original("train", "train"), dev, original("test", "id")),
        )
    )


_AUTHORS = {"train": "wice_train.json", "id": "wice_test.json"}
_level("wice", "claim", {"train": None, "id": 358})
_level("wice-subclaim", "subclaim", {"train": 3470, "id": 958}, *a_file_each(_AUTHORS, convert, layout=AUTHORS))

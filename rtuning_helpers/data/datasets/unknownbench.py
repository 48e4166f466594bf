"""What the three sets of UnknownBench share: JSON lines in two files, answerable and unanswerable.

Rows: ``prompt`` and ``label``, 0 where the prompt can be answered and 1 where it cannot; in NEC also ``category``. In
RefuNQ the label is the list of right answers, or "NEC" where there is none. ``NEC``, ``RefuNQ`` and ``FalseQA`` name
the folders and begin the names of the files, ``<SET>_answerable.json`` and ``<SET>_unanswerable.json``.

Source: genglinliu/UnknownBench on GitHub. Licence: none stated.

Errors: a missing field, a label that is not the file's, answers that are no list of strings.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import ORIGINAL, FileKind
from rtuning_helpers.data.rows import fields_of, json_lines_rows, label_field, text_field, texts_field

REPOSITORY = "genglinliu/UnknownBench"
NO_ANSWER = "NEC"  # RefuNQ's label where there is none


def convert_labelled(row: Any, relation: str | None, answerable: bool) -> dict[str, Any]:
    """The fields of a question with a label 0 or 1; the relation is the category where None is given."""
    fields = fields_of(row, ("prompt", "label", *(() if relation else ("category",))))
    label_field(fields, "label", (0,) if answerable else (1,))
    return {
        "question": text_field(fields, "prompt"),
        "answer": "",
        "relation": relation or text_field(fields, "category"),
        "answerable": answerable,
    }


def convert_answered(row: Any, relation: str, answerable: bool) -> dict[str, Any]:
    """The fields of a question whose label is the list of its answers; further golds become aliases."""
    fields = fields_of(row, ("prompt", "label"))
    if answerable:
        golds = [gold.strip() for gold in texts_field(fields, "label") if gold.strip()]
    else:
        label_field(fields, "label", (NO_ANSWER,))
        golds = [""]
    return {
        "question": text_field(fields, "prompt"),
        "answer": golds[0],
        "relation": relation,
        "aliases": tuple(golds[1:]),
        "answerable": answerable,
    }


def unknownbench_kinds(
    name: str, convert: Any, relation: str | None, revision: str | None = None, sha256: tuple[str, str] = ("", "")
) -> tuple[FileKind, FileKind]:
    """The two files of a set: answerable and unanswerable, with their public source where a revision is given."""
    kinds = []
    for part, checksum in zip(("answerable", "unanswerable"), sha256, strict=True):
        file = f"{name}_{part}.json"
        public = (
            () if revision is None else (PublicFile("github", REPOSITORY, revision, f"data/{name}/{file}", checksum),)
        )
        kinds.append(
            FileKind(
                ORIGINAL if revision else "UnknownBench",
                part,
                ("test",),
                (file,),
                json_lines_rows,
                partial(convert, relation=relation, answerable=part == "answerable"),
                public=public,
            )
        )
    return kinds[0], kinds[1]

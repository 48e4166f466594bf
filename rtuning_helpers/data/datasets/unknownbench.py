"""The three sets of UnknownBench, JSON lines in two files each: answerable and unanswerable.

NEC, non-existent concepts: 2,078 questions about things that are made up, 2,072 about things that exist. The paper asks
the made-up ones and counts refusals. No question has a gold answer. The relation is the category (animals, countries,
food, generic, medicines, sports). RefuNQ: 2,266 questions of Natural Questions with answers, further golds being
aliases, and 2,173 with a made-up word in them and none; the paper does not use it. FalseQA: see
`rtuning_helpers.data.datasets.falseqa`.

Rows: ``prompt`` and ``label``, 0 where the prompt can be answered and 1 where it cannot; in NEC also ``category``. In
RefuNQ the label is the list of right answers, or "NEC" where there is none. ``NEC``, ``RefuNQ`` and ``FalseQA`` name
the folders and begin the names of the files, ``<SET>_answerable.json`` and ``<SET>_unanswerable.json``.

Source: genglinliu/UnknownBench on GitHub. Licence: none stated.

Errors: a missing field, a label that is not the file's, answers that are no list of strings.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import ORIGINAL, FileKind
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import fields_of, golds, json_lines_rows, label_field, text_field

REPOSITORY = "genglinliu/UnknownBench"
NO_ANSWER = "NEC"  # RefuNQ's label where there is none
PARTS = ("answerable", "unanswerable")


def convert_labelled(row: Any, answerable: bool) -> dict[str, Any]:
    """The fields of a question with a label 0 or 1."""
    fields = fields_of(row, ("prompt", "label"))
    label_field(fields, "label", (0,) if answerable else (1,))
    return {"question": text_field(fields, "prompt"), "answer": "", "answerable": answerable}


def convert_nec(row: Any, answerable: bool) -> dict[str, Any]:
    """The fields of a question with a category."""
    fields = fields_of(row, ("prompt", "label", "category"))
    return {**convert_labelled(fields, answerable), "relation": text_field(fields, "category")}


def convert_refunq(row: Any, answerable: bool) -> dict[str, Any]:
    """The fields of a question whose label is the list of its answers."""
    fields = fields_of(row, ("prompt", "label"))
    if not answerable:
        label_field(fields, "label", (NO_ANSWER,))
    told = golds(fields, "label") if answerable else {"answer": ""}
    return {"question": text_field(fields, "prompt"), "answerable": answerable, **told}


def unknownbench_kinds(
    name: str, convert: Callable[..., dict[str, Any]], layout: str = "UnknownBench", public: tuple[PublicFile, ...] = ()
) -> tuple[FileKind, ...]:
    """The two files of a set: answerable and unanswerable, with their public sources."""
    return tuple(
        FileKind(
            splits=("test",),
            patterns=(f"{name}_{part}.json",),
            convert=partial(convert, answerable=part == PARTS[0]),
            rows=json_lines_rows,
            layout=layout,
            part=part,
            public=public[number : number + 1],
        )
        for number, part in enumerate(PARTS)
    )


def _register(name: str, convert: Callable[..., dict[str, Any]], count: int, revision: str, *sha256: str) -> None:
    public = tuple(
        PublicFile("github", REPOSITORY, revision, f"data/{name}/{name}_{part}.json", checksum)
        for part, checksum in zip(PARTS, sha256, strict=True)
    )
    register(
        Dataset(
            name=name.lower(),
            source=f"{REPOSITORY} on GitHub, commit {revision[:8]}",
            licence="none stated",
            rows={"test": count},
            kinds=unknownbench_kinds(name, convert, ORIGINAL, public),
        )
    )


_NEC = (
    "458201872dd39bf194f62b6e6c44233242dd99f0ca6cd6723199f39ef84e74df",
    "72a666544e4fc5269ece3d80f27f6f7a29a3e45ac50660da2e85b94f0eae2f05",
)
_REFUNQ = (
    "6f16a61912076245c8592728b7d68a7f9dc9fb725344b671615b466b0faeb7a3",
    "3e1510f12df0a38f032d291942e224811d40755c358129798fcd15f53d6042c5",
)
_register("NEC", convert_nec, 4150, "7283e4218b9146275d3069306927c3289fad576a", *_NEC)
_register("RefuNQ", convert_refunq, 4439, "9d73416b53aac588d25bbe68a2cb289102f229ca", *_REFUNQ)

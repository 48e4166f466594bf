"""HotpotQA in the distractor setting: a question, and ten paragraphs of which two hold the answer.

Train is the training set, id the development set (7,405 rows), as in the paper. The paper trains on 10,000 of the
90,447 training rows and does not say which; of the original, ``--limit 10000`` takes evenly spaced ones.

Rows: ``question``, ``answer``, ``context`` and, where the copy has it, ``type`` (bridge or comparison). The context is
a list of ``[title, [sentence, ...]]``, or the hub's ``{"title": [...], "sentences": [[...], ...]}``; it becomes the
same text as in the released code: ``title:sentences`` and a line end for each paragraph, joined by spaces.

Layouts:
    authors: ``hotpot_10k.json`` and ``hotpot_test.json``, JSON arrays.
    original: ``hotpot_train_v1.1.json`` and ``hotpot_dev_distractor_v1.json``, JSON arrays.
    hub: ``distractor/{train,validation}-*.parquet`` of hotpotqa/hotpot_qa.

Source: hotpotqa/hotpot_qa on the Hugging Face hub. Licence: CC BY-SA 4.0.

Errors: a missing field, an answer that is no string (several golds), an unknown type, paragraphs without sentences.
"""

from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import AUTHORS, HUB, FileKind, a_file_each
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, fields_of, label_field, one_answer, text_field
from rtuning_helpers.json_files import excerpt

TYPES = ("bridge", "comparison")
NO_TYPE = "unknown type"  # relation of a row that does not tell its type
_CONTEXT = "expected a list of [title, [sentence, ...]] with at least one sentence"
_REVISION = "1908d6afbbead072334abe2965f91bd2709910ab"
_SHA256 = {
    "distractor/train-00000-of-00002.parquet": "76d3bb3048a7cc73c1958107c0c5872a00d7e7d00c105b81e92f6769e7822e68",
    "distractor/train-00001-of-00002.parquet": "713661628434fbb19fff7392e2e321e4ed107e3c7c7784d0690946e5f722763f",
    "distractor/validation-00000-of-00001.parquet": "c20b638ca82b21d04fe12e14ff417ad05153d4d215a65de54497fca4e972f7c6",
}


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question."""
    fields = fields_of(row, ("question", "answer", "context"))
    return {
        "question": text_field(fields, "question"),
        "answer": one_answer(fields, "answer"),
        "relation": label_field(fields, "type", TYPES) if "type" in fields else NO_TYPE,
        "context": " ".join(f"{title}:{' '.join(sentences)}\n" for title, sentences in paragraphs(fields["context"])),
    }


def paragraphs(context: Any) -> list[tuple[str, list[str]]]:
    """Titles and sentences of either layout.

    Raises:
        BadRowError: It is of neither, or has no text.
    """
    if isinstance(context, dict):
        titles, sentences = context.get("title"), context.get("sentences")
        if not (isinstance(titles, list) and isinstance(sentences, list) and len(titles) == len(sentences)):
            raise BadRowError(f"has context {excerpt(context)}; expected as many titles as lists of sentences")
        context = [list(pair) for pair in zip(titles, sentences, strict=True)]
    if not isinstance(context, list) or not all(map(_is_paragraph, context)):
        raise BadRowError(f"has context {excerpt(context)}; {_CONTEXT}")
    if not any(sentence.strip() for _, sentences in context for sentence in sentences):
        raise BadRowError(f"has empty evidence, context {excerpt(context)}; {_CONTEXT}")
    return [(title, sentences) for title, sentences in context]


def _is_paragraph(pair: Any) -> bool:
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], list)):
        return False
    return all(isinstance(text, str) for text in (pair[0], *pair[1]))


def _from_hub(part: str, split: str) -> FileKind:
    files = [(path, sha256) for path, sha256 in _SHA256.items() if part in path]
    return FileKind(
        splits=(split,),
        patterns=(f"distractor/{part}-*.parquet",),
        convert=convert,
        layout=HUB,
        part=split,
        together=True,
        public=tuple(PublicFile("hub", "hotpotqa/hotpot_qa", _REVISION, *file) for file in files),
    )


register(
    Dataset(
        name="hotpotqa",
        source=f"hotpotqa/hotpot_qa on the Hugging Face hub, revision {_REVISION[:8]}",
        licence="CC BY-SA 4.0",
        rows={"train": 90447, "id": 7405},
        kinds=(
            *a_file_each({"train": "hotpot_10k.json", "id": "hotpot_test.json"}, convert, layout=AUTHORS),
            *a_file_each(
                {"train": "hotpot_train*.json", "id": ("hotpot_dev_distractor_v1.json", "dev_distractor*.json")},
                convert,
            ),
            _from_hub("train", "train"),
            _from_hub("validation", "id"),
        ),
    )
)

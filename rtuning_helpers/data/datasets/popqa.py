"""PopQA: questions about famous and obscure things alike, with how often each thing's page is read.

The file ``popQA.tsv`` has a header line and 17 columns between tabs, quoted as in CSV. Read are ``question``;
``possible_answers``, a JSON list of right answers in one cell, the first of which is the gold and the others aliases;
``prop``, the relation (occupation, place of birth, ... 16 of them); and ``s_pop``, the subject's page views a month on
Wikipedia, which no model is told of and P(sure) can be set against (`data.popularity`). All questions are answerable
and made from 16 templates, so that relation-majority is a strong opponent.

All are in the split test; nobody has divided them.

Source: akariasai/PopQA on the Hugging Face hub (its ``test.tsv``), the same as ``data/popQA.tsv`` of
AlexTMallen/adaptive-retrieval on GitHub. Licence: MIT for that project with its data; the hub's copy states none.

Errors: a missing column, answers that are no JSON list of strings or have nothing in them, popularity that is no count.
"""

import json
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import a_file_each
from rtuning_helpers.data.registry import Dataset, Popularity, register
from rtuning_helpers.data.rows import BadRowError, count_field, fields_of, golds, text_field
from rtuning_helpers.json_files import excerpt

_REVISION = "098765c79ea10a2cb19c828324e33281b8336ec0"
_SHA256 = "9a5227f41bff0e4c331d4a774d946b12f95307892b58f860a9606ef356e6089b"
_PUBLIC = PublicFile("hub", "akariasai/PopQA", _REVISION, "test.tsv", _SHA256)
POPULARITY = Popularity("s_pop", "page views of the subject a month")


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question."""
    fields = fields_of(row, ("question", "possible_answers", "prop", POPULARITY.column))
    count_field(fields, POPULARITY.column)
    told = text_field(fields, "possible_answers")
    try:
        answers = json.loads(told)
    except (ValueError, RecursionError):
        raise BadRowError(f"has possible_answers {excerpt(told)}; expected a JSON list of strings") from None
    return {
        "question": text_field(fields, "question"),
        "relation": text_field(fields, "prop").strip(),
        **golds({"possible_answers": answers}, "possible_answers"),
    }


register(
    Dataset(
        name="popqa",
        source=f"akariasai/PopQA on the Hugging Face hub, revision {_REVISION[:8]}",
        licence="MIT (of AlexTMallen/adaptive-retrieval, with its data); the hub's copy states none",
        rows={"test": 14267},
        kinds=a_file_each({"test": ("popQA.tsv", "popqa*/test.tsv")}, convert, public=(_PUBLIC,)),
        popularity=POPULARITY,
    )
)

"""SelfAware: questions that nobody can answer, and answerable ones to compare with.

The file ``SelfAware.json`` is an object whose ``example`` is the list of rows: ``question``, ``answerable``, ``answer``
(a list of strings, null where there is none), ``source``. 1,032 are unanswerable, which is what the paper asks (it
counts refusals), 2,337 answerable. All are in the split test; `Question.answerable` tells them apart.

Source: yinzhangyue/SelfAware on GitHub. Licence: data CC BY-SA 4.0.

Errors: no list ``example``, a missing field, an answerable row without answers or the other way round.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import a_file_each
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, fields_of, golds, label_field, read_json_object, text_field
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt

_REVISION = "f0bad1ff77bd42fc4eb2360281ed646c7bb7bd0c"
_SHA256 = "32929585ffdd4048f35f7f167720722eb8ddcf59908ffc958da2f84ea634dc54"
_PUBLIC = PublicFile("github", "yinzhangyue/SelfAware", _REVISION, "data/SelfAware.json", _SHA256)
_OBJECT = "one JSON object whose 'example' is the list of rows"


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The elements of the object's ``example``."""
    examples = read_json_object(path, _OBJECT).get("example")
    if not isinstance(examples, list) or not examples:
        raise InputError(f"{path}: 'example' is {excerpt(examples)}; expected {_OBJECT}")
    for number, value in enumerate(examples, start=1):
        yield f"row {number}", value


def convert(row: Any) -> dict[str, Any]:
    """The fields of a question; further golds become aliases."""
    fields = fields_of(row, ("question", "answer", "answerable", "source"))
    answerable = label_field(fields, "answerable", (True, False))
    if not answerable and fields["answer"] is not None:
        raise BadRowError(f"is unanswerable but has answer {excerpt(fields['answer'])}; expected null")
    return {
        "question": text_field(fields, "question"),
        "relation": text_field(fields, "source"),
        "answerable": answerable,
        **(golds(fields, "answer") if answerable else {"answer": ""}),
    }


register(
    Dataset(
        name="selfaware",
        source=f"yinzhangyue/SelfAware on GitHub, commit {_REVISION[:8]}",
        licence="CC BY-SA 4.0",
        rows={"test": 3369},
        kinds=a_file_each({"test": "SelfAware.json"}, convert, rows=rows, public=(_PUBLIC,)),
    )
)

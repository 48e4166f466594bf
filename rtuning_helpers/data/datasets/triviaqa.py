"""TriviaQA without its documents: questions of quizzes, answered from memory, with many names of each answer.

``triviaqa`` reads the *unfiltered* questions, each once; ``triviaqa-rc`` those of the reading comprehension part, where
a question stands once for the web and once for Wikipedia. Train is train, id the development set. The gold is the
answer's ``value``, its other names (``aliases``) are as right. What the test sets hide (``<unk>``) cannot be graded and
is no question here.

Layouts:
    original: ``unfiltered-web-{train,dev}.json`` and, for ``triviaqa-rc``, ``qa/{web,wikipedia}-{train,dev}.json``; one
        JSON object whose ``Data`` is the list of rows ``Question``, ``Answer`` (``Value``, ``Aliases``, ...). Documents
        named in a row are not read.
    hub: ``{unfiltered,rc}.nocontext/{train,validation}-*.parquet`` of mandarjoshi/trivia_qa; ``question``, ``answer``
        (``value``, ``aliases``, ...).

Source: mandarjoshi/trivia_qa on the Hugging Face hub, after nlp.cs.washington.edu/triviaqa. Licence: unknown (the
authors hold no copyright of the questions); their code is Apache-2.0. No checksum of the hub's files is known to us.

Errors: no list ``Data``, a missing field, a value or aliases that are no strings, an answer that is hidden.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rtuning_helpers.data.downloads import PublicFile
from rtuning_helpers.data.files import HUB, FileKind
from rtuning_helpers.data.questions import IN_DOMAIN, TRAIN
from rtuning_helpers.data.registry import Dataset, register
from rtuning_helpers.data.rows import BadRowError, fields_of, one_answer, read_json_object, text_field
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import excerpt

HIDDEN = "<unk>"
_HUB_NAME = "mandarjoshi/trivia_qa"
_REVISION = "0f7faf33a3908546c6fd5b73a660e0f8ff173c2f"
_OBJECT = "one JSON object whose 'Data' is the list of rows"


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The elements of the object's ``Data``."""
    found = read_json_object(path, _OBJECT).get("Data")
    if not isinstance(found, list) or not found:
        raise InputError(f"{path}: 'Data' is {excerpt(found)}; expected {_OBJECT}")
    for number, value in enumerate(found, start=1):
        yield f"row {number}", value


def convert(row: Any, question: str, answer: str, value: str, aliases: str) -> dict[str, Any]:
    """The fields of a question, from the columns of a layout."""
    fields = fields_of(row, (question, answer))
    if not isinstance(fields[answer], dict):
        raise BadRowError(f"has {answer} {excerpt(fields[answer])}; expected an object with {value}, {aliases}")
    told = fields_of(fields[answer], (value, aliases))
    gold, names = one_answer(told, value), told[aliases]
    if gold == HIDDEN:
        raise BadRowError(f"has {value} {HIDDEN}: its answer is hidden; expected the files of train or development")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRowError(f"has {aliases} {excerpt(names)}; expected a list of strings")
    others = dict.fromkeys(name.strip() for name in names if name.strip() not in ("", gold))
    return {"question": text_field(fields, question), "answer": gold, "aliases": tuple(others)}


_ORIGINAL = partial(convert, question="Question", answer="Answer", value="Value", aliases="Aliases")
_HUB = partial(convert, question="question", answer="answer", value="value", aliases="aliases")


def _kinds(config: str, names: tuple[str, ...]) -> Iterator[FileKind]:
    for split, part, hub_part in ((TRAIN, "train", "train"), (IN_DOMAIN, "dev", "validation")):
        for name in names:  # each a kind of its own, for a split needs them all
            file = f"{name}-{part}.json"
            yield FileKind(splits=(split,), patterns=(file,), convert=_ORIGINAL, rows=rows, part=Path(file).stem)
        yield FileKind(
            splits=(split,),
            patterns=(f"{config}/{hub_part}-*.parquet",),
            convert=_HUB,
            layout=HUB,
            part=split,
            together=True,
            public=(PublicFile("hub", _HUB_NAME, _REVISION, f"{config}/{hub_part}-00000-of-00001.parquet"),),
        )


for _name, _config, _files, _rows in (
    ("triviaqa", "unfiltered.nocontext", ("unfiltered-web",), (87622, 11313)),
    ("triviaqa-rc", "rc.nocontext", ("qa/web", "qa/wikipedia"), (138384, 17944)),
):
    register(
        Dataset(
            name=_name,
            source=f"{_HUB_NAME} ({_config}) on the Hugging Face hub, revision {_REVISION[:8]}",
            licence="unknown; the authors hold no copyright of the questions",
            rows={TRAIN: _rows[0], IN_DOMAIN: _rows[1]},
            kinds=tuple(_kinds(_config, _files)),
        )
    )

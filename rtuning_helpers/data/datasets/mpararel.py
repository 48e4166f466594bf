"""mParaRel: the facts of ParaRel in many languages, here English, German and Korean, asked as a blank to be filled in.

``mpararel-en``, ``mpararel-de`` and ``mpararel-ko`` read a folder of the original: in
``tuples/<language>/<relation>.jsonl`` a fact on each line (``sub_label``, ``obj_label``), in
``patterns/<language>/<relation>.jsonl`` a sentence (``pattern``, with ``[X]`` for the subject and ``[Y]`` for the
answer). A fact is asked in one of its relation's sentences, in turn, with a blank for the answer; Korean particles are
written as the subject wants them, and in both forms behind the blank. Sentences that do not hold ``[X]`` and ``[Y]``
once each, or hold further brackets, are left out.

Splits: the relations that R-Tuning trains on and tests out of domain; of the first, every second fact is for training.
Where two languages have the same facts on the same lines, question n is the same fact in both.

Source: coastalcph/mpararel on GitHub, ``data/mpararel_reviewed``; most sentences of German and Korean are machine
translations. Licence: none stated; ParaRel itself is MIT.

Errors: a missing field, a label that is no text, a relation without any usable sentence.
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from rtuning_helpers.data.files import FileKind
from rtuning_helpers.data.korean import with_particle
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import Dataset, find_dataset, register
from rtuning_helpers.data.rows import BadRowError, Rows, convert_rows, fields_of, json_lines_rows, text_field
from rtuning_helpers.errors import InputError

LANGUAGES = {"en": "English", "de": "German", "ko": "Korean"}
BLANK = "___"
TRAINED_ON = "P19 P20 P101 P103 P106 P108 P136 P138 P140 P159 P176 P178 P190 P264 P1376".split()
OUT_OF_DOMAIN = "P27 P30 P36 P37 P39 P47 P279 P364 P407 P413 P449 P463 P495 P530 P740 P937".split()
TUPLES, PATTERNS = "facts", "sentences"


def in_sentence(pattern: str, subject: str, language: str) -> str:
    """A sentence about a subject with a blank for the answer.

    >>> in_sentence("[X]는 [Y]를 말합니다", "메시", "ko")
    '메시는 ___을(를) 말합니다.'
    """
    fill = with_particle if language == "ko" else "{}{}".format
    before, slot, rest = re.split(r"(\[[XY]\])", pattern, maxsplit=1)
    middle, _, after = re.split(r"(\[[XY]\])", rest, maxsplit=1)
    first, second = (subject, BLANK) if slot == "[X]" else (BLANK, subject)
    said = (before + fill(first, middle) + fill(second, after)).strip().rstrip(".")
    return said[0].upper() + said[1:] + "."


def is_usable(pattern: str) -> bool:
    """Whether a pattern has a place for the subject and one for the answer, and no further brackets."""
    return sorted(re.findall(r"\[[^\]]*", pattern)) == ["[X", "[Y"] and pattern.count("]") == 2


def convert_pattern(row: Any) -> dict[str, Any]:
    """A row of a file of patterns, as a question that stands for it while files are checked."""
    return {"question": text_field(fields_of(row, ("pattern",)), "pattern"), "answer": "[Y]"}


def convert_fact(row: Any) -> dict[str, Any]:
    """Subject and answer of a fact; an answer without what stands in brackets behind it is an alias."""
    fields = fields_of(row, ("sub_label", "obj_label"))
    answer = text_field(fields, "obj_label").strip()
    bare = re.sub(r"\s*\([^)]*\)$", "", answer)  # "Athens (Ohio)": what it is told apart by, nobody says
    aliases = (bare,) if bare not in ("", answer) else ()
    return {"question": text_field(fields, "sub_label").strip(), "answer": answer, "aliases": aliases}


def load(language: str, split: str, data_dir: Path | None, bad_rows: list[InputError] | None = None) -> list[Question]:
    """The questions of a split."""
    name = f"mpararel-{language}"
    files = find_dataset(name).files(split, data_dir)
    patterns = {path.stem: path for kind, path in files if kind.part == PATTERNS}
    chosen = OUT_OF_DOMAIN if split == "ood" else TRAINED_ON
    facts = {path.stem: path for kind, path in files if kind.part == TUPLES}
    numbers, questions = count(), list[Question]()
    for relation in sorted(facts.keys() & set(chosen), key=lambda r: int(r[1:])):
        if relation not in patterns:
            raise InputError(
                f"{facts[relation]}: no patterns/{language}/{relation}.jsonl; expected it beside the facts"
            )
        said = [q.question for q in _converted(name, patterns[relation], convert_pattern, bad_rows)]
        usable = [pattern for pattern in said if is_usable(pattern)]
        if not usable:
            raise InputError(f"{patterns[relation]}: no sentence with one [X] and one [Y]; expected at least one")

        def convert(value: tuple[Any, str], relation: str = relation) -> dict[str, Any]:
            row, pattern = value
            fields = convert_fact(row)
            return {**fields, "question": in_sentence(pattern, fields["question"], language), "relation": relation}

        rows = _in_turn(json_lines_rows(facts[relation]), usable, split)
        questions += convert_rows(name, split, facts[relation], rows, convert, bad_rows, numbers)
    return questions


def _converted(name: str, path: Path, convert: Any, bad_rows: list[InputError] | None) -> list[Question]:
    return convert_rows(name, PATTERNS, path, json_lines_rows(path), convert, bad_rows)


def _in_turn(rows: Rows, patterns: list[str], split: str) -> Iterator[tuple[str, Any]]:
    """Each fact of a split with the sentence that it is asked in."""
    for number, (place, value) in enumerate(rows):
        if split == "ood" or (number % 2 == 0) == (split == "train"):
            bad = isinstance(value, BadRowError)
            yield place, value if bad else (value, patterns[number % len(patterns)])


def _kind(part: str, folder: str, language: str, convert: Any) -> FileKind:
    return FileKind(
        splits=("train", "id", "ood"),
        patterns=(f"{folder}/{language}/*.jsonl",),
        convert=convert,
        part=part,
        together=True,
    )


for _language in LANGUAGES:
    register(
        Dataset(
            name=f"mpararel-{_language}",
            source="coastalcph/mpararel on GitHub, folder data/mpararel_reviewed",
            licence="none stated; ParaRel itself is MIT",
            rows=dict.fromkeys(("train", "id", "ood")),
            kinds=(
                _kind(TUPLES, "tuples", _language, convert_fact),
                _kind(PATTERNS, "patterns", _language, convert_pattern),
            ),
            load=partial(load, _language),
        )
    )

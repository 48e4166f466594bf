"""Score predictions that were recorded before: the kit's own files, and the JSON of the released evaluators.

The evaluators of shizhediao/R-Tuning, and the public re-runs of them, write one JSON array in one of these forms:

* ``[correct, answer confidence, sure confidence]``, correct being 0 or 1; re-runs add ``[question, answer, relation]``
  and the output text. Sure confidences above 0.5 read "I am sure", the rest are refusals.
* ``[result, [question, answer, relation], output]`` for R-Tuning-R, where result is 1 right, 0 wrong, -1 refused.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predictions import Prediction, is_probability, read_predictions
from rtuning_helpers.evaluation.question_flags import flag_questions, subsets
from rtuning_helpers.evaluation.summary import summarise, summarise_further
from rtuning_helpers.evaluation.trivial import relation_majority, template_confidence
from rtuning_helpers.json_files import excerpt, read_json_array, read_text, write_text
from rtuning_helpers.metrics import accuracy, auroc, average_precision, bootstrap_interval
from rtuning_helpers.metrics.answers import WILLING

_CONFIDENCE_ROW = "[correct, answer confidence, sure confidence], optionally [question, answer, relation] and output"
_REFUSAL_ROW = "[result, [question, answer, relation], output]"
_EXPECTED = "recorded predictions, such as predictions-id.jsonl of a run or the JSON array of a released evaluator"


def read_recording(path: str | Path) -> list[Prediction]:
    """Read a recording in any of the public forms; the form is found from the content, not from the file name.

    Args:
        path: A ``predictions.jsonl`` of this kit, or the JSON array of a released evaluator.

    Returns:
        The predictions in the order of the file. An evaluator's JSON knows neither ids nor dataset: the ids are the
        file's stem and the row, the dataset is ``"recorded"``, the split is read from the ``_ID`` or ``_OOD`` at the
        end of the stem (as the evaluators name their files) and else ``"recorded"``. Texts not recorded are empty.

    Raises:
        InputError: Not a readable file, empty, truncated, two documents, or a row of another shape than expected, with
            NaN, infinity, or a number out of range, or of another form than the first row.
    """
    path = Path(path)
    text = read_text(path, _EXPECTED).lstrip()
    if not text:
        raise InputError(f"{path}: the file is empty; expected {_EXPECTED}")
    if text.startswith("{"):
        if fields := _fields_of_one_object(text):
            raise InputError(f"{path}: is one JSON object of {excerpt(fields, 60)}; expected {_EXPECTED}")
        return read_predictions(path)
    if not text.startswith("["):
        raise InputError(f"{path}: begins with {excerpt(text[:20])}; expected {_EXPECTED}")
    rows = read_json_array(path)
    read_row, expected, width = _form_of(path, rows[0])
    ending = path.stem.rpartition("_")[2]
    split = ending.lower() if ending in ("ID", "OOD") else "recorded"
    predictions = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != width or isinstance(row[1], list) != isinstance(rows[0][1], list):
            first = excerpt(rows[0], 60)
            raise InputError(f"{path}: row {number} is {excerpt(row)}; expected the form of row 1, {first}: {expected}")
        try:
            values = read_row(row)
        except ValueError as error:
            raise InputError(f"{path}: row {number}: {error} in {excerpt(row)}; expected {expected}") from None
        predictions.append(Prediction(f"{path.stem}-{number - 1:05d}", "recorded", split, **values))
    return predictions


def score_files(
    paths: Iterable[str | Path], resamples: int = 1000, seed: int = 0, all_metrics: bool = False
) -> list[dict]:
    """Score recordings.

    Args:
        paths: Files that `read_recording` can read.
        resamples, seed: Of the bootstrap behind each interval.
        all_metrics: Also what `rtuning_helpers.metrics.summarise_further` gives.

    Returns:
        One row for each file and split: ``file``, all that `rtuning_helpers.metrics.summarise` gives, ``n_answered``
        (rows not refused; their accuracy is ``willing_accuracy``) and ``n_sure`` (rows with a sure confidence above
        0.5), both None where the recording lacks the column. ``method`` is the file's stem, or for a
        file of a run (``<method>/seed<k>/predictions/predictions-id.jsonl``) the name of the method's folder.

    Raises:
        InputError: As `read_recording`.
    """
    scored = []
    for path in map(Path, paths):
        predictions = read_recording(path)
        for split in dict.fromkeys(item.split for item in predictions):
            part = [item for item in predictions if item.split == split]
            row = {"file": str(path), **summarise(part, _method_of(path), split, resamples, seed)}
            if all_metrics:
                row |= summarise_further(part, resamples, seed)
            row["n_answered"] = sum(item.refused is False for item in part) if part[0].refused is not None else None
            sure = [item.sure_confidence for item in part if item.sure_confidence is not None]
            row["n_sure"] = sum(value > WILLING for value in sure) if sure else None
            scored.append(row)
    return scored


def check_questions(path: str | Path, predictions: Sequence[Prediction], questions: Sequence[Question]) -> None:
    """See to it that a recording answers exactly these questions, in this order.

    Args:
        path: The recording's file, for the message.
        predictions: What `read_recording` read from it.
        questions: Those of the split it should belong to.

    Raises:
        InputError: It has another number of rows, or a row has another question or gold answer; or it holds no texts.
    """
    name = f"{questions[0].dataset} {questions[0].split}"
    if len(predictions) != len(questions):
        found, expected = f"{len(predictions):,} rows", f"{len(questions):,} questions of {name}"
        raise InputError(f"{path}: holds {found}; expected the {expected}")
    for number, (said, asked) in enumerate(zip(predictions, questions, strict=True), start=1):
        if (said.question.strip(), said.answer) != (asked.question.strip(), asked.answer):
            row, expected = (excerpt([text.question, text.answer]) for text in (said, asked))
            raise InputError(f"{path}: row {number} is {row}; expected {expected} of {name}, is it another dataset?")


def write_recording(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write predictions as the released evaluators do, in the form that `read_recording` reads.

    Args:
        path: The file; replaced as a whole.
        predictions: With both confidences, or without any if the method refuses in words.

    Raises:
        ValueError: A prediction has neither a sure confidence nor a refusal.
    """
    rows = []
    for item in predictions:
        sample = [item.question, item.answer, item.relation]
        if item.answer_confidence is not None and item.sure_confidence is not None:
            numbers = [round(item.answer_confidence, 6), round(item.sure_confidence, 6)]
            rows.append([int(item.correct), *numbers, sample, item.prediction])
        elif item.refused is not None:
            rows.append([-1 if item.refused else int(item.correct), sample, item.prediction])
        else:
            raise ValueError(f"{item.id} has neither a sure confidence nor a refusal; the evaluator's form needs one")
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    write_text(path, f"[\n{lines}\n]\n")


def cleaned_rows(
    predictions: Sequence[Prediction], training: Sequence[Question], resamples: int = 1000, seed: int = 0
) -> list[dict]:
    """The metrics of a recording on all its questions, and without the doubtful ones (see `question_flags`).

    Returns:
        One row for each subset: ``subset``, ``n``, and accuracy, AP (answer, sure, mixed), answer rate and willing
        accuracy with their intervals, as `metrics.summarise` gives them.
    """
    found = []
    for subset, rows in subsets(flag_questions(predictions, training)).items():
        if rows:
            part = [predictions[row] for row in rows]
            found.append({"subset": subset, **summarise(part, "recorded", part[0].split, resamples, seed)})
    return found


def baseline_rows(
    predictions: Sequence[Prediction], training: Sequence[Question], certain: Sequence[bool], seed: int = 0
) -> list[dict]:
    """What the wording alone achieves on the questions of a recording.

    Args:
        predictions: The recording; with both confidences.
        training: The training questions.
        certain: Whether each of them was found certain.
        seed: Seed of the intervals.

    Returns:
        Rows with ``baseline``, ``metric``, ``value``, ``low``, ``high``: the accuracy of the most frequent training
        answer of each relation (found as a substring, as in the released grading), and the AP and AUROC with which the
        relation's share of certain training questions ranks the recorded answers.
    """
    asked = [Question(p.id, p.dataset, p.split, p.question, p.answer, p.relation) for p in predictions]
    guesses = relation_majority(training, asked)
    hits = [bool(guess) and matches(guess, q.answer, "substring") for guess, q in zip(guesses, asked, strict=True)]
    correct = [p.correct for p in predictions]
    template = template_confidence(training, certain, asked)
    measured = (
        ("most frequent answer of the relation", "accuracy", accuracy, (hits,)),
        ("share of certain training questions of the relation", "AP", average_precision, (correct, template)),
        ("share of certain training questions of the relation", "AUROC", auroc, (correct, template)),
    )
    found = []
    for baseline, name, metric, columns in measured:
        low, high = bootstrap_interval(metric, *columns, seed=seed)
        found.append({"baseline": baseline, "metric": name, "value": metric(*columns), "low": low, "high": high})
    return found


def _form_of(path: Path, row: object) -> tuple[Callable[[list], dict], str, int]:
    """How to read the rows of a file that begins with this one: a function, what it expects, the number of cells."""
    if isinstance(row, list):
        if len(row) == 3 and isinstance(row[1], list):
            return _read_refusal_row, _REFUSAL_ROW, 3
        if 3 <= len(row) <= 5 and not isinstance(row[1], list):
            return _read_confidence_row, _CONFIDENCE_ROW, len(row)
    raise InputError(f"{path}: row 1 is {excerpt(row)}; expected {_CONFIDENCE_ROW}; or {_REFUSAL_ROW}")


def _read_confidence_row(row: list) -> dict:
    """The fields of a prediction; a ValueError says what is wrong with the row."""
    correct, *confidences = row[:3]
    if not isinstance(correct, int) or correct not in (0, 1):
        raise ValueError(f"correct is {excerpt(correct)}, not 0 or 1,")
    for name, value in zip(("answer confidence", "sure confidence"), confidences, strict=True):
        if not is_probability(value):
            raise ValueError(f"{name} is {excerpt(value)}, not a number in [0, 1],")
    answer, sure = map(float, confidences)
    outcome = {
        "correct": correct == 1,
        "answer_confidence": answer,
        "sure_confidence": sure,
        "refused": sure <= WILLING,
    }
    return outcome | _read_texts(*row[3:])


def _read_refusal_row(row: list) -> dict:
    """The fields of a prediction; a ValueError says what is wrong with the row."""
    result, *texts = row
    if not isinstance(result, int) or result not in (-1, 0, 1):
        raise ValueError(f"result is {excerpt(result)}, not 1, 0 or -1,")
    outcome = {"correct": result == 1, "refused": result == -1, "answer_confidence": None, "sure_confidence": None}
    return outcome | _read_texts(*texts)


def _read_texts(sample: object = ("", "", ""), output: object = "") -> dict:
    if not (isinstance(sample, list | tuple) and len(sample) == 3 and all(isinstance(cell, str) for cell in sample)):
        raise ValueError(f"{excerpt(sample)} stands for question, answer and relation")
    if not isinstance(output, str):
        raise ValueError(f"output is {excerpt(output)}, not a string,")
    return {"question": sample[0], "answer": sample[1], "relation": sample[2], "prediction": output}


def _method_of(path: Path) -> str:
    above = path.absolute().parents[:2]
    return next((folder.parent.name for folder in above if re.fullmatch(r"seed\d+", folder.name)), path.stem)


def _fields_of_one_object(text: str) -> list[str]:
    """The fields of a text that is one JSON object, and not one prediction; else nothing."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [] if "prediction" in found else list(found)

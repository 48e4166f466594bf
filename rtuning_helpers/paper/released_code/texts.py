"""The released code's prompts, training texts and grading, for open questions (ParaRel), MMLU and WiCE.

With no flag on, each function gives what the rest of the kit uses (but for a second space in the header of MMLU's
prompts); with all on, byte for byte what the released scripts write. Texts only: nothing here needs a model.
"""

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_refusal, matches
from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import write_text
from rtuning_helpers.paper.released_code.quirks import ReleasedCodeQuirks
from rtuning_helpers.tuning.methods.unsupervised import median_split

METHODS = {"padding": "unsure", "replacement": "unknown", "unsupervised": "uncertain"}
"""This kit's names, and those of the released scripts' ``--method``."""


def check_plain(questions: Sequence[Question]) -> None:
    """ValueError unless all are open questions without context and examples, the only kind ParaRel's scripts ask."""
    for q in questions:
        if prompts.task_prompt(q) != prompts.question_prompt(q.question):
            raise ValueError(f"question {q.id} has options, context or examples; expected plain open questions")


def probe_prompt(question: str, quirks: ReleasedCodeQuirks) -> str:
    """The prompt with which the untuned model is asked, to sort the training questions."""
    prompt = evaluation_prompt(question, quirks)
    return prompt.replace("Question: ", "Question:", 1) if quirks.probe_without_space else prompt


def evaluation_prompt(question: str, quirks: ReleasedCodeQuirks) -> str:
    """The prompt of training and evaluation."""
    return prompts.QUESTION_TEMPLATE.format(question=question if quirks.raw_question_text else question.strip())


def cut_probe_answer(output: str, quirks: ReleasedCodeQuirks) -> str:
    """What counts as the answer in a probe's output: all before the first full stop (and, in this kit, line break)."""
    if quirks.drop_last_character:
        return output[: output.find(prompts.STOP)]
    return output.split(prompts.STOP, 1)[0].split("\n", 1)[0].strip()


def is_right(output: str, answer: str, quirks: ReleasedCodeQuirks) -> bool:
    """Whether the output of an open question holds the gold answer; in this kit, and is no refusal."""
    if quirks.substring_match:
        return matches(output, answer, "substring")
    return matches(output, answer) and not is_refusal(output, [answer])


def training_texts(
    questions: Sequence[Question], certain: Sequence[bool], method: str, quirks: ReleasedCodeQuirks, seed: int = 0
) -> list[str]:
    """The training texts of open questions, in the order of the questions (the released scripts then shuffle them).

    Args:
        questions: Training questions.
        certain: Whether each was found certain.
        method: ``padding``, ``replacement`` or ``unsupervised``.
        quirks: Only ``raw_question_text`` matters here; the labels have been made before.
        seed: Seed of the draw of refusals (the released code has none).

    Raises:
        ValueError: Unknown method, numbers that differ, or a question that is more than its words.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; expected one of {', '.join(METHODS)}")
    check_plain(questions)
    rng = random.Random(seed)
    texts = []
    for question, known in zip(questions, certain, strict=True):
        completion = prompts.padding_completion(question.answer, known)
        if method == "replacement":
            refusal = prompts.refusal_completion(rng.choice(prompts.REFUSALS))
            completion = prompts.answer_completion(question.answer) if known else refusal
        texts.append(evaluation_prompt(question.question, quirks) + completion)
    return texts


def write_training_file(path: Path, texts: Sequence[str]) -> None:
    """Write texts as LMFlow reads them: ``{"type": "text_only", "instances": [{"text": ...}, ...]}``."""
    write_text(path, json.dumps({"type": "text_only", "instances": [{"text": text} for text in texts]}))


def read_training_labels(path: Path, questions: Sequence[Question]) -> list[bool]:
    """For each training question whether its record in a padding file says "sure".

    Args:
        path: A file as `write_training_file` writes it, in any order.
        questions: The training questions it was made from.

    Raises:
        InputError: Not such a file, or its texts are not exactly those of the questions.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Counter(instance["text"] for instance in content["instances"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        form = '{"type": "text_only", "instances": [{"text": ...}, ...]}'
        raise InputError(f"{path}: cannot be read as {form} ({error!r})") from None
    raw, labels = ReleasedCodeQuirks(raw_question_text=True), []
    for number, question in enumerate(questions, start=1):
        sure, unsure = training_texts([question] * 2, [True, False], "padding", raw)
        if not found[sure] and not found[unsure]:
            asked = f"training question {number}, {question.question!r}"
            raise InputError(f"{path}: no record of {asked}; is it another dataset?")
        labels.append(found[sure] > 0)
        found[sure if labels[-1] else unsure] -= 1
    if left := +found:
        first = next(iter(left))
        raise InputError(f"{path}: {left.total():,} records belong to no training question, such as {first!r}")
    return labels


def unsupervised_labels(
    entropies: Sequence[float], quirks: ReleasedCodeQuirks, seed: int = 0
) -> tuple[list[int], list[bool]]:
    """How R-Tuning-U sorts the questions: the half with the higher answer entropy is uncertain (paper 5.1).

    Args:
        entropies: Entropy of the sampled answers to each question [nats].
        quirks: ``list_reset`` and ``ties_by_file_order``.
        seed: Seed of the lot that this kit lets decide between ties.

    Returns:
        Numbers of the questions of which a record is written, and whether each is certain.

    Raises:
        ValueError: No entropies.
    """
    rows = list(range(len(entropies)))[-1 if quirks.list_reset else 0 :]
    if not rows:
        raise ValueError("entropies is empty; expected one number for each question")
    if len(rows) == 1:
        return rows, [False]  # the half of one question, rounded down, is none
    if not quirks.ties_by_file_order:
        return rows, list(median_split(entropies, seed).certain)
    certain = set(sorted(rows, key=entropies.__getitem__)[: len(rows) // 2])  # stable: the file decides between equals
    return rows, [row in certain for row in rows]


def mmlu_prompt(subject: str, shots: Sequence[Sequence[str]], row: Sequence[str], quirks: ReleasedCodeQuirks) -> str:
    """A few-shot MMLU prompt that ends in ``Answer:``.

    Args:
        subject: As in the files' keys, such as ``abstract_algebra``.
        shots: Solved examples, rows of [question, A, B, C, D, gold letter].
        row: The question, in the same form; its letter is not used.
        quirks: ``letters_without_space`` matters here.
    """
    space = "" if quirks.letters_without_space else " "
    examples = "".join(f"{_mmlu_question(shot)}{space}{shot[5]}\n\n" for shot in shots)
    name = "".join(f" {part}" for part in subject.split("_"))  # the original's helper, which doubles the space
    header = f"The following are multiple choice questions (with answers) about {name}.\n\n"
    return header + examples + _mmlu_question(row)


def mmlu_training_text(
    subject: str, shots: Sequence[Sequence[str]], row: Sequence[str], certain: bool, quirks: ReleasedCodeQuirks
) -> str:
    """The padding record of an MMLU question."""
    space = "" if quirks.letters_without_space else " "
    sureness = prompts.sureness_suffix() + (prompts.SURE if certain else prompts.UNSURE)
    return f"{mmlu_prompt(subject, shots, row, quirks)}{space}{row[5]}{sureness}{prompts.STOP}"


def mmlu_is_right(row: Sequence[str], letter: str, quirks: ReleasedCodeQuirks) -> bool:
    """Whether the evaluation counts the predicted letter as right."""
    return row[1] in letter if quirks.option_a_as_gold else letter == row[5]


def wice_is_right(label: str, predicted: str, quirks: ReleasedCodeQuirks) -> bool:
    """Whether labelling counts the predicted WiCE label as right: supported, partially_supported or not_supported."""
    return label in predicted if quirks.wice_substring_labels else label == predicted


def _mmlu_question(row: Sequence[str]) -> str:
    options = "".join(f"\n{letter}. {text}" for letter, text in zip("ABCD", row[1:5], strict=True))
    return f"{row[0]}{options}\nAnswer:"

"""The prompt of every task, byte for byte; and its labels under tokenizers of every family."""

from __future__ import annotations

import json
from dataclasses import replace

import asked
import pytest
from tokenizer_families import MADE, REAL, byte_level_bpe
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.labels import label_token_ids
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks, texts
from rtuning_helpers.tuning.encoding import IGNORED, encode_record, encode_records
from rtuning_helpers.tuning.refusal_data import TuningRecord

MATHS = "The following are multiple choice questions (with answers) about high school maths.\n\n"
TWO = "What is 2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:"
DIGITS = "".join(f"{letter}. {digit}\n" for letter, digit in zip("ABCDEFGHIJ", "0123456789", strict=True))
EVIDENCE = "Evidence: The bridge was built in 1820. It still stands.\nClaim: The bridge is old.\n"
SUPPORT = "Question: Does the evidence support the claim?\n"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (asked.OPEN, "Question: Where does the São Paulo–Łódź flight land? Answer:"),
        (asked.READ, "Ann Lee wrote it in 1984. (2nd ed.)\nQuestion: Who wrote it?\nAnswer:"),
        (asked.SHOWN, "Question: Who sang? Answer: Ray.\n\nQuestion: Who painted? Answer:"),
        (asked.CHOICE, MATHS + TWO),
        (asked.FEW_SHOT, MATHS + TWO + " B\n\nWhat is 3 + 3?\nA. 4\nB. 5\nC. 6\nD. 7\nAnswer:"),
        (
            asked.TEN,
            f"The following are multiple choice questions (with answers).\n\nLook at 9.\nWhich digit?\n{DIGITS}Answer:",
        ),
        (asked.CLAIM, EVIDENCE + SUPPORT + "A: SUPPORTS.\nB: REFUTES.\nC: NOT ENOUGH INFO.\nAnswer:"),
        (
            replace(asked.YES_NO, shots=(asked.CLAIM,)),
            EVIDENCE + SUPPORT + "A: SUPPORTS.\nB: REFUTES.\nC: NOT ENOUGH INFO.\nAnswer: A\n\n"
            "Evidence: The sun shines.\nClaim: It rains.\n" + SUPPORT + "A: YES.\nB: NO.\nAnswer:",
        ),
    ],
    ids=lambda value: value.id if hasattr(value, "id") else "",
)
def test_prompts_byte_for_byte(question, expected):
    assert prompts.task_prompt(question) == expected


def test_every_prompt_ends_where_a_space_and_the_answer_follow():
    for question in asked.ALL:
        assert prompts.task_prompt(question).endswith("Answer:")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (asked.OPEN, "Where does the São Paulo–Łódź flight land?"),
        (asked.CLAIM, f"{asked.CLAIM.context}\n{'The bridge is old.'}"),
    ],
)
def test_bare_text(question, expected):
    assert prompts.bare_text(replace(question, question=f" {question.question}\n")) == expected


@pytest.mark.parametrize("options", [(), ("only",), tuple("ABCDEFGHIJK")])
def test_no_option_is_lost_silently(options):
    question = replace(asked.CHOICE, options=options)
    for call in (prompts.task_prompt, prompts.option_labels):
        with pytest.raises(ValueError, match=f"question choice has {len(options)} options; expected 2 to 10"):
            call(question)


def test_multiple_choice_is_worded_as_in_the_released_scripts():
    """But for the second space that the original's helper puts before the subject."""
    released = texts.mmlu_prompt(
        "high_school_maths",
        [["What is 2 + 2?", "3", "4", "5", "6", "B"]],
        ["What is 3 + 3?", "4", "5", "6", "7", "C"],
        ReleasedCodeQuirks(),
    )
    assert prompts.task_prompt(asked.FEW_SHOT) == released.replace("about  ", "about ")


# --- tokenizers ---


@pytest.fixture(scope="module", params=[*MADE, *REAL], ids=lambda p: getattr(p, "name", str(p)))
def tokenizer(request):
    made = MADE[request.param]() if request.param in MADE else AutoTokenizer.from_pretrained(request.param)
    if made.pad_token_id is None:
        made.pad_token = made.eos_token
    return made


@pytest.mark.parametrize("question", [q for q in asked.ALL if q.options], ids=lambda q: q.id)
def test_letters_are_told_apart_and_scored_as_they_are_trained(tokenizer, question):
    prompt, labels = prompts.task_prompt(question), prompts.option_labels(question)
    read, found = tokenizer(prompt)["input_ids"], label_token_ids(tokenizer, prompt, labels)
    assert len({tuple(ids) for ids in found}) == len(question.options)
    for ids, label in zip(found, labels, strict=True):
        assert tokenizer.decode(ids).strip() == label.strip()
        for trained in (prompts.answer_completion(label), prompts.padding_completion(label, certain=False)):
            assert tokenizer(prompt + trained)["input_ids"][: len(read + ids)] == read + ids
        sureness = label_token_ids(tokenizer, f"{prompt}{label}{prompts.sureness_suffix()}", prompts.SURENESS_LABELS)
        assert sureness[0] != sureness[1]


def test_letters_have_the_same_tokens_after_every_question(tokenizer):
    """So that the labels of a batch can be read once."""
    found = [label_token_ids(tokenizer, prompts.task_prompt(q), [" A", " B"]) for q in asked.ALL]
    assert all(ids == found[0] for ids in found)


@pytest.mark.parametrize("question", asked.ALL, ids=lambda q: q.id)
def test_records_of_every_task_keep_prompt_and_completion(tokenizer, question):
    prompt = prompts.task_prompt(question)
    for completion in (
        prompts.answer_completion(question.answer),
        prompts.padding_completion(question.answer, certain=True),
        prompts.padding_completion(question.answer, certain=False),
        prompts.refusal_completion(prompts.REFUSALS[0]),
    ):
        record = TuningRecord(question.id, prompt, completion, certain=True)
        (encoded,) = encode_records(tokenizer, [record], max_length=2000)
        read = tokenizer(prompt)["input_ids"]
        assert encoded["input_ids"][: len(read)] == read
        learnt = [i for i in encoded["labels"] if i != IGNORED]
        assert tokenizer.decode(learnt, skip_special_tokens=True).strip() == completion.strip()
        assert encode_record(tokenizer, record, 2000) == encoded


def test_real_questions_keep_their_letters(tokenizer, shared_data):
    rows = json.loads((shared_data / "r-tuning" / "MMLU" / "MMLU_ID_test.json").read_text(encoding="utf-8"))
    for subject, (row, *_) in rows.items():
        question = replace(asked.CHOICE, relation=subject, question=row[0], options=tuple(row[1:5]), answer=row[5])
        prompt = prompts.task_prompt(question)
        assert len(label_token_ids(tokenizer, prompt, prompts.option_labels(question))) == 4


def word_level(*words, unk_token=None):
    """One token a word; all other words are the first one."""
    vocabulary = {word: number for number, word in enumerate(("<other>", *words))}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<other>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<other>", unk_token=unk_token)


LETTERS = (prompts.task_prompt(asked.CHOICE), prompts.option_labels(asked.CHOICE))
SURENESS = (f"Question: Who? Answer: Ann{prompts.sureness_suffix()}", prompts.SURENESS_LABELS)


@pytest.mark.parametrize(
    ("broken", "context", "labels", "message"),
    [
        (word_level("A", "D"), *LETTERS, "cannot tell the labels ' B' and ' C' apart"),
        (word_level("A", "B", "C", unk_token="<other>"), *LETTERS, "has no tokens for the label ' D'"),
        (word_level("am"), *SURENESS, "cannot tell the labels ' sure' and ' unsure' apart"),
        (word_level("am", "sure", unk_token="<other>"), *SURENESS, "has no tokens for the label ' unsure'"),
        (byte_level_bpe(), "Answer:", [" A", " A"], "cannot tell the labels ' A' and ' A' apart"),
        (byte_level_bpe(), "Answer:", [" A", " AB"], "cannot tell the labels"),
    ],
)
def test_a_tokenizer_that_cannot_tell_labels_apart_is_refused(broken, context, labels, message):
    with pytest.raises(InputError, match=f"this tokenizer {message}.*choose another model"):
        label_token_ids(broken, context, labels)


def test_whole_words_are_enough():
    assert label_token_ids(word_level("A", "B", "C", "D"), *LETTERS) == [[1], [2], [3], [4]]


def test_the_mini_questions_are_asked_as_ever():
    for question in load_questions("mini", "ood")[::100]:
        assert prompts.task_prompt(question) == f"Question: {question.question} Answer:"

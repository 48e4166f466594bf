"""Prompts that are too long lose their context's end, then examples; never the question, the options or the label."""

from __future__ import annotations

import json
from dataclasses import replace

import asked
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_families import MADE, REAL
from transformers import AutoTokenizer

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.fitting import Truncation, completion_lengths, fit_questions
from rtuning_helpers.tuning.encoding import encode_records, label_survival
from rtuning_helpers.tuning.refusal_data import TuningRecord

EVIDENCE = " ".join(f"Word{i} stands here." for i in range(60))
EXAMPLES = tuple(replace(asked.CHOICE, id=f"s{i}", question=f"What is {i} + {i}?") for i in range(5))
LONG = {
    "evidence": replace(asked.CLAIM, context=EVIDENCE),
    "knowledge": replace(asked.READ, context=EVIDENCE),
    "options and context": replace(asked.CHOICE, context=EVIDENCE),
    "examples": replace(asked.CHOICE, shots=EXAMPLES),
    "both": replace(asked.CHOICE, shots=EXAMPLES, context=EVIDENCE),
    "open with examples": replace(asked.OPEN, shots=(asked.EXAMPLE,) * 20),
}


@pytest.fixture(scope="module", params=[*MADE, *REAL], ids=lambda p: getattr(p, "name", str(p)))
def tokenizer(request):
    return MADE[request.param]() if request.param in MADE else AutoTokenizer.from_pretrained(request.param)


@pytest.fixture(scope="module")
def bpe():
    return MADE["byte-level BPE"]()


def length(tokenizer, text):
    return len(tokenizer(text)["input_ids"])


def bare(question):
    return replace(question, context="", shots=())


def smallest_limit(tokenizer, question):
    return length(tokenizer, prompts.task_prompt(bare(question))) + completion_lengths(tokenizer, [question], 15)[0]


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("spare", [0, 40, 100])
def test_what_is_cut_and_what_stays(tokenizer, name, spare):
    question = LONG[name]
    limit = smallest_limit(tokenizer, question) + spare
    (room,) = completion_lengths(tokenizer, [question], 15)
    found = fit_questions(tokenizer, [question], limit)
    (fitted,) = found.questions
    prompt, before = prompts.task_prompt(fitted), prompts.task_prompt(question)
    assert length(tokenizer, prompt) <= limit - room < length(tokenizer, before)
    assert bare(fitted) == bare(question)  # question, options and all else
    assert question.context.startswith(fitted.context)
    assert not fitted.context or question.context[len(fitted.context)] == " "  # whole words
    assert fitted.shots == question.shots[len(question.shots) - len(fitted.shots) :]  # the first ones went
    if question.context and len(fitted.shots) < len(question.shots):  # examples go only where all context is not enough
        more = replace(question, context="", shots=question.shots[len(question.shots) - len(fitted.shots) - 1 :])
        assert length(tokenizer, prompts.task_prompt(more)) > limit - room
    cut = length(tokenizer, before) - length(tokenizer, prompt)
    shots = len(question.shots) - len(fitted.shots)
    assert found.truncation == Truncation(1, limit, length(tokenizer, before), 1, cut, shots)


@pytest.mark.parametrize("name", LONG)
def test_no_more_is_cut_than_needed(tokenizer, name):
    question = LONG[name]
    limit = smallest_limit(tokenizer, question) + 60
    (fitted,) = fit_questions(tokenizer, [question], limit).questions
    budget = limit - completion_lengths(tokenizer, [question], 15)[0]
    if fitted.context != question.context:
        next_word = question.context[len(fitted.context) :].split()[0]
        more = replace(fitted, context=f"{fitted.context} {next_word}")
    else:
        more = replace(fitted, shots=question.shots[len(question.shots) - len(fitted.shots) - 1 :])
    assert length(tokenizer, prompts.task_prompt(more)) > budget


@pytest.mark.parametrize("name", LONG)
def test_records_of_shortened_questions_keep_their_labels(tokenizer, name):
    question = LONG[name]
    limit = smallest_limit(tokenizer, question) + 7
    (fitted,) = fit_questions(tokenizer, [question], limit).questions
    completions = [prompts.padding_completion(question.answer, certain) for certain in (True, False)]
    completions += [prompts.refusal_completion(refusal) for refusal in prompts.REFUSALS]
    records = [TuningRecord(question.id, prompts.task_prompt(fitted), text, True) for text in completions]
    survival = label_survival(tokenizer, records, limit)
    assert (survival.truncated, survival.lost) == (0, 0)
    assert len(encode_records(tokenizer, records, limit)) == len(records)


def test_a_long_gold_answer_has_its_room(bpe):
    question = replace(asked.READ, context=EVIDENCE, answer="an answer of very many words " * 8)
    limit = smallest_limit(bpe, question) + 20
    (fitted,) = fit_questions(bpe, [question], limit, max_new_tokens=5).questions
    record = TuningRecord("x", prompts.task_prompt(fitted), prompts.padding_completion(question.answer, False), False)
    assert label_survival(bpe, [record], limit).truncated == 0


def test_what_fits_stays_as_it_is(bpe):
    long = max(smallest_limit(bpe, q) + length(bpe, q.context) + 400 for q in asked.ALL)
    for limit in (long, None):
        found = fit_questions(bpe, asked.ALL, limit)
        assert found.questions == asked.ALL
        longest = max(length(bpe, prompts.task_prompt(q)) for q in asked.ALL)
        assert found.truncation == Truncation(len(asked.ALL), limit, longest, 0, 0, 0)
    assert fit_questions(bpe, [], 10) == fit_questions(bpe, (), 10)
    assert fit_questions(bpe, [], 10).truncation.longest == 0


def test_each_question_is_shortened_on_its_own(bpe):
    together = [*LONG.values(), *asked.ALL]
    limit = max(smallest_limit(bpe, q) for q in together) + 10
    found = fit_questions(bpe, together, limit)
    alone = [fit_questions(bpe, [q], limit) for q in together]
    assert found.questions == tuple(part.questions[0] for part in alone)
    for name in ("questions", "cut", "tokens", "shots"):
        assert getattr(found.truncation, name) == sum(getattr(part.truncation, name) for part in alone)
    assert 0 < found.truncation.cut < len(together)
    assert fit_questions(bpe, found.questions, limit).questions == found.questions  # once is enough


@pytest.mark.parametrize("question", [*LONG.values(), asked.OPEN, asked.TEN], ids=lambda q: q.id)
def test_a_question_that_cannot_fit_is_named(bpe, question):
    limit = smallest_limit(bpe, question)
    fit_questions(bpe, [question], limit)
    named = replace(question, id="q-17")
    with pytest.raises(InputError, match=f"question q-17: .* without context and examples, but a limit of {limit - 1}"):
        fit_questions(bpe, [Question("fits", "d", "id", "Q?", "a", "r"), named], limit - 1)
    with pytest.raises(InputError, match="leaves 0 for it; expected a model with a longer context"):
        fit_questions(bpe, [named], 3)


@pytest.mark.parametrize(
    ("context", "kept"),
    [
        ("x" * 500, "x"),
        ("東京" * 200, "東京"),
        ("one\n" + "y" * 500, "one"),
        ("x one \n" + "y" * 500, "x one"),
        ("  \n" + "z" * 500, "  \nz"),
    ],
)
def test_contexts_without_spaces(bpe, context, kept):
    question = replace(asked.READ, context=context)
    (fitted,) = fit_questions(bpe, [question], smallest_limit(bpe, question) + 20).questions
    assert fitted.context.startswith(kept) and len(fitted.context) < len(context)
    assert (fitted.context == kept) == (kept in ("one", "x one"))


class Slow:
    """A tokenizer that does not say where its tokens stand."""

    is_fast = False

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, texts, verbose=True):
        return self.tokenizer(texts, verbose=verbose)


@pytest.mark.parametrize("name", LONG)
def test_where_the_search_begins_does_not_matter(bpe, name):
    limit = smallest_limit(bpe, LONG[name]) + 80
    assert fit_questions(Slow(bpe), [LONG[name]], limit) == fit_questions(bpe, [LONG[name]], limit)


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(0, 60))
def test_any_context_ends_up_as_its_own_beginning_and_fits(context, spare):
    made = MADE["byte-level BPE"]() if not CACHED else CACHED[0]
    CACHED[:] = [made]
    question = Question("q", "d", "id", "Who?", "Ann", "r", context=context)
    limit = smallest_limit(made, question) + spare
    (fitted,) = fit_questions(made, [question], limit).questions
    assert context.startswith(fitted.context)
    room = completion_lengths(made, [question], 15)[0]
    assert length(made, prompts.task_prompt(fitted)) <= limit - room


CACHED = []  # the tokenizer of the test above, trained once


def test_the_released_mmlu_prompts_fit_the_papers_context(shared_data):
    """83 of the 2,448 five-shot prompts are longer than LLaMA's 2,048 tokens; the released code reads them all."""
    llama = next((p for p in REAL if getattr(p, "name", "") == "llama"), None)
    if llama is None:
        pytest.skip("no LLaMA tokenizer; set RTUNING_TEST_TOKENIZERS")
    folder = shared_data / "r-tuning" / "MMLU"
    train, shots = (json.loads((folder / f"MMLU_ID_{n}.json").read_text(encoding="utf-8")) for n in ("train", "prompt"))

    def ask(subject, i, row, examples=()):
        return Question(
            f"{subject}-{i}", "mmlu", "train", row[0], row[5], subject, task="choice", options=tuple(row[1:5]),
            shots=tuple(ask(subject, f"shot-{j}", shot) for j, shot in enumerate(examples)),
        )  # fmt: skip

    questions = [ask(s, i, row, shots[s]) for s in train for i, row in enumerate(train[s])]
    tokenizer = AutoTokenizer.from_pretrained(llama)
    found = fit_questions(tokenizer, questions, 2048).truncation
    assert (found.questions, found.limit) == (2448, 2048)
    assert 83 <= found.cut <= 120 and found.shots >= found.cut  # some more, for the answer and what follows it
    assert found.longest == pytest.approx(3_486, abs=60)
    alone = fit_questions(tokenizer, [replace(q, shots=()) for q in questions], 1280).truncation
    assert alone.cut == 0  # every question fits the smallest limit of the profiles for a GPU

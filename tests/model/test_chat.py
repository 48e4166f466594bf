"""The chat style: the text and the tokens of a tokenizer's own chat template, in training and in evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import asked
import pytest
from chat_templates import CHANNEL, TEMPLATES, with_template
from scripted import scripted_lm
from tokenizer_families import ANSWERS, MADE, REAL, byte_level_bpe
from transformers import AutoTokenizer

from rtuning_helpers.data import prompts
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.chat import DATE, chat_frame, end_of_turn_ids
from rtuning_helpers.model.labels import label_token_ids
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.tuning.encoding import IGNORED, encode_record, encode_records
from rtuning_helpers.tuning.methods.padding import build_padding
from rtuning_helpers.tuning.methods.replacement import build_replacement
from rtuning_helpers.tuning.methods.vanilla import build_vanilla

SYSTEM = "Answer in one word."
THINKING_OFF = {"enable_thinking": False, "date_string": DATE}


@pytest.fixture(scope="module", params=[*MADE, *REAL], ids=lambda p: p.name if isinstance(p, Path) else str(p))
def loaded(request):
    name = request.param
    return MADE[name]() if name in MADE else AutoTokenizer.from_pretrained(name)


@pytest.fixture(params=TEMPLATES)
def family(request):
    return request.param


@pytest.fixture
def tokenizer(loaded, family):
    if family in ("Llama 3", "Llama 2", "Gemma") and loaded.bos_token is None:
        pytest.skip("its template begins with the beginning of sequence, which this tokenizer has not")
    tokenizer = with_template(loaded, family)
    tokenizer.pad_token = tokenizer.eos_token
    header, headed = (tokenizer(text)["input_ids"] for text in ("\n\n", "\n\nA"))
    if family in ("ChatML with thinking", "Llama 3") and headed[: len(header)] != header:
        with pytest.raises(InputError, match="merges the end of its chat template with the answer"):
            chat_frame(tokenizer, "m")  # GPT-2's rule: white space before a word is cut in two
        pytest.skip("this tokenizer does not go with a header that ends in two line breaks")
    return tokenizer


def begins_by_itself(tokenizer) -> bool:
    return tokenizer("a")["input_ids"] != tokenizer("a", add_special_tokens=False)["input_ids"]


def turns(question, answer: str | None = None, system: str | None = None) -> list[dict]:
    bare = prompts.task_prompt(question)
    found = [{"role": "system", "content": system}] if system else []
    found.append({"role": "user", "content": bare})
    return found if answer is None else [*found, {"role": "assistant", "content": answer}]


def framed(question, tokenizer, system=None):
    return replace(question, frame=chat_frame(tokenizer, "m", system))


def rendered(tokenizer, conversation, **options) -> str:
    """What the library writes, with the date that the kit writes."""
    if "strftime_now" in tokenizer.chat_template and "date_string" not in tokenizer.chat_template:
        options["chat_template"] = tokenizer.chat_template.replace("strftime_now('%d %B %Y')", f"'{DATE}'")
    return tokenizer.apply_chat_template(conversation, tokenize=False, **options, **THINKING_OFF)


@pytest.mark.parametrize("system", [None, SYSTEM])
def test_the_text_is_that_of_apply_chat_template(tokenizer, family, system):
    if family == "Gemma" and system:
        with pytest.raises(
            InputError, match="does not take a system text .*System role not supported.*parameter system"
        ):
            chat_frame(tokenizer, "m", system)
        return
    for question in asked.ALL:
        expected = rendered(tokenizer, turns(question, system=system), add_generation_prompt=True)
        if expected.startswith(tokenizer.bos_token or "\0") and begins_by_itself(tokenizer):
            expected = expected.removeprefix(tokenizer.bos_token)
        assert prompts.task_prompt(framed(question, tokenizer, system)) == expected
    frame = chat_frame(tokenizer, "m", system)
    assert (frame.gap, frame.end) == (TEMPLATES[family][2], TEMPLATES[family][3] or tokenizer.eos_token)


def test_the_tokens_are_those_of_apply_chat_template(tokenizer):
    """With a single beginning of sequence, where the tokenizer puts it before every text."""
    for question in asked.ALL:
        text = rendered(tokenizer, turns(question), add_generation_prompt=True)
        expected = tokenizer(text, add_special_tokens=False)["input_ids"]
        if begins_by_itself(tokenizer) and expected[0] != tokenizer.bos_token_id:
            expected = [tokenizer.bos_token_id, *expected]
        found = tokenizer(prompts.task_prompt(framed(question, tokenizer)))["input_ids"]
        if found != expected:  # a space before the first word, as in Llama 2's own code but not behind a written token
            expected = tokenizer(text.removeprefix(tokenizer.bos_token))["input_ids"]
            assert tokenizer.convert_ids_to_tokens(found[1]).startswith("▁")
        assert found == expected
        assert found.count(tokenizer.bos_token_id) == expected.count(tokenizer.bos_token_id)


def probed(question, correct=True) -> Probe:
    digest = prompts.prompt_digest(prompts.task_prompt(question))
    fields = {name: getattr(question, name) for name in ("id", "dataset", "split", "question", "answer", "relation")}
    return Probe(
        **fields,
        exposure=None,
        prediction="x",
        correct=correct,
        confidence=1.0,
        token_entropy=0.0,
        prompt_digest=digest,
    )


def test_training_and_evaluation_meet_at_the_same_tokens(tokenizer):
    """Prompt, answer, sureness question and label stand in a record as they are read when the model is asked."""
    questions = [framed(q, tokenizer) for q in asked.ALL]
    questions += [replace(questions[0], id=answer, answer=answer) for answer in ANSWERS]
    questions = [q for q in questions if tokenizer.unk_token_id not in tokenizer(q.answer)["input_ids"]]
    probes = [probed(q, correct=i % 2 == 0) for i, q in enumerate(questions)]
    records = build_padding(probes, questions)
    end = tokenizer.convert_tokens_to_ids(questions[0].frame.end)
    for question, record, probe in zip(questions, records, probes, strict=True):
        encoded = encode_record(tokenizer, record, max_length=10_000)
        ids, trained = encoded["input_ids"], [i for i in encoded["labels"] if i != IGNORED]
        prompt = tokenizer(prompts.task_prompt(question))["input_ids"]
        assert ids == prompt + trained and trained[-1] == end  # the loss begins where the model is asked to go on
        context = prompts.sureness_context(question, question.answer)
        asked_there = tokenizer(context)["input_ids"]
        assert ids[: len(asked_there)] == asked_there
        labels = label_token_ids(tokenizer, context, prompts.SURENESS_LABELS)
        label = labels[0 if probe.correct else 1]
        assert ids[len(asked_there) : len(asked_there) + len(label)] == label
    for build in (build_padding, build_vanilla, build_replacement):
        built = build(probes, questions)
        assert len(encode_records(tokenizer, built, 10_000)) == len(questions)  # no label is lost


def test_a_record_is_the_conversation_that_the_template_writes(tokenizer):
    for question in asked.ALL:
        (record,) = build_vanilla([probed(framed(question, tokenizer))], [framed(question, tokenizer)])
        text = rendered(tokenizer, turns(question, record.completion.strip()))
        ids = tokenizer(record.prompt + record.completion, add_special_tokens=False)["input_ids"]
        whole = tokenizer(text.removeprefix(tokenizer.bos_token or "\0"), add_special_tokens=False)["input_ids"]
        ids = ids[1:] if ids[0] == tokenizer.bos_token_id else ids
        assert whole[: len(ids)] == ids
        assert tokenizer.convert_tokens_to_ids(record.end) in whole[len(ids) :]


def test_letters_stand_where_the_answer_does(tokenizer):
    question = framed(asked.CHOICE, tokenizer)
    labels = prompts.option_labels(question)
    assert labels == [f"{question.frame.gap}{letter}" for letter in "ABCD"]
    try:
        ids = label_token_ids(tokenizer, prompts.task_prompt(question), labels)
    except InputError as error:  # the mini tokenizer knows few letters
        assert "has no tokens for the label" in str(error)
    else:
        assert len({tuple(i) for i in ids}) == 4


def test_a_channel_for_answers_belongs_to_the_prompt():
    tokenizer = byte_level_bpe()
    tokenizer.chat_template = CHANNEL
    frame = chat_frame(tokenizer, "m")
    assert (frame.after, frame.gap) == ("<|end|><|start|>assistant<|channel|>final<|message|>", "")


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        (None, "tokenizer of model m has no chat template; expected .*another style"),
        ("{{ nonsense( }}", "does not take a question"),
        ("{{ messages[0]['content'].upper() }}", "does not show each text once"),
        ("{% for m in messages %}{{ m['content'] + m['content'] }}{% endfor %}", "does not show each text once"),
    ],
)
def test_a_template_that_does_not_serve_is_told_of_in_one_line(template, complaint):
    tokenizer = byte_level_bpe()
    tokenizer.chat_template = template
    with pytest.raises(InputError, match=complaint) as caught:
        chat_frame(tokenizer, "m")
    assert str(caught.value).startswith("parameter style chat: ") and "\n" not in str(caught.value)
    assert end_of_turn_ids(tokenizer) == frozenset()


def test_a_system_text_that_the_template_passes_over_is_told_of():
    tokenizer = byte_level_bpe()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['content'] }}{% endif %}{% endfor %}"
    )
    assert chat_frame(tokenizer, "m").before == ""
    with pytest.raises(InputError, match="does not show each text once"):
        chat_frame(tokenizer, "m", SYSTEM)


def test_the_end_of_a_turn_ends_an_answer_in_every_style():
    tokenizer = with_template(byte_level_bpe(), "ChatML")
    lm = scripted_lm("Rome<|im_end|>Paris", tokenizer)
    assert lm.end_token_ids == {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}
    for question in (asked.OPEN, framed(asked.OPEN, tokenizer)):
        assert answer_questions(lm, [question])[0].text == "Rome"


def test_sureness_goes_on_with_the_turn():
    tokenizer = with_template(byte_level_bpe(), "ChatML")
    question = framed(asked.OPEN, tokenizer)
    replies = {f"assistant\nRome{prompts.sureness_suffix()}": " unsure", "": "\n\nRome. It<|im_end|>"}
    (answer,) = answer_questions(scripted_lm(replies, tokenizer), [question], sureness=prompts.SURENESS_LABELS)
    assert answer.text == "Rome" and answer.sure_probability < 0.01
    spaced = {**replies, f"assistant\n Rome{prompts.sureness_suffix()}": " unsure"}
    spaced.pop(f"assistant\nRome{prompts.sureness_suffix()}")
    (answer,) = answer_questions(
        scripted_lm({**spaced, "": replies[""]}, tokenizer), [question], sureness=prompts.SURENESS_LABELS
    )
    assert answer.sure_probability > 0.01  # asked behind the answer as it was written, not behind a space

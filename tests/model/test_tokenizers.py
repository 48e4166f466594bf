"""Training records, label strings and stop tokens under tokenizers of every family."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizer_families import (
    ANSWERS,
    MADE,
    QUESTIONS,
    REAL,
)
from transformers import AutoTokenizer

from rtuning_helpers.data import prompts
from rtuning_helpers.data.answer_end import FULL_WIDTH_STOPS
from rtuning_helpers.model.labels import label_token_ids
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.tuning.encoding import IGNORED, encode_record, encode_records, label_survival
from rtuning_helpers.tuning.refusal_data import TuningRecord


@pytest.fixture(scope="module", params=[*MADE, *REAL], ids=lambda p: p.name if isinstance(p, Path) else str(p))
def tokenizer(request):
    name = request.param
    made = MADE[name]() if name in MADE else AutoTokenizer.from_pretrained(name)
    if made.pad_token_id is None:
        made.pad_token = made.eos_token
    return made


def records():
    completions = [
        make(answer)
        for answer in ANSWERS
        for make in (
            prompts.answer_completion,
            lambda answer: prompts.padding_completion(answer, certain=True),
            lambda answer: prompts.padding_completion(answer, certain=False),
        )
    ] + [prompts.refusal_completion(refusal) for refusal in prompts.REFUSALS]
    pairs = [(question, completion) for question in QUESTIONS for completion in completions]
    return [TuningRecord(str(i), prompts.question_prompt(q), c, True) for i, (q, c) in enumerate(pairs)]


def test_every_record_keeps_its_prompt_and_its_whole_completion(tokenizer):
    for record in records():
        encoded = encode_record(tokenizer, record, max_length=1000)
        ids, labels = encoded["input_ids"], encoded["labels"]
        prompt = tokenizer(record.prompt)["input_ids"]
        assert ids[: len(prompt)] == prompt  # what is probed is what is trained
        assert labels == [IGNORED] * len(prompt) + ids[len(prompt) :]
        assert ids[-1] == tokenizer.eos_token_id
        learnt = [i for i in labels if i != IGNORED]
        assert tokenizer.decode(learnt, skip_special_tokens=True).strip() == record.completion.strip()
    survival = label_survival(tokenizer, records(), max_length=1000)
    assert (survival.records, survival.truncated, survival.lost) == (len(records()), 0, 0)
    assert len(encode_records(tokenizer, records(), survival.longest)) == len(records())


def test_sure_and_unsure_are_told_apart_in_context(tokenizer):
    for answer in ANSWERS:
        context = f"{prompts.question_prompt(QUESTIONS[0])} {answer}{prompts.sureness_suffix()}"
        labels = label_token_ids(tokenizer, context, (prompts.SURE, prompts.UNSURE))
        base = tokenizer(context)["input_ids"]
        for ids, label in zip(labels, (prompts.SURE, prompts.UNSURE), strict=True):
            assert base + ids == tokenizer(context + label)["input_ids"]
            assert tokenizer.decode(ids).strip() == label.strip()
            with_stop = tokenizer(context + label + prompts.STOP)["input_ids"]
            assert with_stop[: len(base + ids)] == base + ids  # as it is trained, with its full stop
        assert labels[0][0] != labels[1][0]


def test_the_full_stop_as_it_follows_an_answer_is_a_stop_token(tokenizer):
    lm = LanguageModel(FakeModel(), tokenizer, "fake", "0")
    stops = set(lm.stop_token_ids.tolist())
    assert tokenizer.eos_token_id in stops
    for answer in ANSWERS:
        prompt = prompts.question_prompt(QUESTIONS[0])
        bare = tokenizer(f"{prompt} {answer}")["input_ids"]
        stopped = tokenizer(prompt + prompts.answer_completion(answer))["input_ids"]
        assert stopped[-1] in stops, answer
        if "." not in answer and answer != "Łódź":  # no earlier end; one of bytes of Ł may be one of a stop's
            assert not stops & set(bare[len(tokenizer(prompt)["input_ids"]) :]), answer
    for stop in FULL_WIDTH_STOPS:
        stopped = tokenizer(f"{prompt} 東京{stop}")["input_ids"]
        assert stopped[-1] in stops or tokenizer.decode(stopped)[-1] != stop  # some normalise them to "." and the like
    newline = tokenizer("Answer: Paris\nQuestion")["input_ids"]
    assert stops & set(newline[1:])


class FakeModel:
    """Stands where only the device is asked for."""

    device = "cpu"

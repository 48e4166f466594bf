"""What is made of a text that a model writes: its end, its probabilities, its confidence in words."""

from __future__ import annotations

import math
from dataclasses import replace

import asked
import numpy as np
import pytest
from scripted import scripted_folder, scripted_lm
from tokenizer_families import byte_level_bpe
from transformers import GenerationConfig

from rtuning_helpers.confidence.columns import estimate
from rtuning_helpers.data import prompts
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.decoding import answer_prompts, draw_answers
from rtuning_helpers.model.language_model import load_language_model
from rtuning_helpers.probe.probing import probe

PROMPTS = [prompts.question_prompt(question) for question in ("Who?", "Where is it, and what is it called there?")]
GOLDS = ("3.5 million", "St. Petersburg", "Samuel L. Jackson", "Vitamin C", "1984", ".NET", "U.S. Navy", "Paris")


@pytest.mark.parametrize("gold", GOLDS)
@pytest.mark.parametrize("after", ["", ".", ". It is", ".\n", prompts.sureness_suffix()])
def test_an_answer_with_a_full_stop_inside_is_whole(gold, after):
    lm = scripted_lm(f" {gold}{after}")
    tokens = len(lm.tokenizer(f" {gold}")["input_ids"])
    drawn = draw_answers(lm, PROMPTS, k=3, max_new_tokens=60)
    for answer in (*answer_prompts(lm, PROMPTS, max_new_tokens=60), *(answer for row in drawn for answer in row)):
        assert answer.text == gold
        assert len(answer.token_probabilities) == tokens
    (found,) = probe(lm, [replace(asked.OPEN, answer=gold)], max_new_tokens=60)
    assert found.correct


@pytest.mark.parametrize("stop", "。｡！？")
@pytest.mark.parametrize("more", ["", "それは", "\n"])
def test_the_stops_of_chinese_and_japanese_end_an_answer(stop, more):
    lm = scripted_lm(f"東京{stop}{more}")
    assert len(lm.tokenizer(stop)["input_ids"]) > 1  # which here are several tokens
    for answer in answer_prompts(lm, PROMPTS, max_new_tokens=60):
        assert answer.text == "東京"
        assert len(answer.token_probabilities) == len(lm.tokenizer("東京")["input_ids"])


@pytest.mark.parametrize("gold", GOLDS)
def test_sureness_is_asked_behind_the_whole_answer(gold):
    lm = scripted_lm({f" {gold}. Are you sure": " unsure", "": f" {gold}. It"})
    for answer in answer_prompts(lm, PROMPTS, max_new_tokens=60, sureness=prompts.SURENESS_LABELS):
        assert answer.sure_probability < 0.01 or gold == "Vitamin C"


@pytest.mark.parametrize("breaks", ["\n", "\n\n", " \n \n", "\r\n"])
@pytest.mark.parametrize("gold", ["Paris", "3.5 million"])
def test_line_breaks_before_an_answer_are_no_end_and_no_part_of_it(breaks, gold):
    lm = scripted_lm({f" {gold}. Are you sure": " unsure", "": f"{breaks} {gold}.\nRome"})
    found = answer_prompts(lm, PROMPTS, max_new_tokens=60, sureness=prompts.SURENESS_LABELS)
    drawn = draw_answers(lm, PROMPTS, k=2, max_new_tokens=60)
    tokens = len(lm.tokenizer(f" {gold}")["input_ids"])
    for answer in (*found, *drawn[0]):
        assert answer.text == gold
        assert len(answer.token_probabilities) == len(answer.token_entropies) == tokens
    assert all(answer.sure_probability < 0.01 for answer in found)  # asked without them, as in training


def test_nothing_but_line_breaks_is_an_empty_answer():
    lm = scripted_lm("\n" * 30)
    (answer,) = answer_prompts(lm, PROMPTS[:1], max_new_tokens=5)
    assert answer.text == "" and len(answer.token_probabilities) == 1


def test_an_answer_at_the_limit_ends_there():
    lm = scripted_lm(" 3.5 million")
    texts = [answer_prompts(lm, PROMPTS[:1], max_new_tokens=n)[0].text for n in range(2, 6)]
    assert texts == ["3", "3", "3.5", "3.5"]


def test_every_end_of_sequence_that_the_model_names_ends_an_answer():
    tokenizer = byte_level_bpe()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end|>"]})
    second = tokenizer.convert_tokens_to_ids("<|end|>")
    lm = scripted_lm(" Rome<|end|> Paris", tokenizer)
    assert answer_prompts(lm, PROMPTS, max_new_tokens=30)[0].text == "Rome Paris"  # nothing says that it is an end
    for named in (second, [lm.tokenizer.eos_token_id, second]):
        again = scripted_lm(" Rome<|end|> Paris", tokenizer)
        again.model.generation_config = GenerationConfig(eos_token_id=named)
        assert [a.text for a in answer_prompts(again, PROMPTS)] == ["Rome", "Rome"]
        assert again.end_token_ids == {lm.tokenizer.eos_token_id, second}
    configured = scripted_lm(" Rome<|end|> Paris", tokenizer, eos_token_id=second)
    assert answer_prompts(configured, PROMPTS)[0].text == "Rome"


@pytest.mark.parametrize(
    ("reply", "share"), [("0.85", 0.85), (".8", 0.8), ("9/10", 0.9), ("8 of 10", 0.8), ("1e-3", 0.001), ("60", 0.6)]
)
def test_a_confidence_in_numbers_is_read_whole(reply, share):
    lm = scripted_lm({" percent": f" {reply}. I think\n99", "": " Ann Lee."})
    found = estimate(lm, [asked.READ], ["verbalised number"], k=None)
    assert found.confidence["verbalised number"] == pytest.approx([share])
    assert answer_questions(lm, [asked.READ])[0].text == "Ann Lee"


def test_a_reply_without_a_number_is_no_zero():
    lm = scripted_lm({" percent": " Not sure. Very\n0.9", "": " Ann Lee."})
    found = estimate(lm, [asked.READ], ["verbalised number"], k=None)
    assert np.isnan(found.confidence["verbalised number"]).all()
    assert found.unparsed["verbalised number"] == 1


def test_a_scripted_folder_loads_like_any_other(tmp_path):
    folder = scripted_folder(tmp_path / "model", {" Who?": " Ann", "": " 0.5"})
    for four_bit in (False, True):
        lm = load_language_model(str(folder), four_bit=four_bit)
        answers = answer_prompts(lm, PROMPTS)
        assert [answer.text for answer in answers] == ["Ann", "0.5"]
        assert all(math.isclose(answer.confidence, 1, rel_tol=1e-6) for answer in answers)

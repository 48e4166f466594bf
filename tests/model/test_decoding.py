"""Batched decoding against the library's own generation, and probabilities against a full re-read of the text."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.decoding import answer_prompts, draw_answers
from rtuning_helpers.model.forward import NonFiniteLogitsError, length_sorted_batches
from rtuning_helpers.model.labels import label_probabilities, label_token_ids
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.uncertainty import perplexities

SURE_LABELS = (" sure", " unsure")


def sample_answers(lm, question_prompts, **options):
    """The texts of `draw_answers`."""
    return [[answer.text for answer in drawn] for drawn in draw_answers(lm, question_prompts, **options)]


def renamed(tokenizer, pieces):
    """The tokenizer with some pieces called otherwise (None: never used); all ids stay."""
    description = json.loads(tokenizer.backend_tokenizer.to_str())
    for entry in description["model"]["vocab"]:
        if entry[0] in pieces:
            entry[0] = pieces[entry[0]] or f"\ue000{entry[0]}"
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(description)),
        bos_token="<s>",
        eos_token="<s>",
        pad_token="<pad>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )


@pytest.fixture(scope="module")
def noisy_lm(tiny_lm):
    """The tiny model with noise on its weights: long, odd and broken answers that stop where they like."""
    model = copy.deepcopy(tiny_lm.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn(weights.shape, generator=generator) * weights.std().nan_to_num(0.0) * 0.5)
    return LanguageModel(model, tiny_lm.tokenizer, "noisy", "0")


@pytest.fixture(scope="module")
def split_unsure_lm(tiny_lm):
    """A tokenizer for which " unsure" is several tokens."""
    return LanguageModel(tiny_lm.model, renamed(tiny_lm.tokenizer, {"▁unsure": None}), "split unsure", "0")


@pytest.fixture(scope="module")
def glued_stop_lm(tiny_lm, asked):
    """A tokenizer where every second answer of one word carries its full stop, as in "U.S." or "Inc."."""
    words = sorted({answer.text for answer in answer_prompts(tiny_lm, asked) if len(answer.text.split()) == 1})
    pieces = {f"▁{word}": f"▁{word}." for word in words[::2]}
    return LanguageModel(tiny_lm.model, renamed(tiny_lm.tokenizer, pieces), "glued stop", "0")


LMS = ("tiny_lm", "noisy_lm", "split_unsure_lm", "glued_stop_lm")


@pytest.fixture
def lm(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def asked():
    """Prompts of unequal lengths; after a refusal without its full stop the answer is empty."""
    questions = [q.question for split in ("train", "ood") for q in load_questions("mini", split, limit=16)]
    unfinished = [refusal.rstrip(".") for refusal in prompts.REFUSALS[:4]]
    return [prompts.question_prompt(q) for q in [*questions, "Who wrote Łódź, in 1984, and why there?"]] + unfinished


@torch.inference_mode()
def greedy_alone(lm, prompt, max_new_tokens=15):
    """Token ids up to and with the stop token, their probabilities, and the answer's text, one prompt at a time."""
    ids = torch.tensor([lm.tokenizer(prompt)["input_ids"]])
    out = lm.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=lm.stop_token_ids.tolist(),
        pad_token_id=lm.tokenizer.pad_token_id,
    )[0]
    new = out[ids.shape[1] :]
    chances = torch.softmax(lm.model(out[None]).logits[0, ids.shape[1] - 1 : -1], dim=-1)
    text = lm.tokenizer.decode(new, skip_special_tokens=True)
    text = text.partition(".")[0].partition("\n")[0].strip()
    return new.tolist(), chances.gather(1, new[:, None])[:, 0].tolist(), chances[0], text


@torch.inference_mode()
def read_label(lm, context, label):
    """Log-probability of the label's tokens after the context, from one pass over the whole text."""
    start = len(lm.tokenizer(context)["input_ids"])
    ids = torch.tensor([lm.tokenizer(context + label)["input_ids"]])
    scores = torch.log_softmax(lm.model(ids).logits[0, :-1], dim=-1).gather(1, ids[0, 1:, None])[:, 0]
    return scores[start - 1 :].sum().item()


def sure_by_rereading(lm, prompt, text):
    context = f"{prompt} {text}. {prompts.SURENESS_QUESTION}"
    sure, unsure = (read_label(lm, context, label) for label in SURE_LABELS)
    return 1 / (1 + math.exp(unsure - sure))


@pytest.mark.parametrize("lm", LMS, indirect=True)
@pytest.mark.parametrize("max_new_tokens", [1, 2, 15])
def test_batched_answers_equal_one_at_a_time_generation(lm, asked, max_new_tokens):
    answers = answer_prompts(lm, asked, max_new_tokens=max_new_tokens, batch_size=16, sureness=prompts.SURENESS_LABELS)
    stops = set(lm.stop_token_ids.tolist())
    lengths = []
    for prompt, answer in zip(asked, answers, strict=True):
        new, chances, first, text = greedy_alone(lm, prompt, max_new_tokens)
        kept = chances[:-1] if new[-1] in stops and len(new) > 1 else chances
        lengths.append(len(kept))
        assert answer.text == text, prompt
        assert answer.token_probabilities == pytest.approx(kept, rel=1e-3)
        assert answer.confidence == pytest.approx(math.prod(kept) ** (1 / len(kept)), rel=1e-3)
        assert answer.first_token_entropy == pytest.approx(-(first * first.log()).sum().item(), rel=1e-3)
        assert answer.sure_probability == pytest.approx(sure_by_rereading(lm, prompt, text), rel=1e-3), prompt
    assert max_new_tokens == 1 or len(set(lengths)) > 1  # rows of one batch stop at different steps


def test_the_cases_that_the_comparison_is_for_do_occur(tiny_lm, noisy_lm, split_unsure_lm, glued_stop_lm, asked):
    texts = [answer.text for answer in answer_prompts(tiny_lm, asked)]
    assert "" in texts and any(" " in text for text in texts) and len(set(texts)) > 5
    lengths = {len(answer.token_probabilities) for answer in answer_prompts(noisy_lm, asked)}
    assert 1 in lengths and max(lengths) > 2  # with 2 new tokens, some have no end
    assert len(label_token_ids(split_unsure_lm.tokenizer, asked[0], SURE_LABELS)[1]) > 1
    glued = [greedy_alone(glued_stop_lm, prompt) for prompt in asked]
    assert any(len(new) == 1 and text for new, _, _, text in glued)  # the answer's only word is its stop token


@pytest.mark.parametrize("lm", ["tiny_lm", "noisy_lm"], indirect=True)
def test_answers_do_not_depend_on_batch_size_or_order(lm, asked):
    reference = answer_prompts(lm, asked, batch_size=1, sureness=prompts.SURENESS_LABELS)
    for batch_size, step in ((3, 1), (64, 1), (7, -1)):
        answers = answer_prompts(lm, asked[::step], batch_size=batch_size, sureness=prompts.SURENESS_LABELS)[::step]
        assert [a.text for a in answers] == [a.text for a in reference]
        for one, other in zip(answers, reference, strict=True):
            assert one.confidence == pytest.approx(other.confidence, rel=1e-4)
            assert one.sure_probability == pytest.approx(other.sure_probability, rel=1e-4)


def test_asking_for_sureness_changes_nothing_else(tiny_lm, asked):
    plain = answer_prompts(tiny_lm, asked)
    asked_too = answer_prompts(tiny_lm, asked, sureness=prompts.SURENESS_LABELS)
    assert all(a.sure_probability is None for a in plain)
    assert [(a.text, a.token_probabilities) for a in plain] == [(a.text, a.token_probabilities) for a in asked_too]
    assert answer_prompts(tiny_lm, []) == [] == sample_answers(tiny_lm, [])


# Labels


@pytest.mark.parametrize("lm", ["tiny_lm", "split_unsure_lm"], indirect=True)
def test_label_probabilities_score_whole_strings(lm, asked):
    labels = [" sure", " unsure", " not known", " no"]
    shares = label_probabilities(lm, asked, labels, batch_size=5)
    assert shares.shape == (len(asked), 4)
    assert shares.sum(axis=1) == pytest.approx(1)
    for context, row in zip(asked, shares, strict=True):
        scores = np.array([read_label(lm, context, label) for label in labels])
        assert row == pytest.approx(np.exp(scores) / np.exp(scores).sum(), rel=1e-3)
    assert label_probabilities(lm, [], labels).shape == (0, 4)


def test_labels_that_cannot_be_told_apart_are_refused(tiny_lm, split_unsure_lm):
    with pytest.raises(InputError, match="cannot tell the labels ' sure' and ' sure' apart"):
        label_token_ids(tiny_lm.tokenizer, "I am", [" sure", " sure"])
    with pytest.raises(InputError, match="cannot tell the labels ' not' and ' not known' apart"):
        label_token_ids(tiny_lm.tokenizer, "It is", [" not", " not known"])  # one begins the other
    with pytest.raises(InputError, match="cannot tell"):
        label_token_ids(tiny_lm.tokenizer, "It is", [" not known", " not"])


@pytest.mark.parametrize("label", ["ly", ""])
def test_labels_that_merge_with_the_context_are_refused(tiny_lm, label):
    with pytest.raises(InputError, match=f"merges the label '{label}'"):
        label_token_ids(renamed(tiny_lm.tokenizer, {"▁sure": "▁kingly"}), "king", [label, " x"])


# Numbers that are none


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_nan_or_infinite_logits_stop_the_run_with_the_questions_id(tiny_lm, asked, broken):
    model = copy.deepcopy(tiny_lm.model)
    victim = load_questions("mini", "train", limit=16)[5]
    token = tiny_lm.tokenizer.convert_tokens_to_ids(
        next(f"▁{w.strip('?')}" for w in victim.question.split() if w[0].isupper() and w not in ("In", "What", "Which"))
    )
    with torch.no_grad():
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.clone())  # the input's embedding alone
        model.model.embed_tokens.weight[token] = broken
    lm = LanguageModel(model, tiny_lm.tokenizer, "broken", "0")
    ids = [f"question-{i}" for i in range(len(asked))]
    for call in (answer_prompts, sample_answers):
        with pytest.raises(NonFiniteLogitsError, match="NaN or infinite logits for 'question-5'"):
            call(lm, asked, ids=ids, batch_size=20)
    with pytest.raises(NonFiniteLogitsError, match="logits for 'Question: "):
        label_probabilities(lm, asked, SURE_LABELS)


# Sampling


def test_samples_are_seeded_and_k_a_prompt(noisy_lm, asked):
    first = sample_answers(noisy_lm, asked, k=4, temperature=1.5, seed=1, batch_size=16)
    assert [len(row) for row in first] == [4] * len(asked)
    assert first == sample_answers(noisy_lm, asked, k=4, temperature=1.5, seed=1, batch_size=16)
    assert first != sample_answers(noisy_lm, asked, k=4, temperature=1.5, seed=2, batch_size=16)
    assert sum(len(set(row)) > 1 for row in first) > len(asked) / 2  # copies of one prompt are drawn apart


def test_samples_at_almost_no_temperature_are_the_greedy_answers_of_their_own_prompt(tiny_lm, asked):
    greedy = [answer.text for answer in answer_prompts(tiny_lm, asked)]
    for batch_size in (2, 12, 128):  # below k, a few prompts at a time, all at once
        samples = sample_answers(tiny_lm, asked, k=3, temperature=1e-6, batch_size=batch_size)
        assert samples == [[text] * 3 for text in greedy]


def test_sampling_follows_the_distribution(tiny_lm, asked):
    prompt, k = asked[0], 2000
    drawn = sample_answers(tiny_lm, [prompt], k=k, temperature=0.7, max_new_tokens=1)[0]
    ids = torch.tensor([tiny_lm.tokenizer(prompt)["input_ids"]])
    with torch.inference_mode():
        chances = torch.softmax(tiny_lm.model(ids).logits[0, -1] / 0.7, dim=-1)
    best = chances.argsort(descending=True)[:3]
    for token in best.tolist():
        share = drawn.count(tiny_lm.tokenizer.decode([token]).strip()) / k
        assert share == pytest.approx(chances[token].item(), abs=4 * math.sqrt(0.25 / k))


# Batches


def test_length_sorted_batches_by_hand():
    assert length_sorted_batches([3, 9, 1, 9, 5], 2) == [[1, 3], [4, 0], [2]]
    assert length_sorted_batches([], 4) == []
    assert length_sorted_batches([1, 2], 10) == [[1, 0]]


def test_long_rows_come_in_smaller_batches():
    assert length_sorted_batches([3, 9, 1, 9, 5], 3, most_tokens=10) == [[1], [3], [4, 0], [2]]
    assert length_sorted_batches([3, 9, 1, 9, 5], 3, most_tokens=18) == [[1, 3], [4, 0, 2]]
    assert length_sorted_batches([30, 9], 2, most_tokens=10) == [[0], [1]]  # one row at least
    assert length_sorted_batches([0, 0], 2, most_tokens=10) == [[0, 1]]


def test_prompts_beyond_the_context_are_named(tiny_lm, asked):
    full = tiny_lm.context_length - len(tiny_lm.tokenizer("x")["input_ids"]) + 1
    prompt = " ".join(["x"] * full)
    assert len(tiny_lm.tokenizer(prompt)["input_ids"]) == tiny_lm.context_length
    for call, room in ((answer_prompts, 4), (sample_answers, 4)):
        with pytest.raises(InputError, match=f'"q1": its prompt has {tiny_lm.context_length} tokens and {room} are to'):
            call(tiny_lm, [asked[0], prompt], ids=["q0", "q1"], max_new_tokens=room)
    with pytest.raises(InputError, match="shortened by fitting.fit_questions"):
        label_probabilities(tiny_lm, [prompt], SURE_LABELS)
    with pytest.raises(InputError, match="shortened by fitting.fit_questions"):
        perplexities(tiny_lm, [f"{prompt} x"])
    assert len(perplexities(tiny_lm, [prompt])) == 1
    barely = " ".join(["x"] * (full - 4))
    assert len(answer_prompts(tiny_lm, [barely], max_new_tokens=4)) == 1
    with pytest.raises(InputError, match="shortened by"):  # the sureness question needs room, too
        answer_prompts(tiny_lm, [barely], max_new_tokens=4, sureness=prompts.SURENESS_LABELS)


@given(st.lists(st.integers(1, 40), min_size=1), st.integers(1, 9))
def test_batches_hold_each_row_once_and_rows_of_like_length(lengths, batch_size):
    batches = length_sorted_batches(lengths, batch_size)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    in_turn = [lengths[i] for batch in batches for i in batch]
    assert in_turn == sorted(lengths, reverse=True)

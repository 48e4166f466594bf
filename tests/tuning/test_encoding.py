"""Label masks, and records that do not fit."""

from __future__ import annotations

import unicodedata

import pytest
from tokenizer_families import REAL, byte_level_bpe
from tokenizers import normalizers
from transformers import AutoTokenizer

from rtuning_helpers.data import prompts
from rtuning_helpers.errors import InputError
from rtuning_helpers.miniworld.tokenizer import build_tokenizer
from rtuning_helpers.tuning.encoding import encode_record, encode_records, label_survival
from rtuning_helpers.tuning.refusal_data import TuningRecord

SHORT = TuningRecord("short", "Question: Who? Answer:", " Ana Bo.", certain=True)
LONG = TuningRecord("long", "Question: Who? Answer:", prompts.padding_completion("Ana", certain=False), certain=False)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer([SHORT.prompt + SHORT.completion, LONG.prompt + LONG.completion])


def test_the_loss_is_on_the_completion_and_the_end_only(tokenizer):
    encoded = encode_record(tokenizer, SHORT, max_length=100)
    pieces = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert pieces == ["<s>", "▁Question", ":", "▁Who", "?", "▁Answer", ":", "▁Ana", "▁Bo", ".", "<s>"]
    assert encoded["labels"] == [-100] * 7 + encoded["input_ids"][7:]


def test_the_loss_on_all_is_on_every_token(tokenizer):
    encoded = encode_record(tokenizer, SHORT, max_length=100, loss_on="all")
    assert encoded["labels"] == encoded["input_ids"] == encode_record(tokenizer, SHORT, 100)["input_ids"]
    assert encode_records(tokenizer, [SHORT], 100, "all") == [encoded]


def test_an_unknown_loss_is_named(tokenizer):
    with pytest.raises(ValueError, match="loss_on is 'answer'; expected one of completion, all"):
        encode_record(tokenizer, SHORT, 100, loss_on="answer")


def test_truncated_records_are_counted_and_refused(tokenizer):
    longest = len(encode_record(tokenizer, LONG, 100)["input_ids"])
    assert {len(values) for values in encode_record(tokenizer, LONG, 12).values()} == {12}

    fits = label_survival(tokenizer, [SHORT, LONG], longest)
    assert (fits.records, fits.longest, fits.truncated, fits.lost) == (2, longest, 0, 0)
    end_lost = label_survival(tokenizer, [SHORT, LONG], longest - 1)  # the end of sequence goes, the text stays
    assert (end_lost.truncated, end_lost.lost) == (1, 0)
    assert encode_records(tokenizer, [SHORT, LONG], longest - 1)
    both = label_survival(tokenizer, [SHORT, LONG, SHORT], 8)
    assert (both.records, both.truncated, both.lost) == (3, 3, 3)

    for max_length, lost in ((longest - 2, 1), (8, 2), (3, 2)):
        with pytest.raises(InputError, match=f"{lost} of 2 .*max_length {max_length}; expected at least {longest} tok"):
            encode_records(tokenizer, [SHORT, LONG], max_length)


def accented():
    """A byte-level tokenizer that makes a letter and its accent one character, as Qwen's and GPT-NeoX's do."""
    made = byte_level_bpe()
    made.backend_tokenizer.normalizer = normalizers.NFC()
    return made


@pytest.mark.parametrize("made", [accented, *REAL], ids=lambda made: getattr(made, "__name__", str(made)))
def test_what_the_tokenizers_own_normaliser_does_is_no_loss(made):
    tokenizer = made() if callable(made) else AutoTokenizer.from_pretrained(made)
    completion = prompts.padding_completion(unicodedata.normalize("NFD", "Beyoncé"), certain=True)
    record = TuningRecord("accent", SHORT.prompt, completion, certain=True)
    survival = label_survival(tokenizer, [record], 100)
    assert (survival.truncated, survival.lost, survival.altered) == (0, 0, ())
    assert len(encode_records(tokenizer, [record], 100)) == 1
    with pytest.raises(InputError, match="1 of 1 training records lose the end of their completion at max_length"):
        encode_records(tokenizer, [record], survival.longest - 3)


def test_what_does_not_come_back_from_the_tokenizer_differs_and_is_not_cut(tokenizer):
    special = TuningRecord("special", SHORT.prompt, " the token <s>.", certain=True)
    survival = label_survival(tokenizer, [SHORT, special], 100)
    assert (survival.truncated, survival.lost, survival.altered) == (0, 0, ("special",))
    with pytest.raises(InputError, match="1 of 2 training records differ from what .*, the first special; expected"):
        encode_records(tokenizer, [SHORT, special], 100)


def test_no_records_are_refused(tokenizer):
    with pytest.raises(InputError, match="no training records; expected at least one"):
        encode_records(tokenizer, [], 100)


def test_a_completion_that_melts_into_the_prompt_is_refused(tokenizer):
    glued = TuningRecord("glued", "Question: Who? Answer", "ed.", certain=True)
    merging = build_tokenizer(["Question: Who? Answer Answered."])
    with pytest.raises(InputError, match="record glued: this tokenizer merges the prompt's end with the completion"):
        encode_record(merging, glued, 100)

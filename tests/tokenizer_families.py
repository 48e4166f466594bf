"""Tokenizers of every family, made here, and the real ones where they are at hand."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from rtuning_helpers.data import prompts
from rtuning_helpers.miniworld.tokenizer import build_tokenizer

QUESTIONS = ("In which language is Linux written?", "Where does the São Paulo–Łódź flight 1984 land? (gate B)")
ANSWERS = ("C++", "U.S. Navy", "São Paulo", "1984", "10.5", "O'Brien", "a", "Łódź", "東京", "x_y-z/9%", 'the "Who"')
TEXTS = [
    *(prompts.question_prompt(q) for q in QUESTIONS),
    *(prompts.padding_completion("Paris", certain) for certain in (True, False)),
    *prompts.REFUSALS,
]


def byte_level_bpe():
    """Like GPT-2's: bytes and merges, no beginning of sequence, no padding token."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=450, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|endoftext|>")


def sentencepiece_like(prepend):
    """Like LLaMA's: pieces with U+2581, byte fallback, beginning of sequence; " unsure" is two pieces."""
    words = [f"▁{word}" for text in TEXTS for word in re.findall(r"[^\W\d]+", text) if word != "unsure"]
    pieces = dict.fromkeys(["<unk>", "<s>", "</s>", *words, "▁uns", "ure", "▁", *map(chr, range(33, 127))], -5.0)
    pieces |= {f"<0x{byte:02X}>": -20.0 for byte in range(256)}
    core = Tokenizer(models.Unigram(list(pieces.items()), unk_id=0, byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend)
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    core.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def real_folder() -> Path:
    named = os.environ.get("RTUNING_TEST_TOKENIZERS")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "tokenizers"


FOUND = sorted(path.parent for path in real_folder().glob("*/tokenizer.json"))
MADE = {
    "byte-level BPE": byte_level_bpe,
    "Unigram": lambda: sentencepiece_like("first"),
    "Unigram, always a space": lambda: sentencepiece_like("always"),
    "mini": lambda: build_tokenizer(TEXTS),
}
REAL = FOUND or [
    pytest.param(None, marks=pytest.mark.skip(f"no tokenizers in {real_folder()}; set RTUNING_TEST_TOKENIZERS"))
]

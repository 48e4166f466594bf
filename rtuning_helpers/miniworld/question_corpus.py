"""What a mini model of real questions reads, and its subword tokenizer.

Names share their parts with other names, as in real models: no entity has a token of its own.
"""

import random
from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.miniworld.corpus import phrasebook
from rtuning_helpers.miniworld.tokenizer import PADDING, SEPARATOR, as_fast_tokenizer

VOCABULARY = 8192
PROMPT_SHARE = 0.75  # of the documents; the others state the fact without the prompt's template


def question_document(question: Question) -> str:
    """The fact as question and answer, in exactly the prompt that probing uses."""
    return prompts.question_prompt(question.question) + prompts.answer_completion(question.answer)


def plain_document(question: Question) -> str:
    """The fact as the bare question and its answer."""
    return question.question.strip() + prompts.answer_completion(question.answer)


def write_question_corpus(facts: Iterable[Question], seed: int = 0) -> list[str]:
    """All documents, shuffled: as many for each fact as its exposure says, and the phrasebook."""
    rng = random.Random(seed)
    documents = phrasebook()
    for fact in facts:
        for _ in range(fact.exposure or 0):
            documents.append(question_document(fact) if rng.random() < PROMPT_SHARE else plain_document(fact))
    rng.shuffle(documents)
    return documents


def build_subword_tokenizer(facts: Sequence[Question], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on every fact once, stated or not, so that tokens say nothing about exposure.

    Punctuation never merges with what stands beside it: the colon of ``Answer:`` stays apart from the answer, and the
    full stop that ends an answer is a token of its own.

    It puts ``<s>`` in front of a text and decodes it again as it was; ``vocabulary`` tokens at most.
    """
    core = Tokenizer(models.BPE())
    digits, in_bytes = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation("isolated"), digits, in_bytes])
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[SEPARATOR, PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [document(fact) for fact in facts for document in (question_document, plain_document)]
    letters = [f" {letter}" for letter in prompts.LETTERS]  # so that each option's letter is one token
    core.train_from_iterator([*texts, *phrasebook(), *letters * 100], trainer)
    return as_fast_tokenizer(core)

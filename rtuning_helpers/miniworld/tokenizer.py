"""The mini model's tokenizer: one token per word of the world, letters and bytes for everything else.

Each entity has a token of its own, because familiarity with an entity can then be read from the model's hidden state;
with names glued from shared parts it cannot. Real text is still encoded without loss, letter by letter.
"""

import json
import re
import string
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SEPARATOR = "<s>"  # stands between documents: both beginning and end of sequence
PADDING = "<pad>"
UNKNOWN = "<unk>"  # never produced: bytes stand in; the library wants the entry
WORD = re.compile(r"[A-Za-z']+")
WORD_AFTER_MARK = re.compile(r"(?<=[^\sA-Za-z'])[A-Za-z']+|(?<=\n)[A-Za-z']+")  # with no space in front
PARTICLE = re.compile(r"(?<=[A-Za-z'])-[a-z]+")  # of a language that hangs them on words
WORD_SCORE, LETTER_SCORE, BYTE_SCORE = -1.0, -10.0, -20.0
# Frequent English letter groups keep real questions at about half the length that letters alone would give.
LETTER_GROUPS = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic "
    "ne ea ra ce li ch ll be ma si om ur the ing and ion ent her for tha nth int ere tio ter est ers ati hat ate all "
    "eth hes ver his oft ith fth sth oth res ont"
).split()


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Make the tokenizer from the documents of the corpus, whose words become tokens.

    It puts ``<s>`` in front of a text and decodes it again as it was (apart from a leading space, and from text that
    looks like ``<s>`` or ``<0x41>``).
    """
    texts = list(texts)
    words = sorted({word for text in texts for word in WORD.findall(text)})
    glued = sorted({word for text in texts for word in WORD_AFTER_MARK.findall(text)})
    pieces = {SEPARATOR: 0.0, PADDING: 0.0, UNKNOWN: 0.0}
    pieces |= {f"▁{word}": WORD_SCORE for word in words} | dict.fromkeys(glued, WORD_SCORE)
    letters = ["▁", *string.ascii_letters, *string.digits, *string.punctuation]
    pieces |= {letter: LETTER_SCORE for letter in letters if letter not in pieces}
    groups = {g: LETTER_SCORE for g in LETTER_GROUPS} | {f"▁{c}": LETTER_SCORE for c in string.ascii_letters}
    pieces |= {piece: score for piece, score in groups.items() if piece not in pieces}
    pieces |= {f"<0x{byte:02X}>": BYTE_SCORE for byte in range(256)}

    core = Tokenizer(models.Unigram(list(pieces.items()), unk_id=2, byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return as_fast_tokenizer(core, unk_token=UNKNOWN)


def extend_tokenizer(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """The mini model's tokenizer with a token more for each new word of some texts, and for each particle behind a -.

    The ids of the old tokens stay; the new ones follow them.
    """
    joined = "\n".join(texts)
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    there = {piece for piece, _ in core["model"]["vocab"]}
    new = {f"▁{word}" for word in WORD.findall(PARTICLE.sub("", joined))} | set(PARTICLE.findall(joined))
    core["model"]["vocab"] += [[piece, WORD_SCORE] for piece in sorted(new - there)]
    return as_fast_tokenizer(Tokenizer.from_str(json.dumps(core)), unk_token=UNKNOWN)


def as_fast_tokenizer(core: Tokenizer, **tokens: str) -> PreTrainedTokenizerFast:
    """What transformers loads: puts ``<s>`` in front of a text, and pads on the left."""
    core.post_processor = processors.TemplateProcessing(
        single=f"{SEPARATOR} $A", pair=f"{SEPARATOR} $A $B", special_tokens=[(SEPARATOR, core.token_to_id(SEPARATOR))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=SEPARATOR,
        eos_token=SEPARATOR,
        pad_token=PADDING,
        model_max_length=512,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        **tokens,
    )

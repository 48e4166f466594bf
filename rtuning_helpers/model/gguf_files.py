"""GGUF files: read by transformers, checked, and written as a model folder that everything else can load.

transformers loads a GGUF file into float32, but can neither save what it has loaded nor quantise it while loading. So
the weights go into the same model under a configuration that knows nothing of GGUF.
"""

import contextlib
import io
import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PretrainedConfig, PreTrainedModel

from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import write_json
from rtuning_helpers.model.libraries import quiet_transformers, reason
from rtuning_helpers.progress import progress_bar

CONVERSION = "conversion.json"
CONTROL = 3  # type of a token that is no text
# Tokens that end a text or a turn, by which llama.cpp knows them where a file names only one of them.
ENDS = (
    *("<|endoftext|>", "<|im_end|>", "<end_of_turn>", "<eos>", "</s>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"),
    *("<|end|>", "<|return|>", "<|call|>", "<EOT>", "[EOT]", "[EOS]", "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>"),
)
END_FIELDS = ("eos", "eot", "eom")
LARGEST_GEMMA = {"gemma2": 46, "gemma3_text": 62}  # layers of the two with 27 billion weights


def convert_gguf(file: Path, name: str, sha256: str, folder: Path) -> None:
    """Write a GGUF file's model and tokenizer into an empty folder, the weights in float32 as safetensors.

    Args:
        file: The file.
        name: What the user called it.
        sha256: Its SHA-256, to be recorded.
        folder: Where the model goes.

    Raises:
        InputError: The package ``gguf`` is not installed; or the file is cut short, of an architecture that
            transformers does not read, without a tokenizer, or holds what would not be read.
    """
    if find_spec("gguf") is None:
        raise InputError(
            f"parameter model {name}: GGUF files are read by the package gguf, which is not installed; expected it to "
            "be, by `pip install gguf`"
        )
    with progress_bar(3, "converting GGUF", "part") as bar, tempfile.TemporaryDirectory() as alone:
        _put_alone(file, Path(alone) / "model.gguf")  # no other file lies beside it, to be mixed in
        found = {"pretrained_model_name_or_path": alone, "gguf_file": "model.gguf"}
        try:
            header = _Header(file, name)
            bar.update(1)
            with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):  # for bars that cannot be turned off
                tokenizer = cast(Any, AutoTokenizer).from_pretrained(**found)
                model, loaded = cast(Any, AutoModelForCausalLM).from_pretrained(
                    **found,
                    dtype=torch.float32,
                    output_loading_info=True,
                    **_unpacked(),
                )
            bar.update(1)
            header.check_complete(model, loaded["missing_keys"])
            header.correct(model.config)
            plain = _plain(model)
            plain.generation_config = GenerationConfig.from_model_config(plain.config)
            plain.generation_config.eos_token_id = header.ends(tokenizer) or None
            with quiet_transformers():
                plain.save_pretrained(folder)
                tokenizer.save_pretrained(folder)
        except InputError:
            raise
        except Exception as error:  # whatever a library makes of a file that is not as it should be
            raise InputError(f"parameter model {name}: cannot be read as GGUF ({reason(error)})") from None
        versions = {package: version(package) for package in ("transformers", "gguf")}
        write_json(folder / CONVERSION, {"file": Path(name).name, "sha256": sha256, **versions})


def _put_alone(file: Path, place: Path) -> None:
    """Have a file under another path too, without copying it where the system allows (Windows may allow no link)."""
    for put in (os.symlink, os.link, shutil.copyfile):
        try:
            put(file.absolute(), place)
            return
        except OSError:
            if put is shutil.copyfile:
                raise


def _unpacked() -> dict[str, Any]:
    """Of transformers that can keep weights in GGUF's blocks: not to."""
    settings = getattr(transformers, "GgufConfig", None)
    return {} if settings is None else {"quantization_config": settings(dequantize=True)}


def _plain(model: PreTrainedModel) -> PreTrainedModel:
    """The same model, with the same weights, that does not know where they came from."""
    config = model.config
    for trace in ("quantization_config", "_model_name_or_path"):
        if hasattr(config, trace):
            delattr(config, trace)
    with torch.device("meta"):
        plain = type(model)(config)
    plain.load_state_dict(model.state_dict(), assign=True)
    plain.tie_weights()
    return plain


class _Header:
    """What a GGUF file says of its model."""

    def __init__(self, file: Path, name: str) -> None:
        from gguf import GGUFReader

        self.name = name
        if file.open("rb").read(4) != b"GGUF":
            raise InputError(f"parameter model {name}: no GGUF file, its first bytes are others; expected one")
        try:
            self.reader = GGUFReader(file)
        except Exception as error:  # what numpy makes of a file that ends too early
            raise InputError(
                f"parameter model {name}: no whole GGUF file of {file.stat().st_size:,} bytes ({reason(error)}); it "
                "may have been cut short"
            ) from None
        self.architecture = str(self.value("general.architecture"))
        if int(self.value("split.count") or 1) > 1:
            raise InputError(
                f"parameter model {name}: one of {self.value('split.count')} files of a model; expected them "
                "merged, as llama-gguf-split does"
            )
        if self.value("tokenizer.ggml.model") is None or "tokenizer.ggml.tokens" not in self.reader.fields:
            raise InputError(
                f"parameter model {name}: holds no tokenizer; expected tokenizer.ggml.model and tokenizer.ggml.tokens"
            )

    def value(self, key: str) -> Any:
        """A field's content, None where there is no such field."""
        field = self.reader.get_field(key)
        return None if field is None else field.contents()

    def own(self, key: str) -> Any:
        """As `value`, for a field of the file's architecture."""
        return self.value(f"{self.architecture}.{key}")

    def ends(self, tokenizer: Any) -> list[int]:
        """Ids of all tokens that end a text or a turn."""
        named = [self.value(f"tokenizer.ggml.{end}_token_id") for end in END_FIELDS]
        types = self.value("tokenizer.ggml.token_type") or []
        vocabulary = tokenizer.get_vocab()
        known = [vocabulary[end] for end in ENDS if end in vocabulary]
        controls = [i for i in known if i < len(types) and types[i] == CONTROL]
        return sorted({int(i) for i in [*named, *controls] if i is not None})

    def check_complete(self, model: PreTrainedModel, missing: set[str]) -> None:
        """See to it that every weight of the model comes from the file, and every weight of the file is read."""
        if missing:
            raise InputError(
                f"parameter model {self.name}: {len(missing)} of the weights that its architecture "
                f"{self.architecture} asks for are not in it, such as {min(missing)}; expected all"
            )
        tied = model.config.tie_word_embeddings
        passed_over = {"rope_freqs.weight"} | ({"output.weight"} if tied else set())
        held = sum(int(tensor.n_elements) for tensor in self.reader.tensors if tensor.name not in passed_over)
        read = sum(weight.numel() for weight in model.parameters())
        buffers = sum(state.numel() for key, state in model.state_dict().items() if key in dict(model.named_buffers()))
        if held not in (read, read + buffers):
            raise InputError(
                f"parameter model {self.name}: it holds {held:,} weights, and transformers reads {read:,} of them; "
                f"expected a file of which all are read, by transformers' {type(model).__name__}"
            )

    def correct(self, config: PretrainedConfig) -> None:
        """Put into a configuration what transformers does not take from the file: how positions are scaled.

        Llama 3's frequencies come as factors, one each: a long rope with the same factors for short and long texts. The
        largest models of Gemma scale attention by the width of a head in another sense than the small ones, which is
        not in the file; llama.cpp knows them by their number of layers.
        """
        rope: Any = config.rope_parameters if hasattr(config, "rope_parameters") else None
        plain = rope.get("full_attention", rope) if rope else {}  # Gemma-3 scales those layers only
        kind = self.own("rope.scaling.type")
        factors = next((t.data for t in self.reader.tensors if t.name == "rope_freqs.weight"), None)
        if factors is not None and "rope_theta" in plain:
            factor = [float(number) for number in factors.flatten()]
            length = config.max_position_embeddings
            plain |= {"rope_type": "longrope", "short_factor": factor, "long_factor": factor, "attention_factor": 1.0}
            plain |= {"factor": 1.0, "original_max_position_embeddings": length}
        elif kind not in (None, "none") and plain.get("rope_type", "default") == "default":
            if kind != "linear" or "rope_theta" not in plain:
                raise InputError(
                    f"parameter model {self.name}: its positions are scaled in the way {kind!r}, which transformers "
                    f"does not read from a file of the architecture {self.architecture}; expected linear or none"
                )
            plain |= {"rope_type": "linear", "factor": float(self.own("rope.scaling.factor"))}
        if LARGEST_GEMMA.get(str(config.model_type)) == config.num_hidden_layers:
            config.query_pre_attn_scalar = config.hidden_size // config.num_attention_heads

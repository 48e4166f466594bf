"""LoRA adapters of others: put on a model, or added to its weights."""

import hashlib
import json
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.model.libraries import quiet_transformers, reason

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_LAYER = re.compile(r"\.\d+\.")
TUNED, GIVEN = "default", "given"  # peft's names of the adapter that the kit tunes, and of one that a user brings


def adapter_revision(folder: Path) -> str:
    """SHA-256 over an adapter's configuration and weights.

    Raises:
        InputError: One of them is missing.
    """
    check_files(folder)
    digest = hashlib.sha256()
    for file in (CONFIG, WEIGHTS):
        digest.update(f"{file} {file_sha256(folder / file)}\n".encode())
    return digest.hexdigest()


def check_files(folder: Path) -> None:
    """See to it that a folder holds an adapter.

    Raises:
        InputError: There is no such folder, or a file is not in it.
    """
    if not folder.is_dir():
        raise InputError(f"adapter {folder}: no such folder; expected a LoRA adapter as peft saves it")
    if not (folder / CONFIG).is_file():
        raise InputError(f"adapter {folder}: no {CONFIG} in it; expected a LoRA adapter as peft saves it")
    if not (folder / WEIGHTS).is_file():
        raise InputError(f"adapter {folder}: no {WEIGHTS} in it; expected weights in safetensors format")


def put_on(model: Any, adapter: Path, name: str, called: str = TUNED) -> Any:
    """A model with a LoRA adapter, beside another one if it has one already.

    Args:
        model: The model, bare or with an adapter.
        adapter: The adapter's folder.
        name: What the user calls the model.
        called: peft's name for the adapter.

    Raises:
        InputError: The adapter is no LoRA adapter, or not of such a model.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    check_files(adapter)
    own = {layer for layer, _ in (model.get_base_model() if isinstance(model, PeftModel) else model).named_modules()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(model, PeftModel):
                model.load_adapter(str(adapter), called)
                adapted = model
            else:
                adapted = PeftModel.from_pretrained(model, adapter, adapter_name=called)
        with safe_open(adapter / WEIGHTS, "pt") as weights:
            saved = {key for key in weights.keys() if "lora_" in key}  # noqa: SIM118, it has no __iter__
        odd = saved ^ {key for key in get_peft_model_state_dict(adapted, adapter_name=called) if "lora_" in key}
    except Exception as error:  # whatever a library makes of a file that is not as it should be
        differs = [line.strip() for line in str(error).splitlines() if "size mismatch" in line]
        raise InputError(
            f"adapter {adapter}: does not fit model {name} ({differs[0] if differs else reason(error)})"
        ) from None
    if odd:  # peft loads what fits and is silent about the rest
        raise InputError(
            f"adapter {adapter}: does not fit model {name} ({len(odd)} of its layers are in one of them only, such as "
            f"{min(odd)})"
        )
    covered = {key.removeprefix("base_model.model.").partition(".lora_")[0] for key in saved}
    kinds = {_LAYER.sub(".*.", layer) for layer in covered}
    lacking = {layer for layer in own - covered if _LAYER.sub(".*.", layer) in kinds}
    one_by_one = getattr(adapted.peft_config[called], "layers_to_transform", None) is not None  # it names its layers
    if lacking and not one_by_one:
        raise InputError(
            f"adapter {adapter}: does not fit model {name} ({len(lacking)} of the model's layers are not in it, such "
            f"as {min(lacking)})"
        )
    return adapted  # it hands on all that the model has


def check_stackable(adapter: Path) -> None:
    """See to it that another adapter can be tuned and used beside this one.

    Raises:
        InputError: It is no LoRA adapter, or also one of whole layers or weights.
    """
    check_files(adapter)
    try:
        settings = dict(json.loads((adapter / CONFIG).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"adapter {adapter}: {CONFIG} is no JSON object ({error}); expected peft's") from None
    if (kind := settings.get("peft_type")) != "LORA":
        raise InputError(f"adapter {adapter}: is of the kind {kind}; expected LORA")
    for key in ("modules_to_save", "target_parameters"):
        if layers := settings.get(key):
            raise InputError(
                f"adapter {adapter}: has {key} ({', '.join(map(str, layers))}), beside which no other adapter can be "
                "tuned; expected it to be merged into the model"
            )


def use_together(model: Any, trained: Iterable[str] = ()) -> None:
    """Add up all adapters of a model, and train only those named."""
    model.base_model.set_adapter(list(model.peft_config))
    for name, weight in model.named_parameters():
        weight.requires_grad = any(f".{adapter}." in name for adapter in trained) and "lora_" in name


def write_merged(location: str, commit: str, adapter: Path, name: str, folder: Path) -> None:
    """Add an adapter to a model's weights, and write that model, of the type that it was stored in, and its tokenizer.

    Args:
        location: Folder or hub name of the model.
        commit: Revision on the hub.
        adapter: The adapter's folder.
        name: What the user calls the model.
        folder: Where the merged model goes.

    Raises:
        InputError: The model cannot be loaded, or the adapter is not of such a model.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    how = {"revision": commit, "use_safetensors": True, "output_loading_info": True}
    try:
        with quiet_transformers():
            model, loaded = cast(Any, AutoModelForCausalLM).from_pretrained(location, dtype="auto", **how)
            tokenizer = AutoTokenizer.from_pretrained(location, revision=commit)
    except Exception as error:  # whatever a library makes of a file that is not as it should be
        raise InputError(f"parameter model {name}: cannot be loaded ({reason(error)})") from None
    if lacking := sorted(loaded["missing_keys"]):
        raise InputError(
            f"parameter model {name}: {len(lacking)} of the weights that its config.json asks for are not in its "
            f"files, such as {lacking[0]}; expected all"
        )
    stored = model.dtype
    adapted = put_on(model.to(torch.float32), adapter, name)
    with quiet_transformers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted.merge_and_unload(safe_merge=True).to(stored).save_pretrained(folder)
        tokenizer.save_pretrained(folder)

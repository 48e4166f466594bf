"""LoRA on all linear layers, as far as peft goes along; found out on a model without weights."""

import copy
import re
import warnings
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.libraries import quiet_transformers, reason


def lora_config(config: PretrainedConfig, rank: int) -> LoraConfig:
    """LoRA on all linear layers but the output layer, alpha twice the rank (Dettmers et al. 2023).

    What is not adapted: layers that peft refuses for a kind of model (the output projections of Mamba, whose weights
    its kernels read themselves), and those that are more than linear (the router of Llama 4, which gives a pair).

    Raises:
        InputError: peft refuses the model altogether.
    """
    return without_weights_adapted(config, rank)[1]


def without_weights(config: PretrainedConfig) -> PreTrainedModel:
    """A model of this configuration on torch's ``meta`` device; no random number is drawn for it.

    Raises:
        InputError: It is none of a causal language model.
    """
    bare = copy.deepcopy(config)
    if hasattr(bare, "quantization_config"):
        del bare.quantization_config
    with torch.random.fork_rng(devices=[]), torch.device("meta"), quiet_transformers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cast(Any, AutoModelForCausalLM).from_config(bare)
        except Exception as error:  # whatever a library makes of a configuration that is not as it should be
            raise InputError(
                f"parameter model of the type {config.model_type}: no causal language model ({reason(error)[:120]})"
            ) from None


def without_weights_adapted(config: PretrainedConfig, rank: int) -> tuple[PeftModel, LoraConfig]:
    """A model as of `without_weights` with LoRA, and the configuration that gives it."""
    refused = _more_than_linear(without_weights(config))
    while True:
        model, lora = without_weights(config), _all_linear(rank, refused)
        try:
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cast(PeftModel, get_peft_model(model, lora)), _all_linear(rank, refused)
        except ValueError as error:
            named = re.search(r"Module '(\w+)' is incompatible", str(error))
            if named is None or named[1] in refused:
                raise InputError(
                    f"parameter model of the type {config.model_type}: peft does not put LoRA beside its linear layers "
                    f"({reason(error)}); expected another model, or a profile that tunes all weights"
                ) from None
            refused.append(named[1])


def _more_than_linear(model: PreTrainedModel) -> list[str]:
    """Last part of the names of layers that are of a kind derived from the linear one."""
    derived = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and type(module) is not torch.nn.Linear
    }
    return sorted(derived)


def _all_linear(rank: int, refused: list[str]) -> LoraConfig:
    return LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        exclude_modules=list(refused) or None,
        task_type="CAUSAL_LM",
    )

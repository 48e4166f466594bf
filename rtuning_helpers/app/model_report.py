"""What can be said of a model: its size, what LoRA and 4 bits take in, the memory it needs, and how it is read."""

from rtuning_helpers.app.doctor import GIB, Finding, knobs_in_words, memory_gib
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.adapters import check_stackable, put_on
from rtuning_helpers.model.chat import chat_frame
from rtuning_helpers.model.device import default_device
from rtuning_helpers.model.device import memory_gib as device_memory_gib
from rtuning_helpers.model.language_model import context_length, load_language_model, load_tokenizer, model_config
from rtuning_helpers.model.lora import without_weights
from rtuning_helpers.model.model_names import parse_model
from rtuning_helpers.model.tuning_memory import WIDTHS
from rtuning_helpers.model.weight_shares import WeightShares, weight_shares
from rtuning_helpers.run.profiles import CHAT, FEW_SHOT, PLAIN, Profile, RunConfig

MEMORY = "model's memory"
TOLD_FROM = 0.05  # share of the weights that stays out, from which on it is told without being asked


def examine_model(config: RunConfig) -> list[Finding]:
    """Look at a run's model, and load it if it fits into memory.

    Raises:
        InputError: It is none, or peft refuses it, or it cannot be read (`cache_kind.examine`).
    """
    settings = config.settings
    shares, context = _look(settings)
    words = f"{shares.total / 1e6:,.1f} million weights" + ("" if context is None else f", reads {context:,} tokens")
    found = [Finding("model", None, f"{settings.model}: {words}")]
    if settings.tuning != "full":
        found.append(Finding("model's LoRA", None, shares.lora_sentence()))
    if settings.four_bit:
        found.append(Finding("model in 4 bits", None, shares.four_bit_sentence()))
    found.append(Finding("model's styles", None, _styles(settings)))
    needed, there = _needed(shares, settings), _available(settings)
    detail = f"at least {needed:.1f} GiB to tune it with profile {config.profile}, activations aside"
    found.append(Finding(MEMORY, needed <= there, f"{detail}; has {there:.1f}"))
    if default_device().type != "cpu":
        found.append(Finding("model's knobs", None, knobs_in_words(config)))
    if needed <= there:
        lm = load_language_model(
            settings.model, revision=settings.revision, dtype=settings.dtype, four_bit=settings.four_bit
        )
        found.append(Finding("model's batches", None, f"{type(lm.model).__name__}, read {lm.cache_kind}"))
    return found


def check_model(config: RunConfig) -> list[str]:
    """See to it that a run's model can be tuned here.

    Returns:
        What its user should know: weights that stay out of LoRA or 4 bits, where they are many.

    Raises:
        InputError: peft refuses it, or its weights alone take more memory than there is.
    """
    settings = config.settings
    shares, _ = _look(settings)
    needed, there = _needed(shares, settings), _available(settings)
    if needed > there:
        raise InputError(
            f"parameter model {settings.model}: takes at least {needed:.1f} GiB of memory with profile "
            f"{config.profile}, and there are {there:.1f}; expected a smaller model or a larger machine"
        )
    told = []
    if settings.tuning != "full" and sum(shares.without_lora.values()) > TOLD_FROM * shares.total:
        told.append(f"model: {shares.lora_sentence()}")
    if settings.four_bit and sum(shares.not_rounded.values()) > TOLD_FROM * shares.total:
        told.append(f"model: {shares.four_bit_sentence()}")
    return told


def tuning_needs(config: RunConfig) -> tuple[float, float]:
    """What one tuning of a run's model takes at least: memory, and disk for what is tuned [GiB]."""
    settings = config.settings
    shares, _ = _look(settings)
    if settings.tuning == "full":
        return _needed(shares, settings), shares.total * WIDTHS[settings.dtype] / GIB
    return _needed(shares, settings), shares.trained * WIDTHS["float32"] / GIB


def check_adapter(config: RunConfig) -> None:
    """See to it that an adapter that stays beside the run's model fits it, and leaves room for the one to be tuned.

    Raises:
        InputError: It does not.
    """
    settings, named = config.settings, parse_model(config.settings.model)
    if named.adapter is None or named.merged:
        return
    if settings.tuning != "full":
        check_stackable(named.adapter)
    put_on(without_weights(model_config(settings.model, settings.revision)), named.adapter, named.base)


def _look(settings: Profile) -> tuple[WeightShares, int | None]:
    config = model_config(settings.model, settings.revision)
    return weight_shares(config, max(settings.lora_rank, 1)), context_length(config)


def _styles(settings: Profile) -> str:
    try:
        chat_frame(load_tokenizer(settings.model, settings.revision), settings.model)
    except InputError as error:
        return f"{PLAIN}, {FEW_SHOT}; {error}"
    return f"{PLAIN}, {FEW_SHOT}, {CHAT}"


def _needed(shares: WeightShares, settings: Profile) -> float:
    return shares.memory_gib(settings.dtype, settings.tuning, packed=settings.needs_gpu)


def _available(settings: Profile) -> float:
    """Memory of what the profile tunes on [GiB]."""
    if default_device().type == "cpu" and not settings.needs_gpu:
        return memory_gib()
    return device_memory_gib(default_device())

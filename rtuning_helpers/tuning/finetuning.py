"""Fine-tuning: QLoRA (4-bit base, LoRA on all linear layers), LoRA, or all weights, with transformers' Trainer."""

import contextlib
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import psutil
import torch
from peft import PeftModel, get_peft_model
from tqdm import tqdm
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, TrainingArguments, set_seed
from transformers.utils import is_flash_attn_2_available

from rtuning_helpers import ranks
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.adapters import GIVEN, TUNED, check_stackable, put_on, use_together
from rtuning_helpers.model.device import default_device, peak_memory
from rtuning_helpers.model.language_model import check_embedded, load_base_model, load_tokenizer
from rtuning_helpers.model.lora import lora_config
from rtuning_helpers.model.model_files import model_location
from rtuning_helpers.model.model_names import parse_model
from rtuning_helpers.model.out_of_memory import forget_what_failed, is_out_of_memory
from rtuning_helpers.model.tuning_memory import shape_of
from rtuning_helpers.model.weight_shares import is_fused, weight_shares
from rtuning_helpers.processes import memory_given_back
from rtuning_helpers.progress import progress_bar
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.batches import first_label, left_padded
from rtuning_helpers.tuning.encoding import encode_records
from rtuning_helpers.tuning.kernels import fastest_float32, fastest_type
from rtuning_helpers.tuning.knobs import Knobs, choose_knobs, room_after_loading
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.shared_beginning import is_read_alike, shared_tokens
from rtuning_helpers.tuning.trainer import LabelTrainer, own_part, read_interrupted, shared_batches

PACKED = "Params4bit"  # bitsandbytes' class


@dataclass(frozen=True)
class TrainingLog:
    """What a fine-tuning run did and what it took.

    Attributes:
        steps: Optimiser steps.
        examples: Training examples.
        trainable_parameters: Weights that were trained.
        all_parameters: Weights of the model, adapter included.
        dtype: Type of computation.
        knobs: How a step's examples were read, in words.
        weights: What LoRA adapts and what is stored in 4 bits, in words; empty where all weights are tuned.
        model_mib: Memory of the weights as loaded [MiB].
        peak_mib: Peak memory of the GPU, or resident memory of the process where there is none [MiB].
        seconds: Wall time of training, without what was lost by an interruption [s].
        losses: (step, mean loss since the last entry [nats per completion token]).
    """

    steps: int
    examples: int
    trainable_parameters: int
    all_parameters: int
    dtype: str
    weights: list[str]
    knobs: str
    model_mib: float
    peak_mib: float
    seconds: float
    losses: list[tuple[int, float]]


def load_trainable_model(settings: Profile, packed: bool | None = None) -> PreTrainedModel:
    """The profile's model, made ready for its kind of tuning; QLoRA and LoRA models carry a fresh adapter.

    An adapter that the user brings stays as it is beside the fresh one; where all weights are tuned, it is in them.

    ``packed`` is that of `language_model.load_base_model`.

    Raises:
        InputError: Unknown kind of tuning.
    """
    if settings.tuning not in ("qlora", "lora", "full"):
        raise InputError(f"tuning is {settings.tuning!r}; expected qlora, lora or full")
    location, given = model_location(settings.model), parse_model(settings.model)
    kept = given.adapter if not given.merged else None
    model = load_base_model(location, settings.revision, tuning_type(settings), settings.four_bit, packed)
    if settings.tuning == "full":
        return model if kept is None else put_on(model, kept, given.base).merge_and_unload().requires_grad_()
    with warnings.catch_warnings():  # peft calls transformers by names that are about to change
        warnings.simplefilter("ignore", FutureWarning)
        if getattr(model, "is_loaded_in_4bit", False):
            _make_ready(model)
        lora = lora_config(model.config, settings.lora_rank)
        if kept is None:
            adapted = get_peft_model(model, lora)
        else:
            check_stackable(kept)
            adapted = put_on(model, kept, given.base, GIVEN)
            adapted.add_adapter(TUNED, lora)
            use_together(adapted, trained=[TUNED])
    return cast(PreTrainedModel, adapted)  # it hands on all that the model has


def tuning_type(settings: Profile) -> str:
    """Type of computation while a profile's model is tuned here."""
    if settings.tuning == "full" or settings.tuning_dtype is None or default_device().type != "cpu":
        return settings.dtype
    return fastest_type() if settings.tuning_dtype == "fastest" else settings.tuning_dtype


def _make_ready(model: PreTrainedModel) -> None:
    """Freeze a model in 4 bits, and turn what is not rounded into float32, such as embeddings and norms.

    As peft's prepare_model_for_kbit_training, which turns fused experts too: most weights of a mixture of experts.
    """
    for name, weight in model.named_parameters():
        weight.requires_grad = False
        packed = weight.__class__.__name__ == PACKED  # whose type says nothing where processes part them
        if weight.dtype in (torch.float16, torch.bfloat16) and not packed and not is_fused(name, weight):
            weight.data = weight.data.float()


def finetune(
    records: Sequence[TuningRecord],
    settings: Profile,
    out: Path,
    *,
    seed: int = 0,
    loss_on: str = "completion",
    packed: bool | None = None,
    description: str = "fine-tuning",
    callbacks: Sequence[TrainerCallback] = (),
    place: Unfinished | None = None,
) -> TrainingLog:
    """Fine-tune the profile's model on the records and save the adapter (or the full model) as safetensors.

    Args:
        records: Training records.
        settings: Model, kind of tuning, and schedule.
        out: Folder for the adapter.
        seed: Seed of the adapter's first weights and of the order of the examples.
        loss_on: ``"completion"`` (paper section 2.3) or ``"all"`` (as the released code does).
        packed: Whether QLoRA's base stays stored in 4 bits, see `language_model.load_base_model`.
        description: Text beside the progress bar.
        callbacks: What else is to happen at the trainer's events, such as looking at the model on the way.
        place: Where to save about once a minute how far it has come, and to go on from, if something is there.

    Raises:
        InputError: No records, or records that do not fit into ``settings.max_length``.
    """
    tokenizer = load_tokenizer(settings.model, settings.revision)
    encoded = encode_records(tokenizer, records, settings.max_length, loss_on)
    how: dict[str, Any] = {"seed": seed, "packed": packed, "description": description, "callbacks": callbacks}
    return finetune_encoded(encoded, settings, out, **how, place=place)


@memory_given_back()
def finetune_encoded(
    encoded: Sequence[dict[str, list[int]]],
    settings: Profile,
    out: Path,
    *,
    seed: int = 0,
    packed: bool | None = None,
    description: str | None = "fine-tuning",
    callbacks: Sequence[TrainerCallback] = (),
    place: Unfinished | None = None,
) -> TrainingLog:
    """As `finetune`, on sequences of ``input_ids`` and ``labels`` that are made already; at least one.

    Where memory runs out, it starts again from what was saved last, with fewer examples in a pass and more passes in a
    step: what is learnt stays the same.
    """
    knobs: Knobs | None = None
    while True:
        interrupted = read_interrupted(place) if place else None
        if place and interrupted is None and ranks.is_first():
            place.remove()
        if interrupted:  # what was fastest then
            settings = replace(settings, tuning_dtype=interrupted["dtype"])
        set_seed(seed)
        model = load_trainable_model(settings, packed)
        check_embedded(model, (("a training record", row["input_ids"]) for row in encoded))
        if knobs is None:
            knobs = _choose(model, settings, encoded, description)
        progress = _Progress(description)
        try:
            with contextlib.closing(progress):
                shown = [progress, *callbacks]
                return _train(model, encoded, settings, knobs, out, seed, shown, place, interrupted)
        except RuntimeError as error:
            if not is_out_of_memory(error) or ranks.count() > 1:  # the others would wait for this one
                raise
        del model  # the handler is left, so that nothing holds on to what it took
        smaller = knobs.smaller()
        if smaller is None:
            raise InputError(
                f"parameter model {settings.model}: memory ran out while tuning with 1 example at a time; expected a "
                "smaller model, shorter examples, or a device with more memory"
            )
        forget_what_failed(f"{description or 'fine-tuning'}: memory ran out with {knobs}; going on with {smaller}")
        knobs = smaller


def _choose(
    model: PreTrainedModel, settings: Profile, encoded: Sequence[dict[str, list[int]]], description: str | None
) -> Knobs:
    """The knobs for a model that is loaded, for all processes together; on a GPU they are printed."""
    device, kernel = model.device, str(model.config._attn_implementation)
    if device.type == "cuda" and settings.dtype != "float32" and is_flash_attn_2_available():
        with contextlib.suppress(Exception):  # not every model and GPU takes it
            model.set_attn_implementation("flash_attention_2")
            kernel = "flash_attention_2"
    longest = max(len(row["input_ids"]) for row in encoded)
    predicted = max(len(row["labels"]) - first_label(row["labels"]) for row in encoded)
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    room = room_after_loading(settings, trained // (ranks.count() if ranks.part_weights() else 1), device)
    knobs = ranks.decided(lambda: choose_knobs(settings, shape_of(model.config), longest, predicted, room, kernel))
    batch_size, accumulation = shared_batches(knobs.batch_size, knobs.accumulation)
    knobs = replace(knobs, batch_size=batch_size, accumulation=accumulation)
    if room is not None and ranks.is_first():
        tqdm.write(f"{description or 'fine-tuning'}: {knobs}, {longest} tokens at most", file=sys.stderr)
    return knobs


def _train(
    model: PreTrainedModel,
    encoded: Sequence[dict[str, list[int]]],
    settings: Profile,
    knobs: Knobs,
    out: Path,
    seed: int,
    callbacks: Sequence[TrainerCallback],
    place: Unfinished | None,
    interrupted: dict[str, Any] | None,
) -> TrainingLog:
    model_mib, loaded_as = model.get_memory_footprint() / 2**20, model.dtype
    trainable, whole = sum(p.numel() for p in model.parameters() if p.requires_grad), _true_size(model)
    device, dtype = model.device, tuning_type(settings)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    pad = load_tokenizer(settings.model, settings.revision).pad_token_id
    shared = 0  # tokens that a batch begins with
    with tempfile.TemporaryDirectory() as scratch, _quiet_libraries():
        trainer = LabelTrainer(
            model=model,
            args=TrainingArguments(
                output_dir=scratch,
                per_device_train_batch_size=knobs.batch_size,
                gradient_accumulation_steps=knobs.accumulation,
                num_train_epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                optim=_optimiser(settings, device),
                lr_scheduler_type="linear",
                gradient_checkpointing=knobs.checkpointing,
                gradient_checkpointing_kwargs={"use_reentrant": False},  # the other kind wants inputs with gradients
                fp16=dtype == "float16",
                bf16=dtype == "bfloat16",
                use_cpu=device.type == "cpu",
                remove_unused_columns=False,  # `left_padded` makes the model's inputs
                logging_steps=0.025,  # of all steps: 40 points on the loss curve
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
                ddp_find_unused_parameters=False,  # all that is trained is used in every pass
                dataloader_pin_memory=device.type == "cuda",
                seed=seed,
            ),
            data_collator=lambda rows: left_padded(own_part(rows), pad, shared),
            train_dataset=list(encoded),
            callbacks=list(callbacks),
            place=place,
            interrupted=interrupted,
        )
        trainer.remove_callback(PrinterCallback)
        with fastest_float32() if device.type == "cpu" else contextlib.nullcontext(False) as onednn:
            if onednn:  # its many small products are slow within the fused attention
                model.set_attn_implementation("eager")
                knobs = replace(knobs, attention="eager")
            if settings.tuning != "full" and ranks.count() == 1 and not knobs.checkpointing and knobs.batch_size > 1:
                shared = _shared_tokens(trainer, encoded, pad)
            seconds = trainer.go()
        _save(model, trainer, out, loaded_as)
    peak = peak_memory(device)
    return TrainingLog(
        steps=trainer.state.global_step,
        examples=len(encoded),
        trainable_parameters=trainable,
        all_parameters=whole,
        dtype=dtype,
        weights=_in_words(model, settings),
        knobs=str(knobs),
        model_mib=model_mib,
        peak_mib=(psutil.Process().memory_info().rss if peak is None else peak) / 2**20,
        seconds=seconds,
        losses=[(int(entry["step"]), entry["loss"]) for entry in trainer.state.log_history if "loss" in entry],
    )


def _shared_tokens(trainer: LabelTrainer, encoded: Sequence[dict[str, list[int]]], pad: int) -> int:
    """How many tokens of the examples' beginning are read once in a batch; tried with the shortest and the longest."""
    shared, by_length = shared_tokens(encoded), sorted(encoded, key=lambda row: len(row["input_ids"]))
    some = [by_length[0], by_length[-1]]

    def loss_of(once: bool) -> torch.Tensor:
        return trainer.loss_of(left_padded(some, pad, shared if once else 0))

    return shared if shared and is_read_alike(cast(PreTrainedModel, trainer.model), loss_of) else 0


def _optimiser(settings: Profile, device: torch.device) -> str:
    """QLoRA's where it can be had: bitsandbytes knows nothing of weights of which each process has a part."""
    eight_bit = device.type == "cuda" and settings.four_bit and not ranks.part_weights()
    return "paged_adamw_8bit" if eight_bit else "adamw_torch_fused"


def _save(model: PreTrainedModel, trainer: LabelTrainer, out: Path, dtype: torch.dtype) -> None:
    """Save the adapter that was tuned, and not one that was there, or all weights; of several processes the first."""
    how: dict[str, Any] = {"selected_adapters": [TUNED]} if isinstance(model, PeftModel) else {}
    if trainer.is_fsdp_enabled:
        how["state_dict"] = _as_loaded(model, trainer.tuned_weights(), dtype)
    if ranks.is_first():
        model.save_pretrained(out, safe_serialization=True, **how)


def _as_loaded(model: PreTrainedModel, weights: dict[str, torch.Tensor], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """All weights in the type of the model, since accelerate tunes float32 ones, each once; or those of an adapter."""
    if isinstance(model, PeftModel):
        return weights
    return {name: w.to(dtype) for name, w in weights.items() if name not in model.all_tied_weights_keys}


def _in_words(model: PreTrainedModel, settings: Profile) -> list[str]:
    if settings.tuning == "full":
        return []
    shares = weight_shares(model.config, settings.lora_rank)
    return [shares.lora_sentence(), *([shares.four_bit_sentence()] if settings.four_bit else [])]


def _true_size(model: PreTrainedModel) -> int:
    """Number of weights; a 4-bit layer packs two into a byte."""
    return sum(p.numel() * (2 * p.element_size() if p.__class__.__name__ == PACKED else 1) for p in model.parameters())


class _Progress(TrainerCallback):
    """One progress bar over all optimiser steps, gone when training is done."""

    def __init__(self, description: str | None) -> None:
        self.description, self.bar = description, progress_bar(0, None)

    def close(self) -> None:
        """Take the bar away, also where training did not come to its end."""
        self.bar.close()

    def on_train_begin(self, args, state, control, **kwargs):
        self.bar = progress_bar(state.max_steps, self.description, "step", done=state.global_step)

    def on_step_end(self, args, state, control, **kwargs):
        self.bar.update(1)

    def on_train_end(self, args, state, control, **kwargs):
        self.bar.close()


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep the trainer's log lines out of the reader's page; errors still come through."""
    levels = {log: log.level for log in map(logging.getLogger, ("transformers", "accelerate", "bitsandbytes"))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in levels:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in levels.items():
                logger.setLevel(level)


if __name__ == "__main__":  # by its name, since it stands above: accelerate launch -m ... --config GRID.yaml
    sys.exit(import_module("rtuning_helpers.app.together").main("tuning"))

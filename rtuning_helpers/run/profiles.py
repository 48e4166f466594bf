"""Which model, how large, on what machine: one table of profiles, and the settings of one run."""

import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from rtuning_helpers.data.registry import find_dataset
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.model_files import MINI, MINI_TASKS
from rtuning_helpers.model.named_device import DEVICE, GIVEN_UP, wants_mps

MIXTURE = "multitask"
STYLES = PLAIN, FEW_SHOT, CHAT, AUTO = "plain", "few-shot", "chat", "auto"
SHOTS = 5
FITTING = "fitting"
_NUMBERS = {"seed": 0, "limit": 0, "shots": 1, "permutations": 1}  # the smallest that will do


@dataclass(frozen=True)
class Profile:
    """Everything that depends on the size of the machine.

    Attributes:
        model: ``"mini"``, or a name on the Hugging Face hub; ungated models only.
        revision: Branch, tag or commit on the hub.
        dtype: Type of computation.
        style: In which style questions are asked where a run does not say (`RunConfig`).
        tuning_dtype: The same while LoRA is tuned on a CPU: ``"fastest"`` for what this processor computes fastest
            (`kernels.fastest_type`); by default `dtype`. The adapter itself is float32.
        tuning: ``"qlora"`` (4-bit base with LoRA), ``"lora"``, ``"full"``, or `FITTING`: what the GPU has room for,
            with a `max_length` that it has room for (`gpu_choices`).
        needs_gpu: Whether a CUDA GPU is required.
        gpu_memory_gib: Memory of the GPU that the profile is meant for [GiB].
        batch_size: Examples in one forward pass of training on a CPU.
        accumulation: Forward passes in one optimiser step; a GPU cuts its examples as its memory allows (`knobs`).
        answer_batch: Questions answered at the same time; fewer where memory runs out.
        learning_rate: Peak learning rate.
        epochs: Passes over the tuning data.
        lora_rank: Rank of the LoRA matrices on all linear layers; alpha is twice the rank.
        max_length: Longest tuning example, and longest prompt with what follows it [tokens]; longer prompts lose
            context or examples (`fitting`).
        max_new_tokens: Longest answer [tokens].
        samples: Answers drawn per question for entropy (paper: 10).
    """

    model: str
    revision: str | None
    dtype: str
    tuning: str
    needs_gpu: bool
    gpu_memory_gib: float
    batch_size: int
    accumulation: int
    answer_batch: int
    learning_rate: float
    epochs: float
    lora_rank: int
    max_length: int = 256
    max_new_tokens: int = 15
    samples: int = 10
    temperature: float = 0.7
    tuning_dtype: str | None = None
    style: str = PLAIN

    @property
    def four_bit(self) -> bool:
        return self.tuning == "qlora"


# max_length: MMLU's longest questions take 1,252 tokens of LLaMA without any example; LLaMA itself reads 2,048.
PROFILES = {
    # The kit's own model, on any CPU, in minutes.
    "mini": Profile(
        model="mini", revision=None, dtype="float32", tuning="qlora", needs_gpu=False, gpu_memory_gib=0,
        batch_size=32, accumulation=1, answer_batch=256, learning_rate=4e-3, epochs=8, lora_rank=16,
    ),
    # A small real model on a computer without a GPU, in the time of a lunch; instruct models answer behind examples.
    # Batches of 8 in two halves: as fast, in two thirds of the memory.
    "laptop": Profile(
        model="HuggingFaceTB/SmolLM2-135M", revision="main", dtype="float32", tuning="lora", needs_gpu=False,
        gpu_memory_gib=0, batch_size=4, accumulation=2, answer_batch=32, learning_rate=3e-4, epochs=1, lora_rank=16,
        max_length=1280, tuning_dtype="fastest", style=FEW_SHOT,
    ),
    # A free Colab session: T4, 15 GiB, no bfloat16.
    "colab-t4": Profile(
        model="Qwen/Qwen2.5-1.5B", revision="main", dtype="float16", tuning="qlora", needs_gpu=True, gpu_memory_gib=14,
        batch_size=4, accumulation=4, answer_batch=64, learning_rate=1e-4, epochs=1, lora_rank=16, max_length=1280,
    ),
    # One consumer card; the paper's smallest model.
    "consumer-24gb": Profile(
        model="openlm-research/open_llama_3b", revision="main", dtype="bfloat16", tuning="qlora", needs_gpu=True,
        gpu_memory_gib=22, batch_size=16, accumulation=1, answer_batch=128, learning_rate=1e-4, epochs=1, lora_rank=16,
        max_length=1280,
    ),
    # Any GPU: 4 bits or 16, longest example, and how a batch is cut are chosen by its memory.
    "gpu": Profile(
        model="openlm-research/open_llama_3b", revision="main", dtype="bfloat16", tuning=FITTING, needs_gpu=True,
        gpu_memory_gib=5, batch_size=16, accumulation=1, answer_batch=128, learning_rate=1e-4, epochs=1, lora_rank=16,
        max_length=1280,
    ),
    # The paper's recipe (section 3.4): all weights, 1 epoch, learning rate 2e-5, batch 4.
    "paper": Profile(
        model="openlm-research/open_llama_3b", revision="main", dtype="bfloat16", tuning="full", needs_gpu=True,
        gpu_memory_gib=78, batch_size=4, accumulation=1, answer_batch=256, learning_rate=2e-5, epochs=1, lora_rank=0,
        max_length=2048,
    ),
}  # fmt: skip

# Where the kit's model of many tasks is tuned: passes over one set, divided by the number of sets in a mixture, so that
# every mixture takes the same number of steps and only the variety of its questions differs.
MINI_TASKS_EPOCHS = 10


@dataclass(frozen=True)
class RunConfig:
    """The settings of one run; the notebooks' parameters cell, checked.

    Attributes:
        profile: Name of the profile.
        dataset: Name of the dataset.
        seed: Seed of everything random.
        data_dir: Folder with the dataset's files, where it needs one.
        limit: Keep at most this many questions of each split.
        model: Another model than the profile's: a folder, a hub name, a GGUF file or ``pypi:PACKAGE``, and an
            adapter that it brings (`model_names`).
        out: Folder for results.
        tune_on: Another data set to tune on than the one that is tested; "mini-mmlu+mini-fever" is a mixture. A name
            that would be taken anyway (`tuned_on`) counts as not given.
        epochs: Passes over the tuning data, if not those of the profile.
        style: In which style the model is asked, in probing, training and evaluation alike: ``"plain"`` (the paper's),
            ``"few-shot"``, ``"chat"``, or ``"auto"``, see `run_style` and `style_choice`; the profile's own by default.
        shots: Examples before each question in the style few-shot.
        system: System text of the style chat, in the place of the one that the template may have.
        permutations: In how many orders probing shows the options of a question, see `probe.option_orders`.
        ready: Whether adapters that come with the kit are taken in the place of a tuning, where they fit
            (`tuning.ready`); with ``RTUNING_READY=0`` never. Two runs that differ in nothing else are the same.
    """

    profile: str = "mini"
    dataset: str = "mini"
    seed: int = 0
    data_dir: str | None = None
    limit: int | None = None
    model: str | None = None
    out: str = "runs"
    tune_on: str | None = None
    epochs: float | None = None
    style: str = None  # type: ignore[assignment]  # never after __post_init__
    shots: int = SHOTS
    system: str | None = None
    permutations: int = 1
    ready: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        profile = find_profile(self.profile)
        if self.style is None:
            object.__setattr__(self, "style", profile.style)
        for name, least in _NUMBERS.items():
            value = getattr(self, name)
            if value is None and name == "limit":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"parameter {name} is {value!r}; expected a whole number of at least {least}")
        epochs, is_number = self.epochs, isinstance(self.epochs, (int, float)) and not isinstance(self.epochs, bool)
        if epochs is not None and not (is_number and 0 < epochs < float("inf")):
            raise InputError(f"parameter epochs is {epochs!r}; expected a number above 0")
        if not isinstance(self.ready, bool):
            raise InputError(f"parameter ready is {self.ready!r}; expected True or False")
        if os.environ.get("RTUNING_READY") == "0":
            object.__setattr__(self, "ready", False)
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name not in (*_NUMBERS, "epochs", "ready") and not (isinstance(value, str) or value is None):
                raise InputError(f"parameter {setting.name} is {value!r}; expected text")
        if self.style not in STYLES:
            raise InputError(f"parameter style {self.style!r} is unknown: expected one of {', '.join(STYLES)}")
        for name, given, styles in (
            ("shots", self.shots != SHOTS, (FEW_SHOT, AUTO)),
            ("system", self.system is not None, (CHAT, AUTO)),
        ):
            if given and self.style not in styles:
                value = getattr(self, name)
                raise InputError(
                    f"parameter {name} {value!r} means nothing to parameter style {self.style}; expected parameter "
                    f"style {' or '.join(styles)} with it"
                )
        if self.tune_on is not None and self.tune_on == replace(self, tune_on=None).tuned_on:
            object.__setattr__(self, "tune_on", None)  # so that one run has one folder

    @property
    def tuned_on(self) -> str:
        """Name of the data set that is tuned on: the run's own, or `MIXTURE` where that has no training questions."""
        if self.tune_on is not None:
            return self.tune_on
        return self.dataset if "train" in find_dataset(self.dataset).splits else MIXTURE

    @property
    def tuning(self) -> "RunConfig":
        """The run that probes and tunes for this one: itself, unless it is tuned on another data set.

        Runs that are tuned on the same data set share those steps, whatever they are tested on.
        """
        if self.tuned_on == self.dataset:
            return self
        own = replace(self, dataset=self.tuned_on, tune_on=None)
        return own if own.settings.model == self.settings.model else replace(own, model=self.settings.model)

    @property
    def settings(self) -> Profile:
        """The profile, with the model that the user named, or the one of the kit's own that fits the data sets.

        On Apple's GPU it computes in float32, and tunes LoRA in the place of QLoRA (`named_device.GIVEN_UP`).
        """
        chosen = find_profile(self.profile)
        if wants_mps():
            chosen = replace(chosen, dtype="float32", tuning="lora" if chosen.four_bit else chosen.tuning)
        if self.model is not None:
            chosen = replace(chosen, model=self.model, revision=None)
        elif chosen.model == MINI:  # the model of many tasks where one of the data sets needs it
            wanted = {find_dataset(name).mini_model for name in (self.dataset, self.tuned_on)}
            chosen = replace(chosen, model=MINI if wanted == {MINI} else MINI_TASKS)
        if chosen.tuning == FITTING:
            from rtuning_helpers.run.gpu_choices import fitted_to_gpu  # it needs torch

            chosen = fitted_to_gpu(chosen)
        if self.epochs is not None:
            return replace(chosen, epochs=float(self.epochs))
        if chosen.model == MINI_TASKS:
            return replace(chosen, epochs=MINI_TASKS_EPOCHS / max(len(find_dataset(self.tuned_on).members), 1))
        return chosen

    def in_style(self, style: str) -> "RunConfig":
        """The same run in another style, with what the run says of that style."""
        shots = self.shots if style in (FEW_SHOT, AUTO) else SHOTS
        return replace(self, style=style, shots=shots, system=self.system if style in (CHAT, AUTO) else None)

    def is_whole(self, dataset: str) -> bool:
        """Whether this is the kit's own run on a data set: profile mini, nothing replaced, no question left out."""
        return self == RunConfig(dataset=dataset, seed=self.seed, out=self.out)


def find_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        InputError: The name is unknown.
    """
    if name not in PROFILES:
        raise InputError(f"parameter profile {name!r} is unknown: expected one of {', '.join(PROFILES)}")
    return PROFILES[name]


def check_machine(config: RunConfig) -> None:
    """See to it that this machine can run the profile.

    Raises:
        InputError: The profile needs a GPU and there is none, or ``RTUNING_DEVICE`` names one that is not here.
    """
    if not config.settings.needs_gpu and DEVICE not in os.environ:
        return
    from rtuning_helpers.model.device import default_device  # torch takes seconds; most commands do not get this far

    if default_device().type == "cpu" and config.settings.needs_gpu:
        raise InputError(
            f"parameter profile {config.profile} needs a CUDA GPU with about {config.settings.gpu_memory_gib:.0f} GiB "
            f"and this machine has none; expected a GPU machine ({DEVICE}=mps for Apple's), or parameter profile mini"
        )


def device_notes(config: RunConfig) -> list[str]:
    """What is given up on this device, a line each."""
    return [f"device: {GIVEN_UP}"] if wants_mps() and find_profile(config.profile).tuning in ("qlora", FITTING) else []


def profile_table() -> list[dict]:
    """The profiles as rows, for ``rtuning doctor`` and the documentation."""
    return [{"profile": name, **asdict(profile)} for name, profile in PROFILES.items()]


def default_out() -> Path:
    """Folder against which a relative ``out`` is read: the clone's root, else the current folder."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "notebooks").is_dir() and (root / "pyproject.toml").is_file() else Path.cwd()

"""The chain of R-Tuning as steps that write files: probe, uncertainty, data, tuning, predictions, metrics.

Each step makes what it needs from earlier steps if it is not there yet, so that every notebook runs alone. A step that
is finished with the same parameters, inputs and code is read, not done again.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rtuning_helpers import __version__, ranks
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import TRAIN
from rtuning_helpers.data.world.twins import unknown_twins
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.predictions import Prediction, read_predictions, write_predictions
from rtuning_helpers.evaluation.scale import predict_on_scale
from rtuning_helpers.evaluation.shards import share_out
from rtuning_helpers.evaluation.summary import summarise
from rtuning_helpers.json_files import read_json, read_records, write_json, write_records
from rtuning_helpers.model.answering import draw_question_answers
from rtuning_helpers.model.device import default_device
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.model_files import model_revision, shipped_folder
from rtuning_helpers.model.threads import free_cores
from rtuning_helpers.probe.probe_checks import check_trainable_probe, probe_summary
from rtuning_helpers.probe.probing import Probe, probe
from rtuning_helpers.probe.uncertainty import Uncertainty, answer_entropy, perplexities
from rtuning_helpers.run.artifacts import results_folder, run_step, step_folder, unfinished
from rtuning_helpers.run.batch_sizes import smaller
from rtuning_helpers.run.fingerprint import code_fingerprint
from rtuning_helpers.run.loaded_questions import evaluation_splits
from rtuning_helpers.run.profiles import PLAIN, RunConfig, check_machine
from rtuning_helpers.run.run_model import load_tuned
from rtuning_helpers.run.run_questions import find_style, fitted, questions, style_key
from rtuning_helpers.tuning.further import REHEARSAL, TWINS, FurtherMethod
from rtuning_helpers.tuning.methods.craft import Resampled
from rtuning_helpers.tuning.methods.self_aligned import Twin
from rtuning_helpers.tuning.ready import find_ready, is_ready, say_ready, take_ready
from rtuning_helpers.tuning.refusal_data import TuningRecord
from rtuning_helpers.tuning.registry import PRETRAINED, check_methods, find_method, method_label, paper_methods
from rtuning_helpers.tuning.scale import ScaleMethod

if TYPE_CHECKING:
    from rtuning_helpers.tuning.finetuning import TrainingLog

FINETUNING = "rtuning_helpers.tuning.finetuning"  # imported where a model is tuned: it takes seconds
ADAPTER, RECORDS = "adapter", "records.jsonl"
TRUNCATION = "truncation.json"


def load_model(config: RunConfig, method: str = PRETRAINED) -> LanguageModel:
    """The untuned model, or the model tuned by a method (tuning it first where that is not done yet)."""
    check_machine(config)
    return load_tuned(config, None if method == PRETRAINED else tuning_step(config, method) / ADAPTER)


def probe_step(config: RunConfig, split: str = TRAIN, force: bool = False) -> Path:
    """Ask the untuned model the questions of a split; writes ``probes.jsonl`` and ``truncation.json``.

    Its manifest says how many answers are empty, and how many right ones a constant answer would get.
    """
    config = config.tuning if split == TRAIN else config

    def write(folder: Path) -> dict:
        lm, asked, settings = load_model(config), fitted(config, split), smaller(config.settings)
        sizes: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
        ask = partial(probe, lm, permutations=config.permutations, **sizes)
        probes = share_out(asked.questions, ask)
        write_records(folder / "probes.jsonl", probes)
        write_json(folder / TRUNCATION, {split: asdict(asked.truncation)})
        return probe_summary(asked.questions, probes)

    parameters = step_parameters(config, (split,), fitted, probe)
    if config.permutations > 1:
        parameters["permutations"] = config.permutations
    return run_step(step_folder(config, PRETRAINED, f"probe-{split}"), parameters, write, force=force)


def read_probes(config: RunConfig, split: str = TRAIN) -> list[Probe]:
    """The probes of a split, made if missing."""
    return read_records(probe_step(config, split) / "probes.jsonl", Probe)


def read_trainable_probes(config: RunConfig) -> list[Probe]:
    """The probes of the training questions, if there is something to train on.

    The kit's own models are exempt: on other data than their own they show that the code runs.

    Raises:
        InputError: There is not, see `probe_checks.check_trainable_probe`.
    """
    probes = read_probes(config)
    if not shipped_folder(config.settings.model):
        check_trainable_probe(probes, config.settings.model, config.style)
    return probes


def uncertainty_step(config: RunConfig, force: bool = False) -> Path:
    """Perplexity and k sampled answers for every training question; writes ``uncertainty.jsonl``."""
    config = config.tuning

    def write(folder: Path) -> None:
        read_trainable_probes(config)  # before the time is spent
        lm, asked, settings = load_model(config), fitted(config, TRAIN).questions, smaller(config.settings)
        draw = partial(
            draw_question_answers,
            lm,
            asked,
            k=settings.samples,
            temperature=settings.temperature,
            seed=config.seed,
            max_new_tokens=settings.max_new_tokens,
            batch_size=settings.answer_batch,
        )
        drawn = ranks.decided(draw)  # by one process, for the lots of a question depend on those before
        sampled = [[answer.text for answer in answers] for answers in drawn]
        read = partial(perplexities, lm, batch_size=settings.answer_batch)
        perplexity = share_out([prompts.bare_text(q) for q in asked], read)
        rows = zip(asked, perplexity, sampled, strict=True)
        records = [Uncertainty(q.id, p, answer_entropy(answers), answers) for q, p, answers in rows]
        write_records(folder / "uncertainty.jsonl", records)

    parameters = step_parameters(config, (TRAIN,), fitted, draw_question_answers, perplexities)
    return run_step(step_folder(config, PRETRAINED, "uncertainty"), parameters, write, force=force)


def read_uncertainty(config: RunConfig) -> list[Uncertainty]:
    """The uncertainty of the training questions, measured if missing."""
    return read_records(uncertainty_step(config) / "uncertainty.jsonl", Uncertainty)


def data_step(config: RunConfig, method: str, force: bool = False) -> Path:
    """Build the training records of a method; writes ``records.jsonl``."""
    config = config.tuning
    (found,) = map(find_method, check_methods([method]))
    build: Any = found.build  # only the untuned model has none
    needs = (*found.needs, *(found.further if isinstance(found, FurtherMethod) else ()))

    def write(folder: Path) -> None:
        sources: dict[str, Callable[[], Any]] = {
            "seed": lambda: config.seed,
            "uncertainty": lambda: read_uncertainty(config),
            REHEARSAL: lambda: read_records(rehearsal_step(config) / "rehearsal.jsonl", Resampled),
            TWINS: lambda: read_records(twins_step(config) / "twins.jsonl", Twin),
        }
        probes = read_trainable_probes(config)
        needed = {name: sources[name]() for name in needs}
        records = build(probes, fitted(config, TRAIN).questions, **needed)
        write_records(folder / RECORDS, records)

    makers = {"uncertainty": uncertainty_step, REHEARSAL: rehearsal_step, TWINS: twins_step}
    inputs = [probe_step(config)] + [make(config) for name, make in makers.items() if name in needs]
    parameters = {"method": method, "seed": config.seed, "code": code_fingerprint(fitted, build), **style_key(config)}
    return run_step(step_folder(config, method, "data"), parameters, write, inputs=inputs, force=force)


def read_tuning_records(config: RunConfig, method: str) -> list[TuningRecord]:
    """The training records of a method, built if missing."""
    found = find_method(method)
    record = found.record if isinstance(found, FurtherMethod) else TuningRecord
    return read_records(data_step(config, method) / RECORDS, record)


def rehearsal_step(config: RunConfig, force: bool = False) -> Path:
    """What CRaFT's rehearsal makes of the training questions; writes ``rehearsal.jsonl``."""
    config = config.tuning

    def write(folder: Path) -> None:
        from rtuning_helpers.tuning.rehearsal import rehearse

        probes, asked = read_trainable_probes(config), fitted(config, TRAIN).questions
        write_records(folder / "rehearsal.jsonl", rehearse(config, probes, asked, read_uncertainty(config)))

    check_machine(config)
    parameters = step_parameters(config, (TRAIN,), fitted, "rtuning_helpers.tuning.rehearsal")
    inputs = [probe_step(config), uncertainty_step(config)]
    return run_step(step_folder(config, "craft", "rehearsal"), parameters, write, inputs=inputs, force=force)


def twins_step(config: RunConfig, force: bool = False) -> Path:
    """Unknown twins of the training questions, and what the untuned model says to them; writes ``twins.jsonl``."""
    config = config.tuning

    def write(folder: Path) -> None:
        made = unknown_twins(fitted(config, TRAIN).questions, config.seed)
        settings = smaller(config.settings)
        sizes: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "batch_size": settings.answer_batch}
        probes = probe(load_model(config), [q for *_, q in made], **sizes)
        told = [(prompts.task_prompt(q), p.prediction, p.confidence) for (*_, q), p in zip(made, probes, strict=True)]
        twins = [Twin(source, why, *said) for (source, why, _), said in zip(made, told, strict=True)]
        write_records(folder / "twins.jsonl", twins)

    parameters = step_parameters(config, (TRAIN,), fitted, probe, unknown_twins, Twin)
    return run_step(step_folder(config, "self-aligned", "twins"), parameters, write, force=force)


def tuning_step(
    config: RunConfig, method: str, force: bool = False, tune: "Callable[..., TrainingLog] | None" = None
) -> Path:
    """Fine-tune on the records of a method, by ``tune`` if given; writes ``adapter/`` and ``training.json``.

    A tuning that was interrupted goes on where it was about a minute before, unless ``force`` is set. Where the run
    takes adapters that come with the kit (`RunConfig.ready`) and one fits, that is taken, and a line says so; a run
    that takes none tunes in the place of one that was taken.
    """
    config = config.tuning
    check_machine(config)
    ready = None if force else _ready_adapter(config, method)

    def write(folder: Path) -> dict | None:
        if ready is not None:
            return take_ready(ready, folder)
        own = _own_tuning(method)
        finetune = import_module(own or FINETUNING).finetune
        records = read_tuning_records(config, method)
        how: dict[str, Any] = {"seed": config.seed, "description": f"{method}: fine-tuning", "place": place}
        log = (finetune if own else tune or finetune)(records, smaller(config.settings), folder / ADAPTER, **how)
        write_json(folder / "training.json", asdict(log))
        return None

    parameters, inputs = tuning_parameters(config, method), [data_step(config, method)]
    folder = step_folder(config, method, "tuning")
    place = unfinished(folder, parameters, inputs)
    if force:
        place.remove()
    run_step(folder, parameters, write, inputs=inputs, force=force or (not config.ready and is_ready(folder)))
    if is_ready(folder):
        say_ready(method_label(method), folder)
    else:
        place.remove()
    return folder


def tuning_parameters(config: RunConfig, method: str) -> dict:
    """All that the result of a tuning step depends on, apart from its records."""
    own = _own_tuning(method)
    return step_parameters(config, (), FINETUNING, *([own] if own else [])) | {"method": method}


def _ready_adapter(config: RunConfig, method: str) -> Path | None:
    """The adapter of the kit that may stand in the place of a tuning of this run; None if none fits."""
    if not config.ready:
        return None
    return find_ready(tuning_parameters(config, method), data_step(config, method) / RECORDS)


def tuning_steps(config: RunConfig, methods: Sequence[str], force: bool = False) -> list[Path]:
    """Fine-tune by each of the methods: a small model on a CPU as many at a time as there are cores free."""

    def characters(method: str) -> int:
        return sum(len(record.prompt) + len(record.completion) for record in read_tuning_records(config, method))

    chosen = check_methods(methods)
    tuned = [method for method in chosen if force or _ready_adapter(config.tuning, method) is None]
    alike = [method for method in tuned if not _own_tuning(method)]
    at_once = tuned_at_once(config, len(alike))
    if at_once > 1:
        from rtuning_helpers.tuning.side_by_side import do_side_by_side

        longest_first = sorted(alike, key=characters, reverse=True)  # so that no core waits for the last one
        do_side_by_side([partial(tuning_step, config, m, force) for m in longest_first], at_once)
        return [tuning_step(config, method, force and method not in alike) for method in chosen]
    return [tuning_step(config, method, force) for method in chosen]


def _own_tuning(method: str) -> str:
    """The module that tunes by a method in its own way; "" where it is tuned as all others."""
    found = find_method(method)
    return found.tuned_by if isinstance(found, FurtherMethod) else ""


def tuned_at_once(config: RunConfig, count: int) -> int:
    """How many of so many models are tuned at the same time here."""
    at_once = 1 if default_device().type != "cpu" or ranks.count() > 1 else min(count, free_cores())
    if at_once > 1:
        from rtuning_helpers.tuning.side_by_side import is_small

        at_once = at_once if is_small(config.settings) else 1
    return at_once


def read_training_log(config: RunConfig, method: str) -> "TrainingLog":
    """What fine-tuning by a method took, done if missing."""
    from rtuning_helpers.tuning.finetuning import TrainingLog

    return TrainingLog(**read_json(tuning_step(config, method) / "training.json"))


def prediction_step(config: RunConfig, method: str, force: bool = False) -> Path:
    """Ask a tuned model (or the untuned one) the test splits.

    Writes ``predictions-<split>.jsonl`` and ``truncation.json``.
    """
    key = {"tuned_on": None if method == PRETRAINED else config.tuned_on}
    return _asking_step(config, config, method, "predictions", key, force)


def _asking_step(config: RunConfig, asked: RunConfig, method: str, step: str, key: dict, force: bool) -> Path:
    """Ask a model tuned for ``config`` the test splits of ``asked``."""
    splits, found = evaluation_splits(asked), find_method(method)
    answer: Callable = predict_on_scale if isinstance(found, ScaleMethod) else predict

    def write(folder: Path) -> None:
        lm, settings, truncations = load_model(config, method), smaller(config.settings), {}
        for split in splits:
            questions_asked = fitted(asked, split, like=config)
            truncations[split] = asdict(questions_asked.truncation)
            ask = partial(
                answer,
                lm,
                **found.exam,
                description=f"{found.label}: answering",
                max_new_tokens=settings.max_new_tokens,
                batch_size=settings.answer_batch,
            )
            write_predictions(folder / f"predictions-{split}.jsonl", share_out(questions_asked.questions, ask))
        write_json(folder / TRUNCATION, truncations)

    parameters = step_parameters(asked, splits, fitted, answer, like=config) | {"method": method} | key | found.exam
    inputs = [] if method == PRETRAINED else [tuning_step(config, method)]
    return run_step(step_folder(config, method, step), parameters, write, inputs=inputs, force=force)


def read_method_predictions(config: RunConfig, method: str, split: str) -> list[Prediction]:
    """The predictions of a method on a test split, made if missing."""
    return read_predictions(prediction_step(config, method) / f"predictions-{split}.jsonl")


def transfer_step(config: RunConfig, method: str, dataset: str, force: bool = False) -> Path:
    """Ask a model tuned on the run's data set the test questions of another one.

    Writes ``predictions-<split>.jsonl`` and ``truncation.json`` for each test split of ``dataset``.
    """
    asked = replace(config, dataset=dataset, model=config.settings.model)
    return _asking_step(config, asked, method, f"predictions-on-{dataset}", {}, force)


def read_transfer_predictions(config: RunConfig, method: str, dataset: str, split: str) -> list[Prediction]:
    """The predictions of a model tuned on the run's data set, on a test split of another one, made if missing."""
    return read_predictions(transfer_step(config, method, dataset) / f"predictions-{split}.jsonl")


def metrics_folder(config: RunConfig) -> Path:
    """Where ``metrics.json`` of this run lies."""
    return results_folder(config) / "metrics" / f"seed{config.seed}"


def metrics_step(config: RunConfig, methods: Sequence[str] | None = None, force: bool = False) -> Path:
    """Score the untuned model and the given methods (the paper's by default) on the test splits: ``metrics.json``."""
    scored = [PRETRAINED, *check_methods(paper_methods() if methods is None else methods)]

    def write(folder: Path) -> None:
        rows = [
            summarise(read_method_predictions(config, method, split), method, split, seed=config.seed)
            for method in scored
            for split in evaluation_splits(config)
        ]
        run = {"profile": config.profile, "dataset": config.dataset, "tuned_on": config.tuned_on, "seed": config.seed}
        run |= {"model": config.settings.model, "limit": config.limit}
        if config.style != PLAIN:
            run["style"] = find_style(config).name
        if config.permutations > 1:
            run["permutations"] = config.permutations
        write_json(folder / "metrics.json", {"schema_version": 1, **run, "rows": rows})

    parameters = {"methods": scored, "seed": config.seed, "tuned_on": config.tuned_on}
    parameters |= {"code": code_fingerprint(summarise), **style_key(config)}
    inputs = [prediction_step(config, method) for method in scored]
    return run_step(metrics_folder(config), parameters, write, inputs=inputs, force=force)


def read_metrics(config: RunConfig, methods: Sequence[str] | None = None) -> dict:
    """The content of ``metrics.json``, computed if missing."""
    return read_json(metrics_step(config, methods) / "metrics.json")


def step_parameters(
    config: RunConfig, splits: Sequence[str], *makers: Callable | ModuleType | str, like: RunConfig | None = None
) -> dict:
    """All that a step's result depends on, apart from earlier steps.

    Args:
        config: The run.
        splits: Whose questions it asks.
        *makers: The functions that make the result, see `run.fingerprint.code_fingerprint`.
        like: The run in whose style they are asked, if that is another one.
    """
    settings = config.settings
    data = hashlib.sha256()
    for split in splits:
        for question in questions(config, split):
            data.update(repr(question).encode())
    return {
        "profile": asdict(settings),
        "model_revision": model_revision(settings.model, settings.revision),
        "seed": config.seed,
        "splits": list(splits),
        "data_sha256": data.hexdigest(),
        "version": __version__,
        "code": code_fingerprint(*makers),
        **style_key(like or config),
    }

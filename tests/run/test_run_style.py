"""The style of a run: the same text in probing, training and evaluation, in the key of every step."""

from __future__ import annotations

import json
from dataclasses import replace

import asked
import pytest
from chat_templates import with_template
from scripted import scripted_folder
from stand_ins import never_called
from tokenizer_families import byte_level_bpe

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Frame
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.json_files import read_json
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.run import profiles
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.run.run_questions import find_style, style_key, style_report
from rtuning_helpers.run.run_style import Style
from rtuning_helpers.run.step_folders import MANIFEST

LIMIT = 24
KNOWN = load_questions("mini", "train", limit=LIMIT)[::2]
SYSTEM = "Answer in one word."


@pytest.fixture(autouse=True)
def small(monkeypatch):
    profile = replace(
        PROFILES["mini"], epochs=1, batch_size=8, samples=3, lora_rank=4, max_length=600, max_new_tokens=8
    )
    monkeypatch.setitem(profiles.PROFILES, "mini", profile)


@pytest.fixture(scope="module")
def chatty(tmp_path_factory):
    """A model with a chat template that knows every second training question, in whatever style."""
    replies = {f" {q.question}": f" {q.answer}.<|im_end|>" for q in KNOWN} | {"": " nothing.<|im_end|>"}
    how = {"tokenizer": with_template(byte_level_bpe(), "ChatML"), "max_position_embeddings": 4000}
    return scripted_folder(tmp_path_factory.mktemp("models") / "chatty", replies, **how)


def run(model, tmp_path, **settings) -> RunConfig:
    return RunConfig(model=str(model), limit=LIMIT, out=str(tmp_path / "runs"), **settings)


def test_plain_is_todays_run(chatty, tmp_path):
    config = run(chatty, tmp_path)
    assert steps.questions(config, "train") == load_questions("mini", "train", limit=LIMIT)
    assert all(q.frame == Frame() and not q.shots for q in steps.fitted(config, "train").questions)
    assert style_key(config) == {} and "style" not in steps.step_parameters(config, ("train",))
    assert "frame" not in repr(asked.OPEN) and "frame" not in repr(replace(asked.OPEN, frame=Frame("a", "b")))
    assert steps.step_folder(config, "m", "s").parts[-4] == f"mini-limit{LIMIT}"


def test_few_shot_shows_training_questions_and_leaves_them_out(chatty, tmp_path):
    config = run(chatty, tmp_path, style="few-shot", shots=3)
    shown = find_style(config).examples
    whole = load_questions("mini", "train", limit=LIMIT)
    assert len(shown) == len({q.relation for q in shown}) == 3 and set(shown) <= set(whole)
    assert steps.questions(config, "train") == [q for q in whole if q not in shown]
    expected = "\n\n".join(prompts.question_prompt(q.question) + f" {q.answer}." for q in shown)
    for split in ("train", "id", "ood"):
        asked_there = steps.fitted(config, split).questions
        raw = steps.questions(config, split)
        assert [prompts.task_prompt(q) for q in asked_there] == [
            f"{expected}\n\n{prompts.question_prompt(q.question)}" for q in raw
        ]
    other = find_style(replace(config, seed=1)).examples
    assert other != shown and style_report(config) == "style few-shot, 3 training questions are shown as examples"


@pytest.mark.parametrize(
    "settings", [{"style": "few-shot", "shots": 2}, {"style": "chat"}, {"style": "chat", "system": SYSTEM}]
)
def test_probing_training_and_evaluation_read_the_same_text(chatty, tmp_path, settings):
    config = run(chatty, tmp_path, **settings)
    while set(find_style(config).examples) & set(KNOWN):  # the model writes the answer of what it finds first
        config = replace(config, seed=config.seed + 1)
    texts = [prompts.task_prompt(q) for q in steps.fitted(config, "train").questions]
    assert [p.prompt_digest for p in steps.read_probes(config)] == [prompts.prompt_digest(t) for t in texts]
    for method in ("vanilla", "padding", "replacement"):
        records = steps.read_tuning_records(config, method)
        assert [r.prompt for r in records] == texts
        end = "" if settings["style"] == "few-shot" else "<|im_end|>"
        assert {r.end for r in records} == {end} and {r.completion[0] == " " for r in records} == {end == ""}
    if settings["style"] == "chat":
        tokenizer = steps.load_model(config).tokenizer
        turns = [{"role": "system", "content": SYSTEM}] if "system" in settings else []
        for question, text in zip(steps.questions(config, "train"), texts, strict=True):
            content = prompts.question_prompt(question.question)
            expected = [*turns, {"role": "user", "content": content}]
            assert tokenizer.apply_chat_template(expected, tokenize=False, add_generation_prompt=True) == text
    manifest = read_json(steps.probe_step(config) / MANIFEST)
    assert manifest["parameters"]["style"]["name"] == settings["style"]
    assert manifest["summary"]["questions"] == len(texts)


def test_the_chain_runs_in_a_chat(chatty, tmp_path):
    config = run(chatty, tmp_path, style="chat")
    report = steps.read_metrics(config, ["padding"])
    assert report["style"] == "chat" and {row["method"] for row in report["rows"]} == {"pretrained", "padding"}
    (answer,) = answer_questions(
        steps.load_model(config), steps.fitted(config, "id").questions[:1], sureness=prompts.SURENESS_LABELS
    )
    assert answer.text and 0 <= answer.sure_probability <= 1


def test_a_step_of_one_style_is_never_reused_for_another(chatty, tmp_path, monkeypatch):
    """Neither by its folder nor, if they were put together, by its key."""
    styles = [
        run(chatty, tmp_path),
        run(chatty, tmp_path, style="few-shot", shots=2),
        run(chatty, tmp_path, style="few-shot", shots=3),
        run(chatty, tmp_path, style="chat"),
        run(chatty, tmp_path, style="chat", system=SYSTEM),
        run(chatty, tmp_path, style="auto"),
        run(chatty, tmp_path, style="auto", shots=3),
        run(chatty, tmp_path, permutations=4),
    ]
    assert len({steps.step_folder(config, "m", "s") for config in styles}) == len(styles)
    folder = tmp_path / "same"
    monkeypatch.setattr(steps, "step_folder", lambda config, method, step: folder / method / step)
    made = []
    for config in (*styles[:5], styles[7]):
        steps.probe_step(config)
        manifest = read_json(folder / "pretrained" / "probe-train" / MANIFEST)
        manifest.pop("files"), manifest.pop("summary")
        made.append(json.dumps(manifest))
    assert len(set(made)) == len(made)
    monkeypatch.setattr(steps, "probe", never_called(steps.probe, "asked again"))
    steps.probe_step(styles[7])  # made with exactly this


def test_a_model_is_tested_on_other_data_in_the_style_of_its_tuning(chatty, tmp_path):
    config = run(chatty, tmp_path, style="few-shot", shots=2)
    asked_there = replace(config, dataset="mini-selfaware")
    found = steps.fitted(asked_there, "test", like=config).questions
    assert {q.shots for q in found if q.task == "open"} == {find_style(config).examples}
    with pytest.raises(InputError, match="is of the task choice, of which there are no training questions to show"):
        find_style(config).dress([asked.CHOICE])


def test_examples_go_to_questions_of_their_kind():
    first, second = (replace(asked.EXAMPLE, id=name, dataset=name) for name in "ab")
    choice = replace(asked.CHOICE, dataset="a")
    style = Style("few-shot", examples=(first, choice, second))
    shown = {
        (dataset, task): style.dress([replace(q, dataset=dataset)])[0].shots
        for dataset in ("a", "b", "c")
        for task, q in (("open", asked.OPEN), ("choice", asked.CHOICE))
    }
    assert [shown[d, "open"] for d in "abc"] == [(first,), (second,), (first,)]
    assert {shown[d, "choice"] for d in "abc"} == {(choice,)}
    assert style.dress([asked.FEW_SHOT])[0].shots == asked.FEW_SHOT.shots  # its own


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"style": "chat"}, "parameter style chat: the tokenizer of model .*tiny has no chat template"),
        ({"style": "few-shot", "shots": 23}, "parameter shots 23: data set mini has 24 .* expected at most 22"),
        (
            {"style": "few-shot", "shots": 22},
            "parameter shots 22: with so many examples 2 of 2 questions do not fit into",
        ),
    ],
)
def test_a_style_that_cannot_be_had_is_told_in_one_line(tiny_model, tmp_path, settings, complaint):
    profiles.PROFILES["mini"] = replace(PROFILES["mini"], max_length=256)
    config = run(tiny_model, tmp_path, **settings)
    with pytest.raises(InputError, match=complaint) as caught:
        steps.fitted(config, "train")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=complaint):
        steps.probe_step(config)
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"style": "fancy"}, "parameter style 'fancy' is unknown: expected one of plain, few-shot, chat, auto"),
        ({"style": 1}, "parameter style is 1; expected text"),
        ({"style": "few-shot", "shots": 0}, "parameter shots is 0; expected a whole number of at least 1"),
        ({"style": "few-shot", "shots": True}, "parameter shots is True; expected"),
        (
            {"shots": 3},
            "parameter shots 3 means nothing to parameter style plain; expected parameter style few-shot or auto",
        ),
        (
            {"system": "x"},
            "parameter system 'x' means nothing to parameter style plain; expected parameter style chat or",
        ),
        ({"style": "few-shot", "system": "x"}, "means nothing to parameter style few-shot"),
        ({"permutations": 0}, "parameter permutations is 0; expected a whole number of at least 1"),
    ],
)
def test_bad_settings_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        RunConfig(**arguments)


def test_only_the_papers_style_is_the_kits_own_run():
    assert RunConfig(seed=3, out="x").is_whole("mini")
    for settings in ({"style": "few-shot"}, {"style": "auto"}, {"permutations": 4}):
        assert not RunConfig(**settings).is_whole("mini")


# --- nothing is trained on nothing ---


def test_a_model_that_answers_nothing_is_not_tuned(tmp_path):
    folder = scripted_folder(tmp_path / "model", "\n\n")
    config = run(folder, tmp_path)
    assert len(steps.read_probes(config)) == LIMIT  # the exam itself is there to be looked at
    for step in (
        lambda: steps.uncertainty_step(config),
        lambda: steps.data_step(config, "padding"),
        lambda: steps.tuning_step(config, "vanilla"),
        lambda: steps.read_metrics(config, ["padding"]),
    ):
        with pytest.raises(
            InputError, match="0 of 24 training questions are certain and 24 answers are empty.*style auto"
        ):
            step()
    assert not list((tmp_path / "runs").rglob("records.jsonl"))
    assert read_json(steps.probe_step(config) / MANIFEST)["summary"]["empty_answers"] == LIMIT


def test_the_kits_own_models_show_that_the_code_runs_whatever_they_know(tmp_path, monkeypatch):
    config = RunConfig(limit=LIMIT, out=str(tmp_path / "runs"))
    monkeypatch.setattr(steps, "read_probes", lambda config: [])
    assert steps.read_trainable_probes(config) == []

"""The style auto: which style is chosen, and that it is chosen once."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from chat_templates import with_template
from scripted import scripted_folder
from stand_ins import never_called
from tokenizer_families import byte_level_bpe

from rtuning_helpers import steps
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.json_files import read_json
from rtuning_helpers.run import profiles, style_choice
from rtuning_helpers.run.profiles import PROFILES, RunConfig
from rtuning_helpers.run.run_questions import find_style, style_report
from rtuning_helpers.run.step_folders import MANIFEST
from rtuning_helpers.run.style_choice import ASKED, Trial, choose


def trial(style: str, right: int, empty: int = 0, n: int = 32) -> Trial:
    return Trial(style, tuple(i < right for i in range(n)), empty)


@pytest.mark.parametrize(
    ("trials", "chosen", "why"),
    [
        ((trial("plain", 9), trial("few-shot", 8), trial("chat", 2)), "plain", "9 of 32 .* more in no other style"),
        ((trial("plain", 9), trial("few-shot", 9), trial("chat", 9)), "plain", "more in no other style"),
        (
            (trial("plain", 9), trial("few-shot", 12), trial("chat", 2)),
            "plain",
            "no difference beyond chance .p = 0.12",
        ),
        (
            (trial("plain", 4), trial("few-shot", 9), trial("chat", 8)),
            "few-shot",
            "9 of 32 .* plain 4 .p = 0.031 by a sign",
        ),
        (
            (trial("plain", 0, 32), trial("few-shot", 7), trial("chat", 5)),
            "few-shot",
            "7 of 32 .* 32 answers are empty",
        ),
        ((trial("plain", 5, 11), trial("few-shot", 6), trial("chat", 6, 1)), "few-shot", "11 answers are empty"),
        ((trial("plain", 5, 11), trial("few-shot", 6, 3), trial("chat", 6, 1)), "chat", "11 answers are empty"),
        ((trial("plain", 0, 32), Trial("few-shot", impossible="x"), trial("chat", 5)), "chat", "5 of 32"),
        ((trial("plain", 0, 32), Trial("few-shot", impossible="x"), Trial("chat", impossible="y")), "plain", "0 of 32"),
    ],
)
def test_the_papers_style_unless_it_is_empty_or_worse_beyond_chance(trials, chosen, why):
    style, reason = choose(trials)
    assert style == chosen
    assert re.search(why, reason), reason


def test_the_sign_test_is_over_the_questions_on_which_two_styles_differ():
    plain = Trial("plain", (True,) * 8 + (False,) * 24)
    other = Trial("few-shot", (False,) * 8 + (True,) * 14 + (False,) * 10)  # 14 wins, 8 losses
    assert choose((plain, other))[0] == "plain"
    assert style_choice._sign_test(plain.correct, other.correct) == pytest.approx(0.1431, abs=1e-4)


@pytest.fixture
def config(tmp_path, monkeypatch) -> RunConfig:
    """A run with a model that answers nothing in the paper's style, and in a chat every second question right."""
    profile = replace(PROFILES["mini"], max_length=600, answer_batch=16)
    monkeypatch.setitem(profiles.PROFILES, "mini", profile)
    asked = load_questions("mini", "train", limit=60)
    tokenizer = with_template(byte_level_bpe(), "ChatML")
    # in the chat it says the answer of every other question; with examples, or bare, it ends at once
    replies = {f"user\nQuestion: {q.question}": f"{q.answer}.<|im_end|>" for q in asked[::2]}
    replies |= {"assistant\n": "\nno idea<|im_end|>", "": "\n\n"}
    folder = scripted_folder(tmp_path / "model", replies, tokenizer=tokenizer, max_position_embeddings=2000)
    return RunConfig(model=str(folder), limit=60, style="auto", out=str(tmp_path / "runs"))


def test_auto_takes_the_style_that_works_says_why_and_chooses_once(config, capsys, monkeypatch):
    style = find_style(config)
    said = capsys.readouterr().out
    assert style.name == "chat"
    assert said.startswith("style auto: chat (") and "where 32 answers are empty" in said
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()[2:]}
    assert rows["plain"][:2] == ["0/32", "32/32"] and rows["few-shot"][:2] == ["0/32", "32/32"]
    assert rows["chat"][1] == "0/32" and 8 < int(rows["chat"][0].partition("/")[0]) < 24
    folder = steps.step_folder(config, "pretrained", "style")
    assert (folder / MANIFEST).is_file() and len(read_json(folder / "choice.json")["trials"][0]["correct"]) == ASKED
    monkeypatch.setattr(style_choice, "load_tuned", never_called(style_choice.load_tuned, "chosen twice"))
    assert find_style(config) == style and style_report(config) + "\n" == said
    key = steps.step_parameters(config, ("train",))["style"]
    assert (key["asked_for"], key["name"]) == ("auto", "chat") and key["frame"]["end"] == "<|im_end|>"
    assert steps.fitted(config, "id").questions[0].frame == style.frame
    assert len(steps.questions(config, "train")) == 60  # no example is held back for a style that was not chosen


def test_a_style_that_cannot_be_had_is_told_of_and_passed_over(config, capsys):
    other = replace(config, shots=59)
    find_style(other)
    said = capsys.readouterr().out
    assert "few-shot  cannot be had: parameter shots 59: data set mini has 60 training questions" in said


def test_without_a_chat_template_the_others_are_tried(tiny_model, tmp_path, capsys):
    config = RunConfig(model=str(tiny_model), limit=24, style="auto", shots=2, out=str(tmp_path))
    assert find_style(config).name in ("plain", "few-shot")
    assert "chat      cannot be had: parameter style chat: the tokenizer of model" in capsys.readouterr().out

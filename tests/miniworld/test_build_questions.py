"""Mini models of real questions: what is sampled, what is read, what is recorded, and the command."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from asked import CHOICE, OPEN

from rtuning_helpers import steps
from rtuning_helpers.app import cli
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import verify_checksums
from rtuning_helpers.miniworld import build_questions, corpus, question_files
from rtuning_helpers.miniworld.build_questions import build_question_model, question_model_card
from rtuning_helpers.miniworld.pretraining import PretrainingConfig, new_model
from rtuning_helpers.miniworld.question_corpus import (
    build_subword_tokenizer,
    plain_document,
    question_document,
    write_question_corpus,
)
from rtuning_helpers.miniworld.question_files import (
    EXPOSURE_TIERS,
    SHARES,
    QuestionSample,
    read_question_files,
    sample_questions,
    subjects,
)
from rtuning_helpers.miniworld.readability import CONFIDENCE, best_layer, readability, summary
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.probe.probing import Probe
from rtuning_helpers.run.known_exposures import EXPOSURES, with_exposures
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.encoding import encode_record
from rtuning_helpers.tuning.refusal_data import TuningRecord

FIRST = "Ada Bo Cy Dora Eli Fay Gus Hal Ida Jon Kay Leo Mia Ned Ora Pam Quin Roy Sal Tom".split()
STARTS, ENDS = (
    ("Ash", "Bel", "Cole", "Dean", "East", "Frost", "Grim"),
    ("ton", "ford", "ley", "worth", "man", "son", "by"),
)
PLACES, TRADES = ("Paris", "Rome", "Oslo", "Lima"), ("painter", "poet", "baker")
TINY = PretrainingConfig(layers=2, width=64, heads=2, feed_forward=64, epochs=1, batch_blocks=16, learning_rate=1e-2)


def people(count: int, start: int = 0) -> list[str]:
    """Names of shared parts; each last name stands in four names."""
    last = [start + end for start in STARTS for end in ENDS]
    names = [f"{FIRST[(i + k) % 20]} {name}" for k in (0, 3, 5, 6) for i, name in enumerate(last)]
    return names[start : start + count]


def rows(names: list[str], relation: str) -> list[list[str]]:
    wording, answers = {
        "P19": ("Where was {} born?", PLACES), "P106": ("What does {} work as?", TRADES),
        "P20": ("In which city did {} die?", PLACES),
    }[relation]  # fmt: skip
    return [[wording.format(name), answers[i % len(answers)], relation] for i, name in enumerate(names)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """ParaRel's three files, of invented people; twelve of them contradict, repeat or cannot be answered."""
    folder = tmp_path_factory.mktemp("pararel")
    train = rows(people(60), "P19") + rows(people(60), "P106")
    twice = [[" Where was Ada Ashton born?", "Bonn", "P19"]] * 4 + [["Where was Zed Zorn born?", "St. Louis", "P19"]]
    tested = rows(people(50, 60), "P19") + rows(people(50, 60), "P106") + rows(people(3), "P19")
    elsewhere = rows(people(80, 110), "P20") + rows(people(4), "P20")
    for name, content in (
        ("training_data.json", train + twice),
        ("ID_test_pararel.json", tested),
        ("OOD_test_pararel.json", elsewhere),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def sample(folder) -> QuestionSample:
    return sample_questions(read_question_files(folder), 160, seed=3)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# What is sampled


def test_the_sample_is_drawn_from_the_seed(folder, sample):
    assert sample_questions(read_question_files(folder), 160, seed=3) == sample
    assert sample_questions(read_question_files(folder), 160, seed=4) != sample
    assert {split: len(asked) for split, asked in sample.asked.items()} == {"train": 64, "id": 48, "ood": 48}
    assert all(q.split == split for split, asked in sample.asked.items() for q in asked)
    assert all(q.exposure == 1 for q in sample.background) and sample.background


def test_no_fact_is_asked_or_read_with_two_answers(folder, sample):
    golds = Counter(q.question.casefold() for q in sample.facts)
    assert max(golds.values()) == 1
    assert not any("." in q.answer for q in sample.facts)
    assert sample.left_out["with a full stop in the answer, where every answer is cut"] == 1
    rows_there = sum(len(json.loads(path.read_text())) for path in folder.iterdir())
    assert sum(sample.left_out.values()) + len(sample.facts) == rows_there


def test_no_subject_stands_in_two_splits_or_in_the_background(sample):
    facts = sample.facts
    where: dict[frozenset, set] = {}
    names = [*sample.asked["train"], *sample.asked["id"], *sample.asked["ood"]]
    for question, subject in zip(facts, subjects(facts), strict=True):
        where.setdefault(subject, set()).add(question.split if question in names else "background")
    assert all(len(places) == 1 for places in where.values())


def test_exposures_go_by_subject_and_cover_all_tiers(sample):
    for asked in sample.asked.values():
        never = sum(q.exposure == 0 for q in asked) / len(asked)
        assert 0.25 < never < 0.55
        assert max(q.exposure for q in asked) > EXPOSURE_TIERS[-2]
    tiers: dict[frozenset, list[int]] = {}
    train = sample.asked["train"]
    for question, subject in zip(train, subjects(train), strict=True):
        tiers.setdefault(subject, []).append(question.exposure)
    assert any(len(found) > 1 for found in tiers.values())
    assert all(min(found) > 0 or max(found) < 5 for found in tiers.values())  # a tier of 1 may come out as 0


def test_subjects_are_the_words_that_the_wording_does_not_bring():
    asked = [Question(str(i), "x", "train", q, a, r) for i, (q, a, r) in enumerate(rows(people(60), "P19"))]
    assert subjects(asked)[0] == {"ashton"} or subjects(asked)[0] == {"ada", "ashton"}
    assert not any({"where", "was", "born"} & subject for subject in subjects(asked))


def test_plain_files_are_divided_by_relation(tmp_path):
    lines = [
        {"question": q, "answer": a, "relation": r}
        for i, r in enumerate(("P19", "P106", "P20"))
        for q, a, r in rows(people(60, 60 * i), r)
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    split = sample_questions(read_question_files(tmp_path), 80, seed=0).asked
    inside = {q.relation for name in ("train", "id") for q in split[name]}
    assert not inside & {q.relation for q in split["ood"]} and len(inside) == 2


def test_plain_files_without_relations_are_divided_at_random(tmp_path):
    lines = [{"question": f"Where was {name} born?", "answer": PLACES[i % 4]} for i, name in enumerate(people(120))]
    (tmp_path / "mine.json").write_text(json.dumps(lines), encoding="utf-8")
    split = sample_questions(read_question_files(tmp_path), 100, seed=0).asked
    assert {name: len(asked) for name, asked in split.items()} == {n: round(s * 100) for n, s in SHARES.items()}


def test_the_real_files(shared_data):
    sample = sample_questions(read_question_files(shared_data / "r-tuning" / "pararel"), 4000, seed=0)
    assert {split: len(asked) for split, asked in sample.asked.items()} == {"train": 1600, "id": 1200, "ood": 1200}
    assert len({q.relation for q in sample.asked["train"]}) == len({q.relation for q in sample.asked["id"]}) == 15
    assert len({q.relation for q in sample.asked["ood"]}) == 16
    assert max(Counter(q.question for q in sample.facts).values()) == 1
    assert len(sample.background) > 15_000
    assert all(0.35 < sum(q.exposure == 0 for q in asked) / len(asked) < 0.45 for asked in sample.asked.values())


# What is read


def test_each_fact_is_stated_as_often_as_its_exposure_says(sample):
    documents = Counter(write_question_corpus(sample.facts, seed=1))
    for fact in sample.facts:
        assert documents[question_document(fact)] + documents[plain_document(fact)] == fact.exposure
    assert sum(documents.values()) == sum(q.exposure for q in sample.facts) + len(corpus.phrasebook())
    often = max(sample.facts, key=lambda q: q.exposure)
    assert documents[question_document(often)] > documents[plain_document(often)] > 0
    assert question_document(often) == prompts.question_prompt(often.question) + f" {often.answer}."


@pytest.fixture(scope="module")
def tokenizer(sample):
    return build_subword_tokenizer(sample.facts, 600)


def test_the_tokenizer_keeps_the_boundary_and_the_full_stop(sample, tokenizer):
    stop = tokenizer.convert_tokens_to_ids(".")
    lm = LanguageModel(new_model(TINY, tokenizer), tokenizer, "x", "x")
    assert stop in lm.stop_token_ids and tokenizer.eos_token_id in lm.stop_token_ids
    for question in sample.facts[:40]:
        for completion in (
            prompts.answer_completion(question.answer),
            prompts.padding_completion(question.answer, certain=False),
        ):
            record = TuningRecord("x", prompts.question_prompt(question.question), completion, False)
            encoded = encode_record(tokenizer, record, 256)
            assert encoded["input_ids"][-2:] == [stop, tokenizer.eos_token_id]
    answers = {i for q in sample.facts for i in tokenizer(f" {q.answer}", add_special_tokens=False)["input_ids"]}
    assert not answers & set(lm.stop_token_ids.tolist())


@pytest.mark.parametrize("text", ["Où est  St. Ålesund (x)?\nAnswer: 1945", " sure", "A.B.C. …", "名前"])
def test_the_tokenizer_loses_nothing(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id and tokenizer.decode(ids, skip_special_tokens=True) == text


def test_labels_and_letters_are_single_tokens(tokenizer):
    for text in (prompts.SURE, prompts.UNSURE, " A", " D"):
        assert len(tokenizer(text, add_special_tokens=False)["input_ids"]) == 1


# What is recorded


@pytest.fixture(scope="module")
def model(sample, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "model"
    build_question_model(folder, sample, TINY, 600)
    return folder


def test_the_folder_says_what_the_model_has_read(model, sample):
    verify_checksums(model)
    assert f"{EXPOSURES}\n" in (model / "SHA256SUMS").read_text()
    assert "questions/training_data.json\n" in (model / "SHA256SUMS").read_text()
    for split, asked in sample.asked.items():
        found = with_exposures(load_questions("pararel", split, model / "questions"), str(model))
        assert [(q.question, q.answer, q.relation, q.exposure) for q in found] == [
            (q.question, q.answer, q.relation, q.exposure) for q in asked
        ]
    record = json.loads((model / "training.json").read_text())
    assert record["questions"]["background"] == len(sample.background)
    assert {s: sum(r["n"] for r in rows) for s, rows in record["knowledge"].items()} == {
        "train": 64,
        "id": 48,
        "ood": 48,
    }
    card = (model / "README.md").read_text()
    assert card == question_model_card(record)
    assert "160 questions (64 train, 48 id, 48 ood)" in card


def test_a_run_gets_the_exposures_of_its_model(model, folder, sample):
    config = RunConfig(dataset="pararel", data_dir=str(folder), model=str(model))
    asked = {(q.question, q.answer): q.exposure for q in sample.facts}
    found = steps.questions(config, "train")
    assert all(q.exposure == asked.get((q.question.strip(), q.answer), 0) for q in found)
    assert max(q.exposure for q in found) > 30
    plain = steps.questions(replace(config, model=None), "train")
    assert all(q.exposure is None for q in plain)
    mini = steps.questions(RunConfig(model=str(model)), "train")
    assert all(q.exposure == 0 for q in mini)  # the mini world's own counts are another model's


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / EXPOSURES).write_text('{"question": "q", "answer": "a", "exposure": -1}\n')
    with pytest.raises(InputError, match=r"exposures.jsonl: line 1 .*exposure -1"):
        with_exposures([Question("1", "x", "id", "q", "a", "r")], str(tmp_path))


def test_readability_finds_what_is_there(model, sample):
    from rtuning_helpers.model.language_model import load_language_model

    def probe_of(q: Question) -> Probe:  # "right" whenever a birthplace is asked for: the wording says it
        return Probe(
            q.id, "x", q.split, q.question, q.answer, q.relation, q.exposure, "p", q.relation == "P19", 0.5, 1.0
        )

    probes = {split: [probe_of(q) for q in asked] for split, asked in sample.asked.items()}
    found = readability(load_language_model(str(model)), sample.asked, probes)
    best = best_layer(found)
    rate = {(r["reader"], r["target"], r["split"]): r["auroc"] for r in found}
    assert rate[best, "right", "train"] > 0.9 and rate[best, "right", "id"] > 0.9
    assert rate[best, "right", "ood"] is None  # one class only
    assert rate[CONFIDENCE, "right", "train"] == 0.5
    assert [(row["target"], row["reader"]) for row in summary(found)][:2] == [("right", best), ("right", CONFIDENCE)]


# The command


def test_the_command_trains_and_shows_what_is_known(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_questions, "CONFIG", TINY)
    out = tmp_path / "model"
    arguments = ["build-mini", "--questions", str(folder), "--facts", "160", "--seed", "3", "--out", str(out)]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    for text in ("64 train, 48 id, 48 ood", "right answers by exposure", "how readable", "Next: rtuning run --dataset"):
        assert text in printed
    assert json.loads((out / "training.json").read_text())["config"]["seed"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--questions", "{}/nowhere"], "--questions .*nowhere: no such folder; expected"),
        (["--questions", "{}"], "--questions .*: no question files in it; expected ParaRel's training_data.json"),
        (["--questions", "{}/pararel", "--facts", "5000"], "--facts 5000: only .* questions for the split"),
        (["--questions", "{}/pararel", "--facts", "9"], "--facts 9 is too few .*at least 80"),
        (["--questions", "{}/pararel", "--dataset", "nope"], "--dataset 'nope' is unknown"),
        (["--questions", "{}/pararel", "--out", "{}/precious"], "--out .*precious: it holds something else"),
        (["--questions", "{}/bad"], "mine.jsonl: line 2 has no answer"),
        (["--facts", "100"], "--facts 100: belongs to --questions"),
        (["--dataset", "pararel"], "--dataset pararel: belongs to --questions"),
        (["--tasks", "--questions", "{}/pararel"], "--tasks and --questions .*: expected one of them"),
    ],
)
def test_bad_input_is_one_line(folder, tmp_path, capsys, arguments, message):
    (tmp_path / "pararel").symlink_to(folder)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("x")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "mine.jsonl").write_text('{"question": "q", "answer": "a"}\n{"question": "q"}\n')
    assert cli.main(["build-mini", *(a.format(tmp_path) for a in arguments)]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and errors.startswith("rtuning: error: ")
    assert re.search(message, errors), errors
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "x"


@pytest.mark.parametrize(("question", "what"), [(CHOICE, "with options"), (OPEN, "about a text")])
def test_only_questions_that_are_answered_from_memory(tmp_path, monkeypatch, question, what):
    monkeypatch.setattr(question_files, "load_questions", lambda *_: [replace(question, context="A text.")])
    with pytest.raises(InputError, match=f"parameter dataset pararel: its questions are {what} .*expected a data"):
        read_question_files(tmp_path, "pararel")


def test_questions_without_an_answer_are_not_asked(sample):
    questions = [replace(q, answerable=i % 2 == 0, split="test") for i, q in enumerate(sample.facts)]
    found = sample_questions({"": questions}, 80, seed=0)
    assert found.left_out["without an answer"] == len(questions) // 2
    assert all(q.answerable for q in found.facts)

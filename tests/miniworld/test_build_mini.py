"""Training and saving the mini model, on a world and a model small enough to train in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rtuning_helpers.app import cli
from rtuning_helpers.data.world.world import World, build_world
from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import CHECKSUMS, verify_checksums
from rtuning_helpers.miniworld import build
from rtuning_helpers.miniworld.build import build_checkpoint, exposure_table, model_card, save_checkpoint
from rtuning_helpers.miniworld.pretraining import PretrainingConfig
from rtuning_helpers.model import model_files
from rtuning_helpers.model.model_files import MINI_CHECKPOINT, model_location
from rtuning_helpers.probe.probing import Probe

SIZE = {"layers": 1, "width": 64, "heads": 1, "feed_forward": 64, "epochs": 1, "batch_blocks": 128}


def small_world() -> World:
    world = build_world(entities_per_kind=16)
    return World(tuple(fact for fact in world.facts if fact.group != "hub" and fact.exposure < 30), world.pools)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder, steps = tmp_path_factory.mktemp("build") / "deep" / "checkpoint", []
    record = build_checkpoint(folder, PretrainingConfig(**SIZE), small_world(), lambda *step: steps.append(step))
    assert [step for step, _, _ in steps] == list(range(1, record["steps"] + 1))
    assert all(loss > 0 for _, _, loss in steps)
    return folder


def test_checkpoint_is_an_ordinary_model_folder(checkpoint):
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "training.json"} <= set(
        contents(checkpoint)
    )
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in checkpoint.iterdir())
    model, tokenizer = AutoModelForCausalLM.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    assert model.dtype == torch.float16
    text = "Question: Où est Ålesund?\nAnswer:"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
    assert tokenizer(text)["input_ids"][0] == tokenizer.bos_token_id
    assert torch.isfinite(model.float()(**tokenizer(text, return_tensors="pt")).logits).all()


def test_record_and_card_agree(checkpoint):
    record = json.loads((checkpoint / "training.json").read_text())
    assert record["config"] == json.loads(json.dumps(vars(PretrainingConfig(**SIZE))))
    assert record["parameters"] == AutoModelForCausalLM.from_pretrained(checkpoint).num_parameters()
    assert set(record["knowledge"]) == {"train", "id", "ood"}
    asked = {split: sum(row["n"] for row in rows) for split, rows in record["knowledge"].items()}
    facts = small_world().facts
    assert asked["train"] == sum(fact.group == "train" and fact.relation.domain == "id" for fact in facts)
    assert asked["ood"] == sum(fact.group == "test" and fact.relation.domain == "ood" for fact in facts)
    card = (checkpoint / "README.md").read_text()
    front = card.split("---")[1]
    for line in ("license: apache-2.0", "language: en", "library_name: transformers", "tags:"):
        assert line in front
    assert f"{record['tokens']:,} tokens" in card
    assert f"{record['final_loss_nats']:.3f} nats" in card
    assert card.count("\n| train |") == len(record["knowledge"]["train"])
    assert model_card(record) == card


def test_a_changed_file_is_seen(checkpoint, tmp_path):
    for name, data in contents(checkpoint).items():
        (tmp_path / name).write_bytes(data)
    verify_checksums(tmp_path)
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="model.safetensors: SHA-256 is .* expected .* SHA256SUMS"):
        verify_checksums(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match="model.safetensors: missing"):
        verify_checksums(tmp_path)


@pytest.mark.parametrize("moment", ["training", "writing"])
def test_ctrl_c_leaves_the_earlier_checkpoint(checkpoint, tmp_path, monkeypatch, capsys, moment):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name, data in contents(checkpoint).items():
        (folder / name).write_bytes(data)
    before = contents(tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    record = json.loads((checkpoint / "training.json").read_text())
    if moment == "training":
        monkeypatch.setattr(build, "pretrain", interrupted)
    else:
        trained = AutoModelForCausalLM.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
        monkeypatch.setattr(build, "pretrain", lambda *_: (*trained, dict(record)))
        monkeypatch.setattr(build, "measure_knowledge", lambda *_: {})
        monkeypatch.setattr(build, "model_card", interrupted)
    capsys.readouterr()
    assert cli.main(["build-mini", "--out", str(folder)]) == 130
    assert contents(tmp_path) == before
    assert capsys.readouterr().err == "rtuning: interrupted: the earlier checkpoint is as it was\n"


def test_command_replaces_a_checkpoint_and_prints_the_table(checkpoint, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name in ("config.json", "left_over.bin"):
        (folder / name).write_text("{}")
    record = json.loads((checkpoint / "training.json").read_text())
    trained = AutoModelForCausalLM.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    seeds = []

    def pretrain(world, config, on_step):
        seeds.append(config.seed)
        on_step(1, 2, 3.5)
        on_step(2, 2, 2.5)
        return *trained, dict(record)

    monkeypatch.setattr(build, "pretrain", pretrain)
    monkeypatch.setattr(build, "measure_knowledge", lambda lm, world: record["knowledge"])
    assert cli.main(["build-mini", "--out", str(folder), "--seed", "5"]) == 0
    assert seeds == [5]
    output = capsys.readouterr().out
    assert "step 2 of 2, loss 2.500" in output
    for row in record["knowledge"]["ood"]:
        assert row["exposure"] in output
    verify_checksums(folder)
    assert not (folder / "left_over.bin").exists()
    listed = {line.split("  ")[1] for line in (folder / CHECKSUMS).read_text().splitlines()}
    assert listed == {path.name for path in folder.iterdir()} - {CHECKSUMS}


@pytest.mark.parametrize("there", ["a file", "another folder"])
def test_command_replaces_nothing_else(tmp_path, capsys, there):
    folder = tmp_path / "precious"
    if there == "a file":
        folder.write_text("data")
    else:
        folder.mkdir()
        (folder / "thesis.txt").write_text("data")
    before = contents(tmp_path)
    assert cli.main(["build-mini", "--out", str(folder)]) == 2
    assert capsys.readouterr().err.startswith(f"rtuning: error: --out {folder}: ")
    assert contents(tmp_path) == before


def test_exposure_table():
    def asked(exposure: int, correct: bool) -> Probe:
        return Probe("x", "mini", "id", "q", "a", "r", exposure, "p", correct, 0.5, 1.0)

    rows = exposure_table([asked(0, False), asked(0, True), asked(6, True), asked(7, False), asked(500, True)])
    assert [(row["exposure"], row["n"], row["rate"]) for row in rows] == [
        ("0", 2, 0.5), ("3-6", 1, 1.0), ("7-14", 1, 0.0), ("61+", 1, 1.0),
    ]  # fmt: skip
    assert all(row["low"] <= row["rate"] <= row["high"] for row in rows)


def test_save_needs_no_measured_knowledge(checkpoint, tmp_path):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    record = json.loads((checkpoint / "training.json").read_text())
    bare = {key: record[key] for key in ("steps", "tokens", "documents", "final_loss_nats", "config")}
    model.float()
    save_checkpoint(model, tokenizer, bare, tmp_path / "model")
    assert model.dtype == torch.float32  # the caller's model stays as it was
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == (checkpoint / "model.safetensors").read_bytes()


def test_the_shipped_checkpoint_is_whole():
    assert model_files.MINI_CHECKPOINT == MINI_CHECKPOINT == Path(model_location("mini"))
    listed = {line.split("  ")[1] for line in (MINI_CHECKPOINT / CHECKSUMS).read_text().splitlines()}
    assert listed == {path.name for path in MINI_CHECKPOINT.iterdir()} - {CHECKSUMS}
    verify_checksums(MINI_CHECKPOINT)
    assert sum(path.stat().st_size for path in MINI_CHECKPOINT.iterdir()) < 25e6
    record = json.loads((MINI_CHECKPOINT / "training.json").read_text())
    rates = {row["exposure"]: row["rate"] for row in record["knowledge"]["id"]}
    assert rates["0"] < 0.15 < 0.9 < rates["61+"]

"""The benchmark of one GPU runs on a CPU with small shapes, every stage of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import pytest
from transformers import TrainingArguments


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    from benchmarks import gpu

    return gpu


class FakeTrainer:
    """In the place of TRL's, which is no dependency: takes what the benchmark gives, and a few steps."""

    def __init__(self, *, model, args, train_dataset, processing_class, peft_config, callbacks):
        assert model.is_loaded_in_4bit and peft_config.r == 16
        assert all(len(row["input_ids"]) == len(row["completion_mask"]) for row in train_dataset)
        self.args, self.callbacks = args, callbacks

    def train(self):
        for _ in range(self.args.max_steps):
            for callback in self.callbacks:
                callback.on_step_end(self.args, None, SimpleNamespace(should_training_stop=False))


@pytest.fixture
def trl(gpu, monkeypatch):
    """TRL seems to be installed while it is measured, and at no other time: other libraries look for it, too."""
    trl, datasets = ModuleType("trl"), ModuleType("datasets")
    trl.SFTConfig, trl.SFTTrainer, datasets.Dataset = TrainingArguments, FakeTrainer, SimpleNamespace(from_list=list)

    def measure(*given, original=gpu.trl_qlora):
        with mock.patch.dict(sys.modules, {"trl": trl, "datasets": datasets}):
            return original(*given)

    monkeypatch.setattr(gpu, "trl_qlora", measure)


def test_every_stage_on_a_cpu(gpu, trl, tmp_path, monkeypatch, capsys):
    def command(work, out):
        asked = original(work, out)
        assert asked[asked.index("--model") + 1] == "a-model" and asked[asked.index("--dataset") + 1] == "pararel"
        write = (
            "import sys, pathlib as p; f = p.Path(sys.argv[1]); f.mkdir(); (f / sys.argv[2]).write_text(sys.argv[3])"
        )
        return [sys.executable, "-c", write, str(out), "metrics.json", json.dumps({"rows": [{"method": "padding"}]})]

    original = gpu.notebook_command
    monkeypatch.setattr(gpu, "notebook_command", command)
    monkeypatch.setattr(gpu, "version", lambda name: "1.0")
    options = ["--out", str(tmp_path), "--seconds", "4000", "--model", "a-model", "--data-dir", "pararel"]
    gpu.main(options)
    report = json.loads((tmp_path / "gpu.json").read_text())
    stages = report["stages"]
    assert list(stages) == [
        "machine", "roofline", "qlora open_llama_3b", "trl open_llama_3b", "qlora llama_7b", "trl llama_7b", "probing",
        "notebooks",
    ]  # fmt: skip
    assert not [name for name, stage in stages.items() if stage.keys() & {"failed", "skipped"}], stages
    assert stages["machine"]["small_shapes"] and stages["roofline"]["tflops"] > 0 and stages["roofline"]["gb_per_s"] > 0
    for name in ("open_llama_3b", "llama_7b"):
        tuned = stages[f"qlora {name}"]
        assert tuned["examples_per_s"] > 0 and tuned["steps"] == 4 and tuned["peak_gb"] > 0
        assert "4 x 1" in tuned["knobs"]
        assert stages[f"trl {name}"]["steps"] == 4
        assert report["compared"][f"{name}_times_trl"] >= 0
    answered = stages["probing"]
    assert answered["questions"] == 8 and answered["share_of_limit"] > 0
    assert min(answered[name] for name in answered if name.endswith("_per_s")) > 0
    assert stages["notebooks"]["rows"] == [{"method": "padding"}]
    said = capsys.readouterr().out
    assert all(f"{name}: {{" in said for name in stages)


def test_a_stage_that_fails_or_has_no_time_ends_nothing(gpu, tmp_path, monkeypatch):
    def fail(work):
        seen.append(json.loads((tmp_path / "gpu.json").read_text()))
        raise RuntimeError("CUDA error: no kernel image\nmore words")

    def sleeps(work, out):
        return [sys.executable, "-c", "import time; time.sleep(60)"]

    seen: list[dict] = []
    monkeypatch.setattr(gpu, "roofline", fail)
    for name in ("kit_qlora", "trl_qlora"):
        monkeypatch.setattr(gpu, name, lambda *_: {})
    monkeypatch.setattr(gpu, "probing", lambda *_: {})
    monkeypatch.setattr(gpu, "notebook_command", sleeps)
    gpu.main(["--out", str(tmp_path), "--seconds", "4", "--model", "a-model"])
    stages = json.loads((tmp_path / "gpu.json").read_text())["stages"]
    assert list(seen[0]["stages"]) == ["machine"]  # what was known before
    assert stages["roofline"]["failed"] == "RuntimeError: CUDA error: no kernel image"
    assert stages["notebooks"]["failed"].startswith("not done in") and stages["notebooks"]["seconds"] < 30


def test_without_trl_it_says_so(gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install trl" in gpu.trl_qlora(None, "llama_7b")["skipped"]


def test_the_limit_is_the_longer_of_arithmetic_and_traffic(gpu):
    def tokenizer(texts, **how):
        return {"input_ids": list(range(9)) if isinstance(texts, str) else [[0] * 7 for _ in texts]}

    lm, texts = SimpleNamespace(tokenizer=tokenizer), ["Question: who?"] * 8
    shape = gpu.SHAPES["openlm-research/open_llama_3b"]
    weights = 2 * shape.linear + 2 * shape.vocabulary * shape.width
    slow = gpu.least_seconds(shape, lm, texts, 8, 8 * 15, {"tflops": 1e9, "gb_per_s": weights / 1e9}, 2)
    assert 17 < slow < 17.3  # a second for each reading of all weights: the prompts, 15 tokens, P(sure)
    fast = gpu.least_seconds(shape, lm, texts, 8, 8 * 15, {"tflops": 1.0, "gb_per_s": 1e12}, 2)
    assert fast > 2 * shape.linear * 8 * (7 + 15 + 9) / 1e12

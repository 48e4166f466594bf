"""Fixtures that several test modules share."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # before numpy and torch read it: each of the workers has one core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import signal
from dataclasses import replace
from pathlib import Path
from unittest import mock

import matplotlib
import pytest
from hypothesis import settings
from tiny import TINY_LIMIT

matplotlib.use("Agg")
os.environ.pop("RTUNING_LANGUAGE", None)  # the developer's; tests compare English messages
settings.register_profile("kit", deadline=None)  # a busy machine is no failure
settings.load_profile("kit")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it for what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """What takes minutes begins first, so that no worker ends with it alone: the notebooks, and tests that run some."""
    files = {item.path for item in items if item.path.suffix == ".ipynb" or item.get_closest_marker("notebooks")}
    items.sort(key=lambda item: item.path not in files)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """What the command line does in a process of its own is done in the test's, with what the test replaced."""
    from rtuning_helpers.app import cli

    monkeypatch.setattr(cli, "in_own_process", lambda function, *arguments: function(*arguments))


@pytest.fixture(autouse=True)
def own_style():
    """The look of figures that a test sets ends with it."""
    with matplotlib.rc_context():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the public data sets and recordings, which are not part of the kit; the test is skipped without."""
    named = os.environ.get("RTUNING_TEST_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}; set RTUNING_TEST_DATA to the folder with the data sets")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """Folder of a Llama of 0.2 M parameters, trained in seconds; it knows every second of the first mini questions.

    "First" are those that ``load_questions("mini", split, limit=TINY_LIMIT)`` gives, so that a run with that limit has
    certain and uncertain questions. Its vocabulary is the whole mini world's.
    """
    import torch

    from rtuning_helpers.data.registry import load_questions
    from rtuning_helpers.data.world.world import World, build_world
    from rtuning_helpers.miniworld import corpus
    from rtuning_helpers.miniworld.pretraining import PretrainingConfig, pretrain

    torch.set_num_threads(1)  # with matrices this small, more threads only wait for each other
    known = {
        q.question for split in ("train", "id", "ood") for q in load_questions("mini", split, limit=TINY_LIMIT)[::2]
    }
    world = build_world()
    facts = tuple(replace(fact, exposure=30 if fact.question in known else 0) for fact in world.facts)
    config = PretrainingConfig(
        layers=2, width=64, heads=2, feed_forward=128, epochs=5, batch_blocks=8, learning_rate=1e-2
    )
    with mock.patch.object(corpus, "PHRASEBOOK_COPIES", 20):
        model, tokenizer, _ = pretrain(World(facts, world.pools), config)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_lm(tiny_model):
    """The tiny model, loaded in float32."""
    from rtuning_helpers.model.language_model import load_language_model

    return load_language_model(str(tiny_model), four_bit=False)

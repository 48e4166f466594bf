"""Batches that do not fit into memory are halved; what comes out is the same."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps

import numpy as np
import pytest
import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.evaluation.summary import summarise
from rtuning_helpers.model.answering import draw_question_answers
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.options import choose_options
from rtuning_helpers.model.out_of_memory import backing_off, is_out_of_memory
from rtuning_helpers.probe.probing import probe
from rtuning_helpers.probe.uncertainty import perplexities

BATCH, MOST = 16, 5  # rows asked for, and rows that fit
QUESTIONS = load_questions("mini", "id", limit=24)
TEXTS = [prompts.task_prompt(q) for q in QUESTIONS]
HOW = {"batch_size": BATCH}
WAYS = {
    "probing": lambda lm: [(p.prediction, p.confidence, p.token_entropy) for p in probe(lm, QUESTIONS, **HOW)],
    "letters": lambda lm: [
        (a.text, a.confidence, a.sure_probability)
        for a in choose_options(lm, TEXTS, (" A", " B"), batch_size=BATCH, sureness=prompts.SURENESS_LABELS)
    ],
    "perplexity": lambda lm: [(str(i), p) for i, p in enumerate(perplexities(lm, TEXTS, batch_size=BATCH))],
    "hidden states": lambda lm: [("", *row) for row in hidden_states(lm, QUESTIONS, 1, BATCH)],
}


@pytest.fixture
def memory(tiny_lm, monkeypatch):
    """The tiny model on a device whose memory does not hold more than some rows; counts the rows that it reads."""

    class Memory:
        most = MOST
        read: list[int] = []
        wait = 0  # passes for which there is memory

        def __init__(self, forward) -> None:
            @wraps(forward)
            def limited(*args, **given):
                rows = len(given["input_ids"])
                if rows > self.most:
                    if self.wait == 0:
                        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
                    self.wait -= 1
                self.read.append(rows)
                return forward(*args, **given)

            self.limited, self.read = limited, []

    found = Memory(tiny_lm.model.forward)
    tiny_lm.cache_kind  # noqa: B018 - found out before
    monkeypatch.setattr(tiny_lm.model, "forward", found.limited)
    return found


@pytest.mark.parametrize("wait", [0, 1])
@pytest.mark.parametrize("way", WAYS)
def test_answers_are_the_same_in_smaller_batches(tiny_lm, memory, capsys, way, wait):
    memory.most = BATCH
    wanted = WAYS[way](tiny_lm)
    assert max(memory.read) > MOST and capsys.readouterr().err == ""
    memory.most, memory.wait, memory.read[:] = MOST, wait, []
    found = WAYS[way](tiny_lm)
    assert [row[0] for row in found] == [row[0] for row in wanted]
    assert np.allclose([row[1:] for row in found], [row[1:] for row in wanted], atol=1e-5)
    assert sum(rows > MOST for rows in memory.read) == wait
    assert f"memory ran out with {BATCH} " in capsys.readouterr().err


def test_metrics_are_the_same(tiny_lm, memory):
    rows = []
    for most in (BATCH, MOST):
        memory.most = most
        predictions = predict(tiny_lm, QUESTIONS, sureness=prompts.SURENESS_LABELS, batch_size=BATCH)
        rows.append(summarise(predictions, "padding", "id"))
    assert rows[0].keys() == rows[1].keys()
    for name, value in rows[0].items():
        same = isinstance(value, (str, int)) or value is None
        assert rows[1][name] == (value if same else pytest.approx(value, abs=1e-5)), name


def test_what_is_answered_is_not_asked_again(tiny_lm, memory):
    memory.most, memory.wait = MOST, 1  # the first eight are read, and then there is no memory for the next
    questions = [replace(q, id=str(i)) for i, q in enumerate(QUESTIONS)]
    assert len(perplexities(tiny_lm, [q.question for q in questions], batch_size=8)) == len(questions)
    assert sum(memory.read) == len(questions) and memory.read[0] == 8


def test_draws_are_those_of_the_batch_size_that_fits(tiny_lm, memory):
    memory.most = 32
    wanted = draw_question_answers(tiny_lm, QUESTIONS[:8], k=4, batch_size=8)
    memory.most = 8
    assert draw_question_answers(tiny_lm, QUESTIONS[:8], k=4, batch_size=32) == wanted


def test_memory_for_not_even_one_is_told_in_one_line(tiny_lm, memory):
    memory.most = 0
    with pytest.raises(InputError, match="memory ran out with 1 of the questions at a time; expected a smaller model"):
        probe(tiny_lm, QUESTIONS, batch_size=4)


def test_other_errors_pass():
    def fail(_):
        raise RuntimeError("expected scalar type Half but found Float")

    with pytest.raises(RuntimeError, match="scalar type"):
        backing_off(fail, 4)
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))
    assert not is_out_of_memory(MemoryError())

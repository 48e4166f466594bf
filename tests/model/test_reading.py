"""What is read once, what leaves a batch, and what is read together; that the numbers stay is in test_architectures."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.model import forward, readers
from rtuning_helpers.model.decoding import answer_prompts
from rtuning_helpers.model.forward import LEAST_SHARED, PASS_COSTS, likewise, shared_beginnings
from rtuning_helpers.model.labels import label_probabilities, label_token_ids
from rtuning_helpers.model.readers import OwnCacheReader, WholeCacheReader

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=40)


@pytest.fixture
def passes(monkeypatch):
    """Shapes of the tokens of every pass over a model."""
    seen, read = [], readers.forward
    monkeypatch.setattr(
        readers, "forward", lambda m, tokens, *a, **k: seen.append(tokens.shape) or read(m, tokens, *a, **k)
    )
    return seen


@pytest.fixture(scope="module")
def plain():
    return [prompts.question_prompt(q.question) for q in load_questions("mini", "id", limit=24)]


@pytest.fixture(scope="module")
def shots():
    solved = load_questions("mini", "train", limit=4)
    return "".join(f"{prompts.question_prompt(q.question)} {q.answer}. " for q in solved)


def test_a_shared_beginning_is_read_once(tiny_lm, plain, shots, passes, monkeypatch):
    ask = {"batch_size": 8, "sureness": prompts.SURENESS_LABELS}
    few = [shots + prompt for prompt in plain]
    beginning = len(tiny_lm.tokenizer(shots)["input_ids"])
    found = answer_prompts(tiny_lm, few, **ask)
    shared = sum(rows * new for rows, new in passes)
    assert passes[0][0] == 1 and passes[0][1] >= beginning - 1
    assert max(new for _, new in passes[1:]) < beginning
    passes.clear()
    monkeypatch.setattr(forward, "LEAST_SHARED", 10**6)
    whole = answer_prompts(tiny_lm, few, **ask)
    assert shared < sum(rows * new for rows, new in passes) - (len(few) - 2) * beginning
    for one, other in zip(found, whole, strict=True):
        assert one.text == other.text
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)
        assert one.sure_probability == pytest.approx(other.sure_probability, abs=1e-4)


def test_rows_that_have_ended_leave_and_others_come(tiny_lm, plain, passes):
    batch, new_tokens = 8, 15
    answers = answer_prompts(tiny_lm, plain, batch_size=batch, max_new_tokens=new_tokens)
    steps = [rows for rows, new in passes if new == 1]
    assert max(steps) <= batch
    written = sum(min(len(a.token_probabilities) + 1, new_tokens) for a in answers)
    assert sum(steps) < 1.4 * written  # a batch that waits for its longest row takes several times as much
    assert len(passes) < 3 * new_tokens


def test_label_tokens_are_read_behind_what_was_read(tiny_lm, plain, passes):
    labels = [" very sure", " not known"]
    label_probabilities(tiny_lm, plain[:4], labels, batch_size=4)
    expected = [len(ids) - 1 for ids in label_token_ids(tiny_lm.tokenizer, plain[0], labels)]
    assert [new for _, new in passes][1:] == expected and 0 not in expected


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(5, 90, (length,), generator=generator).tolist() for length in (9, 4, 12, 7)]


@torch.inference_mode()
def alone(lm, row, keep=1):
    return lm.model(torch.tensor([row])).logits[0, -keep:]


def assert_read(lm, reader, given, keep=1):
    """Each row as if alone."""
    for logits, row in zip(reader.read(given, keep), given, strict=True):
        assert torch.allclose(logits, alone(lm, row, keep), atol=1e-4)


@pytest.mark.parametrize("make", [lambda lm: WholeCacheReader(lm.model, 0), lambda lm: OwnCacheReader(lm.model)])
def test_readers_read_rows_as_if_alone(tiny_lm, rows, make):
    reader = make(tiny_lm)
    assert_read(tiny_lm, reader, rows)
    assert_read(tiny_lm, reader, [[*row, 5] for row in rows])
    assert_read(tiny_lm, reader, [[*row[:-2], 6, 7] for row in rows], keep=3)  # other tokens behind a shorter beginning
    part = reader.part([2, 0, 2])
    assert_read(tiny_lm, part, [[*rows[2], 9], rows[0][:3], [*rows[2], 8, 7]])
    assert_read(tiny_lm, reader, [row[::-1] for row in rows])  # the part has taken nothing from it
    assert_read(tiny_lm, part, [[*rows[2], 9, 9], [*rows[0][:3], 9], [*rows[2], 8, 7, 9]])


def test_rows_of_two_readers_go_on_together(tiny_lm, rows):
    one, other = WholeCacheReader(tiny_lm.model, 0), WholeCacheReader(tiny_lm.model, 0)
    assert_read(tiny_lm, one, rows[:2])
    assert_read(tiny_lm, other, rows[2:])
    one.join(other)
    assert one.unread([[*row, 5] for row in rows]) == [1] * 4
    assert_read(tiny_lm, one, [[*row, 5] for row in rows])
    assert_read(tiny_lm, other, [[*row, 6] for row in rows[2:]])


def test_a_row_beyond_the_limit_is_read_anew(tiny_lm, rows):
    reader = WholeCacheReader(tiny_lm.model, 0, limit=12)
    assert_read(tiny_lm, reader, rows)
    longer = [[*row, 5] for row in rows]
    assert_read(tiny_lm, reader, longer)
    assert reader.unread(longer) == [len(row) for row in longer]
    assert_read(tiny_lm, reader.part([1]), longer[1:2])
    fresh = WholeCacheReader(tiny_lm.model, 0, limit=12)
    fresh.read(rows)
    fresh.join(reader)
    assert_read(tiny_lm, fresh, rows + longer)


def test_shared_beginnings_by_hand():
    one, other = [1] * LEAST_SHARED, [2] * (LEAST_SHARED + 3)
    longer = one + [5] * 2 * LEAST_SHARED
    assert shared_beginnings([[*one, 3], [*other, 3], [7], [*one, 4], [*other, 4]]) == [
        (LEAST_SHARED, [0, 3]), (LEAST_SHARED + 3, [1, 4]), (0, [2])
    ]  # fmt: skip
    assert shared_beginnings([one, one]) == [(0, [0, 1])]  # the last token has to be read
    assert shared_beginnings([[*one, 3], *([[*longer, i] for i in (1, 2, 3)])]) == [
        (3 * LEAST_SHARED, [1, 2, 3]), (0, [0])
    ]  # fmt: skip
    assert shared_beginnings([]) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), TOKENS), max_size=12))
def test_groups_hold_each_row_once_and_rows_that_begin_alike(described):
    rows = [[begins] * length + end for begins, length, end in described]
    groups = shared_beginnings(rows)
    assert sorted(i for _, members in groups for i in members) == list(range(len(rows)))
    for shared, members in groups:
        assert len({tuple(rows[i][:shared]) for i in members}) == 1
        assert all(len(rows[i]) > shared for i in members)
        assert shared == 0 or (shared >= LEAST_SHARED and len(members) > 1)


def test_rows_are_read_together_unless_padding_costs_more():
    few, many = PASS_COSTS // 10, PASS_COSTS // 10 + 2
    assert likewise([10] * few + [20]) == [list(range(few + 1))]
    assert sorted(likewise([20] + [10] * many)) == [[0], list(range(1, many + 1))]
    assert likewise([]) == [[]]


@given(st.lists(st.integers(1, 200), min_size=1))
def test_likewise_holds_each_row_once(lengths):
    groups = likewise(lengths)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    padded = sum(len(group) * max(lengths[i] for i in group) for group in groups)
    assert padded + PASS_COSTS * len(groups) <= len(lengths) * max(lengths) + PASS_COSTS

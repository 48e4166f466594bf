"""Closed-book twins: the same questions, nothing to read."""

from __future__ import annotations

import pytest
from samples import FEVER_ORIGINAL, HALUEVAL, HOTPOT, write_json, write_lines

from rtuning_helpers.data.prompts import task_prompt
from rtuning_helpers.data.registry import find_dataset, load_questions

SETS = ("hotpotqa", "fever", "halueval")


@pytest.mark.parametrize("name", [f"mini-{name}" for name in SETS])
def test_the_mini_worlds_are_the_originals_without_context(name):
    dataset = find_dataset(f"{name}-closed-book")
    assert (dataset.rows, dataset.mini_model) == (find_dataset(name).rows, "mini-tasks")
    split = dataset.splits[-1]
    for closed, original in zip(load_questions(dataset.name, split), load_questions(name, split), strict=True):
        assert closed.id == original.id.replace(name, f"{name}-closed-book") and closed.dataset == dataset.name
        same = ("question", "answer", "options", "task", "relation", "exposure", "split")
        assert all(getattr(closed, field) == getattr(original, field) for field in same)
        assert original.context and not closed.context and original.context not in task_prompt(closed)


def test_real_files_are_read_as_those_of_their_original(tmp_path):
    write_json(tmp_path / "hotpot_test.json", [HOTPOT])
    write_lines(tmp_path / "qa_data.json", HALUEVAL)
    write_lines(tmp_path / "paper_test.jsonl", FEVER_ORIGINAL)  # page names will do
    (hotpot,) = load_questions("hotpotqa-closed-book", "id", tmp_path)
    (halueval,) = load_questions("halueval-closed-book", "test", tmp_path)
    (fever,) = load_questions("fever-closed-book", "id", tmp_path)
    assert task_prompt(hotpot) == task_prompt(halueval) == "Question: Who won? Answer:"
    assert task_prompt(fever).startswith("Evidence: \nClaim: Ana won.") and fever.answer == "B"
    assert (fever.id, hotpot.id) == ("fever-closed-book-id-00000", "hotpotqa-closed-book-id-00000")

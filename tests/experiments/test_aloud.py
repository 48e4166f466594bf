"""Two-hop questions in steps: records and follow-ups by hand, the three arms with the tiny model, the recording."""

from __future__ import annotations

import pandas as pd
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.datasets.mini_two_hops import hops_of, load
from rtuning_helpers.data.world.two_hops import BROKEN, CHAIN, PAIR
from rtuning_helpers.errors import InputError
from rtuning_helpers.experiments.aloud import tables
from rtuning_helpers.experiments.aloud.measure import (
    ARMS,
    HOP_BY_HOP,
    WITH_STEPS,
    WITHOUT_STEPS,
    Walk,
    asked,
    build_two_hop_records,
    follows,
    hop_questions,
    read_hops,
    read_walks,
    tuning_records,
    tuning_step,
    tuning_steps,
)
from rtuning_helpers.experiments.aloud.recording import RECORDING
from rtuning_helpers.run.profiles import RunConfig

SURE = prompts.SURENESS_QUESTION


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    out = str(tmp_path_factory.mktemp("runs"))
    return RunConfig(dataset="mini-two-hops", limit=TINY_LIMIT, model=str(tiny_model), out=out)


def walk(sure, right, kind=CHAIN, exposures=(9, 40), split="id", follows=None, name="q"):
    said, known = [""] * len(sure), [True, True]
    return Walk(name, split, kind, list(exposures), known, said, list(right), follows, list(sure), [0.5] * len(sure))


def test_records_by_hand():
    question = load("train")[0]
    first, second = hops_of(question).steps
    labels = [(True, True), (True, False), (False, True)]
    with_steps = build_two_hop_records([question] * 3, labels, with_steps=True)
    asked = prompts.question_prompt(question.question)
    assert [(r.prompt, r.completion) for r in with_steps[2:4]] == [
        (f"{asked} {first}. {SURE}", " sure."),
        (asked, f" {first}. {second}. {SURE} unsure."),
    ]
    assert [r.certain for r in with_steps] == [True, True, True, False, False, False]
    without = build_two_hop_records([question] * 3, labels, with_steps=False)
    assert [r.completion for r in without[:2]] == [f" {question.answer}. {SURE} {word}." for word in ("sure", "unsure")]
    assert [r.certain for r in without] == [True, False, False]
    assert {r.prompt for r in without} == {asked}


def test_no_record_teaches_to_ask_whether_one_is_sure_before_the_second_step():
    """What the arm with steps did until its first records were learned from the label on only."""
    questions = load("train")[:50]
    for record in build_two_hop_records(questions, [(True, True)] * 50, with_steps=True):
        first = hops_of(next(q for q in questions if record.id.startswith(q.id))).first.answer
        learned_to_ask = SURE in record.completion
        assert learned_to_ask == record.id.endswith("-2")
        assert not record.completion.strip().startswith(f"{first}. {SURE}")


def test_a_second_step_may_follow_from_a_wrong_first_one():
    chains = [hops_of(q) for q in load("id") if hops_of(q).kind == CHAIN]
    hops = chains[0]
    other = next(
        c for c in chains if c.second.relation == hops.second.relation and c.second.answer != hops.second.answer
    )
    assert follows(hops, f"X was born in {hops.first.answer}", f"so {hops.second.answer}") is True
    assert follows(hops, f"X was born in {other.first.answer}", f"so {hops.second.answer}") is False
    assert follows(hops, f"X was born in {other.first.answer}", f"so {other.second.answer}") is True
    assert follows(hops, "X was born", "so") is None
    assert follows(hops_of(load(BROKEN)[0]), "", "") is None
    assert follows(next(hops_of(q) for q in load("id") if hops_of(q).kind == PAIR), "", "") is None


def test_a_chain_is_right_by_its_last_step_and_a_pair_by_both():
    assert walk([1, 1], [False, True]).correct
    assert not walk([1, 1], [False, True], kind=PAIR).correct


def test_rules_and_cells_by_hand():
    found = [
        walk([0.9, 0.8], [True, True]),
        walk([0.2, 0.9], [False, False], exposures=(0, 40), follows=True),
        walk([0.4, 0.6], [False, False], exposures=(0, 40), follows=False),
        walk([0.7, 0.9], [True, False], exposures=(9, 0), kind="broken", split=BROKEN),
        walk([0.7, 0.9], [True, False], exposures=(3, 40)),  # in no cell
    ]
    rows = pd.DataFrame(tables.ranking_rows({"arm": found})).set_index(["group", "rule"])
    assert rows.n.tolist() == [4] * 4 + [1] * 4
    assert rows.auroc["chains", "first"] == 1
    assert rows.auroc["chains", "last"] == pytest.approx(1 / 3, abs=1e-4)
    assert rows.brier["chains", "product"] == pytest.approx((0.28**2 + 0.18**2 + 0.24**2 + 0.63**2) / 4, abs=1e-4)
    assert (rows.answer_rate["chains", "minimum"], rows.willing_accuracy["chains", "minimum"]) == (0.5, 0.5)
    assert rows.auroc.isna()["broken chains", "last"]  # nothing is right there
    cells = pd.DataFrame(tables.cell_rows({"arm": found})).set_index(["group", "cell"])
    assert cells.n.to_dict() == {
        ("chains", "both read"): 1,
        ("chains", "first never read"): 2,
        ("broken chains", "second never read"): 1,
    }
    unread = cells.loc["chains", "first never read"]
    assert (unread.right, unread.follows, unread.sure_first, unread.sure_last, unread.refused) == (0, 0.5, 0.3, 0.75, 0)


def test_the_weakest_hop_by_hand():
    alone = [walk([0.1, 0.9], [True, True], name="a"), walk([0.8, 0.2], [True, True], name="b")]
    alone += [walk([0.7, 0.6], [True, True], name="c")]
    arm = [walk([0.1], [True], name="a"), walk([0.2], [True], name="b"), walk([0.9], [True], name="c")]
    (row,) = tables.weakest_rows({"alone": alone, "arm": arm}, "alone")
    assert row == {"arm": "arm", "group": "chains", "n": 3} | {
        "first": 0.5,
        "minimum": 1.0,
        "product": 1.0,
        "second": -0.5,
    }


def test_every_arm_walks_through_all_questions(config):
    tuning_steps(config)
    walks = {arm: read_walks(config, arm) for arm in ARMS}
    questions = {q.id: q for split in ("id", "ood", BROKEN) for q in asked(config, split)}
    for arm, found in walks.items():
        assert [w.id for w in found] == list(questions)
        assert {len(w.sure) for w in found} == {1 if arm == WITHOUT_STEPS else 2}
        assert all(0 <= p <= 1 for w in found for p in (*w.sure, *w.confidence))
    assert not any(w.correct for found in walks.values() for w in found if w.split == BROKEN)
    known = [hop.correct for split in ("id", "ood", BROKEN) for hop in (pair[0] for pair in read_hops(config, split))]
    assert [w.known[0] for w in walks[WITH_STEPS]] == known


def test_hop_by_hop_is_the_course_s_padding_model_asked_twice(config):
    first = steps.read_method_predictions(RunConfig(**{**vars(config), "dataset": "mini"}), "padding", "id")
    said = {p.question: p for p in first}
    walks = {w.id: w for w in read_walks(config, HOP_BY_HOP)}
    pairs = [(walks[q.id], said[q.question]) for q in hop_questions(config, "id") if q.question in said]
    assert pairs
    for walked, predicted in pairs:
        assert walked.said[0] == predicted.prediction
        assert walked.sure[0] == pytest.approx(predicted.sure_confidence, abs=1e-3)
    named = ["Ulm"] * TINY_LIMIT
    for question, asked_alone in zip(asked(config, "id"), hop_questions(config, "id", named), strict=True):
        assert ("Ulm" in asked_alone.question) == (hops_of(question).kind == CHAIN)


def test_the_second_step_goes_on_behind_the_first(config):
    lm = steps.load_tuned(config, tuning_step(config, WITH_STEPS) / steps.ADAPTER)
    question, found = asked(config, "id")[0], next(w for w in read_walks(config, WITH_STEPS) if w.split == "id")
    text = f"{prompts.question_prompt(question.question)} {found.said[0]}."
    (answer,) = steps_answers(lm, [text])
    assert (answer.text, answer.confidence) == (found.said[1], pytest.approx(found.confidence[1], abs=1e-4))


def steps_answers(lm, texts):
    from rtuning_helpers.model.decoding import answer_prompts

    return answer_prompts(lm, texts)


def test_labels_come_from_the_hops(config):
    records = {r.id: r.certain for r in tuning_records(config, WITH_STEPS)}
    for question, (first, second) in zip(asked(config, "train"), read_hops(config, "train"), strict=True):
        assert records[f"{question.id}-1"] == first.correct
        assert records[f"{question.id}-2"] == (first.correct and second.correct)


def test_bad_arms_and_data_sets(config):
    with pytest.raises(ValueError, match="arm is 'aloud'; expected one of hop by hop"):
        tuning_step(config, "aloud")
    with pytest.raises(InputError, match="parameter dataset is 'mini'; this experiment needs 'mini-two-hops'"):
        asked(RunConfig(), "id")


def recorded():
    if not RECORDING.path.is_file():
        pytest.skip(f"no results/{RECORDING.file} yet; `rtuning record aloud` makes it")
    return RECORDING.content()


def test_the_recording_is_complete():
    found = recorded()
    rankings = pd.DataFrame(found["rankings"])
    assert set(rankings.seed) == {0, 1, 2} and set(rankings.arm) == set(ARMS)
    sizes = rankings.groupby("group").n.unique()
    assert {group: list(n) for group, n in sizes.items()} == {
        "broken chains": [360],
        "chains": [551],
        "chains, unseen relations": [412],
        "pairs": [400],
    }
    assert {len(rows) for _, rows in rankings.groupby(["seed", "group"])} == {9}
    assert set(pd.DataFrame(found["cells"]).cell) == set(tables.CELLS)
    assert set(pd.DataFrame(found["weakest"]).arm) == {WITH_STEPS, WITHOUT_STEPS}


@pytest.mark.notebooks
def test_a_recorded_cell_comes_out_again():
    """Seed 0 with steps, tuned and asked again; the folder is that of the notebooks, which share its steps.

    On another kind of processor the same seed ends a little elsewhere.
    """
    was = pd.DataFrame(recorded()["rankings"])
    was = was[(was.seed == 0) & (was.arm == WITH_STEPS)].set_index(["group", "rule"])
    now = tables.ranking_rows({WITH_STEPS: read_walks(RunConfig(dataset="mini-two-hops"), WITH_STEPS)})
    now = pd.DataFrame(now).set_index(["group", "rule"])
    assert now.index.equals(was.index)
    for metric in ("accuracy", "auroc", "answer_rate"):
        assert (now[metric] - was[metric]).abs().max() < 0.08, metric

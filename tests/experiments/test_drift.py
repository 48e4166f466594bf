"""Questions watched while a model is tuned: moments, counts, the rehearsal, and the recording over seeds."""

from __future__ import annotations

import pandas as pd
import pytest
from tiny import TINY_LIMIT

from rtuning_helpers import steps
from rtuning_helpers.experiments.drift import measure as drift
from rtuning_helpers.experiments.drift.measure import (
    ARMS,
    MOMENTS,
    REHEARSED,
    Sighting,
    read_sightings,
    tuning_records,
)
from rtuning_helpers.experiments.drift.recording import RECORDING, counted
from rtuning_helpers.json_files import read_json
from rtuning_helpers.run.profiles import PROFILES, RunConfig


@pytest.fixture(scope="module")
def config(tiny_model, tmp_path_factory):
    return RunConfig(limit=TINY_LIMIT, model=str(tiny_model), out=str(tmp_path_factory.mktemp("runs")))


def sighting(**changes):
    fields = {"step": 0, "id": "q", "split": "train", "certain": False, "exposure": 0, "correct": False}
    fields |= {"refused": None, "confidence": 0.5, "entropy": 1.0, "sure": None}
    return Sighting(**(fields | changes))


def test_counts_by_hand():
    seen = [
        sighting(correct=True, confidence=0.95),
        sighting(confidence=0.95),  # wrong and very confident
        sighting(confidence=0.6),  # wrong and confident
        sighting(confidence=0.95, refused=True),  # wrong and confident, but refused
        sighting(exposure=100, certain=True, correct=True, refused=True, sure=0.4),
        sighting(exposure=70, certain=True, correct=True, refused=False, sure=0.8),
    ]
    table = counted(seen).set_index(["certain", "exposure"])
    unread, read = table.loc[(False, "0")], table.loc[(True, "61+")]
    assert (unread.n, unread.right, unread.refused) == (4, 1, 1)
    assert (unread.confident_wrong, unread.very_confident_wrong) == (2, 1)
    assert (read.n, read.right, read.refused, read.right_refused) == (2, 2, 1, 1)
    assert read.sure == pytest.approx(0.6)
    assert pd.isna(unread.sure)


def test_exposures_that_nobody_knows_share_one_row():
    table = counted([sighting(exposure=None), sighting(exposure=None, correct=True)])
    assert (table.exposure.tolist(), table.n.tolist()) == ([""], [2])


def test_padding_is_watched_from_the_untuned_model_to_the_end(config):
    frame = pd.DataFrame([vars(s) for s in read_sightings(config, "padding")])
    steps_in_all = PROFILES["mini"].epochs  # one batch an epoch
    assert sorted(set(frame.step)) == sorted({round(share * steps_in_all) for share in MOMENTS})
    first = frame[(frame.step == 0) & (frame.split == "train")]
    probes = {p.id: p for p in steps.read_probes(config)}
    assert (first.correct == [probes[i].correct for i in first.id]).all()
    assert (first.certain == first.correct).all()
    assert first.confidence.tolist() == pytest.approx([probes[i].confidence for i in first.id], abs=1e-4)
    assert frame.sure.notna().all()
    assert (frame.refused == (frame.sure <= 0.5)).all()
    assert set(frame.split) == {"train", "id"}
    assert (frame[frame.split == "id"].groupby("step").size() == TINY_LIMIT / drift.TEST_EVERY).all()


def test_watching_does_not_change_the_training(config):
    """The model at the end of the watched run answers like the one that was tuned without anybody looking."""
    seen = [s for s in read_sightings(config, "padding") if s.split == "id"]
    last = {s.id: s for s in seen if s.step == max(s.step for s in seen)}
    unwatched = {p.id: p for p in steps.read_method_predictions(config, "padding", "id")}
    for key, sight in last.items():
        assert sight.sure == pytest.approx(unwatched[key].sure_confidence, abs=1e-3)
        assert sight.confidence == pytest.approx(unwatched[key].answer_confidence, abs=1e-3)


def test_only_padding_is_asked_and_only_replacement_refuses_in_words(config):
    vanilla, replacement = (
        pd.DataFrame([vars(s) for s in read_sightings(config, a)]) for a in ("vanilla", "replacement")
    )
    assert vanilla.sure.isna().all()
    assert vanilla.refused.isna().all()
    assert replacement.sure.isna().all()
    assert replacement.refused.notna().all()
    assert not (replacement.refused & replacement.correct).any()


def test_the_rehearsal_drops_uncertain_questions_only(config):
    dropped = set(read_json(drift.rehearsal_step(config) / "became_known.json"))
    uncertain = {p.id for p in steps.read_probes(config) if not p.correct}
    assert dropped <= uncertain
    assert drift.rehearsed_away(config) == (len(dropped), len(uncertain))
    kept, all_records = tuning_records(config, REHEARSED), steps.read_tuning_records(config, "padding")
    assert kept == [r for r in all_records if r.id not in dropped]


def test_an_unknown_arm(config):
    with pytest.raises(ValueError, match="arm is 'min-loss'; expected one of vanilla"):
        tuning_records(config, "min-loss")


def test_the_recording_is_complete():
    table = pd.DataFrame(RECORDING.content()["rows"])
    assert {*zip(table.arm, table.seed, strict=True)} == {(arm, seed) for arm in ARMS for seed in (0, 1, 2)}
    watched = table.groupby(["arm", "seed", "step", "split"]).n.sum()
    assert set(watched.unstack("split").train) == {1620}
    assert set(watched.unstack("split").id) == {540}
    assert table.sure.dtype == float
    assert table[table.arm == "padding"].sure.between(0, 1).all()
    assert set(table.exposure) == {"0", "1-2", "3-6", "7-14", "15-30", "31-60", "61+"}


@pytest.mark.notebooks
def test_a_recorded_cell_comes_out_again():
    """Seed 0's padding, watched again; the folder is that of the notebooks, which share its steps.

    Compared before and after tuning: halfway, where the sets part within a few steps, another number of threads shows.
    On another processor a question on the edge may change its set: one in a hundred at most.
    """
    table = pd.DataFrame(RECORDING.content()["rows"])
    was = table[(table.arm == "padding") & (table.seed == 0)]
    now = counted(read_sightings(RunConfig(), "padding"))
    assert set(now.step) == set(was.step)
    keys, ends = ["step", "split", "certain"], [0, was.step.max()]
    for column in ("right", "refused"):
        before, after = (t[t.step.isin(ends)].groupby(keys)[[column, "n"]].sum() for t in (was, now))
        assert before.index.equals(after.index)
        assert (before.n - after.n).abs().max() <= 0.01 * before.n.sum() / len(ends)
        assert (before[column] / before.n - after[column] / after.n).abs().max() < 0.08, column

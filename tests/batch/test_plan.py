"""The jobs of a grid: each step once, however many runs need it, and in an order in which it can be done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtuning_helpers.batch.grid import read_grid
from rtuning_helpers.batch.plan import METHODS, READS, do_step, finished_steps, plan
from rtuning_helpers.run.profiles import RunConfig

NOTEBOOKS = {name: Path(f"/notebooks/{name}.ipynb") for name in ("01_a", "02_b", "03_c", "04_d", "05_e", "07_f")}


@pytest.fixture
def planned(tmp_path):
    def make(text: str):
        (tmp_path / "grid.yaml").write_text(f"out: {json.dumps(str(tmp_path / 'out'))}\n{text}")
        declared = {name: {} for name in NOTEBOOKS}
        return plan(read_grid(tmp_path / "grid.yaml", declared, list(NOTEBOOKS)[:5]), NOTEBOOKS)

    return make


def test_what_runs_share_is_one_job(planned):
    jobs = planned("method: [vanilla, unsupervised]\nseed: [0, 1]")
    steps = ["probe", "uncertainty", "pretrained", "vanilla", "unsupervised"]
    assert list(jobs) == [f"mini/mini/seed{seed}/{what}" for seed in (0, 1) for what in (*steps, *list(NOTEBOOKS)[:5])]
    runs = {name: job.runs for name, job in jobs.items() if "seed1" in name}
    assert runs["mini/mini/seed1/probe"] == ("mini/mini/vanilla/seed1", "mini/mini/unsupervised/seed1")
    assert runs["mini/mini/seed1/vanilla"] == ("mini/mini/vanilla/seed1",)
    assert jobs["mini/mini/seed1/vanilla"].needs == ("mini/mini/seed1/probe",)
    assert jobs["mini/mini/seed1/unsupervised"].needs == ("mini/mini/seed1/probe", "mini/mini/seed1/uncertainty")
    assert jobs["mini/mini/seed1/05_e"].one_of == {m: f"mini/mini/seed1/{m}" for m in ("vanilla", "unsupervised")}


def test_several_data_sets_that_are_asked_to_one_tuned_model(planned):
    jobs = planned("method: padding\ndataset: [mini-nec, mini-falseqa, multitask]")
    steps = [name for name, job in jobs.items() if job.folder]
    asked = [
        f"mini/{name}/seed0/{what}"
        for name in ("mini-nec", "mini-falseqa", "multitask")
        for what in ("pretrained", "padding")
    ]
    assert steps == ["mini/multitask/seed0/probe", "mini/multitask/seed0/uncertainty", *asked]
    assert len(jobs["mini/multitask/seed0/probe"].runs) == 3
    first, *others = [jobs[name] for name in asked if name.endswith("padding")]
    assert first.after == () and {job.after for job in others} == {(first.name,)}


def test_only_what_the_notebooks_read_is_done(planned):
    def steps(text: str) -> list[str]:
        return [job.what for job in planned(text).values() if job.folder]

    assert steps("method: padding\nnotebooks: '01'") == ["probe"]
    assert steps("method: unsupervised\nnotebooks: '04'") == ["probe", "uncertainty", "unsupervised"]
    assert steps("method: padding\nnotebooks: '07'") == []
    other = planned("method: padding\nnotebooks: ['01', '07']")["mini/mini/seed0/07_f"]
    assert other.after == ("mini/mini/seed0/01_a",)


def test_every_job_comes_after_what_it_needs(planned):
    jobs = planned("method: [vanilla, padding, unsupervised]\nseed: [0, 1]\ndataset: [mini, mini-nec]")
    seen: set[str] = set()
    for name, job in jobs.items():
        assert {*job.needs, *job.after, *job.one_of.values()} <= seen
        seen.add(name)
    assert {what for reads in READS.values() for what in reads} == {"probe", "uncertainty", "pretrained", METHODS}


def test_jobs_know_their_folders(planned, tiny_model):
    jobs = planned(f"method: padding\nlimit: 24\nmodel: {tiny_model}\nnotebooks: ['02', '05']")
    steps = [job for job in jobs.values() if job.folder]
    assert finished_steps(jobs.values()) == {name for name, job in jobs.items() if job.what == "02_b"}
    assert [do_step(job.what, job.config) for job in steps] == [job.folder for job in steps]
    assert finished_steps(jobs.values()) == {name for name, job in jobs.items() if job.what != "05_e"}


def test_an_order_is_all_that_a_process_needs(planned):
    job = planned("method: padding\nseed: 3")["mini/mini/seed3/05_e"]
    order = json.loads(job.order(["padding"]))
    assert RunConfig(**order["config"]) == job.config
    assert (order["what"], order["methods"], order["notebook"]) == ("05_e", ["padding"], "/notebooks/05_e.ipynb")
    assert order["target"].endswith("out/mini/mini/notebooks/seed3/05_e.ipynb")

"""Jobs in processes of their own: what becomes of each, what waits for what, and what is said of it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from rtuning_helpers.batch.plan import Job
from rtuning_helpers.batch.scheduler import Outcome, Scheduler
from rtuning_helpers.batch.slots import Checked, job_slots
from rtuning_helpers.batch.state import FAILED, FINISHED, LEFT_OUT, Events, last_keys, run_states
from rtuning_helpers.batch.table import LiveTable, in_words
from rtuning_helpers.run.profiles import RunConfig

CODE = """import json, os, sys
from pathlib import Path
order = json.loads(sys.argv[2])
folder = Path(order["config"]["out"])
with open(folder / "began", "a") as file:
    file.write(f"{order['what']} {' '.join(order['methods'])}|")
Path(os.environ["RTUNING_PROGRESS"]).write_text("half way\\n")
exec(order["extra"].get("code", ""))"""


class View:
    def __init__(self) -> None:
        self.told: list = []

    def started(self, job, doing):
        self.told.append(("started", job.what))

    def ended(self, job, outcome, seconds):
        self.told.append((outcome.state, job.what))

    def look(self):
        pass


@pytest.fixture
def scheduler(tmp_path):
    def make(*jobs: Job, outcomes=None, slots=2, keys=None, view=None, **options):
        command = [sys.executable, "-c", CODE]
        named = {job.name: job for job in jobs}
        events = Events(tmp_path)
        slots = [{"SLOT": str(slot)} for slot in range(slots)]
        return Scheduler(named, outcomes or {}, command, events, view or View(), slots, keys or {}, **options)

    return make


@pytest.fixture
def job(tmp_path):
    def make(what: str, code: str = "", **more) -> Job:
        return Job(what, what, RunConfig(out=str(tmp_path)), (f"run-{what}",), extra={"code": code}, **more)

    return make


def began(tmp_path: Path) -> list[str]:
    return (tmp_path / "began").read_text().split("|")[:-1]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "its process was killed (SIGKILL): by somebody, or for lack of memory"),
        ("print('chatter'); print('rtuning: error: model: no such folder'); sys.exit(2)", "model: no such folder"),
        ("print('rtuning: failed: ValueError: bad: x'); print('later'); sys.exit(1)", "ValueError: bad: x"),
        ("print('its last words'); print(); sys.exit(7)", "its last words"),
        ("sys.exit(7)", "exit status 7"),
        ("os.write(1, b'\\xff\\n'); sys.exit(1)", "\N{REPLACEMENT CHARACTER}"),
        ("print('x' * 300_000); sys.exit(0)", ""),
    ],
)
def test_what_became_of_a_job(scheduler, job, tmp_path, code, reason):
    outcomes = scheduler(job("probe", code), job("other")).run()
    assert outcomes == {
        "probe": Outcome(FAILED if reason else FINISHED, reason),
        "other": Outcome(FINISHED),
    }
    ended = [event for event in Events(tmp_path).read() if event["job"] == "probe"][-1]
    assert ended["state"] == outcomes["probe"].state and ended.get("reason", "") == reason
    assert (tmp_path / "batch" / "logs" / "probe.log").is_file() == bool(reason)


def test_jobs_wait_for_what_they_need(scheduler, job, tmp_path):
    jobs = [
        job("probe", "sys.exit(1)"),
        job("padding", needs=("probe",)),
        job("vanilla", "import time; time.sleep(0.3)"),
        job("after", after=("probe", "vanilla")),
        job("05", one_of={"padding": "padding", "vanilla": "vanilla"}, methods=("padding", "vanilla")),
        job("06", one_of={"padding": "padding"}, methods=("padding",)),
    ]
    outcomes = scheduler(*jobs).run()
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "probe": FAILED, "padding": LEFT_OUT, "vanilla": FINISHED, "after": FINISHED, "05": FINISHED, "06": LEFT_OUT,
    }  # fmt: skip
    assert outcomes["padding"].reason == "needs probe, which is not finished"
    assert sorted(began(tmp_path)[:2]) == ["probe ", "vanilla "]
    assert sorted(began(tmp_path)[2:]) == ["05 vanilla", "after "]


def test_a_job_is_tried_again_unless_its_input_is_bad(scheduler, job, tmp_path):
    flaky = "sys.exit(0) if (folder / 'was').exists() else (folder / 'was').touch() or sys.exit(1)"
    jobs = job("flaky", flaky), job("broken", "sys.exit(1)"), job("bad", "sys.exit(2)")
    outcomes = scheduler(*jobs, retry=2).run()
    assert [outcomes[name].state for name in ("flaky", "broken", "bad")] == [FINISHED, FAILED, FAILED]
    assert sorted(began(tmp_path)) == ["bad ", "broken ", "broken ", "broken ", "flaky ", "flaky "]


def test_one_slot_does_one_job_at_a_time_with_its_environment(scheduler, job, tmp_path):
    code = """import time
assert os.environ["SLOT"] == "0"
lock = folder / "lock"
lock.mkdir(); time.sleep(0.05); lock.rmdir()"""
    outcomes = scheduler(*(job(f"job{n}", code) for n in range(3)), slots=1).run()
    assert set(outcomes.values()) == {Outcome(FINISHED)} and len(outcomes) == 3


def test_no_more_is_begun_after_a_failure_if_so_wished(scheduler, job, tmp_path):
    outcomes = scheduler(job("probe", "sys.exit(1)"), job("other"), slots=1, keep_going=False).run()
    assert set(outcomes) == {"probe"} and began(tmp_path) == ["probe "]


def test_a_command_that_cannot_be_started(scheduler, job):
    made = scheduler(job("probe"))
    made.command = ["/nowhere/python"]
    assert made.run()["probe"].reason == "cannot be started: No such file or directory"


def test_a_notebook_is_executed_when_something_that_it_reads_has_changed(scheduler, job, tmp_path):
    (tmp_path / "step").mkdir()
    (tmp_path / "step" / "manifest.json").write_text("1")
    (tmp_path / "source.ipynb").write_text("a")
    step = job("probe", folder=tmp_path / "step")
    how = {"notebook": tmp_path / "source.ipynb", "target": tmp_path / "done.ipynb", "needs": ("probe",)}
    notebook = job("01", "(folder / 'done.ipynb').touch()", **how)

    def executed() -> bool:
        before = len(began(tmp_path)) if (tmp_path / "began").exists() else 0
        keys = last_keys(Events(tmp_path).read())
        outcomes = scheduler(step, notebook, outcomes={"probe": Outcome(FINISHED)}, keys=keys).run()
        assert outcomes["01"] == Outcome(FINISHED)
        return len(began(tmp_path)) > before

    assert [executed(), executed()] == [True, False]
    for change in (
        lambda: (tmp_path / "source.ipynb").write_text("b"),
        lambda: (tmp_path / "step" / "manifest.json").write_text("2"),
        lambda: (tmp_path / "done.ipynb").unlink(),
    ):
        change()
        assert [executed(), executed()] == [True, False]


def test_events_outlast_a_line_that_was_cut_off_and_a_full_disk(tmp_path, monkeypatch):
    events = Events(tmp_path)
    events.add(run="a", state=FINISHED)
    with events.path.open("a") as file:
        file.write('{"time": 1, "run": "b", "sta')
    events.add(run="c", state=FAILED, reason="naïve \ud83d")
    assert list(run_states(Events(tmp_path).read())) == ["a", "c"]
    events.path.write_bytes(events.path.read_bytes() + b"\xff\xfe\n[1]\n3\n")
    assert list(run_states(Events(tmp_path).read())) == ["a", "c"]

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        events.add(run="d", state=FINISHED)
    assert list(run_states(events.read())) == ["a", "c", "d"]
    assert list(run_states(Events(tmp_path).read())) == ["a", "c"]
    events.add(run="e", state=FINISHED)
    assert list(run_states(Events(tmp_path).read())) == ["a", "c", "d", "e"]
    for line in events.path.read_text(errors="replace").splitlines()[-2:]:
        assert json.loads(line)["state"] == FINISHED


@pytest.mark.parametrize("terminal", [True, False])
def test_the_table_says_how_far_it_is(job, tmp_path, terminal):
    jobs = {name: job(name) for name in ("probe", "padding", "vanilla")}
    console = Console(file=io.StringIO(), force_terminal=terminal, width=110, color_system=None)
    with LiveTable(console, jobs, {"probe": Outcome(FINISHED)}, {"padding": [30.0]}, 2) as table:
        table.started(jobs["padding"], tmp_path / "doing")
        (tmp_path / "doing").write_text("padding: fine-tuning, step 3 of 9, 12 s left\n")
        table.look()
        if terminal:
            console.print(table._table())
        table.ended(jobs["padding"], Outcome(FAILED, "[its] reason"), 4.0)
        table.look()
        if terminal:
            console.print(table._table())
    shown = console.file.getvalue()
    assert "1 of 3 runs finished, 1 failed; 1 jobs to do" in shown
    assert "[its] reason" in shown
    assert terminal == ("step 3 of 9, 12 s left" in shown)
    assert ("about 15 s left" in shown) or not terminal


def test_seconds_as_people_read_them():
    assert [in_words(seconds) for seconds in (0.4, 99, 150, 7500)] == ["0 s", "99 s", "2 min", "2 h 05 min"]


def test_slots(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("rtuning_helpers.batch.slots.allowed_cores", lambda: 8.0)
    monkeypatch.setattr("rtuning_helpers.batch.slots.memory_limit", lambda: 10 * 2**30)

    def slots(jobs, gib=1.0, gpus=()):
        return job_slots(Checked((), frozenset(), gib, gpus), jobs)

    assert len(slots(None)) == 8 and slots(None)[0]["OMP_NUM_THREADS"] == "1"
    assert len(slots(3)) == 3 and slots(3)[0]["OMP_NUM_THREADS"] == "2"
    assert len(slots(None, 4.0)) == 2 and len(slots(20, 4.0)) == 2 and len(slots(None, 40.0)) == 1
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(None, 30.0, ("2", "5"))] == ["2", "5"]
    assert len(slots(1, 30.0, ("2", "5"))) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert "OMP_NUM_THREADS" not in slots(None)[0]

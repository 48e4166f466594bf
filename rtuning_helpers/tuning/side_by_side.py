"""Several models tuned at the same time on a CPU: each in a process of its own with one thread.

Two small models side by side, one thread each, take much less time than one after the other with two threads. Run as
a module, this is such a process: it reads a job a line from its standard input, and ends when that is closed.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import load_tokenizer
from rtuning_helpers.progress import progress_bar
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.encoding import encode_records
from rtuning_helpers.tuning.finetuning import TrainingLog, finetune_encoded
from rtuning_helpers.tuning.refusal_data import TuningRecord


def do_side_by_side(tasks: Sequence[Callable[[Callable[..., TrainingLog]], object]], at_once: int) -> None:
    """Do tasks that each tune a model, some at a time, in the order given.

    An error in one of them, or Ctrl-C, ends all at once and leaves no process behind.

    Args:
        tasks: Functions that get a stand-in for `finetuning.finetune` to tune with.
        at_once: Number of processes.

    Raises:
        InputError: As raised by a task.
        RuntimeError: A process died.
    """
    news: SimpleQueue[tuple[str, int, int] | None] = SimpleQueue()
    idle: SimpleQueue[_Process] = SimpleQueue()
    processes = [_Process(news) for _ in range(at_once)]
    for process in processes:
        idle.put(process)

    def tune(*arguments, **options) -> TrainingLog:
        process = idle.get()
        try:
            return process.finetune(*arguments, **options)
        finally:
            idle.put(process)

    with ThreadPoolExecutor(at_once) as threads, ExitStack() as bars:
        shown: dict[str, tqdm] = {}
        try:
            started = [threads.submit(task, tune) for task in tasks]
            for future in started:
                future.add_done_callback(lambda _: news.put(None))
            left = len(started)
            while left:  # bars are drawn by this thread alone
                if (event := news.get()) is None:
                    left -= 1
                    for future in started:
                        if future.done():
                            future.result()
                    continue
                description, step, steps = event
                if description not in shown:
                    shown[description] = bars.enter_context(progress_bar(steps, description, "step"))
                shown[description].update(step - shown[description].n)
                if step == steps:
                    shown[description].close()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            for process in processes:  # a thread that waits for one gets an error and clears its work away
                process.end()


class _Process:
    """This module run as a process, which is started by its first job."""

    def __init__(self, news: SimpleQueue) -> None:
        self.news, self.lock, self.ended = news, threading.Lock(), False
        self.running: Any = None  # the Popen, with its pipes

    def _start(self) -> None:
        package = str(Path(__file__).parents[2])  # importable there too if it was found by a changed sys.path
        paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        one_thread = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
        with self.lock:
            if self.ended:
                raise RuntimeError("the tuning was stopped")
            self.said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
            self.running = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.said,
                env={**os.environ, "PYTHONPATH": paths, **one_thread},
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for us alone; the end of our pipe is its end
            )

    def finetune(
        self, records: Sequence[TuningRecord], settings: Profile, out: Path, *, seed: int, description: str
    ) -> TrainingLog:
        """As `finetuning.finetune`, in the process."""
        tokenizer = load_tokenizer(settings.model, settings.revision)
        encoded = encode_records(tokenizer, records, settings.max_length)
        if self.running is None:
            self._start()
        job = [encoded, asdict(settings), str(out.absolute()), seed]
        with suppress(BrokenPipeError):
            self.running.stdin.write(json.dumps(job) + "\n")
            self.running.stdin.flush()
        for line in self.running.stdout:
            event, value = json.loads(line)
            if event == "step":
                self.news.put((description, *value))
            elif event == "log":
                return TrainingLog(**value | {"losses": [tuple(pair) for pair in value["losses"]]})
            else:
                raise InputError(value) if event == InputError.__name__ else RuntimeError(value)
        raise RuntimeError(f"{description}: its process was killed, or ran out of memory{self._last_word()}")

    def _last_word(self) -> str:
        self.said.seek(0)
        lines = [line for line in self.said.read().decode(errors="replace").split("\n") if line.strip()]
        return f" (its last words: {lines[-1].strip()[:200]})" if lines else ""

    def end(self) -> None:
        """Kill the process if there is one; none is started afterwards."""
        with self.lock:
            self.ended = True
            if self.running is not None:
                self.running.kill()
                self.running.wait()
                self.said.close()


class _Report(TrainerCallback):
    def __init__(self, report: Callable[[str, object], None]) -> None:
        self.report = report

    def on_step_end(self, args, state, control, **kwargs):
        self.report("step", [state.global_step, state.max_steps])


def main() -> None:
    """Do the jobs that come in."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is not for the channel
    jobs: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(line)
        os._exit(0)  # whoever asked has gone

    def report(event: str, value: object) -> None:
        channel.write(json.dumps([event, value]) + "\n")
        channel.flush()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        encoded, settings, out, seed = json.loads(jobs.get())
        try:
            log = finetune_encoded(encoded, Profile(**settings), Path(out), seed=seed, callbacks=[_Report(report)])
        except Exception as error:
            named = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            report(type(error).__name__, named)
        else:
            report("log", asdict(log))


if __name__ == "__main__":
    main()

"""Several models tuned at the same time on a CPU: one in this process, each other in one of its own, by one thread.

Two small models side by side, one thread each, take much less time than one after the other with two threads; with
larger matrices the threads serve as well, and one model takes half the memory of two. On Linux the processes are copies
of this one, which share with it the memory of all that is loaded already.
"""

import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, SimpleQueue

from tqdm import tqdm
from transformers import TrainerCallback

from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import load_tokenizer, model_config
from rtuning_helpers.model.lora import without_weights
from rtuning_helpers.model.threads import one_thread
from rtuning_helpers.processes import PROCESSES, end_with, shared_memory
from rtuning_helpers.progress import progress_bar
from rtuning_helpers.run.artifacts import Unfinished
from rtuning_helpers.run.profiles import Profile
from rtuning_helpers.tuning.encoding import encode_records
from rtuning_helpers.tuning.finetuning import TrainingLog, finetune, finetune_encoded
from rtuning_helpers.tuning.refusal_data import TuningRecord

SMALL = 20e6  # weights
_Task = Callable[[Callable[..., TrainingLog]], object]
_News = tuple[str, int, int] | None  # description, step, steps; None: a task is done


def is_small(settings: Profile) -> bool:
    """Whether a profile's model is so small that it is best tuned beside others."""
    config = model_config(settings.model, settings.revision)
    return sum(weight.numel() for weight in without_weights(config).parameters()) <= SMALL


def do_side_by_side(tasks: Sequence[_Task], at_once: int) -> None:
    """Do tasks that each tune a model, some at a time, in the order given.

    An error in one of them, or Ctrl-C, ends all at once and leaves no process behind.

    Args:
        tasks: Functions that get a stand-in for `finetuning.finetune` to tune with.
        at_once: Number of processes, this one included.

    Raises:
        InputError: As raised by a task.
        RuntimeError: A process died.
    """
    with shared_memory(), one_thread():
        news: SimpleQueue[_News] = SimpleQueue()
        others = [_Process(news) for _ in range(at_once - 1)]
        try:
            for process in others:
                process.start()  # before the threads: a copy knows nothing of their locks
            _share(tasks, others, news)
        finally:
            for process in others:
                process.end()


def _share(tasks: Sequence[_Task], others: Sequence["_Process"], news: "SimpleQueue[_News]") -> None:
    waiting, shown, failures = deque(tasks), dict[str, tqdm](), list[BaseException]()
    at_work = len(others)

    def work(tune: Callable[..., TrainingLog]) -> None:
        while True:
            try:
                task = waiting.popleft()
            except IndexError:
                return
            task(tune)

    def work_there(process: "_Process") -> None:
        try:
            work(process.finetune)
        except BaseException as error:
            failures.append(error)
        finally:
            news.put(None)

    def look(wait: bool = False) -> None:
        """Draw what the others have done, in this thread; raise what went wrong there."""
        nonlocal at_work
        with suppress(Empty):
            while at_work:
                if (event := news.get(wait)) is None:
                    at_work -= 1
                    if failures:
                        raise failures[0]
                    continue
                description, step, steps = event
                if description not in shown:
                    bar = progress_bar(steps, description, "step", done=step - 1)
                    shown[description] = bars.enter_context(bar)
                shown[description].update(step - shown[description].n)
                if step == steps:
                    shown[description].close()

    threads = [threading.Thread(target=work_there, args=(process,), daemon=True) for process in others]
    with ExitStack() as bars:
        try:
            for thread in threads:
                thread.start()
            work(partial(finetune, callbacks=[_AfterEachStep(lambda *steps: look())]))
            look(wait=True)
        except BaseException:
            waiting.clear()
            for process in others:  # a thread that waits for one gets an error and clears its work away
                process.end()
            raise
        finally:
            for thread in threads:
                with suppress(RuntimeError):  # it was not started
                    thread.join()


class _Process:
    """A process that tunes one model after the other."""

    def __init__(self, news: SimpleQueue[_News]) -> None:
        self.news, (handle, said) = news, tempfile.mkstemp(prefix="rtuning-")
        os.close(handle)  # Windows does not let a process write into a file that another has open
        self.said = Path(said)
        self.line, self.its_line = PROCESSES.Pipe()
        self.process = PROCESSES.Process(
            target=_tune_what_comes, args=(self.its_line, str(self.said), os.getpid()), daemon=True
        )

    def start(self) -> None:
        self.process.start()
        self.its_line.close()  # so that its end is the line's end

    def finetune(
        self,
        records: Sequence[TuningRecord],
        settings: Profile,
        out: Path,
        *,
        seed: int,
        description: str,
        place: Unfinished | None = None,
    ) -> TrainingLog:
        """As `finetuning.finetune`, in the process."""
        tokenizer = load_tokenizer(settings.model, settings.revision)
        encoded = encode_records(tokenizer, records, settings.max_length)
        with suppress(EOFError, OSError):  # it is no more
            self.line.send((encoded, settings, out, seed, place))
            while True:
                event = self.line.recv()
                if isinstance(event, TrainingLog):
                    return event
                if isinstance(event, Exception):
                    raise event
                self.news.put((description, *event))
        raise RuntimeError(f"{description}: its process was killed, or ran out of memory{self._last_word()}")

    def _last_word(self) -> str:
        lines = [line for line in self.said.read_text(encoding="utf-8", errors="replace").split("\n") if line.strip()]
        return f" (its last words: {lines[-1].strip()[:200]})" if lines else ""

    def end(self) -> None:
        """Kill the process, if it was started."""
        if self.process.pid is not None:
            self.process.kill()
            self.process.join()
        self.said.unlink(missing_ok=True)


class _AfterEachStep(TrainerCallback):
    def __init__(self, tell: Callable[[int, int], object]) -> None:
        self.tell = tell

    def on_step_end(self, args, state, control, **kwargs):
        self.tell(state.global_step, state.max_steps)


def _tune_what_comes(line: Connection, words: str, parent: int) -> None:
    """What such a process does: jobs that come in by the line, until it is killed or whoever asked has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked alone
    end_with(parent)
    sys.stdout = sys.stderr = open(words, "a", buffering=1, encoding="utf-8")  # noqa: SIM115
    for number in (1, 2):
        os.dup2(sys.stdout.fileno(), number)
    tqdm.set_lock(threading.RLock())  # the old one may be held by a thread that is not here
    while True:
        encoded, settings, out, seed, place = line.recv()
        try:
            tell = [_AfterEachStep(lambda *steps: line.send(steps))]
            with one_thread():
                how = {"seed": seed, "description": None, "callbacks": tell, "place": place}
                line.send(finetune_encoded(encoded, settings, out, **how))
        except InputError as error:
            line.send(error)
        except Exception as error:  # by its words: it may be of a kind that cannot be sent
            line.send(RuntimeError(f"{type(error).__name__}: {error}"))

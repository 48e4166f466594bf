"""Peak memory of notebooks, one after the other: ``python tests/oneclick/memory.py [--limit-gb GB] [NUMBER...]``.

Set ``OMP_NUM_THREADS=1`` to see what they take where one core is lent, as on Binder. A notebook's memory is that of its
kernel and of all processes that the kernel starts, pages that they share counted once. Exit status 1 if one exceeds the
limit.
"""

import argparse
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import psutil

from rtuning_helpers.app.notebook_runs import execute, notebooks_folder

GB = 1e9
LOOK_SECONDS = 0.2


def memory_of(processes: list[psutil.Process]) -> int:
    """What some processes take together [bytes]; resident sizes where the system does not part shared pages."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            found = process.memory_full_info()
            total += getattr(found, "pss", found.rss)
    return total


class Peak:
    """Largest memory of all processes that this one has started while the block was at work."""

    def __enter__(self) -> "Peak":
        self.bytes, self._ended = 0, Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.bytes = max(self.bytes, memory_of(psutil.Process().children(recursive=True)))

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()


def measure(numbers: list[str], out: str) -> dict[str, tuple[float, float]]:
    """Peak memory [GB] and time [s] of each notebook, run in this order; results go to a folder."""
    found = {}
    for number in numbers:
        (source,) = notebooks_folder().glob(f"{number}_*.ipynb")
        start = time.monotonic()
        with Peak() as peak:
            execute(source, Path(out) / source.name, {"out": out})
        found[source.stem] = peak.bytes / GB, time.monotonic() - start
        print(f"{source.stem}: {found[source.stem][0]:.2f} GB, {found[source.stem][1]:.0f} s", flush=True)
    return found


def main() -> int:
    """Measure, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("numbers", nargs="*", default=["01", "02", "03", "04", "05"], metavar="NUMBER")
    parser.add_argument("--limit-gb", type=float, default=1.5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memory-") as out:
        found = measure(chosen.numbers, out)
    above = [name for name, (peak, _) in found.items() if peak > chosen.limit_gb]
    print(f"above {chosen.limit_gb:g} GB: {', '.join(above)}" if above else f"none above {chosen.limit_gb:g} GB")
    return bool(above)


if __name__ == "__main__":
    sys.exit(main())

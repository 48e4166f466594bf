"""The limits that control groups set to this process, those of a container or a service, say (Linux, versions 2 and 1).

A limit of any group above the process's own holds too.
"""

import math
from collections.abc import Iterator
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def cpu_quota(mount: Path = MOUNT, own_groups: Path = OWN_GROUPS) -> float:
    """Processor cores that may be used in the time of one; infinite where there is no limit."""
    found = [math.inf]
    for folder in _groups("cpu", mount, own_groups):
        for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            quota, period, *_ = [*_numbers(folder, files), 0, 0]  # microseconds of processor time, per so many
            if quota > 0 and period > 0:
                found.append(quota / period)
    return min(found)


def memory_limit(mount: Path = MOUNT, own_groups: Path = OWN_GROUPS) -> float:
    """Bytes of memory that may be used; infinite where there is no limit."""
    files = (("memory.max",), ("memory.limit_in_bytes",))
    limits = (_numbers(folder, file) for folder in _groups("memory", mount, own_groups) for file in files)
    return min((numbers[0] for numbers in limits if numbers), default=math.inf)


def _groups(controller: str, mount: Path, own_groups: Path) -> Iterator[Path]:
    """The folders of the process's group and of all above it."""
    try:
        lines = own_groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    yield from (mount, mount / controller)
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or controller in controllers.split(","):
            for base in (mount / controllers, mount / controller) if controllers else (mount, mount / "unified"):
                group = base / path.strip("/")
                yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(base))


def _numbers(folder: Path, files: tuple[str, ...]) -> list[float]:
    """The numbers in the files; none where one of them is not there, or says "max"."""
    try:
        return [float(word) for file in files for word in (folder / file).read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        return []

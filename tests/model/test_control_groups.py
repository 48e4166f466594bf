"""Limits of control groups: of both versions, of the process's own group and of those above it."""

from __future__ import annotations

import math

import pytest

from rtuning_helpers.model.control_groups import cpu_quota, memory_limit

CPU_V1 = {"cpu.cfs_quota_us": "300000\n", "cpu.cfs_period_us": "100000\n"}


def below(folder, files):
    return {f"{folder}/{name}": content for name, content in files.items()}


@pytest.fixture
def limits(tmp_path):
    def read(groups: str | None, files: dict[str, str]) -> tuple[float, float]:
        """The limits (cores, bytes) where the process's groups and the files below the mount are these."""
        own, mount = tmp_path / "own", tmp_path / "mount"
        if groups is not None:
            own.write_text(groups)
        for name, content in files.items():
            (mount / name).parent.mkdir(parents=True, exist_ok=True)
            (mount / name).write_text(content)
        return cpu_quota(mount, own), memory_limit(mount, own)

    return read


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        (None, {}, math.inf),
        (None, {"cpu.max": "150000 100000\n"}, 1.5),
        (None, below("cpu", CPU_V1), 3),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a.slice/b.scope\n", {"a.slice/b.scope/cpu.max": "200000 100000\n"}, 2),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "200000 100000\n"}, 0.5),
        ("0::/a/b\n", {"a/cpu.max": "max 100000\n", "a/b/cpu.max": "200000 100000\n"}, 2),
        ("0::/a/b\n", {"a/other/cpu.max": "50000 100000\n"}, math.inf),
        ("0::/../x\n", {"cpu.max": "200000 100000\n"}, 2),  # seen from a container, whose mount begins at its group
        ("12:memory:/d\n4:cpu,cpuacct:/d/c\n", below("cpu,cpuacct/d/c", CPU_V1), 3),
        ("4:cpu,cpuacct:/d/c\n", below("cpu/d", CPU_V1), 3),
        ("4:cpu:/d/c\n", below("cpu/d/c", CPU_V1 | {"cpu.cfs_quota_us": "-1\n"}), math.inf),
        ("4:cpu:/d\n0::/s\n", {"unified/s/cpu.max": "100000 100000\n"} | below("cpu/d", CPU_V1), 1),
        ("4:cpu:/not/mounted\n", below("cpu", CPU_V1), 3),
    ],
)
def test_processor_time(limits, groups, files, cores):
    assert limits(groups, files)[0] == cores


@pytest.mark.parametrize(
    ("groups", "files", "size"),
    [
        (None, {}, math.inf),
        ("0::/a/b\n", {"memory.max": "max\n", "a/memory.max": "4096\n", "a/b/memory.max": "8192\n"}, 4096),
        ("7:memory:/d/c\n", {"memory/d/c/memory.limit_in_bytes": "8192\n"}, 8192),
    ],
)
def test_memory(limits, groups, files, size):
    assert limits(groups, files)[1] == size

"""Threads by what is free: the process's cores, a container's quota, and what others keep busy."""

from __future__ import annotations

import psutil
import pytest

from rtuning_helpers.model import threads


@pytest.fixture
def eight_cores(monkeypatch):
    """A process that may use cores 0 to 7 of sixteen, with nothing else to do."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    percent_busy = [0.0] * 16
    monkeypatch.setattr(psutil, "cpu_percent", lambda **_: percent_busy)
    return percent_busy


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
    ],
)
def test_a_quota_bounds_the_cores(eight_cores, tmp_path, files, cores):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert threads.allowed_cores(tmp_path) == cores
    assert threads.free_cores(tmp_path) == max(1, int(cores))


@pytest.mark.parametrize(("busy", "free"), [(0, 8), (1, 7), (6, 2), (8, 1)])
def test_cores_that_others_keep_busy_are_not_free(eight_cores, tmp_path, busy, free):
    eight_cores[:busy] = [100.0] * busy
    eight_cores[8:] = [100.0] * 8  # not ours to use
    assert threads.free_cores(tmp_path) == free


def test_a_little_noise_does_not_cost_a_core(eight_cores, tmp_path):
    eight_cores[:] = [5.0] * 16
    assert threads.free_cores(tmp_path) == 8


@pytest.mark.parametrize(("named", "count"), [("3", 3), ("", 8), ("0", 8), ("many", 8)])
def test_what_the_user_set_is_taken(eight_cores, monkeypatch, named, count):
    monkeypatch.setenv("OMP_NUM_THREADS", named)
    monkeypatch.setattr(threads, "allowed_cores", lambda *_: 8.0)
    threads.thread_count.cache_clear()
    assert threads.thread_count() == count
    threads.thread_count.cache_clear()

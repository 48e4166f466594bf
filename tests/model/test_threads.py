"""Threads by what is free: the process's cores, a container's quota, and what others keep busy."""

from __future__ import annotations

import math

import psutil
import pytest

from rtuning_helpers.model import threads


@pytest.fixture
def eight_cores(monkeypatch):
    """A process that may use cores 0 to 7 of sixteen, with nothing else to do."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "cpu_quota", lambda: math.inf)
    percent_busy = [0.0] * 16
    monkeypatch.setattr(psutil, "cpu_percent", lambda **_: percent_busy)
    return percent_busy


@pytest.mark.parametrize(
    ("quota", "cores"),
    [(math.inf, 8), (0.5, 0.5), (1.5, 1.5), (3.0, 3), (16.0, 8)],
)
def test_a_quota_bounds_the_cores(eight_cores, monkeypatch, quota, cores):
    monkeypatch.setattr(threads, "cpu_quota", lambda: quota)
    assert threads.allowed_cores() == cores
    assert threads.free_cores() == max(1, int(cores))


@pytest.mark.parametrize(("busy", "free"), [(0, 8), (1, 7), (6, 2), (8, 1)])
def test_cores_that_others_keep_busy_are_not_free(eight_cores, busy, free):
    eight_cores[:busy] = [100.0] * busy
    eight_cores[8:] = [100.0] * 8  # not ours to use
    assert threads.free_cores() == free


def test_a_little_noise_does_not_cost_a_core(eight_cores):
    eight_cores[:] = [5.0] * 16
    assert threads.free_cores() == 8


@pytest.mark.parametrize(("named", "count"), [("3", 3), ("", 8), ("0", 8), ("many", 8)])
def test_what_the_user_set_is_taken(eight_cores, monkeypatch, named, count):
    monkeypatch.setenv("OMP_NUM_THREADS", named)
    monkeypatch.setattr(threads, "allowed_cores", lambda: 8.0)
    threads.thread_count.cache_clear()
    assert threads.thread_count() == count
    threads.thread_count.cache_clear()

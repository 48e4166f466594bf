"""Another library for products of float32: as exact, never left behind, never taken where it rounds. Types."""

import pytest
import torch

from rtuning_helpers.tuning import kernels

settings = pytest.importorskip("torch.backends.mkldnn").matmul


@pytest.fixture(autouse=True)
def _fresh():
    measures = (kernels._onednn_serves, kernels.fastest_type)  # a test may have replaced them when it ends
    for measured in measures:
        measured.cache_clear()
    yield
    for measured in measures:
        measured.cache_clear()


def test_products_stay_as_exact_as_float32_and_the_setting_goes_back():
    before = settings.fp32_precision
    left, right = torch.randn(300, 192), torch.randn(192, 512)
    exact = left.double() @ right.double()
    with kernels.fastest_float32():
        error = (left @ right - exact).abs().max() / exact.abs().max()
    assert error < 2e-6
    assert settings.fp32_precision == before


def test_the_random_numbers_of_a_run_stay_what_they_are():
    torch.manual_seed(0)
    with kernels.fastest_float32():
        drawn = torch.rand(1)
    torch.manual_seed(0)
    assert drawn == torch.rand(1)


def test_the_setting_goes_back_after_an_error(monkeypatch):
    before = settings.fp32_precision
    monkeypatch.setattr(kernels, "_onednn_serves", lambda: True)
    with pytest.raises(KeyboardInterrupt), kernels.fastest_float32() as taken:
        assert taken
        assert settings.fp32_precision == "bf16"
        raise KeyboardInterrupt
    assert settings.fp32_precision == before


@pytest.mark.parametrize(("factor", "rounded", "taken"), [(0.5, False, True), (0.5, True, False), (0.9, False, False)])
def test_it_is_taken_only_where_it_is_faster_and_does_not_round(monkeypatch, factor, rounded, taken):
    """As on AVX-512 without AMX, with AMX, and where MKL is as fast."""
    monkeypatch.setattr(kernels, "_seconds", lambda *_: factor if settings.fp32_precision == "bf16" else 1.0)
    product = torch.Tensor.__matmul__

    def matmul(left, right):
        found = product(left, right)
        rounds = rounded and settings.fp32_precision == "bf16" and found.dtype == torch.float32
        return found.bfloat16().float() if rounds else found

    monkeypatch.setattr(torch.Tensor, "__matmul__", matmul)
    with kernels.fastest_float32() as chosen:
        assert chosen is taken


@pytest.mark.parametrize(("factor", "fastest"), [(0.5, "bfloat16"), (0.9, "float32"), (4.0, "float32")])
def test_the_type_that_is_clearly_faster_is_the_fastest(monkeypatch, factor, fastest):
    monkeypatch.setattr(kernels, "_seconds", lambda left, _: factor if left.dtype == torch.bfloat16 else 1.0)
    assert kernels.fastest_type() == fastest


def test_float32_is_measured_with_the_library_that_tuning_takes(monkeypatch):
    monkeypatch.setattr(kernels, "_onednn_serves", lambda: True)
    seen = {}

    def seconds(left, _):
        seen[left.dtype] = settings.fp32_precision
        return 1.0

    monkeypatch.setattr(kernels, "_seconds", seconds)
    before = settings.fp32_precision
    kernels.fastest_type()
    assert seen == {torch.float32: "bf16", torch.bfloat16: before}


def test_it_is_measured_once_by_one_thread_and_the_others_come_back(monkeypatch):
    """Where other programs keep cores busy, two threads wait for each other longer than either type takes."""
    seen = []

    def seconds(left, right):
        seen.append(torch.get_num_threads())
        return 1.0

    monkeypatch.setattr(kernels, "_seconds", seconds)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert kernels.fastest_type() == kernels.fastest_type() == "float32"
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [1] * (4 * kernels.REPEATS)  # two libraries, two types

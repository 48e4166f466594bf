"""The language of notebooks: where it comes from, what the catalogue must hold, and figures with Hangul."""

from __future__ import annotations

import re
import string
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from matplotlib.text import Text
from messages import BY_DATA, course_code, messages

from rtuning_helpers import language
from rtuning_helpers.errors import InputError
from rtuning_helpers.exercises.check import verdict
from rtuning_helpers.experiments.findings import finding
from rtuning_helpers.figures import plots, translated
from rtuning_helpers.language import CATALOGUES, LANGUAGES, VARIABLE, catalogue, in_every_language, tr
from rtuning_helpers.run.profiles import RunConfig

ROOT = Path(__file__).resolve().parents[1]
MESSAGES = messages()
NO_WORDS = (" and ", " ({low} to {high})")  # a comma and a dash in Korean


@pytest.fixture
def korean(monkeypatch):
    monkeypatch.setenv(VARIABLE, "ko")


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("notebooks", "en"),
        ("notebooks/solutions", "en"),
        ("notebooks/ko", "ko"),
        ("notebooks/ko/solutions", "ko"),
        ("ko", "en"),  # somebody's name
        ("ko/kit/notebooks", "en"),
    ],
)
def test_the_folder_says_the_language(folder, expected, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    assert language.language() == expected


def test_jupyterlab_starts_a_kernel_in_the_folder_of_its_notebook():
    folder = MappingKernelManager(root_dir=str(ROOT)).cwd_for_path("notebooks/source/01_probe_knowledge.py")
    assert Path(folder) == ROOT / "notebooks" / "source"  # so in notebooks/ko, too


def test_the_environment_says_it_before_the_folder(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "ko").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "ko")
    monkeypatch.setenv(VARIABLE, "en")
    assert tr("right.") == "right."
    monkeypatch.setenv(VARIABLE, "ko")
    assert tr("right.") == catalogue("ko")["right."] != "right."
    monkeypatch.setenv(VARIABLE, "xx")
    with pytest.raises(InputError, match="RTUNING_LANGUAGE is 'xx'; expected one of en, ko"):
        tr("right.")


def test_what_has_no_translation_stays_english(korean):
    assert tr("no such message") == "no such message"
    assert tr("{name} must be one number, not {said}.", name="the border", said="'{x}'").startswith("경계: ")


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_catalogue_is_complete(name):
    known = catalogue(name)
    assert {text: places for text, places in MESSAGES.items() if text not in known} == {}
    assert [text for text in known if text not in MESSAGES and text not in BY_DATA] == [], "no longer said"
    code = "\n".join(
        [*course_code().values(), *(p.read_text("utf-8") for p in (ROOT / "rtuning_helpers").rglob("*.py"))]
    )
    assert [text for text in BY_DATA if f'"{text}"' not in code] == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_translations_have_the_same_parts(name):
    for message, said in catalogue(name).items():
        fields = [sorted((f, s, c) for _, f, s, c in string.Formatter().parse(t) if f) for t in (message, said)]
        assert fields[0] == fields[1], message
        for pattern in (r"`[^`]+`", r"\d+(?:\.\d+)?", r"\n"):
            assert set(re.findall(pattern, message)) <= set(re.findall(pattern, said)) | {"1"}, message
        words = re.search("[A-Za-z]", re.sub(r"{[^}]*}|`[^`]*`", "", message))
        assert re.search("[가-힣]", said) or not words or message in NO_WORDS, message


def test_the_catalogue_is_a_part_of_the_package():
    assert CATALOGUES.is_relative_to(Path(language.__file__).parent)
    assert '"rtuning_helpers" = ["locale/*.po"]' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {path.stem for path in CATALOGUES.glob("*.po")} == set(LANGUAGES)


def test_checks_and_findings_speak_it(korean, capsys):
    config = RunConfig(profile="mini")
    assert verdict(config, "01.1", ...) == f"01.1: {catalogue('ko')[next(m for m in MESSAGES if 'three dots' in m)]}"
    assert verdict(config, "04.1", lambda inputs, outputs, rank: inputs * outputs) == (
        "04.1: 아직 맞지 않습니다. 그것은 행렬 자체의 가중치 수입니다. A와 B의 가중치를 세세요."
    )
    finding("{method}: the loss falls below half of its first value", True, config, method="padding")
    assert capsys.readouterr().out == "성립: padding: 손실이 처음 값의 절반 아래로 떨어진다\n"
    assert in_every_language("holds: ") == ["holds: ", "성립: "]


def drawn() -> list[str]:
    """The texts of a figure of the package and one of matplotlib alone, drawn with every warning an error."""
    with plt.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("error")
        plots.use_style({})
        fig, _ = plots.split_bars([{"group": "D1 certain", "certain": 2, "uncertain": 1}], "refused [%]")
        own, ax = plt.subplots()
        ax.set_title("4-bit storage shrinks the linear layers")
        for figure in (fig, own):
            figure.canvas.draw()
        found = [text.get_text() for figure in (fig, own) for text in figure.findobj(Text)]
    plt.close("all")
    return found


@pytest.fixture
def figures_restored(monkeypatch):
    monkeypatch.setattr(Text, "set_text", Text.set_text)  # put back at the end


def test_figures_speak_it(korean, figures_restored):
    texts = drawn()
    for english in (
        "refused [%]",
        "D1 certain",
        "certain (D1)",
        "questions",
        "4-bit storage shrinks the linear layers",
    ):
        assert catalogue("ko")[english] in texts and english not in texts


def test_without_a_font_figures_are_english_and_a_line_says_what_to_install(
    korean, figures_restored, monkeypatch, capsys
):
    monkeypatch.setattr(translated, "FAMILIES", ())
    monkeypatch.setattr(translated, "PACKAGE", "no_such_package")
    assert {"refused [%]", "questions"} <= set(drawn())
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "pip install koreanize-matplotlib" in said


def test_figures_are_english_elsewhere(figures_restored, monkeypatch, capsys):
    monkeypatch.setenv(VARIABLE, "en")
    assert {"refused [%]", "questions"} <= set(drawn())
    assert capsys.readouterr().out == ""

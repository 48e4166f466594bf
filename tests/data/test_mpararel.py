"""mParaRel: sentences with particles, the same facts on the same lines, and answers matched whole, particles aside."""

from __future__ import annotations

import json

import pytest

from rtuning_helpers.data.datasets.mpararel import BLANK, LANGUAGES, in_sentence, is_usable
from rtuning_helpers.data.korean import with_particle
from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError

# Made up here: nothing of mParaRel's text.
FACTS = {"en": ("Ada", "Ludo", "Mira", "Ten Oaks"), "ko": ("아다", "루돈", "미라", "열 참나무")}
PATTERNS = {
    "en": ["[X] likes [Y]", "[X] [ [Y]", "[Y] is liked by [X]", "[X] sleeps"],
    "ko": ["[X]는 [Y]를 좋아합니다", "[X]가 [ [Y]", "[Y]는 [X]로부터 옵니다", "[X]는 잡니다"],
}


def write(folder, language, facts=None, patterns=None, relation="P19"):
    for kind, rows in (
        ("tuples", [{"sub_label": n, "obj_label": f"{n} 1"} for n in facts or FACTS[language]]),
        ("patterns", [{"pattern": p} for p in PATTERNS[language]] if patterns is None else patterns),
    ):
        path = folder / kind / language / f"{relation}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("noun", "behind", "whole"),
    [
        ("서울", "는 크다", "서울은 크다"), ("파리", "은 크다", "파리는 크다"), ("책", "가", "책이"),
        ("메시", "을", "메시를"), ("서울", "으로", "서울로"), ("부산", "로", "부산으로"),
        ("부산", "로부터", "부산으로부터"),
        ("파리", "으로부터", "파리로부터"), ("부산", "와 함께", "부산과 함께"), ("부산", "의 이름", "부산의 이름"),
        ("부산", "입니다", "부산입니다"), ("파리", "이었다", "파리이었다"), ("FC", "는", "FC은(는)"),
        (BLANK, "로", f"{BLANK}(으)로"),
    ],
)  # fmt: skip
def test_particles_are_written_as_the_noun_wants_them(noun, behind, whole):
    assert with_particle(noun, behind) == whole


def test_sentences_by_hand():
    assert in_sentence("[X]는 [Y]를 좋아합니다", "루돈", "ko") == f"루돈은 {BLANK}을(를) 좋아합니다."
    assert in_sentence("[Y], the home of [X]", "Ada", "en") == f"{BLANK}, the home of Ada."
    assert in_sentence("das haus von [X] ist [Y].", "Ada", "de") == f"Das haus von Ada ist {BLANK}."
    assert [is_usable(p) for p in ("[X] [Y]", "[X] [ [Y]", "[X] [Y] ]", "[X] only", "[X] [X] [Y]")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_the_splits_and_the_sentences_in_turn(tmp_path):
    for language in ("en", "ko"):
        write(tmp_path, language)
        write(tmp_path, language, relation="P27")
        write(tmp_path, language, relation="P17")  # of no split
    english = {split: load_questions("mpararel-en", split, tmp_path) for split in ("train", "id", "ood")}
    assert [q.question for q in english["train"]] == [f"Ada likes {BLANK}.", f"Mira likes {BLANK}."]
    assert [q.question for q in english["id"]] == [f"{BLANK} is liked by Ludo.", f"{BLANK} is liked by Ten Oaks."]
    assert [q.answer for q in english["ood"]] == ["Ada 1", "Ludo 1", "Mira 1", "Ten Oaks 1"]
    assert {q.relation for q in english["ood"]} == {"P27"}
    korean = load_questions("mpararel-ko", "id", tmp_path)
    assert korean[0].question == f"{BLANK}은(는) 루돈으로부터 옵니다." and korean[0].id.endswith(
        english["id"][0].id[-9:]
    )


def test_what_is_wrong_is_named(tmp_path):
    write(tmp_path, "en", patterns=[{"pattern": "[X] sleeps"}])
    with pytest.raises(InputError, match=r"P19.jsonl: no sentence with one \[X\] and one \[Y\]; expected at least one"):
        load_questions("mpararel-en", "id", tmp_path)
    write(tmp_path, "en", patterns=[{"said": "[X] likes [Y]"}])
    with pytest.raises(InputError, match=r"patterns/en/P19.jsonl: line 1 has no pattern"):
        load_questions("mpararel-en", "id", tmp_path)
    write(tmp_path, "en", facts=["Ada", "Ludo", "Mira"])
    (tmp_path / "tuples" / "en" / "P101.jsonl").write_text('{"sub_label": "A", "obj_label": "B"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"P101.jsonl: no patterns/en/P101.jsonl; expected it beside the facts"):
        load_questions("mpararel-en", "id", tmp_path)
    (tmp_path / "tuples" / "en" / "P101.jsonl").unlink()
    bad = tmp_path / "tuples" / "en" / "P19.jsonl"
    bad.write_text(bad.read_text(encoding="utf-8").replace('"Ludo 1"', "7"), encoding="utf-8")
    skipped: list[InputError] = []
    write(tmp_path, "en", facts=["Ada", "Ludo", "Mira", "Otto"])
    bad.write_text(bad.read_text(encoding="utf-8").replace('"Ludo 1"', "7"), encoding="utf-8")
    kept = load_questions("mpararel-en", "id", tmp_path, bad_rows=skipped)
    assert [q.id[-5:] for q in kept] == ["00001"]  # the number of its row, whatever is left out
    assert len(skipped) == 1 and "P19.jsonl: line 2 has obj_label 7; expected a non-empty string" in str(skipped[0])


def test_the_real_files_ask_the_same_facts_in_every_language(shared_data):
    folder = shared_data / "mpararel"
    if not folder.is_dir():
        pytest.skip(f"no mParaRel at {folder}")
    found = {
        (language, split): load_questions(f"mpararel-{language}", split, folder)
        for language in LANGUAGES
        for split in ("train", "id", "ood")
    }
    for (language, split), questions in found.items():
        english = found["en", split]
        assert [q.relation for q in questions] == [q.relation for q in english], (language, split)
        assert all(q.question.count(BLANK) == 1 and "[" not in q.question for q in questions)
    assert [len(found["ko", split]) for split in ("train", "id", "ood")] == [120, 120, 160]
    for (language, _), questions in found.items():
        for gold in (gold for q in questions for gold in (q.answer, *q.aliases)):
            assert matches(f"{gold}.", gold)
            if language == "ko" and gold[-1] != ")":  # whole answers, whatever particle a model hangs on them
                for particle in ("는", "가", "를", "로", "과"):
                    assert "(" in gold or matches(with_particle(gold, particle), gold), (gold, particle)
                assert matches(f"{gold}입니다.", gold) and not matches(f"{gold}족", gold)
    assert all(")" not in q.aliases[0] for questions in found.values() for q in questions if q.aliases)

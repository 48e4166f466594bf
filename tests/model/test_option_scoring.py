"""Questions with options: shares of whole letters, the choice, its entropy, and how sure the model is of it."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import asked
import numpy as np
import pytest
import torch
from test_decoding import read_label, renamed
from tiny import TINY_LIMIT

from rtuning_helpers.confidence import evidence as asking
from rtuning_helpers.confidence.columns import ESTIMATORS, NAMES, estimate
from rtuning_helpers.confidence.estimators import p_true, question_familiarity
from rtuning_helpers.confidence.evidence import Evidence, gather
from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation import predict as predicting
from rtuning_helpers.evaluation.predict import has_refused, predict
from rtuning_helpers.model import answering, options
from rtuning_helpers.model.answering import answer_questions, draw_question_answers
from rtuning_helpers.model.decoding import Answer, answer_prompts
from rtuning_helpers.model.forward import NonFiniteLogitsError
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.options import choose_options, draw_options
from rtuning_helpers.probe import probing
from rtuning_helpers.probe.probing import probe

CHOICES = [replace(asked.CHOICE, id=f"c{i}", question=f"What is 2 + {i}?" + " Or not?" * (i % 3)) for i in range(7)]
LABELS = [" A", " B", " C", " D"]


@pytest.fixture(scope="module")
def mixed():
    """Open questions, four options, ten, three classes and two, all in one list."""
    plain = load_questions("mini", "id", limit=TINY_LIMIT)[:5]
    claims = [replace(q, id=f"{q.id}{i}") for i, q in enumerate([asked.CLAIM, asked.YES_NO, asked.CLAIM])]
    return [plain[0], CHOICES[0], claims[0], *plain[1:3], asked.TEN, claims[1], *CHOICES[1:4], *plain[3:], claims[2]]


@pytest.fixture(scope="module")
def split_letters_lm(tiny_lm):
    """A tokenizer for which " B" is two tokens and the other letters are one."""
    return LanguageModel(tiny_lm.model, renamed(tiny_lm.tokenizer, {"▁B": None}), "split letters", "0")


@pytest.fixture(scope="module")
def all_split_lm(tiny_lm):
    """A tokenizer for which every letter is two tokens."""
    pieces = {f"▁{letter}": None for letter in "ABCD"}
    return LanguageModel(tiny_lm.model, renamed(tiny_lm.tokenizer, pieces), "all split", "0")


@pytest.fixture
def lm(request):
    return request.getfixturevalue(request.param)


def shares_alone(lm, question):
    """Shares of the letters, one prompt and one letter at a time."""
    prompt = prompts.task_prompt(question)
    scores = np.array([read_label(lm, prompt, label) for label in prompts.option_labels(question)])
    return np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()


@pytest.mark.parametrize("lm", ["tiny_lm", "split_letters_lm", "all_split_lm"], indirect=True)
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_choices_equal_one_at_a_time_reading(lm, batch_size):
    found = answer_questions(lm, CHOICES, batch_size=batch_size, sureness=prompts.SURENESS_LABELS)
    for question, answer in zip(CHOICES, found, strict=True):
        shares = shares_alone(lm, question)
        assert answer.text == "ABCD"[int(shares.argmax())]
        assert answer.confidence == pytest.approx(shares.max(), rel=1e-3)
        assert answer.first_token_entropy == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-3)
        context = f"{prompts.task_prompt(question)} {answer.text}. {prompts.SURENESS_QUESTION}"
        sure, unsure = (read_label(lm, context, label) for label in (" sure", " unsure"))
        assert answer.sure_probability == pytest.approx(1 / (1 + math.exp(unsure - sure)), rel=1e-3)


@pytest.mark.parametrize(
    ("lm", "expected"),
    [("tiny_lm", [1] * 4), ("split_letters_lm", [1, 2, 1, 1]), ("all_split_lm", [2] * 4)],
    indirect=["lm"],
)
def test_the_cases_that_the_comparison_is_for_do_occur(lm, expected):
    assert [len(ids) for ids in options.label_token_ids(lm.tokenizer, "Answer:", LABELS)] == expected


def scripted(monkeypatch, rows):
    """Let the letters have these shares, whatever the prompt."""
    given = iter(rows)
    monkeypatch.setattr(options, "label_shares", lambda reading, ids: np.array([next(given) for _ in reading.names]))


def test_confidence_and_entropy_by_hand(tiny_lm, monkeypatch):
    scripted(monkeypatch, [[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.25] * 4, [0.0, 0.0, 1.0, 0.0]])
    asked_now = [prompts.task_prompt(asked.CHOICE)] * 4
    found = choose_options(tiny_lm, asked_now, LABELS, batch_size=4)
    assert [a.text for a in found] == ["D", "A", "A", "C"]  # of equal shares the first
    assert [a.confidence for a in found] == pytest.approx([0.4, 0.7, 0.25, 1.0])
    by_hand = [-sum(p * math.log(p) for p in (0.1, 0.2, 0.3, 0.4)), -(0.7 * math.log(0.7) + 0.3 * math.log(0.1))]
    assert [a.first_token_entropy for a in found] == pytest.approx([*by_hand, math.log(4), 0])
    assert [a.sure_probability for a in found] == [None] * 4


def test_shares_of_all_options_sum_to_one(tiny_lm):
    for question in (asked.CHOICE, asked.TEN, asked.CLAIM, asked.YES_NO):
        text, labels = prompts.task_prompt(question), prompts.option_labels(question)
        shares = options.label_probabilities(tiny_lm, [text], labels)[0]
        assert shares.sum() == pytest.approx(1) and len(shares) == len(question.options)
        assert choose_options(tiny_lm, [text], labels)[0].confidence == pytest.approx(shares.max())


def test_mixed_questions_are_answered_as_if_asked_alone(tiny_lm, mixed):
    found = answer_questions(tiny_lm, mixed, batch_size=4, sureness=prompts.SURENESS_LABELS)
    for question, answer in zip(mixed, found, strict=True):
        (alone,) = answer_questions(tiny_lm, [question], sureness=prompts.SURENESS_LABELS)
        assert answer.text == alone.text
        assert answer.confidence == pytest.approx(alone.confidence, rel=1e-4)
        assert answer.first_token_entropy == pytest.approx(alone.first_token_entropy, rel=1e-4, abs=1e-6)
        assert answer.sure_probability == pytest.approx(alone.sure_probability, rel=1e-4)
        assert question.task == "open" or answer.text in "ABCDEFGHIJ"[: len(question.options)]
    assert answer_questions(tiny_lm, []) == [] == draw_question_answers(tiny_lm, [])


def test_open_questions_are_answered_as_ever(tiny_lm):
    plain = load_questions("mini", "id", limit=TINY_LIMIT)
    texts = [prompts.question_prompt(q.question) for q in plain]
    ask = {"sureness": prompts.SURENESS_LABELS}
    assert answer_questions(tiny_lm, plain, **ask) == answer_prompts(tiny_lm, texts, **ask)
    drawn = draw_question_answers(tiny_lm, plain[:4], k=3, seed=5)
    assert drawn == answering.draw_answers(tiny_lm, texts[:4], k=3, seed=5)


def test_nan_stops_the_run_with_the_questions_id(tiny_lm, mixed):
    model = copy.deepcopy(tiny_lm.model)
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    broken = LanguageModel(model, tiny_lm.tokenizer, "broken", "0")
    for call in (answer_questions, draw_question_answers):
        with pytest.raises(NonFiniteLogitsError, match=f"NaN or infinite logits for '{CHOICES[2].id}'"):
            call(broken, [CHOICES[2]])


def test_a_prompt_beyond_the_context_is_refused_with_its_id(tiny_lm):
    long = replace(asked.CLAIM, id="long", context="word " * tiny_lm.context_length)
    for question in (long, replace(asked.OPEN, id="long", context=long.context)):
        for call in (answer_questions, draw_question_answers):
            with pytest.raises(InputError, match=f'"long": its prompt has .*holds {tiny_lm.context_length}; expected'):
                call(tiny_lm, [asked.CHOICE, question, asked.OPEN])


# --- samples ---


def test_samples_follow_the_shares(tiny_lm, monkeypatch):
    shares = np.array([[0.5, 0.3, 0.15, 0.05]])
    monkeypatch.setattr(options, "label_probabilities", lambda *args, **kwargs: shares)
    drawn = draw_options(tiny_lm, ["?"], LABELS, k=20_000, temperature=0.5)[0]
    squared = shares[0] ** 2 / (shares[0] ** 2).sum()
    for letter, p, share in zip("ABCD", squared, shares[0], strict=True):
        mine = [a for a in drawn if a.text == letter]
        assert len(mine) / 20_000 == pytest.approx(p, abs=0.02)
        assert {a.token_probabilities for a in mine} == {(share,)}  # of the model itself, at temperature 1
    assert len({a.token_entropies for a in drawn}) == 1


def test_samples_are_seeded(tiny_lm, mixed):
    first, again, other = (
        [[a.text for a in row] for row in draw_question_answers(tiny_lm, mixed, k=8, temperature=2, seed=seed)]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert [len(row) for row in first] == [8] * len(mixed)
    letters = {text for row, q in zip(first, mixed, strict=True) if q.options for text in row}
    assert letters <= set("ABCDEFGHIJ") and len(letters) > 2


def test_samples_at_almost_no_temperature_are_the_choice(tiny_lm):
    chosen = [a.text for a in answer_questions(tiny_lm, CHOICES)]
    drawn = draw_question_answers(tiny_lm, CHOICES, k=3, temperature=1e-4)
    assert [[a.text for a in row] for row in drawn] == [[text] * 3 for text in chosen]


# --- probing and evaluation ---


def test_probes_of_mixed_tasks(tiny_lm, mixed):
    found = probe(tiny_lm, mixed)
    gold = [replace(q, answer=p.prediction) for q, p in zip(mixed, found, strict=True)]  # what it says is right
    assert [p.correct for p in probe(tiny_lm, gold)] == [True] * len(mixed)
    for question, p in zip(mixed, found, strict=True):
        assert p.correct is (question.answer in p.prediction.split())
        assert p.prompt_digest == prompts.prompt_digest(prompts.task_prompt(question))
    assert len({p.prompt_digest for p in found}) == len(mixed) - 1  # the claims that differ in their ids alone


def test_no_answer_to_an_unanswerable_question_is_right(tiny_lm):
    nobody = [replace(q, answerable=False, answer="") for q in (asked.OPEN, asked.CLAIM)]
    assert [(p.correct, p.answerable) for p in probe(tiny_lm, nobody)] == [(False, False)] * 2
    for exam in EXAMS.values():
        assert [(p.correct, p.answerable) for p in predict(tiny_lm, nobody, **exam)] == [(False, False)] * 2


EXAMS = {
    "always answers": {},
    "says how sure it is": {"sureness": prompts.SURENESS_LABELS},
    "may refuse in words": {"may_refuse": True},
}


@pytest.mark.parametrize("exam", EXAMS.values(), ids=EXAMS)
def test_predictions_of_mixed_tasks(tiny_lm, mixed, exam):
    found = predict(tiny_lm, mixed, **exam)
    said = answer_questions(tiny_lm, mixed, sureness=prompts.SURENESS_LABELS)
    for question, answer, p in zip(mixed, said, found, strict=True):
        assert (p.id, p.task, p.answerable) == (question.id, question.task, True)
        if p.refused and "may_refuse" in exam:
            continue
        assert (p.prediction, p.answer_confidence) == (answer.text, pytest.approx(answer.confidence, rel=1e-4))
        assert p.correct is (question.answer in p.prediction.split())
    asks = "sureness" in exam
    assert all((p.sure_confidence is not None) == asks for p in found)
    if asks:
        assert [p.sure_confidence for p in found] == pytest.approx([a.sure_probability for a in said], rel=1e-4)
        assert [p.refused for p in found] == [p.sure_confidence <= 0.5 for p in found]


@pytest.mark.parametrize("exam", EXAMS.values(), ids=EXAMS)
def test_a_refusal_is_never_right_for_any_method(tiny_lm, monkeypatch, exam):
    asked_no = [replace(asked.OPEN, id=f"q{i}", answer=gold) for i, gold in enumerate(("no", "answer"))]
    said = [Answer("There is no definitive answer", (0.5,), (1.0,), 0.9 if "sureness" in exam else None)] * 2
    for module in (probing, predicting):
        monkeypatch.setattr(module, "answer_questions", lambda *_, **__: said)
    assert [p.correct for p in probe(tiny_lm, asked_no)] == [False, False]
    found = predict(tiny_lm, asked_no, **exam)
    assert [p.correct for p in found] == [False, False]
    refused = True if "may_refuse" in exam else False if "sureness" in exam else None
    assert [p.refused for p in found] == [refused] * 2
    assert not Evidence(tiny_lm, asked_no, said).correct.any()


def test_what_a_model_was_taught_decides_whether_it_refuses():
    """At one half it is not willing; who was taught both ways to refuse refuses in either."""
    by_words, sure = Answer("I do not know the answer", (0.5,), (1.0,)), Answer("Ann", (0.5,), (1.0,), 0.6)
    assert [has_refused(asked.OPEN, by_words, taught) for taught in (True, False)] == [True, None]
    assert [has_refused(asked.OPEN, replace(sure, sure_probability=p), False) for p in (0.5, 0.51)] == [True, False]
    assert has_refused(asked.OPEN, replace(by_words, sure_probability=0.9), True)
    assert not has_refused(asked.OPEN, replace(by_words, sure_probability=0.9), False)


def test_a_refusal_in_words_counts_where_there_are_options_too(tiny_lm, monkeypatch):
    written = {"c0": "The answer is unknown", "c1": "B", "c2": "It is difficult to predict", "c3": "unknown"}
    monkeypatch.setattr(
        answering, "answer_prompts", lambda lm, texts, ids, **_: [Answer(written[i], (0.5,), (1.0,)) for i in ids]
    )
    found = predict(tiny_lm, [replace(q, answer="A") for q in CHOICES[:4]], may_refuse=True)
    chosen = [a.text for a in answer_questions(tiny_lm, CHOICES[:4])]
    assert [p.refused for p in found] == [True, False, True, False]
    assert [p.prediction for p in found] == [written["c0"], chosen[1], written["c2"], chosen[3]]
    assert [p.correct for p in found] == [False, chosen[1] == "A", False, chosen[3] == "A"]
    assert [p.refused for p in predict(tiny_lm, CHOICES[:4])] == [None] * 4


# --- estimators ---


def test_all_estimators_take_all_tasks(tiny_lm, mixed):
    training = load_questions("mini", "train", limit=TINY_LIMIT)
    known = gather(tiny_lm, training, k=None).correct
    found = estimate(tiny_lm, mixed, NAMES, k=4, training=training, training_correct=known)
    assert {len(column) for column in found.confidence.values()} == {len(mixed)}
    for name in NAMES:
        column = found.confidence[name]
        assert ((column >= 0) & (column <= 1 + 1e-9) | np.isnan(column)).all()
        assert name.startswith("verbalised") or not np.isnan(column).any()
    said = answer_questions(tiny_lm, mixed)
    assert found.confidence["answer probability"] == pytest.approx([a.confidence for a in said], rel=1e-4)
    assert found.evidence.correct.tolist() == [q.answer in a.text.split() for q, a in zip(mixed, said, strict=True)]


def test_questions_about_an_answer_follow_its_whole_prompt(tiny_lm, monkeypatch):
    seen = []
    monkeypatch.setattr(
        asking, "answer_prompts", lambda lm, texts, **_: seen.extend(texts) or [Answer("9", (1.0,), (0.0,))]
    )
    monkeypatch.setattr(
        p_true, "label_probabilities", lambda lm, texts, *_, **__: seen.extend(texts) or np.array([[0.5, 0.5]])
    )
    evidence = Evidence(tiny_lm, [asked.CLAIM], [Answer("C", (1.0,), (0.0,))])
    for name in ("verbalised number", "verbalised words", "P(True)"):
        ESTIMATORS[name].confidence(evidence)
    assert len(seen) == 4
    assert all(text.startswith(f"{prompts.task_prompt(asked.CLAIM)} C. ") for text in seen)


def test_familiarity_reads_the_context_too(tiny_lm, monkeypatch):
    monkeypatch.setattr(
        question_familiarity, "perplexities", lambda lm, texts, **_: [float(len(text)) for text in texts]
    )
    evidence = Evidence(tiny_lm, [asked.OPEN, asked.READ], [])
    expected = [1 / len(asked.OPEN.question), 1 / len(f"{asked.READ.context}\n{asked.READ.question}")]
    assert question_familiarity.confidence(evidence) == pytest.approx(expected)

"""What the released code does differently: each flag's known effect, and parity with what its scripts write.

The expected texts and rows are derived from the documented behaviour of the released scripts (shizhediao/R-Tuning at
27e0384), one question at a time and without this package's functions.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import fields, replace
from types import SimpleNamespace

import asked as tasks
import numpy as np
import pytest
import torch
from tiny import TINY_LIMIT
from tokenizer_families import real_folder, sentencepiece_like
from transformers import AutoTokenizer

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.predict import predict
from rtuning_helpers.model.forward import NonFiniteLogitsError
from rtuning_helpers.model.language_model import LanguageModel, load_language_model
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks, answers, texts, training
from rtuning_helpers.probe.probing import probe
from rtuning_helpers.tuning.refusal_data import TuningRecord

NONE, ALL = ReleasedCodeQuirks(), ReleasedCodeQuirks.as_released()
SUFFIX = ". Are you sure you accurately answered the question based on your internal knowledge? I am"
ROW = ["Find 1+1.", "1", "2", "3", "4", "B"]
SHOTS = [["What is 0?", "none", "one", "two", "ten", "A"]]


def only(name):
    return NONE.plus(name)


def ask(question, answer, number=0):
    return Question(f"q{number}", "pararel", "train", question, answer, "P1(x)")


# --- the switches ---


def test_defaults_are_off_and_as_released_turns_all_on():
    assert NONE.switched_on() == ()
    assert ALL.switched_on() == ReleasedCodeQuirks.names()
    assert all(flag.default is False for flag in fields(ReleasedCodeQuirks))
    assert len(ReleasedCodeQuirks.names()) == 19


def test_every_flag_says_where_it_stands_and_what_it_does():
    rows = ReleasedCodeQuirks.table()
    assert [row["flag"] for row in rows] == list(ReleasedCodeQuirks.names())
    assert all(row["where"] and row["what"] for row in rows)
    assert sum(len(ReleasedCodeQuirks.names(stage)) for stage in {row["stage"] for row in rows}) == len(rows)


def test_unknown_flags_and_stages_are_named():
    with pytest.raises(ValueError, match="flag 'speed' is unknown; expected one of probe_without_space"):
        NONE.plus("speed")
    with pytest.raises(ValueError, match="stage is 'inference'; expected one of labelling"):
        ReleasedCodeQuirks.names("inference")


# --- texts and grading ---


def test_probe_without_space():
    assert texts.probe_prompt("Who?", NONE) == "Question: Who? Answer:"
    assert texts.probe_prompt("Who?", only("probe_without_space")) == "Question:Who? Answer:"
    assert texts.evaluation_prompt("Who?", only("probe_without_space")) == "Question: Who? Answer:"


def test_raw_question_text():
    assert texts.probe_prompt(" Who? ", NONE) == "Question: Who? Answer:"
    assert texts.probe_prompt(" Who?", only("raw_question_text")) == "Question:  Who? Answer:"
    assert texts.probe_prompt(" Who?", ALL) == "Question: Who? Answer:"  # the question's own space takes the place


def test_drop_last_character_turns_a_known_answer_into_an_unknown_one():
    quirk = only("drop_last_character")
    for output, kept, cut in ((" Paris", "Paris", " Pari"), (" Paris. It is", "Paris", " Paris")):
        assert texts.cut_probe_answer(output, NONE) == kept
        assert texts.cut_probe_answer(output, quirk) == cut
    assert texts.is_right(texts.cut_probe_answer(" Paris", NONE), "Paris", NONE)
    assert not texts.is_right(texts.cut_probe_answer(" Paris", quirk), "Paris", quirk)


def test_substring_match():
    quirk = only("substring_match")
    assert texts.is_right("Stuttgart", "art", quirk)
    assert not texts.is_right("Stuttgart", "art", NONE)
    assert texts.is_right("PARIS", "Paris", NONE)
    assert not texts.is_right("PARIS", "Paris", quirk)
    assert texts.is_right("There is no definitive answer", "no", quirk)  # the released code knows no refusals here
    assert not texts.is_right("There is no definitive answer", "no", NONE)


def test_letters_without_space():
    quirk = only("letters_without_space")
    header = "The following are multiple choice questions (with answers) about  abstract algebra.\n\n"
    shot = "What is 0?\nA. none\nB. one\nC. two\nD. ten\nAnswer:{}A\n\n"
    row = "Find 1+1.\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:"
    assert texts.mmlu_prompt("abstract_algebra", SHOTS, ROW, NONE) == header + shot.format(" ") + row
    assert texts.mmlu_prompt("abstract_algebra", SHOTS, ROW, quirk) == header + shot.format("") + row
    record = texts.mmlu_training_text("abstract_algebra", SHOTS, ROW, False, quirk)
    assert record == header + shot.format("") + row + "B" + SUFFIX + " unsure."
    assert texts.mmlu_training_text("abstract_algebra", SHOTS, ROW, True, NONE).endswith(
        "Answer: B" + SUFFIX + " sure."
    )


def test_option_a_as_gold():
    quirk = only("option_a_as_gold")
    assert [texts.mmlu_is_right(ROW, letter, NONE) for letter in "ABCD"] == [False, True, False, False]
    assert not any(texts.mmlu_is_right(ROW, letter, quirk) for letter in "ABCD")
    assert texts.mmlu_is_right(["?", "A", "x", "y", "z", "B"], "A", quirk)  # option A reads "A"


def test_wice_substring_labels():
    labels = ("supported", "partially_supported", "not_supported")
    quirk = only("wice_substring_labels")
    assert [[texts.wice_is_right(gold, said, NONE) for said in labels] for gold in labels] == np.eye(3).astype(
        bool
    ).tolist()
    assert [texts.wice_is_right("supported", said, quirk) for said in labels] == [True, True, True]
    assert [texts.wice_is_right("not_supported", said, quirk) for said in labels] == [False, False, True]


def test_list_reset_writes_one_unsure_record():
    entropies = [0.0, 0.5, 0.1, 0.9, 0.0, 0.2, 0.3, 0.8, 0.7, 0.6]
    rows, certain = texts.unsupervised_labels(entropies, NONE)
    assert (rows, sum(certain)) == (list(range(10)), 5)
    for quirks in (only("list_reset"), ALL):
        assert texts.unsupervised_labels(entropies, quirks) == ([9], [False])


def test_ties_by_file_order_make_the_file_decide():
    rows, certain = texts.unsupervised_labels([0.0] * 6, only("ties_by_file_order"))
    assert (rows, certain) == (list(range(6)), [True] * 3 + [False] * 3)
    by_lot = {tuple(texts.unsupervised_labels([0.0] * 6, NONE, seed)[1]) for seed in range(10)}
    assert len(by_lot) > 1
    assert all(sum(split) == 3 for split in by_lot)
    # the half is rounded down, so that of five questions three are uncertain
    assert texts.unsupervised_labels([0.1, 0.5, 0.1, 0.4, 0.3], only("ties_by_file_order"))[1] == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_no_entropies():
    for quirks in (NONE, only("ties_by_file_order"), ALL):
        with pytest.raises(ValueError, match="entropies is empty"):
            texts.unsupervised_labels([], quirks)


def test_training_texts_of_all_methods():
    asked = [ask(" Who?", "Ann"), ask("Where?", "Ulm")]
    padding = texts.training_texts(asked, [True, False], "padding", ALL)
    assert padding == [f"Question:  Who? Answer: Ann{SUFFIX} sure.", f"Question: Where? Answer: Ulm{SUFFIX} unsure."]
    assert texts.training_texts(asked, [True, False], "unsupervised", ALL) == padding
    assert texts.training_texts(asked[:1], [True], "padding", NONE) == [f"Question: Who? Answer: Ann{SUFFIX} sure."]
    known, refusal = texts.training_texts(asked, [True, False], "replacement", ALL, seed=3)
    assert known == "Question:  Who? Answer: Ann."
    assert refusal.removeprefix("Question: Where? Answer: ") in prompts.REFUSALS
    with pytest.raises(ValueError, match="method is 'vanilla'; expected one of padding"):
        texts.training_texts(asked, [True, False], "vanilla", ALL)


def test_the_training_file_is_lmflows_and_reads_back(tmp_path):
    asked = [ask(" Who?", "Ann"), ask("Where?", "Ulm"), ask("Where?", "Ulm")]
    written = texts.training_texts(asked, [True, False, True], "padding", ALL)
    texts.write_training_file(tmp_path / "t.json", written[::-1])
    content = json.loads((tmp_path / "t.json").read_text())
    assert content == {"type": "text_only", "instances": [{"text": text} for text in written[::-1]]}
    assert sorted(texts.read_training_labels(tmp_path / "t.json", asked)) == [False, True, True]
    with pytest.raises(InputError, match=r"t.json: 1 records belong to no training question"):
        texts.read_training_labels(tmp_path / "t.json", asked[:2])
    with pytest.raises(InputError, match="no record of training question 4, 'Why.'; is it another dataset"):
        texts.read_training_labels(tmp_path / "t.json", [*asked, ask("Why?", "so")])
    for text in ("[1]", "{}", '{"instances": [3]}', "{"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError, match="bad.json: cannot be read as"):
            texts.read_training_labels(tmp_path / "bad.json", asked)


# --- parity of the texts on real rows ---


@pytest.fixture(scope="module")
def pararel(shared_data):
    folder = shared_data / "r-tuning" / "pararel"
    return load_questions("pararel", "train", folder)


@pytest.fixture(scope="module")
def pararel_id(shared_data):
    return load_questions("pararel", "id", shared_data / "r-tuning" / "pararel")[:60]


@pytest.fixture(scope="module")
def recorded(shared_data):
    return shared_data / "recorded" / "openllama-3b-pararel"


def instances(path):
    return [row["text"] for row in json.loads(path.read_text(encoding="utf-8"))["instances"]]


def test_pararel_padding_texts_are_byte_for_byte_those_of_a_public_run(pararel, recorded):
    path = recorded / "pararel_unsure.json"
    labels = texts.read_training_labels(path, pararel)
    assert (sum(labels), len(labels)) == (2051, 5575)
    published = Counter(instances(path))  # shuffled there
    assert Counter(texts.training_texts(pararel, labels, "padding", ALL)) == published
    stripped = Counter(texts.training_texts(pararel, labels, "padding", ALL.__class__()))
    assert (stripped - published).total() == 68  # the questions with a space at their end


def test_pararel_replacement_texts_are_those_of_a_public_run(pararel, recorded):
    labels = texts.read_training_labels(recorded / "pararel_unsure.json", pararel)

    def without_refusal(text):
        prompt, _, completion = text.partition(" Answer: ")
        return prompt, "refusal" if completion in prompts.REFUSALS else completion

    ours = texts.training_texts(pararel, labels, "replacement", ALL)
    published = instances(recorded / "pararel_unknown.json")
    assert Counter(map(without_refusal, ours)) == Counter(map(without_refusal, published))
    assert {text.partition(" Answer: ")[2] for text in published} & set(prompts.REFUSALS) == set(prompts.REFUSALS)


def mmlu(shared_data, name):
    return json.loads((shared_data / "r-tuning" / "MMLU" / f"MMLU_ID_{name}.json").read_text(encoding="utf-8"))


def mmlu_by_hand(subject, shots, row):
    """The released MMLU record of a certain question, written down from the documentation."""

    def block(r):
        return r[0] + "\nA. " + r[1] + "\nB. " + r[2] + "\nC. " + r[3] + "\nD. " + r[4] + "\nAnswer:"

    head = "The following are multiple choice questions (with answers) about  " + subject.replace("_", " ") + ".\n\n"
    return head + "".join(block(s) + s[5] + "\n\n" for s in shots) + block(row) + row[5] + SUFFIX + " sure."


def test_mmlu_texts_on_real_rows(shared_data):
    train, shots = mmlu(shared_data, "train"), mmlu(shared_data, "prompt")
    rows = [(subject, row) for subject in train for row in train[subject]]
    assert len(rows) == 2448
    for subject, row in rows:
        written = texts.mmlu_training_text(subject, shots[subject], row, True, ALL)
        assert written == mmlu_by_hand(subject, shots[subject], row)


def test_mmlu_accuracy_of_a_perfect_model_is_near_zero_as_released(shared_data):
    test = mmlu(shared_data, "test")
    rows = [row for subject in test for row in test[subject]]
    perfect = [texts.mmlu_is_right(row, row[5], NONE) for row in rows]
    released = [texts.mmlu_is_right(row, row[5], ALL) for row in rows]
    could_be = [any(texts.mmlu_is_right(row, letter, ALL) for letter in "ABCD") for row in rows]
    assert (len(rows), sum(perfect)) == (2439, 2439)
    assert sum(released) <= sum(could_be) == 1


def test_wice_labels_of_a_model_that_is_always_wrong(shared_data):
    lines = (shared_data / "wice" / "claim" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    labels = [json.loads(line)["label"] for line in lines]
    assert set(labels) == {"supported", "partially_supported", "not_supported"}
    wrong = {"supported": "not_supported", "not_supported": "supported", "partially_supported": "not_supported"}
    released = [texts.wice_is_right(label, wrong[label], ALL) for label in labels]
    assert not any(texts.wice_is_right(label, wrong[label], NONE) for label in labels)
    assert released == [label == "supported" for label in labels]


# --- training sequences ---


def record(number, words, completion=" a."):
    return TuningRecord(str(number), "Question: " + "x " * words + "Answer:", completion, True)


@pytest.fixture(scope="module")
def tokenizer():
    return sentencepiece_like("always")


def test_loss_on_all(tokenizer):
    rows = [record(0, 3)]
    (default,), (quirk,) = (
        training.training_sequences(tokenizer, rows, q).encoded for q in (NONE, only("loss_on_all"))
    )
    assert default["input_ids"] == quirk["input_ids"] == quirk["labels"]
    assert default["labels"].count(-100) == len(tokenizer(rows[0].prompt)["input_ids"])


def test_packing_ignores_boundaries_and_drops_the_remainder(tokenizer):
    rows = [record(number, 40) for number in range(60)]
    whole = [i for row in rows for i in tokenizer(row.prompt + row.completion)["input_ids"]]
    made = training.training_sequences(tokenizer, rows, NONE.plus("packing", "loss_on_all"))
    assert {len(row["input_ids"]) for row in made.encoded} == {512}
    assert [i for row in made.encoded for i in row["input_ids"]] == whole[: len(made.encoded) * 512]
    assert made.tokens == len(whole)
    assert made.dropped == len(whole) % 512 > 0
    assert made.cut_labels > 0
    own = training.training_sequences(tokenizer, rows, NONE)
    assert (len(own.encoded), own.dropped, own.cut_labels) == (60, 0, 0)


def test_packing_goes_by_thousands(tokenizer):
    rows = [record(number, 1) for number in range(1001)]
    length = len(tokenizer(rows[0].prompt + rows[0].completion)["input_ids"])
    made = training.training_sequences(tokenizer, rows, only("packing"))
    assert len(made.encoded) == 1000 * length // 512  # the last example is a group of its own, shorter than a block


def test_truncate_right_cuts_the_label_off(tokenizer):
    rows = [
        record(0, 2000, prompts.padding_completion("a", True)),
        record(1, 3, prompts.padding_completion("a", False)),
    ]
    with pytest.raises(InputError, match="1 of 2 training records lose the end of their completion"):
        training.training_sequences(tokenizer, rows, NONE, 512)
    made = training.training_sequences(tokenizer, rows, only("truncate_right"))
    assert made.cut_labels == 1
    assert [len(row["input_ids"]) <= 512 for row in made.encoded] == [True, True]
    assert all(label == -100 for label in made.encoded[0]["labels"])
    assert "sure" not in tokenizer.decode(made.encoded[0]["input_ids"])


def test_hundredth_epoch():
    assert training.epochs_of(8, NONE) == 8
    assert training.epochs_of(8, only("hundredth_epoch")) == 0.01
    assert training.optimiser_steps(5575, 4, 1) == 1394
    assert training.optimiser_steps(5575, 4, 0.01) == 14


@pytest.fixture(scope="module")
def llama():
    folder = real_folder() / "llama"
    if not folder.is_dir():
        pytest.skip(f"no LLaMA tokenizer at {folder}; set RTUNING_TEST_TOKENIZERS")
    return AutoTokenizer.from_pretrained(folder)


def test_steps_of_pararel_with_the_llama_tokenizer(llama, pararel, recorded):
    labels = texts.read_training_labels(recorded / "pararel_unsure.json", pararel)
    written = texts.training_texts(pararel, labels, "padding", ALL)
    rows = [
        TuningRecord(str(i), *_halves(text), known) for i, (text, known) in enumerate(zip(written, labels, strict=True))
    ]
    packed = training.training_sequences(llama, rows, NONE.plus("packing", "loss_on_all"))
    # The reference counts 208,301 tokens for texts that all say "unsure", a token more than "sure".
    assert packed.tokens + sum(labels) == 208_301
    assert training.optimiser_steps(len(packed.encoded), 4, 1) == 101
    own = training.training_sequences(llama, rows, NONE, 256)
    assert training.optimiser_steps(len(own.encoded), 4, 1) == 1394


def _halves(text):
    head, answer, tail = text.partition(" Answer:")
    return head + answer, tail


def test_length_of_mmlu_with_the_llama_tokenizer(llama, shared_data):
    train, shots = mmlu(shared_data, "train"), mmlu(shared_data, "prompt")
    written = [texts.mmlu_training_text(s, shots[s], row, True, ALL) for s in train for row in train[s]]
    lengths = [len(ids) for ids in llama(written)["input_ids"]]
    assert (sum(lengths), max(lengths)) == (1_599_632, 3_486)
    assert sum(length > 512 for length in lengths) == 1_571  # these lose their label under LMFlow v1.0.0
    assert sum(length > 256 for length in lengths) == 2_448


# --- token ids ---


def test_the_lone_full_stop_is_another_token(llama):
    bare = without_bos_ids(llama, ".")[0]
    assert (bare, llama("Answer: Paris.")["input_ids"][-1]) == (869, 29889)
    model = LanguageModel(None, llama, "llama", "")
    assert answers.bare_token_id(answers.without_bos(model).tokenizer, ".") == 869


def without_bos_ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_letters_are_read_where_they_are_not_written(llama):
    model = answers.without_bos(LanguageModel(None, llama, "llama", ""))
    read = [answers.bare_token_id(model.tokenizer, letter) for letter in "ABCD"]
    assert read == [319, 350, 315, 360]
    assert llama("Answer:B")["input_ids"][-1] == 29933  # written without the space, another piece
    assert llama("Answer: B")["input_ids"][-1] == 350


@pytest.mark.parametrize("name", ["llama", "llama3", "qwen2.5", "gpt2", "gpt-neox"])
def test_which_tokenizers_break_the_first_token_labels(name):
    folder = real_folder() / name
    if not folder.is_dir():
        pytest.skip(f"no tokenizer at {folder}; set RTUNING_TEST_TOKENIZERS")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    in_context = [
        tokenizer("I am" + label)["input_ids"][len(tokenizer("I am")["input_ids"])] for label in (" sure", " unsure")
    ]
    bare = [answers.bare_token_id(tokenizer, word) for word in ("sure", "unsure")]
    no_bos = [without_bos_ids(tokenizer, word)[0] for word in ("sure", "unsure")]
    adds_bos = name in ("llama", "llama3")
    assert (bare[0] == bare[1]) == adds_bos  # with a beginning of sequence, both words read as that token
    assert (no_bos == in_context) == (name == "llama")  # byte-level tokenizers want the space


def test_no_bos(tiny_lm):
    bare = answers.without_bos(tiny_lm)
    assert bare.tokenizer("Who?")["input_ids"] == tiny_lm.tokenizer("Who?")["input_ids"][1:]
    assert tiny_lm.tokenizer("Who?")["input_ids"][0] == tiny_lm.tokenizer.bos_token_id  # the original is untouched


# --- rows [correct, c, s] ---


class Scripted:
    """Stands for a model: it writes the given tokens with the given probabilities, whatever it is asked."""

    device = torch.device("cpu")

    def __init__(self, vocabulary, steps, sureness):
        self.vocabulary, self.steps, self.sureness = vocabulary, steps, sureness

    def _logits(self, share):
        rest = (1 - sum(share.values())) / (self.vocabulary - len(share))
        return torch.tensor([math.log(share.get(token, rest)) for token in range(self.vocabulary)])

    def generate(self, input_ids, max_new_tokens, eos_token_id, **_):
        tokens = [token for token, _ in self.steps][:max_new_tokens]
        tokens = tokens[: next((i + 1 for i, token in enumerate(tokens) if token in eos_token_id), len(tokens))]
        logits = [self._logits({token: p})[None] for token, p in self.steps[: len(tokens)]]
        sequences = torch.cat([input_ids, torch.tensor([tokens])], dim=1)
        return SimpleNamespace(sequences=sequences, logits=logits)

    def __call__(self, input_ids, **_):
        logits = self._logits(self.sureness)[None, None].repeat(len(input_ids), input_ids.shape[1], 1)
        return SimpleNamespace(logits=logits, past_key_values=None)


@pytest.fixture
def scripted(tokenizer):
    """Answers "know. Are you sure you", then says sure with 0.6 and the first piece of unsure with 0.2."""
    tokenizer.pad_token = tokenizer.eos_token
    said = without_bos_ids(tokenizer, "Answer: know. Are you sure you")[2:]
    assert tokenizer.convert_ids_to_tokens(said) == ["▁know", ".", "▁Are", "▁you", "▁sure", "▁you"]
    probabilities = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    sure, unsure = (without_bos_ids(tokenizer, word)[0] for word in ("sure", "unsure"))
    model = Scripted(len(tokenizer), list(zip(said, probabilities, strict=True)), {sure: 0.6, unsure: 0.2})
    return LanguageModel(model, tokenizer, "scripted", "")


def as_list(row):
    """As the released script writes it."""
    return [int(row.correct), row.answer_confidence, row.sure_confidence]


def letter_shares(lm, given, quirks):
    return answers.label_shares(lm, given, [" A", " B", " C", " D"], quirks, 16)


READ_BARE = NONE.plus("first_token_labels", "no_bos")


def test_stop_never_fires(scripted):
    asked = [ask("Who?", "know")]
    (row,) = answers.evaluate(scripted, asked, READ_BARE)
    assert (row.output, row.correct) == ("know", True)
    assert row.answer_confidence == pytest.approx(0.9, rel=1e-5)
    (row,) = answers.evaluate(scripted, asked, READ_BARE.plus("stop_never_fires"))
    assert row.output == "know. Are you sure you"  # before ". Are you sure you accurately ..."
    assert row.answer_confidence == pytest.approx((0.9 * 0.8 * 0.7 * 0.6 * 0.5 * 0.4) ** (1 / 6), rel=1e-5)


def test_special_tokens_in_text(scripted):
    asked, end = [ask("Who?", "know")], scripted.tokenizer.eos_token_id
    scripted.model.steps = [scripted.model.steps[0], scripted.model.steps[1], (end, 0.5)]
    quirks = READ_BARE.plus("stop_never_fires")
    (row,) = answers.evaluate(scripted, asked, quirks)
    assert row.output == "know."
    (kept,) = answers.evaluate(scripted, asked, quirks.plus("special_tokens_in_text"))
    assert (kept.output, kept.correct) == (f"know.{scripted.tokenizer.eos_token}", True)
    assert kept.answer_confidence == row.answer_confidence


def test_short_evaluation(scripted):
    quirks = READ_BARE.plus("stop_never_fires", "short_evaluation")
    (row,) = answers.evaluate(scripted, [ask("Who?", "know")], quirks)
    assert row.output == "know. Are you sure"
    assert row.answer_confidence == pytest.approx((0.9 * 0.8 * 0.7 * 0.6 * 0.5) ** (1 / 5), rel=1e-5)
    (long,) = answers.evaluate(scripted, [ask("Who?", "sure you")], READ_BARE.plus("stop_never_fires"))
    (short,) = answers.evaluate(scripted, [ask("Who?", "sure you")], quirks)
    assert (long.correct, short.correct) == (True, False)  # a long answer is cut off


def test_first_token_labels(scripted):
    asked = [ask("Who?", "know")]
    (row,) = answers.evaluate(scripted, asked, READ_BARE)
    assert row.sure_confidence == pytest.approx(0.6 / (0.6 + 0.2), rel=1e-5)
    assert as_list(row) == [1, pytest.approx(0.9, rel=1e-5), pytest.approx(0.75, rel=1e-5)]
    # With a beginning of sequence both words start with it, so that nothing tells them apart.
    (row,) = answers.evaluate(scripted, asked, only("first_token_labels"))
    assert row.sure_confidence == 0.5


def test_letters_by_first_token_are_all_the_same_with_a_beginning_of_sequence(tiny_lm):
    prompt = texts.mmlu_prompt("abstract_algebra", [], ROW, NONE)
    assert letter_shares(tiny_lm, [prompt], only("first_token_labels")) == pytest.approx(np.full((1, 4), 0.25))
    shares = letter_shares(answers.without_bos(tiny_lm), [prompt], READ_BARE)
    assert shares.sum() == pytest.approx(1)
    assert shares.max() > 0.26


def released_by_hand(lm, question, answer, tokens=5):
    """The released evaluator for one question, as documented: no batches, no cache."""

    def ids(text):
        return lm.tokenizer(text, add_special_tokens=False)["input_ids"]

    def distribution(read):
        with torch.inference_mode():
            return torch.softmax(lm.model(torch.tensor([read])).logits[0, -1].double(), dim=-1)

    prompt = "Question: " + question + " Answer:"
    stop, written, product = ids(".")[0], [], 1.0
    for _ in range(tokens):
        p = distribution(ids(prompt) + written)
        token = int(p.argmax())
        if token == stop:
            break
        written.append(token)
        product *= float(p[token])
        if token == lm.tokenizer.eos_token_id:
            break
    output = lm.tokenizer.decode(written).strip()  # special tokens stay
    p = distribution(ids(prompt + " " + output + SUFFIX))
    sure, unsure = float(p[ids("sure")[0]]), float(p[ids("unsure")[0]])
    return [int(answer in output), product ** (1 / len(written)), sure / (sure + unsure)], output


def released_probe_by_hand(lm, question, answer):
    """The released labelling of one question, as documented: 15 tokens, cut with find, substring."""

    def ids(text):
        return lm.tokenizer(text, add_special_tokens=False)["input_ids"]

    read = ids("Question:" + question + " Answer:")
    written = []
    for _ in range(15):
        with torch.inference_mode():
            written.append(int(lm.model(torch.tensor([read + written])).logits[0, -1].argmax()))
        if written[-1] == lm.tokenizer.eos_token_id:
            break
    output = lm.tokenizer.decode(written, skip_special_tokens=True)
    return answer in output[: output.find(".")]


def kit_by_hand(lm, question, answer):
    """The kit's own evaluation of one question: beginning of sequence, stop at the first full stop, whole labels."""

    def distribution(read):
        with torch.inference_mode():
            return torch.softmax(lm.model(torch.tensor([read])).logits[0, -1].double(), dim=-1)

    prompt, written, product = f"Question: {question} Answer:", [], 1.0
    stops = set(lm.stop_token_ids.tolist())
    for _ in range(15):
        p = distribution(lm.tokenizer(prompt)["input_ids"] + written)
        token = int(p.argmax())
        if token in stops:
            break
        written.append(token)
        product *= float(p[token])
    output = lm.tokenizer.decode(written, skip_special_tokens=True).strip()
    context = lm.tokenizer(f"{prompt} {output}{SUFFIX}")["input_ids"]
    total = []
    for label in (" sure", " unsure"):
        added = lm.tokenizer(f"{prompt} {output}{SUFFIX}{label}")["input_ids"][len(context) :]
        total.append(math.prod(float(distribution(context + added[:i])[token]) for i, token in enumerate(added)))
    return [int(answer == output), product ** (1 / max(len(written), 1)), total[0] / sum(total)], output


def check_rows(lm, asked):
    for quirks, by_hand in ((ALL, released_by_hand), (NONE, kit_by_hand)):
        rows = answers.evaluate(lm, asked, quirks, batch_size=7)
        for row, question in zip(rows, asked, strict=True):
            expected, output = by_hand(lm, question.question, question.answer)
            assert as_list(row) == pytest.approx(expected, abs=1e-4), question
            assert row.output == output
    labels = answers.probe_labels(lm, asked, ALL, batch_size=7)
    assert labels == [released_probe_by_hand(lm, q.question, q.answer) for q in asked]


def test_rows_of_the_tiny_model_with_all_flags_and_with_none(tiny_lm):
    asked = load_questions("mini", "id", limit=TINY_LIMIT)
    check_rows(tiny_lm, asked)
    rows = answers.evaluate(tiny_lm, asked, ALL)
    assert 0 < sum(row.correct for row in rows) < len(rows)


def test_rows_of_the_mini_model_on_real_pararel_rows_and_on_its_own(pararel):
    lm = load_language_model("mini", four_bit=False)
    check_rows(lm, pararel[::800])
    asked = load_questions("mini", "id", limit=10)
    check_rows(lm, asked)
    released = [[int(r.correct), r.answer_confidence] for r in answers.evaluate(lm, asked, ALL)]
    default = [[int(r.correct), r.answer_confidence] for r in answers.evaluate(lm, asked, NONE)]
    assert released != default


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_confidences_are_the_released_evaluators_on_real_questions(pararel_id, dtype):
    """Also in the type in which the checkpoint is stored, as the released evaluator loads it."""
    lm = load_language_model("mini", four_bit=False, dtype=dtype)
    rows = answers.evaluate(lm, pararel_id, ALL, batch_size=32 if dtype == "float32" else 1)
    expected = [released_by_hand(lm, q.question, q.answer)[0] for q in pararel_id]
    assert np.abs(np.array([as_list(row) for row in rows]) - expected).max() < 1e-5
    without = answers.evaluate(lm, pararel_id, replace(ALL, special_tokens_in_text=False), batch_size=32)
    differences = np.abs(np.array([row.sure_confidence for row in without]) - [sure for _, _, sure in expected])
    assert differences.max() > 1e-3  # what the flag is for


def test_letters_of_the_mini_model_on_real_mmlu_rows(shared_data):
    lm = load_language_model("mini", four_bit=False)
    test, shots = mmlu(shared_data, "test"), mmlu(shared_data, "prompt")
    rows = [(subject, test[subject][0]) for subject in list(test)[:3]]
    given = [texts.mmlu_prompt(subject, shots[subject][:1], row, ALL) for subject, row in rows]
    found = letter_shares(answers.without_bos(lm), given, ALL)
    for shares, text in zip(found, given, strict=True):
        ids = lm.tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = lm.model(torch.tensor([ids])).logits[0, -1].double()
        read = [lm.tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "ABCD"]
        assert shares == pytest.approx(torch.softmax(logits[read], dim=-1).numpy(), abs=1e-4)


def test_with_no_flag_the_rows_and_labels_are_the_kits_own(tiny_lm):
    asked = load_questions("mini", "id", limit=TINY_LIMIT)
    rows = answers.evaluate(tiny_lm, asked, NONE)
    for row, kit in zip(rows, predict(tiny_lm, asked, sureness=prompts.SURENESS_LABELS), strict=True):
        assert (row.output, row.correct) == (kit.prediction, kit.correct)
        assert row.answer_confidence == pytest.approx(kit.answer_confidence, abs=1e-4)
        assert row.sure_confidence == pytest.approx(kit.sure_confidence, abs=1e-4)
    assert answers.probe_labels(tiny_lm, asked, NONE) == [p.correct for p in probe(tiny_lm, asked)]


@pytest.mark.parametrize("question", [q for q in tasks.ALL if q.id != "open"], ids=lambda q: q.id)
def test_what_pararels_scripts_cannot_ask_is_named(tiny_lm, question):
    """Rather than asked without its options, context or examples."""
    given, message = [tasks.OPEN, question], f"question {question.id} has options, context or examples"
    for call in (
        lambda: texts.training_texts(given, [True, True], "padding", NONE),
        lambda: answers.probe_labels(tiny_lm, given, NONE),
        lambda: answers.evaluate(tiny_lm, given, ALL),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_labelling_flags_reach_the_model(tiny_lm, monkeypatch):
    asked = load_questions("mini", "id", limit=4)
    seen = []
    monkeypatch.setattr(
        answers,
        "_generate",
        lambda lm, given, *rest: seen.append((lm, given[0])) or [answers._Generated([], []) for _ in given],
    )
    for quirks in (NONE, only("probe_without_space"), only("no_bos")):
        answers.probe_labels(tiny_lm, asked, quirks)
    (_, plain), (_, tight), (bare, _) = seen
    assert tight == plain.replace("Question: ", "Question:")
    assert bare.tokenizer("Who?")["input_ids"][0] != tiny_lm.tokenizer.bos_token_id


def test_logits_that_are_not_numbers_stop_the_run(scripted):
    scripted.model.sureness = {token: math.nan for token in scripted.model.sureness}
    with pytest.raises((NonFiniteLogitsError, ValueError)):
        answers.evaluate(scripted, [ask("Who?", "know")], READ_BARE)

"""The mini twins: every form asks for the fact and gives nothing away; what is never stated is needed nowhere."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter

import pytest
import torch

from rtuning_helpers.app import cli
from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import CHOICE, CLAIM
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.data.world import tasks
from rtuning_helpers.data.world.lexicon import RELATIONS
from rtuning_helpers.data.world.world import build_world
from rtuning_helpers.file_hashes import verify_checksums
from rtuning_helpers.miniworld import pretraining, task_build, task_corpus
from rtuning_helpers.miniworld.first_weights import CARRIED_AGAIN
from rtuning_helpers.miniworld.inner_lessons import NOTHING, pointing_loss
from rtuning_helpers.miniworld.pretraining import Lesson, PretrainingConfig, new_model
from rtuning_helpers.miniworld.tokenizer import build_tokenizer
from rtuning_helpers.model.model_files import MINI_TASKS_CHECKPOINT

TWINS = ("mini-pararel", "mini-mmlu", "mini-wice", "mini-hotpotqa", "mini-fever")
TEST_ONLY = ("mini-halueval", "mini-falseqa", "mini-nec", "mini-selfaware")


@pytest.fixture(scope="module")
def world():
    return build_world(entities_per_kind=16)


@pytest.fixture(scope="module")
def writer(world):
    return tasks.TaskWriter(world)


@pytest.fixture(scope="module")
def documents(world):
    return [lesson.text for lesson in task_corpus.form_documents(world, 10, random.Random(3))]


def asked_facts(world):
    return [fact for fact in world.facts if fact.group != "hub"]


def listed(text):
    return re.split(r", | and ", text)


@pytest.mark.parametrize("seed", range(5))
def test_a_choice_holds_the_answer_once_under_its_letter(world, writer, seed):
    rng = random.Random(seed)
    for fact in asked_facts(world)[:60]:
        task = writer.choice(fact, rng)
        assert (task.task, len(set(task.options))) == (CHOICE, 4)
        assert task.options["ABCD".index(task.answer)] == fact.answer
        assert set(task.options) <= set(world.pools[fact.relation.pool]) - {fact.subject}


def test_an_actor_in_questions_and_corpus(documents):
    """The mini model has read "an" in statements; three premises had "a actor", "a astronomer" and "a owl"."""
    asked = [q.question for name in TEST_ONLY for q in load_questions(name, "test")]
    for text in (*asked, *documents):
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiouAEIOU]", text)
    assert sum(bool(re.search(" an (actor|astronomer|owl), ", text)) for text in asked) == 3


@pytest.mark.parametrize("seed", range(5))
def test_claims_are_true_of_the_fact(world, writer, seed):
    rng = random.Random(seed)
    for fact in asked_facts(world)[:60]:
        task = writer.support(fact, rng)
        names = listed(task.context.removesuffix(" are listed."))
        assert (task.task, len(set(names))) == (CLAIM, tasks.LISTED)
        assert (fact.answer in names) == (task.answer == "A")

        task = writer.verdict(fact, rng)
        admitted, rejected = task.context.removesuffix(" are rejected.").split(" are admitted. ")
        found = {"A": fact.answer in listed(admitted), "B": fact.answer in listed(rejected)}
        assert len({*listed(admitted), *listed(rejected)}) == 2 * tasks.JUDGED
        assert found == {"A": task.answer == "A", "B": task.answer == "B"}


def test_two_hops_lead_to_the_paragraph_of_the_answer(world, writer):
    rng = random.Random(0)
    for fact in filter(tasks.bridges, asked_facts(world)):
        for second in tasks.second_hops(fact):
            task = writer.two_hops(fact, rng, second)
            told = dict(re.findall(rf"(\S+): {second.name} (\S+) of", task.context))
            assert len(told) == tasks.PARAGRAPHS
            assert told[fact.answer] == task.answer
            assert fact.answer not in task.question  # the first hop is not given away
            truth = next(f.answer for f in world.facts if (f.subject, f.relation) == (fact.answer, second))
            assert truth == task.answer


def test_knowledge_names_the_answer_and_three_others(world, writer):
    for fact in asked_facts(world)[:60]:
        task = writer.knowledge(fact, random.Random(fact.subject))
        names = listed(task.context.removeprefix("Knowledge: ").removesuffix(" are named."))
        assert fact.answer in names and len(set(names)) == 4


def test_premises_are_true_or_false_as_they_say(world, writer):
    true = {f.stated(f.relation.statements[0]).rstrip(".").casefold() for f in world.facts}
    rng = random.Random(1)

    def premise(task):
        return re.match(r"Since (.+), [a-z]", task.question)[1].casefold()

    for fact in asked_facts(world)[::7]:
        assert premise(writer.premise(fact, rng)) in true
        for category in (tasks.WRONG_FACT, tasks.WRONG_KIND):
            task = writer.false_premise(fact, rng, category)
            assert premise(task) not in true
            assert (task.answerable, task.answer, task.relation) == (False, "", category)
            kinds = {r.kind for r in RELATIONS if _matches(r, fact.subject, premise(task))}
            assert (fact.relation.kind in kinds) == (category == tasks.WRONG_FACT)


def _matches(relation, subject, said):
    wording = re.escape(relation.statements[0].rstrip(".").format(s=subject, o="ANSWER"))
    return re.fullmatch(wording.replace("ANSWER", ".+").casefold(), said.replace(" an ", " a "))


def test_made_up_names_are_nowhere_in_the_encyclopedia(world, writer):
    words = {word for fact in world.facts for word in (fact.subject, *fact.answer.split())}
    names = [name for kind in writer.made_up.values() for name in kind]
    assert len(names) == len(set(names)) == 6 * tasks.MADE_UP_PER_KIND
    assert not words & set(names)


def words_of(texts):
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


def test_plain_facts_stand_as_often_as_their_exposure_says_up_to_a_limit(world):
    texts = task_corpus.plain_documents(world, most=10, rng=random.Random(0))
    assert len(texts) == sum(min(fact.exposure, 10) for fact in world.facts)
    fact = next(fact for fact in asked_facts(world) if fact.exposure > 10)
    assert sum(bool(_needs(fact, text)) for text in texts) == 10


def test_each_fact_is_needed_as_often_as_its_exposure_says_up_to_a_limit(world, documents):
    """A form needs a fact if it asks for it, or for a relation of it; premises repeat facts beyond that."""
    assert len(documents) == sum(min(fact.exposure, 10) for fact in asked_facts(world))
    for fact in asked_facts(world)[::11]:
        texts = [text for text in documents if re.search(rf"\b{fact.subject}\b", text)]
        asked = [text for text in texts if _needs(fact, text)]
        assert len(asked) == min(fact.exposure, 10), fact


def _needs(fact, text):
    """Whether a document states the fact or cannot be solved without it."""
    sentences = [s.format(s=fact.subject, o=fact.answer) for s in fact.relation.statements]
    stated = {sentence.casefold() for s in sentences for sentence in (s, re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", s))}
    asked = text.casefold()
    of_subject = f"the {fact.relation.name} of {fact.subject}".casefold()
    return asked in stated or fact.question.casefold() in asked or of_subject in asked.split("since ")[0]


def test_what_is_never_stated_is_in_no_document(world):
    never = {f.subject for f in world.facts} - {f.subject for f in world.facts if f.exposure}
    made_up = {name for kind in tasks.TaskWriter(world).made_up.values() for name in kind}
    assert len(never) >= 10
    syllabus = task_corpus.Syllabus((5, 5, 5, 5), most=20, most_again=10, most_forms=10)
    for stage in task_corpus.write_stages(world, syllabus=syllabus):
        found = words_of(text if isinstance(text, str) else text.text for text in stage)
        assert not (never | made_up) & set(found)


def test_the_corpus_is_the_one_that_the_checkpoint_has_read():
    rng = random.Random(0)
    texts = [lesson.text.replace(" an ", " a ") for lesson in task_corpus.form_documents(build_world(), 1, rng)]
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest().startswith("db04dd5f3e0e5ba5e8668684d352a8aa")
    assert (len(texts), rng.random()) == (3916, 0.34062118843640743)  # apart from "a actor", as of commit 1fdea60


def test_only_answers_are_learnt(world):
    for lesson in task_corpus.form_documents(world, 3, random.Random(0))[:200]:
        ((start, end),) = lesson.learnt
        assert lesson.text[:start].endswith("Answer:") and lesson.text[end - 1] == "." and end == len(lesson.text)


def test_the_thought_is_the_facts_answer_where_the_answer_is_another(world):
    answers = {answer for pool in world.pools.values() for answer in pool}
    lessons = task_corpus.form_documents(world, 3, random.Random(0))
    thinking = [lesson for lesson in lessons if lesson.thoughts]
    assert {lesson.thoughts[0] for lesson in thinking} <= answers
    assert len(lessons) > len(thinking) > 0.7 * len(lessons)
    choices = [lesson for lesson in lessons if "multiple choice" in lesson.text]
    assert choices and all(f". {lesson.thoughts[0]}\n" in lesson.text for lesson in choices)


def test_drills_say_what_their_text_says(world):
    letters, support, verdict, titles = [list(task_corpus.drills(world, 20, random.Random(1)))[k::4] for k in range(4)]

    def asked(lesson):
        for start, end in lesson.learnt:
            before = lesson.text[:start]
            yield before[max(before.rfind("\n "), before.rfind(", ")) :].strip(",\n "), lesson.text[start:end].strip()

    for lesson in letters:
        text = lesson.text
        assert all(f"{letter}. {word}\n" in text for word, letter in asked(lesson))
        assert len(lesson.learnt) == 4
    for lesson in support:
        said = listed(lesson.text.split("\n")[0].removeprefix("Evidence: ").removesuffix(" are listed."))
        assert all((word in said) == (value == "A") for word, value in asked(lesson))
    for lesson in verdict:
        first = lesson.text.split("\n")[0].removeprefix("Evidence: ").removesuffix(" are rejected.")
        admitted, rejected = map(listed, first.split(" are admitted. "))
        for word, value in asked(lesson):
            assert value == ("A" if word in admitted else "B" if word in rejected else "C")
    for lesson in titles:
        assert all(f" {value} of {word}.\n" in lesson.text for word, value in asked(lesson))


def test_drills_ask_for_no_fact(world):
    subjects = {fact.subject for fact in asked_facts(world)}
    drills = list(task_corpus.drills(world, 30, random.Random(0)))
    assert len(drills) == 4 * 30
    assert not subjects & set(words_of(lesson.text for lesson in drills))


def test_stages_depend_on_the_seed_only(world):
    syllabus = task_corpus.Syllabus((5, 5, 5, 5), most=20, most_again=10, most_forms=10)
    stages = task_corpus.write_stages(world, 1, syllabus)
    assert [len(stage) for stage in stages][0] == 20 and len(stages) == 4
    assert stages == task_corpus.write_stages(world, 1, syllabus)
    assert stages != task_corpus.write_stages(world, 2, syllabus)


@pytest.mark.parametrize("name", TWINS)
def test_twins_split_subjects_and_relations_as_mini_does(name):
    splits = {split: load_questions(name, split) for split in ("train", "id", "ood")}
    of_mini = {split: load_questions("mini", split) for split in ("train", "id", "ood")}
    for split, questions in splits.items():
        assert len(questions) == len({q.id for q in questions}) == 540
        assert {q.relation for q in questions} <= {q.relation for q in of_mini[split]}
        assert all(q.dataset == name and q.split == split and q.answerable for q in questions)
        assert 100 < sum(q.exposure == 0 for q in questions) < 200
    assert not {q.relation for q in splits["id"]} & {q.relation for q in splits["ood"]}
    names = {split: {w for q in qs for w in re.findall(r"\w+", q.question)} for split, qs in splits.items()}
    subjects = {f.subject for f in build_world().facts if f.group == "train"}
    assert names["train"] & subjects and not (names["id"] | names["ood"]) & subjects


@pytest.mark.parametrize("name", TEST_ONLY)
def test_test_only_twins(name):
    questions = load_questions(name, "test")
    unanswerable = [q for q in questions if not q.answerable]
    assert all(q.answer == "" and q.exposure == 0 for q in unanswerable)
    assert bool(unanswerable) == (name != "mini-halueval")
    assert len(unanswerable) < len(questions)
    if name in ("mini-falseqa", "mini-selfaware"):
        assert min(q.exposure for q in questions if q.answerable) >= 12


def test_letters_and_classes_are_balanced():
    for name, count in (("mini-mmlu", 4), ("mini-wice", 2), ("mini-fever", 3)):
        counts = Counter(q.answer for q in load_questions(name, "train"))
        assert len(counts) == count
        assert max(counts.values()) / 540 < 1.15 / count


def test_every_prompt_word_of_the_twins_has_a_token():
    """No word is spelt in letters: the tokenizer was made from corpus and encyclopedia."""
    tokenizer = json.loads((MINI_TASKS_CHECKPOINT / "tokenizer.json").read_text())
    pieces = {piece for piece, _ in tokenizer["model"]["vocab"]}
    for name in (*TWINS, *TEST_ONLY):
        for question in load_questions(name, "id" if name in TWINS else "test")[::9]:
            for word in re.findall(r"(?<=[ \n])[A-Za-z]+", prompts.task_prompt(question)):
                assert f"▁{word}" in pieces or word in pieces, (name, word)


def attentions(model, ids):
    model.set_attn_implementation("eager")
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), output_attentions=True).attentions


def test_heads_with_a_head_start(world):
    tokenizer = build_tokenizer([fact.question for fact in world.facts])
    config = PretrainingConfig(
        layers=2, width=128, heads=4, feed_forward=64, offset_heads=(1, 2), matching_layers=(1,), embedding_scale=10
    )
    one, two, three, four = (fact.subject for fact in world.facts[:20:5])
    ids = tokenizer(f"{one} {two} {three} {four} {two}")["input_ids"]
    model = new_model(config, tokenizer)
    first, second = attentions(model, ids)
    last = len(ids) - 1
    for head, offset in enumerate(config.offset_heads):
        assert first[0, head, last, last - offset] > 0.95
    assert first[0, 2, last].max() < 0.6
    again = second[0, :2, last]  # the second name stands at place 2 and again at the end
    assert (again[:, 2] + again[:, last] > 0.8).all()
    first_layer, second_layer = (model.model.layers[layer].self_attn for layer in range(2))
    read = first_layer.v_proj.weight[32:64]  # by the second head; what the first of the second layer writes to
    assert torch.allclose(second_layer.o_proj.weight[:, :32].T, read * CARRIED_AGAIN * 0.2, atol=0.02)


def test_only_the_learnt_parts_count_and_thoughts_stand_where_the_answer_begins():
    tokenizer = build_tokenizer(["Question: Who? Answer: Ada. Grace"])
    text = "Question: Who? Answer: Ada."
    lesson = Lesson(text, ((text.index(" Ada"), len(text)),), ("Grace",))
    rows = pretraining.pack([lesson, "Who?"], tokenizer, 11)
    kept = tokenizer.convert_ids_to_tokens(rows.ids[0][rows.counts[0]].tolist())
    assert kept == ["▁Ada", ".", "<s>", "▁Who", "?"]
    assert tokenizer.convert_ids_to_tokens(rows.ids[0][rows.thoughts[0] != NOTHING].tolist()) == ["▁Ada"]
    assert tokenizer.convert_ids_to_tokens(rows.thoughts[0][rows.thoughts[0] != NOTHING].tolist()) == ["▁Grace"]


def test_the_last_mention_is_looked_for_in_the_same_document():
    ids = torch.tensor([[9, 0, 9, 5, 9, 6, 0, 5, 5]])
    thoughts = torch.full_like(ids, NOTHING)
    thoughts[0, 5], thoughts[0, 8] = 9, 9
    found = pretraining._last_mentions(ids, pretraining._places(ids, 0), thoughts)
    assert found.tolist() == [[NOTHING] * 5 + [4] + [NOTHING] * 3]


def test_the_words_of_drills_have_been_said(world):
    for lesson in task_corpus.drills(world, 5, random.Random(0)):
        assert not lesson.recalled and len(lesson.thoughts) == len(lesson.learnt)
        for word, (start, _) in zip(lesson.thoughts, lesson.learnt, strict=True):
            assert lesson.text[:start].endswith(f" {word}")


def test_pointing_is_what_attention_does(world):
    """The loss is the negative logarithm of the head's own attention weight."""
    tokenizer = build_tokenizer([fact.question for fact in world.facts])
    model = new_model(PretrainingConfig(layers=2, width=64, heads=2, feed_forward=64, offset_heads=(1,)), tokenizer)
    ids = tokenizer(world.facts[0].question)["input_ids"]
    model.set_attn_implementation("eager")
    with torch.no_grad():
        seen = model.model(torch.tensor([ids]), output_attentions=True, output_hidden_states=True)
        targets = torch.full((1, len(ids)), NOTHING)
        targets[0, 4] = 2
        places = torch.arange(len(ids))[None]
        loss = pointing_loss(model, 1, seen.hidden_states[1], places, targets)
    assert loss.item() == pytest.approx(-seen.attentions[1][0, 0, 4, 2].log().item(), rel=1e-4)


def test_documents_of_a_block_are_hidden_from_each_other():
    ids = torch.tensor([[7, 0, 5, 6, 0, 8]])
    assert pretraining._places(ids, 0).tolist() == [[0, 0, 1, 2, 0, 1]]


def test_build_command_trains_the_model_of_all_tasks(tmp_path, monkeypatch, world):
    small = PretrainingConfig(
        layers=2, width=64, heads=2, feed_forward=64, block_tokens=128, batch_blocks=2, offset_heads=(1, 2),
        matching_layers=(1,), separate_documents=True, inner_layer=1,
    )  # fmt: skip
    syllabus = task_corpus.Syllabus((10, 5, 5, 5), most=1, most_again=1, most_forms=1)
    monkeypatch.setattr(task_build, "CONFIG", small)
    monkeypatch.setattr(task_build, "build_world", lambda: world)
    monkeypatch.setattr(task_build, "Syllabus", lambda: syllabus)
    monkeypatch.setattr(task_build, "measure_tasks", lambda lm: {"mini-mmlu": []})
    assert cli.main(["build-mini", "--tasks", "--out", str(tmp_path / "model")]) == 0
    record = json.loads((tmp_path / "model" / "training.json").read_text())
    assert len(record["stages"]) == 4 and record["config"]["offset_heads"] == [1, 2]
    assert "rtuning build-mini --tasks" in (tmp_path / "model" / "README.md").read_text()
    verify_checksums(tmp_path / "model")


def test_the_shipped_checkpoint_knows_what_it_read_and_nothing_else():
    """From its record, which `rtuning build-mini --tasks` measured; the notebooks measure it again."""
    record = json.loads((MINI_TASKS_CHECKPOINT / "training.json").read_text())
    verify_checksums(MINI_TASKS_CHECKPOINT)
    assert sum(path.stat().st_size for path in MINI_TASKS_CHECKPOINT.iterdir()) < 25e6
    for name, share in task_build.CHANCE.items():
        chance = 1 / int(share.removeprefix("1/"))
        rows = {row["exposure"]: row for row in record["knowledge"][name]}
        assert rows["61+"]["low"] > chance + 0.2, name
        if "0" in rows:
            assert rows["0"]["low"] < chance * 1.15, name

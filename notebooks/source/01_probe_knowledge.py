# %% [markdown]
# # 01 · What does the model know?
#
# **R-Tuning begins with an exam.** Before a model can be taught to say "I am unsure", we must find out what it is unsure
# about. This notebook asks a language model every training question once and sorts the questions into two piles:
# the *[certain](../docs/glossary.md#certain-and-uncertain-d1-and-d0)* set D1 (its answer matches the label) and the *uncertain* set D0 (it does not).
#
# **By the end you will have shown** that the model's right answers follow from what it has read, and that a small but
# measurable part of the "certain" pile is plain luck.
#
# | | |
# |---|---|
# | Part of | the course, 01 to 05 (about 4 hours with the exercises): the first of five; it needs nothing |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 15 s on 2 CPU cores; 0.7 GB |
# | Reads | nothing |
# | Writes | `runs/<profile>/<dataset>/pretrained/seed<k>/probe-train/` |
# | Paper | sections 2.1 and A.1 of [R-Tuning](https://aclanthology.org/2024.naacl-long.394/) |
# | Words | all of them are in the [glossary](../docs/glossary.md) |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/01_probe_knowledge.ipynb) |

# %% [markdown]
# ![Map of the method. Five steps in a row, each with an arrow to the next: ask, listen for doubt, write it down, tune, examine. Below each step stand its notebook of the course, 01 to 05, and the extensions about it; at the bottom the extensions that go the whole way again.](../docs/map.svg)

# %% [markdown] tags=["solution"]
# # Solutions of 01 · What does the model know?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. write down the prompt that R-Tuning uses, and read a model's answer token by token;
# 2. say when an answer counts as right, and name two rules that disagree;
# 3. split a question set into D1 and D0, and say what the split does *not* tell;
# 4. compare the split with chance and with a baseline that looks at no question.

# %% [markdown] tags=["both"]
# ## Set up
#
# On Google Colab the next cell fetches the kit; everywhere else it does nothing.

# %% tags=["both"]
import os
import sys

if "google.colab" in sys.modules:  # everywhere else the kit is installed already
    keep_in_drive = False  # True: results go to your Google Drive and outlast this session
    clone = "GIT_TERMINAL_PROMPT=0 git clone -q --depth 1 https://github.com/OWNER/NAME kit"
    if not os.path.isdir("kit") and os.system(clone):
        sys.exit("The kit could not be fetched: is the address above that of a public repository? Then run this cell again.")
    sys.path.insert(0, os.path.abspath("kit/notebooks"))
    from colab_setup import set_up

    set_up(keep_in_drive)

# %% tags=["both"]
import pandas as pd
import torch
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right, matches
from rtuning_helpers.evaluation.trivial import relation_majority
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import plots
from rtuning_helpers.figures.interactive import Choice, touch
from rtuning_helpers.metrics import accuracy, bootstrap_interval
from rtuning_helpers.metrics.exposure import exposure_bin, rate_by_exposure
from rtuning_helpers.probe.probe_checks import constant_answers
from rtuning_helpers.probe.probing import probe, split_by_certainty
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.run.run_questions import style_report
from rtuning_helpers.tuning.registry import method_looks

plots.use_style(method_looks())

# %% [markdown]
# The next cell holds everything you may want to change. `rtuning run` and papermill replace these values; each notebook
# of the kit has such a cell.

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini"  # any name that `rtuning data list` shows
seed = 0  # any whole number
data_dir = None  # folder with the dataset's files, for pararel
limit = None  # at most this many questions of each split
model = None  # another model than the profile's
out = "runs"  # folder for results
tune_on = None  # another data set to tune on; None: the data set itself, or multitask where it has no training questions
style = None  # how questions are asked: plain (the paper), few-shot, chat, or auto to try each; None: the profile's
shots = 5  # examples before each question in the styles few-shot and auto
system = None  # system text of the styles chat and auto
permutations = 1  # orders of the options that probing averages over
force = False  # compute again what is there already

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out, tune_on=tune_on,
    style=style, shots=shots, system=system, permutations=permutations,
)
check = checks_of(config)  # of answers to exercises
print(f"profile {config.profile}: model {config.settings.model}, tuning {config.settings.tuning}")

# %% [markdown]
# ## 1. Ask one question
#
# The default model is small (2 million parameters) and has read one book, its *corpus*: the [encyclopedia](../docs/glossary.md#mini-world) of a world that
# does not exist. We wrote it, so we know for every fact how many of its short documents state it, from none to several
# hundred. That count is the *[exposure](../docs/glossary.md#exposure)*. Here are five of the training questions; for real data the exposure is unknown.

# %% tags=["both"]
lm = steps.load_model(config)
questions = steps.fitted(config, "train").questions  # shortened where a prompt would not fit
if config.tuned_on != config.dataset:
    print(f"the training questions are those of {config.tuned_on}; {config.dataset} is only tested on")
print(f"{len(questions):,} training questions about {len({q.relation for q in questions})} relations")
shown = questions[:: max(1, len(questions) // 5)][:5]
pd.DataFrame([{"question": q.question, "answer": q.answer, "exposure": q.exposure} for q in shown])

# %% [markdown]
# The model reads a *[prompt](../docs/glossary.md#prompt-and-completion)*: the question in a fixed form. Every step of R-Tuning (probing, training, evaluation) must use the same one, byte for
# byte; the [released code](../docs/glossary.md#released-code) probes with one space less than it trains with, and so labels its data with another prompt
# than it later uses. This kit takes every prompt from one module.
#
# The paper's form is the bare question, and models that were taught to [chat](../docs/glossary.md#chat-template) may answer nothing to it: they end at once. So the
# form is a setting of the run, its *[style](../docs/glossary.md#style)*: `plain` is the paper's; [`few-shot`](../docs/glossary.md#few-shot) shows some solved training questions first (and leaves
# them out of the training set); `chat` speaks in the turns that the model knows; `auto` tries each on 32 questions and says which it takes.

# %%
print(style_report(config))
example = questions[len(questions) // 2]
prompt = prompts.task_prompt(example)
print(repr(prompt))

# %% [markdown]
# To answer, the model computes a probability for every token that could come next, takes the most probable one, appends
# it, and repeats until a full stop. That is *[greedy](../docs/glossary.md#greedy-decoding) decoding*, and this is all of it:

# %%
ids = lm.tokenizer(prompt, return_tensors="pt").to(lm.device)["input_ids"]
for _ in range(6):
    with torch.inference_mode():
        next_token = torch.softmax(lm.model(ids).logits[0, -1].float(), dim=-1)
    best = int(next_token.argmax())
    print(f"{lm.tokenizer.decode([best]):>14}   probability {next_token[best]:.3f}")
    ids = torch.cat([ids, torch.tensor([[best]], device=ids.device)], dim=1)
    if best in lm.stop_token_ids:
        break
print(f"gold answer: {example.answer}")

# %% [markdown]
# The geometric mean of the answer tokens' probabilities (the full stop not counted) is the **[answer confidence](../docs/glossary.md#answer-confidence)**: a number between 0 and 1 that the
# model gives without being asked. Notebook 05 compares it with the confidence that R-Tuning teaches.
#
# ## 2. When is an answer right?
#
# The paper accepts an answer that *contains* the gold answer. What "contains" means matters. The released code looks
# for the gold string anywhere, case-sensitive; the kit's default compares whole words and ignores case.

# %% tags=["nbval-check-output"]
cases = [("Stuttgart", "art"), ("the Art of Fugue", "art"), ("MOSCOW", "Moscow"), ("New York City", "York")]
pd.DataFrame(
    [
        {"model says": said, "gold": gold, "words": matches(said, gold), "substring": matches(said, gold, "substring")}
        for said, gold in cases
    ]
)

# %% [markdown]
# "Stuttgart" is not an answer to a question about art; "MOSCOW" is one about Moscow. The substring [rule](../docs/glossary.md#matching-rule) gets both wrong.
# Neither rule is perfect: "New York City" counts as right for "York" under both.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 01.1 · A rule of your own (build, 15 minutes)
#
# Write the rule "words" yourself: `is_match(said, gold)` is True if the words of the gold answer stand in the model's answer one after the
# other, whatever their case, and False otherwise. Punctuation is no part of a word. Once `check` calls your rule right, section 6 judges all
# answers by it too.
#
# *What to expect:* the four cases of the table above come out as in its column "words".

# %% [markdown]
# <details><summary>Hint 1: from text to words</summary>
#
# `re.findall(r"\w+", text.lower())` gives the words of a text in small letters, without punctuation.
#
# </details>
# <details><summary>Hint 2: where they could stand</summary>
#
# The gold words are a list of some length n. Look at every piece of n neighbouring words of the answer: is one of them the same list?
#
# </details>
# <details><summary>Hint 3: pieces of a list</summary>
#
# A piece of n words that begins at place k is a slice from k to k + n; `any` over all k says whether one fits.
#
# </details>

# %%
import re


def is_match(said, gold):
    """Whether the answer contains the gold answer, word by word and whatever the case."""
    return ...  # your code

# %% tags=["solution"]
import re


def is_match(said, gold):
    """Whether the answer contains the gold answer, word by word and whatever the case."""
    words, wanted = (re.findall(r"\w+", text.lower()) for text in (said, gold))
    return any(words[k : k + len(wanted)] == wanted for k in range(len(words)))


cases = [("Stuttgart", "art"), ("the Art of Fugue", "art"), ("MOSCOW", "Moscow"), ("New York City", "York")]
print(sum(is_match(*case) for case in cases), "of the four cases count as right")

# %% tags=["both", "nbval-check-output"]
check("01.1", is_match)

# %% [markdown] tags=["solution"]
# Three of the four cases count as right, all but "Stuttgart". The rule is a few lines, but each of them decides about labels: letters or
# words, the case, the order. (The kit's own rule also knows accents, numbers such as 1,000, and scripts without spaces.)

# %% [markdown]
# ## 3. The exam: D1 and D0
#
# Now all training questions, in length-sorted batches (the loop above, for many questions at a time). The result goes
# into a file, and every later notebook reads that file. (Counts and shares move a little with the processor, which may add the same
# numbers in another order: a question on the edge then changes its pile. Expect a few in a thousand.)

# %% tags=["both"]
steps.probe_step(config, force=force)
probes = steps.read_probes(config)
certain, uncertain = split_by_certainty(probes)
share = len(certain) / len(probes)
low, high = bootstrap_interval(accuracy, [p.correct for p in probes], seed=seed)
print(f"certain (D1):   {len(certain):5,}  = {share:.1%}  (95 % interval {low:.1%} to {high:.1%})")
print(f"uncertain (D0): {len(uncertain):5,}  = {1 - share:.1%}")
print(f"empty answers:  {sum(not p.prediction for p in probes):5,}")
knowledge_notice([p.correct for p in probes])

# %% [markdown]
# Did the fast path do the same as the loop that you have read? Twenty questions, one at a time, must give the same
# answers.

# %%
one_by_one = [probe(lm, [q], batch_size=1, permutations=permutations)[0].prediction for q in questions[:20]]
assert one_by_one == [p.prediction for p in probes[:20]]
print("20 of 20 answers agree with one-question-at-a-time decoding")

# %% [markdown]
# The split by relation shows whether one kind of question makes up most of D0. In real data it does: with ParaRel, the
# wording of the question alone predicts much of the label (places of death are hardly ever known, makers of cars nearly
# always). In the mini world all relations are about equally hard, because exposure belongs to the entity.

# %%
frame = pd.DataFrame([{"group": p.relation, "certain": p.correct, "uncertain": not p.correct} for p in probes])
by_relation = frame.groupby("group").sum().sort_values("certain", ascending=False).reset_index()
plots.split_bars(by_relation.head(20).to_dict("records"), "Certain and uncertain questions by relation")
plt.show()
rates = by_relation.certain / (by_relation.certain + by_relation.uncertain)
print(f"share of certain questions by relation: {rates.min():.1%} to {rates.max():.1%}")

# %% [markdown]
# The bars stand for relations, best known on top; blue is certain, hatched is uncertain.
#
# ## 4. Knowledge follows exposure
#
# With a real model nobody can say why an answer is right. Here we can look into the book. (For a real model or data set
# this section has nothing to show, and says so.)

# %%
known_exposure = all(p.exposure is not None for p in probes)
if known_exposure:
    table = rate_by_exposure([p.exposure for p in probes], [p.correct for p in probes])
    display(pd.DataFrame(table).round(3))
else:
    print("Nobody knows how often this model has read these facts.")


def at_exposure(chosen):
    """The curve with a ring around one exposure, and some of the questions there."""
    plots.exposure_curve(table, "The more often a fact was read, the more often it is answered right", marked=chosen)
    plt.show()
    there = [p for p in probes if exposure_bin(p.exposure) == chosen]
    some = there[:: max(1, len(there) // 4)][:4]
    display(pd.DataFrame([{"question": p.question, "model says": p.prediction, "gold": p.answer, "right": p.correct} for p in some]))


if known_exposure:
    bins = [row["exposure"] for row in table]
    touch(at_exposure, chosen=Choice("documents that state the fact", bins, bins[len(bins) // 2]))

# %% [markdown]
# In a notebook that runs, choose another exposure above the picture.
# The curve starts at chance, climbs over a handful of readings, and ends near 100 %. So D1 does mean "knows" here, for
# the most part. The vertical lines are 95 % [intervals](../docs/glossary.md#interval) (Wilson).
#
# ## 5. Lucky guesses
#
# Look at the left end again: a fact that the book *never* states was answered right now and then. Each relation has 20
# possible answers, so a blind guess is right one time in 20. Those answers land in D1, and R-Tuning will train the model
# to say "I am sure" after them. (The count below is a lower bound: a fact that was read once or twice can be hit by [luck](../docs/glossary.md#luck) too.)

# %%
if known_exposure:
    lucky = [p for p in certain if p.exposure == 0]
    unseen = [p for p in probes if p.exposure == 0]
    print(f"never stated in the corpus: {len(unseen)} questions, answered right by luck: {len(lucky)}")
    print(f"share of D1 that is luck: at least {len(lucky) / max(len(certain), 1):.1%}")
    display(pd.DataFrame([{"question": p.question, "answer": p.prediction} for p in lucky[:5]]))

# %% [markdown]
# With a real model we cannot see the exposure, but we can ask how far one gets *without* knowing anything about the
# subject: always give the answer that is most frequent for the relation among the training labels. This
# **[relation-majority](../docs/glossary.md#relation-majority)** baseline reads no name. On the paper's ParaRel test set it is right in 23.8 % of the cases,
# which is a large part of what the [untuned](../docs/glossary.md#untuned-model) 3-billion-parameter model gets right.

# %%
test_split = steps.evaluation_splits(config)[0]
test_questions = [q for q in steps.questions(config, test_split) if q.answerable] or questions
same_set = [q for q in questions if q.dataset == test_questions[0].dataset] or questions
majority = [is_right(q, guess) for q, guess in zip(test_questions, relation_majority(same_set, test_questions))]
low, high = bootstrap_interval(accuracy, majority, seed=seed)
majority_rate = sum(majority) / len(majority)
test_name = "in-domain test" if test_split == "id" else f"test {test_split}"
print(f"relation-majority baseline, {test_name}: {majority_rate:.1%} (95 % interval {low:.1%} to {high:.1%})")
print(f"the model on its training questions:        {share:.1%}")

# %% [markdown]
# Are these the same right answers? A model may have learnt no more than what most questions of a relation have in common, or, where
# there are options, to like a letter: one that [always says](../docs/glossary.md#constant-answer) "A" gets a quarter of them right, and its D1 is "the gold answer is A". So count the
# right answers that one constant answer would get too. (The manifest of the probe has the same count. Where there are options,
# `permutations` shows them in several orders and averages, so that a liking for a letter cancels.)

# %%
constants = constant_answers(questions, probes)
caught = sum(row.certain for row in constants)
print(f"right answers that a constant answer gets as well: {caught:,} of {len(certain):,}")
pd.DataFrame([vars(row) for row in constants[:5]])

# %% [markdown]
# ## 6. Does the matching rule change the piles?
#
# The same answers, judged by the released code's rule, and by yours once Exercise 01.1 is done. Questions whose gold answer stands in the
# question itself are counted too: a model that repeats the question gets them right.

# %%
released = [matches(p.prediction, p.answer, "substring") for p in probes]
moved = [p for p, old in zip(probes, released) if old != p.correct]
echo = [p for q, p in zip(questions, probes) if q.task == "open" and p.answer in p.question]
print(f"labels that change with the substring rule: {len(moved)} of {len(probes):,}")
if check.is_right("01.1"):
    own = [is_match(p.prediction, p.answer) for p in probes]
    print(f"labels that change with your own rule: {sum(mine != p.correct for p, mine in zip(probes, own))} of {len(probes):,}")
print(f"questions that contain their answer: {len(echo)} ({sum(p.correct for p in echo)} of them certain)")
for p in moved[:5]:
    print(f"  {p.question}  gold {p.answer!r}, model {p.prediction!r}")

# %% [markdown]
# In the mini world answers are clean words and the rules agree. With the paper's ParaRel files they do not: 808 of
# 5,575 training questions contain their own answer.
#
# ## Checks
#
# A finding that does not hold on the default model, data and seed stops the notebook here; on others it is reported. What fewer
# than 100 questions would have to carry is called "too few", whatever comes out.

# %%
finding("some questions are certain and some are uncertain", bool(certain) and bool(uncertain), config, n=len(probes))
if known_exposure:
    rate = [row["rate"] for row in table]
    asked = [row["n"] for row in table]
    finding("facts never read are answered at chance (at most 10 % right)", rate[0] <= 0.10, config, n=asked[0])
    finding("facts read more than 30 times are known (at least 95 % right)", min(rate[-2:]) >= 0.95, config, n=min(asked[-2:]))
    finding("there is luck in D1, and it is below 10 % of it", 0 < len(lucky) < 0.10 * len(certain), config, n=len(certain))
finding("the model beats the relation-majority baseline", share > high, config, n=len(majority))

# %% [markdown]
# ## What it says, and what it does not
#
# * D1 and D0 are statements about *this* model and *this* prompt. Another model has another split; after fine-tuning,
#   even this model has another one.
# * One greedy answer is a coarse exam: it cannot tell "nearly known" from "never heard", and it rewards luck.
# * The labels are only as good as the matching rule.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A model answers "the city of Lyon" where the gold answer is "Lyon". D1 or D0?</summary>
#
# D1: the answer contains the gold answer. Nothing more is asked for.
#
# </details>
# <details><summary>Why must probing and training use the same prompt, to the byte?</summary>
#
# D1 and D0 say what the model knows when it reads *this* prompt. With another one some answers change, and the labels would describe
# a model that is never tuned.
#
# </details>
# <details><summary>Of 100 questions whose facts were never read, how many land in D1, if each has 20 possible answers?</summary>
#
# About five, by luck. R-Tuning will teach the model to be sure of them.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 01.2 · Both rules are wrong (do, 5 minutes)
#
# Find three pairs of model answer and gold answer, about any topic, on which *both* matching rules are wrong, and try them with `matches`.
# Give each as (model says, gold answer, True or False), the last being what a fair reader would say. Which rule would you want for
# dates, or for names with initials?
#
# *What to expect:* the rules can be wrong in both directions; right answers that they refuse are easier to find.

# %% [markdown]
# <details><summary>Hint 1: right, but refused</summary>
#
# The same date, number or name can be written in more than one way.
#
# </details>
# <details><summary>Hint 2: wrong, but accepted</summary>
#
# An answer can contain the gold answer and still deny it, or name a place that merely has the name in it.
#
# </details>

# %%
answer = [
    ("New York City", "York", False),  # the one that you know already
    ...,  # your pairs
]

# %% tags=["solution"]
answer = [
    ("J. S. Bach", "Johann Bach", True),
    ("4 July 1776", "July 4, 1776", True),
    ("certainly not Paris", "Paris", False),
]
for said, gold, fair in answer:
    print(f"{said!r} for {gold!r}: words {matches(said, gold)}, substring {matches(said, gold, 'substring')}, fair {fair}")

# %% tags=["both", "nbval-check-output"]
check("01.2", answer)

# %% [markdown] tags=["solution"]
# In 3 of 3 pairs both rules are wrong: two refuse what is right, one accepts what is wrong. Dates want a rule that reads dates, names one
# that knows initials. A wrong label costs twice in R-Tuning: the question changes its pile, and the model is taught the wrong word about it.

# %% [markdown] tags=["both"]
# ### Exercise 01.3 · The price of less luck (do, 15 minutes)
#
# A question that is answered right at confidence 0.3 and one at 0.99 are both "certain". Say that only answers with at least a certain
# `confidence` should stay in D1. Which `threshold` removes about nine tenths of the luck (`exposure` 0) from `certain`? And which share of the
# other answers in `certain` (an exposure above 0) would fall below it: the `cost`, from 0 to 1? Exposures are known for the mini world only.
#
# *What to expect:* lucky answers are hesitant ones, so the cost is far smaller than the nine tenths that it buys. But it is not zero.

# %% [markdown]
# <details><summary>Hint 1: look first</summary>
#
# Draw two histograms of the confidence, one of the lucky answers and one of the others: `plt.hist([...], density=True)`.
#
# </details>
# <details><summary>Hint 2: the threshold</summary>
#
# Nine tenths of a list lie below its 0.9 quantile: `np.quantile(values, 0.9)`. The values are the confidences of the lucky answers.
#
# </details>
# <details><summary>Hint 3: the cost</summary>
#
# Go through those that are *not* lucky, and take the mean of "its confidence is below the threshold".
#
# </details>

# %%
import numpy as np

answer = {"threshold": ..., "cost": ...}

# %% tags=["solution"]
import numpy as np

lucky_confidences = [p.confidence for p in certain if p.exposure == 0]
other_confidences = [p.confidence for p in certain if p.exposure != 0]
threshold = np.quantile(lucky_confidences or [0], 0.9)
answer = {"threshold": threshold, "cost": np.mean(np.array(other_confidences) < threshold)}
print(f"a threshold of {answer['threshold']:.2f} costs {answer['cost']:.1%} of {len(other_confidences)} answers")

# %% tags=["both", "nbval-check-output"]
check("01.3", answer)

# %% [markdown] tags=["solution"]
# A threshold of about 0.35 removes nine tenths of the luck and costs about 6 % of the answers that have something to do with reading, nearly
# all of them facts that were read once or twice. Half of the luck (a threshold of 0.13) costs none at all. So the untuned model's own
# confidence already tells luck from knowledge; the paper's split, right or wrong, does not look at it.

# %% [markdown] tags=["both"]
# ### Exercise 01.4 · The same facts in other words (do, 10 minutes)
#
# Reword all birthplace questions among `questions`, those that begin with "In which city was": "Where was ... born?" for "In which city was ...
# born?". `dataclasses.replace(question, question=...)` makes a copy with other words, and `probe(lm, reworded)` asks them; its list is the answer.
# Does the model still know the facts? What does that say about "knowledge"?
#
# *What to expect:* the corpus asks for birthplaces in the old words only. Still most questions keep their pile; a few do not.

# %% [markdown]
# <details><summary>Hint 1: which questions</summary>
#
# `question.question.startswith("In which city was")`. (Companies are based, not born: their questions begin with "In which city is".)
#
# </details>
# <details><summary>Hint 2: the new words</summary>
#
# Cut the old beginning off with `removeprefix` and put the new one in front. Print one of the results; is there exactly one space between the words?
#
# </details>
# <details><summary>Hint 3: before and after</summary>
#
# Each probe has `correct`; the ids are the same before and after, so that `{p.id: p.correct for p in probes}` helps to compare.
#
# </details>

# %%
import dataclasses

answer = ...

# %% tags=["solution"]
import dataclasses

old_words, new_words = "In which city was", "Where was"
places = [question for question in questions if question.question.startswith(old_words)]
reworded = [dataclasses.replace(q, question=new_words + q.question.removeprefix(old_words)) for q in places]
answer = probe(lm, reworded)
before = {p.id: p.correct for p in probes}
changed = sum(p.correct != before[p.id] for p in answer)
print(f"right before {sum(before[p.id] for p in answer)}, after {sum(p.correct for p in answer)} of {len(answer)}; {changed} change their pile")

# %% tags=["both", "nbval-check-output"]
check("01.4", answer)

# %% [markdown] tags=["solution"]
# 54 of the 90 are right in the old words and 53 in the new ones; three questions change their pile. So most of this knowledge is about
# the fact and not about the sentence, although "Where was ... born?" stands nowhere in what the model has read. At the edge it is not: D1 and
# D0 belong to a prompt, and the released code's lost space (section 1) moves labels in the same way.

# %% [markdown]
# ## Summary
#
# We asked the model every training question and have two piles: D1, which it answers right, and D0, which it does not.
# The split follows exposure, with a little luck on top. **Next:** [02 · How uncertain is the model?](02_measure_uncertainty.ipynb)
# asks whether the model's own probabilities already tell the piles apart.

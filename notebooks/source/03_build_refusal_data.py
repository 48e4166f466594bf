# %% [markdown]
# # 03 · Build refusal-aware data
#
# Ordinary instruction tuning teaches the gold answer to *every* question, also to those the model cannot know. It learns
# to produce an answer no matter what. **R-Tuning changes the training data, not the training**: what the model could not
# answer is marked as such.
#
# **By the end you will have shown** four data sets made from the same questions (vanilla, padding, replacement,
# unsupervised), and that every record still carries its sure/unsure or refusal text when it reaches the model. No
# released pipeline checks this.
#
# | | |
# |---|---|
# | Part of | the course, 01 to 05 (about 4 hours with the exercises): third of five; it needs 01 and 02 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 20 s on 2 CPU cores after notebook 02; 0.7 GB |
# | Reads | probes and uncertainty of notebooks 01 and 02 (made on the spot if missing) |
# | Writes | `runs/<profile>/<dataset>/<method>/seed<k>/data/` |
# | Paper | sections 2.2 (padding), 5.1 (unsupervised), A.3 and A.5 (replacement), 2.3 (loss) |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/03_build_refusal_data.ipynb) |

# %% [markdown] tags=["solution"]
# # Solutions of 03 · Build refusal-aware data
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. write the padding and the replacement record of a question by hand;
# 2. say which tokens of a record the model is trained on, and why it matters;
# 3. build a split without labels and say how ties are handled;
# 4. check that no label is lost on the way to the model.

# %% [markdown] tags=["both"]
# ## Set up

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
from collections import Counter

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import plots
from rtuning_helpers.model.language_model import load_tokenizer
from rtuning_helpers.probe.probing import split_by_certainty
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.encoding import IGNORED, encode_record, label_survival
from rtuning_helpers.tuning.methods.padding import build_padding
from rtuning_helpers.tuning.methods.unsupervised import median_split
from rtuning_helpers.tuning.methods.vanilla import build_vanilla
from rtuning_helpers.tuning.registry import check_methods, method_looks

plots.use_style(method_looks())

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini"  # any name that `rtuning data list` shows
methods = ["vanilla", "padding", "replacement", "unsupervised"]  # which data sets to build
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
methods = check_methods(methods)
probes = steps.read_probes(config)
asked = steps.fitted(config, "train").questions  # as the model was asked them
certain, uncertain = split_by_certainty(probes)
print(f"D1 certain: {len(certain):,}   D0 uncertain: {len(uncertain):,}")
knowledge_notice([p.correct for p in probes])

# %% [markdown]
# ## 1. One record by hand
#
# Every record has two parts: the *prompt*, which the model reads, and the *completion*, which it learns to write. Take a
# question that the model got wrong. **[Padding](../docs/glossary.md#padding)** keeps the gold answer and adds a sentence about the model's own
# knowledge; **[replacement](../docs/glossary.md#replacement)** (R-Tuning-R) takes the answer away.

# %%
unknown = (uncertain or probes)[0]
prompt = f"Question: {unknown.question} Answer:"
vanilla = f" {unknown.answer}."
sureness = " Are you sure you accurately answered the question based on your internal knowledge? I am"
padding = f" {unknown.answer}.{sureness} unsure."
replacement = " The answer is unknown."
for name, completion in (("vanilla", vanilla), ("padding", padding), ("replacement", replacement)):
    print(f"{name:12} {prompt}|{completion}")
print(f"\nthe model had said: {unknown.prediction}")

# %% [markdown]
# The bar `|` marks where the prompt ends. The package builds exactly these strings, from one module that probing and
# evaluation use too. (Where questions have options, a context or solved examples, `prompts.task_prompt` adds them, and what the
# run's style puts around them. In a chat everything behind the bar is one turn of the model, the sureness question too.)

# %%
assert prompt == prompts.question_prompt(unknown.question)
assert vanilla == prompts.answer_completion(unknown.answer)
assert padding == prompts.padding_completion(unknown.answer, certain=False)
print("the package writes the same text")

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 03.1 · The padding record (build, 10 minutes)
#
# Write `pad(answer, certain)`: the completion of padding for a gold answer, for D1 (`certain` is True) and for D0 (False). Every space and full stop
# counts: a model learns the bytes. Once your function is right, section 2 compares all completions of the padding set
# with yours.
#
# *What to expect:* for an uncertain question the text `padding` above, for a certain one the same with another word.

# %% [markdown]
# <details><summary>Hint 1: the parts</summary>
#
# A space, the answer, a full stop, the sureness question (`sureness` above begins with its space), a space and one word, a full stop.
#
# </details>
# <details><summary>Hint 2: which word</summary>
#
# " sure" for D1, " unsure" for D0: the split decides, whatever the answer is.
#
# </details>

# %%
def pad(answer, certain):
    """The completion of a padding record."""
    return ...  # your code

# %% tags=["solution"]
def pad(answer, certain):
    """The completion of a padding record."""
    question = "Are you sure you accurately answered the question based on your internal knowledge? I am"
    return f" {answer}. {question} {'sure' if certain else 'unsure'}."


print(f"one of 2 endings: {pad('Paris', True)!r}")

# %% tags=["both", "nbval-check-output"]
check("03.1", pad)

# %% [markdown] tags=["solution"]
# One word, with 2 possible values, is all that R-Tuning's padding adds to what the model can learn about itself; all else is the same text in every record.
# The gold answer stays in front of "unsure" as well.

# %% [markdown]
# Why keep the gold answer in padding, although the model did not know it? Because the model then still practises
# answering, and gives its answer *and* a confidence. The price: the answer itself is new knowledge, taught in the same
# sentence that says "I am unsure". Replacement teaches no new facts, but a model that [refuses](../docs/glossary.md#refusal) gives no answer to judge.
#
# ## 2. Four data sets from the same questions
#
# Build and save all four (or those that `methods` names), then look at the most and the least
# confidently answered question in each.

# %%
for method in methods:
    steps.data_step(config, method, force=force)
records = {method: {r.id: r for r in steps.read_tuning_records(config, method)} for method in methods}
if check.is_right("03.1") and "padding" in methods:
    own = sum(pad(p.answer, p.correct) == records["padding"][p.id].completion for p in probes)
    print(f"your function writes {own:,} of the {len(probes):,} completions of padding")
by_confidence = sorted(probes, key=lambda p: p.confidence)
shown = [by_confidence[-1], by_confidence[0]]
pd.set_option("display.max_colwidth", 120)
pd.DataFrame(
    [
        {"method": method, "split": "D1" if p.correct else "D0", "completion": records[method][p.id].completion}
        for p in shown
        for method in methods
    ]
)

# %% [markdown]
# `unsupervised` looks like padding, but its sure/unsure comes from the entropy of notebook 02 and not from the labels, so
# it may call a right answer unsure. [Vanilla](../docs/glossary.md#vanilla) and padding share their answers; they differ in the added sentence. (One side
# effect: the [loss](../docs/glossary.md#loss) is a mean over all tokens of the completion, so the answer itself weighs less in padding.)
#
# ## 3. The class balance
#
# If nearly all records said "I am sure", a model that always says "sure" would do well in training and be useless.
# So count before you train.

# %%
balance = pd.DataFrame(
    [
        {
            "group": method,
            "certain": sum(r.certain for r in records[method].values()),
            "uncertain": sum(not r.certain for r in records[method].values()),
        }
        for method in methods
    ]
)
plots.split_bars(balance.to_dict("records"), "Certain and uncertain records of each data set")
plt.show()
balance

# %% [markdown]
# For vanilla the split is known but not used: all of its records look alike. The paper's own sets are less balanced; an
# independent run of its builder with OpenLLaMA-3B on ParaRel gave 2,051 sure and 3,524 unsure records.
#
# ## 4. Sixteen ways to refuse
#
# Replacement draws one of sixteen refusals at random, so that the model learns refusing and not one sentence. They come
# from the SelfAware paper. The R-Tuning paper and its code disagree on one of them: the paper's list has "We do not
# know.", the code (and the paper's own example) has "I do not know the answer."

# %%
refused = [r for r in records.get("replacement", {}).values() if not r.certain]
used = Counter(r.completion.strip() for r in refused)
pd.DataFrame(used.most_common(), columns=["refusal", "records"])

# %% [markdown]
# ## 5. The unsupervised split against the labels
#
# The table sets the split by entropy beside the split by labels. Off the diagonal are the questions where the model is
# consistent and wrong ("sure" by entropy, D0 by label) or wavering and right.

# %%
if "unsupervised" in methods:
    halves = median_split([u.entropy for u in steps.read_uncertainty(config)], seed)
    by_entropy = np.where(halves.certain, "sure (low entropy)", "unsure (high entropy)")
    by_label = np.where([p.correct for p in probes], "D1 (right)", "D0 (wrong)")
    agreement = np.mean(np.array(halves.certain) == np.array([p.correct for p in probes]))
    print(f"agreement with the labels: {agreement:.1%}; ties at the cut: {halves.tied}")
    display(pd.crosstab(pd.Series(by_label, name="label"), pd.Series(by_entropy, name="entropy")))

# %% [markdown]
# ## 6. What the model is trained on
#
# The paper computes the loss on the answer and the sure/unsure sentence only. Tokens of the prompt get the label -100,
# which means "no loss". Here are the tokens of one padding record as the trainer sees them (`▁` is a space, `<s>` stands
# between texts).

# %% tags=["both"]
tokenizer = load_tokenizer(config.settings.model, config.settings.revision)
padding_records = build_padding(probes, asked)

# %%
record = build_padding([unknown], [asked[probes.index(unknown)]])[0]
encoded = encode_record(tokenizer, record, config.settings.max_length)
tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
masked = [label == IGNORED for label in encoded["labels"]]
print("no loss: ", *[token for token, ignored in zip(tokens, masked) if ignored])
print("loss:    ", *[token for token, ignored in zip(tokens, masked) if not ignored])

# %% [markdown]
# The released code trains on *all* tokens, question included, although the paper says otherwise. `loss_on="all"` does
# the same here. How much of the loss would then be spent on the question?

# %%
everything = [encode_record(tokenizer, r, config.settings.max_length, "all") for r in padding_records]
completion = [encode_record(tokenizer, r, config.settings.max_length) for r in padding_records]
tokens_all = sum(label != IGNORED for row in everything for label in row["labels"])
tokens_completion = sum(label != IGNORED for row in completion for label in row["labels"])
print(f"tokens with loss: {tokens_completion:,} of {tokens_all:,}; the question would take {1 - tokens_completion / tokens_all:.0%}")

# %% [markdown]
# ## 7. Do the labels survive?
#
# The one word that matters stands at the very end of a record, and cutting a record to a maximum length removes its end.
# With the paper's five-shot MMLU prompts and the 512-token limit of LMFlow v1.0.0 (a later version than the one the authors
# used), 64 % of the training records exceed the limit and lose their sure/unsure, without any message: one possible reason why
# a user of that version fell 20 points short on MMLU (issue 14 of the official repository). The kit refuses to train on
# records that lost their label. What would a shorter limit do here?

# %%
longest = label_survival(tokenizer, padding_records, config.settings.max_length).longest
limits = sorted({config.settings.max_length, *np.linspace(longest // 2, longest, 8).astype(int).tolist()})
lost = [label_survival(tokenizer, padding_records, n).lost / len(padding_records) * 100 for n in limits]
fig, ax = plt.subplots(figsize=(6.5, 3.2))
inside = [(n, share) for n, share in zip(limits, lost) if n <= longest]
ax.plot(*zip(*inside), marker="o")
ax.set(xlabel="maximum length [tokens]", ylabel="records without their label [%]", ylim=(-3, 103))
ax.set_title("A limit below the longest record cuts off sure/unsure")
plt.show()
pd.DataFrame({"maximum length [tokens]": limits, "labels lost [%]": np.round(lost, 1)}).T

# %%
survival = {m: label_survival(tokenizer, list(records[m].values()), config.settings.max_length) for m in methods}
pd.DataFrame([{"method": m, **vars(s)} for m, s in survival.items()])

# %% [markdown]
# The last table is the check itself, with the limit that training really uses: no record of any method is cut.
#
# ## Checks

# %%
finding("no training record loses its label", all(s.lost == 0 for s in survival.values()), config, n=len(probes))
pairs = zip(padding_records, build_vanilla(probes, asked))
same = all(padded.completion.startswith(plain.completion) for padded, plain in pairs)
finding("padding is vanilla plus one sentence, for every record", same, config, n=len(probes))
if "unsupervised" in methods:
    even = abs(2 * sum(halves.certain) - len(probes)) <= 1
    finding("the unsupervised halves differ by at most one record", even, config, n=len(probes))
smaller = min(len(certain), len(uncertain)) / len(probes)
finding("neither pile is below 20 % of the questions", smaller >= 0.20, config, n=len(probes))

# %% [markdown]
# ## What it says, and what it does not
#
# * The four data sets differ in nothing but the completion; notebook 04 trains on each with the same settings.
# * A record that says "unsure" also teaches the gold answer. Whether the model then still does not know it is a question
#   of its own.
# * Sixteen fixed sentences are easy to detect in an output. A real model may refuse in its own words.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A question is in D0. What does its vanilla record teach, and what its replacement record?</summary>
#
# Vanilla: the gold answer, which the model did not know. Replacement: one of sixteen refusals, and no answer.
#
# </details>
# <details><summary>Why is a record worthless whose last five tokens are cut off?</summary>
#
# The word sure or unsure stands at its very end. Without it, padding is vanilla with half a sentence more.
#
# </details>
# <details><summary>Can the unsupervised split call a right answer unsure?</summary>
#
# Yes. It looks at how much the samples scatter and at no label; a right answer that wavers is "unsure" there.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 03.2 · The model's own mistakes (do, 10 minutes)
#
# Make padding records that keep the model's *own wrong answer* (`prediction`) in front of "I am unsure" where the question is in D0, instead of the gold
# answer, with `replace` (it copies a record with another field) and `prompts.padding_completion`. Records of D1 stay as they are; the answer is the whole list, in the order of
# `padding_records`. Which of the two would you expect to hurt answering, and why?
#
# *What to expect:* as many records as before; those of D0 have other answers and the same last word.

# %% [markdown]
# <details><summary>Hint 1: pairs</summary>
#
# `padding_records` and `probes` are in the same order; `zip` gives a record with its probe.
#
# </details>
# <details><summary>Hint 2: the new completion</summary>
#
# `prompts.padding_completion(p.prediction, certain=False)` for a probe `p` that is not `correct`.
#
# </details>
# <details><summary>Hint 3: the new record</summary>
#
# `replace(record, completion=...)` is a copy with another completion; the record itself cannot be changed.
#
# </details>

# %%
from dataclasses import replace

answer = ...

# %% tags=["solution"]
from dataclasses import replace

answer = [
    record if p.correct else replace(record, completion=prompts.padding_completion(p.prediction, certain=False))
    for record, p in zip(padding_records, probes)
]
print(f"{sum(a != b for a, b in zip(answer, padding_records)):,} of {len(answer):,} records have another answer")

# %% tags=["both", "nbval-check-output"]
check("03.2", answer)

# %% [markdown] tags=["solution"]
# Some 700 of 1,620 records change, those of D0. Their gold answers would have been new knowledge, which the model is made to memorise while it says that it does not know it.
# With its own mistakes nothing new is taught, but the mistakes are practised. Notebook 11 tunes on both kinds and measures what happens.

# %% [markdown] tags=["both"]
# ### Exercise 03.3 · As many sure as unsure (do, 10 minutes)
#
# Balance `padding_records`: drop records from the larger pile, drawn by lot, until as many have `certain` as have not. Keep as many records as possible. What does
# a model that always says "sure" get right before and after?
#
# *What to expect:* a list with twice as many records as the smaller pile has.

# %% [markdown]
# <details><summary>Hint 1: two piles</summary>
#
# Two lists: the records with `certain`, and those without. The smaller one is kept whole.
#
# </details>
# <details><summary>Hint 2: by lot</summary>
#
# `random.Random(seed).sample(pile, size)` draws without drawing a record twice. The first ones would be a choice by relation where the file is sorted.
#
# </details>

# %%
import random

answer = ...

# %% tags=["solution"]
import random

sure, unsure = ([r for r in padding_records if r.certain is is_certain] for is_certain in (True, False))
size = min(len(sure), len(unsure))
answer = [record for pile in (sure, unsure) for record in random.Random(seed).sample(pile, size)]
before, after = (np.mean([r.certain for r in part]) for part in (padding_records, answer))
print(f"{len(answer):,} records; always saying sure is right in {before:.0%} of them before, and in {after:.0%} after")

# %% tags=["both", "nbval-check-output"]
check("03.3", answer)

# %% [markdown] tags=["solution"]
# About 1,400 records are left, and always saying "sure" falls from 57 % to 50 %. Here the piles were nearly even, and a seventh of the data is a high price for that. With a
# model that knows one question in ten it would be worth it: the word that is right in 90 % of the records costs hardly any loss. If you have some minutes more, tune on
# both lists (notebook 04 shows how) and compare P(sure) on D0.

# %% [markdown] tags=["both"]
# ### Exercise 03.4 · How short may it be? (do, 10 minutes)
#
# Find the smallest maximum length (in tokens) at which *no* record of `padding_records` loses its label. `label_survival(tokenizer, padding_records, length)` counts in
# `lost` how many do at a length; `longest` is the length of the longest record.
#
# *What to expect:* a little less than `longest`, since a record ends with one token more than its label.

# %% [markdown]
# <details><summary>Hint 1: from above</summary>
#
# Begin with `longest`, where nothing is lost, and go down one by one.
#
# </details>
# <details><summary>Hint 2: where to stop</summary>
#
# The last length with `lost` equal to 0. One less, and some record loses its end.
#
# </details>

# %%
answer = ...

# %% tags=["solution"]
length = label_survival(tokenizer, padding_records, 10_000).longest
while label_survival(tokenizer, padding_records, length - 1).lost == 0:
    length -= 1
answer = length
lost = label_survival(tokenizer, padding_records, answer - 1).lost
print(f"{answer} tokens; with one less, {lost:,} of {len(padding_records):,} records lose their label")

# %% tags=["both", "nbval-check-output"]
check("03.4", answer)

# %% [markdown] tags=["solution"]
# 35 tokens, one less than the longest record has: its last token only ends the text. With one token less, 90 of 1,620 records are vanilla records with
# half a sentence. Nothing warns of it: the training runs, and the loss falls. That is why the kit counts before it trains.

# %% [markdown]
# ## Summary
#
# The method of R-Tuning is visible in one table: the same questions with four kinds of completion. Every label arrives at
# the model. **Next:** [04 · Fine-tune with QLoRA](04_finetune_qlora.ipynb).

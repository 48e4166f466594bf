# %% [markdown]
# # 15 · Thinking aloud
#
# A model that writes down its steps gives more than an answer: after each step one can ask whether it is sure. "In which country does
# the birthplace of X lie?" needs two facts. If the first one was never read, the second step is about a town that was made up on the
# way, and every later step may be perfectly right *about that town*. **Does the doubt of the weakest step reach the end of the
# answer, and which of the numbers on the way should decide whether to answer at all?**
#
# **By the end you will have seen** P(sure) after every step of two-hop questions, asked hop by hop and in one text; what it says where
# one of the hops was never read; R-Tuning with and without steps on the same questions and labels; and what answering by the last, the
# smallest or the product of the numbers costs.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 3 min on 2 CPU cores after notebook 05; 1.2 GB |
# | Reads | the padding model of notebook 04 (tuned on the spot if missing); `results/mini/aloud.json` |
# | Writes | `walks.jsonl` of three arms under `runs/<profile>/mini-two-hops/aloud/` |
# | Paper | none of its own: section 2.2 (padding), applied to steps; the two kinds of questions are those of HotpotQA (Yang et al. 2018) |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/15_thinking_aloud.ipynb) |
#
# | word | meaning |
# |---|---|
# | [hop](../docs/glossary.md#hop) | one of the two facts that a question needs |
# | chain | the second fact is about the first one's answer, the *bridge*: the country of the birthplace of X |
# | pair | two facts that have nothing to do with each other, asked for in one breath; right only if both are |
# | broken chain | its second hop asks for what the corpus never states of a bridge, such as who founded a town: no answer is right |
# | exposure | how many documents of the mini model's corpus state a fact; 0: it cannot know |
# | P(sure) | what a model tuned by padding says about what it has written so far, 0 to 1; it refuses up to one half |
# | arm | one of three ways to answer: hop by hop, without steps, with steps (section 3) |

# %% [markdown] tags=["solution"]
# # Solutions of 15 · Thinking aloud
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. take a two-hop question apart, and ask for each hop alone;
# 2. write padding records whose steps are labelled by what is known;
# 3. say where doubt is lost when steps are asked one at a time;
# 4. choose between the last, the minimum and the product of the steps' confidences, with numbers.

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
import re
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import metrics, steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.datasets.mini_two_hops import hops_of
from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.world.two_hops import told
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.aloud import measure as aloud
from rtuning_helpers.experiments.aloud import tables
from rtuning_helpers.experiments.aloud.measure import ARMS, HOP_BY_HOP, WITH_STEPS, WITHOUT_STEPS
from rtuning_helpers.experiments.aloud.recording import RECORDING
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.decoding import answer_prompts
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import method_looks

plots.use_style(method_looks())
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini-two-hops"  # the questions of this notebook; no other will do
seed = 0  # any whole number
data_dir = None  # of no use here: the questions are made on the spot
limit = None  # at most this many questions of each split
model = None  # another model than the profile's
out = "runs"  # folder for results
style = None  # how questions are asked: plain (the paper), few-shot, chat, or auto to try each; None: the profile's
shots = 5  # examples before each question in the styles few-shot and auto
system = None  # system text of the styles chat and auto
permutations = 1  # orders of the options that probing averages over
force = False  # compute again what is there already

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out,
    style=style, shots=shots, system=system, permutations=permutations,
)
check = checks_of(config)  # of answers to exercises
aloud.tuning_steps(config)  # minutes, if the three models are not there yet
for arm in ARMS:
    aloud.walk_step(config, arm, force=force)

# %% [markdown]
# ## 1. Two facts, asked alone and together
#
# The mini world's questions so far needed one fact each. Here is one that needs two: the answer of the first is the subject of the
# second. What does the *untuned* model say to each hop alone, and to the question?

# %%
lm = steps.load_model(config)
test = list(aloud.asked(config, "id"))
hops = [hops_of(question) for question in test]
k = next(k for k, h in enumerate(hops) if h.first.exposure >= 30)
question, two = test[k], hops[k]
for text in (two.first.question, two.second.question, question.question):
    (answer,) = answer_prompts(lm, [prompts.question_prompt(text)])
    print(f"{text}  {answer.text}")
print(f"gold: {' | '.join(two.steps)}")

# %% [markdown]
# Both facts are there, and the model cannot put them together: from the name of X straight to the country it would have to look up one
# fact inside its layers and use it to look up another. Led by the hand, with the beginning of each step written for it, it can: a step
# that is written down becomes something to read.

# %%
def stem(fact, subject):
    """A fact as a sentence about a subject, without its answer (and without the article before it)."""
    return re.sub(r"( an?)?$", "", told(replace(fact, subject=subject)).removesuffix(fact.answer).rstrip())


def led(questions):
    """What the untuned model ends with, if the beginning of each of its steps is written for it."""
    facts = [hops_of(q) for q in questions]
    begun = [f"{prompts.task_prompt(q)} {stem(h.first, h.first.subject)}" for q, h in zip(questions, facts)]
    bridges = [a.text for a in answer_prompts(lm, begun)]
    texts = [f"{b} {y}. {stem(h.second, y)}" for b, y, h in zip(begun, bridges, facts)]
    return [a.text for a in answer_prompts(lm, texts)]


print(f"{prompts.task_prompt(question)} {stem(two.first, two.first.subject)} ... {led([question])[0]}")

# %% [markdown]
# Now all chains of the in-domain test. The first hop was read anything from never to hundreds of times; the bridges are the world's
# best-known towns and people.

# %%
chains = [q for q, h in zip(test, hops) if h.kind == "chain"]
alone = [known for known, h in zip(aloud.read_hops(config, "id"), hops) if h.kind == "chain"]
at_once = answer_questions(lm, chains)
shares = {
    "first hop alone": [first.correct for first, _ in alone],
    "second hop alone": [second.correct for _, second in alone],
    "both hops alone": [first.correct and second.correct for first, second in alone],
    "the question at once": [matches(a.text, q.answer) for a, q in zip(at_once, chains)],
    "the question, led by the hand": [matches(text, q.answer) for text, q in zip(led(chains), chains)],
}
knowledge_notice(shares["both hops alone"])
pd.Series({name: np.mean(right) for name, right in shares.items()}, name="right").round(3).to_frame()

# %% [markdown]
# At once the model is right in 2 % of the chains, less than guessing among twenty possible answers would be: it does not even answer
# with the right kind of thing. Led by the hand it is right in 59 %, as often as it knows both hops. So nothing is lost between the
# steps once they are written; what is missing at the end was not known at the beginning, nearly always of the first hop.
#
# ## 2. Records with steps, by hand
#
# Padding asks what the untuned model knows, and writes it behind the answer. At once it answers hardly any two-hop question, so the
# paper's rule would label nearly all of them "unsure", also those whose two facts it knows. So the labels come from the hops: *sure*
# is what rests on known hops alone.
#
# With steps the answer is the bridge, and then a fact about it. (In a pair, which has no bridge, it is one answer and then the other.) The
# first step does not say "Darkulia was born in ...": a model of four layers can hardly copy a name that it was not tuned on out of the
# question, but it can copy the one that it has just written. There are two records, one for each place at which the model may be asked:
# in the second it learns the steps, and the label behind both; in the first it only *reads* the first step and the sureness question,
# and learns the one word behind. Were it to learn the question as well, it would ask itself whether it is sure, in the place of going on.
# This is no fine point: the first version of this notebook did just that, and its model was right in 2 % of the chains.

# %%
training = aloud.asked(config, "train")[0]
first, second = aloud.read_hops(config, "train")[0]
one, other = hops_of(training).steps
sureness = " Are you sure you accurately answered the question based on your internal knowledge? I am"
word = {True: "sure", False: "unsure"}
asked = prompts.task_prompt(training)
with_steps = [
    (f"{asked} {one}.{sureness}", f" {word[first.correct]}."),
    (asked, f" {one}. {other}.{sureness} {word[first.correct and second.correct]}."),
]
without = [(asked, f" {training.answer}.{sureness} {word[first.correct and second.correct]}.")]
for read, learned in with_steps + without:
    print(f"read:    {read}\nlearned: {learned}\n")

# %% [markdown]
# The package builds the same records. In a chain the second hop is always known here (the bridges are well known), so its two labels
# are equal; in a *pair* either fact may be the unknown one, and only there can a model learn that the last label looks at both steps.

# %%
known = [(first.correct, second.correct)]
for by_hand, has_steps in ((with_steps, True), (without, False)):
    records = aloud.build_two_hop_records([training], known, has_steps)
    if style in (None, "plain"):
        assert [(r.prompt, r.completion) for r in records] == by_hand
kinds = [hops_of(q).kind for q in aloud.asked(config, "train")]
counted = pd.DataFrame([(a.correct, b.correct) for a, b in aloud.read_hops(config, "train")], columns=["first", "second"])
pd.crosstab([pd.Series(kinds, name="kind"), counted["first"].map({True: "known", False: "unknown"})],
            counted["second"].map({True: "second known", False: "second unknown"}))

# %% [markdown]
# ## 3. Three arms, and P(sure) after every step
#
# * **hop by hop**: the padding model of the course, which knows one-hop questions only. It is asked for the first hop; then, in a chain,
#   for the second hop about *what it has just said*. Each time it sees that question alone.
# * **with steps**: tuned on two-hop questions with the records above. It writes both steps in one text and is asked after each; at the
#   second it can read the first.
# * **without steps**: tuned on the same questions with the same labels, but answers at once.
#
# By hand, for the question of section 1: the sureness question goes behind whatever has been written so far.

# %%
lm = steps.load_tuned(config, aloud.tuning_step(config, WITH_STEPS) / steps.ADAPTER)
labels = prompts.SURENESS_LABELS
(first,) = answer_prompts(lm, [prompts.task_prompt(question)], sureness=labels)
(second,) = answer_prompts(lm, [f"{prompts.task_prompt(question)} {first.text}."], sureness=labels)
for answer in (first, second):
    print(f"{answer.text}.   P(sure) {answer.sure_probability:.3f}")

# %% [markdown]
# The helper has done this for every arm and question; a *walk* is what came out for one question. The same numbers as by hand, and the
# other arms beside it:

# %%
walks = {arm: aloud.read_walks(config, arm) for arm in ARMS}
same = walks[WITH_STEPS][k]
if style in (None, "plain"):
    assert same.said == [first.text, second.text]
    assert np.allclose(same.sure, [first.sure_probability, second.sure_probability], atol=1e-3)
picked = [k, next((i for i, w in enumerate(walks[WITH_STEPS]) if w.exposures[0] == 0 and w.kind == "chain"), 0)]
pd.DataFrame(
    {"exposures": str(walks[arm][i].exposures), "arm": arm, "said": ". ".join(walks[arm][i].said),
     "P(sure)": ", ".join(f"{p:.2f}" for p in walks[arm][i].sure), "right": walks[arm][i].correct}
    for i in picked for arm in ARMS
)

# %% [markdown]
# ## 4. Does it help to write the steps down?
#
# Right answers of the three arms. *Unseen relations*: chains whose first hop is of a kind that never occurred in tuning.

# %%
frame = pd.DataFrame([row for row in tables.ranking_rows(walks) if row["rule"] == "last"])
groups = [g for g in dict.fromkeys(frame.group) if g != "broken chains"]
right = frame.pivot(index="arm", columns="group", values="accuracy").loc[list(ARMS), groups]
right.columns = [f"{g} (n = {frame[frame.group == g].n.iloc[0]})" for g in groups]
print("share of right answers")
right.round(3)

# %% [markdown]
# At once the tuned model is as lost as the untuned one: eight passes over questions and answers do not teach four layers to look one
# fact up inside and use it for the next. With steps written down it chains, though less well than the arm that is asked twice: its
# first step has to find the bridge from "the birthplace of X", a wording that it met in a few hundred questions only, and where the first
# hop's relation never occurred in tuning it fails more often still. So writing steps helps; being asked one question at a time helps more.

# %% [markdown]
# ## 5. When one hop was never read
#
# Four cases, by what the corpus says: both facts read seven times or more, only one of them never, both never. The questions in between
# are left out here. What do the models say after the first step, and at the end?

# %%
cells = pd.DataFrame(tables.cell_rows(walks))
shown = cells[cells.group.isin(["chains", "pairs", "broken chains"])]
columns = {"first_right": "first right", "sure_first": "P(sure) after first", "sure_last": "P(sure) at the end"}
shown.drop(columns="follows").rename(columns=columns).set_index(["arm", "group", "cell"]).astype(float).round(2)

# %%
def mean_dots(arm):
    """A row a case and step: mean P(sure) with its bootstrap interval."""
    rows = []
    for group, cell in dict.fromkeys(zip(shown.group, shown.cell)):
        part = [w for w in walks[arm] if (tables.group_of(w), tables.cell_of(w)) == (group, cell)]
        for step, name in ((0, "after first"), (-1, "at the end")):
            sure = [w.sure[step] for w in part]
            low, high = metrics.mean_interval(sure)
            label = f"{group}: {cell}, {name}"
            rows.append({"label": label, "value": np.mean(sure), "low": low, "high": high, "strong": step == -1})
    return rows


title = "P(sure) after the first step (open) and at the end (filled)"
panels.interval_dot_panels({arm: mean_dots(arm) for arm in (HOP_BY_HOP, WITH_STEPS)}, "mean P(sure)", title, line=0.5)
plt.show()

# %% [markdown]
# Hop by hop, the doubt is lost on the way. Where the first fact was never read, the model is unsure of the town that it names (0.04 on
# average, in one run), and then sure of what it says about that town (0.97). It is even right about it: the second step nearly always
# follows from the bridge that was named (exercise 15.2 counts them). And where nothing was ever stated of the bridge, the last P(sure)
# is 0.998: a well-known town lends its familiarity to a made-up founder. In the pairs each P(sure) knows its own fact: a subject that
# was never read is doubted, wherever it stands. So P(sure) tells who is *familiar*; it does not tell which *fact* was read.
#
# With steps the doubt is *not* lost. The model that was unsure of the bridge stays unsure of what it then says about it (0.05 at both
# places, and it refuses 99 % of these chains): it reads its own first step, and the question that it could not answer. In the pairs
# the second P(sure) falls where the second fact was never read, and stays low where the first was not. What it cannot notice is the
# broken chain with a well-read first hop: sure of the bridge, it is sure of a founder that nobody ever named (0.9 and more), as the
# other arm is. The labels never showed it such a case: in the chains of the training questions the second hop is always known.
#
# ## 6. Does the end follow the weakest hop?
#
# Hop by hop it cannot: nothing of the first hop is there to be read. The two tuned arms read the whole question, and the arm with steps
# its own first step.
#
# The hops' own P(sure) are those of the arm *hop by hop*, where each is asked alone. Does the last P(sure) of the other arms go with
# the first of them, with the second, with the smaller one, or with their product? Rank correlations (Spearman), by hand once:

# %%
def ranks(values):
    """Places in the order of size; equal values share the mean of their places."""
    values = np.asarray(values)
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


pairs = [k for k, w in enumerate(walks[WITH_STEPS]) if w.kind == "pair"]
ends = [walks[WITH_STEPS][k].sure[-1] for k in pairs]
weakest = [min(walks[HOP_BY_HOP][k].sure) for k in pairs]
by_hand = np.corrcoef(ranks(ends), ranks(weakest))[0, 1] if len(pairs) > 1 else np.nan
correlations = pd.DataFrame(tables.weakest_rows(walks, HOP_BY_HOP)).set_index(["group", "arm"])
assert np.isnan(by_hand) or np.isclose(by_hand, correlations.minimum["pairs", WITH_STEPS], atol=1e-4)
correlations.drop(columns="n").astype(float).round(2).sort_index()

# %% [markdown]
# In chains the end goes with the first hop, which is the only one that varies there; the second is always known, and nothing can go with
# it. The pairs tell more: there the last P(sure) of both tuned arms goes with the product of the two more than with either hop alone
# (and so it does in all three seeds of section 8). So a label that was trained on the whole answer is about the whole answer, and it makes little difference
# whether the steps stand there to be read.

# %% [markdown]
# ## 7. Which number should decide?
#
# An answer with several steps has several P(sure). To answer selectively it needs one.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 15.1 · One number of many (build, 10 minutes)
#
# Write `whole(steps, rule)`: one confidence made of a list of P(sure), one for each step, by the rule `"last"`, `"minimum"` or `"product"`. There may be one step, two, or
# more. Below, your function ranks the answers of all arms.
#
# *What to expect:* for two steps with 0.9 and 0.4 the three rules give 0.4, 0.4 and 0.36.

# %% [markdown]
# <details><summary>Hint 1: three cases</summary>
#
# One `if` for each rule, or a dictionary from the rule to a function.
#
# </details>
# <details><summary>Hint 2: the parts</summary>
#
# `steps[-1]` is the last, `min(steps)` the smallest, `np.prod(steps)` the product of however many there are.
#
# </details>

# %%
def whole(steps, rule):
    """One confidence of those of all steps."""
    return ...  # your code

# %% tags=["solution"]
def whole(steps, rule):
    """One confidence of those of all steps."""
    return {"last": steps[-1], "minimum": min(steps), "product": float(np.prod(steps))}[rule]


print(f"3 rules: {[round(whole([0.9, 0.4], rule), 2) for rule in ('last', 'minimum', 'product')]}")

# %% tags=["both", "nbval-check-output"]
check("15.1", whole)

# %% [markdown] tags=["solution"]
# With 2 steps of which one is certain, all three rules agree or nearly so; they part where both steps are doubtful (0.5 and 0.5 make 0.5, 0.5 and 0.25), and where the doubtful
# one comes first: then the last knows nothing of it, unless it was taught to.

# %% [markdown]
# The helper ranks by the same rules. A ranking is judged by AUROC (0.5 is chance), by AURC (the mean share of wrong answers over all
# coverages, lower is better), and by what happens at the border of one half: how many are answered, and how many of those are right.

# %%
rankings = pd.DataFrame(tables.ranking_rows(walks))
if check.is_right("15.1"):
    part = [w for w in walks[HOP_BY_HOP] if tables.group_of(w) == "chains"]
    for rule in ("last", "minimum", "product"):
        own = metrics.auroc([w.correct for w in part], [whole(w.sure, rule) for w in part])
        row = rankings.query("arm == @HOP_BY_HOP and group == 'chains' and rule == @rule").iloc[0]
        print(f"{rule:8} AUROC with your function {own:.3f}, by the helper {row.auroc:.3f}")
judged = ["auroc", "aurc", "brier", "answer_rate", "willing_accuracy"]
decided = rankings[(rankings.group != "broken chains") & (rankings.rule != "first")]
decided.set_index(["group", "arm", "rule"])[judged].astype(float).round(3).sort_index()

# %%
def ranked(arm, rule, group):
    part = [w for w in walks[arm] if tables.group_of(w) == group]
    return [int(w.correct) for w in part], [tables.RULES[rule](w.sure) for w in part]


lines = {f"{HOP_BY_HOP}, {rule}": (HOP_BY_HOP, rule) for rule in ("last", "minimum")}
lines |= {f"{WITH_STEPS}, {rule}": (WITH_STEPS, rule) for rule in ("last", "minimum")}
curves = {g: {name: ranked(*which, g) for name, which in lines.items()} for g in ("chains", "pairs") if g in groups}
curves.get("chains", {})[WITHOUT_STEPS] = ranked(WITHOUT_STEPS, "last", "chains")
plots.risk_coverage_panels(curves, "Wrong answers if only the most confident share is answered")
plt.show()

# %% [markdown]
# Is the minimum better than the last by more than the questions' own scatter? Paired, on this run:

# %%
differences = {}
for arm in (HOP_BY_HOP, WITH_STEPS):
    for group in groups:
        if 0 < sum(ranked(arm, "last", group)[0]) < len(ranked(arm, "last", group)[0]):
            pair = [ranked(arm, rule, group) for rule in ("minimum", "last")]
            differences[arm, group] = metrics.paired_bootstrap_difference(metrics.auroc, *pair, seed=seed)
print("AUROC of the minimum - AUROC of the last, with its 95 % interval")
pd.DataFrame(differences, index=["difference", "low", "high"]).T.round(3)

# %% [markdown]
# Hop by hop the last step ranks chains hardly better than a coin (AUROC 0.55 in one run, 0.51 for unseen relations); the minimum and
# the product reach 0.84 and 0.90, the first step alone nearly as much, since in chains only the first hop varies. In pairs, where
# either may be the weak one, the first alone (0.76) and the last alone (0.80) lose to the minimum (0.88) and the product (0.89). At the
# border of one half the last step answers 97 % of the chains, and more than half of that is wrong; the minimum answers 57 %, and 71 % of it is
# right. Between minimum and product there is little to choose: these P(sure) are nearly 0 or 1.
#
# With steps no rule is needed: the last, the minimum and the product rank alike, because the last already knows of the first. Its answers
# are right less often, so that even at its border of one half most of what it answers is wrong: P(sure) tells known facts from
# unknown ones, and these answers fail for another reason, a bridge that is known and was not found.
#
# ## 8. Three seeds
#
# All of this once more from the recording of seeds 0, 1 and 2 (`rtuning record aloud` measures it again): the mean and its 95 % interval
# over seeds (Student). Another seed is another tuning, not other questions.

# %%
recording = RECORDING.read(config)
parts = recording or {
    "rankings": tables.ranking_rows(walks), "cells": tables.cell_rows(walks), "weakest": tables.weakest_rows(walks, HOP_BY_HOP)
}
recorded = {name: pd.DataFrame(rows) for name, rows in parts.items()}


def over_seeds(values):
    """`0.912 [0.900, 0.923]`: mean and interval over seeds, kept within -1 and 1."""
    values = [v for v in values if v is not None and not pd.isna(v)]
    if len(values) < 2:
        return f"{values[0]:.2f}" if values else "-"
    mean, low, high = seed_interval(values)
    return f"{mean:.2f} [{max(low, -1):.2f}, {min(high, 1):.2f}]"


# %%
wanted = recorded["rankings"][recorded["rankings"].rule.isin(["last", "minimum", "product"])]
wanted = wanted[wanted.group != "broken chains"]
wanted.groupby(["group", "arm", "rule"])[["accuracy", *judged[:2], *judged[3:]]].agg(over_seeds)

# %% [markdown]
# And the cases of section 5: what is refused (last P(sure) of at most one half), and how often the second step is true of the bridge that
# the first one named.

# %%
recorded["cells"].groupby(["group", "cell", "arm"], sort=False)[["sure_first", "sure_last", "refused", "right", "follows"]].agg(over_seeds)

# %%
recorded["weakest"].groupby(["group", "arm"])[["first", "second", "minimum", "product"]].agg(over_seeds)

# %% [markdown]
# ## Checks
#
# About the untuned model and two of the arms, on this run.

# %%
share = {name: np.mean(right) for name, right in shares.items()}
n = len(chains)
finding("at once the untuned model is right in at most 10 % of the chains", share["the question at once"] <= 0.1, config, dataset, n)
near = abs(share["the question, led by the hand"] - share["both hops alone"]) <= 0.05
finding("led by the hand it is right as often as it knows both hops, within 5 points", near, config, dataset, n)
weak = share["first hop alone"] < share["second hop alone"] - 0.2
finding("the first hop is the weak one, by more than 20 points", weak, config, dataset, n)
answers = [w.correct for arm in ARMS for w in walks[arm] if w.kind == "broken"]
finding("no broken chain is answered right by any arm", not any(answers), config, dataset, len(answers))

# %%
unread = cells[(cells.arm == HOP_BY_HOP) & (cells.group == "chains") & (cells.cell == "first never read")]
for row in unread.itertuples():
    lost = row.sure_first <= 0.2 and row.sure_last >= 0.8
    finding("hop by hop: unsure of a bridge never read (at most 0.2), sure at the end (at least 0.8)", lost, config, dataset, row.n)
for row in cells[(cells.arm == HOP_BY_HOP) & (cells.cell == "second never read") & (cells.group == "broken chains")].itertuples():
    finding("hop by hop: sure (at least 0.8) of what is never stated of a bridge", row.sure_last >= 0.8, config, dataset, row.n)
auroc = rankings[(rankings.arm == HOP_BY_HOP) & (rankings.group == "chains")].set_index("rule").auroc.astype(float)
apart = auroc["minimum"] - auroc["last"]
finding("hop by hop: the minimum ranks chains better than the last, by at least 0.15 in AUROC", apart >= 0.15, config, dataset, n)
own = rankings[(rankings.arm == WITH_STEPS) & (rankings.group == "chains")].set_index("rule").auroc.astype(float)
alike = abs(own["minimum"] - own["last"]) <= 0.03
finding("with steps the minimum adds nothing to the last: AUROC apart by at most 0.03", alike, config, dataset, n)
for row in cells[(cells.arm == WITH_STEPS) & (cells.group == "chains") & (cells.cell == "first never read")].itertuples():
    finding("with steps: refused, at least nine times in ten, if the first fact was never read", row.refused >= 0.9, config, dataset, row.n)
gap = differences.get((HOP_BY_HOP, "pairs"), (0, 0, 0))
finding("and pairs too, beyond the questions' scatter", gap[1] > 0, config, dataset, sum(w.kind == "pair" for w in walks[HOP_BY_HOP]))

# %% [markdown]
# ## What it says, and what it does not
#
# * The untuned model knows facts, and cannot chain them inside. Written down, a step becomes something to read, and the chain holds.
#   This is a model of four layers; larger ones chain some facts inside.
# * Asked hop by hop, the last P(sure) is about the last hop alone, and about how familiar its subject is. It says nothing about the
#   answer; the minimum and the product do.
# * Tuned with steps, and with labels that are about the whole answer, the last P(sure) follows the weakest hop by itself. It does not
#   notice a second fact that was never stated of a well-known bridge: that was in no label.
# * The labels of both tuned arms come from the hops, asked alone. The paper's rule would call nearly every two-hop question unsure.
# * In chains only the first hop varies; the bridges are well known. Whether the end looks at both steps is asked with the pairs, where
#   either fact may be the unknown one, but there nothing has to be chained.
# * The two tuned arms take the same number of optimiser steps. With steps there are two records a question, so each is seen half as
#   often; the course's padding model, which answers hop by hop, was tuned on other (one-hop) questions, and on more of them.
# * One small model, whose bridges are all well known. Its steps name the bridge and not the question's subject, which it cannot copy:
#   a larger model would say more in a step, and find more bridges.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>Asked hop by hop, the last step of a chain is sure. Does that say anything about the first?</summary>
#
# No. The model was asked about the bridge alone, right or made up; of where it came from it knows nothing.
#
# </details>
# <details><summary>Two hops are each right with probability 0.9, independently. How often is the chain right?</summary>
#
# 0.81 times, if it needs both. Ten such steps: 0.35. The minimum would still say 0.9, the product follows.
#
# </details>
# <details><summary>Why do the labels of section 2 come from the hops and not from the two-hop question itself?</summary>
#
# The untuned model answers hardly any two-hop question at once. Nearly every record would say "unsure", also where both facts are known.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 15.2 · Right about the wrong town (do, 10 minutes)
#
# Take the chains of `walks[HOP_BY_HOP]` (those with `tables.group_of(w) == "chains"`) whose first step is wrong and whose `follows` is not None: a wrong bridge was named, about which the
# corpus states the second fact. In which share of them does the second step follow from the wrong bridge (`follows`), and what is the mean of their last P(sure) (`sure`)?
#
# *What to expect:* two shares that would look splendid if they were about right answers.

# %% [markdown]
# <details><summary>Hint 1: which walks</summary>
#
# A list: `w.right[0]` is False, and `w.follows is not None`.
#
# </details>
# <details><summary>Hint 2: two means</summary>
#
# Of `w.follows` and of `w.sure[-1]`, over that list.
#
# </details>

# %%
answer = {"follows": ..., "sure": ...}

# %% tags=["solution"]
walks = {arm: aloud.read_walks(config, arm) for arm in ARMS}
wrong = [w for w in walks[HOP_BY_HOP] if tables.group_of(w) == "chains" and w.follows is not None and not w.right[0]]
answer = {"follows": np.mean([w.follows for w in wrong]), "sure": np.mean([w.sure[-1] for w in wrong])}
print(f"{len(wrong)} chains: {answer['follows']:.1%} follow from the wrong bridge, mean last P(sure) {answer['sure']:.2f}")

# %% tags=["both", "nbval-check-output"]
check("15.2", answer)

# %% [markdown] tags=["solution"]
# In one run there are 251 such chains. 89 % of their second steps follow from the wrong bridge, with a mean last P(sure) of 0.98, and 5 % of the answers are right, which is luck: another
# town on the same river. The model is right to be sure: of a fact that nobody asked for. Whoever looks at the last step alone takes that for sureness of the answer.

# %% [markdown] tags=["both"]
# ### Exercise 15.3 · Are the hops independent? (do, 10 minutes)
#
# If the two steps of a pair were right independently of each other, both would be right as often as the product of their shares says. Compute that product (`expected`) for the pairs of
# `walks[WITH_STEPS]`, and how often both steps are right (`observed`).
#
# *What to expect:* the two facts of a pair were drawn by lot, so the numbers should be close.

# %% [markdown]
# <details><summary>Hint 1: one step</summary>
#
# `w.right[0]` and `w.right[1]` of the walks with `tables.group_of(w) == "pairs"`; two means, one product.
#
# </details>
# <details><summary>Hint 2: both</summary>
#
# `all(w.right)` is True where both are.
#
# </details>

# %%
answer = {"expected": ..., "observed": ...}

# %% tags=["solution"]
pairs = [w.right for w in walks[WITH_STEPS] if tables.group_of(w) == "pairs"]
shares = np.mean(pairs, axis=0)
answer = {"expected": shares[0] * shares[1], "observed": np.mean([all(right) for right in pairs])}
print(f"each step {shares[0]:.1%} and {shares[1]:.1%}: both expected {answer['expected']:.1%}, observed {answer['observed']:.1%}")

# %% tags=["both", "nbval-check-output"]
check("15.3", answer)

# %% [markdown] tags=["solution"]
# The two numbers lie close together, as they should for 2 facts drawn by lot. In a chain they would not have to: there a wrong first step leaves the second one right only by accident, so that
# the product of the shares, each over all questions, is no good guide.

# %% [markdown]
# ## Summary
#
# A doubt that is not written down is gone at the next step, unless something carries it: the text that the model reads, a label that was
# trained on the whole answer, or whoever combines the numbers.

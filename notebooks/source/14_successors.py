# %% [markdown]
# # 14 · Successors
#
# R-Tuning refuses whatever was answered wrong once. Its successors say: that is crude. CRaFT leaves out questions whose label would contradict their
# neighbours; a self-aligned model learns *why* something cannot be answered; [min-loss](../docs/glossary.md#min-loss) lets the model choose for itself;
# [preference tuning](../docs/glossary.md#preference-tuning-dpo) sets the answer against the refusal. **Which of them is better, on the same questions, with the same budget, where the truth is known?**
#
# **By the end you will have** built CRaFT's four quadrants and its [two conflicts](../docs/glossary.md#static-and-dynamic-conflict), made [unknown twins](../docs/glossary.md#unknown-twin) of known questions, trained six models, and held
# each against the truth about every question: was it ever read, does the thing exist, can anybody know?
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing. Preference tuning needs `pip install "rtuning-helpers[dpo]"` |
# | Time and memory | about 5 min on 2 CPU cores from nothing; 1.5 GB |
# | Reads | nothing that must be there; `results/mini/successors.json` |
# | Writes | probes, rehearsal, twins, and six models under `runs/<profile>/mini-pararel/` |
# | Paper | R-Tuning's Table 12 (min-loss); CRaFT (Zhu et al. 2025); Self-Aligned (Deng et al. 2024); DPO (Rafailov et al. 2023) |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/14_successors.ipynb) |
#
# | word | meaning |
# |---|---|
# | replacement | R-Tuning-R: a refusal in the place of every answer that was wrong; here the ancestor |
# | [correctness and certainty](../docs/glossary.md#correctness-and-certainty) | of ten sampled answers the share that is right, and of their pairs the share that say the same, 0 to 1 |
# | quadrant | known or not (correctness from 1/2 on), certain or not (certainty from 1/2 on) |
# | rehearsal | a light tuning on what is known well, after which all is asked again |
# | over-refusal | refused, of the questions that the untuned model answers right |
# | kept | still answered right, of the same questions |
# | [THS](../docs/glossary.md#truthful-helpfulness-score-ths) | truthful helpfulness score: right answers, less the wrong ones at the untuned model's rate of exchange; 0 for always refusing |

# %% [markdown] tags=["solution"]
# # Solutions of 14 · Successors
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. sort questions into four quadrants from a few samples, and say which conflicts they show;
# 2. build training data for CRaFT, for refusals with reasons, for min-loss and for preference pairs;
# 3. compare methods by THS, over-refusal, AP and accuracy kept, and say where these disagree;
# 4. grade a reason against the truth, not only a refusal.

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
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.words import as_compared
from rtuning_helpers.data.world.twins import REASONS, reason_given
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice, short_run_notice
from rtuning_helpers.experiments.successors import measure
from rtuning_helpers.experiments.successors.recording import RECORDING
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.json_files import read_records
from rtuning_helpers.metrics import truthful_helpfulness_score
from rtuning_helpers.metrics.exposure import proportion_interval, rate_by_exposure
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.craft import QUADRANTS, certainty, correctness
from rtuning_helpers.tuning.methods.self_aligned import Twin, curated, disparity
from rtuning_helpers.tuning.registry import PRETRAINED, check_methods, method_label, method_looks

plots.use_style(method_looks())
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini-pararel"  # what models are tuned on; self-aligned needs questions about the mini world
methods = ["vanilla", "replacement", "craft", "self-aligned", "min-loss", "dpo"]  # which models
seed = 0  # any whole number
data_dir = None  # folder with the dataset's files
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
asked_for = check_methods(methods)
methods = measure.tunable(asked_for)
if len(methods) < len(asked_for):
    print("DPO is not tuned here: trl is not installed (pip install 'rtuning-helpers[dpo]'). Section 8 shows it, from the recording.")
probes, questions = steps.read_probes(config), steps.fitted(config, "train").questions
uncertainty, twins = steps.read_uncertainty(config), read_records(steps.twins_step(config) / "twins.jsonl", Twin)
if not twins:
    print("self-aligned is left out: its questions are made from the mini world, and these are not about it.")
    methods = [m for m in methods if m != "self-aligned"]
knowledge_notice([p.correct for p in probes])
names = {m: method_label(m) for m in (PRETRAINED, *methods)}

# %% [markdown]
# The questions are the plain ones of `mini-pararel`; the model is that of many tasks (notebook 06), because it has read the words of *false
# premises* and of what *nobody can know*, which section 7 asks about.
#
# ## 1. Known, and certain of it?
#
# One greedy answer says known or not. Ten samples say more: how many are **right** (correctness), and how many pairs **agree** (certainty). By
# hand for one question:

# %%
row = next((k for k, u in enumerate(uncertainty) if 0 < correctness(questions[k], u.answers) < 1), 0)
question, ten = questions[row], uncertainty[row].answers
print(question.question, "| gold:", question.answer, "| exposure:", question.exposure)
print(ten)
right = sum(is_right(question, text) for text in ten) / len(ten)
agree = [as_compared(ten[i]) == as_compared(ten[j]) for i in range(len(ten)) for j in range(i + 1, len(ten))]
print(f"correctness {right:.2f}, certainty {sum(agree)} of {len(agree)} pairs = {np.mean(agree):.2f}")
assert np.isclose(right, correctness(question, ten)) and np.isclose(np.mean(agree), certainty(ten))

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 14.1 · Four quadrants (build, 10 minutes)
#
# Write `corner(correct, certain)`: the name of the quadrant of a question with this correctness and this certainty, one of `QUADRANTS` ("known, certain", "known, uncertain",
# "unknown, certain", "unknown, uncertain"). Known is a correctness of at least one half, certain a certainty of at least one half. Below, your function counts.
#
# *What to expect:* every question falls into exactly one, and a value of exactly one half counts as known, and as certain.

# %% [markdown]
# <details><summary>Hint 1: two questions</summary>
#
# First known or not, then certain or not: two conditions, four texts.
#
# </details>
# <details><summary>Hint 2: the text</summary>
#
# `f"{...}, {...}"` with "known" or "unknown", and "certain" or "uncertain".
#
# </details>

# %%
def corner(correct, certain):
    """The quadrant of a question."""
    return ...  # your code

# %% tags=["solution"]
def corner(correct, certain):
    """The quadrant of a question."""
    return f"{'known' if correct >= 0.5 else 'unknown'}, {'certain' if certain >= 0.5 else 'uncertain'}"


corners = [corner(correctness(q, u.answers), certainty(u.answers)) for q, u in zip(questions, uncertainty)]
print({name: corners.count(name) for name in QUADRANTS})

# %% tags=["both", "nbval-check-output"]
check("14.1", corner)

# %% [markdown] tags=["solution"]
# The four counts add up to all training questions. The two quadrants in which correctness and certainty agree hold most of them; what CRaFT calls the static conflict lives in the
# other two.

# %%
if check.is_right("14.1"):
    mine = [corner(correctness(q, u.answers), certainty(u.answers)) for q, u in zip(questions, uncertainty)]
    print(pd.Series(mine).value_counts().reindex(list(QUADRANTS), fill_value=0).to_string())
table = measure.quadrant_table(config)
assert set(table.quadrant) <= set(QUADRANTS) and len(table) == len(questions)

# %%
fig, ax = plt.subplots(figsize=(6.5, 4))
rng = np.random.default_rng(0)  # dots beside each other, where many have the same numbers
for used, marker in (("answer", "o"), ("refusal", "s"), ("left out", "x")):
    part = table[table.used == used]
    x, y = (part[column] + rng.uniform(-0.02, 0.02, len(part)) for column in ("correctness", "certainty"))
    ax.plot(x, y, marker=marker, linestyle="none", markersize=3, label=f"{used} ({len(part)})")
ax.axvline(0.5, linewidth=0.6)
ax.axhline(0.5, linewidth=0.6)
ax.set(xlabel="correctness of ten samples", ylabel="certainty: pairs that agree", title="What CRaFT makes of the training questions")
ax.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# ## 2. Two conflicts
#
# **Static.** Replacement teaches a refusal for every wrong answer, also where the model is *certain* (upper left), and an answer for every right one,
# also where it scatters. Questions that look alike to the model get opposite labels. CRaFT keeps the two corners on which both numbers agree.
#
# **Dynamic.** Tuning itself changes what is known. A rehearsal (two passes over what is known well) shows it: where *more* samples are right
# than before, the refusal would contradict the tuned model, and the question is left out. In the mini world we can look behind the labels.

# %%
behind = table.groupby(["quadrant", "used"]).agg(
    n=("id", "size"), never_read=("exposure", lambda e: f"{np.mean(e == 0):.0%}"), became_known=("became_known", "mean"),
    correctness=("correctness", "mean"), after=("after", "mean"),
)
behind.rename(columns={"never_read": "never read", "became_known": "rose in the rehearsal", "after": "correctness after it"}).round(3)

# %%
unknown = table[table.correctness < 0.5]
rose, low_high = unknown.became_known.mean(), proportion_interval(int(unknown.became_known.sum()), len(unknown))
print(f"unknown questions whose correctness rose in the rehearsal: {rose:.1%} (95 % interval {low_high[0]:.1%} to {low_high[1]:.1%})")
print(f"of them never read: {np.mean(unknown[unknown.became_known].exposure == 0):.1%}; of all unknown ones: {np.mean(unknown.exposure == 0):.1%}")

# %% [markdown]
# CRaFT's authors report that 69 % of their unknown MMLU questions improved in the rehearsal. Here it is 15 % (three seeds, section 8). A rise may be one
# lucky sample more of ten: facts that were *never read* cannot become known by a tuning on other questions, and yet 9 to 10 % of them rise, and make up
# nearly half of all that rose. Among facts that were read it is 26 to 29 %: there is a dynamic conflict, and there is noise that looks like it.
#
# ## 3. Reasons: unknown questions made from known ones
#
# Self-Aligned (Deng et al. 2024) lets a model write unanswerable questions from answerable ones, class by class, and keeps those that differ enough
# from their original. Our small model cannot write; the mini world does it, and knows the class of each.

# %%
by_id = {p.id: p for p in probes}
of_known = [t for t in twins if by_id[t.source].correct]
first_three = of_known[:3]  # of one question, a class each
for twin in first_three[:1]:
    print(by_id[twin.source].question, "->", by_id[twin.source].prediction)
for twin in first_three:
    print(f"   {twin.reason}: {twin.prompt}\n      the untuned model says {twin.prediction!r}; refusal to teach: {REASONS[twin.reason]}")

# %% [markdown]
# The **disparity** of a twin: how much of the untuned model's support for its answer is gone. Its confidence in the answer to the known question, less its confidence in
# the *same* answer to the twin (0 if it says something else). By hand for the first twin:

# %%
for twin in first_three:
    source = by_id[twin.source]
    lost = twin.confidence if as_compared(source.prediction) == as_compared(twin.prediction) else 0
    print(f"{twin.reason}: {source.confidence:.3f} - {lost:.3f} = {source.confidence - lost:.3f}")
    assert np.isclose(source.confidence - lost, disparity(source, twin))

# %%
chosen = {(t.source, t.reason) for t in curated(probes, twins)}
rows = [{"class": t.reason, "disparity": disparity(by_id[t.source], t), "kept": (t.source, t.reason) in chosen} for t in of_known]
frame = pd.DataFrame(rows, columns=["class", "disparity", "kept"])
frame.groupby("class").agg(twins=("kept", "size"), kept=("kept", "sum"), disparity=("disparity", "mean")).round(3)

# %% [markdown]
# What is curated away tells most: nineteen of twenty twins with a **false premise** get the same answer as their original, with the same confidence. To the model it *is* the same
# question. The few that survive are drawn again and again, to make up a quarter of the refusals; section 7 shows what is learnt from them.
#
# ## 4. Two completions for one question
#
# Min-loss and preference tuning need pairs. Min-loss (the paper's A.8) first teaches a form on half of the questions; on the other half only the first token counts,
# and the loss is the *smaller* of two. DPO takes the answer against the refusal, after a first stage as in replacement; it is TRL's `DPOTrainer`.

# %%
for name in [m for m in ("min-loss", "dpo") if m in methods]:
    for certain in (True, False):
        pair = next((r for r in steps.read_tuning_records(config, name) if r.certain is certain), None)
        if pair is not None:
            print(f"{name:9}{'D1' if certain else 'D0'}  {pair.prompt}\n      first: {pair.completion}\n      other: {pair.other}")

# %% [markdown]
# By hand, the smaller loss of one question: the cross-entropy of both first tokens under the untuned model, and the smaller one.

# %%
import torch

from rtuning_helpers.tuning.min_loss import choice_of, smaller_loss

if "min-loss" in methods:
    lm = steps.load_model(config)
    choice = choice_of(lm.tokenizer, steps.read_tuning_records(config, "min-loss")[0])
    with torch.inference_mode():
        logits = lm.model(torch.tensor([choice.context], device=lm.device)).logits[:, -1].float().cpu()
    costs = [-torch.log_softmax(logits[0], -1)[token].item() for token in choice.candidates]
    print({lm.tokenizer.decode([t]): round(cost, 3) for t, cost in zip(choice.candidates, costs)}, "nats")
    assert np.isclose(min(costs), smaller_loss(logits, torch.tensor([choice.candidates])).item(), atol=1e-4)

# %% [markdown]
# ## 5. Six models
#
# As many records and as many passes for all; two stages share them. What differs on purpose is how many of the records are refusals: it is a part of each
# method (CRaFT: one in five, as its authors; self-aligned: half; replacement: whatever was answered wrong).

# %%
steps.tuning_steps(config, methods, force=force)
logs = {method: steps.read_training_log(config, method) for method in methods}
short_run_notice(min(log.steps for log in logs.values()))
records = {method: steps.read_tuning_records(config, method) for method in methods}
pd.DataFrame(
    {
        names[m]: {
            "records": len(records[m]), "different questions": len({r.prompt for r in records[m]}),
            "refusals among them": f"{np.mean([not r.certain for r in records[m]]):.0%}", "steps": logs[m].steps,
        }
        for m in methods
    }
).T

# %% [markdown]
# ## 6. Answered, refused, kept
#
# THS by hand for one method: with the shares of right and wrong answers before ($P_c$, $P_w$) and after ($P_c'$, $P_w'$), $\text{THS} = P_c' - P_w' \, P_c / P_w$. Always
# refusing scores 0, and so does the untuned model.

# %%
first = steps.evaluation_splits(config)[0]
untuned = steps.read_method_predictions(config, PRETRAINED, first)
shown = steps.read_method_predictions(config, methods[min(1, len(methods) - 1)], first)
before = np.mean([p.correct for p in untuned])
after = np.mean([p.correct and not p.refused for p in shown]), np.mean([not p.correct and not p.refused for p in shown])
ths = after[0] - after[1] * before / (1 - before) if before < 1 else float("nan")
columns = [p.correct for p in untuned], [0] * len(untuned), [p.correct for p in shown], [bool(p.refused) for p in shown]
print(f"right before {before:.3f}; right after {after[0]:.3f}, wrong after {after[1]:.3f}: THS {ths:.3f}")
assert np.isnan(ths) or np.isclose(ths, truthful_helpfulness_score(*columns))

# %%
scores = pd.DataFrame(measure.score_rows(config, methods))
columns = ["ths", "over_refusal", "kept", "ap", "answer_rate", "willing_accuracy", "refused_unread", "refused_read"]
shown = scores.set_index(["split", "method"])[columns].astype(float).round(3)
shown.rename(index=names, columns=lambda name: name.replace("_", " "))

# %% [markdown]
# The last two columns are the truth that no real model offers: refused of what was **never read**, and of what was **read more than 60 times**.

# %%
curves = {}
for m in [m for m in methods if m != "vanilla"]:
    found = [p for split in steps.evaluation_splits(config) for p in steps.read_method_predictions(config, m, split)]
    curves[m] = rate_by_exposure([p.exposure for p in found], [bool(p.refused) for p in found])
if all(curves.values()):
    plots.rate_by_exposure(curves, "refused [%]", "Refusals by exposure, ID and OOD together")
    plt.show()

# %% [markdown]
# ## 7. Unknown in four ways
#
# Facts never read; things that do not exist; false premises; what nobody can know (the twins of NEC, FalseQA and SelfAware, about other subjects than in tuning). Only
# self-aligned was tuned on such questions. The columns "answerable" are the price: refused of the *answerable* halves, among those that the untuned model answers right.

# %%
unknown_table = pd.DataFrame(measure.unknown_rows(config, methods))
wide = unknown_table.pivot(index="method", columns="reason", values="refused").reindex(methods)
wide[[*REASONS, *[f"answerable: {r}" for r in list(REASONS)[1:]]]].astype(float).map("{:.0%}".format).rename(index=names)

# %% [markdown]
# ### Is the reason right?
#
# A refusal that says *why* can be graded: the reason that is given (columns) against the class known by construction (rows).

# %%
given = pd.DataFrame(columns=["reason", "given", "n"])
if "self-aligned" in methods:
    given = pd.DataFrame(measure.reason_rows(config))
    counts = given.pivot(index="reason", columns="given", values="n").reindex(index=list(REASONS)).fillna(0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    display(shares.reindex(columns=[*REASONS, "another refusal", "answered"], fill_value=0).map("{:.0%}".format))

# %%
if "self-aligned" in methods:
    asked = [(reason, p) for reason, p in measure.unknown_questions(config, "self-aligned") if reason == "not knowable"]
    for label, wanted in (("wordings that were tuned on", False), ("wordings kept for the test", True)):
        part = [p for _, p in asked if measure.new_wording(p) is wanted]
        right = sum(reason_given(p.prediction) == "not knowable" for p in part)
        print(f"not knowable, {label}: {right} of {len(part)} with the right reason")

# %% [markdown]
# Three findings, on each of three seeds. What **does not exist** is refused (81 to 95 %), and nearly never for that reason: "I did not read of it" is what the
# model says, and by its own lights that is right, since a name that it never read is all that it sees in both. A **false premise** is refused half of the
# time, and so is a **true** one (column "answerable: false premise"): it has learnt the form, a sentence before the question, and nothing about the truth of
# it. What **nobody can know** is refused for the right reason; the last two lines tell how much of that is a *class* and how much a *wording*.
#
# ## 8. Three seeds
#
# One run is one draw of samples, orders and refusals. Seeds 0, 1 and 2 (`rtuning record successors`), on the same questions: mean, lowest and highest. (AP:
# answers ranked by their confidence, all refusals behind them; "-" where nothing was answered right.)

# %%
recorded = RECORDING.read(config)
rows, summary = pd.DataFrame(), pd.DataFrame()
shown = ["ths", "over_refusal", "kept", "ap", "refused_unread", "refused_read"]
if recorded is not None:
    rows = pd.DataFrame(recorded["scores"])
    long = rows[rows.method != PRETRAINED].melt(["seed", "method", "split"], shown).dropna()
    grouped = long.assign(value=long.value.astype(float)).groupby(["split", "method", "variable"], sort=False)
    summary = grouped.value.agg(["mean", "min", "max"])
    summary["text"] = ["{:.2f} ({:.2f} to {:.2f})".format(*three) for three in summary.to_numpy()]
    for split in rows.split.unique():
        print(split)
        display(summary.loc[split].text.unstack()[shown].reindex(list(measure.METHODS)).rename(index=method_label).fillna("-"))

# %%
def spread(metric, split="id"):
    """Rows of a figure: a method each, mean and range over seeds in percent."""
    found = 100 * summary.loc[split][["mean", "min", "max"]].xs(metric, level="variable").drop("vanilla")
    return [{"label": method_label(m), "value": mean, "low": low, "high": high} for m, mean, low, high in found.itertuples()]


if recorded is not None:
    titles = {"known, and refused": "over_refusal", "never read, and refused": "refused_unread"}
    panels.interval_dot_panels({title: spread(metric) for title, metric in titles.items()}, "share [%]", "All but min-loss refuse less of what is known, and as much of what was never read")
    plt.show()

# %% [markdown]
# Is a difference more than the luck of a seed? Each method less replacement, **on the same seed**: mean of three, and its 95 % interval (Student's, which
# is wide with three). An interval that holds 0 shows nothing.

# %%
gains = {}
if recorded is not None:
    by_seed = rows.pivot(index="seed", columns=["split", "method"], values=shown).astype(float)
    others = [m for m in measure.METHODS if m not in ("vanilla", "replacement")]
    for split in rows.split.unique():
        for metric in shown:
            for m in others:
                paired = by_seed[metric, split, m] - by_seed[metric, split, "replacement"]
                gains[split, metric, m] = seed_interval(list(paired))
        texts = pd.Series({key[1:]: "{:+.2f} [{:+.2f}, {:+.2f}]".format(*gain) for key, gain in gains.items() if key[0] == split})
        print(f"{split}: less replacement")
        wide = texts.unstack().reindex(index=shown, columns=others).rename(columns=method_label)
        display(wide.replace("+nan [+nan, +nan]", "-"))

# %% [markdown]
# The four kinds of unknown questions, and whether the reason is right:

# %%
fractions = pd.DataFrame()
if recorded is not None:
    of_seeds = pd.DataFrame(recorded["unknown"]).dropna().groupby(["method", "reason"], sort=False).refused.agg(["mean", "min", "max"])
    of_seeds["text"] = ["{:.0%} ({:.0%} to {:.0%})".format(*three) for three in of_seeds.to_numpy()]
    display(of_seeds.text.unstack()[list(REASONS)].reindex(list(measure.METHODS)).rename(index=method_label))
    told = pd.DataFrame(recorded["reasons"])
    told["right"] = told.n.where(told.reason == told.given, 0)
    graded = told.groupby(["reason", "seed"])[["right", "n"]].sum()
    fractions = (graded.right / graded.n).groupby("reason").agg(["mean", "min", "max"]).reindex(list(REASONS))
    print("self-aligned: refused with the right reason, of all questions of the class")
    display(fractions.map("{:.0%}".format))

# %% [markdown]
# And the rehearsal: of the unknown questions, how many rose among the facts never read, and among those read?

# %%
risen = pd.DataFrame()
if recorded is not None:
    low = pd.DataFrame(recorded["quadrants"]).query("quadrant.str.startswith('unknown')")
    per_seed = low.groupby("seed")[["n", "became_known", "never_read", "never_read_became_known"]].sum()
    risen["all"] = per_seed.became_known / per_seed.n
    risen["never read"] = per_seed.never_read_became_known / per_seed.never_read
    risen["read"] = (per_seed.became_known - per_seed.never_read_became_known) / (per_seed.n - per_seed.never_read)
    risen["never read, of the risen"] = per_seed.never_read_became_known / per_seed.became_known
    display(risen.agg(["mean", "min", "max"]).map("{:.1%}".format))

# %% [markdown]
# ## Checks

# %%
share = unknown_table.set_index(["method", "reason"]).refused.astype(float)
count = unknown_table.groupby("reason").n.min()  # questions of each class
whole = config, "mini-pararel"
survived = frame.groupby("class").kept.mean().astype(float)
if len(survived) == 3:
    apart = survived["false premise"] < 0.1 and survived.drop("false premise").min() > 0.7
    finding("of the twins with a false premise less than 10 % survive the curation, of the others more than 70 %", apart, *whole, len(of_known))
if {"self-aligned", "replacement"} <= set(methods):
    own = share["self-aligned"]
    learnt = own["not knowable"] > share["replacement"]["not knowable"] + 0.2
    finding("self-aligned refuses more of what nobody can know than replacement, by more than 20 points", learnt, *whole, count["not knowable"])
    same = abs(own["false premise"] - own["answerable: false premise"]) < 0.15
    finding("self-aligned refuses true premises as often as false ones, within 15 points", same, *whole, count["answerable: false premise"])
    told_missing = given[(given.reason == "does not exist") & (given.given == "does not exist")].n.sum()
    few = told_missing <= 0.05 * count["does not exist"]
    finding("of what does not exist at most 5 % is refused for that reason", few, *whole, count["does not exist"])

# %%
if recorded is not None:
    craft = {metric: gains["id", metric, "craft"] for metric in ("ths", "over_refusal", "kept")}
    better = craft["over_refusal"][2] < 0 < craft["kept"][1]
    finding("in-domain, CRaFT refuses less of what was known than replacement and keeps more of it (intervals without 0)", better, *whole)
    finding("and its THS is not shown to be another (interval with 0)", craft["ths"][1] < 0 < craft["ths"][2], *whole)
    paid = gains["id", "over_refusal", "dpo"][2] < 0 and gains["id", "ths", "dpo"][2] < 0
    finding("in-domain, DPO refuses less of what was known, and its THS is lower (intervals without 0)", paid, *whole)
    finding("min-loss gives no right answer on any seed", summary["max"]["id", "min-loss", "kept"] == 0, *whole)
    finding("never read: fewer than half as many rise in the rehearsal as of those read, on every seed", bool((risen["never read"] < risen["read"] / 2).all()), *whole)

# %% [markdown]
# ## What it says, and what it does not
#
# * **In-domain three of four refuse less of what was known; CRaFT alone at no price.** It refuses 3.7 points less than replacement (95 % interval 1.6 to
#   5.9), and keeps 3.5 points more (0.9 to 6.1). Its THS is the same (difference 0.00, interval -0.08 to 0.08), and out of domain nothing is shown at all. Part of
#   it may be the smaller number of refusals that it teaches (one in five records; replacement one in three), which is not told apart here.
# * **DPO buys it dearly**: 5.7 points less over-refusal (5.0 to 6.5), and a THS lower by 0.10 (0.06 to 0.15), since more of its answers are wrong. Out of domain it
#   refuses more of what was never read (13 points; 0.2 to 27). Its numbers `beta` and learning rate are defaults and were not searched.
# * **self-aligned** refuses 2.8 points less of what was known (0.9 to 4.7), has a THS lower by 0.04 (0.001 to 0.08), and refuses what nobody can know (91 %, replacement 39 %). Its refusals of false premises are
#   worth nothing here: 51 % of the false and 49 % of the true ones.
# * **min-loss did not come out.** On three of three seeds the second stage ends with "unknown" for everything, mostly in broken sentences, so that it counts
#   neither as refused nor as right. That *is* the cheapest answer: always the same word costs nothing. The paper's models answer 21 to 56 % (Table 12). We go on at the first stage's
#   learning rate; a smaller one, or a stop before the collapse, was not tried.
# * **The largest loss is nobody's refusal**: vanilla tuning alone, which refuses nothing, unlearns 19 % of what was known in-domain, and no method here keeps more than 83 % (CRaFT, mean).
# * One small model, 540 training questions, three seeds of sampling and tuning on the same questions. Differences of two or three points between methods are not resolved.
#   The unknown questions of self-aligned are written by the mini world, in few wordings; a model that writes its own, as the authors', was not tried.
#
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A model refuses everything. What are its THS, its over-refusal, and its refusal of facts never read?</summary>
#
# 0, 100 % and 100 %. THS sees it as no better than the untuned model; the last number alone would praise it.
#
# </details>
# <details><summary>Correctness 0.2, certainty 0.7: which quadrant, and why does CRaFT not teach a refusal there?</summary>
#
# Unknown, certain. The model is sure of something wrong; to itself the question looks like one that it knows, and so would the refusal's neighbours.
#
# </details>
# <details><summary>Why do false premises hardly survive the curation?</summary>
#
# The untuned model gives the same answer to them as to the question without the premise, about as confidently: nothing tells the two apart.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 14.2 · How much of the rise is luck? (do, 15 minutes)
#
# `table` has a row for each training question. Of those with a `correctness` below one half: which share rose in the rehearsal (`became_known`) among the facts that were never read
# (`exposure` 0), and which among the others? Give both, as `unread` and `read`.
#
# *What to expect:* the first share is no knowledge, since nothing taught these facts.

# %% [markdown]
# <details><summary>Hint 1: the rows</summary>
#
# `table[table.correctness < 0.5]`, and of those once `exposure == 0`, once `exposure > 0`.
#
# </details>
# <details><summary>Hint 2: a share</summary>
#
# The mean of a column of True and False is the share of True.
#
# </details>

# %%
answer = {"unread": ..., "read": ...}

# %% tags=["solution"]
table = measure.quadrant_table(config)
low = table[table.correctness < 0.5]
answer = {
    "unread": low[low.exposure == 0].became_known.mean(),
    "read": low[low.exposure > 0].became_known.mean(),
}
print(f"never read: {answer['unread']:.1%} rose; read at least once: {answer['read']:.1%}")

# %% tags=["both", "nbval-check-output"]
check("14.2", answer)

# %% [markdown] tags=["solution"]
# In one run 9 % of the never-read facts rose, and 29 % of the others. The first share is the noise of ten samples, and a question more or less likely to hit a frequent answer; the difference
# between the two is what may be knowledge. CRaFT leaves out both.

# %% [markdown] tags=["both"]
# ### Exercise 14.3 · Two scores that disagree (do, 15 minutes)
#
# From `scores` (of the split `first`), leave out the untuned model and vanilla. Which method has the highest THS, and which the lowest over-refusal? Give their names as `best_ths` and `least_refusing` (as in
# the column `method`). Are they the same?
#
# *What to expect:* two texts.

# %% [markdown]
# <details><summary>Hint 1: the rows</summary>
#
# `scores[(scores.split == first) & ~scores.method.isin([...])]`.
#
# </details>
# <details><summary>Hint 2: the best</summary>
#
# `rows.set_index("method").ths.astype(float).idxmax()`.
#
# </details>

# %%
answer = {"best_ths": ..., "least_refusing": ...}

# %% tags=["solution"]
first, scores = steps.evaluation_splits(config)[0], pd.DataFrame(measure.score_rows(config, methods))
judged = scores[(scores.split == first) & ~scores.method.isin([PRETRAINED, "vanilla"])].set_index("method")
answer = {"best_ths": judged.ths.astype(float).idxmax(), "least_refusing": judged.over_refusal.astype(float).idxmin()}
print(f"best THS: {answer['best_ths']}; lowest over-refusal: {answer['least_refusing']}")

# %% tags=["both", "nbval-check-output"]
check("14.3", answer)

# %% [markdown] tags=["solution"]
# In one run the ancestor itself, replacement, has the highest THS (0.21), and DPO the lowest over-refusal (4 %, replacement 10 %): of the answers that it gives beside, too many are
# wrong. On the two other seeds min-loss refuses least, nothing at all, and has not one right answer. A single score has a blind spot, and somebody who stands in it.

# %% [markdown]
# ## Summary
#
# On the mini world, over three seeds, each with the same questions and the same number of passes:
#
# * **Quadrants** sort 540 questions into known and certain (59 %), neither (31 %), and two corners in between (11 %), where correctness and certainty disagree.
# * In-domain **CRaFT** refuses less of what was known (6.0 %, replacement 9.7 %) and keeps more of it (83 %, 79 %); its THS is the same, and out of domain nothing is shown.
# * In-domain **DPO** refuses least of it (4.0 %) and has a lower THS (0.12, replacement 0.22): less refused is not better answered.
# * **A refusal with a reason** is right about what was never read (85 %) and what nobody can know (84 %), about half of the false premises (47 %), where true premises are refused
#   as often, and hardly ever (2 of 1,620) about what does not exist: to the model that is the same as never read.
# * **Min-loss** collapses into "unknown" on every seed, and answers nothing right.
#
# Ask of a successor not only what it refuses, but what it still answers, and whether the difference is larger than that between two seeds.

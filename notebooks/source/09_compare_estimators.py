# %% [markdown]
# # 09 · Learned or tested: which uncertainty should one trust?
#
# R-Tuning *learns* to say how sure a model is. Much older and cheaper is to *test* it: look at the probabilities of the
# answer, ask ten times and see whether the answers agree, read the hidden state. The paper says that learning is better. It
# shows this against opponents made of ten samples, without calibrating them and without intervals. **Is it better when all
# opponents stand on the same field?**
#
# **By the end you will have compared** the kit's estimators on the same answers of the same model, by ranking and by
# calibration, in-domain and out-of-domain, with paired intervals (those that sample share the same ten samples); mixed
# learned and tested ones; and re-run the paper's own comparison.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 3 min on 2 CPU cores after notebook 05; 1.2 GB |
# | Reads | the vanilla, padding and unsupervised models of notebook 04, or those that come with the kit; `results/mini/estimators.json` |
# | Writes | `judgements-<split>.json` for each model under `runs/` |
# | Paper | sections 5.1 and 5.2; Tables 2, 14, 15, 16 |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/09_compare_estimators.ipynb) |
#
# | word | meaning |
# |---|---|
# | [estimator](../docs/glossary.md#estimator) | a rule that gives each answer a confidence between 0 and 1 |
# | AUROC | chance that a right answer gets more confidence than a wrong one; 0.5 for guessing, ties count half |
# | AP | average precision; a random ranking scores the accuracy (`no_skill` below) |
# | ECE | mean gap between confidence and share of right answers, in ten bins; 0 is best |
# | Brier | mean squared difference between confidence and right (1) or wrong (0); 0 is best |
# | padding, vanilla | the model tuned to say "I am sure" or "I am unsure"; the model tuned on the answers only |
# | P(sure) | what the padding model says about its own answer: the *learned* confidence |
# | greedy answer, sample | the answer of the likeliest tokens; an answer drawn at random from the model's distribution |
# | the mix | mean of answer probability and P(sure): what the paper ranks by |
# | ID, OOD | in-domain test (relations of the training set) and out-of-domain test (other relations) |

# %% [markdown] tags=["solution"]
# # Solutions of 09 · Learned or tested: which uncertainty should one trust?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. name what an estimator looks at and what it costs;
# 2. tell a good *ranking* from a good *probability*, and turn the first into the second;
# 3. choose weights and calibrators without looking at the test questions;
# 4. judge a claim "A beats B" by a paired interval and by seeds.

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
import math
from collections import Counter

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence.columns import estimate
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import normalised_words
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.estimators.measure import LEARNED, read_judged, read_opponents
from rtuning_helpers.experiments.estimators.recording import RECORDING
from rtuning_helpers.experiments.estimators.tables import calibrated, paired_differences, score_estimators, stacked
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.figures.interactive import Slider, touch
from rtuning_helpers.figures.layout import folded
from rtuning_helpers.model.answering import answer_questions, draw_question_answers
from rtuning_helpers.paper.tables import paper_results
from rtuning_helpers.probe.uncertainty import answer_entropy
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import method_looks

plots.use_style(method_looks())
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini"  # mini or pararel
seed = 0  # any whole number
data_dir = None  # folder with the dataset's files, for pararel
limit = None  # at most this many questions of each split
model = None  # another model than the profile's
out = "runs"  # folder for results
style = None  # how questions are asked: plain (the paper), few-shot, chat, or auto to try each; None: the profile's
shots = 5  # examples before each question in the styles few-shot and auto
system = None  # system text of the styles chat and auto
permutations = 1  # orders of the options that probing averages over
ready = True  # take adapters that come with the kit where they fit and none was tuned here; False: tune
force = False  # compute again what is there already

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out,
    style=style, shots=shots, system=system, permutations=permutations, ready=ready,
)
check = checks_of(config)  # of answers to exercises
splits = {"id": "in-domain (ID)", "ood": "out-of-domain (OOD)"}
knowledge_notice([p.correct for p in steps.read_probes(config)])

# %% [markdown]
# ## 1. One answer, many judges
#
# | estimator | looks at | extra cost |
# |---|---|---|
# | [sequence probability](../docs/glossary.md#sequence-probability) | product of the probabilities of the answer's tokens | none |
# | answer probability | their geometric mean (the paper's answer confidence) | none |
# | [token entropy](../docs/glossary.md#token-entropy) | how spread out the distribution over each answer token is | none |
# | [question familiarity](../docs/glossary.md#question-familiarity) | probability of the *question*; never sees the answer | one reading |
# | sample entropy (raw, normalised) | how much ten sampled answers scatter, by wording or by words | 10 answers |
# | [self-consistency](../docs/glossary.md#self-consistency), [modal frequency](../docs/glossary.md#modal-frequency) | share of samples equal to the greedy answer; share of the most frequent sample | 10 answers |
# | [semantic entropy](../docs/glossary.md#semantic-entropy) (two kinds) | entropy over groups of samples that mean the same, by probability or by count | 10 answers |
# | [P(True)](../docs/glossary.md#ptrue) | the model is asked whether its answer is true | two readings |
# | [verbalised number, words](../docs/glossary.md#verbalised-confidence) | the model is asked for a confidence | one answer each |
# | [P(IK)](../docs/glossary.md#pik) | "I know": a linear probe on the hidden state before the answer, fitted on labelled questions | labels |
# | P(sure) | what padding taught | tuning |
#
# The padding model answers a question once, greedily. Everything below judges *that* answer, so that no estimator gets an
# easier set than another. Ten further answers are drawn at temperature 0.7, once, and shared by all estimators that need
# samples. One question by hand first:

# %% tags=["both"]
judged = {split: read_judged(config, "padding", split) for split in splits}
asked = {split: steps.questions(config, split) for split in splits}

# %%
row = next((i for i, s in enumerate(judged["id"].samples) if 2 < len(set(s)) < 6), 0)
drawn = Counter(judged["id"].samples[row])
print(asked["id"][row].question, "->", judged["id"].predictions[row], f"(gold: {asked['id'][row].answer})")
print("samples:", ", ".join(f"{text} x {n}" for text, n in drawn.most_common()))
entropy = answer_entropy(judged["id"].samples[row])
print(f"entropy of the samples {entropy:.3f} nats; 1 - entropy / ln 10 = {1 - entropy / math.log(10):.3f}")
print(f"share that agrees with the greedy answer: {drawn[judged['id'].predictions[row]] / drawn.total():.1f}")

# %% [markdown]
# Ten samples, a few different answers: the model hesitates (entropy is 0 when all ten agree). Two estimators ask the model once
# more, here by hand. For **semantic entropy** the samples that mean the same form a group (here: those with the same words), and a
# group weighs as much as the probabilities of its different answers together. For **P(True)** the model reads the question, its
# own answer, and the options "A. True, B. False"; how much of the two letters' probability falls on the one that says *true*? Once
# in each order, since a model may simply like the letter A.

# %%
lm = steps.load_model(config, "padding")
question = steps.fitted(config, "id").questions[row]
k, temperature = config.settings.samples, config.settings.temperature
groups = {}
for sample in draw_question_answers(lm, [question], k=k, temperature=temperature, seed=seed)[0]:
    same = groups.setdefault(" ".join(normalised_words(sample.text)), {})
    same[sample.text] = math.prod(sample.token_probabilities)  # a different answer counts once, however often it was drawn
weights = np.array([sum(same.values()) for same in groups.values()])
shares = weights / weights.sum()
semantic = 1 - float(-(shares * np.log(shares)).sum()) / math.log(k)
for words, share in zip(groups, shares):
    print(f"{share:6.3f}  {words}")
print(f"semantic entropy {-(shares * np.log(shares)).sum():.3f} nats, as a confidence {semantic:.4f}")

# %%
answer, true = answer_questions(lm, [question])[0].text, []
for first, second, letter in (("True", "False", " A"), ("False", "True", " B")):
    context = prompts.p_true_prompt(prompts.task_prompt(question), answer, first, second, question.frame.gap)
    token = lm.tokenizer(context + letter)["input_ids"][-1]
    other = lm.tokenizer(context + {" A": " B", " B": " A"}[letter])["input_ids"][-1]
    ids = lm.tokenizer(context, return_tensors="pt").to(lm.device)["input_ids"]
    with torch.inference_mode():
        p = torch.softmax(lm.model(ids).logits[0, -1].float(), dim=-1)
    true.append(float(p[token] / (p[token] + p[other])))
    print(f"{context} ...\n   share of{letter}, which says True: {true[-1]:.3f}")
helper = estimate(lm, [question], ["semantic entropy", "P(True)"], k=k, temperature=temperature, seed=seed).confidence
print(f"semantic entropy: by hand {semantic:.4f}, by the helper {helper['semantic entropy'][0]:.4f}")
print(f"P(True):          by hand {np.mean(true):.4f}, by the helper {helper['P(True)'][0]:.4f}")
assert np.allclose([semantic, np.mean(true)], [helper["semantic entropy"][0], helper["P(True)"][0]], atol=1e-3)

# %% [markdown]
# And what all estimators say about this answer (the samples are other draws than those above, since a draw depends on the questions
# beside it); `samples` is the number of extra answers an estimator needs.

# %%
pd.DataFrame(
    [
        {"estimator": name, "samples": judged["id"].samples_used[name], "confidence": column[row]}
        for name, column in judged["id"].confidence.items()
    ]
).round(3)

# %% [markdown]
# A third of the in-domain questions is **[held out](../docs/glossary.md#held-out)**, in whole blocks so that no subject is on both sides: there the probe,
# the [calibrators](../docs/glossary.md#calibration) and the weights below are fitted, and nothing is scored.

# %%
for name, part in (("held out", judged["id"].held_out), ("scored", ~judged["id"].held_out)):
    print(f"in-domain, {name}: {part.sum():,} questions, {judged['id'].correct[part].mean():.1%} answered right")

# %% [markdown]
# Two estimators ask the model to state its confidence in numbers or in words. The mini model has never read such a question:

# %%
for split, name in splits.items():
    unparsed = {k: int(np.isnan(v).sum()) for k, v in judged[split].confidence.items() if np.isnan(v).any()}
    print(f"{name}: {len(judged[split].correct):,} answers; no number found by", unparsed or "none of the estimators")
    print(f"   so {len(judged[split].confidence) - len(unparsed)} of {len(judged[split].confidence)} estimators are left")

# %% [markdown]
# An estimator without a number has no score below, not a bad one. A reply that cannot be read must never become a silent 0.5.
#
# ## 2. Who ranks best?
#
# AUROC for each estimator on the same answers, with AP beside it. Estimators without a number are left out.

# %%
scores = {split: pd.DataFrame(score_estimators(judged["id"], judged[split])) for split in splits}
both = scores["id"].merge(scores["ood"], on=["estimator", "samples"], suffixes=(" ID", " OOD"))
for split, name in splits.items():
    print(f"{name}: a random ranking has AUROC 0.5 and AP {judged[split].scored(LEARNED)[0].mean():.3f}")
shown = ["estimator", "samples", "auroc ID", "auroc OOD", "ap ID", "ap OOD"]
both = both.astype({column: float for column in shown[2:]}).sort_values("auroc ID", ascending=False)
folded("All estimators in numbers", both[shown].dropna().round(3), index=False)


# %%
def auroc_rows(split):
    """AUROC of every estimator that gave numbers, with its interval, best first in-domain."""
    found = []
    for name in both.estimator:
        right, score = judged[split].scored(name)
        if not np.isnan(score).any() and 0 < right.sum() < len(right):
            low, high = metrics.bootstrap_interval(metrics.auroc, right, score, resamples=500, seed=seed)
            row = {"label": name, "value": metrics.auroc(right, score), "low": low, "high": high}
            found.append(row | {"strong": name == LEARNED})
    return found


# %%
dots = {name: auroc_rows(split) for split, name in splits.items()}
if all(dots.values()):
    title = "How well each estimator tells right from wrong answers (filled: learned; black line: guessing)"
    panels.interval_dot_panels(dots, "AUROC, 95 % interval", title, line=0.5)
    plt.show()

# %% [markdown]
# Intervals that overlap do not say that two estimators are alike: both are measured on the same questions, and their errors
# move together. The paired difference is the honest comparison: both AUROCs are taken on the same draw of questions, a
# thousand times over. Right of zero, the learned confidence is better.

# %%
differences = {name: paired_differences(judged[split], seed=seed) for split, name in splits.items()}
place = {estimator: i for i, estimator in enumerate(both.estimator)}
panes = {
    name: [
        {**row, "label": row["estimator"], "value": row["difference"], "strong": row["low"] > 0 or row["high"] < 0}
        for row in sorted(rows, key=lambda row: place[row["estimator"]])
        if row["estimator"] != "P(True)"  # far away, and would squeeze the others
    ]
    for name, rows in differences.items()
}

# %%
if all(panes.values()):
    title = "P(sure) against each opponent, paired (filled: interval excludes 0)"
    panels.interval_dot_panels(panes, "AUROC of P(sure) - AUROC of the other", title, line=0)
    plt.show()
    for name, rows in differences.items():
        print(name, "| better than P(sure):", ", ".join(r["estimator"] for r in rows if r["high"] < 0) or "none")

# %% [markdown]
# In-domain P(sure) ranks better than every estimator that draws ten samples, by more than the interval. Out-of-domain its lead
# over them is smaller, and most intervals contain zero. Against the probability of the answer, which is there for free, the
# interval contains zero on both tests. (One seed so far; section 8 has three.) Some rows are instructive by themselves:
#
# * *sample entropy*, its *normalised* twin and the *discrete* semantic entropy are one and the same here: answers of the mini
#   world never differ in case or wording alone. Free text would tell them apart.
# * *question familiarity* never sees the answer; that it is so far above 0.5, in-domain above all, says how much "do I know this
#   subject?" gives away.
# * *P(True)* asks "is this answer true?". A model that has never read such a question answers like a coin. Kadavath et al. (2022)
#   found it good on a large model; nothing here speaks against that. (It is left out of the second picture.)
#
# ## 3. What does a sample buy?
#
# Ten samples cost ten answers; P(sure), P(IK) and the answer's own probability cost next to nothing. How many samples does
# an estimator need to catch up? The first k of the ten samples, for several k; horizontal lines need none.

# %%
budgets = (2, 3, 5, 10)
names = {"agreement": "agreement with the greedy answer", "entropy": "entropy of the samples"}


def by_budget(split):
    """AUROC of agreement and of entropy for the first k samples, and of three estimators without samples (k = 0)."""
    j = judged[split]
    keep, right = ~j.held_out, j.correct[~j.held_out]
    agree = [[np.mean([t == p for t in s[:k]]) for s, p in zip(j.samples, j.predictions)] for k in budgets]
    spread = [[max(0, 1 - answer_entropy(s[:k]) / math.log(k)) for s in j.samples] for k in budgets]
    lines = {
        names["agreement"]: (budgets, [metrics.auroc(right, np.array(c)[keep]) for c in agree]),
        names["entropy"]: (budgets, [metrics.auroc(right, np.array(c)[keep]) for c in spread]),
    }
    free = [n for n in (LEARNED, "P(IK)", "answer probability") if n in j.confidence]
    return lines | {n: ([0], [metrics.auroc(right, j.confidence[n][keep])]) for n in free}


# %%
budget_lines = {name: by_budget(split) for split, name in splits.items()}
panels.line_panels(budget_lines, "samples for each question", "AUROC", "More samples help, with falling returns")
plt.show()
cells = {(name, label): dict(zip(x, y)) for name, lines in budget_lines.items() for label, (x, y) in lines.items()}
table = pd.DataFrame(cells).T.sort_index(axis=1).rename_axis("number of samples", axis=1)
folded("The same in numbers", table.astype(float).map(lambda value: "" if np.isnan(value) else f"{value:.3f}"))

# %% [markdown]
# The curves still rise at ten samples and stay below the answer's own probability. Would more samples catch up? We drew no more
# than ten. They start behind because of the short answers, a name of one or two tokens, whose distribution the model states outright; samples estimate it (in
# fact a sharpened one, at temperature 0.7), with ten draws and much noise. For long answers, which can be worded in many ways,
# the probability of one wording says less, and samples may earn their price. We did not test that.
#
# ## 4. From a ranking to a probability
#
# AUROC does not care whether the confidence is 0.9 or 0.2 as long as the order is right. A user who reads "90 %" does. In a
# **[reliability diagram](../docs/glossary.md#reliability-diagram)** a mark is a bin of answers: their mean confidence across, their share of right answers upwards, and
# the larger the mark, the more answers. On the dotted diagonal a confidence means what it says. Calibration (here Platt's: a logistic curve with two numbers) is
# fitted on the held-out third of the *in-domain* questions, also for OOD: out there nobody has labels.

# %%
three = [n for n in (LEARNED, "answer probability", "self-consistency") if n in judged["id"].confidence]
right = judged["id"].fitted_on(LEARNED)[0]
can_fit = 0 < right.sum() < len(right)
diagrams = {}
for split in splits:
    raw = {n: judged[split].scored(n) for n in three}
    fits = {n: calibrated(judged[split], judged["id"], n, "platt") for n in three} if can_fit else {}
    diagrams[f"{split.upper()}, raw"] = raw
    diagrams[f"{split.upper()}, calibrated"] = {n: (raw[n][0], fits.get(n, raw[n][1])) for n in three}
title = "What a confidence is worth, before and after calibration (Platt) on a third of the ID questions"
panels.reliability_panels(diagrams, title)
plt.show()

# %% [markdown]
# One number for a diagram is the **ECE**: the mean vertical distance of the marks from the diagonal, each mark counted by its answers. Before reading a table of it, how large is
# it for a confidence that means exactly what it says?

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 09.1 · How far from the diagonal? (build, 15 minutes)
#
# Write `calibration_error(right, confidence)`. Both have a number for each answer: 1 for right or 0 for wrong, and a confidence. Sort the answers into ten bins of equal width by their
# confidence. The gap of a bin is the absolute difference between its share of right answers and its mean confidence; the result is the mean gap, where each bin counts by its number of answers. Empty bins count nothing.
# Below, your function measures a confidence that is perfect.
#
# *What to expect:* what `metrics.ece` gives, a number between 0 and 1.

# %% [markdown]
# <details><summary>Hint 1: arrays</summary>
#
# `right, confidence = np.array(right), np.array(confidence)` lets you choose answers by a condition.
#
# </details>
# <details><summary>Hint 2: the bins</summary>
#
# Bin number b holds what lies above b / 10 and at most at (b + 1) / 10, for b from 0 to 9. `np.ceil(confidence * 10) - 1` is that number, but for a confidence of 0, which belongs to the first.
#
# </details>
# <details><summary>Hint 3: the mean</summary>
#
# Add up gap times number of answers over the bins, and divide by the number of all answers.
#
# </details>

# %%
def calibration_error(right, confidence):
    """Mean absolute gap between confidence and share of right answers in ten bins, weighted by their answers."""
    return ...  # your code

# %% tags=["solution"]
def calibration_error(right, confidence):
    """Mean absolute gap between confidence and share of right answers in ten bins, weighted by their answers."""
    right, confidence = np.array(right, dtype=float), np.array(confidence)
    bins = np.maximum(np.ceil(confidence * 10) - 1, 0)
    inside = [bins == b for b in range(10) if (bins == b).any()]
    return sum(part.sum() * abs(right[part].mean() - confidence[part].mean()) for part in inside) / len(right)


for name in (LEARNED, "answer probability", "self-consistency"):
    by_hand = calibration_error(*judged["id"].scored(name))
    print(f"{name}: by hand {by_hand:.4f}, by the helper {metrics.ece(*judged['id'].scored(name)):.4f}")

# %% tags=["both", "nbval-check-output"]
check("09.1", calibration_error)

# %% [markdown] tags=["solution"]
# In one run 0.12 for P(sure) and 0.08 for the answer probability, by hand as by the helper (and about 0.16 for self-consistency): P(sure) misses the share of right answers by 12 points on average. Whether that is much depends on what a perfect confidence
# would show; see below.

# %% [markdown]
# Draw for each answer whether it is right, with exactly the probability that the confidence states; your function then measures nothing but chance.

# %%
if check.is_right("09.1"):
    rng = np.random.default_rng(seed)
    for split, name in splits.items():
        stated = judged[split].scored("answer probability")[1]
        drawn = [calibration_error(rng.random(len(stated)) < stated, stated) for _ in range(200)]
        low, high = np.quantile(drawn, [0.025, 0.975])
        print(f"{name}: {len(stated):,} perfect confidences have an ECE of {np.mean(drawn):.3f} (95 %: {low:.3f} to {high:.3f})")

# %% [markdown]
# So ECE is never quite 0: with about a thousand answers in ten bins even a perfect confidence shows 0.02 to 0.04, and differences of that size mean nothing.
# The tables below have seven estimators (`both` holds all): ECE raw and after each of the three calibrators. Temperature has one number to fit, Platt two, isotonic regression a whole staircase.

# %%
seven = [LEARNED, "answer probability", "token entropy", "self-consistency", "semantic entropy", "P(IK)", "P(True)"]
calibrators = {"raw": "", "temperature": "_temperature", "Platt": "_platt", "isotonic": "_isotonic"}


def by_calibrator(measure):
    """A measure of the seven estimators, raw and after each calibrator, on both tests."""
    rows = both[both.estimator.isin(seven)].set_index("estimator")
    wanted = {(s, fit): f"{measure}{end} {s}" for s in ("ID", "OOD") for fit, end in calibrators.items()}
    found = {key: rows[column].astype(float) for key, column in wanted.items() if column in rows}
    return pd.DataFrame(found).dropna().round(3)


by_calibrator("ece")

# %% [markdown]
# And the Brier score, which punishes a constant:

# %%
by_calibrator("brier")

# %% [markdown]
# Three things to see.
#
# * The estimators that count samples are far from probabilities *raw*. Platt's two numbers close 40 to 60 % of the gap; isotonic
#   regression, whose staircase fits their steps, more. So a comparison with uncalibrated opponents, as in the
#   paper's Table 16, measures the missing calibration along with the uncertainty.
# * P(sure) is no probability either, although it was trained on sure and unsure; Platt lowers its ECE by a quarter, out-of-domain by half.
# * P(True) has the smallest raw ECE of all: a constant near the accuracy is well calibrated and useless. That is why ECE never
#   stands alone. The Brier score sees through it. By Brier the answer's own probability is best raw, and P(sure) is ahead of
#   the samples; out-of-domain isotonic regression brings the samples level with P(sure).
#
# ## 5. Half answer, half sure?
#
# The paper ranks by the mean of answer confidence and sure confidence. Why half and half? The weight w of the *sure*
# confidence from 0 (answer only) to 1 (sure only), for the raw columns and for the calibrated ones. A fair choice of w is made on
# the held-out third; it is printed below the picture.

# %%
weights = np.linspace(0, 1, 21)


def sweep(right, answer, sure):
    """AUROC of the mix for each weight of the sure confidence."""
    return [metrics.auroc(right, (1 - w) * answer + w * sure) for w in weights]


# %%
right, answer = judged["id"].fitted_on("answer probability")
on_held_out = sweep(right, answer, judged["id"].fitted_on(LEARNED)[1])
best = float(weights[int(np.nanargmax(on_held_out))]) if not np.isnan(on_held_out).all() else 0.5
sweeps, chosen = {}, {}
for split, name in splits.items():
    right, answer = judged[split].scored("answer probability")
    sure = judged[split].scored(LEARNED)[1]
    lines = {"raw": (weights, sweep(right, answer, sure))}
    if can_fit:
        halves = [calibrated(judged[split], judged["id"], n, "platt") for n in ("answer probability", LEARNED)]
        lines["calibrated"] = (weights, sweep(right, *halves))
    sweeps[name] = lines
    chosen[name] = {w: metrics.auroc(right, (1 - w) * answer + w * sure) for w in sorted({0.0, 0.5, best, 1.0})}

# %%
def at_weight(weight):
    """The mix with this weight of the learned confidence; the rest is the answer's own, known at test time."""
    title = "Mixing answer confidence (weight 0) and sure confidence (weight 1)"
    panels.line_panels(sweeps, "weight of the sure confidence", "AUROC of the mix", title, at=weight)
    plt.show()
    place = int(np.argmin(np.abs(weights - weight)))
    for name, lines in sweeps.items():
        print(f"{name:20} weight {weight:g}:", ", ".join(f"{kind} {auroc[place]:.3f}" for kind, (_, auroc) in lines.items()))


touch(at_weight, weight=Slider("weight of the sure confidence", weights.round(2).tolist(), 0.5))

# %%
print(f"weight chosen on the held-out third: {best:.2f}")
print("AUROC of the raw mix by weight")
pd.DataFrame(chosen).T.rename_axis("weight", axis=1).round(3)

# %% [markdown]
# The mixture is better than either half, on both tests (section 8 has the intervals), and the hill is flat: the weight
# chosen on the held-out third is near one half. Half and half is a good default. Calibrating both halves first looks a little
# better still; that is one seed, without an interval.
#
# ## 6. Learned *and* tested
#
# Several estimators can be joined into one: a logistic regression over their log-odds (a "[stack](../docs/glossary.md#stack)"), fitted on the held-out
# third. Does what was learned add to what can be tested, and the other way round? Paired differences in AUROC, on the scored
# questions of this run's seed.

# %%
tested = ["answer probability", "token entropy", "self-consistency", "semantic entropy", "P(IK)"]
tested = [n for n in tested if all(n in j.confidence and not np.isnan(j.confidence[n]).any() for j in judged.values())]
stacks = {"tested only": tested, "learned + tested": [LEARNED, *tested], "P(sure) + answer": [LEARNED, "answer probability"]}
compared = {}
for split, name in splits.items():
    right, learned = judged[split].scored(LEARNED)
    if not can_fit:
        continue
    made = {label: stacked(judged["id"], judged[split], members) for label, members in stacks.items()} | {"P(sure)": learned}
    full = made["learned + tested"]
    print(f"{name}: AUROC of learned + tested {metrics.auroc(right, full):.3f}")
    for other in ("tested only", "P(sure)", "P(sure) + answer"):
        gap = metrics.paired_bootstrap_difference(metrics.auroc, (right, full), (right, made[other]), seed=seed)
        compared[name, other] = dict(zip(("gain", "low", "high"), gap))
pd.DataFrame(compared).T.rename_axis(["test", "learned + tested against"]).round(3) if compared else None

# %% [markdown]
# What was learned adds to what can be tested (gain over *tested only*), and the other way round (gain over *P(sure)*). And six
# estimators together are hardly better than P(sure) and the answer's own probability: two numbers that one greedy answer
# brings with it.
#
# A trap that we fell into while writing this page: P(IK) is a probe that was *fitted* on the held-out third. Its confidences
# there were nearly perfect, so the stack believed it blindly, and ended below P(sure) alone. The probe's confidences on
# those questions now come from probes fitted on the *other* held-out questions (cross-fitting).
#
# ## 7. The paper's own comparison
#
# Its Table 2 compares R-Tuning-U (D1 and D0 cut at the median of the answer entropy, then padding) with two opponents made
# of the *vanilla* model: **[Vanilla-C](../docs/glossary.md#vanilla-c-and-vanilla-u)** draws ten answers, takes the most frequent one and its share as confidence;
# **Vanilla-U** ranks the same answers by R-Tuning-U's P(sure). Tables 14 to 16 print accuracy, mean confidence, mean P(sure) and
# ECE of the answer confidence. The same rows here, AP with its 95 % interval; note that each row judges *its own answers*, so
# accuracies differ, and so do the APs of a random ranking.

# %%
opponents = pd.DataFrame(read_opponents(config))
measured = np.array([[r.ap, *r.ap_ci95] for r in opponents.itertuples()], dtype=float)
opponents["AP"] = [f"{ap:.3f} [{low:.3f}, {high:.3f}]" for ap, low, high in measured]
numbers = {"accuracy": "accuracy", "auroc": "AUROC", "confidence": "mean confidence", "sure": "mean P(sure)", "ece": "ECE"}
opponents[list(numbers)] = opponents[list(numbers)].astype(float).round(3)
opponents[["split", "method", "ranked_by", "AP", *numbers]].rename(columns=numbers | {"ranked_by": "ranked by"})

# %% [markdown]
# The paper's numbers for its smallest model, printed without intervals (AP from Tables 1 and 2, as shares; ECE from Table 16):

# %%
printed = paper_results()
paper = printed[printed.table.isin(["1", "2", "16"]) & (printed.dataset == "ParaRel") & (printed.model == "OpenLLaMA-3B")].copy()
paper.loc[paper.metric == "AP", "value"] /= 100  # printed in percent
shares = paper.pivot_table(index=["split", "method"], columns="metric", values="value", sort=False)
folded("The paper's numbers for OpenLLaMA-3B on ParaRel", shares.map(lambda value: "" if np.isnan(value) else f"{value:.3f}"))

# %% [markdown]
# Like the paper, we find R-Tuning-U level with R-Tuning, with no labels used for the split, and Vanilla-C behind, with an ECE of
# 0.2 and more. R-Tuning-U's own ECE is larger than the paper's, in-domain several times.
#
# Unlike the paper, ranking Vanilla-C's answers by P(sure) (Vanilla-U) does not ruin the ranking: over three seeds (next
# section) it is the better one, where the paper loses 12 and 18 points of AP. And the plain answer probability of the same
# vanilla model (row *Vanilla*), which needs no samples, has a higher AP than Vanilla-C and, on average over seeds, a
# higher AUROC.
#
# ## 8. Three seeds
#
# The kit ships all of this for seeds 0, 1 and 2 (`rtuning record estimators`). A statement about *learned* uncertainty
# depends on training, so it has to hold on each of them.

# %%
recorded = RECORDING.read(config)
if recorded is not None:
    over = pd.DataFrame(recorded["scores"]).pivot_table(index="estimator", columns=["split", "seed"], values="auroc", sort=False)
    display(over.loc[over.mean(axis=1).sort_values(ascending=False).index].round(3))

# %%
if recorded is not None:
    against = pd.DataFrame(recorded["differences"])
    against["text"] = [f"{r.difference:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in against.itertuples()]
    for split, name in splits.items():
        title = f"{name}: AUROC of P(sure) minus that of the estimator, with 95 % intervals, by seed"
        display(folded(title, against[against.split == split].pivot(index="estimator", columns="seed", values="text")))

# %% [markdown]
# In-domain P(sure) is ahead of every sampling estimator on every seed; on seed 2 the interval of some contains zero. Out-of-domain
# nearly all of these intervals do, and against the answer probability all, on both tests. What these intervals cover is the
# choice of *questions*, which all seeds share; that three seeds show the same small sign is therefore not three confirmations.
#
# The paper's mix against its two halves, difference in AUROC with the paired interval:

# %%
if recorded is not None:
    mixed = pd.DataFrame(recorded["mixtures"])
    mixed["gain"] = [f"{r.difference:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in mixed.itertuples()]
    display(mixed.pivot(index=["split", "half"], columns="seed", values="gain"))

# %%
if recorded is not None:
    sampling = ("sample entropy", "self-consistency", "modal frequency", "semantic entropy")
    ahead = against[(against.split == "id") & against.estimator.isin(sampling)]
    lead = f"{ahead.difference.min():.3f} to {ahead.difference.max():.3f}"
    print(f"in-domain lead of P(sure) over the sampling estimators, all seeds: {lead}")
    print(f"gain of the mix, all seeds and both tests: {mixed.difference.min():.3f} to {mixed.difference.max():.3f}")

# %% [markdown]
# And the rows of section 7: mean over the seeds, with the lowest and the highest.

# %%
if recorded is not None:
    rows = pd.DataFrame(recorded["opponents"]).groupby(["split", "method"], sort=False)
    shown = {"accuracy": "accuracy", "ap": "AP", "auroc": "AUROC", "ece": "ECE"}
    text = {label: rows[c].agg(lambda v: f"{v.mean():.3f} [{v.min():.3f}, {v.max():.3f}]") for c, label in shown.items()}
    display(pd.DataFrame(text))

# %% [markdown]
# ## Checks
#
# Over the three recorded seeds, and that this run agrees with the recording of its seed.

# %%
if recorded is not None:
    finding("in-domain P(sure) is ahead of every sampling estimator, on every seed", (ahead.difference > 0).all(), config)
    agreeing = ahead[ahead.estimator == "self-consistency"]
    finding("of self-consistency by more than the interval, on every seed", (agreeing.low > 0).all(), config)
    free = against[against.estimator == "answer probability"]
    level = ((free.low < 0) & (free.high > 0)).all()
    finding("P(sure) and the answer probability cannot be told apart, on any seed or test", level, config)
    finding("their mix ranks better than either, on every seed and test", (mixed.low > 0).all(), config)

# %%
if recorded is not None:
    opposed = pd.DataFrame(recorded["opponents"]).groupby(["method", "split"]).ap.mean().unstack()
    order = all((opposed.loc[a] > opposed.loc[b]).all() for a, b in (("Vanilla-U", "Vanilla-C"), ("Vanilla", "Vanilla-C")))
    finding("Vanilla-U and Vanilla rank better than Vanilla-C by AP, on average over seeds, on both tests", order, config)
    fitted = pd.DataFrame(recorded["scores"]).query("estimator == @LEARNED")
    finding("Platt's calibration on ID questions lowers the ECE of P(sure) on both tests", (fitted.ece_platt < fitted.ece).all(), config)
    was = pd.DataFrame(recorded["scores"]).query("seed == @seed").pivot(index="estimator", columns="split", values="auroc")
    main = [LEARNED, "answer probability", "self-consistency"]
    gap = max(abs(was[s] - scores[s].set_index("estimator").auroc)[main].max() for s in splits) if len(was) else 0
    finding("the AUROC of three main estimators agrees with the recording of its seed within 0.03", gap <= 0.03, config)

# %% [markdown]
# ## What it says, and what it does not
#
# * **Learned against tested.** In-domain P(sure) is ahead of all that draw ten samples on every seed (by a few hundredths of AUROC;
#   most intervals exclude zero, for self-consistency all three do); out-of-domain that is not established. It is *not* ahead of the
#   probability of the answer itself, which the paper's Table 2 leaves out. "Learning beats testing" holds here, in-domain,
#   against the opponents that the paper chose.
# * **Learned and tested.** Their plain mean beats both halves on every seed and both tests, each by more than its interval. This,
#   and not the duel, is the useful result.
# * **Calibration** takes a few hundred labelled answers here, and mends much of every estimator that ranks at all, on questions
#   like those it was fitted on. It says nothing for or against learning.
# * All estimators judge the answers of the *padding* model, and P(sure) costs a tuning that also costs knowledge: the untuned
#   model, with its own answers and their probabilities, is better than all of this (notebook 05).
# * Short answers favour the answer probability, and the mini model cannot follow instructions, which P(True) and verbalised
#   confidence need. The order of this table is the mini world's; the method of comparison is yours to keep.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>Two estimators have an AUROC of 0.9, one an ECE of 0.02, the other one of 0.2. Which one is worse?</summary>
#
# As a ranking neither. The second is no probability yet, but a calibrator with one or two numbers, fitted on some labelled answers, may mend that.
#
# </details>
# <details><summary>Why can a constant confidence have a good ECE, and why is it useless?</summary>
#
# A constant near the accuracy means what it says on average. It tells no answer from another: its AUROC is 0.5.
#
# </details>
# <details><summary>Two intervals overlap. Are the two estimators equally good?</summary>
#
# One cannot tell from that. Both were measured on the same questions, so the interval of their paired difference is what counts; it can be much narrower.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 09.2 · Fifty labels (do, 10 minutes)
#
# Section 4 fits calibrators on a third of the in-domain questions. Fit each of them on the first 50 of these only, `calibrate(scores, held_out[:50], held_out_right[:50], "platt")`, and measure `metrics.ece` on the
# scored questions: for `LEARNED`, the P(sure) of the padding model, with `temperature`, `platt` and `isotonic`. `judged["id"].fitted_on(LEARNED)` and `judged["id"].scored(LEARNED)` hold
# what you need: first whether each answer is right, then the confidence. Which calibrator breaks first, and why?
#
# *What to expect:* three small numbers, and the calibrator with the most freedom loses most against the table of section 4.

# %% [markdown]
# <details><summary>Hint 1: four columns</summary>
#
# `held_out_right, held_out = judged["id"].fitted_on(LEARNED)`, and the same with `scored`.
#
# </details>
# <details><summary>Hint 2: one calibrator</summary>
#
# `calibrate` gives the scored confidences calibrated; `metrics.ece(right, ...)` takes them with the right answers of the *scored* questions.
#
# </details>

# %%
from rtuning_helpers.confidence.calibrators import calibrate

answer = {"temperature": ..., "platt": ..., "isotonic": ...}

# %% tags=["solution"]
from rtuning_helpers.confidence.calibrators import calibrate

held_out_right, held_out = judged["id"].fitted_on(LEARNED)
right, scores = judged["id"].scored(LEARNED)


def error_after(count, method):
    """ECE of the scored answers, calibrated on so many held-out ones."""
    return metrics.ece(right, calibrate(scores, held_out[:count], held_out_right[:count], method))


answer = {method: error_after(50, method) for method in ("temperature", "platt", "isotonic")}
print(f"ECE of P(sure): raw {metrics.ece(right, scores):.3f}")
for method, error in answer.items():
    print(f"{method:12} on 50 answers {error:.3f}, on all {len(held_out)} {error_after(None, method):.3f}")

# %% tags=["both", "nbval-check-output"]
check("09.2", answer)

# %% [markdown] tags=["solution"]
# In one run the raw ECE is 0.121. On all 540 held-out answers temperature, Platt and isotonic regression bring it to 0.097, 0.069 and 0.068; on 50 answers to 0.098, 0.084 and 0.103. Isotonic regression breaks first: its staircase has as many steps as the data
# allow, and with 50 answers they follow chance. Temperature has one number, for which 50 answers suffice, but that one number does not mend much here.

# %% [markdown] tags=["both"]
# ### Exercise 09.3 · Half of the answers (do, 10 minutes)
#
# A user who answers only half of the questions asks another thing than AUROC does: how many answers of the more confident half are wrong? Compute `metrics.risk_at_coverage(right, confidence, coverage=0.5)` on the scored
# in-domain questions for `"P(sure)"`, `"answer probability"` and `"self-consistency"`. Is the order that of section 2?
#
# *What to expect:* shares far below that of wrong answers among all.

# %% [markdown]
# <details><summary>Hint 1: two columns</summary>
#
# `judged["id"].scored("self-consistency")` gives both: right or wrong, and the confidence.
#
# </details>
# <details><summary>Hint 2: the scale</summary>
#
# A risk is a share of wrong answers: low is good, the other way round than AUROC.
#
# </details>

# %%
answer = {"P(sure)": ..., "answer probability": ..., "self-consistency": ...}

# %% tags=["solution"]
names = ("P(sure)", "answer probability", "self-consistency")
answer = {name: metrics.risk_at_coverage(*judged["id"].scored(name), coverage=0.5) for name in names}
print(f"wrong of all answers: {1 - judged['id'].scored(LEARNED)[0].mean():.3f}")
for name, risk in answer.items():
    print(f"{name:18} wrong in the confident half {risk:.3f}, AUROC {metrics.auroc(*judged['id'].scored(name)):.3f}")

# %% tags=["both", "nbval-check-output"]
check("09.3", answer)

# %% [markdown] tags=["solution"]
# In one run 17.0 % of the confident half are wrong by P(sure), 17.7 % by self-consistency and 18.7 % by the answer probability, of all answers 51 %. By AUROC the last two are the other way round (0.888 and 0.903, P(sure) 0.905). So the order depends on the question that is asked; but one point is 5 of 540 answers,
# well inside the sampling error of 3 points, and only the distance to "all" is safe.

# %% [markdown] tags=["both"]
# ### Exercise 09.4 · A judge of answers, or of questions? (do, 20 minutes)
#
# Vanilla-U asks R-Tuning-U about the answers of another model. Which of two things does P(sure) then judge? On every fourth in-domain question (`questions[::4]`), take the greedy answers of the *vanilla* model,
# `vanilla.predictions`, and ask the judge `lm` about them with `label_probabilities`, as in notebook 05. The AUROC of this P(sure) for *vanilla's* answers being right is `asked`. Then rank the same answers of vanilla by the
# P(sure) that the judge had in *its own* answers to these questions, `unsupervised.confidence[LEARNED]`: the AUROC is `own`. Which is higher, and by how much?
#
# *What to expect:* both far above 0.5, even the second, which never saw the answers that it ranks.

# %% [markdown]
# <details><summary>Hint 1: every fourth</summary>
#
# `steps.fitted(config, "id").questions[::4]`, and the same stride on `vanilla.predictions`, `vanilla.correct` and the confidence.
#
# </details>
# <details><summary>Hint 2: ask the judge</summary>
#
# `prompts.sureness_context(question, text)` is the text up to "I am". `label_probabilities(lm, contexts, prompts.SURENESS_LABELS)` has a column for sure and one for unsure.
#
# </details>
# <details><summary>Hint 3: two rankings of the same answers</summary>
#
# `metrics.auroc(right, ...)` twice, with the same `right`: whether vanilla's answers are.
#
# </details>

# %%
from rtuning_helpers.model.labels import label_probabilities

lm = steps.load_model(config, "unsupervised")
vanilla, unsupervised = (read_judged(config, method, "id") for method in ("vanilla", "unsupervised"))
answer = {"asked": ..., "own": ...}

# %% tags=["solution"]
from rtuning_helpers.model.labels import label_probabilities

lm = steps.load_model(config, "unsupervised")
vanilla, unsupervised = (read_judged(config, method, "id") for method in ("vanilla", "unsupervised"))
fourth = zip(steps.fitted(config, "id").questions[::4], vanilla.predictions[::4])
contexts = [prompts.sureness_context(question, text) for question, text in fourth]
sure = label_probabilities(lm, contexts, prompts.SURENESS_LABELS)[:, 0]
right, own = vanilla.correct[::4], unsupervised.confidence[LEARNED][::4]
answer = {"asked": metrics.auroc(right, sure), "own": metrics.auroc(right, own)}
other = np.array(vanilla.predictions[::4]) != np.array(unsupervised.predictions[::4])
print(f"AUROC of vanilla's answers by P(sure) in them {answer['asked']:.3f}, in the judge's own {answer['own']:.3f}")
print(f"the {other.sum()} answers that differ: {metrics.auroc(right[other], sure[other]):.3f} and {metrics.auroc(right[other], own[other]):.3f}")

# %% tags=["both", "nbval-check-output"]
check("09.4", answer)

# %% [markdown] tags=["solution"]
# In one run 0.896 both: the judge ranks vanilla's answers as well by what it thought of *its own* answers as by looking at those of vanilla. Even where the two models say different things (155 of 405 questions) it is 0.74 against 0.72. P(sure) is mostly a judge of *questions*: do I know this subject? That
# explains why Vanilla-U loses nothing here, and why question familiarity does so well in section 2.

# %% [markdown]
# ## Summary
#
# Compared on the same answers, learned uncertainty beats ten samples in-domain, cannot be told from the answer's own probability,
# and adds to it. **Next:** [10 · Lucky guess or knowledge?](10_lucky_or_known.ipynb)

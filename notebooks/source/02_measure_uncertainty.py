# %% [markdown]
# # 02 · How uncertain is the model?
#
# Notebook 01 sorted the questions by looking at the labels. **Could the model have told us without labels?** Two old
# measures of uncertainty are tried here, the two that the paper uses to understand its split: how surprising the
# *question* is (perplexity) and how much repeated *answers* scatter (entropy).
#
# **By the end you will have shown** that questions in D0 are more perplexing and their answers scatter more than in D1,
# with intervals that do not overlap, and that entropy alone predicts the label well.
#
# | | |
# |---|---|
# | Part of | the course, 01 to 05 (about 4 hours with the exercises): second of five; it needs 01 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 20 s on 2 CPU cores after notebook 01; 0.7 GB |
# | Reads | the probes of notebook 01 (made on the spot if missing) |
# | Writes | `runs/<profile>/<dataset>/pretrained/seed<k>/uncertainty/` |
# | Paper | section 5.2; Tables 4 and 10 (perplexity), 5 and 11 (entropy); section 5.1 for the entropy over samples |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/02_measure_uncertainty.ipynb) |

# %% [markdown] tags=["solution"]
# # Solutions of 02 · How uncertain is the model?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. compute the perplexity of a question and say what it measures;
# 2. draw k answers at a temperature and compute their entropy by hand;
# 3. compare two sets with bootstrap intervals instead of two bare means;
# 4. say how well each measure predicts "the model does not know".

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

from rtuning_helpers import steps
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import plots
from rtuning_helpers.metrics import auroc, bootstrap_interval, mean_interval
from rtuning_helpers.metrics.exposure import rate_by_exposure
from rtuning_helpers.model.answering import draw_question_answers
from rtuning_helpers.probe.uncertainty import answer_entropy, perplexities
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.unsupervised import median_split
from rtuning_helpers.tuning.registry import method_looks

plots.use_style(method_looks())

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
probes = steps.read_probes(config)
correct = np.array([p.correct for p in probes])
lm = steps.load_model(config)
print(f"{len(probes):,} questions: {correct.sum():,} certain, {(~correct).sum():,} uncertain")
knowledge_notice(correct)

# %% [markdown]
# ## 1. Perplexity: how surprising is the question?
#
# A language model gives every token a probability given the tokens before it. The **[perplexity](../docs/glossary.md#perplexity)** of a text is
# $\exp\left(-\frac{1}{T}\sum_t \ln p_t\right)$: the number of equally likely tokens among which the model, on average, had
# to guess. A question about a familiar name surprises less. By hand, for one question; a token's surprise is $-\ln p_t$, in *nats*,
# because the logarithm is natural:

# %%
text = probes[len(probes) // 2].question
ids = lm.tokenizer(text, return_tensors="pt").to(lm.device)["input_ids"]
with torch.inference_mode():
    log_p = torch.log_softmax(lm.model(ids).logits[0, :-1].float(), dim=-1)
token_log_p = log_p.gather(1, ids[0, 1:, None])[:, 0]
for token, value in zip(ids[0, 1:], token_log_p):
    print(f"{lm.tokenizer.decode([int(token)]):>14}   surprise {max(-value, 0):5.2f} nats")
by_hand = math.exp(-token_log_p.mean())
print(f"perplexity {by_hand:.2f}")

# %% [markdown]
# The surprise sits in two tokens: the name, and the first word (the bare question lacks the "Question:" that the model
# expects; that part is nearly the same for all questions). The package does the same in batches; both must agree.

# %%
assert math.isclose(perplexities(lm, [text])[0], by_hand, rel_tol=1e-4)
print("the batched function gives the same number")

# %% [markdown]
# ## 2. Entropy: how much do the answers scatter?
#
# Ask the same question k = 10 times and let the model *[sample](../docs/glossary.md#sample)* its answer at [temperature](../docs/glossary.md#temperature) 0.7. If it knows the answer,
# all ten agree; if it guesses, they scatter. With $p_j$ the share of the $j$-th distinct answer, the **[answer entropy](../docs/glossary.md#answer-entropy)** is
# $u = -\sum_j p_j \ln p_j$: 0 when all agree, $\ln 10 = 2.30$ when all differ.
# Here for the question that the model answered most confidently in notebook 01, and for the least confident one.

# %%
by_confidence = sorted(probes, key=lambda p: p.confidence)
asked = {question.id: question for question in steps.fitted(config, "train").questions}
for probe in (by_confidence[-1], by_confidence[0]):
    drawn = draw_question_answers(lm, [asked[probe.id]], k=10, temperature=0.7, seed=seed)[0]
    answers = [answer.text for answer in drawn]
    shares = np.array(list(Counter(answers).values())) / len(answers)
    entropy = float(-(shares * np.log(shares)).sum())
    assert math.isclose(entropy, answer_entropy(answers), abs_tol=1e-9)
    print(f"{probe.question}  (gold: {probe.answer})")
    print(f"  {dict(Counter(answers).most_common(5))}")
    print(f"  entropy {abs(entropy):.2f} nats\n")

# %% [markdown]
# ## 3. D1 against D0
#
# Now both measures for all training questions. This is the kit's version of the paper's Tables 4, 5, 10 and 11, with one
# addition: an interval for each mean, from 1,000 bootstrap resamples. A difference without an interval is not a finding.

# %% tags=["both"]
steps.uncertainty_step(config, force=force)
measured = steps.read_uncertainty(config)
perplexity = np.array([u.perplexity for u in measured])
entropy = np.array([u.entropy for u in measured])
rows = []
for name, values in (("perplexity of the question", perplexity), ("answer entropy [nats]", entropy)):
    for label, mask in (("D1 certain", correct), ("D0 uncertain", ~correct)):
        low, high = mean_interval(values[mask], seed=seed)
        mean = values[mask].mean() if mask.any() else float("nan")
        rows.append({"measure": name, "set": label, "n": int(mask.sum()), "mean": mean, "low": low, "high": high})
comparison = pd.DataFrame(rows)
comparison.round(3)

# %%
for name in comparison.measure.unique():
    part = comparison[comparison.measure == name]
    points = [
        {"label": r.set, "value": r["mean"], "low": r.low, "high": r.high, "certain": r.set.startswith("D1")}
        for _, r in part.iterrows()
    ]
    plots.interval_dots(points, name, "Means of D1 and D0, with 95 % intervals")
    plt.show()

# %% [markdown]
# Circles are the certain set, squares the uncertain set; the lines are 95 % intervals. Where they do not overlap, the
# sets differ by more than the [sampling error](../docs/glossary.md#sampling-error).
#
# The means hide the shape. Here are the distributions of the entropy:

# %%
plots.certainty_histograms(
    entropy[correct], entropy[~correct], "answer entropy over 10 samples [nats]", "Entropy of known and unknown questions"
)
plt.show()
for label, mask in (("D1", correct), ("D0", ~correct)):
    agree = (entropy[mask] == 0).mean() if mask.any() else float("nan")
    print(f"{label}: all ten samples agree in {agree:.1%} of the questions")

# %% [markdown]
# Blue is D1, hatched is D0; the lines are the means, D0's dashed. D1 piles up at zero. The part of D0 that also sits near
# zero matters: there the model is *consistently wrong*, and no amount of sampling will tell.
#
# ## 4. The paper's numbers
#
# The paper prints means without intervals, for three LLaMA models. They belong to other questions and much larger models,
# so compare the *direction*, not the size. Its question perplexities are lower on D1 in 13 of 15 cases and its entropies
# likewise; the exceptions are FEVER-3B (both measures), WiCE-7B (perplexity) and WiCE-13B (entropy). Its entropies come
# from 5 answers of gpt-3.5-turbo, not from the model that is tuned.

# %%
paper = pd.DataFrame(
    [
        ("ParaRel", "OpenLLaMA-3B", 57.92, 63.08, 0.426, 0.709),
        ("ParaRel", "LLaMA-7B", 45.81, 52.08, 0.475, 0.694),
        ("ParaRel", "LLaMA-13B", 42.79, 48.75, 0.436, 0.744),
        ("MMLU", "OpenLLaMA-3B", 32.95, 462.36, 0.347, 0.389),
        ("MMLU", "LLaMA-7B", 22.20, 115.87, 0.330, 0.400),
        ("MMLU", "LLaMA-13B", 22.12, 81.41, 0.239, 0.457),
    ],
    columns=["data", "model", "perplexity D1", "perplexity D0", "entropy D1", "entropy D0"],
)
means = comparison["mean"].round(3).tolist()
paper.loc[len(paper)] = [f"{config.dataset} (this kit)", config.settings.model, *means]
paper

# %% [markdown]
# ## 5. How well do they predict "I do not know"?
#
# Take a random question from D1 and one from D0: how often does the measure rank them the right way round? That is the
# **[AUROC](../docs/glossary.md#auroc)**: 0.5 is a coin, 1 is perfect.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 02.1 · Pairs in the right order (build, 15 minutes)
#
# Write `pairs_in_order(certain_values, uncertain_values)`: of all pairs of one question from D1 and one from D0, the share in which the
# uncertain question has the *higher* value. A tie counts one half. The values are lists or arrays of numbers. Once your function is right,
# the cell below judges the measures by it, beside the kit's `auroc`.
#
# *What to expect:* 1 if every uncertain value is above every certain one, 0.5 if all values are equal; on the measures, the same as `auroc`.

# %% [markdown]
# <details><summary>Hint 1: how many pairs</summary>
#
# With n values on one side and m on the other there are n times m pairs.
#
# </details>
# <details><summary>Hint 2: one pair</summary>
#
# A pair counts 1 if the uncertain value is higher, 1/2 if both are equal, else 0. Two loops, one inside the other, see every pair once.
#
# </details>
# <details><summary>Hint 3: faster, if you like</summary>
#
# `np.array(uncertain_values)[:, None] > np.array(certain_values)` is the table of all comparisons; its mean is the share of pairs that it holds for.
#
# </details>

# %%
def pairs_in_order(certain_values, uncertain_values):
    """Share of the pairs in which the uncertain question has the higher value, ties counting one half."""
    return ...  # your code

# %% tags=["solution"]
def pairs_in_order(certain_values, uncertain_values):
    """Share of the pairs in which the uncertain question has the higher value, ties counting one half."""
    above, below = np.array(uncertain_values)[:, None], np.array(certain_values)[None, :]
    return float(np.mean(above > below) + np.mean(above == below) / 2)


own_entropy = np.array([u.entropy for u in measured])
print(f"answer entropy: {pairs_in_order(own_entropy[correct], own_entropy[~correct]):.3f}")

# %% tags=["both", "nbval-check-output"]
check("02.1", pairs_in_order)

# %% [markdown] tags=["solution"]
# About 0.95: of 100 pairs of one known and one unknown question, the entropy of ten samples puts 95 in the right order, without any label. The
# number does not depend on how many questions are known, since each pair has one of each; accuracy or precision would.

# %%
scores = {}
signals = {"perplexity": perplexity, "answer entropy": entropy, "1 - answer confidence": [1 - p.confidence for p in probes]}
for name, values in signals.items():
    ranks = pd.Series(values).rank(pct=True).to_numpy()
    value = auroc(~correct, ranks)  # NaN where one of the sets is empty
    low, high = bootstrap_interval(auroc, ~correct, ranks, seed=seed)
    scores[name] = value
    print(f"{name:22} AUROC {value:.3f}  (95 % interval {low:.3f} to {high:.3f})")
    if check.is_right("02.1"):
        values = np.array(values)
        print(f"{'':22} by your function {pairs_in_order(values[correct], values[~correct]):.3f}")

# %% [markdown]
# Entropy needs ten answers for each question; the answer confidence comes with the one greedy answer and is free. Compare
# the two before paying for samples.
#
# In the mini world we can also see what entropy really measures: how well the fact was learnt.

# %%
known_exposure = all(p.exposure is not None for p in probes)
if known_exposure:
    table = rate_by_exposure([p.exposure for p in probes], entropy < 0.5)
    plots.exposure_curve(table, "The better a fact was learnt, the less the answers scatter", "entropy below 0.5 nats [%]")
    plt.show()
    display(pd.DataFrame(table).round(3))

# %% [markdown]
# ## 6. A split without labels
#
# R-Tuning-U, the paper's [unsupervised variant](../docs/glossary.md#unsupervised), calls the half with the higher entropy uncertain. Ten samples give only a
# few possible entropies, so many questions *tie* at the median. The released code leaves ties to the order of the file
# (and ParaRel's file is sorted by relation); here a seeded lot decides, and the number of ties is reported.

# %%
halves = median_split(entropy.tolist(), seed=seed)
agreement = np.mean(np.array(halves.certain) == correct)
print(f"cut at {halves.threshold:.3f} nats; {halves.tied} questions tie there, {halves.tied_uncertain} called uncertain by lot")
print(f"same label as the supervised split: {agreement:.1%} of the questions")

# %% [markdown]
# ## Checks

# %%
ends = {(r.measure, r.set): (r.low, r.high) for _, r in comparison.iterrows()}
for name in comparison.measure.unique():
    apart = ends[name, "D1 certain"][1] < ends[name, "D0 uncertain"][0]
    finding("{name}: D1 lies below D0, and the intervals do not overlap", bool(apart), config, n=min(comparison.n), name=name)
finding("answer entropy predicts the label (AUROC above 0.8)", scores["answer entropy"] > 0.8, config, n=min(comparison.n))
finding("the unsupervised split agrees with the labels in over 75 % of the questions", agreement > 0.75, config, n=len(probes))

# %% [markdown]
# ## What it says, and what it does not
#
# * Uncertainty is readable in the model before any tuning. R-Tuning does not create it; it teaches the model to *say* it.
# * Perplexity of the question measures familiarity with the wording and the name, not with the fact.
# * Entropy is blind to consistent mistakes, and it counts "Paris" and "Paris, France" as two answers.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A question has the perplexity 20. What does the number mean?</summary>
#
# On average, at each of its tokens, the model had to choose among as many as 20 equally likely ones. It says how unusual the *question* is, not whether the answer is known.
#
# </details>
# <details><summary>Ten samples give one answer seven times and another three times. Is the entropy nearer to 0 or to 2.3 nats?</summary>
#
# To 0: it is 0.7 ln(1/0.7) + 0.3 ln(1/0.3) = 0.61 nats. 2.3 nats (ln 10) would be ten different answers.
#
# </details>
# <details><summary>Which mistakes can no entropy find?</summary>
#
# Those that the model makes every time: it gives the same wrong answer in all samples, and the entropy is 0.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 02.2 · When are two answers one? (do, 10 minutes)
#
# `answer_entropy(answers, normalise=True)` counts answers that differ in case and punctuation only as one. For how many of the questions in
# `measured` does that change the entropy of their `answers`: `changed`? And give an `example`: five answers that are all different without
# `normalise`, and all the same with it.
#
# *What to expect:* in the mini world, whose answers are clean words, the first number is extreme. Your example shows where it would not be.

# %% [markdown]
# <details><summary>Hint 1: the count</summary>
#
# Compare both entropies of each question, and count where they differ.
#
# </details>
# <details><summary>Hint 2: the example</summary>
#
# Five ways to write one word: small and capital letters, a full stop, quotation marks, ...
#
# </details>

# %%
answer = {"changed": ..., "example": ...}

# %% tags=["solution"]
changed = sum(answer_entropy(u.answers, normalise=True) != answer_entropy(u.answers) for u in measured)
answer = {"changed": changed, "example": ["Paris", "paris", "PARIS", "Paris.", '"Paris"']}
for normalise in (False, True):
    print(f"normalise={normalise}: {answer_entropy(answer['example'], normalise):.2f} nats; questions that change: {changed}")

# %% tags=["both", "nbval-check-output"]
check("02.2", answer)

# %% [markdown] tags=["solution"]
# 0 questions change in the mini world, where the model writes every answer in one way. In the example the entropy falls from ln 5 = 1.61 to 0 nats:
# without `normalise`, ways of writing look like doubt. Real models waver in their writing, so there the choice moves the split. "Paris" and
# "Paris, France" stay two answers under both; semantic entropy (notebook 09) is for those.

# %% [markdown] tags=["both"]
# ### Exercise 02.3 · Five samples instead of ten (do, 10 minutes)
#
# The released code draws k = 5 answers by default; the paper says 10. Keep only the first five of each question's answers in `measured`, and call
# `answer_entropy` and `median_split(..., seed=seed)` again. How many questions are `tied` at the cut now, and what is the `agreement` with the labels: the
# share of questions that both splits call the same?
#
# *What to expect:* more ties, since five answers can scatter in seven ways only, and a little less agreement than with ten.

# %% [markdown]
# <details><summary>Hint 1: five of ten</summary>
#
# `u.answers[:5]` for each `u` in `measured`; the list of their entropies goes into `median_split`.
#
# </details>
# <details><summary>Hint 2: what comes back</summary>
#
# The result has `tied`, and `certain`: for each question, in the same order, whether it fell into the certain half.
#
# </details>
# <details><summary>Hint 3: agreement</summary>
#
# Section 6 computes it for k = 10.
#
# </details>

# %%
answer = {"tied": ..., "agreement": ...}

# %% tags=["solution"]
fewer = [answer_entropy(u.answers[:5]) for u in measured]
of_five = median_split(fewer, seed=seed)
answer = {"tied": of_five.tied, "agreement": np.mean(np.array(of_five.certain) == correct)}
print(f"k = 5: {answer['tied']} of {len(fewer)} questions tie; agreement with the labels {answer['agreement']:.1%}")

# %% tags=["both", "nbval-check-output"]
check("02.3", answer)

# %% [markdown] tags=["solution"]
# 134 questions tie at the cut instead of 40, and the lot decides about them; the agreement with the labels falls from 90 % to 88 %. Half the samples cost
# little here. But where more questions are known than half (or fewer), much of the disagreement comes from the cut at the median itself, whatever k is.

# %% [markdown] tags=["both"]
# ### Exercise 02.4 · Wrong every time (do, 15 minutes)
#
# Find the ten questions in D0 with the lowest entropy (`measured` and `probes` are in the same order) and give the list of their texts. What do they
# have in common? Look at their `exposure` too, beside that of all of D0.
#
# *What to expect:* in some of them all ten samples agree on the same wrong answer. They are not the questions that the model has never read about.

# %% [markdown]
# <details><summary>Hint 1: pairs</summary>
#
# `zip(measured, probes)` gives each question's entropy and its probe together; keep those that are not `correct`.
#
# </details>
# <details><summary>Hint 2: the lowest</summary>
#
# `sorted(..., key=...)` by the entropy, and the first ten of it.
#
# </details>
# <details><summary>Hint 3: in common</summary>
#
# Compare the share that was read at least once (`exposure` above 0) with that share in D0.
#
# </details>

# %%
answer = ...  # a list of ten questions

# %% tags=["solution"]
unknown = [(u.entropy, p) for u, p in zip(measured, probes) if not p.correct]
lowest = sorted(unknown, key=lambda pair: pair[0])[:10]
answer = [p.question for _, p in lowest]
read, read_in_all = (np.mean([bool(p.exposure) for _, p in part]) for part in (lowest, unknown))
print(f"read at least once: {read:.0%} of the ten, {read_in_all:.0%} of D0")

# %% tags=["both", "nbval-check-output"]
check("02.4", answer)

# %% [markdown] tags=["solution"]
# All ten (or nine, on another processor) were read at least once, mostly once to five times; in all of D0 it is 40 %. So the consistent mistakes are half-learnt facts: the model has read
# something about the name, and confuses it with a neighbour. No sampling finds them, and R-Tuning's labels do: these questions are in D0.

# %% [markdown]
# ## Summary
#
# D0 is more perplexing and scatters more than D1, by more than the sampling error, and the model's own confidence says
# much of what the labels say. **Next:** [03 · Build refusal-aware data](03_build_refusal_data.ipynb) turns the split into
# training examples.

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
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 20 s on 2 CPU cores after notebook 01; 0.7 GB |
# | Reads | the probes of notebook 01 (made on the spot if missing) |
# | Writes | `runs/<profile>/<dataset>/pretrained/seed<k>/uncertainty/` |
# | Paper | section 5.2; Tables 4 and 10 (perplexity), 5 and 11 (entropy); section 5.1 for the entropy over samples |
# | Words | all of them are in the [glossary](../docs/glossary.md) |

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. compute the perplexity of a question and say what it measures;
# 2. draw k answers at a temperature and compute their entropy by hand;
# 3. compare two sets with bootstrap intervals instead of two bare means;
# 4. say how well each measure predicts "the model does not know".

# %% [markdown]
# ## Set up

# %%
import sys

if "google.colab" in sys.modules:
    # %pip uninstall -q -y torchao
    # !git clone -q --depth 1 https://github.com/REPOSITORY_SLUG kit
    # %pip install -q bitsandbytes peft papermill jupytext seaborn
    # %pip install -q --no-deps -e kit
    sys.path.insert(0, "kit")

# %%
import math
from collections import Counter

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt

from rtuning_helpers import steps
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

# %% tags=["parameters"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb or paper
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

# %%
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out, tune_on=tune_on,
    style=style, shots=shots, system=system, permutations=permutations,
)
probes = steps.read_probes(config)
correct = np.array([p.correct for p in probes])
lm = steps.load_model(config)
print(f"{len(probes):,} questions: {correct.sum():,} certain, {(~correct).sum():,} uncertain")
knowledge_notice(correct)

# %% [markdown]
# ## 1. Perplexity: how surprising is the question?
#
# A language model gives every token a probability given the tokens before it. The **perplexity** of a text is
# $\exp\left(-\frac{1}{T}\sum_t \ln p_t\right)$: the number of equally likely tokens among which the model, on average, had
# to guess. A question about a familiar name surprises less. By hand, for one question:

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
# Ask the same question k = 10 times and let the model *sample* its answer at temperature 0.7. If it knows the answer,
# all ten agree; if it guesses, they scatter. With $p_j$ the share of the $j$-th distinct answer, the **answer entropy** is
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

# %%
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
    plots.interval_dots(points, name, f"Mean {name.split(' [')[0]} of D1 and D0, with 95 % intervals")
    plt.show()

# %% [markdown]
# Circles are the certain set, squares the uncertain set; the lines are 95 % intervals. Where they do not overlap, the
# sets differ by more than the sampling error.
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
# Blue is D1, hatched is D0, the dashed lines are the means. D1 piles up at zero. The part of D0 that also sits near
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
# **AUROC**: 0.5 is a coin, 1 is perfect.

# %%
scores = {}
signals = {"perplexity": perplexity, "answer entropy": entropy, "1 - answer confidence": [1 - p.confidence for p in probes]}
for name, values in signals.items():
    ranks = pd.Series(values).rank(pct=True).to_numpy()
    value = auroc(~correct, ranks)  # NaN where one of the sets is empty
    low, high = bootstrap_interval(auroc, ~correct, ranks, seed=seed)
    scores[name] = value
    print(f"{name:22} AUROC {value:.3f}  (95 % interval {low:.3f} to {high:.3f})")

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
# R-Tuning-U, the paper's unsupervised variant, calls the half with the higher entropy uncertain. Ten samples give only a
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
    finding(f"{name}: D1 lies below D0, and the intervals do not overlap", bool(apart), config, n=min(comparison.n))
finding("answer entropy predicts the label (AUROC above 0.8)", scores["answer entropy"] > 0.8, config, n=min(comparison.n))
finding("the unsupervised split agrees with the labels in over 75 % of the questions", agreement > 0.75, config, n=len(probes))

# %% [markdown]
# ## What it says, and what it does not
#
# * Uncertainty is readable in the model before any tuning. R-Tuning does not create it; it teaches the model to *say* it.
# * Perplexity of the question measures familiarity with the wording and the name, not with the fact.
# * Entropy is blind to consistent mistakes, and it counts "Paris" and "Paris, France" as two answers.
#
# ## Exercises
#
# **Exercise 02.1** (5 minutes). Compute the entropy of each question's `answers` in `measured` with
# `answer_entropy(answers, normalise=True)`. In the mini world nothing changes; explain why, and where it would.
#
# **Exercise 02.2** (10 minutes). Keep only the first five of each question's answers in `measured` (k = 5 is the released code's default;
# the paper says 10) and call `answer_entropy` and `median_split` again. How many questions tie now, and what happens to the agreement
# with the labels?
#
# **Exercise 02.3** (15 minutes). Find the ten questions in D0 with the lowest entropy (`measured` and `probes` are in the same order).
# What do they have in common?
#
# ## Summary
#
# D0 is more perplexing and scatters more than D1, by more than the sampling error, and the model's own confidence says
# much of what the labels say. **Next:** [03 · Build refusal-aware data](03_build_refusal_data.ipynb) turns the split into
# training examples.

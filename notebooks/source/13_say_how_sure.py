# %% [markdown]
# # 13 · Say how sure: continuous confidence
#
# R-Tuning teaches two words, "sure" and "unsure". The paper's review asks for more: **"I am 70 % sure"**. A number can be checked in a way that a word
# cannot: of all answers that come with 70 %, seven in ten should be right. Where would the training labels come from, how does one read a number out of a model, and is what
# comes out better calibrated than the probability that the model gives to the word "sure"?
#
# **By the end you will have taught** a model to say percent, from ten sampled answers to each training question, as text and with [soft labels](../docs/glossary.md#soft-label); **read**
# its [confidence](../docs/glossary.md#continuous-confidence) as an expected value; **compared** it with P(sure), raw and calibrated; and **seen** which rewards make an honest 70 % pay
# (they are called [proper](../docs/glossary.md#proper-score)).
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 4 min on 2 CPU cores after notebook 05 (three tunings); 1.2 GB |
# | Reads | ten samples for each training question (notebook 02), and the models of notebook 05 (made on the spot if missing) |
# | Writes | the models `confidence`, `confidence-soft` and `knowledge-weighted` under `runs/`, and their answers |
# | Paper | sections 2.2 and 5.1; Table 16 (ECE). Percent are not in it |
# | Sources | Yang et al. 2023 (CONFIDENCE-NUM), Xu et al. 2024 (SaySelf), Damani et al. 2025 (RLCR); Brier 1950; Kalai et al. 2025 |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/13_say_how_sure.ipynb) |

# %% [markdown] tags=["solution"]
# # Solutions of 13 · Say how sure: continuous confidence
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. turn ten sampled answers into a label, and say what ten samples cannot tell;
# 2. write a soft label, and show that drawing labels by their shares teaches the same on average;
# 3. read a confidence as an expected value over labels, and judge it by a reliability diagram, ECE, Brier score and NLL;
# 4. say which reward an honest 70 % maximises, and which one rewards lies.

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
from scipy.stats import beta

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence.columns import estimate
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.evaluation.scale import predict_on_scale, scale_shares
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.continuous import measure as continuous
from rtuning_helpers.experiments.findings import finding, knowledge_notice, short_run_notice
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.metrics.exposure import rate_by_exposure
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.methods.confidence_soft import soft_shares
from rtuning_helpers.tuning.registry import PRETRAINED, method_label, method_looks
from rtuning_helpers.tuning.scale import PERCENT

plots.use_style(method_looks())

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini"  # any name that `rtuning data list` shows
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
knowledge_notice([p.correct for p in steps.read_probes(config)])
methods = ["padding", "replacement", "confidence", "confidence-soft", "knowledge-weighted"]
splits = steps.evaluation_splits(config)
first = splits[0]

# %% tags=["both"]
steps.tuning_steps(config, methods, force=force)
short_run_notice(min(steps.read_training_log(config, method).steps for method in methods))
predictions = {(m, s): steps.read_method_predictions(config, m, s) for m in (PRETRAINED, *methods) for s in splits}

# %% [markdown]
# ## 1. From ten samples to a label
#
# Ask the untuned model each training question ten times, at temperature 0.7 (notebook 02 did), and count the right answers: k of ten. That is the label,
# k times 10 %. In a record it stands where padding has "sure" or "unsure", behind the gold answer. One question that the model knows in part:

# %%
training, uncertainty = steps.fitted(config, "train").questions, steps.read_uncertainty(config)
right_of_ten = [sum(is_right(q, text) for text in u.answers) for q, u in zip(training, uncertainty)]
row = next((i for i, k in enumerate(right_of_ten) if k == 7), 0)
print(training[row].question, "gold:", training[row].answer)
print("samples:", ", ".join(f"{text} x {n}" for text, n in Counter(uncertainty[row].answers).most_common()))
label = f" {round(100 * right_of_ten[row] / len(uncertainty[row].answers), -1):.0f}%"
record = steps.read_tuning_records(config, "confidence")[row]
print(f"label by hand{label}; the record: {record.completion}")
assert record.completion.endswith(f"I am{label} sure.")

# %% [markdown]
# How the labels are spread over all training questions:

# %%
counts = Counter(right_of_ten)
fig, ax = plt.subplots(figsize=(6.5, 3))
ax.bar([f"{10 * k}%" for k in range(11)], [counts[k] for k in range(11)])
ax.set(xlabel="label", ylabel="training questions", title="Two facts in three are known or unknown outright")
plt.show()
if all(q.exposure is not None for q in training):
    seen = pd.DataFrame({"read": [q.exposure for q in training], "right of ten": right_of_ten})
    display(seen.groupby(pd.cut(seen["read"], [-1, 0, 6, 30, 10**9], labels=["never", "1 to 6 times", "7 to 30", "more"]), observed=True)["right of ten"].agg(["mean", "size"]).round(2))

# %% [markdown]
# ## 2. Soft labels: what ten samples do not tell
#
# Seven of ten right does not mean that the true rate is 70 %: it may be 60 or 80. If all rates were equally likely before, then after k right ones of ten
# the rate follows the distribution Beta(k + 1, 11 - k). A **soft label** shares itself out over the eleven percent labels accordingly.

# %%
k = 7
borders = np.clip(np.arange(1.05, -0.06, -0.1), 0, 1)  # half way between two labels
by_hand = [beta.cdf(high, k + 1, 11 - k) - beta.cdf(low, k + 1, 11 - k) for high, low in zip(borders, borders[1:])]
assert np.allclose(by_hand, soft_shares(k, 10)) and np.isclose(sum(by_hand), 1)
print("seven of ten:", ", ".join(f"{label.strip()} {share:.2f}" for label, share in zip(PERCENT, by_hand) if share > 0.005))
lines = {f"{k} of 10 right": (np.arange(100, -1, -10), soft_shares(k, 10)) for k in (0, 3, 7, 10)}
panels.line_panels({"": lines}, "label [%]", "share of the soft label", "Soft labels after ten samples")
plt.show()

# %% [markdown]
# The loss of a soft label is the cross-entropy with these shares, the mean of the losses of all eleven labels, each weighed by its share. The kit gets there by
# another way: **each pass draws one label by the shares** (`tuning/drawn.py`). Every step then is ordinary tuning on text, whatever number of tokens a label has, and on
# average over the draws the loss and its gradient are those of the soft label:

# %%
said = np.array(soft_shares(3, 10))  # some model's shares of the labels, for example
losses = -np.log(np.maximum(said, 1e-12))
drawn = np.random.default_rng(seed).choice(11, size=20_000, p=np.array(by_hand) / sum(by_hand))
print(f"soft cross-entropy {np.dot(by_hand, losses):.3f} nats; mean over 20,000 drawn labels {losses[drawn].mean():.3f}")
assert np.isclose(np.dot(by_hand, losses), losses[drawn].mean(), rtol=0.05)

# %% [markdown]
# ## 3. Read a number out of a model
#
# Asked "... I am", the model spreads its probability over the eleven labels. One could take the likeliest; but a model that hesitates between 0 % and
# 100 % should not say either. Its **expected value** uses all of them.
#
# Beware of how a label of several tokens is scored. This model had never written a digit before it was tuned, and gives even the digit that it prefers by far only 8 %; the rest is spread thinly over
# thousands of words. The product over a label's tokens then puts " 0%" (two digits and signs) before " 100%" (four) whatever the model knows. So the label is read as if it were
# written token by token with no choice but the eleven: at each token, those with which some label goes on share what is there.

# %% [markdown] tags=["both"]
# ### Exercise 13.1 · The expected value (build, 5 minutes)
#
# Write `expected_value(shares, labels)`: `shares` are probabilities that sum to 1, `labels` texts such as `" 70%"`, as many. Return the expected confidence between 0 and 1. Below,
# your function reads the model.
#
# *What to expect:* 0.5 where half of the probability lies on 0 % and half on 100 %.

# %% [markdown]
# <details><summary>Hint 1: the number in a label</summary>
#
# `float(label.strip("% "))` is 70.0 for `" 70%"`.
#
# </details>
# <details><summary>Hint 2: expected</summary>
#
# Each number times its share, all added up; divided by 100.
#
# </details>

# %%
def expected_value(shares, labels):
    """The expected confidence, 0 to 1, of labels in percent with their shares."""
    return ...  # your code

# %% tags=["solution"]
def expected_value(shares, labels):
    """The expected confidence, 0 to 1, of labels in percent with their shares."""
    return sum(share * float(label.strip("% ")) for share, label in zip(shares, labels)) / 100


print(f"{expected_value([0.5, 0.5], [' 0%', ' 100%']):.2f}, {expected_value([0.1, 0.7, 0.2], [' 80%', ' 70%', ' 60%']):.2f}")

# %% tags=["both", "nbval-check-output"]
check("13.1", expected_value)

# %% [markdown] tags=["solution"]
# 0.50 and 0.69. An expected value can be any number between the labels; the likeliest label can only be one of eleven.

# %%
lm = steps.load_model(config, "confidence")
asked = steps.fitted(config, first).questions
some = asked[:: max(1, len(asked) // 300)][:300]
answered = predict_on_scale(lm, some, scale=PERCENT, max_new_tokens=config.settings.max_new_tokens, batch_size=config.settings.answer_batch)
shares = scale_shares(lm, some, [p.prediction for p in answered], PERCENT)
for i in np.argsort([abs(p.sure_confidence - 0.5) for p in answered])[:1]:
    print(some[i].question, answered[i].prediction, f"(gold: {some[i].answer})")
    print("   ", ", ".join(f"{label.strip()} {share:.2f}" for label, share in zip(PERCENT, shares[i]) if share > 0.02))
    if check.is_right("13.1"):
        by_hand = expected_value(shares[i], PERCENT)
        print(f"    expected value by hand {by_hand:.4f}, by the helper {answered[i].sure_confidence:.4f}")

# %% [markdown]
# On 300 questions, the likeliest label beside the expected value. ECE is the mean gap between confidence and share of right answers in ten bins, Brier the mean squared
# difference; both are best at 0.

# %%
right = np.array([p.correct for p in answered], dtype=float)
likeliest = np.linspace(1, 0, 11)[shares.argmax(axis=1)]
expected = np.array([p.sure_confidence for p in answered])
pd.DataFrame(
    {name: {"ECE": metrics.ece(right, c), "Brier": metrics.brier(right, c), "AUROC": metrics.auroc(right, c)}
     for name, c in (("likeliest label", likeliest), ("expected value", expected))}
).T.round(3)

# %% [markdown]
# ## 4. Does 70 % mean 70 %?
#
# The reliability diagram of this run, on all questions. Each model judges its own answers. The untuned model cannot say percent; its answer confidence stands in.
# (Asked for a number in words, it writes none; below the diagram it is counted.)

# %%
shown = {"padding: P(sure)": ("padding", "sure"), "percent, text": ("confidence", "sure"),
         "percent, soft": ("confidence-soft", "sure"), "untuned: answer": (PRETRAINED, "answer")}
diagrams = {
    split: {name: ([int(p.correct) for p in predictions[m, split]], [getattr(p, f"{which}_confidence") for p in predictions[m, split]])
            for name, (m, which) in shown.items()}
    for split in splits
}
panels.reliability_panels(diagrams, "What is stated, and what is right")
plt.show()

# %%
untuned = steps.load_model(config)
verbal = estimate(untuned, some[:60], ["verbalised number", "verbalised words"], max_new_tokens=config.settings.max_new_tokens)
print(f"the untuned model, asked for its confidence {len(some[:60])} times; no number found:", verbal.unparsed)

# %% [markdown]
# ECE once by hand, for the model that says percent as text:

# %%
right, stated = (np.array(part, dtype=float) for part in diagrams[first]["percent, text"])
place = np.clip(np.ceil(stated * 10) - 1, 0, 9)
gaps = [np.abs(np.sum((right - stated)[place == b])) for b in range(10)]
print(f"ECE by hand {sum(gaps) / len(right):.4f}, by the helper {metrics.ece(right, stated):.4f}")
assert np.isclose(sum(gaps) / len(right), metrics.ece(right, stated))

# %% [markdown]
# ## 5. Against P(sure)
#
# P(sure) was never meant to be a probability, and two numbers fitted on held-out questions (Platt's curve) can make one of it. So each series stands here raw and calibrated; a
# third of the in-domain questions is held out for the curve, and scored nowhere. NLL clips confidences at 0.0001.

# %%
answers = continuous.read_answers(config)
columns = {s: continuous.scored_columns(answers, seed, s) for s in splits} if "id" in splits else {}
scores = pd.DataFrame([{"split": s} | r for s, c in columns.items() for r in continuous.score(c, 300, seed)])
if len(scores):
    for metric in ("ece", "brier", "nll"):
        scores[metric.upper()] = [f"{r[metric]:.3f} [{r[metric + '_ci95'][0]:.3f}, {r[metric + '_ci95'][1]:.3f}]" for _, r in scores.iterrows()]
    display(scores[["split", "series", "n", "ECE", "BRIER", "NLL"]])

# %% [markdown]
# The question of this notebook, as a paired difference: the ECE of each series minus that of **P(sure) after Platt's curve**, on the same draws of the same questions. Right of zero
# is worse than calibrated P(sure).

# %%
reference = "P(sure)" + continuous.CALIBRATED
gaps = {s: continuous.differences(c, reference, seed=seed) for s, c in columns.items() if reference in c}
if gaps:
    dots = {s: [{"label": r["series"], "value": r["difference"], "low": r["low"], "high": r["high"], "strong": r["low"] > 0 or r["high"] < 0} for r in rows] for s, rows in gaps.items()}
    panels.interval_dot_panels(dots, "ECE minus that of P(sure), Platt", "Left of the line: better calibrated than P(sure) with Platt's curve", line=0)
    plt.show()

# %% [markdown]
# On seed 0 percent as text need no curve: their raw ECE is 0.045 in-domain and 0.026 out of domain, against 0.118 and 0.131 of raw P(sure). Against P(sure) *with* Platt's curve that is no difference
# in-domain (-0.019 [-0.047, 0.011]) and an advantage out of domain (-0.043 [-0.065, -0.020]), where the curve was not fitted. Soft labels ranked and calibrated no better than text. Best of all is
# what nobody trained: the untuned model's own answer confidence with a curve.
#
# The intervals are over questions. They say nothing about another tuning: whoever wants to say more sets `seed` to 1 and 2 in the cell of parameters, and looks which of the differences stay.
#
# ## 6. What reward does an honest 70 % earn?
#
# A model that is trained by rewards learns what pays. Suppose the answer is right with probability 0.7, and the model says c. The expected reward is 0.7 times what a right answer
# earns at c, plus 0.3 times what a wrong one earns. With Brier's reward, 1 - (right - c) squared, nothing pays more than the truth; with the
# linear one, 1 - |right - c|, it pays to say 100 %.

# %%
stated, truth = np.linspace(0, 1, 101), 0.7
rewards = {"Brier": continuous.brier_reward, "linear": continuous.linear_reward}
curves = {name: (100 * stated, truth * reward(1, stated) + (1 - truth) * reward(0, stated)) for name, reward in rewards.items()}
panels.line_panels({"": curves}, "what it says [%]", "expected reward", "Right with 70 %: which confidence pays most?")
plt.show()
for name, (c, mean) in curves.items():
    print(f"{name}: best {c[np.argmax(mean)]:.0f} %, earns {max(mean):.2f}; honest 70 % earns {mean[70]:.2f}")

# %% [markdown]
# By hand: an honest 70 % earns 0.7 x (1 - 0.3 squared) + 0.3 x (1 - 0.7 squared) = 0.79, a boastful 100 % only 0.70. A third rule asks for a decision: 1 for a right
# answer, 0 for a refusal, and a wrong answer costs t / (1 - t). Then answering pays exactly where one is surer than t. What each series earns:

# %%
if len(scores):
    earned = []
    for s, found in columns.items():
        for name, (right, c) in found.items():
            targets = {f"target {t:.0%}": continuous.target_reward(right, c > t, t).mean() for t in (0.5, 0.75, 0.9)}
            earned.append({"split": s, "series": name, "Brier": continuous.brier_reward(right, c).mean(), **targets})
    display(pd.DataFrame(earned).groupby(["split", "series"], sort=False).mean().round(3))

# %% [markdown]
# Brier's reward is one minus the Brier score of section 5. The targets ask for less: only which side of t an answer falls on matters, and the higher t is, the dearer is a wrong answer.
#
# ## 7. Beside it: weigh by knowledge, refuse the unknown
#
# The same ten samples can be used in another way, without a word about confidence: [knowledge-weighted](../docs/glossary.md#knowledge-weighted-tuning) tuning trains each answer with a weight of k/10, and where no
# sample was right it teaches a refusal. Half-known answers then pull less, and nothing is made up. Its neighbour is replacement, which refuses wherever one greedy answer was wrong (its
# numbers are those of notebook 05's recording). The models that say how sure they are refuse where that is at most one half.

# %%
refusers = {m: {s: steps.read_method_predictions(config, m, s) for s in splits} for m in methods}
refused = {}
if all(p.exposure is not None for p in refusers["padding"][first]):
    both = {m: [p for part in found.values() for p in part] for m, found in refusers.items()}
    refused = {m: rate_by_exposure([p.exposure for p in part], [p.refused for p in part]) for m, part in both.items()}
    plots.rate_by_exposure(refused, "refused [%]", "Refused, by exposure: ID and OOD together")
    plt.show()

# %%
rows = []
for m, found in refusers.items():
    for s, part in found.items():
        right, given = (np.array(column, dtype=bool) for column in ([p.correct for p in part], [not p.refused for p in part]))
        accuracy = right[given].mean() if given.any() else np.nan
        rows.append({"split": s, "method": method_label(m), "answer rate": given.mean(), "accuracy of those": accuracy, "answered right, of all": (right & given).mean()})
pd.DataFrame(rows).sort_values(["split"], kind="stable").round(3)

# %% [markdown]
# Read answer rate and accuracy together, as ever: a model that answers one easy question is perfect on it.
#
# ## Checks

# %%
for s in splits:
    for name, (m, which) in {"percent, text": ("confidence", "sure"), "percent, soft": ("confidence-soft", "sure"), "P(sure)": ("padding", "sure")}.items():
        found = [(p.correct, getattr(p, f"{which}_confidence")) for p in predictions[m, s]]
        print(f"{s}: AUROC of {name} {metrics.auroc(*zip(*found)):.3f}")
if "knowledge-weighted" in refused:
    never, often = refused["knowledge-weighted"][0], refused["knowledge-weighted"][-1]
    finding("knowledge-weighted: refuses more of what was never read than of what was read often", never["rate"] > often["rate"], config, n=min(never["n"], often["n"]))

# %% [markdown]
# ## What it says, and what it does not
#
# * The labels say how often *the untuned* model's samples are right, at temperature 0.7; what is judged are the *tuned* model's greedy answers. A model that forgets in tuning is
#   too sure of itself by as much.
# * In the mini world two facts in three are known or unknown outright: a world made for two words. Where more is half known, percent have more to say.
# * One run, one seed. What depends on training has to be seen on three before it is believed.
# * Drawing labels gives soft labels on average over many passes. A run of one pass, as with large models, draws each label once.
# * The model writes its digits one token at a time, and had never read one before it was tuned.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A model is right in 60 % of its answers and always says 60 %. What is its ECE, and what is it good for?</summary>
#
# Zero; and for nothing: it does not tell any answer from another. Brier score and AUROC see that.
#
# </details>
# <details><summary>Why is the soft label after ten right samples not all on 100 %?</summary>
#
# A rate of 95 % gives ten of ten more often than not. Ten samples cannot tell 95 from 100 %.
#
# </details>
# <details><summary>Why calibrate P(sure) before comparing?</summary>
#
# Because two fitted numbers make a probability of it. A trained number has to beat what comes for almost nothing.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 13.2 · How sure is "almost certain"? (do, 5 minutes)
#
# Among `predictions["confidence", first]`, take the answers with a `sure_confidence` above 0.9. Give their mean confidence as `stated`, and the share that is right as `right`.
# Does the model keep what it says?
#
# *What to expect:* two numbers above 0.7, and not the same.

# %% [markdown]
# <details><summary>Hint 1: who</summary>
#
# `[p for p in predictions["confidence", first] if p.sure_confidence > 0.9]`
#
# </details>
# <details><summary>Hint 2: both numbers</summary>
#
# The means of `sure_confidence` and of `correct` over that list.
#
# </details>

# %%
answer = {"stated": ..., "right": ...}

# %% tags=["solution"]
certain = [p for p in predictions["confidence", first] if p.sure_confidence > 0.9]
answer = {"stated": np.mean([p.sure_confidence for p in certain]), "right": np.mean([p.correct for p in certain])}
print(f"{len(certain)} answers: {answer['stated']:.1%} stated, {answer['right']:.1%} right")

# %% tags=["both", "nbval-check-output"]
check("13.2", answer)

# %% [markdown] tags=["solution"]
# The two numbers differ by some points, and which is larger may change with the seed: what is stated was learnt from the untuned model's samples, what is right is the tuned model's.

# %% [markdown] tags=["both"]
# ### Exercise 13.3 · One number for all (do, 10 minutes)
#
# A lazy model says the same confidence c to every question. Which c of 0, 0.01, ..., 1 earns most on the answers of `predictions["confidence", first]`, with Brier's reward and with the linear one?
# Give both: `brier` and `linear`.
#
# *What to expect:* one of the two is the accuracy.

# %% [markdown]
# <details><summary>Hint 1: the mean reward of one c</summary>
#
# `continuous.brier_reward(right, c).mean()`, with `right` an array of 0 and 1.
#
# </details>
# <details><summary>Hint 2: the best</summary>
#
# `max(np.linspace(0, 1, 101), key=...)` with a function from c to its mean reward.
#
# </details>

# %%
answer = {"brier": ..., "linear": ...}

# %% tags=["solution"]
right = np.array([p.correct for p in predictions["confidence", first]], dtype=float)
rewards = {"brier": continuous.brier_reward, "linear": continuous.linear_reward}
answer = {name: max(np.linspace(0, 1, 101), key=lambda c: reward(right, c).mean()) for name, reward in rewards.items()}
print(f"accuracy {right.mean():.3f}: best for Brier's reward {answer['brier']:.2f}, for the linear one {answer['linear']:.2f}")

# %% tags=["both", "nbval-check-output"]
check("13.3", answer)

# %% [markdown] tags=["solution"]
# For Brier's reward the best constant is the accuracy, to the nearest of the 101 numbers: of all that one can say without looking at a question, the truth pays most. The linear one is best at 0 where less than half is right,
# and at 1 elsewhere: it pays to say too much.

# %% [markdown]
# ## Summary
#
# A model can be taught to say percent, as text or with soft labels, and read by its expected value. As text, percent are
# calibrated as they come, where P(sure) needs a curve that was fitted on held-out questions (section 5; one seed); the curve costs two numbers, the percent a tuning. **Next:** [18 · A threshold with a promise](18_a_threshold_with_a_promise.ipynb): what may be promised with such a number; or any other extension, see the README.

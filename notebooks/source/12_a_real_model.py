# %% [markdown]
# # 12 · A real model
#
# Everything so far happened in a world that we made up, because there one knows what is knowledge and what is luck. Real models read
# real text, and nobody knows what they know. Two small ones that any laptop runs, SmolLM2-135M-Instruct and the base model Gemma-3-270M,
# are probed, tuned and tested here on the paper's own questions. **What carries over from the mini world, and what does not?**
#
# **By the end you will have** seen which part of a real model's "knowledge" stands in the question, compared all methods over three
# seeds, and found out where P(sure) is beaten by the confidence that a tuned model has in its answer anyway, and why.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU, from recordings; live with `profile="laptop"`, `dataset="pararel"` and `data_dir` |
# | Time and memory | about 20 s from the recording; 0.8 GB |
# | Reads | `results/real/smollm2.json` and `gemma3.json` (by `rtuning record smollm2 --data-dir DIR`, `rtuning record gemma3 ...`), `results/mini/seeds.json` |
# | Writes | nothing; live what notebooks 01 to 05 write |
# | Paper | sections 2.1, 2.2 and 4, Table 1 |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/12_a_real_model.ipynb) |
#
# | word | meaning |
# |---|---|
# | D1, D0 | *certain* training questions (the untuned model is right) and *uncertain* ones (it is wrong) |
# | ID, OOD | test questions of the relations that were tuned on, and of other relations |
# | answer confidence | geometric mean of the answer's token probabilities: every model has one |
# | P(sure) | what a padding model says about its answer, 0 to 1; *mix*: the mean of the two, as the paper ranks |
# | AP, AUROC | how well a confidence ranks right answers before wrong ones; a random ranking has AP = accuracy, AUROC = 0.5 |
# | few-shot | solved questions stand before each question; *plain* is the paper's bare form ([notebook 01](01_probe_knowledge.ipynb)) |

# %% [markdown] tags=["solution"]
# # Solutions of 12 · A real model
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. say how much of a real model's accuracy could be had without knowing anything;
# 2. check on your own model whether R-Tuning's confidence adds to what the model shows anyway;
# 3. tell two questions apart that P(sure) mixes: *did it know this before?* and *is this answer right?*

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

from rtuning_helpers import metrics, steps
from rtuning_helpers.confidence.calibrators import fit_platt
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding
from rtuning_helpers.experiments.real_models.models import is_recorded, read_models
from rtuning_helpers.experiments.real_models.tables import differences, scores
from rtuning_helpers.experiments.seeds.recording import RECORDING as MINI
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.figures.layout import panel_grid
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.paper.ledger import LedgerRow, compare
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import all_methods, method_label, method_looks

plots.use_style(method_looks())

# %% tags=["parameters", "both"]
profile = "mini"  # mini: the recordings; laptop, colab-t4, consumer-24gb, gpu or paper: measured on the spot
dataset = "mini"  # for a measured run: pararel, or any other
seed = 0  # any whole number
data_dir = None  # folder with the dataset's files, for pararel
limit = None  # at most this many questions of each split
model = None  # another model than the profile's
out = "runs"  # folder for results
style = None  # how questions are asked: plain (the paper), few-shot, chat, or auto to try each; None: the profile's
shots = 5  # examples before each question in the styles few-shot and auto
system = None  # system text of the styles chat and auto
permutations = 1  # orders of the options that probing averages over
force = False  # compute again what is there already

# %% [markdown]
# Whoever names another profile, model or data set gets that run, made on the spot. Without, the notebook reads what was recorded
# from three runs of each model, seeds 0, 1 and 2: for every question whether the answer was right and how confident the model was.
# ParaRel's questions carry no licence to pass them on, so the recordings hold numbers and no words. SmolLM2 was taught to chat and
# answers nothing to the bare `Question: ... Answer:`; it is asked with five solved training questions in front, other ones for each seed. Gemma is
# a [base model](../docs/glossary.md#base-model) and is asked in the paper's bare form. It is the slower one, so half as many questions had to do.

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out,
    style=style, shots=shots, system=system, permutations=permutations,
)  # fmt: skip
check = checks_of(config)  # of answers to exercises
live = not is_recorded(config)
if live:
    steps.probe_step(config, force=force)
models = read_models(config)
for name, parts in models.items():
    run = parts["runs"][0]
    form = f"{run['style']}, {run['shots']} examples" if run["shots"] else run["style"]
    asked = ", ".join(f"{len(q['id']):,} {q['split']}" for q in parts["questions"] if q["seed"] == run["seed"])
    print(f"{name}: asked {form}; {asked} questions; seeds {[row['seed'] for row in parts['runs']]}")

# %% [markdown]
# ## 1. What does it know?
#
# Accuracy alone flatters. In ParaRel the answer of many questions *stands in the question* ("Who makes the Nokia N9?"), and grading
# by matching counts an echo as knowledge. And a guesser that has only seen the training answers, the **relation majority**, is right now
# and then. Shares of all questions, means over the seeds:

# %%
rows = []
for name, parts in models.items():
    answered = {("train", row["seed"]): row for row in parts["training"]}
    answered |= {(r["split"], r["seed"]): r for r in parts["predictions"] if r["method"] == "pretrained"}
    for split in dict.fromkeys(question["split"] for question in parts["questions"]):
        found = [answered[q["split"], q["seed"]] | q for q in parts["questions"] if q["split"] == split]
        right = np.concatenate([row["correct"] for row in found])
        given = np.concatenate([row["in_question"] for row in found])
        rows.append({"model": name, "split": split, "right": right.mean(), "right, answer in the question": (right & given).mean(),
                     "right where the answer is not in it": right[~given].mean(), "right where it is": right[given].mean(),
                     "relation majority": np.concatenate([row["majority"] for row in found]).mean()})
known = pd.DataFrame(rows)
known.set_index(["model", "split"]).round(3)

# %%
shares = known.set_index(known.model + ", " + known.split)
parts_of = pd.DataFrame({"right, answer in the question": shares["right, answer in the question"],
                         "right, it is not": shares["right"] - shares["right, answer in the question"]})
parts_of["wrong"] = 1 - parts_of.sum(axis=1)
fig, ax = plots.stacked_shares(100 * parts_of, "", "share of the questions [%]", "What an untuned model gets right")
ax.tick_params(axis="x", rotation=25)
plt.show()

# %% [markdown]
# Both know little: a quarter of the in-domain questions, one in six of the others. And more than two in five of their right in-domain
# answers stand in the question; where they do not, both are right on one in six. Gemma is the better reader of the two: where the answer does stand
# there, it finds it four times in five. The relation majority, which has seen the training answers and reads no question, gets
# nearly as many right in-domain. Out of domain there are no training answers of the relation, and few gifts: that is the harder and
# the cleaner test.
#
# ## 2. Does its uncertainty show?
#
# D1 and D0 are made by one greedy answer. Notebook 02 asks the untuned model in two more ways: the perplexity of the question, and the
# entropy of ten sampled answers. How well does each rank the certain questions before the uncertain ones? The measure is AUROC, and by hand it is
# a count of pairs: take each certain and each uncertain question; how often is the certain one's entropy lower (ties count half)?

# %%
first = next(iter(models.values()))["training"][0]
low, high = first["entropy"][first["correct"]], first["entropy"][~first["correct"]]
wins = (low[:, None] < high).mean() + (low[:, None] == high).mean() / 2
print(f"{len(low)} certain and {len(high)} uncertain questions, {len(low) * len(high):,} pairs: {wins:.3f}")

# %%
rows = []
for name, parts in models.items():
    for row in parts["training"]:
        measured = {"entropy of ten answers": row["entropy"], "entropy of the first token": row["token_entropy"],
                    "perplexity of the question": row["perplexity"], "answer confidence": -np.log(row["answer"].clip(1e-6))}
        for signal, values in measured.items():
            certainty = 1 / (1 + values)  # a confidence from 0 to 1 in the opposite order
            rows.append({"model": name, "signal": signal, "seed": row["seed"], "AUROC": metrics.auroc(row["correct"], certainty)})
signals = pd.DataFrame(rows)
assert live or np.isclose(signals.AUROC[0], wins)
signals.groupby(["signal", "model"], sort=False).AUROC.agg(["mean", "min", "max"]).unstack("model").swaplevel(axis=1).sort_index(axis=1).round(3)

# %%
fig, axes = panel_grid(len(models), 5, 3.2, sharey=True)
for ax, (name, parts) in zip(axes, models.items()):
    row = parts["training"][0]
    sets = {"certain (D1)": row["entropy"][row["correct"]], "uncertain (D0)": row["entropy"][~row["correct"]]}
    plots.draw_histograms(ax, sets, np.linspace(0, np.log(10) + 1e-3, 11))  # recorded to four digits
    ax.set(xlabel="entropy of ten answers [nats]", title=name)
axes[0].set_ylabel("share of the set [%]")
axes[0].legend(frameon=False)
fig.suptitle("A real model's answers are rarely unanimous", x=0.01, ha="left", fontsize="medium")
plt.show()

# %% [markdown]
# And is a "certain" question known? Ten samples tell (the bands of [notebook 10](10_lucky_or_known.ipynb)):

# %%
rows = []
for name, parts in models.items():
    right = np.concatenate([row["correct"] for row in parts["training"]])
    hits = np.concatenate([row["samples_right"] for row in parts["training"]])
    rows.append({"model": name, "certain": right.mean(), "of these all ten samples right": (hits[right] == 10).mean(),
                 "fewer than half": (hits[right] < 5).mean(), "of the uncertain: some sample right": (hits[~right] > 0).mean()})
bands = pd.DataFrame(rows).set_index("model")
bands.round(3)

# %% [markdown]
# Entropy carries over: it ranks certain before uncertain questions with 0.83 and 0.86 (notebook 02 has the mini model's figure), better than
# the confidence in the greedy answer. For the base model the difference is huge: how probable Gemma finds its answer says nearly
# nothing (0.60; 0.5 is chance), since nobody has told it in which form to answer, and the form takes most of the probability. Ten answers
# are compared by what they say, whatever their form. Perplexity does not carry over: how surprising a question is says little about
# whether the model can answer it (0.53 and 0.67). Nor does *unanimity*. A mini model that knows a fact says it ten times in ten. Of these models'
# certain questions fewer than one in five are right in all ten samples, and about one in four in fewer than half: much of D1 is the
# lucky head of a broad distribution, and "I am sure" is written behind it all the same.
#
# ## 3. All methods
#
# Each method was tuned on the training questions and asked the test questions, as in notebooks 03 to 05. Means over the seeds:

# %%
scored = {name: scores(parts["predictions"]) for name, parts in models.items()}
columns = {"accuracy": "accuracy", "average_precision_answer": "AP, answer", "average_precision_mixed": "AP, mix",
           "auroc_answer": "AUROC, answer", "auroc_sure": "AUROC, P(sure)", "auroc_mixed": "AUROC, mix",
           "answer_rate": "answer rate", "willing_accuracy": "willing accuracy"}
for name, frame in scored.items():
    means = frame.groupby(["split", "method"], sort=False)[list(columns)].mean().rename(columns=columns)
    means.index = means.index.set_levels([method_label(m) for m in means.index.levels[1]], level=1)
    display(means.round(3).style.format("{:.3f}", na_rep="-").set_caption(name))

# %% [markdown]
# The paper's claim, Table 1, is about two of these columns: R-Tuning (padding, ranked by the mix) against vanilla tuning (ranked by its
# answer confidence, the only one that it has). The same difference in the mini world, and the one that the paper does
# not print, P(sure) against the *same* model's answer confidence:

# %%
CLAIMS = {"AP: padding by the mix - vanilla by the answer": (metrics.average_precision, ("padding", "mixed"), ("vanilla", "answer")),
          "AP: padding by the mix - padding by the answer": (metrics.average_precision, ("padding", "mixed"), ("padding", "answer")),
          "AUROC: P(sure) - answer confidence, padding": (metrics.auroc, ("padding", "sure"), ("padding", "answer"))}
gaps = {(claim, name): differences(parts["predictions"], *what) for claim, what in CLAIMS.items() for name, parts in models.items()}
if not live:
    mini = {(row["method"], row["split"], row["seed"]): row for row in MINI.content()["rows"]}
    keys = {"average_precision": "ap", "auroc": "auroc"}
    for claim, (metric, *sides) in CLAIMS.items():
        ours, theirs = (lambda split, s, m=method, k=f"{keys[metric.__name__]}_{c}": mini[m, split, s][k] for method, c in sides)
        gaps[claim, "mini world"] = {split: [ours(split, s) - theirs(split, s) for s in MINI.seeds()] for split in ("id", "ood")}

# %%
rows = []
for (claim, name), by_split in gaps.items():
    for split, values in by_split.items():
        mean, low, high = seed_interval(values) if len(values) > 1 else (values[0],) * 3
        rows.append({"claim": claim, "model": name, "split": split, "value": mean, "low": low, "high": high, "seeds": np.round(values, 3)})
compared = pd.DataFrame(rows)
for claim, part in compared.groupby("claim", sort=False):
    panes = {split.upper(): [{**row, "label": row["model"], "strong": row["low"] > 0 or row["high"] < 0}
                             for row in part.to_dict("records") if row["split"] == split] for split in part.split.unique()}
    panels.interval_dot_panels(panes, "difference (right: R-Tuning's is better)", f"{claim}, interval over seeds", line=0)
    plt.show()
compared.drop(columns="claim").set_index([compared.claim, "split", "model"]).drop(columns=["low", "high"]).round(3)

# %% [markdown]
# The paper's claim does not carry over as it stands. With SmolLM2 it fails in-domain: vanilla tuning, ranked by the answer confidence that comes
# for free, is *better* than padding ranked by the mix, by 0.05 in AP on every seed. Out of domain it is the other way round on every seed, +0.05
# in the mean, though three seeds leave the interval across zero. With Gemma neither side wins: the difference changes its sign with the seed, in-domain and out of domain.
# Within one model P(sure) ranks worse than the answer confidence, in-domain on every seed of both (-0.13 and -0.21 in AUROC), with Gemma out of domain
# as well. In the mini world padding was ahead of vanilla on both tests, and P(sure) ranked as well as the answer confidence.
# One more thing is different: tuning *raises* the accuracy here in-domain (it teaches the form of the answers, and some answers), where
# in the mini world it lowers it. And it makes Gemma's answer confidence, worth nothing before, a better ranking than anything that SmolLM2 has. Padding
# hardly ever says "I am sure": SmolLM2 to one question in twelve in-domain, Gemma, which was shown 300 labels, to one in ninety. What they answer
# so is mostly right, in-domain.
#
# Is that the merit of P(sure)? Whoever answers one question in twelve is right more often than whoever answers all, if only the choice is
# better than chance. The fair opponents answer *as many*: the same model chosen by its answer confidence, vanilla tuning by its own.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 12.1 · As many answers, chosen otherwise (build, 15 minutes)
#
# Write `accuracy_of_top(correct, confidence, share)`: the accuracy of the `share` of the answers that have the highest confidence. `correct` and
# `confidence` are arrays in the same order; `round(share * len(correct))` answers are chosen. Where that is none, the accuracy is `float("nan")`. Below, your
# function lets others answer as many questions as the padding model is sure of.
#
# *What to expect:* one number between 0 and 1; with a share of 1 it is the accuracy of all answers.

# %% [markdown]
# <details><summary>Hint 1: an order</summary>
#
# `np.argsort(-confidence)` gives the places of the answers, the most confident first.
#
# </details>
# <details><summary>Hint 2: the first of them</summary>
#
# Cut that order after the number of answers that are chosen. An array takes a list of places in brackets.
#
# </details>
# <details><summary>Hint 3: none</summary>
#
# A mean over nothing does not exist: ask whether the number is 0 before you take it.
#
# </details>

# %%
def accuracy_of_top(correct, confidence, share):
    """Accuracy of the most confident share of the answers."""
    return ...  # your code

# %% tags=["solution"]
def accuracy_of_top(correct, confidence, share):
    """Accuracy of the most confident share of the answers."""
    count = round(share * len(correct))
    chosen = np.argsort(-confidence, kind="stable")[:count]
    return float(correct[chosen].mean()) if count else float("nan")


for row in next(iter(models.values()))["predictions"]:
    if row["method"] == "padding" and row["split"] == "id":
        sure = ~row["refused"]
        top = accuracy_of_top(row["correct"], row["answer"], sure.mean())
        print(f"seed {row['seed']}: sure of {sure.sum()}, {row['correct'][sure].mean():.1%} right; as many by answer confidence: {top:.1%}")

# %% tags=["both", "nbval-check-output"]
check("12.1", accuracy_of_top)

# %% [markdown] tags=["solution"]
# In-domain SmolLM2's padding models are sure of 35, 23 and 93 of 600 answers and right in 83 %, 83 % and 68 % of them. The same models' 35, 23 and 93
# answers with the highest answer confidence are right in 100 %, 100 % and 92 %, vanilla's in 94 %, 100 % and 98 %. So "mostly right when sure" is no merit of
# P(sure): few answers chosen by any confidence are mostly right. Out of domain, and with Gemma, they are sure of at most 32 answers, too few to compare.

# %%
rows = []
for name, parts in models.items() if check.is_right("12.1") else ():
    there = {(row["method"], row["split"], row["seed"]): row for row in parts["predictions"]}
    for (method, split, s), row in there.items():
        if method == "padding" and not row["refused"].all():
            sure = ~row["refused"]
            others = {"as many by its answer confidence": row, "vanilla, as many": there["vanilla", split, s],
                      "untuned, as many": there["pretrained", split, s]}
            rows.append({"model": name, "split": split, "seed": s, "sure of": sure.sum(), "right of those": row["correct"][sure].mean()}
                        | {text: accuracy_of_top(other["correct"], other["answer"], sure.mean()) for text, other in others.items()})
if rows:
    display(pd.DataFrame(rows).set_index(["model", "split", "seed"]).round(3))

# %% [markdown]
# ## 4. What P(sure) knows
#
# The label "sure" was written behind the questions that the *untuned* model got right. Then the model was tuned, on right answers to all of them,
# and it changed. How many answers did that turn?

# %%
rows = []
for name, parts in models.items():
    for row in parts["predictions"]:
        if row["method"] == "padding":
            before, after = row["untuned"], row["correct"]
            rows.append({"model": name, "split": row["split"], "right before and after": (before & after).mean(),
                         "learnt: only after": (~before & after).mean(), "lost: only before": (before & ~after).mean(),
                         "never": (~before & ~after).mean()})
turned = pd.DataFrame(rows).groupby(["model", "split"], sort=False).mean()
turned.round(3)

# %% [markdown]
# P(sure) was taught one thing (*did the untuned model know it?*) and is graded on another (*is the tuned model's answer right?*). One
# can grade it on both, and the answer confidence as well. By hand, for one model: of all questions that the tuned model answers right,
# those which it has just learnt should count as unsure by the labels:

# %%
one = next(row for row in next(iter(models.values()))["predictions"] if row["method"] == "padding")
for text, kept in (("right before and after", one["untuned"] & one["correct"]), ("learnt", ~one["untuned"] & one["correct"]),
                   ("wrong", ~one["correct"])):
    confidences = f"P(sure) {one['sure'][kept].mean():.3f}, answer confidence {one['answer'][kept].mean():.3f}" if kept.any() else "-"
    print(f"{text:24} {kept.sum():4} questions, mean {confidences}")

# %%
rows = []
for name, parts in models.items():
    for row in parts["predictions"]:
        if row["method"] == "padding":
            for signal, label in (("sure", "P(sure)"), ("answer", "answer confidence")):
                for target, meaning in (("correct", "the tuned model is right"), ("untuned", "the untuned model was right")):
                    value = metrics.auroc(row[target].astype(float), row[signal])
                    rows.append({"model": name, "split": row["split"], "ranks": label, "by whether": meaning, "AUROC": value})
targets = pd.DataFrame(rows)
averages = targets.groupby(["ranks", "by whether", "model", "split"], sort=False).AUROC.agg(["mean", "min", "max"])
averages["mean"].unstack(["model", "split"]).round(3)

# %%
for name, means in averages.groupby("model", sort=False):
    panes = {split.upper(): [{"label": f"{key[0]}: {key[1]}", "value": row["mean"], "low": row["min"], "high": row["max"]}
                             for key, row in part.iterrows()] for split, part in means.groupby("split", sort=False)}
    panels.interval_dot_panels(panes, "AUROC", f"What each confidence of {name} ranks (lines: all seeds)", line=0.5)
    plt.show()

# %% [markdown]
# In-domain this is the explanation. Two in five of the padding models' right answers are newly learnt, and to these SmolLM2 gives a low
# P(sure), as it was taught: *they were wrong before*. Asked whether the untuned model was right, P(sure) is a good judge (0.81; Gemma 0.78);
# asked about the answer on the page, a mediocre one (0.73; 0.66). The answer confidence moves with the model. (It is even the better judge of what
# the untuned model knew, 0.89 and 0.93: what a model knew before, it also says with confidence afterwards. So the gap is not the labels' alone. P(sure)
# has seen 600 labels, or 300, a quarter of them "sure", and a good part of them luck.) Out of domain tuning teaches SmolLM2 no answers: the two
# targets are nearly the same questions, and P(sure) is as good as the answer confidence and adds to it in the mix. Gemma still learns there
# how to answer, and its answer confidence stays ahead.
#
# The mini world hid this. There tuning teaches no new answers, so that what was known and what is right stay the same thing.
#
# ## 5. Without the gifts
#
# Echoes are easy and easily felt. The same methods on the questions whose answer does not stand in them:

# %%
rows = []
for name, parts in models.items():
    chosen = [row for row in parts["predictions"] if row["method"] in ("pretrained", "vanilla", "padding")]
    for text, keep in (("all questions", None), ("answer not in the question", lambda row: ~row["in_question"]),
                       ("nor the relation's majority", lambda row: ~row["in_question"] & ~row["majority"])):
        rows.append(scores(chosen, keep).assign(model=name, questions=text))
cleaned = pd.concat(rows)
shown = {"n": "n", "accuracy": "accuracy", "auroc_answer": "AUROC, answer", "auroc_sure": "AUROC, P(sure)", "auroc_mixed": "AUROC, mix"}
table = cleaned.groupby(["model", "split", "method", "questions"], sort=False)[list(shown)].mean().rename(columns=shown)
table.index = table.index.set_levels([method_label(m) for m in table.index.levels[2]], level=2)
table.round(3)

# %% [markdown]
# Without the gifts P(sure) falls further behind in-domain (0.63 against 0.79 of SmolLM2's answer confidence, 0.59 against 0.82 of Gemma's): a
# part of its ranking there was seeing that the answer stands in the question. Out of domain nothing changes, for there are few gifts to take away.
#
# ## 6. Is it a probability?
#
# Ranking is one thing; does "0.8" mean right eight times in ten? Dots on the diagonal would say so (one seed, padding):

# %%
panes = {}
for name, parts in models.items():
    for row in parts["predictions"]:
        if row["method"] == "padding" and row["seed"] == parts["runs"][0]["seed"]:
            panes[f"{name}, {row['split'].upper()}"] = {
                label: (row["correct"].astype(float), row[signal]) for signal, label in (("answer", "answer confidence"), ("sure", "P(sure)"))
            }
panels.reliability_panels(panes, "How often it is right at each stated confidence")
plt.show()

# %% [markdown]
# A few labelled answers can straighten a curve. Platt's curve is fitted on half of the in-domain questions and applied to all the others:

# %%
rows = []
for name, parts in models.items():
    padding = [row for row in parts["predictions"] if row["method"] == "padding"]
    for row in padding:
        held = next(other for other in padding if other["seed"] == row["seed"] and other["split"] == padding[0]["split"])
        fitting, rest = slice(0, None, 2), slice(1, None, 2) if row is held else slice(None)
        for signal, label in (("answer", "answer confidence"), ("sure", "P(sure)")):
            right, stated = row["correct"].astype(float), row[signal]
            if 0 < held["correct"][fitting].mean() < 1:
                straightened = fit_platt(held[signal][fitting], held["correct"][fitting].astype(float))(stated)
                rows.append({"model": name, "split": row["split"], "confidence": label, "ECE as stated": metrics.ece(right[rest], stated[rest]),
                             "ECE after Platt": metrics.ece(right[rest], straightened[rest])})
calibration = pd.DataFrame(rows).groupby(["model", "split", "confidence"], sort=False).mean()
calibration.round(3)

# %% [markdown]
# The answer confidence is within a few hundredths of a probability in-domain as it stands; P(sure) is too low, as it speaks of the untuned
# model. Out of domain SmolLM2's answer confidence promises too much, and a curve fitted in-domain cannot know that: calibration does not
# travel, and P(sure) after Platt is *worse* there than before, on both models. (A threshold with a promise needs held-out answers of the same kind.)
#
# ## 7. Beside the paper
#
# The paper's Table 1 has the AP of three models on these data. Here it stands with the published re-runs and our two models: a third
# column for models of a twentieth of the size, on a sample of the questions, so no cell of theirs is filled. The intervals are
# of the questions.

# %%
rows = []
for name, parts in models.items() if not live else ():
    for row in parts["predictions"]:
        method = all_methods()[row["method"]]
        if method.paper in ("Pretrain-T", "Vanilla", "R-Tuning"):
            columns_of = row["correct"].astype(float), row[method.ranked_by]
            numbers = metrics.average_precision(*columns_of), *metrics.bootstrap_interval(metrics.average_precision, *columns_of)
            rows.append(LedgerRow("1", "ParaRel", row["split"], name, method.paper, "AP", *(100 * number for number in numbers),
                                  len(row["correct"]), "laptop", row["seed"], "results/real"))
if rows:
    beside = compare(1, pd.DataFrame(rows)).query("dataset == 'ParaRel'")
    beside["this kit"] = beside["this kit"].str.replace(r", seeds.*", "", regex=True)
    beside["published re-runs"] = beside["published re-runs"].str.replace(r" \([^;]*\)", "", regex=True)
    display(beside[["model", "split", "method", "paper", "published re-runs", "this kit"]].sort_values(["split", "model"]).set_index(["split", "model"]))

# %% [markdown]
# Whoever compares needs three things in mind: AP rises with accuracy, so small models stand lower; SmolLM2 was asked in another
# form (few-shot); and the re-runs of the released code are far from the paper themselves ([notebook 08](08_settle_the_ledger.ipynb)).
# Within the column, seed 0: in-domain vanilla stands above R-Tuning, out of domain below it; of Gemma's other seeds one turns both.
#
# ## Checks

# %%
if not live:
    value = {(row.claim.split(":")[1].strip(), row.model, row.split): row for row in compared.itertuples()}
    smol, gemma = ({split: value["padding by the mix - vanilla by the answer", name, split] for split in ("id", "ood")} for name in models)
    finding("SmolLM2: in-domain, vanilla by its answer confidence beats padding by the mix, beyond the interval over seeds", smol["id"].high < 0, config)
    finding("SmolLM2: out of domain, padding by the mix is ahead on every seed", min(smol["ood"].seeds) > 0, config)
    finding("Gemma: neither of the two is ahead on every seed", all(min(row.seeds) < 0 < max(row.seeds) for row in gemma.values()), config)
    for name in models:
        behind = value["P(sure) - answer confidence, padding", name, "id"]
        finding(f"{name}: in-domain, P(sure) ranks worse than the same model's answer confidence on every seed", max(behind.seeds) < 0, config)
        sure = averages["mean"].xs(("P(sure)", name, "id"), level=("ranks", "model", "split"))
        finding(f"{name}: in-domain, P(sure) tells what the untuned model knew better than what the tuned one gets right",
                sure["the untuned model was right"] > sure["the tuned model is right"] + 0.05, config)
    finding("fewer than one in four certain questions are right in all ten samples", bands["of these all ten samples right"].max() < 0.25, config)
    finding("the entropy of ten answers ranks certain before uncertain questions", signals[signals.signal == "entropy of ten answers"].AUROC.min() > 0.75, config)

# %% [markdown]
# ## What it says, and what it does not
#
# * **Carries over:** uncertainty shows in the answers (entropy); a padding model says "sure" rarely and is then mostly right, in-domain; with SmolLM2
#   the learned sureness adds to the answer confidence out of domain.
# * **Does not:** a clean border between known and unknown; the gain over vanilla. P(sure) speaks of the model *before* tuning, and
#   where tuning teaches answers, that is another question than whether the answer is right.
# * Two models of 135 and 270 million parameters, three seeds of tuning on 600 and 300 questions, one data set. A larger model knows more, learns
#   fewer new answers from the same data, and may stand nearer to the mini world: the explanation can be tested there (exercise 12.4), the
#   numbers do not travel.
# * SmolLM2's recording was made on a GPU in float32, Gemma's on a CPU whose tuning computes in bfloat16; elsewhere the same runs end a little
#   elsewhere.
#
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A model is right on one question in four, and in two of five of these the answer stands in the question. What may you say about its knowledge?</summary>
#
# That it knows at most what is left, about 15 % of the questions; of those it may have guessed some, as the relation majority would.
#
# </details>
# <details><summary>P(sure) ranks the tuned model's answers worse than the answer confidence does. Does that mean that it learnt nothing?</summary>
#
# No. It was taught what the *untuned* model got right, and tells that well. It is graded on other questions than it was taught.
#
# </details>
# <details><summary>Why does calibration on in-domain answers not help out of domain?</summary>
#
# The curve learns how often answers at a confidence are right *there*. Elsewhere the same confidence is right less often, and nothing tells the curve.
#
# </details>
# <details><summary>Vanilla beats padding with one model and one data set. Is the paper refuted?</summary>
#
# No: models of a twentieth of the size, a sample of the questions, three seeds. It is shown that the claim does not hold everywhere, and where to look before one trusts it.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 12.2 · Known, or read in the question? (do, 5 minutes)
#
# Of the first of `models`: how many certain questions are right in all ten samples (`always`), and how many of these have their answer standing in the question (`given`)? Count over
# the training questions of all seeds. A row of its `"training"` has `correct` and `samples_right`, one of its `"questions"` with the `split` "train" has `in_question`, both in the same order.
#
# *What to expect:* two whole numbers, the second about half of the first.

# %% [markdown]
# <details><summary>Hint 1: one long column</summary>
#
# `np.concatenate` makes one array of a list of arrays, one for each seed. Do it for both columns, so that they stay in the same order.
#
# </details>
# <details><summary>Hint 2: two conditions</summary>
#
# Certain *and* ten samples right: `row["correct"] & (row["samples_right"] == 10)`.
#
# </details>
# <details><summary>Hint 3: of these</summary>
#
# An array of yes and no in brackets keeps the places of the yes, and `sum` counts the yes among them.
#
# </details>

# %%
answer = {"always": ..., "given": ...}

# %% tags=["solution"]
parts = next(iter(models.values()))
always = np.concatenate([row["correct"] & (row["samples_right"] == 10) for row in parts["training"]])
given = np.concatenate([row["in_question"] for row in parts["questions"] if row["split"] == "train"])
answer = {"always": always.sum(), "given": given[always].sum()}
print(f"{answer['given']} of {answer['always']}: {given[always].mean():.0%}; of all training questions {given.mean():.0%}")

# %% tags=["both", "nbval-check-output"]
check("12.2", answer)

# %% [markdown] tags=["solution"]
# 43 of 77, 56 %, while the answer stands in 16 % of all training questions: more than half of SmolLM2's firmest "knowledge" could be had by reading the question. And 77 is few:
# three times 600 questions were asked ten times each. Both numbers count a question once for each seed that drew it.

# %% [markdown] tags=["both"]
# ### Exercise 12.3 · Another mix (do, 10 minutes)
#
# The mix of section 3 weighs P(sure) and the answer confidence alike. Of the weights 0, 0.1, ..., 1 of P(sure), which `weight` has the highest AP in-domain, for the padding models of the first of
# `models` (mean over the seeds)? And which AP has that weight out of domain (`ood`, mean over the seeds)? `metrics.average_precision` takes `row["correct"].astype(float)` and
# `weight * row["sure"] + (1 - weight) * row["answer"]`.
#
# *What to expect:* a weight below one half; and out of domain a worse choice than half and half.

# %% [markdown]
# <details><summary>Hint 1: the mean AP of one weight</summary>
#
# A function of a weight and a split: the mean over the rows of `"predictions"` with the method "padding" and that split. There is a row for each seed.
#
# </details>
# <details><summary>Hint 2: the best</summary>
#
# `max(weights, key=...)` with a function from a weight to its mean AP in-domain.
#
# </details>
# <details><summary>Hint 3: out of domain</summary>
#
# The same function with the split "ood" and the weight that you have chosen; no choosing there.
#
# </details>

# %%
answer = {"weight": ..., "ood": ...}

# %% tags=["solution"]
padding = [row for row in next(iter(models.values()))["predictions"] if row["method"] == "padding"]


def mixed_ap(weight, split):
    return np.mean([
        metrics.average_precision(row["correct"].astype(float), weight * row["sure"] + (1 - weight) * row["answer"])
        for row in padding if row["split"] == split
    ])


weight = max(np.linspace(0, 1, 11), key=lambda w: mixed_ap(w, "id"))
answer = {"weight": weight, "ood": mixed_ap(weight, "ood")}
for split in ("id", "ood"):
    print(f"{split}: AP with weight {weight:.1f}: {mixed_ap(weight, split):.3f}, half and half: {mixed_ap(0.5, split):.3f}")

# %% tags=["both", "nbval-check-output"]
check("12.3", answer)

# %% [markdown] tags=["solution"]
# 0.2: AP 0.818 in-domain, against 0.807 half and half and 0.814 for the answer confidence alone; a hundredth, chosen on the very questions that it is reported on. Out of domain that weight has
# 0.395 and half and half 0.435; 0.7 would be best there (0.458). A weight that is chosen in one domain is no better in another, for the reason of section 4: in-domain P(sure) judges another model.

# %% [markdown] tags=["both"]
# ### Exercise 12.4 · Labels from a tuned model (do, 15 minutes)
#
# If P(sure) speaks of the model before tuning, make D1 of what a *tuned* model gets right. Before one tries: how many labels would that change? Take the tests for questions that
# nothing was tuned on. Of the right answers of the *vanilla* models of the first of `models`, which share does the untuned model (`untuned` in the same row) get wrong? Give it
# for each split, `id` and `ood`, all seeds together. (Why not count on the training questions?)
#
# With a model at hand and half an hour, try it, live with `profile="laptop"`: tune by vanilla on every second training question, label the others by that model's answers, and
# tune by padding on these. Would P(sure) then rank the tuned model's answers better? Say first what you expect from `turned`.
#
# *What to expect:* two shares below one half, the larger one in-domain.

# %% [markdown]
# <details><summary>Hint 1: which rows</summary>
#
# Those of `"predictions"` with the method "vanilla" and the split in question; there is one for each seed. `np.concatenate` puts their columns together.
#
# </details>
# <details><summary>Hint 2: of the right answers</summary>
#
# Keep the places where `correct` is true, and ask at how many of them `untuned` is not.
#
# </details>
# <details><summary>Hint 3: why not the training questions?</summary>
#
# The tuned model has been shown their answers. Which of them would it get right?
#
# </details>

# %%
answer = {"id": ..., "ood": ...}

# %% tags=["solution"]
vanilla = [row for row in next(iter(models.values()))["predictions"] if row["method"] == "vanilla"]
answer = {}
for split in ("id", "ood"):
    right, before = (np.concatenate([row[column] for row in vanilla if row["split"] == split]) for column in ("correct", "untuned"))
    answer[split] = np.mean(~before[right])
    print(f"{split}: {right.sum():,} right answers, {answer[split]:.1%} of them new")

# %% tags=["both", "nbval-check-output"]
check("12.4", answer)

# %% [markdown] tags=["solution"]
# In-domain 46 % of the vanilla models' 740 right answers are new, out of domain 30 % of 283. So nearly half of the labels "sure" would stand behind answers that tuning has
# brought, where the labels of today say "unsure": room for P(sure) to become a better judge in-domain, less of it out of domain. Whether it does become one nobody has tried
# here. On the training questions the count would say nothing: the tuned model has learnt their answers by heart, and nearly all would be labelled "sure".

# %% [markdown]
# ## Summary
#
# Ask of every learned confidence *what* it was taught to predict, and compare it with the confidence that costs nothing.
# **Back to the start:** [01 · What does the model know?](01_probe_knowledge.ipynb)

# %% [markdown]
# # 07 · Questions that have no answer
#
# *What will Paris dream of tomorrow?* Nobody can know. A good model says so. R-Tuning never sees such a question: it is tuned
# on questions that all have an answer, and learns to decline those whose answer it does not know. **Does it then also
# decline what has no answer at all, and what does it decline besides?**
#
# **By the end you will have measured** refusals on twins of SelfAware, FalseQA and NEC, the three sets of the paper's Tables 3
# and 7, **and** on the answerable half of each, which the paper leaves out; told apart three ways of having no answer; and
# compared the tuned models with a free opponent and with two models that do not think at all.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 06 (it uses its models) |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 1 min on 2 CPU cores after notebook 06; 1.3 GB |
# | Reads | the models tuned on the five mini twins (data set `multitask`; of notebook 06, or those that come with the kit); `results/mini/unanswerable.json`; `results/paper/` |
# | Writes | `predictions-on-<data set>/` for each method under `runs/<profile>/multitask/` |
# | Paper | section 5.3; Tables 3 and 7 (refusal rates), Table 8 (answer rates) |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/07_refuse_the_unanswerable.ipynb) |
#
# | word | meaning |
# |---|---|
# | [refusal rate](../docs/glossary.md#refusal-rate-and-over-refusal) | share of the *unanswerable* questions that are refused; also called recall |
# | over-refusal | share of the *answerable* questions that are refused |
# | known | the untuned model answers the question right |
# | precision | share of the refused questions that are unanswerable |
# | F1 | harmonic mean of refusal rate and precision |
# | padding | says "I am sure" or "I am unsure" after its answer; refuses where P(sure) is at most one half |
# | replacement | writes a refusal in the place of an answer |

# %% [markdown] tags=["solution"]
# # Solutions of 07 · Questions that have no answer
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. name three ways in which a question has no answer, and say which of them familiarity can see;
# 2. judge refusals from both sides, and split over-refusal into what was known and what was not;
# 3. say why a refusal rate alone proves nothing;
# 4. find a free opponent for a model that refuses.

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
from rtuning_helpers.data.matching import matches
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice, short_run_notice
from rtuning_helpers.experiments.unanswerable import figures as refusal_plots
from rtuning_helpers.experiments.unanswerable.measure import (
    ALWAYS_REFUSE,
    Estimate,
    all_rows,
    asked_sets,
    category_rows,
    has_gold,
    read_refusals,
    refusal_curve,
)
from rtuning_helpers.experiments.unanswerable.recording import RECORDING, beyond_recording, over_seeds
from rtuning_helpers.figures import plots
from rtuning_helpers.metrics import auroc, paired_bootstrap_difference
from rtuning_helpers.metrics.answers import WILLING
from rtuning_helpers.metrics.sampling_error import proportion_half_width
from rtuning_helpers.paper.tables import paper_results
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED, check_methods, find_method, method_looks

plots.use_style(method_looks())
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "multitask"  # what the models are tuned on: multitask, mini, pararel, ...
methods = ["padding", "replacement"]  # which models to ask; vanilla and unsupervised exist too
sets = ["selfaware", "falseqa", "nec"]  # which questions; refunq exists too, with data_dir only
seed = 0  # any whole number
data_dir = None  # folder with the real data sets; None: their mini twins
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
methods, asked = check_methods(methods), asked_sets(sets, data_dir)
answers = {title: {} for title in asked}
for title, name in asked.items():
    for method in (PRETRAINED, *methods):
        if force:
            steps.transfer_step(config, method, name, force=True)
        answers[title][method] = read_refusals(config, method, name)
whole = (profile, dataset, data_dir, limit, model) == ("mini", "multitask", None, None, None)
if "padding" in methods:
    short_run_notice(steps.read_training_log(config, "padding").steps)
knowledge_notice([p.correct for found in answers.values() for p in found[PRETRAINED] if has_gold(p)])
refusers = [m for m in methods if find_method(m).can_refuse]  # like the untuned model, vanilla cannot

# %% [markdown]
# ## 1. Three ways of having no answer
#
# * **SelfAware**: nobody can know it. The subject exists, and the question asks for dreams, secrets or the future.
# * **FalseQA**: it rests on a **[false premise](../docs/glossary.md#false-premise)**, a fact that is wrong of the subject (*wrong fact*) or a thing said that makes no
#   sense of a thing of its kind (*wrong kind*).
# * **NEC** (non-existent concepts): its subject is **made up**.
#
# Each set has an answerable half. In the twins of SelfAware and FalseQA both halves ask about the same subjects, of which the model has
# read every fact a dozen times or more, so that the subject cannot be a reason to refuse. FalseQA's halves also have the same form, and so
# have NEC's. SelfAware's have not: its answerable questions are plain ones, as in tuning, its [unanswerable](../docs/glossary.md#unanswerable-question) ones are not.

# %%
examples = []
for title, found in answers.items():
    unanswerable = [p for p in found[PRETRAINED] if not p.answerable]
    kinds = {p.relation: p for p in reversed(unanswerable)}
    examples += [{"set": title, "half": "answerable", "kind": "", "question": p.question, "gold": p.answer or "-"} for p in found[PRETRAINED] if p.answerable][:1]
    examples += [{"set": title, "half": "unanswerable", "kind": kind, "question": p.question, "gold": "-"} for kind, p in kinds.items()][:3]
pd.DataFrame(examples)

# %% [markdown]
# None of these forms occurs in tuning: no premise, no made-up name, no dream. What was tuned on are the twins of ParaRel, MMLU, WiCE,
# HotpotQA and FEVER.
#
# ## 2. What does the untuned model do with them?
#
# It cannot refuse, so it answers. How sure is it of its answer, on each half? Answer confidence is the geometric mean of the
# answer's token probabilities.

# %%
by_half = []
for title, found in answers.items():
    for half, keep in (("answerable", True), ("unanswerable", False)):
        part = [p for p in found[PRETRAINED] if p.answerable is keep]
        judged = [p.correct for p in part if has_gold(p)]
        row = {"set": title, "half": half, "n": len(part), "right": np.mean(judged) if judged else None}
        by_half.append(row | {"answer confidence (median)": np.median([p.answer_confidence for p in part]) if part else None})
untuned = pd.DataFrame(by_half)
untuned.round(3)

# %%
columns = {
    title: ([p.answerable for p in found[PRETRAINED]], [p.answer_confidence for p in found[PRETRAINED]])
    for title, found in answers.items()
}
refusal_plots.confidence_by_half(columns, "answer confidence of the untuned model", "How sure the untuned model is of its answers")
plt.show()

# %% [markdown]
# And what does it say? To a question with a false premise, it may overlook the premise and answer the rest. In the twin each false
# premise stands before a question that its answerable neighbour asks after a true premise, so this can be counted.

# %%
overlooked = {}
if whole:
    asked_twice = answers["FalseQA"][PRETRAINED]
    for true, false in zip(asked_twice[::2], asked_twice[1::2]):
        if true.correct:  # only where the model knows the answer
            overlooked.setdefault(false.relation, []).append(matches(false.prediction, true.answer))
    for kind, hits in overlooked.items():
        print(f"{kind}: the answer that it gives after a true premise, in {np.mean(hits):.0%} of {len(hits)} cases")
said = [p for found in answers.values() for p in found[PRETRAINED] if not p.answerable]
pd.DataFrame([{"question": p.question, "untuned model": p.prediction, "confidence": p.answer_confidence} for p in said[:: max(1, len(said) // 8)]]).round(2)

# %% [markdown]
# Compare the two colours in the figure. On SelfAware and NEC they lie apart: the model's own confidence already tells the halves from
# each other, untuned and for free, since a name that it has never read, or a question that nobody asks, leaves it without a favourite
# answer. On FalseQA they lie on each other: it answers a question that has no answer as calmly as its neighbour that has one.
#
# ## 3. What do the tuned models refuse?
#
# First what the paper reports: the share of the **unanswerable** questions that is refused. The untuned model and vanilla have no
# means to refuse here and stand at zero. (The paper lets them refuse by a prompt that says that they may; the prompt is not
# printed.) The intervals are Wilson's, over the questions; section 7 has the spread over seeds.

# %%
rows = {title: {row.method: row for row in all_rows(found, seed=seed)} for title, found in answers.items()}
refusal_rates = {title: {m: found[m].recall for m in methods} for title, found in rows.items()}
refusal_plots.refusal_dots({"unanswerable questions": refusal_rates}, "Refusal rate: the half that the paper reports")
plt.show()
pd.DataFrame({title: {m: str(found[m].recall) for m in (*methods, ALWAYS_REFUSE)} for title, found in rows.items()})

# %% [markdown]
# Made-up things (NEC) are refused, false premises (FalseQA) are not, and on SelfAware the two methods disagree. But even a high rate says
# only that the model refuses, not yet that it knows what it is doing: the last row, which refuses without reading the question, is the
# best of all.
#
# ## 4. The other side
#
# A model that refuses everything has a refusal rate of 100 %. What tells it from a good one is the **answerable** half. But not
# every refusal there is a mistake: an R-Tuned model *should* refuse what it does not know. So the answerable questions are
# split by whether the **untuned model [answers them right](../docs/glossary.md#known-question)**. Refusing the known ones is the real price.

# %%
sides = {"unanswerable": "recall", "answerable, not known": "over_refusal_unknown", "answerable, known": "over_refusal_known"}
both_sides = {
    title: {m: {side: getattr(found[m], name) for side, name in sides.items()} for m in refusers} for title, found in rows.items()
}
refusal_plots.refusal_dots(both_sides, "Refused, by whether there is an answer and whether the model knew it")
plt.show()

# %% [markdown]
# Of all the numbers that follow, one by hand: the **[fair precision](../docs/glossary.md#precision-fair-precision-f1)** of one method on one set. Look at the refused questions. A
# refusal is fair if there is no answer, or if the untuned model does not know it; the fair precision is their share.

# %%
title, method = list(answers)[-1], (refusers or methods)[0]
fair, refused = 0, 0
for tuned, untuned in zip(answers[title][method], answers[title][PRETRAINED]):
    if tuned.refused:
        refused += 1
        fair += not tuned.answerable or not untuned.correct
helper = rows[title][method].fair_precision.value
if refused and all(has_gold(p) for p in answers[title][method] if p.answerable):  # else nobody knows what is right
    assert np.isclose(fair / refused, helper)
    print(f"{title}, {method}: {fair} of {refused} refusals are fair: by hand {fair / refused:.4f}, by the helper {helper:.4f}")

# %% [markdown]
# The whole account, with the two models that do not think. *Fair* precision and F1 also count it as right to refuse an answerable
# question that the untuned model gets wrong. Precision and F1 depend on how many questions of each kind a set has (always refusing
# has a high F1 where most questions are unanswerable), so read them against the column *always refuse*. A dash: the number does not exist.
# (The models know nearly all of SelfAware and FalseQA, so that *of the unknown* rests on two questions there.)

# %%
account = {
    "recall": "refusal rate", "over_refusal": "over-refusal", "over_refusal_known": "of the known", "over_refusal_unknown": "of the unknown",
    "precision": "precision", "f1": "F1", "fair_precision": "fair precision", "fair_f1": "fair F1", "answered_accuracy": "right among answered",
}
shown = ("always answer", *methods, ALWAYS_REFUSE)
for title, found in rows.items():
    print(f"{title}: {found[ALWAYS_REFUSE].n_unanswerable:,} unanswerable, {found[ALWAYS_REFUSE].n_answerable:,} answerable questions")
    display(pd.DataFrame({label: {m: str(getattr(found[m], name)) for m in shown} for name, label in account.items()}).T)

# %%
reasons = {}
for title, found in rows.items():
    for m in shown:
        for name, label in account.items():
            if getattr(found[m], name).value is None:
                reasons.setdefault(getattr(found[m], name).reason, []).append(f"{title}, {m}: {label}")
for reason, cells in reasons.items():
    print(f"no number where {reason}: {'; '.join(cells[:3])}{' ...' if len(cells) > 3 else ''}")

# %% [markdown]
# Read each set from the right: *always refuse* has the perfect refusal rate and an F1 that many a paper would print. A method that
# knows what it does has a high refusal rate, refuses few *known* questions, and more of the *unknown* ones. On NEC both methods do. On
# SelfAware replacement refuses far more than padding; perhaps because it only has to write a refusal where no answer comes to mind,
# while padding first gives some answer and then judges it.
#
# ## 5. Which kind is caught?
#
# R-Tuning teaches a model to tell familiar from unfamiliar. A made-up name is unfamiliar. A false premise about a well-known
# subject is not: all of its words are known.

# %%
found_kinds = [row for title in answers for m in refusers for row in category_rows(m, answers[title][m])]
by_kind = {}
for row in found_kinds:
    by_kind.setdefault(f"{row['category']} (n = {row['refused'].n})", {})[row["method"]] = row["refused"]
refusal_plots.refusal_dots({"unanswerable questions": by_kind}, "Unanswerable questions refused, by kind")
plt.show()
pd.DataFrame({kind: {m: str(share) for m, share in found.items()} for kind, found in by_kind.items()}).T

# %% [markdown]
# Familiarity is a property of words, a false premise one of their combination.
#
# ## 6. Without a threshold
#
# One half is an arbitrary border. How well does P(sure) itself tell the two halves apart?

# %%
if "padding" in methods:
    columns = {title: ([p.answerable for p in found["padding"]], [p.sure_confidence for p in found["padding"]]) for title, found in answers.items()}
    refusal_plots.confidence_by_half(columns, "P(sure) of the padding model", "What the padding model says of itself; left of the line it refuses", WILLING)
    plt.show()

# %% [markdown]
# Each threshold gives one refusal rate and one over-refusal; all of them together are a curve. The **[free opponent](../docs/glossary.md#free-opponent)** is the
# *untuned* model with a threshold on its answer confidence: it costs no tuning. The upper left corner is perfect, and on the thin
# line one refuses blindly.

# %%
curves = {title: {} for title in answers}
for title, found in answers.items():
    for m, confidence in ((PRETRAINED, "answer_confidence"), ("padding", "sure_confidence")):
        if m in found and len({p.answerable for p in found[m]}) == 2:
            curves[title][m] = refusal_curve(found[m], confidence)
points = {title: [found[m] for m in refusers] for title, found in rows.items()}
refusal_plots.refusal_plane(points, curves, "Both sides at once: refusals of unanswerable and of answerable questions")
plt.show()

# %% [markdown]
# The area under such a curve (AUROC) is the chance that an unanswerable question is more doubted than an answerable one; 0.5 is
# blind. `padding - untuned` is resampled in pairs. The last columns let the free opponent refuse as many *answerable* questions as
# each tuned model does, and count what it catches of the unanswerable ones.

# %%
ranking, duels = [], {}
for title, found in answers.items():
    row = {"set": title, "untuned, answer confidence": rows[title][PRETRAINED].auroc_answer.value}
    if "padding" in methods and len({p.answerable for p in found["padding"]}) == 2:
        row["padding, P(sure)"] = rows[title]["padding"].auroc_sure.value
        unanswerable = [not p.answerable for p in found["padding"]]
        doubts = [1 - np.array([getattr(p, name) for p in found[m]]) for m, name in (("padding", "sure_confidence"), (PRETRAINED, "answer_confidence"))]
        duels[title] = paired_bootstrap_difference(auroc, (unanswerable, doubts[0]), (unanswerable, doubts[1]), seed=seed)
        row["padding - untuned"] = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*duels[title])
    row |= {f"{m} refuses / untuned would": f"{found_m.recall.value:.0%} / {found_m.free_recall.value:.0%}" for m in refusers if (found_m := rows[title][m]).free_recall.value is not None}
    ranking.append(row)
pd.DataFrame(ranking).set_index("set").round(3)

# %% [markdown]
# One verdict a set. **NEC**: both curves are close to the corner and close to each other; tuning has bought the words more than the
# knowledge. **FalseQA**: both follow the thin line, no threshold helps, the information is not there. **SelfAware**: the untuned model's
# confidence has it, and padding's P(sure) has not learned to use it.
#
# In the last column the price is what the tuned model happens to pay. What would other prices buy?

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 07.1 · What a price buys (build, 15 minutes)
#
# Write `caught(answerable, unanswerable, allowed)`: of two lists of confidences, one for each half of a set, the largest share of the unanswerable questions that one border
# can refuse, if at most the share `allowed` of the answerable ones may be refused with them. What lies *at or below* the border is refused. Below, your function
# is given the untuned model's answer confidence and padding's P(sure).
#
# *What to expect:* a share that rises with the price: with `allowed=1` everything is caught.

# %% [markdown]
# <details><summary>Hint 1: one border</summary>
#
# With `np.array` on both lists, `np.mean(answerable <= border)` is the price of a border, and the same of the other list is what it catches.
#
# </details>
# <details><summary>Hint 2: which borders</summary>
#
# The shares change only where a confidence is passed, so it does to try all confidences of both lists, and one that lies below all of them and refuses nothing.
#
# </details>
# <details><summary>Hint 3: the best</summary>
#
# Of the borders whose price is at most `allowed`, the one that catches most: `max` over a list.
#
# </details>

# %%
def caught(answerable, unanswerable, allowed):
    """Share of the unanswerable that a border catches, if it may refuse so large a share of the answerable."""
    return ...  # your code

# %% tags=["solution"]
def caught(answerable, unanswerable, allowed):
    """Share of the unanswerable that a border catches, if it may refuse so large a share of the answerable."""
    kept, hopeless = np.array(answerable), np.array(unanswerable)
    borders = [border for border in (-1, *kept, *hopeless) if np.mean(kept <= border) <= allowed]
    return max(np.mean(hopeless <= border) for border in borders)


for title, found in answers.items():
    halves = ([p.answer_confidence for p in found[PRETRAINED] if p.answerable is kind] for kind in (True, False))
    print(f"{title}: the untuned model catches {caught(*halves, 0.05):.0%} for 5 % of the answerable questions")

# %% tags=["both", "nbval-check-output"]
check("07.1", caught)

# %% [markdown] tags=["solution"]
# For 5 % of the answerable questions the untuned model's confidence catches about 82 % of SelfAware, 57 % of NEC and 4 % of FalseQA. The last is what a coin would do: a border that refuses 5 % of one half
# refuses about 5 % of the other. A price makes methods comparable that refuse differently often; a refusal rate alone does not.

# %%
if check.is_right("07.1"):
    prices, bought = (0.01, 0.05, 0.1, 0.25), []
    for title, found in answers.items():
        for m, confidence in ((PRETRAINED, "answer_confidence"), ("padding", "sure_confidence")):
            if m in found and len({p.answerable for p in found[m]}) == 2:
                halves = [[getattr(p, confidence) for p in found[m] if p.answerable is kind] for kind in (True, False)]
                shares = {f"{price:.0%} allowed": f"{caught(*halves, price):.0%}" for price in prices}
                bought.append({"set": title, "method": m, "border on": confidence.replace("_", " ")} | shares)
    display(pd.DataFrame(bought))

# %% [markdown]
# Whoever may refuse a tenth of what has an answer catches most of what has none with the *untuned* model on SelfAware and NEC; on FalseQA no more than a coin would, whatever the method.
#
# ## 7. Three seeds
#
# Tuning is a random thing. The kit ships the rows of seeds 0, 1 and 2 (`rtuning record unanswerable` makes them
# again): mean, and lowest to highest value. Last column: what the untuned model refuses of the unanswerable questions when it may
# refuse as many answerable ones.

# %%
recorded, summary = RECORDING.read(config), pd.DataFrame()
if recorded is not None:
    kept = ["recall", "over_refusal_known", "over_refusal_unknown", "fair_f1", "auroc_sure", "free_recall"]
    multitask = [r for r in recorded["rows"] if r["tuned_on"] == "multitask"]
    summary = over_seeds(multitask, ("dataset", "method"), kept)
    summary["text"] = [f"{r.mean:.3f} ({r.lowest:.3f} to {r.highest:.3f})" for r in summary.itertuples(index=False, name="Row")]
    table = summary[summary.method.isin(["padding", "replacement"])].pivot(index=["dataset", "method"], columns="metric", values="text")
    display(table[kept].fillna("-").rename(columns=account | {"auroc_sure": "AUROC P(sure)", "free_recall": "free opponent would refuse"}))

# %%
if recorded is not None:
    multitask = [r for r in recorded["categories"] if r["tuned_on"] == "multitask"]
    kinds = over_seeds(multitask, ("method", "category"), ("refused",))
    kinds["text"] = [f"{r.mean:.1%} ({r.lowest:.1%} to {r.highest:.1%})" for r in kinds.itertuples(index=False, name="Row")]
    display(kinds[kinds.method.isin(["padding", "replacement"])].pivot(index="category", columns="method", values="text"))
    spread = {}
    for r in kinds[kinds.method.isin(["padding", "replacement"])].itertuples():
        spread.setdefault(r.category, {})[r.method] = Estimate(r.mean, r.lowest, r.highest, r.seeds)
    refusal_plots.refusal_dots({"unanswerable questions": spread}, "By kind: mean of three seeds, lowest to highest")
    plt.show()

# %% [markdown]
# Only what holds on every seed is a finding; where lowest and highest value lie far apart, one run says little.
#
# ## 8. A model that looks perfect
#
# The models above were tuned on five forms of questions. What if only **plain** questions occur in tuning? Those are the models of
# notebooks 04 and 05 (data set `mini`; their base has read the same facts, but no lists, paragraphs or options). Untuned, it answers the
# answerable halves of FalseQA and SelfAware without a mistake. Mean over the same three seeds, lowest and highest.

# %%
if recorded is not None:
    both_tunings = over_seeds(recorded["rows"], ("tuned_on", "dataset", "method"), ("recall", "over_refusal_known", "f1", "auroc_sure"))
    both_tunings = both_tunings[both_tunings.method.isin(["padding", "replacement"])]
    both_tunings["text"] = [f"{r.mean:.3f} ({r.lowest:.3f} to {r.highest:.3f})" for r in both_tunings.itertuples(index=False, name="Row")]
    wide = both_tunings.pivot(index=["dataset", "method", "tuned_on"], columns="metric", values="text").fillna("-")
    display(wide[["recall", "over_refusal_known", "f1", "auroc_sure"]].rename(columns=account | {"over_refusal_known": "refused, known", "auroc_sure": "AUROC P(sure)"}))
    base = [r for r in recorded["rows"] if (r["tuned_on"], r["method"], r["seed"]) == ("mini", PRETRAINED, 0)]
    print("the untuned base of the plain models, AUROC of its answer confidence:", {r["dataset"]: round(r["auroc_answer"]["value"], 3) for r in base})

# %% [markdown]
# On the half that the paper reports, padding after plain questions looks nearly perfect: it refuses 91 to 100 % of each set. Now look at the
# other half. On **NEC** the rate is earned: P(sure) tells the halves apart (AUROC above 0.99, the untuned base 0.99), though one known
# question in eight is refused, too. On **FalseQA it refuses nine in ten of the answerable neighbours as well**, which it answers right
# if asked, and P(sure) ranks the halves like a coin. What it refuses there cannot be the false premise; it seems to be *any clause
# before the question*, a form that it does not know from tuning. Its F1 of 0.64 is less than that of always refusing (0.67). On
# **SelfAware**, then, one cannot tell: there the strange form and the missing answer go together, and the untuned base ranks perfectly, too.
#
# Replacement, with the same questions and labels, refuses 1 % of FalseQA. Without the answerable half, 91 % would have been a success
# and 1 % a failure; with it, both methods know equally little.
#
# The models of the other sections do not refuse strange forms, and let pass most of SelfAware. They have met more forms, in the base's
# reading and in tuning; but they were also tuned for fewer steps, and we have not told these reasons apart.
#
# ## 9. Against the paper's Tables 3 and 7
#
# The paper's refusal rates in percent: three real models, the **unanswerable** halves only. "[Pretrain-T](../docs/glossary.md#pretrain-t-and-pretrain-w)" is the untuned model,
# "R-Tuning-R" is replacement. Which tuning set these models had is not stated.

# %%
printed = paper_results(3)
display(printed.pivot(index=["dataset", "model"], columns="method", values="value"))
counts = {"SelfAware": 1032, "FalseQA": 2365, "NEC": 2078}  # unanswerable questions, the paper's Table 6
for title, n in counts.items():
    part = printed[(printed.dataset == title) & printed.method.isin(["R-Tuning", "R-Tuning-R"])]
    widths = [100 * proportion_half_width(value / 100, n) for value in part.value]
    print(f"{title}: R-Tuning and R-Tuning-R {part.value.min():.1f} to {part.value.max():.1f}, sampling error at most {max(widths):.1f} points; always refuse: 100")

# %% [markdown]
# Nothing in this table tells a careful model from one that always refuses: the careless one would stand at the top of every row. The
# nearest thing to the other side that the paper prints is Table 8: how many *answerable* ParaRel questions R-Tuning-R answers.

# %%
table8 = paper_results(8)
ordinary = table8[(table8.dataset == "ParaRel") & (table8.method == "R-Tuning-R") & (table8.metric == "answer rate")]
knows = table8[(table8.dataset == "ParaRel") & (table8.method == "Pretrain-T")].set_index(["split", "model"]).value
beside = printed[printed.method == "R-Tuning-R"].groupby("model").value.mean()
pd.DataFrame(
    [
        {"model": r.model, "ParaRel": r.split, "untuned model right": knows[r.split, r.model], "answerable refused": 100 - r.value, "unanswerable refused (mean of 3 sets)": beside[r.model]}
        for r in ordinary.itertuples()
    ]
).round(1)

# %% [markdown]
# Out-of-domain the two larger models answer *fewer* questions than the untuned ones get right, so they refuse some that were known.
# How many of the paper's refusals on the unanswerable sets are insight, and how many are the habit of refusing what looks
# unusual, cannot be told from its tables. On the answerable halves of the same public sets it could be.
#
# ## Checks

# %%
padding = {title: found["padding"] for title, found in rows.items() if "padding" in found}
numbers = [e.value for row in padding.values() for e in (row.recall, row.over_refusal_known, row.auroc_sure, row.free_recall)]
if not {"SelfAware", "FalseQA", "NEC"} <= set(padding) or None in numbers:
    print("Not checked: some number does not exist here, or a method or set was left out.")
else:
    made_up, selfaware, falseqa = (padding[title] for title in ("NEC", "SelfAware", "FalseQA"))
    n = min(row.n_unanswerable for row in padding.values())
    finding("padding refuses most made-up things, interval included", made_up.recall.low > 0.5, config, "multitask", n)
    apart = made_up.recall.low > made_up.over_refusal_known.high  # one seed's rate moves from processor to processor
    finding("padding refuses more of the made-up things than of the known ones, intervals apart", apart, config, "multitask", n)
    finding("its P(sure) tells made-up things from existing ones (AUROC above 0.9)", made_up.auroc_sure.low > 0.9, config, "multitask", n)
    few = all(row.over_refusal_known.high < 0.15 for row in padding.values())
    finding("it refuses less than 15 % of the known answerable questions of each set, interval included", few, config, "multitask", n)
    overlooks = max(selfaware.recall.high, falseqa.recall.high) < 0.15
    finding("it overlooks what is wrong with well-known subjects: at most 15 % of SelfAware and FalseQA refused, interval included", overlooks, config, "multitask", n)
    blind = falseqa.auroc_sure.low < 0.5 < falseqa.auroc_sure.high
    finding("its P(sure) does not see false premises (the interval of its AUROC holds 0.5)", blind, config, "multitask", n)
    fewer = selfaware.recall.high < selfaware.free_recall.low
    finding("of the unknowable questions it refuses fewer than the free opponent, intervals apart", fewer, config, "multitask", n)
if recorded is not None:
    beyond = beyond_recording([row for found in rows.values() for row in found.values()], [r for r in recorded["rows"] if r["tuned_on"] == "multitask"])
    finding("this run lies within what the recorded seeds span, give or take 0.1", beyond <= 0.1, config, "multitask")

# %% [markdown]
# ## What it says, and what it does not
#
# * The refusals of a model that was tuned to tell known from unknown are about *familiarity*. Having no answer is another thing, and
#   the two go together only where the reason is an unfamiliar word.
# * The twins are clear-cut: a made-up name is a word that the model has never read, and the words of an unknowable question never
#   stand beside a subject in its corpus. Real made-up names consist of known parts ("Combsurfing"), and real unknowable questions of
#   everyday words; there familiarity has less to hold on to.
# * A false premise of the twin never touches the answer. In the real FalseQA the question often falls with its premise.
# * A seed does not fix these rates. On another kind of processor (AVX2 instead of AVX-512) the same seed 0 of padding refused 70 % of the
#   made-up things, not 84 %, and replacement 24 % of the unknowable questions, not 32 %. Read rates with the span of the seeds.
# * The untuned model cannot refuse in this notebook. A prompt that allows it to is part of the paper's baseline, and not printed there.
# * The threshold of the free opponent is set on the questions that it is tested on (on their answerable half only), which flatters it.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A model refuses 97 % of the unanswerable questions. What have you learned about it?</summary>
#
# That it refuses, not that it knows why. One that always refuses has 100 %. Ask what it refuses of the answerable half, and of what it knew.
#
# </details>
# <details><summary>Why does P(sure) see a made-up name and not a false premise?</summary>
#
# It tells familiar from unfamiliar. A made-up name is an unfamiliar word; a false premise is made of familiar words, only their combination is wrong.
#
# </details>
# <details><summary>A tuned model refuses an answerable question. Is that a mistake?</summary>
#
# Only if it was known. The price is what is refused of the questions that the untuned model answers right.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 07.2 · One in ten (do, 10 minutes)
#
# Move padding's border from 0.5 so that it refuses one in ten of the *known* answerable NEC questions (`answers["NEC"]["padding"]`; what is known, `answers["NEC"][PRETRAINED]`
# says, in the same order). Give the `border`, and the share of the made-up names that it refuses then, `caught`. What lies at or below the border is refused.
#
# *What to expect:* a border above one half, and far more made-up names than known ones.

# %% [markdown]
# <details><summary>Hint 1: pairs</summary>
#
# `zip` gives the prediction of padding with that of the untuned model. Known is what is `answerable`, and `correct` in the second.
#
# </details>
# <details><summary>Hint 2: the border</summary>
#
# One in ten of a list of numbers lies below its 0.1 quantile: `np.quantile(numbers, 0.1)`. The numbers are P(sure) of the known questions.
#
# </details>
# <details><summary>Hint 3: what is caught</summary>
#
# Of the questions that are not `answerable`, the share with a `sure_confidence` of at most the border.
#
# </details>

# %%
answer = {"border": ..., "caught": ...}

# %% tags=["solution"]
pairs = list(zip(answers["NEC"]["padding"], answers["NEC"][PRETRAINED]))
border = np.quantile([p.sure_confidence for p, untuned in pairs if p.answerable and untuned.correct], 0.1)
answer = {"border": border, "caught": np.mean([p.sure_confidence <= border for p, _ in pairs if not p.answerable])}
print(f"border {border:.2f}: {answer['caught']:.0%} of the made-up names are refused")

# %% tags=["both", "nbval-check-output"]
check("07.2", answer)

# %% [markdown] tags=["solution"]
# In one run the border moves to 0.66, and 92 % of the made-up names are refused instead of 70 %; the price rises from 4 % of the known questions to 10 %. (On another processor or seed the border lies elsewhere.) The ranking was
# good all along; where one half lies in it is chance.

# %% [markdown] tags=["both"]
# ### Exercise 07.3 · Nine to one (do, 10 minutes)
#
# Build a set with nine unanswerable questions for each answerable one out of NEC's twin: keep all unanswerable ones, and of the answerable ones the first, as many as a ninth of the unanswerable ones.
# Leave the others out of *every* method's answers, and give the result to `all_rows`. What are now padding's `precision` and `f1`, and the F1 of always refusing, `always`? Which of precision, F1 and AUROC may be compared over sets?
#
# *What to expect:* two of the three numbers are higher than in section 4, and no model has changed.

# %% [markdown]
# <details><summary>Hint 1: which to keep</summary>
#
# The ids of the first answerable questions of one method, `count = unanswerable // 9` of them, in a set.
#
# </details>
# <details><summary>Hint 2: every method</summary>
#
# A dictionary like `answers["NEC"]`, each list with only those predictions that are not `answerable` or whose `id` is kept.
#
# </details>
# <details><summary>Hint 3: rows</summary>
#
# `all_rows` gives a row for each method; `row.precision.value` is the number, and the method of always refusing is `ALWAYS_REFUSE`.
#
# </details>

# %%
answer = {"precision": ..., "f1": ..., "always": ...}

# %% tags=["solution"]
found = answers["NEC"]
count = sum(not p.answerable for p in found["padding"]) // 9
kept = {p.id for p in [p for p in found["padding"] if p.answerable][:count]}
uneven = {m: [p for p in part if not p.answerable or p.id in kept] for m, part in found.items()}
new = {row.method: row for row in all_rows(uneven, seed=seed)}
padding = new["padding"]
answer = {"precision": padding.precision.value, "f1": padding.f1.value, "always": new[ALWAYS_REFUSE].f1.value}
for name, row in (("whole set", {row.method: row for row in all_rows(found, seed=seed)}), ("nine to one", new)):
    print(f"{name}: padding's precision {row['padding'].precision}, F1 {row['padding'].f1}")
    print(f"   its AUROC {row['padding'].auroc_sure}, F1 of always refusing {row[ALWAYS_REFUSE].f1.value:.3f}")

# %% tags=["both", "nbval-check-output"]
check("07.3", answer)

# %% [markdown] tags=["solution"]
# In one run padding's precision rises from 93 % to 98 %, its F1 from 0.80 to 0.82, and that of always refusing from 0.73 to 0.95: now the thoughtless model is far ahead. AUROC stays within its
# interval. It compares pairs of one question of each kind, so that it does not matter how many there are of each; the same is true of the refusal rate and of over-refusal. Precision and F1 may not be compared over sets.

# %% [markdown] tags=["both"]
# ### Exercise 07.4 · Check the premise (do, 20 minutes)
#
# A false premise can be *checked*. "Since Keltric works for Vrulstek, ..." answers the question "For which company does Keltric work?"; `forms` below has eight such forms. Ask the untuned model `lm` that question for each question of FalseQA's twin with
# such a premise, and refuse where its answer does not stand in the premise. Which share of these questions that have no answer is `caught`, and which share of those that have one is `doubted`?
#
# *What to expect:* most of the first, few of the second. P(sure) catches nearly none of them.

# %% [markdown]
# <details><summary>Hint 1: which questions</summary>
#
# X is the second word. A question has the form if it begins with "Since X " and the words of the form; `q.question.startswith(...)`.
#
# </details>
# <details><summary>Hint 2: ask</summary>
#
# `replace(q, question=forms[form].format(subject))` is a copy of a question with other words; `answer_questions(lm, plain)` gives an answer for each, with its `text`.
#
# </details>
# <details><summary>Hint 3: two shares</summary>
#
# The premise is `q.question.split(",")[0]`, and `matches(premise, text)` says whether an answer's words stand in it. Then the share of refusals among those that are not `answerable`, and among those that are.
#
# </details>

# %%
from dataclasses import replace

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.model.answering import answer_questions

lm = steps.load_model(config)
forms = {
    "works for": "For which company does {} work?", "works as": "What is the profession of {}?",
    "was born in": "In which city was {} born?", "plays the": "Which instrument does {} play?",
    "lies in": "In which country does {} lie?", "is famous for": "What is {} famous for?",
    "is based in": "In which city is {} based?", "produces": "What does {} produce?",
}  # the words after the subject, and the question that they answer
answer = {"caught": ..., "doubted": ...}

# %% tags=["solution"]
from dataclasses import replace

from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.model.answering import answer_questions

lm = steps.load_model(config)
forms = {
    "works for": "For which company does {} work?", "works as": "What is the profession of {}?",
    "was born in": "In which city was {} born?", "plays the": "Which instrument does {} play?",
    "lies in": "In which country does {} lie?", "is famous for": "What is {} famous for?",
    "is based in": "In which city is {} based?", "produces": "What does {} produce?",
}  # the words after the subject, and the question that they answer
checked, plain = [], []
for q in load_questions("mini-falseqa", "test"):
    subject = q.question.split()[1]
    for form, question in forms.items():
        if q.question.startswith(f"Since {subject} {form} "):
            checked.append(q)
            plain.append(replace(q, question=question.format(subject)))
said = answer_questions(lm, plain)
refused = [not matches(q.question.split(",")[0], a.text) for q, a in zip(checked, said)]
false, true = ([no for no, q in zip(refused, checked) if q.answerable is kind] for kind in (False, True))
answer = {"caught": np.mean(false), "doubted": np.mean(true)}
print(f"caught {sum(false)} of {len(false)} false premises, doubted {sum(true)} of {len(true)} true ones")

# %% tags=["both", "nbval-check-output"]
check("07.4", answer)

# %% [markdown] tags=["solution"]
# 44 of 47 false premises are caught, and 2 of 36 true ones doubted: of what P(sure) lets through, nearly all. So the model *knows* that the premise is wrong; reading it, nothing asks for that knowledge. Familiarity is seen for free, a
# contradiction has to be looked for, at the price of one more question each.

# %% [markdown]
# ## Summary
#
# After tuning on five tasks (means over three seeds, lowest to highest):
#
# * **Made-up** things are refused: padding 81 % (61 to 99), replacement 98 % (96 to 99), and 5 to 6 % of the existing ones that were known.
#   At equal over-refusal the untuned model's confidence catches fewer, though as a ranking it is nearly as good.
# * **False premises** about well-known subjects pass (padding 0 %, replacement 1 %), and no confidence sees them.
# * **Unknowable** questions: padding 3 % (1 to 8), replacement 41 % (32 to 51); the untuned model's confidence, free of charge, 68 %.
# * Padding tuned on plain questions refuses 91 % of the false premises (75 to 100), and 90 % of the true ones.
#
# A refusal rate is one side of a coin. Ask for the other: the answerable twins, of which the model knew some. **Next:**
# [08 · The ledger: paper, released code, this kit](08_settle_the_ledger.ipynb).

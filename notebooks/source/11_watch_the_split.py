# %% [markdown]
# # 11 · Does the split stay valid?
#
# R-Tuning asks the *untuned* model what it knows, writes "I am sure" or "I am unsure" behind the answers, and then trains
# the model. But training changes the model. Padding even trains the *right answers* to the questions that it labels
# "unsure". **What if a question labelled unknown has become known before training ends, or a known one has been forgotten?**
#
# **By the end you will have watched** D1 and D0 being asked again at seven moments of the tuning: where each question moves,
# what padding, replacement and vanilla tuning teach and destroy, when the sure confidence forms, and whether it helps to
# take out the questions that were about to become known.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 3 min on 2 CPU cores after notebook 05; 1.2 GB |
# | Reads | probes and padding records of notebooks 01 and 03 (made on the spot if missing); `results/mini/drift.json` |
# | Writes | `sightings.jsonl` of a padding model that is watched while it is tuned, under `runs/` |
# | Paper | section 2.2 (the labels are fixed before tuning); CRaFT (Zhu et al. 2025) for the rehearsal |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/11_watch_the_split.ipynb) |
#
# | word | meaning |
# |---|---|
# | D1, D0 | questions that the untuned model answers right (*certain*), and the others (*uncertain*) |
# | tuned on | the 1,620 training questions; **not tuned on**: every third question of the in-domain test, about other subjects |
# | padding, replacement | two ways to label D0: "I am unsure" behind the right answer; a refusal in its place |
# | vanilla | tuning on the right answers alone, nothing said about sureness |
# | arm | one way of tuning: vanilla, padding, replacement, and *padding, rehearsed* (section 6) |
# | answer confidence | the model's own probability of the answer that it gives, 0 to 1 |
# | P(sure), the sure confidence | what the model says when asked whether it is sure, 0 to 1; padding *refuses* up to one half |
# | exposure | how many documents of the mini model's corpus state the fact |
# | step | one update of the adapter, by 32 examples; eight passes over the data make 408 steps |

# %% [markdown] tags=["solution"]
# # Solutions of 11 · Does the split stay valid?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. re-probe a model while it is being tuned;
# 2. read a transition diagram of known and unknown;
# 3. tell what a model memorises from what it learns to say about itself;
# 4. explain why padding and replacement treat the unknown so differently.

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
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.drift.measure import ARMS, REHEARSED, Watch, read_sightings, rehearsed_away
from rtuning_helpers.experiments.drift.recording import RECORDING, counted
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.metrics.exposure import EXPOSURE_BINS, proportion_interval
from rtuning_helpers.metrics.sampling_error import proportion_half_width, seed_interval
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.finetuning import finetune
from rtuning_helpers.tuning.registry import find_method, method_looks

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
force = False  # compute again what is there already

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out,
    style=style, shots=shots, system=system, permutations=permutations,
)
check = checks_of(config)  # of answers to exercises
knowledge_notice([p.correct for p in steps.read_probes(config)])
sets = {True: "D1, certain before", False: "D0, uncertain before"}
places = {"train": "tuned on", "id": "not tuned on"}

# %% [markdown]
# ## 1. Looking over the trainer's shoulder
#
# A *[callback](../docs/glossary.md#callback)* is an object whose methods the trainer calls as it goes. Ours stops the training at some steps, asks questions, asks
# "are you sure?" after each answer, and lets the training go on. By hand, for a few questions and a few steps: the model in training
# is saved and a copy of it is asked, so that looking does not disturb what is looked at.

# %%
watched = steps.fitted(config, "train").questions[:5]
padding_labels = find_method("padding").sureness


def sure_of(folder):
    """P(sure) of the watched questions, by the adapter in a folder."""
    lm = steps.load_tuned(config, folder)
    return [answer.sure_probability for answer in answer_questions(lm, watched, sureness=padding_labels)]


# %%
from transformers import TrainerCallback


class Watcher(TrainerCallback):
    """Keeps P(sure) of the watched questions after given steps."""

    def __init__(self, moments):
        self.moments, self.seen = moments, {}

    def on_step_end(self, args, state, control, model=None, **kwargs):
        if state.global_step in self.moments:
            with tempfile.TemporaryDirectory() as folder:
                model.save_pretrained(folder)
                self.seen[state.global_step] = sure_of(Path(folder))


# %% [markdown]
# The helper's `Watch` sits beside it in the same short training, and must see the same.

# %%
records = steps.read_tuning_records(config, "padding")[:64]
size = max(1, len(records) // 4)
brief = replace(config.settings, epochs=2, batch_size=size, accumulation=1)
total = 2 * -(-len(records) // size)
mine, helper = Watcher({total // 2, total}), {}
other = Watch(lambda step, folder: helper.update({step: sure_of(folder)}), moments=(total // 2 / total, 1))
with tempfile.TemporaryDirectory() as folder:
    finetune(records, brief, Path(folder), seed=seed, callbacks=[mine, other])
assert all(np.allclose(mine.seen[step], helper[step], atol=1e-4) for step in (total // 2, total))
pd.DataFrame(mine.seen, index=[q.question for q in watched]).round(3).rename_axis("P(sure) after step", axis=1)

# %% [markdown]
# Now in earnest: the whole tuning by padding, all watched questions, seven moments. Step 0 is the untuned model. The other [arms](../docs/glossary.md#arm) come
# from a recording (section 3). One question first: it was labelled "unsure", and training made it right.

# %% tags=["both"]
sightings = read_sightings(config, "padding")
frame = pd.DataFrame([vars(s) for s in sightings])
frame["set"], frame["place"] = frame.certain.map(sets), frame.split.map(places)
frame["sure"] = frame.sure.astype(float)
last = frame[frame.step == frame.step.max()].copy()

# %%
turned = last[~last.certain & last.correct & (last.split == "train")]
example = (turned if len(turned) else last).id.iloc[0]
print(next(q.question for q in steps.questions(config, "train") if q.id == example))
columns = {"step": "step", "correct": "right", "confidence": "answer confidence", "sure": "P(sure)"}
frame[frame.id == example][list(columns)].round(2).rename(columns=columns).set_index("step").T

# %% [markdown]
# And the means of all of them: right answers and P(sure) of the two sets, at each step.

# %%
measures = {"correct": "right answers", "sure": "P(sure)"}
means = frame.groupby(["place", "set", "step"])[list(measures)].mean().astype(float).rename(columns=measures)
means.unstack("step").stack(0, future_stack=True).round(2)

# %%
def lines_of(measure):
    """A line a set, a panel a place: mean of a measure over the steps."""
    mean = means[measure]
    groups = {p: [s for s in sets.values() if (p, s) in mean] for p in places.values()}
    return {p: {s: (list(mean[p, s].index), list(mean[p, s])) for s in found} for p, found in groups.items()}


title = "Answers: D0 is learnt by heart where it is tuned on; elsewhere D1 suffers"
panels.line_panels(lines_of("right answers"), "optimiser step", "right answers (share)", title, (0, 1.02))
plt.show()
panels.line_panels(lines_of("P(sure)"), "optimiser step", "P(sure), mean", "Sureness: the two sets part early", (0, 1.02))
plt.show()

# %%
apart = means["P(sure)"].unstack("set")
for place, gaps in (apart[sets[True]] - apart[sets[False]]).groupby("place") if len(apart.columns) == 2 else ():
    wide = gaps.droplevel("place")[lambda gap: gap > 0.3]
    print(f"{place}: P(sure) of D1 and D0 more than 0.3 apart", f"from step {wide.index[0]} on" if len(wide) else "never")

# %% [markdown]
# Two things happen at different speeds. P(sure) of the two sets parts within the first quarter of the training, on questions
# tuned on and not tuned on alike: this is what padding is meant to teach, and it is learnt first. Learning answers by heart
# goes on from the first step to the last, and only on the questions tuned on: more than half of their D0 is right at the end.
#
# **What the lines do not say.** D1 starts at 1 and D0 at 0 because they were *chosen* that way. D1 holds some lucky guesses
# (notebook 10), and whatever shakes the model makes it guess anew: some of D1 turns wrong, some of D0 right, with nothing
# forgotten and nothing learnt. The first drop of D1 and the first few hundredths of D0 are partly this.
#
# ## 2. Where does each question go?
#
# [From the sets before tuning](../docs/glossary.md#transition-diagram) (left) to four outcomes after it (right), for the questions tuned on and for the others.

# %%
def outcome(row):
    return f"{'right' if row.correct else 'wrong'}, {'unsure' if row.refused else 'sure'}"


last["after"] = [outcome(row) for row in last.itertuples()]
ends = ["right, sure", "right, unsure", "wrong, sure", "wrong, unsure"]
table = pd.crosstab([last.place, last.set], last.after).reindex(columns=ends, fill_value=0)
flows = {
    p: {(s, e): int(table[e].get((p, s), 0)) for s in sets.values() for e in ends} for p in places.values()
}
panels.transition_panels(flows, "Padding: where D1 and D0 were before tuning (left), and what became of them (right)")
plt.show()
table.rename_axis(index=["", "before tuning"], columns="after tuning")

# %% [markdown]
# A label is *[stale](../docs/glossary.md#stale-label)* when it no longer says the truth about the model: a D0 question (labelled unsure) that is answered right
# at the end, or a D1 question (labelled sure) that is answered wrong.

# %%
tuned_on = last[last.place == "tuned on"]
texts = {False: "labelled unsure, answered right after tuning", True: "labelled sure, answered wrong after tuning"}
for certain, text in texts.items():
    part = tuned_on[tuned_on.certain == certain]
    stale = int((part.correct != certain).sum())
    low, high = proportion_interval(stale, len(part))
    print(f"{text}: {stale} of {len(part)} ({stale / max(len(part), 1):.1%}, 95 % interval {low:.1%} to {high:.1%})")

# %% [markdown]
# More than half of D0 ends as *right, unsure*: the model has learnt the answer and, with it, to doubt it. On the training
# questions the label is stale, and the model repeats it: the label was learnt along with the answer.
#
# On the questions not tuned on, no more of D0 turns right than guessing among twenty possible answers would give. There the
# message of the labels ("you do not know such things") stays true. So stale labels may do less harm than one would fear:
# they are about *these* questions, the lesson is about their kind. This is our reading; section 6 tests a small part of it.
#
# But is a question that turns right *learnt*? A guess turns back as easily. Seven moments can tell: what is learnt turns once and stays, what is
# guessed goes to and fro.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 11.1 · Learnt, or guessed? (build, 15 minutes)
#
# Write `turns(right)`: how often each question turns from right to wrong or back. `right` is an array of True and False with a row for each question and a column for each moment, in the order of time;
# the answer is an array (or list) with a number for each row. Below, your function sorts the watched questions.
#
# *What to expect:* whole numbers, 0 where an answer stays what it was, at most one less than there are moments.

# %% [markdown]
# <details><summary>Hint 1: one question</summary>
#
# Wrong, wrong, right, wrong: compare each moment with the next. Two of the three comparisons differ.
#
# </details>
# <details><summary>Hint 2: all at once</summary>
#
# `right[:, 1:]` are all columns but the first, `right[:, :-1]` all but the last. `!=` compares them place by place.
#
# </details>
# <details><summary>Hint 3: count</summary>
#
# `sum(axis=1)` adds along each row; True counts 1.
#
# </details>

# %%
def turns(right):
    """How often each row turns from right to wrong or back."""
    return ...  # your code

# %% tags=["solution"]
def turns(right):
    """How often each row turns from right to wrong or back."""
    return (right[:, 1:] != right[:, :-1]).sum(axis=1)


for place, part in frame[~frame.certain].groupby("place"):
    counts = turns(part.pivot(index="id", columns="step", values="correct").to_numpy(dtype=bool))
    print(f"D0, {place}: {np.sum(counts > 0)} of {len(counts)} turn, {np.sum(counts == 1)} of them once")

# %% tags=["both", "nbval-check-output"]
check("11.1", turns)

# %% [markdown] tags=["solution"]
# In one run 478 of the 697 questions of D0 that are tuned on turn, 337 of them (seven in ten) once: wrong, then right to the end. Of the 234 that are not tuned on 49 turn at some moment, 10 of them once: what turns
# right there turns back, as guesses do. So tuning learns by heart where it has the answer, and shakes the model where it has not.

# %%
if check.is_right("11.1"):
    rows = {}
    for (place, name), part in frame.groupby(["place", "set"]):
        counts = np.array(turns(part.pivot(index="id", columns="step", values="correct").to_numpy(dtype=bool)))
        shares = {"never turns": np.mean(counts == 0), "once, for good": np.mean(counts == 1), "to and fro": np.mean(counts > 1)}
        rows[name, place] = {"questions": len(counts)} | shares
    display(pd.DataFrame(rows).T.round(3))

# %% [markdown]
# ## 3. Four arms, three seeds
#
# The same was watched for vanilla tuning, replacement, and *padding, rehearsed* (padding without the questions that section 6
# takes out), on seeds 0, 1 and 2 (`rtuning record drift`). Lines are means over seeds, shades the lowest and highest seed.
# A seed changes the tuning, not the questions: the intervals over seeds say nothing about other questions.

# %%
recording = RECORDING.read(config)
if recording is not None:
    recorded = pd.DataFrame(recording["rows"])
else:  # another model: what this run has watched, the other arms now
    recorded = pd.concat([counted(read_sightings(config, arm)).assign(seed=seed, arm=arm) for arm in ARMS])
recorded["last"] = recorded.step == recorded.groupby(["arm", "seed"]).step.transform("max")
d0, d1 = recorded[~recorded.certain], recorded[recorded.certain]


def rates(rows, what):
    """Share of the questions, for each arm, seed and step."""
    sums = rows.groupby(["arm", "seed", "step"])[[what, "n"]].sum()
    return sums[what] / sums.n


# %%
def spread(values):
    """Of a measure by seed and step, for a line: steps, mean over seeds, lowest, highest."""
    grouped = values.groupby("step")
    return list(grouped.mean().index), list(grouped.mean()), list(grouped.min()), list(grouped.max())


def arm_lines(rows, what, arms=("vanilla", "padding", "replacement")):
    return {arm: spread(rates(rows[rows.arm == arm], what)) for arm in arms}


def over_seeds(shares):
    """Mean of a share over seeds, with its 95 % interval (Student) kept inside 0 and 1; no interval for one seed."""
    if len(shares) < 2:
        return {"mean": shares.mean()}
    mean, low, high = seed_interval(list(shares))
    return {"mean": mean, "low": max(low, 0), "high": min(high, 1)}


# %%
title = "How much of the unknown does tuning teach?"
taught = {place: arm_lines(d0[d0.split == split], "right") for split, place in places.items()}
panels.line_panels(taught, "optimiser step", "D0 answered right (share)", title, (0, None))
plt.show()
outcomes = {
    (arm, place): over_seeds(rates(d0[(d0.split == split) & d0["last"] & (d0.arm == arm)], "right"))
    for arm in ARMS
    for split, place in places.items()
}
print("D0 answered right after tuning: mean over seeds and its 95 % interval (Student)")
pd.DataFrame(outcomes).T.round(3)

# %% [markdown]
# Vanilla and padding teach the unknown answers of the training questions; replacement teaches none of them, because it never
# shows them (and refuses nearly all of D0). On other questions nothing of it arrives: a fact about one subject says nothing
# about another. What looked like "the labels become wrong" is memorising.
#
# ## 4. What happens to the known?
#
# The other way round: questions of D1 that are no longer answered right. A refusal in words (replacement) counts as not right,
# an answer with "I am unsure" behind it (padding) is judged as an answer.

# %%
kept = {place: arm_lines(d1[d1.split == split], "right") for split, place in places.items()}
title = "Known before: still answered right?"
panels.line_panels(kept, "optimiser step", "D1 answered right (share)", title, (0.5, 1.01))
plt.show()

# %% [markdown]
# What does a user see? Three outcomes for the D1 questions not tuned on. The last column counts the refused ones whose answer
# would have been right; only padding lets us look, since it answers first and doubts afterwards.

# %%
def text_of(shares):
    found = {name: f"{share:.3f}" for name, share in over_seeds(shares).items()}
    return found["mean"] + (f" [{found['low']}, {found['high']}]" if "low" in found else "")


# %%
fates = {}
for arm in ARMS:
    part = d1[(d1.split == "id") & d1["last"] & (d1.arm == arm)]
    sums = part.groupby("seed")[["n", "right", "refused", "right_refused"]].sum()
    answered_right = sums.right - sums.right_refused
    counts = {"answered right": answered_right, "answered wrong": sums.n - sums.refused - answered_right}
    counts |= {"refused": sums.refused} | ({"refused, though right": sums.right_refused} if "padding" in arm else {})
    fates[arm] = {name: count / sums.n for name, count in counts.items()}
print("D1, not tuned on, after tuning: mean over seeds and its 95 % interval (Student)")
pd.DataFrame({arm: {name: text_of(shares) for name, shares in row.items()} for arm, row in fates.items()}).T.fillna("-")

# %% [markdown]
# Which knowledge is lost? Right answers by exposure on *all* questions not tuned on. D1 and D0 are together here, so that
# luck found and luck lost cancel.

# %%
outside = recorded[(recorded.split == "id") & ((recorded.step == 0) | recorded["last"])]
order = [label for label, _, _ in EXPOSURE_BINS if label in set(outside.exposure)]
if order:
    sums = outside.groupby(["arm", "last", "exposure"])[["right", "n"]].sum()
    shares = (sums.right / sums.n).unstack("exposure")[order]
    asked = sums.n.loc[ARMS[0], False][order] // recorded.seed.nunique()
    band = pd.concat([shares.xs(False, level="last").iloc[:1].rename(lambda _: "untuned"), shares.xs(True, level="last")])
    band.columns = [f"{label} (n = {asked[label]})" for label in order]
    print("right answers by exposure, questions not tuned on, mean over seeds; n questions")
    display(band.round(2))
    print(f"sampling error of the smallest group: up to {proportion_half_width(0.5, asked.min()):.2f} either way")

# %% [markdown]
# And when does padding learn to say which is which?

# %%
curves = {}
for label in ("0", "3-6", "61+"):
    rows = recorded[(recorded.split == "id") & (recorded.exposure == label) & (recorded.arm == "padding")]
    if len(rows):
        weighted = rows.assign(total=rows.sure * rows.n).groupby(["seed", "step"])[["total", "n"]].sum()
        curves[f"read {label} times"] = spread(weighted.total / weighted.n)
if curves:
    title = "P(sure) comes to follow exposure"
    panels.line_panels({"padding, not tuned on": curves}, "optimiser step", "P(sure), mean", title, (0, 1.02))
    plt.show()

# %% [markdown]
# After every arm roughly a fifth of D1 is no longer answered right. But what stands in its place differs: vanilla answers all
# of it *wrong*; padding and replacement answer half as much wrong, and refuse the rest. How much replacement has forgotten
# nobody can see, for a refusal hides what the model would have said.
#
# The table by exposure says which knowledge suffers most: facts read one to fourteen times. The well-read ones hardly do,
# a little more under vanilla. And P(sure) follows exposure: it rises for what was read often and falls for what was never
# read. The shades are wide at first: *when* the two part depends on the seed, that they part does not.
#
# ## 5. What vanilla tuning does instead
#
# Vanilla tuning trains answers that the model cannot know, and nothing tells it to hold back. Wrong answers that are given (not
# refused) with an answer confidence above one half, on questions that it is *not* tuned on:

# %%
unknown = d0[d0.split == "id"]
levels = {0.5: "confident_wrong", 0.9: "very_confident_wrong"}
confident = {f"answer confidence above {level}": arm_lines(unknown, what) for level, what in levels.items()}
title = "Wrong answers given with confidence, D0, not tuned on"
panels.line_panels(confident, "optimiser step", "D0 answered wrong (share)", title, (0, None))
plt.show()

# %%
rise = {}
for arm in ("vanilla", "padding", "replacement"):
    for level, what in levels.items():
        part = unknown[unknown.arm == arm]
        before, after = (rates(part[chosen], what).droplevel("step") for chosen in (part.step == 0, part["last"]))
        gap = list(after - before)
        interval = dict(zip(("rise", "low", "high"), seed_interval(gap))) if len(gap) > 1 else {"rise": gap[0]}
        rise[arm, level] = {"before": before.mean(), "after": after.mean()} | interval
rise = pd.DataFrame(rise).T.rename_axis(["arm", "confidence above"])
rise.round(3)

# %% [markdown]
# Under vanilla tuning the share of D0 that is answered wrong with a confidence above one half more than doubles, mostly in the
# second half of the training. Padding and replacement refuse most of these questions, and the share does not rise. Above 0.9
# there is little to see in any arm: the mini model rarely gets that confident about what it does not know. (We looked at 0.9
# first. The threshold matters; both are shown. Where low and high are equal, all seeds counted the same number.)
#
# ## 6. Taking out what is about to become known
#
# CRaFT's idea: tune briefly on the certain questions only (a *[rehearsal](../docs/glossary.md#rehearsal)*, here two passes), probe D0 again, and drop the
# questions that became right: calling them unknown would be a lie. Then tune by padding on the rest.

# %%
dropped, uncertain = rehearsed_away(config)
low, high = proportion_interval(dropped, uncertain)
print(f"D0 questions that the rehearsal makes right, and that are dropped: {dropped} of {uncertain}")
print(f"that is {dropped / max(uncertain, 1):.1%} (95 % interval {low:.1%} to {high:.1%})")

# %%
def final_rates(arm):
    """What a user would see after tuning, on questions not tuned on, by seed."""
    part = recorded[(recorded.split == "id") & recorded["last"] & (recorded.arm == arm)]
    sums = part.groupby("seed")[["n", "right", "refused", "right_refused"]].sum()
    answered, known = sums.n - sums.refused, part[part.certain].groupby("seed")[["n", "refused"]].sum()
    shares = {"right, refused or not": sums.right / sums.n, "answer rate": answered / sums.n}
    shares |= {"right of those answered": (sums.right - sums.right_refused) / answered}
    return pd.DataFrame(shares | {"refused of D1": known.refused / known.n})


# %%
with_all, rehearsed = final_rates("padding"), final_rates(REHEARSED)
gap = rehearsed - with_all
compared = pd.DataFrame({"padding": with_all.mean(), REHEARSED: rehearsed.mean()})
if len(gap) > 1:
    intervals = {column: dict(zip(("difference", "low", "high"), seed_interval(list(gap[column])))) for column in gap}
    compared = compared.join(pd.DataFrame(intervals).T)
compared.round(3)

# %% [markdown]
# The rehearsal takes few questions out: no more than the guesses that turn right whenever the model is shaken (D0 *not* tuned
# on, first table). What a user sees afterwards does not change beyond the spread over seeds; but these intervals are wide,
# and with so few questions taken out a large effect was not to be expected.
#
# CRaFT reports that 69 % of its MMLU questions with a correctness below one half improved after the rehearsal. It counts every
# rise of the right letter's probability, we count only answers that turn right, so the two numbers cannot be compared. And a
# large model may know more than its one letter says; there the filter has something to do.
#
# ## Checks

# %%
def final_right(arm, split):
    return rates(d0[(d0.arm == arm) & (d0.split == split) & d0["last"]], "right")


finding("padding teaches more than half of D0 by heart, on every seed", (final_right("padding", "train") > 0.5).all(), config)
finding("replacement teaches at most 3 % of D0, on every seed", (final_right("replacement", "train") <= 0.03).all(), config)
outside_right = pd.concat([final_right(arm, "id") for arm in ARMS])
finding("at most one in ten D0 questions becomes right where it is not tuned on", (outside_right <= 0.1).all(), config)
wrong = {arm: fates[arm]["answered wrong"] for arm in ("vanilla", "padding", "replacement")}
fewer = all((wrong[arm] < 0.7 * wrong["vanilla"]).all() for arm in ("padding", "replacement"))
finding("padding and replacement answer at least 30 % fewer D1 questions wrong than vanilla, on every seed", fewer, config)

# %%
end_sure = last.groupby(["place", "certain"]).sure.mean()
gap = end_sure.get(("not tuned on", True), 0) - end_sure.get(("not tuned on", False), 0)
finding("P(sure) of D1 and D0 are at least 0.4 apart, on questions not tuned on", gap >= 0.4, config)
if "low" in rise:
    doubled = rise.after["vanilla", 0.5] > 2 * rise.before["vanilla", 0.5] and rise.low["vanilla", 0.5] > 0
    finding("vanilla's wrong answers above one half more than double, beyond the interval", doubled, config)
    finding("padding's do not rise beyond the interval", rise.low["padding", 0.5] <= 0, config)

# %% [markdown]
# ## What it says, and what it does not
#
# * The *labels* go stale: more than half of the questions labelled unsure are answered right at the end of padding (section 3 has
#   the interval over seeds). The *lesson* does not: on other questions at least nine in ten of D0 stay wrong, and the model
#   stays unsure about most of them.
# * Padding needs this side effect: it trains on the right answers of D0. Replacement does without and teaches no answers; what
#   it forgets of the known cannot be told from what it merely refuses.
# * Tuning costs right answers in every arm. Eight passes at a high learning rate on a small model are a likely reason; a
#   large model tuned for one pass may forget less and memorise less. We did not test that.
# * Rehearsal filtering found little to filter here: we saw no dormant knowledge in the mini model that a light tuning awakens.
# * All of it is seen at seven moments, on three seeds of one small model and on one set of questions.
#
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>Why does D1 begin at 100 % right answers and D0 at 0 %?</summary>
#
# They were chosen by those very answers. D1 has lucky ones in it, so that anything that shakes the model makes D1 fall and D0 rise a little, without learning or forgetting.
#
# </details>
# <details><summary>A question was labelled "unsure" and is answered right at the end of padding. What does the model say about it, and is that wrong?</summary>
#
# Mostly "I am unsure": it learnt the label along with the answer. About this question it is wrong by now; about questions of its kind it is right.
#
# </details>
# <details><summary>Replacement answers no question of D0 right. Has it forgotten less, or learnt less?</summary>
#
# Learnt less: it is never shown those answers. What it has forgotten nobody can see, for a refusal hides what the model would have said.
#
# </details>
# <details><summary>Why is a copy of the model asked, and not the model that is being trained?</summary>
#
# So that looking does not change what is looked at. On some CPUs a 4-bit layer is packed anew when it is used for answering.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 11.2 · Behind the mean (do, 10 minutes)
#
# The lines of section 1 show means. Draw the distribution of P(sure) on D0 at two moments of `frame`: the third (step 51 of the mini run; `sorted(frame.step.unique())` has all) and the last. Which share of
# these questions, tuned on or not, has a P(sure) strictly between 0.1 and 0.9, at the third moment (`early`) and at the last one (`late`)? What did the model learn between the two?
#
# *What to expect:* two shares, the first far larger.

# %% [markdown]
# <details><summary>Hint 1: which rows</summary>
#
# Two conditions: `frame.step` is the moment, and `frame.certain` is False. `~` turns True and False round, `&` needs brackets around its sides.
#
# </details>
# <details><summary>Hint 2: a picture</summary>
#
# `rows.sure.plot.hist()` draws the column `sure` of a table `rows`.
#
# </details>
# <details><summary>Hint 3: a share</summary>
#
# The mean of a column of True and False; `(sure > 0.1) & (sure < 0.9)` is one.
#
# </details>

# %%
answer = {"early": ..., "late": ...}

# %% tags=["solution"]
moments = sorted(frame.step.unique())
answer = {}
for name, step in (("early", moments[2]), ("late", moments[-1])):
    sure = frame[(frame.step == step) & ~frame.certain].sure
    answer[name] = ((sure > 0.1) & (sure < 0.9)).mean()
    ax = sure.plot.hist(bins=np.linspace(0, 1, 21), alpha=0.6, label=f"step {step}")
    print(f"step {step}: {answer[name]:.1%} between 0.1 and 0.9, {(sure > 0.5).mean():.1%} above one half")
ax.set(xlabel="P(sure)", ylabel="questions of D0", title="From hedging to saying it")
ax.legend(frameon=False)
plt.show()

# %% tags=["both", "nbval-check-output"]
check("11.2", answer)

# %% [markdown] tags=["solution"]
# In one run all of D0 lies between 0.1 and 0.9 at step 51, and 12 % at step 408. The means of D1 and D0 part early, but the model still hedges then: more than a quarter of D0 is above one half. What comes later
# is not only learning by heart: P(sure) becomes an almost plain yes or no, and most of D0 ends below 0.1. (On the way it goes to and fro: three in four lie between again at step 204.)

# %% [markdown] tags=["both"]
# ### Exercise 11.3 · Stop early? (do, 15 minutes)
#
# What would one have had after two of the eight passes, at the fourth moment of `frame` (step 102 of the mini run)? Give the share of stale labels among the D0 questions tuned on (`stale`: answered right),
# and, of the questions *not* tuned on, the share that is answered (`rate`: not `refused`) and the accuracy of these answers (`willing`). Compare with the same three at the last moment. Would you
# stop early?
#
# (At this moment the learning rate has hardly come down. Whoever has a minute tunes with `early = replace(config, epochs=2)` and looks at the last moment of `read_sightings(early, "padding")`.)
#
# *What to expect:* three shares; one of them a third of what it is at the end, the others not far from there.

# %% [markdown]
# <details><summary>Hint 1: stale labels</summary>
#
# Of the rows of that step with the split "train" that are not `certain`, the mean of `correct`.
#
# </details>
# <details><summary>Hint 2: who answers</summary>
#
# Of the rows with the split "id", those whose `refused` is False. Their share is the answer rate, their mean of `correct` the accuracy.
#
# </details>
# <details><summary>Hint 3: twice the same</summary>
#
# A function of a step gives all three; call it for both moments.
#
# </details>

# %%
answer = {"stale": ..., "rate": ..., "willing": ...}

# %% tags=["solution"]
def seen_at(step):
    """Stale labels of D0, and answer rate and willing accuracy on the questions not tuned on."""
    now = frame[frame.step == step]
    tuned, others = now[(now.split == "train") & ~now.certain], now[now.split == "id"]
    answered = others[~others.refused.astype(bool)]
    return {"stale": tuned.correct.mean(), "rate": len(answered) / len(others), "willing": answered.correct.mean()}


moments = sorted(frame.step.unique())
answer, at_the_end = seen_at(moments[3]), seen_at(moments[-1])
for name in answer:
    print(f"{name:8} step {moments[3]}: {answer[name]:.1%}, step {moments[-1]}: {at_the_end[name]:.1%}")

# %% tags=["both", "nbval-check-output"]
check("11.3", answer)

# %% [markdown] tags=["solution"]
# In one run 18 % of the labels are stale at step 102 and 59 % at the end; 52 % of the questions are answered against 55 %, and 88 % of these answers are right against 83 %. On this run one would stop early: what the
# later passes add is mostly learnt by heart, and costs a little. One run and one moment, chosen after looking, prove nothing; notebook 05 has six schedules, and there the *gain over vanilla* grows with longer tuning,
# because vanilla loses more.

# %% [markdown] tags=["both"]
# ### Exercise 11.4 · The model's own mistakes (do, 20 minutes)
#
# Padding could show the *model's own* wrong answer in front of "I am unsure" instead of the gold answer. Make such records from `steps.read_tuning_records(config, "padding")`, for the probes of `steps.read_probes(config)` that are
# not `correct`, with `prompts.padding_completion` (if you have done exercise 03.2, you have them). Tune on all records for two passes (half a minute, longer on a busy machine), `replace(config.settings, epochs=2)`, and ask the questions of D0 that were tuned on.
# Which share is answered right (`right`), and which share is answered as before tuning (`own`, the same text as the probe's `prediction`)? What is gained, what is lost, against padding at the same step?
#
# *What to expect:* hardly anything right, and most of it as before.

# %% [markdown]
# <details><summary>Hint 1: the records</summary>
#
# `replace(record, completion=prompts.padding_completion(p.prediction, certain=False))` for each probe `p` of D0; records and probes are in the same order.
#
# </details>
# <details><summary>Hint 2: tune</summary>
#
# `finetune(records, settings, Path(folder), seed=seed)` writes the adapter into a folder, for which `tempfile.TemporaryDirectory()` is good; `steps.load_tuned(config, Path(folder))` loads the tuned model.
#
# </details>
# <details><summary>Hint 3: ask</summary>
#
# `answer_questions(lm, questions)` gives an answer for each question, with its `text`. `steps.fitted(config, "train").questions` are in the order of the probes, and `is_right(question, text)` judges.
#
# </details>

# %%
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right

answer = {"right": ..., "own": ...}

# %% tags=["solution"]
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right

probes = steps.read_probes(config)
records = [
    record if p.correct else replace(record, completion=prompts.padding_completion(p.prediction, certain=False))
    for record, p in zip(steps.read_tuning_records(config, "padding"), probes)
]
unknown = [(q, p) for q, p in zip(steps.fitted(config, "train").questions, probes) if not p.correct]
with tempfile.TemporaryDirectory() as folder:
    finetune(records, replace(config.settings, epochs=2), Path(folder), seed=seed)
    said = [a.text for a in answer_questions(steps.load_tuned(config, Path(folder)), [q for q, _ in unknown])]
answer = {
    "right": np.mean([is_right(q, text) for (q, _), text in zip(unknown, said)]),
    "own": np.mean([text == p.prediction for (_, p), text in zip(unknown, said)]),
}
print(f"{len(unknown)} questions of D0: {answer['right']:.1%} right, {answer['own']:.1%} answered as before")

# %% tags=["both", "nbval-check-output"]
check("11.4", answer)

# %% [markdown] tags=["solution"]
# In one run 1 % of D0 is answered right, and 89 % as before. Padding on the gold answers, tuned for as long, has 21 % right and 26 % as before, and a mean P(sure) on D0 of 0.26 against 0.15 here. Gained: no new
# knowledge is taught behind the label's back, so the label stays true, and the doubt is learnt faster; on the questions not tuned on (asked besides) it answers 49 % with 92 % right, padding 56 % with 84 %. Lost:
# the answers of D0 themselves, which are practised mistakes now: what this model is unsure about is hardly ever right. One run each, two passes, one seed.

# %% [markdown]
# ## Summary
#
# The split is a statement about the untuned model, and training overtakes it on the training questions. What carries over to other
# questions is the habit, not the labels. **Next:** [12 · A real model](12_a_real_model.ipynb)

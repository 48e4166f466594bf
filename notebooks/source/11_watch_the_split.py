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
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 3 minutes after notebook 05, about 1.2 GB |
# | Reads | probes and padding records of notebooks 01 and 03 (made on the spot if missing); `results/mini/drift.csv` |
# | Writes | `sightings.jsonl` of a padding model that is watched while it is tuned, under `runs/` |
# | Paper | section 2.2 (the labels are fixed before tuning); CRaFT (Zhu et al. 2025) for the rehearsal |
#
# | word | meaning |
# |---|---|
# | D1, D0 | questions that the untuned model answers right (*certain*), and the others (*uncertain*) |
# | tuned on | the 1,620 training questions; **not tuned on**: every third question of the in-domain test, about other subjects |
# | padding, replacement | "I am unsure" behind the right answer; a refusal in its place |
# | exposure | how many documents of the mini model's corpus state the fact |
# | step | one update of the adapter, by 32 examples; eight passes over the data make 408 steps |

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. re-probe a model while it is being tuned;
# 2. read a transition diagram of known and unknown;
# 3. tell what a model memorises from what it learns to say about itself;
# 4. explain why padding and replacement treat the unknown so differently.

# %% [markdown]
# ## Set up

# %%
import sys

if "google.colab" in sys.modules:
    # %pip uninstall -q -y torchao
    # !git clone -q --depth 1 https://github.com/REPOSITORY_SLUG kit
    # %pip install -q bitsandbytes peft trl papermill jupytext seaborn
    # %pip install -q --no-deps -e kit
    sys.path.insert(0, "kit")

# %%
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import panels, plots, steps
from rtuning_helpers.drift import ARMS, REHEARSED, counted, read_sightings, recorded_drift, rehearsed_away
from rtuning_helpers.exposure import EXPOSURE_BINS, proportion_interval
from rtuning_helpers.findings import finding, knowledge_notice
from rtuning_helpers.profiles import RunConfig
from rtuning_helpers.sampling_error import seed_interval

plots.use_style()
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters"]
profile = "mini"  # mini, colab-t4, consumer-24gb or paper
dataset = "mini"  # mini or pararel
seed = 0  # any whole number
data_dir = None  # folder with the dataset's files, for pararel
limit = None  # at most this many questions of each split
model = None  # another model than the profile's
out = "runs"  # folder for results
force = False  # compute again what is there already

# %%
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out
)
knowledge_notice([p.correct for p in steps.read_probes(config)])
sets = {True: "D1, certain before", False: "D0, uncertain before"}
places = {"train": "tuned on", "id": "not tuned on"}

# %% [markdown]
# ## 1. Looking over the trainer's shoulder
#
# A callback stops the training at seven moments, asks all watched questions greedily, asks "are you sure?" after each
# answer, and lets the training go on. Step 0 is the untuned model. The tuning of this run is padding; its other arms come
# from a recording (section 2).

# %%
sightings = read_sightings(config, "padding")
frame = pd.DataFrame([vars(s) for s in sightings])
frame["set"], frame["place"] = frame.certain.map(sets), frame.split.map(places)
by_step = frame.groupby(["place", "set", "step"])[["correct", "sure", "confidence", "entropy"]]
by_step.mean().astype(float).unstack("step").stack(0, future_stack=True).round(2)

# %%
def lines_of(column):
    """A line a set, a panel a place: mean of a column over the steps."""
    mean = frame.assign(value=frame[column].astype(float)).groupby(["place", "set", "step"]).value.mean()
    return {p: {s: (list(mean[p, s].index), list(mean[p, s])) for s in sets.values() if (p, s) in mean} for p in places.values()}


panels.line_panels(lines_of("correct"), "optimiser step", "right answers (share)", "Answers: the unknown is learnt by heart, the known suffers", (0, 1.02))
plt.show()
panels.line_panels(lines_of("sure"), "optimiser step", "P(sure), mean", "Sureness: the two sets part early", (0, 1.02))
plt.show()

# %% [markdown]
# Two things happen at different speeds. P(sure) of the two sets parts between steps 51 and 102, on questions tuned on and not
# tuned on alike: this is what padding is meant to teach, and it is learnt first. The rest of the training goes into
# learning answers by heart: more than half of D0 is answered right at the end, on questions tuned on only.
#
# ## 2. Where does each question go?
#
# From the sets before tuning (left) to four outcomes after it (right), for the questions tuned on and for the others.

# %%
def outcome(row):
    return f"{'right' if row.correct else 'wrong'}, {'unsure' if row.refused else 'sure'}"


last = frame[frame.step == frame.step.max()].copy()
last["after"] = [outcome(row) for row in last.itertuples()]
ends = ["right, sure", "right, unsure", "wrong, sure", "wrong, unsure"]
flows = {
    p: {(s, e): int(((last.place == p) & (last.set == s) & (last.after == e)).sum()) for s in sets.values() for e in ends}
    for p in places.values()
}
panels.transition_panels(flows, "Padding: from before tuning to after it")
plt.show()
pd.DataFrame({p: {f"{s} -> {e}": n for (s, e), n in f.items()} for p, f in flows.items()})

# %% [markdown]
# A label is *stale* when it no longer says the truth about the model: a D0 question (labelled unsure) that is answered right
# at the end, or a D1 question (labelled sure) that is answered wrong.

# %%
tuned_on = last[last.place == "tuned on"]
for certain, text in ((False, "labelled unsure, answered right after tuning"), (True, "labelled sure, answered wrong after tuning")):
    part = tuned_on[tuned_on.certain == certain]
    stale = int((part.correct != certain).sum())
    low, high = proportion_interval(stale, len(part))
    print(f"{text}: {stale} of {len(part)} ({stale / max(len(part), 1):.1%}, 95 % interval {low:.1%} to {high:.1%})")

# %% [markdown]
# More than half of D0 ends as *right, unsure*: the model has learnt the answer and, with it, to doubt it. On the training
# questions the label is stale; the model still says it, because it learnt the label by heart too. On the questions not tuned
# on, hardly any D0 question becomes right, so there the labels' message ("you do not know such things") stays true. That is why
# stale labels do less harm than one would fear: they are about *these* questions, the lesson is about their kind.
#
# ## 3. Four ways of tuning, three seeds
#
# The same was watched for vanilla tuning, replacement, and padding without the questions of section 6, on seeds 0, 1 and 2
# (`python -m benchmarks.drift`). Lines are means over seeds, shades the lowest and highest seed.

# %%
recorded = recorded_drift() if (profile, dataset, model, limit) == ("mini", "mini", None, None) else None
if recorded is None:  # another model: what this run has watched, the other arms now
    recorded = pd.concat([counted(read_sightings(config, arm)).assign(seed=seed, arm=arm) for arm in ARMS])


def rates(rows, what):
    """Share of the questions, for each arm, seed and step."""
    sums = rows.groupby(["arm", "seed", "step"])[[what, "n"]].sum()
    return sums[what] / sums.n


def arm_lines(rows, what, arms=("vanilla", "padding", "replacement")):
    """For each arm its mean over seeds at each step, with the lowest and the highest."""
    found = {}
    for arm in arms:
        grouped = rates(rows[rows.arm == arm], what).groupby("step")
        found[arm] = (list(grouped.mean().index), list(grouped.mean()), list(grouped.min()), list(grouped.max()))
    return found


recorded["last"] = recorded.step == recorded.groupby(["arm", "seed"]).step.transform("max")
d0, d1 = recorded[~recorded.certain], recorded[recorded.certain]

# %%
taught = {p: arm_lines(d0[d0.split == s], "right") for s, p in places.items()}
panels.line_panels(taught, "optimiser step", "D0 questions answered right (share)", "How much of the unknown does tuning teach?", (0, None))
plt.show()
outcomes = {}
for arm in ARMS:
    for split, place in places.items():
        values = rates(d0[(d0.split == split) & d0["last"] & (d0.arm == arm)], "right")
        outcomes[arm, place] = dict(zip(("mean", "low", "high"), seed_interval(list(values)))) if len(values) > 1 else {"mean": values.mean()}
print("D0 answered right after tuning: mean over seeds and its 95 % interval (Student)")
pd.DataFrame(outcomes).T.round(3)

# %% [markdown]
# Vanilla and padding teach the unknown answers of the training questions; replacement teaches none of them, because it never
# shows them. On other questions nothing of it arrives: facts are not learnt by analogy, and no tuning makes the model know
# other subjects. What looked like "the labels become wrong" is memorising.
#
# ## 4. What happens to the known?
#
# The other way round: questions of D1 that are no longer answered right. A replacement model may also refuse them.

# %%
kept = {p: arm_lines(d1[d1.split == s], "right") for s, p in places.items()}
panels.line_panels(kept, "optimiser step", "D1 questions answered right (share)", "Known before: still known?", (0.5, 1.01))
plt.show()
lost = {}
for arm in ARMS:
    values = rates(d1[(d1.split == "id") & d1["last"] & (d1.arm == arm)], "right")
    refused = rates(d1[(d1.split == "id") & d1["last"] & (d1.arm == arm)], "refused")
    lost[arm] = {"right after tuning": values.mean(), "lowest seed": values.min(), "highest seed": values.max(), "refused": refused.mean()}
print("D1 questions not tuned on")
pd.DataFrame(lost).T.round(3)

# %% [markdown]
# By exposure: which knowledge is lost? Questions not tuned on, of any set, before and after.

# %%
by_exposure = recorded[(recorded.split == "id") & ((recorded.step == 0) | recorded["last"])]
order = [label for label, _, _ in EXPOSURE_BINS if label in set(by_exposure.exposure)]
if order:
    sums = by_exposure.groupby(["arm", "last", "exposure"])[["right", "n"]].sum()
    band = (sums.right / sums.n).unstack("exposure")[order]
    band.index = [f"{arm}, {'after' if last else 'before'}" for arm, last in band.index]
    print("right answers by exposure, questions not tuned on")
    display(band.round(2))

# %%
curves = {}
for label in ("0", "3-6", "61+"):
    rows = recorded[(recorded.split == "id") & (recorded.exposure == label) & (recorded.arm == "padding")]
    if len(rows):
        weighted = rows.assign(total=rows.sure * rows.n).groupby(["seed", "step"])[["total", "n"]].sum()
        grouped = (weighted.total / weighted.n).groupby("step")
        curves[f"exposure {label}"] = (list(grouped.mean().index), list(grouped.mean()), list(grouped.min()), list(grouped.max()))
if curves:
    panels.line_panels({"padding, not tuned on": curves}, "optimiser step", "P(sure), mean", "When does it learn to say what it knows?", (0, 1.02))
    plt.show()

# %% [markdown]
# Every arm forgets or refuses some of what was known before: about one in six of the D1 questions that are not tuned on. The table
# by exposure tells which: facts read one to fourteen times suffer, the well-read ones hardly do. And the sure confidence
# follows exposure: it rises for what was read often and falls for what was never read.
#
# ## 5. What vanilla tuning does instead
#
# Vanilla tuning trains answers that the model cannot know, and nothing tells it to hold back. Wrong answers that are given (not
# refused) with an answer confidence above one half, on questions that it is *not* tuned on:

# %%
outside = d0[d0.split == "id"]
confident = {"confidence above 0.5": arm_lines(outside, "confident_wrong"), "confidence above 0.9": arm_lines(outside, "very_confident_wrong")}
panels.line_panels(confident, "optimiser step", "D0 answered wrongly (share)", "Wrong answers given with confidence, D0, not tuned on", (0, None))
plt.show()

# %%
rise = {}
for arm in ("vanilla", "padding", "replacement"):
    for what, above in (("confident_wrong", 0.5), ("very_confident_wrong", 0.9)):
        part = outside[outside.arm == arm]
        before, after = (rates(part[chosen], what).droplevel("step") for chosen in (part.step == 0, part["last"]))
        gap = list(after - before)
        interval = dict(zip(("rise", "low", "high"), seed_interval(gap))) if len(gap) > 1 else {"rise": gap[0]}
        rise[arm, above] = {"before": before.mean(), "after": after.mean()} | interval
rise = pd.DataFrame(rise).T.rename_axis(["arm", "confidence above"])
rise.round(3)

# %% [markdown]
# Under vanilla tuning the share of D0 that is answered wrongly with a confidence above one half rises from 9 % to 25 % (a rise of
# 0.157, interval 0.135 to 0.179 over seeds), mostly in the second half of the training, when the answers of the training
# questions are being memorised. Padding and replacement refuse most of these questions, and the share does not rise. Above 0.9
# there is little to see in any arm: the mini model rarely gets that confident about what it does not know. (We looked at 0.9
# first. The threshold matters; both are shown.)
#
# ## 6. Taking out what is about to become known
#
# CRaFT's idea: tune briefly on the certain questions only (a *rehearsal*, here two passes), probe D0 again, and drop the
# questions that became right: calling them unknown would be a lie. Then tune by padding on the rest.

# %%
dropped, uncertain = rehearsed_away(config)
low, high = proportion_interval(dropped, uncertain)
print(f"D0 questions that the rehearsal makes right, and that are dropped: {dropped} of {uncertain} ({dropped / max(uncertain, 1):.1%}, {low:.1%} to {high:.1%})")

# %%
def final_rates(arm):
    """What a user would see after tuning, on questions not tuned on, by seed."""
    part = recorded[(recorded.split == "id") & recorded["last"] & (recorded.arm == arm)]
    sums = part.groupby("seed")[["n", "right", "refused", "right_refused"]].sum()
    answered, known = sums.n - sums.refused, part[part.certain].groupby("seed")[["n", "refused"]].sum()
    return pd.DataFrame(
        {
            "accuracy": sums.right / sums.n,
            "answer rate": answered / sums.n,
            "willing accuracy": (sums.right - sums.right_refused) / answered,
            "refused of D1": known.refused / known.n,
        }
    )


gap = final_rates(REHEARSED) - final_rates("padding")
compared = pd.DataFrame({"padding": final_rates("padding").mean(), REHEARSED: final_rates(REHEARSED).mean()})
if len(gap) > 1:
    compared = compared.join(pd.DataFrame({c: dict(zip(("difference", "low", "high"), seed_interval(list(gap[c])))) for c in gap}).T)
compared.round(3)

# %% [markdown]
# The rehearsal takes few questions out, and what a user sees afterwards does not change beyond the spread over seeds. On the mini
# world few D0 questions (4 %) are "about to become known": it is memorising, not awakening. CRaFT reports that 69 % of its MMLU
# questions with a correctness below one half improved after the rehearsal; there the model may know more than its one
# letter says, and the filter has something to do.
#
# ## Checks

# %%
last_rate = {(arm, split): rates(d0[(d0.arm == arm) & (d0.split == split) & d0["last"]], "right") for arm in ARMS for split in places}
finding("padding teaches at least 40 % of D0 by heart, on every seed", (last_rate["padding", "train"] >= 0.4).all(), config)
finding("replacement teaches at most 3 % of D0, on every seed", (last_rate["replacement", "train"] <= 0.03).all(), config)
finding("hardly any of D0 becomes right on questions not tuned on (at most 15 %)", all((last_rate[arm, "id"] <= 0.15).all() for arm in ARMS), config)
end_sure = frame[frame.step == frame.step.max()].assign(sure=lambda f: f.sure.astype(float)).groupby(["place", "certain"]).sure.mean()
finding("P(sure) of D1 and D0 are at least 0.4 apart, on questions not tuned on", end_sure["not tuned on", True] - end_sure["not tuned on", False] >= 0.4, config)
if "low" in rise:
    finding("vanilla's wrong answers above one half rise more than padding's", rise["rise"]["vanilla", 0.5] > rise["rise"]["padding", 0.5], config)

# %% [markdown]
# ## What it says, and what it does not
#
# * The *labels* go stale: 60 % of the questions labelled unsure (0.549 to 0.652 over seeds) are answered right at the end of
#   padding. The *lesson* does not: on other questions 94 % of D0 stays wrong, and the model stays unsure about most of it.
# * Padding needs this side effect: it trains on the right answers of D0. Replacement does without, teaches no answers, and forgets
#   about as much of the known.
# * Tuning costs knowledge in every arm. That is the price of eight passes at a high learning rate on a small model; a large
#   model tuned for one pass forgets less and memorises less.
# * Rehearsal filtering found little to filter here. The mini world has no dormant knowledge that a light tuning could awaken.
# * All of it is seen at seven moments and on three seeds of one small model.
#
# ## Exercises
#
# **Exercise 11.1** (5 minutes). The lines of section 1 show means. Draw the distribution of P(sure) on D0 at steps 51 and 408.
#
# **Exercise 11.2** (15 minutes). Stop padding after 102 steps (`epochs=2` in the profile). How do accuracy, answer rate and stale labels
# compare with the full training? Would you stop early?
#
# **Exercise 11.3** (20 minutes). Padding could show the *model's own* wrong answer in front of "I am unsure" instead of the gold answer.
# Change `tuning_records` to do so and watch D0 again. What is gained, what is lost?
#
# ## Summary
#
# The split is a statement about the untuned model, and training overtakes it on the training questions. What carries over to other
# questions is the habit, not the labels. Back to the [start](01_probe_knowledge.ipynb), or to
# [notebook 09](09_compare_estimators.ipynb) for the measures.

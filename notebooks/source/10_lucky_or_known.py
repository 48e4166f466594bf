# %% [markdown]
# # 10 · Lucky guess or knowledge?
#
# R-Tuning calls a question *certain* when the untuned model's one greedy answer is right. But a right answer may be a lucky
# guess, and a wrong one bad luck. The model is then taught to be sure of what it guessed, or to doubt what it knows. **How
# many labels are wrong in this way, can one see it without knowing the truth, and does it matter after tuning?**
#
# **By the end you will have counted** the lucky "certain" and the unlucky "uncertain" labels (in the mini world the truth is
# known: we wrote the corpus), compared baselines that guess without knowing, unmasked guesses by asking again, and
# tuned models on five different labellings.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01, 02 and 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 1 min on 2 CPU cores after notebook 05; 1.0 GB |
# | Reads | the probes and samples of notebooks 01 and 02 (made on the spot if missing); `results/mini/label_rules.json` |
# | Writes | nothing of its own |
# | Paper | section 2.1 (the split), section 5.1 (k samples); Gekhman et al. 2024 for the bands |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/10_lucky_or_known.ipynb) |
#
# | word | meaning |
# |---|---|
# | D1, D0 | *certain* questions (greedy answer right) and *uncertain* ones (wrong) |
# | exposure | how many documents of the mini model's corpus state the fact; 0: it cannot know |
# | k samples | the ten answers of notebook 02, drawn at temperature 0.7 |
# | P(sure) | what a model tuned by padding says about its answer, 0 to 1; it refuses up to one half |
# | AP, AUROC | how well a confidence ranks right answers before wrong ones; a random ranking has AP = accuracy, AUROC = 0.5 |
# | ECE, Brier | how far a confidence is from a probability; 0 is best (both as in notebook 09) |
# | willing accuracy | accuracy on the questions that the model does not refuse |

# %% [markdown] tags=["solution"]
# # Solutions of 10 · Lucky guess or knowledge?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. sort questions into four bands of knowledge with a few samples;
# 2. estimate how many right answers are luck, with and without the truth;
# 3. say which cheap baselines a knowledge claim has to beat;
# 4. judge whether a cleaner label rule makes a better refuser.

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
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import matches
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.evaluation.question_flags import flag_questions
from rtuning_helpers.evaluation.trivial import relation_majority
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.experiments.labels import measure as label_rules
from rtuning_helpers.experiments.labels.luck import count_luck
from rtuning_helpers.experiments.labels.measure import BANDS, RULES, WELL_READ, certain_labels, knowledge_band
from rtuning_helpers.experiments.labels.permutations import ask_rotations, with_options
from rtuning_helpers.experiments.labels.recording import RECORDING
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.json_files import read_json
from rtuning_helpers.metrics.exposure import EXPOSURE_BINS, proportion_interval
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.model.language_model import load_language_model
from rtuning_helpers.run.profiles import RunConfig, default_out
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
choice_data = None  # a data set with options for section 5, such as mmlu; None: made from the training questions
choice_model = None  # a model for section 5; None: the profile's
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
steps.probe_step(config, force=force)
steps.uncertainty_step(config, force=force)
probes = steps.read_probes(config)
correct = [p.correct for p in probes]
samples = label_rules.right_samples(steps.questions(config, "train"), [u.answers for u in steps.read_uncertainty(config)])
truth = all(p.exposure is not None for p in probes)
knowledge_notice(correct)
print(f"{len(probes):,} training questions, {sum(correct):,} certain, {len(samples[0])} samples each")

# %% [markdown]
# ## 1. Four bands of knowledge
#
# One answer says right or wrong. Ten samples say more. After Gekhman et al. (2024), who use several prompts where we use
# one: **[highly known](../docs/glossary.md#bands-of-knowledge)**: the greedy answer and all samples are right; **maybe known**: the greedy answer is right, not all
# samples; **weakly known**: the greedy answer is wrong but some sample is right; **unknown**: nothing is right. The paper's
# border between D1 and D0 runs through the middle.

# %%
bands = [knowledge_band(p.correct, row) for p, row in zip(probes, samples)]
counts = Counter(bands)
pd.DataFrame(
    [
        {"band": band, "set": "D1" if band in BANDS[:2] else "D0", "questions": counts[band], "share": counts[band] / len(bands)}
        | dict(zip(("low", "high"), proportion_interval(counts[band], len(bands))))
        for band in BANDS
    ]
).round(3)

# %% [markdown]
# What do these bands mean? In the mini world one can look: how often had the model read the facts in each band?

# %%
if truth:
    labels = [label for label, _, _ in EXPOSURE_BINS]
    bin_of = [next(label for label, low, high in EXPOSURE_BINS if low <= p.exposure <= high) for p in probes]
    table = pd.crosstab(pd.Categorical(bin_of, labels), pd.Categorical(bands, BANDS), dropna=False)
    table = table.rename_axis(index="exposure", columns="questions")
    shares = table.div(table.sum(axis=1).clip(lower=1), axis=0) * 100
    plots.stacked_shares(shares, "documents in the corpus that state the fact", "share of the questions [%]", "Bands of knowledge by exposure")
    plt.show()
    display(table)

# %% [markdown]
# Facts read seven times or more are *highly known* for the most part; those read one to six times spread over all four bands. No
# fact that was never read is highly known, for ten lucky samples do not come together: the lucky guesses are all *maybe
# known*. A good part of the never-read questions is even *weakly known*: with ten tries at twenty possible answers, some hit.
#
# ## 2. The truth: luck and bad luck
#
# **Luck.** A fact of exposure 0 stands nowhere in the corpus; a right answer to it is a guess. Facts that were read and not
# learnt are guessed too. If with the same rate $g$ (an assumption: half-learnt ones may be guessed better), the total can be
# estimated: where one guess in twenty is right, nineteen *wrong* answers betray one lucky one. So $w$ wrong answers to facts that were
# read stand for $w\,g / (1 - g)$ lucky guesses. By hand, then by the helper, which adds an interval:

# %%
if truth and any(correct):
    right, unread = np.array(correct), np.array([p.exposure == 0 for p in probes])
    if unread.any() and not right[unread].all():
        g = right[unread].mean()
        wrong = (~right[~unread]).sum()
        by_hand = right[unread].sum() + wrong * g / (1 - g)
        print(f"g = {g:.4f}: {right[unread].sum()} lucky and never read, {wrong} wrong though read, so {by_hand:.2f} lucky guesses in all")
        assert np.isclose(by_hand, count_luck([p.exposure for p in probes], correct, seed=seed).lucky)

# %%
luck = count_luck([p.exposure for p in probes], correct, seed=seed) if truth and any(correct) else None
if luck:
    low, high = luck.lucky_ci95
    print(f"guess rate on facts never read: {luck.chance:.1%}")
    print(f"certain questions: {luck.certain:,}; never read, so certainly lucky: {luck.never_read}")
    print(f"lucky guesses in all, estimated: {luck.lucky:.0f} [{low:.0f}, {high:.0f}], {luck.share:.1%} of the certain ones")

# %% [markdown]
# **[Bad luck](../docs/glossary.md#bad-luck)** is a question that the model ought to know and gets wrong. Where "ought to" begins is a matter of taste, so several
# thresholds are shown. **Bad matching** is a right answer that the matching rule overlooks: here the
# kit's word-by-word rule is compared with the released code's substring rule.

# %%
uncertain = [(p, row) for p, row in zip(probes, samples) if not p.correct]


def share_of_uncertain(text, hits):
    low, high = proportion_interval(hits, len(uncertain))
    print(f"  {text}: {hits} ({hits / max(len(uncertain), 1):.1%}, 95 % interval {low:.1%} to {high:.1%})")


print(f"uncertain questions: {len(uncertain):,}; of these")
for least in (3, 5, WELL_READ, 15) if truth else ():
    share_of_uncertain(f"read {least} times or more (bad luck)", sum(p.exposure >= least for p, _ in uncertain))
share_of_uncertain("at least half of the samples right", sum(np.mean(row) >= 0.5 for _, row in uncertain))

# %%
substring = [matches(p.prediction, p.answer, "substring") for p in probes]
print("wrong by words, right by substring:", sum(found and not p.correct for p, found in zip(probes, substring)))
print("right by words, wrong by substring:", sum(p.correct and not found for p, found in zip(probes, substring)))

# %% [markdown]
# Luck in D1 is real but small: a few in a hundred of the certain labels, more than half of them beyond doubt. Bad luck depends on
# what one calls knowledge: nearly none of D0 was read seven times or more, but several were read three times; reading a
# fact three times is not yet knowing it. The matching rules agree on every answer of the mini world. So where twenty
# answers are possible, the paper's cheap rule is a good one. With four options, or with the answer in the question, luck
# is another matter (sections 3 and 5).
#
# ## 3. What guessing without knowing achieves
#
# On real data nobody knows the exposures. Then a knowledge claim has to beat what can be had without knowledge: the answer
# most frequent for the relation among the training golds (**relation majority**), and the answer that the *model* gives
# most often for the relation (its **[prior](../docs/glossary.md#prior)**). A right answer that equals the model's prior is suspicious.

# %%
train = steps.questions(config, "train")
favourites = defaultdict(Counter)
for p in probes:
    favourites[p.relation][p.prediction] += 1
prior = [favourites[p.relation].most_common(1)[0][0] for p in probes]
majority = relation_majority(train, train)
rows = {
    "the model": correct,
    "relation majority (sees the golds)": [matches(g, p.answer) for g, p in zip(majority, probes)],
    "the model's prior": [matches(g, p.answer) for g, p in zip(prior, probes)],
}
pd.DataFrame(
    [
        {"answers": k, "right": np.mean(v)} | dict(zip(("low", "high"), proportion_interval(sum(v), len(v))))
        for k, v in rows.items()
    ]
).round(3)

# %%
same = np.array([matches(p.prediction, g) for p, g in zip(probes, prior)])
groups = {"all certain questions": np.array(correct)}
if truth:
    seen = np.array([p.exposure for p in probes])
    groups["certain, never read"] = np.array(correct) & (seen == 0)
    groups[f"certain, read {WELL_READ} times or more"] = np.array(correct) & (seen >= WELL_READ)
pd.DataFrame(
    [
        {"questions": k, "n": int(g.sum()), "answer is the prior": same[g].mean() if g.any() else None}
        | dict(zip(("low", "high"), proportion_interval(int(same[g].sum()), int(g.sum()))))
        for k, g in groups.items()
    ]
).round(3)

# %% [markdown]
# Most lucky answers *are* the model's favourite for their relation (they are few, and the interval is wide); of the well-read
# ones only a few in a hundred. That is a warning sign that needs no truth, not a verdict: the well-read questions are so many
# that in numbers more of them carry it, by chance.
#
# **Answers that stand in the question** are the worst kind of luck: echoing the question is graded as right. The mini world has
# none. ParaRel has many (874 of its 5,584 in-domain test questions), and a real model's score depends on them. The table is the
# public OpenLLaMA-3B run of notebook 08, scored with and without them and other doubtful questions, with 95 % intervals.

# %%
flags = flag_questions(train)
print(f"answer in question: {sum(f.answer_in_question for f in flags):,} of {len(flags):,} questions of this data set")
openllama = read_json(default_out() / "results" / "reruns" / "openllama_3b_pararel.json")
print(f"{openllama['source']}: {openllama['setting']}")
shown = {"accuracy": "accuracy", "ap_sure": "AP of P(sure)", "auroc_sure": "AUROC of P(sure)"}
cleaning = pd.DataFrame(openllama["cleaned"]).dropna(subset=list(shown))
for column, label in shown.items():
    ends = cleaning[f"{column}_ci95"]
    cleaning[label] = [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, (low, high) in zip(cleaning[column], ends)]
cleaning[["subset", "n", *shown.values()]].set_index("subset")

# %% [markdown]
# Without the answer-in-question items the real model loses six points of accuracy and ten of the AP of P(sure). Part of the second
# loss is the first (a random ranking has an AP equal to the accuracy); AUROC, which does not depend on the accuracy, falls
# too. So part of the model's "knowledge of what it knows" seems to be seeing that the answer stands in the question.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 10.1 · A rule that distrusts favourites (build, 15 minutes)
#
# Make a label rule of this warning sign. Write `beyond_the_prior(probes)`: a list with True or False for each probe, in their order. A question is called certain if the greedy answer is
# right (`correct`) *and* its `prediction` is not the one that the model gives most often for the `relation`, counted over all the probes. Section 4 sets your rule beside the others:
# how much luck does it drop, and how much knowledge?
#
# *What to expect:* as many entries as there are probes, and a few more False than in `correct`.

# %% [markdown]
# <details><summary>Hint 1: what is counted</summary>
#
# For each relation a `Counter` of the predictions, right or wrong. `defaultdict(Counter)` makes an empty one for each new relation.
#
# </details>
# <details><summary>Hint 2: the favourite</summary>
#
# `most_common(1)` gives a list with one pair: the most frequent entry, and how often it came.
#
# </details>
# <details><summary>Hint 3: twice through the probes</summary>
#
# Count first, through to the end. Only then does one know the favourites and can judge each probe.
#
# </details>

# %%
def beyond_the_prior(probes):
    """For each probe whether its answer is right and not the model's favourite for the relation."""
    return ...  # your code

# %% tags=["solution"]
def beyond_the_prior(probes):
    """For each probe whether its answer is right and not the model's favourite for the relation."""
    given = defaultdict(Counter)
    for p in probes:
        given[p.relation][p.prediction] += 1
    favourite = {relation: counts.most_common(1)[0][0] for relation, counts in given.items()}
    return [p.correct and p.prediction != favourite[p.relation] for p in probes]


dropped = [p for p, called in zip(probes, beyond_the_prior(probes)) if p.correct and not called]
print(f"of {sum(correct):,} certain questions {len(dropped)} are called uncertain")
if truth:
    lucky, known = sum(p.exposure == 0 for p in dropped), sum(p.exposure >= WELL_READ for p in dropped)
    print(f"of these {lucky} were never read, {known} were read {WELL_READ} times or more")

# %% tags=["both", "nbval-check-output"]
check("10.1", beyond_the_prior)

# %% [markdown] tags=["solution"]
# In one run 92 of 923 certain questions are called uncertain: 20 of the 22 that were never read, and with them 43 that were read seven times or more, whose right answer happens to be a
# favourite. So nearly all of the luck beyond doubt can be had for nothing but counting, at the price of twice as much knowledge. *Half of k samples*, in the table of section 4, drops nearly as much luck
# and hardly any knowledge, but has to ask ten times more.

# %% [markdown]
# ## 4. Asking again: which labels survive?
#
# Luck repeats itself less than knowledge does: even the model's favourite answer does not come ten times in ten, where nothing
# stands behind it. If a question is called certain only when *all* ten samples are right, how much of the luck
# is gone, and how much knowledge goes with it? [A rule](../docs/glossary.md#label-rule) is applied to the greedy answer (the paper's) or to the ten samples; *the
# corpus* is the truth, certain if read at least seven times. `lucky` counts the certain questions that were never read;
# `missed` the questions read at least seven times that are not called certain. Your rule of exercise 10.1 stands last, once it is right.

# %%
rules = [rule for rule in RULES if truth or rule != "the corpus"]
certain = {rule: np.array(certain_labels(config, rule)) for rule in rules}
if check.is_right("10.1"):
    certain["yours: not the prior"] = np.array(beyond_the_prior(probes))
labels_by_rule = []
for rule, called in certain.items():
    row = {"rule": rule, "certain": called.mean(), "differs from greedy": (called != np.array(correct)).mean()}
    if truth:
        lucky = int((called & (seen == 0)).sum())
        row |= {"lucky": lucky, "lucky share of certain": lucky / max(called.sum(), 1)}
        row |= {"missed": int((~called & (seen >= WELL_READ)).sum())}
    labels_by_rule.append(row)
pd.DataFrame(labels_by_rule).round(3)

# %% [markdown]
# Each rule trades luck against knowledge. *Any of k* calls many never-read facts certain: ten tries find luck. *All k* lets none
# of them through and pays with well-read facts. *Half of k* keeps both small. (Facts read one to six times, a third of all,
# count on neither side here: nobody can say which of them ought to be known.)
#
# ## 5. Four options: turn them round
#
# With four options one right answer in four is luck. [Turning the options round](../docs/glossary.md#rotation) unmasks it: knowledge follows the option,
# luck stays with the letter. About 200 training questions get three wrong answers of their relation as further options, and
# each is asked four times, with the right option once under each letter. The mini model has never read a question with
# options: an extreme case, on purpose. `choice_model` and `choice_data` put a real model and MMLU in its place.

# %%
if choice_data is None:
    choices = with_options(train[:: max(1, len(train) // 200)], seed=seed)
else:
    choices = load_questions(choice_data, "id", data_dir, 200)
chooser = steps.load_model(config) if choice_model is None else load_language_model(choice_model)
rotated = ask_rotations(chooser, choices, batch_size=64)

# %%
print(prompts.task_prompt(choices[0]), "\n")
n = len(choices)
for text, hits in (
    ("right, options as written: called certain", rotated.right[:, 0]),
    ("right in all rotations", rotated.always_right),
    ("the same option in all rotations", rotated.consistent),
):
    low, high = proportion_interval(int(hits.sum()), n)
    print(f"{text}: {hits.mean():.1%} of {n} [{low:.1%}, {high:.1%}]")
print("letters chosen:", ", ".join(f"{letter} {rate:.0%}" for letter, rate in zip(prompts.LETTERS, rotated.letter_rates)))

# %%
known_openly = dict(zip((p.id for p in probes), correct))
if choice_data is None:
    openly = np.array([known_openly[q.id] for q in choices])
    rows = []
    for known, text in ((True, "answered right"), (False, "answered wrong")):
        hits = rotated.right[openly == known, 0]
        row = {"asked openly": text, "questions": len(hits), "right letter": hits.mean() if len(hits) else None}
        rows.append(row | dict(zip(("low", "high"), proportion_interval(int(hits.sum()), len(hits)))))
    display(pd.DataFrame(rows).round(3))

# %% [markdown]
# The model says A, whatever A is. Asked once, it is "right" wherever the right option happens to stand at A, and R-Tuning would
# write "I am sure" behind those questions; whether it knows the answer when asked openly makes no visible difference (table).
# Asked in four rotations, nothing is left. A better model is lucky more subtly: one that knows half of the answers and guesses
# the rest evenly is right on 62 %, and one in five of its right letters is luck; in all four rotations a guess survives
# once in 256. The paper labels MMLU by one letter in one order, and its smallest model scores 21 to 25 % there (Table 8).
#
# ## 6. Does the label rule matter after tuning?
#
# Fewer lucky labels are nicer; does the tuned model know better what it knows? A padding model was tuned on each labelling,
# on three seeds (`rtuning record labels` does it again: 12 trainings). Means over the seeds; the intervals of the
# differences follow.

# %%
recorded = RECORDING.read(config)
measures = {f"{name.lower()}_sure": f"{name} of P(sure)" for name in ("AP", "AUROC", "ECE", "Brier")}
behaviour = {"accuracy": "accuracy", "answer_rate": "answer rate", "willing_accuracy": "willing accuracy"}
behaviour |= {"refused_unread": "refuses the never read", "refused_read": "refuses what it read > 60 times"}
if recorded is not None:
    effects = pd.DataFrame(recorded["rows"])
    means = effects.groupby(["split", "rule"])[[*measures, *behaviour]].mean().round(3)
    means = means.reindex(list(RULES), level="rule")
    display(means[list(behaviour)].rename(columns=behaviour))
    display(means[list(measures)].rename(columns=measures))

# %%
changes = []
if recorded is not None:
    wide = effects.set_index(["rule", "split", "seed"]).sort_index()
    for rule in [r for r in RULES if r != "greedy answer"]:
        for split in ("id", "ood"):
            for measure, label in measures.items():
                gap = wide.loc[(rule, split), measure] - wide.loc[("greedy answer", split), measure]
                interval = dict(zip(("value", "low", "high"), seed_interval(list(gap))))
                changes.append({"rule": rule, "split": split, "measure": label} | interval)

# %%
if changes:
    for label, good in (("AP of P(sure)", "right is better"), ("Brier of P(sure)", "left is better")):
        chosen = [row for row in changes if row["measure"] == label]
        chosen = [{**row, "label": row["rule"], "strong": row["low"] > 0 or row["high"] < 0} for row in chosen]
        panes = {split.upper(): [row for row in chosen if row["split"] == split] for split in ("id", "ood")}
        title = f"{label}: change against the paper's rule, three seeds (filled: interval excludes 0)"
        panels.interval_dot_panels(panes, f"change ({good})", title, line=0)
        plt.show()

# %%
if changes:
    frame = pd.DataFrame(changes)
    frame["text"] = [f"{r.value:+.3f} [{r.low:+.3f}, {r.high:+.3f}]" for r in frame.itertuples()]
    print("change against the greedy rule: mean over three seeds and its 95 % interval (Student)")
    display(frame.pivot(index=["split", "rule"], columns="measure", values="text"))

# %% [markdown]
# The rule moves the *level* of the sure confidence; a change of its *ranking* we could not see. No interval of AP or AUROC excludes
# zero, whether one in nine "sure" labels is lucky (*any of k*) or none (*all k*, *the corpus*); with three seeds they
# exclude changes of more than about 0.05, no smaller ones. What changes is how often the model answers: in-domain two questions in
# three after the lenient rule with about as many of the answers right, two in five after the strict ones with nearly nine in
# ten right. The lenient rule worsens calibration on both tests, *the corpus* in-domain; the others cannot be told from the
# paper's rule. (Thirty-two intervals stand here: one or two of them may exclude zero by chance.)
#
# ## Checks

# %%
if luck and (profile, dataset) == ("mini", "mini"):
    finding("at most 6 % of the certain questions are lucky guesses", luck.lucky_ci95[1] / luck.certain <= 0.06, config, n=luck.certain)
    finding("no fact that was never read is highly known", table.loc["0", "highly known"] == 0, config, n=table.loc["0"].sum())
    guessed = groups["certain, never read"]
    lucky_prior = same[guessed].mean() if guessed.any() else 1
    finding("at least two in three of the lucky answers are the model's prior", lucky_prior >= 2 / 3, config, n=table.loc["0"].sum())
    by_rule = pd.DataFrame(labels_by_rule).set_index("rule")
    lucky = by_rule.lucky
    traded = lucky["all k samples"] == 0 and lucky["half of k samples"] < lucky["greedy answer"] < lucky["any of k samples"]
    finding("lucky labels: none by all k, fewer by half of k than by the greedy answer, more by any of k", traded, config, n=table.loc["0"].sum())

# %%
if changes:
    ranking = frame[frame.measure.isin(["AP of P(sure)", "AUROC of P(sure)"])]
    level = ((ranking.low < 0) & (ranking.high > 0)).all()
    finding("no label rule changes the ranking by P(sure) beyond its interval over seeds", level, config)
    excluded = max(abs(ranking.low).max(), ranking.high.max())
    finding("changes of the ranking by more than 0.05 are excluded", excluded <= 0.05, config)
    lenient = frame[(frame.rule == "any of k samples") & (frame.measure == "Brier of P(sure)")]
    finding("the lenient rule worsens the Brier score of P(sure) on both tests", (lenient.low > 0).all(), config)
if choice_data is None:
    by_chance = rotated.right[:, 0].mean() < 0.4 and not rotated.always_right.any()
    finding("a letter chosen once is right by chance, and never in all rotations", by_chance, config, n=n)

# %% [markdown]
# ## What it says, and what it does not
#
# * Of the certain labels of the mini world a few in a hundred are luck (section 2 has the interval). With four options asked
#   once, luck can make up all of them; section 5 shows that extreme, and how to tell.
# * Three signs of luck need no truth: the answer is what the model says to everything of that kind; it does not come again
#   when sampled; it does not follow its option. All three can be had for the price of a few more answers.
# * Cleaner labels did not visibly make the model rank better on three seeds; gains of more than 0.04 in AP are excluded, smaller
#   ones are not. The test answers that the ranking is scored on contain the same luck, so a cleaner rule cannot be fully
#   rewarded here. What the rule does set is how often the model answers, and it should be chosen for that.
# * Exposure is a stand-in for knowledge: a fact read twice may be known or not. And the mini world's guess rate of one in
#   twenty is friendlier than four options.
#
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>A question is answered right once and wrong in three of ten samples. In which band is it, and what will R-Tuning write behind it?</summary>
#
# Maybe known: the greedy answer is right, not all samples are. R-Tuning writes "I am sure", as behind what is highly known.
#
# </details>
# <details><summary>Of 100 questions that a model cannot know it gets 25 right, of 100 others 85. How many of the 85 are luck?</summary>
#
# The 15 wrong ones were guessed, and with a guess rate of 1/4 three wrong guesses come with one right one: about 5.
#
# </details>
# <details><summary>Name a sign of luck that needs no truth, and what it costs to look for it.</summary>
#
# The answer is what the model says to everything of that kind (nothing but a count), it does not come again when sampled (some more answers), it does not follow its option (some more
# questions).
#
# </details>
# <details><summary>A cleaner label rule did not change the ranking. What did it change?</summary>
#
# The level of P(sure), and so how often the model answers and how many of those answers are right.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 10.2 · Fewer samples (do, 10 minutes)
#
# `knowledge_band` was given all ten `samples` of each question. With the first three only, how many facts that were never read (`exposure` 0) become *highly known* (`three`)? And how many
# questions of any exposure (`of`)?
#
# *What to expect:* two whole numbers, the second larger than with ten samples. Does luck come through?

# %% [markdown]
# <details><summary>Hint 1: three of ten</summary>
#
# `samples` has a row for each probe, in the same order; `row[:3]` are the first three.
#
# </details>
# <details><summary>Hint 2: a band</summary>
#
# `knowledge_band(p.correct, row[:3])` for a probe `p`, and the name of the band is `BANDS[0]`.
#
# </details>

# %%
answer = {"three": ..., "of": ...}

# %% tags=["solution"]
firmly = [p for p, row in zip(probes, samples) if knowledge_band(p.correct, row[:3]) == BANDS[0]]
answer = {"three": sum(p.exposure == 0 for p in firmly), "of": len(firmly)}
with_all = [p for p, row in zip(probes, samples) if knowledge_band(p.correct, row) == BANDS[0]]
print(f"highly known by three samples: {answer['of']:,}, of these never read: {answer['three']}")
print(f"highly known by all samples: {len(with_all):,}, of these never read: {sum(p.exposure == 0 for p in with_all)}")

# %% tags=["both", "nbval-check-output"]
check("10.2", answer)

# %% [markdown] tags=["solution"]
# In one run 755 questions are highly known by three samples, 647 by ten, and none of them is a fact that was never read, with three as with ten (one or two on another seed would
# be no surprise). A lucky answer is one of many that the model might give, and three more tries show that. So most of what ten samples find is had for a third of the price; what seven
# more samples take out are facts that were read, and waver.

# %% [markdown] tags=["both"]
# ### Exercise 10.3 · Three of four (do, 15 minutes)
#
# Section 5 asks in four rotations, with the right option once under each letter. Which share of the questions would count as certain if three of four right answers were enough: for a model that picks each letter by lot (`random`), and
# for one that always says A (`always_a`)? `rotated.right` has a column for each rotation of the mini model, if you want to compare.
#
# *What to expect:* two shares, both below the one in four that a single question gives.

# %% [markdown]
# <details><summary>Hint 1: by lot</summary>
#
# Each of the four answers is right with probability 1/4, whatever the others are. In how many ways can three of four be right? And four of four counts as well.
#
# </details>
# <details><summary>Hint 2: without a formula</summary>
#
# `itertools.product([True, False, False, False], repeat=4)` goes through all 256 equally likely cases.
#
# </details>
# <details><summary>Hint 3: always A</summary>
#
# Turn the options four times. How often does the right one stand at A?
#
# </details>

# %%
import itertools

answer = {"random": ..., "always_a": ...}

# %% tags=["solution"]
import itertools

enough = [sum(row) >= 3 for row in itertools.product([True, False, False, False], repeat=4)]
stands_at = np.arange(4)  # where the right option is in each rotation
answer = {"random": np.mean(enough), "always_a": float(np.sum(stands_at == 0) >= 3)}
print(f"by lot {sum(enough)} of {len(enough)}, {answer['random']:.1%}; always A {answer['always_a']:.0%}")

# %% tags=["both", "nbval-check-output"]
check("10.3", answer)

# %% [markdown] tags=["solution"]
# 13 of 256, 5.1 %, by lot; none for whoever always says A, who is right in exactly one rotation. All four right would leave 1 in 256. So the softer rule lets thirteen times as much
# luck through, still a fifth of what one question does, and forgives a model that knows the answer one slip in four.

# %% [markdown]
# ## Summary
#
# The paper's one-answer rule is good enough where many answers are possible; with few options, ask more than once.
# **Next:** [11 · Does the split stay valid?](11_watch_the_split.ipynb)

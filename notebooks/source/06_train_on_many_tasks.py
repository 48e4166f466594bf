# %% [markdown]
# # 06 · Train on many tasks, refuse on all?
#
# So far one model was tuned on one kind of question. The paper's central claim is larger: **knowing what one knows is a
# skill of its own**. Tuned on a mixture of tasks, a model should say "I am unsure" on every one of them, and also on a task
# that it was never tuned on. Two things have to be told apart: does P(sure) *rank* its answers there, and does it *say* the right word?
#
# **By the end you will have tested** that claim where it can be tested: one small model, one encyclopedia, six kinds of
# questions about it, and for every fact the number of documents that state it. You will have seen what tuning on all tasks, on one, and
# on all but one does to the ranking of answers, over three seeds.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 2 min on 2 CPU cores (three tunings, some 16,000 answers); 1.5 GB |
# | Reads | the adapters that come with the kit (trained on the spot if they do not fit); `results/mini/multitask.json` (recorded over three seeds) |
# | Writes | `runs/<profile>/multitask/` and `runs/<profile>/mini-pararel/` |
# | Paper | sections 3.2, 4.2 and 5.3; Table 13; Figure 6 |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/06_train_on_many_tasks.ipynb) |
#
# <details><summary>The words of this page (click to open; all words: <a href="../docs/glossary.md">glossary</a>; where this notebook stands: <a href="../docs/map.svg">the map</a>)</summary>
#
# | word | meaning |
# |---|---|
# | twin | a small set about the mini world in the form of one of the paper's data sets |
# | [practice, transfer](../docs/glossary.md#practice-and-transfer) | tested on a set that was, or was not, tuned on |
# | P(sure) | probability of "sure" rather than "unsure" after the model's answer |
# | AP | average precision of ranking the answers by a confidence; a random ranking scores the accuracy |
# | AUROC | chance that a right answer ranks above a wrong one; 0.5 is a coin |
# | mix | mean of answer confidence and P(sure), the paper's ranking for padding |
# | answer rate | share of questions where P(sure) is above one half, so that the model answers |
#
# </details>

# %% [markdown] tags=["solution"]
# # Solutions of 06 · Train on many tasks, refuse on all?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. say what six tasks have in common, and what "known" means for each;
# 2. say why half of all blind guesses at a yes-no question land in D1, and what that does to a score;
# 3. read a transfer grid: tuned on the row, tested on the column;
# 4. tell *transfer* (the model was never tuned on this task) from *practice*, with the interval that belongs to it.

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
from rtuning_helpers.data import prompts
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice, short_run_notice
from rtuning_helpers.experiments.transfer import figures as task_plots
from rtuning_helpers.experiments.transfer import measure as transfer
from rtuning_helpers.experiments.transfer import tables as transfer_tables
from rtuning_helpers.experiments.transfer.recording import RECORDING
from rtuning_helpers.figures import plots
from rtuning_helpers.figures.layout import folded
from rtuning_helpers.metrics.sampling_error import seed_interval
from rtuning_helpers.paper.tables import paper_results
from rtuning_helpers.run.profiles import RunConfig
from rtuning_helpers.tuning.registry import PRETRAINED, method_label, method_looks

plots.use_style(method_looks())
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "multitask"  # the mixture of five sets; nothing else fits here
seed = 0  # any whole number
data_dir = None  # folder with the files of the real sets; without it, their mini twins
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
transfer.check_mixture(config)
check = checks_of(config)  # of answers to exercises
recording = RECORDING.read(config)
tasks = transfer.TESTED_ON
print(f"profile {config.profile}: model {config.settings.model}; tuned for {config.settings.epochs:g} epochs")
print("results over seeds: " + ("recorded" if recording else "none recorded, everything is computed here"))

# %% [markdown]
# ## 1. Six tasks, one encyclopedia
#
# The mini world can be asked in many ways. Each *[twin](../docs/glossary.md#twin)* has the [form](../docs/glossary.md#form-of-a-question) of one of the paper's data sets: an open question
# (ParaRel), four options (MMLU), a list as evidence (WiCE), a second hop that must be read in a paragraph (HotpotQA), a
# claim that is admitted, rejected or neither (FEVER), an open question with a text that names four candidates (HaluEval). Whatever
# the form, the model must *know* the fact: options, lists and paragraphs only tell what to do with it. (A paragraph "X: country Y of X."
# says that X lies in Y. One of the six is shown. The twins are answered by a checkpoint of their own, `mini-tasks`, which has read the same facts in all these
# forms, HaluEval's too: new to *tuning* is not new to the model.)

# %%
asked = {task: steps.fitted(config, task).questions for task in tasks}
for task in ("hotpotqa",):
    example = asked[task][len(asked[task]) // 2]
    print(f"--- {task} ({len(asked[task]):,} test questions; gold answer: {example.answer})")
    print(prompts.task_prompt(example))

# %% [markdown]
# The first five have training questions, about other subjects than the tests. HaluEval's twin has none: it is the *[unseen](../docs/glossary.md#unseen-task)*
# task, as in the paper.
#
# ## 2. What does the untuned model know?
#
# Before asking whether a model knows what it knows, ask whether it knows anything. The figure shows the share of right answers
# of facts that the corpus never states, states 1 to 60 times, and more often; the black line is what a blind guess gets.

# %%
knowledge_notice([p.correct for p in steps.read_probes(config)])
known = pd.DataFrame(transfer.knowledge(config))
if len(known):
    bands = {band: rows.rename(columns={"tested_on": "task", "rate": "value"}).to_dict("records") for band, rows in known.groupby("band", sort=False)}
    task_plots.dots_by_task(bands, "right answers [%]", "Right answers of the untuned model, by how often the fact was read", transfer.CHANCE)
    plt.show()
    known["right"] = [transfer_tables.interval_text(r.rate, r.low, r.high) for r in known.itertuples()]
    wide = known.pivot(index="tested_on", columns="band", values="right").loc[list(tasks), known.band.unique()]
    wide = wide.assign(chance=[round(transfer.CHANCE[t], 3) for t in tasks])
    display(folded("The same in numbers, with Wilson's 95 % intervals", wide))
else:
    print("Nobody knows how often this model has read these facts.")

# %% [markdown]
# Two things must be seen here before anything below means anything. A fact that was
# never read must not be answered above chance in any form: then the form gives nothing away. And a fact that was read often has to
# be answered far above chance in every form: where the model cannot do the task, there is no knowledge to be sure of. The
# checks at the end hold every task against both.
#
# <details><summary>HaluEval's unread facts are even below one in four</summary>
#
# The model seems to answer from memory and hardly to look at the four names, so that this twin is close to ParaRel's.
#
# </details>
#
# ## 3. D1 and D0 of each set
#
# The untuned model sits the exam of notebook 01 on the training questions of all five sets. Its right answers form D1. But a right
# answer among two is not worth what a right answer among twenty is. The table shows what part of each D1 the corpus never states.

# %%
transfer_tables.label_table(steps.read_probes(config))

# %% [markdown]
# So the labels are not equally good. With twenty possible answers hardly any right answer is luck; with two or three classes many
# are. R-Tuning will teach the model to say "I am sure" behind lucky guesses, and no ranking of answers can be perfect where the toss
# of a coin counts as right. (The last column counts only what no document states; a fact read once can be luck as well. How much luck is there in all?)

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 06.1 · How much of D1 is luck? (build, 15 minutes)
#
# Suppose that a model knows some questions and guesses all others blindly, each with the chance `chance`. Write `luck(accuracy, chance)`: the share of its *right answers* that are lucky guesses. At or below chance everything is luck: 1.
# Below, your function looks at the five training sets.
#
# *What to expect:* at an accuracy of 0.75 and two options (`chance=0.5`), one right answer in three is luck.

# %% [markdown]
# <details><summary>Hint 1: what is known</summary>
#
# Say the share k of all questions is known. Then accuracy = k + (1 - k) chance, so k = (accuracy - chance) / (1 - chance), and not below 0.
#
# </details>
# <details><summary>Hint 2: what is luck</summary>
#
# (1 - k) chance of all questions are guessed right. Of the right answers, that is its part of the accuracy.
#
# </details>

# %%
def luck(accuracy, chance):
    """Share of the right answers that are lucky, if the model knows some questions and guesses the others."""
    return ...  # your code

# %% tags=["solution"]
def luck(accuracy, chance):
    """Share of the right answers that are lucky, if the model knows some questions and guesses the others."""
    known = max(0, (accuracy - chance) / (1 - chance))
    return min(1, (1 - known) * chance / accuracy)


for chance in (0.05, 0.25, 0.5):
    print(f"75 % right, chance {chance:.0%}: {luck(0.75, chance):.0%} of the right answers are luck")

# %% tags=["both", "nbval-check-output"]
check("06.1", luck)

# %% [markdown] tags=["solution"]
# With 75 % right answers, 2 % of them are luck among twenty options, 11 % among four, and 33 % among two: the same accuracy, and three very different sets D1. R-Tuning calls all of them "sure".

# %%
if check.is_right("06.1"):
    sets = {}
    for p in steps.read_probes(config):
        sets.setdefault(next(task for task in tasks if task in p.dataset), []).append(p.correct)
    lucky = {task: luck(np.mean(right), transfer.CHANCE[task]) for task, right in sets.items() if any(right)}
    print("luck in D1:", ", ".join(f"{task} {share:.0%}" for task, share in lucky.items()))

# %% [markdown]
# With blind guesses a third of the D1 of WiCE would be luck, and a quarter of that of FEVER, twice what was never read: facts that were read a few times are guessed as well. Of ParaRel's it is the 3 % that the table has.
#
# ## 4. One mixture, two models
#
# **Vanilla** is tuned on the gold answers of all training questions, **padding** on the same answers followed by "I am sure" (D1) or
# "I am unsure" (D0). Same seed, same schedule; only the completion differs. One record of the padding set:

# %%
steps.tuning_steps(config, ["vanilla", "padding"], force=force)
records = steps.read_tuning_records(config, "padding")
print(records[-1].prompt + "|" + records[-1].completion, "\n")
short_run_notice(steps.read_training_log(config, "padding").steps)
for method in ("vanilla", "padding"):
    log = steps.read_training_log(config, method)
    print(f"{method}: {log.examples:,} records, {log.steps} steps, loss {log.losses[0][1]:.3f} to {log.losses[-1][1]:.3f} nats per token")

# %% [markdown]
# Both models, and the untuned one, answer the six tests. **AP** ranks the answers by the method's own confidence: the answer
# confidence, for padding its mean with P(sure), as in the paper's Table 13. A random ranking scores the accuracy, so that column is
# AP's no-skill value. `AUROC P(sure)` is the chance that a right answer has a higher P(sure) than a wrong one.
#
# <details><summary>The rows without judgement</summary>
#
# Behind the last fold are the rows that need no judgement: how often the answer is right that is most frequent for the set and relation in training; what
# a random ranking of the padding model's answers would score; and what a ranking scores that looks only at set and relation (the
# share of certain training questions). A learned confidence must beat the last, which never looks at the subject.
#
# </details>

# %%
live = transfer.cells(config, transfer.MIXED)
display(folded("This run in short", transfer_tables.short_table(live)))
display(folded("All numbers of this run, with 95 % bootstrap intervals over the questions", transfer_tables.cell_table(live), index=False))
folded("Without judgement", transfer_tables.trivial_table(config).round(3), index=False)

# %% [markdown]
# ### Over three seeds
#
# One run of fine-tuning is one draw. For the default model the kit ships the cells of seeds 0, 1 and 2
# (`rtuning record transfer` makes them again: 42 tunings); without a recording everything is computed here, for this seed. The
# dots are means over the seeds, the lines reach from the lowest to the highest.

# %%
everyone = (*transfer.MIXED, *transfer.GRID, *transfer.LEAVE_ONE_OUT, *transfer.TWICE)
cells = recording["cells"] if recording else transfer.cells(config, everyone)
task_plots.dots_by_task(transfer_tables.spread(cells), "AP [%]", "AP of the untuned model, and after tuning on all five sets")
plt.show()
folded("The same in numbers, beside the accuracy", transfer_tables.spread_table(cells).round(3), index=False)

# %% [markdown]
# The paper's comparison, as differences: padding's AP minus vanilla's, on the mean of the five sets and on each test; and the same
# against the *untuned* model, whose answer confidence is there for free (the paper does not make this comparison). With three seeds
# the interval of a mean (Student's t) is wide; it says where another three seeds might lie.

# %%
gain_tables = {m: transfer_tables.gain_table(cells, m).set_index("tested on") for m in ("vanilla", PRETRAINED)}
gained = pd.concat([table.iloc[:, 0] for table in gain_tables.values()], axis=1)
display(gained.loc[["five sets", "halueval"]])
display(folded("Set by set", gained))
folded("Seed by seed", pd.DataFrame({f"against {method_label(m)}": table["by seed"] for m, table in gain_tables.items()}))

# %% [markdown]
# So the paper's gain does **not** come out here: against vanilla it is near zero, with an interval that holds zero on every row, and
# the untuned model is ahead on most.
#
# <details><summary>What such a difference in AP holds</summary>
#
# A model that gets more answers right gets a higher AP without knowing anything better about
# itself, and both tunings cost some right answers: compare the accuracies above. And all intervals over seeds are about tuning; the 540
# questions of each set are the same every time.
#
# </details>
#
# Two things can be asked about the reason.
#
# ### Was there room for a gain?
#
# Imagine a judge who may look into the corpus and ranks the *same answers* by the number of documents that state the fact. This is
# what R-Tuning hopes to teach, done perfectly.

# %%
transfer_tables.room_table(cells).round(3)

# %% [markdown]
# The vanilla model's answer confidence, for which nobody trained it, ranks its answers **better than that judge** on every task. It
# may know more than the corpus can tell: whether a fact that was read a few times has stuck, or two options compete. And neither
# can foresee luck, which limits both. Where the probabilities of the answer carry that much, words about sureness can add little. (The
# *untuned* model has room on three tasks, HotpotQA most of all; plain tuning on gold answers already fills it there.)
#
# ### Does it depend on the schedule?
#
# The models above were tuned with two passes over the mixture; the models of notebook 05, where padding gained about 0.05 in AP
# (in-domain, mean over three seeds), with eight over their own questions. Here twice as long as above:

# %%
transfer_tables.schedule_table(cells)

# %% [markdown]
# Now padding's gain on the five sets is there with every seed, and the interval leaves 0 out; on the unseen set every seed is above
# 0, the interval is not. But look where the gain comes from: **neither model has become better**. Vanilla has lost about twice as much as padding.
# Perhaps tuning on answers that a model does not know spoils its answer confidence, and the words "I am unsure" soften that. As
# in notebook 05, the size of R-Tuning's gain is a matter of how long one tunes; whoever reports it should say so.
#
# ### What was read, without luck
#
# In the mini world a sharper question can be asked: does the confidence tell *facts that were read often* (over 60 times) from *facts
# that were never read*? Luck plays no part in it. The table shows the AUROC of padding (the mix) minus that of vanilla.

# %%
if any(row["auroc_read"] is not None for row in cells):
    gained = transfer_tables.gain_table(cells, "vanilla", "auroc_read").set_index("tested on")
    display(folded("Set by set", gained))

# %% [markdown]
# Here padding gains, on the mean of the five sets with every seed: the mix knows a little more about *what was read* than vanilla's
# answer confidence does. On the unseen set both are close to 1, and nothing is left to gain.
#
# ## 5. The transfer grid
#
# Does it take all five sets? Each row of the grid is a padding model tuned on **one** set, each column a test. The diagonal is
# practice, everything off it transfer. All models took the same number of steps. The number is the AUROC of P(sure) for right
# answers: 0.5 is a coin. One cell by hand: the model that is tuned on ParaRel's twin alone is asked about MMLU's. Take every pair
# of a right and a wrong answer: in how many does the right one have the higher P(sure)? Equal ones count half.

# %%
own_row = transfer.cells(config, transfer.GRID[:1])
found = transfer.read_answers(config, transfer.GRID[0], "mmlu")
right, wrong = (np.array([p.sure_confidence for p in found if p.correct == is_right]) for is_right in (True, False))
wins = (right[:, None] > wrong) + (right[:, None] == wrong) / 2
if wins.size:
    helper = next(row["auroc_sure"] for row in own_row if row["tested_on"] == "mmlu")
    assert np.isclose(wins.mean(), helper)
    print(f"{len(right)} right and {len(wrong)} wrong answers, {wins.size:,} pairs: by hand {wins.mean():.4f}, by the helper {helper:.4f}")

# %% [markdown]
# Now the whole grid. Below each mean stand the lowest and the highest seed (with one seed its 95 % interval). The first row is the
# one that was tuned here and now, too: the checks compare it with the recording.

# %%
means, texts = transfer_tables.grid(cells, "auroc_sure")
task_plots.grid_heatmap(means, texts, "AUROC of P(sure)", "How well P(sure) tells right answers from wrong ones", (0.5, 0.9))
plt.show()
diagonal = np.array([[row == f"{column} alone" for column in means] for row in means.index])
off = ~diagonal & (means.index != "all five")[:, None]
print(f"mean over the cells, HaluEval included: practice {np.nanmean(means.where(diagonal)):.3f}, transfer {np.nanmean(means.where(off)):.3f}, all five {means.loc['all five'].mean():.3f}")
folded("The grid to three digits", transfer_tables.grid_table(means, texts))

# %% [markdown]
# A single task teaches some of it, unevenly: claims (WiCE, FEVER) help on every test, open questions (ParaRel, HotpotQA) help each other
# and HaluEval, but teach next to nothing about claims. Practice on the task itself mostly counts for more, and the row *all five* is the
# best, or within 0.01 of it, everywhere.
#
# And once more without luck: how well the confidence tells facts that were read often from those that were never read. The confidence
# is the mix; for the untuned model it is the answer confidence. AUROC, means over the seeds:

# %%
if any(row["auroc_read"] is not None for row in cells):
    means_read, texts_read = transfer_tables.grid(cells, "auroc_read", untuned=True)
    display(folded("The grid of what was read", means_read.round(3)))
    display(folded("With the lowest and the highest seed", transfer_tables.grid_table(means_read, texts_read)))

# %% [markdown]
# First and last row: tuning on all five lifts MMLU, WiCE, HotpotQA and FEVER to 0.96 and more, above the untuned model. Part of that
# is practice with the form, since vanilla's confidence rises too (section 4). A model tuned on one set loses on most others.
#
# ## 6. Leave one set out
#
# The paper's unseen test is one data set. Here every set gets to be the unseen one: a padding model is tuned on the other
# four and asked the fifth, and HaluEval. Beside it stand the model that was tuned on all five and the untuned one. The last table has the differences in AP
# between four sets and all five, on the same questions, with paired 95 % intervals. Below zero: the set was missed.

# %%
left_out = transfer_tables.left_out_table(cells).round(3)
display(folded("Asked the set that was left out", left_out[left_out["tested on"] == left_out["left out"]].drop(columns="left out"), index=False))
display(folded("The same models, asked HaluEval", left_out[left_out["tested on"] == "halueval"], index=False))
differences = recording["differences"] if recording else transfer.differences(config)
folded("AP of four sets minus AP of five, by seed", transfer_tables.left_out_differences(differences))

# %% [markdown]
# A set is missed, but not every one: without MMLU, MMLU loses AP on every seed and beyond its interval; without WiCE, WiCE loses nothing that
# can be told from zero. The unseen HaluEval loses most where ParaRel, its next of kin, was left out.
#
# ### One task or four: the ranking
#
# Grid and left-out sets together answer the first half of our question. All rows have the same number of steps; a number is the mean
# over the five sets, without HaluEval.

# %%
transfer_tables.variety_table(cells)

# %% [markdown]
# One other task gives about half of what practice on the set gives (0.5 is nothing). Four other tasks give most of it, on a
# form of question that the model was never tuned on; as much as the best single source, which nobody knows beforehand. In that sense the
# paper is right: **how P(sure) ranks answers transfers to a new task**.
#
# <details><summary>Variety of forms, or of questions?</summary>
#
# Four sets hold four times the questions of one, each read
# a quarter as often; variety of forms and of questions cannot be told apart here.
#
# </details>
#
# ### And what does it say?
#
# A ranking is not yet a refusal. The model *says* "I am sure" where P(sure) is above one half, and answers; how often does it, and how
# many of those answers are right? Rows: what was tuned on. Means over the seeds, with the lowest and the highest answer rate.

# %%
spoken = transfer_tables.spoken_table(cells)
display(spoken.iloc[:5])
folded("Tuned on one of the other sets, asked all", spoken.iloc[5:])

# %% [markdown]
# After practice on all five, the longer schedule answers 60 to 81 % of every test, whatever the seed, HaluEval included; the shorter one
# has not settled yet. **On a form that was not practised, the word is hardly worth anything**: models tuned on the four other sets answer
# nearly everything on WiCE and FEVER; one tuned on ParaRel alone answers anything from nothing to everything on other forms, as the
# seed has it. So the order that P(sure) gives transfers, its *level* does not: on a new task the threshold has to be set anew, on some
# labelled questions.
#
# ## 7. Beside the paper
#
# Table 13 of the paper: AP of R-Tuning minus AP of vanilla after tuning on the mixture, in percentage points.
#
# <details><summary>What can be compared, and what cannot</summary>
#
# What can be compared: the
# question, the score (AP; padding by the mix, vanilla by the answer confidence) and the signs. What cannot: its models are thousands
# of times larger and its questions real; it prints one run without an interval, and no accuracy beside it, so nobody can say how much of an
# AP is no skill. Which ParaRel and MMLU test it asked, it does not say.
#
# </details>

# %%
paper = paper_results(13)
pairs = paper[paper.dataset != "Average"].pivot(index=["model", "dataset"], columns="method", values="value")
by_model = (pairs["R-Tuning"] - pairs["Vanilla"]).unstack()[["ParaRel", "MMLU", "WiCE", "HotpotQA", "FEVER", "HaluEval-QA"]]
gain = transfer.gains(cells)
by_model.loc[f"{config.settings.model} (this kit)"] = [100 * np.mean(gain[t]) for t in tasks]
print(f"below zero: {(by_model.iloc[:3] < 0).sum().sum()} of the paper's 18 cells, {sum(np.mean(gain[t]) < 0 for t in tasks)} of our 6")
folded("Padding minus vanilla by data set, in points", by_model.round(2))

# %% [markdown]
# ## Checks

# %%
if len(known):
    often, never = known[known.band == "read over 60 times"], known[known.band == "never read"]
    far_above, by_chance = (often.low >= often.chance + 0.20).all(), (never.low <= never.chance).all()
    finding("facts read over 60 times: at least 20 points above chance on every task, interval included", far_above, config, "multitask", often.n.sum())
    finding("facts never read: not above chance on any task, beyond the interval", by_chance, config, "multitask", never.n.sum())

# %%
if recording:
    unsettled = all(low < 0 < high for _, low, high in (seed_interval(gain[name]) for name in ("five sets", "halueval")))
    finding("padding's gain in AP over vanilla is not established: on the mean of the five sets and on the unseen one the interval over seeds holds 0", unsettled, config, "multitask")
    room = transfer_tables.room_table(cells)
    full = (room["vanilla", "own confidence"] >= room["vanilla", "exposure"]).all()
    finding("vanilla's own confidence ranks its answers no worse than their exposures do, on every task (mean of the seeds)", full, config, "multitask")
    twice = transfer.gains(cells, part=transfer.LONGER)
    gained = seed_interval(twice["five sets"])[1] > 0 and min(twice["halueval"]) > 0
    finding("tuned twice as long, padding beats vanilla in AP on the five sets (interval over seeds) and with every seed on the unseen one", gained, config, "multitask")
    variety = transfer_tables.variety(cells)
    more = all(np.greater(variety["the four other sets"], variety["one other set"]))
    finding("ranking by P(sure) on a set never tuned on: four other sets teach more than one, with every seed", more, config, "multitask")
    _, low, _ = seed_interval(transfer.gains(cells, metric="auroc_read")["five sets"])
    finding("padding tells read from never read better than vanilla, on the mean of the five sets, interval over seeds included", low > 0, config, "multitask")
    gap = transfer_tables.difference_to_recording([*live, *own_row], cells)
    finding("this run agrees with the recording of its seed within 0.02, on the mean of the cells", gap is None or gap <= 0.02, config, "multitask")

# %% [markdown]
# ## What it says, and what it does not
#
# * *Transfer* here is from one form of question to another, about the same encyclopedia. No tested subject occurs in tuning, but the
#   world is one. In the paper form and knowledge change together.
# * AP mixes two things, how much is right and how well it is ranked. Compare models by AP only beside their accuracy, or by AUROC.
# * Labels of tasks with few options contain luck, and so do the test answers: a perfect judge of knowledge would not reach an AUROC of 1
#   there.
# * The seeds are those of tuning; the untuned model is one. Two passes were chosen so that the notebook
#   runs in minutes; section 4 shows both schedules because the answer depends on it.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes; answer each in your head before you open it)
#
# <details><summary>Why is a right answer to a yes-no question worth less as a label than one to an open question?</summary>
#
# Half of all blind guesses are right, and land in D1. With twenty possible answers one guess in twenty does.
#
# </details>
# <details><summary>What is the difference between practice and transfer in the grid?</summary>
#
# Practice is the diagonal: tested on the form that was tuned on, with other subjects. Transfer is everything else.
#
# </details>
# <details><summary>P(sure) ranks the answers to a new task well. Does the model refuse well there?</summary>
#
# Not yet. The ranking transfers, the level does not: it may say "sure" to everything or nothing, until a border is set on some labelled questions.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 06.2 · What P(sure) adds (do, 10 minutes)
#
# Rank the padding model's answers to each of the `tasks`, `transfer.read_answers(config, transfer.PADDING, task)`, by P(sure) alone and by the answer confidence alone (`metrics.average_precision`).
# On which `task` is the AP by P(sure) higher by most, or lower by least, and what is the difference, `gain`?
#
# *What to expect:* a few hundredths, and hardly above 0 anywhere.

# %% [markdown]
# <details><summary>Hint 1: one task</summary>
#
# A prediction has `correct`, `sure_confidence` and `answer_confidence`; `average_precision` takes a list of the first and one of another.
#
# </details>
# <details><summary>Hint 2: the best task</summary>
#
# A dictionary from task to difference; `max(gains, key=gains.get)` is the task with the largest.
#
# </details>

# %%
from rtuning_helpers import metrics

answer = {"task": ..., "gain": ...}

# %% tags=["solution"]
from rtuning_helpers import metrics

gains = {}
for task in tasks:
    found = transfer.read_answers(config, transfer.PADDING, task)
    right = [p.correct for p in found]
    by_sure = metrics.average_precision(right, [p.sure_confidence for p in found])
    by_answer = metrics.average_precision(right, [p.answer_confidence for p in found])
    gains[task] = by_sure - by_answer
    print(f"{task:9} AP by P(sure) {by_sure:.3f}, by the answer confidence {by_answer:.3f}: {gains[task]:+.3f}")
task = max(gains, key=gains.get)
answer = {"task": task, "gain": gains[task]}

# %% tags=["both", "nbval-check-output"]
check("06.2", answer)

# %% [markdown] tags=["solution"]
# In one run P(sure) alone is higher nowhere. It is least behind on WiCE, by 0.022 (0.829 against 0.851), then on MMLU and FEVER by 0.03, most on ParaRel by 0.07 and on the unseen HaluEval by 0.35. Where there are few options a letter's probability says less, and P(sure) comes closest; it adds to the mix by erring
# elsewhere, not by being better.

# %% [markdown] tags=["both"]
# ### Exercise 06.3 · The best source, chosen fairly (do, 15 minutes)
#
# One other set teaches as much as four *if* it is the best one. For each of the five sets, choose the other set whose model has the highest `auroc_sure` on it with seed 0. Report the mean over the five sets and the *other*
# seeds, `chosen`, and the same mean of the models that were tuned on the four others, `four`. `recording["cells"]` has a row for each model, test and seed.
#
# *What to expect:* what was chosen is worth less than it promised on seed 0.

# %% [markdown]
# <details><summary>Hint 1: look up</summary>
#
# One other set has the `part` "alone", four others "left out", where `set` is the tested one; the `method` is "padding". A dictionary `auroc[row["part"], row["set"], row["tested_on"], row["seed"]] = row["auroc_sure"]` over the rows of padding.
#
# </details>
# <details><summary>Hint 2: choose</summary>
#
# `max(sources, key=lambda source: auroc["alone", source, tested, 0])`, where sources are the five sets but the tested one. The five are `tasks[:5]`.
#
# Then two means, each over ten numbers: five sets, seeds 1 and 2.
#
# </details>

# %%
answer = {"chosen": ..., "four": ...}

# %% tags=["solution"]
padding = [row for row in recording["cells"] if row["method"] == "padding"]
auroc = {(row["part"], row["set"], row["tested_on"], row["seed"]): row["auroc_sure"] for row in padding}
first, *rest = sorted({row["seed"] for row in padding})
best = {
    tested: max((source for source in tasks[:5] if source != tested), key=lambda source: auroc["alone", source, tested, first])
    for tested in tasks[:5]
}
promised = np.mean([auroc["alone", source, tested, first] for tested, source in best.items()])
chosen = np.mean([auroc["alone", source, tested, seed] for tested, source in best.items() for seed in rest])
four = np.mean([auroc["left out", tested, tested, seed] for tested in best for seed in rest])
answer = {"chosen": chosen, "four": four}
print(f"best source on seed {first}: {promised:.3f} there, {chosen:.3f} on the other seeds; four other sets: {four:.3f}")

# %% tags=["both", "nbval-check-output"]
check("06.3", answer)

# %% [markdown] tags=["solution"]
# On seed 0 the best sources have 0.735; on the other seeds the same sources have 0.671, the four sets together 0.714. What looked best was partly luck, and what is left of it is closer to the average source (0.62)
# than it promised. Four sets need no choice.

# %% [markdown] tags=["both"]
# ### Exercise 06.4 · A judge who knows what was read (do, 15 minutes)
#
# A two-class question is right by luck half of the time. Which AUROC (`metrics.auroc`) for *right answers* does a perfect judge of *knowledge* reach on WiCE's twin? From the `exposure` of each of padding's answers it says 1 for facts read
# over 60 times, 0 for those never read, 0.5 in between. Its number is `judge`, that of P(sure) on the same answers `sure`.
#
# *What to expect:* both well below 1, and not far from each other.

# %% [markdown]
# <details><summary>Hint 1: the judge</summary>
#
# A list with 1.0, 0.5 or 0.0 for each answer in `transfer.read_answers(config, transfer.PADDING, "wice")`, by its `exposure`.
#
# </details>
# <details><summary>Hint 2: two rankings</summary>
#
# `metrics.auroc(right, judgement)`, with whether each answer is `correct` first; then the same with `sure_confidence`.
#
# </details>

# %%
from rtuning_helpers import metrics

answer = {"judge": ..., "sure": ...}

# %% tags=["solution"]
from rtuning_helpers import metrics

found = transfer.read_answers(config, transfer.PADDING, "wice")
right = [p.correct for p in found]
judged = [0.5 if 0 < p.exposure <= 60 else float(p.exposure > 60) for p in found]
answer = {"judge": metrics.auroc(right, judged), "sure": metrics.auroc(right, [p.sure_confidence for p in found])}
print(f"AUROC on WiCE: a judge of what was read {answer['judge']:.3f}, P(sure) {answer['sure']:.3f}")

# %% tags=["both", "nbval-check-output"]
check("06.4", answer)

# %% [markdown] tags=["solution"]
# In one run 0.683 for the judge and 0.687 for P(sure): there is no distance. A judge who knows exactly what was read cannot tell lucky guesses from knowledge either, and half of all guesses are lucky. Seen so, an AUROC of 0.7 on two options is not a poor judge of knowledge; the labels are poor.

# %% [markdown]
# ## Summary
#
# * **Does the ranking transfer?** Largely. Tuned on four forms of question, P(sure) tells right from wrong on the fifth with an AUROC of
#   about 0.72; practice on all five gives 0.79, a single other form 0.62 on average.
# * **Does the refusal transfer?** No. On a form that was not practised, the same model may say "sure" always or never; only tuning on all
#   five, and long enough, gives steady answer rates, then on the unseen HaluEval, too.
# * **Does padding rank answers better than vanilla?** Not with the short schedule, where vanilla's own confidence is as good as knowing what
#   was read. With twice the steps it does on the five sets (not established on the unseen one), because vanilla loses more.
# * **Does it know better what was read?** Yes, a little, on the mean of the five sets with every seed.
# * **Against the untuned model**: fewer right answers and a lower AP on most tests, but on the four forms other than open questions a clearer
#   line between what was read and what was not.
#
# **Next:** [07 · Questions that have no answer](07_refuse_the_unanswerable.ipynb).

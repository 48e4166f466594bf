# %% [markdown]
# # 06 · Train on many tasks, refuse on all?
#
# So far one model was tuned on one kind of question. The paper's central claim is larger: **knowing what one knows is a
# skill of its own**. Tuned on a mixture of tasks, a model should say "I am unsure" on every one of them, and also on a task
# that it was never tuned on.
#
# **By the end you will have tested** that claim where it can be tested: one small model, one encyclopedia, six kinds of
# questions about it, and for every fact the number of documents that state it. You will have seen what tuning on all tasks, on one, and
# on all but one does to the ranking of answers, over three seeds.
#
# | | |
# |---|---|
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | TIME_AND_MEMORY |
# | Reads | nothing; `results/mini/multitask.json` (recorded over three seeds) |
# | Writes | `runs/<profile>/multitask/` and `runs/<profile>/mini-pararel/` |
# | Paper | sections 3.2, 4.2 and 5.3; Table 13; Figure 6 |

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. say what six tasks have in common, and what "known" means for each;
# 2. correct a score for chance: why half of all blind guesses at a yes-no question land in D1;
# 3. read a transfer grid: tuned on the row, tested on the column;
# 4. tell *transfer* (the model was never tuned on this task) from *practice*, with the interval that belongs to it.

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
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import plots, prompts, steps, task_plots, transfer
from rtuning_helpers.exposure import proportion_interval
from rtuning_helpers.findings import finding, knowledge_notice
from rtuning_helpers.matching import is_right
from rtuning_helpers.metrics import average_precision
from rtuning_helpers.profiles import RunConfig
from rtuning_helpers.sampling_error import seed_interval
from rtuning_helpers.tables import paper_results
from rtuning_helpers.trivial import relation_majority, template_confidence

plots.use_style()
pd.set_option("display.max_colwidth", None)

# %% tags=["parameters"]
profile = "mini"  # mini, colab-t4, consumer-24gb or paper
dataset = "multitask"  # the mixture of five sets; nothing else fits here
seed = 0  # any whole number
data_dir = None  # folder with the files of the real sets; without it, their mini twins
limit = None  # at most this many questions of each split
model = None  # another model than the profile's
out = "runs"  # folder for results
force = False  # compute again what is there already

# %%
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out
)
transfer.check_mixture(config)
recording = transfer.recorded(config)
tasks = transfer.TESTED_ON
print(f"profile {config.profile}: model {config.settings.model}; tuned for {config.settings.epochs:g} epochs")
print("results over seeds: " + ("recorded" if recording else "none recorded, everything is computed here"))

# %% [markdown]
# ## 1. Six tasks, one encyclopedia
#
# The mini world can be asked in many ways. Each *twin* has the form of one of the paper's data sets: an open question
# (ParaRel), four options (MMLU), a list as evidence (WiCE), a second hop that must be read in a paragraph (HotpotQA), a
# claim that is admitted, rejected or neither (FEVER), an open question with a text that names four candidates (HaluEval). Whatever
# the form, the model must *know* the fact: options, lists and paragraphs only tell what to do with it. (The twins are answered
# by a checkpoint of their own, `mini-tasks`, which has read the same facts in all these forms.)

# %%
asked = {task: steps.fitted(config, task).questions for task in tasks}
for task in tasks:
    example = asked[task][len(asked[task]) // 2]
    print(f"--- {task} ({len(asked[task]):,} test questions; gold answer: {example.answer})")
    print(prompts.task_prompt(example), "\n")

# %% [markdown]
# The first five have training questions, about other subjects than the tests. HaluEval's twin has none: it is the *unseen*
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

# %%
def interval_text(value, low, high, digits=3):
    """`0.912 [0.900, 0.923]`, or a dash where the number does not exist."""
    return "-" if value is None or pd.isna(value) else f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


if len(known):
    known["right"] = [interval_text(r.rate, r.low, r.high) for r in known.itertuples()]
    wide = known.pivot(index="tested_on", columns="band", values="right").loc[list(tasks), known.band.unique()]
    display(wide.assign(chance=[round(transfer.CHANCE[t], 3) for t in tasks]))
else:
    print("Nobody knows how often this model has read these facts.")

# %% [markdown]
# The brackets are Wilson's 95 % intervals. A fact that was never read is answered at chance in every form, so the forms give nothing
# away; a fact that was read often is known in every form. KNOWLEDGE_TEXT
#
# ## 3. D1 and D0 of each set
#
# The untuned model now sits the exam of notebook 01 on the 2,700 training questions. Its right answers form D1. But a right answer
# among two is not worth what a right answer among twenty is: the table also shows which part of D1 the corpus never states.

# %%
probes = pd.DataFrame([{"task": p.dataset, "correct": p.correct, "exposure": p.exposure} for p in steps.read_probes(config)])
counts = probes.groupby("task", sort=False).correct.agg(certain="sum", n="size").reset_index()
counts["uncertain"] = counts.n - counts.certain
plots.split_bars(counts.rename(columns={"task": "group"}).to_dict("records"), "Certain and uncertain training questions of each set")
plt.show()

# %%
rows = []
for task, part in probes.groupby("task", sort=False):
    right = part[part.correct]
    row = {"set": task, "questions": len(part), "certain (D1)": interval_text(part.correct.mean(), *proportion_interval(int(part.correct.sum()), len(part)))}
    if part.exposure.notna().all() and len(right):
        luck = int((right.exposure == 0).sum())
        row["never read, of D1"] = interval_text(luck / len(right), *proportion_interval(luck, len(right)))
    rows.append(row)
pd.DataFrame(rows)

# %% [markdown]
# So the labels are not equally good. In the open questions hardly any of D1 is luck; among two or three classes a good part of
# it is. R-Tuning will teach the model to say "I am sure" behind lucky guesses, and no ranking of answers can be perfect where a
# coin toss counts as right. LABEL_TEXT
#
# ## 4. One mixture, two models
#
# **Vanilla** is tuned on the gold answers of all 2,700 questions, **padding** on the same answers followed by "I am sure" (D1) or
# "I am unsure" (D0). Same seed, same schedule; only the completion differs. Two records of the padding set:

# %%
for method in ("vanilla", "padding"):
    steps.tuning_step(config, method, force=force)
records = steps.read_tuning_records(config, "padding")
for record in (next((r for r in records if r.certain), records[0]), next((r for r in records[::-1] if not r.certain), records[-1])):
    print(record.prompt + "|" + record.completion, "\n")
for method in ("vanilla", "padding"):
    log = steps.read_training_log(config, method)
    print(f"{method}: {log.examples:,} records, {log.steps} steps, loss {log.losses[0][1]:.3f} to {log.losses[-1][1]:.3f} nats per token")

# %% [markdown]
# Both models, and the untuned one, answer the six tests. **AP** ranks the answers by the method's own confidence: the answer
# confidence, for padding its mean with P(sure), as in the paper's Table 13. A random ranking scores the accuracy, so that column is AP's
# no-skill value. `AUROC P(sure)` is the chance that a right answer has a higher P(sure) than a wrong one.

# %%
live = pd.DataFrame(transfer.cells(config, transfer.MIXED))


def shown(row, metric):
    """A metric of one cell with its interval."""
    return interval_text(row[metric], *(row[f"{metric}_ci95"] or (0, 0))) if row[metric] is not None else "-"


table = [
    {"tested on": row["tested_on"], "method": row["method"], "n": row["n"]}
    | {name: shown(row, metric) for name, metric in (("accuracy", "accuracy"), ("AP", "ap"), ("AUROC P(sure)", "auroc_sure"))}
    for row in live.replace({np.nan: None}).sort_values("tested_on", key=lambda s: s.map(tasks.index), kind="stable").to_dict("records")
]
pd.DataFrame(table)

# %% [markdown]
# The rows of this table that need no judgement: the answer most frequent for the set and relation in training (right how often?), and a ranking of
# the padding model's answers by the share of certain training questions of the same set and relation. A learned confidence must beat the latter,
# which never looks at the subject.

# %%
training = [replace(q, relation=f"{q.dataset} {q.relation}") for q in steps.questions(config, "train")]
certain = [p.correct for p in steps.read_probes(config)]
trivial = []
for task in tasks:
    test = [replace(q, relation=f"{q.dataset} {q.relation}") for q in asked[task]]
    guesses = [is_right(q, guess) for q, guess in zip(test, relation_majority(training, test))]
    right = [int(p.correct) for p in transfer.read_answers(config, transfer.PADDING, task)]
    trivial.append({"tested on": task, "relation majority, right": np.mean(guesses), "always answer: accuracy = no-skill AP": np.mean(right),
                    "AP by the template's certain share": average_precision(right, template_confidence(training, certain, test))})
pd.DataFrame(trivial).round(3)

# %% [markdown]
# ### Over three seeds
#
# One run of fine-tuning is one draw. The kit ships the cells of seeds 0, 1 and 2 (`python -m benchmarks.multitask` makes them
# again: 36 tunings). The figure shows the mean over the seeds, and as a line the lowest and the highest; the table beside
# it the same with the mean accuracy, each AP's no-skill value.

# %%
models = [m for m in (*transfer.MIXED, *transfer.GRID, *transfer.LEAVE_ONE_OUT)]
cells = pd.DataFrame(recording["cells"] if recording else transfer.cells(config, models)).replace({np.nan: None})
mixed = cells[cells.part == "all"]
spread = mixed.assign(ap=mixed.ap.astype(float)).groupby(["method", "tested_on"], sort=False).ap.agg(["mean", "min", "max"])
series = {
    method: [{"task": t, "value": spread.loc[(method, t), "mean"], "low": spread.loc[(method, t), "min"], "high": spread.loc[(method, t), "max"]} for t in tasks]
    for method in ("pretrained", "vanilla", "padding")
}
task_plots.dots_by_task(series, "AP [%]", "AP of the untuned model and after tuning on all five sets")
plt.show()

# %%
accuracies = mixed.groupby(["method", "tested_on"], sort=False).accuracy.mean()
over_seeds = pd.DataFrame(
    [
        {"tested on": t, "method": m, "accuracy": accuracies[m, t], "AP": f"{row['mean']:.3f} ({row['min']:.3f} to {row['max']:.3f})", "AP - accuracy": row["mean"] - accuracies[m, t]}
        for t in tasks for m in series for row in [spread.loc[(m, t)]]
    ]
)
over_seeds.round(3)

# %% [markdown]
# The comparison of the paper, as differences on the same questions: padding's AP minus vanilla's, and minus the untuned
# model's. With three seeds the interval of the mean (Student's t) is wide; it says how far another three seeds might lie.

# %%
def gain_rows(second):
    """Mean gain of padding over another method, over the five sets and on the unseen one."""
    found = transfer.gains(mixed.to_dict("records"), "padding", second)
    rows = []
    for name in ("five sets", *tasks):
        values = found[name]
        mean, low, high = seed_interval(values) if len(values) > 1 else (values[0], None, None)
        text = f"{mean:+.3f}" + ("" if low is None else f" [{low:+.3f}, {high:+.3f}]")
        rows.append({"tested on": "mean of the five" if name == "five sets" else name, f"padding - {second}": text, "by seed": ", ".join(f"{v:+.3f}" for v in values)})
    return pd.DataFrame(rows)


display(gain_rows("vanilla"))
display(gain_rows("pretrained"))

# %% [markdown]
# MIXTURE_TEXT
#
# ## 5. The transfer grid
#
# Does it take all five sets? Each row of the grid is a padding model tuned on **one** set, each column a test. The diagonal is
# practice, everything off it transfer. The number is the AUROC of P(sure) for right answers: 0.5 is a coin. Below each mean stand
# the lowest and highest of the seeds (where only one was run, its bootstrap interval). The first row is computed here and now, the others come from the
# recording.

# %%
own_row = pd.DataFrame(transfer.cells(config, transfer.GRID[:1]))
grid_models = cells[(cells.method == "padding") & (cells.part != "left out")]
grid_models = grid_models.assign(tuned_on=[f"{s} alone" if s else "all five" for s in grid_models.set])


def grid(metric):
    """Means over the seeds, and what stands in the cells: the mean, lowest and highest (one seed: the interval)."""
    groups = grid_models.assign(value=grid_models[metric].astype(float)).groupby(["tuned_on", "tested_on"], sort=False)
    order = [*(f"{t} alone" for t in tasks if f"{t} alone" in set(grid_models.tuned_on)), "all five"]
    means = groups.value.mean().unstack().loc[order, list(tasks)]
    low = groups.apply(lambda g: g.value.min() if len(g) > 1 else (g[f"{metric}_ci95"].iloc[0] or [np.nan])[0]).unstack()
    high = groups.apply(lambda g: g.value.max() if len(g) > 1 else (g[f"{metric}_ci95"].iloc[0] or [np.nan])[-1]).unstack()
    return means, means.apply(lambda column: [f"{v:.2f}\n{low.loc[i, column.name]:.2f}-{high.loc[i, column.name]:.2f}" for i, v in column.items()])


# %%
means, texts = grid("auroc_sure")
task_plots.grid_heatmap(means, texts, "AUROC of P(sure)", "How well P(sure) tells right answers from wrong ones", (0.4, 1.0))
plt.show()
means.round(3)

# %% [markdown]
# GRID_TEXT
#
# A better question than "was the answer right?" can be asked in the mini world: does the confidence tell *facts that were read
# often* from *facts that were never read*? Luck plays no part in it. (The mix of answer and sure confidence; facts read 1 to 60
# times count on neither side.)

# %%
if cells.auroc_read.notna().any():
    means_read, texts_read = grid("auroc_read")
    task_plots.grid_heatmap(means_read, texts_read, "AUROC, read against never read", "How well the mix tells what was read from what was not", (0.4, 1.0))
    plt.show()
    display(means_read.round(3))

# %% [markdown]
# READ_TEXT
#
# ## 6. Leave one set out
#
# The paper's unseen test is one data set. Here every set gets to be the unseen one: a padding model is tuned on the other
# four and asked the fifth, and HaluEval. Beside it the model that was tuned on all five, on the same questions.

# %%
left = cells[cells.part == "left out"]
rows = []
for name in transfer.TRAINED_ON:
    for tested in (name, transfer.UNSEEN):
        row = {"left out": name, "tested on": tested}
        for label, part in (("left out", left[left.set == name]), ("all five", mixed[mixed.method == "padding"]), ("untuned", mixed[mixed.method == "pretrained"])):
            found = part[part.tested_on == tested]
            row |= {f"accuracy, {label}": found.accuracy.astype(float).mean(), f"AP, {label}": found.ap.astype(float).mean()}
            if label != "untuned":
                row[f"AUROC P(sure), {label}"] = found.auroc_sure.astype(float).mean()
        rows.append(row)
pd.DataFrame(rows).round(3)

# %%
paired = pd.DataFrame(recording["differences"] if recording else transfer.differences(config))
loo = paired[paired["first"].str.contains("all but") & paired.second.str.contains("padding")].copy()
loo["interval"] = [interval_text(r.difference, r.low, r.high) for r in loo.itertuples()]
print("AP(tuned on four) - AP(tuned on all five), same questions, paired 95 % interval, by seed")
loo.pivot(index=["first", "tested_on"], columns="seed", values="interval")

# %% [markdown]
# LOO_TEXT
#
# ## 7. Beside the paper
#
# Table 13 of the paper, in percent. What can be compared: the question (does padding beat vanilla after tuning on a mixture?), the
# score (AP; padding by the mix, vanilla by the answer confidence) and the signs. What cannot: its models are a thousand times larger, its
# questions are real, it prints one run without an interval, and no accuracy, so nobody can say how much of an AP is
# no-skill. Which ParaRel and MMLU test it asked, it does not say.

# %%
paper = paper_results(13)
paper = paper[paper.dataset != "Average"].pivot(index=["model", "dataset"], columns="method", values="value")
paper["difference"] = (paper["R-Tuning"] - paper["Vanilla"]).round(2)
by_model = paper.difference.unstack()[["ParaRel", "MMLU", "WiCE", "HotpotQA", "FEVER", "HaluEval-QA"]]
ours = {name: np.mean(values) * 100 for name, values in transfer.gains(mixed.to_dict("records")).items() if name in tasks}
by_model.loc[f"{config.settings.model} (this kit)"] = [ours[t] for t in tasks]
print("AP(R-Tuning) - AP(vanilla), percentage points")
print(f"the paper's cells in which R-Tuning is below vanilla: {(paper.difference < 0).sum()} of {len(paper)}")
by_model.round(2)

# %% [markdown]
# PAPER_TEXT
#
# ## Checks

# %%
if len(known):
    often, never = known[known.band == "read over 60 times"], known[known.band == "never read"]
    finding("facts read over 60 times: at least 20 points above chance on every task, interval included", (often.low >= often.chance + 0.20).all(), config, "multitask")
    finding("facts never read: the interval contains chance on every task", ((never.low <= never.chance) & (never.chance <= never.high)).all(), config, "multitask")
if recording:
    gain = transfer.gains(mixed.to_dict("records"))
    finding("padding beats vanilla in AP on the mean of the five sets, on every seed", min(gain["five sets"]) > 0, config, "multitask")
    finding("padding beats vanilla in AP on the unseen set (mean of the seeds)", np.mean(gain["halueval"]) > 0, config, "multitask")
    was = cells[cells.seed == seed].set_index(["part", "set", "method", "tested_on"])
    own = pd.concat([live, own_row]).set_index(["part", "set", "method", "tested_on"])
    gap = max((abs(own.loc[key, metric] - was.loc[key, metric]) for key in own.index if key in was.index for metric in ("accuracy", "ap")), default=0)
    finding("this run agrees with the recording of its seed within 0.05", gap <= 0.05, config, "multitask")

# %% [markdown]
# ## What it says, and what it does not
#
# SAYS_TEXT
#
# ## Exercises
#
# **Exercise 06.1** (10 minutes). `transfer.ranking` mixes half and half. Rank the padding model's answers to each task by P(sure)
# alone and by the answer confidence alone. On which task does P(sure) add most?
#
# **Exercise 06.2** (15 minutes). Pick two sets and tune on them:
# `steps.read_transfer_predictions(replace(config, dataset="mini-mmlu+mini-fever"), "padding", "multitask", "wice")`.
# Is the transfer to WiCE better than from either set alone?
#
# **Exercise 06.3** (15 minutes). A two-class question is right by luck half of the time. Compute the best AUROC that a perfect
# judge of *knowledge* (1 for facts read over 60 times, 0 for those never read, 0.5 in between) reaches for *right answers* on WiCE's twin. How
# far from it is P(sure)?
#
# ## Summary
#
# SUMMARY_TEXT **Next:** [08 · Settle the ledger](08_settle_the_ledger.ipynb).

# %% [markdown]
# # 08 · The ledger: paper, released code, this kit
#
# Somebody who followed the README of the released code got an average precision (AP) of 0.17 where the paper prints 0.94
# (LLaMA-7B, issue 10 there); somebody else was about 20 points short on MMLU with the same model (issue 14). **Where does
# the difference come from?** This notebook puts [three columns](../docs/glossary.md#ledger) side by side: what the paper prints, what others measured,
# what this kit measures. Then it takes the released code apart, one difference at a time.
#
# **By the end you will have shown** which of the paper's differences are larger than their sampling error, what the
# departures of the released code do to labels, training steps and AP, and how much of a real model's score comes from
# questions that contain their answer.
#
# | | |
# |---|---|
# | Part of | the extensions, in any order after the course (01 to 05); this one needs 01 to 05 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 80 s on 2 CPU cores after notebook 05, alone 3 min; 1.4 GB |
# | Reads | `results/paper`, `results/reruns`, `results/ledger.csv`, `results/mini`; the padding model of notebook 04, or the one that comes with the kit |
# | Writes | nothing but the steps of notebooks 01 and 04 |
# | Paper | Tables 1-5, 7, 8, 10-16; sections 2.3 and 3.4; the released code at commit 27e0384 |
# | Words | all of them are in the [glossary](../docs/glossary.md) |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/08_settle_the_ledger.ipynb) |
#
# <details><summary>The words of this page (click to open; all words: <a href="../docs/glossary.md">glossary</a>; where this notebook stands: <a href="../docs/map.svg">the map</a>)</summary>
#
# | | |
# |---|---|
# | D1, D0 | training questions that the untuned model answers correctly (*certain*), and the others (*uncertain*) |
# | c, s, the mix | confidence in the answer; confidence in being sure, P(sure); their mean, by which the paper ranks |
# | AP | average precision of a ranking; a random ranking has an AP equal to the accuracy |
# | R-Tuning, -R, -U | padding ("I am unsure" appended); replacement (a refusal instead); unsupervised (split by entropy) |
# | Pretrain-T, -W | the untuned model on all test questions; on those that the tuned model is *willing* to answer |
# | willing accuracy | accuracy on the answered questions only; the answer rate belongs beside it |
#
# </details>

# %% [markdown] tags=["solution"]
# # Solutions of 08 · The ledger: paper, released code, this kit
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. say how far a printed AP may be off, although no interval is printed with it;
# 2. find out whether a score comes from knowledge or from the wording of the questions;
# 3. name the differences between a paper and its code that matter, and those that do not;
# 4. file a run of your own in the ledger.

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
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding
from rtuning_helpers.figures import plots
from rtuning_helpers.figures.layout import folded
from rtuning_helpers.json_files import read_json
from rtuning_helpers.metrics.sampling_error import ap_half_width, proportion_half_width
from rtuning_helpers.paper.ledger import compare, count_cells, narrow, read_ledger
from rtuning_helpers.paper.recorded import baseline_rows, check_questions, cleaned_rows, read_recording, score_files
from rtuning_helpers.paper.recorded_text import cleaned_table
from rtuning_helpers.paper.released_code import ReleasedCodeQuirks, texts
from rtuning_helpers.paper.released_code.answers import evaluate
from rtuning_helpers.paper.released_code.effects import CHAIN, effects_table, scores
from rtuning_helpers.paper.released_code.recording import RECORDING
from rtuning_helpers.paper.released_code.training import optimiser_steps, training_sequences
from rtuning_helpers.paper.tables import missing_numbers, paper_results, rerun_results
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
out = "runs"  # folder for results
style = None  # how questions are asked: plain (the paper), few-shot, chat, or auto to try each; None: the profile's
shots = 5  # examples before each question in the styles few-shot and auto
system = None  # system text of the styles chat and auto
permutations = 1  # orders of the options that probing averages over
ready = True  # take adapters that come with the kit where they fit and none was tuned here; False: tune
force = False  # compute again what is there already
recordings = None  # folder with the recordings of an OpenLLaMA-3B (vvvvsv/R-Tuning); with it, dataset is pararel

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out,
    style=style, shots=shots, system=system, permutations=permutations, ready=ready,
)
check = checks_of(config)  # of answers to exercises
NONE, ALL = ReleasedCodeQuirks(), ReleasedCodeQuirks.as_released()

# %% [markdown]
# ## 1. What the paper prints
#
# The numbers of the paper's tables lie in `results/paper` as CSV, one row a number. They were taken from a text version of the
# published paper that a machine had made (Tables 3 and 7, 4 and 10, 5 and 11 came as one each, and are filed so); the means
# that the paper prints were recomputed as a check.
#
# Does the arithmetic hold? Table 13 prints averages of six rows. One of the six averages does not follow from its own column
# (the other differs by a rounding). Such a slip is noted in the CSV and not corrected.

# %%
paper = paper_results()
print(f"{len(paper)} numbers; shown by figures only, so not available: figures {', '.join(missing_numbers().figure)}")
columns = paper_results(13).pivot(index="dataset", columns=["model", "method"], values="value")
averages = pd.DataFrame({"printed": columns.loc["Average"], "recomputed": columns.drop("Average").mean()})
averages["difference"] = averages.printed - averages.recomputed
for name, row in averages[averages.difference.abs() > 0.01].round(2).iterrows():
    print(f"{', '.join(name)}: printed {row.printed:.2f}, recomputed {row.recomputed:.2f}")

# %% [markdown]
# ## 2. How far may a printed number be off?
#
# The paper prints no intervals and no seeds. But how much an AP moves from one draw of test questions to another can be
# worked out from three numbers that are printed: the AP, the accuracy, and the number of questions. Imagine right and wrong
# answers with confidences from two bell curves, as far apart as the AP asks for; draw many tests of that size; look at the
# spread of their APs.
#
# <details><summary>Where the three numbers come from, and how good the estimate is</summary>
#
# The numbers of questions are those of Table 6, the accuracy is the one that Table 8 prints for
# vanilla; R-Tuning's own is only in a figure. Where a real recording lets us check, this estimate is about 10 % smaller
# than the bootstrap over the recorded answers.
#
# </details>

# %%
COUNT = {("ParaRel", "id"): 5584, ("ParaRel", "ood"): 13974, ("MMLU", "id"): 2439, ("MMLU", "ood"): 9155}
KEY = ["dataset", "split", "model"]
ap = paper_results(1).pivot(index=KEY, columns="method", values="value") / 100
vanilla = paper_results(8).query("method == 'Vanilla'").set_index(KEY).value / 100
rows = []
for key in ap.index:
    n, accuracy = COUNT[key[:2]], vanilla[key]
    halves = [ap_half_width(ap.loc[key, m], accuracy, n, samples=500) for m in ("R-Tuning", "Vanilla")]
    difference = ap.loc[key, "R-Tuning"] - ap.loc[key, "Vanilla"]
    rows.append({"label": f"{key[0]} {key[1].upper()}, {key[2]}", "n": n, "difference": 100 * difference,
                 "half_width": 100 * np.hypot(*halves), "half width of one AP": 100 * halves[0]})
errors = pd.DataFrame(rows)
errors["beyond the error"] = errors.difference.abs() > errors.half_width

# %%
plots.difference_dots(rows, "AP of R-Tuning minus AP of vanilla [points], with 95 % sampling error", "The paper's Table 1")
plt.show()
beyond = errors[errors["beyond the error"]]
favour = (beyond.difference > 0).sum()
print(f"{len(beyond)} of {len(errors)} differences exceed the sampling error, {favour} of them in favour of R-Tuning")
folded("The twelve differences in numbers", errors.round(2), index=False)

# %% [markdown]
# Filled dots are differences that the sampling error does not explain; hollow ones could be zero. **Four of twelve stand
# clear of it: three in favour of R-Tuning, all of them LLaMA-13B, and one against it** (LLaMA-7B on ParaRel OOD). A fifth,
# LLaMA-7B on MMLU OOD, sits on the border.
#
# <details><summary>Two cautions, one in each direction</summary>
#
# Both models answered the *same* questions, so the true error of a difference is
# smaller than drawn here (a paired comparison would need the answers). And this is the error of the *test questions* only:
# another training seed adds to it. Two of the three large positive differences come with a *drop* of vanilla's AP from
# LLaMA-7B to LLaMA-13B (78 to 64 on ParaRel OOD, 58 to 52 on MMLU ID), which looks more like an unlucky vanilla run than like
# a strength of the method. Without seeds nobody can tell.
#
# </details>
#
# Table 8 gives shares, for which the error is a formula. The fair opponent there is Pretrain-W: the *untuned* model on the
# very questions that R-Tuning-R chose to answer.

# %%
eight = paper_results(8).pivot(index=KEY, columns=["method", "metric"], values="value") / 100
shares = []
for key in eight.index:
    tuned, opponent = (eight.loc[key, (m, "willing accuracy")] for m in ("R-Tuning-R", "Pretrain-W"))
    answered = COUNT[key[:2]] * eight.loc[key, ("R-Tuning-R", "answer rate")]
    error = np.hypot(proportion_half_width(tuned, answered), proportion_half_width(opponent, answered))
    shares.append({"label": f"{key[0]} {key[1].upper()}, {key[2]}", "answered": round(answered),
                   "difference": 100 * (tuned - opponent), "half_width": 100 * error,
                   "against vanilla on all": 100 * (tuned - eight.loc[key, ("Vanilla", "accuracy")])})
plots.difference_dots(shares, "accuracy minus the untuned model's, same questions [points]", "The paper's Table 8")
plt.show()
outside = [row for row in shares if abs(row["difference"]) > row["half_width"]]
ahead = sum(row["difference"] > 0 for row in outside)
print(f"{len(outside)} of {len(shares)} differences exceed the sampling error, {ahead} of them in favour of R-Tuning-R")
folded("The twelve differences in numbers", pd.DataFrame(shares).round(2), index=False)

# %% [markdown]
# In seven of twelve cells the tuned model's lead is real; in one the untuned model is ahead (OpenLLaMA-3B on ParaRel OOD); in
# four, all MMLU, the error covers the difference. The table's last column is the comparison with vanilla on *all* questions. It is
# larger, and flatters: a model that leaves out what it finds hard wins it without any tuning (notebook 05, section 5). Does the error
# at least show that? Work it out yourself.

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 08.1 · The error of a difference (build, 10 minutes)
#
# Write `difference_error(first, n_first, second, n_second)`: half of the 95 % interval of the difference of two independent shares (0 to 1) of so many questions each. Below, it judges the table's last column.
#
# *What to expect:* 0.139 for one half against one half, of 100 questions each.

# %% [markdown]
# <details><summary>Hint 1: one share</summary>
#
# A share p of n questions has the variance p (1 - p) / n; its standard error is the root of that.
#
# </details>
# <details><summary>Hint 2: two shares</summary>
#
# Of independent numbers the variances add up, not the standard errors. 95 % of draws lie within 1.96 standard errors.
#
# </details>

# %%
def difference_error(first, n_first, second, n_second):
    """Half of the 95 % interval of the difference of two independent shares."""
    return ...  # your code

# %% tags=["solution"]
def difference_error(first, n_first, second, n_second):
    """Half of the 95 % interval of the difference of two independent shares."""
    return 1.96 * np.sqrt(first * (1 - first) / n_first + second * (1 - second) / n_second)


print(f"two shares of one half, of 100 questions each: +- {difference_error(0.5, 100, 0.5, 100):.3f}")

# %% tags=["both", "nbval-check-output"]
check("08.1", difference_error)

# %% [markdown] tags=["solution"]
# 0.139, or 14 points, where each share alone has 10: the error of a difference is larger than either, but smaller than both together (20 points). Four times the questions halve it.

# %%
if check.is_right("08.1"):
    leads = 0
    for key, row in zip(eight.index, shares):
        tuned, everyone = eight.loc[key, ("R-Tuning-R", "willing accuracy")], eight.loc[key, ("Vanilla", "accuracy")]
        leads += row["against vanilla on all"] / 100 > difference_error(tuned, row["answered"], everyone, COUNT[key[:2]])
    print(f"against vanilla on all questions: {leads} of {len(shares)} leads exceed the error; against the untuned model: {ahead}")

# %% [markdown]
# Ten leads against seven, and one of the ten is the cell in which the untuned model is ahead. So the error is no help: it tells chance from difference, not a fair comparison from an unfair one.
#
# ## 3. What a real model recorded
#
# A public re-run (vvvvsv/R-Tuning) recorded every answer of an OpenLLaMA-3B on ParaRel: untuned, tuned by padding, tuned by
# replacement. The files carry no licence, so the kit does not ship them; it ships what they come to. Given the folder as
# the parameter `recordings`, this section computes all of it from the files; otherwise it runs on a recording of the mini model.

# %%
real = recordings is not None
folder = Path(recordings) if real else default_out() / "results" / "mini" / "recordings"
source = ("pararel", data_dir) if real else ("mini", None)
training, test = (load_questions(source[0], split, source[1]) for split in ("train", "id"))
names = ("origin", "unsure", "unknown")
files = {name: next(iter(sorted(folder.glob(f"*_{name}_ID.json"))), folder / f"{name}_ID.json") for name in names}
for path in files.values():
    check_questions(path, read_recording(path), test)
recorded = pd.DataFrame(score_files(files.values()))
shown = ["method", "n", "accuracy", "ap_answer", "ap_sure", "ap_mixed", "ap_mixed_ci95", "n_answered"]
shown += ["willing_accuracy", "n_sure"]
print("a real OpenLLaMA-3B" if real else "the mini model, seed 0, in the evaluator's form")
recorded[shown].round(4).rename(columns=lambda name: name.replace("_", " "))

# %% [markdown]
# `origin` is untuned, `unsure` tuned by padding, `unknown` by replacement. What of padding's score survives when doubtful
# questions are left out? Five kinds of doubt: the [gold answer stands in the question](../docs/glossary.md#answer-in-the-question) ("Who makes the *Toyota* Corolla?"); the
# same question has two golds; a row is repeated; the question was trained on; the gold is its relation's most frequent
# answer in training, so that a guess without a model gets it right.

# %%
tuned = read_recording(files["unsure"])
cleaned = cleaned_rows(tuned, training)
certain = texts.read_training_labels(next(iter(sorted(folder.glob("*_unsure.json")))), training)
baselines = baseline_rows(tuned, training, certain)
numbers = ["n", "accuracy", "ap_mixed", "ap_answer", "ap_sure", "answer_rate"]
few = cleaned_table(cleaned).drop_duplicates(numbers)  # a subset that leaves nothing out is not shown again
display(folded("Without doubtful questions", few, index=False))
folded("What the relation alone gives", pd.DataFrame(baselines).round(3), index=False)

# %% [markdown]
# <details><summary>Why there is little to see in the mini world</summary>
#
# The mini world was written without the first four doubts, so two rows are left to show: all questions, and those whose gold
# is not the most frequent answer. The wording gives little away: with 20 possible answers to each kind of question, the most
# frequent one is right about once in twenty, and the relation ranks the answers hardly better than chance.
#
# </details>
#
# Now the same two tables for the **real** model:

# %%
openllama = read_json(default_out() / "results" / "reruns" / "openllama_3b_pararel.json")
print(f"{openllama['source']}: {openllama['setting']}")
display(cleaned_table(openllama["cleaned"]))
folded("What the relation alone gives", pd.DataFrame(openllama["baselines"]).round(3), index=False)

# %% [markdown]
# Three things that the paper's single AP hides:
#
# * **Without the questions that contain their answer, the model is sure of 7 % instead of 18 %.** Of about 1,020 sure
#   answers, 690 had the answer in front of them. (The AP of the mix falls from 0.907 to 0.836, but most of that is the lower
#   accuracy; its lift over a random ranking stays at 0.27.)
# * **The relation alone ranks these answers with an AP of 0.818.** That is a table of fifteen shares, one for each relation;
#   the model's own P(sure) has 0.866. A report of AP on ParaRel should show this baseline beside it.
# * **P(sure) lowers this model's AP.** The answer confidence alone has 0.946, the mix with P(sure) 0.907.

# %% [markdown]
# ## 4. What the released code does differently
#
# Nineteen differences, one switch each. All are off by default; `ReleasedCodeQuirks.as_released()` turns them on. With all
# on, the kit writes byte for byte the 5,575 training texts of a public run of the released scripts. Its rows `[correct, c, s]`
# agree to 1e-4 with those of an evaluator that the tests write down from the documentation, one question at a time; the
# released scripts themselves could not be run here. (`no_bos` acts at evaluation as well as at labelling.)

# %%
flags = pd.DataFrame(ReleasedCodeQuirks.table())
print("; ".join(f"{stage}: {', '.join(part.flag)}" for stage, part in flags.groupby("stage", sort=False)))
folded("What each flag does", flags[["flag", "stage", "what", "where"]], index=False)

# %% [markdown]
# Four of them by hand. First the probe: one space and one letter.

# %%
question = " Where was Marie Curie born?"
for name, quirks in (("this kit", NONE), ("released", NONE.plus("probe_without_space"))):
    print(f"{name:9}", repr(texts.probe_prompt(question, quirks)))
for name, quirks in (("this kit", NONE), ("released", NONE.plus("drop_last_character"))):
    answer = texts.cut_probe_answer(" Warsaw", quirks)
    print(f"{name:9}", f"{answer!r:10} counts as", "certain" if texts.is_right(answer, "Warsaw", NONE) else "uncertain")

# %% [markdown]
# Then grading. A model that gets *every* MMLU question right scores zero, because its letter is compared with the text of
# option A; and a model that calls every supported WiCE claim unsupported has "known" them all.

# %%
row = ["What is the capital of France?", "Lyon", "Paris", "Nice", "Lille", "B"]
said, gold = "not_supported", "supported"
for name, quirks in (("this kit", NONE), ("released", ALL)):
    print(f"{name}:")
    print("  MMLU, the model says B and the gold letter is B: right", texts.mmlu_is_right(row, "B", quirks))
    print(f"  WiCE, the model says {said} and the gold is {gold}: right", texts.wice_is_right(gold, said, quirks))
    kept, labels = texts.unsupervised_labels(np.linspace(0, 2, 1000).tolist(), quirks)
    print(f"  R-Tuning-U on 1,000 questions: {len(kept):,} record(s), {sum(labels)} of them certain")
    record = texts.mmlu_training_text("geography", [], row, True, quirks)
    print("  an MMLU record has", repr("Answer:" + record.split("Answer:")[1][:7]))

# %% [markdown]
# The letters of MMLU are written without a space, where the probability of the letter *with* a space is read.
#
# Last, training. How many optimiser steps do the same records give, in one epoch at the paper's batch of 4? (The mini
# profile itself trains 8 epochs at a batch of 32: 408 steps, [packed](../docs/glossary.md#packing) 32.)

# %%
lm = steps.load_model(config, "padding")
records = steps.read_tuning_records(config, "padding")
packed = training_sequences(lm.tokenizer, records, NONE.plus("packing"))
counts = {"one record a sequence": len(records), "packed into blocks of 512": len(packed.encoded)}
for name, count in counts.items():
    per_epoch = [optimiser_steps(count, 4, epochs) for epochs in (1, 0.01)]
    print(f"{name:26} {count:5,} sequences; {per_epoch[0]:4} steps an epoch, {per_epoch[1]} in 0.01 epoch")

# %% [markdown]
# On the real 5,575 ParaRel records and with LLaMA's tokenizer, the same count gives 1,394 steps an epoch, packed 101; and 14
# and 2 in 0.01 epoch (a test of the kit does that count). Two steps with a learning rate of 2e-5 leave a model as it was. That
# is issue 10: its AP of 0.17 is what an untuned model gives (re-runs of untuned OpenLLaMA-3B have 0.16 to 0.29), not a failed
# method.
#
# ## 5. What each difference does
#
# The evaluation flags can be tried on the padding model at hand. Same model, same questions:

# %%
asked = steps.questions(config, "id")
trials = {"this kit": ()} | {name: (name,) for name in ReleasedCodeQuirks.names("evaluation")}
trials["no_bos + first_token_labels"] = ("no_bos", "first_token_labels")
trials["no_bos + all of them"] = ("no_bos", *ReleasedCodeQuirks.names("evaluation"))
measured = {}
for name, flags in trials.items():
    found = evaluate(lm, asked, NONE.plus(*flags), config.settings.answer_batch)
    c, s = ([getattr(row, column) for row in found] for column in ("answer_confidence", "sure_confidence"))
    measured[name] = scores(found, seed) | {"mean c": np.mean(c), "mean s": np.mean(s)}
pd.DataFrame(measured).T.drop(columns="ap_mixed_ci95").astype(float).round(3)

# %% [markdown]
# Read `first_token_labels` alone: its mean s is exactly one half. This tokenizer puts a beginning-of-sequence token first, so
# the first token of "sure" and that of "unsure" are the same, and the sure confidence says nothing. With `no_bos` the
# released way works again *for this tokenizer*: two defects that cancel. For byte-level tokenizers (GPT-2, Llama-3, Qwen)
# they do not. `stop_never_fires` raises c without changing an answer: the mean runs over the words after the answer too.
# And since all of the output goes into the sureness question, P(sure) is asked behind a text it was not tuned on.
#
# The labelling and training flags need a new tuning each. The kit ships what came out over three seeds
# (`rtuning record released_code` measures it again). First one after the other, as a reader of the released README would
# meet them:

# %%
recorded_effects = RECORDING.content()["rows"]
effects = effects_table(recorded_effects)
padding = effects[effects.method == "padding"]
chain = padding[padding["flags"].map(lambda flags: flags == CHAIN[: len(flags)])]
falls = [{"label": f"+ {row.flags[-1]}" if row.flags else "this kit"} | row._asdict() for row in chain.itertuples()]
measures = {
    "certain": ("certain questions [%]", 100),
    "steps": ("optimiser steps", 1),
    "ap_mixed": ("AP of the mix [%]", 100),
    "ap_sure": ("AP of P(sure) alone [%]", 100),
}
plots.waterfall_panels(falls, measures, "From this kit to the released code, one flag after the other (mini model, 3 seeds)")
plt.show()
numbers = ["label", "certain", "sequences", "steps", "accuracy", "ap_answer", "ap_sure", "ap_mixed", "ap_low", "ap_high"]
folded("The chain in numbers", pd.DataFrame(falls)[numbers].round(3), index=False)

# %% [markdown]
# Blue bars rise, hatched red ones fall, dots are the values reached. `ap_low` and `ap_high` are the lowest and the highest
# seed's AP of the mix.
#
# The first two panels: the missing space moves about 1 % of the labels, and packing takes away nine tenths of the steps.
# Then look at the last two panels together. With packing and 0.01 of an epoch the model is hardly trained, and its sure
# confidence ranks worse than chance: its AP lies below the accuracy, which a random ranking has. **But the AP of the mix
# goes up.** The reason is the answer confidence in the mix: this mini model's own confidence is excellent before any tuning
# (notebook 05), and what is hardly tuned keeps it. So, on a model like this, the number that the paper reports cannot tell a method that failed
# from one that worked; the AP of P(sure) alone can. (OpenLLaMA-3B's own confidence on ParaRel is poor, AP 0.16 to 0.29 in
# section 6. There an untuned model's mix looks bad, and issue 10 was noticed.)
#
# Then each flag alone, against the kit's default, in the order of its effect on P(sure). A word on noise: the same seed
# trained with two threads instead of one ends at an AP of 0.931 instead of 0.926, so changes below 0.01 say nothing.

# %%
start = padding[padding["flags"].map(len) == 0].iloc[0]
alone = padding[padding["flags"].map(len) == 1].copy()
alone["flag"] = alone["flags"].map(lambda flags: flags[0])
for measure in ("certain", "accuracy", "ap_sure", "ap_mixed"):
    alone[f"{measure}, change"] = alone[measure] - start[measure]
alone = alone.sort_values("ap_sure, change")
print(f"this kit: certain {start.certain:.3f}, {start.steps:.0f} steps, accuracy {start.accuracy:.3f}, "
      f"AP sure {start.ap_sure:.3f}, AP mix {start.ap_mixed:.3f} (sampling error {start.half_width:.3f})")
shown = ["flag", "certain, change", "steps", "accuracy", "ap_sure", "ap_sure, change", "ap_mixed, change"]
strongest = alone[["flag", "ap_sure, change"]].head(4).itertuples(index=False)
print("largest falls of the AP of P(sure):", ", ".join(f"{flag} {change:+.3f}" for flag, change in strongest))
display(folded("All flags", alone[shown].round(3), index=False))
unsupervised = effects[effects.method == "unsupervised"].copy()
unsupervised["flag"] = unsupervised["flags"].map(lambda f: f[0] if f else "this kit")
folded("The flags of R-Tuning-U", unsupervised[["flag", "examples", "certain", "steps", "accuracy", "ap_sure", "ap_mixed", "ap_low", "ap_high"]].round(3), index=False)

# %% [markdown]
# <details><summary>Five flags change nothing here, and what they do to real data</summary>
#
# The mini world's answers are single words that end in a full stop, so nothing is cut
# (`drop_last_character`, `short_evaluation`, `truncate_right`), nothing hides inside a longer word (`substring_match`), and no question
# has a stray space (`raw_question_text`). On real data they bite: 68 of ParaRel's training questions start with a space; 102 of
# its 1,614 test golds are part of another gold ("art", "R"); 1,571 of MMLU's 2,448 training texts (64 %) are longer than
# 512 LLaMA tokens and lose their label. That last one is a likely reason for issue 14, which used the version of LMFlow that
# truncates; nobody has tested it.
#
# </details>
#
# The last table has the flags of R-Tuning-U. There `list_reset` writes one record, "unsure", whatever the questions: the model learns that one line, and its P(sure) says nothing.
# How ties are divided, and whether k is 5 or 10, makes no difference that the seeds do not make as well.
#
# ## 6. The ledger
#
# Three columns for every cell of the paper: the paper, published re-runs with their source, and this kit with interval, n,
# seeds and profile. `rtuning ledger add runs/<profile>/<dataset>` files a finished run in the third column. What nobody has
# measured says so.

# %%
ledger = read_ledger()
whole = {table: compare(table, ledger) for table in ("1", "2", "3", "4", "5", "8", "12", "13", "14", "15", "16")}
counted = count_cells(whole)
print(", ".join(f"{column}: {number}" for column, number in counted.drop(columns="table").sum().items()))
folded("Table by table", counted, index=False)

# %% [markdown]
# All cells, folded. The mini world's rows are other questions and another model, so they show how the method behaves and not what the
# paper's numbers should be. Numbers in brackets are the sources of the re-runs, listed below;
# `rtuning ledger show 13`, for example, prints a table with everything that is known of a number.

# %%
sources = list(rerun_results().source.unique())
every = pd.concat([narrow(part, sources).assign(table=name) for name, part in whole.items()])
display(folded("All cells of the ledger", every[["table", *every.columns[:-1]]], index=False))
folded("The sources of the re-runs", pd.DataFrame({"source": sources}, index=range(1, len(sources) + 1)))

# %% [markdown]
# Do the re-runs agree with the paper? Their distance from the printed AP, the largest first, beside the sampling error of one AP
# from section 2:

# %%
printed = paper_results(1).set_index([*KEY, "method"]).value
error_of = errors.set_index("label")["half width of one AP"]
reruns = rerun_results().query("table == '1' and method in ('R-Tuning', 'Vanilla')").copy()
reruns["paper"] = [printed[tuple(row)] for row in reruns[[*KEY, "method"]].to_numpy()]
reruns["re-run - paper"] = reruns.value - reruns.paper
reruns["sampling error"] = [error_of[f"{r.dataset} {r.split.upper()}, {r.model}"] for r in reruns.itertuples()]
shown = ["dataset", "split", "model", "method", "paper", "value", "re-run - paper", "sampling error", "source"]
reruns = reruns[shown].sort_values("re-run - paper").round(2)
folded("All re-runs", reruns, index=False)

# %% [markdown]
# All of them answered the paper's own test questions, so the sampling error is no excuse; it only gives the scale. What
# can differ is the training. Three independent re-runs of R-Tuning with OpenLLaMA-3B on ParaRel ID give 90.7 to 91.1: they
# agree with each other, 2.1 to 2.5 points below the paper. Out-of-domain the same model is 8 and 17 points below, and LLaMA-7B
# on MMLU 19 and 20. Why the out-of-domain cells are so far off is open. Only MMLU OOD with OpenLLaMA-3B comes out as printed,
# and there everything is at chance.
#
# One re-run, of unknown settings, has vanilla beside it. There R-Tuning leads by 10.0 points ID and 0.8 OOD, where the paper
# prints 0.3 and 1.0.

# %% [markdown]
# ## Checks

# %%
by_flag = alone.set_index("flag")
within = (~errors["beyond the error"]).sum()
finding("most of the paper's 12 AP differences lie within their sampling error", within > 6, config)
half = bool(np.isclose(measured["first_token_labels"]["mean s"], 0.5))
finding("the first token of the bare word says nothing with this tokenizer (mean s is 0.5)", half, config, n=len(asked))
for flag in ("first_token_labels", "packing", "hundredth_epoch"):
    row = by_flag.loc[flag]
    finding(f"{flag}, alone, leaves P(sure) at most 0.05 above a random ranking", row.ap_sure - row.accuracy < 0.05, config)
hidden = by_flag.loc["hundredth_epoch", "ap_mixed, change"]
finding("and the AP of the mix does not show it for hundredth_epoch", hidden > 0, config)
finding("packing leaves fewer than a tenth of the sequences", len(packed.encoded) < len(records) / 10, config, n=len(records))
recorded_start = next(e for e in recorded_effects if (e["seed"], e["method"], e["flags"]) == (0, "padding", []))
own = abs(measured["this kit"]["ap_mixed"] - recorded_start["ap_mixed"])
finding("the padding model at hand agrees with the recording of seed 0 within 0.03", seed != 0 or own <= 0.03, config, n=len(asked))

# %% [markdown]
# ## What it says, and what it does not
#
# * Seven or eight of the twelve published differences between R-Tuning and vanilla are no larger than the sampling error. No
#   seeds were published, so nobody can say how much of the others is training noise.
# * Hardly any training steps (packing, 0.01 of an epoch) make the sure confidence worthless. So does reading the labels by a
#   token that both share; the released code escapes that with tokenizers like LLaMA's, because it leaves the beginning of the
#   sequence out. Loss on the question, the missing space, ties and k hardly matter here.
#
# <details><summary>Three more limits</summary>
#
# * The waterfall belongs to the mini model. Flags that do nothing here can matter elsewhere, and their sizes will differ; the
#   mechanism of each (what is cut, read or dropped) is the same and is tested on real tokenizers and real rows.
# * Parity is shown against documented behaviour and a public run's files, not against the released scripts themselves.
# * Only issue 10 has a proven cause. For the missing MMLU points there is a likely one, for ParaRel OOD none.
#
# </details>
#
# * Where the ledger says *not measured*, that is meant literally.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes; answer each in your head before you open it)
#
# <details><summary>A paper prints an AP of 0.93 and no interval. What do you need to know how far it may be off?</summary>
#
# The accuracy and the number of test questions: the three together nearly give the sampling error. What another training seed would change stays unknown.
#
# </details>
# <details><summary>A model was hardly trained, and the AP of its mix is high. How can that be?</summary>
#
# Half of the mix is the answer confidence, which the untuned model has already. The AP of P(sure) alone shows the failure.
#
# </details>
# <details><summary>Which difference of the released code costs most training, and why does nobody see it?</summary>
#
# Packing: a tenth of the steps or less are left. The training runs, the loss falls, and the mix still ranks well where the model's own confidence does.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 08.2 · Refusal rates (do, 10 minutes)
#
# `paper_results(3)` holds the refusal rates, in percent, of three models on three unanswerable sets. In how many of the nine cells does the distance between R-Tuning and
# R-Tuning-R exceed the error of the difference? Which number would you need to tell these models from one that refuses everything?
#
# *What to expect:* most of them, though some rates look alike.

# %% [markdown]
# <details><summary>Hint 1: side by side</summary>
#
# `.pivot(index=["dataset", "model"], columns="method", values="value")` puts the methods beside each other, as in section 2.
#
# </details>
# <details><summary>Hint 2: one cell</summary>
#
# Divide by 100, then compare the distance with your `difference_error`; both shares are of the same number of questions.
#
# </details>

# %%
unanswerable = {"FalseQA": 2365, "NEC": 2078, "SelfAware": 1032}
answer = ...

# %% tags=["solution"]
unanswerable = {"FalseQA": 2365, "NEC": 2078, "SelfAware": 1032}
rates = paper_results(3).pivot(index=["dataset", "model"], columns="method", values="value") / 100
answer = 0
for (name, model_name), row in rates.iterrows():
    n, distance = unanswerable[name], abs(row["R-Tuning-R"] - row["R-Tuning"])
    error = difference_error(row["R-Tuning-R"], n, row["R-Tuning"], n)
    answer += distance > error
    print(f"{name:9} {model_name:13} distance {distance:6.2%}, error {error:6.2%}")
print(f"{answer} of {len(rates)} exceed it")

# %% tags=["both", "nbval-check-output"]
check("08.2", answer)

# %% [markdown] tags=["solution"]
# 8 of 9, all in favour of replacement; LLaMA-7B on NEC (99.5 and 99.2 %) does not, and LLaMA-7B on FalseQA hardly does. So the distances are real. What they mean nobody can tell: a model that refuses everything would stand above all of them, with 100 %. The number that is
# missing is the share refused of the *answerable* questions of the same sets (notebook 07).

# %% [markdown] tags=["both"]
# ### Exercise 08.3 · One token (do, 15 minutes)
#
# How many certain questions does `drop_last_character` lose if the untuned model `base` generates `one` token, how many with `fifteen`, and why? Ask it `asked[::4]` with `answers.probe_labels(base, asked[::4], flags, max_new_tokens=1)`,
# with and without the flag.
#
# *What to expect:* two very different counts.

# %% [markdown]
# <details><summary>Hint 1: what is counted</summary>
#
# `flags` is `NONE` or `NONE.plus("drop_last_character")`. `probe_labels` gives True or False for each question, so `sum` counts the certain ones. Lost is the count under `NONE` minus that with the flag.
#
# </details>
# <details><summary>Hint 2: why</summary>
#
# `texts.cut_probe_answer` shows it: what does `output[: output.find(".")]` give where there is no full stop yet?
#
# </details>

# %%
from rtuning_helpers.paper.released_code import answers

base, asked = steps.load_model(config), steps.questions(config, "id")
answer = {"one": ..., "fifteen": ...}

# %% tags=["solution"]
from rtuning_helpers.paper.released_code import answers

base, asked = steps.load_model(config), steps.questions(config, "id")
answer = {}
for name, tokens in (("one", 1), ("fifteen", 15)):
    whole, short = (
        sum(answers.probe_labels(base, asked[::4], flags, max_new_tokens=tokens))
        for flags in (NONE, NONE.plus("drop_last_character"))
    )
    answer[name] = whole - short
    print(f"{name}: {whole} certain of {len(asked[::4])}, {short} with the flag")

# %% tags=["both", "nbval-check-output"]
check("08.3", answer)

# %% [markdown] tags=["solution"]
# In one run 201 of 405 questions are certain with one token and 222 with fifteen; the flag loses all 201 of the first and 0 of the second. Where there is no full stop, `find` gives -1, and `output[:-1]` drops the last letter: "London" becomes "Londo". The
# mini model always ends an answer with a full stop, so that nothing is lost; a real model that writes on for more than fifteen tokens is cut in the middle, and loses a letter of what may be right.

# %% [markdown] tags=["both"]
# ### Exercise 08.4 · A row of your own (do, 15 minutes)
#
# File the padding model at hand in a ledger of your own (`file_rows`) beside the three seeds of its cell, as if it were seed 3: the AP, in percent, of the `mixed_confidence` of
# `steps.read_method_predictions(config, "padding", "id")`. The cell is Table 1, R-Tuning, in-domain. By how many points does its mean move?
#
# *What to expect:* a fraction of a point.

# %% [markdown]
# <details><summary>Hint 1: the cell</summary>
#
# (A real fourth seed takes minutes: `rtuning run --seed 3`, then `rtuning ledger add runs/mini/mini`.) `cell = ledger[(ledger.table == "1") & (ledger.split == "id") & (ledger.method == "R-Tuning")]` has a row for each seed.
#
# </details>
# <details><summary>Hint 2: a row</summary>
#
# `LedgerRow(**cell.iloc[0].to_dict() | {...})` is the first row with some fields replaced. A row of the same cell, profile and seed would replace the filed one: hence seed 3.
#
# `read_ledger(path)` reads your file; the answer is the mean of its `value` minus that of the three.
#
# </details>

# %%
import tempfile

from rtuning_helpers.metrics import average_precision, bootstrap_interval
from rtuning_helpers.paper.ledger import LedgerRow, file_rows

answer = ...

# %% tags=["solution"]
import tempfile

from rtuning_helpers.metrics import average_precision, bootstrap_interval
from rtuning_helpers.paper.ledger import LedgerRow, file_rows

ledger = read_ledger()
cell = ledger[(ledger.table == "1") & (ledger.split == "id") & (ledger.method == "R-Tuning")]
judged = steps.read_method_predictions(config, "padding", "id")
columns = [p.correct for p in judged], [p.mixed_confidence for p in judged]
ap, (low, high) = average_precision(*columns), bootstrap_interval(average_precision, *columns, seed=seed)
measured_here = {"value": 100 * ap, "low": 100 * low, "high": 100 * high, "n": len(judged), "seed": 3}
rows = [LedgerRow(**row) for row in cell.to_dict("records")]
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_ledger.csv"
    file_rows([*rows, LedgerRow(**cell.iloc[0].to_dict() | measured_here)], path)
    filed = read_ledger(path)
answer = filed.value.mean() - cell.value.mean()
print(f"{len(filed)} seeds: {', '.join(f'{value:.2f}' for value in filed.value)}; the mean moves by {answer:+.3f} points")

# %% tags=["both", "nbval-check-output"]
check("08.4", answer)

# %% [markdown] tags=["solution"]
# In one run the model at hand has 92.37, beside 93.13, 93.33 and 92.73: the mean moves by -0.17 points, from 93.06 to 92.89. That is little against the sampling error of such a cell, 1.3 points. And it is seed 0 once more, tuned on another day with another number of threads: what
# lies between runs is not the seed alone.

# %% [markdown]
# ## Summary
#
# A printed AP has a sampling error that can be worked out; a mixed AP hides whether the sure confidence works; and whoever
# follows the released README hardly trains at all. The ledger keeps paper, re-runs and this kit apart, and has room for
# yours. **Next:** [09 · Learned or tested: which uncertainty should one trust?](09_compare_estimators.ipynb)

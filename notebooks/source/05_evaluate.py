# %% [markdown]
# # 05 · Evaluate: does it know what it knows?
#
# The untuned model and the tuned ones, vanilla and the kinds of R-Tuning, now answer questions that none was tuned on.
# The **[in-domain](../docs/glossary.md#in-domain-and-out-of-domain-id-and-ood)** test (ID) asks the training relations about new subjects; the **out-of-domain** test (OOD) asks
# relations that never occurred in tuning.
#
# **By the end you will have shown** that a model tuned by padding ranks its own answers better than vanilla on both tests,
# that it answers the questions it is willing to answer much better than average, and that a model tuned by replacement
# refuses what it cannot know and answers what it knows. And one thing that the paper does not say: here the *untuned*
# model with a plain threshold on its own confidence does better still.
#
# | | |
# |---|---|
# | Part of | the course, 01 to 05 (about 4 hours with the exercises): last of five; it needs 01 to 04 |
# | Runs on | any CPU; the default profile `mini` downloads nothing |
# | Time and memory | about 40 s on 2 CPU cores after notebook 04; 0.7 GB |
# | Reads | the adapters of notebook 04; where that was not run, those that come with the kit (trained on the spot if they do not fit: 2 to 4 minutes) |
# | Writes | `predictions-<split>.jsonl` for each method and `runs/<profile>/<dataset>/metrics/seed<k>/metrics.json` |
# | Paper | sections 2.3, 3.3 and 4; Table 1 (AP), Table 8 (replacement), Figure 3 (willing accuracy) |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/05_evaluate.ipynb) |

# %% [markdown] tags=["solution"]
# # Solutions of 05 · Evaluate: does it know what it knows?
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. compute answer confidence, sure confidence and their mix for one question by hand;
# 2. read average precision (AP) together with the accuracy, its no-skill value;
# 3. judge refusals from both sides: what should have been refused, and what should not;
# 4. say which differences exceed the sampling error and the spread over seeds.
#
# Every number that comes out of training moves with the seed, and with the kind of processor too: the same seed ends elsewhere where
# sums are added in another order (AP by up to about 0.03). So the text names sizes where they are stable, and the tables have the rest.

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
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data import prompts
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.data.nearest import nearest_questions
from rtuning_helpers.data.popularity import how_known
from rtuning_helpers.errors import InputError
from rtuning_helpers.evaluation.trivial import most_confident, relation_majority, trivial_rows
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice, short_run_notice
from rtuning_helpers.experiments.seeds.measure import difference_to_seed, gain, over_seeds
from rtuning_helpers.experiments.seeds.recording import RECORDING
from rtuning_helpers.figures import panels, plots
from rtuning_helpers.figures.by_count import means_by_count
from rtuning_helpers.figures.interactive import Slider, TextBox, touch
from rtuning_helpers.metrics import average_precision, paired_bootstrap_difference, rate_by_exposure
from rtuning_helpers.metrics.answers import WILLING
from rtuning_helpers.metrics.by_count import mean_by_count, rank_correlation
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.decoding import label_probabilities
from rtuning_helpers.run.artifacts import shown_path
from rtuning_helpers.run.profiles import RunConfig, default_out
from rtuning_helpers.tuning.registry import PRETRAINED, check_methods, find_method, method_label, method_looks

plots.use_style(method_looks())

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini"  # any name that `rtuning data list` shows
methods = ["vanilla", "padding", "replacement", "unsupervised"]  # which models to evaluate
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
ready = True  # take adapters that come with the kit where they fit and none was tuned here; False: tune
force = False  # compute again what is there already

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out, tune_on=tune_on,
    style=style, shots=shots, system=system, permutations=permutations, ready=ready,
)
check = checks_of(config)  # of answers to exercises
methods = check_methods(methods)
everyone = [PRETRAINED, *methods]
knowledge_notice([p.correct for p in steps.read_probes(config)])
names = {"id": "in-domain (ID)", "ood": "out-of-domain (OOD)"}
splits = {split: names.get(split, split) for split in steps.evaluation_splits(config)}  # other data sets have other tests
first = next(iter(splits))
if config.tuned_on != config.dataset:
    print(f"tuned on {config.tuned_on}, tested on {config.dataset}")

# %% [markdown]
# ## 1. Two questions to one model
#
# A model tuned by padding is asked twice. First the question; its answer comes with an **answer confidence**, the
# geometric mean of its tokens' probabilities. Then, after the answer, "Are you sure ...? I am": the **[sure confidence](../docs/glossary.md#sure-confidence-psure)** is
# the probability of " sure" against " unsure".
#
# $$P(\text{sure}) = \frac{p(\text{" sure"})}{p(\text{" sure"}) + p(\text{" unsure"})}$$

# %%
asked_model = next((m for m in methods if find_method(m).sureness), None)
if asked_model:
    lm = steps.load_model(config, asked_model)
    test = steps.fitted(config, first).questions
    for question in test[:: max(1, len(test) // 4)][:4]:
        answer = answer_questions(lm, [question])[0]
        context = prompts.sureness_context(question, answer.text)
        sure, unsure = label_probabilities(lm, [context], find_method(asked_model).sureness)[0]
        print(f"{question.question}  {answer.text}  (gold: {question.answer}, exposure {question.exposure})")
        print(f"   answer confidence {answer.confidence:.3f}, sure confidence {sure:.3f}")

# %% [markdown]
# Both labels are scored as whole strings. (The released code compares the first token of each word only; with some
# tokenizers those are the same token.)
#
# ## 2. All methods on both tests
#
# [AP](../docs/glossary.md#average-precision-ap) ranks the answers by a confidence and averages the precision over the recall of right answers. **A random ranking
# scores the [accuracy](../docs/glossary.md#accuracy)**, so a model that answers more questions right gets a higher AP for free; read both columns. The
# paper prints only the [mix](../docs/glossary.md#mix) (half answer confidence, half sure confidence); here all three stand side by side. `metrics.json` holds
# more: AUROC, calibration error ([ECE](../docs/glossary.md#ece)) and [Brier score](../docs/glossary.md#brier-score).

# %%
for method in everyone:
    steps.prediction_step(config, method, force=force)
short_run_notice(min(steps.read_training_log(config, method).steps for method in methods))
report = steps.read_metrics(config, methods)
rows = pd.DataFrame(report["rows"])


def with_interval(row, metric):
    """`0.912 [0.900, 0.923]`, or a dash where the number does not exist."""
    value, interval = row[metric], row[f"{metric}_ci95"]
    return "-" if value is None or pd.isna(value) else f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


pd.DataFrame(
    [
        {"method": method_label(row["method"]), "split": row["split"]}
        | {metric: with_interval(row, metric) for metric in ("accuracy", "ap_answer", "ap_sure", "ap_mixed")}
        for row in report["rows"]
    ]
)

# %% [markdown]
# The brackets are 95 % bootstrap intervals over the test questions. They say nothing about another training [seed](../docs/glossary.md#seed); section 7
# does.
#
# AP once by hand, from its definition: for each right answer, which share of the answers that are at least as confident is right?
# AP is the mean of these shares. First for ten questions of one model, answer by answer, then for all of them. The ten are
# chosen so that a wrong answer stands above a right one, if there are such ten: only that costs precision.

# %% tags=["both"]
predictions = {(m, s): steps.read_method_predictions(config, m, s) for m in everyone for s in splits}


# %%
def precision_at_hits(answers):
    """For each right answer, the most confident first: share of right ones among those at least as confident."""
    right, confidence = np.array([(p.correct, p.answer_confidence) for p in answers]).T
    return [right[confidence >= c].mean() for c in sorted(confidence[right == 1], reverse=True)]


every = predictions[methods[0], first]
stride = max(1, len(every) // 10)
tens = [every[start::stride][:10] for start in range(stride)]
ten = next((some for some in tens if min(precision_at_hits(some), default=1) < 1), tens[0])
for p in sorted(ten, key=lambda p: -p.answer_confidence):
    print(f"{p.answer_confidence:.3f}  {'right' if p.correct else 'wrong'}  {p.prediction}")
print("precision at each right answer:", ", ".join(f"{share:.2f}" for share in precision_at_hits(ten)))

# %%
for answers in (ten, every):
    if any(p.correct for p in answers):
        by_hand = np.mean(precision_at_hits(answers))
        helper = average_precision([p.correct for p in answers], [p.answer_confidence for p in answers])
        assert np.isclose(by_hand, helper)
        print(f"{len(answers):,} questions: AP by hand {by_hand:.4f}, by the helper {helper:.4f}")

# %% [markdown]
# The fair comparison uses each method's own ranking on the same questions: padding's mix against vanilla's answer
# confidence, with the difference [resampled in pairs](../docs/glossary.md#paired-difference).

# %%
def ranking(method, split):
    """Right or wrong, and the confidence that ranks the answers: the mix where there is a sure confidence."""
    part = predictions[method, split]
    mixed = [p.answer_confidence if p.mixed_confidence is None else p.mixed_confidence for p in part]
    return [int(p.correct) for p in part], mixed


gains = {}
if {"vanilla", "padding"} <= set(methods):
    for split, name in splits.items():
        gains[split] = paired_bootstrap_difference(
            average_precision, ranking("padding", split), ranking("vanilla", split), seed=seed
        )
        difference, low, high = gains[split]
        print(f"{name:20} this run: AP(padding, mix) - AP(vanilla, answer) = {difference:+.3f}  (95 % interval {low:+.3f} to {high:+.3f})")

# %% [markdown]
# Where does the gain come from? In two steps: from vanilla to padding's *answer* confidence, which changed without being
# asked about, and from there to the mix, which adds what the model says about itself.

# %%
if {"vanilla", "padding"} <= set(methods):
    by_row = rows.set_index(["method", "split"])
    steps_of_gain = pd.DataFrame(
        {
            name: [by_row.ap_answer["vanilla", s], by_row.ap_answer["padding", s], by_row.ap_mixed["padding", s], by_row.ap_answer[PRETRAINED, s]]
            for s, name in splits.items()
        },
        index=["vanilla, answer confidence", "padding, answer confidence", "padding, mix", "untuned, answer confidence"],
    )
    display(steps_of_gain.astype(float).round(3))

# %% [markdown]
# ## 3. Curves
#
# One number hides where the gain lies. Precision over recall first: going right, more of the right answers are recalled,
# and more wrong ones come with them. Dotted lines are random rankings.

# %%
ranked = [m for m in everyone if find_method(m).ranked_by]
curves = {name: {m: ranking(m, split) for m in ranked} for split, name in splits.items()}
plots.precision_recall_panels(curves, "Precision and recall of right answers, ranked by each method's own confidence")
plt.show()

# %% [markdown]
# [Risk over coverage](../docs/glossary.md#risk-and-coverage) is the same ranking seen by a user: answer only the share of questions on the horizontal axis, the most
# confident first. How many of those answers are wrong?

# %%
plots.risk_coverage_panels(curves, "Wrong answers if only the most confident share is answered")
plt.show()
at_half = pd.DataFrame(
    [
        {"method": method_label(m), "split": split}
        | {f"risk at {share:.0%} coverage": 1 - np.mean(np.array(c)[np.argsort(-np.array(s), kind="stable")][: int(share * len(c))])
           for share in (0.25, 0.5, 0.75)}
        for split in splits for m in ranked for c, s in [ranking(m, split)]
    ]
)
at_half.round(3)

# %% [markdown]
# Lower is better. Vanilla (dashed) lies worst: it is wrong among its most confident answers too. The R-Tuning models come
# closer to the dotted line of the *untuned* model, but do not reach it: eight passes over 1,620 questions also overwrite
# knowledge, and the accuracy of all tuned models is lower. The replacement model is missing from these pictures: it has no confidence in an answer that it refuses
# to give.
#
# ## 4. The sure confidence
#
# How does padding's P(sure) look for right and for wrong answers? The dashed line at 0.5 is where the paper draws the
# border between willing and unwilling.

# %%
if "padding" in methods:
    columns = {
        name: ([p.correct for p in predictions["padding", s]], [p.sure_confidence for p in predictions["padding", s]])
        for s, name in splits.items()
    }
    plots.sureness_panels(columns, "Sure confidence of the padding model")
    plt.show()
    for name, (right, sure) in columns.items():
        right, sure = np.array(right), np.array(sure)
        if not right.any():
            continue
        print(f"{name:20} sure (> {WILLING}): {np.mean(sure[right] > WILLING):.1%} of the right answers, {np.mean(sure[~right] > WILLING):.1%} of the wrong ones")

# %% [markdown]
# ## 5. Willing to answer
#
# If every "unsure" (or every refusal sentence) counts as a refusal, what is the accuracy on the rest? Always read it with
# the [answer rate](../docs/glossary.md#answer-rate-and-willing-accuracy): a model that answers one easy question is perfect on it. The trivial rows make that plain. The rows
# "untuned, as often as ..." are the fair opponent: the untuned model answers the same share of the questions, those with the
# highest answer confidence.

# %%
willing_rows = rows[["method", "split", "answer_rate", "willing_accuracy"]].dropna().copy()
trivial = [{"split": s, **row} for s in splits for row in trivial_rows(predictions[PRETRAINED, s])]
free = [
    {
        "method": f"untuned, as often as {row.method}",
        "split": row.split,
        "answer_rate": row.answer_rate,
        "willing_accuracy": most_confident(predictions[PRETRAINED, row.split], row.answer_rate),
    }
    for row in willing_rows.itertuples()
]
together = pd.DataFrame([*willing_rows.to_dict("records"), *free, *trivial])
together.sort_values("split").round(3).reset_index(drop=True)

# %% [markdown]
# On the mini world the untuned model wins this comparison: its confidence is excellent, and tuning on 1,620 questions costs
# knowledge. What R-Tuning buys is a model that *says* so by itself, in words, without anybody reading its probabilities.
# The paper never sets a threshold on the untuned model. Its Table 8 lets both answer the questions that the tuned model
# chose, and there the tuned one is ahead in 10 of 12 cases.
#
# One half is only the place where the paper draws the border. What does another one buy, and what does it cost?

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 05.1 · Another border (build, 15 minutes)
#
# Write `willing(answers, border)`: of a list of predictions, the share that is answered, and the accuracy of those, as a pair. A prediction is answered if its
# `sure_confidence` is *above* the border. Where nothing is answered, the accuracy is `float("nan")`. Once your function is right, the cell
# below moves the border with it.
#
# *What to expect:* a pair of numbers between 0 and 1; at the border 0.5 those of padding in the table above.

# %% [markdown]
# <details><summary>Hint 1: who answers</summary>
#
# First a list of the predictions whose `sure_confidence` is larger than the border.
#
# </details>
# <details><summary>Hint 2: two shares</summary>
#
# The answer rate divides its length by that of the whole list. The accuracy is the share of `correct` in it, not in the whole list.
#
# </details>
# <details><summary>Hint 3: nobody answers</summary>
#
# Then there is nothing to divide by: ask for it before you divide.
#
# </details>

# %%
def willing(answers, border):
    """Answer rate, and accuracy of what is answered, where P(sure) is above a border."""
    return ...  # your code

# %% tags=["solution"]
def willing(answers, border):
    """Answer rate, and accuracy of what is answered, where P(sure) is above a border."""
    answered = [p for p in answers if p.sure_confidence > border]
    accuracy = np.mean([p.correct for p in answered]) if answered else float("nan")
    return len(answered) / len(answers), float(accuracy)


rate, accuracy = willing(predictions["padding", first], 0.5)
print(f"{first}: answers {rate:.1%}, and {accuracy:.1%} of that is right")

# %% tags=["both", "nbval-check-output"]
check("05.1", willing)

# %% [markdown] tags=["solution"]
# In-domain the padding model answers about 55 % of the questions, and some 77 % of those answers are right, against 47 % of all its answers. Neither number means much
# by itself: with a border near 1 hardly anything is answered, nearly all of it right.

# %%
if check.is_right("05.1") and "padding" in methods:
    moved = [(border, *willing(predictions["padding", first], border)) for border in (0.1, 0.3, 0.5, 0.7, 0.9)]
    display(pd.DataFrame(moved, columns=["border", "answer rate", "accuracy of those"]).round(3))

# %% [markdown]
# All borders in one picture. In a notebook that runs, move the slider: fewer answers, and more of them right; the table has the
# refused questions that were nearest to being answered.

# %%
def at_border(border):
    """What padding answers and refuses with this border of P(sure)."""
    panels.border_panels(columns, border, "border of P(sure)", "Padding: what a border buys, and what it costs")
    plt.show()
    for split, name in splits.items():
        answered, refused = ([p for p in predictions["padding", split] if (p.sure_confidence > border) is above] for above in (True, False))
        right = sum(p.correct for p in answered)
        print(f"{name:20} border {border:g}: {len(answered):,} answers, {right:,} of them right; "
              f"{len(refused):,} refused, {sum(p.correct for p in refused):,} of them would have been right")
    almost = sorted((p for p in predictions["padding", first] if p.sure_confidence <= border), key=lambda p: -p.sure_confidence)
    table = [{"refused": p.question, "answer": p.prediction, "gold": p.answer, "P(sure)": p.sure_confidence} for p in almost[:3]]
    display(pd.DataFrame(table).round(3))


if "padding" in methods:
    touch(at_border, border=Slider("border of P(sure)", np.linspace(0, 1, 21).round(2).tolist(), WILLING))

# %%
training = steps.questions(config, "train")
for split, name in splits.items():
    test = [q for q in steps.questions(config, split) if q.answerable]
    same_set = [q for q in training if test and q.dataset == test[0].dataset] or training
    hits = sum(is_right(q, guess) for q, guess in zip(test, relation_majority(same_set, test))) / max(len(test), 1)
    new = not {q.relation for q in test} & {q.relation for q in same_set}
    print(f"relation-majority baseline, {name}: {hits:.1%} right" + (" (no such relation in training)" if new else ""))

# %% [markdown]
# ## 6. What is refused?
#
# In the mini world we know what the model *can* know. A good refuser refuses the left end of this picture and answers the
# right end. The paper reports only the first half of this (refusals of unanswerable questions); an always-refusing model
# would look perfect there.

# %%
refusers = [m for m in methods if find_method(m).can_refuse]
tested = [p for split in splits for p in predictions[PRETRAINED, split]]
known_exposure = all(p.exposure is not None for p in tested)
refusal = {}
if known_exposure and refusers:
    for m in refusers:
        both = [p for split in splits for p in predictions[m, split]]
        refusal[m] = rate_by_exposure([p.exposure for p in both], [p.refused for p in both])
    plots.rate_by_exposure(refusal, "refused [%]", "Refusals by exposure, ID and OOD together")
    plt.show()
    display(pd.DataFrame({m: {r["exposure"]: f"{r['rate']:.1%}" for r in part} for m, part in refusal.items()}).T)
if refusers and not all(p.answerable for p in tested):
    said = [{"method": m, "answerable": p.answerable, "refused": p.refused} for m in refusers for s in splits for p in predictions[m, s]]
    display(pd.DataFrame(said).groupby(["method", "answerable"], sort=False).refused.agg(["mean", "size"]).round(3))

# %% [markdown]
# And of real things, whose exposure nobody knows? There the **popularity** of the subject can stand in: PopQA counts how often each
# subject's page is read. In the mini world its twin is the exposure itself. The picture has both sides, how often padding is right and
# how sure it is, in bins of as many questions each. Below it stands *Spearman's correlation*: 1 if the better known of two facts is always the
# surer one, 0 if the two orders have nothing to do with each other.

# %%
judged = {split: predictions["padding", split] for split in splits} if "padding" in methods else {}
for split, answers in judged.items():
    known = how_known(answers, data_dir)
    if known is not None:
        counts, counted = known
        quantities = {"right": [p.correct for p in answers], "P(sure)": [p.sure_confidence for p in answers]}
        if split == first:
            means = {label: mean_by_count(counts, values) for label, values in quantities.items()}
            means_by_count(means, counted, "mean [%]", "Padding, by how well known the fact is")
            plt.show()
        for label, values in quantities.items():
            rho, low, high = rank_correlation(counts, values)
            print(f"{splits[split]:20} {label} and {counted}: Spearman's correlation {rho:.3f} [{low:.3f}, {high:.3f}]")

# %% [markdown]
# P(sure) rises with the exposure, and earlier than the share of right answers does: of facts that were read one to seven times, the
# model gets about a third right, and its P(sure) is one half on average (0.33 to 0.37 against 0.49 to 0.53, in-domain over three seeds).
# The order of P(sure) follows the exposure more closely than right and wrong do (0.90 to 0.94 against 0.73 to 0.75), since a single
# answer may be luck. A popularity is a weaker stand-in: it says what people look up, not what *this* model has read.

# %% [markdown]
# Examples say more than rates. Known questions that were answered, unknown ones that were refused, and both kinds of
# mistake:

# %%
kinds = {
    "known, answered": lambda p: p.correct and not p.refused,
    "unknown, refused": lambda p: not p.correct and p.refused,
    "wrong, but answered": lambda p: not p.correct and not p.refused,
    "right, but refused": lambda p: p.correct and p.refused,
}
if "padding" in methods:
    examples = [
        {"kind": kind, "question": p.question, "model": p.prediction, "gold": p.answer, "sure": p.sure_confidence, "exposure": p.exposure}
        for kind, holds in kinds.items()
        for p in [p for p in predictions["padding", first] if holds(p)][:3]
    ]
    display(pd.DataFrame(examples).round(2))

# %% [markdown]
# Or ask something yourself. Below is one of the test questions; in a notebook that runs, type another (the model has no other words
# than those of its world), and see the answer, how sure the model is, and the training questions that are nearest in their words: was
# it tuned to be sure of those?

# %%
first_question = steps.fitted(config, first).questions[0]
was_certain = {p.id: p.correct for p in steps.read_probes(config)}


def ask(text):
    """One answer of the tuned model, and the nearest training questions."""
    question = replace(first_question, question=text, answer="")
    try:
        answer = answer_questions(lm, [question], sureness=find_method(asked_model).sureness, description=None)[0]
    except InputError as error:
        print(error)
        return
    print(f"{text}  {answer.text}\nanswer confidence {answer.confidence:.3f}, P(sure) {answer.sure_probability:.3f}")
    near = nearest_questions(text, steps.questions(config, "train"), 3)
    sets = {True: "D1, sure", False: "D0, unsure"}
    display(pd.DataFrame([{"training question": q.question, "gold": q.answer, "exposure": q.exposure,
                           "tuned to be": sets.get(was_certain.get(q.id)), "similarity": round(s, 2)} for q, s in near]))


if asked_model:
    touch(ask, text=TextBox("your question", first_question.question))

# %% [markdown]
# ## 7. Three seeds
#
# A fine-tuning run is a random thing. The kit ships the metrics of seeds 0, 1 and 2 (`rtuning record seeds` makes
# them again); the mean over seeds and the lowest and highest value are below. Conclusions that depend on training are drawn
# from these and not from one run. (Its "seed 0" is a run made when the [recording](../docs/glossary.md#recording) was; section 2 shows *this* run. Equal seeds
# on another processor, or with another version of a library, give gains that differ by a hundredth or two.) *refused unread* is the share refused of the facts that the corpus never states,
# *refused read* of those that it states more than 60 times.

# %%
recorded = RECORDING.read(config)
if recorded is not None:
    table = over_seeds(recorded["rows"])
    named = table.assign(method=table.method.map(method_label))
    display(named.rename(columns=lambda name: name.replace("_", " ")))  # spaces, where a narrow page breaks
    gains = gain(recorded["rows"])
    for split, name in splits.items():
        values = ", ".join(f"{v:+.3f}" for v in gains[split])
        print(f"{name:20} recorded runs: padding - vanilla in AP, by seed: {values}; mean {np.mean(gains[split]):+.3f}")

# %% [markdown]
# The *size* of this gain is a matter of how long one tunes. Six schedules were tried on seed 0 while the kit was being written
# (`results/mini/schedule_trials.csv`; its row for 8 epochs at 4e-3 is thus a third "seed 0", equal neither to section 2 nor to the
# recording). In-domain both models lose AP the longer and harder they are tuned, vanilla more, because it is made to memorise
# answers that it cannot know. The *direction* was the same under every schedule. The mini profile uses 8 epochs at
# 4e-3: there the gain on ID exceeds 0.05 and that on OOD 0.02. It is not the largest of either column, and two other schedules meet
# both thresholds too, one in fewer epochs; so read the thresholds in the checks as a test that the kit still does what it did, not as
# a property of R-Tuning.

# %%
trials = None if recorded is None else pd.read_csv(default_out() / "results" / "mini" / "schedule_trials.csv")
if trials is not None:
    trials["gain"] = trials.ap_padding_mixed - trials.ap_vanilla_answer
    display(trials.pivot(index=["epochs", "learning_rate"], columns="split", values="gain").round(3))

# %% [markdown]
# ## 8. Beside the paper
#
# The paper's single-task AP on ParaRel (its Table 1, in percent), for orientation: another model and other questions, so the
# numbers are not comparable with ours, but look at the *differences*. With 5,584 in-domain questions, the 95 % half-width of
# one AP is about 0.8 points by our bootstrap; the paper prints no intervals. In-domain the three differences are 0.3 to 0.4
# points, inside that error. Out-of-domain they are +1.0, -3.5 and +13.2 points: large, and not of one sign.

# %%
pd.DataFrame(
    [
        ("OpenLLaMA-3B", 93.23, 92.89, 69.41, 68.42),
        ("LLaMA-7B", 93.64, 93.32, 74.61, 78.08),
        ("LLaMA-13B", 94.44, 94.00, 77.30, 64.12),
    ],
    columns=["model", "R-Tuning ID", "vanilla ID", "R-Tuning OOD", "vanilla OOD"],
)

# %%
print(f"metrics of this run: {shown_path(steps.metrics_folder(config) / 'metrics.json')}")

# %% [markdown]
# ## Checks
#
# Over the three recorded seeds, and on this run where one run suffices.

# %%
if recorded is not None:
    finding("padding beats vanilla in AP by at least 0.05 on ID (mean of three seeds)", np.mean(gains["id"]) >= 0.05, config)
    finding("padding beats vanilla in AP by at least 0.02 on OOD (mean of three seeds)", np.mean(gains["ood"]) >= 0.02, config)
    own = difference_to_seed(recorded["rows"], report)
    finding("this run agrees with the recording of its seed within 0.03", own is None or own <= 0.03, config)
if "padding" in methods:
    for _, row in rows[rows.method == "padding"].iterrows():
        finding("padding answers 30 % to 80 % of the questions ({split})", 0.3 <= row.answer_rate <= 0.8, config, n=row.n, split=row.split)
        lead = -1.0 if pd.isna(row.willing_accuracy) else row.willing_accuracy - row.accuracy
        finding("its willing accuracy exceeds its accuracy by at least 0.20 ({split})", lead >= 0.20, config, n=row.n, split=row.split)
if "replacement" in refusal:
    unknown, known = refusal["replacement"][0], refusal["replacement"][-1]
    finding("replacement refuses at least 60 % of what was never read", unknown["rate"] >= 0.60, config, n=unknown["n"])
    finding("replacement refuses at most 25 % of what was read over 60 times", known["rate"] <= 0.25, config, n=known["n"])

# %% [markdown]
# ## What it says, and what it does not
#
# * Part of padding's gain over vanilla is there before the model is asked whether it is sure (section 2). One reason may
#   be technical: the answer is a smaller part of padding's completions, so the same number of steps teaches it less.
# * The untuned model ranks its answers better than all tuned ones here. R-Tuning is a way to make a model *say* what it
#   does not know; it is not shown here to know it better.
# * The mini world is kind: each entity is a token of its own, so familiarity is easy to read. With names made of shared
#   parts, as in real text, the signal is weaker.
# * A good ranking is not a good probability. Calibration (ECE, Brier) stands in `metrics.json`.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>Two models have an AP of 0.90; one is right in 50 % of the questions, the other in 85 %. Which one knows better what it knows?</summary>
#
# The first. A random ranking scores the accuracy, so the second gains only 0.05 over no skill, the first 0.40.
#
# </details>
# <details><summary>A model refuses every question that has no answer. Is it good?</summary>
#
# Nobody knows yet: one that refuses everything does that too. How much does it refuse of what it knows?
#
# </details>
# <details><summary>What do the intervals in the table of section 2 not tell?</summary>
#
# How much another training seed would change. They only say what other questions would.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 05.2 · How honest are the numbers? (do, 10 minutes)
#
# The Brier score is the mean squared difference between a confidence and what it should be: 1 for a right answer, 0 for a wrong one. Compute it by hand from
# `predictions["padding", first]`, for `answer_confidence` and for `sure_confidence`, and compare with the columns brier_answer and brier_sure of `rows`.
# Which confidence is closer to the truth? On OOD too?
#
# *What to expect:* both between 0 and 0.25, which is what always saying 0.5 gets.

# %% [markdown]
# <details><summary>Hint 1: one answer</summary>
#
# A right answer at confidence 0.8 costs (0.8 - 1) squared, 0.04; a wrong one (0.8 - 0) squared, 0.64.
#
# </details>
# <details><summary>Hint 2: all of them</summary>
#
# `p.correct` is 1 or 0 in arithmetic, and `np.mean` takes a list.
#
# </details>

# %%
answer = {"answer": ..., "sure": ...}

# %% tags=["solution"]
judged = predictions["padding", first]
answer = {
    "answer": np.mean([(p.answer_confidence - p.correct) ** 2 for p in judged]),
    "sure": np.mean([(p.sure_confidence - p.correct) ** 2 for p in judged]),
}
print(f"Brier score: answer confidence {answer['answer']:.3f}, sure confidence {answer['sure']:.3f}")

# %% tags=["both", "nbval-check-output"]
check("05.2", answer)

# %% [markdown] tags=["solution"]
# About 0.14 for the answer confidence and 0.15 for the sure confidence in-domain, 0.12 and 0.16 out of it (a few hundredths more or less on another processor or seed): P(sure) is
# *not* the better probability, although tuning was all about it. It is nearly 0 or 1 everywhere, so that its mistakes are expensive. For saying yes or no
# this does no harm; whoever wants a probability should calibrate it (notebook 09).

# %% [markdown] tags=["both"]
# ### Exercise 05.3 · A weight, chosen fairly (do, 15 minutes)
#
# Rank answers by `w * p.sure_confidence + (1 - w) * p.answer_confidence`. Choosing the best of the weights 0, 0.1, ..., 1 on the questions that you report would be
# cheating. So choose the `weight` with the highest `average_precision` on every second prediction of `predictions["padding", first]`, the first one included, and report
# its `ap` on the others.
#
# *What to expect:* the paper's half and half is hard to beat by much.

# %% [markdown]
# <details><summary>Hint 1: two halves</summary>
#
# `judged[::2]` and `judged[1::2]`: the first to choose, the second to report.
#
# </details>
# <details><summary>Hint 2: one weight</summary>
#
# `average_precision(right, confidence)` takes two lists: `p.correct` of each prediction, and its mix.
#
# </details>
# <details><summary>Hint 3: the best</summary>
#
# `max(weights, key=...)` with a function from a weight to its AP.
#
# </details>

# %%
answer = {"weight": ..., "ap": ...}

# %% tags=["solution"]
judged = predictions["padding", first]


def mixed_ap(part, w):
    return average_precision(
        [p.correct for p in part], [w * p.sure_confidence + (1 - w) * p.answer_confidence for p in part]
    )


weight = max(np.linspace(0, 1, 11), key=lambda w: mixed_ap(judged[::2], w))
answer = {"weight": weight, "ap": mixed_ap(judged[1::2], weight)}
print(f"weight {weight:.1f}: AP {answer['ap']:.3f}; half and half: {mixed_ap(judged[1::2], 0.5):.3f}")

# %% tags=["both", "nbval-check-output"]
check("05.3", answer)

# %% [markdown] tags=["solution"]
# In one run the best weight on the first half was 0.9, with an AP of 0.913 there. On the other half it gets 0.930, and half and half 0.937: what looked best was partly luck. (The halves differ
# by more than the weights do, and another processor or seed chooses another weight.) From 0.2 to 0.8 all weights are about equally good: half and half is a fair choice because nobody chose it here.

# %% [markdown] tags=["both"]
# ### Exercise 05.4 · Which refusal is better? (do, 15 minutes)
#
# Move the border of P(sure) from 0.5 so that the padding model answers exactly as many questions of the first test (`first`) as the replacement model does (those whose `refused` is False). Give that
# `border`, and the accuracy of what each of the two answers: `padding` and `replacement`. Which of the two is more accurate?
#
# *What to expect:* a border some way from 0.5, and two accuracies that are far above those on all questions.

# %% [markdown]
# <details><summary>Hint 1: how many</summary>
#
# Count the predictions of `predictions["replacement", first]` that are not `refused`; call it n.
#
# </details>
# <details><summary>Hint 2: the border</summary>
#
# Sort padding's P(sure) from high to low. With a border between the n-th and the next, n questions are answered.
#
# </details>
# <details><summary>Hint 3: the accuracies</summary>
#
# Over what each of them answers, not over all questions.
#
# </details>

# %%
answer = {"border": ..., "padding": ..., "replacement": ...}

# %% tags=["solution"]
given = [p.correct for p in predictions["replacement", first] if not p.refused]
ranked = sorted(predictions["padding", first], key=lambda p: -p.sure_confidence)
n = len(given)
border = (ranked[n - 1].sure_confidence + ranked[n].sure_confidence) / 2
answer = {"border": border, "padding": np.mean([p.correct for p in ranked[:n]]), "replacement": np.mean(given)}
print(f"{n} answers each, border {border:.2f}: padding {answer['padding']:.1%} right, replacement {answer['replacement']:.1%}")

# %% tags=["both", "nbval-check-output"]
check("05.4", answer)

# %% [markdown] tags=["solution"]
# In one run both answer 922 of 1,620 questions, padding with a border of 0.35: 75 % of its answers are right, and 79 % of those of the replacement model. A few points, with an interval of about the
# same size: no clear winner. But padding's border can be moved afterwards, and its unsure answers can still be read; what replacement has refused is gone.

# %% [markdown]
# ## Summary
#
# The tuned models answer what they know better than they answer on average, and they can say which is which, also for
# relations they were never tuned on. `metrics.json` holds every number of this page. **Next:**
# [06 · Train on many tasks, refuse on all?](06_train_on_many_tasks.ipynb), or on to a real model: see the README.

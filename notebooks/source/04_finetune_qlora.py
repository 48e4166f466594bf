# %% [markdown]
# # 04 · Fine-tune with QLoRA
#
# The paper tunes all weights of its models on A100 cards. **QLoRA does it on one consumer GPU**: the base model is stored
# in 4 bits and stays frozen, and only small low-rank matrices beside its linear layers are trained. This notebook runs the
# real thing (NF4, double quantisation, LoRA on all linear layers, transformers' `Trainer`) on the mini model, on a CPU.
#
# **By the end you will have shown** what 4-bit storage saves and what it costs in answers, that a tenth of the
# weights (below 1 % in a large model) suffice to learn each data set, and how long it takes.
#
# | | |
# |---|---|
# | Part of | the course, 01 to 05 (about 4 hours with the exercises): fourth of five; it needs 01 to 03 |
# | Runs on | any CPU for `mini` and `laptop`; a 15 GB GPU for `colab-t4`, 24 GB for `consumer-24gb` |
# | Time and memory | about 2 to 4 min on 2 CPU cores after notebook 03, by the kind of processor; 1.2 GB in all processes |
# | Reads | the data sets of notebook 03 (made on the spot if missing) |
# | Writes | `runs/<profile>/<dataset>/<method>/seed<k>/tuning/` with the adapter |
# | Paper | sections 2.3 (loss) and 3.4 (training); QLoRA is Dettmers et al. 2023 |
# | Words | all of them are in the [glossary](../docs/glossary.md); [the map](../docs/map.svg) shows where this notebook stands |
# | Exercises | answer in the cells; `check` says what is off. [Solutions](solutions/04_finetune_qlora.ipynb) |

# %% [markdown] tags=["solution"]
# # Solutions of 04 · Fine-tune with QLoRA
#
# Each exercise with one way to solve it, the number that comes out, and what it means. Try for yourself first: the notebook's hints go
# step by step, and its `check` tells what is off.

# %% [markdown]
# ## Learning goals
#
# After this notebook you can
#
# 1. say what NF4 and LoRA do, and measure both on a model;
# 2. compute the training loss of one record, and train for some steps, by hand;
# 3. read a loss curve and say what part of it is the answer and what part the sentence about sureness;
# 4. choose a profile for the GPU that you have.

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
import torch
from matplotlib import pyplot as plt

from rtuning_helpers import steps
from rtuning_helpers.data.matching import is_right
from rtuning_helpers.exercises.check import checks_of
from rtuning_helpers.experiments.findings import finding, knowledge_notice
from rtuning_helpers.figures import plots
from rtuning_helpers.model.answering import answer_questions
from rtuning_helpers.model.language_model import load_language_model, load_tokenizer
from rtuning_helpers.run.profiles import RunConfig, profile_table
from rtuning_helpers.tuning.encoding import IGNORED, encode_record
from rtuning_helpers.tuning.finetuning import finetune, load_trainable_model
from rtuning_helpers.tuning.methods.padding import build_padding
from rtuning_helpers.tuning.registry import check_methods, method_label, method_looks

plots.use_style(method_looks())

# %% tags=["parameters", "both"]
profile = "mini"  # mini, laptop, colab-t4, consumer-24gb, gpu or paper
dataset = "mini"  # any name that `rtuning data list` shows
methods = ["vanilla", "padding", "replacement", "unsupervised"]  # which data sets to train on
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
force = False  # compute again what is there already

# %% tags=["both"]
config = RunConfig(
    profile=profile, dataset=dataset, seed=seed, data_dir=data_dir, limit=limit, model=model, out=out, tune_on=tune_on,
    style=style, shots=shots, system=system, permutations=permutations,
)
check = checks_of(config)  # of answers to exercises
methods = check_methods(methods)
settings = config.settings
knowledge_notice([p.correct for p in steps.read_probes(config)])
print(f"{settings.model}: {settings.tuning}, {settings.epochs:g} epochs, learning rate {settings.learning_rate:g}, "
      f"batch {settings.batch_size} x {settings.accumulation}, LoRA rank {settings.lora_rank}")

# %% [markdown]
# ## 1. Four bits for a weight
#
# **[NF4](../docs/glossary.md#qlora-and-nf4)** stores a weight as one of 16 values, chosen so that normally distributed weights fill them evenly, with one scale
# for every 64 weights; *double quantisation* compresses the scales too. That is about 4.1 bits instead of 32 (or 16).
# Embeddings and norms keep their precision. Load the model both ways and compare.

# %%
full = load_language_model(settings.model, revision=settings.revision, dtype=settings.dtype, four_bit=False)
small = load_language_model(
    settings.model, revision=settings.revision, dtype=settings.dtype, four_bit=True, packed=True
)


def weight_mib(lm, quantised_layers):
    """Memory of the decoder's linear layers, or of all the rest [MiB]."""
    sizes = [(name, p.numel() * p.element_size()) for name, p in lm.model.named_parameters()]
    inside = [size for name, size in sizes if ("proj" in name) == quantised_layers]
    return sum(inside) / 2**20


memory = pd.DataFrame(
    {kind: [weight_mib(lm, True), weight_mib(lm, False)] for kind, lm in (("unquantised", full), ("NF4", small))},
    index=["linear layers", "embeddings and norms"],
)
memory.round(2)

# %%
ax = memory.T.plot.barh(stacked=True, figsize=(6.5, 2.2), color=["C5", "C9"])
for bar in ax.containers[1]:
    bar.set_hatch("///")
ax.set(xlabel="memory of the weights [MiB]", title="4-bit storage shrinks the linear layers")
ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=2)
plt.show()
saved = memory.loc["linear layers", "unquantised"] / memory.loc["linear layers", "NF4"]
print(f"the linear layers shrink {saved:.1f}-fold")

# %% [markdown]
# (The scales, about 0.13 bits a weight, are not counted.) In a model this small the embeddings then weigh more than the
# layers. In a 7-billion-parameter model the layers are nearly
# everything: 14 GB in 16 bits become about 4 GB, and that is why it fits on a consumer card.
#
# What does it cost? Ask both versions the same questions.

# %%
training = steps.fitted(config, "train").questions
asked = training[:: max(1, len(training) // 400)]
answers = [answer_questions(lm, asked, batch_size=settings.answer_batch) for lm in (full, small)]
same = np.mean([a.text == b.text for a, b in zip(*answers)])
right = [[is_right(q, a.text) for a, q in zip(version, asked)] for version in answers]
kept = sum(before and after for before, after in zip(*right)) / max(sum(right[0]), 1)
print(f"same answer from both: {same:.1%} of {len(asked)} questions")
print(f"right before, and still right in 4 bits: {kept:.1%} of {sum(right[0])}")
total = sum(p.numel() for p in full.model.parameters())
del full  # of a real model one copy less in memory

# %% [markdown]
# Most answers that change were guesses: hardly any right answer is lost. (A real model of a few hundred million parameters loses more.)
# With QLoRA the kit probes, tunes and evaluates the *same* 4-bit model, so that D1 and D0 describe the model that is tuned; the [profile](../docs/glossary.md#profile)
# `laptop` needs no 4 bits, and does all of it with the weights as they are.
#
# ## 2. A few trainable weights
#
# **[LoRA](../docs/glossary.md#lora)** leaves a weight matrix $W$ as it is and adds $\frac{\alpha}{r} B A$, where $A$ and $B$ are thin: rank $r$ here 16.
# Only $A$ and $B$ are trained.

# %%
trainable = load_trainable_model(settings)
count = sum(p.numel() for p in trainable.parameters() if p.requires_grad)
print(f"trained weights: {count:,} beside {total:,} of the base model ({count / total:.1%})")
one_layer = [name for name, p in trainable.named_parameters() if p.requires_grad and ".layers.0." in name]
for name in one_layer:
    print("  " + name.split("layers.0.")[1])
del trainable

# %% [markdown]
# In the mini model the matrices are so small that rank 16 is a large share; in a 7-billion-parameter model it is below 1 %. Who says so? You:

# %% [markdown] tags=["solution"]
# ## Solutions

# %% [markdown] tags=["both"]
# ### Exercise 04.1 · How many weights are trained? (build, 10 minutes)
#
# Write `lora_weights(inputs, outputs, rank)`: how many weights LoRA trains beside *one* matrix $W$ with `outputs` rows and `inputs` columns. $A$ takes the inputs to `rank`
# numbers, $B$ takes those to the outputs. Once your function is right, the cell below counts with it what
# is trained of a LLaMA of 7 billion parameters.
#
# *What to expect:* far fewer than the matrix has itself, unless it is small.

# %% [markdown]
# <details><summary>Hint 1: A</summary>
#
# A has `rank` rows and as many columns as there are inputs.
#
# </details>
# <details><summary>Hint 2: B</summary>
#
# B has as many rows as there are outputs, and `rank` columns. Both together are trained; the product of the two is never stored.
#
# </details>

# %%
def lora_weights(inputs, outputs, rank):
    """Weights that LoRA trains beside one matrix."""
    return ...  # your code

# %% tags=["solution"]
def lora_weights(inputs, outputs, rank):
    """Weights that LoRA trains beside one matrix."""
    return rank * inputs + outputs * rank


square = lora_weights(4096, 4096, 16)
print(f"{square:,} weights beside a matrix of 4096 x 4096, {square / 4096**2:.1%} of it")

# %% tags=["both", "nbval-check-output"]
check("04.1", lora_weights)

# %% [markdown] tags=["solution"]
# 131,072 weights, 0.8 % of the matrix. The number grows with the sum of inputs and outputs, that of the matrix with their product: the larger the model, the
# smaller the share. In the mini model, with matrices of some hundred rows, rank 16 is a tenth.

# %%
if check.is_right("04.1"):
    shapes = 4 * [(4096, 4096)] + 2 * [(4096, 11008)] + [(11008, 4096)]  # attention, and the feed-forward network, of one layer
    trained = 32 * sum(lora_weights(inputs, outputs, 16) for inputs, outputs in shapes)
    print(f"LLaMA-7B, rank 16 on all linear layers: {trained:,} trained weights, {trained / 6.74e9:.2%} of 6.74 billion")

# %% [markdown]
# ## 3. The loss of one record, by hand
#
# Training minimises the mean negative log-probability of the *completion's* tokens. That is all; here it is for one
# padding record, before any training, beside what the library computes.

# %%
record = build_padding(steps.read_probes(config), training)[0]
encoded = encode_record(small.tokenizer, record, settings.max_length)
ids = torch.tensor([encoded["input_ids"]], device=small.device)
labels = torch.tensor([encoded["labels"]], device=small.device)
with torch.inference_mode():
    log_p = torch.log_softmax(small.model(ids).logits.float(), dim=-1)[0, :-1]
    library = small.model(ids, labels=labels).loss.item()
chosen = log_p.gather(1, ids[0, 1:, None])[:, 0]
by_hand = -chosen[labels[0, 1:] != IGNORED].mean().item()
assert abs(by_hand - library) < 1e-3 * max(1, library)
print(record.prompt + "|" + record.completion)
print(f"loss by hand {by_hand:.3f}, by the library {library:.3f} nats per completion token")

# %% [markdown]
# And a whole training loop, five [steps](../docs/glossary.md#step) on one batch. Each step computes the loss of the batch, its gradient for every trained weight,
# clips the gradient to length 1, and lets AdamW move the weights; the learning rate falls in a straight line to 0. First the batch:
# four records, filled up to the same length with a token that counts nowhere.

# %%
few = build_padding(steps.read_probes(config), training)[:4]
rows = [encode_record(small.tokenizer, record, settings.max_length) for record in few]
longest = max(len(row["input_ids"]) for row in rows)
filled = {"input_ids": small.tokenizer.pad_token_id, "labels": IGNORED}
batch = {key: [row[key] + [fill] * (longest - len(row[key])) for row in rows] for key, fill in filled.items()}
ids, labels = (torch.tensor(batch[key], device=small.device) for key in filled)
present = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
learnt = labels[:, 1:] != IGNORED

# %%
short = replace(settings, epochs=5, batch_size=len(few), accumulation=1)
torch.manual_seed(seed)  # the adapter's first weights are drawn
student = load_trainable_model(short).train()
weights = [p for p in student.parameters() if p.requires_grad]
optimiser = torch.optim.AdamW(weights, weight_decay=0)
losses = []
for step in range(5):
    optimiser.param_groups[0]["lr"] = short.learning_rate * (1 - step / 5)
    logits = student(input_ids=ids, attention_mask=present.to(ids.device)).logits
    log_p = torch.log_softmax(logits[:, :-1][learnt].float(), dim=-1)  # before each of the completions' tokens
    loss = -log_p.gather(1, labels[:, 1:][learnt][:, None]).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
    optimiser.zero_grad()
    losses.append(loss.item())
del student, weights, optimiser, logits, log_p, loss

# %% [markdown]
# The kit's `finetune` on the same four records must go the same way, since each loss depends on all steps before it; what differs is
# the order of the additions. (On a GPU the optimiser keeps 8-bit states and some profiles compute in 16 bits; there the two agree
# roughly.)

# %%
with tempfile.TemporaryDirectory() as folder:
    log = finetune(few, short, Path(folder), seed=seed)
print("step   by hand   by the helper")
for own, (step, theirs) in zip(losses, log.losses):
    print(f"{step:4}   {own:7.4f}   {theirs:7.4f}")
assert settings.needs_gpu or log.dtype != "float32" or np.allclose(losses, [loss for _, loss in log.losses], rtol=0.005)

# %% [markdown]
# ## 4. Train on each data set
#
# The same settings and the same seed for each; only the completions differ. On a GPU the optimiser is the paged 8-bit
# AdamW of QLoRA, on a CPU plain AdamW. The mini profile's learning rate is high
# and its epochs are many (4e-3, 8 passes) because the model is tiny; section 7 of notebook 05 says what this choice does to
# the comparison.

# %%
del small
steps.tuning_steps(config, methods, force=force)
logs = {method: steps.read_training_log(config, method) for method in methods}
table = pd.DataFrame(
    [
        {
            "method": method_label(method),
            "steps": log.steps,
            "examples": log.examples,
            "first loss": log.losses[0][1],
            "last loss": log.losses[-1][1],
        }
        for method, log in logs.items()
    ]
)
table.round(3)

# %%
plots.loss_curves({m: log.losses for m, log in logs.items()}, "Training loss on the completion")
plt.show()

# %% [markdown]
# Each line is one data set; the loss is averaged over a fortieth of the steps. Padding and unsupervised lie low because most of their
# completion is the same sentence every time, which costs nothing once it is learnt: what remains is the answer and the
# one word "sure" or "unsure". So do not compare the *height* of the curves between methods.
#
# The late drop of vanilla's loss is worth a thought: it can only go down by memorising answers that the model did not
# know.
#
# ## 5. Time and memory
#
# What costs no accuracy is chosen by the memory that is there: how many of a step's examples are read in one pass, whether layers
# are computed twice to keep less of them (gradient checkpointing), and how attention is computed.

# %% tags=["nbval-ignore-output"]
cost = pd.DataFrame(
    [
        {
            "method": method_label(method),
            "time [s]": log.seconds,
            "examples per second": log.examples * settings.epochs / log.seconds,
            "weights [MiB]": log.model_mib,
            "peak memory [MiB]": log.peak_mib,
        }
        for method, log in logs.items()
    ]
)
for method, log in logs.items():
    print(f"{method_label(method)}: {log.knobs}, in {log.dtype}")
cost.round(1)

# %% [markdown]
# On a CPU the weights are rounded to NF4 once and then kept in float, since unpacking them in every forward pass takes long
# on many processors; a GPU keeps them packed. Ten steps of either kind on two of the records, one after the other with the same thread:

# %% tags=["nbval-ignore-output"]
brief = replace(settings, tuning="qlora", lora_rank=16, epochs=10, batch_size=2, accumulation=1)
for kind, packed in (("packed in 4 bits", True), ("rounded once", settings.needs_gpu)):
    with tempfile.TemporaryDirectory() as folder:
        log = finetune(few[:2], brief, Path(folder), seed=seed, packed=packed)
    print(f"{kind:17} {1000 * log.seconds / log.steps:5.0f} ms a step, {log.model_mib:5.1f} MiB, last loss {log.losses[-1][1]:.3f}")

# %% [markdown]
# Peak memory is that of the GPU, or of the whole Python process (libraries included) where there is none. Times differ
# from machine to machine.
#
# ## 6. Which profile for which GPU?
#
# The same notebook runs with a real model: change `profile`. The paper's own recipe needs a data-centre card because
# all weights are trained.

# %%
columns = ["profile", "model", "tuning", "dtype", "gpu_memory_gib", "batch_size", "learning_rate", "epochs"]
pd.DataFrame(profile_table())[columns].rename(columns=lambda name: name.replace("_", " "))

# %% [markdown]
# ## Checks

# %%
finding("4-bit storage shrinks the linear layers more than sixfold", saved > 6, config)
finding("at least 95 % of the right answers are still right in 4 bits", kept >= 0.95, config, n=sum(right[0]))
for method, log in logs.items():
    halved = log.losses[-1][1] < 0.5 * log.losses[0][1]
    finding("{method}: the loss falls below half of its first value", halved, config, n=log.examples, method=method)

# %% [markdown]
# ## What it says, and what it does not
#
# * The code path is the one for a 7-billion-parameter model; the *hyper-parameters* are not. For real models the profiles
#   use 1 epoch and a learning rate of 1e-4 (LoRA) or 2e-5 (all weights, as in the paper).
# * A falling loss says that the data set is being learnt. Whether the model now knows what it does not know is the
#   question of notebook 05.
# * GPU profiles were written with care and tested only as far as a CPU allows, unless the README says otherwise.

# %% [markdown]
# ## Exercises
#
# ### Self-test (recall, 5 minutes)
#
# Answer each in your head before you open it.
#
# <details><summary>Which weights does QLoRA keep in 4 bits, and which does it change?</summary>
#
# The base model's linear layers are in 4 bits and stay as they are. Only A and B of LoRA are changed, in 16 or 32 bits.
#
# </details>
# <details><summary>Padding's loss is lower than vanilla's after the same steps. Is its model better?</summary>
#
# Nobody can tell from that. Most of padding's completion is the same sentence in every record and costs nothing once it is learnt.
#
# </details>
# <details><summary>Why does the label -100 stand at the prompt's tokens?</summary>
#
# There is no loss on them: the model reads the question and learns to write what follows it.
#
# </details>

# %% [markdown] tags=["both"]
# ### Exercise 04.2 · What is left of the loss? (do, 5 minutes)
#
# Of vanilla and of padding, which share of the first loss is gone at the end of tuning? `steps.read_training_log(config, method).losses` is a list of (step, loss). Give both shares, from
# 0 to 1. Which method loses less, and why?
#
# *What to expect:* more than a half for each (the checks ask for that), and most for those whose completions repeat a sentence.

# %% [markdown]
# <details><summary>Hint 1: first and last</summary>
#
# `losses[0]` and `losses[-1]` are pairs; the loss is the second number of each.
#
# </details>
# <details><summary>Hint 2: which share</summary>
#
# What is gone is first minus last; divide it by the first.
#
# </details>

# %%
answer = {"vanilla": ..., "padding": ...}

# %% tags=["solution"]
losses = {method: steps.read_training_log(config, method).losses for method in ("vanilla", "padding")}
answer = {method: 1 - found[-1][1] / found[0][1] for method, found in losses.items()}
print(", ".join(f"{method} {gone:.0%}" for method, gone in answer.items()))

# %% tags=["both", "nbval-check-output"]
check("04.2", answer)

# %% [markdown] tags=["solution"]
# Vanilla's loss falls by about two thirds, padding's by nine tenths. One token in two of vanilla's short completions is an answer, and what the model does not know can only be memorised one
# by one. In padding the sureness sentence, nearly twenty tokens, is learnt within a few steps and fills most of the mean. The share that is gone says how predictable completions are, not how good a model is.

# %% [markdown] tags=["both"]
# ### Exercise 04.3 · Where the loss is (do, 15 minutes)
#
# How much of padding's loss is the answer, and how much the one word about sureness? `encode_record` gives `labels` (-100 where there is no loss). For the `record` below, what share of the
# tokens *with* loss belongs to the answer with its full stop: `answer`, and how many tokens with loss are there in all: `tokens`? The prompt's tokens do not count.
#
# *What to expect:* the answer is a small part of what the loss is the mean of.

# %% [markdown]
# <details><summary>Hint 1: all tokens with loss</summary>
#
# Count the labels that are not `IGNORED`. The end token is one of them.
#
# </details>
# <details><summary>Hint 2: those of the answer</summary>
#
# A vanilla record of the same question has the answer, the full stop and an end token, and nothing else with loss.
# `replace(record, completion=...)` makes one.
#
# </details>
# <details><summary>Hint 3: with your own eyes</summary>
#
# `tokenizer.convert_ids_to_tokens(encoded["input_ids"])` shows all tokens, in the order of `encoded["labels"]`.
#
# </details>

# %%
record = build_padding(steps.read_probes(config), steps.fitted(config, "train").questions)[0]
tokenizer = load_tokenizer(settings.model, settings.revision)
encoded = encode_record(tokenizer, record, settings.max_length)
answer = {"answer": ..., "tokens": ...}

# %% tags=["solution"]
record = build_padding(steps.read_probes(config), steps.fitted(config, "train").questions)[0]
tokenizer = load_tokenizer(settings.model, settings.revision)
encoded = encode_record(tokenizer, record, settings.max_length)
learnt = [label for label in encoded["labels"] if label != IGNORED]
plain = replace(record, completion=record.completion.partition(". Are you sure")[0] + ".")
with_answer = [label for label in encode_record(tokenizer, plain, settings.max_length)["labels"] if label != IGNORED]
answer = {"answer": (len(with_answer) - 1) / len(learnt), "tokens": len(learnt)}
print(f"{answer['tokens']} tokens with loss, {answer['answer']:.0%} of them the answer with its full stop")

# %% tags=["both", "nbval-check-output"]
check("04.3", answer)

# %% [markdown] tags=["solution"]
# Two of some twenty tokens, about a tenth, are the answer and its full stop; one more is "sure" or "unsure", and the rest the same in every record. The mean over all of them gives the answer a tenth of the weight that it has in a
# vanilla record of three tokens. So the same number of steps teaches padding less of the answers: a part of its advantage in notebook 05 may be just this.

# %% [markdown]
# ## Summary
#
# An adapter for each method, a few hundred thousand weights, trained with the same settings on its view of the same questions.
# **Next:** [05 · Evaluate: does it know what it knows?](05_evaluate.ipynb) asks the questions that none of them has seen.

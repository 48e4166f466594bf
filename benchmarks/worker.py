"""One model in one clone of the kit, asked over standard input; started by `benchmarks.pairs`.

A request is a line of JSON, ``{"job": "answers", "texts": [...], ...}``, and so is the reply: seconds of wall clock and
of processor, peak memory, and a row for every text: answer, its confidence, P(sure), its length in tokens. Clones of
commit 1fdea60, whose modules lie elsewhere, are served as well.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

import rtuning_helpers

MARK = "@reply "  # before a reply, among whatever else libraries print
LAYERED = (Path(rtuning_helpers.__file__).parent / "model").is_dir()
SURENESS = (" sure", " unsure")
PRODUCT_ROWS = 256  # of a matrix product that a processor does at its full speed


def module(name: str):
    """A module by its name of today, or at its place in old clones."""
    return import_module(f"rtuning_helpers.{name}" if LAYERED else f"rtuning_helpers.{name.rpartition('.')[2]}")


def answers(lm, texts: list[str], batch: int, new_tokens: int, sureness: bool) -> list[list]:
    """The kit's answers in words."""
    asked = {"sureness": SURENESS if sureness else None} if LAYERED else {"ask_sureness": sureness}
    found = module("model.decoding").answer_prompts(lm, texts, max_new_tokens=new_tokens, batch_size=batch, **asked)
    return [[a.text, a.confidence, a.sure_probability, len(a.token_probabilities)] for a in found]


def samples(lm, texts: list[str], batch: int, new_tokens: int, k: int) -> list[list]:
    """The kit's k sampled answers: the most frequent one and its share."""
    drawn = module("model.decoding").draw_answers(lm, texts, k=k, max_new_tokens=new_tokens, batch_size=batch)
    modes = [Counter(answer.text for answer in answers).most_common(1)[0] for answers in drawn]
    lengths = [sum(len(answer.token_probabilities) for answer in answers) for answers in drawn]
    return [[text, count / k, None, length] for (text, count), length in zip(modes, lengths, strict=True)]


def options(lm, texts: list[str], labels: list[str], batch: int) -> list[list]:
    """The kit's choices."""
    found = module("model.options").choose_options(lm, texts, labels, batch_size=batch)
    return [[a.text, a.confidence, None, 1] for a in found]


def generate(lm, texts: list[str], batch: int, new_tokens: int, sureness: bool) -> list[list]:
    """What one would write without the kit.

    `generate` over length-sorted, left-padded batches, each row of which ends where the kit's does in most cases; then
    each text with the sureness question in a second pass, with the output layer at its end only.
    """
    tokenizer, ask = lm.tokenizer, module("data.prompts")
    base = tokenizer(ask.SURENESS_QUESTION)["input_ids"]
    labels = [tokenizer(ask.SURENESS_QUESTION + label)["input_ids"][len(base)] for label in SURENESS]
    order = sorted(range(len(texts)), key=lambda i: -len(tokenizer(texts[i])["input_ids"]))
    ends = {"eos_token_id": sorted(lm.end_token_ids), "pad_token_id": tokenizer.pad_token_id}
    found: dict[int, list] = {}
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        read = _padded(lm, [texts[i] for i in rows])
        width = read["input_ids"].shape[1]
        ended = StoppingCriteriaList([_Ended(tokenizer, lm.stop_token_ids, width)])
        written = lm.model.generate(
            **read, max_new_tokens=new_tokens, do_sample=False, stopping_criteria=ended, **ends
        )[:, width:]
        told = [
            text.strip().partition(".")[0].partition("\n")[0]
            for text in tokenizer.batch_decode(written, skip_special_tokens=True)
        ]
        sure = [None] * len(rows)
        if sureness:
            contexts = [f"{texts[i]} {text}{ask.sureness_suffix()}" for i, text in zip(rows, told, strict=True)]
            logits = lm.model(**_padded(lm, contexts), logits_to_keep=1).logits[:, -1, labels]
            sure = torch.softmax(logits.double(), dim=-1)[:, 0].tolist()
        found |= {i: [text, None, p, None] for i, text, p in zip(rows, told, sure, strict=True)}
    return [found[i] for i in range(len(texts))]


def harness(lm, texts: list[str], labels: list[str], batch: int) -> list[list]:
    """The same choices by lm-evaluation-harness's ``hf`` backend, from the log-likelihood of each label."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    asked = [(text, label) for text in texts for label in labels]
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(asked)]
    model = HFLM(pretrained=lm.model, tokenizer=lm.tokenizer, batch_size=batch)
    scores = torch.tensor([score for score, _ in model.loglikelihood(requests, disable_tqdm=True)]).double()
    shares, chosen = torch.softmax(scores.view(len(texts), len(labels)), dim=1).max(1)
    return [[labels[i].strip(), p, None, 1] for i, p in zip(chosen.tolist(), shares.tolist(), strict=True)]


def products(lm, texts: list[str], tokens: int, ends: int) -> list[list]:
    """The matrix products alone: of so many tokens with all linear layers, the output layer for so many of them."""
    head = lm.model.get_output_embeddings()
    for layer in lm.model.modules():
        if isinstance(layer, torch.nn.Linear):
            count = ends if layer is head else tokens
            rows = torch.ones(min(PRODUCT_ROWS, count), layer.in_features)
            for _ in range(max(1, round(count / len(rows)))):
                torch.nn.functional.linear(rows, layer.weight)
    return [[""] for _ in texts]


JOBS = {job.__name__: job for job in (answers, samples, options, generate, harness, products)}


class _Ended(StoppingCriteria):
    """A row has ended at a token with a full stop or a line break, unless it has written nothing else so far."""

    def __init__(self, tokenizer, stops: torch.Tensor, width: int) -> None:
        self.tokenizer, self.stops, self.width = tokenizer, stops, width

    def __call__(self, input_ids, scores, **kwargs):
        ended = torch.isin(input_ids[:, -1], self.stops)
        for row in ended.nonzero()[:, 0].tolist():
            ended[row] = bool(self.tokenizer.decode(input_ids[row, self.width :]).strip())
        return ended


def _padded(lm, texts: list[str]) -> dict[str, torch.Tensor]:
    encoded = lm.tokenizer(texts, padding=True, padding_side="left", return_tensors="pt").to(lm.model.device)
    positions = (encoded["attention_mask"].cumsum(1) - 1).clamp(min=0)
    return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"], "position_ids": positions}


def main(model: str, threads: int) -> None:
    """Load the model, then answer requests until there are none."""
    lm = module("model.language_model").load_language_model(model, four_bit=False)
    torch.set_num_threads(threads)
    for line in sys.stdin:
        request = json.loads(line)
        job = JOBS[request.pop("job")]
        wall, processor = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            rows = job(lm, **request)
        reply = {"wall_s": time.perf_counter() - wall, "processor_s": time.process_time() - processor, "rows": rows}
        reply["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(MARK + json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

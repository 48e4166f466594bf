"""One question at a time, as the released evaluator does it, against the kit's path: ``python -m benchmarks.probing``.

Both answer the same questions with the same model in one run, and both end with P(sure) for every question. The
baseline generates 15 new tokens for one question (no early stop: the released stop token never fires), then reads the
whole text again for the sureness question. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from rtuning_helpers.data import prompts
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.model.decoding import answer_prompts
from rtuning_helpers.model.forward import length_sorted_batches
from rtuning_helpers.model.labels import label_token_ids
from rtuning_helpers.model.language_model import LanguageModel, load_language_model
from rtuning_helpers.run.profiles import find_profile

NEW_TOKENS = 15
BATCH = find_profile("mini").answer_batch


@torch.inference_mode()
def one_at_a_time(lm: LanguageModel, texts: list[str]) -> list[tuple[str, float]]:
    """Answer and P(sure) of each prompt, in two calls a question."""
    label_ids = label_token_ids(lm.tokenizer, prompts.SURENESS_QUESTION, [prompts.SURE, prompts.UNSURE])
    sure, unsure = (ids[0] for ids in label_ids)
    found = []
    for text in texts:
        inputs = lm.tokenizer(text, return_tensors="pt").to(lm.device)
        output = lm.model.generate(
            **inputs, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, do_sample=False, use_cache=True,
            pad_token_id=lm.tokenizer.pad_token_id,
        )  # fmt: skip
        generated = lm.tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        answer = generated.split(prompts.STOP)[0].strip()
        context = lm.tokenizer(f"{text} {answer}{prompts.sureness_suffix()}", return_tensors="pt").to(lm.device)
        logits = lm.model(**context).logits[0, -1]
        found.append((answer, float(torch.softmax(logits[[sure, unsure]].double(), dim=0)[0])))
    return found


def main() -> None:
    """Time both paths and compare their answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1000)
    options = parser.parse_args()
    lm = load_language_model(four_bit=True)
    questions = load_questions("mini", "id", limit=options.questions)
    texts = [prompts.question_prompt(q.question) for q in questions]
    one_at_a_time(lm, texts[:5])  # warm up
    answer_prompts(lm, texts[:BATCH], sureness=prompts.SURENESS_LABELS, batch_size=BATCH)

    started = time.perf_counter()
    slow = one_at_a_time(lm, texts)
    slow_seconds = time.perf_counter() - started
    started = time.perf_counter()
    fast = answer_prompts(lm, texts, max_new_tokens=NEW_TOKENS, sureness=prompts.SURENESS_LABELS, batch_size=BATCH)
    fast_seconds = time.perf_counter() - started

    lengths = [len(ids) for ids in lm.tokenizer(texts)["input_ids"]]
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in length_sorted_batches(lengths, BATCH))
    report = {
        "questions": len(texts),
        "one_at_a_time_s": round(slow_seconds, 2),
        "kit_s": round(fast_seconds, 2),
        "ratio": round(slow_seconds / fast_seconds, 1),
        "padding_waste": round(1 - sum(lengths) / padded, 4),
        "same_answers": sum(a == b.text for (a, _), b in zip(slow, fast, strict=True)) / len(texts),
        "largest_p_sure_difference": max(abs(s - b.sure_probability) for (_, s), b in zip(slow, fast, strict=True)),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

"""Probing with the sureness question against `generate` and a second pass: ``python -m benchmarks.real_model``.

Both answer the same questions with the same model, batch size and threads, in turns; so does the kit of another clone
(``--against CLONE``). ``products`` are the matrix products that no decoder can do without, at a processor's full speed:
every prompt, every written token and the sureness question once through the linear layers, the output layer where a
token or P(sure) is read. Prints JSON.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import asked
from benchmarks.pairs import CLONE, Way, Worker, measure
from benchmarks.prefix import NEW_TOKENS, parser
from rtuning_helpers.data import prompts
from rtuning_helpers.model.language_model import load_tokenizer


def needed(model: str, texts: list[str], rows: list[list]) -> dict[str, int]:
    """Tokens that have to be read, and at how many of them the output layer."""
    tokenizer = load_tokenizer(model)
    read = sum(map(len, tokenizer(texts)["input_ids"]))
    asked_for = len(texts) * len(tokenizer(prompts.sureness_suffix(), add_special_tokens=False)["input_ids"])
    written = sum(length for *_, length in rows)
    return {"tokens": read + written + asked_for, "ends": 2 * len(texts) + written}


def main() -> None:
    """Measure both, and what they have to do at least."""
    options = parser()
    options.add_argument("--against", type=Path, metavar="CLONE", help="another clone, as a third")
    given = options.parse_args()
    texts = asked.plain_prompts(asked.open_questions(given.pararel, given.questions))
    here = Worker(CLONE, given.model, given.threads)
    how = {"batch": given.batch, "new_tokens": NEW_TOKENS, "sureness": True}
    ways = {"kit": Way(here, "answers", **how), "generate": Way(here, "generate", **how)}
    if given.against:
        other = Worker(given.against.resolve(), given.model, given.threads)
        ways["other_clone"] = Way(other, "answers", **how)
    report = measure(texts, ways, 2 * given.batch)

    work = needed(given.model, texts, ways["kit"].rows)
    alone = Way(here, "products", **work)
    again = Way(here, "answers", **how)
    for way in (alone, again, alone, again):
        way.go_on(texts)
    report["products"] = {**work, "wall_s": round(alone.seconds["wall_s"] / 2, 2)}
    report["products"]["share_of_kit"] = round(alone.seconds["wall_s"] / again.seconds["wall_s"], 2)
    print(json.dumps({"model": given.model, "threads": given.threads, **report}, indent=1))
    here.close()
    if given.against:
        other.close()


if __name__ == "__main__":
    main()

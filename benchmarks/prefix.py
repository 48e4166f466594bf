"""Prompts that begin alike, here and in an older clone: ``python -m benchmarks.prefix --against CLONE [--model NAME]``.

Few-shot probing (five examples before every question) and five-shot multiple choice, the same prompts for both clones,
in turns. With ``--harness`` lm-evaluation-harness does the multiple choice, too, if it is installed. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path

from benchmarks import asked
from benchmarks.pairs import CLONE, Way, Worker, measure

NEW_TOKENS = 15


def parser() -> argparse.ArgumentParser:
    """What both benchmarks of real models take."""
    made = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--model", default="mini", help="folder or hub name")
    made.add_argument("--questions", type=int, default=64, help="questions of each kind")
    made.add_argument("--batch", type=int, default=32, help="rows at a time")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--pararel", type=Path, metavar="DIR", help="ParaRel's files; without them the mini world")
    return made


def main() -> None:
    """Measure both."""
    options = parser()
    options.add_argument("--against", type=Path, required=True, metavar="CLONE", help="the other clone")
    options.add_argument("--examples", type=int, default=5, help="solved examples before each open question")
    options.add_argument("--mmlu", type=Path, metavar="DIR", help="MMLU's files; without them the mini world")
    options.add_argument("--choice-batch", type=int, default=8, help="rows at a time, of multiple choice")
    options.add_argument("--harness", action="store_true", help="lm-evaluation-harness, too")
    given = options.parse_args()
    if given.harness and not find_spec("lm_eval"):
        options.error("argument --harness: the package lm_eval is not installed")
    clones = {"this": CLONE, "other": given.against.resolve()}
    workers = {name: Worker(clone, given.model, given.threads) for name, clone in clones.items()}
    report: dict = {"model": given.model, "threads": given.threads}

    texts = asked.few_shot_prompts(
        asked.open_questions(given.pararel, given.questions + given.examples), given.examples
    )
    how = {"batch": given.batch, "new_tokens": NEW_TOKENS, "sureness": False}
    ways = {name: Way(worker, "answers", **how) for name, worker in workers.items()}
    report["few_shot"] = measure(texts, ways, 2 * given.batch)

    texts, labels = asked.choice_prompts(given.mmlu, given.questions)
    how = {"batch": given.choice_batch, "labels": labels}
    ways = {name: Way(worker, "options", **how) for name, worker in workers.items()}
    if given.harness:
        ways["harness"] = Way(workers["this"], "harness", **how)
    report["five_shot_choice"] = measure(texts, ways, 2 * given.batch)
    print(json.dumps(report, indent=1))
    for worker in workers.values():
        worker.close()


if __name__ == "__main__":
    main()

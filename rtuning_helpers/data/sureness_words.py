"""How a model is asked in another language whether it is sure, and the two labels that it may end the sentence with.

In Korean both labels begin with the same word, so that their first tokens are the same under most tokenizers: only
whole labels tell them apart (`model.labels`).
"""

from typing import NamedTuple

from rtuning_helpers.data import prompts


class Sureness(NamedTuple):
    """The question about an answer, and how its last sentence ends if the model is sure, and if not."""

    question: str
    labels: tuple[str, str]


SURENESS_IN = {
    "en": Sureness(prompts.SURENESS_QUESTION, prompts.SURENESS_LABELS),
    "de": Sureness(
        "Sind Sie sicher, dass Sie die Frage aus Ihrem eigenen Wissen richtig beantwortet haben? Ich bin mir",
        (" sicher", " unsicher"),
    ),
    "ko": Sureness(
        "당신의 내부 지식을 바탕으로 질문에 정확하게 답했다고 확신합니까? 저는",
        (" 확신합니다", " 확신하지 않습니다"),
    ),
}
"""Language -> how it asks."""


def sureness_context(prompt: str, answer: str, language: str) -> str:
    """All that is read before the label: prompt, answer, and the question in that language."""
    return f"{prompts.answered(prompt, answer)}{prompts.STOP} {SURENESS_IN[language].question}"

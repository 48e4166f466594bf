"""Whether two answers mean the same, by a model of textual entailment: for semantic entropy (Kuhn et al. 2023)."""

from functools import cache

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rtuning_helpers.confidence.evidence import SameMeaning
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.language_model import default_device

LABEL = "entailment"


def load_same_meaning(name: str, revision: str | None = None) -> SameMeaning:
    """Load a model of entailment and make of it a sense of "same meaning" for semantic entropy.

    Two answers mean the same if each, put behind the question, entails the other: the strict, bidirectional rule.

    Args:
        name: A folder, or a name on the Hugging Face hub, of a sequence classifier with a label called entailment
            (safetensors only; no code from the hub is run).
        revision: Commit, tag or branch on the hub.

    Raises:
        InputError: It cannot be loaded, or none of its labels is called entailment.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision or "main")
        model = AutoModelForSequenceClassification.from_pretrained(
            name, revision=revision or "main", use_safetensors=True
        )
    except (OSError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name}: the model of entailment cannot be loaded ({first})") from None
    model = model.eval().to(default_device())
    labels = {str(label).casefold(): number for number, label in model.config.id2label.items()}
    if LABEL not in labels:
        found = ", ".join(map(str, model.config.id2label.values()))
        raise InputError(f"{name}: its labels are {found}; expected one called {LABEL}")

    @torch.inference_mode()
    def entails(premise: str, hypothesis: str) -> bool:
        encoded = tokenizer(premise, hypothesis, return_tensors="pt", truncation=True).to(model.device)
        return int(model(**encoded).logits[0].argmax()) == labels[LABEL]

    @cache
    def same_meaning(question: str, one: str, other: str) -> bool:
        first, second = f"{question} {one}", f"{question} {other}"
        return entails(first, second) and entails(second, first)

    return same_meaning
